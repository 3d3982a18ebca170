"""Honest scores: leak-proof splits, held-out real rows, intervals."""

from ._report import ClassificationReport
from ._scores import bootstrap_intervals, scores_from_confusion
from ._splits import Split, make_splits
from ._validation import evaluate_classifier, fit_fold

__all__ = [
    "ClassificationReport",
    "Split",
    "bootstrap_intervals",
    "evaluate_classifier",
    "fit_fold",
    "make_splits",
    "scores_from_confusion",
]
