"""Values between the pixels of images, and their smoothing.

Written with the array API, and not over an image library, because one code must serve NumPy, torch
(with a gradient) and Dask alike, with random numbers of our own: torchvision does not import beside
a CPU-only torch and brings a second copy of it, kornia takes torch tensors only, albumentations (no
longer maintained; its successor is under the AGPL) and OpenCV have no gradient.
"""

from __future__ import annotations

import math
from typing import Any

from array_api_compat import array_namespace, device

PADDINGS = frozenset({"reflect", "edge", "wrap", "zero"})


def pixel_numbers(X: Any, axis: int) -> Any:
    """Return 0, 1, 2, ... along an axis of the images `X`, in their library and type."""
    return array_namespace(X).arange(X.shape[axis], dtype=X.dtype, device=device(X))


def folded(index: Any, length: int, padding: str) -> tuple[Any, Any]:
    """Bring pixel numbers from beyond the border back into an image.

    Parameters
    ----------
    index : array of int
        Pixel numbers along an axis.
    length : int
        Pixels along that axis.
    padding : {"reflect", "edge", "wrap", "zero"}
        What lies beyond: the mirror image (the border pixel twice), the border pixel, the other
        side, or nothing.

    Returns
    -------
    index : array of int
        From 0 to below `length`.
    inside : array of bool or None
        Where there is something; None if everywhere.
    """
    xp = array_namespace(index)
    if padding == "wrap":
        return index % length, None
    if padding == "reflect":
        index = index % (2 * length)
        return xp.where(index < length, index, 2 * length - 1 - index), None
    nearest = xp.clip(index, 0, length - 1)
    return nearest, (nearest == index) if padding == "zero" else None


def sample(X: Any, rows: Any, columns: Any, padding: str) -> Any:
    """Return the values of images between pixels, by bilinear interpolation.

    Parameters
    ----------
    X : array of shape (n, channels, height, width)
        Images.
    rows, columns : array that broadcasts to shape (n, height, width)
        Where to read, in pixels from the centre of the first one.
    padding : {"reflect", "edge", "wrap", "zero"}
        What lies beyond the border.

    Returns
    -------
    array of shape (n, channels, height, width)
        Differentiable in `X`.
    """
    xp = array_namespace(X)
    n, channels, height, width = X.shape
    flat = xp.reshape(X, (n, channels, height * width))
    top, left = xp.floor(rows), xp.floor(columns)
    out = xp.zeros_like(X)
    for down, row_weight in ((0, 1.0 - (rows - top)), (1, rows - top)):
        row, row_inside = folded(xp.astype(top, xp.int64) + down, height, padding)
        for right, column_weight in ((0, 1.0 - (columns - left)), (1, columns - left)):
            column, inside = folded(xp.astype(left, xp.int64) + right, width, padding)
            weight = row_weight * column_weight
            if row_inside is not None:
                weight = xp.where(row_inside & inside, weight, xp.zeros_like(weight))
            number = xp.reshape(
                xp.broadcast_to(row * width + column, (n, height, width)), (n, 1, height * width)
            )
            values = xp.reshape(xp.take_along_axis(flat, number, axis=2), X.shape)
            out = out + weight[:, None] * values
    return out


def moved(X: Any, offset: Any, axis: int, padding: str) -> Any:
    """Move images along an axis by whole pixels.

    Parameters
    ----------
    X : array of shape (n, channels, height, width)
        Images.
    offset : array of shape (n,)
        Whole numbers of pixels.
    axis : {2, 3}
        Height or width.
    padding : {"reflect", "edge", "wrap", "zero"}
        What comes in from beyond the border.
    """
    xp = array_namespace(X)
    shape = (1, 1, -1, 1) if axis == 2 else (1, 1, 1, -1)
    number = xp.reshape(pixel_numbers(X, axis), shape) - xp.reshape(offset, (-1, 1, 1, 1))
    index, inside = folded(xp.astype(number, xp.int64), X.shape[axis], padding)
    new = xp.take_along_axis(X, index, axis=axis)
    return new if inside is None else xp.where(inside, new, xp.zeros_like(new))


def smoothed(X: Any, sigma: Any, largest_sigma: float, padding: str) -> Any:
    """Smooth images with Gaussians, cut off at four of the largest standard deviations.

    Parameters
    ----------
    X : array of shape (n, channels, height, width)
        Images.
    sigma : array of shape (n, 1, 1, 1)
        Standard deviation of each, in pixels; zero leaves an image as it is.
    largest_sigma : float
        No `sigma` is larger.
    padding : {"reflect", "edge", "wrap", "zero"}
        What lies beyond the border.
    """
    xp = array_namespace(X)
    taps = range(-math.ceil(4.0 * largest_sigma), math.ceil(4.0 * largest_sigma) + 1)
    # Below a thousandth of a pixel every weight but the middle one is zero.
    precision = 0.5 / xp.clip(sigma, 1e-3, None) ** 2
    weights = [xp.exp(-float(k * k) * precision) for k in taps]
    total = sum(weights[1:], weights[0])
    for axis in (2, 3):
        shape = (-1, 1) if axis == 2 else (1, -1)
        out = xp.zeros_like(X)
        for k, weight in zip(taps, weights, strict=True):
            number = xp.astype(pixel_numbers(X, axis), xp.int64) + k
            index, inside = folded(number, X.shape[axis], padding)
            values = xp.take(X, index, axis=axis)
            if inside is not None:
                values = values * xp.reshape(xp.astype(inside, X.dtype), shape)
            out = out + (weight / total) * values
        X = out
    return X
