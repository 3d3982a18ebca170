"""Networks that take the class as one more feature map (paper 003 and its published code)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ._layers import (
    CONVOLUTION,
    TRANSPOSED,
    FlattenChannelsLast,
    PadToMultiple,
    check_dimension,
    padded_size,
)
from ._noise_layers import SeededDropout
from ._slopes import LeakyReLU

EMBEDDING = 50
KERNELS = 128
PADDING: dict[int, type[nn.Module]] = {1: nn.ConstantPad1d, 2: nn.ConstantPad2d}


class LabelMap(nn.Module):
    """A learned map (1, *size) for each class: an embedding of 50 numbers, then a dense layer.

    Parameters
    ----------
    n_classes : int
        Number of classes.
    size : tuple of int
        ``(length,)`` or ``(height, width)`` of the map.
    """

    def __init__(self, n_classes: int, size: tuple[int, ...]) -> None:
        super().__init__()
        self.size = tuple(size)
        self.embedding = nn.Embedding(n_classes, EMBEDDING)
        self.dense = nn.Linear(EMBEDDING, math.prod(size))

    def initialise_own(self, generator: torch.Generator) -> None:
        """Draw maps of unit variance: normal(0, 0.02) twice would hide the class from the start."""
        nn.init.normal_(self.embedding.weight, 0.0, 1.0, generator=generator)
        nn.init.normal_(self.dense.weight, 0.0, EMBEDDING**-0.5, generator=generator)

    def forward(self, y: Tensor) -> Tensor:
        """Return the maps (n, 1, *size) of the classes `y` (n,)."""
        return self.dense(self.embedding(y)).unflatten(1, (1, *self.size))


class LabelMapGenerator(nn.Module):
    """G(z, y): dense layer, label map, two transposed convolutions, one wide convolution, tanh.

    Parameters
    ----------
    latent_dim : int
        Length of the noise vector z.
    n_classes : int
        Number of classes.
    channels : int
        Channels of the output.
    size : tuple of int
        ``(length,)`` or ``(height, width)`` of the output; it starts from a quarter of it.
    slope : float
        Negative slope of LeakyReLU.
    """

    def __init__(
        self,
        latent_dim: int,
        n_classes: int,
        channels: int,
        size: tuple[int, ...],
        slope: float = 0.2,
    ) -> None:
        super().__init__()
        ndim = check_dimension(size)
        self.size = tuple(size)
        self.base = tuple(-(-n // 4) for n in size)
        self.dense = nn.Sequential(
            nn.Linear(latent_dim, KERNELS * math.prod(self.base)), LeakyReLU(slope)
        )
        self.label = LabelMap(n_classes, self.base)
        transposed, convolution = TRANSPOSED[ndim], CONVOLUTION[ndim]
        self.layers = nn.Sequential(
            transposed(KERNELS + 1, KERNELS, 4, 2, 1),
            LeakyReLU(slope),
            transposed(KERNELS, KERNELS, 4, 2, 1),
            LeakyReLU(slope),
            # "Same" padding of a kernel of 8: one more value behind than before.
            PADDING[ndim]((3, 4) * ndim, 0.0),
            convolution(KERNELS, channels, 8),
        )

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        """Generate one row for each noise vector `z` (n, latent_dim) and class `y` (n,)."""
        maps = self.dense(z).unflatten(1, (*self.base, KERNELS)).movedim(-1, 1)
        out = self.layers(torch.cat([maps, self.label(y)], dim=1)).float().tanh()
        return out[(..., *(slice(n) for n in self.size))]


class LabelMapDiscriminator(nn.Module):
    """D(x, y) as a logit: label map, two strided convolutions, dropout, one output.

    Parameters
    ----------
    n_classes : int
        Number of classes.
    channels, size
        Of the rows.
    dropout : float
        Share of the features that is set to zero in training; drawn from the generator that
        :func:`~hs_specaug.networks._noise_layers.set_noise_source` hands in.
    slope : float
        Negative slope of LeakyReLU.
    """

    def __init__(
        self,
        n_classes: int,
        channels: int,
        size: tuple[int, ...],
        dropout: float = 0.4,
        slope: float = 0.2,
    ) -> None:
        super().__init__()
        convolution = CONVOLUTION[check_dimension(size)]
        self.layers = nn.Sequential(
            # At least 8 values: a kernel position that sees nothing but padding gets a gradient
            # that is not initialised from the bfloat16 convolutions of torch on some CPUs.
            PadToMultiple(8),
            convolution(channels + 1, KERNELS, 3, 2, 1),
            LeakyReLU(slope),
            convolution(KERNELS, KERNELS, 3, 2, 1),
            LeakyReLU(slope),
            FlattenChannelsLast(),
            SeededDropout(dropout),
        )
        self.label = LabelMap(n_classes, size)
        cells = math.prod(n // 4 for n in padded_size(size, 8))
        self.output = nn.Linear(KERNELS * cells, 1)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Logits (n,) of `x` (n, channels, *size) under the classes `y`, in float32."""
        features = self.layers(torch.cat([x, self.label(y).to(x.dtype)], dim=1))
        return self.output(features).squeeze(1).float()
