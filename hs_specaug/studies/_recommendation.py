"""Which augmentation to use on these rows, found by a small study within a time budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from time import monotonic as clock
from typing import Any

import numpy as np

from .._progress import tqdm
from ..evaluation.comparison._checks import check_labels
from ..perturbations import Domain
from ._cell import Cell
from ._comparisons import BEST_BASELINE
from ._estimators import weighted
from ._methods import AUGMENTATION, CLASS_WEIGHTS, NONE, RANDOM
from ._plan import StudyPlan
from ._result import StudyResult
from ._study import Study
from ._unit import Unit, run_unit
from ._verdict import ALPHA, best_pair

#: Physical variations of each kind of rows, the cheaper ones first.
PERTURBATIONS = {
    "": ("gain+shift", "gaussian-noise"),
    "spectrum": ("gain+shift", "baseline", "gaussian-noise", "broadening"),
    "EELS": ("energy-shift", "background", "gaussian-noise", "broadening"),
    "EDS": ("gain", "energy-shift", "gaussian-noise"),
    "impedance": ("impedance-noise", "impedance-scale", "series-resistance", "phase-offset"),
    "image": ("flip", "image-shift", "rotation"),
}
LEARNED = ("smote", "few-shot")
CLASSIFIERS = ("nearest neighbour", "logistic regression", "random forest")

#: Share of the budget after which no further method is tried: what is left goes into splits.
FOR_METHODS = 1 / 3

CALLS = {
    "nearest neighbour": '"KNeighborsClassifier", n_neighbors=1',
    "random forest": '"RandomForestClassifier", n_estimators=200',
    "logistic regression": "make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))",
}


@dataclass(repr=False)
class Recommendation:
    """What to use, and why.

    Attributes
    ----------
    method, classifier : str
        Names in the table.
    augmentation : str or None
        What goes to ``augmentation=``; None for none.
    call : str
        The line to use.
    verdict : str
        Why, in words.
    result : StudyResult
        The study behind it.
    seconds : float
        Time that it took.
    skipped : tuple of str
        Methods for which there was no time.
    """

    method: str
    classifier: str
    augmentation: str | None
    call: str
    verdict: str
    result: StudyResult
    seconds: float
    skipped: tuple[str, ...] = ()

    def __repr__(self) -> str:
        out = f"; no time for {', '.join(self.skipped)}" if self.skipped else ""
        return f"{self.result!r}\nin {self.seconds:.0f} s{out}\nuse: {self.call}"


def recommend_augmentation(
    X: Any,
    y: Any,
    *,
    groups: Any = None,
    classifiers: Mapping[str, Any] | Sequence[Any] | None = None,
    methods: Sequence[str] | None = None,
    domain: Domain | None = None,
    transformers: Sequence[Any] = (),
    time_budget: float = 60.0,
    repetitions: int = 10,
    test_size: float = 0.25,
    random_state: Any = None,
    show_progressbar: bool = False,
) -> Recommendation:
    """Run a small study on labelled rows, and say which augmentation to use, if any.

    The methods run one after another, the cheap ones first; those for which a third of the
    budget does not suffice are left out, and then all others are repeated on new splits as
    often as the rest of the budget allows. An augmentation is recommended only if it beats
    the best baseline beyond chance; otherwise the best baseline is.

    Parameters
    ----------
    X : array-like of shape (n, length), (n, channels, length) or (n, channels, h, w)
        Real rows, finite.
    y : array-like of shape (n,)
        Class labels; at least two rows of each of at least two classes.
    groups : array-like of shape (n,) or None
        Specimen, session, ...: rows of one group are never both learned and scored.
    classifiers : mapping of name to classifier, sequence, or None
        What is to profit; None takes nearest neighbour, logistic regression and random forest.
    methods : sequence of str or None
        Names of generators and perturbations; None takes SMOTE, few-shot and the physical
        perturbations that suit the `domain`.
    domain : Domain or None
        Kind and axes of the rows.
    transformers : sequence of transformers
        Fitted inside the training rows.
    time_budget : float, default 60
        Seconds. The first method runs in any case.
    repetitions : int, default 10
        Splits at most.
    test_size : float, default 0.25
        Share of rows that a split scores.
    random_state : int, numpy.random.RandomState or None
        Seed.
    show_progressbar : bool, default False
        Show how much of the budget is spent.

    Returns
    -------
    Recommendation

    Raises
    ------
    ValueError
        If the budget is not positive, or rows or classes are too few.

    Examples
    --------
    >>> import numpy as np
    >>> from hs_specaug.studies import recommend_augmentation
    >>> rng = np.random.default_rng(0)
    >>> X = np.concatenate([rng.normal(m, 1.0, (n, 24)) for m, n in [(0, 40), (1, 12)]])
    >>> y = np.repeat(["common", "rare"], [40, 12])
    >>> advice = recommend_augmentation(
    ...     X, y, methods=["smote"], classifiers=["KNeighborsClassifier"], time_budget=2.0,
    ...     random_state=0,
    ... )
    >>> advice.call.startswith('s.classify("KNeighborsClassifier"')
    True
    """
    if not isinstance(time_budget, Real) or not time_budget > 0:
        raise ValueError(f"time_budget must be a number of seconds above 0, got {time_budget!r}")
    wanted = suitable_methods(domain) if methods is None else _names(methods)
    labels, counts = np.unique(check_labels(len(y), y, "y"), return_counts=True)
    balanced = len(counts) > 0 and not np.ptp(counts)
    study = Study(
        wanted,
        classifiers,
        baselines=[NONE, CLASS_WEIGHTS, RANDOM],
        default_classifiers=list(CLASSIFIERS) if classifiers is None else False,
        repetitions=repetitions,
        test_size=test_size,
        domain=domain,
        transformers=transformers,
        # Of classes of one size "auto" would make no new row.
        sampling_strategy=round(2 * (1 - test_size) * counts[0]) if balanced else "auto",
        random_state=random_state,
    )
    started = clock()
    plan = StudyPlan(study, X, y, groups)
    with tqdm(
        total=float(time_budget),
        desc="recommendation",
        bar_format="{l_bar}{bar}| {n:.0f} of {total:.0f} s",
        disable=not show_progressbar,
    ) as bar:
        finished, skipped = _run_within(plan, started + time_budget, bar)
    result = plan.result(finished)
    method, classifier = _choose(result)
    twice = dict.fromkeys(labels.tolist(), 2 * int(counts[0])) if balanced else None
    return Recommendation(
        method,
        classifier,
        None if method in (NONE, CLASS_WEIGHTS) else method,
        _call(method, classifier, plan.classifiers[classifier], classifiers, twice, transformers),
        result.verdict,
        result,
        clock() - started,
        skipped,
    )


def _names(methods: Any) -> list[str]:
    """Return names of methods: only those can stand in the line to use."""
    if isinstance(methods, list | tuple) and all(isinstance(name, str) for name in methods):
        return list(methods)
    raise ValueError(
        "methods must be a list of names such as ['smote', 'gain+shift'], or None, got "
        f"{methods!r}; Study compares instances as well"
    )


def suitable_methods(domain: Domain | None) -> list[str]:
    """Return SMOTE, few-shot and the perturbations that mean something for these rows."""
    from ..exceptions import IncompatibleSignalError
    from ..perturbations import parse_perturbation

    domain = domain or Domain()
    suitable = []
    for expression in PERTURBATIONS[domain.kind]:
        try:
            parse_perturbation(expression).check(domain)
        except IncompatibleSignalError:
            continue
        suitable.append(expression)
    return [*LEARNED, *suitable]


def _run_within(
    plan: StudyPlan, deadline: float, bar: tqdm
) -> tuple[dict[str, Cell], tuple[str, ...]]:
    """Run what fits: methods on the first split, then whole splits; pairs stay complete."""
    splits: dict[int, list[Unit]] = {}
    for unit in plan.missing({}):
        splits.setdefault(unit.fold.split, []).append(unit)
    (first, *others) = splits.values()
    finished: dict[str, Cell] = {}
    spent: dict[str, float] = {}
    until = clock() + FOR_METHODS * (deadline - clock())

    def run(unit: Unit) -> None:
        began = clock()
        finished.update({cell.key: cell for cell in run_unit(unit, plan.X, plan.y, plan.groups)})
        took = clock() - began
        spent[unit.method.name] = max(spent.get(unit.method.name, 0.0), took)
        bar.update(max(0.0, min(took, bar.total - bar.n)))

    for unit in first:
        # Of a method that never ran the best guess is what the others took.
        expected = float(np.mean(list(spent.values()))) if spent else 0.0
        if not spent or clock() + expected <= until:
            run(unit)
    for units in others:
        if clock() + sum(spent.values()) > deadline:
            break
        for unit in units:
            if unit.method.name in spent:
                run(unit)
    names = (unit.method.name for unit in first)
    return finished, tuple(name for name in names if name not in spent)


def _choose(result: StudyResult) -> tuple[str, str]:
    """Return an augmentation that beats the best baseline beyond chance, else that baseline."""
    winners = [
        line
        for line in result.tests
        if line["against"] == BEST_BASELINE
        and line["difference"] > 0
        and line["holm_corrected"] < ALPHA
    ]
    (ratio,) = result.ratios
    best = best_pair(result, ratio)
    if best is None:
        reasons = "; ".join(dict.fromkeys(str(cell.error) for cell in result.failed))
        raise ValueError(f"no classifier could be fitted to these rows: {reasons}")
    if result.methods[best.method] == AUGMENTATION:
        won = {(line["method"], line["classifier"]) for line in winners}
        if (best.method, best.classifier) in won:
            return best.method, best.classifier
    plain = best_pair(result, ratio, augmentation=False)
    chosen = best if plain is None else plain
    return chosen.method, chosen.classifier


def _call(
    method: str,
    name: str,
    classifier: Any,
    given: Any,
    rows: dict[Any, int] | None = None,
    transformers: Sequence[Any] = (),
) -> str:
    """Return the line that a user of a signal would type; with `rows` to fill up to."""
    if given is None:
        text, by_name = CALLS[name], CALLS[name].startswith('"')
    else:
        typed = given[name] if isinstance(given, Mapping) else name
        by_name = isinstance(typed, str) and (isinstance(given, Mapping) or name in given)
        text = f'"{typed}"' if by_name else repr(classifier)
        if by_name and typed in CALLS:
            text = CALLS[typed]
            by_name = text.startswith('"')
    if method == CLASS_WEIGHTS:
        # Hyperparameters go with a name; an instance has its own.
        text = f'{text}, class_weight="balanced"' if by_name else repr(weighted(classifier))
    elif method != NONE:
        made = f'"{method}"'
        if rows is not None:
            made = f"hs_specaug.make_generator({made}, sampling_strategy={rows})"
        text = f"{text}, augmentation={made}"
    if transformers:
        text = f"{text}, transformers={list(transformers)!r}"
    return f"s.classify({text})"
