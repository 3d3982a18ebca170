"""Three-player GAN: generator, discriminator and classifier trained together.

J. Chung, J. Zhang, A. I. Saimon, Y. Liu, B. N. Johnson and Z. Kong, "Imbalanced spectral data
analysis using data augmentation based on the generative adversarial network", Scientific
Reports 14 (2024). Equation and table numbers below are those of this paper.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from sklearn.utils._param_validation import Interval
from torch import Tensor, nn
from torch.nn import functional as F

from ..networks import (
    POSITIVE,
    TRAINING_CONSTRAINTS,
    Autoencoder,
    ConditionalDiscriminator,
    ConditionalGenerator,
    ConvolutionalClassifier,
    Encoder,
    Player,
    Precision,
    autoencoder_losses,
    build_network,
)
from ..networks._training import Losses
from ._adversarial import AdversarialGenerator, Draws
from ._losses import fake_loss, gradient_penalty, interpolate, real_loss

if TYPE_CHECKING:
    from ..classifiers import CNNClassifier


class ThreePlayerGenerator(AdversarialGenerator):
    """Three-player GAN of paper 000: realistic *and* class-distinguishable samples.

    The discriminator says whether a sample is a real one of its class; the classifier learns
    from real rows and from generated rows that fill up the rare classes; the generator learns
    to please both. An autoencoder gives generator and discriminator their first weights, and its
    latent vectors the first distribution of the noise. The generator of the epoch whose samples
    are nearest to the training rows is kept (`best_epoch_`).

    Parameters
    ----------
    epochs : int, default 150
        Passes over the data in which the three players alternate.
    pretrain_epochs : int, default 100
        Passes of the autoencoder before that. 0 starts from random weights.
    batch_size : int, default 32
        Rows per step. The paper does not say.
    n_critic : int, default 1
        Discriminator steps per step of the others; the paper's training procedure has one.
        Every step draws a batch of its own.
    gradient_penalty : float, default 10
        Weight λ of the last term of Eq. (3).
    latent_dim : int, default 128
        Length of the noise vector.
    learning_rate : float, default 2e-4
        Of Adam, for all players.
    generator_learning_rate, discriminator_learning_rate : float or None, default None
        Of one player; None takes `learning_rate`. With few epochs a slower generator against a
        faster discriminator (2e-5 and 8e-4 with ``n_critic=3``) stays together better.
    betas : tuple of float, default (0.5, 0.9)
        Of Adam.
    sampling_strategy : float, str, dict or callable, default "auto"
        Which classes `fit_resample` fills up and how far, as in imbalanced-learn.
    device : str, default "auto"
        ``"auto"`` (CUDA where there is one), ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ...
    precision : {"auto", "float32", "bfloat16"}, default "auto"
        Arithmetic of the forward passes in training; ``"auto"`` is bfloat16 where the hardware
        multiplies it natively. Losses, norms and weights are always float32.
    random_state : int, numpy.random.RandomState or None, default None
        The only seed: weights, order of the rows, noise.
    show_progressbar : bool, default False
        Show the progress of the training.

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

    _parameter_constraints: ClassVar[dict] = {
        **AdversarialGenerator._parameter_constraints,
        **TRAINING_CONSTRAINTS,
        "epochs": [Interval(Integral, 0, None, closed="left")],
        "pretrain_epochs": [Interval(Integral, 0, None, closed="left")],
        "n_critic": [Interval(Integral, 1, None, closed="left")],
        "latent_dim": [Interval(Integral, 1, None, closed="left")],
        "gradient_penalty": [Interval(Real, 0, None, closed="left")],
        "generator_learning_rate": [POSITIVE, None],
        "discriminator_learning_rate": [POSITIVE, None],
    }

    def __init__(
        self,
        *,
        epochs: int = 150,
        pretrain_epochs: int = 100,
        batch_size: int = 32,
        n_critic: int = 1,
        gradient_penalty: float = 10.0,
        latent_dim: int = 128,
        learning_rate: float = 2e-4,
        generator_learning_rate: float | None = None,
        discriminator_learning_rate: float | None = None,
        betas: tuple[float, float] = (0.5, 0.9),
        sampling_strategy: float | str | Mapping | Any = "auto",
        device: str = "auto",
        precision: str = "auto",
        random_state: Any = None,
        show_progressbar: bool = False,
    ) -> None:
        super().__init__(sampling_strategy=sampling_strategy)
        self.epochs = epochs
        self.pretrain_epochs = pretrain_epochs
        self.batch_size = batch_size
        self.n_critic = n_critic
        self.gradient_penalty = gradient_penalty
        self.latent_dim = latent_dim
        self.learning_rate = learning_rate
        self.generator_learning_rate = generator_learning_rate
        self.discriminator_learning_rate = discriminator_learning_rate
        self.betas = betas
        self.device = device
        self.precision = precision
        self.random_state = random_state
        self.show_progressbar = show_progressbar

    def _build_networks(
        self, channels: int, size: tuple[int, ...], n_classes: int
    ) -> nn.ModuleDict:
        return nn.ModuleDict(
            {
                "generator": ConditionalGenerator(self.latent_dim, n_classes, channels, size),
                "discriminator": ConditionalDiscriminator(n_classes, channels, size),
                "classifier": ConvolutionalClassifier(n_classes, channels, size),
            }
        )

    def _pretrain(self, networks: Any, draws: Draws, precision: Precision) -> None:
        if not self.pretrain_epochs:
            return
        _, channels, *size = draws.stream.X.shape
        encoder = build_network(
            lambda: Encoder(self.latent_dim, channels, tuple(size)), draws.seed()
        ).to(draws.device)
        # The decoder is the generator itself: training the one starts the other.
        autoencoder = Autoencoder(encoder, networks["generator"])

        def losses() -> Losses:
            return autoencoder_losses(autoencoder, *draws.real())

        player = Player("autoencoder", autoencoder, losses, 1, self.learning_rate, self.betas)
        self._run([player], draws, self.pretrain_epochs, precision, phase="pre-training")
        networks["discriminator"].trunk.load_state_dict(encoder.trunk.state_dict())
        with torch.no_grad():
            latents = encoder(draws.stream.X)
        networks["generator"].start_from_latents(latents, draws.stream.y)

    def _players(self, networks: Any, draws: Draws) -> list[Player]:
        G, D, C = networks["generator"], networks["discriminator"], networks["classifier"]
        losses = {
            "discriminator": partial(discriminator_losses, G, D, draws, self.gradient_penalty),
            "generator": partial(generator_losses, G, D, C, draws),
            "classifier": partial(classifier_losses, G, C, draws),
        }
        updates = {"discriminator": self.n_critic}
        rates = {
            "discriminator": self.discriminator_learning_rate,
            "generator": self.generator_learning_rate,
        }

        def player(name: str) -> Player:
            rate = rates.get(name) or self.learning_rate
            return Player(
                name, networks[name], losses[name], updates.get(name, 1), rate, self.betas
            )

        return [player(name) for name in losses]

    @property
    def classifier_(self) -> CNNClassifier:
        """The classifier that was trained with the generator (Eq. 5), as an estimator."""
        from ..classifiers import CNNClassifier

        network: Any = self.networks_["classifier"]
        return CNNClassifier.from_network(network, self.classes_, self.scaler_, self.input_shape_)


def discriminator_losses(
    G: ConditionalGenerator, D: ConditionalDiscriminator, draws: Draws, weight: float
) -> Losses:
    """Eq. (3): real, generated and mislabelled samples, and the gradient penalty.

    Real and mislabelled samples are the same rows under two labels, so they share one pass
    through the trunk, and generated rows travel in the same batch.
    """
    x_a, y_a = draws.real()
    n = len(x_a)
    y_g, y_m = draws.labels(n), draws.wrong(y_a)
    x_g = G(draws.noise(n), y_g)
    real, generated = D.features(torch.cat([x_a, x_g])).split(n)
    x_hat = interpolate(x_a, x_g, draws.uniform(n))
    penalty = gradient_penalty(lambda x: D(x, y_a), x_hat)
    return {
        "real": real_loss(D.head(real, y_a)),
        "generated": fake_loss(D.head(generated, y_g)),
        "mislabelled": fake_loss(D.head(real, y_m)),
        "gradient_penalty": weight * penalty,
    }


def generator_losses(
    G: ConditionalGenerator,
    D: ConditionalDiscriminator,
    C: ConvolutionalClassifier,
    draws: Draws,
) -> Losses:
    """Eq. (4): be taken for real by D (adversarial), be recognised by C (cooperative)."""
    n = draws.stream.batch_size
    y_g = draws.labels(n)
    x_g = G(draws.noise(n), y_g)
    return {
        "adversarial": real_loss(D(x_g, y_g)),
        "cooperative": F.cross_entropy(C(x_g), y_g),
    }


def classifier_losses(G: ConditionalGenerator, C: ConvolutionalClassifier, draws: Draws) -> Losses:
    """Eq. (5): cross-entropy on real rows, and on the generated rows that balance the batch."""
    x_a, y_a = draws.real()
    y_g = draws.missing(y_a)
    if not len(y_g):
        return {"real": F.cross_entropy(C(x_a), y_a)}
    x_g = sample_still(G, draws.noise(len(y_g)), y_g)
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
