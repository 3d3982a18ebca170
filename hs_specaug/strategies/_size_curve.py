"""How many rows per class are enough (paper 003, section 4.1 and figure 2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, clone
from sklearn.utils import check_consistent_length, check_random_state

from .._progress import tqdm
from ..generators import BaseGenerator, PerturbationGenerator
from ..perturbations import Domain, parse_perturbation
from ..studies._estimators import as_classifier, as_sampling_strategy, in_domain
from ..studies._identity import describe
from ..studies._statistics import SCORE_NAMES, in_words, mean_interval, standard_error
from ._candidates import BASELINE, COMPOSITE, NO_OVERSAMPLING, Candidate
from ._cells import as_score, make_trials, mean_overlap, score_cells

SIZES = tuple(range(10, 101, 10))


class OnlyAugmented(BaseEstimator):
    """Over-sampler that leaves the real rows out, and gives `n` augmented ones per class."""

    def __init__(self, generator: Any = None, n: int = 10) -> None:
        self.generator = generator
        self.n = n

    def fit_resample(self, X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return augmented rows alone."""
        generator = clone(self.generator).set_params(sampling_strategy="auto").fit(X, y)
        return generator.sample(dict.fromkeys(generator.classes_.tolist(), self.n))


@dataclass(repr=False)
class SizeCurve:
    """Score and wall time against rows per class.

    Attributes
    ----------
    sizes : tuple of int
        Rows per class.
    scores : dict of str to ndarray of shape (sizes, repetitions)
        For each classifier.
    seconds : dict of str to ndarray of shape (sizes, repetitions)
        Wall time of oversampling, training and scoring.
    no_oversampling : dict of str to ndarray of shape (repetitions,)
        Scores on the same splits without new rows.
    strategy : str
        What made the rows.
    scoring : str
        Name of the score.
    only_augmented : bool
        Whether the real rows were left out.
    overlap : float
        Scored rows divided by training rows, see :func:`mean_interval`.
    """

    sizes: tuple[int, ...]
    scores: dict[str, np.ndarray]
    seconds: dict[str, np.ndarray]
    no_oversampling: dict[str, np.ndarray]
    strategy: str
    scoring: str = "f1_macro"
    only_augmented: bool = False
    overlap: float = 0.0

    @property
    def classifiers(self) -> list[str]:
        """Names of the classifiers."""
        return list(self.scores)

    @property
    def score_name(self) -> str:
        """Name of the score, as people say it."""
        return SCORE_NAMES.get(self.scoring, self.scoring)

    def intervals(self, classifier: str) -> np.ndarray:
        """Return mean, low and high of every size, shape (3, sizes)."""
        return np.transpose([self._interval(row) for row in self.scores[classifier]])

    def _interval(self, scores: np.ndarray) -> tuple[float, float, float]:
        """Return mean, low and high, no further than such a score can go."""
        ends = (0.0, 1.0) if self.scoring in SCORE_NAMES else (-np.inf, np.inf)
        mean, low, high = np.clip(mean_interval(scores, overlap=self.overlap), *ends).tolist()
        return mean, low, high

    def gain(self, classifier: str, size: int) -> tuple[float, float, float]:
        """Return the paired gain of a size over no oversampling and its 95 % interval."""
        row = self.scores[classifier][self.sizes.index(size)]
        return mean_interval(row - self.no_oversampling[classifier], overlap=self.overlap)

    def sufficient_size(self, classifier: str) -> int:
        """Return the smallest size whose mean is within one standard error of the best size.

        The standard error is that of the paired difference to the best. One repetition has
        none: then it is the best size itself.
        """
        scores = self.scores[classifier]
        best = scores[scores.mean(axis=1).argmax()]
        for size, row in zip(self.sizes, scores, strict=True):
            lost = best - row
            error = standard_error(lost, self.overlap) if len(lost) > 1 else 0.0
            if lost.mean() <= error + 1e-12:
                return size
        raise AssertionError("the best size is as good as itself")

    def table(self) -> str:
        """Return score, gain and wall time of every size as text."""
        width = max(len(name) for name in [*self.classifiers, "classifier"])
        lines = [
            f"{'classifier':{width}}  {'per class':>9}  {self.score_name + ' [95 %]':>22}  "
            f"{'gain [95 %]':>25}  {'s':>7}"
        ]
        for name in self.classifiers:
            none = in_words(self._interval(self.no_oversampling[name]), ".3f")
            lines.append(f"{name:{width}}  {'real only':>9}  {none:>22}")
            for i, size in enumerate(self.sizes):
                score = in_words(tuple(self.intervals(name)[:, i]), ".3f")
                gain = in_words(self.gain(name, size), "+.3f")
                seconds = self.seconds[name][i].mean()
                lines.append(f"{name:{width}}  {size:>9}  {score:>22}  {gain:>25}  {seconds:>7.2f}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        enough = ", ".join(f"{self.sufficient_size(n)} for {n}" for n in self.classifiers)
        rows = "augmented rows alone" if self.only_augmented else "real and augmented rows"
        n = len(next(iter(self.no_oversampling.values())))
        return (
            f"{self.table()}\n{self.strategy}; {rows}; {n} scores per size\n"
            f"Enough rows per class, within one standard error of the best: {enough}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain Python objects, for JSON."""
        return {
            "sizes": list(self.sizes),
            "scores": {k: v.tolist() for k, v in self.scores.items()},
            "seconds": {k: v.tolist() for k, v in self.seconds.items()},
            "no_oversampling": {k: v.tolist() for k, v in self.no_oversampling.items()},
            "sufficient_size": {k: self.sufficient_size(k) for k in self.classifiers},
            "strategy": self.strategy,
            "scoring": self.scoring,
            "only_augmented": self.only_augmented,
            "overlap": self.overlap,
        }

    def plot(self, ax: Any = None) -> Any:
        """Draw scores and wall time against rows per class, see :func:`plot_size_curve`."""
        from ._plots import plot_size_curve

        return plot_size_curve(self, ax)


def oversampling_size_curve(
    X: ArrayLike,
    y: ArrayLike,
    strategy: Any,
    classifier: Any = "RandomForestClassifier",
    *,
    sizes: Sequence[int] = SIZES,
    repetitions: int = 5,
    only_augmented: bool = False,
    domain: Domain | None = None,
    groups: ArrayLike | None = None,
    test_size: float = 0.25,
    cv: Any = None,
    scoring: Any = "f1_macro",
    overlap_correction: bool = True,
    n_jobs: int | None = None,
    random_state: Any = None,
    show_progressbar: bool = False,
) -> SizeCurve:
    """Score a classifier trained on more and more rows per class.

    Parameters
    ----------
    X : array-like of shape (n, ...)
        Real rows.
    y : array-like of shape (n,)
        Class labels.
    strategy : str, Perturbation or BaseGenerator
        What makes new rows.
    classifier : str, classifier, or mapping of name to either
        One curve each.
    sizes : sequence of int, default 10, 20, ..., 100
        Rows per class; a class that has more real ones keeps them.
    repetitions : int, default 5
        Splits and seeds, the same for all sizes and classifiers.
    only_augmented : bool, default False
        Leave the real training rows out, as figure 2 of the paper does; its table 1 keeps them.
    domain, test_size, cv, scoring, overlap_correction, n_jobs, random_state, show_progressbar
        As in :class:`StrategySearch`. Cells that run at once share the cores, and wall times
        grow with it.
    groups : array-like of shape (n,) or None
        Specimen, session, ...: rows of one group stay together.

    Returns
    -------
    SizeCurve

    Raises
    ------
    ValueError
        If a size is below 1 or given twice, or rows or classes are too few.

    Examples
    --------
    >>> import numpy as np
    >>> from hs_specaug.strategies import oversampling_size_curve
    >>> rng = np.random.default_rng(0)
    >>> X = np.concatenate([rng.normal(m, 1.0, (12, 24)) for m in (0, 1)])
    >>> y = np.repeat(["low", "high"], 12)
    >>> curve = oversampling_size_curve(
    ...     X, y, "gain", "KNeighborsClassifier", sizes=(10, 20), random_state=0
    ... )
    >>> curve.scores["KNeighborsClassifier"].shape
    (2, 5)
    """
    check_consistent_length(X, y, groups)
    X, y = np.asarray(X), np.asarray(y)
    units = None if groups is None else np.asarray(groups)
    sizes = _checked_sizes(sizes)
    if not isinstance(repetitions, int | np.integer) or repetitions < 1:
        raise ValueError(f"repetitions must be a whole number ≥ 1, got {repetitions!r}")
    classifiers = _classifiers(classifier)
    if isinstance(strategy, BaseGenerator):
        generator = in_domain(strategy, domain)
    else:
        generator = PerturbationGenerator(parse_perturbation(strategy), domain=domain)
    seed = int(check_random_state(random_state).randint(np.iinfo(np.int32).max))
    trials = make_trials(
        y, groups=units, test_size=test_size, cv=cv, seed=seed, repetitions=repetitions
    )
    candidates = [Candidate(NO_OVERSAMPLING, BASELINE)]
    candidates += [_of_size(generator, n, only_augmented) for n in sizes]
    jobs = [
        ((name, c.name, r), c, model, trial)
        for r, trial in enumerate(trials)
        for c in candidates
        for name, model in classifiers.items()
    ]
    cells = score_cells(X, y, jobs, as_score(scoring), n_jobs)
    found = dict(tqdm(cells, "cells", total=len(jobs), disable=not show_progressbar))

    def scores(name: str, candidate: str) -> np.ndarray:
        return np.concatenate([found[name, candidate, r].scores for r in range(repetitions)])

    def seconds(name: str, candidate: str) -> np.ndarray:
        return np.array([found[name, candidate, r].seconds for r in range(repetitions)])

    return SizeCurve(
        sizes=sizes,
        scores={k: np.array([scores(k, str(n)) for n in sizes]) for k in classifiers},
        seconds={k: np.array([seconds(k, str(n)) for n in sizes]) for k in classifiers},
        no_oversampling={k: scores(k, NO_OVERSAMPLING) for k in classifiers},
        strategy=str(generator if isinstance(strategy, BaseGenerator) else generator.perturbation),
        scoring=str(describe(scoring)),
        only_augmented=only_augmented,
        overlap=mean_overlap(trials) if overlap_correction else 0.0,
    )


def _checked_sizes(sizes: Any) -> tuple[int, ...]:
    given = list(sizes) if np.iterable(sizes) else []
    whole = all(isinstance(n, int | np.integer) and n >= 1 for n in given)
    if not given or not whole or len(set(given)) < len(given):
        raise ValueError(
            "sizes must be different whole numbers ≥ 1 in a list, such as [10, 20, 40], got "
            f"{sizes!r}"
        )
    return tuple(sorted(int(n) for n in given))


def _classifiers(given: Any) -> dict[str, Any]:
    if isinstance(given, list | tuple):
        raise ValueError(
            "several classifiers need names: classifier={'forest': 'RandomForestClassifier', "
            f"...}}, got {given!r}"
        )
    if isinstance(given, Mapping):
        return {str(name): as_classifier(one) for name, one in given.items()}
    return {given if isinstance(given, str) else type(given).__name__: as_classifier(given)}


def _of_size(generator: Any, n: int, only_augmented: bool) -> Candidate:
    if only_augmented:
        return Candidate(str(n), COMPOSITE, OnlyAugmented(generator, n))
    sized = clone(generator).set_params(sampling_strategy=as_sampling_strategy(n))
    return Candidate(str(n), COMPOSITE, sized)
