"""The class-conditional networks of paper 000 (table 6), which are those of BAGAN-GP.

The reference implementation of BAGAN-GP has a dense layer after the embedding of the class and one
of 512 units before the output of the discriminator; like the package, these networks multiply
with the embedding itself and go to the output at once, which is less work.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from torch import Tensor, nn

LATENT = 128


def strided(channels: int, kernels: Sequence[int], dimensions: int) -> nn.Sequential:
    """Blocks of [convolution of size 4 and stride 2, LeakyReLU 0.2], flattened."""
    convolution = nn.Conv1d if dimensions == 1 else nn.Conv2d
    layers: list[nn.Module] = []
    for n_in, n_out in itertools.pairwise((channels, *kernels)):
        layers += [convolution(n_in, n_out, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Flatten())


def n_features(size: Sequence[int], kernels: Sequence[int]) -> int:
    """Values of a row behind `strided`."""
    return kernels[-1] * math.prod(n // 2 ** len(kernels) for n in size)


class Encoder(nn.Module):
    """Rows to latent vectors."""

    def __init__(self, channels: int, size: Sequence[int]) -> None:
        super().__init__()
        kernels = (64, 128, 128, 256)
        self.trunk = strided(channels, kernels, len(size))
        self.dense = nn.Linear(n_features(size, kernels), LATENT)
        self.activation = nn.LeakyReLU(0.2)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, channels, *size) to (n, 128)."""
        return self.activation(self.dense(self.trunk(x)))


class Generator(nn.Module):
    """G(z, y): latent vector times embedding of the class, dense, four transposed convolutions.

    A size that 16 does not divide is made too large and cut.
    """

    def __init__(self, n_classes: int, channels: int, size: Sequence[int]) -> None:
        super().__init__()
        self.size = tuple(size)
        self.base = [math.ceil(n / 16) for n in size]
        self.embedding = nn.Embedding(n_classes, LATENT)
        self.dense = nn.Linear(LATENT, 256 * math.prod(self.base))
        self.activation = nn.LeakyReLU(0.2)
        kinds = (nn.ConvTranspose1d, nn.BatchNorm1d), (nn.ConvTranspose2d, nn.BatchNorm2d)
        transposed, norm = kinds[len(size) - 1]
        self.blocks = nn.Sequential(
            *(transposed(256, 128, 4, 2, 1, bias=False), norm(128), nn.LeakyReLU(0.2)),
            *(transposed(128, 128, 4, 2, 1, bias=False), norm(128), nn.LeakyReLU(0.2)),
            *(transposed(128, 64, 4, 2, 1, bias=False), norm(64), nn.LeakyReLU(0.2)),
            *(transposed(64, channels, 4, 2, 1), nn.Tanh()),
        )

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        """Map (n, 128) and classes (n,) to (n, channels, *size)."""
        h = self.activation(self.dense(z * self.embedding(y)))
        x = self.blocks(h.reshape(len(h), 256, *self.base))
        return x[(..., *(slice(n) for n in self.size))]


class Discriminator(nn.Module):
    """D(x, y) as a logit: convolutions, times an embedding of the class, dense."""

    def __init__(self, n_classes: int, channels: int, size: Sequence[int]) -> None:
        super().__init__()
        kernels = (64, 128, 128, 256)
        self.trunk = strided(channels, kernels, len(size))
        self.embedding = nn.Embedding(n_classes, n_features(size, kernels))
        self.dense = nn.Linear(n_features(size, kernels), 1)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Map (n, channels, *size) and classes (n,) to (n,)."""
        return self.dense(self.trunk(x) * self.embedding(y)).squeeze(1)


class Classifier(nn.Module):
    """C(x): logits of the classes (paper 000, table 7)."""

    def __init__(self, n_classes: int, channels: int, size: Sequence[int]) -> None:
        super().__init__()
        kernels = (32, 32, 128, 256)
        self.trunk = strided(channels, kernels, len(size))
        self.dense = nn.Linear(n_features(size, kernels), n_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, channels, *size) to (n, n_classes)."""
        return self.dense(self.trunk(x))
