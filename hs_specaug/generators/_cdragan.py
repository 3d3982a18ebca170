"""Conditional DRAGAN: a discriminator that is smooth around the real rows.

N. Kodali, J. Abernethy, J. Hays and Z. Kira, "On convergence and stability of GANs",
arXiv:1705.07215 (2017), made class-conditional as in G. Huang and A. H. Jafari, "Enhanced
balancing GAN: minority-class image generation", Neural Comput. Appl. 35 (2023) 5145; paper 000
compares with it under the name CDRAGAN.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

import torch
from torch import Tensor

from ..networks import ConditionalDiscriminator, ConditionalGenerator, Losses
from ._adversarial import WEIGHT, AdversarialGenerator
from ._draws import Draws
from ._losses import gradient_penalty, interpolate
from ._stabilisers import Stabilisers

# Width of the neighbourhood, in standard deviations of the batch (the authors' code).
NEIGHBOURHOOD = 0.5


class CDRAGANGenerator(AdversarialGenerator):
    """Conditional DRAGAN: the discriminator's slope is held at one around the real rows.

    Kodali et al. found that training fails where the discriminator is steep around real data.
    The penalty needs no generated rows, so it does not depend on how good the generator is.

    Parameters
    ----------
    gradient_penalty : float, default 10
        Weight λ of the penalty (paper 000, table 6).

    References
    ----------
    Kodali et al., arXiv:1705.07215 (2017), Eq. (1) and algorithm 1; Huang and Jafari, Neural
    Comput. Appl. 35 (2023) 5145; paper 000, table 6.

    Examples
    --------
    >>> import numpy as np
    >>> from hs_specaug.generators import CDRAGANGenerator
    >>> rng = np.random.default_rng(0)
    >>> X = rng.random((12, 32))
    >>> y = np.array(["common"] * 10 + ["rare"] * 2)
    >>> generator = CDRAGANGenerator(epochs=1, random_state=0)
    >>> X_balanced, y_balanced = generator.fit_resample(X, y)
    >>> X_balanced.shape, int((y_balanced == "rare").sum())
    ((20, 32), 10)
    """

    method: ClassVar[str] = "cdragan"
    passes: ClassVar[dict[str, tuple[int, int]]] = {
        "generator": (2, 1),
        "discriminator": (3, 3),  # of the penalty, only the way to the slope is differentiated
    }

    _parameter_constraints: ClassVar[dict] = {
        **AdversarialGenerator._parameter_constraints,
        "gradient_penalty": [WEIGHT],
    }

    def __init__(self, *, gradient_penalty: float = 10.0, **training: Any) -> None:
        super().__init__(**training)
        self.gradient_penalty = gradient_penalty

    def _losses(
        self, networks: Any, draws: Draws, stabilisers: Stabilisers
    ) -> dict[str, Callable[[], Losses]]:
        G, D = networks["generator"], networks["discriminator"]
        return {
            "discriminator": partial(
                discriminator_losses, G, D, draws, self.gradient_penalty, stabilisers
            ),
            "generator": partial(generator_losses, G, D, draws, stabilisers),
        }


def discriminator_losses(
    G: ConditionalGenerator,
    D: ConditionalDiscriminator,
    draws: Draws,
    weight: float,
    stabilisers: Stabilisers,
) -> Losses:
    """−E[log D(x_a, y_a)] − E[log(1 − D(G(z, y_g), y_g))] + λ E[(‖∇D(x̂, y_a)‖ − 1)²]."""
    x_a, y_a = draws.real()
    n = len(x_a)
    y_g = draws.labels(n)
    x_g = G(draws.noise(n), y_g)
    x_a, x_g = stabilisers.augment(x_a, y_a), stabilisers.augment(x_g, y_g)
    real, generated = D.features(torch.cat([x_a, x_g])).split(n)
    penalty = gradient_penalty(lambda x: D(x, y_a), neighbours(x_a, draws))
    return {
        **stabilisers.discriminator(D.head(real, y_a), D.head(generated, y_g)),
        "gradient_penalty": weight * penalty,
        **stabilisers.penalties(D, (x_a, y_a), (x_g, y_g)),
    }


def neighbours(x: Tensor, draws: Draws) -> Tensor:
    """x̂ = x + α · 0.5 · std(x) · u with α, u uniform in (0, 1), one α per row, one u per value.

    The paper has Gaussian noise, its code this; paper and code mean the same: points at all
    distances up to half the spread of the data.
    """
    noise = draws.uniform(x.numel()).reshape(x.shape)
    shifted = x + NEIGHBOURHOOD * draws.spread(x) * noise
    return interpolate(shifted, x, draws.uniform(len(x)))


def generator_losses(
    G: ConditionalGenerator, D: ConditionalDiscriminator, draws: Draws, stabilisers: Stabilisers
) -> Losses:
    """Be taken for real under the label that was asked for: −E[log D(G(z, y_g), y_g)].

    With the losses of a Wasserstein critic −E[D(G(z, y_g), y_g)].
    """
    y_g = draws.labels(draws.stream.batch_size)
    return {"adversarial": stabilisers.adversarial(D, G(draws.noise(len(y_g)), y_g), y_g)}
