"""Broadening against Bessel functions, SciPy's filters and the matrix exponential."""

import numpy as np
import pytest
from scipy.linalg import expm
from scipy.ndimage import gaussian_filter1d
from scipy.special import ive

from hs_specaug import SignalAxis
from hs_specaug.perturbations import Domain, PeakBroadening
from hs_specaug.perturbations._broadening import FWHM_PER_SIGMA, _convolved, _diffused, _filtered


def domain_on(values):
    return Domain("spectrum", (SignalAxis("axis", "1/cm", np.asarray(values, dtype=float)),))


@pytest.mark.parametrize("sigma", [0.1, 0.7, 3.0, 12.0])
def test_kernel_is_the_discrete_gaussian(sigma):
    x = np.random.default_rng(0).random(40)
    k = np.arange(-400, 401)
    reflected = np.pad(x, 400, mode="symmetric")
    expected = np.convolve(reflected, ive(k, sigma**2), mode="valid")
    X, variance = x[None, None], np.full((1, 1, 1), sigma**2)
    np.testing.assert_allclose(_filtered(X, variance)[0, 0], expected, atol=1e-12)
    if sigma < 2.0:
        np.testing.assert_allclose(_convolved(X, variance, 16)[0, 0], expected, atol=1e-12)


def test_narrow_and_wide_kernels_meet(monkeypatch):
    X = np.random.default_rng(0).random((50, 60))
    direct = PeakBroadening(5.0)(X, random_state=0)
    monkeypatch.setattr("hs_specaug.perturbations._broadening.DIRECT_REACH", 2)
    np.testing.assert_allclose(PeakBroadening(5.0)(X, random_state=0), direct, atol=1e-13)


def test_wide_kernel_is_that_of_scipy():
    x = np.zeros(200)
    x[90:110] = 1.0
    got = _filtered(x[None, None], np.full((1, 1, 1), 25.0))[0, 0]
    np.testing.assert_allclose(
        got, gaussian_filter1d(x, 5.0, mode="reflect", truncate=8), atol=1e-3
    )


def test_area_stays_and_variances_add():
    axis = 0.5 * np.arange(300)
    X = np.tile(np.exp(-((axis - 75.0) ** 2) / 50), (400, 1))
    new = PeakBroadening(fwhm=20.0)(X, domain=domain_on(axis), random_state=0)
    np.testing.assert_allclose(new.sum(axis=1), X.sum(axis=1))
    variance = new @ (axis - 75.0) ** 2 / new.sum(axis=1)
    fwhm = FWHM_PER_SIGMA * np.sqrt(np.maximum(variance - 25.0, 0.0))
    assert fwhm.max() == pytest.approx(20.0, abs=0.3)
    assert fwhm.mean() == pytest.approx(10.0, abs=0.7)


def test_uneven_axis_diffuses_as_the_matrix_exponential_says():
    values = np.r_[0.0, np.cumsum(np.random.default_rng(0).uniform(0.3, 2.0, 24))]
    h = np.diff(values)
    w = np.r_[h[0], 0.5 * (h[1:] + h[:-1]), h[-1]]
    A = np.zeros((25, 25))
    for i in range(24):
        A[i, i + 1] += 1 / h[i] / w[i]
        A[i, i] -= 1 / h[i] / w[i]
        A[i + 1, i] += 1 / h[i] / w[i + 1]
        A[i + 1, i + 1] -= 1 / h[i] / w[i + 1]
    X = np.random.default_rng(1).random((3, 1, 25))
    variance = np.array([0.0, 0.5, 9.0])[:, None, None]
    got = _diffused(X, variance, values)
    for row, x, v in zip(got, X, variance.ravel(), strict=True):
        np.testing.assert_allclose(row[0], expm(0.5 * v * A) @ x[0], atol=1e-10)
    np.testing.assert_allclose(got @ w, X @ w)  # the integral over the axis


def test_uneven_way_is_the_even_one_on_an_even_axis():
    X, variance = np.random.default_rng(1).random((3, 1, 25)), np.array([0.1, 2.0, 30.0])
    variance = variance[:, None, None]
    expected = _filtered(X, variance)
    np.testing.assert_allclose(_diffused(X, variance, np.arange(25.0)), expected, atol=1e-10)


def test_default_is_two_channels():
    X, domain = np.random.default_rng(0).random((3, 30)), domain_on(0.25 * np.arange(30))
    expected = PeakBroadening(0.5)(X, domain=domain, random_state=0)
    np.testing.assert_allclose(PeakBroadening()(X, domain=domain, random_state=0), expected)
