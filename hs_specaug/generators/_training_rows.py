"""The rows of one fit, scaled, as training takes them: from memory, or chunk by chunk."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..networks import (
    BatchStream,
    LazyBatchStream,
    LazyRowDataset,
    LazyRows,
    RangeScaler,
    RowStream,
    scale_lazy_rows,
)

REFERENCE_BYTES = 2**28
"""Memory that the rows may take that a score compares with, of rows that stay on disk."""


class TrainingRows:
    """Rows (n, channels, *size) and their class codes, on the device that trains.

    Parameters
    ----------
    rows : ndarray or LazyRows of shape (n, channels, *size)
        Lazy rows are never all in memory.
    codes : ndarray of int of shape (n,)
        Their classes.
    device : torch.device
        That trains.

    Attributes
    ----------
    scaler : RangeScaler
        Fitted to all rows; of lazy rows chunk by chunk.
    """

    def __init__(self, rows: Any, codes: np.ndarray, device: torch.device) -> None:
        self.rows, self.codes, self.device = rows, codes, device
        self._scaled: Tensor | None = None
        if isinstance(rows, LazyRows):
            self.scaler = scale_lazy_rows(rows)
        else:
            self.scaler = RangeScaler().fit(rows)
            self._scaled = torch.from_numpy(self.scaler.transform(rows)).to(device)

    def stream(self, which: np.ndarray, batch_size: int, seed: int) -> RowStream:
        """Return mini-batches of the rows `which`, in an order that depends on `seed`."""
        codes = self.codes[which]
        if self._scaled is None:
            dataset = LazyRowDataset(self.rows[which], codes, seed=seed)
            return LazyBatchStream(dataset, self.scaler.transform, batch_size, self.device)
        return BatchStream(
            self._scaled[which],
            torch.from_numpy(codes).to(self.device),
            batch_size,
            torch.Generator().manual_seed(seed),
        )

    def reference(self, which: np.ndarray, per_class: int, seed: int) -> tuple[Tensor, Tensor]:
        """Return those of the rows `which` that a score compares with, and their codes.

        All that are in memory; of lazy rows at most `per_class` of each class, chosen by `seed`,
        and fewer if they are large.
        """
        if self._scaled is None:
            n_classes = int(self.codes.max()) + 1
            fitting = REFERENCE_BYTES * len(self.rows) // (n_classes * max(self.rows.nbytes, 1))
            which = which[some_of_each(self.codes[which], min(per_class, max(fitting, 2)), seed)]
            X = torch.from_numpy(self.rows[which].map_parts(self.scaler.transform))
        else:
            X = self._scaled[which]
        return X.to(self.device), torch.from_numpy(self.codes[which]).to(self.device)


def some_of_each(codes: np.ndarray, per_class: int, seed: int) -> np.ndarray:
    """Return sorted indices of at most `per_class` rows of each class, chosen by `seed`."""
    rng = np.random.default_rng(seed)
    members = [np.flatnonzero(codes == code) for code in np.unique(codes)]
    chosen = [rng.permutation(rows)[:per_class] for rows in members]
    return np.sort(np.concatenate(chosen))
