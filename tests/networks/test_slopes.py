"""Layers whose gradients are differentiated once more, against torch's own."""

import pytest
import torch
from torch import nn
from torch.autograd import gradcheck, gradgradcheck

from hs_specaug.generators._losses import gradient_penalty
from hs_specaug.networks import ConditionalDiscriminator, PassCounter, build_network
from hs_specaug.networks._layers import Conv1d, Conv2d, channels_last
from hs_specaug.networks._slopes import LeakyReLU, convolve, slopes_only


def numbers(*shape, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, dtype=dtype, generator=generator).requires_grad_()


@pytest.mark.parametrize("size", [(1, 8), (1, 9), (6, 7)])
@pytest.mark.parametrize("stride", [(1, 1), (1, 2), (2, 2)])
@pytest.mark.parametrize("bias", [True, False])
def test_derivatives_of_the_convolution(size, stride, bias):
    height = min(size[0], 4)
    arguments = numbers(2, 3, *size), numbers(4, 3, height, 4), numbers(4) if bias else None
    padding = (0 if height == 1 else 1, 1)

    def product(x, w, b=None):
        return convolve(x, w, b, stride, padding)

    given = tuple(a for a in arguments if a is not None)
    assert gradcheck(product, given)
    assert gradgradcheck(product, given)  # of the weights too: nothing was promised


@pytest.mark.parametrize("length", [8, 9])
def test_slopes_only_are_the_slopes(length):
    x, w = numbers(2, 3, 1, length), numbers(4, 3, 1, 4)

    def slope(x, w):
        with slopes_only():
            y = convolve(x, w, None, (1, 2), (0, 1)).square().sum()
        return torch.autograd.grad(y, x, create_graph=True)[0]

    assert gradcheck(slope, (x, w))


def test_derivatives_of_the_leaky_rectifier():
    layer, x = LeakyReLU(0.2), numbers(3, 4, 5)
    assert gradcheck(layer, (x,))
    assert gradgradcheck(layer, (x,))
    torch.testing.assert_close(layer(x), nn.LeakyReLU(0.2)(x))


@pytest.mark.parametrize("layout", ["rows", "channels"])
def test_gradients_take_the_layout_of_the_rows(layout):
    x = numbers(2, 3, 5)
    laid_out = x if layout == "rows" else x.movedim(1, 2).contiguous().movedim(2, 1)
    y = LeakyReLU(0.2)(laid_out)
    gradient = numbers(2, 3, 5, seed=1).detach()
    (found,) = torch.autograd.grad(y, laid_out, gradient)
    assert found.stride() == laid_out.stride()
    torch.testing.assert_close(found, gradient * torch.where(x > 0, 1.0, 0.2))


def plain_copy(network):
    """The same network of torch's own layers."""
    layers = []
    for layer in network:
        if isinstance(layer, Conv1d | Conv2d):
            kind = nn.Conv1d if isinstance(layer, Conv1d) else nn.Conv2d
            copied = kind(layer.in_channels, layer.out_channels, 4, 2, 1).to(torch.float64)
            copied.load_state_dict(layer.state_dict())
        else:
            copied = nn.LeakyReLU(0.2) if isinstance(layer, LeakyReLU) else layer
        layers.append(copied)
    return nn.Sequential(*layers)


@pytest.mark.parametrize("size", [(16,), (18,), (8, 8)])
@pytest.mark.parametrize("channels", [1, 2])
def test_penalty_moves_the_weights_as_with_layers_of_torch(size, channels):
    convolution = {1: Conv1d, 2: Conv2d}[len(size)]
    network = nn.Sequential(
        convolution(channels, 4, 4, 2, 1),
        LeakyReLU(0.2),
        convolution(4, 6, 4, 2, 1),
        LeakyReLU(0.2),
        nn.Flatten(),
    ).to(torch.float64)
    plain = plain_copy(network)
    x = numbers(5, channels, *size)
    found = []
    for critic in (network, plain):
        penalty = gradient_penalty(lambda x, critic=critic: critic(x).square().sum(dim=1), x)
        found.append((penalty, *torch.autograd.grad(penalty, critic.parameters())))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)


def test_penalty_goes_back_once():
    D = build_network(lambda: ConditionalDiscriminator(2, 1, (16,)), 0)
    x, y = (
        torch.randn(3, 1, 16, generator=torch.Generator().manual_seed(0)),
        torch.tensor([0, 1, 1]),
    )
    with PassCounter({"D": D}) as passes:
        gradient_penalty(lambda x: D(x, y), x).backward()
    assert passes.counts["D"] == [1, 1]
    # The biases shift D everywhere alike: they do not matter to its slope.
    moved = {name for name, p in D.named_parameters() if p.grad is not None and p.grad.any()}
    assert moved == {name for name, _ in D.named_parameters() if "bias" not in name}


def test_one_channel_lies_last_too():
    for x in (torch.ones(2, 1, 1, 8), torch.ones(2, 1, 4, 6), torch.ones(2, 3, 4, 6)):
        found = channels_last(x)
        assert found.shape == x.shape
        assert found.stride(1) == 1
        assert found.stride(3) == x.shape[1]
        same_memory = found.data_ptr() == x.data_ptr()
        assert same_memory == (x.shape[1] == 1)


def test_logits_are_weighted_features_scaled_by_the_class():
    D = build_network(lambda: ConditionalDiscriminator(3, 1, (16,)), 0)
    h = torch.randn(4, D.trunk.n_features, generator=torch.Generator().manual_seed(0))
    y = torch.tensor([2, 0, 1, 1])
    expected = D.output(h * D.label.scale[y]).squeeze(1)
    torch.testing.assert_close(D.head(h, y), expected)


def test_penalty_of_several_networks_at_once(monkeypatch):
    monkeypatch.setattr("hs_specaug.generators._losses.inside_stack", lambda: True)
    layer, x = LeakyReLU(0.2), numbers(3, 1, 8)
    weight = numbers(2, 4, 1, 4)  # of two networks

    def penalty(weight):
        def critic(x):
            return layer(nn.functional.conv1d(x, weight)).square().sum(dim=(1, 2))

        return gradient_penalty(critic, x)

    found = torch.vmap(penalty)(weight).sum()
    (together,) = torch.autograd.grad(found, weight)
    monkeypatch.undo()
    for one, own in zip(together, weight, strict=True):
        own = own.detach().requires_grad_()
        (alone,) = torch.autograd.grad(penalty(own), own)
        torch.testing.assert_close(one, alone, rtol=1e-5, atol=1e-5)  # its norm is in float32
