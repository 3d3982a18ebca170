"""Everything that says how good synthetic rows are, in one comparison with real rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from ..._axes import SignalAxis
from ...exceptions import LeakageError
from ..metrics._classifiers import check_classifier
from ..metrics._embeddings import Embedding, embedded, named_embedding
from ..metrics._memorisation import MemorisationReport, memorisation
from ..metrics._rows import check_pair
from ._checks import check_both, check_classes, check_groups, check_labels
from ._details import Sets, all_rows_details
from ._registry import (
    MEMORISATION,
    USEFULNESS,
    Metric,
    Setting,
    in_embedding,
    row_kind,
    wanted_groups,
    why_not,
)
from ._report import ComparisonReport
from ._thirds import (
    LARGEST_SEED,
    ClassRows,
    Splits,
    compare_classes,
)
from ._usefulness import Usefulness, n_among, usefulness

#: Rows on either side below which no figure says anything.
FEWEST_ROWS = 4


def compare(
    real: Any,
    synthetic: Any,
    y_real: Any = None,
    y_synthetic: Any = None,
    *,
    training: Any = None,
    y_training: Any = None,
    metrics: str | Iterable[str] | None = None,
    embedding: Any = None,
    classifier: Any = None,
    axis: SignalAxis | None = None,
    groups: Any = None,
    classes: Sequence[Any] | None = None,
    n_repeats: int = 20,
    level: float = 0.95,
    max_rows: int | None = 500,
    subject: str = "",
    random_state: Any = None,
) -> ComparisonReport:
    """Compare synthetic with real rows class by class, every figure beside real against real.

    Parameters
    ----------
    real, synthetic : array-like of shape (n, ...) and (m, ...)
        Rows: spectra (n, length), with channels (n, channels, length), or images (n, channels,
        height, width). The generator must not have seen the real ones.
    y_real, y_synthetic : array-like of shape (n,) and (m,), or None
        Class labels. None for both compares all rows as one class.
    training, y_training : array-like or None
        Rows that the generator was trained on, and their labels: for memorisation, and to train
        the classifiers of the usefulness, which are scored on `real`.
    metrics : str, sequence of str or None
        Groups ``"fidelity"``, ``"diversity"``, ``"distribution"``, ``"spectral"``, ``"image"``,
        ``"usefulness"``, ``"memorisation"``, or single figures such as ``"kid"``; see
        :ref:`the user guide <judging-synthetic-rows>`. None takes all that suit the rows.
    embedding : None, "inception", fitted classifier with `features`, or callable
        What FID, KID, precision, recall, density, coverage and the distances of the memorisation
        are taken in. None takes the rows themselves. Figures of other embeddings do not compare;
        the name of FID and KID says which it is.
    classifier : str, scikit-learn classifier or None
        For the usefulness, cloned; see :func:`usefulness`. If it is fitted, its probabilities
        also make the Inception score of images.
    axis : SignalAxis or None
        Of the spectra, for errors of peaks in its units. None counts channels.
    groups : array-like of shape (n,) or None
        Specimen of each real row, see :func:`usefulness`.
    classes : sequence of labels or None
        Classes to report, in this order; None takes all of `y_real`, sorted.
    n_repeats : int, default 20
        Random splits of the real rows, see :func:`spectral_fidelity`.
    level : float, default 0.95
        Share of the splits that lie inside the interval.
    max_rows : int or None, default 500
        Rows of a class on either side of one figure at most; more make it slow, not better.
    subject : str
        What is compared, for the report.
    random_state : int, numpy.random.RandomState or None
        Seed of everything that is drawn.

    Returns
    -------
    ComparisonReport
        Where a figure cannot be computed it is NaN, with a note that says why.

    Raises
    ------
    LeakageError
        If real rows are among the training rows.
    ValueError
        If there are no rows, rows are not finite or differ in length, labels miss, no class has
        both real and synthetic rows, or a metric is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> from hs_specaug.evaluation import compare
    >>> rng = np.random.default_rng(0)
    >>> real, synthetic = rng.normal(size=(2, 90, 8))
    >>> synthetic += 1.0
    >>> report = compare(real, synthetic, metrics=["fid", "coverage"], random_state=0)
    >>> print(report.verdict)
    Unlike real rows: all rows in FID (raw) and coverage.
    """
    sets = _check_sets(real, synthetic, y_real, y_synthetic, training, y_training, classes)
    splits = Splits(n_repeats, level, max_rows).check()
    classifier, groups = check_classifier(classifier), check_groups(groups, len(sets.real))
    wanted = wanted_groups(metrics, images=row_kind(sets.real) == "images")
    source, embed = named_embedding(embedding)
    seeds = check_random_state(random_state).randint(LARGEST_SEED, size=4).tolist()
    requests, notes = _requests(wanted, source, sets.real, axis)
    setting = Setting(axis, seeds[1], scaled=embed is None)
    report = _figures(sets, requests, embed, splits, seeds[0], setting)
    report.subject, report.axis = subject, axis
    details, reasons = all_rows_details(
        sets, report.titles, embed, classifier, splits, setting, seeds[2]
    )
    report.details = details
    notes += reasons
    if USEFULNESS in wanted:
        report.usefulness, reasons = _useful(sets, classifier, groups, seeds[3])
        notes += reasons
    if MEMORISATION in wanted:
        report.memorisation, reasons = _memorised(sets, embed, seeds[3])
        notes += reasons
    report.notes += (*notes, *_remarks(sets))
    return report


def _check_sets(
    real: Any,
    synthetic: Any,
    y_real: Any,
    y_synthetic: Any,
    training: Any,
    y_training: Any,
    classes: Sequence[Any] | None,
) -> Sets:
    check_pair(real, synthetic)
    rows, new = np.asarray(real), np.asarray(synthetic)
    labels = check_labels(len(rows), y_real, "y_real")
    y_new = check_labels(len(new), y_synthetic, "y_synthetic")
    check_both(y_real, y_synthetic)
    old = y_old = None
    if training is None and y_training is not None:
        raise ValueError("y_training is given without training; give both, or neither")
    if training is not None:
        check_pair(real, training, minimum=0, name="training")
        old = np.asarray(training)
        y_old = check_labels(len(old), y_training, "y_training")
        if (y_training is None) != (y_real is None):
            raise ValueError("y_training must be given with y_real, and only then")
        _check_unseen(rows, old)
    order = check_classes(classes, labels, y_new)
    return Sets(rows, new, labels, y_new, old, y_old, order)


def _check_unseen(real: np.ndarray, training: np.ndarray) -> None:
    seen = n_among(real, training)
    if seen:
        raise LeakageError(
            f"{seen} of the {len(real)} real rows are among the training rows; real must be rows "
            "that the generator has not seen (generator.evaluate(X, y) sorts them out by itself)"
        )


def _remarks(sets: Sets) -> list[str]:
    """Say what no distance between distributions notices, and what classes nothing is said of."""
    notes = []
    copied = n_among(sets.synthetic, sets.real)
    if copied:
        notes.append(
            f"{copied} of the {len(sets.synthetic)} synthetic rows are copies of real rows that "
            "judge them: figures flatter"
        )
    others = sorted(map(str, set(sets.y_synthetic.tolist()) - set(sets.y_real.tolist())))
    if others:
        notes.append(f"synthetic rows of {', '.join(others)} have no real rows to compare with")
    return notes


def _requests(
    wanted: Mapping[str, Sequence[str]], source: str, rows: np.ndarray, axis: SignalAxis | None
) -> tuple[dict[str, dict[str, Metric]], list[str]]:
    """Return the metrics of each group that mean something for these rows; and why not others."""
    if axis is not None and not isinstance(axis, SignalAxis):
        raise TypeError(
            f"axis must be a SignalAxis or None, got {type(axis).__name__}; use "
            "axis=hs_specaug.SignalAxis('Energy loss', 'eV', values)"
        )
    if axis is not None and len(axis.values) != rows.shape[-1]:
        raise ValueError(f"axis has {len(axis.values)} channels, the rows have {rows.shape[-1]}")
    units = (axis.units or "axis units") if axis is not None else "channels"
    requests: dict[str, dict[str, Metric]] = {}
    notes = []
    for group, names in wanted.items():
        for name, metric in in_embedding(names, source).items():
            reason = why_not(metric, rows)
            if reason is not None:
                notes.append(f"{name}: {reason}")
                continue
            if metric.part in ("position", "width"):
                metric = metric._replace(title=f"{metric.title} ({units})")
            metric = metric._replace(minimum=max(metric.minimum, FEWEST_ROWS))
            requests.setdefault(group, {})[name] = metric
    return requests, notes


def _figures(
    sets: Sets,
    requests: Mapping[str, Mapping[str, Metric]],
    embed: Embedding | None,
    splits: Splits,
    seed: int,
    setting: Setting,
) -> ComparisonReport:
    """Return a report of all figures that are taken class by class."""
    by_class = {
        group: {n: m for n, m in metrics.items() if m.looks_at != "probabilities"}
        for group, metrics in requests.items()
    }
    single = {name: metric for metrics in by_class.values() for name, metric in metrics.items()}
    looks = []
    for rows in (sets.real, sets.synthetic):
        in_features = any(m.looks_at == "features" for m in single.values())
        looks.append({"rows": rows, "features": embedded(rows, embed) if in_features else rows})
    figures, notes = compare_classes(
        ClassRows(looks[0], looks[1], sets.y_real, sets.y_synthetic),
        sets.order,
        single,
        splits,
        np.random.RandomState(seed),
        setting,
    )
    report = ComparisonReport.from_figures(
        sets.order,
        by_class,
        figures,
        counts=sets.counts(),
        notes=notes,
        level=splits.level,
    )
    report.sections = {group: tuple(metrics) for group, metrics in requests.items()}
    report.titles = {n: m.title for metrics in requests.values() for n, m in metrics.items()}
    return report


def _useful(
    sets: Sets, classifier: Any, groups: Any, seed: int
) -> tuple[Usefulness | None, list[str]]:
    try:
        found = usefulness(
            sets.real,
            sets.synthetic,
            sets.y_real,
            sets.y_synthetic,
            training=sets.training,
            y_training=sets.y_training,
            classifier=classifier,
            groups=groups,
            classes=sets.order,
            random_state=seed,
        )
    except ValueError as error:
        return None, [f"{USEFULNESS}: {error}"]
    return found, []


def _memorised(
    sets: Sets, embed: Embedding | None, seed: int
) -> tuple[dict[str, MemorisationReport], list[str]]:
    found: dict[str, MemorisationReport] = {}
    if sets.training is None or sets.y_training is None:
        return found, [
            f"{MEMORISATION}: needs the rows that the generator was trained on; pass training= "
            "and y_training="
        ]
    notes = []
    for label in sets.order:
        held_out, synthetic = sets.of(label)
        training = sets.training[sets.y_training == label]
        try:
            found[str(label)] = memorisation(
                synthetic, training, held_out, embedding=embed, random_state=seed
            )
        except ValueError as error:
            notes.append(f"{MEMORISATION} of class {str(label)!r}: {error}")
    return found, notes
