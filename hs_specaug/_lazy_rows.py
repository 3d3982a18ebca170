"""Rows of a Dask array, read chunk by chunk when they are needed."""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from ._progress import active_client, compute_shown
from ._refusals import reading


@dataclass(frozen=True)
class _Part:
    """Rows that lie in one navigation chunk."""

    chunk: tuple[int, ...]
    rows: np.ndarray
    inside: tuple[np.ndarray, ...]


class LazyRows:
    """Rows of a Dask array at given navigation positions, as an array that is not read yet.

    It has a length, a shape and a dtype; an index gives fewer rows, still unread;
    ``np.asarray(rows)`` reads them all. No chunk without a wanted row is ever computed, and of a
    chunk only the wanted rows are kept.

    Parameters
    ----------
    data : dask.array.Array of shape (*navigation shape, *signal shape)
        Where the rows are.
    n_navigation : int
        Number of navigation axes.
    positions : ndarray of int
        Flat navigation index of each row.
    convert : callable or None
        What to make of rows (n, *signal shape) as they are read; must keep their number.
    """

    def __init__(
        self,
        data: Any,
        n_navigation: int,
        positions: np.ndarray,
        convert: Callable[[np.ndarray], np.ndarray] | None = None,
    ) -> None:
        self.data, self.n_navigation = data, n_navigation
        self.positions = np.asarray(positions)
        self.convert = convert
        empty = np.empty((0, *data.shape[n_navigation:]), dtype=data.dtype)
        converted = empty if convert is None else convert(empty)
        self.shape: tuple[int, ...] = (len(self.positions), *converted.shape[1:])
        self.dtype = converted.dtype

    @property
    def ndim(self) -> int:
        """Number of axes, that of the rows included."""
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        """Memory that the rows would take."""
        return math.prod(self.shape) * self.dtype.itemsize

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, rows: Any) -> LazyRows:
        positions = np.atleast_1d(self.positions[rows])
        return LazyRows(self.data, self.n_navigation, positions, self.convert)

    def converted(self, function: Callable[[np.ndarray], np.ndarray]) -> LazyRows:
        """Return the same rows, with `function` applied to them as they are read."""
        first = self.convert

        def both(rows: np.ndarray) -> np.ndarray:
            return function(rows if first is None else first(rows))

        return LazyRows(self.data, self.n_navigation, self.positions, both)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError("LazyRows have no memory to share; use np.asarray(rows)")
        return self.load().astype(dtype or self.dtype, copy=False)

    def load(self, show_progressbar: bool = False) -> np.ndarray:
        """Return all rows; each chunk that holds any is computed once."""
        shape = self.data.shape[: self.n_navigation]
        if shape:
            # One graph for all of them, so that nothing below shared chunks is done twice.
            data = self.data.vindex[np.unravel_index(self.positions, shape)]
        else:
            data = self.data[np.newaxis][self.positions]
        values = np.asarray(compute_shown(data, show_progressbar))
        return values if self.convert is None else self.convert(values)

    def map_parts(self, function: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """Return `function` of all rows, applied chunk by chunk; it must keep their number."""
        out = None
        for rows, values in self.read(self.parts()):
            part = function(values)
            if out is None:
                out = np.empty((len(self), *part.shape[1:]), dtype=part.dtype)
            out[rows] = part
        return function(self.load()) if out is None else out

    def parts(self) -> list[_Part]:
        """Return the rows sorted into the navigation chunks that hold them."""
        shape = self.data.shape[: self.n_navigation]
        if not shape:
            return [_Part((), np.arange(len(self)), ())]
        index = np.unravel_index(self.positions, shape)
        ends = [np.cumsum(sizes) for sizes in self.data.chunks[: self.n_navigation]]
        chunks = [np.searchsorted(e, i, side="right") for e, i in zip(ends, index, strict=True)]
        inside = [
            i - np.concatenate([[0], e])[c] for i, e, c in zip(index, ends, chunks, strict=True)
        ]
        number = np.ravel_multi_index(chunks, [len(e) for e in ends])
        order = np.argsort(number, kind="stable")
        borders = np.flatnonzero(np.diff(number[order])) + 1
        return [
            _Part(tuple(int(c[rows[0]]) for c in chunks), rows, tuple(i[rows] for i in inside))
            for rows in np.split(order, borders)
            if len(rows)
        ]

    def read(
        self, parts: Sequence[_Part], prefetch: int | None = None
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Read parts in the order given, some ahead of the one that is handed out.

        Parameters
        ----------
        parts : sequence
            From :meth:`parts`.
        prefetch : int or None
            Chunks that are computed at the same time, and ahead; None takes one for each thread
            that Dask has.

        Yields
        ------
        rows : ndarray of int of shape (n,)
            Their numbers.
        values : ndarray of shape (n, ...)
            The converted rows.
        """
        ahead = worker_threads() if prefetch is None else prefetch
        tasks = self._tasks(parts)
        # On a cluster these threads only wait; alone, each computes one chunk at a time.
        scheduler = active_client() or "synchronous"
        with ThreadPoolExecutor(ahead) as pool:
            waiting: deque[tuple[_Part, Future]] = deque()
            todo = zip(parts, tasks, strict=True)
            try:
                for part, task in itertools.islice(todo, ahead):
                    waiting.append((part, pool.submit(task.compute, scheduler=scheduler)))
                while waiting:
                    part, future = waiting.popleft()
                    with reading():
                        values = future.result()
                    for next_part, task in itertools.islice(todo, 1):
                        new = pool.submit(task.compute, scheduler=scheduler)
                        waiting.append((next_part, new))
                    yield part.rows, values if self.convert is None else self.convert(values)
            finally:
                for _, future in waiting:
                    future.cancel()

    def _tasks(self, parts: Sequence[_Part]) -> Iterator[Any]:
        """Yield a Dask task for each part, that computes its chunk and picks its rows."""
        import dask.array as da
        from dask.delayed import Delayed, delayed
        from dask.optimization import cull

        n_blocks = self.data.numblocks[self.n_navigation :]
        signal_blocks = list(np.ndindex(*n_blocks))
        name = self.data.name
        keys = [[(name, *part.chunk, *block) for block in signal_blocks] for part in parts]
        graph = dict(da.Array.__dask_optimize__(self.data.dask, list(itertools.chain(*keys))))
        pick = delayed(_pick, pure=False)
        for part, blocks in zip(parts, keys, strict=True):
            own, _ = cull(graph, blocks)
            picked = [pick(Delayed(key, own), part.inside) for key in blocks]
            yield picked[0] if len(picked) == 1 else delayed(_join)(picked, n_blocks)


def worker_threads() -> int:
    """Return how many chunks Dask computes at a time."""
    import dask
    from dask.system import CPU_COUNT

    client = active_client()
    if client is not None:
        return max(1, sum(client.nthreads().values()))
    return int(dask.config.get("num_workers", None) or CPU_COUNT)


def _pick(chunk: np.ndarray, inside: tuple[np.ndarray, ...]) -> np.ndarray:
    return np.asarray(chunk)[inside] if inside else np.asarray(chunk)[np.newaxis]


def _join(pieces: list[np.ndarray], n_blocks: tuple[int, ...]) -> np.ndarray:
    """Put pieces of the signal axes, in the order of `np.ndindex`, side by side."""
    for axis in range(len(n_blocks), 0, -1):
        n = n_blocks[axis - 1]
        pieces = [np.concatenate(pieces[i : i + n], axis=axis) for i in range(0, len(pieces), n)]
    return pieces[0]
