"""cWGAN-GP: conditional Wasserstein GAN with gradient penalty.

I. Gulrajani, F. Ahmed, M. Arjovsky, V. Dumoulin and A. Courville, "Improved training of
Wasserstein GANs", NIPS 2017, made class-conditional as in M. Zheng et al., "Conditional
Wasserstein generative adversarial network-gradient penalty-based approach to alleviating
imbalanced data classification", Inf. Sci. 512 (2020) 1009; paper 001 compares with it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

import torch

from ..networks import ConditionalDiscriminator, ConditionalGenerator, Losses
from ._adversarial import WEIGHT, AdversarialGenerator
from ._cdragan import generator_losses
from ._draws import Draws
from ._losses import gradient_penalty, interpolate, wasserstein_fake, wasserstein_real
from ._stabilisers import Loss, Stabilisers


class CWGANGPGenerator(AdversarialGenerator):
    """Conditional Wasserstein GAN: the critic estimates how far generated rows are to be moved.

    Parameters
    ----------
    gradient_penalty : float, default 5
        Weight λ of the penalty (paper 001, table 2; Gulrajani et al. have 10).
    n_critic : int, default 5
        Critic steps per step of the generator. Every step draws a batch of its own.
    learning_rate : float, default 1e-4
        Of Adam (Gulrajani et al., algorithm 1).
    betas : tuple of float, default (0, 0.9)
        Of Adam (Gulrajani et al., algorithm 1): a critic that changes all the time gains nothing
        from momentum.

    References
    ----------
    Gulrajani et al., NIPS 2017, Eq. (3) and algorithm 1; Zheng et al., Inf. Sci. 512 (2020)
    1009; paper 001, table 2.

    Examples
    --------
    >>> import numpy as np
    >>> from hs_specaug.generators import CWGANGPGenerator
    >>> rng = np.random.default_rng(0)
    >>> X = rng.random((12, 32))
    >>> y = np.array(["common"] * 10 + ["rare"] * 2)
    >>> generator = CWGANGPGenerator(epochs=1, random_state=0)
    >>> X_balanced, y_balanced = generator.fit_resample(X, y)
    >>> X_balanced.shape, int((y_balanced == "rare").sum())
    ((20, 32), 10)
    """

    method: ClassVar[str] = "cwgan-gp"
    adversarial_losses: ClassVar[tuple[Loss, Loss]] = (wasserstein_real, wasserstein_fake)
    passes: ClassVar[dict[str, tuple[int, int]]] = {
        "generator": (6, 1),
        "discriminator": (11, 11),
    }

    _parameter_constraints: ClassVar[dict] = {
        **AdversarialGenerator._parameter_constraints,
        "gradient_penalty": [WEIGHT],
    }

    def __init__(
        self,
        *,
        gradient_penalty: float = 5.0,
        n_critic: int = 5,
        learning_rate: float = 1e-4,
        betas: tuple[float, float] = (0.0, 0.9),
        **training: Any,
    ) -> None:
        super().__init__(n_critic=n_critic, learning_rate=learning_rate, betas=betas, **training)
        self.gradient_penalty = gradient_penalty

    def _losses(
        self, networks: Any, draws: Draws, stabilisers: Stabilisers
    ) -> dict[str, Callable[[], Losses]]:
        G, D = networks["generator"], networks["discriminator"]
        return {
            "discriminator": partial(
                critic_losses, G, D, draws, self.gradient_penalty, stabilisers
            ),
            "generator": partial(generator_losses, G, D, draws, stabilisers),
        }


def critic_losses(
    G: ConditionalGenerator,
    D: ConditionalDiscriminator,
    draws: Draws,
    weight: float,
    stabilisers: Stabilisers,
) -> Losses:
    """E[D(G(z, y_a), y_a)] − E[D(x_a, y_a)] + λ E[(‖∇D(x̂, y_a)‖ − 1)²], Eq. (3).

    Generated rows get the labels of the real ones. The penalty bounds the slope of D in x and
    not in y: were the classes differently frequent, D could win without end by a constant per
    class.
    """
    x_a, y_a = draws.real()
    n = len(x_a)
    x_g = G(draws.noise(n), y_a)
    x_a, x_g = stabilisers.augment(x_a, y_a), stabilisers.augment(x_g, y_a)
    real, generated = D.features(torch.cat([x_a, x_g])).split(n)
    x_hat = interpolate(x_a, x_g, draws.uniform(n))
    penalty = gradient_penalty(lambda x: D(x, y_a), x_hat)
    return {
        **stabilisers.discriminator(D.head(real, y_a), D.head(generated, y_a)),
        "gradient_penalty": weight * penalty,
        **stabilisers.penalties(D, (x_a, y_a), (x_g, y_a)),
    }
