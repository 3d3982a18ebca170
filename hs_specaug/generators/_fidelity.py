"""How far generated rows are from real ones, cheaply enough to ask after every epoch."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Generate = Callable[[Tensor], Tensor]

PROBE_ROWS = 64


def mean_distance_within(rows: Tensor) -> Tensor:
    """Return the mean Euclidean distance of two different rows (n, ...); 0 for a single row."""
    rows = rows.flatten(1).float()
    pairs = len(rows) * (len(rows) - 1)
    return torch.cdist(rows, rows).sum() / max(pairs, 1)


def energy_distance(x: Tensor, y: Tensor, within_y: Tensor | None = None) -> Tensor:
    """Return 2 E‖X − Y‖ − E‖X − X'‖ − E‖Y − Y'‖, 0 where the distributions are equal.

    Székely and Rizzo, J. Stat. Plan. Inference 143 (2013) 1249. Pairs of a row with itself do
    not count, so the value can be a little below 0; a single row has no pairs (0).

    Parameters
    ----------
    x, y : Tensor of shape (n, ...) and (m, ...)
        Rows of two samples.
    within_y : Tensor, optional
        :func:`mean_distance_within` of `y`, where it is known.
    """
    x, y = x.flatten(1).float(), y.flatten(1).float()
    within_y = mean_distance_within(y) if within_y is None else within_y
    return 2.0 * torch.cdist(x, y).mean() - mean_distance_within(x) - within_y


class ClassProbe:
    """Generate the same probe batch after every epoch and measure how varied it is.

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

    Attributes
    ----------
    diversity : float or None
        Mean distance of two generated rows of a class, as a share of that of two real rows, of
        the class where it is smallest; None before the first call, and where no class has two
        different real rows.
    """

    def __init__(
        self, generate: Generate, X: Tensor, y: Tensor, rows_per_class: int = PROBE_ROWS
    ) -> None:
        self.generate = generate
        self.codes = torch.unique(y)
        self.real = [X[y == code][:rows_per_class] for code in self.codes]
        self.within = [mean_distance_within(rows) for rows in self.real]
        self.labels = torch.repeat_interleave(self.codes, rows_per_class)
        self.diversity: float | None = None

    def probe(self) -> list[Tensor]:
        """Return generated rows class by class, and take their diversity."""
        generated = self.generate(self.labels)
        rows = [generated[self.labels == code] for code in self.codes]
        shares = [
            mean_distance_within(fake) / within
            for fake, within in zip(rows, self.within, strict=True)
            if within > 0
        ]
        self.diversity = float(torch.stack(shares).min()) if shares else None
        return rows


class ClassFidelity(ClassProbe):
    """Energy distance of generated to real training rows, averaged over the classes.

    In units of the mean distance between real rows, so that 0 is perfect and 1 is as far as
    two real rows of any class are from each other. Every class counts the same, however rare.

    Parameters
    ----------
    generate, X, y, rows_per_class
        See :class:`ClassProbe`.
    """

    def __init__(
        self, generate: Generate, X: Tensor, y: Tensor, rows_per_class: int = PROBE_ROWS
    ) -> None:
        super().__init__(generate, X, y, rows_per_class)
        everything = torch.cat(self.real).flatten(1)
        self.unit = float(torch.cdist(everything, everything).mean().clamp(min=1e-12))

    @torch.no_grad()
    def __call__(self) -> float:
        """Return the present score; lower is better."""
        distances = [
            energy_distance(fake, real, within)
            for fake, real, within in zip(self.probe(), self.real, self.within, strict=True)
        ]
        return float(torch.stack(distances).mean()) / self.unit
