"""The convolutional classifier of paper 000, table 7, as a scikit-learn estimator."""

from __future__ import annotations

from typing import ClassVar

from ..networks import ConvolutionalClassifier
from ._network import NetworkClassifier, with_shared_docs


@with_shared_docs
class CNNClassifier(NetworkClassifier):
    """Convolutional network for spectra and images (Chung et al. 2024, table 7).

    Four blocks of [convolution (32, 32, 128, 256 kernels of size 4, stride 2), LeakyReLU 0.2]
    and a softmax, trained with Adam on cross-entropy. Rows are scaled to [−1, 1] by the range
    of the training rows.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    {attributes}

    Examples
    --------
    >>> import numpy as np
    >>> from hs_specaug.classifiers import CNNClassifier
    >>> X = np.repeat([[0.0] * 16, [1.0] * 16], 10, axis=0)
    >>> y = np.repeat(["flat", "high"], 10)
    >>> classifier = CNNClassifier(epochs=20, random_state=0).fit(X, y)
    >>> float(classifier.score(X, y))
    1.0
    """

    method: ClassVar[str] = "cnn"

    def _network(
        self, n_classes: int, channels: int, size: tuple[int, ...]
    ) -> ConvolutionalClassifier:
        return ConvolutionalClassifier(n_classes, channels, size)
