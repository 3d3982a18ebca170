"""Mini-batches of real rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor


class Source(Protocol):
    """Something that training draws from, whose place can be kept."""

    def state(self) -> dict[str, Tensor]:
        """Return the place."""

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Return to it."""


class RowStream(Source, Protocol):
    """Endless mini-batches of rows, wherever the rows are.

    Attributes
    ----------
    y : Tensor of shape (n,)
        Class codes of all rows, on the device that trains.
    batch_size : int
        Rows of a batch.
    row_shape : tuple of int
        Channels and size of one row.
    device : torch.device
        Where batches are.
    """

    y: Tensor
    batch_size: int
    row_shape: tuple[int, ...]
    device: torch.device

    @property
    def batches_per_epoch(self) -> int:
        """Batches that make one pass over the data."""

    def next(self) -> tuple[Tensor, Tensor]:
        """Return the next batch (X, y)."""

    def map_rows(self, function: Callable[[Tensor], Tensor], batch_size: int) -> Tensor:
        """Return `function` of all rows in the order of `y`, at most `batch_size` at a time."""


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
        self.row_shape, self.device = tuple(X.shape[1:]), X.device
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

    def map_rows(self, function: Callable[[Tensor], Tensor], batch_size: int) -> Tensor:
        """Return `function` of all rows in the order of `y`, at most `batch_size` at a time."""
        return torch.cat([function(x) for x in self.X.split(batch_size)])

    def state(self) -> dict[str, Tensor]:
        """Return where the stream is: the rows still to come of this pass, and the shuffler."""
        return {"order": self._order.clone(), "shuffler": self.generator.get_state()}

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Go on where :meth:`state` was taken."""
        order = state["order"].clone()
        if order.ndim != 1 or (
            len(order) and not 0 <= int(order.min()) <= int(order.max()) < len(self.X)
        ):
            raise ValueError(f"an order of {len(order)} rows that there are not")
        self._order = order
        self.generator.set_state(state["shuffler"])
