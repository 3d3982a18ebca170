"""Means, intervals and tests of scores of several splits, and how they are said."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import stats

SCORE_NAMES = {
    "f1_macro": "macro F",
    "f_score": "macro F",
    "precision": "macro precision",
    "recall": "macro recall",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
}


def standard_error(values: np.ndarray, overlap: float = 0.0) -> float:
    """Return the standard error of the mean of scores of several splits; NaN for one split.

    Splits of the same rows share most of their training rows, so their scores are not
    independent. With `overlap` = scored rows / training rows the variance is multiplied by
    1/n + overlap instead of 1/n (C. Nadeau and Y. Bengio, Mach. Learn. 52 (2003) 239).
    """
    n = len(values)
    return math.sqrt((1.0 / n + overlap) * np.var(values, ddof=1)) if n > 1 else math.nan


def mean_interval(
    values: Any, *, overlap: float = 0.0, level: float = 0.95
) -> tuple[float, float, float]:
    """Return the mean of scores of several splits and its Student-t interval.

    Parameters
    ----------
    values : array-like of shape (n,)
        Scores, or differences of scores of the same splits.
    overlap : float
        Scored rows divided by training rows; 0 takes the splits as independent, which tells
        about these rows only (see Nadeau and Bengio, Mach. Learn. 52 (2003) 239).
    level : float
        Coverage.

    Returns
    -------
    mean, low, high : float
        The ends are NaN for fewer than two values.

    Examples
    --------
    >>> from hs_specaug.studies import mean_interval
    >>> [round(v, 3) for v in mean_interval([0.8, 0.9, 1.0])]
    [0.9, 0.652, 1.148]
    """
    values = np.asarray(values, dtype=float)
    mean = float(values.mean())
    half = standard_error(values, overlap) * float(stats.t.ppf(0.5 + level / 2, len(values) - 1))
    return mean, mean - half, mean + half


def paired_p_value(differences: Any, *, overlap: float = 0.0) -> float:
    """Return the two-sided p value of the hypothesis that the mean difference is 0.

    By the t test with the standard error of :func:`mean_interval`. Equal differences have no
    spread to compare with: then it is that of the sign test. NaN for fewer than two.
    """
    differences = np.asarray(differences, dtype=float)
    n = len(differences)
    if n < 2:
        return math.nan
    if np.ptp(differences) < 1e-12:
        return 1.0 if abs(differences[0]) < 1e-12 else 2.0 ** (1 - n)
    t = differences.mean() / standard_error(differences, overlap)
    return float(2.0 * stats.t.sf(abs(t), n - 1))


def wilcoxon_p_value(differences: Any) -> float:
    """Return the two-sided p value of Wilcoxon's signed-rank test; NaN for fewer than two.

    Differences of 0 are left out, as Wilcoxon did; if all are 0, p is 1. Below 1e−12 a
    difference is rounding, and so is what tells two of them apart.

    Examples
    --------
    >>> from hs_specaug.studies import wilcoxon_p_value
    >>> wilcoxon_p_value([0.1, 0.2, 0.3, 0.4, 0.5])  # 2 / 2 ** 5
    0.0625
    """
    differences = np.round(np.asarray(differences, dtype=float), 12)
    if len(differences) < 2:
        return math.nan
    if not differences.any():
        return 1.0
    return float(stats.wilcoxon(differences[differences != 0]).pvalue)


def holm(p_values: Any) -> np.ndarray:
    """Return p values that are adjusted for their number (S. Holm, Scand. J. Stat. 6 (1979) 65).

    A NaN counts as a test that was made and found nothing.

    Examples
    --------
    >>> from hs_specaug.studies import holm
    >>> holm([0.01, 0.04, 0.03]).round(6).tolist()
    [0.03, 0.06, 0.06]
    """
    p = np.nan_to_num(np.asarray(p_values, dtype=float), nan=1.0)
    order = np.argsort(p, kind="stable")
    adjusted = np.maximum.accumulate((len(p) - np.arange(len(p))) * p[order])
    out = np.empty_like(p)
    out[order] = np.minimum(adjusted, 1.0)
    return out


def in_words(values: tuple[float, float, float], form: str) -> str:
    """Return a number and its interval, if it has one."""
    value, low, high = values
    return f"{value:{form}}" + ("" if math.isnan(low) else f" [{low:{form}}, {high:{form}}]")
