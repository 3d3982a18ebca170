"""Hashes of rows, to prove that no scored row was seen in training."""

from __future__ import annotations

import hashlib

import numpy as np


def row_fingerprints(X: np.ndarray) -> np.ndarray:
    """Return one 64-bit hash per row of `X`.

    Rows are compared as float32, the precision in which networks see them, so a spectrum
    stored as float64 in one file and float32 in another is recognised.

    Returns
    -------
    ndarray of uint64 of shape (n,)
    """
    rows = np.ascontiguousarray(X, dtype=np.float32).reshape(len(X), -1)
    rows = rows + np.float32(0.0)  # −0.0 and 0.0 are the same value, but not the same bytes
    digests = [hashlib.blake2b(row.tobytes(), digest_size=8).digest() for row in rows]
    return np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64)


def seen_in_training(fingerprint: np.ndarray, X: np.ndarray) -> np.ndarray:
    """Return for each row of `X` whether it is among the rows that `fingerprint` describes."""
    return np.isin(row_fingerprints(X), fingerprint)
