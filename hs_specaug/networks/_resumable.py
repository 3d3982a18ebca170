"""A training that can be put on disk after an epoch and go on there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from ._players import Player
from ._states import BestState, Kept, Tensors
from ._stream import Source


class Resumable(ABC):
    """The part of :class:`~hs_specaug.networks.TrainingLoop` that checkpoints ask for."""

    epoch: int
    history: dict[str, list[float]]
    players: Sequence[Player]
    sources: Mapping[str, Source]
    best: BestState | None
    _good: Kept

    @abstractmethod
    def _go_back(self) -> None:
        """Return to the last complete epoch in every respect."""

    def state(self) -> tuple[dict[str, Any], Tensors]:
        """Return the last complete epoch as JSON values and tensors, for a checkpoint.

        The tensors are buffers of the loop; who wants them for longer than an epoch copies them.
        """
        facts = {k: v for k, v in self._good.facts.items() if k != "places"}
        tensors = {f"live.{k}": v for k, v in self._good.tensors.items()}
        for source, place in self._good.facts["places"].items():
            tensors |= {f"place.{source}.{k}": v for k, v in place.items()}
        for key, values in self.history.items():
            tensors[f"history.{key}"] = torch.tensor(values[: self.epoch], dtype=torch.float64)
        if self.best is not None:
            facts["best"], best = self.best.state()
            tensors |= {f"best.{k}": v for k, v in best.items()}
        return facts, tensors

    def load_state(self, facts: dict[str, Any], tensors: Tensors) -> None:
        """Go on after the epoch that :meth:`state` returned.

        Raises
        ------
        KeyError
            If the state is of another training.
        """

        def under(prefix: str) -> Tensors:
            return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}

        places = {name: under(f"place.{name}.") for name in self.sources}
        best = facts.pop("best", None)
        if self.best is not None:
            self.best.load_state(best, under("best."))
        self.history = {key: values.tolist() for key, values in under("history.").items()}
        for player in self.players:
            player.seconds = facts["seconds"][player.name]
        self._good.keep(under("live."), **facts, places=places)
        self._go_back()
