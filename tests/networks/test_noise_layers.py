"""Noise layers against their formulas; the global random state stays where it is."""

import copy

import numpy as np
import pytest
import torch

from hs_specaug.networks._noise_layers import (
    GaussianNoise,
    PoissonNoise,
    SeededDropout,
    Translation,
    noise_in_eval,
    set_noise_source,
    translate,
)

LAYERS = [PoissonNoise(0.5), GaussianNoise(0.15), SeededDropout(0.5), Translation(3)]


def seeded(layer, seed=0):
    set_noise_source(layer, torch.Generator().manual_seed(seed))
    return layer.train()


def names(layer):
    return type(layer).__name__


@pytest.mark.parametrize("layer", LAYERS, ids=names)
def test_only_in_training_and_from_the_generator_alone(layer, no_global_rng):
    x = torch.arange(24.0).reshape(2, 12)
    first = seeded(layer)(x)
    assert not torch.equal(first, x)
    assert not torch.equal(layer(x), first)  # drawn anew at every call
    assert torch.equal(seeded(layer)(x), first)
    assert torch.equal(layer.eval()(x), x)


@pytest.mark.parametrize("layer", LAYERS, ids=names)
def test_noise_can_stay_on_in_evaluation(layer):
    x = torch.arange(24.0).reshape(2, 12)
    network = torch.nn.Sequential(layer)
    trained = seeded(network)(x)
    seeded(network).eval()
    with noise_in_eval(network):
        assert torch.equal(network(x), trained)
    assert torch.equal(network(x), x)


@pytest.mark.parametrize("layer", LAYERS, ids=names)
def test_without_a_source_it_says_what_to_call(layer):
    orphan = copy.deepcopy(seeded(layer))
    with pytest.raises(RuntimeError, match="set_noise_source"):
        orphan(torch.ones(2, 4))
    orphan.eval()(torch.ones(2, 4))


@pytest.mark.parametrize(("centred", "mean"), [(True, 0.0), (False, 0.2)])
def test_poisson_moments(centred, mean):
    layer = seeded(PoissonNoise(2.0, scale=0.1, centred=centred))
    noise = layer(torch.zeros(200, 500))
    # Mean λ, variance λ, third central moment λ, times powers of the scale.
    assert float(noise.mean()) == pytest.approx(mean, abs=2e-3)
    assert float(noise.var()) == pytest.approx(0.02, rel=0.02)
    assert float((noise - noise.mean()).pow(3).mean()) == pytest.approx(2e-3, rel=0.1)
    counts = noise / 0.1 + (2.0 if centred else 0.0)
    torch.testing.assert_close(counts, counts.round(), atol=1e-4, rtol=0)


def test_gaussian_moments():
    noise = seeded(GaussianNoise(0.15))(torch.full((200, 500), 3.0)) - 3.0
    assert float(noise.mean()) == pytest.approx(0.0, abs=2e-3)
    assert float(noise.std()) == pytest.approx(0.15, rel=0.01)


def test_dropout_keeps_the_mean():
    x = seeded(SeededDropout(0.25))(torch.ones(200, 500))
    assert torch.unique(x).tolist() == pytest.approx([0.0, 4 / 3])
    assert float((x == 0).float().mean()) == pytest.approx(0.25, abs=0.01)


def test_translation_against_concatenation():
    rows = torch.randn(7, 10, generator=torch.Generator().manual_seed(0))
    shifts = torch.tensor([-3, -2, -1, 0, 1, 2, 3])
    moved = translate(rows, shifts)
    for row, t, out in zip(rows, shifts.tolist(), moved, strict=True):
        if t < 0:
            expected = torch.cat([row[-t:], row[t:]])
        else:
            expected = torch.cat([row[:t], row[: 10 - t]])
        assert torch.equal(out, expected)


def test_translation_draws_every_shift_but_none_for_each_row():
    x = torch.arange(50.0).expand(2000, 50)
    shift = 25.0 - seeded(Translation(6))(x)[:, 25]
    values, counts = shift.unique(return_counts=True)
    assert values.tolist() == [*range(-6, 0), *range(1, 7)]
    np.testing.assert_allclose(counts / 2000, 1 / 12, atol=0.03)


def test_translation_of_short_rows():
    x = torch.arange(2.0).expand(4, 2)
    assert seeded(Translation(6))(x).shape == (4, 2)
    assert torch.equal(seeded(Translation(6))(torch.ones(4, 1)), torch.ones(4, 1))


def test_gradients_pass_noise_untouched():
    x = torch.ones(3, 5, requires_grad=True)
    seeded(torch.nn.Sequential(PoissonNoise(0.5), GaussianNoise(0.1)))(x).sum().backward()
    assert torch.equal(x.grad, torch.ones(3, 5))


@pytest.mark.parametrize(
    ("layer", "value", "message"),
    [
        (PoissonNoise, -1.0, "rate must be 0 or more"),
        (GaussianNoise, -1.0, "std must be 0 or more"),
        (SeededDropout, 1.0, "below 1"),
        (Translation, 0, "1 channel or more"),
    ],
)
def test_bad_parameters(layer, value, message):
    with pytest.raises(ValueError, match=message):
        layer(value)
