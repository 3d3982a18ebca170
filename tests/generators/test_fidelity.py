import pytest
import torch
from scipy.stats import energy_distance as energy_distance_1d

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
