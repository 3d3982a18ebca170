"""Each measure against SciPy, NumPy or numbers worked by hand."""

import numpy as np
import pytest
import scipy.linalg
import scipy.spatial
import scipy.stats

from hs_specaug.evaluation import (
    cosine_distance,
    frechet_distance,
    kl_divergence,
    pearson_correlation,
    signal_to_noise,
)
from hs_specaug.exceptions import TooFewRowsError


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def rows(rng):
    real = rng.gamma(2.0, size=(9, 1)) * np.exp(-(np.linspace(-2, 2, 12) ** 2))
    return real + 0.1 * rng.random((9, 12)), 1.3 * rng.random((7, 12))


def frechet_by_square_root(x, y):
    mean = ((x.mean(0) - y.mean(0)) ** 2).sum()
    a, b = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    root = scipy.linalg.sqrtm(a @ b)
    return mean + np.trace(a) + np.trace(b) - 2 * np.trace(root).real


@pytest.mark.parametrize(("n", "m", "d"), [(200, 150, 6), (60, 60, 30), (6, 200, 6)])
def test_frechet_is_the_formula_with_a_matrix_square_root(rng, n, m, d):
    x, y = rng.normal(size=(n, d)) @ rng.normal(size=(d, d)), rng.normal(0.3, 2.0, size=(m, d))
    assert frechet_distance(x, y) == pytest.approx(frechet_by_square_root(x, y), rel=1e-6)


def test_frechet_with_fewer_rows_than_channels(rng):
    # In the plane that holds all rows the covariances are regular, and distances are the same.
    basis = np.linalg.qr(rng.normal(size=(700, 5)))[0].T
    x, y = rng.normal(size=(40, 5)), rng.normal(1.0, 2.0, size=(30, 5))
    assert frechet_distance(x @ basis, y @ basis) == pytest.approx(
        frechet_by_square_root(x, y), rel=1e-9
    )
    # Truly fewer rows than channels: against the symmetric form, whose roots are real.
    x, y = rng.normal(size=(8, 50)), rng.normal(size=(11, 50))
    a, b = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    values, vectors = np.linalg.eigh(a)
    root_a = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    shared = np.sqrt(np.linalg.eigvalsh(root_a @ b @ root_a).clip(0)).sum()
    expected = ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(a) + np.trace(b) - 2 * shared
    assert frechet_distance(x, y) == pytest.approx(expected, rel=1e-6)


def test_frechet_properties(rows):
    real, other = rows
    assert frechet_distance(real, real) == pytest.approx(0.0, abs=1e-12)
    assert frechet_distance(real, real + 2.0) == pytest.approx(12 * 4.0)
    assert frechet_distance(real, other) == pytest.approx(frechet_distance(other, real))
    shuffled = real[np.random.default_rng(1).permutation(9)]
    assert frechet_distance(shuffled, other) == pytest.approx(frechet_distance(real, other))


def test_frechet_in_an_embedding(rows):
    real, other = rows

    def features(X):
        return np.asarray(X)[:, :3] ** 2

    assert frechet_distance(real, other, embedding=features) == pytest.approx(
        frechet_by_square_root(real[:, :3] ** 2, other[:, :3] ** 2)
    )


def test_pearson_is_numpys(rows):
    expected = np.corrcoef(*rows)[:9, 9:].mean()
    assert pearson_correlation(*rows) == pytest.approx(expected, rel=1e-12)


def test_cosine_is_scipys(rows):
    expected = scipy.spatial.distance.cdist(*rows, metric="cosine").mean()
    assert cosine_distance(*rows) == pytest.approx(expected, rel=1e-12)


def test_kl_is_scipys_entropy_of_the_mean_spectra(rows):
    expected = scipy.stats.entropy(rows[0].mean(0), rows[1].mean(0))
    assert kl_divergence(*rows) == pytest.approx(expected, rel=1e-9)
    assert kl_divergence(rows[0], 5.0 * rows[0]) == pytest.approx(0.0, abs=1e-12)


def test_kl_of_channels_below_zero():
    floor = 1e-3
    p, q = np.array([floor, 1.0]), np.array([1.0, floor])
    expected = scipy.stats.entropy(p, q)
    value = kl_divergence([[-0.2, 1.0]], [[4.0, 0.0]], floor=floor)
    assert value == pytest.approx(expected)
    with pytest.raises(ValueError, match="mean of synthetic is nowhere positive"):
        kl_divergence([[1.0, 1.0]], [[-1.0, 0.0]])
    with pytest.raises(ValueError, match="floor must be positive"):
        kl_divergence([[1.0, 1.0]], [[1.0, 1.0]], floor=0.0)


def test_snr_by_hand(rng):
    assert signal_to_noise([[1.0, 4.0, 5.0], [3.0, 8.0, 5.0]]) == pytest.approx((2 + 3 + 0) / 3)
    rows = 10.0 + rng.normal(0, 2.0, size=(4000, 20))
    assert signal_to_noise(rows) == pytest.approx(5.0, rel=0.03)


def test_snr_of_measured_white_lines_is_that_of_the_paper(data_folder):
    # Table 2 of paper 002 says 1.5 for 992 spectra of MnO; this is the set they were taken from.
    with np.load(data_folder / "eels_mn2_white_lines.npz") as data:
        assert signal_to_noise(data["spectra"]) == pytest.approx(1.5, abs=0.25)


@pytest.mark.parametrize("metric", [pearson_correlation, cosine_distance, kl_divergence])
@pytest.mark.parametrize(
    ("real", "synthetic", "message"),
    [
        ([[1.0, 2.0]], [[1.0, 2.0, 3.0]], "rows of one length, got 2 and 3"),
        ([[1.0, np.nan]], [[1.0, 2.0]], "real must be finite"),
        ([1.0, 2.0], [[1.0, 2.0]], "real must be rows"),
        ([[1.0, 2.0]], [[1.0, 2.0j]], "synthetic must be real numbers"),
        ([[1.0, 2.0]], np.zeros((0, 2)), "synthetic needs at least 1 rows, got 0"),
        ([[]], [[]], "at least one channel"),
    ],
)
def test_bad_rows(metric, real, synthetic, message):
    with pytest.raises(ValueError, match=message):
        metric(real, synthetic)


def test_rows_without_a_direction():
    with pytest.raises(ValueError, match=r"1 of 2 rows of synthetic are constant \(.* row 1\)"):
        pearson_correlation([[1.0, 2.0, 3.0]], [[1.0, 2.0, 4.0], [0.1, 0.1, 0.1]])
    with pytest.raises(ValueError, match="zero everywhere"):
        cosine_distance([[0.0, 0.0]], [[1.0, 2.0]])
    with pytest.raises(ValueError, match="constant"):
        pearson_correlation([[1.0], [2.0]], [[3.0]])  # one channel


@pytest.mark.parametrize("n", [0, 1])
def test_too_few_rows_are_not_a_number(n):
    with pytest.raises(TooFewRowsError, match=f"needs at least 2 rows, got {n}"):
        signal_to_noise(np.ones((n, 3)))
    with pytest.raises(TooFewRowsError, match=f"needs at least 2 rows, got {n}"):
        frechet_distance(np.ones((5, 3)), np.ones((n, 3)))
