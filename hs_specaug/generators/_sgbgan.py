"""SGBGAN: balancing GAN that starts from a gated variational autoencoder with self-attention.

Q. Wan, W. Guo and Y. Wang, "SGBGAN: minority class image generation for class-imbalanced
datasets" (2024), paper 001. Equation and table numbers below are those of this paper.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from numbers import Real
from typing import Any, ClassVar

import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor, nn

from ..networks import POSITIVE, Losses, Player, build_network
from ..networks._sa_gvae import (
    SAGVAE,
    GatedDiscriminator,
    GatedEncoder,
    LabelledDecoder,
    reparameterise,
)
from ._adversarial import WEIGHT
from ._autoencoder_start import AutoencoderStartGenerator
from ._cdragan import generator_losses
from ._draws import Draws
from ._run import Phases, TrainingRun
from ._stabilisers import Stabilisers
from ._three_player import discriminator_losses

# Latent vectors that are drawn, per latent number, to estimate where the classes lie.
DRAWS_PER_DIMENSION = 32


class SGBGANGenerator(AutoencoderStartGenerator):
    """Balancing GAN that a gated variational autoencoder with self-attention (SA-GVAE) starts.

    The encoder's convolutions are gated, and encoder and decoder attend to distant positions.
    The latent vectors, drawn from a Gaussian that the encoder gives, are multiplied with an
    embedding of the class. The decoder becomes the generator, the first layers of the encoder
    the discriminator, and both go on as in BAGAN-GP. Images are 64 × 64 in the paper; here
    images of any size and spectra go through the same code.

    Parameters
    ----------
    pretrain_learning_rate : float, default 0.001
        Of the SA-GVAE.
    pretrain_beta1 : float, default 0.5
        First momentum of Adam for the SA-GVAE; the second is that of `betas`.
    reparameterisation : {"normal", "uniform"}, default "normal"
        Law of α in Eq. (6). The paper says in one sentence that α is normally distributed and
        that it is U(0, 1). The KL term of Eq. (10) is that of a Gaussian, so ``"normal"`` is
        right; ``"uniform"`` is the equation to the letter.
    class_noise : bool, default True
        Draw the noise of a class, after the SA-GVAE, from the Gaussian of its latent vectors
        (mean of its own, covariance shared by all). False: from N(0, 1), as in the paper.
    gradient_penalty : float, default 5
        Weight λ of Eq. (9).
    n_critic : int, default 5
        Discriminator steps per step of the generator (train ratio in table 2). Every step draws
        a batch of its own.
    batch_size : int, default 128
        Rows per step.
    generator_learning_rate : float or None, default 0.0001
        Of the generator; None takes `learning_rate`.
    discriminator_learning_rate : float or None, default 0.0008
        Of the discriminator; None takes `learning_rate`.

    Attributes
    ----------
    table_2 : dict of str to list
        The grid of table 2, as ``sklearn.model_selection.ParameterGrid`` takes it.

    References
    ----------
    Wan, Guo and Wang (2024), Eqs. (1)–(10), table 2.

    Examples
    --------
    >>> import numpy as np
    >>> from hs_specaug.generators import SGBGANGenerator
    >>> rng = np.random.default_rng(0)
    >>> X = rng.random((12, 1, 16, 16))
    >>> y = np.array(["common"] * 10 + ["rare"] * 2)
    >>> generator = SGBGANGenerator(epochs=1, pretrain_epochs=1, random_state=0)
    >>> X_balanced, y_balanced = generator.fit_resample(X, y)
    >>> X_balanced.shape, int((y_balanced == "rare").sum())
    ((20, 1, 16, 16), 10)
    """

    method: ClassVar[str] = "sgbgan"
    passes: ClassVar[dict[str, tuple[int, int]]] = {
        "generator": (6, 1),
        "discriminator": (11, 16),
    }
    table_2: ClassVar[dict[str, list]] = {
        "pretrain_learning_rate": [0.0002, 0.0005, 0.0008, 0.001],
        "pretrain_epochs": [15, 30, 100],
        "pretrain_beta1": [0.5, 0.6, 0.7, 0.8],
        "generator_learning_rate": [0.0001, 0.0002, 0.0005, 0.0008],
        "discriminator_learning_rate": [0.0001, 0.0008, 0.0013, 0.0015],
        "gradient_penalty": [5.0],
        "n_critic": [5],
        "batch_size": [128],
        "latent_dim": [128],
    }

    _parameter_constraints: ClassVar[dict] = {
        **AutoencoderStartGenerator._parameter_constraints,
        "pretrain_learning_rate": [POSITIVE],
        "pretrain_beta1": [Interval(Real, 0, 1, closed="left")],
        "reparameterisation": [StrOptions({"normal", "uniform"})],
        "class_noise": ["boolean"],
        "gradient_penalty": [WEIGHT],
    }

    def __init__(
        self,
        *,
        pretrain_learning_rate: float = 0.001,
        pretrain_beta1: float = 0.5,
        reparameterisation: str = "normal",
        class_noise: bool = True,
        gradient_penalty: float = 5.0,
        n_critic: int = 5,
        batch_size: int = 128,
        generator_learning_rate: float | None = 0.0001,
        discriminator_learning_rate: float | None = 0.0008,
        **training: Any,
    ) -> None:
        super().__init__(
            n_critic=n_critic,
            batch_size=batch_size,
            generator_learning_rate=generator_learning_rate,
            discriminator_learning_rate=discriminator_learning_rate,
            **training,
        )
        self.pretrain_learning_rate = pretrain_learning_rate
        self.pretrain_beta1 = pretrain_beta1
        self.reparameterisation = reparameterisation
        self.class_noise = class_noise
        self.gradient_penalty = gradient_penalty

    def _build_networks(
        self, channels: int, size: tuple[int, ...], n_classes: int
    ) -> nn.ModuleDict:
        return nn.ModuleDict(
            {
                "generator": LabelledDecoder(self.latent_dim, n_classes, channels, size),
                "discriminator": GatedDiscriminator(n_classes, channels, size),
            }
        )

    def _build_encoder(self, channels: int, size: tuple[int, ...]) -> Any:
        return GatedEncoder(self.latent_dim, channels, size)

    def _pretrain(self, networks: Any, draws: Draws, run: TrainingRun) -> Phases:
        if not self.pretrain_epochs:
            return
        channels, *size = draws.stream.row_shape
        encoder = build_network(
            lambda: self._build_encoder(channels, tuple(size)), draws.seed()
        ).to(draws.device)
        sa_gvae = SAGVAE(encoder, networks["generator"])
        losses = partial(sa_gvae_losses, sa_gvae, draws, self.reparameterisation)
        betas = (self.pretrain_beta1, self.betas[1])
        player = Player("sa-gvae", sa_gvae, losses, 1, self.pretrain_learning_rate, betas)
        yield from run.phase([player], self.pretrain_epochs, phase="pre-training")
        # The decoder is the generator already.
        self._transfer(encoder, networks)
        if self.class_noise:
            self._place_classes(encoder, networks, draws)

    @torch.no_grad()
    def _place_classes(self, encoder: GatedEncoder, networks: Any, draws: Draws) -> None:
        """Let the noise of a class have mean and covariance of the z of Eq. (6) of its rows."""
        laws = draws.stream.map_rows(lambda x: torch.stack(encoder(x), dim=1), self.sample_batch)
        mu, sigma = laws.unbind(dim=1)
        n_draws = max(1, DRAWS_PER_DIMENSION * self.latent_dim // len(mu))
        shape = (n_draws, *mu.shape)
        z = reparameterise(mu, sigma, alpha_of(self.reparameterisation, draws.whole, *shape))
        networks["generator"].latent.fit(z.flatten(0, 1), draws.stream.y.repeat(n_draws))

    def _losses(
        self, networks: Any, draws: Draws, stabilisers: Stabilisers
    ) -> dict[str, Callable[[], Losses]]:
        # Eqs. (8) and (9) with the false-label loss, the terms of BAGAN-GP:
        # −E[log D(x_a, y_a)] − E[log(1 − D(G(z, y_g), y_g))] − E[log(1 − D(x_a, y_m))]
        # + λ E[(‖∇D(x̂, y_a)‖ − 1)²];  the generator has only −E[log D(G(z, y_g), y_g)].
        G, D = networks["generator"], networks["discriminator"]
        return {
            "discriminator": partial(
                discriminator_losses, G, D, draws, self.gradient_penalty, stabilisers
            ),
            "generator": partial(generator_losses, G, D, draws, stabilisers),
        }

    def _latents(
        self, networks: Mapping[str, Any], labels: Tensor, noise: torch.Generator
    ) -> Tensor:
        G = networks["generator"]
        z = torch.randn(len(labels), self.latent_dim, generator=noise).to(labels.device)
        return G.label(G.latent(z, labels), labels)


def alpha_of(law: str, draws: Draws, *shape: int) -> Tensor:
    """Return α of Eq. (6), by the law ``"normal"`` or ``"uniform"``."""
    if law == "normal":
        return draws.normal(*shape)
    return draws.uniform(math.prod(shape)).reshape(shape)


def sa_gvae_losses(sa_gvae: SAGVAE, draws: Draws, law: str) -> Losses:
    """Eq. (10): Kullback–Leibler divergence, cross-entropy and squared error."""
    x, y = draws.real()
    latent_dim = sa_gvae.encoder.mean.out_features
    return sa_gvae.losses(x, y, alpha_of(law, draws, len(x), latent_dim))
