"""Infrared and Raman files: Bruker OPUS and JCAMP-DX, each through its own small reader."""

from __future__ import annotations

import contextlib
import io
import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .._axes import SignalAxis
from ._spectra import FileLabels, Paths, Spectrum, checked_paths, missing_reader, signal_of

if TYPE_CHECKING:
    from hyperspy.signals import BaseSignal

OPUS_MAGIC = b"\n\n\xfe\xfe"
#: Results that OPUS holds, the finished ones first: what is read where nothing is asked for.
OPUS_RESULTS = ("a", "t", "r", "atr", "ra", "km", "logr", "pas", "e", "sm", "rf")

_AXES = (
    (r"1\s*/\s*cm|cm\s*(\^|-|⁻|\*\*)\s*\(?-?(1|¹)|wave\s*number", "Wavenumber", "1/cm"),
    (r"raman", "Raman shift", "1/cm"),
    (r"nano\s*met|\bnm\b", "Wavelength", "nm"),
    (r"micro\s*met|\b(u|µ|μ)m\b|\bmicrons?\b", "Wavelength", "µm"),
    (r"\bev\b|electron.?volt", "Energy", "eV"),
)


def read_infrared(
    paths: Paths,
    *,
    result: str | None = None,
    labels: FileLabels = None,
    groups: FileLabels = None,
) -> BaseSignal:
    """Read infrared or Raman spectra.

    Bruker OPUS (``.0``, ``.1``, …) by the package `brukeropus`; JCAMP-DX (``.dx``, ``.jdx``), which
    the software of every vendor writes, by `jcamp`. What HyperSpy itself reads, such as
    Renishaw's ``.wdf`` or LabSpec's ``.xml``, goes through
    ``hs.load(path, signal_type="spectrum_specaug")``.

    Parameters
    ----------
    paths : str, path-like or iterable of them
        Files. All spectra in them must share their axis and their quantity.
    result : str or None
        Which result of an OPUS file: ``"a"`` absorbance, ``"t"`` transmittance, ``"r"``
        reflectance, ``"ra"`` Raman, ``"sm"`` single channel of the sample, …. None takes the
        first that a file has, in this order.
    labels : sequence, callable or None
        Class of each spectrum, ``""`` or None where there is none; or a function that makes it
        of the :class:`~pathlib.Path`, such as ``lambda path: path.parent.name``.
    groups : sequence, callable or None
        Specimen or session of each spectrum, in the same way.

    Returns
    -------
    AugmentableSpectrum
        Over a rising axis with units. ``original_metadata`` holds the parameters of the
        instrument.

    Raises
    ------
    ImportError
        Without the reader: ``pip install "hs_specaug[infrared]"``.
    IncompatibleAxisError
        If two spectra do not share their axis.
    ValueError
        If a file is of none of these formats, damaged, or without the result asked for.

    Examples
    --------
    >>> from pathlib import Path
    >>> from hs_specaug.io import read_infrared
    >>> s = read_infrared(
    ...     sorted(Path("polymers").glob("*/*.0")), labels=lambda path: path.parent.name
    ... )  # doctest: +SKIP
    """
    spectra: list[Spectrum] = []
    for path in checked_paths(paths):
        reader = _reader_of(path)
        found = _read_opus(path, result) if reader is _read_opus else reader(path)
        for spectrum in found:
            _check_lengths(spectrum)
        spectra += found
    return signal_of(spectra, signal_type="spectrum_specaug", labels=labels, groups=groups)


def _reader_of(path: Path) -> Callable[..., list[Spectrum]]:
    """Choose by content first: the ending of an OPUS file is a number."""
    with path.open("rb") as stream:
        start = stream.read(512)
    if start.startswith(OPUS_MAGIC):
        return _read_opus
    if start.lstrip(b"\xef\xbb\xbf \t\r\n").upper().startswith((b"##", b"$$")):
        return _read_jcamp
    raise ValueError(
        f"{str(path)!r} is neither an OPUS nor a JCAMP-DX file; export it as JCAMP-DX, which "
        "every vendor's software writes. A table of numbers is read by hs_specaug.io.read_table, "
        'what HyperSpy knows by hs.load(path, signal_type="spectrum_specaug")'
    )


def _check_lengths(spectrum: Spectrum) -> None:
    if len(spectrum.axis.values) != len(spectrum.values) or not len(spectrum.values):
        raise ValueError(
            f"{str(spectrum.path)!r} is damaged: {len(spectrum.axis.values)} axis values, but "
            f"{len(spectrum.values)} intensities"
        )


@contextlib.contextmanager
def _readable(path: Path, kind: str) -> Iterator[None]:
    """Turn whatever a reader raises into our error; what it prints is an error or nothing."""
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            yield
        # The last intensity of a line is repeated by the next one, to check the differences.
        if "Y-Check failed" in printed.getvalue():
            raise ValueError(printed.getvalue().strip().splitlines()[0])
    except Exception as error:
        raise ValueError(
            f"{str(path)!r} cannot be read as {kind}, it may be damaged: "
            f"{type(error).__name__}: {error}"
        ) from error


def calibrated_axis(text: str, values: Any) -> SignalAxis:
    """Return an axis from what a file says about it, with the field's name and units."""
    said = str(text).strip()
    for pattern, name, units in _AXES:
        if re.search(pattern, said, flags=re.IGNORECASE):
            raman = "raman" in said.lower() and units == "1/cm"
            return SignalAxis("Raman shift" if raman else name, units, np.asarray(values, float))
    return SignalAxis(said, "", np.asarray(values, float))


# ------------------------------------------------------------------------------------ formats


def _read_opus(path: Path, result: str | None) -> list[Spectrum]:
    try:
        from brukeropus import OPUSFile
    except ImportError as error:
        raise missing_reader("brukeropus", "infrared", "OPUS files") from error
    with _readable(path, "OPUS"):
        file = OPUSFile(os.fspath(path))
        held = [*file.data_keys, *file.series_keys]
    wanted = OPUS_RESULTS if result is None else (result.lower(),)
    # What OPUS stores in its compact way has a suffix of its own.
    key = next((k for name in wanted for k in (name, f"{name}_c") if k in held), None)
    if key is None:
        raise ValueError(
            f"{str(path)!r} holds no {'spectrum' if result is None else f'result {result!r}'}; it "
            f"has {', '.join(map(repr, held)) or 'none at all'}, choose with result="
        )
    with _readable(path, "OPUS"):
        data = getattr(file, key)
        axis = _opus_axis(data)
        rows = np.atleast_2d(data.y).astype(np.float32)
        metadata = {**dict(file.params.items()), **dict(data.params.items())}
    sample = str(metadata.get("snm") or path.name)
    metadata = {name: value for name, value in metadata.items() if np.ndim(value) == 0}
    return [Spectrum(path, sample, axis, row, str(data.label), metadata) for row in rows]


def _opus_axis(data: Any) -> SignalAxis:
    units = str(data.params.dxu).upper()
    if units in ("WN", "LGW"):
        name = "Raman shift" if data.key.startswith("ra") else "Wavenumber"
        return SignalAxis(name, "1/cm", data.wn)
    if units == "RSH":
        return SignalAxis("Raman shift", "1/cm", data.x)
    return SignalAxis(*(("Wavelength", "µm") if units == "MI" else (units, "")), data.x)


def _read_jcamp(path: Path) -> list[Spectrum]:
    try:
        import jcamp
    except ImportError as error:
        raise missing_reader("jcamp", "infrared", "JCAMP-DX files") from error
    with _readable(path, "JCAMP-DX"):
        content = jcamp.readfile(os.fspath(path))
        blocks = [block for block in content.get("children", [content]) if len(block["y"])]
        spectra = [_jcamp_spectrum(path, block) for block in blocks]
    if not spectra:
        raise ValueError(f"{str(path)!r} holds no spectrum (XYDATA or XYPOINTS)")
    return spectra


def _jcamp_spectrum(path: Path, block: Mapping[str, Any]) -> Spectrum:
    kind = str(block.get("data type", ""))
    raman = "raman" if "raman" in kind.lower() else ""
    expected = block.get("npoints")
    if isinstance(expected, int) and expected != len(block["y"]):
        raise ValueError(
            f"NPOINTS is {expected}, but {len(block['y'])} intensities were found; jcamp does not "
            "know every compressed form, so export the file uncompressed (AFFN)"
        )
    return Spectrum(
        path=path,
        name=str(block.get("title") or path.stem),
        axis=calibrated_axis(f"{raman} {block.get('xunits', '')}", block["x"]),
        values=np.asarray(block["y"], dtype=np.float32),
        quantity=str(block.get("yunits", "")).strip().capitalize(),
        metadata={k: v for k, v in block.items() if k not in ("x", "y", "children", "filename")},
    )
