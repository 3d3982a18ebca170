"""Drawing of label maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._colours import CLASS_COLOURS, class_colours

UNLABELLED_COLOUR = "#D3D3D3"


def _edges(values: np.ndarray) -> np.ndarray:
    """Return the borders between pixels whose centres are given."""
    if values.size == 1:
        return np.array([values[0] - 0.5, values[0] + 0.5])
    middle = (values[1:] + values[:-1]) / 2
    return np.concatenate([[2 * values[0] - middle[0]], middle, [2 * values[-1] - middle[-1]]])


def _axis_label(axis: Any, fallback: str) -> str:
    name = axis.name if isinstance(axis.name, str) and axis.name else fallback
    return f"{name} ({axis.units})" if isinstance(axis.units, str) and axis.units else name


def plot_label_map(codes: np.ndarray, classes: Sequence[str], axes: Any, ax: Any = None) -> Any:
    """Draw class codes over one or two navigation axes.

    Parameters
    ----------
    codes : numpy.ndarray of int, of shape (width,) or (height, width)
        -1 is unlabelled.
    classes : sequence of str
    axes : sequence of hyperspy.axes.BaseDataAxis
        Navigation axes, x first.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
    """
    if codes.ndim not in (1, 2):
        raise ValueError(
            f"a label map needs 1 or 2 navigation dimensions, the signal has {codes.ndim}; pick "
            "some with inav first"
        )
    import matplotlib.pyplot as plt  # here: importing a signal must not set up a plotting backend
    from matplotlib.colors import BoundaryNorm, ListedColormap
    from matplotlib.patches import Patch

    if ax is None:
        size = (7.0, 1.9) if codes.ndim == 1 else (6.4, 4.8)
        ax = plt.figure(figsize=size, layout="constrained").add_subplot()
    colours = [UNLABELLED_COLOUR, *class_colours(len(classes))]
    y_edges = np.array([0.0, 1.0]) if codes.ndim == 1 else _edges(axes[1].axis)
    ax.pcolormesh(
        _edges(axes[0].axis),
        y_edges,
        np.atleast_2d(codes),
        cmap=ListedColormap(colours),
        norm=BoundaryNorm(np.arange(-1.5, len(classes) + 0.5), len(colours)),
    )
    ax.set_xlabel(_axis_label(axes[0], "x"))
    if codes.ndim == 1:
        ax.set_yticks([])
    else:
        ax.set_ylabel(_axis_label(axes[1], "y"))
        ax.set_ylim(y_edges[-1], y_edges[0])  # first row on top, as in an image
        if axes[0].units == axes[1].units and axes[0].is_uniform and axes[1].is_uniform:
            ax.set_aspect("equal")
    handles = [
        Patch(color=colours[code + 1], label=f"{name} ({np.count_nonzero(codes == code)})")
        for code, name in enumerate(classes)
    ]
    unlabelled = int(np.count_nonzero(codes == -1))
    if unlabelled:
        handles.append(Patch(color=UNLABELLED_COLOUR, label=f"unlabelled ({unlabelled})"))
    ax.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False)
    return ax


def plot_value_map(values: np.ndarray, axes: Any, name: str, ax: Any) -> Any:
    """Draw a quantity between 0 and 1 over one or two navigation axes.

    Parameters
    ----------
    values : numpy.ndarray of shape (width,) or (height, width)
    axes : sequence of hyperspy.axes.BaseDataAxis
        Navigation axes, x first.
    name : str
        What the values are, with units if any.
    ax : matplotlib.axes.Axes

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax.set_xlabel(_axis_label(axes[0], "x"))
    if values.ndim == 1:
        ax.plot(axes[0].axis, values, ".", color=CLASS_COLOURS[0], markersize=4)
        ax.set_ylabel(name)
        ax.set_ylim(0.0, 1.05)
        return ax
    y_edges = _edges(axes[1].axis)
    mesh = ax.pcolormesh(_edges(axes[0].axis), y_edges, values, cmap="viridis", vmin=0.0, vmax=1.0)
    ax.set_ylabel(_axis_label(axes[1], "y"))
    ax.set_ylim(y_edges[-1], y_edges[0])
    if axes[0].units == axes[1].units and axes[0].is_uniform and axes[1].is_uniform:
        ax.set_aspect("equal")
    ax.figure.colorbar(mesh, ax=ax, label=name)
    return ax
