"""How far generated rows are from real ones, cheaply enough to ask after every epoch."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def energy_distance(x: Tensor, y: Tensor) -> Tensor:
    """Return 2 E‖X − Y‖ − E‖X − X'‖ − E‖Y − Y'‖, 0 where the distributions are equal.

    Székely and Rizzo, J. Stat. Plan. Inference 143 (2013) 1249. Pairs of a row with itself do
    not count, so the value can be a little below 0; a single row has no pairs (0).

    Parameters
    ----------
    x, y : Tensor of shape (n, ...) and (m, ...)
        Rows of two samples.
    """
    x, y = x.flatten(1).float(), y.flatten(1).float()

    def within(rows: Tensor) -> Tensor:
        pairs = len(rows) * (len(rows) - 1)
        return torch.cdist(rows, rows).sum() / max(pairs, 1)

    return 2.0 * torch.cdist(x, y).mean() - within(x) - within(y)


class ClassFidelity:
    """Energy distance of generated to real training rows, averaged over the classes.

    In units of the mean distance between real rows, so that 0 is perfect and 1 is as far as
    two real rows of any class are from each other. Every class counts the same, however rare.

    Parameters
    ----------
    generate : callable
        Maps labels (n,) to rows, with the same noise every time: scores of two epochs then
        differ because the network does.
    X : Tensor of shape (n, channels, *size)
        Real training rows.
    y : Tensor of shape (n,)
        Their class codes.
    rows_per_class : int
        Generated rows per class, and the most real rows per class that are compared.
    """

    def __init__(
        self,
        generate: Callable[[Tensor], Tensor],
        X: Tensor,
        y: Tensor,
        rows_per_class: int = 64,
    ) -> None:
        self.generate = generate
        self.codes = torch.unique(y)
        self.real = [X[y == code][:rows_per_class] for code in self.codes]
        self.labels = torch.repeat_interleave(self.codes, rows_per_class)
        everything = torch.cat(self.real).flatten(1)
        self.unit = float(torch.cdist(everything, everything).mean().clamp(min=1e-12))

    @torch.no_grad()
    def __call__(self) -> float:
        """Return the present score; lower is better."""
        generated = self.generate(self.labels)
        distances = [
            energy_distance(generated[self.labels == code], real)
            for code, real in zip(self.codes, self.real, strict=True)
        ]
        return float(torch.stack(distances).mean()) / self.unit
