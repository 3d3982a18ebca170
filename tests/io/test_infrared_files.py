"""Infrared and Raman files: numbers, units and quantities arrive as the instrument wrote them."""

import builtins
import importlib.util
from pathlib import Path

import numpy as np
import pytest

from hs_specaug.exceptions import IncompatibleAxisError
from hs_specaug.io import read_infrared

pytest.importorskip("brukeropus", reason="needs the extra `infrared`")
pytest.importorskip("jcamp", reason="needs the extra `infrared`")

WRITER = importlib.util.spec_from_file_location("opus", Path(__file__).with_name("_opus_file.py"))
opus = importlib.util.module_from_spec(WRITER)
WRITER.loader.exec_module(opus)

WAVENUMBER = np.linspace(4000.0, 400.0, 37)  # falls, as instruments write it
ABSORBANCE = (0.1 + np.exp(-(((WAVENUMBER - 1700) / 200) ** 2))).astype(np.float32)

JCAMP = """##TITLE= {title}
##JCAMP-DX= 4.24
##DATA TYPE= {kind}
##XUNITS= {units}
##YUNITS= ABSORBANCE
##XFACTOR= 1.0
##YFACTOR= 0.001
##FIRSTX= 4000
##LASTX= 400
##NPOINTS= {n}
##XYDATA= (X++(Y..Y))
{rows}
##END=
"""


def jcamp_text(title="ethanol", kind="INFRARED SPECTRUM", units="1/CM", n=37):
    counts = np.rint(ABSORBANCE * 1000).astype(int)
    rows = "\n".join(f"{x:g} {y}" for x, y in zip(WAVENUMBER, counts, strict=True))
    return JCAMP.format(title=title, kind=kind, units=units, n=n, rows=rows)


def test_opus(tmp_path):
    results = {opus.ABSORBANCE: ABSORBANCE, opus.TRANSMITTANCE: 10**-ABSORBANCE}
    path = opus.write_opus(tmp_path / "pe.0", results, 4000.0, 400.0)
    s = read_infrared(path)
    assert type(s).__name__ == "AugmentableSpectrum"
    (axis,) = s.axes_manager.signal_axes
    assert (axis.name, axis.units) == ("Wavenumber", "1/cm")
    np.testing.assert_allclose(axis.axis, WAVENUMBER[::-1])
    np.testing.assert_array_equal(s.data, ABSORBANCE[::-1])
    assert s.metadata.Signal.quantity == "Absorbance"
    assert s.metadata.General.title == "polyethylene"
    assert s.original_metadata.sfm == "film"

    transmittance = read_infrared(path, result="t")
    np.testing.assert_allclose(transmittance.data, 10 ** -ABSORBANCE[::-1], rtol=1e-6)
    with pytest.raises(ValueError, match=r"no result 'ra'; it has .*'t'"):
        read_infrared(path, result="ra")


def test_opus_in_wavelength(tmp_path):
    path = opus.write_opus(tmp_path / "pe.0", {opus.ABSORBANCE: ABSORBANCE}, 2.5, 25.0, units="MI")
    (axis,) = read_infrared(path).axes_manager.signal_axes
    assert (axis.name, axis.units) == ("Wavelength", "µm")
    assert (axis.low_value, axis.high_value) == (2.5, 25.0)


def test_folder_of_opus_files_is_a_labelled_library(tmp_path):
    for name in ("PE", "PP"):
        (tmp_path / name).mkdir()
        for i in range(3):
            rows = {opus.ABSORBANCE: ABSORBANCE * (1 + i)}
            opus.write_opus(tmp_path / name / f"sample.{i}", rows, 4000.0, 400.0)
    s = read_infrared(sorted(tmp_path.glob("*/*.*")), labels=lambda path: path.parent.name)
    assert s.class_counts() == {"PE": 3, "PP": 3}
    assert s.data.shape == (6, 37)
    assert s.augment("random", counts={"PE": 2}, random_state=0).class_counts()["PE"] == 5
    short = opus.write_opus(
        tmp_path / "short.0", {opus.ABSORBANCE: ABSORBANCE[:30]}, 4000.0, 1100.0
    )
    with pytest.raises(IncompatibleAxisError, match=r"short\.0"):
        read_infrared([tmp_path / "PE" / "sample.0", short])


@pytest.mark.parametrize(
    ("kind", "units", "expected"),
    [
        ("INFRARED SPECTRUM", "1/CM", ("Wavenumber", "1/cm")),
        ("INFRARED SPECTRUM", "cm-1", ("Wavenumber", "1/cm")),
        ("RAMAN SPECTRUM", "1/CM", ("Raman shift", "1/cm")),
        ("UV/VIS SPECTRUM", "NANOMETERS", ("Wavelength", "nm")),
        ("INFRARED SPECTRUM", "MICROMETERS", ("Wavelength", "µm")),
    ],
)
def test_jcamp(kind, units, expected, tmp_path):
    path = tmp_path / "spectrum.jdx"
    path.write_text(jcamp_text(kind=kind, units=units))
    s = read_infrared(path)
    (axis,) = s.axes_manager.signal_axes
    assert (axis.name, axis.units) == expected
    np.testing.assert_allclose(axis.axis, WAVENUMBER[::-1])
    np.testing.assert_allclose(s.data, ABSORBANCE[::-1], atol=5.1e-4)
    assert (s.metadata.General.title, s.metadata.Signal.quantity) == ("ethanol", "Absorbance")


def test_jcamp_with_several_spectra(tmp_path):
    blocks = "".join(jcamp_text(title=name) for name in ("a", "b"))
    path = tmp_path / "library.dx"
    path.write_text(f"##TITLE= library\n##DATA TYPE= LINK\n##BLOCKS= 3\n{blocks}##END=\n")
    s = read_infrared(path, labels=["PE", "PP"])
    assert s.data.shape == (2, 37)
    assert [s.original_metadata[f"spectrum_{i}"].name for i in range(2)] == ["a", "b"]


def test_damaged_jcamp_is_refused_without_printing(tmp_path, capsys):
    path = tmp_path / "cut.jdx"
    lines = jcamp_text().splitlines()
    path.write_text("\n".join(lines[:30] + lines[-1:]))
    with pytest.raises(ValueError, match=r"cut\.jdx.*NPOINTS is 37, but 19 "):
        read_infrared(path)
    assert capsys.readouterr().out == ""


# The example of the standard: McDonald and Wilks, Appl. Spectrosc. 42, 151 (1988).
# fmt: off
STANDARD = np.array([
    0, 0, 0, 0, 2, 4, 4, 4, 7, 5, 4, 4, 5, 5, 7, 10, 11, 11, 6, 5, 7, 6, 9, 9, 7, 10, 10, 9,
    10, 11, 12, 15, 16, 16, 14, 17, 38, 38, 35, 38, 42, 47, 54, 59, 66, 75, 78, 88, 96,
    104, 110, 121, 128,
], dtype=float)
# fmt: on
# The same, written by hand as differences; the last value of a line begins the next one.
FIRST_LINE, SECOND_LINE = (
    "599860@%%%KK%%Lkj%J%KLJ%njKjL%k",
    "623860GL%jJJJLJ%kLK1%lLMNPNPRLJ0QQOJ1P",
)


def compressed(path, lines):
    n = len(STANDARD)
    path.write_text(
        "##TITLE= compressed\n##JCAMP-DX= 4.24\n##DATA TYPE= INFRARED SPECTRUM\n"
        "##XUNITS= 1/CM\n##YUNITS= TRANSMITTANCE\n##XFACTOR= 0.001\n##YFACTOR= 0.5\n"
        f"##FIRSTX= 599.860\n##LASTX= {599.860 + n - 1}\n##NPOINTS= {n}\n"
        "##XYDATA= (X++(Y..Y))\n" + "\n".join(lines) + "\n##END=\n"
    )
    return path


def test_jcamp_of_differences(tmp_path):
    s = read_infrared(compressed(tmp_path / "differences.dx", [FIRST_LINE, SECOND_LINE]))
    np.testing.assert_allclose(s.data, 0.5 * STANDARD)
    np.testing.assert_allclose(s.axes_manager[-1].axis, 599.860 + np.arange(len(STANDARD)))


def test_jcamp_that_contradicts_itself_is_refused(tmp_path):
    other = SECOND_LINE.replace("G", "H")  # begins at 8, where the first line ends at 7
    with pytest.raises(ValueError, match="Y-Check failed"):
        read_infrared(compressed(tmp_path / "differences.dx", [FIRST_LINE, other]))


def test_compressed_form_that_the_reader_misreads_is_refused(tmp_path):
    """Repeats of a first value: the reader loses three of them, and the check finds it."""
    lines = ["599860@VKT%TLkj%J%KLJ%njKjL%kL%jJULJ%kLK1%lLMNPNPRLJ0QTOJ1P"]
    with pytest.raises(ValueError, match=r"NPOINTS is 53, but \d+ .*uncompressed"):
        read_infrared(compressed(tmp_path / "repeats.dx", lines))


def test_damaged_opus_is_refused(tmp_path):
    path = tmp_path / "broken.0"
    path.write_bytes(opus.MAGIC + bytes(range(200)))
    with pytest.raises(ValueError, match=r"damaged|holds no spectrum"):
        read_infrared(path)


def test_unknown_format_names_the_other_readers(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("400,1\n401,2\n")
    with pytest.raises(ValueError, match=r"read_table.*hs\.load"):
        read_infrared(path)


def test_missing_reader_names_the_extra(tmp_path, monkeypatch):
    path = tmp_path / "spectrum.jdx"
    path.write_text(jcamp_text())
    whole = builtins.__import__

    def broken(name, *args, **kwargs):
        if name == "jcamp":
            raise ImportError(name)
        return whole(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", broken)
    with pytest.raises(ImportError, match=r'pip install "hs_specaug\[infrared\]"'):
        read_infrared(path)
