"""The three-player GAN of paper 000, equation by equation.

J. Chung et al., Scientific Reports 14 (2024), Eqs. (3) to (5), tables 6 and 7.

Where it differs from the package: the noise is N(0, 1) times the embedding of the class to the end
(the package places the classes where the autoencoder had them); the rows that balance the batch
of the classifier are generated in training mode; the generator of the last epoch is kept, and
nothing is scored.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ._common import (
    Rows,
    classes_of,
    gradient_penalty,
    initialise,
    says_fake,
    says_real,
    step,
    wrong_labels,
)
from ._networks import LATENT, Classifier, Discriminator, Encoder, Generator


class ThreePlayer:
    """Generator, discriminator and classifier trained in turn.

    Parameters
    ----------
    X : ndarray of shape (n, channels, *size)
        Rows of a size of 16 or more.
    y : ndarray of int of shape (n,)
        Class codes.
    seed : int
        Of torch's global generator.
    device : str
        Where it is trained.
    """

    def __init__(self, X: np.ndarray, y: np.ndarray, seed: int = 0, device: str = "cpu") -> None:
        torch.manual_seed(seed)
        self.rows = Rows(X, y, 32, device)
        shape = (self.rows.n_classes, X.shape[1], X.shape[2:])
        self.G, self.D, self.C = Generator(*shape), Discriminator(*shape), Classifier(*shape)
        self.encoder = Encoder(*shape[1:])
        for network in (self.G, self.D, self.C, self.encoder):
            network.apply(initialise).to(device)
        self.adam = {
            name: torch.optim.Adam(network.parameters(), lr=2e-4, betas=(0.5, 0.9))
            for name, network in {"G": self.G, "D": self.D, "C": self.C}.items()
        }
        both = [*self.encoder.parameters(), *self.G.parameters()]
        self.adam["autoencoder"] = torch.optim.Adam(both, lr=2e-4, betas=(0.5, 0.9))
        self.device = torch.device(device)

    @property
    def updates_per_epoch(self) -> int:
        """Updates of the generator."""
        return self.rows.batches_per_epoch

    def pretrain_epoch(self) -> None:
        """Train encoder and generator as an autoencoder."""
        for _ in range(self.rows.batches_per_epoch):
            x, y = self.rows.batch()
            reconstruction = F.l1_loss(self.G(self.encoder(x), y), x)
            step(self.adam["autoencoder"], {"reconstruction": reconstruction})

    def start(self) -> None:
        """Start the discriminator from the encoder; the decoder is the generator."""
        self.D.trunk.load_state_dict(self.encoder.trunk.state_dict())

    def noise(self, n: int) -> Tensor:
        """Return z ~ N(0, 1)."""
        return torch.randn(n, LATENT, device=self.device)

    def labels(self, n: int) -> Tensor:
        """Return classes, all equally likely."""
        return torch.randint(self.rows.n_classes, (n,), device=self.device)

    def epoch(self) -> None:
        """Discriminator, generator, classifier, for every batch."""
        n = self.rows.batch_size
        for _ in range(self.rows.batches_per_epoch):
            x_a, y_a = self.rows.batch()
            y_m = wrong_labels(y_a, self.rows.n_classes)
            alpha = torch.rand(n, device=self.device)
            z, y_g = self.noise(n), self.labels(n)
            losses = discriminator_losses(self.G, self.D, x_a, y_a, y_m, z, y_g, alpha)
            step(self.adam["D"], losses)

            z, y_g = self.noise(n), self.labels(n)
            step(self.adam["G"], generator_losses(self.G, self.D, self.C, z, y_g))

            x_a, y_a = self.rows.batch()
            y_g = missing(y_a, self.rows.n_classes)
            step(
                self.adam["C"],
                classifier_losses(self.G, self.C, x_a, y_a, self.noise(len(y_g)), y_g),
            )

    def fit(self, epochs: int = 150, pretrain_epochs: int = 100) -> ThreePlayer:
        """Train as the paper does."""
        for _ in range(pretrain_epochs):
            self.pretrain_epoch()
        self.start()
        for _ in range(epochs):
            self.epoch()
        return self

    @torch.no_grad()
    def sample(self, counts: dict[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """Return rows of the classes, in the units of the training rows."""
        y = classes_of(counts, self.device)
        self.G.eval()
        x = torch.cat([self.G(self.noise(len(part)), part) for part in y.split(512)])
        self.G.train()
        return self.rows.to_units(x), y.cpu().numpy()


def discriminator_losses(
    G: Generator,
    D: Discriminator,
    x_a: Tensor,
    y_a: Tensor,
    y_m: Tensor,
    z: Tensor,
    y_g: Tensor,
    alpha: Tensor,
    weight: float = 10.0,
) -> dict[str, Tensor]:
    """Eq. (3), a pass through D for every term."""
    with torch.no_grad():
        x_g = G(z, y_g)
    alpha = alpha.reshape(-1, *[1] * (x_a.ndim - 1))
    x_hat = alpha * x_a + (1 - alpha) * x_g
    return {
        "real": says_real(D(x_a, y_a)),
        "generated": says_fake(D(x_g, y_g)),
        "mislabelled": says_fake(D(x_a, y_m)),
        "gradient_penalty": weight * gradient_penalty(lambda x: D(x, y_a), x_hat),
    }


def generator_losses(
    G: Generator, D: Discriminator, C: Classifier, z: Tensor, y_g: Tensor
) -> dict[str, Tensor]:
    """Eq. (4)."""
    x_g = G(z, y_g)
    return {"adversarial": says_real(D(x_g, y_g)), "cooperative": F.cross_entropy(C(x_g), y_g)}


def classifier_losses(
    G: Generator, C: Classifier, x_a: Tensor, y_a: Tensor, z: Tensor, y_g: Tensor
) -> dict[str, Tensor]:
    """Eq. (5), `y_g` the classes that the batch lacks."""
    losses = {"real": F.cross_entropy(C(x_a), y_a)}
    if len(y_g):
        with torch.no_grad():
            x_g = G(z, y_g)
        losses["generated"] = F.cross_entropy(C(x_g), y_g)
    return losses


def missing(y: Tensor, n_classes: int) -> Tensor:
    """Return the classes that bring every class of a batch up to its most frequent one."""
    counts = torch.bincount(y, minlength=n_classes)
    return torch.arange(n_classes, device=y.device).repeat_interleave(counts.max() - counts)
