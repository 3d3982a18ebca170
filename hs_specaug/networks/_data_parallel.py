"""One training shared by several processes, each of which takes its part of every batch.

Every process holds all networks. In each step it computes the gradients of its own rows; before the
optimiser moves, the gradients are averaged over all processes, so that all make the same step. That
is the arithmetic of :class:`torch.nn.parallel.DistributedDataParallel`. Its wrapper is not used,
because it sees a network through its ``forward`` alone: the losses here enter networks through
their parts (``D.features``, ``D.head``, ``G.decode``), several times in one step, and some take
gradients of gradients.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from functools import partial
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed, nn

from ..exceptions import SpecAugWarning
from ._device import resolve_device
from ._shared_norm import shared_batch_norms
from ._states import live_tensors
from ._stream import RowStream
from ._training import TrainingLoop

T = TypeVar("T")


class ProcessGroup:
    """The processes that train together, seen from one of them.

    Attributes
    ----------
    rank, size : int
        Number of this process, from 0, and how many there are.
    local_rank : int
        Number of this process among those of its machine.
    """

    def __init__(self, group: Any = None) -> None:
        self._group = group
        self.rank = 0 if group is None else distributed.get_rank(group)
        self.size = 1 if group is None else distributed.get_world_size(group)
        self.local_rank = int(os.environ.get("LOCAL_RANK", self.rank))

    @property
    def first(self) -> bool:
        """Whether this is process 0, which writes files and shows progress."""
        return self.rank == 0

    # --- what all of them know ---------------------------------------------------------

    def once(self, function: Callable[[], T]) -> T:
        """Return, in all processes, what `function` returns in process 0; raise what it raises."""
        outcome: list[Any] = [None]
        if self.first:
            try:
                outcome = [(function(), None)]
            except Exception as error:
                outcome = [(None, _as_sent(error))]
        distributed.broadcast_object_list(outcome, src=self._source, group=self._group)
        result, refusal = outcome[0]
        if refusal is not None:
            raise refusal
        return result

    def check_same(self, facts: Mapping[str, Any]) -> None:
        """Make sure that all processes know the same `facts`.

        Raises
        ------
        ValueError
            In all processes, if any knows another value.
        """
        everywhere: list[Any] = [None] * self.size
        distributed.all_gather_object(everywhere, dict(facts), group=self._group)
        differing = [
            name for name in facts if any(other.get(name) != facts[name] for other in everywhere)
        ]
        if differing:
            raise ValueError(
                f"processes that train together must fit the same, but {', '.join(differing)} "
                "differ between them; load the same rows in the same order and give the same "
                "hyperparameters in every process"
            )

    def average(self, values: Mapping[str, float]) -> dict[str, float]:
        """Return the mean over all processes of each value."""
        table = torch.tensor([values[key] for key in sorted(values)], dtype=torch.float64)
        distributed.all_reduce(table, group=self._group)
        return dict(zip(sorted(values), (table / self.size).tolist(), strict=True))

    # --- tensors -----------------------------------------------------------------------

    def device(self, device: str | torch.device) -> torch.device:
        """Return what ``"auto"``, ``"cuda"`` or ``"cpu"`` is to this process.

        Raises
        ------
        ValueError
            If one GPU is named, which cannot be that of all; or there are fewer than processes.
        """
        resolved = resolve_device(device)
        if resolved.type != "cuda":
            return resolved
        if resolved.index is not None:
            raise ValueError(
                f"device must be 'auto', 'cuda' or 'cpu' in a training of several processes, each "
                f"of which has a GPU of its own, got {str(device)!r}"
            )
        if self.local_rank >= torch.cuda.device_count():
            raise ValueError(
                f"process {self.local_rank} of this machine has no GPU, there are "
                f"{torch.cuda.device_count()}; start torchrun with --nproc-per-node="
                f"{torch.cuda.device_count()}, or train with device='cpu'"
            )
        return torch.device("cuda", self.local_rank)

    @torch.no_grad()
    def mean(self, values: Tensor) -> Tensor:
        """Return the mean of `values` over all their entries in all processes."""
        mean = values.float().mean()
        distributed.all_reduce(mean, group=self._group)
        return mean / self.size

    @torch.no_grad()
    def average_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Replace gradients by their mean over all processes, in one message."""
        gradients = [p.grad for p in parameters if p.grad is not None]
        if not gradients:
            return
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        distributed.all_reduce(flat, group=self._group)
        flat /= self.size
        parts = flat.split([gradient.numel() for gradient in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view_as(gradient))

    @torch.no_grad()
    def spread(self, modules: Mapping[str, nn.Module]) -> None:
        """Give all processes the weights and buffers of process 0."""
        for tensor in live_tensors(modules).values():
            distributed.broadcast(tensor, src=self._source, group=self._group)

    def sum(self, values: Tensor) -> Tensor:
        """Return the sum over all processes; its gradient is summed in the same way."""
        return _Sum.apply(values, self._group)

    @property
    def _source(self) -> int:
        return distributed.get_global_rank(self._group, 0)


class _Sum(torch.autograd.Function):
    """Σ over processes. Each contributes to the losses of all, so gradients add up as well."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, group: Any) -> Tensor:
        ctx.group = group
        total = values.clone()
        distributed.all_reduce(total, group=group)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        return _Sum.apply(gradients[0].contiguous(), ctx.group), None


def _as_sent(error: Exception) -> Exception:
    """Return an error that other processes can read."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__} in process 0: {error}")
    return error


# --- which processes train together ------------------------------------------------------

_ACTIVE: ContextVar[ProcessGroup | None] = ContextVar("processes that train together", default=None)


def active_group() -> ProcessGroup | None:
    """Return the processes that share the present training; None where there is one alone."""
    return _ACTIVE.get()


@contextlib.contextmanager
def data_parallel() -> Iterator[ProcessGroup]:
    """Share every training of a network generator in this block among the processes of torchrun.

    All processes run the same script on the same data. Each takes an equal part of every batch on
    a GPU of its own (NCCL), or on the CPU (gloo), and all end with the same networks. A script
    that was not started by torchrun runs as without this block.

    Yields
    ------
    ProcessGroup
        Its ``first`` is True in the one process that should write files; ``rank``, ``size``.

    Raises
    ------
    RuntimeError
        Within another such block.

    Warns
    -----
    SpecAugWarning
        In process 0 alone; all would say the same.

    Examples
    --------
    >>> import numpy as np
    >>> from hs_specaug.generators import CDRAGANGenerator
    >>> from hs_specaug.networks import data_parallel
    >>> X, y = np.random.default_rng(0).random((12, 1, 16, 16)), np.arange(12) % 2
    >>> with data_parallel() as processes:
    ...     generator = CDRAGANGenerator(epochs=1, random_state=0).fit(X, y)
    >>> processes.size, processes.first
    (1, True)
    """
    if _ACTIVE.get() is not None:
        raise RuntimeError("data_parallel() is active already; leave out the inner one")
    with _joined() as group:
        if group.size == 1:
            yield group
            return
        token = _ACTIVE.set(group)
        try:
            with warnings.catch_warnings():
                if not group.first:
                    warnings.simplefilter("ignore", SpecAugWarning)
                yield group
        finally:
            _ACTIVE.reset(token)


@contextlib.contextmanager
def _joined() -> Iterator[ProcessGroup]:
    """Join the other processes, for as long as the block lasts."""
    known = distributed.is_available() and distributed.is_initialized()
    if not known and int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield ProcessGroup()
        return
    backend = "gloo"
    if torch.cuda.is_available():
        # What is said about the training travels between CPUs, gradients between GPUs.
        backend = "cpu:gloo,cuda:nccl"
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", 0)) % torch.cuda.device_count())
    if known:
        group = distributed.new_group(backend=backend)
    else:
        distributed.init_process_group(backend)
        group = distributed.group.WORLD
    try:
        yield ProcessGroup(group)
    finally:
        distributed.destroy_process_group(group if known else None)


# --- what a training shares --------------------------------------------------------------


class StreamShare:
    """Part of one process in the mini-batches of a stream that all processes have.

    Attributes
    ----------
    batch_size : int
        Rows of a part.
    batch_labels : Tensor
        Class codes of the whole last batch.
    """

    def __init__(self, stream: RowStream, group: ProcessGroup) -> None:
        self.stream, self.group = stream, group
        self.batch_size = stream.batch_size // group.size
        self.batch_labels = stream.y[:0]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def next(self) -> tuple[Tensor, Tensor]:
        """Return this process's rows and labels of the next batch (X, y)."""
        X, self.batch_labels = self.stream.next()
        own = slice(self.group.rank * self.batch_size, (self.group.rank + 1) * self.batch_size)
        return X[own], self.batch_labels[own]


def shared_batch_size(batch_size: int, n_rows: int, size: int) -> int:
    """Return how many rows `size` processes take in one step, all of them together.

    Raises
    ------
    ValueError
        If a batch cannot be divided equally, or there are fewer rows than processes.
    """
    if batch_size % size:
        raise ValueError(
            f"batch_size must be a multiple of the {size} processes that share every batch, got "
            f"{batch_size}; pass batch_size={-(-batch_size // size) * size}, for instance"
        )
    if n_rows < size:
        raise ValueError(f"{size} processes cannot share {n_rows} rows; start fewer of them")
    return min(batch_size, n_rows) // size * size


class SharedScore:
    """A score that process 0 measures and all take for theirs.

    The last bits of a score may differ between machines; decisions must not.

    Parameters
    ----------
    make : callable
        Returns the score, see :class:`BestState`; called in process 0 alone.
    group : ProcessGroup
        Who trains.
    """

    def __init__(self, make: Callable[[], Any], group: ProcessGroup) -> None:
        self.group = group
        self.diversity: float | None = None
        self._score: Any = None
        group.once(lambda: self._take(make))

    def __call__(self) -> float:
        """Return the present score; lower is better."""
        value, self.diversity = self.group.once(self._measured)
        return value

    def _take(self, make: Callable[[], Any]) -> None:
        self._score = make()

    def _measured(self) -> tuple[float, float | None]:
        return self._score(), getattr(self._score, "diversity", None)


class SharedLoop(TrainingLoop):
    """The training loop of one process among several that make the same steps.

    Parameters
    ----------
    group : ProcessGroup
        Who trains.
    players, **options
        See :class:`TrainingLoop`. The progress bar is that of process 0. Ctrl-C is passed on:
        processes that stop at different places leave nothing usable but a checkpoint.
    """

    def __init__(self, players: Sequence[Any], *, group: ProcessGroup, **options: Any) -> None:
        options["show_progressbar"] = options.get("show_progressbar", False) and group.first
        options["interruptible"] = False
        super().__init__(players, **options)
        self.group = group

    def fit_loop(self) -> SharedLoop:
        """Train from the weights of process 0."""
        self.group.spread(self.modules)
        hooks = [
            # Between the gradients of this process and the step, whatever path they came by.
            player.optimizer.register_step_pre_hook(partial(self._average, player.parameters))
            for player in self.players
        ]
        try:
            with shared_batch_norms(self.modules, self.group):
                super().fit_loop()
        finally:
            for hook in hooks:
                hook.remove()
        return self

    def _average(self, parameters: Sequence[nn.Parameter], *step: Any) -> None:
        self.group.average_gradients(parameters)

    def run_single_epoch(self) -> dict[str, float]:
        """Return the mean of each loss term over the rows of all processes."""
        return self.group.average(super().run_single_epoch())
