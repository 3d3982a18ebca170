"""Designs, transformations and losses of the data-augmentation GAN (paper 002, figure 3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from ..networks import Losses
from ..networks._noise_layers import draw_shifts, translate
from ..perturbations import PoissonNoise
from ._draws import Draws
from ._losses import fake_loss, real_loss
from ._stabilisers import Stabilisers

#: Transformations of each design, and whether each has a discriminator of its own (figure 3).
DESIGNS: dict[str, tuple[tuple[str, ...], bool]] = {
    "single-mono": (("shift",), False),
    "multi-mono": (("shift",), True),
    "single-bi": (("shift", "poisson"), False),
    "multi-bi": (("shift", "poisson"), True),
}
REFERENCE_SHIFT = 10  # channels
Transform = Callable[[Tensor], Tensor]


def smoothed_real_loss(logits: Tensor, label: float = 0.9) -> Tensor:
    """−E[s log D + (1 − s) log(1 − D)]: logits of real rows, whose label is s instead of 1.

    One-sided label smoothing (Salimans et al. 2016): generated rows keep the label 0.
    """
    return label * real_loss(logits) + (1.0 - label) * fake_loss(logits)


def transformations(
    names: Sequence[str],
    maximum_shift: int,
    dose: float | None,
    scale: tuple[np.ndarray, np.ndarray],
    noise: torch.Generator,
) -> dict[str, Transform]:
    """Return the transformations of rows (n, channels, *size) by name, ``"plain"`` first.

    Parameters
    ----------
    names : sequence of {"shift", "poisson"}
        T₁, random translations along the last axis, and T₂, random Poisson noise.
    maximum_shift : int
        In channels.
    dose : float or None
        Counts of the maximum of a row.
    scale : tuple of ndarray
        Lowest value and range of each channel: the rows are scaled to [−1, 1], counts are not.
    noise : torch.Generator
        Of the device of the rows.
    """
    perturb = PoissonNoise(counts=dose)
    low, span = (torch.as_tensor(v, dtype=torch.float32).to(noise.device) for v in scale)

    def shift(x: Tensor) -> Tensor:
        if maximum_shift < 1:
            return x
        # One shift for all channels and lines of a row.
        return translate(x, draw_shifts((len(x), *(1,) * (x.ndim - 2)), maximum_shift, noise))

    def poisson(x: Tensor) -> Tensor:
        rows = (x + 1.0) / 2.0 * span + low
        return (perturb(rows, random_state=noise) - low) / span * 2.0 - 1.0

    known: dict[str, Transform] = {"shift": shift, "poisson": poisson}
    return {"plain": lambda x: x, **{name: known[name] for name in names}}


def discriminator_losses(
    generate: Callable[[int], Tensor],
    D: nn.Module,
    transform: Transform,
    draws: Draws,
    stabilisers: Stabilisers,
) -> Losses:
    """Binary cross-entropy of one discriminator on equally transformed real and generated rows.

    −E[0.9 log D(T(x)) + 0.1 log(1 − D(T(x)))] − E[log(1 − D(T(G(z))))]
    """
    x_a, y = draws.real()
    x_g = generate(len(x_a)).float()
    x_a, x_g = (stabilisers.augment(transform(x), y) for x in (x_a, x_g))
    # Two groups in one pass: the weights are read once, and rows are compared within groups.
    real, fake = D(torch.stack([x_a, x_g]))
    return {
        **stabilisers.discriminator(real, fake),
        **stabilisers.penalties(lambda x, y: D(x), (x_a, y), (x_g, y)),
    }


def generator_loss(
    generate: Callable[[int], Tensor],
    judges: Mapping[str, nn.Module],
    transforms: Mapping[str, Transform],
    draws: Draws,
    stabilisers: Stabilisers,
) -> Tensor:
    """−E[log D_T(T(G(z)))], the mean over all transformations T."""
    x = generate(draws.stream.batch_size).float()
    alone = len({id(D) for D in judges.values()}) == 1

    def judge(rows: Tensor, labels: Tensor) -> Tensor:
        seen = {name: transform(rows) for name, transform in transforms.items()}
        if alone:
            return next(iter(judges.values()))(torch.stack(list(seen.values())))
        return torch.stack([judges[name](rows) for name, rows in seen.items()])

    labels = torch.full((len(x),), draws.stream.code, device=x.device)  # type: ignore[attr-defined]
    return stabilisers.adversarial(judge, x, labels)
