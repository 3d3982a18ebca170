"""The n-step factorial search of paper 003, section 3.1: all candidates, or fewer by halving."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .._progress import tqdm
from ..evaluation import ClassificationReport
from ..evaluation._scores import confusion_per_group
from ._candidates import COMPOSITE, Candidate
from ._cells import Cell, Score, Trial, as_score, fit_candidate, score_cells
from ._ranking import StrategyRanking
from ._results_file import ResultsFile, cell_key

#: Where a report keeps the interval of a score.
REPORTED = {"f1_macro": "f_score", "balanced_accuracy": "recall"}


def halving_schedule(n: int, repetitions: int, factor: int) -> list[tuple[int, int]]:
    """Return (repetitions so far, candidates left after them) of successive halving.

    Examples
    --------
    >>> from hs_specaug.strategies._factorial import halving_schedule
    >>> halving_schedule(15, 9, 3)
    [(1, 5), (3, 2), (9, 2)]
    """
    rungs = min(
        math.floor(math.log(repetitions, factor) + 1e-9), math.ceil(math.log(n, factor) - 1e-9)
    )
    out = []
    for rung in range(rungs):
        n = math.ceil(n / factor)
        out.append((max(1, repetitions // factor ** (rungs - rung)), n))
    return [*out, (repetitions, n)]


def score_candidates(
    X: np.ndarray,
    y: np.ndarray,
    candidates: list[Candidate],
    classifier: Any,
    trials: list[Trial],
    score: Score,
    file: ResultsFile,
    *,
    factor: int | None = None,
    n_jobs: int | None = None,
    show_progressbar: bool = False,
) -> dict[str, list[Cell]]:
    """Score all candidates, taking what `file` has and keeping what is new.

    Parameters
    ----------
    X, y : ndarray
        Rows of the search.
    candidates : list of Candidate
        Composites compete; the others are scored in every trial.
    classifier : scikit-learn classifier
        Unfitted.
    trials : list of Trial
        Repetitions.
    score : callable
        Of true and predicted labels.
    file : ResultsFile
        Opened.
    factor : int or None
        Of successive halving; None scores every composite in every trial.
    n_jobs, show_progressbar
        See :class:`StrategySearch`.

    Returns
    -------
    dict of str to list of Cell
        Cells of the first trials: fewer for composites that were eliminated.
    """
    keys = {c.name: [cell_key(c, r) for r in range(len(trials))] for c in candidates}
    references = [c for c in candidates if c.kind != COMPOSITE]
    left = [c for c in candidates if c.kind == COMPOSITE]
    rungs = [(len(trials), len(left))]
    if factor is not None:
        rungs = halving_schedule(len(left), len(trials), factor)
    scored: dict[str, list[Cell]] = {}
    for repetitions, n_left in rungs:
        jobs = [
            (keys[c.name][r], c, classifier, trials[r])
            for r in range(repetitions)
            for c in (*references, *left)
            if keys[c.name][r] not in file.cells
        ]
        cells = score_cells(X, y, jobs, score, n_jobs)
        for key, cell in tqdm(cells, "cells", total=len(jobs), disable=not show_progressbar):
            file.add(key, cell)
        for c in (*references, *left):
            scored[c.name] = [file.cells[key] for key in keys[c.name][:repetitions]]
        left = sorted(left, key=lambda c: -_mean_score(scored[c.name]))[:n_left]
    return scored


def _mean_score(cells: list[Cell]) -> float:
    return float(np.mean([cell.scores for cell in cells]))


def score_held_out(
    X: np.ndarray,
    y: np.ndarray,
    groups: np.ndarray | None,
    inside: np.ndarray,
    outside: np.ndarray,
    candidates: list[Candidate],
    classifier: Any,
    trial: Trial,
    scoring: str | Score,
) -> tuple[dict[str, tuple[float, float, float]], dict[str, ClassificationReport]]:
    """Fit candidates on the rows of the search and score rows that it never saw.

    Returns
    -------
    scores : dict of str to tuple
        Score and ends of its 95 % bootstrap interval over rows, or groups; NaN for scores that
        a report does not hold.
    reports : dict of str to ClassificationReport
    """
    classes = np.unique(y)
    units = None if groups is None else groups[outside]
    truth = np.searchsorted(classes, y[outside])
    scores, reports = {}, {}
    for candidate in candidates:
        model = fit_candidate(X[inside], y[inside], candidate, classifier, trial)
        predicted = model.predict(X[outside])
        codes = np.searchsorted(classes, predicted)
        report = ClassificationReport.from_confusions(
            confusion_per_group(truth, codes, len(classes), units),
            classes,
            random_state=trial.generator_seed,
        )
        low, high = math.nan, math.nan
        if isinstance(scoring, str) and scoring in REPORTED:
            low, high = report.intervals[REPORTED[scoring]][:, -1].tolist()
        value = float(as_score(scoring)(y[outside], predicted))
        scores[candidate.name] = (value, low, high)
        reports[candidate.name] = report
    return scores, reports


def as_cv_results(ranking: StrategyRanking) -> dict[str, Any]:
    """Return a ranking as scikit-learn's searches give their results."""
    rows = ranking.rows
    n = max(row["repetitions"] for row in rows)
    scores = np.full((len(rows), n), np.nan)
    for line, row in zip(scores, rows, strict=True):
        values = ranking.scores[row["strategy"]].mean(axis=1)
        line[: len(values)] = values
    return {
        "params": [{"strategy": row["strategy"]} for row in rows],
        "mean_fit_time": np.array([row["seconds"] for row in rows]),
        **{f"split{i}_test_score": scores[:, i] for i in range(n)},
        "mean_test_score": np.nanmean(scores, axis=1),
        "std_test_score": np.nanstd(scores, axis=1),
        "rank_test_score": np.arange(1, len(rows) + 1, dtype=np.int32),
    }
