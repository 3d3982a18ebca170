"""How alike synthetic and real rows are, class by class, beside real against real."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from ..metrics._embeddings import Embedding, embedded, named_embedding
from ..metrics._rows import check_pair
from ._checks import check_both, check_labels
from ._registry import SPECTRAL_METRICS, STOPPING_METRICS, Metric, find_metric, in_embedding
from ._report import ComparisonReport
from ._thirds import (
    LARGEST_SEED,
    Baseline,
    ClassRows,
    Splits,
    compare_classes,
    compare_thirds,
    reaches,
)

IMAGE_METRICS = ("fid", "kid", "ssim")


def spectral_metrics(
    real: Any,
    synthetic: Any,
    *,
    metrics: Sequence[str] = SPECTRAL_METRICS,
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
    found = {}
    for name in metrics:
        metric = find_metric(name)
        pair = [_looked_at(rows, name, embedding) for rows in (real, synthetic)]
        found[name] = metric(pair[0], pair[1])
    return found


def _looked_at(rows: Any, name: str, embedding: Embedding | None) -> np.ndarray:
    """Return what a metric looks at: the Fréchet distance at features, others at the rows."""
    return embedded(np.asarray(rows), embedding if name == "frechet" else None)


def real_baseline(
    real: Any,
    *,
    metrics: Sequence[str] = SPECTRAL_METRICS,
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
    splits = Splits(n_repeats, level).check()
    seed = int(check_random_state(random_state).randint(LARGEST_SEED))
    baseline = {}
    for name in metrics:
        wanted, rows = {name: find_metric(name)}, _looked_at(real, name, embedding)
        baseline[name] = compare_thirds(rows, rows, wanted, splits, seed)[name].baseline
    return baseline


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
    return all(reaches(values[n], baseline[n], find_metric(n).better, tolerance) for n in metrics)


def spectral_fidelity(
    real: Any,
    synthetic: Any,
    y_real: Any = None,
    y_synthetic: Any = None,
    *,
    classes: Sequence[Any] | None = None,
    metrics: Sequence[str] = SPECTRAL_METRICS,
    embedding: Embedding | None = None,
    n_repeats: int = 50,
    level: float = 0.95,
    random_state: Any = None,
) -> ComparisonReport:
    """Compare synthetic with real rows by the figures of paper 002, beside real against real.

    In every repetition the real rows of a class are split at random into three parts; the first
    is scored against the second, and against as many synthetic rows. The two figures come from
    equally many rows, so the bias of the Fréchet distance at small numbers is on both sides. How
    much the interval allows for is said in :func:`real_baseline`. :func:`compare` does the same
    with many more figures.

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
    ComparisonReport
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
    requests = {name: find_metric(name) for name in metrics}
    # In an embedding, the Fréchet distance alone looks at features.
    if embedding is not None and "frechet" in requests:
        requests["frechet"] = requests["frechet"]._replace(looks_at="features")
    return _fidelity(
        real, synthetic, y_real, y_synthetic, classes, requests, embedding,
        Splits(n_repeats, level), random_state,
    )  # fmt: skip


def _fidelity(
    real: Any,
    synthetic: Any,
    y_real: Any,
    y_synthetic: Any,
    classes: Sequence[Any] | None,
    requests: Mapping[str, Metric],
    embedding: Embedding | None,
    splits: Splits,
    random_state: Any,
) -> ComparisonReport:
    """Compare rows class by class in the figures of `requests`, without further sections."""
    check_pair(real, synthetic, minimum=0)
    real, synthetic = np.asarray(real), np.asarray(synthetic)
    labels = check_labels(len(real), y_real, "y_real")
    y_new = check_labels(len(synthetic), y_synthetic, "y_synthetic")
    check_both(y_real, y_synthetic)
    splits.check()
    in_features = any(m.looks_at == "features" for m in requests.values())
    sets = []
    for rows in (real, synthetic):
        features = embedded(rows, embedding) if in_features else rows
        sets.append({"rows": rows, "features": features})
    order = np.unique(labels).tolist() if classes is None else list(classes)
    figures, notes = compare_classes(
        ClassRows(sets[0], sets[1], labels, y_new),
        order,
        requests,
        splits,
        check_random_state(random_state),
    )
    return ComparisonReport.from_figures(
        order,
        {"": requests},
        figures,
        counts=[(int((labels == c).sum()), int((y_new == c).sum())) for c in order],
        notes=notes,
        level=splits.level,
    )


def image_fidelity(
    real: Any,
    synthetic: Any,
    y_real: Any = None,
    y_synthetic: Any = None,
    *,
    classifier: Any = None,
    embedding: Embedding | str | None = None,
    metrics: Sequence[str] = IMAGE_METRICS,
    classes: Sequence[Any] | None = None,
    n_repeats: int = 20,
    level: float = 0.95,
    random_state: Any = None,
) -> ComparisonReport:
    """Compare synthetic with real images, class by class, beside real against real.

    Parameters
    ----------
    real, synthetic : array-like of shape (n, channels, height, width) and (m, ...)
        Images; real ones that the generator has *not* seen say most.
    y_real, y_synthetic : array-like of shape (n,) and (m,), or None
        Class labels. None for both compares all images as one class.
    classifier : fitted classifier with `features`, or None
        FID and KID are taken in what its last layer sees, and labelled "classifier".
    embedding : "inception", callable or None
        Instead: the Inception network, labelled "Inception", from ``inception-2015-12-05.pt`` in
        the folder that ``HS_SPECAUG_WEIGHTS`` names; or any function of images, labelled
        "embedding".
    metrics : sequence of {"fid", "kid", "ssim"}
        Which ones; all by default.
    classes, n_repeats, level, random_state
        See :func:`spectral_fidelity`, which does the same splits.

    Returns
    -------
    ComparisonReport
        Metrics are called ``"fid-classifier"``, ``"kid-classifier"``, ``"ssim"`` and so on: a
        figure says in which features it was taken.

    Raises
    ------
    ValueError
        If a metric is unknown, or FID or KID is asked for without features to take it in.
    """
    unknown = [name for name in metrics if name not in IMAGE_METRICS]
    if unknown:
        raise ValueError(f"metrics must be among {IMAGE_METRICS}, got {unknown}")
    source, embed = "", None
    if set(metrics) & {"fid", "kid"}:
        if (classifier is None) == (embedding is None):
            raise ValueError(
                "FID and KID need features: pass a fitted classifier=, or embedding='inception' "
                f"or a callable, one of them; got classifier={classifier!r} and "
                f"embedding={embedding!r}"
            )
        source, embed = named_embedding(classifier if embedding is None else embedding)
        source = "classifier" if embedding is None else source
    return _fidelity(
        real, synthetic, y_real, y_synthetic, classes, in_embedding(metrics, source), embed,
        Splits(n_repeats, level), random_state,
    )  # fmt: skip
