"""What every classifier that is a network shares: fit, predict, seeds, losses."""

from __future__ import annotations

import math
from abc import ABCMeta, abstractmethod
from collections.abc import Callable, Mapping
from functools import partial
from numbers import Integral, Real
from typing import Any, ClassVar, Self, TypeVar

import numpy as np
import torch
from numpy.typing import ArrayLike
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin, _fit_context
from sklearn.utils import check_consistent_length, check_random_state, column_or_1d
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data
from torch import Tensor

from .._lazy_rows import LazyRows
from .._refusals import all_or_nothing, check_known
from ..networks import (
    TRAINING_CONSTRAINTS,
    BatchStream,
    LazyBatchStream,
    LazyRowDataset,
    Player,
    RangeScaler,
    TrainingLoop,
    build_network,
    resolve_device,
    resolve_precision,
    scale_lazy_rows,
    to_channels,
)
from ._losses import balanced_softmax_loss, cross_entropy_loss, focal_loss

PREDICT_BATCH = 128

#: Parameters of every network classifier, for their docstrings.
PARAMETERS = """epochs : int, default 150
        Passes over the training rows.
    max_updates : int or None, default None
        Number of optimiser steps instead of `epochs`. With this, a classifier trained on few
        rows and one trained on an augmented set get the same amount of training.
    batch_size : int, default 32
        Rows per step.
    learning_rate : float, default 2e-4
        Of Adam.
    betas : tuple of float, default (0.5, 0.9)
        Of Adam.
    loss : {"cross-entropy", "focal", "balanced-softmax"}, default "cross-entropy"
        What is minimised. ``"focal"`` counts rows less that are recognised already (Lin et al.
        2017); ``"balanced-softmax"`` takes the frequency of the classes out of the logits (Ren
        et al. 2020).
    focal_gamma : float, default 2.0
        Focusing exponent γ of the focal loss.
    class_weight : "balanced", dict or None, default None
        Weight of each class in the loss. ``"balanced"`` is ``n / (n_classes × n_of_class)``; a
        dict maps labels to weights, those that miss have weight 1.
    device : str, default "auto"
        ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ...
    precision : {"auto", "float32", "bfloat16"}, default "auto"
        Arithmetic of the forward passes in training; predictions are always float32.
    random_state : int, numpy.random.RandomState or None, default None
        The only seed: weights and order of the rows.
    show_progressbar : bool, default False
        Show the progress of the training."""

#: Attributes of every fitted network classifier, for their docstrings.
ATTRIBUTES = """classes_ : ndarray of shape (n_classes,)
        Class labels.
    network_ : torch.nn.Module
        The trained network.
    history_ : dict of str to list
        Loss per epoch.
    interrupted_ : bool
        Whether Ctrl-C ended the training early.
    scaler_ : RangeScaler
        The scaling of the training rows."""

C = TypeVar("C", bound=type)


def with_shared_docs(cls: C) -> C:
    """Fill ``{parameters}`` and ``{attributes}`` in the docstring of `cls`."""
    text = (cls.__doc__ or "").replace("{parameters}", PARAMETERS)
    cls.__doc__ = text.replace("{attributes}", ATTRIBUTES)
    return cls


@with_shared_docs
class NetworkClassifier(ClassifierMixin, BaseEstimator, metaclass=ABCMeta):
    """Base of classifiers that are torch networks; a subclass says which network.

    Rows are scaled to [−1, 1] by the range of the training rows and the network is trained with
    Adam.

    Parameters
    ----------
    {parameters}

    Attributes
    ----------
    {attributes}
    """

    #: Name in progress bars and warnings.
    method: ClassVar[str]

    #: Whether `fit` and `predict` take LazyRows, which are read chunk by chunk.
    takes_lazy_rows: ClassVar[bool] = True

    _parameter_constraints: ClassVar[dict] = {
        "epochs": [Interval(Integral, 0, None, closed="left")],
        "max_updates": [Interval(Integral, 1, None, closed="left"), None],
        "loss": [StrOptions({"cross-entropy", "focal", "balanced-softmax"})],
        "focal_gamma": [Interval(Real, 0, None, closed="left")],
        "class_weight": [StrOptions({"balanced"}), dict, None],
        **TRAINING_CONSTRAINTS,
    }

    def __init__(
        self,
        *,
        epochs: int = 150,
        max_updates: int | None = None,
        batch_size: int = 32,
        learning_rate: float = 2e-4,
        betas: tuple[float, float] = (0.5, 0.9),
        loss: str = "cross-entropy",
        focal_gamma: float = 2.0,
        class_weight: str | Mapping | None = None,
        device: str = "auto",
        precision: str = "auto",
        random_state: Any = None,
        show_progressbar: bool = False,
    ) -> None:
        self.epochs = epochs
        self.max_updates = max_updates
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.betas = betas
        self.loss = loss
        self.focal_gamma = focal_gamma
        self.class_weight = class_weight
        self.device = device
        self.precision = precision
        self.random_state = random_state
        self.show_progressbar = show_progressbar

    @abstractmethod
    def _network(self, n_classes: int, channels: int, size: tuple[int, ...]) -> torch.nn.Module:
        """Return the untrained network: rows to logits, with ``features(x)``."""

    @all_or_nothing
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Train the network.

        Parameters
        ----------
        X : array-like or LazyRows of (n, length), (n, channels, length) or (n, channels, h, w)
            Spectra or images, finite. Lazy rows are never all in memory: each epoch reads them
            chunk by chunk, in random order.
        y : array-like of shape (n,)
            Class labels; at least two classes.

        Raises
        ------
        ValueError
            If the rows are not finite or there is only one class.
        """
        check_known(y)
        rows, labels = self._training_rows(X, y)
        check_classification_targets(labels)
        self.classes_, codes = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"y must hold at least two classes, got one class: {self.classes_.tolist()[0]!r}"
            )
        self.device_ = resolve_device(self.device)
        lazy = isinstance(rows, LazyRows)
        self.scaler_ = scale_lazy_rows(rows) if lazy else RangeScaler().fit(rows)
        self._criterion = self._choose_loss(labels, codes)
        seeds = check_random_state(self.random_state).randint(np.iinfo(np.int32).max, size=2)
        network = self._build(rows.shape[1:], int(seeds[0])).to(self.device_)
        loop = self._train(network, self._stream(rows, codes, int(seeds[1])))
        del self._criterion
        self.history_, self.interrupted_ = loop.history, loop.interrupted
        self.network_ = network.requires_grad_(False).eval()
        return self

    def _training_rows(self, X: Any, y: ArrayLike) -> tuple[Any, np.ndarray]:
        """Return rows (n, channels, ...) and their labels; lazy rows stay unread."""
        if not isinstance(X, LazyRows):
            data: Any = validate_data(self, X, y, allow_nd=True, dtype="numeric")
            self.input_shape_ = data[0].shape[1:]
            return to_channels(data[0]), data[1]
        labels = column_or_1d(y)
        check_consistent_length(X, labels)
        self.input_shape_, self.n_features_in_ = X.shape[1:], X.shape[1]
        return X.converted(to_channels), labels

    def _stream(self, rows: Any, codes: np.ndarray, seed: int) -> BatchStream | LazyBatchStream:
        if isinstance(rows, LazyRows):
            dataset = LazyRowDataset(rows, codes, seed=seed)
            return LazyBatchStream(dataset, self.scaler_.transform, self.batch_size, self.device_)
        return BatchStream(
            torch.from_numpy(self.scaler_.transform(rows)).to(self.device_),
            torch.from_numpy(codes).to(self.device_),
            self.batch_size,
            torch.Generator().manual_seed(seed),
        )

    def _choose_loss(
        self, labels: np.ndarray, codes: np.ndarray
    ) -> Callable[[Tensor, Tensor], Tensor]:
        """Return logits and codes to loss, with the weights and counts of these labels."""
        weight = None
        if self.class_weight is not None:
            values = compute_class_weight(self.class_weight, classes=self.classes_, y=labels)
            weight = torch.as_tensor(values, dtype=torch.float32, device=self.device_)
        if self.loss == "focal":
            return partial(focal_loss, gamma=self.focal_gamma, weight=weight)
        if self.loss == "balanced-softmax":
            counts = torch.from_numpy(np.bincount(codes)).to(self.device_)
            return partial(balanced_softmax_loss, counts=counts, weight=weight)
        return partial(cross_entropy_loss, weight=weight)

    def _train(
        self, network: torch.nn.Module, stream: BatchStream | LazyBatchStream
    ) -> TrainingLoop:
        term = self.loss.replace("-", "_")

        def losses() -> dict[str, Tensor]:
            rows, codes = stream.next()
            return {term: self._criterion(network(rows), codes)}

        steps, epochs = stream.batches_per_epoch, self.epochs
        if self.max_updates is not None:
            steps = min(steps, self.max_updates)
            epochs = math.ceil(self.max_updates / steps)
        return TrainingLoop(
            [Player("classifier", network, losses, 1, self.learning_rate, self.betas)],
            epochs=epochs,
            steps_per_epoch=steps,
            precision=resolve_precision(self.precision, self.device_),
            description=self.method,
            show_progressbar=self.show_progressbar,
        ).fit_loop()

    def _build(self, shape: tuple[int, ...], seed: int) -> torch.nn.Module:
        channels, *size = shape
        return build_network(lambda: self._network(len(self.classes_), channels, tuple(size)), seed)

    @classmethod
    def from_network(
        cls,
        network: torch.nn.Module,
        classes: np.ndarray,
        scaler: RangeScaler,
        input_shape: tuple[int, ...],
    ) -> Self:
        """Wrap a network that was trained elsewhere, by a three-player GAN for instance."""
        classifier = cls()
        classifier.network_ = network
        classifier.classes_ = classes
        classifier.scaler_ = scaler
        classifier.input_shape_ = input_shape
        classifier.n_features_in_ = input_shape[0]
        classifier.device_ = next(network.parameters()).device
        classifier.history_, classifier.interrupted_ = {}, False
        return classifier

    def _forward(self, X: ArrayLike, function: Callable[[Tensor], Tensor]) -> np.ndarray:
        if isinstance(X, LazyRows):
            return X.map_parts(lambda values: self._forward(values, function))
        data: Any = validate_data(self, X, reset=False, allow_nd=True, dtype="numeric")
        if data.shape[1:] != self.input_shape_:
            raise ValueError(
                f"X has rows of shape {data.shape[1:]}, but the classifier was trained on rows of "
                f"shape {self.input_shape_}"
            )
        rows = to_channels(data)
        out = []
        with torch.inference_mode():
            for i in range(0, len(rows), PREDICT_BATCH):
                batch = self.scaler_.transform(rows[i : i + PREDICT_BATCH])
                # The last bits of a convolution depend on the batch size. With full batches
                # only, a row gets the same numbers alone, in a map, and in any chunk of it.
                full = np.resize(batch, (PREDICT_BATCH, *batch.shape[1:]))
                result = function(torch.from_numpy(full).to(self.device_))
                out.append(result[: len(batch)].cpu())
        return torch.cat(out).numpy()

    def _logits(self, X: ArrayLike) -> np.ndarray:
        return self._forward(X, self.network_)

    def decision_function(self, X: ArrayLike) -> np.ndarray:
        """Return class logits (n, n_classes); for two classes their difference (n,)."""
        check_is_fitted(self, "network_")
        logits = self._logits(X)
        return logits[:, 1] - logits[:, 0] if len(self.classes_) == 2 else logits

    def predict_proba(self, X: ArrayLike) -> np.ndarray:
        """Return class probabilities of shape (n, n_classes)."""
        check_is_fitted(self, "network_")
        return softmax(self._logits(X).astype(np.float64), axis=1)

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Return the most probable class of each row."""
        check_is_fitted(self, "network_")
        return self.classes_[self._logits(X).argmax(axis=1)]

    def features(self, X: ArrayLike) -> np.ndarray:
        """Return what the layer before the output sees, of shape (n, n_features)."""
        check_is_fitted(self, "network_")
        network: Any = self.network_
        return self._forward(X, network.features)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags
