"""What training changes, as tensors: kept in memory, put back, or written to a checkpoint."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from ._players import Player

Tensors = dict[str, Tensor]


def _weights(modules: Mapping[str, nn.Module]) -> Tensors:
    """Return all parameters and buffers by name, those of shared modules once."""
    found: Tensors = {}
    seen: set[int] = set()
    for owner, module in modules.items():
        for name, tensor in itertools.chain(module.named_parameters(), module.named_buffers()):
            if id(tensor) not in seen:
                seen.add(id(tensor))
                found[f"{owner}.{name}"] = tensor.detach()
    return found


def live_tensors(modules: Mapping[str, nn.Module], players: Sequence[Player] = ()) -> Tensors:
    """Return weights, buffers and optimiser moments, as the tensors that training changes."""
    live = _weights(modules)
    for player in players:
        for i, parameter in enumerate(player.parameters):
            for name, value in player.optimizer.state.get(parameter, {}).items():
                live[f"{player.name}.optimizer.{i}.{name}"] = value
    return live


@torch.no_grad()
def load_tensors(
    tensors: Tensors, modules: Mapping[str, nn.Module], players: Sequence[Player] = ()
) -> None:
    """Put back what :func:`live_tensors` returned.

    Raises
    ------
    KeyError
        If a weight is missing.
    """
    for name, live in _weights(modules).items():
        live.copy_(tensors[name].reshape(live.shape))
    for player in players:
        for i, parameter in enumerate(player.parameters):
            prefix = f"{player.name}.optimizer.{i}."
            kept = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
            if not kept:  # before the first step there are no moments
                player.optimizer.state.pop(parameter, None)
                continue
            moments = player.optimizer.state[parameter]
            for name, value in kept.items():
                shape = () if name == "step" else parameter.shape
                moments[name] = value.to(parameter.device, copy=True).reshape(shape)


def check_sizes(tensors: Tensors, live: Tensors) -> None:
    """Refuse tensors from a file that cannot be put back into `live`.

    Raises
    ------
    KeyError
        If one is missing.
    ValueError
        If one has another number of values.
    """
    for name, tensor in live.items():
        if tensors[name].numel() != tensor.numel():
            raise ValueError(f"{name} has {tensors[name].numel()} values, not {tensor.numel()}")


class Kept:
    """Copies of tensors in buffers that are used again, and the facts that go with them.

    There are two sets of buffers: one holds the last complete copy while the other is filled, so
    that an interrupt in between finds a whole state.

    Attributes
    ----------
    tensors : dict of str to Tensor
        The last complete copy.
    facts : dict
        What was given with it.
    """

    def __init__(self) -> None:
        self._held: tuple[Tensors, dict[str, Any]] = ({}, {})
        self._spare: tuple[Tensors, dict[str, Any]] = ({}, {})

    @property
    def tensors(self) -> Tensors:
        """The copies."""
        return self._held[0]

    @property
    def facts(self) -> dict[str, Any]:
        """What was given with them."""
        return self._held[1]

    def __bool__(self) -> bool:
        return bool(self._held[1])

    @torch.no_grad()
    def keep(self, tensors: Tensors, **facts: Any) -> None:
        """Copy `tensors`; `facts` (at least one) are kept as they are."""
        buffers = self._spare[0]
        filled = {}
        for name, tensor in tensors.items():
            buffer = buffers.get(name)
            if buffer is None or buffer.shape != tensor.shape:
                buffer = torch.empty_like(tensor)
            filled[name] = buffer.copy_(tensor)
        held = self._held
        self._held = (filled, facts)
        self._spare = held

    def undo(self) -> None:
        """Return to the copy before the last one."""
        self._held, self._spare = self._spare, self._held


class WeightAverage:
    """Exponential moving average of a network's weights: a ← d a + (1 − d) w after every round.

    Buffers (running statistics) are taken over as they are.

    Parameters
    ----------
    module : torch.nn.Module
        The network that is trained.
    decay : float
        d, between 0 and 1.

    Attributes
    ----------
    average : torch.nn.Module
        A network of the same kind with the averaged weights, in evaluation mode.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.module, self.decay = module, decay
        self.average = copy.deepcopy(module).requires_grad_(False).eval()

    @torch.no_grad()
    def update(self) -> None:
        """Move the average towards the present weights."""
        for mean, now in zip(self.average.parameters(), self.module.parameters(), strict=True):
            mean.lerp_(now, 1.0 - self.decay)
        for kept, latest in zip(self.average.buffers(), self.module.buffers(), strict=True):
            kept.copy_(latest)


@dataclass
class BestState:
    """Keep the weights of one network from the epoch in which a score was lowest.

    Players of a game do not improve step by step; the last state is one of many.

    Attributes
    ----------
    module : torch.nn.Module
        Whose weights are kept.
    score : callable
        Returns a number, lower is better; asked before the first epoch and as often as the
        loop says. Its attribute `diversity`, if it has one, is read after each call.
    diversity : float or None
        Diversity of the samples at the last look.
    """

    module: nn.Module
    score: Callable[[], float]
    diversity: float | None = field(init=False, default=None)
    _weights: Kept = field(init=False, default_factory=Kept)
    _everything: Kept = field(init=False, default_factory=Kept)

    @property
    def epoch(self) -> int:
        """Epoch of the best state; 0 is before the first step."""
        return self._weights.facts.get("epoch", 0)

    @property
    def value(self) -> float:
        """Its score."""
        return self._weights.facts.get("value", math.inf)

    @property
    def diversity_of_best(self) -> float | None:
        """Diversity of its samples."""
        return self._weights.facts.get("diversity")

    def look(self, epoch: int, everything: Tensors | None = None) -> float:
        """Score the present state and keep it if it is the best so far.

        Parameters
        ----------
        epoch : int
            The present epoch.
        everything : dict of str to Tensor, optional
            State of all players, to which a collapsed training can return.
        """
        training = self.module.training
        self.module.eval()
        value = self.score()
        self.module.train(training)
        self.diversity = getattr(self.score, "diversity", None)
        if value < self.value or not self._weights:
            if everything is not None:
                self._everything.keep(everything, epoch=epoch)
            worst = math.inf if math.isnan(value) else value
            self._weights.keep(
                _weights({"best": self.module}),
                epoch=epoch,
                value=worst,
                diversity=self.diversity,
            )
        return value

    def restore(self) -> None:
        """Put the best weights back."""
        if self._weights:
            load_tensors(self._weights.tensors, {"best": self.module})

    @property
    def everything(self) -> Tensors:
        """State of all players in the best epoch."""
        return self._everything.tensors

    def forget_after(self, epoch: int) -> None:
        """Return to the best state before, if the last one is of an unfinished epoch."""
        if self.epoch > epoch:
            self._weights.undo()
            self._everything.undo()

    def state(self) -> tuple[dict[str, Any], Tensors]:
        """Return facts and tensors for a checkpoint."""
        weights = {f"weights.{k}": v for k, v in self._weights.tensors.items()}
        everything = {f"everything.{k}": v for k, v in self.everything.items()}
        return dict(self._weights.facts), {**weights, **everything}

    def load_state(self, facts: dict[str, Any], tensors: Tensors) -> None:
        """Restore what :meth:`state` returned."""
        for kept, prefix in ((self._weights, "weights."), (self._everything, "everything.")):
            own = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
            if kept is self._weights:
                check_sizes(own, _weights({"best": self.module}))
            kept.keep(own, **facts)
