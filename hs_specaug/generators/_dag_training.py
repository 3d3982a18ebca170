"""Class after class in one training: mini-batches, order, what is kept of each class."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from torch import Tensor, nn

from ..networks import BatchStream, BestState, Kept, live_tensors, load_tensors
from ..networks._states import check_sizes
from ._dag_rule import STOPPING, ClassRecord, StoppingRule, read_record
from ._fidelity import mean_distance_within


class ClassStreams:
    """Mini-batches of one class at a time.

    Parameters
    ----------
    streams : sequence of BatchStream
        One per class code.

    Attributes
    ----------
    code : int
        The class whose rows come now.
    """

    def __init__(self, streams: Sequence[BatchStream]) -> None:
        self.streams = list(streams)
        self.code = 0

    @property
    def now(self) -> BatchStream:
        """The stream of the present class; of the last one when all are done."""
        return self.streams[min(self.code, len(self.streams) - 1)]

    @property
    def X(self) -> Tensor:
        """Rows of the present class."""
        return self.now.X

    @property
    def batch_size(self) -> int:
        """Rows of its batches."""
        return self.now.batch_size

    @property
    def batches_per_epoch(self) -> int:
        """Batches of an epoch: every class gets as many as the largest one needs for a pass."""
        return max(stream.batches_per_epoch for stream in self.streams)

    def next(self) -> tuple[Tensor, Tensor]:
        """Return the next batch (X, y)."""
        return self.now.next()

    def state(self) -> dict[str, Tensor]:
        """Return where all streams are."""
        return {
            f"{i}.{key}": value
            for i, stream in enumerate(self.streams)
            for key, value in stream.state().items()
        }

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Go on where :meth:`state` was taken."""
        for i, stream in enumerate(self.streams):
            prefix = f"{i}."
            own = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
            stream.load_state(own)


@dataclass
class Schedule:
    """What decides about the epochs of each class.

    Attributes
    ----------
    epochs, fewest : int
        Most and fewest epochs of a class.
    look_every : int
        Epochs between two looks at the stopping rule.
    stop : bool
        Whether a class ends when it reaches the baseline.
    """

    epochs: int
    fewest: int = 0
    look_every: int = 1
    stop: bool = True


class ClassProgress(BestState):
    """Leads one training from class to class, and keeps the best generator of each.

    To the training loop it is the best state: `look` is asked after every epoch, and `epoch` is
    the last one after which something was left to train. With a patience of one epoch the loop
    therefore stops when the last class is done.

    Parameters
    ----------
    members : torch.nn.ModuleList
        The generators that are sampled, one per class.
    rules : sequence of StoppingRule or None
        None where a class has none; its last epoch is kept.
    records : sequence of ClassRecord
        Classes with a note and no rule may be left out of the training, see `trained`.
    trained : sequence of bool
        Which classes are trained at all.
    schedule : Schedule
        How long.
    sample : callable
        ``(code, n) -> (n, channels, *size)`` scaled rows of the present state, the same noise at
        every call.
    to_units : callable
        Brings scaled rows back to the units of the rules.
    streams : ClassStreams
        Told which class is next.
    begin : callable
        Called before each class: gives it fresh discriminators.
    """

    def __init__(
        self,
        members: nn.ModuleList,
        rules: Sequence[StoppingRule | None],
        records: Sequence[ClassRecord],
        trained: Sequence[bool],
        schedule: Schedule,
        sample: Callable[[int, int], Tensor],
        to_units: Callable[[Tensor], np.ndarray],
        streams: ClassStreams,
        begin: Callable[[], None],
    ) -> None:
        super().__init__(members, lambda: float("nan"))
        self.members, self.rules, self.trained = members, list(rules), list(trained)
        self.schedule, self.streams, self.begin = schedule, streams, begin
        self.sample, self.to_units = sample, to_units
        self.records = tuple(records)
        self.within = [mean_distance_within(stream.X) for stream in streams.streams]
        self.kept = [Kept() for _ in members]
        self.code = self.looked = 0
        self._clock = time.perf_counter()
        self._past: tuple[int, int, tuple[ClassRecord, ...]] = (0, 0, self.records)

    # --- what the loop asks ------------------------------------------------------------

    @property
    def epoch(self) -> int:
        """The last epoch after which a class was left to train."""
        return self.looked - (self.code >= len(self.members))

    @property
    def last_trained(self) -> tuple[int, int]:
        """Code of the class that the last epoch trained, and how many of its epochs that makes."""
        code = self._past[1]
        return code, self.records[code].epochs

    def look(self, epoch: int, everything: dict[str, Tensor] | None = None) -> float:
        """Judge the present class after `epoch`, and go on to the next one if it is done."""
        self._past = (self.looked, self.code, self.records)
        self.looked, self.diversity = epoch, None
        if epoch == 0:
            self._clock = time.perf_counter()
            return self._go_to(0)
        now = time.perf_counter()
        record = self.records[self.code]
        record = replace(
            record, epochs=record.epochs + 1, seconds=record.seconds + now - self._clock
        )
        self._clock = now
        last = record.epochs >= self.schedule.epochs
        score = float("nan")
        if last or record.epochs % self.schedule.look_every == 0:
            record, score = self._judged(self.code, record)
        self._put(self.code, record)
        if last or self._may_stop(record):
            self._go_to(self.code + 1)
        return score

    def restore(self) -> None:
        """Put the kept generator of every class back."""
        for member, kept in zip(self.members, self.kept, strict=True):
            if kept:
                load_tensors(kept.tensors, {"member": member})

    def forget_after(self, epoch: int) -> None:
        """Return to the look before, if the last one is of an unfinished epoch."""
        if self.looked > epoch:
            self.looked, self.code, self.records = self._past
            for kept in self.kept:
                if kept and kept.facts["epoch"] > epoch:
                    kept.undo()
            self.streams.code = self.code

    def state(self) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """Return facts and tensors for a checkpoint."""
        facts = {
            "looked": self.looked,
            "code": self.code,
            "records": [asdict(record) for record in self.records],
            "kept": [dict(kept.facts) for kept in self.kept],
        }
        tensors = {
            f"{i}.{key}": value for i, k in enumerate(self.kept) for key, value in k.tensors.items()
        }
        return facts, tensors

    def load_state(self, facts: dict[str, Any], tensors: dict[str, Tensor]) -> None:
        """Restore what :meth:`state` returned."""
        self.looked, self.code = facts["looked"], facts["code"]
        self.records = tuple(read_record(values) for values in facts["records"])
        for i, (kept, known) in enumerate(zip(self.kept, facts["kept"], strict=True)):
            prefix = f"{i}."
            own = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
            if known:
                check_sizes(own, live_tensors({"member": self.members[i]}))
                kept.keep(own, **known)
        self.streams.code = self.code
        self._clock = time.perf_counter()

    # --- classes -----------------------------------------------------------------------

    def _go_to(self, code: int) -> float:
        """Begin with the next class that has something to train; return the score of its start."""
        score = float("nan")
        while code < len(self.members):
            self.code = self.streams.code = code
            record, score = self._judged(code, self.records[code])
            self._put(code, record)
            no_epochs = self.schedule.epochs == 0
            if self.trained[code] and not no_epochs and not self._may_stop(record):
                self.begin()
                return score
            code += 1
        self.code = self.streams.code = code
        return score

    def _may_stop(self, record: ClassRecord) -> bool:
        enough = record.epochs >= self.schedule.fewest
        now = bool(record.trend) and record.trend[-1][0] == record.epochs
        return self.schedule.stop and bool(record.reached) and enough and now

    def _put(self, code: int, record: ClassRecord) -> None:
        self.records = (*self.records[:code], record, *self.records[code + 1 :])

    def _judged(self, code: int, record: ClassRecord) -> tuple[ClassRecord, float]:
        """Look at generated rows of a class and keep its generator if it is the best so far."""
        rule, epochs = self.rules[code], record.epochs
        if rule is None:
            self._keep(code, score=float("nan"))
            return replace(record, kept_epoch=epochs), float("nan")
        rows = self.sample(code, rule.n_generated)
        values = rule.measure(self.to_units(rows))
        score, within = rule.excess(values), float(self.within[code])
        diversity = float(mean_distance_within(rows)) / within if within > 0 else float("nan")
        if epochs:
            self.diversity = diversity
        figures = tuple(values[name] for name in STOPPING)
        record = replace(record, trend=(*record.trend, (float(epochs), *figures, diversity)))
        kept = self.kept[code]
        # Epochs below the fewest wanted only count as long as there is nothing else.
        early = epochs < min(self.schedule.fewest, self.schedule.epochs)
        if not kept or (not early and (kept.facts["early"] or score < kept.facts["score"])):
            self._keep(code, score=score, early=early)
            reached = rule.reached(values)
            record = replace(record, kept_epoch=epochs, values=values, reached=reached)
        return record, score

    def _keep(self, code: int, **facts: Any) -> None:
        self.kept[code].keep(
            live_tensors({"member": self.members[code]}), epoch=self.looked, **facts
        )
