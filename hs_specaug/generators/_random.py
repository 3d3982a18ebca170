"""Random over-sampling: imbalanced-learn's own, the baseline every method has to beat."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ._resampling import ResamplingGenerator


class RandomGenerator(ResamplingGenerator):
    """Repeat rows of the rare classes at random.

    Parameters
    ----------
    sampling_strategy : float, str, dict or callable, default "auto"
        As in imbalanced-learn.
    random_state : int, numpy.random.RandomState or None, default None
        Seed of the draws.
    """

    method: ClassVar[str] = "random"

    def __init__(self, *, sampling_strategy: Any = "auto", random_state: Any = None) -> None:
        super().__init__(sampling_strategy=sampling_strategy)
        self.random_state = random_state

    def _sample_class(self, code: int, n: int, rng: np.random.RandomState) -> np.ndarray:
        return self._repeat(code, n, rng)
