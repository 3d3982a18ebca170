"""Calibration of held-out rows, before and after correction: numbers and reliability diagram."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import check_random_state

from ..._colours import class_colours
from ...classifiers._calibrated import percentage
from ._curves import (
    ReliabilityCurve,
    brier_score,
    classwise_curves,
    expected_calibration_error,
    ideal_calibration_error,
    negative_log_likelihood,
)

BEFORE, AFTER = "before", "after"
#: Of the legend of a reliability diagram.
MOST_LINES = 18


class OutOfFold(NamedTuple):
    """What models said about held-out measured rows, pooled over the folds.

    Attributes
    ----------
    rows : ndarray of int of shape (n,)
        Which rows; repeated folds score a row several times.
    codes, assigned : ndarray of int of shape (n,)
        True classes, and those that were decided for.
    before, after : ndarray of shape (n, n_classes)
        Probabilities of the classifier, and the same corrected and calibrated.
    sets : ndarray of bool of shape (n, n_classes) or None
        Prediction sets.
    """

    rows: np.ndarray
    codes: np.ndarray
    assigned: np.ndarray
    before: np.ndarray
    after: np.ndarray
    sets: np.ndarray | None = None


@dataclass(repr=False)
class CalibrationReport:
    """Whether probabilities of held-out measured rows mean what they say.

    `before` is what the classifier gave, `after` what was made of it.

    Attributes
    ----------
    classes : tuple of str
        Class names.
    curves : dict of str to list of ReliabilityCurve
        One per class; under ``"before"`` and ``"after"``, as all that follows.
    expected_calibration_error, ideal_calibration_error : dict of str to float
        Mean over classes and equal-mass bins; and what exact probabilities would show.
    negative_log_likelihood, brier_score : dict of str to float
        Proper scores of all classes; lower is better.
    temperatures : tuple of float or None
        Of each fold; None where none was fitted.
    confidence : float or None
        Asked of the prediction sets.
    coverage : ndarray of shape (n_classes,) or None
        Share of the rows of each class whose set contains it.
    mean_set_size : float or None
        Classes in a set.
    out_of_fold : OutOfFold or None
        The rows behind all this; None after loading.
    """

    classes: tuple[str, ...]
    curves: dict[str, list[ReliabilityCurve]]
    expected_calibration_error: dict[str, float]
    ideal_calibration_error: dict[str, float]
    negative_log_likelihood: dict[str, float]
    brier_score: dict[str, float]
    temperatures: tuple[float | None, ...] = ()
    confidence: float | None = None
    coverage: np.ndarray | None = None
    mean_set_size: float | None = None
    out_of_fold: OutOfFold | None = None

    @classmethod
    def from_rows(
        cls,
        rows: OutOfFold,
        classes: Sequence[Any],
        *,
        temperatures: tuple[float | None, ...] = (),
        confidence: float | None = None,
        random_state: Any = None,
    ) -> CalibrationReport:
        """Compute everything from out-of-fold probabilities."""
        rng = check_random_state(random_state)
        probabilities = {BEFORE: rows.before, AFTER: rows.after}
        index = np.arange(len(rows.codes))
        coverage = None
        if rows.sets is not None:
            n = np.bincount(rows.codes, minlength=rows.sets.shape[1])
            covered = np.bincount(rows.codes, rows.sets[index, rows.codes], len(n))
            coverage = np.where(n > 0, covered / np.maximum(n, 1), np.nan)
        return cls(
            classes=tuple(str(c) for c in classes),
            curves={k: classwise_curves(p, rows.codes) for k, p in probabilities.items()},
            expected_calibration_error={
                k: expected_calibration_error(p, rows.codes) for k, p in probabilities.items()
            },
            ideal_calibration_error={
                k: ideal_calibration_error(p, random_state=rng) for k, p in probabilities.items()
            },
            negative_log_likelihood={
                k: negative_log_likelihood(p, rows.codes) for k, p in probabilities.items()
            },
            brier_score={k: brier_score(p, rows.codes) for k, p in probabilities.items()},
            temperatures=temperatures,
            confidence=confidence,
            coverage=coverage,
            mean_set_size=None if rows.sets is None else float(rows.sets.sum(axis=1).mean()),
            out_of_fold=rows,
        )

    def __repr__(self) -> str:
        error, ideal = self.expected_calibration_error, self.ideal_calibration_error[AFTER]
        lines = [
            f"expected calibration error {error[AFTER]:.3f} (exact probabilities: {ideal:.3f}), "
            f"before {error[BEFORE]:.3f}"
        ]
        if self.coverage is not None:
            lines.append(
                f"prediction sets at {percentage(self.confidence)}: {np.nanmin(self.coverage):.0%} "
                f"coverage of the worst class, {self.mean_set_size:.2f} classes on average"
            )
        return "\n".join(lines)

    def plot(self, ax: Any = None) -> Any:
        """Draw the reliability diagram: how often a class occurs, over its probability.

        Lines above the diagonal say too little of their class, below it too much. Areas of points
        count rows; bars are 95 % Wilson intervals. Dotted lines are what the classifier said.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or None
            Where to draw; None makes a figure.

        Returns
        -------
        matplotlib.axes.Axes
        """
        import matplotlib.pyplot as plt
        from matplotlib.lines import Line2D

        own_figure = ax is None
        if own_figure:
            ax = plt.subplots(figsize=(7.6, 4.4), layout="constrained")[1]
        ax.plot([0, 1], [0, 1], color="grey", linewidth=0.9, linestyle="--", zorder=0)
        colours = class_colours(len(self.classes))
        for name, colour, before, after in zip(
            self.classes, colours, self.curves[BEFORE], self.curves[AFTER], strict=True
        ):
            ax.plot(before.probability, before.frequency, ":", color=colour, linewidth=1.2)
            _draw_curve(ax, after, colour, name)
        error = self.expected_calibration_error
        said = [
            Line2D([], [], color="black", ls=":", label=f"before: error {error[BEFORE]:.3f}"),
            Line2D([], [], color="black", label=f"after: error {error[AFTER]:.3f}"),
        ]
        handles = [*said, *ax.get_legend_handles_labels()[0]]
        if own_figure:
            # Unlike a legend that hangs on the axes, this one gets room of its own.
            columns = -(-len(handles) // MOST_LINES)
            ax.figure.set_figwidth(7.6 + 2.0 * (columns - 1))
            ax.figure.legend(
                handles=handles, loc="outside right upper", frameon=False, ncols=columns
            )
        else:
            ax.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False)
        ax.set_xlim(-0.03, 1.03)
        ax.set_ylim(-0.03, 1.03)
        ax.set_xlabel("probability of a class")
        ax.set_ylabel("share of rows of this class")
        ax.set_title(f"{int(self.curves[AFTER][0].n_rows.sum())} held-out rows")
        return ax

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the rows as plain Python objects, for JSON."""
        plain = {k: v for k, v in vars(self).items() if k != "out_of_fold"}
        curves = {
            name: [{k: v.tolist() for k, v in curve._asdict().items()} for curve in of_class]
            for name, of_class in self.curves.items()
        }
        coverage = None if self.coverage is None else self.coverage.tolist()
        temperatures = list(self.temperatures)
        return {
            **plain,
            "classes": list(self.classes),
            "curves": curves,
            "coverage": coverage,
            "temperatures": temperatures,
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> CalibrationReport:
        """Rebuild from :meth:`to_dict`; `out_of_fold` is None then."""
        arrays: dict[str, Any] = {
            "curves": {
                name: [
                    ReliabilityCurve(**{k: np.array(v) for k, v in curve.items()})
                    for curve in of_class
                ]
                for name, of_class in values["curves"].items()
            },
            "classes": tuple(values["classes"]),
            "temperatures": tuple(values["temperatures"]),
        }
        if values["coverage"] is not None:
            arrays["coverage"] = np.array(values["coverage"])
        return cls(**{**values, **arrays})


def _draw_curve(ax: Any, curve: ReliabilityCurve, colour: str, name: str) -> None:
    from scipy.stats import binomtest

    x, y, n = curve
    ax.plot(x, y, color=colour, linewidth=1.0, alpha=0.7)
    right = np.rint(y * n).astype(int)
    bars = [
        binomtest(k, rows).proportion_ci(method="wilson")
        for k, rows in zip(right.tolist(), n.tolist(), strict=True)
    ]
    ax.vlines(x, *np.transpose(bars), color=colour, linewidth=1.0, alpha=0.5)
    size = 15.0 + 120.0 * n / n.sum()
    ax.scatter(x, y, s=size, color=colour, edgecolor="white", linewidth=0.6, label=name, zorder=3)
