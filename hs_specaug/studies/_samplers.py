"""Over-samplers that are made inside a fold: noise measured there, a strategy searched there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone

from ..evaluation import noise_only


class NoiseOnly(BaseEstimator):
    """Copies with more noise, as strong as the training rows have it already (paper 002).

    Parameters
    ----------
    strength : float, default 1.0
        Factor on the noise, see :func:`hs_specaug.evaluation.noise_only`.
    sampling_strategy : int, float, str, dict or callable, default "auto"
        As in imbalanced-learn.
    random_state : int, numpy.random.RandomState or None, default None
        Seed of the draws.
    """

    def __init__(
        self, strength: float = 1.0, *, sampling_strategy: Any = "auto", random_state: Any = None
    ) -> None:
        self.strength = strength
        self.sampling_strategy = sampling_strategy
        self.random_state = random_state

    def fit(self, X: np.ndarray, y: np.ndarray) -> NoiseOnly:
        """Measure the noise of these rows."""
        made = noise_only(X, strength=self.strength, random_state=self.random_state)
        self.generator_ = made.set_params(sampling_strategy=self.sampling_strategy).fit(X, y)
        self.sampling_strategy_ = self.generator_.sampling_strategy_
        return self

    def sample(self, counts: Mapping[Any, int]) -> tuple[np.ndarray, np.ndarray]:
        """Return noisier copies."""
        return self.generator_.sample(counts)


class SearchedStrategy(BaseEstimator):
    """The winner of a search, searched anew in the rows of every fold.

    Parameters
    ----------
    search : estimator
        A :class:`hs_specaug.strategies.StrategySearch`: after `fit` it has `best_generator_`.
    random_state : int, numpy.random.RandomState or None, default None
        Seed of the search, if it has none.
    """

    def __init__(self, search: Any, *, random_state: Any = None) -> None:
        self.search = search
        self.random_state = random_state

    def fit(
        self, X: np.ndarray, y: np.ndarray, groups: np.ndarray | None = None
    ) -> SearchedStrategy:
        """Search in these rows."""
        search = clone(self.search).set_params(refit=True, results=None)
        if search.random_state is None:
            search.set_params(random_state=self.random_state)
        self.generator_ = search.fit(X, y, groups).best_generator_
        self.sampling_strategy_ = self.generator_.sampling_strategy_
        self.best_name_ = search.best_name_
        return self

    def sample(self, counts: Mapping[Any, int]) -> tuple[np.ndarray, np.ndarray]:
        """Return rows of the best strategy."""
        return self.generator_.sample(counts)
