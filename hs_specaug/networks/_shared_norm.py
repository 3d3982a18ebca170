"""Batch normalisation over a batch whose rows are spread over several processes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm

if TYPE_CHECKING:
    from ._data_parallel import ProcessGroup


@contextlib.contextmanager
def shared_batch_norms(modules: Mapping[str, nn.Module], group: ProcessGroup) -> Iterator[None]:
    """Let batch normalisation inside `modules` see the rows of all processes, within this context.

    The rows of a GAN's batch in one process are few, and their mean and variance noisy. With
    those of all processes the result does not depend on how many there are. Unlike
    :class:`torch.nn.SyncBatchNorm` this works on CPUs, too, and can be differentiated twice.
    """
    layers = {
        id(layer): layer
        for module in modules.values()
        for layer in module.modules()
        if isinstance(layer, _BatchNorm)
    }
    for layer in layers.values():
        vars(layer)["forward"] = partial(_forward, layer, group)
    try:
        yield
    finally:
        for layer in layers.values():
            del vars(layer)["forward"]


def _forward(layer: _BatchNorm, group: ProcessGroup, x: Tensor) -> Tensor:
    """Normalise `x` (n, channels, ...), where all processes have the same number of rows."""
    if not layer.training:
        return type(layer).forward(layer, x)
    values = x.float()
    variance, mean = torch.var_mean(values, [0, *range(2, x.ndim)], correction=0)
    # A row of the table for each process: summed, it is what everyone knows of its own rows.
    own = torch.stack([mean, variance]).unsqueeze(0)
    table = group.sum(F.pad(own, (0, 0, 0, 0, group.rank, group.size - 1 - group.rank)))
    means, variances = table.unbind(dim=1)
    mean = means.mean(dim=0)
    variance = variances.mean(dim=0) + means.var(dim=0, correction=0)
    _move_running_statistics(layer, mean, variance, group.size * x.numel() // x.shape[1])
    shape = (1, -1, *(1,) * (x.ndim - 2))
    scale = torch.rsqrt(variance + layer.eps) * layer.weight
    out = (values - mean.reshape(shape)) * scale.reshape(shape) + layer.bias.reshape(shape)
    return out.to(x.dtype)


@torch.no_grad()
def _move_running_statistics(layer: _BatchNorm, mean: Tensor, variance: Tensor, n: int) -> None:
    counter, momentum = layer.num_batches_tracked, layer.momentum
    assert counter is not None
    assert layer.running_mean is not None
    assert layer.running_var is not None
    counter += 1
    share = 1.0 / float(counter) if momentum is None else momentum
    layer.running_mean.lerp_(mean, share)
    layer.running_var.lerp_(variance * (n / (n - 1)), share)
