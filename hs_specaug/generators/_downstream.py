"""How useful generated rows are to a classifier, asked on real rows that were held out."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import train_test_split
from torch import Tensor

from ._fidelity import PROBE_ROWS, ClassProbe, Generate

HELD_OUT = 0.25
#: Fewer rows than this in a class leave nothing to hold out and something to learn from.
FEWEST_ROWS = 4
#: Rows of a class that the classifier learns from, and is scored on, where there are very many.
TABLE_ROWS = 1000


def hold_out(codes: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Split training rows by class into rows to train on and rows to score on.

    Returns
    -------
    tuple of ndarray of int, or None
        Sorted row numbers of both parts; None if a class has fewer than four rows.
    """
    n_classes = codes.max() + 1
    if np.bincount(codes).min() < FEWEST_ROWS or len(codes) * HELD_OUT < n_classes:
        return None
    inner, held = train_test_split(
        np.arange(len(codes)), test_size=HELD_OUT, stratify=codes, random_state=seed
    )
    return np.sort(inner), np.sort(held)


class DownstreamScore(ClassProbe):
    """1 − macro F of a logistic regression trained on real and generated, on held-out rows.

    The generator must not have seen the held-out rows, or it would be praised for copying them.
    Generated rows fill every class up to the most frequent one (of balanced rows: double it).

    Parameters
    ----------
    generate : callable
        Maps labels to rows, see :class:`ClassProbe`.
    X, y : Tensor
        Real rows on which the generator trains.
    X_held, y_held : Tensor
        Real rows that it does not see.
    """

    def __init__(
        self, generate: Generate, X: Tensor, y: Tensor, X_held: Tensor, y_held: Tensor
    ) -> None:
        counts = torch.bincount(y)
        target = int(counts.max()) * (2 if int(counts.min()) == int(counts.max()) else 1)
        self.wanted = (target - counts).tolist()
        super().__init__(generate, X, y, rows_per_class=max(PROBE_ROWS, *self.wanted))
        self.X, self.y = self._table(X), y.cpu().numpy()
        self.X_held, self.y_held = self._table(X_held), y_held.cpu().numpy()

    @staticmethod
    def _table(rows: Tensor) -> np.ndarray:
        return rows.flatten(1).float().cpu().numpy()

    @torch.no_grad()
    def __call__(self) -> float:
        """Return the present score; lower is better."""
        made = [rows[:n] for rows, n in zip(self.probe(), self.wanted, strict=True)]
        X = np.concatenate([self.X, self._table(torch.cat(made))])
        y = np.concatenate([self.y, np.repeat(self.codes.cpu().numpy(), self.wanted)])
        if not np.isfinite(X).all():
            return float("inf")
        classifier = LogisticRegression(max_iter=200).fit(X, y)
        predicted = classifier.predict(self.X_held)
        return 1.0 - float(f1_score(self.y_held, predicted, average="macro"))
