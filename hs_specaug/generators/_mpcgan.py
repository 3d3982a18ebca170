"""MPcGAN: the conditional GAN of GANsemble, for polar images of microplastics.

D. Platnick, S. Khanzadeh, A. Sadeghian and R. Valenzano, "GANsemble for small and imbalanced
data sets: a baseline for synthetic microplastics data", 2024 (paper 003), sections 3.2 and 4.3.
What the paper leaves open follows the authors' published code.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from numbers import Real
from typing import Any, ClassVar

import torch
from sklearn.utils._param_validation import Interval
from torch import Tensor, nn

from ..networks import Losses, Player
from ..networks._label_maps import LabelMapDiscriminator, LabelMapGenerator
from ..networks._noise_layers import set_noise_source
from ._adversarial import AdversarialGenerator
from ._draws import Draws
from ._run import TrainingRun
from ._stabilisers import Stabilisers

Network = Callable[[Tensor, Tensor], Tensor]


class MPcGANGenerator(AdversarialGenerator):
    """Microplastic-cGAN of paper 003: a plain conditional GAN for 128 × 128 × 3 images.

    The class enters both networks as one more feature map. The generator learns ten times as
    fast as the discriminator, whose dropout keeps it from learning few images by heart. Any size
    works, also spectra. For the authors it converged in 16 % of the attempts; here the epoch
    whose samples are nearest to the training rows is kept, see `best_epoch_` and `converged_`.

    Parameters
    ----------
    dropout : float, default 0.4
        Share of the features of the discriminator that is set to zero in training.
    batch_size : int, default 64
        Real rows per step of the discriminator, beside as many generated ones; the generator
        takes twice as many.
    latent_dim : int, default 100
        Length of the noise vector.
    betas : tuple of float, default (0.5, 0.999)
        Of Adam.
    generator_learning_rate, discriminator_learning_rate : float or None, default 2e-3, 2e-4
        Of one player; None takes `learning_rate`.

    References
    ----------
    Paper 003, sections 3.2 and 4.3.

    Examples
    --------
    >>> import numpy as np
    >>> from hs_specaug.generators import MPcGANGenerator
    >>> rng = np.random.default_rng(0)
    >>> X = rng.random((12, 3, 16, 16))
    >>> y = np.array(["PE"] * 10 + ["PP"] * 2)
    >>> generator = MPcGANGenerator(epochs=1, random_state=0).fit(X, y)
    >>> X_new, y_new = generator.sample({"PP": 4}, keep="corner-density", draws_per_row=5)
    >>> X_new.shape
    (4, 3, 16, 16)
    """

    method: ClassVar[str] = "mpcgan"
    remedy: ClassVar[str] = (
        "Another seed, a slower generator (generator_learning_rate=2e-4) or "
        "diff_augment='image-shift+gaussian-noise' may help"
    )
    passes: ClassVar[dict[str, tuple[int, int]]] = {
        "generator": (2, 1),
        "discriminator": (2, 2),
    }
    _parameter_constraints: ClassVar[dict] = {
        **AdversarialGenerator._parameter_constraints,
        "dropout": [Interval(Real, 0, 1, closed="left")],
    }

    def __init__(
        self,
        *,
        dropout: float = 0.4,
        batch_size: int = 64,
        latent_dim: int = 100,
        betas: tuple[float, float] = (0.5, 0.999),
        generator_learning_rate: float | None = 2e-3,
        discriminator_learning_rate: float | None = 2e-4,
        **training: Any,
    ) -> None:
        super().__init__(
            batch_size=batch_size,
            latent_dim=latent_dim,
            betas=betas,
            generator_learning_rate=generator_learning_rate,
            discriminator_learning_rate=discriminator_learning_rate,
            **training,
        )
        self.dropout = dropout

    def _build_networks(
        self, channels: int, size: tuple[int, ...], n_classes: int
    ) -> nn.ModuleDict:
        return nn.ModuleDict(
            {
                "generator": LabelMapGenerator(self.latent_dim, n_classes, channels, size),
                "discriminator": LabelMapDiscriminator(n_classes, channels, size, self.dropout),
            }
        )

    def _players(self, networks: Any, draws: Draws, run: TrainingRun) -> list[Player]:
        set_noise_source(networks["discriminator"], draws.inner)
        return super()._players(networks, draws, run)

    def _losses(
        self, networks: Any, draws: Draws, stabilisers: Stabilisers
    ) -> dict[str, Callable[[], Losses]]:
        G, D = networks["generator"], networks["discriminator"]
        return {
            "discriminator": partial(discriminator_losses, G, D, draws, stabilisers),
            "generator": partial(generator_losses, G, D, draws, stabilisers),
        }


def discriminator_losses(G: Network, D: Network, draws: Draws, stabilisers: Stabilisers) -> Losses:
    """Binary cross-entropy of one batch, half real and half generated (section 4.3)."""
    x_a, y_a = draws.real()
    n = len(x_a)
    y_g = draws.labels(n)
    x_g = G(draws.noise(n), y_g)
    x_a, x_g = stabilisers.augment(x_a, y_a), stabilisers.augment(x_g, y_g)
    real, generated = D(torch.cat([x_a, x_g]), torch.cat([y_a, y_g])).split(n)
    return {
        **stabilisers.discriminator(real, generated),
        **stabilisers.penalties(D, (x_a, y_a), (x_g, y_g)),
    }


def generator_losses(G: Network, D: Network, draws: Draws, stabilisers: Stabilisers) -> Losses:
    """Be taken for real by the frozen discriminator, over a whole batch of generated rows."""
    y_g = draws.labels(2 * draws.stream.batch_size)
    return {"adversarial": stabilisers.adversarial(D, G(draws.noise(len(y_g)), y_g), y_g)}
