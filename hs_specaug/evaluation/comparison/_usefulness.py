"""What synthetic rows are worth to a classifier: scored on real rows, with and without them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.utils import check_random_state

from ..._seeds import clone_with_seed
from ...exceptions import LeakageError, TooFewRowsError
from .._report import ClassificationReport
from .._scores import confusion_per_group, scores_from_confusion
from .._splits import Split, make_splits
from .._validation import fit_fold
from ..metrics._classifiers import check_classifier
from ._checks import check_classes, check_groups, check_labels
from ._thirds import LARGEST_SEED

REAL, BOTH, SYNTHETIC = "real", "real + synthetic", "synthetic"
N_RESAMPLES = 2000


class Gain(NamedTuple):
    """Difference of two macro F-scores on the same scored rows, with its bootstrap interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:+.3f} [{self.low:+.3f}, {self.high:+.3f}]"


@dataclass(repr=False, eq=False)
class Usefulness:
    """Scores on held-out real rows of one classifier, trained on three sets of rows.

    Attributes
    ----------
    reports : dict of str to ClassificationReport
        Under ``"real"``, ``"real + synthetic"`` and ``"synthetic"``, what it was trained on; the
        last is missing where a class has no synthetic rows.
    gains : dict of str to Gain
        Macro F-score of the latter two minus that of ``"real"``.
    n_rows : dict of str to int
        Rows trained on; of several folds the mean.
    classifier : str
        What was trained.
    notes : tuple of str
        What could not be computed, and why.
    """

    reports: dict[str, ClassificationReport]
    gains: dict[str, Gain]
    n_rows: dict[str, int]
    classifier: str
    notes: tuple[str, ...] = ()

    def table(self) -> str:
        """Return macro scores as text, one line per training set."""
        lines = [f"{'trained on':<17} {'rows':>6}  {'macro F-score':<22}difference to real"]
        for name, report in self.reports.items():
            low, high = report.intervals["f_score"][:, -1]
            score = f"{report.macro_f_score:.3f} [{low:.3f}, {high:.3f}]"
            gain = f"{self.gains[name]}" if name in self.gains else ""
            lines.append(f"{name:<17} {self.n_rows[name]:>6}  {score:<22}{gain}".rstrip())
        return "\n".join(lines)

    def __repr__(self) -> str:
        scored = int(next(iter(self.reports.values())).confusion_matrix.sum())
        legend = f"{self.classifier}, scored on {scored} held-out real rows, 95 % intervals"
        return "\n".join([self.table(), legend, *self.notes])

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain Python objects, for JSON."""
        return {
            "reports": {k: v.to_dict() for k, v in self.reports.items()},
            "gains": {k: list(v) for k, v in self.gains.items()},
            "n_rows": dict(self.n_rows),
            "classifier": self.classifier,
            "notes": list(self.notes),
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Usefulness:
        """Rebuild a result from :meth:`to_dict`."""
        return cls(
            reports={k: ClassificationReport.from_dict(v) for k, v in values["reports"].items()},
            gains={k: Gain(*map(float, v)) for k, v in values["gains"].items()},
            n_rows={k: int(v) for k, v in values["n_rows"].items()},
            classifier=values["classifier"],
            notes=tuple(values["notes"]),
        )


def usefulness(
    real: Any,
    synthetic: Any,
    y_real: Any,
    y_synthetic: Any,
    *,
    training: Any = None,
    y_training: Any = None,
    classifier: Any = None,
    groups: Any = None,
    classes: Sequence[Any] | None = None,
    n_folds: int = 5,
    random_state: Any = None,
) -> Usefulness:
    """Score a classifier trained on real, on real and synthetic, and on synthetic rows alone.

    All three are scored on the same real rows, which no classifier was trained on: on all of
    `real` where `training` is given, else on the folds of `real` in turn.

    Parameters
    ----------
    real, synthetic : array-like of shape (n, ...) and (m, ...)
        Rows. Whatever made the synthetic ones must not have seen `real`.
    y_real, y_synthetic : array-like of shape (n,) and (m,)
        Their labels.
    training, y_training : array-like or None
        Real rows to train on, and their labels: those that the generator was trained on.
    classifier : str, scikit-learn classifier or None
        A name as for :func:`hs_specaug.make_classifier`, or an instance, which is cloned. None
        takes a random forest: it needs no scaling and no iterations to converge, and is fast
        for any number of channels.
    groups : array-like of shape (n,) or None
        Specimen of each row of `real`: kept together in folds, and resampled together.
    classes : sequence of labels or None
        Order of the classes; None sorts them.
    n_folds : int, default 5
        Folds without `training`; fewer where a class has fewer rows.
    random_state : int, numpy.random.RandomState or None
        Seed of folds, bootstrap, and a classifier without a seed.

    Returns
    -------
    Usefulness

    Raises
    ------
    LeakageError
        If rows to be scored are among the training or the synthetic rows.
    TooFewRowsError
        If there is only one class, or one with fewer than two real rows and no `training`.
    ValueError
        If labels do not fit.
    """
    labels = check_labels(len(real), y_real, "y_real")
    y_new = check_labels(len(synthetic), y_synthetic, "y_synthetic")
    order = check_classes(classes, labels, y_new)
    seeds = check_random_state(random_state).randint(LARGEST_SEED, size=3)
    X, y, units = _known(real, labels, order, check_groups(groups, len(real)))
    new, y_new, _ = _known(synthetic, y_new, order)
    old = None if training is None else _known(training, y_training, order)[:2]
    _check_apart(X, new, None if old is None else old[0])
    _check_classes(y, order, None if old is None else old[1])
    model = default_classifier(classifier, int(seeds[0]))
    if old is None:
        k = min(n_folds, *np.bincount(y).tolist())
        splits = make_splits(y, groups=units, cv=k, random_state=int(seeds[1]))
    else:
        splits = [Split(np.arange(len(old[0])), np.arange(len(old[0]), len(old[0]) + len(X)))]
        X, y = np.concatenate([old[0], X]), np.concatenate([old[1], y])
        units = None if units is None else np.r_[np.full(len(old[0]), -1), units]
    missing = [str(c) for i, c in enumerate(order) if i not in y_new]
    wanted = (REAL, BOTH) if missing else (REAL, BOTH, SYNTHETIC)
    predicted, sizes = _predictions(X, y, new, y_new, splits, model, wanted)
    scored = np.concatenate([split.test for split in splits])
    truth = y[scored]
    units = None if units is None else np.unique(units[scored], return_inverse=True)[1]
    reports = {
        name: ClassificationReport.from_confusions(
            confusion_per_group(truth, codes, len(order), units),
            order,
            n_folds=len(splits),
            random_state=int(seeds[2]),
        )
        for name, codes in predicted.items()
    }
    gains = {
        name: _gain(truth, predicted[REAL], codes, len(order), units, int(seeds[2]))
        for name, codes in predicted.items()
        if name != REAL
    }
    notes = [f"no synthetic rows of {', '.join(missing)}: none trained on synthetic rows alone"]
    return Usefulness(reports, gains, sizes, _name(model), tuple(notes if missing else ()))


def _known(
    X: Any, y: Any, order: list, groups: Any = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Return the rows of the classes in `order`, their codes, and codes of their groups."""
    rows, labels = np.asarray(X), np.asarray(y)
    if labels.shape != rows.shape[:1]:
        raise ValueError(f"labels must be one per row, {rows.shape[:1]}, got shape {labels.shape}")
    code = {label: i for i, label in enumerate(order)}
    codes = np.array([code.get(label, -1) for label in labels.tolist()], dtype=int)
    units = None if groups is None else np.unique(groups, return_inverse=True)[1][codes >= 0]
    return rows[codes >= 0], codes[codes >= 0], units


def n_among(real: np.ndarray, others: np.ndarray) -> int:
    """Return how many of the real rows are among others as well."""
    from ...generators import row_fingerprints, seen_in_training

    if not len(real) or not len(others):
        return 0
    return int(seen_in_training(row_fingerprints(others), real).sum())


def _check_apart(real: np.ndarray, synthetic: np.ndarray, training: np.ndarray | None) -> None:
    for name, rows in (("training", training), ("synthetic", synthetic)):
        seen = 0 if rows is None else n_among(real, rows)
        if seen:
            raise LeakageError(
                f"{seen} of the {len(real)} real rows that would be scored are among the {name} "
                "rows too; score rows that the generator has not seen"
            )


def _check_classes(y: np.ndarray, order: list, y_training: np.ndarray | None) -> None:
    counts = np.bincount(y, minlength=len(order)).tolist()
    if len(order) < 2:
        raise TooFewRowsError(f"a classifier needs at least two classes, got {order}")
    least = 1 if y_training is not None else 2
    few = [f"{c!r} ({n})" for c, n in zip(order, counts, strict=True) if n < least]
    if few:
        raise TooFewRowsError(f"needs at least {least} real rows of each class; too few: {few}")
    absent = [c for i, c in enumerate(order) if y_training is not None and i not in y_training]
    if absent:
        raise TooFewRowsError(f"needs training rows of each class; there are none of {absent}")


def default_classifier(classifier: Any, seed: int) -> Any:
    """Return a clone with a seed; None gives a random forest."""
    given = check_classifier(classifier)
    return clone_with_seed(RandomForestClassifier() if given is None else given, seed)


def _name(model: Any) -> str:
    return str(getattr(model, "method", type(model).__name__))


def _predictions(
    X: np.ndarray,
    y: np.ndarray,
    new: np.ndarray,
    y_new: np.ndarray,
    splits: Sequence[Split],
    model: Any,
    wanted: Sequence[str],
) -> tuple[dict[str, np.ndarray], dict[str, int]]:
    """Return codes predicted for the scored rows, and rows trained on, for each training set."""
    predicted: dict[str, list[np.ndarray]] = {name: [] for name in wanted}
    sizes: dict[str, list[int]] = {name: [] for name in wanted}
    alone = fit_fold(new, y_new, model) if SYNTHETIC in wanted else None
    for train, test in splits:
        for name in wanted:
            more = name == BOTH
            rows = np.concatenate([X[train], new]) if more else X[train]
            codes = np.concatenate([y[train], y_new]) if more else y[train]
            fitted: Any = alone if name == SYNTHETIC else fit_fold(rows, codes, model)
            predicted[name].append(np.asarray(fitted.predict(X[test]), dtype=int))
            sizes[name].append(len(new) if name == SYNTHETIC else len(rows))
    return (
        {name: np.concatenate(codes) for name, codes in predicted.items()},
        {name: round(float(np.mean(n))) for name, n in sizes.items()},
    )


def _gain(
    truth: np.ndarray,
    before: np.ndarray,
    after: np.ndarray,
    n_classes: int,
    units: np.ndarray | None,
    seed: int,
    level: float = 0.95,
) -> Gain:
    """Return the difference of macro F-scores; the same rows, or groups, are drawn for both."""
    if units is None:
        # Rows of one class that both predict alike are one kind, drawn as often as it occurs.
        kinds, number = np.unique([truth, before, after], axis=1, return_counts=True)
        truth, before, after = kinds
        units = np.arange(len(number))
    else:
        number = np.ones(units.max() + 1, dtype=int)
    rng = np.random.RandomState(seed)
    draws = rng.multinomial(number.sum(), number / number.sum(), size=N_RESAMPLES)
    weights = np.concatenate([number[np.newaxis], draws]).astype(float)
    macro = []
    for codes in (before, after):
        each = confusion_per_group(truth, codes, n_classes, units).reshape(len(number), -1)
        drawn = (weights @ each.astype(float)).reshape(-1, n_classes, n_classes)
        macro.append(scores_from_confusion(drawn)["f_score"].mean(axis=1))
    difference = macro[1] - macro[0]
    low, high = np.quantile(difference[1:], [0.5 - level / 2, 0.5 + level / 2])
    return Gain(float(difference[0]), float(low), float(high))
