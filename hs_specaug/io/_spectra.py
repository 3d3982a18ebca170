"""From spectra of one or more files to one labelled signal."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .._axes import SignalAxis
from ..exceptions import IncompatibleAxisError

if TYPE_CHECKING:
    from hyperspy.signals import BaseSignal

Paths = str | os.PathLike | Iterable[str | os.PathLike]
FileLabels = Sequence[Any] | Callable[[Path], Any] | None


@dataclass
class Spectrum:
    """One spectrum of a file.

    Attributes
    ----------
    path : Path
        Where it is from.
    name : str
        What the file, or the column, calls it.
    axis : SignalAxis
        Values in the order of the file.
    values : ndarray of shape (length,)
        Real or complex.
    quantity : str
        What the values are, with units.
    metadata : dict
        What the instrument wrote down.
    """

    path: Path
    name: str
    axis: SignalAxis
    values: np.ndarray
    quantity: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)


def checked_paths(paths: Paths) -> list[Path]:
    """Return existing files, in the order given.

    Raises
    ------
    FileNotFoundError
        If one does not exist.
    ValueError
        If there is none.
    """
    given = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    if not given:
        raise ValueError("paths are empty: no file to read; check the pattern that listed them")
    files = [Path(path).expanduser() for path in given]
    for path in files:
        if path.is_dir():
            raise IsADirectoryError(
                f"{str(path)!r} is a folder; list its files, such as "
                f"sorted(Path({str(path)!r}).glob('*.*'))"
            )
        if not path.is_file():
            raise FileNotFoundError(f"no such file: {str(path)!r}")
    return files


def signal_of(
    spectra: Sequence[Spectrum],
    *,
    signal_type: str,
    labels: FileLabels = None,
    groups: FileLabels = None,
) -> BaseSignal:
    """Return spectra that share their axis as one signal.

    Parameters
    ----------
    spectra : sequence of Spectrum
        At least one. A falling axis is turned, so that it rises.
    signal_type : str
        As in :meth:`~hyperspy.api.signals.BaseSignal.set_signal_type`.
    labels, groups : sequence, callable or None
        One entry for each spectrum; or what a callable makes of the path of its file.

    Returns
    -------
    signal
        One navigation axis, ``Spectrum``; none for a single spectrum.

    Raises
    ------
    IncompatibleAxisError
        If two spectra do not share their axis.
    """
    from hyperspy import signals

    first = spectra[0]
    for other in spectra[1:]:
        _check_same_axis(first, other)
    data = np.stack([spectrum.values for spectrum in spectra])
    values = np.asarray(first.axis.values, dtype=float)
    if len(values) > 1 and values[-1] < values[0]:
        values, data = values[::-1], np.ascontiguousarray(data[:, ::-1])
    axes: list[dict[str, Any]] = [{"name": "Spectrum", "size": len(spectra), "navigate": True}]
    named = {"name": first.axis.name, "units": first.axis.units}
    known = {key: text for key, text in named.items() if text}
    axes.append({**axis_description(values), **known, "navigate": False})
    if len(spectra) == 1:
        data, axes = data[0], axes[1:]
    cls = signals.ComplexSignal1D if np.iscomplexobj(data) else signals.Signal1D
    signal = cls(data, axes=axes, original_metadata=_original_metadata(spectra))
    signal.metadata.General.title = first.name if len(spectra) == 1 else first.path.stem
    files = list(dict.fromkeys(str(spectrum.path) for spectrum in spectra))
    signal.metadata.General.original_filename = Path(files[0]).name
    signal.metadata.set_item("Signal.quantity", first.quantity)
    signal.set_signal_type(signal_type)
    set_file_labels(signal, [spectrum.path for spectrum in spectra], labels, groups)
    return signal


def set_file_labels(
    signal: Any, paths: Sequence[Path], labels: FileLabels, groups: FileLabels
) -> None:
    """Label the rows of a signal that were read from `paths`, one path for each row."""
    names = _per_row(labels, paths, "labels")
    units = _per_row(groups, paths, "groups")
    if (names is not None or units is not None) and not hasattr(signal, "set_labels"):
        raise ValueError(
            "labels and groups need a signal_type of this package, such as 'EELS_specaug' or "
            f"'spectrum_specaug', got {signal.metadata.Signal.signal_type!r}"
        )
    if names is not None:
        signal.set_labels(names if len(paths) > 1 else names[0], groups=_grouped(units, paths))
    elif units is not None:
        signal.groups = _grouped(units, paths)


def _grouped(units: list[Any] | None, paths: Sequence[Path]) -> Any:
    if units is None:
        return None
    return np.array(units) if len(paths) > 1 else np.array(units[0])


def _per_row(given: FileLabels, paths: Sequence[Path], what: str) -> list[Any] | None:
    if given is None:
        return None
    if callable(given):
        known = {path: given(path) for path in paths}  # once for each file
        return [known[path] for path in paths]
    if isinstance(given, str):
        raise TypeError(
            f"{what} must be a sequence with one entry for each spectrum, or a function of the "
            f"path, got the text {given!r}; for one label use {what}=lambda path: {given!r}"
        )
    entries = list(given)
    if len(entries) != len(paths):
        raise ValueError(
            f"{what} have {len(entries)} entries, but the files hold {len(paths)} spectra; one "
            f"entry for each spectrum, or {what}=lambda path: path.parent.name"
        )
    return entries


def axis_description(values: np.ndarray) -> dict[str, Any]:
    """Describe rising axis values to HyperSpy.

    Raises
    ------
    ValueError
        If values repeat, turn round or are not finite.
    """
    from ..preprocessing._axes import axis_dictionary

    if len(values) == 1:
        return {"_type": "UniformDataAxis", "offset": float(values[0]), "scale": 1.0, "size": 1}
    if not np.isfinite(values).all() or not (np.diff(values) > 0).all():
        raise ValueError("axis values must be finite and rise or fall throughout")
    return axis_dictionary(values)


def _check_same_axis(first: Spectrum, other: Spectrum) -> None:
    reason = first.axis.difference(other.axis)
    if reason:
        raise IncompatibleAxisError(
            f"spectra of {first.path.name} and {other.path.name} do not share their axis: "
            f"{reason} ([{first.axis}] and [{other.axis}]). Read them one by one, bring each onto "
            "one axis with s.preprocess(resample=values), and join them with hs.stack"
        )
    if first.quantity != other.quantity:
        raise ValueError(
            f"{first.path.name} holds {first.quantity or 'an unnamed quantity'}, "
            f"{other.path.name} {other.quantity or 'an unnamed quantity'}; read them apart"
        )


def _original_metadata(spectra: Sequence[Spectrum]) -> dict[str, Any]:
    """Return what the instrument wrote for each spectrum, as HyperSpy's trees and files take it."""
    entries = [
        {"file": str(s.path), "name": s.name, **{k: _plain(v) for k, v in s.metadata.items()}}
        for s in spectra
    ]
    if len(entries) == 1:
        return entries[0]
    return {f"spectrum_{number}": entry for number, entry in enumerate(entries)}


def _plain(value: Any) -> Any:
    """Return a value that every HyperSpy file holds."""
    if isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    return str(value)


def missing_reader(package: str, extra: str, what: str) -> ImportError:
    """Return the error for a reader that is not installed."""
    return ImportError(
        f'{what} need the package {package}; install it with: pip install "hs_specaug[{extra}]"'
    )
