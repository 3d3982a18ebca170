"""Hashes of rows, to prove that no scored row was seen in training."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._lazy_rows import LazyRows

#: Values that are hashed at once: what a cache holds.
BLOCK = 2**18


def row_fingerprints(X: Any) -> np.ndarray:
    """Return one 64-bit hash per row of `X`, an array or LazyRows.

    Rows are compared as float32, the precision in which networks see them, so a spectrum
    stored as float64 in one file and float32 in another is recognised.

    Returns
    -------
    ndarray of uint64 of shape (n,)
    """
    if isinstance(X, LazyRows):
        return X.map_parts(row_fingerprints)
    values = np.asarray(X)
    if np.iscomplexobj(values):  # as signals hand them on: real part, then imaginary
        values = np.stack([values.real, values.imag], axis=1)
    n_values = int(np.prod(values.shape[1:]))
    rows = np.asarray(values, dtype=np.float32).reshape(len(values), n_values)
    keys = _keys(rows.shape[1])
    out = np.empty(len(rows), dtype=np.uint64)
    at_once = max(1, BLOCK // max(1, rows.shape[1]))
    for start in range(0, len(rows), at_once):
        # −0.0 and 0.0 are the same value, but not the same bits.
        words = (rows[start : start + at_once] + np.float32(0.0)).view(np.uint32)
        part = np.einsum("ij,j->i", words, keys, dtype=np.uint64, casting="unsafe")
        out[start : start + at_once] = part
    return out


def _keys(n: int) -> np.ndarray:
    """Return n odd numbers for the multilinear hash Σ kⱼ wⱼ mod 2⁶⁴, the same for ever.

    They are the sequence SplitMix64 (Steele, Lea and Flood, OOPSLA 2014). Rows that differ in one
    value always differ in the hash, because an odd number can be divided by modulo 2⁶⁴.
    """
    z = np.arange(1, n + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (z ^ (z >> np.uint64(31))) | np.uint64(1)


def seen_in_training(fingerprint: np.ndarray, X: np.ndarray) -> np.ndarray:
    """Return for each row of `X` whether it is among the rows that `fingerprint` describes."""
    return np.isin(row_fingerprints(X), fingerprint)
