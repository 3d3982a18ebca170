"""Signals of class probabilities, and the label maps that follow from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

UNDECIDED = -1


def probability_signal(signal: Any, probabilities: Any) -> Any:
    """Return probabilities as a signal over the navigation axes of `signal`, lazy if they are."""
    axes = [axis.get_axis_dictionary() for axis in signal.axes_manager.navigation_axes[::-1]]
    axes.append({"name": "class", "size": probabilities.shape[-1], "navigate": False})
    out = signal_over(probabilities, axes, dimension=1)
    title = signal.metadata.General.title
    out.metadata.General.title = "class probabilities" + (f" of {title}" if title else "")
    out.metadata.set_item("SpecAug.classes", list(signal.classes))
    return out


def label_map(probability: Any) -> Any:
    """Return the most probable class of each position, over the navigation axes.

    Lazy if the probabilities are: then a chunk of codes follows from a chunk of probabilities.
    """
    codes = _over_chunks(most_probable, probability.data, np.dtype(np.int16))
    return over_navigation(codes, probability, "label map")


def over_navigation(values: Any, probability: Any, title: str) -> Any:
    """Return one value per position as a signal whose axes are the navigation axes.

    Lazy if the values are.
    """
    axes = [axis.get_axis_dictionary() for axis in probability.axes_manager.navigation_axes[::-1]]
    for axis in axes:
        axis["navigate"] = False
    out = signal_over(values if values.ndim else values.reshape(1), axes, dimension=values.ndim)
    out.metadata.General.title = title
    out.metadata.set_item("SpecAug.classes", probability.metadata.SpecAug.classes)
    return out


def describe(codes: Any, classes: Sequence[str]) -> str:
    """Say how large a label map is, and the share of each class if that costs nothing."""
    size = codes.data.size
    if codes._lazy:
        return f"{size} positions, not computed: result.compute(), plot_map() or save(path) does it"
    found = ", ".join(
        f"{name} {np.mean(codes.data == code):.1%}" for code, name in enumerate(classes)
    )
    return f"{size} positions: {found}"


def confidence(probability: Any) -> Any:
    """Return the probability of the most probable class; a Dask array if they are lazy."""
    return _over_chunks(_largest, probability.data, probability.data.dtype)


def most_probable(probabilities: np.ndarray) -> np.ndarray:
    """Return class codes (...) of probabilities (..., n_classes); −1 where any is NaN."""
    undecided = np.isnan(probabilities).any(axis=-1)
    codes = np.where(undecided, UNDECIDED, np.nan_to_num(probabilities).argmax(axis=-1))
    return codes.astype(np.int16)


def _largest(probabilities: np.ndarray) -> np.ndarray:
    return probabilities.max(axis=-1)


def _over_chunks(
    function: Callable[[np.ndarray], np.ndarray], probabilities: Any, dtype: np.dtype
) -> Any:
    """Apply a function that takes away the axis of the classes."""
    if isinstance(probabilities, np.ndarray):
        return function(probabilities)
    last = probabilities.ndim - 1
    # Files may split the classes, or store several chunks of the map in one.
    whole = probabilities.rechunk({last: -1})
    meta = np.empty((0,) * last, dtype=dtype)
    return whole.map_blocks(function, drop_axis=last, dtype=dtype, meta=meta)


def signal_over(data: Any, axes: list[dict[str, Any]], dimension: int) -> Any:
    """Return HyperSpy's plain signal of data with the axes given, lazy if the data are."""
    from hyperspy import signals

    kind = {1: "Signal1D", 2: "Signal2D"}.get(dimension)
    if isinstance(data, np.ndarray):
        cls = getattr(signals, kind or "BaseSignal")
    else:
        cls = getattr(signals, f"Lazy{kind or 'Signal'}")
    return cls(data, axes=axes or None)
