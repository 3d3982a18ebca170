"""Complex impedance: changes that real and imaginary part can make together.

A linear, causal and stable cell ties both parts through the Kramers–Kronig relation. Sums and
products of functions that obey it obey it too, so what is added or multiplied here is the impedance
or the transfer function of a circuit. The imaginary part has the sign of Z = Z' + jZ'', negative
for a capacitance.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from array_api_compat import array_namespace, is_torch_array
from sklearn.utils._param_validation import Interval

from ._base import Perturbation
from ._domain import Domain
from ._draws import Draws
from ._resampling import like

_POSITIVE = Interval(Real, 0, None, closed="left")


class ImpedancePerturbation(Perturbation):
    """Base of perturbations of complex impedance, of shape (n, 2, length)."""

    valid_for: ClassVar[frozenset[str]] = frozenset({"impedance"})
    reason: ClassVar[str] = "it changes real and imaginary part of an impedance"

    def _refusal(self, domain: Domain) -> str | None:
        if domain.kind == "impedance" and not domain.is_complex:
            return (
                "phase angle or modulus alone does not say what the impedance becomes; perturb "
                "the complex impedance and take its angle() or amplitude, or pass "
                "Domain(..., is_complex=True) if the two channels are Z' and Z''"
            )
        return super()._refusal(domain)

    def _apply(self, X: Any, y: Any, domain: Domain, draws: Draws) -> Any:
        if not domain.is_complex or X.ndim != 3 or X.shape[1] != 2:
            raise ValueError(
                f"{self.name!r} needs complex rows, got {X.shape[1]} real channels and rows of "
                f"shape {tuple(X.shape[1:])}; pass complex X of shape (n, length), or channels Z' "
                "and Z'' with domain=Domain('impedance', axes, is_complex=True)"
            )
        return self._change(X, domain, draws)

    @abstractmethod
    def _change(self, Z: Any, domain: Domain, draws: Draws) -> Any:
        """Return changed rows of shape (n, 2, length), real and imaginary part."""

    def _frequencies(self, domain: Domain, length: int) -> np.ndarray:
        """Return the frequencies of the channels; whatever unit, only their ratios are used."""
        if not domain.axes:
            raise ValueError(
                f"{self.name!r} needs the frequencies of the channels; pass domain="
                "Domain('impedance', (SignalAxis('Frequency', 'Hz', frequencies),), "
                "is_complex=True)"
            )
        values = domain.axis(length)
        if values.min() < 0.0 or values.max() <= 0.0:
            raise ValueError(
                f"{self.name!r} needs frequencies ≥ 0, the axis runs from {values.min():g} to "
                f"{values.max():g} {domain.units}; give the axis frequencies, not logarithms"
            )
        return values


def modulus(Z: Any) -> Any:
    """Return |Z| of shape (n, 1, length) of Z of shape (n, 2, length)."""
    xp = array_namespace(Z)
    # The smallest number keeps the gradient finite where Z is zero.
    return xp.sqrt(Z[:, :1] ** 2 + Z[:, 1:] ** 2 + xp.finfo(Z.dtype).tiny)


def _at_highest(Z: Any, frequencies: np.ndarray) -> Any:
    highest = int(frequencies.argmax())
    return modulus(Z[..., highest : highest + 1])


class ImpedanceScale(ImpedancePerturbation):
    r"""Multiply an impedance by a constant, as another electrode area or cell constant does.

    .. math:: Z' = a Z, \quad \ln a \sim U(-\ln(1 + c), \ln(1 + c))

    Parameters
    ----------
    max_change : float, default 0.1
        c: 0.1 multiplies by 1/1.1 to 1.1.

    Examples
    --------
    >>> import numpy as np
    >>> from hs_specaug.perturbations import Domain, ImpedanceScale
    >>> domain = Domain("impedance", is_complex=True)
    >>> ImpedanceScale()(np.array([[1 - 1j, 2 - 2j]]), domain=domain, random_state=0).round(3)
    array([[1.077-1.077j, 2.154-2.154j]])
    """

    name: ClassVar[str] = "impedance-scale"
    _parameter_constraints: ClassVar[dict] = {"max_change": [_POSITIVE]}

    def __init__(self, max_change: float = 0.1) -> None:
        self.max_change = max_change

    def _change(self, Z: Any, domain: Domain, draws: Draws) -> Any:
        limit = math.log1p(self.max_change)
        return Z * array_namespace(Z).exp(draws.uniform(1, 1, low=-limit, high=limit))


class SeriesResistance(ImpedancePerturbation):
    r"""Add the resistance of leads, contacts and electrolyte.

    .. math:: Z' = Z + R, \quad R \sim U(0, c) \, |Z(f_\text{max})|

    Parameters
    ----------
    max_relative : float, default 0.05
        c, largest resistance as a share of the modulus at the highest frequency.

    Examples
    --------
    >>> import numpy as np
    >>> from hs_specaug import SignalAxis
    >>> from hs_specaug.perturbations import Domain, SeriesResistance
    >>> frequency = SignalAxis("Frequency", "Hz", np.array([1e3, 1e4]))
    >>> domain = Domain("impedance", (frequency,), is_complex=True)
    >>> SeriesResistance()(np.array([[9 - 9j, 3 - 4j]]), domain=domain, random_state=0).round(3)
    array([[9.222-9.j, 3.222-4.j]])
    """

    name: ClassVar[str] = "series-resistance"
    _parameter_constraints: ClassVar[dict] = {"max_relative": [_POSITIVE]}

    def __init__(self, max_relative: float = 0.05) -> None:
        self.max_relative = max_relative

    def _change(self, Z: Any, domain: Domain, draws: Draws) -> Any:
        frequencies = self._frequencies(domain, Z.shape[-1])
        R = draws.uniform(1, 1, high=self.max_relative) * _at_highest(Z, frequencies)
        xp = array_namespace(Z)
        return xp.concat([Z[:, :1] + R, Z[:, 1:]], axis=1)


class Inductance(ImpedancePerturbation):
    r"""Add the inductance of the leads.

    .. math:: Z' = Z + j \omega L, \quad
        \omega_\text{max} L \sim U(0, c) \, |Z(f_\text{max})|

    Parameters
    ----------
    max_relative : float, default 0.05
        c, largest reactance at the highest frequency as a share of the modulus there.

    Examples
    --------
    >>> import numpy as np
    >>> from hs_specaug import SignalAxis
    >>> from hs_specaug.perturbations import Domain, Inductance
    >>> frequency = SignalAxis("Frequency", "Hz", np.array([1e3, 1e4]))
    >>> domain = Domain("impedance", (frequency,), is_complex=True)
    >>> Inductance()(np.array([[9 - 9j, 3 - 4j]]), domain=domain, random_state=0).round(3)
    array([[9.-8.978j, 3.-3.778j]])
    """

    name: ClassVar[str] = "inductance"
    _parameter_constraints: ClassVar[dict] = {"max_relative": [_POSITIVE]}

    def __init__(self, max_relative: float = 0.05) -> None:
        self.max_relative = max_relative

    def _change(self, Z: Any, domain: Domain, draws: Draws) -> Any:
        frequencies = self._frequencies(domain, Z.shape[-1])
        highest = draws.uniform(1, 1, high=self.max_relative) * _at_highest(Z, frequencies)
        reactance = highest * like(frequencies / frequencies.max(), Z)
        return array_namespace(Z).concat([Z[:, :1], Z[:, 1:] + reactance], axis=1)


class CircuitTerm(ImpedancePerturbation):
    r"""Multiply by the transfer function of a weak relaxation inside the measured band.

    .. math::
        Z' = Z \prod_k \frac{1 + j \omega \tau_k \sqrt{r_k}}{1 + j \omega \tau_k / \sqrt{r_k}},
        \quad \ln r_k \sim U(-\ln(1 + c), \ln(1 + c))

    with :math:`1/\tau_k` log-uniform over the measured frequencies. Each factor goes from 1 at low
    to :math:`r_k` at high frequency, and turns the phase by at most
    :math:`\arcsin((r_k - 1) / (r_k + 1))` (2.7° for 1.1). Its pole and zero lie in the left half
    plane: it is stable and of minimum phase, so Z' obeys the Kramers–Kronig relation as Z does. A
    row without negative resistance that would get one stays as it is.

    Parameters
    ----------
    max_change : float, default 0.1
        c: 0.1 gives ratios of 1/1.1 to 1.1.
    n_terms : int, default 1
        Factors.

    Examples
    --------
    >>> import numpy as np
    >>> from hs_specaug import SignalAxis
    >>> from hs_specaug.perturbations import CircuitTerm, Domain
    >>> frequency = SignalAxis("Frequency", "Hz", np.logspace(-1, 5, 4))
    >>> domain = Domain("impedance", (frequency,), is_complex=True)
    >>> CircuitTerm()(np.array([[9 - 9j, 8 - 6j, 5 - 4j, 3 - 0j]]), domain=domain,
    ...               random_state=0).round(2)
    array([[8.82-9.12j, 7.37-5.57j, 4.62-3.69j, 2.77-0.j  ]])
    """

    name: ClassVar[str] = "circuit-term"
    _parameter_constraints: ClassVar[dict] = {
        "max_change": [_POSITIVE],
        "n_terms": [Interval(Integral, 0, None, closed="left")],
    }

    def __init__(self, max_change: float = 0.1, *, n_terms: int = 1) -> None:
        self.max_change = max_change
        self.n_terms = n_terms

    def _change(self, Z: Any, domain: Domain, draws: Draws) -> Any:
        xp = array_namespace(Z)
        frequencies = self._frequencies(domain, Z.shape[-1])
        lowest, highest = frequencies[frequencies > 0.0].min(), frequencies.max()
        scaled = like(frequencies / highest, Z)
        limit, width = math.log1p(self.max_change), math.log(highest / lowest)
        re, im = Z[:, :1], Z[:, 1:]
        for _ in range(self.n_terms):
            omega_tau = scaled * xp.exp(draws.uniform(1, 1, high=width))
            root = xp.exp(0.5 * draws.uniform(1, 1, low=-limit, high=limit))
            above, below = omega_tau * root, omega_tau / root
            scale = 1.0 / (1.0 + below**2)
            gain, turn = scale * (1.0 + above * below), scale * (above - below)
            re, im = re * gain - im * turn, re * turn + im * gain
        passive = xp.min(Z[:, :1], axis=-1, keepdims=True) >= 0.0
        active = xp.min(re, axis=-1, keepdims=True) < 0.0
        return xp.where(passive & active, Z, xp.concat([re, im], axis=1))


class ImpedanceNoise(ImpedancePerturbation):
    r"""Add noise in proportion to the modulus, as the accuracy of an analyser is specified.

    .. math:: Z' = Z + |Z| \, (g_1 + j g_2), \quad g_1, g_2 \sim N(0, \sigma^2)

    independent for both parts and every frequency. Noise is the one thing of a measurement that
    does not obey the Kramers–Kronig relation. No gradient passes through the noise.

    Parameters
    ----------
    relative : float, default 0.005
        σ, standard deviation as a share of the modulus.

    Examples
    --------
    >>> import numpy as np
    >>> from hs_specaug.perturbations import Domain, ImpedanceNoise
    >>> domain = Domain("impedance", is_complex=True)
    >>> Z = np.full((1, 1000), 30 - 40j)
    >>> new = ImpedanceNoise(relative=0.01)(Z, domain=domain, random_state=0)
    >>> round(float(np.std(new.real)), 2), round(float(np.std(new.imag)), 2)
    (0.5, 0.51)
    """

    name: ClassVar[str] = "impedance-noise"
    _parameter_constraints: ClassVar[dict] = {"relative": [_POSITIVE]}

    def __init__(self, relative: float = 0.005) -> None:
        self.relative = relative

    def _change(self, Z: Any, domain: Domain, draws: Draws) -> Any:
        size = modulus(Z.detach() if is_torch_array(Z) else Z)
        return Z + size * draws.normal(2, Z.shape[-1], scale=self.relative)
