"""Few-shot: new rows of a class that has 2 to 20, with the variation of the well-sampled ones.

A method of this package; no paper describes it as a whole. Its parts are known: interpolation
between rows of one class is SMOTE (N. V. Chawla et al., J. Artif. Intell. Res. 16 (2002) 321);
differences within one class that are added to rows of another are the idea of the Δ-encoder
(E. Schwartz et al., NeurIPS 2018), here without its network.
"""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval

from .._warnings import warn_user
from ..exceptions import FewSamplesWarning
from ..perturbations import BorrowedVariation
from ._resampling import ResamplingGenerator


class FewShotGenerator(ResamplingGenerator):
    r"""Interpolate between the few rows of a class and add borrowed variation.

    .. math:: x' = x_i + u\,(x_j - x_i) + s\,(a - b),
        \quad u \sim U(0, \mathrm{interpolation}), \quad s \sim U(0, \mathrm{scale})

    with two rows :math:`x_i, x_j` of the class that is wanted and two rows :math:`a, b` of one
    class that has enough of them. The few rows say where their class lies; the well-sampled
    classes say how rows of one class differ, since instrument, thickness and preparation vary
    alike for all. The added part has mean zero and :math:`\tfrac23\,\mathrm{scale}^2` times the
    within-class covariance of the lending classes, pooled by their rows. Nothing is trained.

    Normalise rows first: a difference keeps the scale of the class it comes from. Training rows
    that are nowhere negative give none that are.

    Parameters
    ----------
    scale : float, default 0.5
        Largest share of a borrowed difference that is added; 0 borrows nothing.
    interpolation : float, default 1.0
        Largest share of the way to another row of the class, 0 to 1; 0 starts from measured rows.
    min_rows : int, default 5
        Rows that a class must have to lend its variation. If none has, all with two rows lend,
        with a warning.
    sampling_strategy : float, str, dict or callable, default "auto"
        As in imbalanced-learn.
    random_state : int, numpy.random.RandomState or None, default None
        Seed of the draws.

    Attributes
    ----------
    lenders_ : ndarray of shape (n_lenders,)
        Labels of the classes that lend their variation.

    See Also
    --------
    hs_specaug.perturbations.BorrowedVariation : The borrowed part alone, in chains with others.

    Examples
    --------
    >>> import numpy as np
    >>> from hs_specaug.generators import FewShotGenerator
    >>> X = np.random.default_rng(0).random((12, 32))
    >>> y = np.array(["common"] * 10 + ["rare"] * 2)
    >>> X_balanced, y_balanced = FewShotGenerator(random_state=0).fit_resample(X, y)
    >>> X_balanced.shape, int((y_balanced == "rare").sum())
    ((20, 32), 10)
    """

    method: ClassVar[str] = "few-shot"

    _parameter_constraints: ClassVar[dict] = {
        **ResamplingGenerator._parameter_constraints,
        "scale": [Interval(Real, 0, None, closed="left")],
        "interpolation": [Interval(Real, 0, 1, closed="both")],
        "min_rows": [Interval(Integral, 2, None, closed="left")],
    }

    def __init__(
        self,
        *,
        scale: float = 0.5,
        interpolation: float = 1.0,
        min_rows: int = 5,
        sampling_strategy: Any = "auto",
        random_state: Any = None,
    ) -> None:
        super().__init__(sampling_strategy=sampling_strategy)
        self.scale = scale
        self.interpolation = interpolation
        self.min_rows = min_rows
        self.random_state = random_state

    def _fit(self, X: np.ndarray, codes: np.ndarray) -> None:
        super()._fit(X, codes)
        if self.scale > 0 and self.class_counts_.max() < self.min_rows:
            lending = self.class_counts_.max() > 1
            warn_user(
                f"no class has min_rows={self.min_rows} rows, the largest has "
                f"{self.class_counts_.max()}: few-shot borrows the variation of "
                + ("all classes with two rows or more" if lending else "no class"),
                FewSamplesWarning,
            )
        self._make_ready()

    def _make_ready(self) -> None:
        """Choose the lending classes and hold their rows ready."""
        counts = self.class_counts_
        enough = self.min_rows if counts.max() >= self.min_rows else 2
        self.lenders_ = self.classes_[counts >= enough] if self.scale > 0 else self.classes_[:0]
        self._borrowed: BorrowedVariation | None = None
        if len(self.lenders_):
            borrowed = BorrowedVariation(float(self.scale), min_rows=enough)
            lending = counts[self.codes_] >= enough
            self._borrowed = borrowed.fit(self._rows(lending), self.codes_[lending])

    def _rows(self, which: np.ndarray) -> np.ndarray:
        """Return training rows in their shape; whole numbers in an arithmetic they do not wrap."""
        rows = self.X_[which].reshape(-1, *self.input_shape_)
        return rows.astype(np.float64) if self.dtype_.kind in "iub" else rows

    def _sample_class(self, code: int, n: int, rng: np.random.RandomState) -> np.ndarray:
        members = np.flatnonzero(self.codes_ == code)
        if len(members) == 1 and self.interpolation > 0:
            left = "repeated" if self._borrowed is None else "varied by what it borrows alone"
            warn_user(
                f"class {self.classes_.tolist()[code]!r} has one row, few-shot needs two to "
                f"interpolate: its row is {left}",
                FewSamplesWarning,
            )
        new = self._interpolated(members, n, rng)
        if self._borrowed is not None:
            seed = int(rng.randint(np.iinfo(np.int32).max))
            new = self._borrowed(new, np.full(n, code), random_state=seed)
        return new.reshape(n, -1)

    def _interpolated(self, members: np.ndarray, n: int, rng: np.random.RandomState) -> np.ndarray:
        """Start from every row equally often and go some way to another row of the class."""
        first = self._equally_often(np.arange(len(members)), n, rng)
        start = self._rows(members[first])
        if len(members) == 1 or self.interpolation == 0:
            return start
        second = (first + rng.randint(1, len(members), n)) % len(members)
        share = rng.uniform(0, self.interpolation, n).astype(start.dtype)
        share = share.reshape(-1, *(1,) * (start.ndim - 1))
        return (1 - share) * start + share * self._rows(members[second])

    def _cast(self, X: np.ndarray) -> np.ndarray:
        if self.dtype_.kind in "iu":
            limits = np.iinfo(self.dtype_)
            X = np.clip(X, limits.min, limits.max)
        return super()._cast(X)

    def _set_tensors(self, tensors: dict[str, np.ndarray], header: dict[str, Any]) -> None:
        super()._set_tensors(tensors, header)
        self._make_ready()
