"""Class-conditional networks of papers 000 and 001: generator, discriminator, classifier.

The label enters the discriminator only after the convolution trunk, so that one trunk pass
serves every label that is tried on the same sample.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ._blocks import ConvolutionTrunk, TransposedTrunk
from ._latent import ClassGaussians
from ._slopes import LeakyReLU

DISCRIMINATOR_KERNELS = (64, 128, 128, 256)
GENERATOR_KERNELS = (128, 128, 64)
CLASSIFIER_KERNELS = (32, 32, 128, 256)


class LabelScale(nn.Module):
    """Multiply features by a learned vector of the class, which starts near one.

    The reference implementation multiplies with an embedding followed by a dense layer, that
    is, with one vector per class. Learned directly, the same family of functions costs
    ``n_classes × n_features`` numbers, and starting at one lets a class with two spectra begin
    from the features that the other classes have shaped.
    """

    def __init__(self, n_classes: int, n_features: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(n_classes, n_features))

    def initialise_own(self, generator: torch.Generator) -> None:
        """Draw the class vectors around one."""
        nn.init.normal_(self.scale, 1.0, 0.02, generator=generator)

    def forward(self, h: Tensor, y: Tensor) -> Tensor:
        """Scale `h` (n, n_features) for the classes `y` (n,)."""
        return h * F.embedding(y, self.scale)


class LabelAffine(LabelScale):
    """Scale and shift of the class: a diagonal Gaussian per class when the input is N(0, 1).

    A product alone keeps the mean of the noise at zero for every class, so classes could
    differ only in which coordinates are large; the shift gives each its own place.
    """

    def __init__(self, n_classes: int, n_features: int) -> None:
        super().__init__(n_classes, n_features)
        self.shift = nn.Parameter(torch.zeros(n_classes, n_features))

    def initialise_own(self, generator: torch.Generator) -> None:
        """Draw scales around one and unit-variance class centres."""
        super().initialise_own(generator)
        nn.init.normal_(self.shift, 0.0, 1.0, generator=generator)

    def forward(self, h: Tensor, y: Tensor) -> Tensor:
        """Scale and shift `h` (n, n_features) for the classes `y` (n,)."""
        return torch.addcmul(F.embedding(y, self.shift), h, F.embedding(y, self.scale))


class ConditionalGenerator(nn.Module):
    """G(z, y): latent noise and a class to a spectrum or image in (−1, 1).

    Parameters
    ----------
    latent_dim : int
        Length of the noise vector z.
    n_classes : int
        Number of classes.
    channels, size
        Of the output, see :class:`TransposedTrunk`.
    kernels, slope
        Paper 000, table 6.
    """

    def __init__(
        self,
        latent_dim: int,
        n_classes: int,
        channels: int,
        size: tuple[int, ...],
        kernels: Sequence[int] = GENERATOR_KERNELS,
        slope: float = 0.2,
    ) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.mixing = nn.Parameter(torch.eye(latent_dim))
        self.label = LabelAffine(n_classes, latent_dim)
        self.trunk = TransposedTrunk(latent_dim, channels, size, kernels, slope=slope)

    @torch.no_grad()
    def start_from_latents(self, h: Tensor, y: Tensor, ridge: float = 1e-2) -> None:
        """Change variables so that z ~ N(0, 1) decodes what an encoder gave for real rows.

        The latent vectors of each class get a Gaussian (as in BAGAN, Mariani et al. 2018) with
        a mean of its own and a covariance L Lᵀ that all classes share: a class with a few rows
        borrows the variation of the others.

        Parameters
        ----------
        h : Tensor of shape (n, latent_dim)
            Encoded real rows.
        y : Tensor of shape (n,)
            Their classes.
        ridge : float
            Share of the mean variance that is added to every direction.
        """
        places = ClassGaussians(len(self.label.scale), h.shape[1], shared=True).to(h.device)
        places.fit(self.label(h, y), y, ridge)
        self.mixing.copy_(places.factors[0])
        self.label.scale.fill_(1.0)
        self.label.shift.copy_(places.means)

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        """Generate one row for each noise vector `z` (n, latent_dim) and class `y` (n,)."""
        return self.decode(F.linear(z, self.mixing), y)

    def decode(self, h: Tensor, y: Tensor) -> Tensor:
        """Decode latent vectors `h` (n, latent_dim) of an encoder as members of class `y`."""
        return self.trunk(self.label(h, y))


class ConditionalDiscriminator(nn.Module):
    """D(x, y) as a logit, positive where `x` looks like a real sample of class `y`.

    `features` and `head` are separate because Eq. (3) of paper 000 asks for two labels on the
    same real sample. The reference implementation puts a linear layer of 512 units before the
    linear output; two linear maps in a row are one, so there is only the output here.
    """

    def __init__(
        self,
        n_classes: int,
        channels: int,
        size: tuple[int, ...],
        kernels: Sequence[int] = DISCRIMINATOR_KERNELS,
        slope: float = 0.2,
    ) -> None:
        super().__init__()
        self.trunk = ConvolutionTrunk(channels, size, kernels, slope)
        self.label = LabelScale(n_classes, self.trunk.n_features)
        self.output = nn.Linear(self.trunk.n_features, 1)

    def features(self, x: Tensor) -> Tensor:
        """Label-free features (n, n_features) of `x` (n, channels, *size)."""
        return self.trunk(x)

    def head(self, h: Tensor, y: Tensor) -> Tensor:
        """Logits (n,) of features `h` under the classes `y`, in float32.

        Scaled by the class and then weighted, (h ⊙ s_y)·w, is h·(s_y ⊙ w): one product with as
        many columns as there are classes, instead of a copy of all features for every label.
        """
        of_all = F.linear(h, self.label.scale * self.output.weight).float()
        return of_all.gather(1, y.unsqueeze(1)).squeeze(1) + self.output.bias

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Logits (n,) of `x` under the classes `y`."""
        return self.head(self.features(x), y)


class ConvolutionalClassifier(nn.Module):
    """C(x): class logits; the network of paper 000, table 7.

    The softmax of the table is part of the loss, or of `predict_proba`.
    """

    def __init__(
        self,
        n_classes: int,
        channels: int,
        size: tuple[int, ...],
        kernels: Sequence[int] = CLASSIFIER_KERNELS,
        slope: float = 0.2,
    ) -> None:
        super().__init__()
        self.trunk = ConvolutionTrunk(channels, size, kernels, slope)
        self.output = nn.Linear(self.trunk.n_features, n_classes)

    def features(self, x: Tensor) -> Tensor:
        """Features before the output layer (n, n_features)."""
        return self.trunk(x)

    def forward(self, x: Tensor) -> Tensor:
        """Class logits (n, n_classes) of `x` (n, channels, *size), in float32."""
        return self.output(self.features(x)).float()


class Encoder(nn.Module):
    """The discriminator's trunk with a dense layer to the latent size."""

    def __init__(
        self,
        latent_dim: int,
        channels: int,
        size: tuple[int, ...],
        kernels: Sequence[int] = DISCRIMINATOR_KERNELS,
        slope: float = 0.2,
    ) -> None:
        super().__init__()
        self.trunk = ConvolutionTrunk(channels, size, kernels, slope)
        self.output = nn.Sequential(nn.Linear(self.trunk.n_features, latent_dim), LeakyReLU(slope))

    def forward(self, x: Tensor) -> Tensor:
        """Latent vectors (n, latent_dim) of `x`."""
        return self.output(self.trunk(x))


class Autoencoder(nn.Module):
    """Encoder and class-conditional decoder whose weights start the adversarial players.

    The decoder *is* a :class:`ConditionalGenerator` and the encoder's trunk has the shape of
    the discriminator's, so weights transfer by name.
    """

    def __init__(self, encoder: Encoder, decoder: ConditionalGenerator) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Reconstruct `x` knowing its class `y`."""
        return self.decoder.decode(self.encoder(x), y)


def autoencoder_losses(autoencoder: Autoencoder, x: Tensor, y: Tensor) -> dict[str, Tensor]:
    """Mean absolute reconstruction error, the pre-training loss of the reference."""
    return {"reconstruction": F.l1_loss(autoencoder(x, y), x)}
