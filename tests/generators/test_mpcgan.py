"""MPcGAN of paper 003: settings, networks and losses."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from hs_specaug.generators import MPcGANGenerator
from hs_specaug.generators._draws import Draws
from hs_specaug.generators._stabilisers import StabiliserOptions, Stabilisers
from hs_specaug.networks import BatchStream, build_network
from hs_specaug.networks._label_maps import LabelMap, LabelMapDiscriminator, LabelMapGenerator
from hs_specaug.networks._noise_layers import SeededDropout, set_noise_source


def rings(n, radius, rng, edge=12):
    y, x = np.indices((edge, edge)) - (edge - 1) / 2
    r = radius + 0.2 * rng.standard_normal((n, 1, 1, 1))
    ring = np.exp(-((np.hypot(x, y) - r) ** 2))
    return np.repeat(ring, 3, axis=1) + 0.02 * rng.random((n, 3, edge, edge))


@pytest.fixture
def images():
    rng = np.random.default_rng(0)
    X = np.concatenate([rings(20, 2.0, rng), rings(5, 4.5, rng)]).astype("f4")
    return X, np.array(["common"] * 20 + ["rare"] * 5)


def test_settings_of_the_paper():
    parameters = MPcGANGenerator().get_params()
    assert parameters["batch_size"] == 64
    assert parameters["generator_learning_rate"] == 2e-3
    assert parameters["discriminator_learning_rate"] == 2e-4
    assert parameters["epochs"] == 150
    assert parameters["n_critic"] == 1
    networks = MPcGANGenerator()._build_networks(3, (128, 128), 10)
    G, D = networks["generator"], networks["discriminator"]
    assert any(isinstance(layer, SeededDropout) for layer in D.modules())
    slopes = {
        layer.negative_slope for layer in networks.modules() if isinstance(layer, nn.LeakyReLU)
    }
    assert slopes == {0.2}
    with torch.inference_mode():
        x = G(torch.zeros(2, 100), torch.tensor([0, 9]))
        assert x.shape == (2, 3, 128, 128)
        assert D.eval()(x, torch.tensor([0, 9])).shape == (2,)
    # Of the published code: 128 × 32 × 32 from the noise, a map of 32 × 32 for the class.
    assert sum(p.numel() for p in G.parameters()) == (
        (100 * 128 * 1024 + 128 * 1024) + (10 * 50 + 50 * 1024 + 1024)
        + (129 * 128 * 16 + 128) + (128 * 128 * 16 + 128) + (128 * 3 * 64 + 3)
    )  # fmt: skip
    assert sum(p.numel() for p in D.parameters()) == (
        (10 * 50 + 50 * 128**2 + 128**2) + (4 * 128 * 9 + 128) + (128 * 128 * 9 + 128)
        + (128 * 32 * 32 + 1)
    )  # fmt: skip


@pytest.mark.parametrize("size", [(1,), (5,), (428,), (8, 8), (9, 14)])
def test_any_size(size):
    G = build_network(lambda: LabelMapGenerator(7, 3, 2, size), 0)
    D = build_network(lambda: LabelMapDiscriminator(3, 2, size), 0).eval()
    y = torch.tensor([0, 1, 2, 1])
    x = G(torch.randn(4, 7, generator=torch.Generator().manual_seed(0)), y)
    assert x.shape == (4, 2, *size)
    assert x.abs().max() <= 1
    assert D(x, y).shape == (4,)


def test_label_map_is_seen_from_the_start():
    maps = build_network(lambda: LabelMap(40, (32, 32)), 0)
    with torch.inference_mode():
        values = maps(torch.arange(40))
    assert values.shape == (40, 1, 32, 32)
    assert values.std() == pytest.approx(1.0, abs=0.1)
    assert not torch.equal(values[0], values[1])


def test_dropout_acts_in_training_only_and_from_its_own_numbers():
    D = build_network(lambda: LabelMapDiscriminator(2, 1, (8, 8)), 0)
    x, y = torch.ones(3, 1, 8, 8), torch.tensor([0, 1, 0])

    def logits(seed):
        set_noise_source(D, torch.Generator().manual_seed(seed))
        with torch.inference_mode():
            return D(x, y)

    assert torch.equal(logits(0), logits(0))
    assert not torch.equal(logits(0), logits(1))
    D.eval()
    assert torch.equal(logits(0), logits(1))


# --- losses ------------------------------------------------------------------------------------

ROWS = torch.tensor([[[0.1, 0.2]], [[0.3, -0.1]], [[-0.5, 0.4]], [[0.0, 0.6]]])


class TinyGenerator(nn.Module):
    """G(z, y) = (y + 1, z₀)."""

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        return torch.stack([y + 1.0, z[:, 0]], dim=1).unsqueeze(1)


class TinyDiscriminator(nn.Module):
    """D(x, y) = x₀ + 2 x₁ − y."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return x[:, 0, 0] + 2 * x[:, 0, 1] - y


@pytest.fixture
def game(monkeypatch):
    """Losses of both players, and what was drawn for them."""
    stream = BatchStream(ROWS, torch.tensor([0, 0, 0, 1]), 4, torch.Generator().manual_seed(0))
    draws = Draws(stream, 2, 3, torch.Generator().manual_seed(1))
    seen: dict = {}
    for name in ("real", "noise", "labels"):
        original = getattr(draws, name)

        def recorded(*args, _original=original, _name=name):
            seen[_name] = _original(*args)
            return seen[_name]

        monkeypatch.setattr(draws, name, recorded)
    method = MPcGANGenerator()
    stabilisers = Stabilisers(draws, StabiliserOptions(), method.adversarial_losses)
    networks = {"generator": TinyGenerator(), "discriminator": TinyDiscriminator()}
    return method._losses(networks, draws, stabilisers), seen


def cross_entropy(logit, target):
    p = 1 / (1 + math.exp(-logit))
    return -math.log(p if target else 1 - p)


def test_discriminator_loss_by_hand(game):
    players, seen = game
    terms = players["discriminator"]()
    assert list(terms) == ["real", "generated"]
    (x, y), z, y_g = seen["real"], seen["noise"], seen["labels"]
    assert len(x) == len(y_g) == len(z) == 4  # half and half
    real = [
        cross_entropy(a + 2 * b - int(c), 1) for (a, b), c in zip(x[:, 0].tolist(), y, strict=True)
    ]
    fake = [cross_entropy(1 + 2 * float(b) + 0.0, 0) for b in z[:, 0]]
    assert float(terms["real"]) == pytest.approx(np.mean(real), rel=1e-5)
    assert float(terms["generated"]) == pytest.approx(np.mean(fake), rel=1e-5)


def test_generator_loss_by_hand(game):
    players, seen = game
    terms = players["generator"]()
    assert list(terms) == ["adversarial"]
    z = seen["noise"]
    assert len(z) == len(seen["labels"]) == 8  # a whole batch of generated rows
    wanted = [cross_entropy(1 + 2 * float(b), 1) for b in z[:, 0]]
    assert float(terms["adversarial"]) == pytest.approx(np.mean(wanted), rel=1e-5)


# --- the estimator -----------------------------------------------------------------------------


def test_samples_depend_on_class_and_noise(images):
    generator = MPcGANGenerator(epochs=2, batch_size=16, random_state=0).fit(*images)
    networks = dict(generator.networks_.items())

    def rows(code, seed):
        noise = torch.Generator().manual_seed(seed)
        return generator._generate(networks, torch.full((2,), code), noise)

    with torch.inference_mode():
        assert not torch.equal(rows(0, 0), rows(1, 0))
        assert not torch.equal(rows(0, 0), rows(0, 1))
    X_new, _ = generator.fit_resample(*images)
    assert X_new.shape == (40, 3, 12, 12)
    assert X_new.dtype == np.float32


def test_every_weight_is_trained(images):
    generator = MPcGANGenerator(epochs=1, batch_size=16, scoring=None, random_state=0).fit(*images)
    fresh = generator._networks((3, 12, 12), generator._seeds[0])
    for name, before in fresh.named_parameters():
        assert not torch.equal(before, generator.networks_.get_parameter(name)), name


@pytest.mark.slow
def test_learns_two_kinds_of_rings():
    """Class means of generated images lie nearer to their own class than to the other."""
    rng = np.random.default_rng(0)
    X = np.concatenate([rings(20, 1.0, rng, edge=8), rings(8, 3.0, rng, edge=8)])[:, :1]
    X, y = X.astype("f4"), np.array(["common"] * 20 + ["rare"] * 8)
    generator = MPcGANGenerator(
        epochs=40, batch_size=16, random_state=0, score_every=5, precision="float32"
    ).fit(X, y)
    X_new, y_new = generator.sample({"common": 30, "rare": 30}, random_state=1)
    means = {name: X[y == name].mean(axis=0) for name in ("common", "rare")}
    for name, other in (("common", "rare"), ("rare", "common")):
        made = X_new[y_new == name].mean(axis=0)
        distances = [np.linalg.norm(made - means[n]) for n in (name, other)]
        assert distances[0] < 0.7 * distances[1]


def test_dropout_must_be_a_share(images):
    with pytest.raises(ValueError, match="dropout"):
        MPcGANGenerator(dropout=1.0).fit(*images)
