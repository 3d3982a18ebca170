"""Text in navigation arrays as HyperSpy's files can hold it: RosettaSciIO casts text to ASCII."""

from __future__ import annotations

import numpy as np


def to_stored(values: np.ndarray) -> np.ndarray:
    """Return text that is more than ASCII as UTF-8, which HyperSpy's files can hold."""
    if values.dtype.kind != "U" or not values.size:
        return values
    characters = np.ascontiguousarray(values).view(np.uint32)
    return values if characters.max() < 128 else np.char.encode(values, "utf-8")


def from_stored(values: np.ndarray) -> np.ndarray:
    """Invert :func:`to_stored`."""
    return np.char.decode(values, "utf-8") if values.dtype.kind == "S" else values
