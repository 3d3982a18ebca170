"""Two rows of one class made into a new one."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any, ClassVar

from array_api_compat import array_namespace, device
from sklearn.utils._param_validation import Interval

from ._borrowed import BorrowingPerturbation
from ._domain import Domain
from ._draws import Draws


class MixUp(BorrowingPerturbation):
    r"""Mix a row with another row of its class.

    .. math::
        x' = \lambda x + (1 - \lambda) x_\text{partner}, \quad
        \lambda = \max(\beta, 1 - \beta), \quad \beta \sim \mathrm{Beta}(\alpha, \alpha)

    as in Zhang et al., mixup (ICLR 2018), within a class, so that the label stays whole; the row
    itself always has the larger share. A mixture is a spectrum that a beam across two grains of
    one phase would give. Mixtures of impedances that are Kramers–Kronig consistent are so too.
    Independent noise of the two rows averages out: add noise afterwards (``"mixup+poisson"``).

    A row whose class is unknown or has one row stays as it is.

    Parameters
    ----------
    alpha : float, default 0.4
        Parameter of the Beta distribution: 0 leaves rows as they are, 1 draws shares uniformly,
        large values draw means of two rows.

    Examples
    --------
    >>> import numpy as np
    >>> from hs_specaug.perturbations import MixUp
    >>> X = np.array([[0.0, 1.0], [1.0, 0.0], [7.0, 7.0]])
    >>> MixUp(alpha=1.0)(X, ["gel", "gel", "sol"], random_state=0).round(2)
    array([[0.03, 0.97],
           [0.81, 0.19],
           [7.  , 7.  ]])
    """

    name: ClassVar[str] = "mixup"
    _parameter_constraints: ClassVar[dict] = {"alpha": [Interval(Real, 0, None, closed="left")]}

    def __init__(self, alpha: float = 0.4) -> None:
        self.alpha = alpha

    def _apply(self, X: Any, y: Any, domain: Domain, draws: Draws) -> Any:
        partners, has_one = self._partners(X, y, draws)
        if self.alpha == 0.0:
            return X + 0.0
        share = larger_share(draws, self.alpha, X.ndim - 1)
        xp = array_namespace(X)
        return xp.where(has_one, share * X + (1.0 - share) * partners, X)


def larger_share(draws: Draws, alpha: float, n_axes: int) -> Any:
    """Return max(β, 1 − β) of numbers β ~ Beta(alpha, alpha), of shape (n, 1, ...).

    With T of Student's distribution of 2 alpha degrees of freedom, 1/2 + T / (2 √(2 alpha + T²)) is
    such a β; T comes from two uniform numbers by the polar method (Bailey 1994, Math. Comp. 62,
    779), which accepts every pair, so that a row takes the same random bits whatever `alpha`.
    """
    u, v = draws.uniform(*(1,) * n_axes), draws.uniform(*(1,) * n_axes)
    xp = array_namespace(u)
    s, cosine = u ** (1.0 / alpha), xp.cos(2.0 * math.pi * v)
    rest = (1.0 - s) * cosine**2
    sum_of_squares = s + rest
    safe = xp.where(sum_of_squares > 0.0, sum_of_squares, xp.ones_like(s))
    return 0.5 + 0.5 * xp.sqrt(rest / safe)


class CutMix(BorrowingPerturbation):
    """Replace a stretch of a spectrum, or a box of an image, by that of another row of its class.

    As in Yun et al., CutMix (ICCV 2019), within a class, so that the label stays whole. The share
    that is replaced is uniform from 0 to `max_fraction`; its place is uniform, wholly inside; a box
    has the proportions of the image. Both ends of a stretch show the difference of the two rows:
    normalise rows first.

    A row whose class is unknown or has one row stays as it is.

    Parameters
    ----------
    max_fraction : float, default 0.5
        Largest share of the channels or pixels that is replaced.

    Examples
    --------
    >>> import numpy as np
    >>> from hs_specaug.perturbations import CutMix
    >>> X = np.stack([np.zeros(8), np.ones(8)])
    >>> CutMix()(X, ["gel", "gel"], random_state=1).astype(int)
    array([[1, 1, 0, 0, 0, 0, 0, 0],
           [1, 0, 0, 1, 1, 1, 1, 1]])
    """

    name: ClassVar[str] = "cutmix"
    _parameter_constraints: ClassVar[dict] = {"max_fraction": [Interval(Real, 0, 1, closed="both")]}

    def __init__(self, max_fraction: float = 0.5) -> None:
        self.max_fraction = max_fraction

    def _refusal(self, domain: Domain) -> str | None:
        if domain.is_complex:
            return (
                "a step between two impedances breaks the Kramers–Kronig relation of real and "
                "imaginary part; 'mixup' keeps it"
            )
        return super()._refusal(domain)

    def _apply(self, X: Any, y: Any, domain: Domain, draws: Draws) -> Any:
        partners, has_one = self._partners(X, y, draws)
        xp, n_axes = array_namespace(X), X.ndim - 2
        fraction = draws.uniform(high=self.max_fraction)
        side = fraction ** (1.0 / n_axes)
        inside = has_one
        for axis in range(n_axes):
            start = draws.uniform() * (1.0 - side)
            length = X.shape[2 + axis]
            centres = (xp.arange(length, dtype=X.dtype, device=device(X)) + 0.5) / length
            here = (centres >= start[:, None]) & (centres < (start + side)[:, None])
            shape = [-1, 1, *(length if a == axis else 1 for a in range(n_axes))]
            inside = inside & xp.reshape(here, tuple(shape))
        return xp.where(inside, partners, X)
