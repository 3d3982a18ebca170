"""Three-player GAN: generator, discriminator and classifier trained together.

J. Chung, J. Zhang, A. I. Saimon, Y. Liu, B. N. Johnson and Z. Kong, "Imbalanced spectral data
analysis using data augmentation based on the generative adversarial network", Scientific
Reports 14 (2024). Equation and table numbers below are those of this paper.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..networks import (
    ConditionalDiscriminator,
    ConditionalGenerator,
    ConvolutionalClassifier,
    Losses,
)
from ._adversarial import WEIGHT
from ._autoencoder_start import AutoencoderStartGenerator
from ._draws import Draws
from ._losses import fake_loss, gradient_penalty, interpolate
from ._stabilisers import Stabilisers

if TYPE_CHECKING:
    from ..classifiers import CNNClassifier


class ThreePlayerGenerator(AutoencoderStartGenerator):
    """Three-player GAN of paper 000: realistic *and* class-distinguishable samples.

    The discriminator says whether a sample is a real one of its class; the classifier learns
    from real rows and from generated rows that fill up the rare classes; the generator learns
    to please both. An autoencoder gives generator and discriminator their first weights, and its
    latent vectors the first distribution of the noise. The generator of the epoch whose samples
    are nearest to the training rows is kept (`best_epoch_`).

    Parameters
    ----------
    gradient_penalty : float, default 10
        Weight λ of the last term of Eq. (3).
    generator_learning_rate, discriminator_learning_rate : float or None, default None
        Of one player; None takes `learning_rate`. With few epochs a slower generator against a
        faster discriminator (2e-5 and 8e-4 with ``n_critic=3``) stays together better.

    Attributes
    ----------
    classifier_ : CNNClassifier
        The jointly trained classifier, ready to predict.
    history_ : dict of str to list
        Loss terms per epoch, under ``"player/term"``.
    networks_ : torch.nn.ModuleDict
        ``"generator"``, ``"discriminator"`` and ``"classifier"``.

    References
    ----------
    Chung et al., Scientific Reports 14 (2024), Eqs. (3)–(5), tables 6 and 7.

    Examples
    --------
    >>> import numpy as np
    >>> from hs_specaug.generators import ThreePlayerGenerator
    >>> rng = np.random.default_rng(0)
    >>> X = rng.random((12, 32))
    >>> y = np.array(["common"] * 10 + ["rare"] * 2)
    >>> generator = ThreePlayerGenerator(epochs=1, pretrain_epochs=1, random_state=0)
    >>> X_balanced, y_balanced = generator.fit_resample(X, y)
    >>> X_balanced.shape, int((y_balanced == "rare").sum())
    ((20, 32), 10)
    """

    method: ClassVar[str] = "three-player"
    remedy: ClassVar[str] = (
        "A slower generator and a faster discriminator (generator_learning_rate=2e-5, "
        "discriminator_learning_rate=8e-4, n_critic=3), more epochs or another method may help"
    )

    passes: ClassVar[dict[str, tuple[int, int]]] = {
        "generator": (3, 1),
        "discriminator": (3, 3),  # of the penalty, only the way to the slope is differentiated
        "classifier": (2, 2),
    }

    _parameter_constraints: ClassVar[dict] = {
        **AutoencoderStartGenerator._parameter_constraints,
        "gradient_penalty": [WEIGHT],
    }

    def __init__(self, *, gradient_penalty: float = 10.0, **training: Any) -> None:
        super().__init__(**training)
        self.gradient_penalty = gradient_penalty

    def _build_networks(
        self, channels: int, size: tuple[int, ...], n_classes: int
    ) -> nn.ModuleDict:
        networks = super()._build_networks(channels, size, n_classes)
        networks["classifier"] = ConvolutionalClassifier(n_classes, channels, size)
        return networks

    def _losses(
        self, networks: Any, draws: Draws, stabilisers: Stabilisers
    ) -> dict[str, Callable[[], Losses]]:
        G, D, C = networks["generator"], networks["discriminator"], networks["classifier"]
        return {
            "discriminator": partial(
                discriminator_losses, G, D, draws, self.gradient_penalty, stabilisers
            ),
            "generator": partial(generator_losses, G, D, C, draws, stabilisers),
            "classifier": partial(classifier_losses, G, C, draws),
        }

    @property
    def classifier_(self) -> CNNClassifier:
        """The classifier that was trained with the generator (Eq. 5), as an estimator."""
        from ..classifiers import CNNClassifier

        network: Any = self.networks_["classifier"]
        return CNNClassifier.from_network(network, self.classes_, self.scaler_, self.input_shape_)


def discriminator_losses(
    G: ConditionalGenerator,
    D: ConditionalDiscriminator,
    draws: Draws,
    weight: float,
    stabilisers: Stabilisers,
) -> Losses:
    """Eq. (3): real, generated and mislabelled samples, and the gradient penalty.

    Real and mislabelled samples are the same rows under two labels, so they share one pass
    through the trunk, and generated rows travel in the same batch.
    """
    x_a, y_a = draws.real()
    n = len(x_a)
    y_g, y_m = draws.labels(n), draws.wrong(y_a)
    x_g = G(draws.noise(n), y_g)
    x_a, x_g = stabilisers.augment(x_a, y_a), stabilisers.augment(x_g, y_g)
    real, generated = D.features(torch.cat([x_a, x_g])).split(n)
    x_hat = interpolate(x_a, x_g, draws.uniform(n))
    penalty = gradient_penalty(lambda x: D(x, y_a), x_hat)
    return {
        **stabilisers.discriminator(D.head(real, y_a), D.head(generated, y_g)),
        "mislabelled": fake_loss(D.head(real, y_m)),
        "gradient_penalty": weight * penalty,
        **stabilisers.penalties(D, (x_a, y_a), (x_g, y_g)),
    }


def generator_losses(
    G: ConditionalGenerator,
    D: ConditionalDiscriminator,
    C: ConvolutionalClassifier,
    draws: Draws,
    stabilisers: Stabilisers,
) -> Losses:
    """Eq. (4): be taken for real by D (adversarial), be recognised by C (cooperative)."""
    n = draws.stream.batch_size
    y_g = draws.labels(n)
    x_g = G(draws.noise(n), y_g)
    return {
        "adversarial": stabilisers.adversarial(D, x_g, y_g),
        "cooperative": F.cross_entropy(C(x_g), y_g),
    }


def classifier_losses(G: ConditionalGenerator, C: ConvolutionalClassifier, draws: Draws) -> Losses:
    """Eq. (5): cross-entropy on real rows, and on the generated rows that balance the batch."""
    x_a, y_a = draws.real()
    y_g = draws.missing(y_a)
    if not len(y_g):
        return {"real": F.cross_entropy(C(x_a), y_a)}
    # Where several repetitions train together, labels that one of them lacks are IGNORED (−100).
    x_g = sample_still(G, draws.noise(y_g), y_g.clamp(min=0))
    real, generated = C(torch.cat([x_a, x_g])).split([len(y_a), len(y_g)])
    return {
        "real": F.cross_entropy(real, y_a),
        "generated": F.cross_entropy(generated, y_g),
    }


def sample_still(G: ConditionalGenerator, z: Tensor, y: Tensor) -> Tensor:
    """Sample as at the end of training: running statistics, which the batch does not move.

    The fill-up batch holds rare classes only; its own batch statistics would shift them all.
    """
    G.eval()
    try:
        return G(z, y)
    finally:
        G.train()
