"""The extrapolated Fréchet distance against closed forms for Gaussians."""

import numpy as np
import pytest

from hs_specaug.evaluation import extrapolated_frechet_distance, frechet_distance
from hs_specaug.exceptions import TooFewRowsError


def gaussians(rng, n, scale, shift, factor):
    """Two sets whose true distance is Σ shift² + Σ scale² (factor − 1)²."""
    x, y = rng.normal(size=(2, n, len(scale))) * scale
    truth = len(scale) * shift**2 + (scale**2).sum() * (factor - 1) ** 2
    return x, shift + factor * y, truth


@pytest.mark.parametrize(
    ("n", "d", "shift", "factor"), [(60, 10, 0.0, 1.0), (150, 40, 0.3, 1.2), (80, 5, 0.5, 2.0)]
)
def test_bias_is_much_smaller_than_that_of_the_plain_distance(n, d, shift, factor):
    rng = np.random.default_rng(n)
    scale = np.linspace(0.5, 1.5, d)
    plain, extrapolated = [], []
    for seed in range(12):
        x, y, truth = gaussians(rng, n, scale, shift, factor)
        plain.append(frechet_distance(x, y) - truth)
        extrapolated.append(
            extrapolated_frechet_distance(x, y, n_points=6, random_state=seed) - truth
        )
    assert np.mean(plain) > 0
    assert abs(np.mean(extrapolated)) < 0.3 * np.mean(plain)
    assert np.std(extrapolated) < 2.5 * np.std(plain)


def test_below_zero_is_not_cut_off():
    rng = np.random.default_rng(0)
    values = [
        extrapolated_frechet_distance(*rng.normal(size=(2, 40, 2)), random_state=i)
        for i in range(10)
    ]
    assert min(values) < 0 < max(values)


def test_sets_of_different_size_and_embedding():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(400, 8)), 1.0 + rng.normal(size=(60, 8))
    assert extrapolated_frechet_distance(x, y, random_state=0) == pytest.approx(8.0, rel=0.25)
    assert extrapolated_frechet_distance(y, x, random_state=0) == pytest.approx(8.0, rel=0.25)
    embedded = extrapolated_frechet_distance(x, y, embedding=lambda X: X[:, :3], random_state=0)
    assert embedded == extrapolated_frechet_distance(x[:, :3], y[:, :3], random_state=0)


def test_seed(no_global_rng):
    x, y = np.random.default_rng(1).normal(size=(2, 50, 4))
    first = extrapolated_frechet_distance(x, y, random_state=3)
    assert first == extrapolated_frechet_distance(x, y, random_state=3)
    assert first != extrapolated_frechet_distance(x, y, random_state=4)


def test_refuses_where_the_distance_does_not_fall_as_one_over_n_yet():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 60, 400))
    with pytest.raises(TooFewRowsError, match=r"vary in 118 directions .* 236 are needed"):
        extrapolated_frechet_distance(x, y, random_state=0)
    with pytest.raises(TooFewRowsError, match=r"vary in 31 directions .* 62 are needed"):
        extrapolated_frechet_distance(x[:, :31], y[:, :31], random_state=0)
    # As few rows of as many channels, but varying in two directions only.
    basis = np.linalg.qr(rng.normal(size=(400, 2)))[0].T
    few = extrapolated_frechet_distance(x[:, :2] @ basis, y[:, :2] @ basis + 1.0, random_state=0)
    assert few == pytest.approx(400.0, rel=0.05)


def test_measured_spectra_need_an_embedding(data_folder):
    with np.load(data_folder / "eels_mn2_white_lines.npz") as data:
        rows = data["spectra"][np.random.default_rng(0).permutation(1107)].astype(float)
    with pytest.raises(TooFewRowsError, match="pass an embedding of fewer dimensions"):
        extrapolated_frechet_distance(rows[:150], rows[150:300], random_state=0)
    components = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)[2][:6]
    pair = rows[:150] @ components.T, rows[150:300] @ components.T
    assert abs(extrapolated_frechet_distance(*pair, random_state=0)) < frechet_distance(*pair)


def test_errors():
    x = np.random.default_rng(0).normal(size=(30, 3))
    with pytest.raises(TooFewRowsError, match="synthetic needs at least 20 rows, got 19"):
        extrapolated_frechet_distance(x, x[:19])
    with pytest.raises(ValueError, match="n_points must be at least 2, got 1"):
        extrapolated_frechet_distance(x, x, n_points=1)
    assert extrapolated_frechet_distance(np.ones((30, 3)), np.ones((30, 3)) + 1) == 3.0
