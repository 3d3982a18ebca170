"""Rows of numbers, checked before anything is computed from them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...exceptions import TooFewRowsError

#: Sums of squares of larger values overflow, and distances become 0, NaN or infinite.
LARGEST_VALUE = 1e140


def check_rows(X: Any, name: str, minimum: int = 1) -> np.ndarray:
    """Return `X` as finite float64 rows (n, features); further axes are put behind each other.

    Raises
    ------
    TooFewRowsError
        If there are fewer than `minimum` rows.
    ValueError
        If `X` is complex, masked, not finite, too large to be squared, has no feature or fewer
        than two axes.
    """
    if np.ma.is_masked(X):
        raise ValueError(
            f"{name} has {np.ma.count_masked(X)} masked values, which would be taken for measured "
            f"ones; leave those rows or channels out, or repair them with {name}.filled(...)"
        )
    X = np.asarray(X)
    if X.ndim < 2:
        raise ValueError(f"{name} must be rows of shape (n, channels), got shape {X.shape}")
    if np.iscomplexobj(X):
        raise ValueError(
            f"{name} must be real numbers, got {X.dtype}; stack real and imaginary part (or phase "
            "angle and modulus) as channels"
        )
    if len(X) < minimum:
        raise TooFewRowsError(f"{name} needs at least {minimum} rows, got {len(X)}")
    X = X.reshape(len(X), int(np.prod(X.shape[1:]))).astype(np.float64)
    if not X.shape[1]:
        raise ValueError(f"{name} must have at least one channel, got none")
    if not np.isfinite(X).all():
        raise ValueError(f"{name} must be finite, got NaN or infinity")
    largest = float(np.abs(X).max(initial=0.0))
    if largest > LARGEST_VALUE:
        raise ValueError(
            f"{name} has values up to {largest:.3g}, too large to be squared; divide all rows by "
            "one number"
        )
    return X


def check_pair(
    real: Any, synthetic: Any, minimum: int = 1, *, name: str = "synthetic"
) -> tuple[np.ndarray, np.ndarray]:
    """Check two sets of rows, and that their rows have the same length."""
    real = check_rows(real, "real", minimum)
    synthetic = check_rows(synthetic, name, minimum)
    if real.shape[1] != synthetic.shape[1]:
        raise ValueError(
            f"real and {name} must have rows of one length, got "
            f"{real.shape[1]} and {synthetic.shape[1]} values"
        )
    return real, synthetic
