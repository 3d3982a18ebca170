"""Layers that exist in one and two dimensions, and their initialisation."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ._slopes import convolve

# The global generator is one for all threads: building must not overlap.
_GLOBAL_STATE = threading.Lock()

M = TypeVar("M", bound=nn.Module)


def channels_last(x: Tensor) -> Tensor:
    """Return images (n, channels, height, width) with the channels of a pixel side by side.

    What matrix units read fastest, on a CPU and on a GPU; nothing is copied where it is so
    already. Written with permutations, because a query of the memory format fails under vmap.
    """
    if x.shape[1] == 1:
        # One channel lies beside itself anyhow, but only these strides say so: of others torch
        # takes the channels to come last nowhere, and convolves ten times as slowly.
        return x.reshape(len(x), *x.shape[2:], 1).permute(0, 3, 1, 2)
    return x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)


def _on_spectra(product: Callable[..., Tensor], layer: Any, x: Tensor) -> Tensor:
    """Convolve spectra as images of height one, for which there is faster code."""
    images, kernels = channels_last(x.unsqueeze(2)), layer.weight.unsqueeze(2)
    return product(images, kernels, layer.bias, (1, *layer.stride), (0, *layer.padding)).squeeze(2)


class Conv1d(nn.Conv1d):
    """Convolution of spectra whose channels lie side by side."""

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, channels, length) to (n, kernels, new length)."""
        return _on_spectra(convolve, self, x)


class ConvTranspose1d(nn.ConvTranspose1d):
    """Transposed convolution of spectra whose channels lie side by side."""

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        """Map (n, channels, length) to (n, kernels, new length)."""
        return _on_spectra(F.conv_transpose2d, self, x)


class Conv2d(nn.Conv2d):
    """Convolution of images whose channels lie side by side."""

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, channels, height, width) to (n, kernels, new height, new width)."""
        return convolve(channels_last(x), self.weight, self.bias, self.stride, self.padding)


class ConvTranspose2d(nn.ConvTranspose2d):
    """Transposed convolution of images whose channels lie side by side."""

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        """Map (n, channels, height, width) to (n, kernels, new height, new width)."""
        return super().forward(channels_last(x), output_size)


class FlattenChannelsLast(nn.Module):
    """Flatten maps whose channels lie side by side, in the order in which they lie."""

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, channels, *size) to (n, product of size × channels)."""
        return x.movedim(1, -1).flatten(1)


class BatchNorm1d(nn.BatchNorm1d):
    """Batch normalisation of spectra that leaves the channels side by side."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (n, channels, length), every channel by itself."""
        if x.ndim != 3:
            return super().forward(x)
        return (
            super().forward(x.movedim(1, 2).flatten(0, 1)).unflatten(0, (len(x), -1)).movedim(2, 1)
        )


# Group normalisation would copy channels-last maps back, so a network with it takes these.
PLAIN_CONVOLUTION: dict[int, type[nn.Module]] = {1: nn.Conv1d, 2: nn.Conv2d}
CONVOLUTION: dict[int, type[nn.Module]] = {1: Conv1d, 2: Conv2d}
TRANSPOSED: dict[int, type[nn.Module]] = {1: ConvTranspose1d, 2: ConvTranspose2d}
BATCH_NORM: dict[int, type[nn.Module]] = {1: BatchNorm1d, 2: nn.BatchNorm2d}


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
