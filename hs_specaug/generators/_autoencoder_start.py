"""The autoencoder start of paper 000 and of the balancing GANs."""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar

import torch
from sklearn.utils._param_validation import Interval
from torch import Tensor

from ..networks import (
    Autoencoder,
    Encoder,
    Losses,
    Player,
    autoencoder_losses,
    build_network,
)
from ._adversarial import AdversarialGenerator
from ._draws import Draws
from ._run import Phases, TrainingRun


class AutoencoderStartGenerator(AdversarialGenerator):
    """Base of adversarial methods whose networks start from an autoencoder that knows the class.

    The decoder *is* the generator, so training the one starts the other; the encoder's trunk goes
    to the discriminator; the latent vectors of the real rows give the noise of each class its
    place. ``networks["generator"]`` needs `decode(h, y)` and ``networks["discriminator"]`` a
    `trunk` like the encoder's; a method with other networks overrides the seams below.

    Parameters
    ----------
    pretrain_epochs : int, default 100
        Passes of the autoencoder before the adversarial training. 0 starts from random weights.
    """

    _parameter_constraints: ClassVar[dict] = {
        **AdversarialGenerator._parameter_constraints,
        "pretrain_epochs": [Interval(Integral, 0, None, closed="left")],
    }

    def __init__(self, *, pretrain_epochs: int = 100, **training: Any) -> None:
        super().__init__(**training)
        self.pretrain_epochs = pretrain_epochs

    def _pretrain(self, networks: Any, draws: Draws, run: TrainingRun) -> Phases:
        if not self.pretrain_epochs:
            return
        channels, *size = draws.stream.row_shape
        encoder: Any = build_network(
            lambda: self._build_encoder(channels, tuple(size)), draws.seed()
        ).to(draws.device)
        autoencoder = Autoencoder(encoder, networks["generator"])

        def losses() -> Losses:
            return autoencoder_losses(autoencoder, *draws.real())

        player = Player("autoencoder", autoencoder, losses, 1, self.learning_rate, self.betas)
        yield from run.phase([player], self.pretrain_epochs, phase="pre-training")
        self._transfer(encoder, networks)
        with torch.no_grad():
            latents = draws.stream.map_rows(encoder, self.sample_batch)
        self._start_from_latents(networks, latents, draws.stream.y)

    def _build_encoder(self, channels: int, size: tuple[int, ...]) -> Encoder:
        """Return an untrained encoder to `latent_dim` values."""
        return Encoder(self.latent_dim, channels, size)

    def _transfer(self, encoder: Any, networks: Any) -> None:
        """Give the encoder's weights to the discriminator."""
        networks["discriminator"].trunk.load_state_dict(encoder.trunk.state_dict())

    def _start_from_latents(self, networks: Any, latents: Tensor, y: Tensor) -> None:
        """Place the noise of each class where the latent vectors of its rows are."""
        networks["generator"].start_from_latents(latents, y)
