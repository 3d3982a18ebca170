"""One unit of work: a method in one split, fitted once and given to every classifier."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..evaluation._resampled import ResampledRows, resample_fold
from ..evaluation._scores import confusion_per_group
from ..evaluation._validation import fit_on
from ..evaluation.metrics._distances import nearest_rows
from ..exceptions import LeakageError
from ._cell import Cell
from ._estimators import seeded, with_value
from ._fitted_before import FittedBefore
from ._folds import Fold
from ._methods import Method

#: Rows of a fold that are compared with the scored ones.
ROWS_COMPARED = 1000
#: A copy is this much nearer to its original than scored rows are to training rows.
NEAR = 1e-3
#: Share of copies of scored rows that cannot be chance.
TOLERATED = 0.01


@dataclass(frozen=True)
class Unit:
    """A method in one split, with the classifiers whose cells are missing.

    Attributes
    ----------
    fold : Fold
        Rows and seeds.
    method : Method
        What is compared.
    cells : tuple of (Cell, classifier)
        Cells to fill, and the unfitted classifiers that fill them.
    transformers : sequence of transformers
        Fitted inside the training rows.
    device : str or None
        Where networks train that leave it open.
    """

    fold: Fold
    method: Method
    cells: tuple[tuple[Cell, Any], ...]
    transformers: Sequence[Any] = ()
    device: str | None = None


def run_unit(
    unit: Unit,
    X: np.ndarray,
    y: np.ndarray,
    groups: np.ndarray | None,
    fitted: FittedBefore | None = None,
) -> Iterator[Cell]:
    """Yield the cells of a unit, each as soon as it is known.

    An exception becomes a failed cell, so that one method does not stop a study.

    Parameters
    ----------
    unit : Unit
        What is to be done.
    X, y, groups : ndarray
        Rows of the study.
    fitted : FittedBefore or None
        The generator of this unit, if it was fitted to its rows already.
    """
    fold, error = unit.fold, None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            rows = _prepare(unit, X, y, groups, fitted)
            check_unseen(rows, X[fold.train], X[fold.test])
        except Exception as raised:
            error = _say(raised)
    heard = [*(fitted.heard if fitted is not None else ()), *caught]
    shared = {} if error else _facts(rows.generator, heard)
    for cell, classifier in unit.cells:
        if error is None:
            yield _score(cell, classifier, unit, rows, shared, X, y)
        else:
            yield replace(cell, error=error)


def generator_of(unit: Unit) -> Any:
    """Return the unfitted generator of a unit with its seed and device, or None."""
    generator = unit.method.generator
    if generator is None:
        return None
    return _on(unit.device, seeded(generator, unit.fold.generator_seed))


def transformers_of(unit: Unit) -> list[Any]:
    """Return the unfitted transformers of a unit with their seeds."""
    return [seeded(transformer, unit.fold.generator_seed) for transformer in unit.transformers]


def _prepare(
    unit: Unit,
    X: np.ndarray,
    y: np.ndarray,
    groups: np.ndarray | None,
    fitted: FittedBefore | None,
) -> ResampledRows:
    train = unit.fold.train
    rows = resample_fold(
        X[train],
        y[train],
        generator_of(unit) if fitted is None else fitted,
        transformers_of(unit),
        groups=None if groups is None else groups[train],
    )
    if fitted is not None:
        rows.generator, rows.fit_seconds = fitted.generator, fitted.seconds
    return rows


def _score(
    cell: Cell,
    classifier: Any,
    unit: Unit,
    rows: ResampledRows,
    shared: dict[str, Any],
    X: np.ndarray,
    y: np.ndarray,
) -> Cell:
    test = unit.fold.test
    classes = np.unique(y)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            started = time.perf_counter()
            model = fit_on(rows, _on(unit.device, seeded(classifier, unit.fold.classifier_seed)))
            fitted = time.perf_counter()
            predicted = model.predict(X[test])
            ended = time.perf_counter()
        except Exception as error:
            return replace(cell, error=_say(error))
    codes = [np.searchsorted(classes, labels) for labels in (y[test], predicted)]
    said = list(dict.fromkeys([*shared.get("warnings", []), *_messages(caught)]))
    return replace(
        cell,
        confusion=confusion_per_group(codes[0], codes[1], len(classes))[0].tolist(),
        seconds={
            "generator": round(rows.fit_seconds, 4),
            "sampling": round(rows.sample_seconds, 4),
            "classifier": round(fitted - started, 4),
            "prediction": round(ended - fitted, 4),
        },
        rows=[len(unit.fold.train), len(rows.X)],
        facts={**shared, "warnings": said} if said else shared,
    )


def _on(device: str | None, estimator: Any) -> Any:
    return estimator if device is None else with_value(estimator, "device", device, where="auto")


def _say(error: Exception) -> str:
    text = str(error).strip() or "no message"
    return f"{type(error).__name__}: {text}"


def _messages(caught: Sequence[warnings.WarningMessage]) -> list[str]:
    """Return what was warned of, each once; what libraries plan to change concerns nobody here."""
    passing = (DeprecationWarning, PendingDeprecationWarning, FutureWarning)
    said = [
        f"{w.category.__name__}: {w.message}" for w in caught if not issubclass(w.category, passing)
    ]
    return list(dict.fromkeys(said))


def _facts(generator: Any, caught: Sequence[warnings.WarningMessage]) -> dict[str, Any]:
    """Return what a fitted generator says of its training."""
    facts: dict[str, Any] = {}
    for name, kind in (("best_epoch_", int), ("converged_", bool), ("best_name_", str)):
        value = getattr(generator, name, None)
        if value is not None:
            facts[name.removesuffix("_")] = kind(value)
    messages = _messages(caught)
    return {**facts, "warnings": messages} if messages else facts


def check_unseen(rows: ResampledRows, X_train: np.ndarray, X_test: np.ndarray) -> None:
    """Refuse training rows that are copies of scored rows.

    Generators are cloned and see the training rows only, but one may remember rows from outside
    (a class attribute, a file). A row is taken for a copy if it is far nearer to a
    scored row than scored rows are to training rows, and far nearer than to any training row.

    Parameters
    ----------
    rows : ResampledRows
        From which classifiers would learn; at most 1000 of them, evenly spaced, are looked at.
    X_train, X_test : ndarray
        Untransformed rows.

    Raises
    ------
    LeakageError
        If more than 1 % are copies.
    """
    if rows.generator is None:
        return
    train, test = (_flat(rows.transform(part)) for part in (X_train, X_test))
    made = _flat(rows.X)
    made = made[:: max(1, -(-len(made) // ROWS_COMPARED))]
    usual = float(np.median(nearest_rows(test, train)[0]))
    to_test, to_train = (nearest_rows(made, among)[0][:, 0] for among in (test, train))
    copies = (to_test <= NEAR * usual) & (to_train > 10 * to_test)
    if copies.mean() > TOLERATED:
        raise LeakageError(
            f"{int(copies.sum())} of {len(made)} training rows are copies of scored rows, which "
            "the generator cannot know from the rows it was fitted to; a score would mean nothing"
        )


def _flat(X: np.ndarray) -> np.ndarray:
    return np.asarray(X, dtype=float).reshape(len(X), -1)
