"""Precision, recall, density and coverage: by hand, and against all pairs at once."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from hs_specaug.evaluation import precision_recall_density_coverage
from hs_specaug.evaluation.metrics._diversity import _scores
from hs_specaug.exceptions import TooFewRowsError


def by_all_pairs(x, y, k):
    """The definitions of the papers, written with whole matrices."""
    reach_x = np.sort(cdist(x, x), axis=1)[:, k]  # 0 is the row itself
    reach_y = np.sort(cdist(y, y), axis=1)[:, k]
    D = cdist(x, y)
    in_x, in_y = reach_x[:, None] >= D, reach_y[None] >= D
    return (
        in_x.any(axis=0).mean(),
        in_y.any(axis=1).mean(),
        in_x.sum() / (k * len(y)),
        in_x.any(axis=1).mean(),
    )


@pytest.mark.parametrize("k", [1, 4])
@pytest.mark.parametrize("block_mib", [0.001, 16.0])
def test_against_all_pairs(k, block_mib):
    rng = np.random.default_rng(k)
    x, y = rng.normal(size=(80, 3)), rng.normal(1.2, 1.0, size=(50, 3))
    expected = by_all_pairs(x, y, k)
    assert all(0.05 < value < 1 for value in expected), expected
    np.testing.assert_allclose(_scores(x, y, k, block_mib), expected, rtol=1e-12)
    np.testing.assert_allclose(
        precision_recall_density_coverage(x, y, n_neighbours=k), expected, rtol=1e-12
    )


def test_by_hand():
    real = np.array([[0.0], [1.0], [3.0], [7.0]])  # balls reach 1, 1, 2 and 4
    synthetic = np.array([[0.5], [1.5], [4.5], [20.0]])  # balls reach 1, 1, 3 and 15.5
    scores = precision_recall_density_coverage(real, synthetic, n_neighbours=1)
    # 0.5 lies in the balls of 0 and 1, 1.5 in those of 1 and 3, 4.5 in those of 3 and 7.
    assert scores.precision == 3 / 4
    assert scores.density == 6 / 4
    assert scores.coverage == 1.0
    # 0 and 1 lie in the ball of 0.5, 3 in that of 4.5, 7 in that of 4.5 (edge 7.5).
    assert scores.recall == 1.0


def test_what_each_one_sees():
    rng = np.random.default_rng(0)
    modes = np.repeat([[0.0, 0.0], [50.0, 0.0]], 100, axis=0)
    real, alike = (modes + rng.normal(size=(200, 2)) for _ in range(2))
    same = precision_recall_density_coverage(real, alike)
    assert min(same) > 0.85
    assert same.density == pytest.approx(1.0, abs=0.15)
    one_mode = precision_recall_density_coverage(real, alike[:100])
    assert one_mode.precision > 0.9
    assert one_mode.recall < 0.55
    assert one_mode.coverage < 0.55
    strangers = precision_recall_density_coverage(real, np.r_[alike[:100], alike[:100] + 500.0])
    assert strangers.precision == pytest.approx(0.5, abs=0.05)


def test_an_outlier_misleads_precision_but_not_density():
    rng = np.random.default_rng(0)
    real = np.r_[rng.normal(size=(100, 2)), [[100.0, 0.0]]]
    synthetic = 60.0 + rng.normal(size=(100, 2))
    scores = precision_recall_density_coverage(real, synthetic)
    assert scores.precision == 1.0
    assert scores.density <= 0.2
    assert scores.coverage == pytest.approx(1 / 101)


def test_rows_on_the_edge_of_a_ball_count_as_inside():
    # Copies on a high background: their distances are those of the real rows among each other.
    rng = np.random.default_rng(0)
    real = 1e4 + rng.normal(size=(60, 200))
    scores = precision_recall_density_coverage(real, real.copy(), n_neighbours=5)
    # Each real row has itself and five others in its ball.
    assert scores == (1.0, 1.0, 6 / 5, 1.0)
    images = real.reshape(60, 2, 10, 10)
    assert precision_recall_density_coverage(images, images) == scores


def test_embedding_and_errors():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 40, 6))
    expected = precision_recall_density_coverage(x[:, :2], y[:, :2])
    assert precision_recall_density_coverage(x, y, embedding=lambda X: X[:, :2]) == expected
    with pytest.raises(TooFewRowsError, match="synthetic needs at least 12 rows, got 11"):
        precision_recall_density_coverage(x, y[:11])
    with pytest.raises(ValueError, match="n_neighbours must be at least 1, got 0"):
        precision_recall_density_coverage(x, y, n_neighbours=0)
    x[3, 2] = np.nan
    with pytest.raises(ValueError, match="real must be finite"):
        precision_recall_density_coverage(x, y)
