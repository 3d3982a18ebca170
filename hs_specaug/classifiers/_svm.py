"""The support vector machine of paper 002: scikit-learn's own, with its grid search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin, _fit_context
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_predict
from sklearn.svm import SVC
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from .._refusals import all_or_nothing, check_known
from .._warnings import warn_user
from ..exceptions import FewSamplesWarning
from ._temperature import decision_columns, most_likely_temperature

POSITIVE = Interval(Real, 0, None, closed="neither")


class SVMClassifier(ClassifierMixin, BaseEstimator):
    """Soft-margin support vector machine whose C and γ are searched on the training rows.

    `C` and `gamma` are tried in all combinations by stratified cross-validation, and the best is
    fitted to all rows. The search is part of ``fit``, so it never sees rows that are scored.

    Parameters
    ----------
    kernel : {"rbf", "cosine"}, default "rbf"
        Radial basis functions as in paper 002, or the cosine of the angle between two spectra,
        which does not look at their intensity and has no γ.
    C : float or sequence of float, default (0.1, 1, 10, 100, 1000)
        Regularisation; large values fit the training rows closely.
    gamma : float or sequence of float, default (0.1, 0.3, 1, 3, 10)
        Inverse squared width of the radial basis functions, in units of
        ``1 / (n_features × variance)`` of the training rows, which is scikit-learn's "scale":
        the grid suits counts as well as normalised spectra.
    cv : int, default 5
        Folds of the search; fewer where a class has fewer rows.
    scoring : str or callable, default "balanced_accuracy"
        What the search maximises, as in scikit-learn. Accuracy would let it ignore rare classes.
    class_weight : "balanced", dict or None, default None
        As in scikit-learn's ``SVC``.
    n_jobs : int or None, default None
        Processes of the search.
    random_state : int, numpy.random.RandomState or None, default None
        The only seed: of the folds.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels.
    estimator_ : sklearn.svm.SVC
        The best machine, fitted to all rows.
    best_C_, best_gamma_ : float
        What it uses; γ in the unit of `gamma`.
    search_ : sklearn.model_selection.GridSearchCV or None
        The search; None where there was none (one combination, or a class with one row).
    temperature_ : float
        What decision values are divided by before the softmax that makes probabilities.

    Notes
    -----
    Probabilities are ``softmax(decision / temperature)``, with the temperature that makes the
    held-out rows of the folds most likely (Guo et al. 2017). Unlike Platt's method it
    never contradicts ``predict``.

    Examples
    --------
    >>> import numpy as np
    >>> from hs_specaug.classifiers import SVMClassifier
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(40, 8))
    >>> y = np.where(np.linalg.norm(X, axis=1) > 2.7, "outside", "inside")
    >>> bool(SVMClassifier(random_state=0).fit(X, y).score(X, y) > 0.9)
    True
    """

    _parameter_constraints: ClassVar[dict] = {
        "kernel": [StrOptions({"rbf", "cosine"})],
        "C": [POSITIVE, "array-like"],
        "gamma": [POSITIVE, "array-like"],
        "cv": [Interval(Integral, 2, None, closed="left")],
        "scoring": [str, callable],
        "class_weight": [StrOptions({"balanced"}), dict, None],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        *,
        kernel: str = "rbf",
        C: float | Sequence[float] = (0.1, 1.0, 10.0, 100.0, 1000.0),
        gamma: float | Sequence[float] = (0.1, 0.3, 1.0, 3.0, 10.0),
        cv: int = 5,
        scoring: Any = "balanced_accuracy",
        class_weight: str | Mapping | None = None,
        n_jobs: int | None = None,
        random_state: Any = None,
    ) -> None:
        self.kernel = kernel
        self.C = C
        self.gamma = gamma
        self.cv = cv
        self.scoring = scoring
        self.class_weight = class_weight
        self.n_jobs = n_jobs
        self.random_state = random_state

    @all_or_nothing
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike, y: ArrayLike) -> SVMClassifier:
        """Search C and γ, and fit the best machine.

        Parameters
        ----------
        X : array-like of shape (n, n_features)
            Spectra, finite; ``s.classify`` hands channels and images over as one vector.
        y : array-like of shape (n,)
            Class labels; at least two classes.

        Raises
        ------
        ValueError
            If the rows are not finite, there is only one class, or a value of the grid is not
            positive.
        """
        check_known(y)
        data: Any = validate_data(self, X, y, dtype=np.float64)
        rows, labels = data
        check_classification_targets(labels)
        self.classes_, counts = np.unique(labels, return_counts=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"y must hold at least two classes, got one class: {self.classes_.tolist()[0]!r}"
            )
        spread = float(rows.var())
        unit = 1.0 / (rows.shape[1] * spread) if spread > 0 else 1.0
        grid = self._grid(unit)
        seeds = check_random_state(self.random_state).randint(np.iinfo(np.int32).max, size=2)
        folds, machine = self._folds(counts, int(seeds[0])), self._machine(int(seeds[1]))
        self.search_ = None
        if folds is not None and np.prod([len(values) for values in grid.values()]) > 1:
            self.search_ = GridSearchCV(
                machine, grid, scoring=self.scoring, cv=folds, n_jobs=self.n_jobs
            ).fit(rows, labels)
            self.estimator_ = self.search_.best_estimator_
        else:
            # In the middle of the grid, where nothing tells the values apart.
            middle = {name: values[len(values) // 2] for name, values in grid.items()}
            self.estimator_ = machine.set_params(**middle).fit(rows, labels)
        self.best_C_ = float(self.estimator_.C)
        self.best_gamma_ = float(self.estimator_.gamma) / unit if self.kernel == "rbf" else np.nan
        self.temperature_ = self._fit_temperature(rows, labels, folds)
        return self

    def _machine(self, seed: int) -> SVC:
        # Ties of the votes are broken by the decision values, as probabilities are. Without a
        # seed SVC would move the global random state, though it uses no random number here.
        return SVC(
            kernel="rbf" if self.kernel == "rbf" else cosine_similarity,
            class_weight=self.class_weight,
            break_ties=True,
            random_state=seed,
        )

    def _grid(self, unit: float) -> dict[str, list[float]]:
        wanted = {"C": self.C, "gamma": self.gamma} if self.kernel == "rbf" else {"C": self.C}
        grid = {}
        for name, wanted_values in wanted.items():
            values = np.sort(np.atleast_1d(np.asarray(wanted_values, dtype=float)))
            if values.ndim != 1 or not len(values) or not (values > 0).all():
                raise ValueError(
                    f"{name} must be a positive number or a sequence of them, got {wanted_values!r}"
                )
            grid[name] = (values * (unit if name == "gamma" else 1.0)).tolist()
        return grid

    def _folds(self, counts: np.ndarray, seed: int) -> StratifiedKFold | None:
        """Return the folds of the search, or None if a class cannot be split."""
        rarest = int(counts.min())
        if rarest < 2:
            label = self.classes_.tolist()[int(counts.argmin())]
            warn_user(
                f"svm: class {label!r} has one training row, which cannot both be learned from "
                "and be validated on; C and gamma are the middle of their grids, not searched",
                FewSamplesWarning,
            )
            return None
        return StratifiedKFold(min(self.cv, rarest), shuffle=True, random_state=seed)

    def _fit_temperature(
        self, rows: np.ndarray, labels: np.ndarray, folds: StratifiedKFold | None
    ) -> float:
        if folds is None:
            return 1.0
        decision = cross_val_predict(
            self.estimator_, rows, labels, cv=folds, method="decision_function"
        )
        codes = np.searchsorted(self.classes_, labels)
        return most_likely_temperature(decision_columns(decision), codes)

    def decision_function(self, X: ArrayLike) -> np.ndarray:
        """Return decision values (n, n_classes); for two classes one each (n,)."""
        check_is_fitted(self, "estimator_")
        return self.estimator_.decision_function(
            validate_data(self, X, reset=False, dtype=np.float64)
        )

    def predict_proba(self, X: ArrayLike) -> np.ndarray:
        """Return class probabilities of shape (n, n_classes)."""
        check_is_fitted(self, "estimator_")
        return softmax(decision_columns(self.decision_function(X)) / self.temperature_, axis=1)

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Return the most probable class of each row."""
        check_is_fitted(self, "estimator_")
        return self.classes_[decision_columns(self.decision_function(X)).argmax(axis=1)]
