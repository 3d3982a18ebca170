"""Mini-batches of rows that stay on disk: chunk by chunk, through a shuffle buffer."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from .._lazy_rows import LazyRows
from ._scaling import RangeScaler

BUFFER_ROWS = 8192
BUFFER_BYTES = 2**28
"""Memory that the buffer takes at most, unless its number of rows is given."""


class LazyRowDataset(IterableDataset):
    """Rows of a lazy signal and their class codes, in another random order each epoch.

    Chunks come in random order, their rows in random order, and each row waits in a buffer until
    chance lets it out. The order depends on `seed` and epoch alone, not on how many chunks are
    read ahead. Memory: `buffer_rows` rows, and of `prefetch` chunks the wanted rows.

    Parameters
    ----------
    rows : LazyRows
        Of all of them, one pass is an epoch.
    codes : ndarray of int of shape (n,)
        Class code of each row.
    buffer_rows : int or None
        Rows among which the next one is drawn. One mixes nothing beyond the order of chunks and
        of the rows in them; as many as there are rows mix completely. None takes 8192, or of
        large rows (images) as many as fit into 256 MiB.
    seed : int
        Of the order.
    prefetch : int or None
        Chunks that are read ahead; None takes one for each thread that Dask has.

    Notes
    -----
    Workers of a :class:`torch.utils.data.DataLoader` share the chunks among them.
    """

    def __init__(
        self,
        rows: LazyRows,
        codes: np.ndarray,
        *,
        buffer_rows: int | None = None,
        seed: int = 0,
        prefetch: int | None = None,
    ) -> None:
        if buffer_rows is None:
            fitting = BUFFER_BYTES * len(rows) // max(rows.nbytes, 1)
            buffer_rows = min(BUFFER_ROWS, max(fitting, 1))
        if buffer_rows < 1:
            raise ValueError(f"buffer_rows must be at least 1, got {buffer_rows}")
        if len(codes) != len(rows):
            raise ValueError(f"codes must have one entry per row, {len(rows)}, got {len(codes)}")
        self.rows, self.codes = rows, np.asarray(codes)
        self.buffer_rows, self.seed, self.prefetch = buffer_rows, seed, prefetch
        self.epoch = 0
        self._parts = rows.parts()

    def __repr__(self) -> str:
        return (
            f"<LazyRowDataset: {len(self)} rows of shape {self.rows.shape[1:]} in "
            f"{len(self._parts)} chunks, shuffled among {self.buffer_rows}, seed {self.seed}>"
        )

    def __len__(self) -> int:
        return len(self.rows)

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of the passes that start from now on."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[tuple[np.ndarray, int]]:
        worker = get_worker_info()
        number, n_workers = (0, 1) if worker is None else (worker.id, worker.num_workers)
        # A worker draws its own numbers, but all of them agree on the order of the chunks.
        order = np.random.default_rng([self.seed, self.epoch, 0]).permutation(len(self._parts))
        rng = np.random.default_rng([self.seed, self.epoch, 1 + number])
        parts = [self._parts[i] for i in order[number::n_workers]]
        return self._shuffled(parts, rng)

    def _shuffled(self, parts: list, rng: np.random.Generator) -> Iterator[tuple[np.ndarray, int]]:
        waiting: list[tuple[np.ndarray, int]] = []
        for numbers, values in self.rows.read(parts, self.prefetch):
            for i in rng.permutation(len(numbers)):
                # A copy: a view would keep every row of the chunk alive with this one.
                row = (values[i].copy(), int(self.codes[numbers[i]]))
                if len(waiting) < self.buffer_rows:
                    waiting.append(row)
                    continue
                chosen = rng.integers(self.buffer_rows)
                out, waiting[chosen] = waiting[chosen], row
                yield out
        for i in rng.permutation(len(waiting)):
            yield waiting[i]


class LazyBatchStream:
    """Endless mini-batches of a :class:`LazyRowDataset`, as `BatchStream` gives them.

    Parameters
    ----------
    dataset : LazyRowDataset
    transform : callable
        Rows (n, channels, *size) to what the network sees, float32.
    batch_size : int
        Rows per batch.
    device : torch.device
        Where the batches go.
    """

    def __init__(
        self,
        dataset: LazyRowDataset,
        transform: Callable[[np.ndarray], np.ndarray],
        batch_size: int,
        device: torch.device,
    ) -> None:
        self.dataset, self.transform, self.device = dataset, transform, device
        self.batch_size = min(batch_size, len(dataset))
        self.row_shape = dataset.rows.shape[1:]
        self.y = torch.from_numpy(dataset.codes).long().to(device)
        self._start(epoch=0, taken=0)

    @property
    def batches_per_epoch(self) -> int:
        """Batches that make one pass over the data."""
        return math.ceil(len(self.dataset) / self.batch_size)

    def next(self) -> tuple[Tensor, Tensor]:
        """Return the next batch (X, y); passes follow each other without a gap."""
        batch: list[tuple[np.ndarray, int]] = []
        while len(batch) < self.batch_size:
            new = list(itertools.islice(self._rows, self.batch_size - len(batch)))
            if not new:
                self._start(self._epoch + 1, taken=0)
            batch += new
            self._taken += len(new)
        codes = torch.tensor([code for _, code in batch], dtype=torch.long)
        return self._seen(np.stack([row for row, _ in batch])), codes.to(self.device)

    def map_rows(self, function: Callable[[Tensor], Tensor], batch_size: int) -> Tensor:
        """Return `function` of all rows in the order of `y`, at most `batch_size` at a time.

        One more pass over the chunks; what `function` returns is all in memory.
        """
        parts, numbers = [], []
        rows = self.dataset.rows
        for chunk_numbers, values in rows.read(rows.parts(), self.dataset.prefetch):
            for i in range(0, len(values), batch_size):
                parts.append(function(self._seen(values[i : i + batch_size])))
            numbers.append(chunk_numbers)
        everything = torch.cat(parts)
        out = torch.empty_like(everything)
        out[torch.from_numpy(np.concatenate(numbers)).to(out.device)] = everything
        return out

    def _seen(self, rows: np.ndarray) -> Tensor:
        """Return rows as the network sees them."""
        return torch.from_numpy(self.transform(rows)).to(self.device)

    def state(self) -> dict[str, Tensor]:
        """Return where the stream is: the pass, and how many rows of it are gone."""
        return {"epoch": torch.tensor(self._epoch), "taken": torch.tensor(self._taken)}

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Go on where :meth:`state` was taken; the rows before it are read again to get there."""
        self._start(int(state["epoch"]), int(state["taken"]))

    def _start(self, epoch: int, taken: int) -> None:
        self._epoch, self._taken = epoch, taken
        self.dataset.set_epoch(epoch)
        self._rows = iter(self.dataset)
        for _ in itertools.islice(self._rows, taken):
            pass


def scale_lazy_rows(rows: LazyRows) -> RangeScaler:
    """Return the scaler of rows (n, channels, ...) that are read once for it.

    Raises
    ------
    ValueError
        If any row holds NaN or infinite values.
    """
    axes = (0, *range(2, rows.ndim))
    low = np.full(rows.shape[1], np.inf)
    high = np.full(rows.shape[1], -np.inf)
    for numbers, values in rows.read(rows.parts()):
        finite = np.isfinite(values).reshape(len(values), -1).all(axis=1)
        if not finite.all():
            raise ValueError(
                f"X must be finite, but row {numbers[~finite][0]} holds NaN or infinite values; "
                "take it out, or repair it"
            )
        low = np.minimum(low, values.min(axis=axes))
        high = np.maximum(high, values.max(axis=axes))
    scaler = RangeScaler().fit(np.stack([low, high])[..., np.newaxis])
    scaler.dtype_ = rows.dtype
    return scaler
