"""Distances in blocks against SciPy, exact for copies, and bounded in memory."""

import tracemalloc

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from hs_specaug.evaluation import (
    kernel_distance,
    maximum_mean_discrepancy,
    memorisation,
    precision_recall_density_coverage,
)
from hs_specaug.evaluation.metrics._distances import blocks, nearest_rows, squared_distances


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_blocks_hold_every_row_once_and_are_small(rng):
    X = rng.normal(size=(103, 4))
    parts = list(blocks(X, columns=1000, block_mib=0.1))
    assert [i for part in parts for i in range(part.start, part.stop)] == list(range(103))
    assert max(part.stop - part.start for part in parts) == int(0.1 * 2**20 / 8000)
    # A single row may be larger than a block.
    assert len(list(blocks(X, columns=10**9, block_mib=0.1))) == 103


def test_squared_distances_are_scipys_whatever_the_block(rng):
    X, Y = rng.normal(size=(57, 6)), rng.normal(size=(31, 6))
    for block_mib in (0.001, 16.0):
        parts = list(squared_distances(X, Y, block_mib))
        assert (len(parts) > 1) == (block_mib < 1)
        got = np.concatenate([block for _, block in parts])
        assert parts[0][0].start == 0
        assert parts[-1][0].stop == 57
        np.testing.assert_allclose(got, cdist(X, Y, "sqeuclidean"), rtol=1e-12)


@pytest.mark.parametrize("k", [1, 3])
def test_nearest_rows_are_scipys(rng, k):
    X, Y = rng.normal(size=(40, 5)), rng.normal(size=(60, 5))
    D = cdist(X, Y)
    distances, indices = nearest_rows(X, Y, k)
    np.testing.assert_array_equal(indices, np.argsort(D, axis=1)[:, :k])
    np.testing.assert_allclose(distances, np.sort(D, axis=1)[:, :k], rtol=1e-12)
    D = cdist(X, X)
    np.fill_diagonal(D, np.inf)
    distances, indices = nearest_rows(X, n_neighbours=k)
    np.testing.assert_array_equal(indices, np.argsort(D, axis=1)[:, :k])
    np.testing.assert_allclose(distances, np.sort(D, axis=1)[:, :k], rtol=1e-12)


def test_a_copy_has_distance_zero_on_a_high_background(rng):
    # Squared norms of 1e12 and more leave nothing of differences of 1e-4 in a product formula.
    Y = 1e5 + 1e-4 * rng.normal(size=(50, 300))
    distances, indices = nearest_rows(Y[::-1].copy(), Y)
    assert (distances == 0).all()
    np.testing.assert_array_equal(indices[:, 0], np.arange(50)[::-1])
    # Of three equal rows each has two others at distance 0; itself does not count.
    same = np.repeat(Y[:2], [3, 1], axis=0)
    distances, indices = nearest_rows(same, n_neighbours=2)
    assert (distances[:3] == 0).all()
    assert (distances[3] > 0).all()
    assert all(i not in row for i, row in enumerate(indices.tolist()))


@pytest.mark.parametrize(
    "metric",
    [
        lambda a, b: precision_recall_density_coverage(a, b),
        lambda a, b: kernel_distance(a, b),
        lambda a, b: maximum_mean_discrepancy(a, b),
        lambda a, b: memorisation(b, a, a[::2] + 0.1),
    ],
    ids=["manifold", "kid", "mmd", "memorisation"],
)
def test_no_metric_holds_all_pairs(rng, metric, monkeypatch):
    n = 2500
    for module in ("_distances", "_diversity", "_distribution"):
        monkeypatch.setattr(f"hs_specaug.evaluation.metrics.{module}.BLOCK_MIB", 0.5)
    a, b = rng.normal(size=(2, n, 8))
    metric(a[:20], b[:20])  # first use loads libraries
    tracemalloc.start()
    metric(a, b)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    all_pairs = 8 * n * n  # 50 MB
    assert peak < all_pairs / 4
