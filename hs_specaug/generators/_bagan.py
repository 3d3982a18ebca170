"""BAGAN: balancing GAN with an autoencoder start and a discriminator of K + 1 classes.

G. Mariani, F. Scheidegger, R. Istrate, C. Bekas and C. Malossi, "BAGAN: data augmentation with
balancing GAN", arXiv:1803.09655 (2018); paper 001 compares with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from numbers import Integral
from typing import Any, ClassVar

import torch
from sklearn.utils._param_validation import Interval
from torch import Tensor, nn
from torch.nn import functional as F

from ..networks import ClassGaussians, ConvolutionalClassifier, Losses
from ..networks._conditional import DISCRIMINATOR_KERNELS
from ..networks._unconditional import UnconditionalGenerator
from ._acgan import generator_losses
from ._autoencoder_start import AutoencoderStartGenerator
from ._draws import Draws
from ._stabilisers import Stabilisers


class BAGANGenerator(AutoencoderStartGenerator):
    """Balancing GAN: the class is a place in the latent space of an autoencoder.

    An autoencoder that is not told the class learns from all rows. Its decoder starts the
    generator, its encoder the discriminator, and the latent vectors of each class are described
    by a Gaussian of their own, from which the noise of that class is drawn ever after. The
    discriminator says which class a row is of, or that it is generated, all in one softmax.

    Parameters
    ----------
    pretrain_epochs : int, default 100
        Passes of the autoencoder before the adversarial training; at least 1, because only the
        autoencoder tells the generator where the classes are.

    References
    ----------
    Mariani et al., arXiv:1803.09655 (2018), section 3.

    Examples
    --------
    >>> import numpy as np
    >>> from hs_specaug.generators import BAGANGenerator
    >>> rng = np.random.default_rng(0)
    >>> X = rng.random((12, 32))
    >>> y = np.array(["common"] * 10 + ["rare"] * 2)
    >>> generator = BAGANGenerator(epochs=1, pretrain_epochs=1, random_state=0)
    >>> X_balanced, y_balanced = generator.fit_resample(X, y)
    >>> X_balanced.shape, int((y_balanced == "rare").sum())
    ((20, 32), 10)
    """

    method: ClassVar[str] = "bagan"
    passes: ClassVar[dict[str, tuple[int, int]]] = {
        "generator": (2, 1),
        "discriminator": (2, 2),
    }

    _parameter_constraints: ClassVar[dict] = {
        **AutoencoderStartGenerator._parameter_constraints,
        "pretrain_epochs": [Interval(Integral, 1, None, closed="left")],
    }

    def _build_networks(
        self, channels: int, size: tuple[int, ...], n_classes: int
    ) -> nn.ModuleDict:
        return nn.ModuleDict(
            {
                "generator": UnconditionalGenerator(self.latent_dim, channels, size),
                "discriminator": ConvolutionalClassifier(
                    n_classes + 1, channels, size, DISCRIMINATOR_KERNELS
                ),
                "latent": ClassGaussians(n_classes, self.latent_dim),
            }
        )

    def _start_from_latents(self, networks: Any, latents: Tensor, y: Tensor) -> None:
        networks["latent"].fit(latents, y)

    def _losses(
        self, networks: Any, draws: Draws, stabilisers: Stabilisers
    ) -> dict[str, Callable[[], Losses]]:
        D = networks["discriminator"]
        G = partial(generate, networks["generator"], networks["latent"])
        return {
            "discriminator": partial(discriminator_losses, G, D, draws, stabilisers),
            "generator": partial(generator_losses, G, D, draws, realness, stabilisers),
        }

    def _latents(
        self, networks: Mapping[str, Any], labels: Tensor, noise: torch.Generator
    ) -> Tensor:
        z = torch.randn(len(labels), self.latent_dim, generator=noise)
        return networks["latent"](z.to(labels.device), labels)

    def _generate(
        self, networks: Mapping[str, Any], labels: Tensor, noise: torch.Generator
    ) -> Tensor:
        return networks["generator"](self._latents(networks, labels, noise))


def generate(G: UnconditionalGenerator, latent: ClassGaussians, z: Tensor, y: Tensor) -> Tensor:
    """G(z_c) with z_c ~ N(μ_c, Σ_c), made from z ~ N(0, 1)."""
    return G(latent(z, y))


def realness(outputs: Tensor) -> Tensor:
    """Return the log-odds of "one of the classes" against "generated", the last output.

    With s = log Σ_c exp(o_c) − o_K the softmax over K + 1 outputs is a product: the probability
    of class y is σ(s) · softmax(o_0 … o_{K−1})_y, and that of "generated" is 1 − σ(s). So its
    cross-entropy is a logistic loss of s, to which every stabilising option applies, plus a
    cross-entropy over the K classes.
    """
    return outputs[:, :-1].logsumexp(dim=1) - outputs[:, -1]


def discriminator_losses(
    G: Callable[[Tensor, Tensor], Tensor],
    D: ConvolutionalClassifier,
    draws: Draws,
    stabilisers: Stabilisers,
) -> Losses:
    """−E[log P(y_a | x_a)] − E[log P(K | G(z_c))] / K, softmax over K + 1 outputs.

    In the paper a batch has one generated row for K real ones, so that "generated" is as
    frequent as a class; here the weight 1/K does that, with less noise. ``"real"`` and
    ``"class"`` together are the first expectation.
    """
    x_a, y_a = draws.real()
    n = len(x_a)
    y_g = draws.labels(n)
    x_g = G(draws.noise(n), y_g)
    x_a, x_g = stabilisers.augment(x_a, y_a), stabilisers.augment(x_g, y_g)
    real, generated = D(torch.cat([x_a, x_g])).split(n)
    terms = stabilisers.discriminator(realness(real), realness(generated))
    if "generated" in terms:  # a relativistic discriminator compares pairs: nothing to weigh
        terms["generated"] = terms["generated"] / draws.n_classes
    return {
        **terms,
        "class": F.cross_entropy(real[:, :-1], y_a),
        **stabilisers.penalties(lambda x, y: realness(D(x)), (x_a, y_a), (x_g, y_g)),
    }
