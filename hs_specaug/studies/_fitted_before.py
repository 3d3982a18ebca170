"""A generator that was fitted before its turn, in the place of one that is to be fitted."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..exceptions import LeakageError
from ..generators import row_fingerprints


class FittedBefore:
    """Stands where a generator is cloned and fitted; refuses all rows but those that it knows.

    Parameters
    ----------
    generator : generator
        Fitted.
    seconds : float
        That its training took.
    heard : sequence of warnings.WarningMessage
        What it warned of.
    """

    def __init__(
        self, generator: Any, seconds: float, heard: Sequence[warnings.WarningMessage]
    ) -> None:
        self.generator, self.seconds, self.heard = generator, seconds, list(heard)
        self.sampling_strategy_ = generator.sampling_strategy_
        self.interrupted_ = generator.interrupted_

    def __sklearn_clone__(self) -> FittedBefore:
        return self

    def fit(self, X: np.ndarray, y: np.ndarray) -> FittedBefore:
        """Make sure that the generator was fitted to these rows and no others.

        Raises
        ------
        LeakageError
            If it was not.
        """
        if not np.array_equal(np.sort(row_fingerprints(X)), self.generator.fingerprint_):
            raise LeakageError("the generator was fitted to other rows than those of this split")
        return self

    def sample(self, counts: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return synthetic rows."""
        return self.generator.sample(counts)
