"""Self-attention over the positions of a spectrum or an image."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ._layers import CONVOLUTION, padded_size

#: Most positions that are compared with each other: the map of attention has the square of it.
MOST_POSITIONS = 1024


class SelfAttention(nn.Module):
    """Every position looks at all others (paper 001, Eqs. 1–3; Zhang et al., ICML 2019).

    Starts as the identity, because γ starts at 0: local features first, distant ones later.

    Parameters
    ----------
    channels : int
        Channels of input and output.
    ndim : int
        1 for spectra, 2 for images.
    reduction : int
        Queries, keys and values have ``channels / reduction`` channels, at least one. The paper
        names no number; 8 is that of Zhang et al.
    """

    def __init__(self, channels: int, ndim: int, reduction: int = 8) -> None:
        super().__init__()
        convolution, inner = CONVOLUTION[ndim], max(1, channels // reduction)
        # A bias of f adds the same to s_ij for all i, which the softmax takes out again.
        self.f = convolution(channels, inner, 1, bias=False)
        self.g = convolution(channels, inner, 1)
        self.h = convolution(channels, inner, 1)
        self.v = convolution(inner, channels, 1)
        self.scale = nn.Parameter(torch.zeros(()))

    def attention(self, x: Tensor) -> Tensor:
        """Return β (n, positions j, positions i): how much j looks at i, each row sums to 1.

        β_ji = exp(s_ij) / Σ_i exp(s_ij) with s_ij = f(x_i)ᵀ g(x_j)   (Eq. 1).
        """
        f, g = self.f(x).flatten(2), self.g(x).flatten(2)
        return (g.transpose(1, 2) @ f).softmax(dim=2)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, channels, *size) to the same shape."""
        values = self.h(x).flatten(2)
        # o_j = v(Σ_i β_ji h(x_i))   (Eq. 2)
        mixed = values @ self.attention(x).transpose(1, 2)
        o = self.v(mixed.reshape(*mixed.shape[:2], *x.shape[2:]))
        return self.scale * o + x  # y_i = γ o_i + x_i   (Eq. 3)


def attended_block(size: tuple[int, ...], blocks: int = 4) -> int:
    """Return after which strided block of an encoder the positions attend to each other.

    The second, a quarter of the size: fine enough for texture. A later one where there would be
    more than `MOST_POSITIONS` positions. The decoder attends at the same resolution.

    Parameters
    ----------
    size : tuple of int
        Of the rows, without channels.
    blocks : int
        Number of blocks, each of which halves the size.
    """
    padded = padded_size(size, 2**blocks)
    for block in range(2, blocks):
        if math.prod(n // 2**block for n in padded) <= MOST_POSITIONS:
            return block
    return blocks
