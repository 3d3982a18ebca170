"""Paired comparisons of methods in the same splits, with their tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ._methods import AUGMENTATION, CLASS_WEIGHTS, NONE
from ._statistics import holm, mean_interval, paired_p_value, wilcoxon_p_value

if TYPE_CHECKING:
    from ._result import StudyResult

BEST_BASELINE = "best baseline"
SMOTE = "smote"
TESTS = ("t", "corrected", "wilcoxon")

#: Scores of one method with one classifier by split; failed cells are not in it.
Scores = Mapping[int, float]


def differences(one: Scores, other: Scores) -> np.ndarray:
    """Return one − other of the splits that both have, in their order."""
    return np.array([one[split] - other[split] for split in sorted(set(one) & set(other))])


def compare(result: StudyResult, score: str) -> list[dict[str, Any]]:
    """Compare every augmentation with its rivals, ratio by ratio and classifier by classifier.

    Parameters
    ----------
    result : StudyResult
        Of a study.
    score : {"f_score", "precision", "recall", "accuracy"}
        What is compared.

    Returns
    -------
    list of dict
        See :attr:`StudyResult.tests`.
    """
    scores = result.scores(score)
    out: list[dict[str, Any]] = []
    for ratio in result.ratios:
        rivals = (BEST_BASELINE, NONE, CLASS_WEIGHTS, SMOTE)
        for against in rivals:
            family = [
                line
                for classifier in result.classifiers
                for line in _lines(result, scores, ratio, classifier, against)
            ]
            for test in TESTS:
                adjusted = holm([line[f"p_{test}"] for line in family])
                for line, p in zip(family, adjusted.tolist(), strict=True):
                    line[f"holm_{test}"] = p
            out += [{"score": score, **line} for line in family]
    return out


def _lines(
    result: StudyResult, scores: Any, ratio: str, classifier: str, against: str
) -> list[dict[str, Any]]:
    all_of = {m: scores.get((ratio, m, classifier)) for m in result.methods}
    found = {m: values for m, values in all_of.items() if values}
    rival: str | None = against
    if against == BEST_BASELINE:
        baselines = [m for m in found if result.methods[m] != AUGMENTATION]
        rival = max(baselines, key=lambda m: mean_of(found[m]), default=None)
    if rival is None or rival not in found:
        return []
    out = []
    for method, values in found.items():
        if result.methods[method] != AUGMENTATION or method == rival:
            continue
        pairs = differences(values, found[rival])
        if len(pairs):
            line = {"ratio": ratio, "classifier": classifier, "method": method, "rival": rival}
            out.append({**line, "against": against, **tested(pairs, result.overlap)})
    return out


def tested(pairs: np.ndarray, overlap: float) -> dict[str, Any]:
    """Return the mean difference, its corrected interval, and three p values."""
    mean, low, high = mean_interval(pairs, overlap=overlap)
    return {
        "n": len(pairs),
        "difference": mean,
        "low": low,
        "high": high,
        "p_t": paired_p_value(pairs),
        "p_corrected": paired_p_value(pairs, overlap=overlap),
        "p_wilcoxon": wilcoxon_p_value(pairs),
    }


def mean_of(scores: Scores) -> float:
    """Return the mean over splits."""
    return float(np.mean(list(scores.values())))
