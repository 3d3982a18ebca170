"""Equations 1–4, 6, 7 and 10 of paper 001, each against NumPy or values worked by hand."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from hs_specaug.networks import ConditionalDiscriminator, build_network
from hs_specaug.networks._attention import SelfAttention, attended_block
from hs_specaug.networks._gated import GatedConvolution, GatedTrunk
from hs_specaug.networks._sa_gvae import (
    SAGVAE,
    AttentiveTransposedTrunk,
    GatedDiscriminator,
    GatedEncoder,
    LabelledDecoder,
    cross_entropy,
    kl_divergence,
    reparameterise,
    squared_error,
)


def noise(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


# --- Eqs. (1)–(3): self-attention ------------------------------------------------------------


def attention_layer(channels, ndim, reduction, scale):
    layer = SelfAttention(channels, ndim, reduction).requires_grad_(False)
    for seed, parameter in enumerate(layer.parameters()):
        parameter.copy_(noise(*parameter.shape, seed=seed))
    layer.scale.fill_(scale)
    return layer


def dense(convolution):
    """A convolution with kernel 1 as matrix and shift."""
    weight = convolution.weight.double().numpy()
    bias = convolution.bias
    return weight.reshape(len(weight), -1), 0.0 if bias is None else bias.double().numpy()


def attention_by_loops(layer, x):
    """Equations (1), (2) and (3) position by position; `x` is (channels, positions)."""
    (Wf, bf), (Wg, bg), (Wh, bh), (Wv, bv) = (
        dense(c) for c in (layer.f, layer.g, layer.h, layer.v)
    )
    n = x.shape[1]
    beta, y = np.empty((n, n)), np.empty_like(x)
    for j in range(n):
        s = np.array([(Wf @ x[:, i] + bf) @ (Wg @ x[:, j] + bg) for i in range(n)])
        beta[j] = np.exp(s) / np.exp(s).sum()
        inner = sum(beta[j, i] * (Wh @ x[:, i] + bh) for i in range(n))
        y[:, j] = float(layer.scale.detach()) * (Wv @ inner + bv) + x[:, j]
    return beta, y


@pytest.mark.parametrize("size", [(5,), (2, 3)])
def test_attention_is_that_of_explicit_loops(size):
    layer = attention_layer(4, len(size), 2, 0.7)
    x = noise(2, 4, *size, seed=9)
    for row, beta, y in zip(x, layer.attention(x), layer(x), strict=True):
        expected_beta, expected_y = attention_by_loops(layer, row.flatten(1).double().numpy())
        np.testing.assert_allclose(beta, expected_beta, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(y.flatten(1), expected_y, rtol=1e-4, atol=1e-5)


def test_attention_by_hand():
    """Two positions, one channel, f = g = h = v = identity: s_ij = x_i x_j, x = (0, ln 3)."""
    layer = SelfAttention(1, 1).requires_grad_(False)
    for convolution in (layer.f, layer.g, layer.h, layer.v):
        convolution.weight.fill_(1.0)
        if convolution.bias is not None:
            convolution.bias.zero_()
    layer.scale.fill_(2.0)
    x = math.log(3.0)
    # Position 0 looks at both alike; position 1 at itself with weight 3^x of 1 + 3^x.
    share = 3.0**x / (1.0 + 3.0**x)
    rows = torch.tensor([[[0.0, x]]])
    np.testing.assert_allclose(layer.attention(rows)[0], [[0.5, 0.5], [1 - share, share]], 1e-6)
    np.testing.assert_allclose(layer(rows)[0, 0], [2 * 0.5 * x, 2 * share * x + x], 1e-6)


def test_attention_starts_as_the_identity_and_can_leave_it():
    layer = build_network(lambda: SelfAttention(16, 2), 0)
    x = noise(3, 16, 4, 4)
    assert layer.scale.item() == 0.0
    assert torch.equal(layer(x), x)
    layer(x).square().sum().backward()
    assert layer.scale.grad.abs() > 0


def test_attention_reaches_the_farthest_position():
    layer = attention_layer(2, 1, 1, 1.0)
    x = noise(1, 2, 40)
    moved = x.clone()
    moved[..., -1] += 1.0
    assert not torch.equal(layer(x)[..., 0], layer(moved)[..., 0])


def test_attention_has_a_second_derivative():
    """The gradient penalty goes back through the slope."""
    layer = attention_layer(2, 1, 1, 0.5).double().requires_grad_(True)
    x = noise(1, 2, 3).double().requires_grad_(True)
    assert torch.autograd.gradgradcheck(layer, (x,))


@pytest.mark.parametrize(
    ("size", "block"),
    [((64, 64), 2), ((1,), 2), ((128, 128), 2), ((256, 256), 3), ((512, 512), 4), ((5000,), 3)],
)
def test_number_of_positions_that_attend_is_bounded(size, block):
    assert attended_block(size) == block


# --- Eq. (4): gated convolution ----------------------------------------------------------------


@pytest.mark.parametrize("size", [(8,), (4, 6)])
def test_gated_convolution_is_two_plain_ones(size):
    gated = build_network(lambda: GatedConvolution(3, 10, len(size)), 0).requires_grad_(False)
    gated.convolution.bias.copy_(noise(10))
    weight, bias = gated.convolution.weight, gated.convolution.bias
    x = noise(2, 3, *size, seed=4)
    convolve = F.conv1d if len(size) == 1 else F.conv2d
    features = convolve(x, weight[:5], bias[:5], 2, 1)
    gate = 1.0 / (1.0 + torch.exp(-convolve(x, weight[5:], bias[5:], 2, 1)))
    torch.testing.assert_close(gated(x), features * gate)
    assert gated(x).shape == (2, 5, *(n // 2 for n in size))


def test_gated_convolution_by_hand():
    gated = GatedConvolution(1, 2, 1).requires_grad_(False)
    gated.convolution.weight.copy_(torch.tensor([[[0.0, 1.0, 2.0, 0.0]], [[0.0, 0.0, 1.0, 0.0]]]))
    gated.convolution.bias.copy_(torch.tensor([0.5, 0.0]))
    # Windows of (0, 1, -1, 3, 2, 0) that are four wide with step two: (0,1,-1,3), (-1,3,2,0).
    out = gated(torch.tensor([[[1.0, -1.0, 3.0, 2.0]]]))[0, 0]
    first = (1.0 - 2.0 + 0.5) / (1.0 + math.exp(1.0))
    second = (3.0 + 4.0 + 0.5) / (1.0 + math.exp(-2.0))
    np.testing.assert_allclose(out, [first, second], rtol=1e-6)


def test_odd_kernels_are_refused():
    with pytest.raises(ValueError, match=r"even.*got 5.*pass 6"):
        GatedConvolution(1, 5, 1)


def test_trunk_has_the_papers_kernels_half_of_them_gates():
    trunk = GatedTrunk()
    convolutions = [m.convolution for m in trunk.modules() if isinstance(m, GatedConvolution)]
    assert [c.out_channels for c in convolutions] == [64, 128, 128, 256]
    assert [c.in_channels for c in convolutions] == [3, 32, 64, 64]
    assert all(c.kernel_size == (4, 4) and c.stride == (2, 2) for c in convolutions)
    assert trunk.n_features == 128 * 4 * 4
    kinds = [type(m) for m in trunk.layers]
    assert kinds.index(SelfAttention) == 3  # padding, two gated blocks, attention
    assert kinds.count(SelfAttention) == 1
    x = noise(3, 3, 64, 64)
    torch.testing.assert_close(trunk(x)[:1], trunk(x[:1]), rtol=1e-4, atol=1e-5)


# --- Eqs. (6) and (7): the latent vector -----------------------------------------------------


def test_equation_6():
    mu, sigma = torch.tensor([[1.0, -2.0]]), torch.tensor([[0.0, 2.0 * math.log(3.0)]])
    z = reparameterise(mu, sigma, torch.tensor([[0.5, -1.0]]))
    np.testing.assert_allclose(z, [[1.5, -5.0]], rtol=1e-6)


def test_equation_6_gives_the_gaussian_of_the_kl_term():
    mu, sigma = torch.tensor([[0.5]]), torch.tensor([[math.log(4.0)]])
    z = reparameterise(mu, sigma, noise(40000, 1))
    assert abs(float(z.mean()) - 0.5) < 0.05
    assert abs(float(z.std()) - 2.0) < 0.05


def test_equation_7_multiplies_with_the_embedding():
    decoder = build_network(lambda: LabelledDecoder(3, 2, 1, (16,)), 0).requires_grad_(False)
    decoder.label.scale.copy_(torch.tensor([[1.0, 1.0, 1.0], [2.0, 0.0, -1.0]]))
    seen = []
    decoder.trunk.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    z, y = torch.tensor([[1.0, 2.0, 3.0]] * 2), torch.tensor([0, 1])
    decoder.decode(z, y)
    assert seen[0].tolist() == [[1.0, 2.0, 3.0], [2.0, 0.0, -3.0]]
    decoder(z, y)  # the noise is N(0, 1) until the classes have places of their own
    assert torch.equal(seen[1], seen[0])
    decoder.latent.means[1] = torch.tensor([1.0, 0.0, 0.0])
    decoder(z, y)
    assert seen[2][1].tolist() == [4.0, 0.0, -3.0]


# --- Eq. (10): the objective -------------------------------------------------------------------


def test_kl_is_the_closed_form():
    mu, sigma = noise(4, 3).double(), noise(4, 3, seed=1).double()
    q = torch.distributions.Normal(mu, (0.5 * sigma).exp())
    p = torch.distributions.Normal(torch.zeros_like(mu), torch.ones_like(mu))
    expected = torch.distributions.kl_divergence(q, p).sum(dim=1).mean()
    torch.testing.assert_close(kl_divergence(mu, sigma), expected)
    assert float(kl_divergence(torch.zeros(2, 3), torch.zeros(2, 3))) == 0.0
    # ½ (1 + e² − 1 − 2) in one dimension with μ = 1, σ = 2
    by_hand = 0.5 * (math.exp(2.0) - 2.0)
    assert float(kl_divergence(torch.ones(1, 1), 2 * torch.ones(1, 1))) == pytest.approx(by_hand)


def test_cross_entropy_is_that_of_bernoulli_on_values_between_0_and_1():
    x, reconstruction = (torch.rand(2, 3, 4, 5).double() * 1.8 - 0.9 for _ in range(2))
    p, q = (x + 1) / 2, (reconstruction + 1) / 2
    torch.testing.assert_close(
        cross_entropy(reconstruction, x), F.binary_cross_entropy(q, p, reduction="sum") / 2
    )


def test_cross_entropy_by_hand():
    """p = (1, 0.25), q = (0.5, 0.5): two values, each ln 2."""
    value = cross_entropy(torch.zeros(1, 1, 2), torch.tensor([[[1.0, -0.5]]]))
    assert float(value) == pytest.approx(2.0 * math.log(2.0))


def test_cross_entropy_of_a_rounded_tanh_is_finite():
    reconstruction = torch.tensor([[[1.0, -1.0]]], requires_grad=True)
    value = cross_entropy(reconstruction, torch.tensor([[[-1.0, -1.0]]]))
    value.backward()
    assert 10.0 < float(value.detach()) < 20.0
    assert torch.isfinite(reconstruction.grad).all()


def test_squared_error_by_hand():
    """Rows (0, 1) and (1, 1) in units of [0, 1] against (0.5, 1) and (0, 0)."""
    x = torch.tensor([[[-1.0, 1.0]], [[1.0, 1.0]]])
    reconstruction = torch.tensor([[[0.0, 1.0]], [[-1.0, -1.0]]])
    assert float(squared_error(reconstruction, x)) == pytest.approx((0.25 + 2.0) / 2.0)


@pytest.mark.parametrize("term", [cross_entropy, squared_error])
def test_a_perfect_reconstruction_costs_least(term):
    x = torch.rand(2, 1, 7, generator=torch.Generator().manual_seed(0)) * 1.8 - 0.9
    assert term(x, x) < term(x + 0.05, x)
    assert term(x, x) < term(x - 0.05, x)


def test_objective_is_the_sum_of_the_three_terms():
    size = (16,)
    sa_gvae = SAGVAE(GatedEncoder(4, 1, size), LabelledDecoder(4, 2, 1, size)).eval()
    x, y, alpha = noise(3, 1, *size).tanh(), torch.tensor([0, 1, 1]), noise(3, 4, seed=2)
    terms = sa_gvae.losses(x, y, alpha)
    mu, sigma = sa_gvae.encoder(x)
    reconstruction = sa_gvae.decoder.decode(mu + (sigma / 2).exp() * alpha, y)
    torch.testing.assert_close(terms["kl"], kl_divergence(mu, sigma))
    torch.testing.assert_close(terms["cross_entropy"], cross_entropy(reconstruction, x))
    torch.testing.assert_close(terms["mse"], squared_error(reconstruction, x))
    assert terms.keys() == {"kl", "cross_entropy", "mse"}


# --- the networks ----------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(1,), (3,), (50,), (1, 1), (5, 7), (16, 32)])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_every_size_goes_through(size, channels):
    x, y = noise(2, channels, *size), torch.tensor([0, 2])
    sa_gvae = SAGVAE(GatedEncoder(8, channels, size), LabelledDecoder(8, 3, channels, size))
    reconstruction, mu, sigma = sa_gvae(x, y, noise(2, 8))
    assert reconstruction.shape == x.shape
    assert mu.shape == sigma.shape == (2, 8)
    assert reconstruction.abs().max() <= 1.0
    assert GatedDiscriminator(3, channels, size)(x, y).shape == (2,)


def test_images_are_64_by_64_in_three_channels_by_default():
    sa_gvae = SAGVAE(GatedEncoder(), LabelledDecoder(128, 2))
    x = noise(1, 3, 64, 64)
    reconstruction, mu, _ = sa_gvae(x, torch.tensor([1]), noise(1, 128))
    assert reconstruction.shape == x.shape
    assert mu.shape == (1, 128)
    assert GatedDiscriminator(2)(x, torch.tensor([1])).shape == (1,)


@pytest.mark.parametrize("size", [(64, 64), (256, 256), (512, 512)])
def test_decoder_attends_where_the_encoder_does(size):
    positions = []

    def look(module, inputs):
        positions.append((tuple(inputs[0].shape[2:]), inputs[0].shape[1] == module.f.in_channels))

    with torch.device("meta"):
        trunks = GatedTrunk(1, size), AttentiveTransposedTrunk(8, 1, size)
        for trunk, rows in zip(trunks, (torch.empty(2, 1, *size), torch.empty(2, 8)), strict=True):
            (layer,) = (m for m in trunk.modules() if isinstance(m, SelfAttention))
            layer.register_forward_pre_hook(look)
            trunk(rows)
    side = size[0] // 2 ** attended_block(size)
    assert positions == [((side, side), True)] * 2
    others = [m for m in trunks[1].layers if not isinstance(m, SelfAttention)]
    kinds = [nn.ConvTranspose2d, nn.BatchNorm2d, nn.LeakyReLU] * 3 + [nn.ConvTranspose2d]
    assert [isinstance(m, kind) for m, kind in zip(others, kinds, strict=True)] == [True] * 10


def test_first_layers_of_the_encoder_fit_the_discriminator():
    encoder = build_network(lambda: GatedEncoder(4, 2, (8, 8)), 0)
    discriminator = build_network(lambda: GatedDiscriminator(2, 2, (8, 8)), 1)
    assert isinstance(discriminator, ConditionalDiscriminator)
    x, y = noise(3, 2, 8, 8), torch.tensor([0, 1, 0])
    discriminator.trunk.load_state_dict(encoder.trunk.state_dict())
    assert torch.equal(discriminator.features(x), encoder.trunk(x))
    assert torch.equal(discriminator(x, y), discriminator.head(encoder.trunk(x), y))
