"""What a fit draws and files, alone or shared by several processes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ..networks import ProcessGroup, active_group
from ..networks._data_parallel import StreamShare, shared_batch_size
from ._checkpoint import Checkpoint
from ._draws import Draws
from ._training_rows import TrainingRows

if TYPE_CHECKING:
    from ._network_generator import NetworkGenerator


class SharedDraws(Draws):
    """Draws of which every process makes all and uses its own part.

    The numbers of a joined batch are those that one process alone would draw, no two processes
    use the same ones, and all generators are always in the same state.

    Parameters
    ----------
    stream : StreamShare
        Real rows.
    group : ProcessGroup
        Who trains.
    n_classes, latent_dim, generator
        See :class:`Draws`.
    """

    stream: StreamShare
    group: ProcessGroup

    def __init__(self, stream: StreamShare, group: ProcessGroup, *args: Any) -> None:
        super().__init__(stream, *args)
        self.group = group
        self.inner = torch.Generator(self.device)

    @property
    def whole(self) -> Draws:
        """The same draws for what is not part of a batch: all processes get the same numbers."""
        return Draws(self.stream, self.n_classes, self.latent_dim, self.generator)

    def _own(self, everything: Tensor) -> Tensor:
        n = len(everything) // self.group.size
        return everything[self.group.rank * n : (self.group.rank + 1) * n]

    def normal(self, *shape: int) -> Tensor:
        """Return numbers of N(0, 1); the first axis is that of the rows."""
        return self._own(super().normal(self.group.size * shape[0], *shape[1:]))

    def integers(self, high: int, n: int) -> Tensor:
        """Return n whole numbers from 0 to `high` − 1."""
        return self._own(super().integers(high, self.group.size * n))

    def uniform(self, n: int) -> Tensor:
        """Return n numbers of uniform(0, 1)."""
        return self._own(super().uniform(self.group.size * n))

    def wrong(self, y: Tensor) -> Tensor:
        """Return a wrong label y_m for each of `y`, never the right one."""
        return (y + 1 + self.integers(self.n_classes - 1, len(y))) % self.n_classes

    def missing(self, y: Tensor) -> Tensor:
        """Return this process's part of the labels that balance the joined batch.

        Parts are equal, as gradients count all processes the same: up to one label for each
        process but one comes twice.
        """
        labels = super().missing(self.stream.batch_labels)
        surplus = -len(labels) % self.group.size
        repeated = labels.repeat(self.group.size)[:surplus]
        return torch.cat([labels, repeated])[self.group.rank :: self.group.size]

    def mean(self, values: Tensor) -> Tensor:
        """Return the mean of all values of the joined batch."""
        return self.group.mean(values)

    def spread(self, x: Tensor) -> Tensor:
        """Return the standard deviation of all values of the joined batch."""
        return self.mean((x - self.mean(x)).square()).sqrt()

    def start_epoch(self, epoch: int) -> None:
        """Take notice of the epoch that begins."""
        super().start_epoch(epoch)
        # Another seed for every process and epoch, without a draw that one process would not make.
        offset = epoch * self.group.size + self.group.rank
        self.inner.manual_seed(self.generator.initial_seed() + offset)


class SharedCheckpoint(Checkpoint):
    """The checkpoint of process 0, which alone reads and writes the file.

    Parameters
    ----------
    path, every, identity
        See :class:`Checkpoint`.
    group : ProcessGroup
        Who trains.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        every: int,
        identity: dict[str, Any],
        group: ProcessGroup,
    ) -> None:
        def read() -> tuple[dict[str, Any] | None, dict[str, Tensor]]:
            checkpoint = Checkpoint(path, every, identity)
            return checkpoint.header, checkpoint.tensors

        self.path, self.every, self.identity = Path(path).expanduser(), every, identity
        self.group = group
        self.header, self.tensors = group.once(read)

    def write(self, header: dict[str, Any], tensors: dict[str, Tensor]) -> None:
        """Replace the file."""
        if self.group.first:
            super().write(header, tensors)

    def remove(self) -> None:
        """Delete the file: the training is complete."""
        if self.group.first:
            super().remove()


def open_checkpoint(
    path: str | os.PathLike, every: int, identity: dict[str, Any], group: ProcessGroup | None
) -> Checkpoint:
    """Return the checkpoint of one process, or of all of a group."""
    if group is None:
        return Checkpoint(path, every, identity)
    return SharedCheckpoint(path, every, {**identity, "processes": group.size}, group)


def processes_of(generator: NetworkGenerator) -> ProcessGroup | None:
    """Return the processes that share the training of `generator`; None for this one alone.

    Raises
    ------
    ValueError
        If the method cannot be shared.
    """
    group = active_group()
    if group is not None and not generator.shares_batches:
        raise ValueError(
            f"{generator.method} cannot share its batches among {group.size} processes: it trains "
            "class after class. Fit it outside data_parallel(), in one process"
        )
    return group


def draws_of(
    generator: NetworkGenerator, rows: TrainingRows, train: np.ndarray, group: ProcessGroup | None
) -> Draws:
    """Return mini-batches of the rows `train`, and random numbers, for one fit."""
    noise = torch.Generator(generator.device_).manual_seed(generator._seeds[2])
    rest = (len(generator.classes_), generator.latent_dim, noise)
    seed, batch_size = generator._seeds[1], generator.batch_size
    if group is None:
        return Draws(rows.stream(train, batch_size, seed), *rest)
    batch_size = shared_batch_size(batch_size, len(train), group.size)
    return SharedDraws(StreamShare(rows.stream(train, batch_size, seed), group), group, *rest)
