"""Run an array function over the spectra of a signal, in memory or chunk by chunk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._chunks import join_signal_chunks


def signal_axes_in_array(signal: Any) -> list[int]:
    """Return the array positions of the signal axes: (x,) or (y, x)."""
    return sorted(axis.index_in_array for axis in signal.axes_manager.signal_axes)


def map_spectra(
    signal: Any,
    function: Callable[[NDArray[Any]], NDArray[Any]],
    dtype: Any,
    signal_shape: tuple[int, ...] | None = None,
) -> Any:
    r"""
    Apply a function to the data with the signal axes last, and put the axes back.

    Parameters
    ----------
    signal : hyperspy signal
        Its data are not changed.
    function : callable
        Takes and returns an array of shape (..., \*signal_shape). It must treat the spectra
        independently of one another, because a lazy signal hands them over chunk by chunk.
    dtype : dtype
        Data type of the result.
    signal_shape : tuple of int, optional
        Shape of the signal axes of the result in array order; by default that of the input.

    Returns
    -------
    ndarray or dask.array.Array
        A lazy signal stays lazy: one task per chunk, navigation chunks as they were, the signal
        axes in one chunk.
    """
    data = signal.data
    axes = signal_axes_in_array(signal)
    last = list(range(data.ndim - len(axes), data.ndim))
    # HyperSpy keeps signal axes last, except after `axis.navigate` was set by hand.
    ordered = axes == last
    if not ordered:
        data = np.moveaxis(data, axes, last)
    shape = data.shape[len(data.shape) - len(axes) :] if signal_shape is None else signal_shape
    if signal._lazy:
        result = _map_chunks(data, function, np.dtype(dtype), tuple(shape))
    else:
        result = np.ascontiguousarray(function(data), dtype=dtype)
    return result if ordered else np.moveaxis(result, last, axes)


def _map_chunks(
    data: Any,
    function: Callable[[NDArray[Any]], NDArray[Any]],
    dtype: np.dtype[Any],
    signal_shape: tuple[int, ...],
) -> Any:
    import dask.array as da

    n_navigation = data.ndim - len(signal_shape)
    data = join_signal_chunks(data, n_navigation)
    chunks = data.chunks[:n_navigation] + tuple((size,) for size in signal_shape)
    # Giving meta keeps Dask from calling the function on an empty array to guess it.
    meta = np.empty((0,) * data.ndim, dtype=dtype)
    return da.map_blocks(function, data, dtype=dtype, chunks=chunks, meta=meta)


def replace_data(signal: Any, data: Any) -> Any:
    """
    Return a copy of the signal, with its metadata and labels, around new data.

    A variance is left behind: it described the data before the step.
    """
    return signal._deepcopy_with_new_data(data)


def axis_label(axis: Any) -> str:
    """Name an axis, its range and its units for an error message."""
    units = axis_units(axis)
    name = axis.name if isinstance(axis.name, str) and axis.name else "signal axis"
    return f"{name} from {axis.low_value:g} to {axis.high_value:g}{' ' + units if units else ''}"


def axis_units(axis: Any) -> str:
    """Return the units of an axis, empty if HyperSpy has them undefined."""
    return axis.units if isinstance(axis.units, str) else ""


def is_descending(axis: Any) -> bool:
    """Tell whether axis values fall with the channel number."""
    return axis.size > 1 and bool(axis.axis[0] > axis.axis[-1])
