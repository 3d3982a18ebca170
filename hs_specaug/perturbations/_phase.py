"""Phase angles: a circle, of which data are one turn."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

from array_api_compat import array_namespace
from sklearn.base import clone
from sklearn.utils._param_validation import Interval

from ._base import Perturbation
from ._composition import parse_perturbation
from ._domain import Domain
from ._draws import Draws

PERIOD = Interval(Real, 0, None, closed="neither")


class PhasePerturbation(Perturbation):
    """Base of perturbations of phase angles, which may be negative and end in a full turn."""

    valid_for: ClassVar[frozenset[str]] = frozenset({"impedance", "spectrum"})
    reason: ClassVar[str] = "it changes phase angles"

    def _refusal(self, domain: Domain) -> str | None:
        if domain.is_complex:
            return (
                "complex rows have no turn to stay in, and a phase error alone breaks the "
                "Kramers–Kronig relation; use 'circuit-term', or perturb signal.angle(deg=True)"
            )
        return super()._refusal(domain)

    def _perturb(self, X: Any, y: Any, domain: Domain, draws: Draws) -> Any:
        # Angles are no counts: those that are all positive may become negative.
        return self._apply(X, y, domain, draws)


class PhaseOffset(PhasePerturbation):
    r"""Add a constant to a phase angle, as an imperfect calibration of the analyser does.

    .. math:: \varphi' = \varphi + U(-d, d), \text{ brought back into its turn}

    A row that lies within one turn, ±180° or 0° to 360°, stays within it; an unwrapped one is not
    wrapped.

    Parameters
    ----------
    max_offset : float, default 0.5
        d, in the unit of the phase angle.
    period : float, default 360.0
        A full turn: 360 for degrees, 6.283185307179586 for radians.

    Examples
    --------
    >>> import numpy as np
    >>> from hs_specaug.perturbations import PhaseOffset
    >>> PhaseOffset(5.0)(np.array([[170.0, 179.0, -179.0]]), random_state=0).round(1)
    array([[ 173.9, -177.1, -175.1]])
    """

    name: ClassVar[str] = "phase-offset"
    _parameter_constraints: ClassVar[dict] = {
        "max_offset": [Interval(Real, 0, None, closed="left")],
        "period": [PERIOD],
    }

    def __init__(self, max_offset: float = 0.5, *, period: float = 360.0) -> None:
        self.max_offset = max_offset
        self.period = period

    def _apply(self, X: Any, y: Any, domain: Domain, draws: Draws) -> Any:
        offset = draws.uniform(*(1,) * (X.ndim - 1), low=-self.max_offset, high=self.max_offset)
        return into_turn(X + offset, X, self.period)


class Unwrapped(PhasePerturbation):
    """Apply a perturbation to phase angles without their jumps from one end of a turn to the other.

    Interpolation and smoothing make of a jump from +179° to −179° a slope through 0°. Here rows
    are unwrapped along the last axis, perturbed, and brought back into their turn.

    Parameters
    ----------
    perturbation : Perturbation or str, default "phase-offset"
        What to apply, such as ``"frequency-shift"``.
    period : float, default 360.0
        A full turn: 360 for degrees, 6.283185307179586 for radians.

    Examples
    --------
    >>> import numpy as np
    >>> from hs_specaug.perturbations import PhaseOffset, Unwrapped
    >>> safe = Unwrapped(PhaseOffset(5.0))
    >>> safe(np.array([[170.0, 179.0, -179.0]]), random_state=0).round(1)
    array([[ 173.9, -177.1, -175.1]])
    """

    name: ClassVar[str] = "unwrapped"
    _parameter_constraints: ClassVar[dict] = {
        "perturbation": [Perturbation, str],
        "period": [PERIOD],
    }

    def __init__(
        self, perturbation: Perturbation | str = "phase-offset", *, period: float = 360.0
    ) -> None:
        self.perturbation = perturbation
        self.period = period

    def _member(self) -> Perturbation:
        return getattr(self, "perturbation_", None) or parse_perturbation(self.perturbation)

    @property
    def borrows(self) -> bool:  # type: ignore[override]
        """Whether the perturbation borrows from other rows."""
        return self._member().borrows

    def check(self, domain: Domain) -> None:
        """Raise unless rows may be phase angles and the perturbation means something for them."""
        super().check(domain)
        self._member().check(domain)

    def fit(self, X: Any, y: Any = None, *, domain: Domain | None = None) -> Unwrapped:
        """Fit the perturbation to rows without their jumps."""
        self.check(domain or Domain())
        rows = unwrapped(X, self.period)
        member = clone(parse_perturbation(self.perturbation))
        self.perturbation_ = member.fit(rows, y, domain=domain)
        self.reservoir_ = None  # the member holds it
        return self

    def _apply(self, X: Any, y: Any, domain: Domain, draws: Draws) -> Any:
        new = self._member()._apply(unwrapped(X, self.period), y, domain, draws)
        return into_turn(new, X, self.period)

    def __str__(self) -> str:
        return f"unwrapped[{self._member()}]"


def unwrapped(X: Any, period: float) -> Any:
    """Return rows in which neighbours differ by at most half a turn; the first channel stays."""
    xp = array_namespace(X)
    steps = X[..., 1:] - X[..., :-1]
    turns = xp.round(steps / period)
    # Exactly half a turn is no jump, whichever even number it would be rounded to.
    turns = xp.where(xp.abs(steps) <= 0.5 * period, xp.zeros_like(turns), turns)
    back = xp.cumulative_sum(turns, axis=-1) * period
    return xp.concat([X[..., :1], X[..., 1:] - back], axis=-1)


def into_turn(angles: Any, before: Any, period: float) -> Any:
    """Bring angles back into the turn that the rows `before` lie in, if they lie in one."""
    xp = array_namespace(angles)
    axes = tuple(range(1, before.ndim))
    lowest = xp.min(before, axis=axes, keepdims=True)
    highest = xp.max(before, axis=axes, keepdims=True)
    from_zero = (lowest >= 0.0) & (highest > 0.5 * period)
    end = xp.where(from_zero, xp.ones_like(lowest), 0.5 * xp.ones_like(lowest)) * period
    # Radians in single precision reach a little beyond π.
    slack = 1e-6 * period
    in_turn = (lowest >= end - period - slack) & (highest <= end + slack)
    over = xp.ceil((angles - end - slack) / period)
    under = xp.ceil((end - period - slack - angles) / period)
    zero = xp.zeros_like(angles)
    turns = xp.where(over > 0.0, over, zero) - xp.where(under > 0.0, under, zero)
    return xp.where(in_turn, angles - period * turns, angles)
