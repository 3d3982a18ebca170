"""SA-GVAE, the gated variational autoencoder with self-attention of paper 001, and its parts.

Q. Wan, W. Guo and Y. Wang, "SGBGAN: minority class image generation for class-imbalanced
datasets" (2024). Equation numbers are those of this paper. Images are 64 × 64 there; here all
sizes and spectra go through the same code.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ._attention import SelfAttention, attended_block
from ._blocks import TransposedTrunk
from ._conditional import (
    DISCRIMINATOR_KERNELS,
    GENERATOR_KERNELS,
    ConditionalDiscriminator,
    LabelScale,
)
from ._gated import GatedTrunk
from ._latent import ClassGaussians

# A tanh that has rounded to ±1 would cost infinitely much in the cross-entropy.
SURE = 1e-6


class AttentiveTransposedTrunk(TransposedTrunk):
    """The decoder's blocks, with self-attention where the encoder has it.

    Parameters
    ----------
    n_inputs, channels, size, kernels, width
        See :class:`TransposedTrunk`.
    """

    def __init__(
        self,
        n_inputs: int,
        channels: int = 3,
        size: tuple[int, ...] = (64, 64),
        kernels: Sequence[int] = GENERATOR_KERNELS,
        width: int = 256,
    ) -> None:
        super().__init__(n_inputs, channels, size, kernels, width)
        blocks = len(kernels) + 1
        before = blocks - attended_block(size, blocks)
        per_block = len(self.layers) // len(kernels)  # convolution, normalisation, activation
        attention = SelfAttention((width, *kernels)[before], len(size))
        self.layers.insert(per_block * before, attention)


class GatedEncoder(nn.Module):
    """Rows to mean μ and logarithm of the variance σ of their latent vectors.

    The paper calls σ the standard deviation; exp(0.5 σ) of Eq. (6) is one only if σ is the
    logarithm of a variance.

    Parameters
    ----------
    latent_dim : int
        Length of μ and σ.
    channels, size, kernels
        See :class:`GatedTrunk`.
    """

    def __init__(
        self,
        latent_dim: int = 128,
        channels: int = 3,
        size: tuple[int, ...] = (64, 64),
        kernels: Sequence[int] = DISCRIMINATOR_KERNELS,
    ) -> None:
        super().__init__()
        self.trunk = GatedTrunk(channels, size, kernels)
        self.mean = nn.Linear(self.trunk.n_features, latent_dim)
        self.log_variance = nn.Linear(self.trunk.n_features, latent_dim)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return μ and σ (n, latent_dim) of `x` (n, channels, *size), in float32."""
        h = self.trunk(x)
        return self.mean(h).float(), self.log_variance(h).float()


class LabelledDecoder(nn.Module):
    """Decoder of the SA-GVAE and generator of the SGBGAN, which have one topology.

    Parameters
    ----------
    latent_dim : int
        Length of the noise vector.
    n_classes : int
        Number of classes.
    channels, size, kernels
        See :class:`TransposedTrunk`.

    Attributes
    ----------
    latent : ClassGaussians
        Where the noise of each class lies; N(0, 1) until it is fitted.
    """

    def __init__(
        self,
        latent_dim: int,
        n_classes: int,
        channels: int = 3,
        size: tuple[int, ...] = (64, 64),
        kernels: Sequence[int] = GENERATOR_KERNELS,
    ) -> None:
        super().__init__()
        self.latent = ClassGaussians(n_classes, latent_dim, shared=True)
        self.label = LabelScale(n_classes, latent_dim)
        self.trunk = AttentiveTransposedTrunk(latent_dim, channels, size, kernels)

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        """Generate a row for each noise vector `z` ~ N(0, 1) (n, latent_dim) and class `y`."""
        return self.decode(self.latent(z, y), y)

    def decode(self, z: Tensor, y: Tensor) -> Tensor:
        """Decode O = z ⊙ e(y) (Eq. 7), `z` (n, latent_dim) as an encoder gives it."""
        return self.trunk(self.label(z, y))


class GatedDiscriminator(ConditionalDiscriminator):
    """D(x, y) on the first layers of the encoder, with a dense layer for the one output.

    Parameters
    ----------
    n_classes : int
        Number of classes.
    channels, size, kernels
        See :class:`GatedTrunk`.
    """

    def __init__(
        self,
        n_classes: int,
        channels: int = 3,
        size: tuple[int, ...] = (64, 64),
        kernels: Sequence[int] = DISCRIMINATOR_KERNELS,
    ) -> None:
        # Half of the kernels are gates, so the label and the output meet half as many features.
        super().__init__(n_classes, channels, size, [n // 2 for n in kernels])
        self.trunk: Any = GatedTrunk(channels, size, kernels)


class SAGVAE(nn.Module):
    """Encoder and decoder together, for training.

    Parameters
    ----------
    encoder : GatedEncoder
        Gives μ and σ.
    decoder : LabelledDecoder
        Gives rows.
    """

    def __init__(self, encoder: GatedEncoder, decoder: LabelledDecoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder

    def forward(self, x: Tensor, y: Tensor, alpha: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the reconstruction of `x` (n, channels, *size) as class `y`, μ and σ."""
        mu, sigma = self.encoder(x)
        return self.decoder.decode(reparameterise(mu, sigma, alpha), y), mu, sigma

    def losses(self, x: Tensor, y: Tensor, alpha: Tensor) -> dict[str, Tensor]:
        """Return the three terms of Eq. (10) for rows `x` in [−1, 1] of the classes `y`."""
        reconstruction, mu, sigma = self(x, y, alpha)
        return {
            "kl": kl_divergence(mu, sigma),
            "cross_entropy": cross_entropy(reconstruction, x),
            "mse": squared_error(reconstruction, x),
        }


def reparameterise(mu: Tensor, sigma: Tensor, alpha: Tensor) -> Tensor:
    """Return z = μ + exp(0.5 σ) α (Eq. 6); `sigma` is the logarithm of the variance."""
    return mu + torch.exp(0.5 * sigma) * alpha


def kl_divergence(mu: Tensor, sigma: Tensor) -> Tensor:
    """KL(N(μ, exp σ) ‖ N(0, 1)) = ½ Σ (μ² + exp σ − 1 − σ), mean over the rows."""
    return 0.5 * (mu.square() + sigma.exp() - 1.0 - sigma).sum(dim=1).mean()


def cross_entropy(reconstruction: Tensor, x: Tensor) -> Tensor:
    """H(p, q) = −Σ p log q, over the two outcomes of every value, mean over the rows.

    Both come in [−1, 1] and are taken as probabilities p = (x + 1)/2, as Bernoulli asks.
    """
    p = (x + 1.0) / 2.0
    q = ((reconstruction + 1.0) / 2.0).clamp(SURE, 1.0 - SURE)
    return -(p * q.log() + (1.0 - p) * torch.log1p(-q)).flatten(1).sum(dim=1).mean()


def squared_error(reconstruction: Tensor, x: Tensor) -> Tensor:
    """MSE = 1/m Σ_i ‖x_i − x̂_i‖², m rows of values in [0, 1], like the cross-entropy."""
    return ((x - reconstruction) / 2.0).square().flatten(1).sum(dim=1).mean()
