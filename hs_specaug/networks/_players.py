"""Who takes a step in the training loop, what it minimises, and what its step costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from ._device import Precision

Losses = dict[str, Tensor]


@dataclass
class Player:
    """One network that is optimised, and what it minimises.

    Attributes
    ----------
    name : str
        Name in the history.
    module : torch.nn.Module
        The parameters that this player may move; all others stand still in its step.
    losses : callable
        Draws what it needs and returns the terms of the loss by name; their sum is minimised.
    updates : int
        Steps of this player per update of the others (`n_critic` for a discriminator).
    learning_rate, betas
        Of Adam.
    """

    name: str
    module: nn.Module
    losses: Callable[[], Losses]
    updates: int = 1
    learning_rate: float = 2e-4
    betas: tuple[float, float] = (0.5, 0.9)
    optimizer: torch.optim.Optimizer = field(init=False)
    seconds: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        self.parameters = list(self.module.parameters())
        self.optimizer = torch.optim.Adam(
            self.parameters, lr=self.learning_rate, betas=self.betas, fused=True
        )

    def step(self, losses: Callable[[], Losses], precision: Precision) -> Losses:
        """Move against the gradient of the sum of `losses`; return its terms, detached."""
        with precision.autocast():
            terms = losses()
        total = torch.stack([t.float() for t in terms.values()]).sum()
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()
        self.optimizer.step()
        return {"": total.detach(), **{k: v.detach() for k, v in terms.items()}}

    def scale_rate(self, factor: float) -> None:
        """Set the learning rate to `factor` times the one the player was made with."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate * factor


class PassCounter:
    """Count forward and backward passes through networks, for instance in one training step.

    A pass is counted at the first layer that has weights, so a network that is entered through
    its parts (`features`, then `head`) counts once for each entry.

    Parameters
    ----------
    networks : mapping of str to torch.nn.Module
        What to watch; use as a context manager.

    Attributes
    ----------
    counts : dict of str to list
        ``[forward, backward]`` of each network.
    """

    def __init__(self, networks: Mapping[str, nn.Module] | nn.ModuleDict) -> None:
        self.networks = dict(networks.items())
        self.counts = {name: [0, 0] for name in self.networks}
        self._hooks: list[Any] = []

    def __enter__(self) -> PassCounter:
        for name, network in self.networks.items():
            entrance = self._entrance(network)
            if entrance is not None:
                self._hooks.append(entrance.register_forward_hook(self._hook(name)))
        return self

    def __exit__(self, *error: object) -> None:
        for hook in self._hooks:
            hook.remove()

    @staticmethod
    def _entrance(network: nn.Module) -> nn.Module | None:
        layers = (nn.modules.conv._ConvNd, nn.Linear)
        return next((m for m in network.modules() if isinstance(m, layers)), None)

    def _hook(self, name: str) -> Callable[..., None]:
        count = self.counts[name]

        def backward(gradient: Tensor) -> None:
            count[1] += 1

        def forward(module: nn.Module, inputs: Any, output: Tensor) -> None:
            count[0] += 1
            if output.requires_grad:
                output.register_hook(backward)

        return forward
