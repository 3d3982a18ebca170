"""How alike synthetic and real rows are, class by class, beside real against real."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from sklearn.utils import check_random_state

from ..exceptions import TooFewRowsError
from ._fidelity_report import FidelityReport
from ._frechet import frechet_distance
from ._rows import check_pair
from ._spectral import cosine_distance, kl_divergence, pearson_correlation, signal_to_noise

Embedding = Callable[[Any], Any]


class Metric(NamedTuple):
    """A measure of likeness.

    Attributes
    ----------
    function : callable
        ``(real, synthetic, embedding) -> float``.
    better : {"lower", "higher", "equal"}
        Which value is good; "equal" means that of the real rows.
    minimum : int
        Rows that it needs.
    """

    function: Callable[[Any, Any, Embedding | None], float]
    better: Literal["lower", "higher", "equal"]
    minimum: int


METRICS: dict[str, Metric] = {
    "frechet": Metric(lambda r, s, e: frechet_distance(r, s, embedding=e), "lower", 2),
    "pearson": Metric(lambda r, s, e: pearson_correlation(r, s), "higher", 1),
    "cosine": Metric(lambda r, s, e: cosine_distance(r, s), "lower", 1),
    "kl": Metric(lambda r, s, e: kl_divergence(r, s), "lower", 1),
    "snr": Metric(lambda r, s, e: signal_to_noise(s), "equal", 2),
}

#: Those that stop the training in paper 002; it looks at the others afterwards.
STOPPING_METRICS = ("frechet", "pearson", "cosine")


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


def spectral_metrics(
    real: Any,
    synthetic: Any,
    *,
    metrics: Sequence[str] = tuple(METRICS),
    embedding: Embedding | None = None,
) -> dict[str, float]:
    """Return several measures of likeness of two sets of rows.

    Parameters
    ----------
    real, synthetic : array-like of shape (n, ...) and (m, ...)
        Rows of one class.
    metrics : sequence of {"frechet", "pearson", "cosine", "kl", "snr"}
        Which ones. ``"snr"`` is that of the synthetic rows.
    embedding : callable or None
        For the Fréchet distance, see :func:`frechet_distance`.

    Raises
    ------
    ValueError
        If a metric is unknown, or cannot be computed from these rows; the message says why.
    """
    return {name: find_metric(name).function(real, synthetic, embedding) for name in metrics}


def find_metric(name: str) -> Metric:
    """Return the metric called `name`."""
    if name not in METRICS:
        raise ValueError(f"metrics must be among {', '.join(map(repr, METRICS))}, got {name!r}")
    return METRICS[name]


def real_baseline(
    real: Any,
    *,
    metrics: Sequence[str] = tuple(METRICS),
    embedding: Embedding | None = None,
    n_repeats: int = 50,
    level: float = 0.95,
    random_state: Any = None,
) -> dict[str, Baseline]:
    """Score real rows against other real rows of their class, in repeated random splits.

    Each split makes three parts A, B and C of equal size. The mean is that of metric(A, B); the
    interval is as wide as metric(A, B) and metric(A, C) differ. Splits into two parts would make
    it too narrow: two halves of one set always have the same sum, so what sampling other rows
    would change does not show.

    Parameters
    ----------
    real : array-like of shape (n, ...)
        Real rows of one class.
    metrics, embedding
        See :func:`spectral_metrics`.
    n_repeats : int, default 50
        Random splits.
    level : float, default 0.95
        Share of the splits that lie inside the interval.
    random_state : int, numpy.random.RandomState or None
        Seed of the splits.

    Raises
    ------
    TooFewRowsError
        A ValueError: if a third of the rows is too few for a metric.
    """
    _check_repeats(n_repeats)
    rows, rng = np.asarray(real), check_random_state(random_state)
    seed = int(rng.randint(np.iinfo(np.int32).max))
    baseline = {}
    for name in metrics:
        features = _features(rows, name, embedding)
        baseline[name] = _compare(features, features, name, n_repeats, level, seed).baseline
    return baseline


def _check_repeats(n_repeats: int) -> None:
    if n_repeats < 1:
        raise ValueError(f"n_repeats must be at least 1, got {n_repeats!r}")


def reaches_baseline(
    values: Mapping[str, float],
    baseline: Mapping[str, Baseline],
    *,
    metrics: Sequence[str] = STOPPING_METRICS,
    tolerance: float = 0.0,
) -> bool:
    """Whether synthetic rows are as much like real ones as real ones are: time to stop.

    A distance has to be at or below the upper end of the real-against-real interval, a
    correlation at or above its lower end, and the SNR inside.

    Parameters
    ----------
    values : mapping of str to float
        From :func:`spectral_metrics`, with `n_rows` of the baseline rows on either side.
    baseline : mapping of str to Baseline
        From :func:`real_baseline`.
    metrics : sequence of str, default ("frechet", "pearson", "cosine")
        Those that have to be reached, all of them; paper 002 stops by these three.
    tolerance : float, default 0.0
        Widens the interval by this share of the absolute mean of the baseline.

    Returns
    -------
    bool
        False also where a value is NaN.

    Raises
    ------
    ValueError
        If `tolerance` is negative, or a metric misses from `values` or `baseline`.

    Examples
    --------
    >>> baseline = {"cosine": Baseline(mean=0.10, low=0.08, high=0.12, n_rows=50)}
    >>> reaches_baseline({"cosine": 0.11}, baseline, metrics=["cosine"])
    True
    >>> reaches_baseline({"cosine": 0.14}, baseline, metrics=["cosine"])
    False
    """
    if not tolerance >= 0:
        raise ValueError(f"tolerance must be 0 or more, got {tolerance!r}")
    for name in metrics:
        if name not in values or name not in baseline:
            raise ValueError(
                f"metric {name!r} misses from values ({', '.join(values)}) or baseline "
                f"({', '.join(baseline)}); pass the same metrics= to all three calls"
            )
    return all(_reaches(values[n], baseline[n], find_metric(n).better, tolerance) for n in metrics)


def _reaches(value: float, baseline: Baseline, better: str, tolerance: float) -> bool:
    slack = tolerance * abs(baseline.mean)
    not_low = value >= baseline.low - slack
    not_high = value <= baseline.high + slack
    return {"lower": not_high, "higher": not_low, "equal": not_low and not_high}[better]


def spectral_fidelity(
    real: Any,
    synthetic: Any,
    y_real: Any = None,
    y_synthetic: Any = None,
    *,
    classes: Sequence[Any] | None = None,
    metrics: Sequence[str] = tuple(METRICS),
    embedding: Embedding | None = None,
    n_repeats: int = 50,
    level: float = 0.95,
    random_state: Any = None,
) -> FidelityReport:
    """Compare synthetic with real rows, class by class, beside real against real.

    In every repetition the real rows of a class are split at random into three parts; the first
    is scored against the second, and against as many synthetic rows. The two figures come from
    equally many rows, so the bias of the Fréchet distance at small numbers is on both sides. How
    much the interval allows for is said in :func:`real_baseline`.

    Parameters
    ----------
    real, synthetic : array-like of shape (n, ...) and (m, ...)
        Rows; real ones that the generator has *not* seen say most. Channels and images are put
        behind each other: normalise channels of different units before.
    y_real, y_synthetic : array-like of shape (n,) and (m,), or None
        Class labels. None for both compares all rows as one class.
    classes : sequence of labels or None
        Order of the classes in the report; None sorts those of `y_real`.
    metrics : sequence of {"frechet", "pearson", "cosine", "kl", "snr"}
        Which ones; all by default.
    embedding : callable or None
        For the Fréchet distance, see :func:`frechet_distance`.
    n_repeats : int, default 50
        Random splits.
    level : float, default 0.95
        Share of the splits that lie inside the interval.
    random_state : int, numpy.random.RandomState or None
        Seed of the splits.

    Returns
    -------
    FidelityReport
        Where a figure cannot be computed it is NaN, with a note that says why.

    Raises
    ------
    ValueError
        If rows are not finite or differ in length, labels miss or do not fit the rows, or a
        metric is unknown.

    References
    ----------
    Paper 002, "Data augmentation validation" and table 2.
    """
    check_pair(real, synthetic, minimum=0)
    real, synthetic = np.asarray(real), np.asarray(synthetic)
    labels = (
        _check_labels(len(real), y_real, "y_real"),
        _check_labels(len(synthetic), y_synthetic, "y_synthetic"),
    )
    if (y_real is None) != (y_synthetic is None):
        raise ValueError("y_real and y_synthetic must be given both, or neither")
    order = np.unique(labels[0]).tolist() if classes is None else list(classes)
    for name in metrics:
        find_metric(name)
    _check_repeats(n_repeats)
    rng = check_random_state(random_state)
    figures: dict[tuple[int, str], Comparison] = {}
    counts, notes = [], []
    for i, label in enumerate(order):
        rows = real[labels[0] == label], synthetic[labels[1] == label]
        counts.append((len(rows[0]), len(rows[1])))
        seed = int(rng.randint(np.iinfo(np.int32).max))
        for name in metrics:
            pair = tuple(_features(part, name, embedding) for part in rows)
            try:
                figures[i, name] = _compare(pair[0], pair[1], name, n_repeats, level, seed)
            except ValueError as error:
                figures[i, name] = NOT_COMPUTED
                notes.append(f"{name} of class {str(label)!r}: {error}")
    return _report(order, metrics, figures, counts, notes, level)


def _features(rows: np.ndarray, name: str, embedding: Embedding | None) -> np.ndarray:
    """Return what the metric looks at, embedded once and not in every repetition."""
    if name != "frechet" or embedding is None or not len(rows):
        return rows
    return np.asarray(embedding(rows))


def _compare(
    real: np.ndarray,
    synthetic: np.ndarray,
    name: str,
    n_repeats: int,
    level: float,
    seed: int,
) -> Comparison:
    """Score thirds of `real` against each other and against as many rows of `synthetic`."""
    metric = find_metric(name)
    n = min(len(real) // 3, len(synthetic))
    if n < metric.minimum:
        raise TooFewRowsError(
            f"needs at least {3 * metric.minimum} real and {metric.minimum} synthetic rows, got "
            f"{len(real)} and {len(synthetic)}"
        )
    # A generator of its own: the splits do not depend on which other metrics are asked for.
    rng = np.random.RandomState(seed)
    scores = []
    for _ in range(n_repeats):
        a, b, c = real[rng.permutation(len(real))[: 3 * n]].reshape(3, n, *real.shape[1:])
        drawn = synthetic[rng.permutation(len(synthetic))[:n]]
        scores.append([metric.function(a, other, None) for other in (b, c, drawn)])
    first, second, values = np.array(scores).T
    width = float(np.quantile(np.abs(first - second), level))
    mean = float(np.mean([first, second]))
    low = mean - width if metric.better != "lower" else max(0.0, mean - width)
    return Comparison(float(values.mean()), Baseline(mean, low, mean + width, n))


def _report(
    order: list,
    metrics: Sequence[str],
    figures: Mapping[tuple[int, str], Comparison],
    counts: list[tuple[int, int]],
    notes: list[str],
    level: float,
) -> FidelityReport:
    def collect(name: str, part: Callable[[Comparison], Any]) -> np.ndarray:
        return np.array([part(figures[i, name]) for i in range(len(order))], dtype=float)

    reached = {
        name: np.array(
            [
                _reaches(
                    figures[i, name].value, figures[i, name].baseline, METRICS[name].better, 0.0
                )
                for i in range(len(order))
            ],
            dtype=bool,
        )
        for name in metrics
    }
    return FidelityReport(
        classes=tuple(map(str, order)),
        values={n: collect(n, lambda c: c.value) for n in metrics},
        baseline={n: collect(n, lambda c: c.baseline.mean) for n in metrics},
        intervals={n: collect(n, lambda c: (c.baseline.low, c.baseline.high)).T for n in metrics},
        reached=reached,
        n_real=np.array([c[0] for c in counts], dtype=int),
        n_synthetic=np.array([c[1] for c in counts], dtype=int),
        notes=tuple(notes),
        level=level,
    )


def _check_labels(n: int, y: Any, name: str) -> np.ndarray:
    if y is None:
        return np.full(n, "all rows")
    y = np.asarray(y)
    if y.shape != (n,):
        raise ValueError(f"{name} must have one label per row, ({n},), got shape {y.shape}")
    return y
