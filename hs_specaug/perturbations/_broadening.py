"""Worse resolution."""

from __future__ import annotations

import math
from functools import lru_cache
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from array_api_compat import array_namespace
from scipy.linalg import eigh_tridiagonal
from scipy.special import ive
from sklearn.utils._param_validation import Interval

from ._base import Perturbation
from ._domain import Domain
from ._draws import Draws
from ._resampling import coordinates, like

FWHM_PER_SIGMA = 2.0 * math.sqrt(2.0 * math.log(2.0))
# Kernels that reach further are faster in Fourier space.
DIRECT_REACH = 24


class PeakBroadening(Perturbation):
    r"""Broaden a row by a Gaussian, as an instrument of worse resolution does.

    .. math:: x' = x * g_\sigma, \quad 2\sqrt{2\ln 2}\,\sigma \sim U(0, \mathrm{fwhm})

    The kernel is the discrete analogue of the Gaussian (Lindeberg 1990, IEEE Trans. Pattern Anal.
    Mach. Intell. 12, 234), :math:`e^{-\sigma^2} I_k(\sigma^2)` for channels: it has exactly the
    variance asked for however narrow it is, is never negative and adds up to one. Rows are
    reflected at their ends, so their area stays. On an uneven axis the same diffusion runs
    between channels of different widths, and keeps the integral over the axis.

    Noise is smoothed as well. Follow with ``"poisson"`` or ``"gaussian-noise"`` where it matters.

    Parameters
    ----------
    fwhm : float or None, default None
        Largest full width at half maximum, in units of the axis; None takes two channels.

    Examples
    --------
    >>> import numpy as np
    >>> from hs_specaug.perturbations import PeakBroadening
    >>> X = np.zeros((1, 9))
    >>> X[0, 4] = 1.0
    >>> new = PeakBroadening(fwhm=3.0)(X, random_state=0)
    >>> new.round(2)
    array([[0.  , 0.01, 0.07, 0.22, 0.4 , 0.22, 0.07, 0.01, 0.  ]])
    """

    name: ClassVar[str] = "broadening"
    valid_for: ClassVar[frozenset[str]] = frozenset({"spectrum", "EELS", "EDS"})
    reason: ClassVar[str] = "there is no spectral resolution to lose"
    _parameter_constraints: ClassVar[dict] = {
        "fwhm": [Interval(Real, 0, None, closed="left"), None]
    }

    def __init__(self, fwhm: float | None = None) -> None:
        self.fwhm = fwhm

    def _apply(self, X: Any, y: Any, domain: Domain, draws: Draws) -> Any:
        length = X.shape[-1]
        where = coordinates(domain.axis(length))
        limit = 2.0 if self.fwhm is None else self.fwhm / abs(where.channel)
        if self.fwhm is None and not where.is_even:
            limit = 2.0 * domain.channel(length) / abs(where.channel)
        sigma = draws.uniform(1, 1, low=0.0, high=limit / FWHM_PER_SIGMA)
        if length < 2 or not limit:
            return X + 0.0
        if where.is_even:
            return _broadened(X, sigma**2, (limit / FWHM_PER_SIGMA) ** 2)
        return _diffused(X, sigma**2, where.values)


def _broadened(X: Any, variance: Any, widest: float) -> Any:
    """Convolve rows with discrete Gaussians of at most the variance `widest`.

    Rows are reflected at their ends.
    """
    negligible = 0.1 * float(array_namespace(X).finfo(X.dtype).eps)
    reach = int(np.argmax(np.r_[ive(np.arange(DIRECT_REACH), widest), 0.0] < negligible))
    if reach < min(DIRECT_REACH, X.shape[-1]):
        return _convolved(X, variance, reach)
    return _filtered(X, variance)


def _convolved(X: Any, variance: Any, reach: int) -> Any:
    """Sum over the channels that the kernels reach, which is faster for narrow ones."""
    xp, length = array_namespace(X), X.shape[-1]
    # The kernel is the Fourier sum of exp(σ² (cos θ − 1)); so many angles give it exactly but
    # for what lies beyond twice its reach.
    angle = math.pi * (np.arange(2 * reach + 2) + 0.5) / (2 * reach + 2)
    sums = np.cos(angle[:, None] * np.arange(reach + 1)) / len(angle)
    weights = xp.exp(like(np.cos(angle) - 1.0, X) * variance) @ like(sums, X)
    left, right = X[..., :reach], X[..., length - reach :]
    padded = xp.concat([xp.flip(left, axis=-1), X, xp.flip(right, axis=-1)], axis=-1)
    out = weights[..., :1] * X
    for k in range(1, reach + 1):
        both = padded[..., reach - k : reach - k + length] + padded[..., reach + k :][..., :length]
        out = out + weights[..., k : k + 1] * both
    return out


def _filtered(X: Any, variance: Any) -> Any:
    """Multiply in Fourier space, where the kernel has a closed form."""
    xp, length = array_namespace(X), X.shape[-1]
    mirrored = xp.concat([X, xp.flip(X, axis=-1)], axis=-1)
    angle = math.pi * np.arange(length + 1) / length
    transfer = xp.exp(like(np.cos(angle) - 1.0, X) * variance)
    spectrum = xp.fft.rfft(mirrored) * transfer
    return xp.astype(xp.fft.irfft(spectrum, n=2 * length)[..., :length], X.dtype, copy=False)


def _diffused(X: Any, variance: Any, values: np.ndarray) -> Any:
    """Let rows diffuse along an uneven axis; in its modes that is one factor each."""
    xp = array_namespace(X)
    into, rates, back = _modes(values.tobytes())
    modes = (X @ like(into, X)) * xp.exp(like(rates, X) * (0.5 * variance))
    return modes @ like(back, X)


@lru_cache(maxsize=4)
def _modes(values: bytes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the modes of diffusion between channels whose ends let nothing through.

    With w the widths of channels and h the distances between them, channel i changes by
    ((x[i+1] - x[i]) / h[i] - (x[i] - x[i-1]) / h[i-1]) / w[i]; times the root of w that is
    symmetric.
    """
    distances = np.diff(np.frombuffer(values))
    widths = np.empty(len(distances) + 1)
    widths[1:-1] = 0.5 * (distances[1:] + distances[:-1])
    widths[0], widths[-1] = distances[0], distances[-1]
    flow = 1.0 / distances
    diagonal = -(np.r_[flow, 0.0] + np.r_[0.0, flow]) / widths
    rates, modes = eigh_tridiagonal(diagonal, flow / np.sqrt(widths[1:] * widths[:-1]))
    root = np.sqrt(widths)[:, None]
    return root * modes, np.minimum(rates, 0.0), (modes / root).T
