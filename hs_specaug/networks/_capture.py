"""Steps of a training as CUDA graphs: hundreds of small kernels started by one call.

A graph repeats what was recorded, on the same memory. What changes from step to step is what a
loss draws, so that is drawn before, as always, and copied to where the graph reads it; a step
that draws other shapes gets a graph of its own.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any, Protocol

import torch
from torch import Tensor

from .._warnings import warn_user
from ..exceptions import TrainingWarning
from ._players import Losses, Player
from ._stacked import NotStackable
from ._stacked_loop import StackedSource, listened

Step = Callable[[], Losses]

#: Steps that are made one kernel at a time before the first is recorded: libraries choose their
#: algorithms and the optimiser makes its moments.
WARM_UP = 3
#: Graphs of one player; each keeps the memory of its step.
MOST_GRAPHS = 24

_ASKED: ContextVar[bool] = ContextVar("CUDA graphs", default=False)


@contextlib.contextmanager
def cuda_graphs() -> Iterator[None]:
    """Record the steps of trainings in here as CUDA graphs and repeat them.

    For networks so small that a GPU waits for Python between two kernels. Nothing changes on a
    CPU, for methods whose losses draw random numbers by themselves, with ``diff_augment``, in
    trainings that processes share, and in :func:`~hs_specaug.generators.fit_together`. A step
    that cannot be recorded is made as always, with a warning that says why.

    The results are those without graphs but for rounding. How much faster it is has not been
    measured.

    Examples
    --------
    >>> import numpy as np
    >>> from hs_specaug.generators import CDRAGANGenerator
    >>> from hs_specaug.networks import cuda_graphs
    >>> X, y = np.random.default_rng(0).random((8, 32)), np.repeat([0, 1], [6, 2])
    >>> with cuda_graphs():
    ...     generator = CDRAGANGenerator(epochs=1, random_state=0).fit(X, y)
    """
    token = _ASKED.set(True)
    try:
        yield
    finally:
        _ASKED.reset(token)


def graphs_wanted(device: torch.device) -> bool:
    """Whether trainings on `device` are inside :func:`cuda_graphs`."""
    return _ASKED.get() and device.type == "cuda"


class Recorder(Protocol):
    """What runs and records steps."""

    def prepare(self, player: Player) -> None:
        """Make the optimiser one that can be recorded."""

    def run(self, step: Step) -> Losses:
        """Make a step that prepares for being recorded."""

    def record(self, step: Step) -> Step:
        """Record a step without making it; return what makes it, as often as it is called."""


class CUDARecorder:
    """Records on the present CUDA device."""

    def prepare(self, player: Player) -> None:
        """Let Adam count its steps on the device."""
        for group in player.optimizer.param_groups:
            group["capturable"] = True

    def run(self, step: Step) -> Losses:
        """Run on a side stream, as recording will."""
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            terms = step()
        torch.cuda.current_stream().wait_stream(stream)
        return terms

    def record(self, step: Step) -> Step:
        """Record into memory that belongs to the graph alone."""
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            terms = step()

        def replay() -> Losses:
            graph.replay()
            return terms

        return replay


class Capture:
    """The steps of one training, recorded as they come.

    Parameters
    ----------
    source : StackedSource
        Draws for the one training.
    recorder : Recorder

    Attributes
    ----------
    given_up : dict of str to str
        Why a player's steps are not recorded.
    """

    def __init__(self, source: StackedSource, recorder: Recorder | None = None) -> None:
        self.source = source
        self.recorder: Recorder = CUDARecorder() if recorder is None else recorder
        self.given_up: dict[str, str] = {}
        self._plans: dict[str, Any] = {}
        self._recorded: dict[tuple[Any, ...], _Recorded] = {}

    def forget(self) -> None:
        """Drop all graphs: the memory that they use is not that of the training any more."""
        self._recorded.clear()

    def step(self, loop: Any, player: Player) -> Losses:
        """Make one step of `player` and return its terms, detached."""
        if not self._plans and not self.given_up:
            self._listen(loop)
        if player.name in self.given_up:
            return player.step(player.losses, loop.precision)
        try:
            return self._recorded_step(loop, player)
        except NotStackable as error:
            self._give_up(player, f"a loss {error}")
            return player.step(player.losses, loop.precision)

    def _listen(self, loop: Any) -> None:
        # All at once, before the first graph: listening puts moments into other memory.
        for player in loop.players:
            self.recorder.prepare(player)
            try:
                self._plans[player.name] = listened(loop, player, self.source)
            except NotStackable as error:
                self._give_up(player, f"a loss {error}")

    def _recorded_step(self, loop: Any, player: Player) -> Losses:
        plan = self._plans[player.name]
        drawn = _of_one(self.source.draw(plan)[0])
        rate = player.optimizer.param_groups[0]["lr"]  # a constant of the graph
        key = (player.name, rate, *(tuple(value.shape) for value in _flat(drawn)))
        if key not in self._recorded:
            self._recorded[key] = _Recorded(drawn)
        recorded = self._recorded[key]
        recorded.fill(drawn)

        def losses() -> Losses:
            with self.source.played(plan, recorded.values):
                return player.losses()

        def step() -> Losses:
            return player.step(losses, loop.precision)

        recorded.steps += 1
        if recorded.replay is None and recorded.steps > WARM_UP and self._room(player):
            try:
                recorded.replay = self.recorder.record(step)
            except RuntimeError as error:
                self._give_up(player, f"CUDA says: {error}")
                return step()
        return self.recorder.run(step) if recorded.replay is None else recorded.replay()

    def _room(self, player: Player) -> bool:
        graphs = [k for k, r in self._recorded.items() if k[0] == player.name and r.replay]
        return len(graphs) < MOST_GRAPHS

    def _give_up(self, player: Player, reason: str) -> None:
        self.given_up[player.name] = reason
        warn_user(
            f"the steps of {player.name!r} cannot be recorded as CUDA graphs and are made one "
            f"kernel at a time: {reason}",
            TrainingWarning,
        )


Drawn = list[Tensor | tuple[Tensor, ...]]


class _Recorded:
    """Where one graph reads what was drawn, and what repeats it.

    Attributes
    ----------
    values : list
        As `drawn`, always the same memory.
    """

    def __init__(self, drawn: Drawn) -> None:
        self.values: Drawn = [
            tuple(torch.empty_like(part) for part in value)
            if isinstance(value, tuple)
            else torch.empty_like(value)
            for value in drawn
        ]
        self.steps = 0
        self.replay: Step | None = None

    def fill(self, drawn: Drawn) -> None:
        """Put the numbers of the coming step in their places."""
        for place, value in zip(_flat(self.values), _flat(drawn), strict=True):
            place.copy_(value)


def _flat(drawn: Drawn) -> list[Tensor]:
    return [part for value in drawn for part in (value if isinstance(value, tuple) else (value,))]


def _of_one(values: Any) -> Drawn:
    """Return what was drawn for one training, without the axis of the trainings."""
    return [
        tuple(part[0] for part in value) if isinstance(value, tuple) else value[0]
        for value in values
    ]
