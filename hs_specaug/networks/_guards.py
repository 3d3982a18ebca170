"""When training has gone wrong: numbers that are not finite, samples that are all alike."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from ._players import Player

ROLLBACK_FACTOR = 0.5
MAX_ROLLBACKS = 3


class OutOfStep(Exception):
    """One of several trainings that make the same steps would have to go back alone."""


def is_finite(losses: Mapping[str, float], players: Sequence[Player]) -> bool:
    """Whether all losses of an epoch, and the weights after it, are finite numbers."""
    if not all(math.isfinite(v) for v in losses.values()):
        return False
    # A finite loss can still have had a gradient that was not.
    sums = [p.detach().sum() for player in players for p in player.parameters]
    return bool(torch.stack([s.to(sums[0].device) for s in sums]).isfinite().all())


@dataclass
class CollapseGuard:
    """Notice when samples that were varied have become alike.

    Attributes
    ----------
    threshold : float
        Least diversity of the samples, as a share of that of the real rows.
    patience : int
        Scored epochs in a row that must lie below it.
    armed : bool
        Whether the samples were ever varied: a random start makes rows that are alike, which is
        not a collapse.
    low : int
        Scored epochs below the threshold so far.
    """

    threshold: float = 0.1
    patience: int = 3
    armed: bool = False
    low: int = 0

    def look(self, diversity: float | None) -> bool:
        """Take notice of the present diversity and return whether the training collapsed."""
        if diversity is None or math.isnan(diversity):
            return False
        if diversity >= self.threshold:
            self.armed, self.low = True, 0
        elif self.armed:
            self.low += 1
        return self.low >= self.patience
