"""One cell of a study: one method, one classifier, one split."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from ..evaluation import scores_from_confusion

#: No count or time is larger; arrays hold it in any case.
MOST = 2**53
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

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Cell:
        """Rebuild a cell from :meth:`to_dict`.

        Raises
        ------
        ValueError, TypeError
            If a value is missing, or is none that a cell can have.
        """
        cell = cls(**values)
        words = (cell.key, cell.ratio, cell.method, cell.classifier)
        told = cell.facts.get("warnings", []) if isinstance(cell.facts, dict) else None
        right = (
            all(isinstance(word, str) for word in words)
            and _all_numbers((cell.split, cell.repetition, cell.part), int)
            and isinstance(cell.confusion, list)
            and all(
                isinstance(row, list) and len(row) == len(cell.confusion) and _all_numbers(row, int)
                for row in cell.confusion
            )
            and isinstance(cell.seconds, dict)
            and _all_numbers(cell.seconds.values(), int | float)
            and isinstance(cell.rows, list)
            and len(cell.rows) in (0, 2)
            and _all_numbers(cell.rows, int)
            and isinstance(told, list)
            and all(isinstance(word, str) for word in told)
            and isinstance(cell.error, str | None)
            and bool(cell.error is not None or cell.confusion)
        )
        if not right:
            raise ValueError("a cell with values that none can have")
        return cell

    def measured(self, planned: Cell) -> Cell:
        """Return what was measured here under the names of `planned`, which is the same work."""
        names = ("confusion", "seconds", "rows", "facts", "error")
        return replace(planned, **{name: getattr(self, name) for name in names})

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


def _all_numbers(values: Iterable[Any], kind: Any) -> bool:
    return all(
        isinstance(value, kind) and not isinstance(value, bool) and 0 <= value < MOST
        for value in values
    )
