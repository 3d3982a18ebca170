"""Shapes and mathematics of the building blocks."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from hs_specaug.networks import (
    Autoencoder,
    ConditionalDiscriminator,
    ConditionalGenerator,
    ConvolutionalClassifier,
    ConvolutionTrunk,
    Encoder,
    PadToMultiple,
    TransposedTrunk,
    build_network,
    resolve_device,
    resolve_precision,
)

SIZES = [(1,), (2,), (3,), (16,), (50,), (800,), (1, 1), (5, 7), (16, 32), (64, 64)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels", [1, 3])
def test_every_size_goes_through(size, channels):
    x = torch.randn(2, channels, *size)
    y = torch.tensor([0, 2])
    assert ConditionalDiscriminator(3, channels, size)(x, y).shape == (2,)
    assert ConvolutionalClassifier(3, channels, size)(x).shape == (2, 3)
    generated = ConditionalGenerator(8, 3, channels, size)(torch.randn(2, 8), y)
    assert generated.shape == x.shape
    autoencoder = Autoencoder(
        Encoder(8, channels, size), ConditionalGenerator(8, 3, channels, size)
    )
    assert autoencoder(x, y).shape == x.shape


def test_layers_are_those_of_table_6():
    trunk = ConvolutionTrunk(1, (800,))
    convolutions = [m for m in trunk.modules() if isinstance(m, nn.Conv1d)]
    assert [c.out_channels for c in convolutions] == [64, 128, 128, 256]
    assert all(c.kernel_size == (4,) and c.stride == (2,) for c in convolutions)
    slopes = [m.negative_slope for m in trunk.modules() if isinstance(m, nn.LeakyReLU)]
    assert slopes == [0.2] * 4
    assert not any(isinstance(m, nn.BatchNorm1d) for m in trunk.modules())
    assert trunk.n_features == 256 * 50

    up = TransposedTrunk(128, 1, (800,))
    transposed = [m for m in up.modules() if isinstance(m, nn.ConvTranspose1d)]
    assert [c.out_channels for c in transposed] == [128, 128, 64, 1]
    norms = [m.num_features for m in up.modules() if isinstance(m, nn.BatchNorm1d)]
    assert norms == [128, 128, 64]


def test_layers_are_those_of_table_7():
    classifier = ConvolutionalClassifier(2, 1, (800,))
    convolutions = [m for m in classifier.modules() if isinstance(m, nn.Conv1d)]
    assert [c.out_channels for c in convolutions] == [32, 32, 128, 256]


def test_images_use_two_dimensional_layers_of_the_same_table():
    up = TransposedTrunk(128, 3, (64, 64))
    transposed = [m for m in up.modules() if isinstance(m, nn.ConvTranspose2d)]
    assert [c.out_channels for c in transposed] == [128, 128, 64, 3]


def test_padding_repeats_the_last_value():
    padded = PadToMultiple(4)(torch.tensor([[[1.0, 2.0, 3.0, 4.0, 5.0]]]))
    assert padded.tolist() == [[[1.0, 2.0, 3.0, 4.0, 5.0, 5.0, 5.0, 5.0]]]


def test_generator_output_is_in_the_range_of_tanh():
    generator = ConditionalGenerator(4, 2, 1, (33,))
    out = generator(100 * torch.randn(5, 4), torch.zeros(5, dtype=torch.long))
    assert out.abs().max() <= 1.0


def test_discriminator_sees_the_label_only_after_its_trunk():
    discriminator = build_network(lambda: ConditionalDiscriminator(2, 1, (32,)), 0)
    x = torch.randn(3, 1, 32)
    zeros, ones = torch.zeros(3, dtype=torch.long), torch.ones(3, dtype=torch.long)
    h = discriminator.features(x)
    assert torch.equal(discriminator(x, zeros), discriminator.head(h, zeros))
    assert not torch.equal(discriminator.head(h, zeros), discriminator.head(h, ones))


def test_weights_are_normal_with_the_papers_spread():
    network = build_network(lambda: ConvolutionalClassifier(2, 1, (800,)), 0)
    convolution = next(
        m for m in network.modules() if isinstance(m, nn.Conv1d) if m.in_channels > 1
    )
    assert float(convolution.weight.detach().std()) == pytest.approx(0.02, rel=0.05)
    assert float(convolution.bias.detach().abs().max()) == 0.0


def test_building_depends_on_the_seed_alone_and_moves_no_global_state():
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    first = build_network(lambda: ConditionalGenerator(4, 2, 1, (32,)), 3).state_dict()
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(2)
    second = build_network(lambda: ConditionalGenerator(4, 2, 1, (32,)), 3).state_dict()
    assert all(torch.equal(first[k], second[k]) for k in first)
    other = build_network(lambda: ConditionalGenerator(4, 2, 1, (32,)), 4).state_dict()
    assert not all(torch.equal(first[k], other[k]) for k in first)


def test_batch_statistics_of_a_trunk_do_not_mix_rows():
    trunk = ConvolutionTrunk(1, (32,))
    x = torch.randn(4, 1, 32)
    torch.testing.assert_close(trunk(x)[:1], trunk(x[:1]))


@pytest.mark.parametrize("device", ["gpu", 3.5, "cuda:one"])
def test_unknown_device(device):
    with pytest.raises(ValueError, match="device must be"):
        resolve_device(device)


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_missing_cuda_says_what_to_do():
    with pytest.raises(ValueError, match="device='auto'"):
        resolve_device("cuda")
    assert resolve_device("auto") == torch.device("cpu")


def test_precision():
    cpu = torch.device("cpu")
    assert resolve_precision("float32", cpu).name == "float32"
    with resolve_precision("bfloat16", cpu).autocast():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.bfloat16
    with pytest.raises(ValueError, match="precision must be"):
        resolve_precision("half", cpu)


def test_bfloat16_is_not_chosen_where_the_system_refuses_the_matrix_units(monkeypatch):
    cpu = torch.device("cpu")
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: True, raising=False)
    for granted, name in ((True, "bfloat16"), (False, "float32")):
        monkeypatch.setattr(torch.cpu, "_init_amx", lambda granted=granted: granted, raising=False)
        assert resolve_precision("auto", cpu).name == name


@pytest.mark.skipif(
    resolve_precision("auto", torch.device("cpu")).name != "bfloat16",
    reason="needs a processor with matrix units (AMX)",
)
def test_a_small_signal_stack_makes_the_system_refuse():
    """What other libraries do to their threads; in another process, for it cannot be undone."""
    script = """
import ctypes
import torch
from hs_specaug.networks import resolve_precision

class Stack(ctypes.Structure):
    _fields_ = [("start", ctypes.c_void_p), ("flags", ctypes.c_int), ("size", ctypes.c_size_t)]

memory = ctypes.create_string_buffer(8192)
stack = Stack(ctypes.addressof(memory), 0, len(memory))
assert ctypes.CDLL(None).sigaltstack(ctypes.byref(stack), None) == 0
print(resolve_precision("auto", torch.device("cpu")).name)
"""
    command = [sys.executable, "-c", script]
    found = subprocess.run(command, check=True, capture_output=True, text=True)
    assert found.stdout.strip() == "float32"


def test_bfloat16_stays_near_float32():
    network = build_network(lambda: ConvolutionalClassifier(3, 1, (256,)), 0)
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(8, 1, 256)).astype("f4"))
    network.requires_grad_(False)
    exact = network(x)
    with resolve_precision("bfloat16", torch.device("cpu")).autocast():
        rounded = network(x)
    assert rounded.dtype == torch.float32
    assert float((exact - rounded).abs().max()) < 0.03 * float(exact.abs().max()) + 1e-4


def test_start_from_latents_samples_what_the_encoder_gave():
    """z ~ N(0, 1) then decodes each class's mean, with the spread that all classes share."""
    latent, n = 6, 8000
    rng = torch.Generator().manual_seed(0)
    generator = build_network(lambda: ConditionalGenerator(latent, 2, 1, (32,)), 0).eval()
    mixing = torch.randn(latent, latent, generator=rng)
    y = (torch.arange(n) % 10 == 0).long()
    h = torch.randn(n, latent, generator=rng) @ mixing.T + 5.0 * y[:, None]
    with torch.no_grad():
        before = generator.label(h, y)  # what the decoder got for real rows
        generator.start_from_latents(h, y, ridge=1e-6)
        z = torch.randn(n, latent, generator=rng)
        after = generator.label(z @ generator.mixing.T, y)
    for code in (0, 1):
        ours, theirs = after[y == code], before[y == code]
        torch.testing.assert_close(ours.mean(0), theirs.mean(0), atol=0.25, rtol=0.0)
        torch.testing.assert_close(ours.T.cov(), theirs.T.cov(), atol=0.7, rtol=0.15)


@pytest.mark.parametrize("rows", [(1, 1), (2, 1), (150, 1)])
def test_start_from_latents_with_hardly_any_rows(rows):
    generator = build_network(lambda: ConditionalGenerator(16, 3, 1, (32,)), 0).eval()
    y = torch.repeat_interleave(torch.tensor([0, 2]), torch.tensor(rows))
    h = torch.randn(len(y), 16, generator=torch.Generator().manual_seed(0))
    generator.start_from_latents(h, y)
    assert torch.isfinite(generator(torch.randn(3, 16), torch.tensor([0, 1, 2]))).all()
