"""Fit on the training rows of each fold, score on real rows that nothing has seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.pipeline import make_pipeline
from tqdm.auto import tqdm

from ..exceptions import LeakageError
from ._report import ClassificationReport
from ._scores import confusion_per_group
from ._splits import Split


class FlatRows(BaseEstimator):
    """Give every row to the wrapped estimator as one vector.

    scikit-learn's own classifiers take (n, features); spectra with channels and images do not
    come that way.
    """

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator

    def fit(self, X: np.ndarray, y: np.ndarray) -> FlatRows:
        """Fit the wrapped estimator."""
        self.estimator_ = clone(self.estimator).fit(X.reshape(len(X), -1), y)
        self.classes_ = self.estimator_.classes_
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Predict with the wrapped estimator."""
        return self.estimator_.predict(X.reshape(len(X), -1))

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Predict probabilities with the wrapped estimator; one-hot if it has none."""
        flat = X.reshape(len(X), -1)
        if hasattr(self.estimator_, "predict_proba"):
            return self.estimator_.predict_proba(flat)
        return (self.estimator_.predict(flat)[:, np.newaxis] == self.classes_).astype(float)


def takes_channels(classifier: Any) -> bool:
    """Whether `classifier` accepts rows with channels, by its scikit-learn tags."""
    from sklearn.utils import get_tags

    return bool(get_tags(classifier).input_tags.three_d_array)


def fit_fold(
    X: np.ndarray,
    y: np.ndarray,
    classifier: Any,
    generator: Any = None,
    transformers: Sequence[Any] = (),
    *,
    refit: bool = True,
) -> Any:
    """Fit transformers, then the generator, then the classifier, on these rows only.

    Parameters
    ----------
    X, y : ndarray
        Training rows.
    classifier : scikit-learn classifier
        Cloned.
    generator : generator or None
        Cloned and fitted; with `refit=False` used as it is, fitted before.
    transformers : sequence of scikit-learn transformers
        Cloned and fitted in order, before the generator.
    refit : bool
        See above.

    Returns
    -------
    A fitted estimator that predicts from untransformed rows.
    """
    foreign = generator is not None and not refit
    # What a generator from elsewhere makes is as raw as the rows are; it goes through the same
    # transformers, which learn from the real rows alone.
    X_new, y_new = fill_up(generator, X, y) if foreign else (X[:0], y[:0])
    fitted = []
    for transformer in transformers:
        fitted.append(clone(transformer).fit(X, y))
        X = fitted[-1].transform(X)
        X_new = fitted[-1].transform(X_new) if len(X_new) else X[:0]
    if foreign:
        X, y = np.concatenate([X, X_new]), np.concatenate([y, y_new])
    elif generator is not None:
        generator = clone(generator)
        X, y = generator.fit_resample(X, y)
        _pass_on_interrupt(generator)
    model = clone(classifier if takes_channels(classifier) else FlatRows(classifier))
    model.fit(X, y)
    _pass_on_interrupt(model)
    return make_pipeline(*fitted, model) if fitted else model


def _pass_on_interrupt(estimator: Any) -> None:
    """Stop where Ctrl-C cut a training short: half-trained parts would give a mixed score."""
    if getattr(estimator, "interrupted_", False):
        raise KeyboardInterrupt("interrupted while training for an evaluation; no score was kept")


def fill_up(generator: Any, X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows that balance `y`, from a generator that was fitted elsewhere."""
    X_new, y_new = generator.sample(generator.missing_counts(y))
    return X_new.astype(X.dtype, copy=False), y_new


def check_no_leak(generator: Any, X_scored: np.ndarray) -> None:
    """Raise if the fitted `generator` has seen any of the rows that will be scored.

    Raises
    ------
    LeakageError
        With the number of rows and what to do.
    """
    from ..generators import seen_in_training

    seen = seen_in_training(generator.fingerprint_, X_scored)
    if seen.any():
        raise LeakageError(
            f"{int(seen.sum())} of the {len(seen)} rows that would be scored were seen by the "
            "generator in its training, so the score would flatter it; use refit=True, or a "
            "generator that was trained on another specimen"
        )


def evaluate_classifier(
    X: np.ndarray,
    y: np.ndarray,
    classifier: Any,
    *,
    splits: Sequence[Split],
    generator: Any = None,
    transformers: Sequence[Any] = (),
    refit: bool = True,
    groups: np.ndarray | None = None,
    classes: Sequence[Any] | None = None,
    random_state: Any = None,
    show_progressbar: bool = False,
) -> ClassificationReport:
    """Score a classifier, with or without augmentation, on held-out real rows.

    In every fold the transformers, the generator and the classifier are cloned and fitted on
    the training rows alone. Synthetic rows never reach the scored part.

    Parameters
    ----------
    X : ndarray of shape (n, ...)
        Real rows.
    y : ndarray of shape (n,)
        Their labels.
    classifier : scikit-learn classifier
        What is scored.
    splits : sequence of Split
        From :func:`make_splits`.
    generator, transformers, refit
        See :func:`fit_fold`.
    groups : ndarray of shape (n,) or None
        Only for the intervals: groups are resampled, not rows.
    classes : sequence of labels or None
        Order of the classes in the report; those without rows are left out. None sorts them.
    random_state : int, numpy.random.RandomState or None
        Seed of the bootstrap.
    show_progressbar : bool
        Show the folds.

    Returns
    -------
    ClassificationReport
        Pooled over the folds.

    Raises
    ------
    LeakageError
        With ``refit=False``, if the generator has seen scored rows.
    """
    present = np.unique(y).tolist()
    order = present if classes is None else [c for c in classes if c in present]
    code = {label: i for i, label in enumerate(order)}
    scored: list[int] = []
    predicted: list[int] = []
    for train, test in tqdm(splits, "folds", disable=not show_progressbar or len(splits) < 2):
        if generator is not None and not refit:
            check_no_leak(generator, X[test])
        model = fit_fold(X[train], y[train], classifier, generator, transformers, refit=refit)
        scored += list(test)
        predicted += [code[label] for label in model.predict(X[test]).tolist()]
    rows = np.array(scored)
    if groups is not None:
        units = np.asarray(groups)[rows]
    else:
        # A row that repeated folds score several times is still one observation.
        units = rows if len(np.unique(rows)) < len(rows) else None
    confusions = confusion_per_group(
        np.array([code[label] for label in y[rows].tolist()], dtype=int),
        np.array(predicted),
        len(order),
        units,
    )
    return ClassificationReport.from_confusions(
        confusions, order, n_folds=len(splits), random_state=random_state
    )
