"""Axis values and HyperSpy's axis objects."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def axis_dictionary(values: NDArray[Any]) -> dict[str, Any]:
    """
    Describe axis values to HyperSpy: by offset and scale if evenly spaced, else one by one.

    Parameters
    ----------
    values : ndarray of shape (length,)
        Ordered axis values.

    Returns
    -------
    dict
        Keys that HyperSpy's signals take in ``axes=[...]``.
    """
    values = np.asarray(values, dtype=float)
    scale = (values[-1] - values[0]) / (len(values) - 1)
    even = values[0] + scale * np.arange(len(values))
    if np.allclose(values, even, rtol=0, atol=1e-6 * abs(scale)):
        return {
            "_type": "UniformDataAxis",
            "offset": float(values[0]),
            "scale": float(scale),
            "size": len(values),
        }
    return {"_type": "DataAxis", "axis": values}


def make_axis(values: NDArray[Any], **attributes: Any) -> Any:
    """
    Return HyperSpy's axis object for the values.

    Parameters
    ----------
    values : ndarray of shape (length,)
        Ordered axis values.
    **attributes
        Name, units and the like.

    Returns
    -------
    UniformDataAxis or DataAxis
        An axis that belongs to no signal yet.
    """
    from hyperspy.axes import DataAxis, UniformDataAxis

    description = axis_dictionary(values)
    kinds = {"UniformDataAxis": UniformDataAxis, "DataAxis": DataAxis}
    return kinds[description.pop("_type")](**attributes, **description)


def replace_signal_axis(signal: Any, index_in_array: int, values: NDArray[Any]) -> None:
    """
    Give a signal, in place, new values along one axis; name, units and binning stay.

    Parameters
    ----------
    signal : hyperspy signal
        Signal whose data already have the new length.
    index_in_array : int
        Position of the axis in the array.
    values : ndarray of shape (length,)
        Ordered axis values.
    """
    manager = signal.axes_manager
    old = manager._axes[index_in_array]
    axis = make_axis(
        values, name=old.name, units=old.units, navigate=old.navigate, is_binned=old.is_binned
    )
    axis.axes_manager = manager
    manager.set_axis(axis, index_in_array)
