"""The contract of every generator: an over-sampler that can also be asked for samples."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Mapping
from numbers import Real
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from imblearn.over_sampling.base import BaseOverSampler
from imblearn.utils import check_sampling_strategy, check_target_type
from numpy.typing import ArrayLike
from sklearn.base import _fit_context
from sklearn.utils import check_random_state, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from .._axes import SignalAxis
from .._refusals import all_or_nothing, check_known
from .._registry import GENERATORS, closest, find_method
from .._warnings import warn_user
from ..exceptions import ModelFileError
from ..io import read_model, write_model
from ..io._json import DAMAGE
from ._evaluation import EvaluationMixin
from ._filters import Filter, best_rows, n_draws, resolve_filter
from ._fingerprint import row_fingerprints
from ._state import describe_parameters, pack, unpack

STATE = "state."


class BaseGenerator(EvaluationMixin, BaseOverSampler):
    """Base of all generators: validation, class bookkeeping, resampling, files.

    A generator is an imbalanced-learn over-sampler (`fit_resample`) whose `fit` learns, and
    which can be asked for any number of rows of any class afterwards (`sample`). Subclasses
    implement `_fit`, `_sample`, and for files `_tensors` and `_set_tensors`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels in the order of the codes.
    class_counts_ : ndarray of shape (n_classes,)
        Training rows per class.
    input_shape_ : tuple of int
        Shape of one row.
    dtype_ : numpy.dtype
        Type of the training rows; samples have it too.
    fingerprint_ : ndarray of uint64 of shape (n,)
        One hash per training row, so that a leak of scored rows can be detected later.
    sample_indices_ : ndarray of int
        After `fit_resample`: for each returned row the index of the row it is, −1 if synthetic.
    signal_axes_ : list of SignalAxis or None
        Calibration of the data, where the generator was trained from a signal.
    preprocessing_ : list of dict or None
        Preprocessing of that signal.
    """

    #: Name under which the method is registered; written to files.
    method: ClassVar[str]

    # --- scikit-learn and imbalanced-learn ---------------------------------------------

    def _check_X_y(self, X: Any, y: Any, accept_sparse: Any = None) -> tuple:
        y, binarize_y = check_target_type(y, indicate_one_vs_all=True)
        sparse_frame = getattr(X, "sparse", None)  # an accessor that dense data frames lack
        if sparse_frame is not None:
            X = sparse_frame.to_dense()
        X, y = validate_data(
            self, X, y, reset=True, accept_sparse=False, allow_nd=True, dtype="numeric"
        )
        if X.ndim > 4:
            raise ValueError(
                "X must be (n, length), (n, channels, length) or (n, channels, height, "
                f"width), got shape {X.shape}"
            )
        return X, y, binarize_y

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = False
        tags.input_tags.three_d_array = True
        tags.sampler_tags.sample_indices = True
        return tags

    @all_or_nothing
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike, y: ArrayLike, **params: Any) -> BaseGenerator:
        """Learn from labelled rows.

        Parameters
        ----------
        X : array-like of shape (n, length), (n, channels, length) or (n, channels, h, w)
            Spectra or images, finite. Methods that train networks take
            :class:`hs_specaug.networks.LazyRows` as well, and read them chunk by chunk.
        y : array-like of shape (n,)
            Class labels; at least two classes.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If the rows are not finite or there is only one class.
        """
        check_known(y)
        check_classification_targets(y)
        rows, labels, _ = self._check_X_y(X, y)
        self.sampling_strategy_ = check_sampling_strategy(
            self.sampling_strategy, labels, self._sampling_type
        )
        self._learn(rows, labels)
        return self

    def _learn(self, X: np.ndarray, y: np.ndarray) -> None:
        self.classes_, codes = np.unique(y, return_inverse=True)
        self.class_counts_ = np.bincount(codes)
        self.input_shape_ = X.shape[1:]
        self.dtype_ = X.dtype
        self.fingerprint_ = np.sort(row_fingerprints(X))
        self.signal_axes_: list[SignalAxis] | None = None
        self.preprocessing_: list[dict] | None = None
        self._fit(X, codes)

    @all_or_nothing
    def fit_resample(self, X: ArrayLike, y: ArrayLike, **params: Any) -> tuple:
        """Learn from labelled rows, and return them with the synthetic ones that fill them up.

        Parameters
        ----------
        X, y : array-like
            See :meth:`fit`.

        Returns
        -------
        X, y : ndarray
            The given rows first, then what `sampling_strategy` adds.

        Raises
        ------
        ValueError
            See :meth:`fit`. A generator that was fitted before stays as it was.
        """
        check_known(y)
        return super().fit_resample(X, y, **params)

    def _fit_resample(self, X: np.ndarray, y: np.ndarray, **params: Any) -> tuple:
        self._learn(X, y)
        missing = {label: n for label, n in self.sampling_strategy_.items() if n > 0}
        self.sample_indices_ = np.arange(len(X))
        if not missing:
            return X.copy(), y.copy()
        X_new, y_new = self.sample(missing)
        self.sample_indices_ = np.r_[self.sample_indices_, np.full(len(X_new), -1)]
        return np.concatenate([X, X_new]), np.concatenate([y, y_new])

    # --- sampling ----------------------------------------------------------------------

    def sample(
        self,
        counts: Mapping[Any, int] | ArrayLike,
        random_state: Any = None,
        *,
        keep: str | Filter | None = None,
        draws_per_row: float = 4.0,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Draw synthetic rows.

        Parameters
        ----------
        counts : dict of label to int, or array-like of labels
            How many rows of each class; or one label for each row that is wanted.
        random_state : int, numpy.random.RandomState or None
            Seed of this draw. None takes the generator's own `random_state`, so that a seeded
            generator always gives the same rows; pass another seed for other rows.
        keep : {"corner-density", "discriminator"}, callable or None, default None
            Draw more rows than wanted and return the best of each class: ``keep(X, y)`` gives
            every row a number, larger for better ones. See :class:`CornerDensityFilter`,
            :class:`DiscriminatorFilter`, :class:`RealDistanceFilter`, :class:`ConfidenceFilter`.
        draws_per_row : float, default 4
            Rows that are drawn for each one kept.

        Returns
        -------
        X : ndarray of shape (n, ...)
            Synthetic rows in the units and type of the training rows.
        y : ndarray of shape (n,)
            Their labels: as given, or class after class in the order of `classes_`.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the generator was not fitted.
        ValueError
            If a label is unknown, a count is not a whole number ≥ 0, or `keep` does not give one
            number per row.
        """
        check_is_fitted(self, "classes_")
        codes = self._codes_to_sample(counts)
        rng = check_random_state(self.random_state if random_state is None else random_state)
        if not len(codes):
            return np.empty((0, *self.input_shape_), self.dtype_), self.classes_[codes]
        if keep is None:
            X = self._sample(codes, rng).astype(self.dtype_, copy=False)
        else:
            X = self._sample_best(codes, rng, resolve_filter(keep, self), draws_per_row)
        return X, self.classes_[codes]

    def _sample_best(
        self, codes: np.ndarray, rng: np.random.RandomState, keep: Filter, draws_per_row: float
    ) -> np.ndarray:
        """Return the rows that a filter likes best, class after class to spare memory."""
        out = np.empty((len(codes), *self.input_shape_), self.dtype_)
        for code in np.unique(codes).tolist():
            places = np.flatnonzero(codes == code)
            drawn = np.full(n_draws(len(places), draws_per_row), code)
            rows = self._sample(drawn, rng).astype(self.dtype_, copy=False)
            scores = keep(rows, self.classes_[drawn])
            out[places] = rows[best_rows(scores, len(rows), len(places))]
        return out

    def missing_counts(self, y: ArrayLike) -> dict[Any, int]:
        """Return how many rows of each class `sampling_strategy` would add to rows labelled `y`.

        Parameters
        ----------
        y : array-like of shape (n,)
            Labels of other rows than those of the training, usually.

        Returns
        -------
        dict of label to int
            Ready for :meth:`sample`; classes that lack nothing are left out.

        Raises
        ------
        ValueError
            If there is only one class, or the strategy does not fit these labels.
        """
        check_known(y)
        labels = column_or_1d(y)
        wanted = check_sampling_strategy(self.sampling_strategy, labels, self._sampling_type)
        known = dict(zip(np.unique(labels), np.unique(labels).tolist(), strict=True))
        return {known.get(label, label): int(n) for label, n in wanted.items() if n}

    def _codes_to_sample(self, counts: Mapping[Any, int] | ArrayLike) -> np.ndarray:
        known = {label: code for code, label in enumerate(self.classes_.tolist())}
        if not isinstance(counts, Mapping):
            labels = np.asarray(counts)
            if labels.ndim != 1:
                raise ValueError(
                    "counts must be a dict {label: number} or a 1-D sequence of labels, got "
                    f"{counts!r}; for 10 of each class: "
                    f"sample({dict.fromkeys(known, 10)!r})"
                )
            return np.array([self._code(known, label) for label in labels.tolist()], dtype=int)
        wanted = np.zeros(len(known), dtype=int)
        for label, number in counts.items():
            if not isinstance(number, Real):
                raise ValueError(f"counts[{label!r}] must be a whole number ≥ 0, got {number!r}")
            if not float(number).is_integer() or number < 0:
                raise ValueError(f"counts[{label!r}] must be a whole number ≥ 0, got {number!r}")
            label = label.item() if isinstance(label, np.generic) else label
            wanted[self._code(known, label)] = int(number)
        return np.repeat(np.arange(len(known)), wanted)

    @staticmethod
    def _code(known: dict[Any, int], label: Any) -> int:
        if label not in known:
            raise ValueError(
                f"unknown class {label!r}{closest(label, [str(k) for k in known])}. This generator "
                f"knows {list(known)}"
            )
        return known[label]

    # --- files -------------------------------------------------------------------------

    def save(self, path: str | os.PathLike) -> Path:
        """Write the fitted generator to one safetensors file, without pickle, atomically.

        The header holds the method, hyperparameters, classes, axis calibration, seed and
        versions in readable JSON. Load it with :func:`hs_specaug.load_generator`.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the generator was not fitted.
        FileNotFoundError
            If the folder does not exist.
        FileExistsError
            If the file is there and is no model file. A model file is replaced.
        """
        check_is_fitted(self, "classes_")
        return write_model(path, *contents(self))

    # --- what a method supplies --------------------------------------------------------

    @abstractmethod
    def _fit(self, X: np.ndarray, codes: np.ndarray) -> None:
        """Learn from rows `X` and their class codes."""

    @abstractmethod
    def _sample(self, codes: np.ndarray, rng: np.random.RandomState) -> np.ndarray:
        """Return one row for each class code, in order."""

    def _header(self) -> dict[str, Any]:
        """Return what else a reader of the file's header wants to know, as JSON values."""
        return {}

    @abstractmethod
    def _tensors(self) -> dict[str, np.ndarray]:
        """Return everything learned, as arrays."""

    @abstractmethod
    def _set_tensors(self, tensors: dict[str, np.ndarray], header: dict[str, Any]) -> None:
        """Restore what `_tensors` returned; the attributes of the base are already set."""


def contents(generator: BaseGenerator) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return header and arrays from which :func:`rebuild` makes the same fitted generator."""
    header, tensors = pack(generator)
    tensors.update({STATE + key: value for key, value in generator._tensors().items()})
    return header, tensors


def rebuild(method: type, header: dict[str, Any], tensors: dict[str, np.ndarray]) -> BaseGenerator:
    """Return a fitted generator of class `method` from what :func:`contents` gave."""
    generator = method(**describe_parameters(header.get("hyperparameters", {}), method))
    unpack(generator, header, tensors)
    state = {k.removeprefix(STATE): v for k, v in tensors.items() if k.startswith(STATE)}
    generator._set_tensors(state, header)
    return generator


def load_generator(path: str | os.PathLike) -> BaseGenerator:
    """Load a generator that :meth:`BaseGenerator.save` wrote, on any machine.

    A generator trained on a GPU loads on a CPU-only machine. Nothing in the file is executed.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ModelFileError
        If the file is of another format, damaged, from a newer version, or of a method that
        is not installed.
    """
    header, tensors = read_model(path)
    try:
        method = find_method(GENERATORS, header["method"])
    except (ValueError, ImportError) as error:
        raise ModelFileError(f"{os.fspath(path)!r} cannot be loaded: {error}") from error
    try:
        generator = rebuild(method, header, tensors)
        _warn_of_versions(header)
    except DAMAGE as error:
        raise ModelFileError(
            f"{os.fspath(path)!r} does not hold a complete {header['method']!r} generator: {error}"
        ) from error
    return generator


def _warn_of_versions(header: dict[str, Any]) -> None:
    from importlib.metadata import version

    from packaging.version import Version

    written = header.get("versions", {}).get("hs_specaug", "0")
    here = version("hs_specaug")
    if Version(written) > Version(here):
        warn_user(
            f"this generator was saved by hs_specaug {written}, newer than {here}; it "
            "was read, but may behave differently",
            UserWarning,
        )
