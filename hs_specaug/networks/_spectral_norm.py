"""Spectral normalisation of all layers of a network (Miyato et al., ICLR 2018)."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.utils import parametrizations, parametrize

from ._layers import _GLOBAL_STATE


def _layers(network: nn.Module) -> list[nn.Module]:
    kinds = (nn.modules.conv._ConvNd, nn.Linear, nn.Embedding)
    return [module for module in network.modules() if isinstance(module, kinds)]


def normalise_spectrally(network: nn.Module, seed: int) -> None:
    """Divide the weight of every convolution and dense layer by its largest singular value.

    The power iteration starts from vectors that depend on `seed` alone; torch draws them from
    its global generator, which is put back.

    Parameters
    ----------
    network : torch.nn.Module
        Changed in place; its parameters are new objects afterwards.
    seed : int
        Of the start vectors.
    """
    with _GLOBAL_STATE, torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        for layer in _layers(network):
            device = next(layer.parameters()).device
            # The start vectors are drawn where the weight is: on the CPU, like all seeds.
            layer.to("cpu")
            parametrizations.spectral_norm(layer)
            layer.to(device)


def remove_spectral_norm(network: nn.Module) -> None:
    """Leave the normalised weights as plain ones, so that files need no special reader."""
    for layer in _layers(network):
        if parametrize.is_parametrized(layer, "weight"):
            parametrize.remove_parametrizations(layer, "weight", leave_parametrized=True)
