"""Filters after a generator: which of its rows to keep (as the SYMP-Filter of paper 003 does).

A filter is any callable ``keep(X, y)`` that returns one number per generated row, larger for
better rows; ``generator.sample(..., keep=...)`` draws several rows for each one wanted and
returns the best. A filter that has `fit` can be fitted to real rows. `FILTERS` are those that go
by name.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

Filter = Callable[[np.ndarray, np.ndarray], np.ndarray]

#: Side of the largest square in a corner that a circle inside the image leaves free, per edge.
CORNER = (1.0 - math.sqrt(0.5)) / 2.0


class CornerDensityFilter(BaseEstimator):
    """SYMP-Filter of paper 003: prefer images whose corners are empty.

    Polar images have nothing in their corners, artefacts of a generator do. The score of an
    image is −D, with D of Eq. (3.1) the sum over the four corner squares and all channels; the t
    images of lowest density are kept per class, Eq. (3.2).

    Parameters
    ----------
    radius : int or None, default None
        Pixels along an edge of each square. None takes the largest square outside the circle
        that the image encloses, 18 pixels of 128.
    background : float or None, default None
        What an empty pixel holds: densities are sums of the absolute difference to it. 0 is Eq.
        (3.1) to the letter, for images that are dark where there is nothing. None takes the
        median of each channel in the corners of the rows given to `fit`, or of the generated
        rows where `fit` was not called.

    Attributes
    ----------
    background_ : ndarray of shape (channels,)
        Background of the real rows, after `fit`.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.ones((3, 1, 8, 8))
    >>> X[1, 0, 0, 0], X[2, 0, 7, 7] = 0.5, 0.0
    >>> CornerDensityFilter()(X, np.zeros(3)).tolist()
    [0.0, -0.5, -1.0]
    """

    def __init__(self, radius: int | None = None, background: float | None = None) -> None:
        self.radius = radius
        self.background = background

    def fit(self, X: np.ndarray, y: np.ndarray | None = None) -> CornerDensityFilter:
        """Learn the background of real images (n, channels, height, width)."""
        self.background_ = _median(self._corners(np.asarray(X)))
        return self

    def __call__(self, X: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return −D of every image.

        Parameters
        ----------
        X : ndarray of shape (m, channels, height, width)
            Generated images.
        y : ndarray of shape (m,)
            Their labels; not looked at.

        Returns
        -------
        ndarray of shape (m,)
            At most 0.

        Raises
        ------
        ValueError
            If the rows are no images, or smaller than two squares.
        """
        corners = self._corners(np.asarray(X))
        if self.background is not None:
            background = np.full(corners.shape[1], float(self.background))
        elif hasattr(self, "background_"):
            background = self.background_
        else:
            background = _median(corners)
        return 0.0 - np.abs(corners - background[:, np.newaxis]).sum(axis=(1, 2))

    def _corners(self, X: np.ndarray) -> np.ndarray:
        """Return the pixels of the four squares, (m, channels, 4 r²), as float64."""
        if X.ndim != 4:
            raise ValueError(
                "a corner density needs images of shape (n, channels, height, width), got rows "
                f"of shape {X.shape[1:]}; use keep=RealDistanceFilter().fit(X, y) for spectra"
            )
        edge = min(X.shape[2:])
        r = max(1, int(CORNER * edge)) if self.radius is None else self.radius
        if not 1 <= r <= edge / 2:
            raise ValueError(
                f"radius must be 1 to {edge // 2} for images of {edge} pixels, got {r}"
            )
        ends = slice(None, r), slice(-r, None)
        squares = [X[:, :, a, b].reshape(len(X), X.shape[1], -1) for a in ends for b in ends]
        return np.concatenate(squares, axis=2).astype(np.float64)

    def learned(self, classes: np.ndarray) -> dict[str, np.ndarray]:
        """Return what `fit` learned, as arrays for a file."""
        return {"background": self.background_}

    def restore(self, arrays: dict[str, np.ndarray], classes: np.ndarray) -> CornerDensityFilter:
        """Take what :meth:`learned` returned."""
        self.background_ = arrays["background"]
        return self


def _median(corners: np.ndarray) -> np.ndarray:
    return np.median(np.moveaxis(corners, 1, 0).reshape(corners.shape[1], -1), axis=1)


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
    >>> from hs_specaug.generators import RealDistanceFilter
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
        from ..evaluation.comparison._checks import check_labels
        from ..evaluation.metrics._rows import check_rows

        check_rows(X, "X")
        self.y_ = check_labels(len(X), [] if y is None else y, "y")
        self.X_ = np.asarray(X).reshape(len(X), -1)
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

    def learned(self, classes: np.ndarray) -> dict[str, np.ndarray]:
        """Return what `fit` learned, as arrays for a file; `classes` gives labels their codes."""
        return {"X": self.X_, "codes": np.searchsorted(classes, self.y_)}

    def restore(self, arrays: dict[str, np.ndarray], classes: np.ndarray) -> RealDistanceFilter:
        """Take what :meth:`learned` returned."""
        return self.fit(arrays["X"], classes[arrays["codes"]])


def _nearest(X: np.ndarray, among: np.ndarray, n: int = 1) -> np.ndarray:
    """Return the distances to the `n` nearest rows, nearest first."""
    from sklearn.neighbors import NearestNeighbors

    rows = (np.asarray(values, dtype=np.float64) for values in (among, X))
    return NearestNeighbors(n_neighbors=n).fit(next(rows)).kneighbors(next(rows))[0]


class ConfidenceFilter(BaseEstimator):
    """Prefer rows that a classifier recognises: the score is the probability of their class.

    Parameters
    ----------
    classifier : scikit-learn classifier with `predict_proba`
        Used as it is where it is fitted; `fit` fits a clone to real rows.

    Attributes
    ----------
    classifier_ : classifier
        After `fit`.
    """

    def __init__(self, classifier: Any) -> None:
        self.classifier = classifier

    def fit(self, X: np.ndarray, y: np.ndarray) -> ConfidenceFilter:
        """Fit a clone of the classifier to real rows `X` (n, ...) with labels `y` (n,)."""
        self.classifier_ = clone(self.classifier).fit(np.asarray(X), np.asarray(y))
        return self

    def __call__(self, X: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the probability that each row of `X` (m, ...) is of its class `y` (m,).

        Raises
        ------
        ValueError
            If a label is unknown to the classifier.
        """
        classifier = getattr(self, "classifier_", self.classifier)
        check_is_fitted(classifier)
        codes = {label: code for code, label in enumerate(classifier.classes_.tolist())}
        labels = np.asarray(y).tolist()
        unknown = sorted({str(label) for label in labels if label not in codes})
        if unknown:
            raise ValueError(f"the classifier of the filter knows {list(codes)}, got {unknown}")
        chosen = [codes[label] for label in labels]
        return np.asarray(classifier.predict_proba(X))[np.arange(len(labels)), chosen]


class DiscriminatorFilter(BaseEstimator):
    """Prefer rows that a discriminator takes for real ones of their class.

    The network is that at the end of the training, also where an earlier generator was kept.

    Parameters
    ----------
    generator : fitted adversarial generator
        Whose discriminator is asked for the logit D(x, y). Those of methods without classes
        in the discriminator (``acgan``) cannot be.
    """

    def __init__(self, generator: Any) -> None:
        self.generator = generator

    def __call__(self, X: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the logits (m,) of rows `X` (m, ...) with labels `y` (m,).

        Raises
        ------
        ValueError
            If the generator has no discriminator that knows classes.
        """
        import torch

        from ..networks import to_channels

        D = self._discriminator()
        codes = {label: code for code, label in enumerate(self.generator.classes_.tolist())}
        labels = torch.tensor([codes[label] for label in np.asarray(y).tolist()])
        rows = torch.from_numpy(self.generator.scaler_.transform(to_channels(np.asarray(X))))
        device = next(D.parameters()).device
        with torch.inference_mode():
            parts = zip(rows.split(256), labels.split(256), strict=True)
            return torch.cat([D(x.to(device), c.to(device)).cpu() for x, c in parts]).numpy()

    def _discriminator(self) -> Any:
        networks = getattr(self.generator, "networks_", {})
        if "discriminator" in networks:
            D: Any = networks["discriminator"]
            if len(inspect.signature(D.forward).parameters) == 2:
                return D
        raise ValueError(
            f"{getattr(self.generator, 'method', self.generator)!r} has no discriminator D(x, y) "
            "to ask; keep=RealDistanceFilter().fit(X, y) works with every generator"
        )


#: Filters that go by name and need no more than real rows.
FILTERS: dict[str, type[CornerDensityFilter | RealDistanceFilter]] = {
    "corner-density": CornerDensityFilter,
    "real-distance": RealDistanceFilter,
}


def resolve_filter(keep: Any, generator: Any) -> Filter:
    """Return the filter that `keep` stands for when `generator` samples.

    Raises
    ------
    ValueError
        If the name is unknown or needs real rows, which a fitted generator has no more.
    """
    if callable(keep):
        return keep
    if keep == "corner-density":
        return CornerDensityFilter()
    if keep == "discriminator":
        return DiscriminatorFilter(generator)
    if keep == "real-distance":
        raise NotFittedError(
            "keep='real-distance' compares with real rows, which the generator does not hold; "
            "pass keep=RealDistanceFilter().fit(X, y)"
        )
    raise ValueError(
        "keep must be 'corner-density', 'discriminator' or a callable keep(X, y) that scores rows, "
        f"got {keep!r}"
    )


def fitted_filter(keep: Any, X: np.ndarray, y: np.ndarray) -> Any:
    """Return a filter by name, instance or callable, fitted to real rows where it can be.

    Parameters
    ----------
    keep : {"corner-density", "real-distance"}, callable or None
        Estimators are cloned.
    X, y : ndarray
        Real rows and labels.
    """
    if isinstance(keep, str):
        keep = FILTERS[keep]()
    elif isinstance(keep, BaseEstimator):
        keep = clone(keep)
    return keep.fit(X, y) if hasattr(keep, "fit") else keep


def n_draws(n_rows: int, draws_per_row: float) -> int:
    """Return how many rows to draw to keep `n_rows`.

    Raises
    ------
    ValueError
        If `draws_per_row` is below 1.
    """
    if not draws_per_row >= 1:
        raise ValueError(f"draws_per_row must be 1 or more, got {draws_per_row!r}")
    return math.ceil(n_rows * draws_per_row)


def best_rows(scores: Any, n_rows: int, n_best: int) -> np.ndarray:
    """Return which rows of a class to keep, Eq. (3.2) of paper 003, in the order of drawing.

    Parameters
    ----------
    scores : array-like of shape (n_rows,)
        Larger for better rows.
    n_rows, n_best : int
        How many rows there are, and how many are kept.

    Raises
    ------
    ValueError
        If there is not one number per row, or some are NaN.
    """
    scores = np.asarray(scores, dtype=float)
    if scores.shape != (n_rows,) or np.isnan(scores).any():
        raise ValueError(
            f"keep must return one number for each of the {n_rows} rows, got an array of "
            f"shape {scores.shape} with {int(np.isnan(scores).sum())} NaN"
        )
    return np.sort(np.argsort(-scores, kind="stable")[:n_best])
