"""Labelled rows as a torch data set, read when they are asked for."""

from __future__ import annotations

import contextlib
import pickle
from collections.abc import Iterator, Sequence
from typing import Any

import dask
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, get_worker_info

from .._lazy_rows import LazyRows


class RowDataset(Dataset[tuple[Tensor, int]]):
    """Rows and their class codes, for a :class:`torch.utils.data.DataLoader`.

    Of rows that are not in memory, an index reads one row; a batch reads every chunk that it
    touches once. For passes over more rows than fit into memory, :class:`LazyRowDataset` goes
    from chunk to chunk instead.

    Parameters
    ----------
    rows : ndarray or LazyRows of shape (n, ...)
        Spectra or images.
    codes : array-like of int of shape (n,)
        Class code of each row.
    classes : sequence of str
        Names in the order of the codes.
    dtype : str or numpy.dtype, default "float32"
        Of the tensors.

    Examples
    --------
    >>> import numpy as np
    >>> from torch.utils.data import DataLoader
    >>> from hs_specaug.networks import RowDataset
    >>> dataset = RowDataset(np.zeros((5, 16)), [0, 1, 1, 0, 1], classes=["core", "shell"])
    >>> X, codes = next(iter(DataLoader(dataset, batch_size=4)))
    >>> X.shape, codes.tolist()
    (torch.Size([4, 16]), [0, 1, 1, 0])
    >>> dataset
    <RowDataset: 5 rows of shape (16,), float32; 2 core, 3 shell>
    """

    def __init__(
        self,
        rows: np.ndarray | LazyRows,
        codes: Any,
        classes: Sequence[str] = (),
        dtype: Any = "float32",
    ) -> None:
        codes = np.asarray(codes)
        if codes.shape != (len(rows),):
            raise ValueError(
                f"codes must have one entry per row, shape ({len(rows)},), got {codes.shape}"
            )
        self.rows, self.codes = rows, codes
        self.classes = tuple(classes)
        self.dtype = np.dtype(dtype)

    def __repr__(self) -> str:
        known = dict(enumerate(self.classes))
        found = ", ".join(
            f"{count} {known.get(code, f'of code {code}')}"
            for code, count in zip(*np.unique(self.codes, return_counts=True), strict=True)
        )
        return (
            f"<RowDataset: {len(self)} rows of shape {self.rows.shape[1:]}, {self.dtype}; {found}>"
        )

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        index = int(index)
        if not -len(self) <= index < len(self):
            raise IndexError(f"index {index} is out of range for {len(self)} rows")
        return self.__getitems__([index % len(self)])[0]

    def __getitems__(self, indices: Sequence[int]) -> list[tuple[Tensor, int]]:
        """Return several rows, as a loader asks for a batch."""
        wanted = np.asarray(indices, dtype=np.intp)
        with _own_scheduler():
            X = np.asarray(self.rows[wanted])
        tensors = torch.from_numpy(np.array(X, dtype=self.dtype, copy=True))
        return [(tensors[i], int(code)) for i, code in enumerate(self.codes[wanted])]

    def __getstate__(self) -> dict[str, Any]:
        """Say what helps, where workers are new processes and a file cannot go with them."""
        if isinstance(self.rows, LazyRows):
            try:
                pickle.dumps(self.rows)
            except Exception as error:
                raise TypeError(
                    "these rows are in a file that cannot be handed to another process "
                    f"({error}); save the signal as .zspy and load that, or use num_workers=0"
                ) from error
        return self.__dict__


@contextlib.contextmanager
def _own_scheduler() -> Iterator[None]:
    """Let a worker of a loader compute by itself.

    Threads and cluster connections of the process that it was forked from are dead in it: to wait
    for them would take for ever.
    """
    if get_worker_info() is None:
        yield
        return
    with dask.config.set(scheduler="synchronous"):
        yield
