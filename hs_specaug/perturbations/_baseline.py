"""Scale and baseline: gain, offset, slope, curvature, and the background under the signal."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from array_api_compat import array_namespace
from numpy.polynomial.legendre import legvander
from sklearn.utils._param_validation import Interval, StrOptions

from ._base import Perturbation, _check_finite, as_channels
from ._domain import SPECTRA, Domain
from ._draws import Draws
from ._resampling import coordinates, like

NOT_NEGATIVE = [Interval(Real, 0, None, closed="left")]
BASELINE_KINDS = frozenset({"spectrum", "EELS", "EDS"})
NO_BASELINE = (
    "nothing adds a baseline there; for impedance, 'gain' scales the modulus and keeps real and "
    "imaginary part consistent"
)


def row_range(X: Any, domain: Domain) -> Any:
    """Return maximum minus minimum of each row.

    Parameters
    ----------
    X : array of shape (n, channels, ...)
        Rows.
    domain : Domain
        Says whether two channels are one complex quantity; they share a range.

    Returns
    -------
    array of shape (n, channels or 1, 1, ...)
        Each channel of a row has its own range, as detectors differ in scale.
    """
    xp = array_namespace(X)
    axes = tuple(range(1 if domain.is_complex else 2, X.ndim))
    return xp.max(X, axis=axes, keepdims=True) - xp.min(X, axis=axes, keepdims=True)


def along_axis(domain: Domain, length: int) -> np.ndarray:
    """Return the axis scaled to −1 ... 1, ascending with its values; 0 for a single channel."""
    if length < 2:
        return np.zeros(length)
    where = coordinates(domain.axis(length))
    return np.sign(where.channel) * (2.0 * where.values / where.values[-1] - 1.0)


class Gain(Perturbation):
    r"""Multiply a row by a factor: exposure, thickness, detector gain.

    .. math:: x' = (1 + g) x, \quad g \sim U(-\mathrm{gain}, \mathrm{gain})

    Valid for impedance too, where it is the cell constant or the area of the electrode.

    Parameters
    ----------
    gain : float, default 0.1
        Largest relative change, below 1.

    Examples
    --------
    >>> import numpy as np
    >>> from hs_specaug.perturbations import Gain
    >>> Gain(gain=0.5)(np.ones((3, 2)), random_state=0).round(2)
    array([[1.39, 1.39],
           [1.06, 1.06],
           [1.3 , 1.3 ]])
    """

    name: ClassVar[str] = "gain"
    valid_for: ClassVar[frozenset[str]] = SPECTRA
    reason: ClassVar[str] = "it is meant for spectra; images have contrast and brightness"
    _parameter_constraints: ClassVar[dict] = {"gain": [Interval(Real, 0, 1, closed="left")]}

    def __init__(self, gain: float = 0.1) -> None:
        self.gain = gain

    def _apply(self, X: Any, y: Any, domain: Domain, draws: Draws) -> Any:
        return X * (1.0 + draws.uniform(1, 1, low=-self.gain, high=self.gain))


class Baseline(Perturbation):
    r"""Add a straight or bent baseline.

    .. math:: x' = x + R \sum_{k=0}^{2} b_k P_k(u), \quad b_k \sim U(-\beta_k, \beta_k)

    with R the range (maximum minus minimum) of the row, so that any scale will do; P the Legendre
    polynomials 1, u, (3u² − 1) / 2; u the axis scaled to −1 ... 1. Values of a row that holds no
    negative one are cut at zero.

    Parameters
    ----------
    offset, slope, curvature : float, default 0.02
        Largest coefficients β of the three terms, in ranges of the row.

    Examples
    --------
    >>> import numpy as np
    >>> from hs_specaug.perturbations import Baseline
    >>> X = np.array([[0.0, 10.0, 0.0, -10.0, 0.0]])
    >>> (Baseline(offset=0.0, slope=0.1, curvature=0.0)(X, random_state=5) - X).round(3)
    array([[ 0.117,  0.059,  0.   , -0.059, -0.117]])
    """

    name: ClassVar[str] = "baseline"
    valid_for: ClassVar[frozenset[str]] = BASELINE_KINDS
    reason: ClassVar[str] = NO_BASELINE
    _parameter_constraints: ClassVar[dict] = {
        "offset": NOT_NEGATIVE,
        "slope": NOT_NEGATIVE,
        "curvature": NOT_NEGATIVE,
    }

    def __init__(self, offset: float = 0.02, slope: float = 0.02, curvature: float = 0.02) -> None:
        self.offset = offset
        self.slope = slope
        self.curvature = curvature

    def _largest(self) -> tuple[float, ...]:
        """Return the largest coefficient of each degree."""
        return self.offset, self.slope, self.curvature

    def _apply(self, X: Any, y: Any, domain: Domain, draws: Draws) -> Any:
        largest = self._largest()
        terms = legvander(along_axis(domain, X.shape[-1]), len(largest) - 1)
        terms = like((terms * np.array(largest)).T, X)
        baseline = draws.uniform(1, len(largest), low=-1.0, high=1.0) @ terms
        return X + row_range(X, domain) * baseline


class Offset(Baseline):
    r"""Add a constant: dark counts, a wrong zero.

    .. math:: x' = x + R b, \quad b \sim U(-\mathrm{offset}, \mathrm{offset})

    with R the range of the row.

    Parameters
    ----------
    offset : float, default 0.02
        Largest constant, in ranges of the row.
    """

    name: ClassVar[str] = "offset"
    _parameter_constraints: ClassVar[dict] = {"offset": NOT_NEGATIVE}

    def __init__(self, offset: float = 0.02) -> None:
        self.offset = offset

    def _largest(self) -> tuple[float, ...]:
        return (self.offset,)


class Slope(Baseline):
    r"""Add a straight line that is zero in the middle of the axis.

    .. math:: x' = x + R b u, \quad b \sim U(-\mathrm{slope}, \mathrm{slope})

    with R the range of the row and u the axis scaled to −1 ... 1.

    Parameters
    ----------
    slope : float, default 0.02
        Largest height of the line at the ends, in ranges of the row.
    """

    name: ClassVar[str] = "slope"
    _parameter_constraints: ClassVar[dict] = {"slope": NOT_NEGATIVE}

    def __init__(self, slope: float = 0.02) -> None:
        self.slope = slope

    def _largest(self) -> tuple[float, ...]:
        return 0.0, self.slope


class EMSA(Perturbation):
    r"""Extended multiplicative signal augmentation: what EMSC would take away, put on.

    .. math:: x' = (1 + g) x + R \sum_{k=0}^{d} b_k P_k(u), \quad
              g \sim N(0, \mathrm{gain}^2), \; b_k \sim N(0, \beta_k^2)

    with R the range of the row, P the Legendre polynomials and u the axis scaled to −1 ... 1
    (Blazhko, Shapaval, Kovalev and Kohler 2021, Chemom. Intell. Lab. Syst. 215, 104367).

    The paper takes the spread of the coefficients from the data: extended multiplicative signal
    correction (EMSC) fits every training row by gain times their mean plus a polynomial, and the
    standard deviations of what it finds are the spread. :meth:`from_rows` does that. The defaults
    are those of rows that are well alike, for use without training rows.

    Parameters
    ----------
    gain : float, default 0.05
        Standard deviation of the gain. Draws below −0.9 are cut there.
    baseline : float or sequence of float, default 0.02
        Standard deviations β of the coefficients in ranges of the row: one for each degree, or
        one number for all.
    degree : int, default 2
        Highest degree; of no effect where `baseline` is a sequence.

    Examples
    --------
    >>> import hs_specaug
    >>> from hs_specaug.perturbations import EMSA
    >>> s = hs_specaug.datasets.polymer_spectra(step_per_cm=8.0)
    >>> EMSA.from_rows(s.data, degree=1)
    EMSA(baseline=[...], gain=...)
    """

    name: ClassVar[str] = "emsa"
    valid_for: ClassVar[frozenset[str]] = BASELINE_KINDS
    reason: ClassVar[str] = NO_BASELINE
    _parameter_constraints: ClassVar[dict] = {
        "gain": NOT_NEGATIVE,
        "baseline": [*NOT_NEGATIVE, "array-like"],
        "degree": [Interval(Integral, 0, None, closed="left")],
    }

    def __init__(
        self, gain: float = 0.05, baseline: float | Sequence[float] = 0.02, degree: int = 2
    ) -> None:
        self.gain = gain
        self.baseline = baseline
        self.degree = degree

    @classmethod
    def from_rows(cls, X: Any, *, domain: Domain | None = None, degree: int = 2) -> EMSA:
        """Return one whose spread is that of the rows `X`, by EMSC against their mean.

        Parameters
        ----------
        X : array of shape (n, length) or (n, channels, length)
            Training rows, n at least 2.
        domain : Domain, optional
            What the rows are.
        degree : int, default 2
            Highest degree of the polynomial.

        Raises
        ------
        ValueError
            If the coefficients cannot be told apart: from one row, from rows that have no more
            channels than there are coefficients, or whose mean is itself such a polynomial.
        """
        X = np.asarray(X)
        _check_finite(X, np.arange(len(X)))
        rows, domain = as_channels(X, domain or Domain())
        if len(rows) < 2:
            raise ValueError(f"X must hold at least 2 rows to have a spread, got {len(rows)}")
        terms = legvander(along_axis(domain, rows.shape[-1]), degree)
        found = []
        for channel in np.moveaxis(rows, 1, 0):
            model = np.column_stack([channel.mean(axis=0), terms])
            if np.linalg.matrix_rank(model) < model.shape[1]:
                raise ValueError(
                    f"gain and baseline of degree {degree} cannot be told apart in rows of "
                    f"{rows.shape[-1]} channels with this mean; take a lower degree"
                )
            fit = np.linalg.lstsq(model, channel.T, rcond=None)[0].T
            fit[:, 1:] /= np.maximum(np.ptp(channel, axis=1, keepdims=True), np.finfo(float).tiny)
            found.append(fit.std(axis=0, ddof=1))
        gain, *baseline = np.mean(found, axis=0).tolist()
        return cls(gain=gain, baseline=baseline)

    def _spread(self) -> np.ndarray:
        spread = np.asarray(self.baseline, dtype=float)
        if spread.ndim > 1 or not spread.size or np.any(spread < 0.0):
            raise ValueError(
                "baseline must be a number ≥ 0, or one for each degree from 0 on, got "
                f"{self.baseline!r}"
            )
        return np.full(self.degree + 1, float(spread)) if spread.ndim == 0 else spread

    def _apply(self, X: Any, y: Any, domain: Domain, draws: Draws) -> Any:
        spread = self._spread()
        terms = legvander(along_axis(domain, X.shape[-1]), len(spread) - 1)
        gain = array_namespace(X).clip(draws.normal(1, 1, scale=self.gain), -0.9, None)
        baseline = draws.normal(1, len(spread)) @ like((terms * spread).T, X)
        return (1.0 + gain) * X + row_range(X, domain) * baseline


class BackgroundVariation(Perturbation):
    r"""Vary the background under the signal.

    .. math:: x' = x + A R\, b(a), \quad A \sim U(-\mathrm{fraction}, \mathrm{fraction})

    with R the range of the row and b a background whose highest value is 1:

    * ``"power-law"``, for EELS: :math:`b(E) = (E / E_0)^{-r}`, r uniform between the two
      `exponents`, E₀ the lowest energy of the axis (Egerton 2011, chapter 4.4: r is 2 to 6).
    * ``"polynomial"``, for the fluorescence under Raman, the scattering under infrared, the
      bremsstrahlung under X-ray spectra: a random polynomial, scaled to run from 0 to 1.

    A row that holds no negative value never loses more background than it has at any channel;
    one that does (its background was subtracted) can lose more, as a wrong fit would.

    Parameters
    ----------
    fraction : float, default 0.1
        Largest height of what is added or taken away, in ranges of the row.
    model : {"power-law", "polynomial"} or None, default None
        None takes the power law for EELS, the polynomial for everything else.
    exponents : tuple of float, default (2.0, 5.0)
        Range of r.
    degree : int, default 3
        Of the polynomial.

    Raises
    ------
    IncompatibleSignalError
        On use, if the power law is to run over an axis that is not calibrated or not positive.
    """

    name: ClassVar[str] = "background"
    valid_for: ClassVar[frozenset[str]] = BASELINE_KINDS
    reason: ClassVar[str] = NO_BASELINE
    _parameter_constraints: ClassVar[dict] = {
        "fraction": NOT_NEGATIVE,
        "model": [StrOptions({"power-law", "polynomial"}), None],
        "exponents": [tuple, list],
        "degree": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        fraction: float = 0.1,
        model: str | None = None,
        exponents: tuple[float, float] = (2.0, 5.0),
        degree: int = 3,
    ) -> None:
        self.fraction = fraction
        self.model = model
        self.exponents = exponents
        self.degree = degree

    def _is_power_law(self, domain: Domain) -> bool:
        return self.model == "power-law" or (self.model is None and domain.kind == "EELS")

    def _refusal(self, domain: Domain) -> str | None:
        if self._is_power_law(domain):
            if not domain.axes:
                return "a power law needs the energy axis; give a domain with axes"
            if np.min(domain.axes[-1].values) <= 0.0:
                return "a power law needs energies above 0; take model='polynomial'"
        return super()._refusal(domain)

    def _apply(self, X: Any, y: Any, domain: Domain, draws: Draws) -> Any:
        xp = array_namespace(X)
        background = (
            self._power_law(X, domain, draws)
            if self._is_power_law(domain)
            else self._polynomial(X, domain, draws)
        )
        amount = draws.uniform(1, 1, low=-self.fraction, high=self.fraction)
        added = row_range(X, domain) * amount
        # The least ratio of row to background is what can be taken away.
        present = background > 1e-6
        ratio = xp.where(present, X / xp.where(present, background, 1.0), xp.inf)
        least = xp.min(ratio, axis=-1, keepdims=True)
        bounded = xp.min(X, axis=-1, keepdims=True) >= 0.0
        added = xp.where(bounded & (added < -least), -least, added)
        return X + added * background

    def _power_law(self, X: Any, domain: Domain, draws: Draws) -> Any:
        low, high = self._ordered_exponents()
        energy = domain.axis(X.shape[-1])
        logarithm = like(np.log(energy / energy.min()), X)
        return array_namespace(X).exp(-draws.uniform(1, 1, low=low, high=high) * logarithm)

    def _ordered_exponents(self) -> tuple[float, float]:
        low, high = (*self.exponents, None, None)[:2] if len(self.exponents) == 2 else (1, 0)
        if not low <= high:
            raise ValueError(
                "exponents must be two numbers, the smaller one first, such as (2.0, 5.0); got "
                f"{self.exponents!r}"
            )
        return low, high

    def _polynomial(self, X: Any, domain: Domain, draws: Draws) -> Any:
        xp = array_namespace(X)
        terms = legvander(along_axis(domain, X.shape[-1]), self.degree)[:, 1:]
        curve = draws.normal(1, self.degree) @ like(terms.T, X)
        curve = curve - xp.min(curve, axis=-1, keepdims=True)
        highest = xp.max(curve, axis=-1, keepdims=True)
        return curve / xp.where(highest > 0.0, highest, xp.ones_like(highest))
