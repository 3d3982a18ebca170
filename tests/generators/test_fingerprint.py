"""Hashes that recognise rows seen in training."""

import numpy as np

from hs_specaug.generators import row_fingerprints, seen_in_training
from hs_specaug.generators._fingerprint import _keys


def test_is_the_multilinear_hash_of_the_bits():
    X = np.random.default_rng(0).normal(size=(5, 7)).astype("f4")
    keys = [int(k) for k in _keys(7)]
    expected = [sum(int(w) * k for w, k in zip(row.view("u4"), keys, strict=True)) for row in X]
    assert [int(h) for h in row_fingerprints(X)] == [e % 2**64 for e in expected]
    assert hex(keys[0]) == "0xe220a8397b1dcdaf"  # the first of SplitMix64 from 0


def test_one_bit_makes_another_row():
    row = np.random.default_rng(0).normal(size=40).astype("f4")
    others = np.repeat(row[np.newaxis], 40 * 32, axis=0)
    words = others.view("u4")
    words[np.arange(1280), np.arange(1280) // 32] ^= (
        np.uint32(1) << np.arange(1280, dtype="u4") % 32
    )
    finite = others[np.isfinite(others).all(axis=1)]
    assert len(np.unique(row_fingerprints(finite))) == len(finite)
    assert not seen_in_training(row_fingerprints(row[np.newaxis]), finite).any()


def test_same_values_are_the_same_row():
    X = np.random.default_rng(0).integers(-3, 4, (50, 2, 9))
    same = np.where(X == 0, -0.0, X.astype("f8"))
    np.testing.assert_array_equal(row_fingerprints(X), row_fingerprints(same))
    strided = np.repeat(X, 2, axis=2)[..., ::2]
    np.testing.assert_array_equal(row_fingerprints(X), row_fingerprints(strided))


def test_many_rows_do_not_collide():
    X = np.random.default_rng(0).integers(0, 3, (200_000, 12)).astype("f2")
    X = np.unique(X, axis=0)
    assert len(np.unique(row_fingerprints(X))) == len(X) > 150_000
