"""Which rows train and which are scored: stratified, and never a group on both sides."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
from sklearn.model_selection import (
    StratifiedGroupKFold,
    StratifiedKFold,
    StratifiedShuffleSplit,
    check_cv,
)
from sklearn.utils import check_random_state, column_or_1d

from .._refusals import check_known
from ..exceptions import LeakageError


class Split(NamedTuple):
    """Row indices of one fold."""

    train: np.ndarray
    test: np.ndarray


def make_splits(
    y: np.ndarray,
    *,
    groups: np.ndarray | None = None,
    test_size: float = 0.25,
    cv: Any = None,
    random_state: Any = None,
) -> list[Split]:
    """Return the folds of a leak-proof evaluation.

    Parameters
    ----------
    y : ndarray of shape (n,)
        Class labels.
    groups : ndarray of shape (n,) or None
        Specimen, session, ...: rows of one group stay together.
    test_size : float
        Share of the rows that is scored when `cv` is None.
    cv : int, splitter, iterable or None
        Number of folds, or anything scikit-learn takes. None makes one split.
    random_state : int, numpy.random.RandomState or None
        Seed of the shuffling.

    Returns
    -------
    list of Split
        Every class is in every training part.

    Raises
    ------
    LeakageError
        If a fold of `cv` scores its own training rows, or has a group on both sides.
    ValueError
        If a class has fewer than two rows, or is in one group only, or misses from a training
        part; the message says which and what to do.
    """
    check_known(y)
    y = column_or_1d(y)
    labels, counts = np.unique(y, return_counts=True)
    if len(labels) < 2:
        raise ValueError(
            f"scoring needs labelled rows of at least two classes, got {labels.tolist()}; label "
            "more with s.set_labels or s.label_region"
        )
    if counts.min() < 2:
        raise ValueError(
            f"class {labels.tolist()[counts.argmin()]!r} has one labelled row: at least two are "
            "needed, one to learn from and one to be scored on. Label more, or leave the class "
            "out"
        )
    if groups is not None:
        _check_groups(y, np.asarray(groups), labels)
    seed = check_random_state(random_state).randint(np.iinfo(np.int32).max)
    if isinstance(cv, Integral):
        _check_number_of_folds(cv, counts, groups)
    splits = [_as_split(part, len(y)) for part in _folds(y, groups, test_size, cv, seed)]
    if not splits:
        raise ValueError(f"cv gives no fold at all, got {cv!r}; use cv=5 for five folds")
    for split in splits:
        _check_apart(split, groups)
        missing = np.setdiff1d(labels, y[split.train])
        if len(missing):
            raise ValueError(
                f"a fold has no training row of class {missing.tolist()[0]!r} (labelled rows per "
                f"class: {dict(zip(labels.tolist(), counts.tolist(), strict=True))}); use fewer "
                "folds (cv=2), a smaller test_size, or label more"
            )
    return splits


def _check_number_of_folds(cv: Any, counts: np.ndarray, groups: np.ndarray | None) -> None:
    if cv < 2:
        raise ValueError(f"cv must be at least 2 folds, a splitter, or None, got {cv!r}")
    if groups is None:
        most, what = int(counts.max()), "rows of the largest class"
    else:
        most, what = len(np.unique(groups)), "groups"
    if cv > most:
        raise ValueError(
            f"cv must not be more folds than there are {what}, {most}, got {cv!r}; use cv={most} "
            "or fewer"
        )


def _as_split(parts: Any, n_rows: int) -> Split:
    """Return row indices, from those of a splitter or of an iterable of pairs, masks included."""
    example = "cv=5, a splitter of scikit-learn, or pairs (training rows, scored rows)"
    try:
        arrays = [np.asarray(part) for part in parts]
    except TypeError:
        arrays = []
    if len(arrays) != 2:
        raise ValueError(f"cv must give pairs of row indices, got {parts!r}; use {example}")
    for name, rows in zip(("training", "scored"), arrays, strict=True):
        mask = rows.dtype == bool and rows.shape == (n_rows,) and rows.any()
        indices = rows.dtype.kind in "iu" and rows.ndim == 1 and rows.size
        if not (mask or indices):
            raise ValueError(
                f"cv gives a fold whose {name} rows are no indices, or none: {rows!r}; use "
                f"{example}"
            )
        if indices and not 0 <= rows.min() <= rows.max() < n_rows:
            raise ValueError(
                f"cv gives a fold whose {name} rows go from {rows.min()} to {rows.max()}, but "
                f"there are {n_rows} labelled rows, counted from 0; use {example}"
            )
    return Split(*(np.flatnonzero(rows) if rows.dtype == bool else rows for rows in arrays))


def _check_apart(split: Split, groups: np.ndarray | None) -> None:
    """Refuse a fold that scores what it trains on, as splitters from outside may do."""
    shared = np.intersect1d(split.train, split.test)
    if len(shared):
        raise LeakageError(
            f"cv gives a fold that scores {len(shared)} of its own training rows; use cv=5 or a "
            "splitter of scikit-learn"
        )
    if groups is not None:
        both = np.intersect1d(np.asarray(groups)[split.train], np.asarray(groups)[split.test])
        if len(both):
            raise LeakageError(
                f"cv gives a fold with group {both.tolist()[0]!r} in training and in test; use a "
                "number of folds (cv=5), StratifiedGroupKFold or LeaveOneGroupOut, or drop the "
                "groups with s.groups = None"
            )


def _check_groups(y: np.ndarray, groups: np.ndarray, labels: np.ndarray) -> None:
    if groups.shape != y.shape:
        raise ValueError(f"groups must have one entry per row, {y.shape}, got {groups.shape}")
    for label in labels.tolist():
        if len(np.unique(groups[y == label])) < 2:
            raise ValueError(
                f"class {label!r} occurs in one group only, so it cannot be both learned and "
                "scored without a leak; pass groups=None to s.set_labels to ignore the groups"
            )


def _folds(y: np.ndarray, groups: np.ndarray | None, test_size: float, cv: Any, seed: int) -> Any:
    rows = np.zeros((len(y), 1))
    if cv is not None and not isinstance(cv, Integral):
        if isinstance(cv, Iterable) and not isinstance(cv, str) and not hasattr(cv, "split"):
            return cv
        return check_cv(cv, y, classifier=True).split(rows, y, groups)
    if groups is not None:
        # One fold of k is a test part of about 1/k.
        k = (
            int(cv)
            if cv is not None
            else min(max(2, round(1.0 / _share(test_size))), len(np.unique(groups)))
        )
        folds = StratifiedGroupKFold(k, shuffle=True, random_state=seed).split(rows, y, groups)
        if cv is not None:
            return folds
        # Its shuffling only breaks ties: of unequal groups the first fold is always the same one.
        known = list(folds)
        order = np.random.default_rng(seed).permutation(len(known))
        return [_first_complete([known[i] for i in order], y)]
    if cv is not None:
        return StratifiedKFold(int(cv), shuffle=True, random_state=seed).split(rows, y)
    n_classes = len(np.unique(y))
    n_test = min(max(round(_share(test_size) * len(y)), n_classes), len(y) - n_classes)
    splitter = StratifiedShuffleSplit(1, test_size=n_test, random_state=seed)
    return [_at_least_one(split, y) for split in splitter.split(rows, y)]


def _share(test_size: float) -> float:
    if not isinstance(test_size, Real) or not 0.0 < test_size < 1.0:
        raise ValueError(f"test_size must be a share between 0 and 1, got {test_size!r}")
    return float(test_size)


def _first_complete(folds: list, y: np.ndarray) -> Any:
    """Return the first fold that trains on and scores every class, else the first."""
    n_classes = len(np.unique(y))
    for train, test in folds:
        if len(np.unique(y[train])) == len(np.unique(y[test])) == n_classes:
            return train, test
    return folds[0]


def _at_least_one(split: tuple, y: np.ndarray) -> tuple:
    """Move a row where a rare class ended up on one side only."""
    train, test = (part.tolist() for part in split)
    for label in np.unique(y):
        for source, target in ((train, test), (test, train)):
            if not any(y[i] == label for i in target):
                row = next(i for i in source if y[i] == label)
                source.remove(row)
                target.append(row)
    return np.array(train), np.array(test)
