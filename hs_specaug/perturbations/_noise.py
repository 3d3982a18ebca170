"""Noise: of counting, of electronics, and noise with a memory."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

import numpy as np
from array_api_compat import array_namespace
from sklearn.utils._param_validation import Interval

from ._base import Perturbation
from ._baseline import row_range
from ._domain import KINDS, SPECTRA, Domain
from ._draws import Draws
from ._resampling import like

NOT_NEGATIVE = [Interval(Real, 0, None, closed="left")]
# A row that stays below this is taken to be normalised, unless its values are whole numbers.
HIGHEST_NORMALISED = 10.0
PEAK_COUNTS = 1000.0


def constant(X: Any) -> Any:
    """Return `X` for use where no gradient must flow: noise does not follow its row."""
    return X.detach() if hasattr(X, "detach") else X


class PoissonNoise(Perturbation):
    r"""Add the shot noise of a shorter exposure; the scale stays.

    .. math:: x' = x + \frac{n - d c\,x_+}{d c}, \quad n \sim \mathrm{Poisson}(d c\, x_+)

    with d the dose, :math:`x_+ = \max(x, 0)`, and c the counts per unit of x, so that the mean of
    x' is x and its variance :math:`x_+ / (d c)`. The noise that a measured row brings along stays
    in it: counts N come back with a variance of (1 + 1/d) N about what was to be measured.

    What a value is worth in counts, c, is the one thing the data cannot say:

    * `counts` given: the highest value of each row is worth so many counts. Say this for
      normalised data.
    * `counts` None: a row that exceeds 10, or holds whole numbers only, is taken as counts
      (c = 1); any other is taken as normalised, and its highest value as 1000 counts, 3 % noise.

    Negative values (of rows whose background was subtracted) get no noise. The gradient with
    respect to the row is 1.

    Parameters
    ----------
    dose : float, default 1.0
        Fraction of the counts that are kept, above 0 and at most 1.
    counts : float or None, default None
        Counts that the highest value of each row stands for.

    Examples
    --------
    >>> import numpy as np
    >>> from hs_specaug.perturbations import PoissonNoise
    >>> X = np.full((1000, 4), 100.0)
    >>> new = PoissonNoise(dose=0.25)(X, random_state=0)
    >>> bool(abs(new.mean() - 100) < 1), bool(abs(new.std() - 20) < 1)
    (True, True)
    """

    name: ClassVar[str] = "poisson"
    valid_for: ClassVar[frozenset[str]] = KINDS - {"impedance"}
    reason: ClassVar[str] = "impedance is not counted; use 'gaussian-noise'"
    _parameter_constraints: ClassVar[dict] = {
        "dose": [Interval(Real, 0, 1, closed="right")],
        "counts": [Interval(Real, 0, None, closed="neither"), None],
    }

    def __init__(self, dose: float = 1.0, counts: float | None = None) -> None:
        self.dose = dose
        self.counts = counts

    def _refusal(self, domain: Domain) -> str | None:
        if domain.is_complex:
            return "complex values are no counts; use 'gaussian-noise'"
        return super()._refusal(domain)

    def _apply(self, X: Any, y: Any, domain: Domain, draws: Draws) -> Any:
        xp, x = array_namespace(X), constant(X)
        rate = xp.clip(x, 0.0, None)
        per_count = self._counts_per_unit(rate, x) * self.dose
        rate = rate * per_count
        return X + (draws.poisson(rate) - rate) / per_count

    def _counts_per_unit(self, positive: Any, x: Any) -> Any:
        xp = array_namespace(x)
        axes = tuple(range(1, x.ndim))
        highest = xp.max(positive, axis=axes, keepdims=True)
        one = xp.ones_like(highest)
        scale = (self.counts or PEAK_COUNTS) / xp.where(highest > 0.0, highest, one)
        if self.counts is not None:
            return scale
        whole = xp.all(x == xp.round(x), axis=axes, keepdims=True)
        return xp.where(whole | (highest > HIGHEST_NORMALISED), one, scale)


class GaussianNoise(Perturbation):
    r"""Add white noise of constant strength, as a read-out does.

    .. math:: x' = x + \sigma R\, \epsilon, \quad \epsilon \sim N(0, 1)

    with R the range (maximum minus minimum) of the row. The gradient with respect to the row
    is 1.

    Parameters
    ----------
    noise : float, default 0.01
        Standard deviation σ, in ranges of the row.
    relative : bool, default True
        With False, `noise` is in units of the data.

    Examples
    --------
    >>> import numpy as np
    >>> from hs_specaug.perturbations import GaussianNoise
    >>> new = GaussianNoise(noise=0.5, relative=False)(np.zeros((100, 100)), random_state=0)
    >>> round(float(new.std()), 1)
    0.3

    Rows without a negative value come back without one, which halves the noise here; this one
    has some:

    >>> X = np.zeros((100, 100))
    >>> X[:, 0] = -1.0
    >>> new = GaussianNoise(noise=0.5, relative=False)(X, random_state=0)
    >>> round(float(new[:, 1:].std()), 1)
    0.5
    """

    name: ClassVar[str] = "gaussian-noise"
    valid_for: ClassVar[frozenset[str]] = KINDS
    _parameter_constraints: ClassVar[dict] = {"noise": NOT_NEGATIVE, "relative": ["boolean"]}

    def __init__(self, noise: float = 0.01, relative: bool = True) -> None:
        self.noise = noise
        self.relative = relative

    def _apply(self, X: Any, y: Any, domain: Domain, draws: Draws) -> Any:
        epsilon = draws.normal(*X.shape[1:], scale=self.noise)
        return X + (epsilon * row_range(constant(X), domain) if self.relative else epsilon)


class PinkNoise(Perturbation):
    r"""Add noise whose power falls with frequency along the axis, as drifts and flicker do.

    .. math:: x' = x + \sigma R\, \epsilon, \quad |\hat\epsilon(f)|^2 \propto f^{-\alpha}

    with R the range of the row and ε normal, of unit variance in the mean over rows and without a
    constant part. Made by filtering white noise in Fourier space, so it is periodic over the row
    (Timmer and König 1995, Astron. Astrophys. 300, 707). The gradient with respect to the row
    is 1.

    Parameters
    ----------
    noise : float, default 0.01
        Standard deviation σ, in ranges of the row.
    exponent : float, default 1.0
        α: 0 is white, 1 pink, 2 a random walk.
    relative : bool, default True
        With False, `noise` is in units of the data.
    """

    name: ClassVar[str] = "pink-noise"
    valid_for: ClassVar[frozenset[str]] = SPECTRA
    reason: ClassVar[str] = "it runs along a spectral axis"
    _parameter_constraints: ClassVar[dict] = {
        "noise": NOT_NEGATIVE,
        "exponent": NOT_NEGATIVE,
        "relative": ["boolean"],
    }

    def __init__(self, noise: float = 0.01, exponent: float = 1.0, relative: bool = True) -> None:
        self.noise = noise
        self.exponent = exponent
        self.relative = relative

    def _apply(self, X: Any, y: Any, domain: Domain, draws: Draws) -> Any:
        xp, length = array_namespace(X), X.shape[-1]
        white = xp.fft.rfft(draws.normal(*X.shape[1:], scale=self.noise))
        filtered = xp.fft.irfft(white * like(self._filter(length), X), n=length)
        epsilon = xp.astype(filtered, X.dtype, copy=False)
        return X + (epsilon * row_range(constant(X), domain) if self.relative else epsilon)

    def _filter(self, length: int) -> np.ndarray:
        """Return amplitudes at the frequencies of `rfft` that keep the variance of the whole."""
        amplitude = np.zeros(length // 2 + 1)
        frequency = np.arange(1, length // 2 + 1)
        amplitude[1:] = frequency ** (-0.5 * self.exponent)
        # Every frequency stands for two, but zero and, in rows of even length, the highest.
        power = amplitude**2
        total = 2.0 * power.sum() - (power[-1] if length % 2 == 0 and length > 1 else 0.0)
        return amplitude * np.sqrt(length / total) if total else amplitude
