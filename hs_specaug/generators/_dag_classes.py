"""One generator per class, trained class after class until it reaches a baseline."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import asdict
from numbers import Integral
from typing import Any, ClassVar, cast

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor, nn

from .._warnings import warn_user
from ..exceptions import FewSamplesWarning, TrainingWarning
from ..networks import BatchStream, Player, TrainingLoop, WeightAverage
from ..networks._noise_layers import noise_from
from ._adversarial import WEIGHT, AdversarialGenerator
from ._dag_rule import FEWEST_ROWS, ClassRecord, StoppingRule, read_record
from ._dag_training import ClassProgress, ClassStreams, Schedule
from ._draws import Draws
from ._network_generator import WHOLE, WORTH_A_WORD
from ._run import Phases, TrainingRun


class ClassGenerators(nn.Module):
    """One generator per class.

    Parameters
    ----------
    members : list of torch.nn.Module
        In the order of the class codes.
    """

    def __init__(self, members: list[nn.Module]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, z: Tensor, labels: Tensor) -> Tensor:
        """Map noise (n, latent_dim) to rows of the classes `labels` (n,)."""
        parts = torch.empty(0)
        for code in torch.unique(labels).tolist():
            own = labels == code
            rows = self.members[code](z[own])
            if not len(parts):
                parts = rows.new_empty(len(z), *rows.shape[1:])
            parts[own] = rows
        return parts


class OneGeneratorPerClass(AdversarialGenerator):
    """Base of methods that are not class-conditional: a generator of its own for every class.

    All classes are trained in one loop, one after the other, against discriminators that start
    afresh with each. Subclasses give ``networks["generator"]`` as :class:`ClassGenerators`.

    Parameters
    ----------
    until_baseline : bool, default True
        Whether a class ends when it reaches the baseline; False trains it for all epochs. The
        best epoch is kept in either case.
    max_epochs : int or None, default None
        Most epochs of a class; None takes `epochs`.
    fewest_epochs : int, default 10
        Epochs before which no class ends, and no state but the last is kept.
    tolerance : float, default 0.0
        Widens the interval of the baseline by this share of its mean.
    epochs : int, default 300
        Most epochs of a class. An epoch has as many batches for every class as the largest
        class needs for one pass.
    scoring : {"fidelity", None}, default "fidelity"
        Whether the stopping rule is looked at; None trains to the end and keeps the last epoch.
    score_every : int, default 1
        Epochs between two looks.

    Attributes
    ----------
    records_ : list of ClassRecord
        How each class went: epochs, seconds, figures, baseline, trend. ``print(record)``.
    verdict_ : str
        The same in words, a line per class.
    converged_ : bool
        Whether every class that has a stopping rule reached the baseline.
    best_epoch_ : int
        Last epoch, counted through all classes, of which something was kept.
    score_ : float
        Mean distance from the baseline, over the classes, in half widths of its interval: 0 is
        as real rows on average, 1 the end of the interval.
    """

    #: Statistics of all rows of a class lead the training, and it has one class at a time.
    shares_batches: ClassVar[bool] = False
    trains_together: ClassVar[bool] = False
    takes_lazy_rows: ClassVar[bool] = False

    _parameter_constraints: ClassVar[dict] = {
        **AdversarialGenerator._parameter_constraints,
        "until_baseline": ["boolean"],
        "max_epochs": [Interval(Integral, 0, None, closed="left"), None],
        "fewest_epochs": [Interval(Integral, 0, None, closed="left")],
        "tolerance": [WEIGHT],
        "scoring": [StrOptions({"fidelity"}), None],
        "score_every": [WHOLE],
        "early_stopping": [None],
    }

    def __init__(
        self,
        *,
        until_baseline: bool = True,
        max_epochs: int | None = None,
        fewest_epochs: int = 10,
        tolerance: float = 0.0,
        epochs: int = 300,
        **training: Any,
    ) -> None:
        super().__init__(epochs=epochs, **training)
        self.until_baseline = until_baseline
        self.max_epochs = max_epochs
        self.fewest_epochs = fewest_epochs
        self.tolerance = tolerance

    # --- training ------------------------------------------------------------------------

    def _train(self, networks: Any, draws: Draws, run: TrainingRun, score: Any) -> Phases:
        """Train class after class and leave the generators that are kept in `networks`."""
        stream = cast(Any, draws.stream)
        streams = ClassStreams(
            [
                BatchStream(
                    stream.X[stream.y == code],
                    stream.y[stream.y == code],
                    self.batch_size,
                    torch.Generator().manual_seed(self._seeds[1] + code),
                )
                for code in range(len(self.classes_))
            ]
        )
        draws.stream = streams  # type: ignore[assignment]
        players = self._players(networks, draws, run)
        average = None
        if self.ema_decay is not None:
            average = WeightAverage(networks["generator"], self.ema_decay)
        sampler = networks["generator"] if average is None else average.average
        progress = self._progress(networks, sampler, streams, players, run)
        if not run.resumes_main_phase:
            run.snapshots.take(0, {**dict(networks.items()), "generator": sampler})

        def after_epoch(loop: TrainingLoop) -> None:
            code, epoch = progress.last_trained
            run.snapshots.take(epoch, {f"generator.members.{code}": progress.members[code]})

        loop = yield from run.phase(
            players,
            progress.schedule.epochs * sum(progress.trained),
            phase="",
            interruptible=True,
            average=average,
            best=progress,
            patience=1,
            after_epoch=after_epoch,
        )
        if average is not None:
            networks["generator"].load_state_dict(sampler.state_dict())
        self._after_training(networks)
        run.snapshots.complete(networks)
        self._note(progress)
        return loop

    def _progress(
        self,
        networks: Any,
        sampler: Any,
        streams: ClassStreams,
        players: list[Player],
        run: TrainingRun,
    ) -> ClassProgress:
        seen = {**dict(networks.items()), "generator": sampler}
        rules, records, trained = [], [], []
        for code, stream in enumerate(streams.streams):
            rule, note = self._rule(stream.X)
            baseline: dict = {} if rule is None else {k: tuple(b) for k, b in rule.baseline.items()}
            record = ClassRecord(
                str(self.classes_[code]), len(stream.X), baseline=baseline, note=note
            )
            rules.append(rule)
            records.append(record)
            trained.append(len(stream.X) >= FEWEST_ROWS)
        self._warn_of_few_rows(records)
        discriminators = next(p for p in players if p.name == "discriminator")
        fresh = nn.ModuleDict({"D": networks["discriminator"], **run.modules})
        start = copy.deepcopy(fresh.state_dict())

        def begin() -> None:
            fresh.load_state_dict(start)
            discriminators.optimizer.state.clear()

        @torch.no_grad()
        def sample(code: int, n: int) -> Tensor:
            # On the CPU and always the same, so that two looks differ by the networks only.
            labels = torch.full((n,), code, device=streams.X.device)
            return self._generate_all(seen, labels, torch.Generator().manual_seed(0))

        return ClassProgress(
            sampler.members,
            rules,
            records,
            trained,
            Schedule(
                self.epochs if self.max_epochs is None else self.max_epochs,
                self.fewest_epochs,
                self.score_every,
                self.until_baseline,
            ),
            sample,
            self._to_units,
            streams,
            begin,
        )

    def _to_units(self, rows: Tensor) -> np.ndarray:
        return self.scaler_.inverse_transform(rows.cpu().numpy())

    def _rule(self, rows: Tensor) -> tuple[StoppingRule | None, str]:
        if len(rows) < FEWEST_ROWS:
            return None, f"the stopping rule needs {FEWEST_ROWS} rows; this is the start"
        if self.scoring is None:
            return None, "not compared with the baseline (scoring=None)"
        try:
            return StoppingRule(self._to_units(rows), self.tolerance, self._seeds[2]), ""
        except ValueError as error:
            return None, f"no stopping rule: {error}"

    def _warn_of_few_rows(self, records: list[ClassRecord]) -> None:
        few = [f"{r.label!r} ({r.n_rows})" for r in records if r.n_rows < FEWEST_ROWS]
        if few:
            warn_user(
                f"dag: too few rows to train on, {FEWEST_ROWS} are needed, in class "
                f"{', '.join(few)}; its samples are its mean with variation of all classes",
                FewSamplesWarning,
            )

    def _note(self, progress: ClassProgress) -> None:
        self.records_ = list(progress.records)
        self._scores = [kept.facts["score"] for kept in progress.kept if kept]
        self._kept_epochs = [kept.facts["epoch"] for kept in progress.kept if kept]

    def _judge(self, loop: TrainingLoop) -> None:
        self.interrupted_ = loop.interrupted
        self.best_epoch_ = max(self._kept_epochs, default=0)
        known = [s for s in self._scores if np.isfinite(s)]
        self.score_ = float(np.mean(known)) if known else float("nan")
        missed = [r for r in self.records_ if r.reached is False]
        self.converged_ = not loop.interrupted and not missed
        del self._scores, self._kept_epochs
        if missed and max(r.epochs for r in missed) >= WORTH_A_WORD and self.until_baseline:
            warn_user("dag: " + "; ".join(map(str, missed)) + f". {self.remedy}", TrainingWarning)

    @property
    def verdict_(self) -> str:
        """How the training of each class went, a line per class."""
        return "\n".join(map(str, self.records_))

    # --- sampling and files --------------------------------------------------------------

    def _generate(
        self, networks: Mapping[str, Any], labels: Tensor, noise: torch.Generator
    ) -> Tensor:
        """Sample with the noise layers at work: measurement noise comes from them."""
        z = torch.randn(len(labels), self.latent_dim, generator=noise).to(labels.device)
        with noise_from(networks["generator"], noise):
            return networks["generator"](z, labels)

    def _header(self) -> dict[str, Any]:
        return {**super()._header(), "records": [asdict(record) for record in self.records_]}

    def _set_tensors(self, tensors: dict[str, np.ndarray], header: dict[str, Any]) -> None:
        super()._set_tensors(tensors, header)
        self.records_ = [read_record(values) for values in header["records"]]
