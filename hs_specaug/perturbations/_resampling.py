"""Values between channels: cubic interpolation that knows about edges and uneven axes.

Between two channels runs the cubic that has their values, and as slopes those of the parabola
through each of them and its two neighbours. On an even axis that is cubic convolution with
a = −1/2 (Keys 1981, IEEE Trans. Acoust. Speech Signal Process. 29, 1153): its error is of third
order in the width of a channel, against second order of straight lines; parabolas are kept
exactly. Halfway between two channels it leaves 0.64 of the variance of white noise, straight
lines leave 0.5. It may overshoot beside a step, by at most 2/27 of its height on either side.
From one channel beyond an end on, the value of the last channel is continued.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from array_api_compat import array_namespace, device


class Coordinates(NamedTuple):
    """Where channels lie, counted in mean channels from the first one, ascending.

    Attributes
    ----------
    values : ndarray of shape (length,)
        0, 1, 2, ... on an even axis.
    channel : float
        Mean width of a channel in units of the axis; negative on a descending axis.
    is_even : bool
        Whether all channels are equally wide, to a thousandth of a channel.
    """

    values: np.ndarray
    channel: float
    is_even: bool


def coordinates(axis: np.ndarray) -> Coordinates:
    """Return coordinates on an axis.

    Parameters
    ----------
    axis : ndarray of shape (length,)
        Ascending or descending, even or not.

    Raises
    ------
    ValueError
        If it is neither ascending nor descending.
    """
    length = len(axis)
    if length < 2:
        return Coordinates(np.zeros(length), 1.0, True)
    channel = float(axis[-1] - axis[0]) / (length - 1)
    values = (np.asarray(axis, dtype=float) - axis[0]) / (channel or 1.0)
    if not channel or np.any(np.diff(values) <= 0.0):
        raise ValueError(
            "the axis must ascend or descend from channel to channel, this one does not; sort "
            "its channels first"
        )
    even = np.arange(length, dtype=float)
    if np.max(np.abs(values - even)) < 1e-3:
        return Coordinates(even, channel, True)
    return Coordinates(values, channel, False)


def like(values: np.ndarray, X: Any) -> Any:
    """Return a NumPy array in the library, on the device and of the type of `X`."""
    xp = array_namespace(X)
    return xp.asarray(values, dtype=X.dtype, device=device(X))


def displaced(X: Any, where: Coordinates, displacement: Any) -> Any:
    """Return rows whose features are moved along the axis.

    Parameters
    ----------
    X : array of shape (n, channels, length)
        Rows.
    where : Coordinates
        Where their channels lie.
    displacement : array of shape (n, 1, 1) or (n, 1, length)
        How far, in mean channels: channel i gets what lay at ``where.values[i] − displacement``.

    Returns
    -------
    array of shape (n, channels, length)
    """
    if X.shape[-1] < 2:
        return X + 0.0
    if where.is_even and displacement.shape[-1] == 1:
        return _translated(X, displacement)
    return _interpolated(X, where, like(where.values, X) - displacement)


def _translated(X: Any, displacement: Any) -> Any:
    """Move whole rows: one stretch of channels per row, and the same four weights."""
    xp, length = array_namespace(X), X.shape[-1]
    far = float(length + 1)
    displacement = xp.clip(displacement, -far, far)
    whole = xp.floor(displacement)
    t = 1.0 - (displacement - whole)
    first = xp.astype(whole, xp.int64) + 2
    channels = xp.arange(length + 3, device=device(X)) - first
    taps = _taken(X, xp.clip(channels, 0, length - 1))
    weights = (
        0.5 * t * (t * (2.0 - t) - 1.0),
        0.5 * (t * t * (3.0 * t - 5.0) + 2.0),
        0.5 * t * (t * (4.0 - 3.0 * t) + 1.0),
        0.5 * t * t * (t - 1.0),
    )
    out = weights[0] * taps[..., :length]
    for k in (1, 2, 3):
        out = out + weights[k] * taps[..., k : k + length]
    return out


def _interpolated(X: Any, where: Coordinates, at: Any) -> Any:
    """Return the values of rows at the coordinates `at`, of shape (n, 1, length)."""
    xp = array_namespace(X)
    knots = _continued(where.values)
    widths = np.diff(knots)
    X = xp.concat([X[..., :1], X, X[..., -1:]], axis=-1)
    slopes = _slopes(X, widths)
    at = xp.clip(at, float(knots[0]), float(knots[-1]))
    if where.is_even:
        left = xp.astype(xp.floor(at), xp.int64) + 1
    else:
        left = xp.searchsorted(like(knots, X), at, side="right") - 1
    left = xp.clip(left, 0, len(widths) - 1)
    lefts, flat = xp.reshape(left, (-1,)), tuple(left.shape)
    width = xp.reshape(xp.take(like(widths, X), lefts), flat)
    t = (at - xp.reshape(xp.take(like(knots, X), lefts), flat)) / width
    x0, x1 = _taken(X, left), _taken(X, left + 1)
    m0, m1 = _taken(slopes, left), _taken(slopes, left + 1)
    bend = t * (1.0 - t) * width
    return x0 + t * t * (3.0 - 2.0 * t) * (x1 - x0) + bend * ((1.0 - t) * m0 - t * m1)


def _continued(values: np.ndarray) -> np.ndarray:
    """Add a channel before the first and after the last one, where the end value is reached."""
    return np.r_[2 * values[0] - values[1], values, 2 * values[-1] - values[-2]]


def _slopes(X: Any, widths: np.ndarray) -> Any:
    """Return slopes of the parabolas through three neighbouring channels; 0 at both ends."""
    xp = array_namespace(X)
    rise = (X[..., 1:] - X[..., :-1]) / like(widths, X)
    # The nearer neighbour counts more.
    share = like(widths[1:] / (widths[1:] + widths[:-1]), X)
    inner = share * rise[..., :-1] + (1.0 - share) * rise[..., 1:]
    end = xp.zeros_like(X[..., :1])
    return xp.concat([end, inner, end], axis=-1)


def _taken(X: Any, index: Any) -> Any:
    """Return ``X[i, c, index[i, 0, j]]``; much faster from a flat array than along an axis."""
    xp, (n, channels, length) = array_namespace(X), X.shape
    rows = xp.reshape(xp.arange(n * channels, device=device(X)), (n, channels, 1))
    flat = xp.reshape(rows * length + index, (-1,))
    return xp.reshape(xp.take(xp.reshape(X, (-1,)), flat), (n, channels, index.shape[-1]))
