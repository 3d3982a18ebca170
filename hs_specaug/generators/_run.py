"""One fit: training phases one after the other, filed and resumed under one checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from ..networks import Player, Precision, SharedLoop, TrainingLoop
from ..networks._capture import Capture, graphs_wanted
from ._checkpoint import Checkpoint
from ._draws import Draws
from ._played_draws import PlayedDraws
from ._snapshots import Snapshots, states_from

if TYPE_CHECKING:
    from ._network_generator import NetworkGenerator


#: The loops of one fit, each yielded where it is to be run.
Phases = Generator[TrainingLoop, None, Any]


def run_in_turn(phases: Phases) -> Any:
    """Run every loop as it comes, and return what the generator returns in the end."""
    while True:
        try:
            loop = next(phases)
        except StopIteration as end:
            return end.value
        loop.fit_loop()


class TrainingRun:
    """What all phases of one fit share.

    Parameters
    ----------
    generator : NetworkGenerator
        Whose hyperparameters apply.
    networks : torch.nn.ModuleDict
        Everything that is learned and outlives a phase; part of every checkpoint.
    draws : Draws
        Rows and random numbers.
    precision : Precision
        Arithmetic of the forward passes.
    checkpoint : Checkpoint or None
        Where the state is written, and from where it goes on.

    Attributes
    ----------
    modules : dict of str to torch.nn.Module
        What belongs to the state of the coming phase besides the networks and the players, and
        is not kept: moving averages, a schedule.
    history, seconds : dict
        As the attributes of the generator.
    snapshots : Snapshots
        Networks after chosen epochs of the main phase.
    """

    def __init__(
        self,
        generator: NetworkGenerator,
        networks: Any,
        draws: Draws,
        precision: Precision,
        checkpoint: Checkpoint | None = None,
    ) -> None:
        self.generator, self.networks, self.draws = generator, networks, draws
        self.precision, self.checkpoint = precision, checkpoint
        self.modules: dict[str, nn.Module] = {}
        self.history: dict[str, list[float]] = {}
        self.seconds: dict[str, float] = {}
        self.done: list[str] = []
        if checkpoint is not None and checkpoint.header is not None:
            self.done = list(checkpoint.header["done"])
            self.seconds = dict(checkpoint.header["seconds"])
            self.history = {k: v.tolist() for k, v in checkpoint.under("history.").items()}
        self.snapshots = Snapshots(generator.snapshot_epochs)
        if checkpoint is not None:
            with checkpoint.restoring():
                self.snapshots.states = states_from(checkpoint.under("snapshots."))

    @property
    def resumes_main_phase(self) -> bool:
        """Whether the checkpoint was written after all pre-training."""
        return self.checkpoint is not None and self.checkpoint.phase == ""

    def train(self, players: Sequence[Player], epochs: int, **options: Any) -> TrainingLoop:
        """Train `players` here and now, see :meth:`phase`."""
        return run_in_turn(self.phase(players, epochs, **options))

    def phase(
        self,
        players: Sequence[Player],
        epochs: int,
        *,
        phase: str,
        interruptible: bool = False,
        after_epoch: Callable[[TrainingLoop], None] | None = None,
        **options: Any,
    ) -> Phases:
        """Yield the loop that trains `players`; file history and times when it has run.

        Whoever iterates runs the loop, alone or in step with those of other fits. A phase that
        the checkpoint has behind it is not run again: the networks get their weights when the
        phase begins that the checkpoint is of.

        Parameters
        ----------
        players : sequence of Player
            In the order of their steps.
        epochs : int
            Passes over the rows.
        phase : str
            Name; ``""`` is the main phase.
        interruptible : bool
            Whether Ctrl-C leaves something usable.
        after_epoch : callable or None
            Called with the loop after each complete epoch, before a checkpoint is written.
        **options
            Of :class:`~hs_specaug.networks.TrainingLoop`.

        Returns
        -------
        TrainingLoop
            The same, as the value of ``yield from``.
        """
        method, checkpoint = self.generator.method, self.checkpoint

        def when_complete(loop: TrainingLoop) -> None:
            if after_epoch is not None:
                after_epoch(loop)
            if checkpoint is not None:
                self._write(loop, phase)

        group = self.draws.group
        make = TrainingLoop if group is None else partial(SharedLoop, group=group)
        modules = {"networks": self.networks, **self.modules}
        loop: TrainingLoop = make(
            players,
            epochs=epochs,
            steps_per_epoch=self.draws.stream.batches_per_epoch,
            precision=self.precision,
            description=f"{method}{phase and ' '}{phase}",
            show_progressbar=self.generator.show_progressbar,
            interruptible=interruptible,
            modules=modules,
            sources={"stream": self.draws.stream, "draws": self.draws},
            before_epoch=self.draws.start_epoch,
            after_epoch=when_complete,
            how_to_resume=self._how_to_resume(),
            capture=self._capture({**modules, **{p.name: p.module for p in players}}),
            **options,
        )
        if phase in self.done:
            return loop
        if checkpoint is not None and checkpoint.header is not None and checkpoint.phase == phase:
            checkpoint.restore(loop)
        yield loop
        prefix = f"{phase}/" if phase else ""
        self.history |= {prefix + key: values for key, values in loop.history.items()}
        self.seconds |= {player.name: player.seconds for player in players}
        self.done.append(phase)
        return loop

    def _capture(self, modules: Mapping[str, nn.Module]) -> Capture | None:
        """Return what records the steps, where that is wanted and they are always alike."""
        generator = self.generator
        alike = generator.trains_together and generator.steps_alike
        apart = getattr(generator, "diff_augment", None) is not None  # draws by itself
        alone = self.draws.group is None
        if not (alone and alike and not apart and graphs_wanted(self.draws.device)):
            return None
        return Capture(PlayedDraws([self.draws], modules))

    def _how_to_resume(self) -> str:
        if self.checkpoint is None:
            return ""
        return (
            f"; to go on, fit again with the same data and hyperparameters while "
            f"{str(self.checkpoint.path)!r} is there"
        )

    def _write(self, loop: TrainingLoop, phase: str) -> None:
        assert self.checkpoint is not None
        if not self.checkpoint.due(loop):
            return
        facts, tensors = loop.state()
        history = {
            f"history.{key}": torch.tensor(values, dtype=torch.float64)
            for key, values in self.history.items()
        }
        header = {
            "phase": phase,
            "done": self.done,
            "seconds": self.seconds,
            "seeds": self.generator._seeds,
            "loop": facts,
        }
        named = {f"loop.{key}": value for key, value in tensors.items()}
        taken = {f"snapshots.{k}": value for k, value in self.snapshots.tensors().items()}
        self.checkpoint.write(header, {**named, **history, **taken})
