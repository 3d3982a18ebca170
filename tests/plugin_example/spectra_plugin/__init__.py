"""A generator, a perturbation and a classifier of another package."""

from typing import ClassVar

import numpy as np
from sklearn.neighbors import NearestCentroid

from hs_specaug.generators import BaseGenerator
from hs_specaug.perturbations import Perturbation


class JitterGenerator(BaseGenerator):
    """Repeat measured rows, each times a random factor near one."""

    method: ClassVar[str] = "their-method"

    def __init__(self, *, width=0.05, sampling_strategy="auto", random_state=None):
        super().__init__(sampling_strategy=sampling_strategy)
        self.width = width
        self.random_state = random_state

    def _fit(self, X, codes):
        self.X_, self.codes_ = X, codes

    def _sample(self, codes, rng):
        rows = [rng.choice(np.flatnonzero(self.codes_ == code)) for code in codes]
        factors = rng.normal(1.0, self.width, len(rows))
        return self.X_[rows] * factors.reshape(-1, *(1,) * (self.X_.ndim - 1))

    def _tensors(self):
        return {"X": self.X_, "codes": self.codes_}

    def _set_tensors(self, tensors, header):
        self.X_, self.codes_ = tensors["X"], tensors["codes"]


class Saturation(Perturbation):
    """Compress high values, as a detector near its limit does."""

    name: ClassVar[str] = "their-noise"

    def __init__(self, strength=0.1):
        self.strength = strength

    def _apply(self, X, y, domain, draws):
        return X / (1 + self.strength * draws.uniform(1, 1) * abs(X))


class NearestMean(NearestCentroid):
    """The class whose mean is nearest."""
