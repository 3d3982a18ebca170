"""Generators that keep the training rows and let imbalanced-learn draw from them."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Any

import numpy as np
from imblearn.over_sampling import RandomOverSampler
from imblearn.over_sampling.base import BaseOverSampler

from .._refusals import whole_range
from ._base import BaseGenerator


class ResamplingGenerator(BaseGenerator):
    """Base of samplers that need the training rows to draw new ones.

    Attributes
    ----------
    X_ : ndarray of shape (n, values per row)
        The training rows, flattened.
    codes_ : ndarray of shape (n,)
        Their class codes.
    """

    def _fit(self, X: np.ndarray, codes: np.ndarray) -> None:
        self.X_ = X.reshape(len(X), -1)
        self.codes_ = codes

    def _sample(self, codes: np.ndarray, rng: np.random.RandomState) -> np.ndarray:
        wanted, counts = np.unique(codes, return_counts=True)
        parts = [
            self._cast(self._sample_class(code, n, rng))
            for code, n in zip(wanted.tolist(), counts.tolist(), strict=True)
        ]
        out = np.concatenate(parts) if len(parts) > 1 else parts[0]
        if (np.diff(codes) < 0).any():  # wanted in another order than class after class
            out = out[np.argsort(np.argsort(codes, kind="stable"))]
        return out.reshape(len(codes), *self.input_shape_)

    def _cast(self, X: np.ndarray) -> np.ndarray:
        if self.dtype_.kind not in "iu":
            return np.rint(X) if self.dtype_.kind == "b" else X
        return np.clip(np.rint(X), *whole_range(self.dtype_))

    def _strategy(self, code: int, n: int) -> dict[int, int]:
        return {code: int(self.class_counts_[code]) + n}

    def _new_rows(
        self, sampler: BaseOverSampler, rows: np.ndarray | slice = slice(None)
    ) -> np.ndarray:
        """Return what `sampler` appends to the training rows, or to those of them in `rows`."""
        known, codes = self.X_[rows], self.codes_[rows]
        # Differences of whole numbers would wrap around in their own type (unsigned counts).
        whole = known.dtype.kind in "iub"
        X, _ = sampler.fit_resample(known.astype(np.float64) if whole else known, codes)
        return X[len(known) :]

    @staticmethod
    def _equally_often(members: np.ndarray, n: int, rng: np.random.RandomState) -> np.ndarray:
        """Draw `n` of `members`, each as often as the others to within one."""
        passes = [rng.permutation(members) for _ in range(-(-n // len(members)))]
        return np.concatenate(passes)[:n]

    def _repeat(self, code: int, n: int, rng: np.random.RandomState) -> np.ndarray:
        """Return `n` rows of class `code`, repeated at random."""
        return self._new_rows(
            RandomOverSampler(sampling_strategy=self._strategy(code, n), random_state=rng)
        )

    @abstractmethod
    def _sample_class(self, code: int, n: int, rng: np.random.RandomState) -> np.ndarray:
        """Return `n` new flattened rows of class `code`."""

    def _tensors(self) -> dict[str, np.ndarray]:
        return {"X": self.X_, "codes": self.codes_}

    def _set_tensors(self, tensors: dict[str, np.ndarray], header: dict[str, Any]) -> None:
        X, codes = tensors["X"], tensors["codes"]
        n = int(self.class_counts_.sum())
        known = codes.dtype.kind == "i" and codes.shape == (n,)
        if not known or X.shape != (n, math.prod(self.input_shape_)) or X.dtype != self.dtype_:
            raise ValueError(f"X of shape {X.shape} with codes of shape {codes.shape}")
        # np.bincount writes outside its array where a code is the largest of int64.
        if n and not 0 <= codes.min() <= codes.max() < len(self.class_counts_):
            raise ValueError("codes of classes that there are not")
        counts = np.bincount(codes, minlength=len(self.class_counts_))
        if not np.array_equal(counts, self.class_counts_) or not np.isfinite(X).all():
            raise ValueError("X and codes are not those of the classes")
        self.X_, self.codes_ = X, codes
