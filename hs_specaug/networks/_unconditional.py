"""Networks that do not know the class: decoders of latent vectors, and one network per class."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from ._blocks import TransposedTrunk


class UnconditionalGenerator(nn.Module):
    """G(h): a latent vector to a spectrum or image in (−1, 1), whatever its class.

    Parameters
    ----------
    latent_dim : int
        Length of the latent vector.
    channels, size
        Of the output, see :class:`TransposedTrunk`.
    """

    def __init__(self, latent_dim: int, channels: int, size: tuple[int, ...]) -> None:
        super().__init__()
        self.trunk = TransposedTrunk(latent_dim, channels, size)

    def forward(self, h: Tensor) -> Tensor:
        """Map (n, latent_dim) to (n, channels, *size)."""
        return self.trunk(h)

    def decode(self, h: Tensor, y: Tensor) -> Tensor:
        """Decode latent vectors of an encoder; `y` is not looked at."""
        return self(h)


class PerClass(nn.Module):
    """One network for each class, behind the calls of a class-conditional one.

    Parameters
    ----------
    members : iterable of torch.nn.Module
        One per class, in the order of the codes.
    """

    def __init__(self, members: Iterable[nn.Module]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Give each row of `x` (n, ...) to the network of its class `y` (n,)."""
        order = y.argsort(stable=True)
        parts = x[order].split(y.bincount(minlength=len(self.members)).tolist())
        rows = [member(part) for member, part in zip(self.members, parts, strict=True) if len(part)]
        return torch.cat(rows)[order.argsort()]
