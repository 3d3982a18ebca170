"""Layers whose channels lie side by side compute what torch's own layers compute."""

import pytest
import torch
from torch import nn

from hs_specaug.networks._layers import BATCH_NORM, CONVOLUTION, TRANSPOSED, channels_last

TORCH = {
    "convolution": {1: nn.Conv1d, 2: nn.Conv2d},
    "transposed": {1: nn.ConvTranspose1d, 2: nn.ConvTranspose2d},
}
OURS = {"convolution": CONVOLUTION, "transposed": TRANSPOSED}
SIZES = {1: (24,), 2: (12, 16)}


def noise(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def pair(ours, theirs, *arguments):
    """Return both layers with the same weights."""
    one, other = ours(*arguments).double(), theirs(*arguments).double()
    one.load_state_dict(other.state_dict())
    return one, other


def gradients(layer, x):
    """Return the output, and gradients of a penalty on the slope, which go back twice."""
    x = x.clone().requires_grad_()
    out = layer(x)
    (slope,) = torch.autograd.grad(out.square().sum(), x, create_graph=True)
    penalty = slope.flatten(1).norm(dim=1).square().mean()
    return out, *torch.autograd.grad(penalty, list(layer.parameters()))


@pytest.mark.parametrize("ndim", [1, 2])
@pytest.mark.parametrize("kind", TORCH)
@pytest.mark.parametrize("geometry", [(4, 2, 1), (3, 1, 1), (1,)])
def test_values_and_second_gradients(kind, ndim, geometry):
    layers = pair(OURS[kind][ndim], TORCH[kind][ndim], 3, 5, *geometry)
    x = noise(2, 3, *SIZES[ndim])
    for ours, theirs in zip(*(gradients(layer, x) for layer in layers), strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("kind", TORCH)
def test_files_of_either_layer_fit_the_other(kind):
    ours, theirs = OURS[kind][1](3, 5, 4, 2, 1), TORCH[kind][1](3, 5, 4, 2, 1)
    shapes = [{k: v.shape for k, v in m.state_dict().items()} for m in (ours, theirs)]
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize("training", [True, False])
def test_normalisation_of_spectra(training):
    ours, theirs = pair(BATCH_NORM[1], nn.BatchNorm1d, 3)
    for layer in (ours, theirs):
        nn.init.normal_(layer.weight, generator=torch.Generator().manual_seed(1))
        layer.train(training)
    x = noise(4, 3, 24)
    torch.testing.assert_close(ours(x), theirs(x))
    torch.testing.assert_close(ours.running_var, theirs.running_var)
    torch.testing.assert_close(ours(noise(4, 3)), theirs(noise(4, 3)))


def test_channels_stay_side_by_side_through_a_stack():
    stack = nn.Sequential(
        CONVOLUTION[1](1, 8, 4, 2, 1),
        BATCH_NORM[1](8),
        nn.LeakyReLU(0.2),
        TRANSPOSED[1](8, 4, 4, 2, 1),
    )
    assert stack(torch.zeros(2, 1, 16)).stride() == (64, 1, 4)
    images = channels_last(torch.zeros(2, 3, 4, 5))
    assert images.is_contiguous(memory_format=torch.channels_last)
    assert channels_last(images).data_ptr() == images.data_ptr()  # nothing to copy


def test_many_networks_at_once():
    layer = CONVOLUTION[1](2, 3, 4, 2, 1)
    weights = torch.stack([layer.weight, 2 * layer.weight])
    x = torch.randn(2, 5, 2, 16, generator=torch.Generator().manual_seed(0))

    def call(weight, rows):
        return torch.func.functional_call(layer, {"weight": weight}, (rows,))

    both = torch.func.vmap(call)(weights, x)
    alone = torch.stack([call(w, rows) for w, rows in zip(weights, x, strict=True)])
    torch.testing.assert_close(both, alone)
