"""Text tables: every way of writing the same numbers reads the same; errors say where."""

import itertools

import hyperspy.api as hs
import numpy as np
import pytest

from hs_specaug.io import read_table
from hs_specaug.io._tables import name_and_units, read_cells

AXIS = np.array([400.0, 400.5, 401.0, 402.5])
SPECTRA = np.array([[0.12, 0.13, -1e-3, 2.5e3], [0.11, 0.0, 3.0, 7.25], [1.0, 2.0, 3.0, 4.0]])
NAMES = ["PE", "PP", "PE"]

DIALECTS = [
    (delimiter, decimal)
    for delimiter, decimal in itertools.product(["\t", ";", ",", "|", "   "], [".", ","])
    if delimiter != decimal
]


def number(value, decimal):
    return f"{value:.6g}".replace(".", decimal)


def columns_text(delimiter, decimal, heading="Wavenumber (1/cm)", end=""):
    if not delimiter.strip(" "):
        heading = heading.replace(" ", "_")
    lines = [delimiter.join([heading, *NAMES]) + end]
    for row in np.vstack([AXIS, SPECTRA]).T:
        lines.append(delimiter.join(number(v, decimal) for v in row) + end)
    return "\n".join(lines) + "\n"


def rows_text(delimiter, decimal):
    lines = [delimiter.join(["polymer", *(number(v, decimal) for v in AXIS), "session"])]
    for name, row in zip(NAMES, SPECTRA, strict=True):
        lines.append(delimiter.join([name, *(number(v, decimal) for v in row), "mon"]))
    return "\n".join(lines) + "\n"


def check(s):
    assert type(s).__name__ == "AugmentableSpectrum"
    np.testing.assert_allclose(s.axes_manager.signal_axes[0].axis, AXIS)
    np.testing.assert_allclose(s.data, SPECTRA)
    assert s.classes == ("PE", "PP")
    assert s.labels.tolist() == [0, 1, 0]


@pytest.mark.parametrize(("delimiter", "decimal"), DIALECTS)
@pytest.mark.parametrize("end", ["", "trailing"])
def test_columns(delimiter, decimal, end, tmp_path):
    path = tmp_path / "spectra.txt"
    path.write_text(columns_text(delimiter, decimal, end=delimiter if end else ""))
    check(read_table(path, labels=True))


@pytest.mark.parametrize(("delimiter", "decimal"), DIALECTS)
def test_rows(delimiter, decimal, tmp_path):
    path = tmp_path / "spectra.txt"
    path.write_text(rows_text(delimiter, decimal))
    s = read_table(
        path, orientation="rows", labels="polymer", groups="session",
        axis_name="Wavenumber", units="1/cm",
    )  # fmt: skip
    check(s)
    assert s.groups.tolist() == ["mon"] * 3
    assert s.axes_manager.signal_axes[0].units == "1/cm"


@pytest.mark.parametrize(("delimiter", "decimal"), DIALECTS)
def test_bare_numbers(delimiter, decimal, tmp_path):
    """Without headings nothing but the numbers says how the file is written."""
    path = tmp_path / "spectra.txt"
    path.write_text(columns_text(delimiter, decimal).split("\n", 1)[1])
    s = read_table(path)
    np.testing.assert_allclose(s.data, SPECTRA)
    np.testing.assert_allclose(s.axes_manager.signal_axes[0].axis, AXIS)
    assert s.classes == ()


@pytest.mark.parametrize(
    ("heading", "expected"),
    [
        ("Wavenumber (1/cm)", ("Wavenumber", "1/cm")),
        ("Energy [eV]", ("Energy", "eV")),
        ("Energy / eV", ("Energy", "eV")),
        ("2θ (°)", ("2θ", "°")),
        ("Raman shift", ("Raman shift", "")),
        ("signal/noise", ("signal/noise", "")),
        ("", ("", "")),
    ],
)
def test_heading(heading, expected):
    assert name_and_units(heading) == expected


def test_heading_gives_name_and_units(tmp_path):
    path = tmp_path / "spectra.csv"
    path.write_text("sample;a1;a2\nEnergy / eV;Fe;Mn\n700,0;0,1;0,4\n700,5;0,2;0,3\n")
    s = read_table(path, labels="Energy / eV", groups="sample", quantity="Counts")
    (axis,) = s.axes_manager.signal_axes
    assert (axis.name, axis.units) == ("Energy", "eV")
    assert s.metadata.Signal.quantity == "Counts"
    assert s.class_counts() == {"Fe": 1, "Mn": 1}
    assert s.groups.tolist() == ["a1", "a2"]
    s = read_table(path, axis_name="Energy loss", units="keV", signal_type="EELS_specaug")
    assert (s.axes_manager[-1].name, s.axes_manager[-1].units) == ("Energy loss", "keV")
    assert type(s).__name__ == "AugmentableEELSSpectrum"
    with pytest.raises(ValueError, match=r"there is not just one.*'sample', 'Energy / eV'"):
        read_table(path, labels=True)
    with pytest.raises(ValueError, match="no heading has this name"):
        read_table(path, labels="class")


def test_falling_axis_is_turned(tmp_path):
    path = tmp_path / "spectra.csv"
    path.write_text("402,1\n401,2\n400,3\n")
    s = read_table(path)
    assert s.axes_manager[-1].axis.tolist() == [400.0, 401.0, 402.0]
    assert s.data.tolist() == [3.0, 2.0, 1.0]
    assert s.axes_manager.navigation_dimension == 0


def test_comments_encodings_and_quotes(tmp_path):
    path = tmp_path / "spectra.csv"
    text = '# measured on monday, 3 scans\n\nλ (µm),"PE, clear",PP\n2.5,1,2\n# break\n2.6,3,4\n'
    for encoding in ("utf-8", "utf-8-sig", "cp1252", "utf-16"):
        content = text.replace("λ", "l") if encoding == "cp1252" else text
        path.write_bytes(content.encode(encoding))
        s = read_table(path, labels=True)
        assert s.classes == ("PE, clear", "PP")
        assert s.axes_manager[-1].units == "µm"
    path.write_text("% note\n1 2\n2 3\n")
    assert read_table(path, comment="%").data.tolist() == [2.0, 3.0]


def test_exponents_of_fortran(tmp_path):
    path = tmp_path / "spectra.dat"
    path.write_text("  1.0D+02  1.5D-1\n  2.0D+02  .5\n")
    s = read_table(path)
    assert s.axes_manager[-1].axis.tolist() == [100.0, 200.0]
    assert s.data.tolist() == [0.15, 0.5]


def test_unlabelled_spectra_and_files(tmp_path):
    path = tmp_path / "spectra.csv"
    path.write_text("class,400,401\nPE,1,2\n,3,4\nPP,5,6\n")
    s = read_table(path, orientation="rows", labels="class")
    assert s.labels.tolist() == [0, -1, 1]
    s.save(tmp_path / "spectra.hspy")
    assert hs.load(tmp_path / "spectra.hspy").labels.tolist() == [0, -1, 1]
    s = read_table(path, orientation="rows", labels=["a", "b", "b"])
    assert s.class_counts() == {"a": 1, "b": 2}


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("400,1\n401,x\n402,3\n", {}, r"line 2, column 2: expected a number, got 'x'"),
        ("# a\n\nE;a;b\n1;2;3\n2;3\n", {}, r"line 5: 2 cells, but line 4 has 3"),
        ("1 2\n2 3\n2 4\n", {}, r"line 3, column 1: axis values must rise.*got 2 after 2"),
        ("1 2\n2 3\nnan 4\n", {}, r"line 3, column 1: axis values"),
        ("c;400;402;401\nPE;1;2;3\n", {"orientation": "rows"}, r"line 1, column 4: axis values"),
        ("c;400;402\nPE;1;oops\n", {"orientation": "rows"}, r"line 2, column 3: expected a number"),
        ("c;400;402\n", {"orientation": "rows"}, "no line follows the axis in line 1"),
        ("1;2;3\n", {}, "axis has 1 value"),
        ("nothing here\n", {}, "no table of numbers"),
        ("", {}, "is empty"),
        ("1.5 2\n2.5 3\n", {"decimal": ","}, r"line 1, column 1: expected a number, got '1\.5'"),
        ("1;2\n3;4\n", {"orientation": "up"}, "orientation must be"),
        ("1;2\n3;4\n", {"decimal": ";"}, "decimal must be"),
        ("1;2\n3;4\n", {"delimiter": ",", "decimal": ","}, "delimiter must be one character"),
    ],
)  # fmt: skip
def test_errors_say_where(text, options, message, tmp_path):
    path = tmp_path / "spectra.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_table(path, **options)


def test_labels_need_a_type_that_knows_them(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("E (eV);PE;PP\n1;2;3\n2;3;4\n3;4;5\n")
    assert read_table(path, signal_type="EELS").metadata.Signal.signal_type == "EELS"
    with pytest.raises(ValueError, match=r"such as 'EELS_specaug' .* got 'EELS'"):
        read_table(path, signal_type="EELS", labels=["PE", "PP"])


def test_error_says_how_the_file_was_read(tmp_path):
    path = tmp_path / "spectra.csv"
    path.write_text("400;1,5\n401;x\n")
    with pytest.raises(ValueError, match=r"delimiter: ';', decimal sign: ','; set delimiter="):
        read_table(path)


def test_given_dialect_wins(tmp_path):
    """Three readings are possible; the caller knows."""
    path = tmp_path / "spectra.csv"
    path.write_text("1,2\n2,4\n3,5\n")
    assert read_cells(path).delimiter == ","
    with pytest.raises(ValueError, match="line"):
        read_table(path, decimal=",")
    assert read_table(path, delimiter=",").data.tolist() == [2.0, 4.0, 5.0]


def test_random_tables_come_back(tmp_path):
    """Any numbers, in any dialect, with any number of decimals."""
    rng = np.random.default_rng(0)
    path = tmp_path / "spectra.txt"
    for delimiter, decimal in DIALECTS:
        for _ in range(10):
            digits, n, length = rng.integers(0, 8), rng.integers(1, 6), rng.integers(2, 30)
            axis = np.cumsum(rng.uniform(1, 5, length)).round(3)
            values = rng.normal(0, 10.0 ** rng.integers(-3, 6), (n, length)).round(digits)
            lines = [
                delimiter.join(repr(float(v)).replace(".", decimal) for v in row)
                for row in np.vstack([axis, values]).T
            ]
            path.write_text("\n".join(lines))
            s = read_table(path)
            np.testing.assert_array_equal(np.atleast_2d(s.data), values)
