"""The U-Net for any size, and the denoiser around it."""

import math

import pytest
import torch
from torch import nn

from hs_specaug.networks import build_network
from hs_specaug.networks._denoiser import Denoiser
from hs_specaug.networks._unet import (
    Attention,
    ResidualBlock,
    UNet,
    group_norm,
    time_embedding,
)

SIZES = [(1,), (2,), (3,), (4,), (50,), (117,), (1, 1), (3, 5), (16, 9)]


def source(seed=0):
    return torch.Generator().manual_seed(seed)


def rows(*shape, seed=0):
    return torch.randn(*shape, generator=source(seed))


def make_unet(n_classes=3, channels=1, size=(32,), width=8, seed=0):
    return build_network(lambda: UNet(n_classes, channels, size, width), seed)


def woken(network, seed=5):
    """Fill the layers that start at zero, so that every part has a say."""
    generator = source(seed)
    for parameter in network.parameters():
        if parameter.ndim > 1 and not parameter.any():
            with torch.no_grad():
                parameter.normal_(0.0, 0.2, generator=generator)
    return network


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels", [1, 3])
def test_any_size(size, channels):
    network = woken(make_unet(channels=channels, size=size))
    x = rows(2, channels, *size)
    out = network(x, torch.tensor([1, 900]), torch.tensor([0, 3]))
    assert out.shape == x.shape
    assert out.isfinite().all()
    assert out.std() > 0 or out.numel() == 2


@pytest.mark.parametrize("width", [2, 3, 8, 24])
def test_any_width(width):
    out = make_unet(width=width)(rows(2, 1, 32), torch.tensor([1, 2]), torch.tensor([0, 1]))
    assert out.shape == (2, 1, 32)


def test_it_starts_with_predicting_nothing():
    out = make_unet()(rows(2, 1, 32), torch.tensor([1, 500]), torch.tensor([0, 1]))
    assert not out.any()


def test_blocks_start_as_their_short_cut():
    features = rows(2, 16)
    x = rows(2, 8, 10)
    block = build_network(lambda: ResidualBlock(8, 8, 16, 1), 0)
    torch.testing.assert_close(block(x, features), x)
    attention = build_network(lambda: Attention(8, 1), 0)
    torch.testing.assert_close(attention(x), x)


def test_weights_depend_on_the_seed_alone(no_global_rng):
    def flat(network):
        return torch.cat([p.detach().flatten() for p in network.parameters()])

    assert torch.equal(flat(make_unet(seed=1)), flat(make_unet(seed=1)))
    assert not torch.equal(flat(make_unet(seed=1)), flat(make_unet(seed=2)))


def test_time_and_class_are_seen():
    network = woken(make_unet())
    x = rows(1, 1, 32).repeat(4, 1, 1)
    out = network(x, torch.tensor([10, 10, 700, 10]), torch.tensor([0, 1, 0, 3])).detach()
    for other in (1, 2, 3):
        assert (out[0] - out[other]).abs().max() > 1e-3


def test_rows_do_not_see_each_other():
    network = woken(make_unet(size=(20,)))
    x, t, y = rows(4, 1, 20), torch.tensor([1, 50, 400, 900]), torch.tensor([0, 1, 2, 3])
    alone = torch.cat([network(x[i : i + 1], t[i : i + 1], y[i : i + 1]) for i in range(4)])
    torch.testing.assert_close(network(x, t, y), alone, atol=1e-5, rtol=1e-4)


def test_every_weight_gets_a_gradient():
    network = woken(make_unet())
    out = network(rows(8, 1, 32), torch.arange(1, 9) * 100, torch.arange(8) % 4)
    out.square().sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.any(), name


def test_each_point_sees_the_whole_spectrum():
    network = woken(make_unet(size=(200,)))
    x = rows(1, 1, 200).requires_grad_()
    network(x, torch.tensor([100]), torch.tensor([0]))[0, 0, 0].backward()
    assert (x.grad[0, 0, -8:] != 0).all()


def test_attention_is_the_formula():
    attention = woken(build_network(lambda: Attention(64, 1), 0))
    assert attention.heads == 2
    x = rows(2, 64, 5)
    h = attention.queries_keys_values(attention.norm(x)).detach()
    expected = torch.empty(2, 64, 5)
    for head in range(2):
        q, k, v = (h[:, 64 * part + 32 * head :][:, :32] for part in range(3))
        weights = torch.softmax(q.transpose(1, 2) @ k / math.sqrt(32), dim=2)
        expected[:, 32 * head : 32 * (head + 1)] = (weights @ v.transpose(1, 2)).transpose(1, 2)
    torch.testing.assert_close(attention(x), x + attention.output(expected), atol=1e-5, rtol=1e-4)


def test_time_embedding_is_the_formula():
    got = time_embedding(torch.tensor([0, 7]), 6)
    frequencies = [1.0, 1e-2, 1e-4]
    expected = [math.cos(7 * f) for f in frequencies] + [math.sin(7 * f) for f in frequencies]
    torch.testing.assert_close(got[1], torch.tensor(expected))
    torch.testing.assert_close(got[0], torch.tensor([1.0, 1.0, 1.0, 0.0, 0.0, 0.0]))
    assert time_embedding(torch.tensor([3]), 5).shape == (1, 5)


@pytest.mark.parametrize(
    ("channels", "groups"), [(2, 1), (7, 1), (8, 2), (24, 6), (32, 8), (96, 8)]
)
def test_groups_have_at_least_four_channels(channels, groups):
    norm = group_norm(channels)
    assert isinstance(norm, nn.GroupNorm)
    assert norm.num_groups == groups


def test_bfloat16_stays_near_float32():
    network = woken(make_unet())
    x, t, y = rows(4, 1, 32), torch.tensor([1, 50, 400, 900]), torch.tensor([0, 1, 2, 3])
    exact = network(x, t, y)
    with torch.autocast("cpu", torch.bfloat16):
        rough = network(x, t, y)
    assert rough.dtype == torch.float32
    assert (rough - exact).abs().mean() < 0.05 * exact.abs().mean()


# --- the denoiser ------------------------------------------------------------------------


class ClassPull(nn.Module):
    """Predicts v as if the clean row were the number of its class; 0 without a class."""

    no_class = 2
    values = torch.tensor([-0.5, 0.5, 0.0])

    def __init__(self, abar=None):
        super().__init__()
        self.rows = 0

    def forward(self, x, t, y):
        self.rows += len(x)
        x0 = self.values[y].reshape(-1, *(1,) * (x.ndim - 1)).expand_as(x)
        signal, sigma = self.abar[t].sqrt(), (1 - self.abar[t]).sqrt()
        signal, sigma = (v.float().reshape(-1, *(1,) * (x.ndim - 1)) for v in (signal, sigma))
        return (signal * x - x0) / sigma


def make_pull(timesteps=20):
    unet = ClassPull()
    denoiser = Denoiser(unet, timesteps, "cosine", "v")
    unet.abar = denoiser.abar
    return denoiser


@pytest.mark.parametrize("sampler", ["ddim", "ancestral"])
@pytest.mark.parametrize(
    ("guidance", "expected", "evaluations"),
    [(0.0, 0.0, 1), (1.0, 0.5, 1), (1.5, 0.75, 2), (3.0, 1.0, 2)],
)
def test_guidance_in_sampling(sampler, guidance, expected, evaluations):
    denoiser = make_pull()
    y = torch.tensor([0, 1])
    out = denoiser.sample(y, (1, 4), source(), sampler=sampler, steps=10, guidance=guidance)
    # 3 would give ±1.5: clipped to the range of the data.
    wanted = torch.tensor([-expected, expected])[:, None, None].expand(2, 1, 4)
    torch.testing.assert_close(out, wanted, atol=1e-4, rtol=0)
    assert denoiser.unet.rows == 2 * 10 * evaluations


@pytest.mark.parametrize("sampler", ["ddim", "ancestral"])
@pytest.mark.parametrize("guidance", [1.0, 2.0])
def test_samples_do_not_depend_on_their_batch(sampler, guidance):
    denoiser = Denoiser(woken(make_unet(size=(12,))), 8, "cosine", "v")
    y = torch.tensor([0, 1, 2, 0, 1])
    options = {"sampler": sampler, "steps": 8, "guidance": guidance}
    with torch.inference_mode():
        whole = denoiser.sample(y, (1, 12), source(), **options)
        again = denoiser.sample(y, (1, 12), source(), **options)
        shared = source()
        parts = [denoiser.sample(part, (1, 12), shared, **options) for part in y.split([2, 3])]
    assert torch.equal(whole, again)
    torch.testing.assert_close(torch.cat(parts), whole, atol=1e-4, rtol=1e-3)
    assert whole.abs().max() <= 1.0


def test_what_is_predicted():
    x0, noise = rows(2, 5, 1, 4)
    t = torch.arange(1, 6)
    for prediction in ("v", "noise"):
        denoiser = Denoiser(make_unet(size=(4,)), 6, "linear", prediction)
        x, target = denoiser.diffuse(x0, noise, t)
        a = denoiser.abar[t][:, None, None].float()
        torch.testing.assert_close(x, a.sqrt() * x0 + (1 - a).sqrt() * noise)
        v = a.sqrt() * noise - (1 - a).sqrt() * x0
        torch.testing.assert_close(target, v if prediction == "v" else noise)


def test_the_schedule_travels_with_the_weights():
    saved = Denoiser(make_unet(), 30, "linear", "v").state_dict()
    other = Denoiser(make_unet(seed=1), 30, "cosine", "v")
    other.load_state_dict(saved)
    assert torch.equal(other.abar, saved["abar"])
    assert other.timesteps == 30
