"""SGBGAN of paper 001 for images of 64 × 64: BAGAN-GP on gated networks with self-attention.

Q. Wan, W. Guo and Y. Wang (2024), Eqs. (1) to (10), table 2.

Where it differs from the package: the noise is N(0, 1) times the embedding of the class to the end
(paper 001 to the letter); the generator of the last epoch is kept, and nothing is scored.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ._networks import LATENT
from .bagan_gp import BAGANGP


class GatedConvolution(nn.Module):
    """Eq. (4): half of the kernels are features, the other half their gates."""

    def __init__(self, channels: int, kernels: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(channels, kernels, 4, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, channels, h, w) to (n, kernels / 2, h / 2, w / 2)."""
        features, gates = self.convolution(x).chunk(2, dim=1)
        return features * torch.sigmoid(gates)


class SelfAttention(nn.Module):
    """Eqs. (1) to (3), an eighth of the channels for queries, keys and values."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = channels // 8
        self.gamma = nn.Parameter(torch.zeros(()))
        self.f = nn.Conv2d(channels, inner, 1, bias=False)
        self.g = nn.Conv2d(channels, inner, 1)
        self.h = nn.Conv2d(channels, inner, 1)
        self.v = nn.Conv2d(inner, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, channels, h, w) to the same shape."""
        n, _, height, width = x.shape
        f, g, h = (layer(x).flatten(2) for layer in (self.f, self.g, self.h))
        s = torch.bmm(f.transpose(1, 2), g)  # s_ij
        beta = F.softmax(s, dim=1)  # over i
        o = self.v(torch.bmm(h, beta).reshape(n, -1, height, width))
        return self.gamma * o + x


def gated(channels: int) -> nn.Sequential:
    """Four gated convolutions of 64, 128, 128 and 256 kernels, attention after the second."""
    layers: list[nn.Module] = []
    for n_in, n_out in itertools.pairwise((channels, 32, 64, 64, 128)):
        layers.append(GatedConvolution(n_in, 2 * n_out))
    layers.insert(2, SelfAttention(64))
    return nn.Sequential(*layers, nn.Flatten())


class GatedEncoder(nn.Module):
    """Rows to μ and σ, the logarithm of the variance."""

    def __init__(self, channels: int, size: tuple[int, ...]) -> None:
        super().__init__()
        features = 128 * math.prod(n // 16 for n in size)
        self.trunk = gated(channels)
        self.mean = nn.Linear(features, LATENT)
        self.log_variance = nn.Linear(features, LATENT)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return μ and σ (n, 128)."""
        h = self.trunk(x)
        return self.mean(h), self.log_variance(h)


class AttentiveGenerator(nn.Module):
    """G(z, y), the decoder of the SA-GVAE."""

    def __init__(self, n_classes: int, channels: int, size: tuple[int, ...]) -> None:
        super().__init__()
        self.base = [n // 16 for n in size]
        self.embedding = nn.Embedding(n_classes, LATENT)
        self.dense = nn.Linear(LATENT, 256 * math.prod(self.base))
        self.activation = nn.LeakyReLU(0.2)
        transposed, norm = nn.ConvTranspose2d, nn.BatchNorm2d
        self.blocks = nn.Sequential(
            *(transposed(256, 128, 4, 2, 1, bias=False), norm(128), nn.LeakyReLU(0.2)),
            *(transposed(128, 128, 4, 2, 1, bias=False), norm(128), nn.LeakyReLU(0.2)),
            SelfAttention(128),
            *(transposed(128, 64, 4, 2, 1, bias=False), norm(64), nn.LeakyReLU(0.2)),
            *(transposed(64, channels, 4, 2, 1), nn.Tanh()),
        )

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        """Map (n, 128) and classes (n,) to (n, channels, *size); Eq. (7)."""
        h = self.activation(self.dense(z * self.embedding(y)))
        return self.blocks(h.reshape(len(h), 256, *self.base))


class GatedDiscriminator(nn.Module):
    """D(x, y) as a logit, on the layers of the encoder."""

    def __init__(self, n_classes: int, channels: int, size: tuple[int, ...]) -> None:
        super().__init__()
        features = 128 * math.prod(n // 16 for n in size)
        self.trunk = gated(channels)
        self.embedding = nn.Embedding(n_classes, features)
        self.dense = nn.Linear(features, 1)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Map (n, channels, *size) and classes (n,) to (n,)."""
        return self.dense(self.trunk(x) * self.embedding(y)).squeeze(1)


class SGBGAN(BAGANGP):
    """Five updates of the discriminator and one of the generator, after an SA-GVAE.

    Parameters
    ----------
    X, y, batch_size, n_critic, gradient_penalty, seed, device
        See :class:`BAGANGP`; paper 001 weighs the penalty with 5.
    """

    rates = (8e-4, 1e-4, 1e-3)

    def __init__(self, X: Any, y: Any, gradient_penalty: float = 5.0, **options: Any) -> None:
        super().__init__(X, y, gradient_penalty=gradient_penalty, **options)

    def networks(self, channels: int, size: tuple[int, ...]) -> tuple[Any, ...]:
        """Return generator, discriminator and encoder."""
        n_classes = self.rows.n_classes
        return (
            AttentiveGenerator(n_classes, channels, size),
            GatedDiscriminator(n_classes, channels, size),
            GatedEncoder(channels, size),
        )

    def autoencoder_losses(self, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """Eqs. (6) and (10)."""
        alpha = torch.randn(len(x), LATENT, device=x.device)
        return sa_gvae_losses(self.encoder, self.G, x, y, alpha)


def sa_gvae_losses(
    encoder: nn.Module, G: nn.Module, x: Tensor, y: Tensor, alpha: Tensor
) -> dict[str, Tensor]:
    """Eq. (10): divergence, cross-entropy and squared error of rows in [0, 1]."""
    mu, sigma = encoder(x)
    made = G(mu + torch.exp(0.5 * sigma) * alpha, y)  # Eq. (6)
    p, q = (x + 1) / 2, ((made + 1) / 2).clamp(1e-6, 1 - 1e-6)
    n = len(x)
    return {
        "kl": 0.5 * (mu**2 + sigma.exp() - 1 - sigma).sum() / n,
        "cross_entropy": F.binary_cross_entropy(q, p, reduction="sum") / n,
        "mse": F.mse_loss((made + 1) / 2, p, reduction="sum") / n,
    }
