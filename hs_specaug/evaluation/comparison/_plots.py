"""Figures of a comparison: every metric beside what real rows score, and rows that are too near."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np

from ..._colours import CLASS_COLOURS
from ..metrics._memorisation_plot import plot_pairs

if TYPE_CHECKING:
    from ..._axes import SignalAxis
    from ..metrics._memorisation import MemorisationReport
    from ._usefulness import Usefulness

REAL_COLOUR, GOOD_COLOUR, BAD_COLOUR = "#999999", CLASS_COLOURS[0], CLASS_COLOURS[5]
COLUMNS = 4


class ComparisonPlots:
    """The figures, as methods of a report."""

    classes: tuple[str, ...]
    values: dict[str, np.ndarray]
    baseline: dict[str, np.ndarray]
    intervals: dict[str, np.ndarray]
    reached: dict[str, np.ndarray]
    titles: dict[str, str]
    usefulness: Usefulness | None
    memorisation: dict[str, MemorisationReport]
    axis: SignalAxis | None

    def plot(self, metrics: Sequence[str] | None = None) -> Any:
        """Draw each figure of each class beside the interval of real against real.

        A grey bar is the interval of real rows, its dark line their mean. Synthetic rows are a
        blue dot where they are as good, an orange cross where they are not. Further panels show
        the macro F-scores of the usefulness and the distance ratios of the memorisation.

        Parameters
        ----------
        metrics : sequence of str or None
            Keys of `values`; None draws all that could be computed, and the further panels.

        Returns
        -------
        matplotlib.figure.Figure

        Raises
        ------
        ValueError
            If a metric is not in the report, or there is nothing to draw.
        """
        import matplotlib.pyplot as plt

        unknown = [m for m in metrics or () if m not in self.values]
        if unknown:
            raise ValueError(f"no metrics {unknown} in this report; it has {list(self.values)}")
        shown = [m for m in metrics or self.values if not np.isnan(self.values[m]).all()]
        more = metrics is None
        panels: list[Any] = [partial(self._draw_metric, metric=m) for m in shown]
        panels += [self._draw_ratios] * (more and bool(self.memorisation))
        panels += [self._draw_usefulness] * (more and self.usefulness is not None)
        if not panels:
            raise ValueError("nothing to draw: no figure could be computed; report.notes says why")
        columns = min(COLUMNS, len(panels))
        lines = math.ceil(len(panels) / columns)
        side = 4 if columns > 2 else columns  # so many entries of the legend fit side by side
        height = 0.9 + 0.28 * max(len(self.classes), 3)
        figure, axes = plt.subplots(
            lines,
            columns,
            figsize=(1.2 + 2.6 * columns, 0.25 + 0.25 * (4 // side) + height * lines),
            layout="constrained",
            squeeze=False,
        )
        for ax, draw in zip(axes.ravel(), panels, strict=False):
            draw(ax)
        for k, ax in enumerate(axes.ravel()):
            ax.set_visible(k < len(panels))
            if k % columns:
                ax.set_yticklabels([])
        figure.legend(handles=_legend(), loc="outside lower center", ncols=side, frameon=False)
        return figure

    def _draw_metric(self, ax: Any, metric: str) -> None:
        low, high = self.intervals[metric]
        _draw_rows(
            ax,
            self.values[metric],
            self.reached[metric],
            centre=self.baseline[metric],
            bars=(low, high),
        )
        self._name_classes(ax, self.titles[metric])

    def _draw_ratios(self, ax: Any) -> None:
        from ._text import has_copied

        found = [self.memorisation.get(name) for name in self.classes]
        ratios = np.array([np.nan if r is None else r.ratio for r in found])
        baseline = np.array([np.nan if r is None else r.baseline_ratio for r in found])
        good = np.array([r is None or not has_copied(r) for r in found])
        _draw_rows(ax, ratios, good, centre=baseline)
        self._name_classes(ax, "distance to training / unseen rows")

    def _draw_usefulness(self, ax: Any) -> None:
        assert self.usefulness is not None
        reports = self.usefulness.reports
        for k, (name, report) in enumerate(reports.items()):
            low, high = report.intervals["f_score"][:, -1]
            colour = REAL_COLOUR if name == "real" else GOOD_COLOUR
            ax.plot([low, high], [k, k], color=colour, linewidth=3, solid_capstyle="butt")
            ax.plot(report.macro_f_score, k, "o", color=colour, markersize=6)
            ax.text(0.02, k - 0.18, name, transform=ax.get_yaxis_transform(), va="bottom")
        ax.set_yticks([])
        ax.set_ylim(len(reports) - 0.5, -0.7)
        ax.spines[["top", "right"]].set_visible(False)
        ax.set_title("macro F-score, trained on", fontsize="medium")

    def _name_classes(self, ax: Any, title: str) -> None:
        ax.set_yticks(range(len(self.classes)), self.classes)
        ax.set_ylim(len(self.classes) - 0.5, -0.5)
        ax.set_title(title, fontsize="medium")
        ax.locator_params(axis="x", nbins=4)

    def plot_flagged(self, n: int = 3, *, classes: Sequence[str] | None = None) -> Any:
        """Draw synthetic rows that are too near to a training row, each with that row.

        Parameters
        ----------
        n : int, default 3
            Pairs per class, the nearest first.
        classes : sequence of str or None
            Which classes; all by default.

        Returns
        -------
        matplotlib.figure.Figure
            Says so where no row is too near.

        Raises
        ------
        ValueError
            If memorisation was not computed, a class is unknown, or `n` is below 1.
        """
        if not self.memorisation:
            raise ValueError(
                "memorisation was not computed; pass the rows that the generator was trained on "
                "as training= and y_training="
            )
        if not isinstance(n, Integral) or n < 1:
            raise ValueError(f"n must be a whole number, at least 1, got {n!r}")
        unknown = [c for c in classes or () if c not in self.memorisation]
        if unknown:
            raise ValueError(
                f"memorisation is not known of {unknown}, only of {list(self.memorisation)}"
            )
        found = {name: self.memorisation[name] for name in classes or self.memorisation}
        titles = [
            f"{name}: synthetic {i}, training {j}, "
            + ("a copy" if copy else f"distance {report.distances[i]:.3g}")
            for name, report in found.items()
            for i, j, copy, _ in zip(
                report.flagged,
                report.nearest,
                report.copies,
                report.flagged_rows[:n],
                strict=False,
            )
        ]
        rows = [np.concatenate([r.flagged_rows[:n] for r in found.values()])]
        rows.append(np.concatenate([r.nearest_rows[:n] for r in found.values()]))
        return plot_pairs(rows[0], rows[1], titles, self.axis)


def _draw_rows(
    ax: Any,
    values: np.ndarray,
    good: np.ndarray,
    *,
    centre: np.ndarray,
    bars: tuple[np.ndarray, np.ndarray] | None = None,
) -> None:
    """Draw one line per class: what real rows have in grey, the synthetic value on top."""
    y = np.arange(len(values))
    if bars is not None:
        ax.barh(y, bars[1] - bars[0], left=bars[0], height=0.55, color=REAL_COLOUR, alpha=0.45)
    ax.plot(centre, y, "|", color="#444444", markersize=11, markeredgewidth=1.5)
    ax.plot(values[good], y[good], "o", color=GOOD_COLOUR, markersize=6)
    bad = ~good & ~np.isnan(values)
    ax.plot(values[bad], y[bad], "X", color=BAD_COLOUR, markersize=7, markeredgecolor="white")
    for k in y[np.isnan(values)]:
        ax.annotate("too few rows", (0.5, k), xycoords=("axes fraction", "data"), ha="center",
                    va="center", fontsize="x-small", color="#666666")  # fmt: skip
    ax.spines[["top", "right"]].set_visible(False)
    ax.use_sticky_edges = False
    ax.margins(x=0.08)


def _legend() -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    return [
        Patch(color=REAL_COLOUR, alpha=0.45, label="real against real, interval"),
        Line2D([], [], marker="|", color="#444444", linestyle="", markersize=11, label="mean"),
        Line2D([], [], marker="o", color=GOOD_COLOUR, linestyle="", label="synthetic, as good"),
        Line2D([], [], marker="X", color=BAD_COLOUR, linestyle="", label="synthetic, worse"),
    ]
