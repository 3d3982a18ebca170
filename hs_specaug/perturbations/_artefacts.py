"""Things that should not be in a spectrum: spikes, dead channels, missing stretches."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

from array_api_compat import array_namespace
from sklearn.utils._param_validation import Interval

from ._base import Perturbation
from ._baseline import row_range
from ._domain import SPECTRA, Domain
from ._draws import Draws
from ._resampling import coordinates, like

NOT_NEGATIVE = [Interval(Real, 0, None, closed="left")]
SHARE = [Interval(Real, 0, 1, closed="both")]


class Spikes(Perturbation):
    r"""Let cosmic rays or stray X-rays hit single channels of the camera.

    Each channel is hit with probability `rate` / length, independently, and gains between a tenth
    and all of `height`, uniformly, in ranges (maximum minus minimum) of the row.

    Parameters
    ----------
    rate : float, default 1.0
        Hits per row in the mean; at most one per channel.
    height : float, default 1.0
        Highest spike, in ranges of the row.

    Examples
    --------
    >>> import numpy as np
    >>> from hs_specaug.perturbations import Spikes
    >>> X = np.tile(np.linspace(0.0, 1.0, 50), (200, 1))
    >>> new = Spikes(rate=2.0)(X, random_state=0)
    >>> round(float((new != X).sum(axis=1).mean()))
    2
    """

    name: ClassVar[str] = "spikes"
    valid_for: ClassVar[frozenset[str]] = frozenset({"spectrum", "EELS"})
    reason: ClassVar[str] = "only a camera is hit; X-ray detectors and bridges count otherwise"
    _parameter_constraints: ClassVar[dict] = {"rate": NOT_NEGATIVE, "height": NOT_NEGATIVE}

    def __init__(self, rate: float = 1.0, height: float = 1.0) -> None:
        self.rate = rate
        self.height = height

    def _apply(self, X: Any, y: Any, domain: Domain, draws: Draws) -> Any:
        probability = min(1.0, self.rate / X.shape[-1])
        if not probability:
            return X + 0.0
        # Below the probability a uniform number is uniform again: it serves as the height.
        u = draws.uniform(*X.shape[1:]) / probability
        spike = self.height * (0.1 + 0.9 * u) * row_range(X, domain)
        return X + array_namespace(X).where(u < 1.0, spike, 0.0 * spike)


class ChannelDropout(Perturbation):
    """Set single channels to zero, as dead elements of a detector do.

    Each channel with probability `fraction`, independently; all channels of a multichannel row,
    and real and imaginary part, at the same places.

    Parameters
    ----------
    fraction : float, default 0.01
        Share of the channels that are lost in the mean.

    Examples
    --------
    >>> import numpy as np
    >>> from hs_specaug.perturbations import ChannelDropout
    >>> new = ChannelDropout(fraction=0.25)(np.ones((100, 100)), random_state=0)
    >>> round(float((new == 0).mean()), 2)
    0.25
    """

    name: ClassVar[str] = "channel-dropout"
    valid_for: ClassVar[frozenset[str]] = SPECTRA
    reason: ClassVar[str] = "it is meant for the channels of spectra"
    _parameter_constraints: ClassVar[dict] = {"fraction": SHARE}

    def __init__(self, fraction: float = 0.01) -> None:
        self.fraction = fraction

    def _apply(self, X: Any, y: Any, domain: Domain, draws: Draws) -> Any:
        xp = array_namespace(X)
        dead = draws.uniform(1, X.shape[-1]) < self.fraction
        return xp.where(dead, xp.zeros_like(X), X)


class RandomErasing(Perturbation):
    """Replace one stretch of a row by the straight line between its ends.

    What a gap between detectors or a masked artefact leaves after interpolation, and after
    Zhong et al. 2020 (Proc. AAAI 34, 13001), who erase patches of images, a classifier that does
    not hang on one feature. The stretch is uniformly 0 to `width` wide and lies anywhere within
    the axis; the channels just outside it hold the line.

    Parameters
    ----------
    width : float or None, default None
        Largest width in units of the axis; None takes a twentieth of the axis.
    """

    name: ClassVar[str] = "random-erasing"
    valid_for: ClassVar[frozenset[str]] = frozenset({"spectrum", "EELS", "EDS"})
    reason: ClassVar[str] = "its stretch is one of an axis that counts energy or the like"
    _parameter_constraints: ClassVar[dict] = {"width": [*NOT_NEGATIVE, None]}

    def __init__(self, width: float | None = None) -> None:
        self.width = width

    def _apply(self, X: Any, y: Any, domain: Domain, draws: Draws) -> Any:
        xp, length = array_namespace(X), X.shape[-1]
        if length < 3:
            return X + 0.0  # no channel lies between two others
        where = coordinates(domain.axis(length))
        extent = float(where.values[-1])
        widest = 0.05 * extent if self.width is None else self.width / abs(where.channel)
        width = draws.uniform(1, 1, high=min(widest, extent))
        place = draws.uniform(1, 1)
        if where.channel < 0:  # the same place whatever way the axis runs
            place = 1.0 - place
        start = place * (extent - width)
        values = like(where.values, X)
        inside = (values > start) & (values < start + width)
        # The first and last channel are never inside, so there always is one on either side.
        last = xp.sum(xp.astype(values <= start, xp.int64), axis=-1, keepdims=True) - 1
        first = length - xp.sum(
            xp.astype(values >= start + width, xp.int64), axis=-1, keepdims=True
        )
        first, last = xp.clip(first, 1, length - 1), xp.clip(last, 0, length - 2)
        left, right = _at(X, last), _at(X, first)
        a, b = values[last], values[first]
        line = left + (right - left) * (values - a) / (b - a + xp.astype(a == b, X.dtype))
        return xp.where(inside, line, X)


def _at(X: Any, channel: Any) -> Any:
    """Return the value of each row of `X` at `channel`, of shape (n, 1, 1)."""
    xp = array_namespace(X)
    return xp.take_along_axis(X, xp.broadcast_to(channel, (*X.shape[:2], 1)), axis=-1)
