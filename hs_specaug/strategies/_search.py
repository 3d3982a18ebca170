"""The data chooser of paper 003: which composite of base strategies helps a classifier most."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from numbers import Integral, Real
from os import PathLike
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassifierMixin, _fit_context
from sklearn.utils import check_consistent_length, check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from .._refusals import check_known
from .._warnings import warn_user
from ..evaluation import ClassificationReport, make_splits
from ..exceptions import SpecAugWarning
from ..perturbations import Domain
from ..studies._estimators import as_classifier, seeded
from ..studies._identity import describe, digest, seed_of
from ._candidates import COMPOSITE, Candidate, make_candidates
from ._cells import (
    SCORES,
    Cell,
    Trial,
    as_score,
    fit_candidate,
    make_trials,
    mean_overlap,
)
from ._factorial import as_cv_results, score_candidates, score_held_out
from ._ranking import StrategyRanking
from ._results_file import ResultsFile


class StrategySearch(ClassifierMixin, BaseEstimator):
    """Find the augmentation that helps a classifier most (paper 003, section 3.1).

    Every composite of at most `n_steps` base strategies oversamples the training rows, a
    classifier learns from them, and untouched real rows score it, `repetitions` times. All
    candidates share splits and seeds, so that differences are those of pairs. Without
    oversampling, oversampling by repetition, class weights (where the classifier has them) and
    `compare_with` are always in the table.

    Parameters
    ----------
    strategies : sequence, or mapping of name to strategy
        Base strategies: perturbations or expressions, see :func:`composites`.
    classifier : str or scikit-learn classifier, default "RandomForestClassifier"
        What is to profit; a name as for :func:`hs_specaug.make_classifier`.
    n_steps : int or None, default 2
        Largest number of base strategies in a composite; None tries all subsets.
    repetitions : int, default 3
        Splits per candidate (r in the paper, which takes 10).
    domain : Domain or None, default None
        Kind and axes of the rows, which give units of perturbations their meaning.
    sampling_strategy : int, float, str, dict or callable, default "auto"
        Rows per class to fill up to (the paper takes 50), or as in imbalanced-learn; "auto"
        fills all classes up to the largest.
    compare_with : sequence of str or generator, default ("smote",)
        Other generators for the table.
    test_size : float, default 0.25
        Share of rows that a repetition scores.
    cv : int, splitter, iterable or None, default None
        Folds per repetition instead of one split.
    scoring : {"f1_macro", "accuracy", "balanced_accuracy"} or callable, default "f1_macro"
        Score of true and predicted labels, larger is better.
    halving : bool, default False
        Successive halving: all composites get a few repetitions, the better ones
        `factor` times as many, and so on. The baselines get all.
    factor : int, default 3
        Of the halving; 1 composite of `factor` goes on.
    overlap_correction : bool, default True
        Widen intervals because splits share training rows (Nadeau and Bengio 2003): they then
        speak of other data of this kind. False takes splits as independent: intervals of the
        mean over splits of these very rows.
    holdout : float, default 0
        Share of rows kept out of the whole search, on which the winner and the baselines are
        scored afterwards. The best of many scores is optimistic; this one is not.
    refit : bool, default True
        Fit the classifier with the best composite on all rows, so that the search predicts.
    results : str, path-like or None, default None
        JSON file to which every score goes as it is made. With the same data and settings a
        search that was stopped goes on there, also with more repetitions or strategies.
    n_jobs : int or None, default None
        Cells at once, by joblib; ``joblib.parallel_config(backend="dask")`` runs them on a
        Dask cluster.
    random_state : int, numpy.random.RandomState or None, default None
        Seed of splits, draws and classifiers (those whose own is None).
    show_progressbar : bool, default False
        Show the cells.

    Attributes
    ----------
    ranking_ : StrategyRanking
        Table, verdict and plot.
    results_ : list of dict
        Its rows, best first.
    cv_results_ : dict
        The same as in scikit-learn's searches.
    verdict_ : str
        What helped, in words.
    best_strategy_ : Perturbation
        The best composite (Aug* of the paper), also where the verdict says it does not help.
    best_name_ : str
        Its name in the table.
    best_score_ : float
        Its mean score: the best of many, hence optimistic.
    best_generator_ : PerturbationGenerator
        Fitted to all rows.
    best_estimator_ : estimator
        Fitted to all rows, oversampled with the best composite.
    holdout_reports_ : dict of str to ClassificationReport
        Of the rows that were held out.
    classes_ : ndarray
        Class labels.

    Examples
    --------
    >>> import numpy as np
    >>> from hs_specaug.strategies import StrategySearch
    >>> rng = np.random.default_rng(0)
    >>> X = np.concatenate([rng.normal(m, 1.0, (n, 24)) for m, n in [(0, 30), (1, 8)]])
    >>> y = np.repeat(["common", "rare"], [30, 8])
    >>> search = StrategySearch(["shift", "gain"], "KNeighborsClassifier", random_state=0)
    >>> len(search.fit(X, y).results_)
    6
    >>> search.best_name_ in ("shift", "gain", "shift+gain")
    True
    """

    _parameter_constraints: ClassVar[dict] = {
        "strategies": [Sequence, Mapping],
        "classifier": [str, BaseEstimator],
        "n_steps": [Interval(Integral, 1, None, closed="left"), None],
        "repetitions": [Interval(Integral, 1, None, closed="left")],
        "domain": [Domain, None],
        "sampling_strategy": [Real, str, Mapping, callable],
        "compare_with": [Sequence],
        "test_size": [Interval(Real, 0, 1, closed="neither")],
        "cv": [Interval(Integral, 2, None, closed="left"), "cv_object"],
        "scoring": [StrOptions(set(SCORES)), callable],
        "halving": ["boolean"],
        "factor": [Interval(Integral, 2, None, closed="left")],
        "overlap_correction": ["boolean"],
        "holdout": [Interval(Real, 0, 1, closed="left")],
        "refit": ["boolean"],
        "results": [str, PathLike, None],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
        "show_progressbar": ["boolean"],
    }

    def __init__(
        self,
        strategies: Any = ("shift", "baseline", "gaussian-noise"),
        classifier: Any = "RandomForestClassifier",
        *,
        n_steps: int | None = 2,
        repetitions: int = 3,
        domain: Domain | None = None,
        sampling_strategy: Any = "auto",
        compare_with: Sequence[Any] = ("smote",),
        test_size: float = 0.25,
        cv: Any = None,
        scoring: str | Callable[[np.ndarray, np.ndarray], float] = "f1_macro",
        halving: bool = False,
        factor: int = 3,
        overlap_correction: bool = True,
        holdout: float = 0.0,
        refit: bool = True,
        results: str | PathLike | None = None,
        n_jobs: int | None = None,
        random_state: Any = None,
        show_progressbar: bool = False,
    ) -> None:
        self.strategies = strategies
        self.classifier = classifier
        self.n_steps = n_steps
        self.repetitions = repetitions
        self.domain = domain
        self.sampling_strategy = sampling_strategy
        self.compare_with = compare_with
        self.test_size = test_size
        self.cv = cv
        self.scoring = scoring
        self.halving = halving
        self.factor = factor
        self.overlap_correction = overlap_correction
        self.holdout = holdout
        self.refit = refit
        self.results = results
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.show_progressbar = show_progressbar

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike, y: ArrayLike, groups: ArrayLike | None = None) -> StrategySearch:
        """Search.

        Parameters
        ----------
        X : array-like of shape (n, length), (n, channels, length) or (n, channels, h, w)
            Real rows, finite.
        y : array-like of shape (n,)
            Class labels; at least two rows of each of at least two classes.
        groups : array-like of shape (n,) or None
            Specimen, session, ...: rows of one group are never both learned and scored.

        Returns
        -------
        self

        Raises
        ------
        IncompatibleSignalError
            If a strategy means nothing for rows of `domain`.
        ValueError
            If rows or classes are too few, or `results` holds another search.
        """
        rows, labels = self._checked(X, y)
        check_consistent_length(rows, groups)
        units = None if groups is None else np.asarray(groups)
        classifier = as_classifier(self.classifier)
        candidates = make_candidates(
            self.strategies,
            self.n_steps,
            classifier,
            self.compare_with,
            self.domain,
            self.sampling_strategy,
        )
        file = ResultsFile(self.results)
        seed = self._seed(file)
        inside, outside = self._held_out(labels, units, seed)
        inner_units = None if units is None else units[inside]
        trials = make_trials(
            labels[inside],
            groups=inner_units,
            test_size=self.test_size,
            cv=self.cv,
            seed=seed,
            repetitions=self.repetitions,
        )
        data = digest(rows[inside], labels[inside], inner_units)
        file.open({"data": data, **self._settings(classifier, seed)})
        scored = score_candidates(
            rows[inside],
            labels[inside],
            candidates,
            classifier,
            trials,
            as_score(self.scoring),
            file,
            factor=self.factor if self.halving else None,
            n_jobs=self.n_jobs,
            show_progressbar=self.show_progressbar,
        )
        ranking = self._ranked(candidates, scored, trials)
        self.ranking_, self.results_ = ranking, ranking.rows
        self.cv_results_ = as_cv_results(ranking)
        best = next(c for c in candidates if c.name == ranking.best["strategy"])
        self.best_name_ = best.name
        self.best_strategy_: Any = best.perturbation
        self.best_score_ = ranking.best["score"]
        self.holdout_reports_: dict[str, ClassificationReport] = {}
        if len(outside):
            others = [c for c in candidates if c.kind != COMPOSITE]
            ranking.holdout, self.holdout_reports_ = score_held_out(
                rows, labels, units, inside, outside, [best, *others], classifier, trials[0],
                self.scoring,
            )  # fmt: skip
        self.verdict_ = ranking.verdict
        if self.refit:
            generator = seeded(best.generator, trials[0].generator_seed)
            self.best_generator_ = generator.fit(rows, labels)
            self.best_estimator_ = fit_candidate(rows, labels, best, classifier, trials[0])
        return self

    def _checked(self, X: ArrayLike, y: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        check_known(y)
        check_classification_targets(y)
        rows, labels = validate_data(
            self, X, y, reset=True, allow_nd=True, dtype="numeric", ensure_min_samples=2
        )
        self.classes_, counts = np.unique(labels, return_counts=True)
        self.input_shape_ = rows.shape[1:]
        if self.sampling_strategy == "auto" and len(counts) > 1 and np.ptp(counts) == 0:
            warn_user(
                f"all classes have {counts[0]} rows, so that sampling_strategy='auto' adds few or "
                "none and strategies can hardly differ; give a number of rows per class, such as "
                f"sampling_strategy={2 * counts[0]}",
                SpecAugWarning,
            )
        return rows, labels

    def _seed(self, file: ResultsFile) -> int:
        if self.random_state is None and file.settings is not None:
            return seed_of(file.path, file.settings)
        return int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))

    def _settings(self, classifier: Any, seed: int) -> dict[str, Any]:
        return {
            "classifier": describe(classifier),
            "scoring": describe(self.scoring),
            "cv": describe(self.cv),
            "test_size": self.test_size if self.cv is None else None,
            "seed": seed,
        }

    def _held_out(
        self, y: np.ndarray, groups: np.ndarray | None, seed: int
    ) -> tuple[np.ndarray, np.ndarray]:
        if not self.holdout:
            return np.arange(len(y)), np.arange(0)
        split = make_splits(y, groups=groups, test_size=self.holdout, random_state=seed)[0]
        return np.sort(split.train), np.sort(split.test)

    def _ranked(
        self, candidates: list[Candidate], scored: dict[str, list[Cell]], trials: list[Trial]
    ) -> StrategyRanking:
        return StrategyRanking.from_scores(
            {name: [cell.scores for cell in cells] for name, cells in scored.items()},
            {c.name: c.kind for c in candidates},
            {n: float(np.mean([c.seconds for c in cells])) for n, cells in scored.items()},
            scoring=str(describe(self.scoring)),
            overlap=mean_overlap(trials) if self.overlap_correction else 0.0,
        )

    # --- the classifier that came out --------------------------------------------------------

    def _rows(self, X: ArrayLike) -> np.ndarray:
        check_is_fitted(self, "ranking_")
        if not hasattr(self, "best_estimator_"):
            raise AttributeError("refit=False left no classifier to predict with; use refit=True")
        rows = validate_data(self, X, reset=False, allow_nd=True, dtype="numeric")
        if rows.shape[1:] != self.input_shape_:
            raise ValueError(
                f"X must have rows of shape {self.input_shape_}, as in fit, got {rows.shape[1:]}"
            )
        return rows

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Return the class of every row, by the classifier fitted with the best composite."""
        rows = self._rows(X)
        return self.best_estimator_.predict(rows)

    def predict_proba(self, X: ArrayLike) -> np.ndarray:
        """Return class probabilities, shape (n, classes); 0 or 1 if the classifier has none."""
        rows = self._rows(X)
        return self.best_estimator_.predict_proba(rows)

    def score(self, X: ArrayLike, y: ArrayLike, sample_weight: Any = None) -> float:
        """Return the score named by `scoring` on rows that the search has not seen."""
        if sample_weight is not None:
            raise ValueError("score takes no sample_weight: scores of the search have none")
        return float(as_score(self.scoring)(np.asarray(y), self.predict(X)))

    def table(self) -> str:
        """Return strategies and baselines as text, best first."""
        check_is_fitted(self, "ranking_")
        return self.ranking_.table()

    def plot(self, ax: Any = None) -> Any:
        """Draw strategies and baselines, best on top; see :meth:`StrategyRanking.plot`."""
        check_is_fitted(self, "ranking_")
        return self.ranking_.plot(ax)
