"""Random convolution kernels and a linear classifier (ROCKET), with the kernels of pyts.

A. Dempster, F. Petitjean and G. I. Webb, "ROCKET: exceptionally fast and accurate time series
classification using random convolutional kernels", Data Min. Knowl. Discov. 34 (2020) 1454.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin, _fit_context
from sklearn.linear_model import RidgeCV
from sklearn.preprocessing import LabelBinarizer, StandardScaler
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from .._refusals import all_or_nothing, check_known
from ..networks._scaling import to_channels
from ._temperature import decision_columns, most_likely_temperature

KERNEL_SIZES = (7, 9, 11)
# Ten thousand kernels make 20 000 float64 of a row.
ROWS_AT_ONCE = 256


class RocketClassifier(ClassifierMixin, BaseEstimator):
    """Ridge classifier on the responses of random convolution kernels (Dempster et al. 2020).

    Kernels of 7, 9 and 11 random weights with random bias, dilation and padding slide along a
    spectrum. Of each response two numbers are kept: its maximum, and the share of it that is
    positive. A ridge classifier on these features learns which kernels tell the classes apart.
    Nothing is trained but the ridge, so it is quick where a network needs minutes, and it is a
    hard benchmark for one. The kernels come from `pyts
    <https://pyts.readthedocs.io>`_: ``pip install "hs_specaug[rocket]"``.

    Parameters
    ----------
    n_kernels : int, default 10000
        Kernels in all; channels share them equally, each has its own.
    alphas : sequence of float, default 17 values from 1e-3 to 1e5
        Strengths of the ridge to choose from, by the squared error of rows that are left out one
        by one. Dempster et al. take 10 values from 1e-3 to 1e3.
    class_weight : "balanced", dict or None, default None
        As in scikit-learn's ``RidgeClassifier``.
    random_state : int, numpy.random.RandomState or None, default None
        The only seed: of the kernels.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels.
    kernels_ : list of pyts.transformation.ROCKET
        Of each channel.
    alpha_ : float
        The strength that was chosen.
    temperature_ : float
        What decision values are divided by before the softmax that makes probabilities.

    Notes
    -----
    The data of each channel are shifted and divided by one mean and one standard deviation, those
    of all training rows: biases suit them, and intensities still tell classes apart. Take that out
    with ``s.preprocess(normalize=...)``. Rows shorter than 11 points get zeros at their end, the
    mean.

    A ridge has no probabilities. These are ``softmax(decision / temperature)``, with the
    temperature that makes the training rows most likely, each by the ridge without it (Guo et al.
    2017); ``predict`` is their largest one.

    pyts compiles when it is imported: the very first ``fit`` takes 10 to 30 s more, later processes
    find the result on disk.

    Examples
    --------
    >>> import numpy as np
    >>> from hs_specaug.classifiers import RocketClassifier
    >>> X = np.sin(np.linspace(0, 20, 64) * np.repeat([[1.0], [1.5]], 10, axis=0))
    >>> y = np.repeat(["slow", "fast"], 10)
    >>> classifier = RocketClassifier(100, random_state=0).fit(X, y)  # doctest: +SKIP
    >>> float(classifier.score(X, y))  # doctest: +SKIP
    1.0
    """

    _parameter_constraints: ClassVar[dict] = {
        "n_kernels": [Interval(Integral, 1, None, closed="left")],
        "alphas": ["array-like"],
        "class_weight": [StrOptions({"balanced"}), dict, None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_kernels: int = 10000,
        *,
        alphas: Sequence[float] = tuple(np.logspace(-3, 5, 17).tolist()),
        class_weight: str | Mapping | None = None,
        random_state: Any = None,
    ) -> None:
        self.n_kernels = n_kernels
        self.alphas = alphas
        self.class_weight = class_weight
        self.random_state = random_state

    @all_or_nothing
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike, y: ArrayLike) -> RocketClassifier:
        """Draw kernels, and fit the ridge to their responses.

        Parameters
        ----------
        X : array-like of shape (n, length) or (n, channels, length)
            Spectra, finite.
        y : array-like of shape (n,)
            Class labels; at least two classes.

        Raises
        ------
        ImportError
            Without pyts.
        ValueError
            If the rows are images or not finite, there is only one class, a strength is not
            positive, or there are fewer kernels than channels.
        """
        check_known(y)
        data: Any = validate_data(self, X, y, allow_nd=True, dtype="numeric")
        rows, labels = _spectra(data[0]), data[1]
        check_classification_targets(labels)
        self.classes_, codes = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"y must hold at least two classes, got one class: {self.classes_.tolist()[0]!r}"
            )
        alphas = _checked_alphas(self.alphas)
        self.input_shape_ = data[0].shape[1:]
        self._mean = rows.mean(axis=(0, 2), keepdims=True)
        deviation = rows.std(axis=(0, 2), keepdims=True)
        self._deviation = np.where(deviation > 0, deviation, 1.0)
        self._draw_kernels(*rows.shape[1:])
        responses = self._responses(rows)
        self._scaler = StandardScaler(copy=False).fit(responses)
        self._fit_ridge(self._scaler.transform(responses), labels, codes, alphas)
        return self

    def _draw_kernels(self, channels: int, length: int) -> None:
        ROCKET = _rocket()
        if self.n_kernels < channels:
            raise ValueError(
                f"n_kernels must be at least one per channel, got {self.n_kernels} for {channels}"
            )
        rng = check_random_state(self.random_state)
        template = np.zeros((1, max(length, *KERNEL_SIZES)))
        self.kernels_ = [
            ROCKET(
                len(share), KERNEL_SIZES, random_state=int(rng.randint(np.iinfo(np.int32).max))
            ).fit(template)
            for share in np.array_split(np.arange(self.n_kernels), channels)
        ]

    def _responses(self, rows: np.ndarray) -> np.ndarray:
        """Return maximum and positive share of every kernel, float32 of (n, 2 n_kernels)."""
        out = np.empty((len(rows), 2 * self.n_kernels), dtype=np.float32)
        padding = max(0, max(KERNEL_SIZES) - rows.shape[2])
        for i in range(0, len(rows), ROWS_AT_ONCE):
            batch = (rows[i : i + ROWS_AT_ONCE] - self._mean) / self._deviation
            batch = np.pad(batch, ((0, 0), (0, 0), (0, padding)))
            out[i : i + ROWS_AT_ONCE] = np.concatenate(
                [kernels.transform(batch[:, c]) for c, kernels in enumerate(self.kernels_)], axis=1
            )
        return out

    def _fit_ridge(
        self, features: np.ndarray, labels: np.ndarray, codes: np.ndarray, alphas: np.ndarray
    ) -> None:
        """Fit to ±1 as scikit-learn's ridge classifier does, and keep what rows left out give."""
        targets = LabelBinarizer(pos_label=1, neg_label=-1).fit_transform(codes).astype(float)
        weights = None
        if self.class_weight is not None:
            weights = compute_sample_weight(self.class_weight, labels)
        ridge = RidgeCV(alphas, scoring="neg_mean_squared_error", store_cv_results=True)
        # In float32 the rounding of thousands of features would drown a weak ridge.
        features = features.astype(np.float64)
        ridge.fit(features, targets if targets.shape[1] > 1 else targets[:, 0], weights)
        self.alpha_ = float(ridge.alpha_)
        self._coefficients = np.atleast_2d(ridge.coef_).T
        self._intercept = np.atleast_1d(ridge.intercept_)
        chosen = int(np.argmin(np.abs(alphas - self.alpha_)))
        left_out = ridge.cv_results_[..., chosen]
        self.temperature_ = most_likely_temperature(decision_columns(left_out), codes)

    def _rows(self, X: ArrayLike) -> np.ndarray:
        check_is_fitted(self, "kernels_")
        data: Any = validate_data(self, X, reset=False, allow_nd=True, dtype="numeric")
        if data.shape[1:] != self.input_shape_:
            raise ValueError(
                f"X has rows of shape {data.shape[1:]}, but the classifier was trained on rows of "
                f"shape {self.input_shape_}"
            )
        return _spectra(data)

    def features(self, X: ArrayLike) -> np.ndarray:
        """Return what the ridge sees: standardised responses, float32 of (n, 2 n_kernels)."""
        return self._scaler.transform(self._responses(self._rows(X)))

    def decision_function(self, X: ArrayLike) -> np.ndarray:
        """Return decision values (n, n_classes); for two classes one each (n,)."""
        rows = self._rows(X)
        parts = []
        for i in range(0, len(rows), ROWS_AT_ONCE):  # the features of a map would fill the memory
            features = self._scaler.transform(self._responses(rows[i : i + ROWS_AT_ONCE]))
            parts.append(features @ self._coefficients + self._intercept)
        decision = np.concatenate(parts)
        return decision if decision.shape[1] > 1 else decision[:, 0]

    def predict_proba(self, X: ArrayLike) -> np.ndarray:
        """Return class probabilities of shape (n, n_classes)."""
        return softmax(decision_columns(self.decision_function(X)) / self.temperature_, axis=1)

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Return the most probable class of each row."""
        decision = decision_columns(self.decision_function(X))
        return self.classes_[decision.argmax(axis=1)]

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        # From a memory map or another process arrays come read-only, which pyts does not take.
        for kernels in getattr(self, "kernels_", ()):
            for name, value in vars(kernels).items():
                if isinstance(value, np.ndarray):
                    setattr(kernels, name, np.array(value))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags


def _checked_alphas(alphas: Any) -> np.ndarray:
    values = np.asarray(alphas)
    numbers = values.dtype.kind in "iuf" and values.ndim == 1 and len(values)
    if not numbers or not ((values > 0) & np.isfinite(values)).all():
        raise ValueError(f"alphas must be a sequence of positive numbers, got {alphas!r}")
    return values.astype(float)


def _spectra(X: np.ndarray) -> np.ndarray:
    """Return (n, channels, length) as float64; images have no direction to slide along."""
    if X.ndim == 4:
        raise ValueError(
            f"rocket takes spectra (n, length) or (n, channels, length), got images {X.shape}; "
            "the classifiers 'cnn' and 'resnet50' take images"
        )
    return to_channels(X).astype(np.float64)


def _rocket() -> Any:
    try:
        try:
            with _compiled_once():
                from pyts.transformation import ROCKET
        except RuntimeError:  # no folder that numba may write to
            from pyts.transformation import ROCKET
    except ImportError as error:
        raise ImportError(
            'rocket needs pyts; install it with: pip install "hs_specaug[rocket]"'
        ) from error
    return ROCKET


@contextmanager
def _compiled_once() -> Iterator[None]:
    """Let numba keep on disk what pyts compiles on import: 2 s instead of 30 in later processes."""
    if "pyts" in sys.modules:
        yield
        return
    import numba

    compiler = numba.njit

    def keeping(*args: Any, **options: Any) -> Any:
        return compiler(*args, **{"cache": True, **options})

    numba.njit = keeping
    try:
        yield
    finally:
        numba.njit = compiler
