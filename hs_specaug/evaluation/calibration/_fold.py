"""Fit a classifier together with what makes its probabilities mean what they say."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from ..._warnings import warn_user
from ...classifiers._calibrated import (
    Calibration,
    CalibrationPlan,
    HeldOut,
    conformal_thresholds,
    fit_strength,
    rows_needed,
)
from ...classifiers._flat_rows import class_probabilities
from ...classifiers._priors import target_prior, training_prior
from ...exceptions import FewSamplesWarning
from .._splits import Split
from .._validation import check_no_leak, check_rows, fit_and_labels

#: Fewer held-out rows than this say nothing about a temperature.
ROWS_FOR_TEMPERATURE = 20


def fit_calibrated(
    X: np.ndarray,
    y: np.ndarray,
    classifier: Any,
    generator: Any = None,
    transformers: Sequence[Any] = (),
    *,
    refit: bool = True,
    plan: CalibrationPlan | None = None,
    groups: np.ndarray | None = None,
) -> tuple[Any, Calibration]:
    """Do what :func:`fit_fold` does, and find how to calibrate the probabilities.

    Temperature and prediction sets come from measured rows that inner folds hold out: all of
    transformers, generator and classifier are fitted again without them, once per inner fold. The
    model that is returned is fitted on all rows, so that it is a little better than
    those which the calibration was found for (Vovk 2015, cross-conformal prediction).

    Parameters
    ----------
    X, y, classifier, generator, transformers, refit
        See :func:`fit_fold`.
    plan : CalibrationPlan or None
        What is wanted. None corrects for the class shares of `y` only.
    groups : ndarray of shape (n,) or None
        Rows of one group are held out together.

    Returns
    -------
    model : fitted estimator
        As :func:`fit_fold` returns it; its probabilities are those of the classifier.
    calibration : Calibration
        ``calibration.apply(model.predict_proba(X))`` are the calibrated ones.

    Raises
    ------
    LeakageError
        With ``refit=False``, if inner folds are needed and the generator has seen their rows.

    Warns
    -----
    FewSamplesWarning
        If there are too few rows for a temperature, or for sets that can leave a class out.
    """
    plan = CalibrationPlan() if plan is None else plan
    if not isinstance(plan, CalibrationPlan):
        raise TypeError(
            f"plan must be a CalibrationPlan or None, got {plan!r}; use "
            "CalibrationPlan('temperature', confidence=0.9)"
        )
    X, y = check_rows(X, y)
    if groups is not None and np.shape(groups) != y.shape:
        raise ValueError(f"groups must have one entry per row, {y.shape}, got {np.shape(groups)}")
    parts = (classifier, generator, transformers)
    held_out = []
    if plan.holds_out:
        if generator is not None and not refit:
            check_no_leak(generator, X)
        held_out = _held_out(X, y, parts, refit, plan, groups)
    model, y_fitted = fit_and_labels(X, y, *parts, refit=refit)
    labels = model.classes_.tolist()
    trained = training_prior(model, y_fitted)
    calibration = Calibration(
        labels=tuple(labels),
        training_prior=trained,
        measured_prior=target_prior("labelled", labels, y, trained),
        prior=target_prior(plan.prior, labels, y, trained),
        decision=plan.decision,
    )
    if plan.method == "temperature" and _enough(held_out):
        strength, temperature = fit_strength(held_out, calibration.measured_prior)
        calibration = replace(calibration, strength=strength, temperature=temperature)
        if plan.prior == "training":  # factors of 1
            shares = calibration.measured_prior ** (1.0 - strength) * trained**strength
            calibration = replace(calibration, prior=shares / shares.sum())
    if plan.confidence is not None:
        calibration = _with_sets(calibration, held_out, plan.confidence)
    return model, replace(calibration, n_rows=_rows_of_each(held_out, len(labels)))


def _held_out(
    X: np.ndarray,
    y: np.ndarray,
    parts: tuple[Any, Any, Sequence[Any]],
    refit: bool,
    plan: CalibrationPlan,
    groups: np.ndarray | None,
) -> list[HeldOut]:
    out = []
    labels = np.unique(y)
    for train, test in inner_splits(y, plan.n_folds, groups, plan.random_state):
        model, y_fitted = fit_and_labels(X[train], y[train], *parts, refit=refit)
        p = class_probabilities(model, X[test])
        prior = training_prior(model, y_fitted)
        out.append(HeldOut(p, prior, np.searchsorted(labels, y[test])))
    return out


def inner_splits(
    y: np.ndarray, n_folds: int, groups: np.ndarray | None, random_state: int | None
) -> list[Split]:
    """Return folds for calibration; unlike those that score, they need not hold out each class.

    A class that would miss from a training part stays there, and with it its groups: it is
    learned, and has no calibration row. No row is held out twice.

    Parameters
    ----------
    y : ndarray of shape (n,)
        Labels.
    n_folds : int
        At most.
    groups : ndarray of shape (n,) or None
        Rows of one group stay together.
    random_state : int or None
        Seed.
    """
    if random_state is None:
        random_state = int(np.random.default_rng().integers(2**31))
    units = np.arange(len(y)) if groups is None else np.asarray(groups)
    # scikit-learn asks for one class, at least, with a row in every fold.
    most = len(np.unique(units)) if groups is not None else np.unique(y, return_counts=True)[1]
    n_folds = min(n_folds, int(np.max(most)))
    if n_folds < 2:
        return []
    kind = StratifiedKFold if groups is None else StratifiedGroupKFold
    folds = kind(n_folds, shuffle=True, random_state=random_state)
    out = []
    with warnings.catch_warnings():
        # Rare classes are what this is for.
        warnings.filterwarnings("ignore", message="The least populated class", category=UserWarning)
        for train, test in folds.split(np.zeros((len(y), 1)), y, groups):
            missing = ~np.isin(y[test], y[train])
            stays = np.isin(units[test], units[test][missing])
            if not stays.all():
                out.append(Split(np.append(train, test[stays]), test[~stays]))
    return out


def _enough(held_out: list[HeldOut]) -> bool:
    n_rows = sum(len(part.codes) for part in held_out)
    if n_rows < ROWS_FOR_TEMPERATURE:
        warn_user(
            f"temperature scaling needs at least {ROWS_FOR_TEMPERATURE} measured rows that inner "
            f"folds can hold out, got {n_rows}; probabilities are not scaled. Label more, or pass "
            "calibration=None",
            FewSamplesWarning,
        )
    return n_rows >= ROWS_FOR_TEMPERATURE


def _rows_of_each(held_out: list[HeldOut], n_classes: int) -> np.ndarray | None:
    if not held_out:
        return None
    return np.bincount(np.concatenate([x.codes for x in held_out]), minlength=n_classes)


def _with_sets(calibration: Calibration, held_out: list[HeldOut], confidence: float) -> Calibration:
    n_classes = len(calibration.labels)
    rows, codes = np.zeros((0, n_classes)), np.zeros(0, dtype=int)
    for part in held_out:
        q = replace(calibration, training_prior=part.training_prior).apply(part.probabilities)
        rows, codes = np.concatenate([rows, q]), np.concatenate([codes, part.codes])
    n_rows = np.bincount(codes, minlength=n_classes)
    needed = rows_needed(confidence)
    few = {label: int(n) for label, n in zip(calibration.labels, n_rows, strict=True) if n < needed}
    if few:
        warn_user(
            f"prediction sets at confidence {confidence:g} need {needed} measured rows of a class "
            f"that inner folds can hold out, got {few}; these classes are in every set, because "
            "nothing could show that they are not. Label more, or lower the confidence",
            FewSamplesWarning,
        )
    thresholds = conformal_thresholds(rows, codes, confidence)
    return replace(calibration, confidence=confidence, thresholds=thresholds)
