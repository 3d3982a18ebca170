"""BAGAN-GP: balancing GAN with a supervised autoencoder start and a gradient penalty.

G. Huang and A. H. Jafari, "Enhanced balancing GAN: minority-class image generation", Neural
Comput. Appl. 35 (2023) 5145. Papers 000 and 001 compare with it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from ..networks import Losses
from ._adversarial import WEIGHT
from ._autoencoder_start import AutoencoderStartGenerator
from ._cdragan import generator_losses
from ._draws import Draws
from ._stabilisers import Stabilisers
from ._three_player import discriminator_losses


class BAGANGPGenerator(AutoencoderStartGenerator):
    """Balancing GAN with gradient penalty: the autoencoder that starts it knows the class.

    Between encoder and decoder stands an embedding of the label, so that the latent vectors of
    the classes come apart even where the classes look alike. The decoder starts the generator,
    the encoder the discriminator, and the latent vectors of the real rows give the noise of each
    class its Gaussian. The discriminator rejects generated rows, and real rows under a wrong
    label.

    Parameters
    ----------
    gradient_penalty : float, default 10
        Weight λ of the last term of the discriminator (paper 000, table 6; paper 001 has 5).
    n_critic : int, default 5
        Discriminator steps per step of the generator. Every step draws a batch of its own.

    References
    ----------
    Huang and Jafari, Neural Comput. Appl. 35 (2023) 5145; paper 000, table 6; paper 001, table 2.

    Examples
    --------
    >>> import numpy as np
    >>> from hs_specaug.generators import BAGANGPGenerator
    >>> rng = np.random.default_rng(0)
    >>> X = rng.random((12, 32))
    >>> y = np.array(["common"] * 10 + ["rare"] * 2)
    >>> generator = BAGANGPGenerator(epochs=1, pretrain_epochs=1, random_state=0)
    >>> X_balanced, y_balanced = generator.fit_resample(X, y)
    >>> X_balanced.shape, int((y_balanced == "rare").sum())
    ((20, 32), 10)
    """

    method: ClassVar[str] = "bagan-gp"
    passes: ClassVar[dict[str, tuple[int, int]]] = {
        "generator": (6, 1),
        "discriminator": (11, 11),
    }

    _parameter_constraints: ClassVar[dict] = {
        **AutoencoderStartGenerator._parameter_constraints,
        "gradient_penalty": [WEIGHT],
    }

    def __init__(
        self, *, gradient_penalty: float = 10.0, n_critic: int = 5, **training: Any
    ) -> None:
        super().__init__(n_critic=n_critic, **training)
        self.gradient_penalty = gradient_penalty

    def _losses(
        self, networks: Any, draws: Draws, stabilisers: Stabilisers
    ) -> dict[str, Callable[[], Losses]]:
        # Paper 000 took these terms over for its own discriminator, as Eq. (3):
        # −E[log D(x_a, y_a)] − E[log(1 − D(G(z, y_g), y_g))] − E[log(1 − D(x_a, y_m))]
        # + λ E[(‖∇D(x̂, y_a)‖ − 1)²].
        G, D = networks["generator"], networks["discriminator"]
        return {
            "discriminator": partial(
                discriminator_losses, G, D, draws, self.gradient_penalty, stabilisers
            ),
            "generator": partial(generator_losses, G, D, draws, stabilisers),
        }
