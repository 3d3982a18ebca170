"""Figures of a search and of a size curve; colours of Okabe and Ito, and a marker each."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..studies._statistics import SCORE_NAMES
from ._candidates import BASELINE, COMPOSITE, NO_OVERSAMPLING, RIVAL

if TYPE_CHECKING:
    from ._ranking import StrategyRanking
    from ._size_curve import SizeCurve

STYLES = {
    COMPOSITE: ("#0072B2", "o", "augmentation"),
    BASELINE: ("#D55E00", "s", "without augmentation"),
    RIVAL: ("#009E73", "D", "other generator"),
}
CURVES = (("#0072B2", "o"), ("#D55E00", "s"), ("#009E73", "D"), ("#CC79A7", "^"), ("#000000", "v"))


def plot_ranking(ranking: StrategyRanking, ax: Any = None) -> Any:
    """Draw mean scores with the intervals of their paired gains, best on top.

    The intervals are those of the differences to no oversampling, drawn around the mean
    scores: where one leaves the vertical line out, the difference is beyond chance before any
    correction for the number of strategies. Hollow marks were eliminated.

    Parameters
    ----------
    ranking : StrategyRanking
        What to draw.
    ax : matplotlib.axes.Axes or None
        Where to draw; None makes a figure.

    Returns
    -------
    matplotlib.axes.Axes
    """
    import matplotlib.pyplot as plt

    rows = ranking.rows
    if ax is None:
        ax = plt.subplots(figsize=(8.5, 1.6 + 0.27 * len(rows)), layout="constrained")[1]
    none = ranking[NO_OVERSAMPLING]["score"]
    ax.axvline(none, color="#D55E00", linewidth=1.0, linestyle="--", zorder=0)
    labelled: set[str] = set()
    for position, row in enumerate(rows):
        colour, marker, label = STYLES[row["kind"]]
        value = none + row["gain"]  # of the repetitions that it shares with no oversampling
        ends = None
        if row["strategy"] != NO_OVERSAMPLING and not math.isnan(row["gain_low"]):
            ends = [[row["gain"] - row["gain_low"]], [row["gain_high"] - row["gain"]]]
        ax.errorbar(
            [value],
            [position],
            xerr=ends,
            fmt=marker,
            color=colour,
            markerfacecolor="white" if row["eliminated"] else colour,
            elinewidth=0.8 if row["eliminated"] else 1.6,
            alpha=0.6 if row["eliminated"] else 1.0,
            capsize=2.5,
            label=None if label in labelled else label,
        )
        labelled.add(label)
    ax.set_yticks(range(len(rows)), [row["strategy"] for row in rows])
    for text, row in zip(ax.get_yticklabels(), rows, strict=True):
        text.set_color(STYLES[row["kind"]][0] if row["kind"] != COMPOSITE else "black")
    ax.set_ylim(len(rows) - 0.4, -0.6)
    # Few repetitions give wide intervals; nobody needs to see where beyond 0 or 1 they end.
    left, right = ax.get_xlim()
    if ranking.scoring in SCORE_NAMES:
        ax.set_xlim(max(left, -0.02), min(right, 1.02))
    ax.set_xlabel(f"{ranking.score_name}\nbars: 95 % interval of the gain over no oversampling")
    ax.grid(axis="x", alpha=0.3)
    ax.legend(
        frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, fontsize="small"
    )
    return ax


def plot_size_curve(curve: SizeCurve, ax: Any = None) -> Any:
    """Draw scores with 95 % intervals, and wall time, against rows per class.

    Parameters
    ----------
    curve : SizeCurve
        What to draw.
    ax : matplotlib.axes.Axes or None
        Where to draw; None makes a figure. Wall time gets an axis of its own on the right.

    Returns
    -------
    matplotlib.axes.Axes
    """
    import matplotlib.pyplot as plt

    if ax is None:
        ax = plt.subplots(figsize=(7.0, 4.2), layout="constrained")[1]
    sizes = np.array(curve.sizes, dtype=float)
    # The classifiers stand beside each other, so that their intervals can be told apart.
    step = 0.012 * (sizes.max() - sizes.min() or 1.0)
    for i, name in enumerate(curve.classifiers):
        colour, marker = CURVES[i % len(CURVES)]
        mean, low, high = curve.intervals(name)
        ax.errorbar(
            sizes + step * (i - (len(curve.classifiers) - 1) / 2),
            mean,
            yerr=np.nan_to_num(np.array([mean - low, high - mean])),
            color=colour,
            marker=marker,
            capsize=2.5,
            linewidth=1.4,
            label=name,
        )
        none = curve.no_oversampling[name].mean()
        ax.axhline(none, color=colour, linestyle=":", linewidth=1.2)
    ax.plot([], [], color="0.4", linestyle=":", label="no oversampling")
    time_axis = ax.twinx()
    seconds = np.mean([curve.seconds[name].mean(axis=1) for name in curve.classifiers], axis=0)
    time_axis.plot(sizes, seconds, color="black", linestyle="--", linewidth=1.0)
    time_axis.set_ylim(bottom=0.0)
    time_axis.set_ylabel("wall time of one fit (s), dashed")
    ax.set_xlabel("rows per class")
    ax.set_ylabel(f"{curve.score_name} on untouched real rows")
    ax.grid(alpha=0.3)
    ax.legend(frameon=False, loc="lower right", fontsize="small")
    return ax
