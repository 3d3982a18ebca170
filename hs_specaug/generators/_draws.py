"""Everything that is drawn at random in one training run."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..networks import ProcessGroup, RowStream


class Draws:
    """All random numbers of one training run, and the real rows, on the training device.

    Parameters
    ----------
    stream : RowStream
        Real rows.
    n_classes, latent_dim : int
        Ranges of labels and noise.
    generator : torch.Generator
        Of the training device.

    Attributes
    ----------
    epoch : int
        The epoch that is being run, from 1; for losses that change with it.
    inner : torch.Generator
        For what draws by itself inside networks and transforms.
    group : ProcessGroup or None
        Processes that share this training.
    """

    group: ProcessGroup | None = None

    def __init__(
        self, stream: RowStream, n_classes: int, latent_dim: int, generator: torch.Generator
    ) -> None:
        self.stream = stream
        self.n_classes = n_classes
        self.latent_dim = latent_dim
        self.generator = self.inner = generator
        self.device = stream.device
        self.epoch = 1
        self._counts: Tensor | None = None
        self._order: Tensor | None = None

    @property
    def whole(self) -> Draws:
        """The same draws for what is not part of a batch: all processes get the same numbers."""
        return self

    def real(self) -> tuple[Tensor, Tensor]:
        """Return the next batch of real rows x_a and their labels y_a."""
        return self.stream.next()

    def noise(self, n: int | Tensor) -> Tensor:
        """Return latent noise z ~ N(0, 1) of shape (n, latent_dim), also for n labels."""
        return self.normal(n if isinstance(n, int) else len(n), self.latent_dim)

    def normal(self, *shape: int) -> Tensor:
        """Return numbers of N(0, 1)."""
        return torch.randn(*shape, generator=self.generator, device=self.device)

    def labels(self, n: int) -> Tensor:
        """Return labels y_g, every class equally likely."""
        return self.integers(self.n_classes, n)

    def integers(self, high: int, n: int) -> Tensor:
        """Return n whole numbers from 0 to `high` − 1 (diffusion times, say)."""
        return torch.randint(high, (n,), generator=self.generator, device=self.device)

    def wrong(self, y: Tensor) -> Tensor:
        """Return a wrong label y_m for each of `y`, never the right one."""
        step = torch.randint(
            1, self.n_classes, y.shape, generator=self.generator, device=self.device
        )
        return (y + step) % self.n_classes

    def uniform(self, n: int) -> Tensor:
        """Return n numbers of uniform(0, 1)."""
        return torch.rand(n, generator=self.generator, device=self.device)

    def seed(self) -> int:
        """Return a seed for another network."""
        return int(torch.randint(2**31, (), generator=self.generator, device=self.device))

    def missing(self, y: Tensor) -> Tensor:
        """Return the labels that balance a batch: each class up to the most frequent one."""
        counts = torch.bincount(y, minlength=self.n_classes)
        return torch.repeat_interleave(
            torch.arange(self.n_classes, device=self.device), counts.max() - counts
        )

    def mean(self, values: Tensor) -> Tensor:
        """Return the mean of all values of a batch."""
        return values.mean()

    def class_counts(self) -> Tensor:
        """Return the number of real rows of each class."""
        if self._counts is None:
            self._counts = torch.bincount(self.stream.y, minlength=self.n_classes)
        return self._counts

    def real_of(self, labels: Tensor) -> Tensor:
        """Return a real row of each of these classes, any of its rows; they are in memory."""
        if self._order is None:
            self._order = self.stream.y.argsort(stable=True)
        counts = self.class_counts()
        starts = counts.cumsum(0) - counts
        # Rounding may lift the product to the count itself.
        place = (self.uniform(len(labels)) * counts[labels]).long().minimum(counts[labels] - 1)
        rows: Any = self.stream
        return rows.X[self._order[starts[labels] + place]]

    def inner_uniform(self, *shape: int) -> Tensor:
        """Return numbers of uniform(0, 1) for a layer that draws by itself."""
        return torch.rand(shape, generator=self.inner, device=self.inner.device)

    def spread(self, x: Tensor) -> Tensor:
        """Return the standard deviation of all values of a batch."""
        return x.std(correction=0)

    def start_epoch(self, epoch: int) -> None:
        """Take notice of the epoch that begins."""
        self.epoch = epoch

    def state(self) -> dict[str, Tensor]:
        """Return where the random numbers are."""
        return {"generator": self.generator.get_state()}

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Go on where :meth:`state` was taken."""
        self.generator.set_state(state["generator"])
