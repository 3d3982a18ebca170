"""What generators that are trained networks share: data in, training, samples out, files."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor, nn

from .._warnings import warn_user
from ..exceptions import TrainingWarning
from ..networks import (
    TRAINING_CONSTRAINTS,
    BestState,
    CollapseGuard,
    LazyRows,
    Player,
    ProcessGroup,
    TrainingLoop,
    WeightAverage,
    build_network,
    from_channels,
    resolve_device,
    resolve_precision,
    to_channels,
)
from ._base import BaseGenerator
from ._checkpoint import Checkpoint, identity_of
from ._draws import Draws
from ._fidelity import ClassProbe
from ._hyperparameters import inherit_hyperparameters
from ._lazy_input import LazyInput
from ._plots import GeneratorPlots
from ._run import Phases, TrainingRun, run_in_turn
from ._scoring import score_of, split_rows
from ._shared_run import draws_of, open_checkpoint, processes_of
from ._snapshots import EpochStates
from ._training_rows import TrainingRows

# Whoever trains for fewer epochs does not expect them to be better than the start.
WORTH_A_WORD = 20
SCORES = StrOptions({"fidelity", "downstream"})
WHOLE = Interval(Integral, 1, None, closed="left")


class NetworkGenerator(GeneratorPlots, EpochStates, LazyInput):
    """Base of methods that train networks with the shared loop.

    Subclasses implement `_build_networks`, `_players` and `_generate`, and where the paper has it
    `_pretrain`. Nothing here knows of a discriminator or a latent vector.

    On CUDA the last bits of a training depend on the order of atomic additions, unless the
    program starts with ``torch.use_deterministic_algorithms(True)`` and the environment variable
    ``CUBLAS_WORKSPACE_CONFIG=:4096:8``. On a CPU a seed always gives the same bits.

    Parameters
    ----------
    epochs : int, default 150
        Passes over the data.
    batch_size : int, default 32
        Rows per step.
    learning_rate : float, default 2e-4
        Of Adam.
    betas : tuple of float, default (0.5, 0.9)
        Of Adam.
    ema_decay : float or None, default None
        Decay of an exponential moving average of the generator's weights, per step (0.999, say).
        If given, the averaged network is what is scored, kept and sampled from.
    scoring : {"fidelity", "downstream"} or None, default "fidelity"
        What decides which epoch is kept. ``"fidelity"`` is the distance to the training rows.
        ``"downstream"`` holds a quarter of the training rows back, trains the networks on the
        rest, and asks how well a logistic regression trained with the generated rows recognises
        the rows held back (1 − macro F); with fewer than four rows in a class it falls back to
        ``"fidelity"`` and says so. None keeps the last epoch.
    score_every : int, default 1
        Epochs between two scores.
    early_stopping : {"fidelity", "downstream"} or None, default None
        Stop when this score (it replaces `scoring`) has not become better for `patience` epochs.
    patience : int, default 20
        See `early_stopping`.
    checkpoint : str, path-like or None, default None
        File to which the state of the training is written. If it exists, `fit` goes on from there
        (same data and hyperparameters, else an error) and ends with the same bits on a CPU as
        without the interruption. It is deleted when the training is complete, so that one name
        serves one fit after another; fits at the same time need names of their own.
    checkpoint_every : int, default 10
        Epochs between two checkpoints. Ctrl-C writes one in any case.
    snapshot_epochs : sequence of int or None, default None
        Epochs of the main phase, 0 for its start, after which all networks are kept besides, for
        `at_epoch` and `plot_feature_map`. They take memory, but no random numbers.
    sampling_strategy : float, str, dict or callable, default "auto"
        Which classes `fit_resample` fills up and how far, as in imbalanced-learn.
    device : str, default "auto"
        ``"auto"`` (CUDA where there is one), ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ...
    precision : {"auto", "float32", "bfloat16"}, default "auto"
        Arithmetic of the forward passes in training; ``"auto"`` is bfloat16 where the hardware
        multiplies it natively. Losses, norms and weights are always float32.
    random_state : int, numpy.random.RandomState or None, default None
        The only seed: weights, order of the rows, noise.
    show_progressbar : bool, default False
        Show the progress of the training.

    Attributes
    ----------
    networks_ : torch.nn.ModuleDict
        The trained networks; ``"generator"`` is the one that samples.
    history_ : dict of str to list
        Losses, scores and diversity per epoch; pre-training under names of its own.
    scaler_ : RangeScaler
        Maps data to what the networks see and back.
    device_ : torch.device
        Where it was trained.
    precision_ : str
        ``"float32"`` or ``"bfloat16"``.
    seconds_ : dict of str to float
        Time spent in the steps of each player.
    interrupted_ : bool
        Whether Ctrl-C ended the training early.
    best_epoch_ : int
        Epoch whose generator was kept; 0 is the start, before the first step of the main phase.
    score_ : float
        Its score, lower is better; NaN if nothing was scored.
    converged_ : bool
        True if the training ended by itself (by `epochs` or `early_stopping`), became better
        than its start, and the generator that was kept makes varied rows of every class. False
        after Ctrl-C, if the start was best, and after a collapse that going back did not cure.
        With ``scoring=None`` only Ctrl-C makes it False.
    snapshots_ : dict of int to dict
        Weights of all networks after each of `snapshot_epochs` that was reached.
    """

    #: What may help where training does not improve on its start; a method knows better.
    remedy: ClassVar[str] = "More epochs or another method may help"
    #: Length of the noise vector; a method without one draws what it needs itself.
    latent_dim: int = 0
    #: Most rows that are generated at once: what a CPU keeps in its cache.
    sample_batch: ClassVar[int] = 64
    #: Whether several processes can share its batches.
    shares_batches: ClassVar[bool] = True
    #: Whether `fit_together` can train several: all that the losses draw comes from `Draws`.
    trains_together: ClassVar[bool] = False
    #: Whether the losses are the same function of what they draw in every step.
    steps_alike: ClassVar[bool] = True

    _parameter_constraints: ClassVar[dict] = {
        **BaseGenerator._parameter_constraints,
        **TRAINING_CONSTRAINTS,
        "epochs": [Interval(Integral, 0, None, closed="left")],
        "ema_decay": [Interval(Real, 0, 1, closed="left"), None],
        "scoring": [SCORES, None],
        "score_every": [WHOLE],
        "early_stopping": [SCORES, None],
        "patience": [WHOLE],
        "checkpoint": [str, os.PathLike, None],
        "checkpoint_every": [WHOLE],
        "snapshot_epochs": ["array-like", None],
        "device": "no_validation",  # what torch says of a device is checked with it
    }

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        inherit_hyperparameters(cls)

    def __init__(
        self,
        *,
        epochs: int = 150,
        batch_size: int = 32,
        learning_rate: float = 2e-4,
        betas: tuple[float, float] = (0.5, 0.9),
        ema_decay: float | None = None,
        scoring: str | None = "fidelity",
        score_every: int = 1,
        early_stopping: str | None = None,
        patience: int = 20,
        checkpoint: Any = None,
        checkpoint_every: int = 10,
        snapshot_epochs: Sequence[int] | None = None,
        sampling_strategy: float | str | Mapping | Any = "auto",
        device: str = "auto",
        precision: str = "auto",
        random_state: Any = None,
        show_progressbar: bool = False,
    ) -> None:
        super().__init__(sampling_strategy=sampling_strategy)
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.betas = betas
        self.ema_decay = ema_decay
        self.scoring = scoring
        self.score_every = score_every
        self.early_stopping = early_stopping
        self.patience = patience
        self.checkpoint = checkpoint
        self.checkpoint_every = checkpoint_every
        self.snapshot_epochs = snapshot_epochs
        self.device = device
        self.precision = precision
        self.random_state = random_state
        self.show_progressbar = show_progressbar

    # --- training ------------------------------------------------------------------------

    #: What runs the loops of a fit.
    _conduct: Callable[[Phases], Any] = staticmethod(run_in_turn)

    def _fit(self, X: np.ndarray, codes: np.ndarray) -> None:
        self._conduct(self._training(X, codes))

    def _training(self, X: np.ndarray, codes: np.ndarray) -> Phases:
        """Do what `_fit` promises; yield the loop of every phase where it is to be run."""
        group = processes_of(self)
        self.device_ = resolve_device(self.device) if group is None else group.device(self.device)
        precision = resolve_precision(self.precision, self.device_)
        self.precision_ = precision.name
        shaped = X.converted(to_channels) if isinstance(X, LazyRows) else to_channels(X)
        checkpoint = self._open_checkpoint(shaped, codes, group)
        rows = TrainingRows(shaped, codes, self.device_)
        self.scaler_ = rows.scaler
        self._scored_by, train, held = split_rows(self, codes)
        networks = self._networks(shaped.shape[1:], self._seeds[0]).to(self.device_)
        draws = draws_of(self, rows, train, group)
        run = TrainingRun(self, networks, draws, precision, checkpoint)
        if not run.resumes_main_phase:
            yield from self._pretrain(networks, draws, run) or ()
        score = score_of(self, rows, train, held, group)
        loop = yield from self._train(networks, draws, run, score)
        if checkpoint is not None and not loop.interrupted:
            checkpoint.remove()
        self.networks_ = networks.requires_grad_(False).eval()
        self.snapshots_ = run.snapshots.states
        run.snapshots.warn_of_missing(self.method)
        self.history_, self.seconds_ = run.history, run.seconds
        self._judge(loop)

    def _open_checkpoint(
        self, rows: Any, codes: np.ndarray, group: ProcessGroup | None
    ) -> Checkpoint | None:
        """Draw the seeds of this fit, or take those of the fit that goes on."""
        rng = check_random_state(self.random_state)
        self._seeds = [int(s) for s in rng.randint(np.iinfo(np.int32).max, size=4)]
        if self.checkpoint is None and group is None:
            return None
        identity = identity_of(self, rows, codes)
        if group is not None:
            group.check_same(identity)
            self._seeds = group.once(lambda: self._seeds)
        if self.checkpoint is None:
            return None
        checkpoint = open_checkpoint(self.checkpoint, self.checkpoint_every, identity, group)
        if checkpoint.header is not None:
            self._seeds = checkpoint.header["seeds"]
        return checkpoint

    def _train(self, networks: Any, draws: Draws, run: TrainingRun, score: Any) -> Phases:
        """Run the main phase and leave the generator that is to be kept in `networks`."""
        players = self._players(networks, draws, run)
        average = None
        if self.ema_decay is not None:
            average = WeightAverage(networks["generator"], self.ema_decay)
        sampler = networks["generator"] if average is None else average.average
        best = None if score is None else self._best_state(networks, sampler, score)
        seen = {**dict(networks.items()), "generator": sampler}
        if not run.resumes_main_phase:
            run.snapshots.take(0, seen)
        loop = yield from run.phase(
            players,
            self.epochs,
            phase="",
            interruptible=True,
            average=average,
            best=best,
            score_every=self.score_every,
            patience=self.patience if self.early_stopping else None,
            guard=CollapseGuard(),
            after_epoch=lambda loop: run.snapshots.take(loop.epoch, seen),
        )
        if average is not None:
            networks["generator"].load_state_dict(sampler.state_dict())
        self._after_training(networks)
        return loop

    def _best_state(
        self, networks: Any, sampler: nn.Module, score: Callable[[Any], ClassProbe]
    ) -> BestState:
        seen = {**dict(networks.items()), "generator": sampler}

        def generate(labels: Tensor) -> Tensor:
            # On the CPU and always the same, so that two epochs differ by their networks only.
            noise = torch.Generator().manual_seed(0)
            return self._generate_all(seen, labels, noise)

        measure: Any = score(generate)
        return BestState(sampler, measure)

    def _judge(self, loop: TrainingLoop) -> None:
        """Say how the training ended, in attributes and, where it matters, in a warning."""
        best = loop.best
        self.interrupted_ = loop.interrupted
        self.best_epoch_ = loop.epoch if best is None else best.epoch
        self.score_ = float("nan") if best is None else best.value
        self.converged_ = not loop.interrupted and not loop.collapsed
        if best is None:
            return
        diversity = best.diversity_of_best
        alike = diversity is not None and not diversity >= CollapseGuard.threshold
        self.converged_ = self.converged_ and best.epoch > 0 and not alike
        if loop.epochs < WORTH_A_WORD:
            return
        if best.epoch == 0:
            warn_user(
                f"{self.method}: none of {loop.epoch} epochs brought the samples nearer to the "
                "training rows than the start of the training was, so the start is "
                f"kept. {self.remedy}",
                TrainingWarning,
            )
        if alike:
            warn_user(
                f"{self.method}: samples of one class are nearly alike (diversity {diversity:.1%} "
                f"of that of the real rows). {self.remedy}",
                TrainingWarning,
            )

    def _networks(self, shape: tuple[int, ...], seed: int) -> Any:
        channels, *size = shape
        return build_network(
            lambda: self._build_networks(channels, tuple(size), len(self.classes_)), seed
        )

    # --- sampling --------------------------------------------------------------

    def _generate_all(
        self, networks: Mapping[str, Any], labels: Tensor, noise: torch.Generator
    ) -> Tensor:
        """Generate in batches that fit into memory."""
        # A GPU wants work for all its units at once.
        at_once = self.sample_batch * (1 if labels.device.type == "cpu" else 16)
        parts = [self._generate(networks, part, noise) for part in labels.split(at_once)]
        return torch.cat(parts)

    def _sample(self, codes: np.ndarray, rng: np.random.RandomState) -> np.ndarray:
        seed = int(rng.randint(np.iinfo(np.int32).max))
        # Noise is drawn on the CPU, so that a seed means the same noise on every device.
        noise = torch.Generator().manual_seed(seed)
        networks: Any = self.networks_
        device = next(networks.parameters()).device
        labels = torch.from_numpy(codes).to(device)
        with torch.inference_mode():
            rows = self._generate_all(dict(networks.items()), labels, noise).cpu().numpy()
        return from_channels(self.scaler_.inverse_transform(rows), self.input_shape_)

    # --- what a method supplies --------------------------------------------------------

    @abstractmethod
    def _build_networks(
        self, channels: int, size: tuple[int, ...], n_classes: int
    ) -> nn.ModuleDict:
        """Return the untrained networks by name; ``"generator"`` is the one that samples."""

    @abstractmethod
    def _players(self, networks: Any, draws: Draws, run: TrainingRun) -> list[Player]:
        """Return the players of the main phase with their losses, in the order of their steps.

        What else remembers something (a moving average) goes into ``run.modules``.
        """

    @abstractmethod
    def _generate(
        self, networks: Mapping[str, Any], labels: Tensor, noise: torch.Generator
    ) -> Tensor:
        """Return one row in [−1, 1] for each class code; `noise` is a CPU generator."""

    def _pretrain(self, networks: Any, draws: Draws, run: TrainingRun) -> Phases | None:
        """Bring the networks to where the main phase starts.

        With ``yield from run.phase(...)``, so that several fits can train together, or with
        ``run.train(...)``.
        """

    def _after_training(self, networks: Any) -> None:
        """Bring the networks to the form in which they are kept."""
