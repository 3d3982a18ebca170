"""Class Gaussians against NumPy's covariance."""

import numpy as np
import pytest
import torch

from hs_specaug.networks import ClassGaussians


def latents(n, seed, scale):
    return scale * torch.randn(n, 3, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def encoded():
    h = torch.cat([latents(200, 0, 1.0), latents(50, 1, 2.0) + 5.0, latents(1, 2, 1.0)])
    return h, torch.tensor([0] * 200 + [1] * 50 + [2])


def test_starts_as_standard_normal():
    z = latents(4, 0, 1.0)
    assert torch.equal(ClassGaussians(2, 3)(z, torch.tensor([0, 1, 0, 1])), z)


def test_own_covariances_are_numpys(encoded):
    h, y = (values[:-1] for values in encoded)
    gaussians = ClassGaussians(2, 3)
    gaussians.fit(h, y, ridge=0.0)
    for code in (0, 1):
        rows = h[y == code].numpy()
        np.testing.assert_allclose(gaussians.means[code], rows.mean(axis=0), atol=1e-5)
        covariance = gaussians.factors[code] @ gaussians.factors[code].T
        np.testing.assert_allclose(covariance, np.cov(rows.T), atol=1e-4)


def test_one_row_has_the_floor_alone(encoded):
    h, y = encoded
    gaussians = ClassGaussians(3, 3)
    gaussians.fit(h, y, ridge=0.04)
    inner = torch.cat([h[y == code] - h[y == code].mean(dim=0) for code in (0, 1, 2)])
    floor = float((0.04 * inner.square().mean()).sqrt())
    torch.testing.assert_close(gaussians.factors[2], floor * torch.eye(3))
    torch.testing.assert_close(gaussians.means[2], h[-1])


def test_shared_covariance_is_that_around_the_class_means(encoded):
    h, y = encoded
    gaussians = ClassGaussians(3, 3, shared=True)
    gaussians.fit(h, y, ridge=0.0)
    inner = np.concatenate([h[y == c].numpy() - h[y == c].numpy().mean(axis=0) for c in (0, 1, 2)])
    covariance = gaussians.factors[0] @ gaussians.factors[0].T
    np.testing.assert_allclose(covariance, inner.T @ inner / (251 - 3), atol=1e-4)


@pytest.mark.parametrize("shared", [True, False])
def test_samples_have_the_moments(encoded, shared):
    h, y = encoded
    gaussians = ClassGaussians(3, 3, shared=shared)
    gaussians.fit(h, y)
    out = gaussians(latents(20000, 5, 1.0), torch.ones(20000).long())
    factor = gaussians.factors[0 if shared else 1]
    np.testing.assert_allclose(out.mean(dim=0), gaussians.means[1], atol=0.08)
    np.testing.assert_allclose(np.cov(out.numpy().T), factor @ factor.T, atol=0.15)
