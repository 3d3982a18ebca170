"""ACGAN: the discriminator is also the classifier.

A. Odena, C. Olah and J. Shlens, "Conditional image synthesis with auxiliary classifier GANs",
ICML 2017; used by A. Waheed et al., "CovidGAN: data augmentation using auxiliary classifier GAN
for improved Covid-19 detection", IEEE Access 8 (2020) 91916, with which paper 000 compares as
"Covid GAN".
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..networks import ConditionalGenerator, ConvolutionalClassifier, Losses
from ..networks._conditional import DISCRIMINATOR_KERNELS
from ._adversarial import AdversarialGenerator
from ._draws import Draws
from ._stabilisers import Stabilisers

#: Maps the outputs of the discriminator (n, n_classes + 1) to logits (n,) of "real".
Source = Callable[[Tensor], Tensor]


class ACGANGenerator(AdversarialGenerator):
    """Auxiliary classifier GAN ("Covid GAN"): one network says whether real, and which class.

    Parameters
    ----------
    latent_dim : int, default 100
        Length of the noise vector; paper 000 chooses it between 100 and 200 (table 6).

    References
    ----------
    Odena et al., ICML 2017, Eqs. (2) and (3); Waheed et al., IEEE Access 8 (2020) 91916; paper
    000, table 6.

    Examples
    --------
    >>> import numpy as np
    >>> from hs_specaug.generators import ACGANGenerator
    >>> rng = np.random.default_rng(0)
    >>> X = rng.random((12, 32))
    >>> y = np.array(["common"] * 10 + ["rare"] * 2)
    >>> generator = ACGANGenerator(epochs=1, random_state=0)
    >>> X_balanced, y_balanced = generator.fit_resample(X, y)
    >>> X_balanced.shape, int((y_balanced == "rare").sum())
    ((20, 32), 10)
    """

    method: ClassVar[str] = "acgan"
    passes: ClassVar[dict[str, tuple[int, int]]] = {
        "generator": (2, 1),
        "discriminator": (2, 2),
    }

    def __init__(self, *, latent_dim: int = 100, **training: Any) -> None:
        super().__init__(latent_dim=latent_dim, **training)

    def _build_networks(
        self, channels: int, size: tuple[int, ...], n_classes: int
    ) -> nn.ModuleDict:
        return nn.ModuleDict(
            {
                "generator": ConditionalGenerator(self.latent_dim, n_classes, channels, size),
                "discriminator": ConvolutionalClassifier(
                    n_classes + 1, channels, size, DISCRIMINATOR_KERNELS
                ),
            }
        )

    def _losses(
        self, networks: Any, draws: Draws, stabilisers: Stabilisers
    ) -> dict[str, Callable[[], Losses]]:
        G, D = networks["generator"], networks["discriminator"]
        return {
            "discriminator": partial(discriminator_losses, G, D, draws, stabilisers),
            "generator": partial(generator_losses, G, D, draws, source, stabilisers),
        }


def source(outputs: Tensor) -> Tensor:
    """Return the logit of "real": the output after those of the classes."""
    return outputs[:, -1]


def discriminator_losses(
    G: ConditionalGenerator, D: ConvolutionalClassifier, draws: Draws, stabilisers: Stabilisers
) -> Losses:
    """−(L_S + L_C): source and class, of real and of generated rows.

    L_S = E[log P(real | x_a)] + E[log P(fake | G(z, y_g))], Eq. (2);
    L_C = E[log P(y_a | x_a)] + E[log P(y_g | G(z, y_g))], Eq. (3).
    """
    x_a, y_a = draws.real()
    n = len(x_a)
    y_g = draws.labels(n)
    x_g = G(draws.noise(n), y_g)
    x_a, x_g = stabilisers.augment(x_a, y_a), stabilisers.augment(x_g, y_g)
    real, generated = D(torch.cat([x_a, x_g])).split(n)
    return {
        **stabilisers.discriminator(source(real), source(generated)),
        "class_real": F.cross_entropy(real[:, :-1], y_a),
        "class_generated": F.cross_entropy(generated[:, :-1], y_g),
        **stabilisers.penalties(lambda x, y: source(D(x)), (x_a, y_a), (x_g, y_g)),
    }


def generator_losses(
    G: Callable[[Tensor, Tensor], Tensor],
    D: ConvolutionalClassifier,
    draws: Draws,
    source: Source,
    stabilisers: Stabilisers,
) -> Losses:
    """L_S − L_C with the usual swap of labels: be taken for real, be recognised as `y_g`."""
    y_g = draws.labels(draws.stream.batch_size)
    outputs: list[Tensor] = []

    def critic(x: Tensor, y: Tensor) -> Tensor:
        outputs.append(D(x))
        return source(outputs[-1])

    adversarial = stabilisers.adversarial(critic, G(draws.noise(len(y_g)), y_g), y_g)
    # The generated rows are looked at first; the same pass tells their classes.
    return {
        "adversarial": adversarial,
        "class": F.cross_entropy(outputs[0][:, :-1], y_g),
    }
