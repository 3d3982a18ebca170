"""Impedance files of potentiostats, through pyimpspec."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .._axes import SignalAxis
from ._spectra import FileLabels, Paths, Spectrum, checked_paths, missing_reader, signal_of

if TYPE_CHECKING:
    from hyperspy.signals import BaseSignal


def read_impedance(
    paths: Paths,
    *,
    labels: FileLabels = None,
    groups: FileLabels = None,
    file_format: str | None = None,
    **options: Any,
) -> BaseSignal:
    """Read impedance spectra of potentiostats.

    BioLogic (.mpt), Gamry (.dta), Eco Chemie (.dfr), Ivium (.idf, .ids), PalmSens (.pssession),
    ZView (.z), Elins (.P00), .i2b, spreadsheets (.xlsx, .ods) and text (.csv, .txt), by the
    package `pyimpspec`.

    Parameters
    ----------
    paths : str, path-like or iterable of them
        Files. All spectra in them must share their frequencies.
    labels : sequence, callable or None
        Class of each spectrum, ``""`` or None where there is none; or a function that makes it
        of the :class:`~pathlib.Path`, such as ``lambda path: path.parent.name``.
    groups : sequence, callable or None
        Specimen or session of each spectrum, in the same way.
    file_format : str or None
        Extension to go by, ``".mpt"`` say; None takes that of each file.
    **options
        Of the parser of pyimpspec; ``sep`` and ``decimal`` of a text file, say.

    Returns
    -------
    ComplexImpedanceSpectrum
        Z in Ω over the frequency in Hz, which rises. The imaginary part has its sign: negative
        for a capacitance, also where the file holds −Im Z. ``original_metadata`` names the files.

    Raises
    ------
    ImportError
        Without pyimpspec: ``pip install "hs_specaug[impedance]"``.
    IncompatibleAxisError
        If the frequencies of two spectra differ.
    ValueError
        If a file cannot be read as impedance.

    Examples
    --------
    >>> from hs_specaug.io import read_impedance
    >>> s = read_impedance(["wet/1.mpt", "dry/1.mpt"],
    ...                    labels=lambda path: path.parent.name)  # doctest: +SKIP
    >>> s.angle(deg=True).classify("rocket")  # doctest: +SKIP
    """
    spectra = [
        spectrum
        for path in checked_paths(paths)
        for spectrum in _read_file(path, file_format, options)
    ]
    return signal_of(spectra, signal_type="impedance", labels=labels, groups=groups)


def _read_file(path: Path, file_format: str | None, options: dict[str, Any]) -> list[Spectrum]:
    parse_data, unsupported = _pyimpspec()
    try:
        data_sets = parse_data(path, file_format=file_format or "", **options)
    except ImportError:
        raise
    except unsupported as error:
        raise ValueError(
            f"{str(path)!r} is no impedance file that pyimpspec knows: {error}; a format that the "
            "file's ending does not tell goes to file_format='.mpt'"
        ) from error
    except Exception as error:  # parsers let through whatever their libraries raise
        raise ValueError(
            f"{str(path)!r} cannot be read as impedance: {type(error).__name__}: {error}"
        ) from error
    return [_spectrum(data_set, path) for data_set in data_sets]


def _pyimpspec() -> tuple[Any, type[Exception]]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its own use of what NumPy retires
            from pyimpspec import parse_data
            from pyimpspec.exceptions import UnsupportedFileFormat
    except ImportError as error:
        raise missing_reader("pyimpspec", "impedance", "impedance files") from error
    return parse_data, UnsupportedFileFormat


def _spectrum(data_set: Any, path: Path) -> Spectrum:
    # Masked points are points that the user of the instrument's software left out; a row of an
    # array has no gaps, so they stay.
    frequency = np.asarray(data_set.get_frequencies(masked=None), dtype=float)
    impedance = np.asarray(data_set.get_impedances(masked=None), dtype=complex)
    return Spectrum(
        path=path,
        name=data_set.get_label() or path.stem,
        axis=SignalAxis("Frequency", "Hz", frequency),
        values=impedance,
        quantity="Impedance (Ω)",
    )
