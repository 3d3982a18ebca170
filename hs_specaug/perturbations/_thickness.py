"""Plural scattering of a thicker specimen."""

from __future__ import annotations

from functools import lru_cache
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from array_api_compat import array_namespace
from scipy.fft import next_fast_len
from scipy.signal import fftconvolve
from scipy.stats import poisson
from sklearn.utils._param_validation import Interval

from ._base import Perturbation
from ._domain import Domain
from ._draws import Draws
from ._resampling import coordinates, like
from ._units import ENERGY, in_axis_units

POSITIVE = [Interval(Real, 0, None, closed="neither")]
# Orders of scattering are summed until they hold all but this share of the intensity.
NEGLECTED = 1e-9


class PluralScattering(Perturbation):
    r"""Let electrons that ionised an atom lose energy to plasmons as well.

    .. math::
        x' = \sum_{n \ge 0} \frac{\tau^n e^{-\tau}}{n!} \; P^{*n} * x, \qquad
        \tau = t / \lambda \sim U(0, \mathrm{thickness})

    with P the single-scattering distribution of a Drude plasmon,
    :math:`P(E) \propto E\,\Gamma E_p^2 / [(E^2 - E_p^2)^2 + (E \Gamma)^2]`, of unit area
    (Egerton 2011, *Electron Energy-Loss Spectroscopy in the Electron Microscope*, 3rd ed.,
    chapter 3 for P, chapter 4 for the sum, which is what Fourier-ratio deconvolution inverts). τ is
    the thickness *added*, in inelastic mean free paths, to whatever the row was measured at.

    The Poisson weights add up to 1: the intensity that scatters again leaves its channel for a
    higher loss, and the window at its upper end. So a core loss keeps :math:`e^{-\tau}` of itself
    in place and gains a step at the plasmon energy behind it.

    What the model leaves out: surface and interband losses, the angular broadening by plural
    scattering, what the collection aperture cuts off, elastic scattering and the lower total
    intensity that comes with it. Below the window the row is continued by its first value, so
    subtract the background first: a steep one scatters in more than that.

    Parameters
    ----------
    thickness : float, default 0.3
        Largest added thickness t/λ.
    plasmon_eV : float, default 22.0
        Plasmon energy; 15 for aluminium, 17 for silicon, 20 to 25 for most oxides.
    plasmon_fwhm_eV : float, default 10.0
        Width Γ; 0.5 for aluminium, 3 for silicon, around 10 for oxides.

    Raises
    ------
    ValueError
        On use, if channels are not equally wide.

    Examples
    --------
    >>> import numpy as np
    >>> from hs_specaug.perturbations import PluralScattering
    >>> X = np.zeros((1, 2000))
    >>> X[0, 100] = 1.0
    >>> new = PluralScattering(thickness=1.0)(X, random_state=0)
    >>> round(float(-np.log(new[0, 100])), 3), round(float(new.sum()), 2)
    (0.89, 1.0)
    """

    name: ClassVar[str] = "plural-scattering"
    valid_for: ClassVar[frozenset[str]] = frozenset({"EELS"})
    reason: ClassVar[str] = "only electrons that are counted by their energy loss scatter so"
    _parameter_constraints: ClassVar[dict] = {
        "thickness": [Interval(Real, 0, None, closed="left")],
        "plasmon_eV": POSITIVE,
        "plasmon_fwhm_eV": POSITIVE,
    }

    def __init__(
        self, thickness: float = 0.3, plasmon_eV: float = 22.0, plasmon_fwhm_eV: float = 10.0
    ) -> None:
        self.thickness = thickness
        self.plasmon_eV = plasmon_eV
        self.plasmon_fwhm_eV = plasmon_fwhm_eV

    def _refusal(self, domain: Domain) -> str | None:
        return super()._refusal(domain) or ENERGY.refusal(domain)

    def _apply(self, X: Any, y: Any, domain: Domain, draws: Draws) -> Any:
        length = X.shape[-1]
        where = coordinates(domain.axis(length))
        if not where.is_even:
            raise ValueError(
                "'plural-scattering' needs channels of equal width; bring the signal onto an even "
                "axis with s.preprocess(resample=...)"
            )
        xp, thickness = array_namespace(X), draws.uniform(1, 1, high=self.thickness)
        channel = abs(where.channel)
        energy, width = (
            in_axis_units(eV, ENERGY, domain) / channel
            for eV in (self.plasmon_eV, self.plasmon_fwhm_eV)
        )
        n_orders = int(poisson.isf(NEGLECTED, self.thickness)) + 1 if self.thickness else 1
        orders = _orders(length, energy, width, n_orders)
        n = like(np.arange(n_orders), X)
        factorial = like(np.cumprod(np.r_[1.0, np.arange(1.0, n_orders)]), X)
        weights = xp.exp(-thickness) * thickness**n / factorial
        size = next_fast_len(2 * length, real=True)
        kernel = xp.fft.rfft(weights @ like(orders, X), n=size)
        losses = X if where.channel > 0 else xp.flip(X, axis=-1)
        # Below the window lies its first value, which scatters into itself.
        first = losses[..., :1]
        new = xp.fft.irfft(xp.fft.rfft(losses - first, n=size) * kernel, n=size)[..., :length]
        new = xp.astype(new, X.dtype, copy=False) + first
        return new if where.channel > 0 else xp.flip(new, axis=-1)


@lru_cache(maxsize=8)
def _orders(length: int, energy: float, width: float, n_orders: int) -> np.ndarray:
    """Return P convolved with itself 0 to n − 1 times, of shape (n_orders, length).

    Energies are in channels. The distribution is normalised over all losses and cut to those
    within the row; what is cut off has left the window.
    """
    # Losses beyond 20 plasmons and widths hold less than a thousandth, none of it in the window.
    reach = max(length, int(20 * (energy + width)) + 2)
    loss = np.arange(reach, dtype=float)
    single = loss * width * energy**2 / ((loss**2 - energy**2) ** 2 + (loss * width) ** 2)
    single = (single / single.sum())[:length]
    orders = np.zeros((n_orders, length))
    orders[0, 0] = 1.0
    for n in range(1, n_orders):
        orders[n] = np.maximum(fftconvolve(orders[n - 1], single)[:length], 0.0)
    return orders
