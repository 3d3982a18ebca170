"""What the transcriptions share: rows in batches, scaling, initial weights, gradient penalty."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Rows:
    """Real rows scaled to [−1, 1], in endless shuffled batches of one size.

    Parameters
    ----------
    X : ndarray of shape (n, channels, *size)
        Rows.
    y : ndarray of int of shape (n,)
        Class codes.
    batch_size : int
        Rows per batch; all rows where there are fewer.
    device : str
        Where they are kept.
    """

    def __init__(self, X: np.ndarray, y: np.ndarray, batch_size: int, device: str = "cpu") -> None:
        axes = (0, *range(2, X.ndim))
        self.low = X.min(axis=axes, keepdims=True)[0]
        self.span = np.ptp(X, axis=axes, keepdims=True)[0]
        scaled = (X - self.low) / self.span * 2.0 - 1.0
        self.X = torch.tensor(scaled, dtype=torch.float32, device=device)
        self.y = torch.tensor(y, dtype=torch.long, device=device)
        self.n_classes = int(self.y.max()) + 1
        self.batch_size = min(batch_size, len(X))
        self.batches_per_epoch = math.ceil(len(X) / self.batch_size)
        self._batches = self._endless()

    def _endless(self) -> Iterator[tuple[Tensor, Tensor]]:
        order = torch.empty(0, dtype=torch.long)
        while True:
            if len(order) < self.batch_size:
                order = torch.cat([order, torch.randperm(len(self.X))])
            rows, order = order[: self.batch_size], order[self.batch_size :]
            yield self.X[rows], self.y[rows]

    def batch(self) -> tuple[Tensor, Tensor]:
        """Return the next batch of rows and their classes."""
        return next(self._batches)

    def to_units(self, x: Tensor) -> np.ndarray:
        """Bring generated rows back to the range of the measured ones."""
        return (x.cpu().numpy() + 1.0) / 2.0 * self.span + self.low


def initialise(layer: nn.Module) -> None:
    """Draw kernels from normal(0, 0.02) (paper 000, tables 6 and 7), for ``module.apply``."""
    if isinstance(layer, nn.modules.conv._ConvNd | nn.Linear):
        nn.init.normal_(layer.weight, 0.0, 0.02)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


def says_real(logits: Tensor) -> Tensor:
    """−E[log D]."""
    return F.binary_cross_entropy_with_logits(logits, torch.ones_like(logits))


def says_fake(logits: Tensor) -> Tensor:
    """−E[log(1 − D)]."""
    return F.binary_cross_entropy_with_logits(logits, torch.zeros_like(logits))


def gradient_penalty(critic: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """E[(‖∇ₓ D(x)‖₂ − 1)²]."""
    x = x.detach().requires_grad_(True)
    (slope,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return ((slope.flatten(1).norm(dim=1) - 1.0) ** 2).mean()


def wrong_labels(y: Tensor, n_classes: int) -> Tensor:
    """Return another class for each of `y`."""
    return (y + torch.randint(1, n_classes, y.shape, device=y.device)) % n_classes


def step(optimiser: torch.optim.Optimizer, losses: dict[str, Tensor]) -> None:
    """Minimise the sum of the terms by one step."""
    optimiser.zero_grad()
    sum(losses.values(), torch.zeros((), device=next(iter(losses.values())).device)).backward()
    optimiser.step()


def classes_of(counts: dict[int, int], device: torch.device) -> Tensor:
    """Return one class code for each row that is wanted."""
    codes, numbers = torch.tensor(list(counts)), torch.tensor(list(counts.values()))
    return codes.repeat_interleave(numbers).to(device)
