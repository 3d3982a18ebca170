"""The one training loop: alternating players, guards, history, progress, exact resume.

A method supplies its :class:`Player` objects, that is, networks with their losses; everything
else that training needs is here. Generators and classifiers both train with it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from torch import Tensor, nn
from tqdm.auto import tqdm

from .._warnings import warn_user
from ..exceptions import TrainingError, TrainingWarning
from ._device import Precision
from ._guards import MAX_ROLLBACKS, ROLLBACK_FACTOR, CollapseGuard, OutOfStep, is_finite
from ._heap import training_bar
from ._players import Losses, Player
from ._resumable import Resumable
from ._states import BestState, Kept, Tensors, WeightAverage, live_tensors, load_tensors
from ._stream import Source

if TYPE_CHECKING:
    from ._capture import Capture


class TrainingLoop(Resumable):
    """Alternate the steps of several players for a number of epochs.

    Parameters
    ----------
    players : sequence of Player
        In the order of their steps.
    epochs : int
        Passes to make.
    steps_per_epoch : int
        Rounds of all players in a pass.
    precision : Precision
        Arithmetic of the forward passes.
    description : str
        What the progress bar says.
    show_progressbar : bool
        Whether there is one.
    interruptible : bool
        Whether Ctrl-C ends the training and keeps the last complete epoch (with a warning);
        otherwise, or before the first epoch is complete, it is passed on.
    best : BestState or None
        Which network returns to its best epoch at the end; its score is in the history as
        ``"score"``, where entry 0 belongs to epoch 1.
    score_every : int
        Epochs between two scores; NaN stands in the history for the epochs between.
    patience : int or None
        Stop when the best score is this many epochs old.
    guard : CollapseGuard or None
        Watches the diversity that `best` reports. A collapsed training returns to the best
        state of all players, with half the learning rates.
    average : WeightAverage or None
        Moved after every round.
    modules : mapping of str to torch.nn.Module
        What else belongs to the state, besides the modules of the players.
    sources : mapping of str to Source
        Where random numbers and rows come from; their place belongs to the state.
    before_epoch : callable or None
        Called with the number of the coming epoch, from 1.
    after_epoch : callable or None
        Called with the loop after each complete epoch.
    how_to_resume : str
        Added to what is said after Ctrl-C.
    capture : Capture or None
        Records the steps and repeats them.

    Attributes
    ----------
    history : dict of str to list
        ``"epoch"``, the total loss of each player under its name, every term under
        ``"player/term"``, and the learning rates. One entry per completed epoch.
    epoch : int
        Complete epochs.
    rollbacks, collapses : int
        How often a non-finite loss or weight, or a collapse, made the loop go back.
    interrupted, stopped, collapsed : bool
        Whether Ctrl-C, the patience, or the fourth collapse ended it.
    in_step : bool
        Whether other loops make the same steps: then :class:`OutOfStep` is raised where this one
        would have to go back.
    """

    def __init__(
        self,
        players: Sequence[Player],
        *,
        epochs: int,
        steps_per_epoch: int,
        precision: Precision,
        description: str = "training",
        show_progressbar: bool = False,
        interruptible: bool = True,
        best: BestState | None = None,
        score_every: int = 1,
        patience: int | None = None,
        guard: CollapseGuard | None = None,
        average: WeightAverage | None = None,
        modules: Mapping[str, nn.Module] | None = None,
        sources: Mapping[str, Source] | None = None,
        before_epoch: Callable[[int], None] | None = None,
        after_epoch: Callable[[TrainingLoop], None] | None = None,
        how_to_resume: str = "",
        capture: Capture | None = None,
    ) -> None:
        self.players = list(players)
        self.epochs = epochs
        self.steps_per_epoch = steps_per_epoch
        self.precision = precision
        self.description = description
        self.show_progressbar = show_progressbar
        self.interruptible = interruptible
        self.best = best
        self.score_every = score_every
        self.patience = patience
        self.guard = guard
        self.average = average
        self.sources = dict(sources or {})
        self.before_epoch, self.after_epoch = before_epoch, after_epoch
        self.how_to_resume, self.capture = how_to_resume, capture
        self.modules = {**(modules or {}), **{p.name: p.module for p in self.players}}
        if average is not None:
            self.modules["average"] = average.average
        self.epoch = self.rollbacks = self.collapses = 0
        self.factor = 1.0
        self.interrupted = self.collapsed = self.in_step = False
        self.history: dict[str, list[float]] = {"epoch": []}
        self._good = Kept()

    # --- the seams: step, epoch, loop --------------------------------------------------

    def train_step_single(self, player: Player) -> Losses:
        """Make one step of one player and return its loss terms, detached."""
        started = time.perf_counter()
        if self.capture is None:
            terms = player.step(player.losses, self.precision)
        else:
            terms = self.capture.step(self, player)
        player.seconds += time.perf_counter() - started
        return terms

    def run_single_epoch(self) -> dict[str, float]:
        """Make `steps_per_epoch` rounds of all players and return the mean of each term."""
        sums: dict[str, Tensor] = {}
        counts: dict[str, int] = {}
        for _ in range(self.steps_per_epoch):
            for player in self.players:
                self._freeze_all_but(player)
                for _ in range(player.updates):
                    for term, value in self.train_step_single(player).items():
                        key = f"{player.name}/{term}" if term else player.name
                        sums[key] = sums.get(key, 0.0) + value.float()
                        counts[key] = counts.get(key, 0) + 1
            if self.average is not None:
                self.average.update()
        # One transfer per epoch: asking for every loss would make a GPU wait for the host.
        return {key: float(value) / counts[key] for key, value in sums.items()}

    def fit_loop(self) -> TrainingLoop:
        """Train to the end, to Ctrl-C, or to the third failed repair.

        Raises
        ------
        TrainingError
            If losses or weights are still not finite after three roll-backs.
        """
        self.begin()
        with training_bar(self.description, self.epochs, self.epoch, self.show_progressbar) as bar:
            try:
                while not self.ended:
                    self.begin_epoch()
                    self.end_epoch(self.run_single_epoch(), bar)
            except KeyboardInterrupt:
                self.interrupt()
            finally:
                self.finish()
        return self

    def begin(self) -> None:
        """Score and keep the start, unless the training goes on after a checkpoint."""
        self._set_mode(training=True)
        if not self._good:
            if self.best is not None:
                self._look(0)
                self._watch()
            self._keep()

    @property
    def ended(self) -> bool:
        """Whether there is no epoch to come."""
        return self.epoch >= self.epochs or self.stopped or self.collapsed

    def begin_epoch(self) -> None:
        """Say which epoch comes."""
        if self.before_epoch is not None:
            self.before_epoch(self.epoch + 1)

    def end_epoch(self, losses: dict[str, float], bar: tqdm | None = None) -> None:
        """Take the epoch for complete, or go back if it went wrong."""
        if not is_finite(losses, self.players):
            self._repair()
            return
        self._record(losses)
        self._keep()
        if bar is not None:
            bar.set_postfix({p.name: f"{losses[p.name]:.3g}" for p in self.players})
            bar.update()
        if self.after_epoch is not None:
            self.after_epoch(self)

    def interrupt(self) -> None:
        """Return to the last complete epoch after Ctrl-C; to be called where that is handled."""
        self._go_back()
        self.interrupted = True
        if self.after_epoch is not None and self.epoch:
            self.after_epoch(self)
        if not self.interruptible or self.epoch == 0:
            raise
        warn_user(
            f"{self.description}: interrupted after epoch {self.epoch} of {self.epochs}; "
            f"the {'best' if self.best else 'last'} state of the complete epochs is "
            f"kept and usable{self.how_to_resume}",
            TrainingWarning,
        )

    @property
    def stopped(self) -> bool:
        """Whether the best score is older than the patience."""
        if self.best is None or self.patience is None:
            return False
        return self.epoch - self.best.epoch >= self.patience

    def _record(self, losses: dict[str, float]) -> None:
        self.epoch += 1
        entries = {"epoch": self.epoch, **losses}
        for player in self.players:
            entries[f"{player.name}/learning_rate"] = player.optimizer.param_groups[0]["lr"]
        if self.best is not None:
            entries |= self._score()
        for key, value in entries.items():
            # A term that comes late (a score, a loss after warm-up) has no past.
            past = [math.nan] * (self.epoch - 1)
            self.history.setdefault(key, past).append(value)
        for key in self.history.keys() - entries.keys():
            self.history[key].append(math.nan)

    def _score(self) -> dict[str, float]:
        assert self.best is not None
        if self.epoch % self.score_every and self.epoch != self.epochs:
            return {"score": math.nan}
        value = self._look(self.epoch)
        diversity = self.best.diversity
        if self._watch():
            self._revive()
        return {"score": value} if diversity is None else {"score": value, "diversity": diversity}

    def _look(self, epoch: int) -> float:
        """Score the present state, in the arithmetic of the training."""
        assert self.best is not None
        with self.precision.autocast():
            return self.best.look(epoch, self._live())

    # --- the state ---------------------------------------------------------------------

    def _live(self) -> Tensors:
        return live_tensors(self.modules, self.players)

    def _keep(self) -> None:
        guard = (self.guard.armed, self.guard.low) if self.guard is not None else (False, 0)
        self._good.keep(
            self._live(),
            epoch=self.epoch,
            factor=self.factor,
            rollbacks=self.rollbacks,
            collapses=self.collapses,
            collapsed=self.collapsed,
            armed=guard[0],
            low=guard[1],
            seconds={p.name: p.seconds for p in self.players},
            places={name: source.state() for name, source in self.sources.items()},
        )

    def _put_back(self, tensors: Tensors) -> None:
        load_tensors(tensors, self.modules, self.players)
        if self.capture is not None:
            self.capture.forget()

    def _go_back(self) -> None:
        """Return to the last complete epoch in every respect."""
        facts = self._good.facts
        self._put_back(self._good.tensors)
        for name in ("epoch", "factor", "rollbacks", "collapses", "collapsed"):
            setattr(self, name, facts[name])
        if self.guard is not None:
            self.guard.armed, self.guard.low = facts["armed"], facts["low"]
        if self.best is not None:
            self.best.forget_after(self.epoch)
        for name, source in self.sources.items():
            source.load_state(facts["places"][name])
        for player in self.players:
            player.scale_rate(self.factor)
        self.history = {key: values[: self.epoch] for key, values in self.history.items()}

    def finish(self) -> None:
        """Put the best state back and leave the networks as they are used."""
        if self.best is not None:
            self.best.restore()
        for player in self.players:
            player.module.requires_grad_(True)
            player.optimizer.zero_grad(set_to_none=True)
        self._set_mode(training=False)

    def _freeze_all_but(self, player: Player) -> None:
        # Weight gradients of players that do not move now would be computed for nothing.
        for other in self.players:
            if other is not player:
                other.module.requires_grad_(False)
        player.module.requires_grad_(True)

    def _set_mode(self, training: bool) -> None:
        for player in self.players:
            player.module.train(training)

    # --- guards ------------------------------------------------------------------------

    def _need_to_go_back(self) -> None:
        if self.in_step:
            raise OutOfStep

    def _slow_down(self) -> None:
        self.factor *= ROLLBACK_FACTOR
        for player in self.players:
            player.scale_rate(self.factor)

    def _repair(self) -> None:
        """Return to the last complete epoch after a loss or weight that is not finite."""
        self._need_to_go_back()
        rollbacks, factor = self.rollbacks + 1, self.factor
        if rollbacks > MAX_ROLLBACKS:
            raise TrainingError(
                f"{self.description}: the loss is not finite in epoch {self.epoch + 1}, also "
                f"after going back {MAX_ROLLBACKS} times with smaller steps. Check the data "
                "for outliers (s.preprocess(normalize='max') helps), or pass a smaller "
                "learning_rate, or precision='float32'"
            )
        self._put_back(self._good.tensors)
        self.rollbacks, self.factor = rollbacks, factor
        self._slow_down()
        warn_user(
            f"{self.description}: the loss was not finite in epoch {self.epoch + 1}; back to "
            f"the state after epoch {self.epoch}, learning rate × {self.factor:g}",
            TrainingWarning,
        )

    def _watch(self) -> bool:
        return (
            self.guard is not None
            and self.best is not None
            and self.guard.look(self.best.diversity)
        )

    def _revive(self) -> None:
        """Return to the best state of all players after a collapse."""
        assert self.best is not None
        assert self.guard is not None
        self._need_to_go_back()
        found = (
            f"{self.description}: the samples of a class have become alike (diversity "
            f"{self.best.diversity:.1%} of that of the real rows, epoch {self.epoch})"
        )
        if self.collapses == MAX_ROLLBACKS:
            self.collapsed = True
            warn_user(
                f"{found}, also after going back {MAX_ROLLBACKS} times; training ends here with "
                f"the best state, of epoch {self.best.epoch}. A lower learning_rate, "
                "relativistic=True with r1_penalty, or another method may help",
                TrainingWarning,
            )
            return
        self.collapses += 1
        self.guard.low = 0
        self._put_back(self.best.everything)
        self._slow_down()
        warn_user(
            f"{found}; back to the state of epoch {self.best.epoch}, learning rate × "
            f"{self.factor:g}",
            TrainingWarning,
        )
