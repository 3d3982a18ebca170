"""A fitted generator, judged by real rows that it has not seen."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from ..._refusals import check_known
from ..._registry import closest
from ...exceptions import LeakageError
from ._checks import check_classes
from ._compare import compare
from ._report import ComparisonReport
from ._thirds import LARGEST_SEED

#: Synthetic rows of a class where nothing else was asked for: more make little difference.
MOST_PER_CLASS = 1000


def evaluate_generator(
    generator: Any,
    X: Any,
    y: Any,
    *,
    n_per_class: int | None = None,
    training: Any = None,
    y_training: Any = None,
    groups: Any = None,
    subject: str | None = None,
    random_state: Any = None,
    **options: Any,
) -> ComparisonReport:
    """Judge rows of a fitted generator by real rows that it has not seen.

    Parameters
    ----------
    generator : generator
        Fitted.
    X : array-like of shape (n, ...)
        Real rows. Those that the generator has seen in training, known by their fingerprints,
        are not scored; they are taken as the training rows.
    y : array-like of shape (n,)
        Their labels.
    n_per_class : int or None, default None
        Synthetic rows of each class; None takes as many as the largest class has unseen rows,
        at most 1000.
    training, y_training : array-like or None
        The training rows, where they are not in `X`.
    groups : array-like of shape (n,) or None
        Specimen of each row of `X`, see :func:`usefulness`.
    subject : str or None
        For the report; None names the method.
    random_state : int, numpy.random.RandomState or None
        Seed of everything that is drawn.
    **options
        Of :func:`compare`.

    Returns
    -------
    ComparisonReport

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If the generator was not fitted.
    LeakageError
        If it has seen all rows; or some, where `training` is given.
    ValueError
        If rows have another shape than those of the training, or a class is unknown to it.
    """
    from ...generators import seen_in_training

    check_is_fitted(generator, "classes_")
    check_options(options, n_per_class)
    rows, labels = np.asarray(X), np.asarray(y)
    _check_shape(generator, rows, labels)
    check_known(labels)
    seen = seen_in_training(generator.fingerprint_, rows)
    _check_seen(generator, seen, training is not None)
    notes = _notes(generator, rows[seen], training, labels, seen, groups)
    if training is None and seen.any():
        training, y_training = rows[seen], labels[seen]
    real, y_real = rows[~seen], labels[~seen]
    seeds = check_random_state(random_state).randint(LARGEST_SEED, size=2).tolist()
    present, counts = np.unique(y_real, return_counts=True)
    if n_per_class is None:
        n_per_class = min(int(counts.max()), MOST_PER_CLASS)
    wanted = dict.fromkeys(present.tolist(), n_per_class)
    synthetic, y_synthetic = generator.sample(wanted, random_state=seeds[0])
    if options.get("classes") is not None:
        # A class of which all rows were seen is no mistake; notes say so.
        options["classes"] = [
            c for c in check_classes(options["classes"], labels, labels) if c in present.tolist()
        ]
    report = compare(
        real,
        synthetic,
        y_real,
        y_synthetic,
        training=training,
        y_training=y_training,
        groups=None if groups is None else np.asarray(groups)[~seen],
        subject=f"rows of generator {generator.method!r}" if subject is None else subject,
        random_state=seeds[1],
        **options,
    )
    report.notes += tuple(notes)
    return report


def check_options(options: Mapping[str, Any], n_per_class: int | None) -> None:
    """Raise a TypeError for what `compare` does not take, a ValueError for no rows to make."""
    known = [
        name
        for name, parameter in inspect.signature(compare).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    ]
    for name in options:
        if name not in known:
            raise TypeError(
                f"unknown option {name!r}{closest(name, known)}; options are {', '.join(known)}"
            )
    if n_per_class is not None and (not isinstance(n_per_class, Integral) or n_per_class < 1):
        raise ValueError(
            f"n_per_class must be None or a whole number, at least 1, got {n_per_class!r}"
        )


def _check_shape(generator: Any, rows: np.ndarray, labels: np.ndarray) -> None:
    expected = tuple(generator.input_shape_)
    if rows.shape[1:] != expected or labels.shape != rows.shape[:1]:
        raise ValueError(
            f"X must have rows of shape {expected} and y one label for each, got shapes "
            f"{rows.shape} and {labels.shape}"
        )


def _check_seen(generator: Any, seen: np.ndarray, training_given: bool) -> None:
    if seen.all():
        raise LeakageError(
            f"the generator has seen all {len(seen)} rows, or rows equal to them, in its training, "
            "so they cannot tell how good it is; hold rows back: train, test = make_splits(y, "
            "test_size=0.5)[0], then generator.fit(X[train], y[train]) and generator.evaluate(X, y)"
        )
    if training_given and seen.any():
        raise LeakageError(
            f"{int(seen.sum())} of {len(seen)} rows of X were seen in training, and training= is "
            "given as well; leave training= out, or those rows"
        )


def _notes(
    generator: Any,
    seen_rows: np.ndarray,
    training: Any,
    labels: np.ndarray,
    seen: np.ndarray,
    groups: Any,
) -> list[str]:
    """Return what a reader should know about the rows."""
    from ...generators import row_fingerprints

    notes = []
    known = seen_rows if training is None else np.asarray(training)
    all_rows = np.unique(generator.fingerprint_)
    found = np.isin(all_rows, row_fingerprints(known)).sum() if len(known) else 0
    if 0 < found < len(all_rows):
        notes.append(
            f"{found} of {len(all_rows)} training rows are known here; copies of the others are "
            "not noticed"
        )
    unknown = sorted(map(str, set(labels[seen].tolist()) - set(labels[~seen].tolist())))
    if unknown:
        notes.append(f"not judged, because all their rows were seen: {', '.join(unknown)}")
    if groups is not None:
        both = np.intersect1d(np.asarray(groups)[seen], np.asarray(groups)[~seen])
        if len(both):
            notes.append(
                f"{len(both)} groups ({', '.join(map(str, both[:3].tolist()))}, ...) have rows on "
                "both sides, trained on and scored: figures may flatter"
            )
        elif seen.any():
            notes.append(
                "no group has rows on both sides, trained on and scored: how groups differ is in "
                "all figures, and memorisation, which wants unseen rows of the same groups beside "
                "the training rows, flags too many"
            )
    return notes
