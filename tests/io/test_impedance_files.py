"""Impedance files: numbers, signs, units and labels arrive as the instrument wrote them."""

import builtins

import hyperspy.api as hs
import numpy as np
import pytest

from hs_specaug.exceptions import IncompatibleAxisError
from hs_specaug.io import read_impedance

pytest.importorskip("pyimpspec", reason="needs the extra `impedance`")

FREQUENCY = np.logspace(4, -1, 11)


def parallel_rc(frequency, resistance=100.0, capacitance=1e-5, series=10.0):
    """Closed form: a resistor in series with a resistor and a capacitor in parallel."""
    omega = 2 * np.pi * frequency
    return series + resistance / (1 + 1j * omega * resistance * capacitance)


def write_gamry(path, frequency, impedance):
    rows = "\n".join(
        f"\t{i}\t{i}\t{f:.8e}\t{z.real:.8e}\t{z.imag:.8e}\t1\t{abs(z):.8e}\t"
        f"{np.degrees(np.angle(z)):.6e}\t0\t0\t9"
        for i, (f, z) in enumerate(zip(frequency, impedance, strict=True))
    )
    path.write_text(
        "EXPLAIN\nTAG\tEISPOT\nTITLE\tLABEL\tPotentiostatic EIS\tTest\nZCURVE\tTABLE\n"
        "\tPt\tTime\tFreq\tZreal\tZimag\tZsig\tZmod\tZphz\tIdc\tVdc\tIERange\n"
        "\t#\ts\tHz\tohm\tohm\tV\tohm\tdeg\tA\tV\t#\n" + rows + "\n",
        encoding="latin1",
    )
    return path


def write_biologic(path, frequency, impedance):
    rows = "\n".join(
        f"{f:.8e}\t{z.real:.8e}\t{-z.imag:.8e}" for f, z in zip(frequency, impedance, strict=True)
    )
    path.write_text(
        "EC-Lab ASCII FILE\nNb header lines : 3\nfreq/Hz\tRe(Z)/Ohm\t-Im(Z)/Ohm\n" + rows + "\n",
        encoding="latin1",
    )
    return path


def write_zview(path, frequency, impedance):
    rows = "\n".join(
        f"{f:.8e},0,0,0,{z.real:.8e},{z.imag:.8e},0,0,0"
        for f, z in zip(frequency, impedance, strict=True)
    )
    path.write_text(
        "ZPLOT2 ASCII\nFreq(Hz),Ampl,Bias,Time(Sec),Z'(a),Z''(b),GD,Err,Range\nEnd Comments\n"
        + rows + "\n"
    )  # fmt: skip
    return path


def write_text(path, frequency, impedance):
    rows = "\n".join(
        f"{f:.8e},{z.real:.8e},{z.imag:.8e}" for f, z in zip(frequency, impedance, strict=True)
    )
    path.write_text("frequency,real,imaginary\n" + rows + "\n")
    return path


WRITERS = {
    ".dta": write_gamry,
    ".mpt": write_biologic,
    ".z": write_zview,
    ".csv": write_text,
}


@pytest.mark.parametrize("ending", WRITERS)
def test_values_signs_and_units(ending, tmp_path):
    impedance = parallel_rc(FREQUENCY)
    path = WRITERS[ending](tmp_path / f"cell{ending}", FREQUENCY, impedance)
    s = read_impedance(path)
    assert type(s).__name__ == "ComplexImpedanceSpectrum"
    (axis,) = s.axes_manager.signal_axes
    assert (axis.name, axis.units) == ("Frequency", "Hz")
    np.testing.assert_allclose(axis.axis, FREQUENCY[::-1], rtol=1e-6)
    np.testing.assert_allclose(s.data, impedance[::-1], rtol=1e-6)
    assert (s.data.imag < 0).all()  # a capacitance, also where the file holds −Im Z
    assert s.metadata.Signal.quantity == "Impedance (Ω)"
    assert s.metadata.General.original_filename == path.name
    assert s.original_metadata.file == str(path)
    phase = s.angle(deg=True)
    assert phase._signal_type == "impedance"
    np.testing.assert_allclose(phase.data, np.degrees(np.angle(impedance[::-1])), rtol=1e-5)


@pytest.fixture
def library(tmp_path):
    """Give four spectra of two classes, in one folder for each."""
    for name, resistance in [("wet", 50.0), ("dry", 500.0)]:
        (tmp_path / name).mkdir()
        for number in range(2):
            z = parallel_rc(FREQUENCY, resistance + number)
            write_biologic(tmp_path / name / f"{number}.mpt", FREQUENCY, z)
    return tmp_path


def test_folders_become_classes_and_groups(library):
    s = read_impedance(
        sorted(library.glob("*/*.mpt")),
        labels=lambda path: path.parent.name,
        groups=lambda path: path.stem,
    )
    assert s.data.shape == (4, 11)
    assert s.class_counts() == {"dry": 2, "wet": 2}
    assert s.groups.tolist() == ["0", "1", "0", "1"]
    assert s.data[0, 0].real == pytest.approx(510.0, rel=1e-3)  # the lowest frequency
    result = s.classify("KNeighborsClassifier", n_neighbors=1, test_size=0.5, random_state=0)
    assert result.scores["recall"].tolist() == [1.0, 1.0, 1.0]


def test_labels_survive_a_file(library, tmp_path):
    files = sorted(library.glob("*/*.mpt"))
    s = read_impedance(files, labels=["a", "b", "", "b"])
    s.save(tmp_path / "library.hspy")
    again = hs.load(tmp_path / "library.hspy")
    assert again.labels.tolist() == [0, 1, -1, 1]
    np.testing.assert_array_equal(again.data, s.data)
    assert again.original_metadata.spectrum_2.file == str(files[2])


def test_single_spectrum_takes_a_label(library):
    s = read_impedance(library / "wet" / "0.mpt", labels=["wet"], groups=["monday"])
    assert s.axes_manager.navigation_dimension == 0
    assert s.class_counts() == {"wet": 1}
    assert s.groups.tolist() == "monday"


def test_several_sweeps_of_a_file_are_several_spectra(tmp_path):
    twice = np.concatenate([FREQUENCY, FREQUENCY])
    impedance = np.concatenate([parallel_rc(FREQUENCY, r) for r in (50.0, 500.0)])
    s = read_impedance(write_biologic(tmp_path / "two.mpt", twice, impedance))
    assert s.data.shape == (2, 11)
    np.testing.assert_allclose(s.data[1], parallel_rc(FREQUENCY, 500.0)[::-1], rtol=1e-6)


def test_other_frequencies_are_refused(tmp_path):
    first = write_text(tmp_path / "a.csv", FREQUENCY, parallel_rc(FREQUENCY))
    other = write_text(tmp_path / "b.csv", FREQUENCY / 2, parallel_rc(FREQUENCY / 2))
    with pytest.raises(IncompatibleAxisError, match=r"a\.csv and b\.csv"):
        read_impedance([first, other])


def test_what_is_no_impedance_is_named(tmp_path):
    path = tmp_path / "notes.mpt"
    path.write_text("nothing of interest\n")
    with pytest.raises(ValueError, match=r"notes\.mpt"):
        read_impedance(path)
    path = path.rename(tmp_path / "notes.xyz")
    with pytest.raises(ValueError, match="file_format"):
        read_impedance(path)
    with pytest.raises(FileNotFoundError, match=r"nowhere\.mpt"):
        read_impedance(tmp_path / "nowhere.mpt")
    with pytest.raises(IsADirectoryError, match="glob"):
        read_impedance(tmp_path)
    with pytest.raises(ValueError, match="no file"):
        read_impedance([])


def test_format_that_the_ending_does_not_tell(tmp_path):
    path = write_biologic(tmp_path / "cell.001", FREQUENCY, parallel_rc(FREQUENCY))
    assert read_impedance(path, file_format=".mpt").data.shape == (11,)


def test_labels_must_be_one_for_each_spectrum(library):
    files = sorted(library.glob("*/*.mpt"))
    with pytest.raises(ValueError, match="3 entries, but the files hold 4 spectra"):
        read_impedance(files, labels=["a", "b", "c"])
    with pytest.raises(TypeError, match="lambda path"):
        read_impedance(files, labels="wet")


def test_missing_reader_names_the_extra(library, monkeypatch):
    whole = builtins.__import__

    def broken(name, *args, **kwargs):
        if name.startswith("pyimpspec"):
            raise ImportError(name)
        return whole(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", broken)
    with pytest.raises(ImportError, match=r'pip install "hs_specaug\[impedance\]"'):
        read_impedance(library / "wet" / "0.mpt")
