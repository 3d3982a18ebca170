"""Cooperative GAN: a generator that moves the border between classes for a classifier.

H.-S. Choi, D. Jung, S. Kim and S. Yoon, "Imbalanced data classification via cooperative
interaction between classifier and generator", IEEE Trans. Neural Netw. Learn. Syst. 33 (2022)
3343. Paper 000 compares with it as "Cooperative GAN", the three players without what stabilises
them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from numbers import Real
from typing import Any, ClassVar

import torch
from sklearn.utils._param_validation import Interval
from torch import Tensor, nn
from torch.nn import functional as F

from ..networks import (
    ConditionalDiscriminator,
    ConditionalGenerator,
    ConvolutionalClassifier,
    Losses,
)
from ._adversarial import AdversarialGenerator
from ._draws import Draws
from ._stabilisers import Stabilisers
from ._three_player import ThreePlayerGenerator, classifier_losses


class CooperativeGenerator(AdversarialGenerator):
    """Cooperative GAN: generated rare rows move towards the border, and the border gives way.

    Three players as in :class:`ThreePlayerGenerator`, without gradient penalty, mislabelled
    samples and autoencoder start. What is its own is the border: the rarer a class, and the
    later the epoch, the nearer to the classifier's border with the most frequent class the
    generator places its rows. The classifier learns them as members of the rare class, so that
    the region of the rare class grows step by step.

    This is a reading of Choi et al. from their abstract ("minority samples that gradually expand
    the minority decision region") and from paper 000, where a scheduling parameter in (0, 1]
    "adjusts the borderline between classes". Their exact schedule may differ.

    Parameters
    ----------
    schedule : float, default 0.5
        How near to the border, in (0, 1]: at the end of the training, a row of a class that is
        next to absent is to be recognised with a probability of 1 − schedule / 2. With 1 it is
        to lie on the border.

    Attributes
    ----------
    classifier_ : CNNClassifier
        The jointly trained classifier, ready to predict.

    References
    ----------
    Choi et al., IEEE Trans. Neural Netw. Learn. Syst. 33 (2022) 3343; paper 000, table 6.

    Examples
    --------
    >>> import numpy as np
    >>> from hs_specaug.generators import CooperativeGenerator
    >>> rng = np.random.default_rng(0)
    >>> X = rng.random((12, 32))
    >>> y = np.array(["common"] * 10 + ["rare"] * 2)
    >>> generator = CooperativeGenerator(epochs=1, random_state=0)
    >>> X_balanced, y_balanced = generator.fit_resample(X, y)
    >>> X_balanced.shape, int((y_balanced == "rare").sum())
    ((20, 32), 10)
    """

    method: ClassVar[str] = "cooperative"
    steps_alike: ClassVar[bool] = False  # the border moves with the epochs
    passes: ClassVar[dict[str, tuple[int, int]]] = {
        "generator": (3, 1),
        "discriminator": (2, 2),
        "classifier": (2, 2),
    }

    _parameter_constraints: ClassVar[dict] = {
        **AdversarialGenerator._parameter_constraints,
        "schedule": [Interval(Real, 0, 1, closed="right")],
    }

    def __init__(self, *, schedule: float = 0.5, **training: Any) -> None:
        super().__init__(**training)
        self.schedule = schedule

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
        pace = self.schedule / max(self.epochs, 1)
        return {
            "discriminator": partial(discriminator_losses, G, D, draws, stabilisers),
            "generator": partial(generator_losses, G, D, C, draws, pace, stabilisers),
            "classifier": partial(classifier_losses, G, C, draws),
        }

    # The same player, trained by the same Eq. (5) of paper 000.
    classifier_ = ThreePlayerGenerator.classifier_


def discriminator_losses(
    G: ConditionalGenerator, D: ConditionalDiscriminator, draws: Draws, stabilisers: Stabilisers
) -> Losses:
    """−E[log D(x_a, y_a)] − E[log(1 − D(G(z, y_g), y_g))]."""
    x_a, y_a = draws.real()
    n = len(x_a)
    y_g = draws.labels(n)
    x_g = G(draws.noise(n), y_g)
    x_a, x_g = stabilisers.augment(x_a, y_a), stabilisers.augment(x_g, y_g)
    real, generated = D.features(torch.cat([x_a, x_g])).split(n)
    return {
        **stabilisers.discriminator(D.head(real, y_a), D.head(generated, y_g)),
        **stabilisers.penalties(D, (x_a, y_a), (x_g, y_g)),
    }


def generator_losses(
    G: ConditionalGenerator,
    D: ConditionalDiscriminator,
    C: ConvolutionalClassifier,
    draws: Draws,
    pace: float,
    stabilisers: Stabilisers,
) -> Losses:
    """−E[log D(G(z, y_g), y_g)] − E[t(y_g) · log C(G(z, y_g))] with the targets t of the epoch."""
    y_g = draws.labels(draws.stream.batch_size)
    x_g = G(draws.noise(len(y_g)), y_g)
    targets = border_targets(draws.class_counts(), y_g, pace * draws.epoch)
    return {
        "adversarial": stabilisers.adversarial(D, x_g, y_g),
        "cooperative": F.cross_entropy(C(x_g), targets),
    }


def border_targets(counts: Tensor, y: Tensor, progress: float) -> Tensor:
    """t(y) = (1 − τ) e_y + τ e_c with τ = ½ · progress · (1 − n_y / n_c).

    c is the most frequent class. At τ = ½ the classifier shall find both equally likely: the
    row is on the border.

    Parameters
    ----------
    counts : Tensor of shape (n_classes,)
        Real rows of each class.
    y : Tensor of shape (n,)
        Classes of the generated rows.
    progress : float
        Epoch as a share of all, times the scheduling parameter.

    Returns
    -------
    Tensor of shape (n, n_classes)
        Probabilities.
    """
    share = (0.5 * progress * (1.0 - counts / counts.max()))[y].unsqueeze(1)
    own = F.one_hot(y, len(counts))
    common = F.one_hot(counts.argmax(), len(counts))
    return (1.0 - share) * own + share * common
