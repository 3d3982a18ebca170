"""The two convolution stacks of the papers: four strided blocks down, four blocks up."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from torch import Tensor, nn

from ._layers import (
    BATCH_NORM,
    CONVOLUTION,
    TRANSPOSED,
    FlattenChannelsLast,
    PadToMultiple,
    check_dimension,
    padded_size,
)
from ._slopes import LeakyReLU


class ConvolutionTrunk(nn.Module):
    """Blocks of [convolution, LeakyReLU], flattened (paper 000, tables 6 and 7).

    Kernel 4, stride 2, "same" padding, no normalisation: a gradient penalty is a statement
    about single samples, which batch normalisation would mix.

    Parameters
    ----------
    channels : int
        Channels of the input.
    size : tuple of int
        ``(length,)`` or ``(height, width)`` of the input.
    kernels : sequence of int
        Kernels of each block.
    slope : float
        Negative slope of LeakyReLU.

    Attributes
    ----------
    n_features : int
        Length of the flattened output.
    """

    def __init__(
        self,
        channels: int,
        size: tuple[int, ...],
        kernels: Sequence[int] = (64, 128, 128, 256),
        slope: float = 0.2,
    ) -> None:
        super().__init__()
        convolution = CONVOLUTION[check_dimension(size)]
        multiple = 2 ** len(kernels)
        layers: list[nn.Module] = [PadToMultiple(multiple)]
        for n_in, n_out in itertools.pairwise((channels, *kernels)):
            layers += [convolution(n_in, n_out, 4, 2, 1), LeakyReLU(slope)]
        self.layers = nn.Sequential(*layers, FlattenChannelsLast())
        cells = math.prod(n // multiple for n in padded_size(size, multiple))
        self.n_features = kernels[-1] * cells

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, channels, *size) to (n, n_features)."""
        return self.layers(x)


class TransposedTrunk(nn.Module):
    """Dense layer, then blocks of [transposed convolution, BatchNorm, LeakyReLU], then tanh.

    Paper 000, table 6, with the start of the reference implementation: the vector is mapped to
    ``width`` feature maps of a sixteenth of the output size. The last block has neither
    normalisation nor LeakyReLU but tanh. Surplus channels are cut off at the end.

    Parameters
    ----------
    n_inputs : int
        Length of the input vector.
    channels : int
        Channels of the output.
    size : tuple of int
        ``(length,)`` or ``(height, width)`` of the output.
    kernels : sequence of int
        Kernels of each block but the last.
    width : int
        Feature maps after the dense layer.
    slope : float
        Negative slope of LeakyReLU.
    """

    def __init__(
        self,
        n_inputs: int,
        channels: int,
        size: tuple[int, ...],
        kernels: Sequence[int] = (128, 128, 64),
        width: int = 256,
        slope: float = 0.2,
    ) -> None:
        super().__init__()
        ndim = check_dimension(size)
        multiple = 2 ** (len(kernels) + 1)
        self.size = tuple(size)
        self.base = tuple(n // multiple for n in padded_size(size, multiple))
        self.width = width
        self.dense = nn.Sequential(
            nn.Linear(n_inputs, width * math.prod(self.base)), LeakyReLU(slope)
        )
        layers: list[nn.Module] = []
        for n_in, n_out in itertools.pairwise((width, *kernels)):
            # The bias would be removed again by the normalisation.
            layers += [
                TRANSPOSED[ndim](n_in, n_out, 4, 2, 1, bias=False),
                BATCH_NORM[ndim](n_out),
                LeakyReLU(slope),
            ]
        layers += [TRANSPOSED[ndim](kernels[-1], channels, 4, 2, 1)]
        self.layers = nn.Sequential(*layers)

    def forward(self, h: Tensor) -> Tensor:
        """Map (n, n_inputs) to (n, channels, *size) in (−1, 1)."""
        maps = self.dense(h).unflatten(1, (*self.base, self.width)).movedim(-1, 1)
        # tanh in float32: in bfloat16 it would quantise the spectrum itself.
        out = self.layers(maps).float().tanh()
        return out[(..., *(slice(n) for n in self.size))]
