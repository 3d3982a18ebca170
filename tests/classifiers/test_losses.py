"""Losses for unequal classes against values worked by hand, and what they do in a fit."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from hs_specaug.classifiers import ANNClassifier, CNNClassifier
from hs_specaug.classifiers._losses import balanced_softmax_loss, cross_entropy_loss, focal_loss

LOG_3 = math.log(3.0)


@pytest.fixture
def by_hand():
    # Softmax of (0, ln 3) is (1/4, 3/4).
    return torch.tensor([[0.0, LOG_3], [0.0, LOG_3]]), torch.tensor([1, 0])


def test_weighted_cross_entropy_by_hand(by_hand):
    weight = torch.tensor([5.0, 2.0])
    expected = (2.0 * -math.log(0.75) + 5.0 * -math.log(0.25)) / 2
    assert float(cross_entropy_loss(*by_hand, weight)) == pytest.approx(expected)


def test_focal_by_hand(by_hand):
    expected = (0.25**2 * -math.log(0.75) + 0.75**2 * -math.log(0.25)) / 2
    assert float(focal_loss(*by_hand)) == pytest.approx(expected)
    weighted = (0.25 * -math.log(0.75) + 3.0 * 0.75 * -math.log(0.25)) / 2
    assert float(focal_loss(*by_hand, 1.0, torch.tensor([3.0, 1.0]))) == pytest.approx(weighted)


def test_balanced_softmax_by_hand():
    # Logits (0, 0) and 30 to 10 rows: probabilities 3/4 and 1/4 while training.
    loss = balanced_softmax_loss(torch.zeros(2, 2), torch.tensor([0, 1]), torch.tensor([30, 10]))
    assert float(loss) == pytest.approx((-math.log(0.75) - math.log(0.25)) / 2)


def test_without_options_all_are_cross_entropy():
    rng = torch.Generator().manual_seed(0)
    logits, y = torch.randn(20, 4, generator=rng), torch.randint(0, 4, (20,), generator=rng)
    expected = F.cross_entropy(logits, y)
    assert torch.equal(cross_entropy_loss(logits, y), expected)
    torch.testing.assert_close(focal_loss(logits, y, 0.0), expected)
    torch.testing.assert_close(cross_entropy_loss(logits, y, torch.ones(4)), expected)
    torch.testing.assert_close(balanced_softmax_loss(logits, y, torch.full((4,), 7)), expected)


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_focal_gradient_is_finite_where_a_row_is_certain(gamma):
    logits = torch.tensor([[0.0, 200.0], [0.0, -200.0]], requires_grad=True)
    focal_loss(logits, torch.tensor([1, 1]), gamma).backward()
    assert torch.isfinite(logits.grad).all()
    assert float(logits.grad[1].abs().max()) > 0.1


@pytest.fixture(scope="module")
def rare():
    """Two overlapping classes, 9 : 1; the same rows at every position."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 8)) + np.repeat([[0.0], [0.8]], [180, 20], axis=0)
    return X, np.repeat(["common", "rare"], [180, 20])


def share_called_rare(data, **options):
    classifier = CNNClassifier(
        max_updates=60, learning_rate=1e-3, precision="float32", random_state=0, **options
    ).fit(*data)
    return np.mean(classifier.predict(data[0]) == "rare"), classifier


@pytest.mark.parametrize(
    "options",
    [
        {"class_weight": "balanced"},
        {"class_weight": {"rare": 9.0}},
        {"loss": "balanced-softmax"},
        {"loss": "focal", "class_weight": "balanced"},
    ],
    ids=str,
)
def test_balancing_finds_more_of_the_rare_class(rare, options):
    plain, _ = share_called_rare(rare)
    balanced, classifier = share_called_rare(rare, **options)
    assert balanced > plain + 0.05
    term = options.get("loss", "cross-entropy").replace("-", "_")
    assert f"classifier/{term}" in classifier.history_


def test_defaults_are_the_plain_loss(rare):
    options = {"max_updates": 5, "random_state": 0}
    plain = CNNClassifier(**options).fit(*rare).decision_function(rare[0])
    same = CNNClassifier(**options, class_weight={"rare": 1.0, "common": 1.0}).fit(*rare)
    np.testing.assert_allclose(same.decision_function(rare[0]), plain, atol=1e-4)


@pytest.mark.parametrize("kind", [CNNClassifier, ANNClassifier])
def test_bad_options(kind, rare):
    with pytest.raises(ValueError, match="'loss' parameter"):
        kind(loss="hinge").fit(*rare)
    with pytest.raises(ValueError, match="'class_weight' parameter"):
        kind(class_weight="equal").fit(*rare)
    with pytest.raises(ValueError, match="'focal_gamma' parameter"):
        kind(focal_gamma=-1.0).fit(*rare)
