"""The map between measured values and the range of tanh, and between ranks of arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from .._refusals import whole_range


def to_channels(X: np.ndarray) -> np.ndarray:
    """View (n, length) as (n, 1, length); leave arrays that have channels alone."""
    if X.ndim == 2:
        return X[:, np.newaxis, :]
    if X.ndim in (3, 4):
        return X
    raise ValueError(
        "X must be (n, length), (n, channels, length) or (n, channels, height, width), "
        f"got shape {X.shape}"
    )


def from_channels(X: np.ndarray, input_shape: tuple[int, ...]) -> np.ndarray:
    """Give rows back the shape `input_shape` that they had before :func:`to_channels`."""
    return X.reshape(len(X), *input_shape)


class RangeScaler(TransformerMixin, BaseEstimator):
    """Map every channel linearly from its range in the training rows to [−1, 1].

    One range per channel, not per point: the shape of a spectrum is kept. The inverse clips to
    the training range, so that data that cannot be negative does not come back negative, and
    rounds where the data were integers.

    Attributes
    ----------
    minimum_, maximum_ : ndarray of shape (channels,)
        Range of each channel in the training rows, float64.
    dtype_ : numpy.dtype
        Type of the training rows, restored by `inverse_transform`.
    """

    def fit(self, X: np.ndarray, y: Any = None) -> RangeScaler:
        """Learn the range of each channel of `X` (n, channels, ...)."""
        axes = (0, *range(2, X.ndim))
        self.minimum_ = np.asarray(X.min(axis=axes), dtype=np.float64)
        self.maximum_ = np.asarray(X.max(axis=axes), dtype=np.float64)
        self.dtype_ = X.dtype
        return self

    def _span(self, ndim: int) -> tuple[np.ndarray, np.ndarray]:
        shape = (-1, *(1,) * (ndim - 2))
        span = self.maximum_ - self.minimum_
        # A constant channel has no range: it becomes −1 and comes back as its constant.
        return self.minimum_.reshape(shape), np.where(span > 0, span, 1.0).reshape(shape)

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Scale `X` (n, channels, ...) to [−1, 1] as float32."""
        minimum, span = self._span(X.ndim)
        return ((X - minimum) / span * 2.0 - 1.0).astype(np.float32)

    def inverse_transform(self, X: np.ndarray) -> np.ndarray:
        """Bring scaled rows back to their units and type."""
        minimum, span = self._span(X.ndim)
        maximum = self.maximum_.reshape(minimum.shape)
        out = np.clip((X.astype(np.float64) + 1.0) / 2.0 * span + minimum, minimum, maximum)
        if np.issubdtype(self.dtype_, np.integer):
            out = np.clip(np.rint(out), *whole_range(self.dtype_))
        return out.astype(self.dtype_)
