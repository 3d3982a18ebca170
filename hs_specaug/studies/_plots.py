"""Figures of a study."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._colours import class_colours
from ._comparisons import mean_of
from ._methods import AUGMENTATION
from ._statistics import SCORE_NAMES

if TYPE_CHECKING:
    from ._ranks import RankComparison
    from ._result import StudyResult

COLOURS = {True: "#0072B2", False: "#D55E00"}
MARKERS = "osD^vPX*<>hp"


def plot_scores(result: StudyResult, score: str) -> Any:
    """Draw means and standard deviations, one panel for each classifier.

    With one ratio, methods stand under each other; with several, each is a line over them.

    Parameters
    ----------
    result : StudyResult
        What to draw.
    score : str
        See :meth:`StudyResult.scores`.

    Returns
    -------
    ndarray of matplotlib.axes.Axes
    """
    import matplotlib.pyplot as plt

    classifiers = result.classifiers
    several = len(result.ratios) > 1
    columns = min(3, len(classifiers))
    rows = -(-len(classifiers) // columns)
    height = 3.2 if several else 1.1 + 0.26 * len(result.methods)
    figure, axes = plt.subplots(
        rows,
        columns,
        figsize=(1.6 + 3.1 * columns, 0.4 + height * rows),
        sharex=True,
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    for ax in axes.flat[len(classifiers) :]:
        ax.set_visible(False)
    lowest = axes.flat[max(0, len(classifiers) - columns) : len(classifiers)]
    for ax in lowest:
        ax.tick_params(labelbottom=True)
    found = result.scores(score)
    draw = _over_ratios if several else _under_each_other
    for ax, classifier in zip(axes.flat, classifiers, strict=False):
        draw(ax, result, found, classifier)
        ax.set_title(classifier, fontsize="medium")
    name = SCORE_NAMES.get(score, score)
    (figure.supylabel if several else figure.supxlabel)(f"{name}, mean and standard deviation")
    for ax in lowest if several else ():
        ax.set_xlabel(result.ratio_kind)
    handles: dict[str, Any] = {}
    for ax in axes.flat:
        handles |= dict(zip(*reversed(ax.get_legend_handles_labels()), strict=True))
    figure.legend(handles.values(), handles, loc="outside upper center", frameon=False, ncols=4)
    return axes


def _under_each_other(ax: Any, result: StudyResult, found: Any, classifier: str) -> None:
    methods = list(result.methods)
    (ratio,) = result.ratios
    for position, method in enumerate(methods):
        values = found.get((ratio, method, classifier))
        if not values:
            continue
        made = result.methods[method] == AUGMENTATION
        ax.errorbar(
            mean_of(values),
            position,
            xerr=_spread(values),
            fmt="o" if made else "s",
            color=COLOURS[made],
            capsize=2.5,
            label="augmentation" if made else "baseline",
        )
    none = found.get((ratio, methods[0], classifier))
    if none:
        ax.axvline(mean_of(none), color="0.6", linestyle=":", linewidth=1.0, zorder=0)
    ax.set_yticks(range(len(methods)), methods)
    ax.set_ylim(len(methods) - 0.5, -0.5)
    ax.grid(axis="x", alpha=0.3)


def _over_ratios(ax: Any, result: StudyResult, found: Any, classifier: str) -> None:
    ratios = list(result.ratios)
    colours = class_colours(len(result.methods))
    for i, (method, kind) in enumerate(result.methods.items()):
        here = [k for k, ratio in enumerate(ratios) if found.get((ratio, method, classifier))]
        if not here:
            continue
        values = [found[ratios[k], method, classifier] for k in here]
        ax.errorbar(
            # Side by side, so that their bars can be told apart.
            np.array(here) + 0.03 * (i - (len(result.methods) - 1) / 2),
            [mean_of(v) for v in values],
            yerr=[_spread(v) for v in values],
            color=colours[i],
            marker=MARKERS[i % len(MARKERS)],
            linestyle="-" if kind == AUGMENTATION else "--",
            linewidth=1.2,
            elinewidth=0.7,
            capsize=2.0,
            label=method,
        )
    numbers = [result.ratios[ratio] for ratio in ratios]
    labels = [ratio if v is None else f"{v:g}" for v, ratio in zip(numbers, ratios, strict=True)]
    ax.set_xticks(range(len(ratios)), labels)
    ax.grid(alpha=0.3)


def _spread(values: dict[int, float]) -> float:
    return float(np.std(list(values.values()), ddof=1)) if len(values) > 1 else 0.0


def plot_ranks(comparison: RankComparison, ax: Any = None) -> Any:
    """Draw a critical-difference diagram (Demšar 2006, figure 1).

    Methods hang from an axis of average ranks, the best on the left; a bar joins those that
    cannot be told apart.

    Parameters
    ----------
    comparison : RankComparison
        What to draw.
    ax : matplotlib.axes.Axes or None
        Where to draw; None makes a figure.

    Returns
    -------
    matplotlib.axes.Axes
    """
    import matplotlib.pyplot as plt

    names, ranks = comparison.methods, comparison.ranks
    k = len(names)
    bars = 0.35 * len(comparison.cliques)
    depth = 0.9 + bars + 0.55 * -(-k // 2)
    if ax is None:
        ax = plt.subplots(figsize=(8.0, 0.9 + 0.55 * depth), layout="constrained")[1]
    ax.axis("off")
    margin = 0.3 * (k - 1)
    ax.set_xlim(1 - margin - 0.25 * k, k + margin + 0.25 * k)
    ax.set_ylim(depth, -1.3)
    ax.plot([1, k], [0, 0], color="black", linewidth=1.2)
    for rank in range(1, k + 1):
        ax.plot([rank, rank], [0, -0.15], color="black", linewidth=1.0)
        ax.text(rank, -0.25, str(rank), ha="center", va="bottom", fontsize="small")
    half = -(-k // 2)
    for i, (name, rank) in enumerate(zip(names, ranks, strict=True)):
        left = i < half
        level = 0.9 + bars + 0.55 * (i if left else k - 1 - i)
        end = 1 - margin if left else k + margin
        ax.plot([rank, rank, end], [0, level, level], color="0.35", linewidth=0.9)
        ax.text(
            end - 0.05 if left else end + 0.05,
            level,
            f"{name}  {rank:.2f}" if left else f"{rank:.2f}  {name}",
            ha="right" if left else "left",
            va="center",
            fontsize="small",
        )
    for i, clique in enumerate(comparison.cliques):
        ends = [ranks[names.index(clique[0])] - 0.03, ranks[names.index(clique[-1])] + 0.03]
        ax.plot(ends, [0.35 * (i + 1)] * 2, color="#0072B2", linewidth=4.0, solid_capstyle="round")
    if not np.isnan(comparison.critical_difference):
        ends = [1.0, 1.0 + comparison.critical_difference]
        ax.plot(ends, [-0.95, -0.95], color="#D55E00", linewidth=2.0)
        ax.text(ends[1] + 0.05, -0.95, "critical difference", va="center", fontsize="small")
    else:
        ax.set_title(
            f"average rank over {comparison.n_blocks} blocks; bars: not told apart "
            "(Wilcoxon, Holm)",
            fontsize="small",
        )
    return ax
