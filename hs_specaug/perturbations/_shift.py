"""Features at another place on the axis: drift, calibration and its distortion."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from scipy.interpolate import BSpline
from sklearn.utils._param_validation import Interval

from ._base import Perturbation
from ._domain import Domain
from ._draws import Draws
from ._resampling import coordinates, displaced, like
from ._units import ENERGY, WAVENUMBER, in_axis_units

POSITIVE = Interval(Real, 0, None, closed="left")
NOT_IMPEDANCE = (
    "impedance scales with the logarithm of the frequency; use 'frequency-shift', which keeps real "
    "and imaginary part consistent"
)


class Shift(Perturbation):
    r"""Move a row along its axis, as drift or a wrong calibration does.

    .. math:: x'(a) = x(a - s), \quad s \sim U(-\mathrm{shift}, \mathrm{shift})

    The move is not rounded to channels; the value of the last channel is continued beyond an end.
    Between channels runs a cubic (cubic convolution, Keys 1981), with an error of third order in
    the width of a channel; halfway between channels it leaves 0.64 of the variance of white noise.

    Parameters
    ----------
    shift : float or None, default None
        Largest shift in units of the axis; None takes two channels.

    Examples
    --------
    >>> import numpy as np
    >>> from hs_specaug.perturbations import Shift
    >>> X = np.exp(-((np.arange(64) - 32.0) ** 2) / 20)[None]
    >>> new = Shift(shift=4.0)(X, random_state=0)
    >>> round(float((new * np.arange(64)).sum() / new.sum()), 1)
    35.1
    """

    name: ClassVar[str] = "shift"
    valid_for: ClassVar[frozenset[str]] = frozenset({"spectrum", "EELS", "EDS"})
    reason: ClassVar[str] = NOT_IMPEDANCE
    _parameter_constraints: ClassVar[dict] = {"shift": [POSITIVE, None]}

    def __init__(self, shift: float | None = None) -> None:
        self.shift = shift

    def _refusal(self, domain: Domain) -> str | None:
        if domain.kind == "image":
            return "an image has no spectral axis"
        return super()._refusal(domain)

    def _largest(self, domain: Domain, length: int) -> float:
        """Return the largest shift in units of the axis."""
        return 2.0 * domain.channel(length) if self.shift is None else self.shift

    def _apply(self, X: Any, y: Any, domain: Domain, draws: Draws) -> Any:
        length = X.shape[-1]
        where = coordinates(domain.axis(length))
        # Negative on a descending axis, where channels run against the values.
        limit = self._largest(domain, length) / where.channel
        return displaced(X, where, limit * draws.uniform(1, 1, low=-1.0, high=1.0))


class EnergyShift(Shift):
    """Move a row along its energy axis, as drift of the high tension or the zero loss does.

    As :class:`Shift`, with the shift in electronvolts whatever the axis has.

    Parameters
    ----------
    shift_eV : float or None, default None
        Largest shift in eV, in channels where the axis is not calibrated; None takes two
        channels.

    Examples
    --------
    >>> import numpy as np
    >>> from hs_specaug import SignalAxis
    >>> from hs_specaug.perturbations import Domain, EnergyShift
    >>> domain = Domain("EDS", (SignalAxis("Energy", "keV", np.arange(0.0, 2.0, 0.01)),))
    >>> X = np.exp(-((domain.axis(200) - 1.0) ** 2) / 0.005)[None]
    >>> new = EnergyShift(shift_eV=20.0)(X, domain=domain, random_state=0)
    >>> peak = float((new * domain.axis(200)).sum() / new.sum())
    >>> abs(peak - 1.0) < 0.020
    True
    """

    name: ClassVar[str] = "energy-shift"
    valid_for: ClassVar[frozenset[str]] = frozenset({"EELS", "EDS"})
    reason: ClassVar[str] = "its axis is no energy; use 'shift', in units of the axis"
    _parameter_constraints: ClassVar[dict] = {"shift_eV": [POSITIVE, None]}

    def __init__(self, shift_eV: float | None = None) -> None:
        self.shift_eV = shift_eV

    def _refusal(self, domain: Domain) -> str | None:
        return super()._refusal(domain) or ENERGY.refusal(domain)

    def _largest(self, domain: Domain, length: int) -> float:
        if self.shift_eV is None:
            return 2.0 * domain.channel(length)
        return in_axis_units(self.shift_eV, ENERGY, domain)


class WavenumberShift(Shift):
    """Move a Raman or infrared spectrum along its wavenumber axis.

    As :class:`Shift`, with the shift in reciprocal centimetres: drift of the laser or of the
    spectrograph is some tenths to a few of them.

    Parameters
    ----------
    shift_per_cm : float or None, default None
        Largest shift in cm⁻¹, in channels where the axis is not calibrated; None takes two
        channels.
    """

    name: ClassVar[str] = "wavenumber-shift"
    valid_for: ClassVar[frozenset[str]] = frozenset({"spectrum"})
    reason: ClassVar[str] = "its axis is no wavenumber; use 'energy-shift' or 'frequency-shift'"
    _parameter_constraints: ClassVar[dict] = {"shift_per_cm": [POSITIVE, None]}

    def __init__(self, shift_per_cm: float | None = None) -> None:
        self.shift_per_cm = shift_per_cm

    def _refusal(self, domain: Domain) -> str | None:
        return super()._refusal(domain) or WAVENUMBER.refusal(domain)

    def _largest(self, domain: Domain, length: int) -> float:
        if self.shift_per_cm is None:
            return 2.0 * domain.channel(length)
        return in_axis_units(self.shift_per_cm, WAVENUMBER, domain)


class FrequencyShift(Perturbation):
    r"""Move an impedance spectrum along the logarithm of its frequency.

    .. math:: Z'(f) = Z(f \cdot 10^{-s}), \quad s \sim U(-\mathrm{shift}, \mathrm{shift})

    All time constants change by one factor, as with temperature or with the capacitance of an
    electrode. Real and imaginary part move together: where Z fulfils the Kramers-Kronig relations,
    so does Z'. Not so the last `s` decades at one end, where the value of the last frequency is
    continued because nothing was measured there. Interpolation is that of :class:`Shift`, on the
    logarithmic axis.

    Parameters
    ----------
    shift_decades : float, default 0.05
        Largest shift in decades; 0.05 are 12 %. In channels where there is no frequency axis.
    """

    name: ClassVar[str] = "frequency-shift"
    valid_for: ClassVar[frozenset[str]] = frozenset({"impedance"})
    reason: ClassVar[str] = "its axis is no frequency over decades; use 'shift'"
    _parameter_constraints: ClassVar[dict] = {"shift_decades": [POSITIVE]}

    def __init__(self, shift_decades: float = 0.05) -> None:
        self.shift_decades = shift_decades

    def _refusal(self, domain: Domain) -> str | None:
        if domain.axes and np.min(domain.axes[-1].values) <= 0.0:
            return f"a frequency axis must be positive, it starts at {domain.axes[-1].values[0]:g}"
        return super()._refusal(domain)

    def _apply(self, X: Any, y: Any, domain: Domain, draws: Draws) -> Any:
        axis = domain.axis(X.shape[-1])
        where = coordinates(np.log10(axis) if domain.axes else axis)
        limit = self.shift_decades / where.channel
        return displaced(X, where, limit * draws.uniform(1, 1, low=-1.0, high=1.0))


class AxisDilation(Perturbation):
    r"""Stretch or shrink a row about the middle of its axis, as a wrong dispersion does.

    .. math:: x'(a) = x(c + (a - c) / (1 + e)), \quad
              e \sim U(-\mathrm{dilation}, \mathrm{dilation})

    with c the middle of the axis. Interpolation and edges as in :class:`Shift`.

    Parameters
    ----------
    dilation : float, default 0.002
        Largest relative stretch; 0.002 moves the ends of 1000 channels by one channel.
    """

    name: ClassVar[str] = "dilation"
    valid_for: ClassVar[frozenset[str]] = frozenset({"spectrum", "EELS", "EDS"})
    reason: ClassVar[str] = "neither an image nor a logarithmic frequency axis has a dispersion"
    _parameter_constraints: ClassVar[dict] = {"dilation": [Interval(Real, 0, 1, closed="left")]}

    def __init__(self, dilation: float = 0.002) -> None:
        self.dilation = dilation

    def _apply(self, X: Any, y: Any, domain: Domain, draws: Draws) -> Any:
        where = coordinates(domain.axis(X.shape[-1]))
        stretch = draws.uniform(1, 1, low=-self.dilation, high=self.dilation)
        from_middle = like(where.values - 0.5 * (where.values[0] + where.values[-1]), X)
        return displaced(X, where, from_middle * (stretch / (1.0 + stretch)))


class Warp(Perturbation):
    r"""Distort the axis smoothly, as a non-linear dispersion does.

    .. math:: x'(a) = x(a - d(a)), \quad d(a) = \sum_k c_k B_k(a),
              \quad c_k \sim U(-\mathrm{displacement}, \mathrm{displacement})

    with uniform cubic B-splines B. They are positive and add up to one, so no channel moves
    further than `displacement`; and as \|d'\| is at most 2 displacement / (distance of knots), the
    order of features stays.

    Parameters
    ----------
    displacement : float or None, default None
        Largest displacement in units of the axis; None takes two channels, or less on a short
        axis.
    n_bends : int, default 4
        Stretches between knots, at equal distances over the axis.

    Raises
    ------
    ValueError
        On use, if the axis could fold: `displacement` must stay below half a distance of knots.
    """

    name: ClassVar[str] = "warp"
    valid_for: ClassVar[frozenset[str]] = frozenset({"spectrum", "EELS", "EDS"})
    reason: ClassVar[str] = "neither an image nor a logarithmic frequency axis has a dispersion"
    _parameter_constraints: ClassVar[dict] = {
        "displacement": [POSITIVE, None],
        "n_bends": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, displacement: float | None = None, n_bends: int = 4) -> None:
        self.displacement = displacement
        self.n_bends = n_bends

    def _apply(self, X: Any, y: Any, domain: Domain, draws: Draws) -> Any:
        where = coordinates(domain.axis(X.shape[-1]))
        extent = float(where.values[-1])
        limit = self._limit(extent / self.n_bends, where.channel)
        coefficients = draws.uniform(1, self.n_bends + 3, low=-1.0, high=1.0)
        along = where.values / (extent or 1.0)
        if where.channel < 0:  # the same warp whatever way the axis runs
            along, limit = 1.0 - along, -limit
        basis = limit * _splines(along, self.n_bends)
        return displaced(X, where, coefficients @ like(basis.T, X))

    def _limit(self, knot_distance: float, channel: float) -> float:
        """Return the largest displacement in mean channels."""
        if self.displacement is None:
            return min(2.0, 0.25 * knot_distance)
        limit = self.displacement / abs(channel)
        if limit and limit >= 0.5 * knot_distance:
            raise ValueError(
                f"displacement must be below {0.5 * knot_distance * abs(channel):g}, half a "
                f"distance of knots, or the axis would fold; got {self.displacement!r}. Take a "
                f"smaller one, or n_bends below {self.n_bends}"
            )
        return limit


def _splines(u: np.ndarray, n_bends: int) -> np.ndarray:
    """Return uniform cubic B-splines at `u` in [0, 1], of shape (length, n_bends + 3)."""
    knots = np.arange(-3, n_bends + 4) / n_bends
    return BSpline.design_matrix(u, knots, 3).toarray()
