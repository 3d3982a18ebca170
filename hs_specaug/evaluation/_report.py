"""Scores of one classifier on held-out real rows: table, intervals, confusion plot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ._scores import SCORES, bootstrap_intervals, scores_from_confusion
from .calibration._report import CalibrationReport

MACRO = "macro average"


@dataclass(repr=False)
class ClassificationReport:
    """Precision, recall and F-score per class and their macro average, with intervals.

    Attributes
    ----------
    classes : tuple of str
        Class names.
    confusion_matrix : ndarray of shape (n_classes, n_classes)
        Scored rows; true classes in rows, predicted classes in columns.
    scores : dict of str to ndarray of shape (n_classes + 1,)
        ``"precision"``, ``"recall"`` and ``"f_score"``; the macro average comes last.
    intervals : dict of str to ndarray of shape (2, n_classes + 1)
        95 % bootstrap intervals of the same.
    n_folds : int
        Folds that were pooled.
    n_groups : int
        Groups that the bootstrap resampled; 1 where it resampled rows.
    calibration : CalibrationReport or None
        Whether the probabilities of the scored rows mean what they say; None where nothing but
        classes was known.
    """

    classes: tuple[str, ...]
    confusion_matrix: np.ndarray
    scores: dict[str, np.ndarray]
    intervals: dict[str, np.ndarray]
    n_folds: int = 1
    n_groups: int = 1
    calibration: CalibrationReport | None = None

    @classmethod
    def from_confusions(
        cls, confusions: np.ndarray, classes: Any, *, n_folds: int = 1, random_state: Any = None
    ) -> ClassificationReport:
        """Build a report from one confusion matrix, or from one per group."""
        confusion = confusions.sum(axis=0)
        scores = {
            name: np.append(values, values.mean())
            for name, values in scores_from_confusion(confusion).items()
        }
        return cls(
            classes=tuple(str(c) for c in classes),
            confusion_matrix=confusion,
            scores=scores,
            intervals=bootstrap_intervals(confusions, random_state=random_state),
            n_folds=n_folds,
            n_groups=len(confusions),
        )

    @property
    def macro_f_score(self) -> float:
        """Mean of the F-scores of all classes."""
        return float(self.scores["f_score"][-1])

    def table(self) -> str:
        """Return the scores as text, one line per class."""
        support = self.confusion_matrix.sum(axis=1).tolist()
        names = [*self.classes, MACRO]
        width = max(len(n) for n in names)
        lines = [f"{'':{width}}  {'precision':>20}  {'recall':>20}  {'F-score':>20}  {'scored':>6}"]
        for i, (name, n) in enumerate(zip(names, [*support, sum(support)], strict=True)):
            cells = [
                f"{self.scores[s][i]:.3f} [{self.intervals[s][0, i]:.3f}, "
                f"{self.intervals[s][1, i]:.3f}]"
                for s in SCORES
            ]
            lines.append(f"{name:{width}}  " + "  ".join(f"{c:>20}" for c in cells) + f"  {n:>6}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        unit = f"{self.n_groups} groups" if self.n_groups > 1 else "rows"
        folds = f"{self.n_folds} folds" if self.n_folds > 1 else "one split"
        text = f"{self.table()}\n95 % bootstrap intervals over {unit}, {folds}"
        return text if self.calibration is None else f"{text}\n{self.calibration!r}"

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain Python objects, for JSON."""
        known = self.calibration
        return {
            **({} if known is None else {"calibration": known.to_dict()}),
            "classes": list(self.classes),
            "confusion_matrix": self.confusion_matrix.tolist(),
            "scores": {k: v.tolist() for k, v in self.scores.items()},
            "intervals": {k: v.tolist() for k, v in self.intervals.items()},
            "n_folds": self.n_folds,
            "n_groups": self.n_groups,
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> ClassificationReport:
        """Rebuild a report from :meth:`to_dict`, also from one of before calibration was kept."""
        known = values.get("calibration")
        return cls(
            classes=tuple(values["classes"]),
            confusion_matrix=np.array(values["confusion_matrix"], dtype=int),
            scores={k: np.array(v) for k, v in values["scores"].items()},
            intervals={k: np.array(v) for k, v in values["intervals"].items()},
            n_folds=int(values["n_folds"]),
            n_groups=int(values["n_groups"]),
            calibration=None if known is None else CalibrationReport.from_dict(known),
        )

    def normalised_confusion(self, normalize: str = "true") -> np.ndarray:
        """Return the confusion matrix as shares.

        Parameters
        ----------
        normalize : {"true", "predicted"}
            ``"true"`` divides by the rows of each true class, so that the diagonal is the
            recall; ``"predicted"`` divides by the columns (paper 002, figure 6), so that it is
            the precision. A class without rows, or never predicted, gets zeros.

        Raises
        ------
        ValueError
            If `normalize` is something else.
        """
        axes = {"true": 1, "predicted": 0}
        if normalize not in axes:
            raise ValueError(f"normalize must be 'true' or 'predicted', got {normalize!r}")
        totals = self.confusion_matrix.sum(axis=axes[normalize], keepdims=True)
        return self.confusion_matrix / np.maximum(totals, 1)

    def plot_confusion(self, ax: Any = None, cmap: str = "Blues", normalize: str = "true") -> Any:
        """Draw the confusion matrix: shares, with counts.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or None
            Where to draw; None makes a figure.
        cmap : str
            Colour map.
        normalize : {"true", "predicted"}, default "true"
            See :meth:`normalised_confusion`.

        Returns
        -------
        matplotlib.axes.Axes
        """
        import matplotlib.pyplot as plt

        share = self.normalised_confusion(normalize)
        if ax is None:
            side = 2.6 + 0.55 * len(self.classes)
            ax = plt.subplots(figsize=(side + 1.0, side), layout="constrained")[1]
        image = ax.imshow(share, cmap=cmap, vmin=0.0, vmax=1.0)
        for (i, j), n in np.ndenumerate(self.confusion_matrix):
            colour = "white" if share[i, j] > 0.55 else "black"
            ax.text(j, i, f"{share[i, j]:.0%}\n({n})", ha="center", va="center", color=colour)
        ticks = np.arange(len(self.classes))
        long = max(len(c) for c in self.classes) > 8
        ax.set_xticks(
            ticks, self.classes, rotation=40 if long else 0, ha="right" if long else "center"
        )
        ax.set_yticks(ticks, self.classes)
        ax.set_xlabel("predicted class")
        ax.set_ylabel("true class")
        ax.set_title(f"macro F-score {self.macro_f_score:.3f}")
        ax.figure.colorbar(image, ax=ax, label=f"share of {normalize} class", shrink=0.8)
        return ax
