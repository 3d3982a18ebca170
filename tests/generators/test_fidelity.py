import numpy as np
import pytest
import torch
from scipy.stats import energy_distance as energy_distance_1d
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score

from hs_specaug.generators._downstream import DownstreamScore, hold_out
from hs_specaug.generators._fidelity import ClassFidelity, energy_distance


def normal(n, seed, mean=0.0, size=4):
    return torch.randn(n, size, generator=torch.Generator().manual_seed(seed)) + mean


def test_equals_scipys_in_one_dimension():
    # SciPy's is the square root of the value with rows paired with themselves.
    x, y = normal(2000, 0, size=1), normal(2000, 1, mean=1.0, size=1)
    reference = energy_distance_1d(x[:, 0], y[:, 0]) ** 2
    assert float(energy_distance(x, y)) == pytest.approx(reference, rel=0.02)


def test_by_hand():
    x, y = torch.tensor([[0.0], [2.0]]), torch.tensor([[1.0], [5.0]])
    # pairs: |0−1|, |0−5|, |2−1|, |2−5| = 1, 5, 1, 3; within x: 2; within y: 4
    assert float(energy_distance(x, y)) == pytest.approx(2 * 2.5 - 2 - 4)


def test_same_distribution_is_near_zero_and_others_are_not():
    assert abs(float(energy_distance(normal(500, 0), normal(500, 1)))) < 0.05
    assert float(energy_distance(normal(500, 0), normal(500, 1, mean=1.0))) > 0.3
    assert float(energy_distance(0.01 * normal(500, 0), normal(500, 1))) > 0.3  # collapsed


def test_every_class_counts_the_same():
    X = torch.cat([normal(90, 0), normal(10, 1, mean=8.0)])[:, None]
    y = torch.tensor([0] * 90 + [1] * 10)

    def generate(labels, wrong):
        rows = normal(len(labels), 2) + 8.0 * labels[:, None]
        rows[labels == wrong] += 3.0
        return rows[:, None]

    scores = [ClassFidelity(lambda y, w=w: generate(y, w), X, y)() for w in (-1, 0, 1)]
    assert abs(scores[0]) < 0.02
    assert scores[1] == pytest.approx(scores[2], rel=0.3)
    assert scores[1] > 0.1


def test_one_row_of_a_class():
    X, y = normal(11, 0)[:, None], torch.tensor([0] * 10 + [1])
    score = ClassFidelity(lambda labels: normal(len(labels), 3)[:, None], X, y)()
    assert torch.isfinite(torch.tensor(score))


def test_diversity_is_the_share_of_the_least_varied_class():
    X = torch.cat([normal(40, 0), normal(20, 1, mean=8.0), normal(1, 2)])[:, None]
    y = torch.tensor([0] * 40 + [1] * 20 + [2])

    def generate(labels):
        spread = torch.tensor([1.0, 0.25, 0.0])[labels]  # the class of one row does not count
        return (normal(len(labels), 3) * spread[:, None])[:, None]

    score = ClassFidelity(generate, X, y)
    assert score.diversity is None
    score()
    assert score.diversity == pytest.approx(0.25, rel=0.15)


def test_no_diversity_where_no_class_has_two_rows():
    X, y = normal(2, 0)[:, None], torch.tensor([0, 1])
    score = ClassFidelity(lambda labels: torch.zeros(len(labels), 1, 4), X, y)
    score()
    assert score.diversity is None


# --- downstream ----------------------------------------------------------------------------------


def test_hold_out_is_stratified_and_needs_four_rows():
    codes = np.array([0] * 40 + [1] * 8)
    inner, held = hold_out(codes, 0)
    assert np.bincount(codes[held]).tolist() == [10, 2]
    assert sorted([*inner, *held]) == list(range(48))
    assert hold_out(np.array([0] * 40 + [1] * 3), 0) is None
    np.testing.assert_array_equal(hold_out(codes, 0)[1], held)


def downstream(mean_of_rare, n_common=60):
    """Score generated rows of the rare class at a place; real ones are at 3."""
    X = torch.cat([normal(n_common, 0), normal(4, 1, mean=3.0)])[:, None]
    y = torch.tensor([0] * n_common + [1] * 4)
    X_held = torch.cat([normal(200, 2), normal(200, 3, mean=3.0)])[:, None]
    y_held = torch.tensor([0] * 200 + [1] * 200)
    means = torch.tensor([0.0, mean_of_rare])

    def generate(labels):
        return (normal(len(labels), 4) + means[labels][:, None])[:, None]

    return DownstreamScore(generate, X, y, X_held, y_held)


def test_useful_rows_score_better_than_useless_ones():
    assert downstream(3.0)() < downstream(0.0)() - 0.1


def test_equals_scikit_learn_by_hand():
    score = downstream(3.0)
    assert score.wanted == [0, 56]
    rows = score.generate(score.labels)[score.labels == 1][:56].flatten(1).numpy()
    X = np.concatenate([score.X, rows])
    y = np.r_[score.y, np.ones(56)]
    reference = LogisticRegression(max_iter=200).fit(X, y).predict(score.X_held)
    assert score() == pytest.approx(1 - f1_score(score.y_held, reference, average="macro"))


def test_balanced_rows_are_doubled():
    assert downstream(3.0, n_common=4).wanted == [4, 4]


def test_rows_that_are_no_numbers_are_the_worst():
    score = downstream(3.0)
    score.generate = lambda labels: torch.full((len(labels), 1, 4), torch.nan)
    assert score() == float("inf")
