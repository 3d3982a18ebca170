"""Filters after a generator: which of its rows to keep (as the SYMP-Filter of paper 003 does).

A filter is any callable ``keep(X, y)`` that returns one number per generated row, larger for
better rows. One that has `fit` is fitted to the real rows first; `FILTERS` are those that files
know by name.
"""

from __future__ import annotations

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted


class RealDistanceFilter(BaseEstimator):
    """Prefer rows as far from the nearest real row of their class as real rows are.

    The score of a row is −|d − s|: d is its Euclidean distance to the nearest real row of its
    class, s the median of the same distance of real rows to each other. Artefacts lie farther
    away; copies lie too close, and would add nothing.

    Attributes
    ----------
    X_ : ndarray of shape (n, values per row)
        Real rows.
    y_ : ndarray of shape (n,)
        Their labels.
    spacing_ : dict of label to float
        Median distance s of every class; 0 for a class of one row.

    Examples
    --------
    >>> import numpy as np
    >>> from hs_specaug.strategies import RealDistanceFilter
    >>> keep = RealDistanceFilter().fit(np.array([[0.0], [1.0], [2.0]]), np.zeros(3))
    >>> keep(np.array([[2.0], [3.0], [7.0]]), np.zeros(3)).tolist()
    [-1.0, 0.0, -4.0]
    """

    def fit(self, X: np.ndarray, y: np.ndarray) -> RealDistanceFilter:
        """Learn the spacing of real rows.

        Parameters
        ----------
        X : ndarray of shape (n, ...)
            Real rows.
        y : ndarray of shape (n,)
            Their labels.

        Returns
        -------
        self
        """
        self.X_ = np.asarray(X).reshape(len(X), -1)
        self.y_ = np.asarray(y)
        self.spacing_ = {}
        for label in np.unique(self.y_).tolist():
            rows = self.X_[self.y_ == label]
            distances = _nearest(rows, rows, n=2)[:, -1] if len(rows) > 1 else np.zeros(1)
            self.spacing_[label] = float(np.median(distances))
        return self

    def __call__(self, X: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the score of every generated row.

        Parameters
        ----------
        X : ndarray of shape (m, ...)
            Generated rows.
        y : ndarray of shape (m,)
            Their labels, all of them known.

        Returns
        -------
        ndarray of shape (m,)
            At most 0.
        """
        check_is_fitted(self, "spacing_")
        X, y = np.asarray(X).reshape(len(X), -1), np.asarray(y)
        scores = np.empty(len(X))
        for label in np.unique(y).tolist():
            here = y == label
            distance = _nearest(X[here], self.X_[self.y_ == label])[:, 0]
            scores[here] = 0.0 - np.abs(distance - self.spacing_[label])
        return scores


def _nearest(X: np.ndarray, among: np.ndarray, n: int = 1) -> np.ndarray:
    """Return the distances to the `n` nearest rows, nearest first."""
    from sklearn.neighbors import NearestNeighbors

    rows = (np.asarray(values, dtype=np.float64) for values in (among, X))
    return NearestNeighbors(n_neighbors=n).fit(next(rows)).kneighbors(next(rows))[0]


FILTERS = {"real-distance": RealDistanceFilter}
