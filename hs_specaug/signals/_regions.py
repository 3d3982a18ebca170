"""Which positions of a navigation space lie in a region of interest."""

from __future__ import annotations

from typing import Any

import hyperspy.api as hs
import numpy as np
from hyperspy.signals import BaseSignal

from ._rows import navigation_shape


def region_mask(signal: Any, roi: Any) -> np.ndarray:
    """Return where the navigation space of a signal lies in a region of interest.

    Parameters
    ----------
    signal : BaseSignal
    roi : BaseROI
        A region with one or two dimensions, on navigation axes. It applies to the axes of the plot
        it was added to, else to the first navigation axes; other navigation axes are not limited.

    Returns
    -------
    numpy.ndarray of bool
        Of the navigation shape in array order.
    """
    if isinstance(roi, hs.roi.Line2DROI):
        raise TypeError("a Line2DROI has no area; use a RectangularROI, CircleROI or PolygonROI")
    dimension = getattr(roi, "ndim", None)
    if not isinstance(dimension, int) or not hasattr(roi, "is_valid"):
        raise TypeError(f"roi must be a HyperSpy ROI (hyperspy.api.roi), got {type(roi).__name__}")
    navigation = signal.axes_manager.navigation_axes
    if dimension > len(navigation):
        raise TypeError(
            f"{type(roi).__name__} needs {dimension} navigation axes, the signal has "
            f"{len(navigation)}; use set_labels"
        )
    axes = navigation[:dimension]
    if signal in roi.signal_map:
        axes = tuple(roi.signal_map[signal][1])
        if not all(axis.navigate for axis in axes):
            raise TypeError(
                f"{type(roi).__name__} lies on signal axes; labels live on navigation axes "
                f"{[axis.name for axis in navigation]}"
            )
    # The ROI cuts a map of position numbers, so that HyperSpy decides what lies inside.
    shape = tuple(axis.size for axis in axes[::-1])
    numbers = np.arange(np.prod(shape), dtype=float).reshape(shape)
    position_map = BaseSignal(
        numbers, axes=[{**axis.get_axis_dictionary(), "navigate": True} for axis in axes[::-1]]
    )
    extents = ", ".join(_extent(axis) for axis in axes)
    outside = f"{roi} contains no position; the navigation axes extend over {extents}"
    try:
        inside = np.ravel(roi(position_map).data)
    except (ValueError, IndexError) as error:
        raise ValueError(f"{outside} ({error})") from error
    inside = inside[np.isfinite(inside)].astype(int)
    if not inside.size:
        raise ValueError(outside)
    mask = np.zeros(navigation_shape(signal), dtype=bool)
    count = len(navigation)
    # In array order the last axis is the first navigation axis.
    chosen = [count - 1 - navigation.index(axis) for axis in axes[::-1]]
    view = np.moveaxis(mask, chosen, range(count - dimension, count))
    local = np.zeros(shape, dtype=bool)
    local.flat[inside] = True
    view |= local
    return mask


def _extent(axis: Any) -> str:
    """Return name, range and units of an axis, for messages."""
    name = f"{axis.name} from " if isinstance(axis.name, str) and axis.name else ""
    units = f" {axis.units}" if isinstance(axis.units, str) and axis.units else ""
    return f"{name}{axis.low_value:g} to {axis.high_value:g}{units}"
