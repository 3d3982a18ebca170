"""Classifiers that want one vector per row, for rows with channels and for images."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.utils import get_tags


class FlatRows(BaseEstimator):
    """Give every row to the wrapped estimator as one vector.

    scikit-learn's own classifiers take (n, features); spectra with channels and images do not
    come that way.
    """

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator

    def fit(self, X: np.ndarray, y: np.ndarray) -> FlatRows:
        """Fit the wrapped estimator."""
        self.estimator_ = clone(self.estimator).fit(X.reshape(len(X), -1), y)
        self.classes_ = self.estimator_.classes_
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Predict with the wrapped estimator."""
        return self.estimator_.predict(X.reshape(len(X), -1))

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Predict probabilities with the wrapped estimator; one-hot if it has none."""
        return class_probabilities(self.estimator_, X.reshape(len(X), -1))


def class_probabilities(model: Any, X: np.ndarray) -> np.ndarray:
    """Return probabilities of shape (n, n_classes); one-hot if the model has none."""
    if hasattr(model, "predict_proba"):
        return model.predict_proba(X)
    return (model.predict(X)[:, np.newaxis] == model.classes_).astype(float)


def takes_channels(classifier: Any) -> bool:
    """Whether `classifier` accepts rows with channels, by its scikit-learn tags."""
    return bool(get_tags(classifier).input_tags.three_d_array)
