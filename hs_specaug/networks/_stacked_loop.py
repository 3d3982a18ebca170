"""Several trainings of one kind that make every step together."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from ._guards import OutOfStep
from ._heap import training_bar
from ._players import Losses, Player
from ._stacked import Stack
from ._states import live_tensors, load_tensors
from ._training import TrainingLoop


class StackedSource(Protocol):
    """What draws for all members, and hands it to losses that compute for all at once."""

    def listen(self, losses: Callable[[], Losses]) -> Any:
        """Run `losses` of the first member once and return what was drawn for it, as a plan."""

    def draw(self, plan: Any) -> tuple[Any, Tensor | None]:
        """Draw for all members; return the numbers, and of whom some means are over no rows."""

    def played(self, plan: Any, values: Any) -> contextlib.AbstractContextManager:
        """Context in which the draws of the first member are `values`."""


class StackedLoop:
    """Run several training loops as one, with the same results but for rounding.

    Every member keeps its books as it would alone: history, scores, best state, patience. Only
    the steps are made together, by one optimiser over stacked weights: that of Adam is
    elementwise. A member whose loss is not finite, or which collapses, leaves the stack.

    Parameters
    ----------
    loops : sequence of TrainingLoop
        With the same players, epochs and steps; not begun.
    source : StackedSource
        Draws what the losses need.

    Attributes
    ----------
    left : set of int
        Numbers of the members that fell out of step. Their networks are of no use.
    """

    def __init__(self, loops: Sequence[TrainingLoop], source: StackedSource) -> None:
        self.loops, self.source = list(loops), source
        self.first = self.loops[0]
        self.left: set[int] = set()
        for loop in self.loops:
            loop.in_step = True
            if (loop.epochs, loop.steps_per_epoch) != (
                self.first.epochs,
                self.first.steps_per_epoch,
            ):
                raise ValueError(
                    f"{loop.description}: trainings in step need equal numbers of epochs and "
                    f"steps, got {loop.epochs} × {loop.steps_per_epoch} and {self.first.epochs} × "
                    f"{self.first.steps_per_epoch}; give them equal numbers of rows"
                )

    def fit_loop(self) -> StackedLoop:
        """Train all members to their ends, or to Ctrl-C, which each takes as it would alone."""
        for loop in self.loops:
            loop.begin()
        self._plans = [listened(self.first, p, self.source) for p in self.first.players]
        self.stack = Stack([_trained(loop) for loop in self.loops])
        self._optimizers = [self._optimizer(player) for player in self.first.players]
        description = f"{self.first.description}, {len(self.loops)} together"
        shown = any(loop.show_progressbar for loop in self.loops)
        with training_bar(description, self.first.epochs, shown=shown) as bar:
            try:
                while self._going():
                    self._complete_epoch()
                    bar.update()
            except KeyboardInterrupt:
                for r in self._present():
                    self.loops[r].interrupt()
            finally:
                for loop in self.loops:
                    loop.finish()
                self.stack.dissolve()
        return self

    def _optimizer(self, player: Player) -> torch.optim.Optimizer:
        kind: Any = type(player.optimizer)
        return kind(self.stack.of(player.parameters), **player.optimizer.defaults)

    # --- steps -------------------------------------------------------------------------

    def _present(self) -> list[int]:
        return [r for r in range(len(self.loops)) if r not in self.left]

    def _going(self) -> list[int]:
        return [r for r in self._present() if not self.loops[r].ended]

    def _complete_epoch(self) -> None:
        going = self._going()
        for r in going:
            self.loops[r].begin_epoch()
        losses = self._run_single_epoch()
        for r in going:
            try:
                self.loops[r].end_epoch(losses[r])
            except OutOfStep:
                self.left.add(r)

    def _run_single_epoch(self) -> list[dict[str, float]]:
        """Make all rounds of an epoch; return the mean of each term for every member."""
        sums: dict[str, Tensor] = {}
        counts: dict[str, Tensor] = {}
        for _ in range(self.first.steps_per_epoch):
            for number, player in enumerate(self.first.players):
                for i, optimizer in enumerate(self._optimizers):
                    for group in optimizer.param_groups:
                        for tensor in group["params"]:
                            tensor.requires_grad_(i == number)
                for _ in range(player.updates):
                    for term, value in self._step(number).items():
                        key = f"{player.name}/{term}" if term else player.name
                        known = ~self._without(value)
                        sums[key] = sums.get(key, 0.0) + torch.where(known, value, 0.0)
                        counts[key] = counts.get(key, 0) + known
            for loop in self.loops:
                if loop.average is not None:
                    loop.average.update()
        # One transfer per epoch: asking for every loss would make a GPU wait for the host.
        table = {key: (total.tolist(), counts[key].tolist()) for key, total in sums.items()}
        return [
            {key: total[r] / count[r] for key, (total, count) in table.items() if count[r]}
            for r in range(len(self.loops))
        ]

    def _step(self, number: int) -> Losses:
        """Make one step of one player; return its terms, each of shape (members,)."""
        started = time.perf_counter()
        player, optimizer = self.first.players[number], self._optimizers[number]
        plan = self._plans[number]
        values, self._over_nothing = self.source.draw(plan)

        def losses(own: Any) -> Losses:
            with self.source.played(plan, own):
                return player.losses()

        terms = self.stack.call(losses, values, self.first.precision)
        terms = {name: value.float() for name, value in terms.items()}
        total = torch.stack(
            [torch.where(self._without(value), 0.0, value) for value in terms.values()]
        ).sum(dim=0)
        optimizer.zero_grad(set_to_none=True)
        total.sum().backward()
        optimizer.step()
        seconds = (time.perf_counter() - started) / len(self.loops)
        for loop in self.loops:
            loop.players[number].seconds += seconds
        return {"": total.detach(), **{k: v.detach() for k, v in terms.items()}}

    def _without(self, value: Tensor) -> Tensor:
        """Return which members have no such term in this step: a mean over no rows is NaN."""
        if self._over_nothing is None:
            return torch.zeros_like(value, dtype=torch.bool)
        return self._over_nothing & value.isnan()


def _trained(loop: TrainingLoop) -> dict[str, Any]:
    """Return what the steps use; an average only follows."""
    return {name: module for name, module in loop.modules.items() if name != "average"}


def listened(loop: TrainingLoop, player: Player, source: StackedSource) -> Any:
    """Find out what a loss draws, and leave no trace of it; see :meth:`StackedSource.listen`."""
    weights = {k: v.clone() for k, v in live_tensors(loop.modules, loop.players).items()}
    places = {name: own.state() for name, own in loop.sources.items()}
    try:
        with loop.precision.autocast():
            return source.listen(player.losses)
    finally:
        load_tensors(weights, loop.modules, loop.players)
        for name, own in loop.sources.items():
            own.load_state(places[name])
