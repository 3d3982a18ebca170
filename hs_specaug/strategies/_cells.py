"""One score: one candidate in one repetition, on rows it has not seen."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

from ..evaluation import Split, fit_fold, make_splits
from ..exceptions import FewSamplesWarning
from ..studies._estimators import seeded, weighted
from ._candidates import Candidate

Score = Callable[[np.ndarray, np.ndarray], float]


def macro_f_score(y: np.ndarray, predicted: np.ndarray) -> float:
    """Return the mean of the F-scores of all classes."""
    return float(f1_score(y, predicted, average="macro"))


SCORES: dict[str, Score] = {
    "f1_macro": macro_f_score,
    "accuracy": accuracy_score,
    "balanced_accuracy": balanced_accuracy_score,
}


@dataclass(frozen=True)
class Trial:
    """One repetition: folds and seeds that all candidates share, which makes them pairs."""

    splits: list[Split]
    generator_seed: int
    classifier_seed: int


@dataclass(frozen=True)
class Cell:
    """Scores of one candidate in one repetition, one for each fold, and the time they took."""

    scores: tuple[float, ...]
    seconds: float


def as_score(scoring: str | Score) -> Score:
    """Return a function of true and predicted labels."""
    return SCORES[scoring] if isinstance(scoring, str) else scoring


def make_trials(
    y: np.ndarray,
    *,
    groups: np.ndarray | None,
    test_size: float,
    cv: Any,
    seed: int,
    repetitions: int,
) -> list[Trial]:
    """Return the repetitions; a repetition does not depend on how many there are."""
    if cv is not None and not isinstance(cv, Integral) and not hasattr(cv, "split"):
        cv = list(cv)  # an iterable of folds can be read once only
    trials = []
    for repetition in range(repetitions):
        state = np.random.SeedSequence((seed, repetition)).generate_state(3) >> 1
        split_seed, generator_seed, classifier_seed = state.tolist()
        splits = make_splits(y, groups=groups, test_size=test_size, cv=cv, random_state=split_seed)
        trials.append(Trial(splits, generator_seed, classifier_seed))
    return trials


def mean_overlap(trials: Sequence[Trial]) -> float:
    """Return scored rows divided by training rows, which says how alike repetitions are."""
    return float(np.mean([len(s.test) / len(s.train) for trial in trials for s in trial.splits]))


def fit_candidate(
    X: np.ndarray, y: np.ndarray, candidate: Candidate, classifier: Any, trial: Trial
) -> Any:
    """Fit a classifier on these rows, oversampled as the candidate says."""
    model = seeded(classifier, trial.classifier_seed)
    if candidate.class_weights:
        model = weighted(model)
    generator = candidate.generator
    if generator is not None:
        generator = seeded(generator, trial.generator_seed)
    return fit_fold(X, y, model, generator)


def score_cell(
    X: np.ndarray, y: np.ndarray, candidate: Candidate, classifier: Any, trial: Trial, score: Score
) -> Cell:
    """Fit on the training rows of each fold and score on the others."""
    started = time.perf_counter()
    scores = []
    for train, test in trial.splits:
        model = fit_candidate(X[train], y[train], candidate, classifier, trial)
        scores.append(float(score(y[test], model.predict(X[test]))))
        if not np.isfinite(scores[-1]):
            raise ValueError(
                f"scoring gave {scores[-1]!r}, which cannot be compared; it must return a number "
                "for every split"
            )
    return Cell(tuple(scores), time.perf_counter() - started)


def _in_worker(home: int, key: Any, *job: Any) -> tuple[Any, Cell]:
    if os.getpid() != home:
        # A warning of a worker process reaches nobody who could act on it.
        warnings.simplefilter("ignore", FewSamplesWarning)
    try:
        return key, score_cell(*job)
    except Exception as error:
        error.add_note(f"while scoring {job[2].name!r}")
        raise


def score_cells(
    X: np.ndarray,
    y: np.ndarray,
    jobs: Sequence[tuple[Any, Candidate, Any, Trial]],
    score: Score,
    n_jobs: int | None,
) -> Iterator[tuple[Any, Cell]]:
    """Score (key, candidate, classifier, trial) and yield (key, cell) as each is ready.

    Runs where joblib is told to: in this process, in others, or on a Dask cluster.
    """
    home = os.getpid()
    work = (
        delayed(_in_worker)(home, key, X, y, candidate, classifier, trial, score)
        for key, candidate, classifier, trial in jobs
    )
    # SMOTE says for each fold which class has few rows; once per cell is no news.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FewSamplesWarning)
        yield from Parallel(n_jobs=n_jobs, return_as="generator_unordered")(work)
