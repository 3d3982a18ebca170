"""SMOTE and Borderline-SMOTE: imbalanced-learn's own, asked for samples class by class.

N. V. Chawla et al., J. Artif. Intell. Res. 16 (2002) 321; H. Han, W.-Y. Wang and B.-H. Mao,
ICIC (2005) 878. Baselines of paper 000.
"""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from imblearn.over_sampling import SMOTE, BorderlineSMOTE
from sklearn.utils._param_validation import Interval

from .._warnings import warn_user
from ..exceptions import FewSamplesWarning
from ._resampling import ResamplingGenerator


class SMOTEGenerator(ResamplingGenerator):
    """SMOTE behind the generator contract.

    Parameters
    ----------
    k_neighbors : int, default 5
        Neighbours to interpolate with. A class with fewer rows uses all it has, with a warning;
        one row is repeated, with a warning.
    sampling_strategy : float, str, dict or callable, default "auto"
        As in imbalanced-learn.
    random_state : int, numpy.random.RandomState or None, default None
        Seed of the draws.

    Examples
    --------
    >>> import numpy as np
    >>> from hs_specaug.generators import SMOTEGenerator
    >>> X = np.arange(24.0).reshape(12, 2)
    >>> y = np.array([0] * 6 + [1] * 6)
    >>> X_new, y_new = SMOTEGenerator(random_state=0).fit(X, y).sample({1: 3})
    >>> X_new.shape, y_new.tolist()
    ((3, 2), [1, 1, 1])
    """

    method: ClassVar[str] = "smote"

    _parameter_constraints: ClassVar[dict] = {
        **ResamplingGenerator._parameter_constraints,
        "k_neighbors": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        *,
        k_neighbors: int = 5,
        sampling_strategy: Any = "auto",
        random_state: Any = None,
    ) -> None:
        super().__init__(sampling_strategy=sampling_strategy)
        self.k_neighbors = k_neighbors
        self.random_state = random_state

    def _neighbours(self, code: int) -> int:
        """Return how many neighbours class `code` has, at most `k_neighbors`; 0 for one row."""
        name, available = self.classes_.tolist()[code], int(self.class_counts_[code]) - 1
        if available < 1:
            warn_user(
                f"class {name!r} has one row, {self.method} needs two: its row is repeated instead",
                FewSamplesWarning,
            )
        elif available < self.k_neighbors:
            warn_user(
                f"class {name!r} has {available + 1} rows: {self.method} uses "
                f"{available} neighbours instead of {self.k_neighbors}",
                FewSamplesWarning,
            )
        return min(available, self.k_neighbors)

    def _sample_class(self, code: int, n: int, rng: np.random.RandomState) -> np.ndarray:
        k = self._neighbours(code)
        if k < 1:
            return self._repeat(code, n, rng)
        sampler = SMOTE(k_neighbors=k, sampling_strategy=self._strategy(code, n), random_state=rng)
        # SMOTE looks at the rows of the class only; one of another class is there for its checks.
        own, others = np.flatnonzero(self.codes_ == code), np.flatnonzero(self.codes_ != code)
        return self._new_rows(sampler, np.concatenate([own, others[:1]]))


class BorderlineSMOTEGenerator(SMOTEGenerator):
    """Borderline-SMOTE behind the generator contract.

    Only rows near another class are interpolated. Where a class has no such row, all its rows
    are used (that is, SMOTE), with a warning.

    Parameters
    ----------
    k_neighbors : int, default 5
        Neighbours to interpolate with.
    m_neighbors : int, default 10
        Neighbours that decide whether a row is near the border.
    sampling_strategy, random_state
        See :class:`SMOTEGenerator`.
    """

    method: ClassVar[str] = "borderline-smote"

    _parameter_constraints: ClassVar[dict] = {
        **SMOTEGenerator._parameter_constraints,
        "m_neighbors": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        *,
        k_neighbors: int = 5,
        m_neighbors: int = 10,
        sampling_strategy: Any = "auto",
        random_state: Any = None,
    ) -> None:
        super().__init__(
            k_neighbors=k_neighbors,
            sampling_strategy=sampling_strategy,
            random_state=random_state,
        )
        self.m_neighbors = m_neighbors

    def _sample_class(self, code: int, n: int, rng: np.random.RandomState) -> np.ndarray:
        k = self._neighbours(code)
        if k < 1:
            return self._repeat(code, n, rng)
        sampler = BorderlineSMOTE(
            k_neighbors=k,
            m_neighbors=min(self.m_neighbors, len(self.X_) - 1),
            sampling_strategy=self._strategy(code, n),
            random_state=rng,
        )
        rows = self._new_rows(sampler)
        if len(rows) == n:
            return rows
        warn_user(
            f"class {self.classes_.tolist()[code]!r} has no row near another class: SMOTE is used "
            "for it instead of Borderline-SMOTE",
            FewSamplesWarning,
        )
        fallback = SMOTE(k_neighbors=k, sampling_strategy=self._strategy(code, n), random_state=rng)
        return self._new_rows(fallback)
