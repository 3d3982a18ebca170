"""Fit on the training rows of each fold, score on real rows that nothing has seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.utils import check_random_state

from .._lazy_rows import LazyRows
from .._progress import tqdm
from .._refusals import check_known
from ..classifiers._calibrated import Calibration, CalibrationPlan
from ..classifiers._flat_rows import FlatRows, class_probabilities, takes_channels
from ..exceptions import LeakageError
from ._report import ClassificationReport
from ._resampled import ResampledRows, pass_on_interrupt, resample_fold
from ._scores import confusion_per_group
from ._splits import Split
from .calibration._report import CalibrationReport, OutOfFold


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
    X, y = check_rows(X, y)
    return fit_and_labels(X, y, classifier, generator, transformers, refit=refit)[0]


def fit_and_labels(
    X: np.ndarray,
    y: np.ndarray,
    classifier: Any,
    generator: Any = None,
    transformers: Sequence[Any] = (),
    *,
    refit: bool = True,
) -> tuple[Any, np.ndarray]:
    """Do what :func:`fit_fold` does; return also the labels that the classifier was fitted on."""
    rows = resample_fold(X, y, generator, transformers, refit=refit)
    return fit_on(rows, classifier), rows.y


def fit_on(rows: ResampledRows, classifier: Any) -> Any:
    """Fit a clone of `classifier` on resampled rows; it predicts from untransformed ones."""
    model = clone(classifier if takes_channels(classifier) else FlatRows(classifier))
    model.fit(rows.X, rows.y)
    pass_on_interrupt(model)
    return make_pipeline(*rows.transformers, model) if rows.transformers else model


def check_rows(X: Any, y: Any) -> tuple[Any, np.ndarray]:
    """Return rows and labels as arrays, also of lists and tables; unread rows stay unread.

    Raises
    ------
    ValueError
        If there is no row, or not one label for each.
    """
    check_known(y)
    y = np.asarray(y)
    if not isinstance(X, LazyRows):
        X = np.asarray(X)
    if X.ndim < 2 or not len(X) or y.shape != (len(X),):
        raise ValueError(
            f"X and y must have the same number of rows, at least one, got shapes {X.shape} and "
            f"{y.shape}"
        )
    return X, y


def _check_splits(splits: Sequence[Split], n_rows: int) -> None:
    highest = max(int(np.max(part, initial=-1)) for split in splits for part in split)
    if highest >= n_rows:
        raise ValueError(
            f"splits name row {highest}, but X has {n_rows} rows, counted from 0; make them of "
            "the same rows: splits=make_splits(y)"
        )


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
    calibration: CalibrationPlan | None = None,
    random_state: Any = None,
    show_progressbar: bool = False,
) -> ClassificationReport:
    """Score a classifier, with or without augmentation, on held-out real rows.

    In every fold the transformers, the generator and the classifier are cloned and fitted on
    the training rows alone, and so are temperature and prediction sets, if any. Synthetic rows
    never reach the scored part.

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
        For the intervals: groups are resampled, not rows; and for inner folds.
    classes : sequence of labels or None
        Order of the classes in the report; those without rows are left out. None sorts them.
    calibration : CalibrationPlan or None
        What is done to probabilities and how classes follow from them. None corrects them for
        the shares of the real training rows, and takes the classes that the classifier gives.
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
        With ``refit=False``, if the generator has seen scored rows, or rows that temperature or
        prediction sets need as unseen ones.
    """
    from .calibration._fold import fit_calibrated

    X, y = check_rows(X, y)
    if not len(splits):
        raise ValueError(f"splits must hold at least one fold, got {splits!r}; use make_splits(y)")
    _check_splits(splits, len(y))
    present = np.unique(y).tolist()
    order = present if classes is None else [c for c in classes if c in present]
    fitted: list[Calibration] = []
    parts: list[OutOfFold] = []
    for train, test in tqdm(splits, "folds", disable=not show_progressbar or len(splits) < 2):
        if generator is not None and not refit:
            check_no_leak(generator, X[test])
        model, found = fit_calibrated(
            X[train],
            y[train],
            classifier,
            generator,
            transformers,
            refit=refit,
            plan=calibration,
            groups=None if groups is None else np.asarray(groups)[train],
        )
        fitted.append(found.reordered(order))
        parts.append(_scored(X, y, np.asarray(test), model, fitted[-1]))
    fields: list[Any] = [
        None if part[0] is None else np.concatenate(part) for part in zip(*parts, strict=True)
    ]
    pooled = OutOfFold(*fields)
    rows = pooled.rows
    if groups is not None:
        units = np.asarray(groups)[rows]
    else:
        # A row that repeated folds score several times is still one observation.
        units = rows if len(np.unique(rows)) < len(rows) else None
    confusions = confusion_per_group(pooled.codes, pooled.assigned, len(order), units)
    rng = check_random_state(random_state)
    report = ClassificationReport.from_confusions(
        confusions, order, n_folds=len(splits), random_state=rng
    )
    report.calibration = CalibrationReport.from_rows(
        pooled,
        order,
        temperatures=tuple(c.temperature for c in fitted),
        confidence=fitted[0].confidence,
        random_state=rng,
    )
    return report


def _scored(
    X: np.ndarray, y: np.ndarray, test: np.ndarray, model: Any, calibration: Calibration
) -> OutOfFold:
    """Return what a model and its calibration say about the rows `test`."""
    order = list(calibration.labels)
    before = np.zeros((len(test), len(order)))
    before[:, [order.index(c) for c in model.classes_.tolist()]] = class_probabilities(
        model, X[test]
    )
    # As in a map: decisions of the same row must not differ by the last bits.
    after = calibration.apply(before).astype(np.float32)
    return OutOfFold(
        rows=test,
        codes=np.array([order.index(label) for label in y[test].tolist()], dtype=int),
        assigned=calibration.decide(after),
        before=before,
        after=after.astype(float),
        sets=None if calibration.thresholds is None else calibration.sets(after),
    )
