"""A start for the generator of paper 002 that is already near the spectra it is to make."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ._dag import DAGGenerator
from ._noise_layers import PoissonNoise, noise_from

MARGIN = 1.1
SHARES = (0.02, 0.98)
CLOSEST = 0.995  # to the ends of tanh, where it is flat
PROBES = 512


def set_range(network: DAGGenerator, rows: Tensor) -> None:
    """Let the output reach a little further than `rows` (n, channels, *size) do.

    A spectrum that was divided by its maximum touches the end of the range, which tanh only
    approaches; and a class of weak spectra would use a small part of the range of all classes.
    """
    axes = (0, *range(2, rows.ndim))
    low, high = rows.amin(dim=axes), rows.amax(dim=axes)
    shape = network.centre.shape
    network.centre.copy_(((high + low) / 2).reshape(shape))
    # A channel of one value only has no range of its own.
    half = (high - low) / 2
    network.reach.copy_(MARGIN * torch.where(half > 0, half, 1.0).reshape(shape))


@torch.no_grad()
def start_from_mean(network: DAGGenerator, rows: Tensor, generator: torch.Generator) -> None:
    """Let `network` start at the mean of `rows`, with the noise of a measurement.

    The output layer gets the mean spectrum for its bias, and random weights of such a size that
    the output differs from it by as much as the noise of the rows does from channel to channel.
    How the spectra vary besides is left for the training to find.

    Parameters
    ----------
    network : DAGGenerator
        Changed in place.
    rows : Tensor of shape (n, channels, *size)
        Real rows of the class.
    generator : torch.Generator
        CPU generator of inputs and noise.
    """
    output, inside = network.output, before_tanh(network, rows)
    share, noise = noise_share(inside - inside.mean(dim=0))
    h = _balanced(network, share, rows.device, generator)
    spread = ((h - h.mean(dim=0)) @ output.weight).std()
    output.weight.mul_(noise / spread.clamp(min=1e-6))
    output.bias.copy_(inside.mean(dim=0) - h.mean(dim=0) @ output.weight)


@torch.no_grad()
def start_from_rows(
    network: DAGGenerator, rows: Tensor, deviations: Tensor, generator: torch.Generator
) -> None:
    """Let `network` start at the mean and the covariance of the rows.

    The output layer gets the mean spectrum for its bias, and random combinations of the
    `deviations` for its weights: W = A R, with A normal and the rows of R the deviations over
    √m. Inputs h that are white then give h W with covariance Rᵀ R, that of the spectra; W is
    scaled by what h really is, with all noise on.

    Parameters
    ----------
    network : DAGGenerator
        Changed in place.
    rows : Tensor of shape (n, channels, *size)
        Real rows of the class, which give the mean.
    deviations : Tensor of shape (m, values of a row)
        What rows differ by from the mean of their class, before tanh; those of other classes
        where this one has too few rows of its own.
    generator : torch.Generator
        CPU generator of A, of inputs and of noise.
    """
    output = network.output
    h = _balanced(network, noise_share(deviations)[0], rows.device, generator)
    spread = h.std(dim=0).square().sum().sqrt().clamp(min=1e-6)
    A = torch.randn(output.in_features, len(deviations), generator=generator).to(rows.device)
    output.weight.copy_(A @ deviations / (spread * math.sqrt(len(deviations))))
    mean = before_tanh(network, rows).mean(dim=0)
    output.bias.copy_(mean - h.mean(dim=0) @ output.weight)


def noise_share(deviations: Tensor) -> tuple[float, Tensor]:
    """Return the share of noise in the variance of `deviations`, and its standard deviation.

    Noise is what changes from one channel to the next: 1.4826 × the median of the absolute
    difference of neighbours, over √2. A share keeps away from 0 and 1, which no layer can have.
    """
    if deviations.shape[1] < 2:
        return 0.5, deviations.std(correction=0).clamp(min=1e-3)
    noise = 1.4826 * deviations.diff(dim=1).abs().median() / math.sqrt(2.0)
    variance = deviations.square().mean()
    share = float((noise.square() / variance.clamp(min=1e-12)).clamp(*SHARES))
    return share, noise.clamp(min=1e-3)


def _balanced(
    network: DAGGenerator, share: float, device: torch.device, generator: torch.Generator
) -> Tensor:
    """Give the last noise layer its `share` in what the output layer gets; return that.

    The layer before it is scaled (LeakyReLU lets a factor through), so that noise of the
    published kind neither drowns z nor is missing.
    """
    z = torch.randn(PROBES, network.latent_dim, generator=generator).to(device)
    last = [layer for layer in network.joined if isinstance(layer, PoissonNoise)][-1]
    dense = [layer for layer in network.joined if isinstance(layer, nn.Linear)][-1]
    with noise_from(network, generator):
        from_noise = last.scale**2 * last.rate
        from_z = float(network.hidden(z).float().var(dim=0).mean()) - from_noise
        if from_noise > 0 and from_z > 0:
            factor = math.sqrt((1.0 - share) / share * from_noise / from_z)
            dense.weight.mul_(factor)
            dense.bias.mul_(factor)
        return network.hidden(z).float()


def before_tanh(network: DAGGenerator, rows: Tensor) -> Tensor:
    """Return what `network` has to put into tanh to make `rows`, (n, values of a row)."""
    inside = (rows - network.centre) / network.reach
    return torch.atanh(inside.clamp(-CLOSEST, CLOSEST)).flatten(1)
