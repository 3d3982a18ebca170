"""Figures of synthetic rows beside the same of real rows, from random thirds of the real ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np

from ...exceptions import TooFewRowsError
from ._registry import NO_SETTING, Metric, Setting

LARGEST_SEED = np.iinfo(np.int32).max


class Baseline(NamedTuple):
    """What real rows score against other real rows of their class.

    Attributes
    ----------
    mean : float
        Mean over the random splits.
    low, high : float
        How far two sets of real rows may lie apart by chance alone, around the mean.
    n_rows : int
        Rows on either side; only a figure from as many rows compares with it.
    """

    mean: float
    low: float
    high: float
    n_rows: int


class Comparison(NamedTuple):
    """One metric of one class: synthetic rows, and what real rows score."""

    value: float
    baseline: Baseline


NOT_COMPUTED = Comparison(np.nan, Baseline(np.nan, np.nan, np.nan, 0))


class Splits(NamedTuple):
    """How real rows are split.

    Attributes
    ----------
    n_repeats : int
        Random splits.
    level : float
        Share of the splits that lie inside the interval.
    max_rows : int or None
        Rows on either side at most.
    """

    n_repeats: int
    level: float
    max_rows: int | None = None

    def check(self) -> Splits:
        """Return itself, or raise a ValueError."""
        if not isinstance(self.n_repeats, Integral) or self.n_repeats < 1:
            raise ValueError(
                f"n_repeats must be a whole number, at least 1, got {self.n_repeats!r}"
            )
        if not isinstance(self.level, Real) or not 0.0 < self.level < 1.0:
            raise ValueError(f"level must be a number between 0 and 1, got {self.level!r}")
        most = self.max_rows
        if most is not None and (not isinstance(most, Integral) or most < 2):
            raise ValueError(f"max_rows must be a whole number, 2 or more, or None, got {most!r}")
        return self


def compare_thirds(
    real: np.ndarray,
    synthetic: np.ndarray,
    metrics: Mapping[str, Metric],
    splits: Splits,
    seed: int,
    setting: Setting = NO_SETTING,
) -> dict[str, Comparison]:
    """Score thirds of `real` against each other and against as many rows of `synthetic`.

    Parameters
    ----------
    real, synthetic : ndarray of shape (n, ...) and (m, ...)
        What the metrics look at.
    metrics : mapping of str to Metric
        Of one function, which is called once for all of them.
    splits : Splits
        How real rows are split.
    seed : int
        Of the splits: they do not depend on which other metrics are asked for.
    setting : Setting
        For the metrics.

    Raises
    ------
    TooFewRowsError
        If a third of the rows is too few.
    """
    first = next(iter(metrics.values()))
    n = min(len(real) // 3, len(synthetic))
    if n < first.minimum:
        raise TooFewRowsError(
            f"needs at least {3 * first.minimum} real and {first.minimum} synthetic rows, got "
            f"{len(real)} and {len(synthetic)}"
        )
    n = n if splits.max_rows is None else min(n, max(splits.max_rows, first.minimum))
    rng = np.random.RandomState(seed)
    scores = []
    for _ in range(min(splits.n_repeats, first.max_repeats or splits.n_repeats)):
        a, b, c = real[rng.permutation(len(real))[: 3 * n]].reshape(3, n, *real.shape[1:])
        drawn = synthetic[rng.permutation(len(synthetic))[:n]]
        scores.append([first.function(a, other, setting) for other in (b, c, drawn)])
    return {
        name: _summary([[_part(s, m) for s in row] for row in scores], m, splits.level, n)
        for name, m in metrics.items()
    }


def _part(found: Any, metric: Metric) -> float:
    return float(found if metric.part is None else getattr(found, metric.part))


def _summary(scores: list[list[float]], metric: Metric, level: float, n: int) -> Comparison:
    first, second, values = np.array(scores).T
    width = float(np.quantile(np.abs(first - second), level))
    mean = float(np.mean([first, second]))
    low, high = mean - width, mean + width
    if metric.better == "lower":
        # Distances end at zero; unbiased estimates of them do not.
        low = max(low, min(0.0, float(first.min()), float(second.min())))
    elif metric.better == "higher":
        high = min(high, max(1.0, float(first.max()), float(second.max())))
    return Comparison(float(values.mean()), Baseline(mean, low, high, n))


def reaches(value: float, baseline: Baseline, better: str, tolerance: float = 0.0) -> bool:
    """Whether a figure is as good as that of real rows, see :func:`reaches_baseline`."""
    slack = tolerance * abs(baseline.mean)
    not_low = value >= baseline.low - slack
    not_high = value <= baseline.high + slack
    return {"lower": not_high, "higher": not_low, "equal": not_low and not_high}[better]


def of_one_function(metrics: Mapping[str, Metric]) -> Iterator[dict[str, Metric]]:
    """Yield the metrics in parts that one call computes."""
    parts: dict[Any, dict[str, Metric]] = {}
    for name, metric in metrics.items():
        parts.setdefault((metric.function, metric.looks_at), {})[name] = metric
    yield from parts.values()


class ClassRows(NamedTuple):
    """Rows and labels of the two sets, by what a metric looks at.

    Attributes
    ----------
    real, synthetic : dict of str to ndarray
        Rows, features and so on, under the names of ``Metric.looks_at``.
    y_real, y_synthetic : ndarray
        Labels.
    """

    real: dict[str, np.ndarray]
    synthetic: dict[str, np.ndarray]
    y_real: np.ndarray
    y_synthetic: np.ndarray

    def of(self, label: Any, looks_at: str) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows of one class."""
        return (
            self.real[looks_at][self.y_real == label],
            self.synthetic[looks_at][self.y_synthetic == label],
        )


def compare_classes(
    rows: ClassRows,
    order: Sequence[Any],
    metrics: Mapping[str, Metric],
    splits: Splits,
    rng: np.random.RandomState,
    setting: Setting = NO_SETTING,
) -> tuple[dict[tuple[int, str], Comparison], list[str]]:
    """Compare the two sets class by class.

    Returns
    -------
    figures : dict of (class index, name) to Comparison
        NaN where one cannot be computed.
    notes : list of str
        Why not.
    """
    figures: dict[tuple[int, str], Comparison] = {}
    parts = {", ".join(part): part for part in of_one_function(metrics)}
    reasons: dict[str, dict[str, str]] = {names: {} for names in parts}
    for i, label in enumerate(order):
        seed = int(rng.randint(LARGEST_SEED))
        for names, together in parts.items():
            metric = next(iter(together.values()))
            real, synthetic = rows.of(label, metric.looks_at)
            try:
                found = compare_thirds(real, synthetic, together, splits, seed, setting)
            except ValueError as error:
                found = dict.fromkeys(together, NOT_COMPUTED)
                reasons[names][str(label)] = str(error)
            figures |= {(i, name): comparison for name, comparison in found.items()}
    return figures, [note for names in parts for note in _notes(names, reasons[names], len(order))]


def _notes(name: str, reasons: dict[str, str], n_classes: int) -> list[str]:
    """Return one line per class, or one for all where they say the same."""
    if len(reasons) == n_classes > 1 and len(set(reasons.values())) == 1:
        return [f"{name}: {next(iter(reasons.values()))}"]
    return [f"{name} of class {label!r}: {reason}" for label, reason in reasons.items()]
