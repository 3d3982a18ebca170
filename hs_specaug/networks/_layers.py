"""Layers that exist in one and two dimensions, and their initialisation."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# The global generator is one for all threads: building must not overlap.
_GLOBAL_STATE = threading.Lock()

M = TypeVar("M", bound=nn.Module)

CONVOLUTION: dict[int, type[nn.Module]] = {1: nn.Conv1d, 2: nn.Conv2d}
TRANSPOSED: dict[int, type[nn.Module]] = {1: nn.ConvTranspose1d, 2: nn.ConvTranspose2d}
BATCH_NORM: dict[int, type[nn.Module]] = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d}


def check_dimension(size: tuple[int, ...]) -> int:
    """Return the number of spatial dimensions of `size`: 1 for spectra, 2 for images."""
    if len(size) not in CONVOLUTION:
        raise ValueError(
            f"size must have one (spectra) or two (images) dimensions, got {size!r}; "
            "pass the shape of one row without its channels"
        )
    return len(size)


def padded_size(size: tuple[int, ...], multiple: int) -> tuple[int, ...]:
    """Round every entry of `size` up to a multiple of `multiple`."""
    return tuple(-(-n // multiple) * multiple for n in size)


class PadToMultiple(nn.Module):
    """Repeat the last values of every spatial axis until its size divides by `multiple`.

    Strided convolutions halve the axis four times; a length that does not divide by 16 (or is
    as short as one channel) would lose its end without this.
    """

    def __init__(self, multiple: int = 16) -> None:
        super().__init__()
        self.multiple = multiple

    def forward(self, x: Tensor) -> Tensor:
        """Pad `x` of shape (n, channels, *size)."""
        size = tuple(x.shape[2:])
        missing = [p - n for n, p in zip(size, padded_size(size, self.multiple), strict=True)]
        if not any(missing):
            return x
        # F.pad counts from the last axis backwards, (before, after) each.
        pad = [v for m in reversed(missing) for v in (0, m)]
        return F.pad(x, pad, mode="replicate")


def initialise(module: nn.Module, generator: torch.Generator, sd: float = 0.02) -> None:
    """Draw all weights from normal(0, `sd`) (paper 000, tables 6 and 7), biases at zero.

    Batch normalisation starts as the identity. A module that has `initialise_own(generator)`
    (a label embedding, say) sets its own parameters afterwards. All draws come from
    `generator` in module order, so that a seed gives the same network everywhere.
    """
    for child in module.modules():
        if isinstance(child, nn.modules.batchnorm._BatchNorm):
            child.reset_running_stats()
            nn.init.ones_(child.weight)
            nn.init.zeros_(child.bias)
        elif isinstance(child, nn.modules.conv._ConvNd | nn.Linear | nn.Embedding):
            nn.init.normal_(child.weight, 0.0, sd, generator=generator)
            bias = getattr(child, "bias", None)
            if bias is not None:
                nn.init.zeros_(bias)
    for child in module.modules():
        own = getattr(child, "initialise_own", None)
        if own is not None:
            own(generator)


def build_network(factory: Callable[[], M], seed: int) -> M:
    """Build a network on the CPU with weights that depend on `seed` alone.

    torch draws default weights from its global generator when a layer is made; those draws are
    undone, so that the user's own random numbers do not move.
    """
    with _GLOBAL_STATE, torch.random.fork_rng(devices=[]):
        network = factory()
    initialise(network, torch.Generator().manual_seed(seed))
    return network
