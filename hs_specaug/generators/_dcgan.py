"""DCGAN: convolutional GAN without labels, one for each class.

A. Radford, L. Metz and S. Chintala, "Unsupervised representation learning with deep
convolutional generative adversarial networks", ICLR 2016; paper 001 compares with it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ..networks import ConvolutionalClassifier, Losses
from ..networks._conditional import DISCRIMINATOR_KERNELS
from ..networks._unconditional import PerClass, UnconditionalGenerator
from ._adversarial import AdversarialGenerator
from ._draws import Draws
from ._stabilisers import Stabilisers

# Batch normalisation needs some rows of a class to take its statistics from.
FEWEST_ROWS = 8


class DCGANGenerator(AdversarialGenerator):
    """One unconditional GAN per class: a rare class learns from its own rows alone.

    The baseline of the baselines. All pairs are trained together, each on rows of its class, and
    every pair takes the same number of steps on the same number of rows, however rare the class.

    Parameters
    ----------
    batch_size : int, default 32
        Rows per step, shared out equally among the classes, but at least 8 for each.

    References
    ----------
    Radford et al., ICLR 2016; paper 001, section 4.3.

    Examples
    --------
    >>> import numpy as np
    >>> from hs_specaug.generators import DCGANGenerator
    >>> rng = np.random.default_rng(0)
    >>> X = rng.random((12, 32))
    >>> y = np.array(["common"] * 10 + ["rare"] * 2)
    >>> generator = DCGANGenerator(epochs=1, random_state=0)
    >>> X_balanced, y_balanced = generator.fit_resample(X, y)
    >>> X_balanced.shape, int((y_balanced == "rare").sum())
    ((20, 32), 10)
    """

    method: ClassVar[str] = "dcgan"
    takes_lazy_rows: ClassVar[bool] = False  # it draws from every class at random
    passes: ClassVar[dict[str, tuple[int, int]]] = {
        "generator": (2, 1),
        "discriminator": (2, 2),
    }

    def _build_networks(
        self, channels: int, size: tuple[int, ...], n_classes: int
    ) -> nn.ModuleDict:
        generators = [
            UnconditionalGenerator(self.latent_dim, channels, size) for _ in range(n_classes)
        ]
        discriminators = [
            nn.Sequential(
                ConvolutionalClassifier(1, channels, size, DISCRIMINATOR_KERNELS), nn.Flatten(0)
            )
            for _ in range(n_classes)
        ]
        return nn.ModuleDict(
            {"generator": PerClass(generators), "discriminator": PerClass(discriminators)}
        )

    def _losses(
        self, networks: Any, draws: Draws, stabilisers: Stabilisers
    ) -> dict[str, Callable[[], Losses]]:
        G, D = networks["generator"], networks["discriminator"]
        rows = ClassRows(draws)
        return {
            "discriminator": partial(discriminator_losses, G, D, draws, rows, stabilisers),
            "generator": partial(generator_losses, G, D, draws, rows, stabilisers),
        }


class ClassRows:
    """Draw the same number of real rows from every class, with replacement.

    Parameters
    ----------
    draws : Draws
        Rows and random numbers.

    Attributes
    ----------
    labels : Tensor of shape (n,)
        Classes of the rows of a batch, class after class.
    """

    def __init__(self, draws: Draws) -> None:
        self.draws = draws
        rows = max(-(-draws.stream.batch_size // draws.n_classes), FEWEST_ROWS)
        self.labels = torch.arange(draws.n_classes, device=draws.device).repeat_interleave(rows)

    def __call__(self) -> Tensor:
        """Return real rows of the classes `labels`."""
        return self.draws.real_of(self.labels)


def discriminator_losses(
    G: PerClass, D: PerClass, draws: Draws, rows: ClassRows, stabilisers: Stabilisers
) -> Losses:
    """−E[log D_y(x_a)] − E[log(1 − D_y(G_y(z)))], averaged over the classes y."""
    x_a, y = rows(), rows.labels
    x_g = G(draws.noise(len(y)), y)
    x_a, x_g = stabilisers.augment(x_a, y), stabilisers.augment(x_g, y)
    real, generated = D(torch.cat([x_a, x_g]), torch.cat([y, y])).split(len(y))
    return {
        **stabilisers.discriminator(real, generated),
        **stabilisers.penalties(D, (x_a, y), (x_g, y)),
    }


def generator_losses(
    G: PerClass, D: PerClass, draws: Draws, rows: ClassRows, stabilisers: Stabilisers
) -> Losses:
    """−E[log D_y(G_y(z))], averaged over the classes y."""
    y = rows.labels
    return {"adversarial": stabilisers.adversarial(D, G(draws.noise(len(y)), y), y)}
