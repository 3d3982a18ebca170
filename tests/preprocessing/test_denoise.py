import numpy as np
import pytest
from sklearn.decomposition import PCA

from hs_specaug.preprocessing import PCADenoiser, optimal_hard_threshold


def low_rank(n=60, size=90, rank=3, noise=0.05, seed=0):
    rng = np.random.default_rng(seed)
    clean = 5 + rng.normal(size=(n, rank)) @ rng.normal(size=(rank, size))
    return clean, clean + noise * rng.normal(size=(n, size))


@pytest.mark.parametrize("shape", [(60, 90), (300, 40), (20, 90)])
@pytest.mark.parametrize("n_components", [1, 4])
def test_agrees_with_scikit_learn(shape, n_components):
    _, X = low_rank(*shape)
    pca = PCA(n_components, svd_solver="full").fit(X)
    denoised = PCADenoiser(n_components).fit_transform(X)
    np.testing.assert_allclose(denoised, pca.inverse_transform(pca.transform(X)), atol=1e-9)


@pytest.mark.parametrize("fraction", [0.5, 0.9, 0.999])
def test_variance_fraction_agrees_with_scikit_learn(fraction):
    _, X = low_rank()
    expected = PCA(fraction, svd_solver="full").fit(X).n_components_
    assert PCADenoiser(fraction).fit(X).n_components_ == expected


@pytest.mark.parametrize("shape", [(60, 90), (400, 50), (30, 300)])
def test_auto_finds_the_rank_and_lowers_the_noise(shape):
    clean, noisy = low_rank(*shape)
    denoiser = PCADenoiser().fit(noisy)
    assert denoiser.n_components_ == 3
    error = np.std(denoiser.transform(noisy) - clean)
    assert error < 0.5 * np.std(noisy - clean)


def test_threshold_of_square_matrices():
    # Gavish and Donoho: 2.858 medians for square matrices; their cubic is good to 0.02.
    assert optimal_hard_threshold(np.ones(5), 1.0) == pytest.approx(2.858, abs=0.02)


@pytest.mark.parametrize("shape", [(12, 30), (12, 2, 30), (12, 3, 5, 6)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rank_and_dtype_are_kept(shape, dtype):
    X = np.random.default_rng(1).normal(size=shape).astype(dtype)
    denoiser = PCADenoiser(12).fit(X)
    denoised = denoiser.transform(X)
    assert denoised.shape == shape
    assert denoised.dtype == dtype
    np.testing.assert_allclose(denoised, X, atol=2e-5)  # all components: nothing is lost
    assert denoiser.row_shape_ == shape[1:]


def test_rows_of_another_shape_are_refused():
    denoiser = PCADenoiser(2).fit(np.random.default_rng(0).random((6, 2, 10)))
    with pytest.raises(ValueError, match=r"rows of shape \(2, 9\).*\(2, 10\)"):
        denoiser.transform(np.ones((3, 2, 9)))


def test_fit_rows_are_limited_and_seeded():
    _, X = low_rank(n=200)
    first = PCADenoiser(2, max_fit_rows=50, random_state=4).fit(X)
    again = PCADenoiser(2, max_fit_rows=50, random_state=4).fit(X)
    other = PCADenoiser(2, max_fit_rows=50, random_state=5).fit(X)
    np.testing.assert_array_equal(first.mean_, again.mean_)
    assert not np.array_equal(first.mean_, other.mean_)
    with pytest.raises(ValueError, match="max_fit_rows must be at least 2"):
        PCADenoiser(max_fit_rows=1).fit(X)


@pytest.mark.parametrize("n_components", [0, -1, 1.0, 1.5, "mle", None, True])
def test_meaningless_numbers_are_refused(n_components):
    with pytest.raises(ValueError, match="number of principal components"):
        PCADenoiser(n_components).fit(np.eye(4))


@pytest.mark.parametrize("n_components", [1, 0.9, "auto"])
def test_rows_that_are_all_alike_stay_as_they_are(n_components):
    X = np.full((5, 8), 3.0)
    denoiser = PCADenoiser(n_components).fit(X)
    np.testing.assert_allclose(denoiser.transform(X), X)
    assert np.isfinite(denoiser.explained_variance_ratio_).all()
