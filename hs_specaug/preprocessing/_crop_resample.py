"""Crop and resample a signal in the units of its axes."""

from __future__ import annotations

import functools
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._axes import replace_signal_axis
from ._blocks import (
    axis_label,
    axis_units,
    is_descending,
    map_spectra,
    replace_data,
    signal_axes_in_array,
)
from ._options import check_finite, floating_dtype
from ._resample import apply_resampling, resample_images, resampling_matrix


def crop_step(signal: Any, crop: Any) -> dict[str, Any]:
    """
    Check a crop and return it as a step to record.

    Parameters
    ----------
    signal : hyperspy signal
        Signal to be processed.
    crop : (start, end) or ((x0, x1), (y0, y1))
        In axis units, integers too; None leaves an end open. The second form is for images.

    Returns
    -------
    dict
        Plain values only.
    """
    axes = signal.axes_manager.signal_axes
    ranges = [crop] if len(axes) == 1 else crop
    expected = "(start, end)" if len(axes) == 1 else "((x0, x1), (y0, y1))"
    try:
        plain = [[None if end is None else float(end) for end in pair] for pair in ranges]
    except (TypeError, ValueError):
        plain = []
    if len(plain) != len(axes) or any(len(pair) != 2 for pair in plain):
        raise ValueError(
            f"crop must be {expected} in axis units, with None for an open end; got {crop!r}."
        )
    for axis, (start, end) in zip(axes, plain, strict=True):
        crop_slice(axis, start, end)
    return {"step": "crop", "ranges": plain, "units": [axis_units(axis) for axis in axes]}


def crop_slice(axis: Any, start: float | None, end: float | None) -> slice:
    """
    Return the channels between two axis values, half-open as in ``s.isig[510.:600.]``.

    Parameters
    ----------
    axis : hyperspy axis
        Ascending or descending.
    start, end : float or None
        Axis values in either order.

    Returns
    -------
    slice
        Channel numbers.

    Raises
    ------
    ValueError
        If a value lies more than one channel outside the axis, or fewer than 2 channels remain.
    """
    where = axis_label(axis)
    margin = float(np.abs(np.diff(axis.axis)).max()) * (1 + 1e-6) if axis.size > 1 else 0.0
    for value in (start, end):
        if value is not None and not (axis.low_value - margin <= value <= axis.high_value + margin):
            raise ValueError(f"crop reaches {value:g}, outside the axis: {where}.")
    if start is not None and end is not None and (start > end) != is_descending(axis):
        start, end = end, start
    first = 0 if start is None else _channel(axis, start)
    last = axis.size if end is None else _channel(axis, end)
    if last - first < 2:
        raise ValueError(
            f"crop=({start}, {end}) leaves {max(0, last - first)} channels; at least 2 are needed. "
            f"Values are in axis units, integers too; the axis is {where}."
        )
    return slice(first, last)


def _channel(axis: Any, value: float) -> int:
    """Return the nearest channel; values beyond an end of the axis mean that end, inclusive."""
    beyond = value < axis.low_value or value > axis.high_value
    if not beyond:
        return int(axis.value2index(value))
    return axis.size if (value > axis.high_value) != is_descending(axis) else 0


def crop_signal(signal: Any, step: dict[str, Any]) -> Any:
    """Run a crop step; HyperSpy's ``isig`` carries axes, variance and labels."""
    axes = signal.axes_manager.signal_axes
    if len(step["ranges"]) != len(axes):
        raise ValueError(
            f"The recorded crop has {len(step['ranges'])} ranges, but the signal has {len(axes)} "
            "signal axes."
        )
    slices = [crop_slice(axis, *pair) for axis, pair in zip(axes, step["ranges"], strict=True)]
    return signal.isig[slices[0]] if len(slices) == 1 else signal.isig[slices[0], slices[1]]


def resample_step(signal: Any, resample: Any) -> dict[str, Any]:
    """
    Check what to resample to and return it as a step to record.

    Parameters
    ----------
    signal : hyperspy signal
        Signal to be processed.
    resample : int, float, array-like, hyperspy axis or (int, int)
        An integer is a number of channels, a float a step in axis units, an array or an axis the
        axis wanted. Images take (nx, ny) pixels.

    Returns
    -------
    dict
        Plain values only.
    """
    axes = signal.axes_manager.signal_axes
    units = [axis_units(axis) for axis in axes]
    if len(axes) == 2:
        sizes = np.asarray(resample)
        if sizes.shape != (2,) or sizes.dtype.kind not in "iu" or (sizes < 2).any():
            raise ValueError(
                f"resample of an image must be (nx, ny), two numbers of pixels of at least 2; "
                f"got {resample!r}."
            )
        return {"step": "resample", "shape": [int(size) for size in sizes], "units": units}
    values = getattr(resample, "axis", resample)
    if isinstance(values, Integral) and not isinstance(values, bool):
        step: dict[str, Any] = {"step": "resample", "channels": int(values)}
    elif isinstance(values, Real) and not isinstance(values, bool):
        step = {"step": "resample", "spacing": float(values)}
    elif np.ndim(values) == 1 and not isinstance(values, str):
        step = {"step": "resample", "axis": [float(value) for value in values]}
    else:
        raise ValueError(
            "resample must be a number of channels (integer), a step in axis units (float) or "
            f"the axis values wanted; got {resample!r}."
        )
    step["log"] = _is_impedance(signal)
    target_axis(axes[0], step)
    return {**step, "units": units}


def _is_impedance(signal: Any) -> bool:
    return signal.metadata.get_item("Signal.signal_type", "") == "impedance"


def target_axis(axis: Any, step: dict[str, Any]) -> NDArray[np.float64]:
    """
    Return the ascending axis that a resampling step leads to.

    Parameters
    ----------
    axis : hyperspy axis
        Present axis.
    step : dict
        As :func:`resample_step` returns it.

    Returns
    -------
    ndarray of shape (n_new,)
        Axis values; evenly spaced on the logarithm of the axis if ``step["log"]``.

    Raises
    ------
    ValueError
        If the axis wanted exceeds the present one, has fewer than 2 channels, or a logarithm is
        needed on an axis that is not positive.
    """
    where = axis_label(axis)
    values: NDArray[Any]
    low, high = float(axis.low_value), float(axis.high_value)
    log = bool(step.get("log"))
    if log and low <= 0:
        raise ValueError(
            f"Impedance is resampled on the logarithm of the frequency; the axis is {where}. "
            "Set the frequencies of the signal axis first."
        )
    if "channels" in step:
        n = int(step["channels"])
        if n < 2:
            raise ValueError(f"resample needs at least 2 channels; got {n}.")
        values = np.geomspace(low, high, n) if log else np.linspace(low, high, n)
    elif "spacing" in step:
        spacing = float(step["spacing"])
        if log:
            raise ValueError(
                f"resample={spacing:g} is a step in axis units, which suits no frequency axis over "
                "decades. Give the number of frequencies (an integer) or the frequencies."
            )
        if not 0 < spacing <= high - low:
            raise ValueError(
                f"resample={spacing:g} must be a positive step no longer than the axis: {where}. "
                f"A number of channels is an integer: resample={round(spacing)}."
            )
        values = low + spacing * np.arange(int((high - low) / spacing + 1e-6) + 1)
    else:
        values = np.sort(np.asarray(step["axis"], dtype=float))
        if len(values) < 2 or not (np.diff(values) > 0).all():
            raise ValueError("resample needs at least 2 distinct axis values.")
        margin = 1e-6 * float(np.abs(np.diff(axis.axis)).min())
        if values[0] < low - margin or values[-1] > high + margin:
            raise ValueError(
                f"resample asks for {values[0]:g} to {values[-1]:g}, beyond the axis: {where}. "
                "Resampling does not extrapolate."
            )
    return np.clip(values, low, high)


def resample_signal(signal: Any, step: dict[str, Any]) -> Any:
    """
    Run a resampling step; the new axis ascends.

    Parameters
    ----------
    signal : hyperspy signal
        Not modified.
    step : dict
        As :func:`resample_step` returns it.

    Returns
    -------
    hyperspy signal
        New signal of the same type.
    """
    axes = signal.axes_manager.signal_axes
    if ("shape" in step) != (len(axes) == 2):
        raise ValueError("A resampling step of images does not fit spectra, nor the reverse.")
    if len(axes) == 2:
        return _resample_images(signal, step["shape"])
    values = target_axis(axes[0], step)
    matrix = resampling_matrix(axes[0].axis, values, log=bool(step.get("log")))
    data = map_spectra(
        signal,
        functools.partial(_resample_block, matrix=matrix),
        floating_dtype(signal.data.dtype),
        (len(values),),
    )
    resampled = replace_data(signal, data)
    replace_signal_axis(resampled, signal_axes_in_array(signal)[0], values)
    return resampled


def _resample_block(X: NDArray[Any], matrix: Any) -> NDArray[Any]:
    check_finite(X, "resample")
    return apply_resampling(X.astype(floating_dtype(X.dtype), copy=False), matrix)


def _resample_images(signal: Any, sizes: list[int]) -> Any:
    dtype = signal.data.dtype
    shape = (sizes[1], sizes[0])
    data = map_spectra(
        signal,
        functools.partial(_resize_block, shape=shape),
        dtype if dtype.names else floating_dtype(dtype),
        shape,
    )
    resampled = replace_data(signal, data)
    for axis, size in zip(signal.axes_manager.signal_axes, sizes, strict=True):
        # The outer edges of the field of view stay; pixel centres move by half a pixel.
        low, high = axis.axis[0], axis.axis[-1]
        pixel = (high - low) / (axis.size - 1) if axis.size > 1 else 1.0
        new_pixel = pixel * axis.size / size
        values = low - pixel / 2 + new_pixel * (np.arange(size) + 0.5)
        replace_signal_axis(resampled, axis.index_in_array, values)
    return resampled


def _resize_block(images: NDArray[Any], shape: tuple[int, int]) -> NDArray[Any]:
    if not images.dtype.names:
        check_finite(images, "resample")
    return resample_images(images, shape)
