"""Everything that is drawn at random in one training run."""

from __future__ import annotations

import torch
from torch import Tensor

from ..networks import BatchStream


class Draws:
    """All random numbers of one training run, and the real rows, on the training device.

    Parameters
    ----------
    stream : BatchStream
        Real rows.
    n_classes, latent_dim : int
        Ranges of labels and noise.
    generator : torch.Generator
        Of the training device.

    Attributes
    ----------
    epoch : int
        The epoch that is being run, from 1; for losses that change with it.
    """

    def __init__(
        self, stream: BatchStream, n_classes: int, latent_dim: int, generator: torch.Generator
    ) -> None:
        self.stream = stream
        self.n_classes = n_classes
        self.latent_dim = latent_dim
        self.generator = generator
        self.device = stream.X.device
        self.epoch = 1

    def real(self) -> tuple[Tensor, Tensor]:
        """Return the next batch of real rows x_a and their labels y_a."""
        return self.stream.next()

    def noise(self, n: int) -> Tensor:
        """Return latent noise z ~ N(0, 1) of shape (n, latent_dim)."""
        return self.normal(n, self.latent_dim)

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

    def start_epoch(self, epoch: int) -> None:
        """Take notice of the epoch that begins."""
        self.epoch = epoch

    def state(self) -> dict[str, Tensor]:
        """Return where the random numbers are."""
        return {"generator": self.generator.get_state()}

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Go on where :meth:`state` was taken."""
        self.generator.set_state(state["generator"])
