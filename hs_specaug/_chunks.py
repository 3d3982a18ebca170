"""Chunks of lazy data: signal axes in one piece, navigation chunks as they are."""

from __future__ import annotations

import math
from typing import Any

from ._warnings import warn_user
from .exceptions import SpecAugWarning

SMALLEST_BYTES = 2**20
"""A task costs Dask about a millisecond, whatever its size; less than this is not worth it."""

LARGEST_BYTES = 2**30
MANY = 256
"""Chunks below which their size does not matter."""

REMEDY = 's.rechunk(nav_chunks="auto", sig_chunks=-1)'


def join_signal_chunks(data: Any, n_navigation: int) -> Any:
    """Return Dask data (navigation axes first) with one chunk along the signal axes.

    The navigation chunks stay as they are.
    """
    signal_axes = range(n_navigation, data.ndim)
    if all(len(data.chunks[axis]) == 1 for axis in signal_axes):
        return data
    return data.rechunk(dict.fromkeys(signal_axes, -1))


def warn_of_chunks(data: Any, n_navigation: int) -> None:
    """Warn if navigation chunks with their whole signal axes are very small, or very large."""
    row_bytes = data.dtype.itemsize * math.prod(data.shape[n_navigation:])
    sizes = data.chunks[:n_navigation]
    n_chunks = math.prod(len(axis) for axis in sizes)
    largest = math.prod(max(axis) for axis in sizes) * row_bytes
    if largest < SMALLEST_BYTES and n_chunks > MANY:
        warn_user(
            f"the data come in {n_chunks} tiny chunks of at most {largest / 2**10:.0f} KiB, and "
            f"each costs more to manage than to compute; join some with {REMEDY}",
            SpecAugWarning,
        )
    elif largest > LARGEST_BYTES:
        warn_user(
            f"a chunk with its whole signal axis has {largest / 2**30:.1f} GiB, and each worker "
            f"holds at least one in memory; make them smaller with {REMEDY}",
            SpecAugWarning,
        )
