"""BAGAN-GP for images of 64 × 64.

G. Huang and A. H. Jafari, Neural Comput. Appl. 35 (2023) 5145; baseline of papers 000 and 001.

Where it differs from the package: the noise is N(0, 1) times the embedding of the class to the end;
the generator of the last epoch is kept, and nothing is scored. Where it differs from the public
code: every update of the discriminator has a batch of its own, a wrong label is never the right
one, and the α of the penalty is uniform, as in the papers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ._common import Rows, initialise, says_real, step, wrong_labels
from ._networks import LATENT, Discriminator, Encoder, Generator
from .three_player import discriminator_losses


class BAGANGP:
    """Balancing GAN: five updates of the discriminator, one of the generator.

    Parameters
    ----------
    X : ndarray of shape (n, channels, *size)
        Rows of a size of 16 or more.
    y : ndarray of int of shape (n,)
        Class codes.
    batch_size, n_critic : int
        Rows of a step, and discriminator steps per step of the generator.
    gradient_penalty : float
        Weight of the penalty.
    seed : int
        Of torch's global generator.
    device : str
        Where it is trained.
    """

    #: Of discriminator and generator, and of the autoencoder that starts them.
    rates = (2e-4, 2e-4, 2e-4)

    def __init__(
        self,
        X: np.ndarray,
        y: np.ndarray,
        batch_size: int = 128,
        n_critic: int = 5,
        gradient_penalty: float = 10.0,
        seed: int = 0,
        device: str = "cpu",
    ) -> None:
        torch.manual_seed(seed)
        self.rows = Rows(X, y, batch_size, device)
        self.n_critic, self.weight = n_critic, gradient_penalty
        self.device = torch.device(device)
        self.G, self.D, self.encoder = self.networks(X.shape[1], X.shape[2:])
        for network in (self.G, self.D, self.encoder):
            network.apply(initialise).to(device)
        both = [*self.encoder.parameters(), *self.G.parameters()]
        players = (self.D.parameters(), self.G.parameters(), both)
        self.adam_d, self.adam_g, self.adam_autoencoder = (
            torch.optim.Adam(p, lr=rate, betas=(0.5, 0.9))
            for p, rate in zip(players, self.rates, strict=True)
        )

    def networks(self, channels: int, size: tuple[int, ...]) -> tuple[Any, ...]:
        """Return generator, discriminator and encoder."""
        n_classes = self.rows.n_classes
        return (
            Generator(n_classes, channels, size),
            Discriminator(n_classes, channels, size),
            Encoder(channels, size),
        )

    @property
    def updates_per_epoch(self) -> int:
        """Updates of the generator."""
        return self.rows.batches_per_epoch

    def autoencoder_losses(self, x: Tensor, y: Tensor) -> dict[str, Tensor]:
        """Mean absolute error."""
        return {"reconstruction": F.l1_loss(self.G(self.encoder(x), y), x)}

    def pretrain_epoch(self) -> None:
        """Train encoder and generator as an autoencoder that knows the class."""
        for _ in range(self.rows.batches_per_epoch):
            step(self.adam_autoencoder, self.autoencoder_losses(*self.rows.batch()))

    def start(self) -> None:
        """Start the discriminator from the encoder; the decoder is the generator."""
        self.D.trunk.load_state_dict(self.encoder.trunk.state_dict())

    def noise(self, n: int) -> tuple[Tensor, Tensor]:
        """Return z ~ N(0, 1) and classes, all equally likely."""
        y = torch.randint(self.rows.n_classes, (n,), device=self.device)
        return torch.randn(n, LATENT, device=self.device), y

    def epoch(self) -> None:
        """Five batches for the discriminator, one for the generator."""
        n = self.rows.batch_size
        for _ in range(self.rows.batches_per_epoch):
            for _ in range(self.n_critic):
                x_a, y_a = self.rows.batch()
                y_m = wrong_labels(y_a, self.rows.n_classes)
                alpha = torch.rand(n, device=self.device)
                losses = discriminator_losses(
                    self.G, self.D, x_a, y_a, y_m, *self.noise(n), alpha, self.weight
                )
                step(self.adam_d, losses)
            z, y_g = self.noise(n)
            step(self.adam_g, {"adversarial": says_real(self.D(self.G(z, y_g), y_g))})

    def fit(self, epochs: int = 150, pretrain_epochs: int = 100) -> BAGANGP:
        """Train as the paper does."""
        for _ in range(pretrain_epochs):
            self.pretrain_epoch()
        self.start()
        for _ in range(epochs):
            self.epoch()
        return self
