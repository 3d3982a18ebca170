"""The stopping rule of paper 002, and how the training of each class went."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..evaluation import Baseline, reaches_baseline, real_baseline, spectral_metrics

#: Paper 002 stops by "FID", PCC and CosD; it looks at the others afterwards.
STOPPING = ("frechet", "pearson", "cosine")
#: Fewer rows than this leave no thirds with a covariance to compare.
FEWEST_ROWS = 6
SUBSETS = 4


class StoppingRule:
    """Whether generated rows of a class are as much like the real ones as those are themselves.

    The values to be reached are what random thirds of the real rows score against each other
    (:func:`~hs_specaug.evaluation.real_baseline`), computed once.

    Parameters
    ----------
    rows : ndarray of shape (n, ...)
        Real training rows of the class, in their units; six or more.
    tolerance : float
        See :func:`~hs_specaug.evaluation.reaches_baseline`.
    seed : int
        Of the splits, the same at every look: two looks differ by the generated rows only.

    Raises
    ------
    ValueError
        If the figures cannot be computed from these rows.
    """

    def __init__(self, rows: np.ndarray, tolerance: float, seed: int) -> None:
        self.rows, self.tolerance, self.seed = rows, tolerance, seed
        self.baseline = real_baseline(rows, metrics=STOPPING, random_state=seed)
        self.n_rows = self.baseline["frechet"].n_rows
        self.n_generated = SUBSETS * self.n_rows

    def measure(self, generated: np.ndarray) -> dict[str, float]:
        """Return the figures of generated rows, averaged over subsets of the baseline's size."""
        rng, n = np.random.RandomState(self.seed), self.n_rows
        found = []
        for i in range(SUBSETS):
            real = self.rows[rng.permutation(len(self.rows))[:n]]
            try:
                part = generated[i * n : (i + 1) * n]
                found.append(spectral_metrics(real, part, metrics=STOPPING))
            except ValueError:  # rows without any contrast, early in a training
                return dict.fromkeys(STOPPING, float("nan"))
        return {name: float(np.mean([f[name] for f in found])) for name in STOPPING}

    def reached(self, values: Mapping[str, float]) -> bool:
        """Whether all figures have reached the baseline."""
        return reaches_baseline(values, self.baseline, metrics=STOPPING, tolerance=self.tolerance)

    def excess(self, values: Mapping[str, float]) -> float:
        """Return how far the worst figure is from the baseline, in half widths of its interval.

        0 is the mean of real against real, 1 the end of the interval.
        """
        worst = -np.inf
        for name in STOPPING:
            known = self.baseline[name]
            sign = -1.0 if name == "pearson" else 1.0
            width = max(known.high - known.mean, 1e-12)
            worst = max(worst, sign * (values[name] - known.mean) / width)
        return float(worst) if np.isfinite(worst) else float("inf")


@dataclass(frozen=True)
class ClassRecord:
    """How the training of one class went.

    Attributes
    ----------
    label : str
        The class.
    n_rows : int
        Its training rows.
    epochs : int
        Epochs of training.
    kept_epoch : int
        Epoch whose generator was kept; 0 is the start.
    reached : bool or None
        Whether the kept generator reaches the baseline; None where there is no rule.
    values : dict of str to float
        Figures of the kept generator.
    baseline : dict of str to tuple
        (mean, low, high, n_rows) of real against real.
    seconds : float
        Time of its epochs.
    note : str
        Why there is no rule, or no training.
    trend : tuple
        (epoch, Fréchet, PCC, CosD, diversity) at every look.
    """

    label: str
    n_rows: int
    epochs: int = 0
    kept_epoch: int = 0
    reached: bool | None = None
    values: dict[str, float] = field(default_factory=dict)
    baseline: dict[str, tuple[float, float, float, int]] = field(default_factory=dict)
    seconds: float = 0.0
    note: str = ""
    trend: tuple[tuple[float, ...], ...] = ()

    def __str__(self) -> str:
        head = f"{self.label} ({self.n_rows} rows): "
        if self.reached is None:
            kept = f"{self.epochs} epochs" if self.epochs else "not trained"
            return f"{head}{kept}; {self.note}"
        figures = ", ".join(
            f"{name} {self.values[name]:.3g} (real {b[0]:.3g}, {b[1]:.3g} to {b[2]:.3g})"
            for name, b in self.baseline.items()
        )
        when = f"{self.epochs} epochs, epoch {self.kept_epoch} kept"
        if self.reached:
            return f"{head}baseline reached in {when}: {figures}"
        return f"{head}baseline not reached in {when}: {figures}"

    def baselines(self) -> dict[str, Baseline]:
        """Return the baseline as it was computed."""
        return {name: Baseline(*values) for name, values in self.baseline.items()}


def read_record(values: Mapping[str, Any]) -> ClassRecord:
    """Rebuild a record from JSON values."""
    baseline = {name: tuple(b) for name, b in values["baseline"].items()}
    trend = tuple(tuple(entry) for entry in values["trend"])
    return ClassRecord(**{**values, "baseline": baseline, "trend": trend})
