"""Precision, recall and F-score from confusion matrices, and their bootstrap intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import check_random_state

SCORES = ("precision", "recall", "f_score")


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Divide; 0 where the denominator is 0 (a class that is never predicted)."""
    return np.divide(
        numerator, denominator, out=np.zeros(np.shape(numerator)), where=denominator > 0
    )


def scores_from_confusion(confusion: np.ndarray) -> dict[str, np.ndarray]:
    """Return precision, recall and F-score of every class (paper 000, Eq. 1).

    Works on one confusion matrix or on a stack of them. A ratio of 0/0 counts as 0, as in
    scikit-learn with ``zero_division=0``.

    Parameters
    ----------
    confusion : ndarray of shape (..., n_classes, n_classes)
        Rows are true classes, columns are predicted classes.

    Returns
    -------
    dict of str to ndarray of shape (..., n_classes)
        Under ``"precision"``, ``"recall"`` and ``"f_score"``.

    Examples
    --------
    >>> import numpy as np
    >>> scores = scores_from_confusion(np.array([[8, 2], [1, 4]]))
    >>> scores["recall"].tolist()
    [0.8, 0.8]
    """
    confusion = np.asarray(confusion, dtype=float)
    hits = np.diagonal(confusion, axis1=-2, axis2=-1)
    true, predicted = confusion.sum(axis=-1), confusion.sum(axis=-2)
    return {
        "precision": _ratio(hits, predicted),
        "recall": _ratio(hits, true),
        "f_score": _ratio(2.0 * hits, true + predicted),
    }


def confusion_per_group(
    y_true: np.ndarray, y_pred: np.ndarray, n_classes: int, groups: np.ndarray | None = None
) -> np.ndarray:
    """Count code pairs, one confusion matrix per group: (n_groups, n_classes, n_classes)."""
    if groups is None:
        index = np.zeros(len(y_true), dtype=int)
    else:
        index = np.unique(groups, return_inverse=True)[1]
    out = np.zeros((index.max(initial=0) + 1, n_classes, n_classes), dtype=int)
    np.add.at(out, (index, y_true, y_pred), 1)
    return out


def bootstrap_intervals(
    confusions: np.ndarray,
    *,
    level: float = 0.95,
    n_resamples: int = 2000,
    random_state: Any = None,
) -> dict[str, np.ndarray]:
    """Return percentile bootstrap intervals of every score.

    With one confusion matrix the scored rows are resampled; with several (one per group) the
    groups are, because rows of one specimen are not independent.

    Parameters
    ----------
    confusions : ndarray of shape (n_groups, n_classes, n_classes)
        From scored rows.
    level : float
        Coverage of the interval.
    n_resamples : int
        Bootstrap draws.
    random_state : int, numpy.random.RandomState or None
        Seed of the draws.

    Returns
    -------
    dict of str to ndarray of shape (2, n_classes + 1)
        Lower and upper end for each class, and for the macro average in the last column.
    """
    rng = check_random_state(random_state)
    n_groups, n_classes, _ = confusions.shape
    if n_groups == 1:
        # Drawing n rows with replacement is drawing the counts of the cells.
        n = int(confusions.sum())
        shares = confusions.reshape(-1) / max(n, 1)
        draws = rng.multinomial(n, shares, size=n_resamples)
    else:
        weights = rng.multinomial(n_groups, np.full(n_groups, 1 / n_groups), size=n_resamples)
        draws = weights @ confusions.reshape(n_groups, -1)
    scores = scores_from_confusion(draws.reshape(-1, n_classes, n_classes))
    tail = 100.0 * (1.0 - level) / 2.0
    return {
        name: np.percentile(
            np.column_stack([values, values.mean(axis=1)]), [tail, 100.0 - tail], axis=0
        )
        for name, values in scores.items()
    }
