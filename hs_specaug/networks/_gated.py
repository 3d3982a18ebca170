"""Gated convolutions: half of the kernels say what is there, the other half what passes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from torch import Tensor, nn

from ._attention import SelfAttention, attended_block
from ._layers import CONVOLUTION, FlattenChannelsLast, PadToMultiple, check_dimension, padded_size


class GatedConvolution(nn.Module):
    """h(x) = (x ∗ W + b) ⊗ σ(x ∗ V + c), strided (paper 001, Eq. 4; Dauphin et al., ICML 2017).

    One convolution, whose output is split: the first half of the kernels (W, b) are features,
    the second half (V, c) their gates. The gate is the activation; there is no other.

    Parameters
    ----------
    channels : int
        Channels of the input.
    kernels : int
        Number of kernels, even; the output has half as many channels.
    ndim : int
        1 for spectra, 2 for images.

    Raises
    ------
    ValueError
        If `kernels` is odd.
    """

    def __init__(self, channels: int, kernels: int, ndim: int) -> None:
        super().__init__()
        if kernels % 2:
            raise ValueError(
                f"kernels must be even, because half of them are gates, got {kernels}; "
                f"pass {kernels + 1}"
            )
        self.convolution = CONVOLUTION[ndim](channels, kernels, 4, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, channels, *size) to (n, kernels / 2, *size / 2)."""
        features, gates = self.convolution(x).chunk(2, dim=1)
        return features * gates.sigmoid()


class GatedTrunk(nn.Module):
    """Gated convolutions with self-attention between them, flattened.

    The counterpart of :class:`ConvolutionTrunk`: the same kernels, half of which are gates here.

    Parameters
    ----------
    channels : int
        Channels of the input.
    size : tuple of int
        ``(length,)`` or ``(height, width)`` of the input.
    kernels : sequence of int
        Kernels of each block.

    Attributes
    ----------
    n_features : int
        Length of the flattened output.
    """

    def __init__(
        self,
        channels: int = 3,
        size: tuple[int, ...] = (64, 64),
        kernels: Sequence[int] = (64, 128, 128, 256),
    ) -> None:
        super().__init__()
        ndim, blocks = check_dimension(size), len(kernels)
        multiple = 2**blocks
        widths = (channels, *(n // 2 for n in kernels))
        layers: list[nn.Module] = [PadToMultiple(multiple)]
        for block, (n_in, n_out) in enumerate(itertools.pairwise(widths), start=1):
            layers.append(GatedConvolution(n_in, 2 * n_out, ndim))
            if block == attended_block(size, blocks):
                layers.append(SelfAttention(n_out, ndim))
        self.layers = nn.Sequential(*layers, FlattenChannelsLast())
        self.n_features = widths[-1] * math.prod(n // multiple for n in padded_size(size, multiple))

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, channels, *size) to (n, n_features)."""
        return self.layers(x)
