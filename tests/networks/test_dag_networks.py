"""Minibatch discrimination by hand, and the networks of paper 002."""

import numpy as np
import pytest
import torch
from torch import nn

from hs_specaug.networks import build_network
from hs_specaug.networks._dag import ARCHITECTURES, DAGDiscriminator, DAGGenerator, Dense
from hs_specaug.networks._minibatch import MinibatchDiscrimination
from hs_specaug.networks._noise_layers import (
    GaussianNoise,
    PoissonNoise,
    SeededDropout,
    Translation,
    set_noise_source,
)

SIZES = [(1,), (2,), (3,), (4,), (50,), (117,)]


def source(seed=0):
    return torch.Generator().manual_seed(seed)


def layers(network, kind):
    return [m for m in network.modules() if isinstance(m, kind)]


def make_generator(*args, seed=0, **kwargs):
    network = build_network(lambda: DAGGenerator(*args, **kwargs), seed)
    set_noise_source(network, source(seed))
    return network


def make_discriminator(*args, seed=0, **kwargs):
    network = build_network(lambda: DAGDiscriminator(*args, **kwargs), seed)
    set_noise_source(network, source(seed))
    return network


def test_minibatch_discrimination_is_the_formula():
    layer = build_network(lambda: MinibatchDiscrimination(4, kernels=3, dim=2), 0)
    x = torch.randn(5, 4, generator=source())
    out = layer(x).detach().numpy()
    assert out.shape == (5, 7)
    np.testing.assert_array_equal(out[:, :4], x)
    T = layer.weight.detach().numpy().reshape(4, 3, 2)
    M = np.einsum("if,fkd->ikd", x.numpy(), T)
    for i in range(5):
        for k in range(3):
            o = sum(np.exp(-np.abs(M[i, k] - M[j, k]).sum()) for j in range(5))
            assert out[i, 4 + k] == pytest.approx(o, rel=1e-5)


def test_equal_rows_have_as_many_neighbours_as_the_batch():
    layer = build_network(lambda: MinibatchDiscrimination(4, kernels=3, dim=2), 0)
    out = layer(torch.ones(6, 4))
    torch.testing.assert_close(out[:, 4:], torch.full((6, 3), 6.0))
    torch.testing.assert_close(layer(torch.ones(1, 4))[:, 4:], torch.ones(1, 3))


def test_minibatch_gradient():
    layer = build_network(lambda: MinibatchDiscrimination(3, kernels=2, dim=2), 0).double()
    x = torch.randn(4, 3, generator=source(), dtype=torch.float64, requires_grad=True)
    # In double precision, the float32 distances of the layer are exact enough for loose limits.
    torch.autograd.gradcheck(layer, x, eps=1e-3, atol=1e-3, rtol=1e-2)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("size", [*SIZES, (5, 7)])
@pytest.mark.parametrize("channels", [1, 2])
def test_every_size_goes_through(architecture, size, channels, no_global_rng):
    G = make_generator(6, channels, size, architecture)
    D = make_discriminator(channels, size, architecture)
    x = G(torch.randn(3, 6, generator=source()))
    assert x.shape == (3, channels, *size)
    assert float(x.detach().abs().max()) <= 1.0
    logits = D(x)
    assert logits.shape == (3,)
    logits.sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in G.parameters())


def widths(network):
    return [tuple(m.weight.shape[-2:]) for m in layers(network, Dense)]


def test_layers_of_simple_dense():
    G = make_generator(30, 1, (600,))
    assert widths(G.segments) == [(30, 30), (30, 85), (85, 75), (75, 50), (50, 100)]
    assert widths(G.joined) == [(600, 600)]
    assert widths(G.refined) == [(600, 600)]
    assert [m.rate for m in layers(G, PoissonNoise)] == [0.5] * 4 + [0.15]
    assert [m.std for m in layers(G, GaussianNoise)] == [0.15] * 4
    assert len(layers(G, Translation)) == 2
    assert G.segments[0].weight.shape == (6, 30, 30)

    D = make_discriminator(1, (600,))
    first, second = D.branches
    assert widths(first) == [(600, 600), (600, 480), (480, 360), (460, 120)]
    assert widths(second) == [(600, 600), (600, 480), (480, 360), (510, 120)]
    assert [(m.kernels, m.dim) for m in layers(D, MinibatchDiscrimination)] == [(100, 5), (150, 8)]
    assert [m.rate for m in layers(D, SeededDropout)] == [0.5] * 8
    assert all(m.centred for m in layers(G, PoissonNoise))
    reference = make_generator(30, 1, (60,), centred=False)
    assert not any(m.centred for m in layers(reference, PoissonNoise))
    slopes = {m.negative_slope for n in (G, D) for m in layers(n, nn.LeakyReLU)}
    assert slopes == {0.3}
    assert not layers(D, nn.Dropout)  # draws from the global generator


def test_large_dense_has_more_layers_and_less_noise():
    small, large = (make_generator(30, 1, (120,), a) for a in ("simple-dense", "large-dense"))
    assert len(layers(large, Dense)) > len(layers(small, Dense))
    assert len(layers(large, PoissonNoise)) < len(layers(small, PoissonNoise))
    D_small, D_large = (make_discriminator(1, (120,), a) for a in ("simple-dense", "large-dense"))
    assert len(layers(D_large, Dense)) > len(layers(D_small, Dense))


def test_simple_convo_refines_and_looks_with_convolutions():
    G, D = (
        make_generator(30, 1, (120,), "simple-convo"),
        make_discriminator(1, (120,), "simple-convo"),
    )
    assert len(layers(G, nn.Conv1d)) == 3
    assert len(layers(D, nn.Conv1d)) == 8
    assert len(layers(D, MinibatchDiscrimination)) == 2


def test_segments_are_independent_branches():
    G = make_generator(5, 1, (24,)).eval()
    z = torch.randn(2, 5, generator=source())
    together = G.segments(z.unsqueeze(-3))
    x = z
    for layer in G.segments:
        if isinstance(layer, Dense):
            x = x @ layer.weight[2] + layer.bias[2]
        else:
            x = layer(x)
    torch.testing.assert_close(together[2], x)


def test_signal_survives_the_depth_of_the_generator():
    G = make_generator(30, 1, (240,)).eval()
    with torch.no_grad():
        x = G(torch.randn(64, 30, generator=source()))
    assert float(x.std(dim=0).mean()) > 0.1


@pytest.mark.parametrize("architecture", ["simple-dense", "large-dense"])
def test_models_side_by_side_are_the_same_models(architecture):
    G = make_generator(5, 1, (18,), architecture, copies=3).eval()
    D = make_discriminator(1, (18,), architecture, copies=3).eval()
    z = torch.randn(3, 4, 5, generator=source())
    x = G(z)
    assert x.shape == (3, 4, 1, 18)
    logits = D(x)
    for i in range(3):
        alone_G = make_generator(5, 1, (18,), architecture).eval()
        alone_G.load_state_dict({k: v[i] for k, v in G.state_dict().items()})
        alone_D = make_discriminator(1, (18,), architecture).eval()
        alone_D.load_state_dict({k: v[i] for k, v in D.state_dict().items()})
        torch.testing.assert_close(alone_G(z[i]), x[i])
        torch.testing.assert_close(alone_D(x[i]), logits[i])


def test_seed_decides_the_weights():
    first, again, other = (make_generator(5, 1, (18,), seed=s) for s in (0, 0, 1))
    assert torch.equal(first.segments[0].weight, again.segments[0].weight)
    assert not torch.equal(first.segments[0].weight, other.segments[0].weight)


def test_discriminator_learns_to_tell_ramps_from_generated_rows():
    G, D = make_generator(8, 1, (32,)), make_discriminator(1, (32,))
    rng = source()

    def real():
        return torch.linspace(-1, 1, 32) + 0.3 * torch.randn(16, 1, 32, generator=rng)

    def fake():
        return G(torch.randn(16, 8, generator=rng)).detach()

    optimizer = torch.optim.Adam(D.parameters(), lr=1e-3)
    for _ in range(40):
        loss = (nn.functional.softplus(-D(real())) + nn.functional.softplus(D(fake()))).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():  # dropout stays on, as the generator meets it
        right = [(D(real()) > 0).float().mean() for _ in range(10)]
        right += [(D(fake()) < 0).float().mean() for _ in range(10)]
    assert float(torch.stack(right).mean()) > 0.85


def test_unknown_architecture():
    with pytest.raises(ValueError, match="'large-dense'"):
        DAGGenerator(5, 1, (18,), "large")
    with pytest.raises(ValueError, match="side by side"):
        DAGDiscriminator(1, (18,), "simple-convo", copies=2)
    with pytest.raises(ValueError, match="one \\(spectra\\) or two"):
        DAGGenerator(5, 1, (3, 3, 3))
