"""Kernel distances against pair-by-pair sums, closed forms and scikit-learn's kernels."""

import numpy as np
import pytest
from scipy.spatial.distance import pdist
from sklearn.metrics.pairwise import polynomial_kernel, rbf_kernel

from hs_specaug.evaluation import kernel_distance, maximum_mean_discrepancy
from hs_specaug.exceptions import TooFewRowsError


def mmd(K_xx, K_yy, K_xy):
    n, m = K_xy.shape
    off = [K[~np.eye(len(K), dtype=bool)].sum() for K in (K_xx, K_yy)]
    return off[0] / n / (n - 1) + off[1] / m / (m - 1) - 2 * K_xy.mean()


@pytest.fixture
def pair():
    rng = np.random.default_rng(0)
    return rng.normal(size=(70, 5)), rng.normal(0.5, 1.3, size=(50, 5))


@pytest.mark.parametrize("block_mib", [0.002, 16.0])
def test_in_blocks_and_at_once(pair, block_mib, monkeypatch):
    monkeypatch.setattr("hs_specaug.evaluation.metrics._distribution.BLOCK_MIB", block_mib)
    x, y = pair
    pairs = [(x, x), (y, y), (x, y)]
    expected = mmd(*(rbf_kernel(a, b, gamma=0.5 / 1.7**2) for a, b in pairs))
    assert maximum_mean_discrepancy(x, y, bandwidth=1.7) == pytest.approx(expected, rel=1e-10)
    cubic = mmd(*(polynomial_kernel(a, b, degree=3, gamma=1 / 5, coef0=1) for a, b in pairs))
    assert kernel_distance(x, y).value == pytest.approx(cubic, rel=1e-10)


def test_kid_interval_does_not_depend_on_the_blocks(pair, monkeypatch):
    whole = kernel_distance(*pair)
    monkeypatch.setattr("hs_specaug.evaluation.metrics._distribution.BLOCK_MIB", 0.002)
    np.testing.assert_allclose(kernel_distance(*pair), whole, rtol=1e-10)


def test_mmd_of_two_gaussians_is_the_closed_form():
    # x − x' is N(μ, 2): E exp(−‖x − x'‖² / 2σ²) = (σ² / (σ² + 2))^(d/2) exp(−‖μ‖² / 2(σ² + 2)).
    d, shift, sigma = 3, 0.8, 1.5
    rng = np.random.default_rng(0)
    values = []
    for _ in range(20):
        x, y = rng.normal(size=(2, 300, d))
        y[:, 0] += shift
        values.append(maximum_mean_discrepancy(x, y, bandwidth=sigma))
    scale = (sigma**2 / (sigma**2 + 2)) ** (d / 2)
    truth = 2 * scale * (1 - np.exp(-(shift**2) / (2 * (sigma**2 + 2))))
    error = np.std(values, ddof=1) / np.sqrt(20)
    assert error < 0.06 * truth
    assert abs(np.mean(values) - truth) < 3 * error


def test_mmd_is_unbiased():
    # Of equal distributions the mean over many small sets is 0; a biased one has some 1/n.
    rng = np.random.default_rng(0)
    values = [
        maximum_mean_discrepancy(*rng.normal(size=(2, 10, 2)), bandwidth=1.0) for _ in range(300)
    ]
    assert min(values) < 0
    assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(300)
    assert 4 * np.std(values) / np.sqrt(300) < 0.03  # so that a bias of 2/10 would show


def test_median_bandwidth(pair):
    x, y = pair
    median = np.median(pdist(np.concatenate(pair)))
    expected = maximum_mean_discrepancy(x, y, bandwidth=median)
    assert maximum_mean_discrepancy(x, y) == pytest.approx(expected, rel=1e-12)
    # Of many rows a part decides, the same in every call, and MMD does not depend on the unit.
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 1300, 3))
    value = maximum_mean_discrepancy(x, y + 1.0)
    assert value == maximum_mean_discrepancy(x, y + 1.0)
    assert value == pytest.approx(maximum_mean_discrepancy(1e3 * x, 1e3 * (y + 1.0)), rel=1e-9)


def test_mmd_does_not_see_a_common_offset(pair):
    x, y = pair
    expected = maximum_mean_discrepancy(x, y, bandwidth=2.0)
    assert maximum_mean_discrepancy(x + 1e6, y + 1e6, bandwidth=2.0) == pytest.approx(
        expected, rel=1e-6
    )


def test_embedding_and_errors(pair):
    x, y = pair
    expected = maximum_mean_discrepancy(x[:, :1], y[:, :1])
    assert maximum_mean_discrepancy(x, y, embedding=lambda X: X[:, :1]) == expected
    for bandwidth in ("mean", 0.0, -1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="bandwidth must be 'median' or a positive number"):
            maximum_mean_discrepancy(x, y, bandwidth=bandwidth)
    with pytest.raises(ValueError, match="most rows are the same"):
        maximum_mean_discrepancy(np.ones((9, 2)), np.ones((9, 2)))
    with pytest.raises(TooFewRowsError, match="real needs at least 2 rows, got 1"):
        maximum_mean_discrepancy(x[:1], y)
