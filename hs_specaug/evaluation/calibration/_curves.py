"""How far predicted probabilities can be taken at their word, in numbers."""

from __future__ import annotations

from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_random_state

from ...classifiers._calibrated import FLOOR
from ...exceptions import TooFewRowsError

#: Of equal-mass bins; fewer rows than ten in a bin say little about a frequency.
BINS, ROWS_PER_BIN = 10, 10


class ReliabilityCurve(NamedTuple):
    """Rows in bins of equal mass, by the probability of one class.

    Attributes
    ----------
    probability : ndarray of shape (n_bins,)
        Mean probability of the class.
    frequency : ndarray of shape (n_bins,)
        Share of the rows that are of the class.
    n_rows : ndarray of int of shape (n_bins,)
        Rows in each bin.
    """

    probability: np.ndarray
    frequency: np.ndarray
    n_rows: np.ndarray


def reliability_curve(
    probability: ArrayLike, occurred: ArrayLike, n_bins: int | None = None
) -> ReliabilityCurve:
    """Return how often rows are of a class that have about the same probability of it.

    Parameters
    ----------
    probability : array-like of shape (n,)
        Of the class.
    occurred : array-like of bool of shape (n,)
        Whether the row is of the class.
    n_bins : int or None
        Bins with equal numbers of rows, as far as ties allow: rows with the same probability
        share a bin. None takes 10, or fewer, so that each has ten rows.

    Returns
    -------
    ReliabilityCurve

    Raises
    ------
    TooFewRowsError
        If there is no row.
    ValueError
        If shapes differ or a probability is not between 0 and 1.

    Examples
    --------
    >>> from hs_specaug.evaluation import reliability_curve
    >>> curve = reliability_curve([0.6, 0.6, 0.9, 0.9], [True, False, True, True], n_bins=2)
    >>> curve.frequency.tolist()
    [0.5, 1.0]
    """
    p, hit = np.asarray(probability, dtype=float), np.asarray(occurred)
    if hit.size and not np.isin(hit, (0, 1)).all():
        raise ValueError(
            "occurred must be True or False for each row, got "
            f"{np.array2string(hit, threshold=6)}; for labels: y == label"
        )
    hit = hit.astype(bool)
    if p.shape != hit.shape:
        raise ValueError(
            "probability and occurred must have one entry per row, got shapes "
            f"{p.shape} and {hit.shape}"
        )
    index = _equal_mass_bins(p, n_bins)
    n = np.bincount(index)
    return ReliabilityCurve(np.bincount(index, p) / n, np.bincount(index, hit) / n, n)


def _equal_mass_bins(p: np.ndarray, n_bins: int | None) -> np.ndarray:
    """Return the bin of each row, without gaps."""
    if p.ndim != 1:
        raise ValueError(f"probability must have one entry per row, got shape {p.shape}")
    if not len(p):
        raise TooFewRowsError("calibration needs scored rows, got none; score some with cv=5")
    if not ((p >= -1e-6) & (p <= 1 + 1e-6)).all():
        raise ValueError(f"probability must be between 0 and 1, got {p.min():.6g} to {p.max():.6g}")
    if n_bins is None:
        n_bins = max(1, min(BINS, len(p) // ROWS_PER_BIN))
    elif not isinstance(n_bins, Integral) or n_bins < 1:
        raise ValueError(f"n_bins must be an integer of at least 1, or None, got {n_bins!r}")
    _, member, times = np.unique(p, return_inverse=True, return_counts=True)
    # A value goes where the middle of its rows is, so that the order of ties means nothing.
    middle = np.cumsum(times) - times / 2.0
    of_value = np.minimum((middle / len(p) * n_bins).astype(int), n_bins - 1)
    return np.unique(of_value[member], return_inverse=True)[1]


def expected_calibration_error(
    probabilities: ArrayLike, codes: ArrayLike, n_bins: int | None = None
) -> float:
    """Return the mean distance between probability and frequency, over bins and classes.

    The classwise expected calibration error (Kull et al. 2019, Eq. 2) with bins of equal mass
    (Nixon et al. 2019). 0.05 means that in the map of a class, probability and frequency differ
    by 5 points on average. The usual error of the assigned class alone would not do: where a
    classifier of balanced rows says 0.7, a rare class is hardly ever right and a common one nearly
    always, which cancels.

    Parameters
    ----------
    probabilities : array-like of shape (n, n_classes)
    codes : array-like of int of shape (n,)
        True classes.
    n_bins : int or None
        See :func:`reliability_curve`.

    Returns
    -------
    float
        Between 0 and 1. A perfect forecaster has more than 0 too, by chance: see
        :func:`ideal_calibration_error`.

    Raises
    ------
    TooFewRowsError, ValueError
        See :func:`reliability_curve`.

    Examples
    --------
    >>> from hs_specaug.evaluation import expected_calibration_error
    >>> p = [[0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.9, 0.1]]
    >>> round(expected_calibration_error(p, [0, 0, 0, 1]), 3)
    0.15
    """
    gaps = [
        np.average(np.abs(curve.probability - curve.frequency), weights=curve.n_rows)
        for curve in classwise_curves(probabilities, codes, n_bins)
    ]
    return float(np.mean(gaps))


def classwise_curves(
    probabilities: ArrayLike, codes: ArrayLike, n_bins: int | None = None
) -> list[ReliabilityCurve]:
    """Return one curve per class."""
    p, index = _probabilities_and_codes(probabilities, codes)
    return [reliability_curve(p[:, k], index == k, n_bins) for k in range(p.shape[1])]


def _probabilities_and_codes(
    probabilities: ArrayLike, codes: ArrayLike
) -> tuple[np.ndarray, np.ndarray]:
    """Return both as arrays; a code that is no column would count for another class."""
    p, index = _columns(probabilities), np.asarray(codes)
    n, n_classes = p.shape
    if not index.size:
        index = index.astype(int)
    whole = index.dtype.kind in "biu" and index.shape == (n,)
    if not whole or not ((index >= 0) & (index < n_classes)).all():
        raise ValueError(
            f"codes must be {n} integers, one per row, from 0 to {n_classes - 1}, got "
            f"{np.array2string(index, threshold=6)}; for labels: np.searchsorted(classes, y)"
        )
    return p, index.astype(int)


def _columns(probabilities: ArrayLike) -> np.ndarray:
    p = np.asarray(probabilities, dtype=float)
    if p.ndim != 2:
        raise ValueError(
            f"probabilities must have shape (n, n_classes), got {p.shape}; for one class: "
            "reliability_curve"
        )
    if not len(p):
        raise TooFewRowsError("calibration needs scored rows, got none; score some with cv=5")
    if not ((p >= -1e-6) & (p <= 1 + 1e-6)).all():
        raise ValueError(
            f"probabilities must be between 0 and 1, got {p.min():.6g} to {p.max():.6g}"
        )
    return p


def ideal_calibration_error(
    probabilities: ArrayLike,
    n_bins: int | None = None,
    *,
    n_draws: int = 200,
    random_state: Any = None,
) -> float:
    """Return the expected calibration error that exact probabilities would show on such rows.

    Parameters
    ----------
    probabilities, n_bins
        See :func:`expected_calibration_error`.
    n_draws : int, default 200
        Times that classes are drawn with these very probabilities.
    random_state : int, numpy.random.RandomState or None
        Seed of the draws.

    Returns
    -------
    float
        Mean over the draws.

    Examples
    --------
    >>> from hs_specaug.evaluation import ideal_calibration_error
    >>> ideal_calibration_error([[1.0, 0.0], [1.0, 0.0]])
    0.0
    """
    p = _columns(probabilities)
    if not isinstance(n_draws, Integral) or n_draws < 1:
        raise ValueError(f"n_draws must be an integer of at least 1, got {n_draws!r}")
    members = [_equal_mass_bins(column, n_bins) for column in p.T]
    edges = p.cumsum(axis=1)[:, :-1]
    rng = check_random_state(random_state)
    total = 0.0
    for _ in range(n_draws):
        drawn = (edges <= rng.random_sample((len(p), 1))).sum(axis=1)
        for k, member in enumerate(members):
            total += np.abs(np.bincount(member, p[:, k] - (drawn == k))).sum()
    return float(total / (n_draws * p.size))


def negative_log_likelihood(probabilities: ArrayLike, codes: ArrayLike) -> float:
    """Return −log of the probability of the true class, averaged over rows.

    Parameters
    ----------
    probabilities : array-like of shape (n, n_classes)
        Those below 10⁻⁶ count as 10⁻⁶.
    codes : array-like of int of shape (n,)
        True classes.
    """
    p, index = _probabilities_and_codes(probabilities, codes)
    return float(-np.log(np.maximum(p[np.arange(len(index)), index], FLOOR)).mean())


def brier_score(probabilities: ArrayLike, codes: ArrayLike) -> float:
    """Return the squared distance to the one-hot truth, averaged over rows (Brier 1950): 0 to 2.

    Parameters
    ----------
    probabilities : array-like of shape (n, n_classes)
    codes : array-like of int of shape (n,)
        True classes.
    """
    p, index = _probabilities_and_codes(probabilities, codes)
    return float(((p - np.eye(p.shape[1])[index]) ** 2).sum(axis=1).mean())
