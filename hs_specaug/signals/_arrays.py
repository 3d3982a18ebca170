"""From a signal to the arrays that methods take, and back."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from .._axes import SignalAxis
from .._lazy_rows import LazyRows
from .._refusals import whole_range
from . import _rows

LABELLED_BYTES = 2**30
"""Labelled rows of a lazy signal that are brought into memory, for methods that can do without."""


def is_image(signal: Any) -> bool:
    """Whether a row of `signal` is an image."""
    return signal.axes_manager.signal_dimension == 2


def signal_axes(signal: Any) -> list[SignalAxis]:
    """Return the calibrated signal axes in array order."""
    return [
        SignalAxis(
            name=axis.name if isinstance(axis.name, str) else "",
            units=axis.units if isinstance(axis.units, str) else "",
            values=np.asarray(axis.axis, dtype=float),
        )
        for axis in signal.axes_manager.signal_axes[::-1]
    ]


def to_rows(data: np.ndarray, image: bool) -> np.ndarray:
    """Turn measured rows into what generators and classifiers take.

    Parameters
    ----------
    data : ndarray of shape (n, length) or (n, height, width)
        Real spectra stay (n, length). Complex spectra become two channels (real, imaginary).
        Images get a channel axis, RGB images one channel per colour.
    image : bool
        Whether a row is an image.

    Returns
    -------
    ndarray of shape (n, length), (n, 2, length) or (n, channels, height, width)
    """
    if data.dtype.names:
        return np.stack([data[colour] for colour in data.dtype.names], axis=1)
    if np.iscomplexobj(data):
        return np.stack([data.real, data.imag], axis=1)
    return data[:, np.newaxis] if image else data


def from_rows(rows: np.ndarray, dtype: np.dtype, image: bool) -> np.ndarray:
    """Invert :func:`to_rows`, giving data of the signal's `dtype`; whole numbers do not wrap."""
    part = np.dtype(dtype[0]) if dtype.names else dtype
    if part.kind in "iu" and rows.dtype != part:
        rows = np.clip(np.rint(rows), *whole_range(part))
    if dtype.names:
        out = np.empty((len(rows), *rows.shape[2:]), dtype=dtype)
        for i, colour in enumerate(dtype.names):
            out[colour] = rows[:, i]
        return out
    if np.issubdtype(dtype, np.complexfloating):
        return (rows[:, 0] + 1j * rows[:, 1]).astype(dtype)
    return (rows[:, 0] if image else rows).astype(dtype, copy=False)


def check_channels_exist(signal: Any) -> None:
    """Raise if a row of `signal` has no channel.

    Raises
    ------
    ValueError
        With the signal.
    """
    shape = tuple(signal.axes_manager.signal_shape[::-1])
    if 0 in shape:
        raise ValueError(
            f"the rows of this signal are empty, of shape {shape}: {signal!r}; see what "
            "s.isig[...] or s.preprocess(crop=...) has left"
        )


def check_rows_exist(signal: Any) -> None:
    """Raise if `signal` has no row, or rows of no channel.

    Raises
    ------
    ValueError
        With the signal.
    """
    if 0 in _rows.navigation_shape(signal):
        raise ValueError(
            f"this signal holds no spectrum or image: {signal!r}; see what s.inav[...] has left"
        )
    check_channels_exist(signal)


def labelled_positions(signal: Any) -> np.ndarray:
    """Return the flat navigation indices of the labelled rows.

    Raises
    ------
    ValueError
        If no row is labelled.
    """
    check_channels_exist(signal)
    positions = np.flatnonzero(signal.labels >= 0)
    if not len(positions):
        raise ValueError(
            "no spectrum of this signal is labelled; label some with "
            "s.set_labels(codes, classes=[...]) or s.label_region(roi, 'name')"
        )
    return positions


def labelled_names(signal: Any) -> np.ndarray:
    """Return the class names of the labelled positions, without reading data."""
    return np.array(signal.classes)[signal.labels.ravel()[labelled_positions(signal)]]


def lazy_rows(signal: Any, positions: np.ndarray) -> LazyRows:
    """Return rows of a lazy signal at flat positions, unread, as methods take them."""
    n_navigation = len(_rows.navigation_shape(signal))
    convert = partial(to_rows, image=is_image(signal))
    return LazyRows(_rows.navigation_first(signal), n_navigation, positions, convert)


def labelled_rows(
    signal: Any,
    drop_synthetic: bool = False,
    show_progressbar: bool = False,
    keep_lazy: bool = False,
) -> tuple[Any, np.ndarray, np.ndarray | None]:
    """Return labelled rows, their class names, and their groups.

    Only the labelled positions are read from a lazy signal.

    Parameters
    ----------
    signal : signal of this package
    drop_synthetic : bool
        Leave out rows that an earlier `augment` generated.
    show_progressbar : bool
        Show how far a lazy signal is read.
    keep_lazy : bool
        Return LazyRows, unread and unchecked, if they are more than `LABELLED_BYTES`.
    """
    positions = labelled_positions(signal)
    stored = _rows.read_rows(signal)
    if drop_synthetic and "synthetic" in stored:
        positions = positions[~stored["synthetic"].ravel()[positions].astype(bool)]
    if signal._lazy:
        unread = lazy_rows(signal, positions)
        if keep_lazy and unread.nbytes > LABELLED_BYTES:
            return unread, *_names_and_groups(signal, positions)
        rows = unread.load(show_progressbar)
    else:
        # Rows are taken from the array: building a signal of them costs more than SMOTE itself.
        data, ndim = _rows.navigation_first(signal), len(_rows.navigation_shape(signal))
        rows = to_rows(data.reshape(-1, *data.shape[ndim:])[positions], is_image(signal))
    _check_finite(signal, rows, positions)
    return rows, *_names_and_groups(signal, positions)


def _names_and_groups(signal: Any, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    names = np.array(signal.classes)[signal.labels.ravel()[positions]]
    groups = None if signal.groups is None else signal.groups.ravel()[positions]
    return names, groups


def _check_finite(signal: Any, rows: np.ndarray, positions: np.ndarray) -> None:
    if rows.dtype.kind not in "biufc":
        raise TypeError(
            f"data must be numbers, got dtype {rows.dtype}; convert them with "
            "s.change_dtype('float32')"
        )
    bad = ~np.isfinite(rows).all(axis=tuple(range(1, rows.ndim)))
    if not bad.any():
        return
    shape = _rows.navigation_shape(signal)
    where = tuple(int(i) for i in np.unravel_index(positions[bad][0], shape)) if shape else ()
    raise ValueError(
        f"{int(bad.sum())} of {len(rows)} labelled rows hold NaN or infinite values, the first at "
        f"navigation position {where} (array order); repair them, or take them out with "
        f"codes = s.labels; codes[{', '.join(map(str, where))}] = -1; "
        "s.set_labels(codes, classes=s.classes)"
    )


def row_shape(signal: Any) -> tuple[int, ...]:
    """Return the shape of one row as generators and classifiers take it."""
    size = tuple(signal.axes_manager.signal_shape[::-1])
    dtype = signal.data.dtype
    if dtype.names:
        return (len(dtype.names), *size)
    if np.issubdtype(dtype, np.complexfloating):
        return (2, *size)
    return (1, *size) if is_image(signal) else size
