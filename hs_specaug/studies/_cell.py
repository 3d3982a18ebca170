"""One cell of a study: one method, one classifier, one split."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from ..evaluation import scores_from_confusion

SCORES = ("precision", "recall", "f_score", "accuracy")


@dataclass(frozen=True)
class Cell:
    """What came out of one cell; everything that a table needs follows from it.

    Attributes
    ----------
    key : str
        Hash of rows, estimators and seeds: equal keys are the same work.
    ratio : str
        Name of the ratio.
    split, repetition, part : int
        Number of the split; the repetition it belongs to, and its place therein.
    method, classifier : str
        Names.
    confusion : list of list of int
        Scored rows by true class and predicted class; empty if the cell failed.
    seconds : dict of str to float
        Of fitting the generator and sampling from it (done once for all classifiers of a
        split), of fitting the classifier, of predicting.
    rows : list of int
        Real and all rows that the classifier learned from.
    facts : dict
        What the generator says of its training, warnings.
    error : str or None
        Why the cell failed.
    """

    key: str
    ratio: str
    split: int
    repetition: int
    part: int
    method: str
    classifier: str
    confusion: list[list[int]] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    rows: list[int] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    error: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain Python objects."""
        return asdict(self)

    def scores(self) -> dict[str, np.ndarray]:
        """Return precision, recall and F-score of every class."""
        return scores_from_confusion(np.array(self.confusion))

    def macro(self) -> dict[str, float]:
        """Return the means over all classes, and the accuracy; NaN if the cell failed."""
        if self.error is not None:
            return dict.fromkeys(SCORES, math.nan)
        confusion = np.array(self.confusion)
        means = {name: float(values.mean()) for name, values in self.scores().items()}
        return means | {"accuracy": float(np.trace(confusion) / confusion.sum())}
