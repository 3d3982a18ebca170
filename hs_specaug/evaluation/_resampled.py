"""The training rows of one fold: transformed, filled up, ready for any number of classifiers."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils.validation import has_fit_parameter


@dataclass
class ResampledRows:
    """What classifiers of one fold learn from.

    Attributes
    ----------
    X, y : ndarray
        Transformed real rows, and synthetic ones.
    transformers : list
        Fitted in order.
    generator : generator or None
        Fitted, or as it was given.
    fit_seconds, sample_seconds : float
        Time that the generator took to learn, and to make rows; a sampler that does both at
        once counts as learning.
    """

    X: np.ndarray
    y: np.ndarray
    transformers: list[Any]
    generator: Any = None
    fit_seconds: float = 0.0
    sample_seconds: float = 0.0

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Bring other rows to where `X` is."""
        for transformer in self.transformers:
            X = transformer.transform(X)
        return X


def resample_fold(
    X: np.ndarray,
    y: np.ndarray,
    generator: Any = None,
    transformers: Sequence[Any] = (),
    *,
    refit: bool = True,
    groups: np.ndarray | None = None,
) -> ResampledRows:
    """Fit transformers, then the generator, on these rows only.

    Parameters
    ----------
    X, y : ndarray
        Training rows.
    generator : generator or None
        Cloned and fitted; with `refit=False` used as it is, fitted before.
    transformers : sequence of scikit-learn transformers
        Cloned and fitted in order, before the generator.
    refit : bool
        See above.
    groups : ndarray of shape (n,) or None
        Of the rows, for a generator whose `fit` takes them (one that searches).
    """
    foreign = generator is not None and not refit
    # What a generator from elsewhere makes is as raw as the rows are; it goes through the same
    # transformers, which learn from the real rows alone.
    X_new, y_new = fill_up(generator, X, y) if foreign else (X[:0], y[:0])
    fitted = []
    for transformer in transformers:
        fitted.append(clone(transformer).fit(X, y))
        X = fitted[-1].transform(X)
        X_new = fitted[-1].transform(X_new) if len(X_new) else X[:0]
    if foreign:
        X, y = np.concatenate([X, X_new]), np.concatenate([y, y_new])
    rows = ResampledRows(X, y, fitted, generator)
    if generator is not None and not foreign:
        _resample(rows, clone(generator), groups)
    return rows


def _resample(rows: ResampledRows, generator: Any, groups: np.ndarray | None) -> None:
    """Do what `fit_resample` does, in two steps where the generator has them."""
    started = time.perf_counter()
    X, y = rows.X, rows.y
    if hasattr(generator, "sample"):
        known = {"groups": groups} if has_fit_parameter(generator, "groups") else {}
        generator.fit(X, y, **known)
        wanted = {label: n for label, n in generator.sampling_strategy_.items() if n > 0}
        rows.fit_seconds = time.perf_counter() - started
        if wanted:
            X_new, y_new = generator.sample(wanted)
            rows.X, rows.y = np.concatenate([X, X_new]), np.concatenate([y, y_new])
        rows.sample_seconds = time.perf_counter() - started - rows.fit_seconds
    else:
        rows.X, rows.y = generator.fit_resample(X, y)
        rows.fit_seconds = time.perf_counter() - started
    pass_on_interrupt(generator)
    rows.generator = generator


def pass_on_interrupt(estimator: Any) -> None:
    """Stop where Ctrl-C cut a training short: half-trained parts would give a mixed score."""
    if getattr(estimator, "interrupted_", False):
        raise KeyboardInterrupt("interrupted while training for an evaluation; no score was kept")


def fill_up(generator: Any, X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows that balance `y`, from a generator that was fitted elsewhere."""
    X_new, y_new = generator.sample(generator.missing_counts(y))
    return X_new.astype(X.dtype, copy=False), y_new
