"""Which rows a training sees, and which score decides what is kept of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from .._warnings import warn_user
from ..exceptions import FewSamplesWarning
from ..networks import ProcessGroup
from ..networks._data_parallel import SharedScore
from ._downstream import FEWEST_ROWS, TABLE_ROWS, DownstreamScore, hold_out
from ._fidelity import PROBE_ROWS, ClassFidelity, ClassProbe
from ._training_rows import TrainingRows

if TYPE_CHECKING:
    from ._network_generator import NetworkGenerator


def split_rows(
    generator: NetworkGenerator, codes: np.ndarray
) -> tuple[str | None, np.ndarray, np.ndarray]:
    """Return the name of the score, the rows to train on and those held back for the score."""
    everything = np.arange(len(codes)), np.arange(0)
    scored_by = generator.early_stopping or generator.scoring
    if scored_by != "downstream":
        return scored_by, *everything
    parts = hold_out(codes, generator._seeds[3])
    if parts is None:
        warn_user(
            f"{generator.method}: scoring='downstream' holds a quarter of the rows back and "
            f"needs at least {FEWEST_ROWS} rows of every class; the smallest class has "
            f"{np.bincount(codes).min()}. It is 'fidelity' instead",
            FewSamplesWarning,
        )
        return "fidelity", *everything
    return scored_by, *parts


def score_of(
    generator: NetworkGenerator,
    rows: TrainingRows,
    train: np.ndarray,
    held: np.ndarray,
    group: ProcessGroup | None,
) -> Callable[[Any], Any] | None:
    """Return what makes the score, of a callable that generates rows; it comes later."""
    scored_by, seed = generator._scored_by, generator._seeds[3]
    if scored_by is None:
        return None

    def score(generate: Any) -> ClassProbe:
        if scored_by == "fidelity":
            return ClassFidelity(generate, *rows.reference(train, PROBE_ROWS, seed))
        known, unseen = (rows.reference(which, TABLE_ROWS, seed) for which in (train, held))
        return DownstreamScore(generate, *known, *unseen)

    if group is None:
        return score
    return lambda generate: SharedScore(lambda: score(generate), group)
