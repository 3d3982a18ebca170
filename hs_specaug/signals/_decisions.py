"""Maps of what follows from calibrated probabilities: classes, how sure they are, and sets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..classifiers._calibrated import Calibration, percentage
from . import _maps
from ._label_plot import axis_edges

VEIL = "#C8C8C8"
HATCHING: dict[str, Any] = {"hatch": "////", "edgecolor": "#404040", "linewidth": 0.0}
#: Each hatched position is a polygon of its own; more of them than this are too fine to see.
MOST_HATCHED = 20_000


class CalibratedModel:
    """A fitted model and its calibration, as one thing that predicts a map.

    Parameters
    ----------
    model : fitted estimator with `predict_proba`
    calibration : Calibration
        In the order of ``model.classes_``.
    """

    def __init__(self, model: Any, calibration: Calibration) -> None:
        self.model = model
        self.calibration = calibration
        self.classes_ = model.classes_

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return calibrated probabilities of shape (n, n_classes)."""
        return self.calibration.apply(self.model.predict_proba(X))


def assigned_probability(probability: Any, calibration: Calibration | None) -> Any:
    """Return the probabilities with all but that of the assigned class set to 0.

    Its largest value is where the label map says, and is the probability that the class is right.

    Parameters
    ----------
    probability : signal
        Calibrated probabilities.
    calibration : Calibration or None
        In the order of the channels. None, of files from before it was kept, decides for the most
        probable class.
    """
    if calibration is None or calibration.takes_most_probable:
        return probability

    def only_assigned(q: np.ndarray) -> np.ndarray:
        chosen = np.arange(q.shape[-1]) == calibration.decide(q)[..., np.newaxis]
        return np.where(chosen | np.isnan(q), q, 0)

    data = probability.data
    if not isinstance(data, np.ndarray):
        data = whole_classes(data).map_blocks(only_assigned, dtype=data.dtype)
    else:
        data = only_assigned(data)
    return probability._deepcopy_with_new_data(data)


def prediction_sets(probability: Any, calibration: Calibration) -> Any:
    """Return which classes the set of each position contains: a signal of booleans."""
    data = probability.data
    if not isinstance(data, np.ndarray):
        data = whole_classes(data).map_blocks(calibration.sets, dtype=bool)
    else:
        data = calibration.sets(data)
    out = probability._deepcopy_with_new_data(data)
    out.metadata.General.title = f"prediction sets at {percentage(calibration.confidence)}"
    return out


def not_sure(probability: Any, calibration: Calibration) -> Any:
    """Return the positions whose set has not exactly one class: a signal like the label map."""

    def open_sets(q: np.ndarray) -> np.ndarray:
        sizes = calibration.sets(q).sum(axis=-1)
        return (sizes != 1) & ~np.isnan(q).any(axis=-1)

    data = probability.data
    if not isinstance(data, np.ndarray):
        data = whole_classes(data).map_blocks(open_sets, drop_axis=data.ndim - 1, dtype=bool)
    else:
        data = open_sets(data)
    return _maps.over_navigation(
        data, probability, f"not sure at {percentage(calibration.confidence)}"
    )


def compute_maps(label_map: Any, assigned: Any, unsure: Any) -> tuple[np.ndarray, Any]:
    """Bring a lazy label map into memory, with two maps from the same pass over the data.

    Parameters
    ----------
    label_map : signal
        In place.
    assigned : signal
        From :func:`assigned_probability`; stays as it is.
    unsure : signal or None
        From :func:`not_sure`; stays as it is.

    Returns
    -------
    confidence : ndarray
        Probability of the assigned class.
    unsure : ndarray of bool or None
    """
    import dask

    wanted = [_maps.confidence(assigned), None if unsure is None else unsure.data]
    codes, *maps = dask.compute(label_map.data, *wanted)
    if label_map._lazy:
        label_map.data = dask.array.from_array(codes)
        label_map.compute(show_progressbar=False)
    return maps[0], maps[1]


def whole_classes(data: Any) -> Any:
    """Return a Dask array with all classes in one chunk; files may split them."""
    return data.rechunk({data.ndim - 1: -1})


def describe_sets(unsure: Any, confidence: float) -> str:
    """Say at how many positions the prediction set has exactly one class."""
    if unsure._lazy:
        return f"prediction sets at {percentage(confidence)}"
    return f"prediction sets at {percentage(confidence)}: not sure at {np.mean(unsure.data):.1%}"


def not_sure_patch(unsure: np.ndarray) -> Any:
    """Return what explains :func:`hatch_not_sure` in a legend."""
    from matplotlib.patches import Patch

    n = int(np.count_nonzero(unsure))
    return Patch(facecolor=VEIL, label=f"not sure ({n})", **HATCHING)


def hatch_not_sure(ax: Any, unsure: np.ndarray, axes: Sequence[Any]) -> None:
    """Draw a grey hatching over the positions that are not sure.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        With a label map.
    unsure : ndarray of bool of shape (width,) or (height, width)
    axes : sequence of hyperspy.axes.BaseDataAxis
        Navigation axes, x first.
    """
    from matplotlib.collections import PolyCollection
    from matplotlib.colors import ListedColormap

    edges = [axis_edges(axes[0].axis), np.array([0.0, 1.0])]
    if unsure.ndim == 2:
        edges[1] = axis_edges(axes[1].axis)
    n = int(np.count_nonzero(unsure))
    cells = np.ma.masked_equal(np.atleast_2d(unsure), False)
    ax.pcolormesh(*edges, cells, cmap=ListedColormap([VEIL]), alpha=0.6, zorder=2)
    if 0 < n <= MOST_HATCHED:
        x, y = edges
        corners = [
            [(x[j], y[i]), (x[j + 1], y[i]), (x[j + 1], y[i + 1]), (x[j], y[i + 1])]
            for i, j in np.argwhere(np.atleast_2d(unsure)).tolist()
        ]
        ax.add_collection(PolyCollection(corners, facecolor="none", zorder=3, **HATCHING))
