"""Loss terms against values worked out by hand, and against torch's own functions."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from hs_specaug.generators._losses import (
    fake_loss,
    gradient_penalty,
    interpolate,
    lecam_penalty,
    real_loss,
    wasserstein_fake,
    wasserstein_real,
    zero_centred_penalty,
)

X2 = torch.randn(5, 1, 2, generator=torch.Generator().manual_seed(0))


def test_by_hand():
    # D = 1/2 at a logit of 0, so −log D = −log(1 − D) = log 2.
    assert float(real_loss(torch.zeros(3))) == pytest.approx(math.log(2))
    assert float(fake_loss(torch.zeros(3))) == pytest.approx(math.log(2))
    logit = math.log(3)  # D = 3/4
    assert float(real_loss(torch.tensor([logit]))) == pytest.approx(-math.log(0.75))
    assert float(fake_loss(torch.tensor([logit]))) == pytest.approx(-math.log(0.25))


def test_equal_to_binary_cross_entropy():
    logits = torch.randn(20, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(
        real_loss(logits), F.binary_cross_entropy_with_logits(logits, torch.ones(20))
    )
    torch.testing.assert_close(
        fake_loss(logits), F.binary_cross_entropy_with_logits(logits, torch.zeros(20))
    )


def test_interpolate_row_by_row():
    real, fake = torch.ones(3, 1, 4), torch.zeros(3, 1, 4)
    x_hat = interpolate(real, fake, torch.tensor([0.0, 0.25, 1.0]))
    assert x_hat[:, 0, 0].tolist() == [0.0, 0.25, 1.0]


@pytest.mark.parametrize(("slope", "expected"), [(1.0, 0.0), (3.0, 4.0), (0.0, 1.0)])
def test_gradient_penalty_of_a_linear_critic(slope, expected):
    # D(x) = slope · x₀ has the gradient norm `slope` everywhere.
    penalty = gradient_penalty(lambda x: slope * x[:, 0, 0], torch.randn(5, 1, 4))
    assert float(penalty) == pytest.approx(expected)


def test_gradient_penalty_norm_runs_over_all_values_of_a_row():
    # D(x) = Σ x over 2 channels × 8 has the norm √16 = 4, so (4 − 1)² = 9.
    penalty = gradient_penalty(lambda x: x.flatten(1).sum(dim=1), torch.randn(5, 2, 8))
    assert float(penalty) == pytest.approx(9.0)


def test_gradient_penalty_of_a_quadratic_critic():
    # D(x) = x²/2 has the slope x: (|x| − 1)².
    x = torch.tensor([[[3.0]], [[-2.0]]])
    penalty = gradient_penalty(lambda x: x.flatten(1).square().sum(dim=1) / 2, x)
    assert float(penalty) == pytest.approx(((3 - 1) ** 2 + (2 - 1) ** 2) / 2)


def test_gradient_penalty_trains_the_critic():
    layer = nn.Linear(4, 1, bias=False)
    nn.init.constant_(layer.weight, 1.0)
    gradient_penalty(lambda x: layer(x.flatten(1)).squeeze(1), torch.randn(5, 1, 4)).backward()
    # d/dw (‖w‖ − 1)² = 2 (‖w‖ − 1) w / ‖w‖, with ‖w‖ = 2.
    torch.testing.assert_close(layer.weight.grad, torch.full((1, 4), 2 * (2 - 1) * 1 / 2))


def test_zero_centred_penalty_of_a_linear_critic():
    # D(x) = 3 x₀ + 4 x₁ has ‖∇D‖² = 25 everywhere; half of it counts.
    penalty = zero_centred_penalty(lambda x: x.flatten(1) @ torch.tensor([3.0, 4.0]), X2)
    assert float(penalty) == pytest.approx(12.5)


def test_zero_centred_penalty_trains_the_critic():
    layer = nn.Linear(2, 1, bias=False)
    nn.init.constant_(layer.weight, 1.5)
    zero_centred_penalty(lambda x: layer(x.flatten(1)).squeeze(1), X2).backward()
    torch.testing.assert_close(layer.weight.grad, layer.weight.detach())  # d/dw ½‖w‖² = w


def test_lecam_pulls_each_side_to_the_anchor_of_the_other():
    real, fake = torch.tensor([1.0, 3.0]), torch.tensor([-2.0])
    penalty = lecam_penalty(real, fake, torch.tensor(2.0), torch.tensor(-1.0))
    # ((1 + 1)² + (3 + 1)²)/2 + (−2 − 2)²
    assert float(penalty) == pytest.approx(10.0 + 16.0)


def test_wasserstein_losses_are_means():
    scores = torch.tensor([1.0, 4.0])
    assert float(wasserstein_real(scores)) == -2.5
    assert float(wasserstein_fake(scores)) == 2.5
