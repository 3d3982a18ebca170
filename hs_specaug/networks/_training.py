"""The one training loop: alternating players, mini-batches, guards, history, progress.

A method supplies its :class:`Player` objects, that is, networks with their losses; everything
else that training needs is here. Generators and classifiers both train with it.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from .._warnings import warn_user
from ..exceptions import TrainingError, TrainingWarning
from ._device import Precision

Losses = dict[str, Tensor]

ROLLBACK_FACTOR = 0.5
MAX_ROLLBACKS = 3


class BatchStream:
    """Endless shuffled mini-batches of rows and their class codes.

    Passes over the data follow each other without a gap, so every batch has the same size (the
    whole data set if that is smaller) and no row is left out or seen twice in a pass.

    Parameters
    ----------
    X : Tensor of shape (n, channels, *size)
        Scaled rows, on the device that trains.
    y : Tensor of shape (n,)
        Class codes.
    batch_size : int
        Rows per batch.
    generator : torch.Generator
        CPU generator that shuffles.
    """

    def __init__(
        self,
        X: Tensor,
        y: Tensor,
        batch_size: int,
        generator: torch.Generator,
    ) -> None:
        self.X, self.y = X, y
        self.batch_size = min(batch_size, len(X))
        self.generator = generator
        self._order = torch.empty(0, dtype=torch.long)

    @property
    def batches_per_epoch(self) -> int:
        """Batches that make one pass over the data."""
        return math.ceil(len(self.X) / self.batch_size)

    def next(self) -> tuple[Tensor, Tensor]:
        """Return the next batch (X, y)."""
        while len(self._order) < self.batch_size:
            next_pass = torch.randperm(len(self.X), generator=self.generator)
            self._order = torch.cat([self._order, next_pass])
        rows, self._order = self._order[: self.batch_size], self._order[self.batch_size :]
        rows = rows.to(self.X.device)
        return self.X[rows], self.y[rows]


@dataclass
class BestState:
    """Keep the weights of one network from the epoch in which a score was lowest.

    Players of a game do not improve step by step; the last state is one of many.

    Attributes
    ----------
    module : torch.nn.Module
        Whose weights are kept.
    score : callable
        Returns a number, lower is better; asked before the first and after every epoch.
    epoch : int
        Epoch of the best state; 0 is before the first step.
    value : float
        Its score.
    """

    module: nn.Module
    score: Callable[[], float]
    epoch: int = field(init=False, default=0)
    value: float = field(init=False, default=math.inf)
    _weights: dict[str, Any] = field(init=False, default_factory=dict)

    def look(self, epoch: int) -> float:
        """Score the present state and keep it if it is the best so far."""
        self.module.eval()
        value = self.score()
        self.module.train()
        if value < self.value or not self._weights:
            self.epoch, self.value = epoch, value
            self._weights = copy.deepcopy(self.module.state_dict())
        return value

    def restore(self) -> None:
        """Put the best weights back."""
        if self._weights:
            self.module.load_state_dict(self._weights)


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


class TrainingLoop:
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

    Attributes
    ----------
    history : dict of str to list
        ``"epoch"``, the total loss of each player under its name, every term under
        ``"player/term"``, and the learning rates. One entry per completed epoch.
    rollbacks : int
        How often a non-finite loss or weight made the loop go back.
    interrupted : bool
        Whether Ctrl-C ended it.
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
    ) -> None:
        self.best = best
        self.players = list(players)
        self.epochs = epochs
        self.steps_per_epoch = steps_per_epoch
        self.precision = precision
        self.description = description
        self.show_progressbar = show_progressbar
        self.interruptible = interruptible
        self.epoch = 0
        self.rollbacks = 0
        self.interrupted = False
        self.history: dict[str, list[float]] = {"epoch": []}

    def train_step_single(self, player: Player) -> Losses:
        """Make one step of one player and return its loss terms, detached."""
        started = time.perf_counter()
        with self.precision.autocast():
            terms = player.losses()
        total = torch.stack([t.float() for t in terms.values()]).sum()
        player.optimizer.zero_grad(set_to_none=True)
        total.backward()
        player.optimizer.step()
        player.seconds += time.perf_counter() - started
        return {"": total.detach(), **{k: v.detach() for k, v in terms.items()}}

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
        # One transfer per epoch: asking for every loss would make a GPU wait for the host.
        return {key: float(value) / counts[key] for key, value in sums.items()}

    def fit_loop(self) -> TrainingLoop:
        """Train to the end, to Ctrl-C, or to the third failed repair.

        Raises
        ------
        TrainingError
            If losses or weights are still not finite after three roll-backs.
        """
        self._set_mode(training=True)
        good = self._snapshot()
        if self.best is not None:
            self.best.look(0)
        with tqdm(
            total=self.epochs,
            desc=self.description,
            unit="epoch",
            disable=not self.show_progressbar,
        ) as bar:
            try:
                while self.epoch < self.epochs:
                    losses = self.run_single_epoch()
                    if not self._is_finite(losses):
                        self._roll_back(good)
                        continue
                    self._record(losses)
                    good = self._snapshot()
                    bar.set_postfix({p.name: f"{losses[p.name]:.3g}" for p in self.players})
                    bar.update()
            except KeyboardInterrupt:
                if not self.interruptible or self.epoch == 0:
                    raise
                self._restore(good)
                self._forget_half_epoch()
                self.interrupted = True
                warn_user(
                    f"{self.description}: interrupted after epoch {self.epoch} of "
                    f"{self.epochs}; the state of the last complete epoch is kept and usable",
                    TrainingWarning,
                )
            finally:
                self._finish()
        return self

    def _forget_half_epoch(self) -> None:
        self.epoch = min(map(len, self.history.values()))
        self.history = {key: values[: self.epoch] for key, values in self.history.items()}

    def _finish(self) -> None:
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

    def _is_finite(self, losses: dict[str, float]) -> bool:
        if not all(math.isfinite(v) for v in losses.values()):
            return False
        # A finite loss can still have had a gradient that was not.
        sums = [p.detach().sum() for player in self.players for p in player.parameters]
        return bool(torch.stack([s.to(sums[0].device) for s in sums]).isfinite().all())

    def _snapshot(self) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        return [
            copy.deepcopy((p.module.state_dict(), p.optimizer.state_dict())) for p in self.players
        ]

    def _restore(self, snapshot: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
        for player, (weights, moments) in zip(self.players, snapshot, strict=True):
            player.module.load_state_dict(weights)
            player.optimizer.load_state_dict(copy.deepcopy(moments))

    def _roll_back(self, good: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
        self.rollbacks += 1
        if self.rollbacks > MAX_ROLLBACKS:
            raise TrainingError(
                f"{self.description}: the loss is not finite in epoch {self.epoch + 1}, also "
                f"after going back {MAX_ROLLBACKS} times with smaller steps. Check the data "
                "for outliers (s.preprocess(normalize='max') helps), or pass a smaller "
                "learning_rate, or precision='float32'"
            )
        self._restore(good)
        for player in self.players:
            for group in player.optimizer.param_groups:
                group["lr"] = player.learning_rate * ROLLBACK_FACTOR**self.rollbacks
        warn_user(
            f"{self.description}: the loss was not finite in epoch {self.epoch + 1}; back to "
            f"the state after epoch {self.epoch}, learning rate × "
            f"{ROLLBACK_FACTOR**self.rollbacks:g}",
            TrainingWarning,
        )

    def _record(self, losses: dict[str, float]) -> None:
        self.epoch += 1
        self.history["epoch"].append(self.epoch)
        if self.best is not None:
            self.history.setdefault("score", []).append(self.best.look(self.epoch))
        for key, value in losses.items():
            self.history.setdefault(key, []).append(value)
        for player in self.players:
            rate = player.optimizer.param_groups[0]["lr"]
            self.history.setdefault(f"{player.name}/learning_rate", []).append(rate)
