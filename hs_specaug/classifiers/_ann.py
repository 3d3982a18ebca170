"""The two-branch neural network of paper 002, as a scikit-learn estimator."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from ..networks import ConvolutionTrunk
from ._network import NetworkClassifier, with_shared_docs

KERNELS = (32, 32, 64, 64)
WIDTHS = (256, 128, 64)


class TwoBranchNetwork(nn.Module):
    """Class logits from a convolutional and a dense branch, side by side.

    The dense branch weighs every channel for itself, so absolute positions (an onset energy)
    are plain to it; the convolutional branch sees shapes wherever they are.

    Parameters
    ----------
    n_classes : int
        Number of classes.
    channels, size
        Of the rows, see :class:`hs_specaug.networks.ConvolutionTrunk`.
    kernels : sequence of int
        Of the convolutional branch.
    widths : sequence of int
        Of the dense branch.
    slope : float
        Negative slope of LeakyReLU.
    """

    def __init__(
        self,
        n_classes: int,
        channels: int,
        size: tuple[int, ...],
        kernels: Sequence[int] = KERNELS,
        widths: Sequence[int] = WIDTHS,
        slope: float = 0.2,
    ) -> None:
        super().__init__()
        self.trunk = ConvolutionTrunk(channels, size, kernels, slope)
        layers: list[nn.Module] = [nn.Flatten()]
        for n_inputs, n_outputs in itertools.pairwise((math.prod((channels, *size)), *widths)):
            layers += [nn.Linear(n_inputs, n_outputs), nn.LeakyReLU(slope)]
        self.dense = nn.Sequential(*layers)
        self.output = nn.Linear(self.trunk.n_features + widths[-1], n_classes)

    def initialise_own(self, generator: torch.Generator) -> None:
        """Draw the dense branch as Glorot and Bengio (2010) do.

        normal(0, 0.02) weights would let narrow dense layers fall silent beside the
        convolutions.
        """
        for layer in self.dense:
            if isinstance(layer, nn.Linear):
                nn.init.xavier_uniform_(layer.weight, generator=generator)

    def features(self, x: Tensor) -> Tensor:
        """Features of both branches (n, n_features)."""
        return torch.cat([self.trunk(x), self.dense(x)], dim=1)

    def forward(self, x: Tensor) -> Tensor:
        """Class logits (n, n_classes) of `x` (n, channels, *size), in float32."""
        return self.output(self.features(x)).float()


@with_shared_docs
class ANNClassifier(NetworkClassifier):
    """Network with a convolutional and a dense branch (del-Pozo-Bueno et al. 2024).

    Paper 002 uses "a network with two branches, one convolutional and one dense" and gives no
    sizes. Here they are four strided convolutions (32, 32, 64, 64 kernels) and three dense
    layers (256, 128, 64), each with LeakyReLU 0.2, joined before a softmax. Rows are scaled to
    [−1, 1] by the range of the training rows.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    {attributes}

    Examples
    --------
    >>> import numpy as np
    >>> from hs_specaug.classifiers import ANNClassifier
    >>> X = np.repeat([[0.0] * 16, [1.0] * 16], 10, axis=0)
    >>> y = np.repeat(["flat", "high"], 10)
    >>> classifier = ANNClassifier(epochs=20, random_state=0).fit(X, y)
    >>> float(classifier.score(X, y))
    1.0
    """

    method: ClassVar[str] = "ann"

    def _network(self, n_classes: int, channels: int, size: tuple[int, ...]) -> TwoBranchNetwork:
        return TwoBranchNetwork(n_classes, channels, size)
