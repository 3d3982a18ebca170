"""Resampling of arrays: spectra onto another axis, images onto another grid of pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage, sparse

from ._options import floating_dtype


def resample_spectra(
    X: ArrayLike, axis_old: ArrayLike, axis_new: ArrayLike, *, log: bool = False
) -> NDArray[Any]:
    """
    Bring spectra onto another axis.

    Between old channels values are interpolated linearly. Where the new channels are wider than
    the old ones, the interpolant is averaged over the new channel, so that a coarser axis has
    less noise and not fewer counts. Straight lines are reproduced exactly either way.

    Parameters
    ----------
    X : array-like of shape (..., n_old), real or complex
        Spectra; real and imaginary parts are resampled alike.
    axis_old : array-like of shape (n_old,)
        Axis values of ``X``, strictly ascending or descending.
    axis_new : array-like of shape (n_new,)
        Axis values wanted, strictly ascending or descending, within ``axis_old``.
    log : bool, default=False
        Interpolate on the logarithm of the axis, as suits frequencies over decades.

    Returns
    -------
    ndarray of shape (..., n_new)
        Spectra in the order of ``axis_new``.

    Raises
    ------
    ValueError
        If an axis is not strictly ordered, has another length than ``X``, exceeds the old range,
        or is not positive with ``log=True``.

    Examples
    --------
    >>> resample_spectra([0.0, 2.0, 4.0], [0.0, 1.0, 2.0], [0.5, 1.5])
    array([1., 3.])
    """
    X = np.asarray(X)
    X = X.astype(floating_dtype(X.dtype), copy=False)
    matrix = resampling_matrix(axis_old, axis_new, log=log)
    if X.shape[-1] != matrix.shape[1]:
        raise ValueError(
            f"X has {X.shape[-1]} channels, but axis_old has {matrix.shape[1]} values."
        )
    return apply_resampling(X, matrix)


def apply_resampling(X: NDArray[Any], matrix: sparse.csr_array) -> NDArray[Any]:
    """Multiply the last axis of ``X`` (..., n_old) by a matrix of shape (n_new, n_old)."""
    flat = X.reshape(-1, X.shape[-1])
    matrix = matrix.astype(X.real.dtype)
    return (matrix @ flat.T).T.reshape(*X.shape[:-1], matrix.shape[0]).astype(X.dtype, copy=False)


def resampling_matrix(
    axis_old: ArrayLike, axis_new: ArrayLike, *, log: bool = False
) -> sparse.csr_array:
    """
    Return the linear map behind :func:`resample_spectra`.

    Parameters
    ----------
    axis_old, axis_new : array-like of shape (n_old,), (n_new,)
        Strictly ascending or descending axis values.
    log : bool, default=False
        Work on the logarithm of both axes.

    Returns
    -------
    scipy.sparse.csr_array of shape (n_new, n_old)
        Every row sums to one.
    """
    old, old_flipped = _ascending(axis_old, "axis_old", log)
    new, new_flipped = _ascending(axis_new, "axis_new", log)
    tolerance = 1e-6 * np.diff(old).min()
    if new[0] < old[0] - tolerance or new[-1] > old[-1] + tolerance:
        low, high = (np.exp(old[[0, -1]]) if log else old[[0, -1]]).tolist()
        raise ValueError(
            f"axis_new exceeds the old axis, which runs from {low:g} to {high:g}; "
            "resampling does not extrapolate."
        )
    matrix = _averaging_matrix(old, np.clip(new, old[0], old[-1]))
    if old_flipped:
        matrix = matrix[:, ::-1]
    if new_flipped:
        matrix = matrix[::-1, :]
    return sparse.csr_array(matrix)


def _ascending(axis: ArrayLike, name: str, log: bool) -> tuple[NDArray[np.float64], bool]:
    values = np.asarray(axis, dtype=np.float64)
    if values.ndim != 1 or len(values) < 2 or not np.isfinite(values).all():
        raise ValueError(f"{name} must be a 1-D array of at least 2 finite values.")
    flipped = bool(values[0] > values[-1])
    values = values[::-1] if flipped else values
    if (np.diff(values) <= 0).any():
        raise ValueError(f"{name} must be strictly ascending or strictly descending.")
    if log and values[0] <= 0:
        raise ValueError(f"{name} must be positive for log=True; its lowest value is {values[0]:g}")
    return (np.log(values) if log else values), flipped


def _averaging_matrix(old: NDArray[np.float64], new: NDArray[np.float64]) -> sparse.csr_array:
    """Average the piecewise-linear interpolant over a window centred on each new channel."""
    gaps = np.diff(new)
    # Half of the narrower neighbouring gap, so that windows never overlap, and within the data.
    half = 0.5 * np.minimum(np.r_[np.inf, gaps], np.r_[gaps, np.inf])
    half = np.minimum(half, np.minimum(new - old[0], old[-1] - new))
    spacing = np.diff(old)[np.clip(np.searchsorted(old, new) - 1, 0, len(old) - 2)]
    # Channels no wider than the old ones are interpolated at their centre: nothing to average.
    half[2 * half <= spacing * (1 + 1e-9)] = 0.0
    averaged = np.flatnonzero(half)
    interpolated = np.flatnonzero(half == 0)
    matrix = _scatter(interpolated, _interpolation_matrix(old, new[interpolated]), len(new))
    if len(averaged):
        windows = _window_matrix(old, (new - half)[averaged], (new + half)[averaged])
        matrix = matrix + _scatter(averaged, windows, len(new))
    return matrix


def _scatter(rows: NDArray[np.intp], matrix: sparse.csr_array, n_rows: int) -> sparse.csr_array:
    """Place the rows of a matrix at the given positions of a taller one."""
    place = sparse.csr_array(
        (np.ones(len(rows)), (rows, np.arange(len(rows)))), shape=(n_rows, len(rows))
    )
    return sparse.csr_array(place @ matrix)


def _interpolation_matrix(
    old: NDArray[np.float64], points: NDArray[np.float64]
) -> sparse.csr_array:
    """Return the weights (n_points, n_old) of linear interpolation."""
    left = np.clip(np.searchsorted(old, points, side="right") - 1, 0, len(old) - 2)
    weight = (points - old[left]) / (old[left + 1] - old[left])
    row = np.arange(len(points))
    return sparse.csr_array(
        (np.r_[1 - weight, weight], (np.r_[row, row], np.r_[left, left + 1])),
        shape=(len(points), len(old)),
    )


def _window_matrix(
    old: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]
) -> sparse.csr_array:
    """Return the weights (n_windows, n_old) of exact means over disjoint ascending windows."""
    points = np.unique(np.concatenate([old, low, high]))
    middle = 0.5 * (points[:-1] + points[1:])
    window = np.searchsorted(low, middle, side="right") - 1
    inside = (window >= 0) & (middle < high[np.maximum(window, 0)])
    window, piece = window[inside], np.flatnonzero(inside)
    # The interpolant is straight on each piece between points: the trapezoid rule is exact.
    share = 0.5 * (points[piece + 1] - points[piece]) / (high - low)[window]
    trapezoids = sparse.csr_array(
        (np.r_[share, share], (np.r_[window, window], np.r_[piece, piece + 1])),
        shape=(len(low), len(points)),
    )
    return sparse.csr_array(trapezoids @ _interpolation_matrix(old, points))


def resample_images(images: ArrayLike, shape: tuple[int, int]) -> NDArray[Any]:
    r"""
    Resize images by linear interpolation, smoothed first where they shrink.

    Parameters
    ----------
    images : array-like of shape (..., height, width)
        Images, also of the RGB dtypes of HyperSpy, whose colours are resized one by one.
    shape : (int, int)
        New (height, width).

    Returns
    -------
    ndarray of shape (..., \*shape)
        Resized images. The outer edges of the field of view stay where they were.
    """
    images = np.asarray(images)
    if images.dtype.names:
        resized = np.empty((*images.shape[:-2], *shape), dtype=images.dtype)
        for colour in images.dtype.names:
            plane = resample_images(images[colour], shape)
            resized[colour] = np.rint(plane).astype(images.dtype[colour])
        return resized
    images = images.astype(floating_dtype(images.dtype), copy=False)
    zoom = (1.0,) * (images.ndim - 2) + tuple(
        new / old for new, old in zip(shape, images.shape[-2:], strict=True)
    )
    if 0 in images.shape:
        return np.empty((*images.shape[:-2], *shape), dtype=images.dtype)
    # A blur of half the excess width of the new pixel suppresses aliasing, as is usual.
    sigma = [max(0.0, (1 / factor - 1) / 2) for factor in zoom]
    if any(sigma):
        images = ndimage.gaussian_filter(images, sigma, mode="nearest")
    return ndimage.zoom(images, zoom, order=1, mode="nearest", grid_mode=True)
