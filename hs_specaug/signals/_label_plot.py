"""Drawing of label maps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .._colours import CLASS_COLOURS, class_colours

UNLABELLED_COLOUR = "#D3D3D3"

#: Inches that a line of a legend takes, and a letter in it.
LINE, LETTER = 0.22, 0.085
#: Of a legend that makes its figure grow.
MOST_LINES = 16


def axis_edges(values: np.ndarray) -> np.ndarray:
    """Return the borders between pixels whose centres are given."""
    if values.size == 1:
        return np.array([values[0] - 0.5, values[0] + 0.5])
    middle = (values[1:] + values[:-1]) / 2
    return np.concatenate([[2 * values[0] - middle[0]], middle, [2 * values[-1] - middle[-1]]])


def _axis_label(axis: Any, fallback: str) -> str:
    name = axis.name if isinstance(axis.name, str) and axis.name else fallback
    return f"{name} ({axis.units})" if isinstance(axis.units, str) and axis.units else name


def legend_beside(ax: Any, handles: Sequence[Any], grow: bool) -> None:
    """Draw a legend to the right of `ax`, in as many columns as it takes.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    handles : sequence of matplotlib.artist.Artist
    grow : bool
        Whether the figure may become larger, so that nothing is cut off.
    """
    figure = ax.figure.figure  # that of a subfigure, too
    height = ax.bbox.height / figure.dpi
    lines = max(1, MOST_LINES if grow else int(height / LINE))
    columns = math.ceil(len(handles) / lines)
    if grow:
        longest = max(len(handle.get_label()) for handle in handles)
        wanted = math.ceil(len(handles) / columns) * LINE
        width = columns * (LETTER * longest + 0.6) - 1.6  # for which there is room
        figure.set_figheight(figure.get_figheight() * max(1.0, wanted / height))
        figure.set_figwidth(figure.get_figwidth() + max(0.0, width))
    # A fixed aspect then leaves room on the left and below only, and the layout fits the legend.
    ax.set_anchor("NE")
    ax.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(1.01, 1.0),
        borderaxespad=0.0,
        frameon=False,
        ncols=columns,
    )


def plot_label_map(
    codes: np.ndarray,
    classes: Sequence[str],
    axes: Any,
    ax: Any = None,
    more: Sequence[Any] = (),
    grow: bool = False,
) -> Any:
    """Draw class codes over one or two navigation axes.

    Parameters
    ----------
    codes : numpy.ndarray of int, of shape (width,) or (height, width)
        -1 is unlabelled.
    classes : sequence of str
    axes : sequence of hyperspy.axes.BaseDataAxis
        Navigation axes, x first.
    ax : matplotlib.axes.Axes, optional
    more : sequence of matplotlib.artist.Artist
        What the legend explains besides the classes.
    grow : bool
        Whether the figure of `ax` may become larger for the legend; one made here may.

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

    own = ax is None
    if own:
        grow = True
        size = (7.0, 1.9) if codes.ndim == 1 else (6.4, 4.8)
        ax = plt.figure(figsize=size, layout="constrained").add_subplot()
    colours = [UNLABELLED_COLOUR, *class_colours(len(classes))]
    y_edges = np.array([0.0, 1.0]) if codes.ndim == 1 else axis_edges(axes[1].axis)
    ax.pcolormesh(
        axis_edges(axes[0].axis),
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
    legend_beside(ax, [*handles, *more], grow)
    if own:
        # Tick labels change with the size of the axes: a second layout leaves room for them.
        ax.figure.draw_without_rendering()
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
    y_edges = axis_edges(axes[1].axis)
    mesh = ax.pcolormesh(
        axis_edges(axes[0].axis), y_edges, values, cmap="viridis", vmin=0.0, vmax=1.0
    )
    ax.set_ylabel(_axis_label(axes[1], "y"))
    ax.set_ylim(y_edges[-1], y_edges[0])
    if axes[0].units == axes[1].units and axes[0].is_uniform and axes[1].is_uniform:
        ax.set_aspect("equal")
    ax.figure.colorbar(mesh, ax=ax, label=name)
    return ax
