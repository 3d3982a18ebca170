"""What adversarial methods share around the training loop: data in, samples out, files.

A method module supplies its networks, how they start, and its loss terms.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.utils import check_random_state
from torch import Tensor, nn

from .._warnings import warn_user
from ..exceptions import TrainingWarning
from ..networks import (
    BatchStream,
    BestState,
    Player,
    Precision,
    RangeScaler,
    TrainingLoop,
    build_network,
    from_channels,
    resolve_device,
    resolve_precision,
    to_channels,
)
from ._base import BaseGenerator
from ._fidelity import ClassFidelity

SAMPLE_BATCH = 512
SCALER = ("minimum", "maximum")
# Whoever trains for fewer epochs does not expect them to be better than the start.
WORTH_A_WORD = 20


class Draws:
    """All random numbers of one training run, and the real rows, on the training device.

    Parameters
    ----------
    stream : BatchStream
        Real rows.
    n_classes, latent_dim : int
        Ranges of labels and noise.
    generator : torch.Generator
        Of the training device.
    """

    def __init__(
        self, stream: BatchStream, n_classes: int, latent_dim: int, generator: torch.Generator
    ) -> None:
        self.stream = stream
        self.n_classes = n_classes
        self.latent_dim = latent_dim
        self.generator = generator
        self.device = stream.X.device

    def real(self) -> tuple[Tensor, Tensor]:
        """Return the next batch of real rows x_a and their labels y_a."""
        return self.stream.next()

    def noise(self, n: int) -> Tensor:
        """Return latent noise z ~ N(0, 1) of shape (n, latent_dim)."""
        return torch.randn(n, self.latent_dim, generator=self.generator, device=self.device)

    def labels(self, n: int) -> Tensor:
        """Return labels y_g, every class equally likely."""
        return torch.randint(self.n_classes, (n,), generator=self.generator, device=self.device)

    def wrong(self, y: Tensor) -> Tensor:
        """Return a wrong label y_m for each of `y`, never the right one."""
        step = torch.randint(
            1, self.n_classes, y.shape, generator=self.generator, device=self.device
        )
        return (y + step) % self.n_classes

    def uniform(self, n: int) -> Tensor:
        """Return n numbers of uniform(0, 1)."""
        return torch.rand(n, generator=self.generator, device=self.device)

    def seed(self) -> int:
        """Return a seed for another network."""
        return int(torch.randint(2**31, (), generator=self.generator, device=self.device))

    def missing(self, y: Tensor) -> Tensor:
        """Return the labels that balance a batch: each class up to the most frequent one."""
        counts = torch.bincount(y, minlength=self.n_classes)
        return torch.repeat_interleave(
            torch.arange(self.n_classes, device=self.device), counts.max() - counts
        )


class AdversarialGenerator(BaseGenerator):
    """Base of methods that train a class-conditional generator network against others.

    Subclasses implement `_build_networks`, `_players` and, where the paper has it, `_pretrain`.

    Attributes
    ----------
    networks_ : torch.nn.ModuleDict
        The trained networks; ``"generator"`` is the one that samples.
    history_ : dict of str to list
        Losses per epoch; pre-training under names of its own.
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
        Epoch whose generator was kept; 0 is the start, before any adversarial step.
    score_ : float
        Its distance to the training rows (:class:`ClassFidelity`; lower is better).
    """

    #: What may help where training does not improve on its start; a method knows better.
    remedy: ClassVar[str] = "More epochs or another method may help"

    def _fit(self, X: np.ndarray, codes: np.ndarray) -> None:
        self.device_ = resolve_device(self.device)
        precision = resolve_precision(self.precision, self.device_)
        self.precision_ = precision.name
        rows = to_channels(X)
        self.scaler_ = RangeScaler().fit(rows)
        rng = check_random_state(self.random_state)
        seeds = [int(s) for s in rng.randint(np.iinfo(np.int32).max, size=3)]
        networks = self._networks(rows.shape[1:], seeds[0]).to(self.device_)
        stream = BatchStream(
            torch.from_numpy(self.scaler_.transform(rows)).to(self.device_),
            torch.from_numpy(codes).to(self.device_),
            self.batch_size,
            torch.Generator().manual_seed(seeds[1]),
        )
        noise = torch.Generator(self.device_).manual_seed(seeds[2])
        draws = Draws(stream, len(self.classes_), self.latent_dim, noise)
        self.history_: dict[str, list[float]] = {}
        self.seconds_: dict[str, float] = {}
        self._pretrain(networks, draws, precision)
        best = self._best_state(networks, draws)
        loop = self._run(
            self._players(networks, draws),
            draws,
            self.epochs,
            precision,
            interruptible=True,
            best=best,
        )
        self.networks_ = networks.requires_grad_(False).eval()
        self.interrupted_ = loop.interrupted
        self.best_epoch_, self.score_ = best.epoch, best.value
        if best.epoch == 0 and self.epochs >= WORTH_A_WORD:
            warn_user(
                f"{self.method}: none of {loop.epoch} epochs brought the samples nearer to the "
                "training rows than the start of the adversarial training was, so the start is "
                f"kept. {self.remedy}",
                TrainingWarning,
            )

    def _best_state(self, networks: Any, draws: Draws) -> BestState:
        generator: Any = networks["generator"]

        def generate(labels: Tensor) -> Tensor:
            same = torch.Generator().manual_seed(0)
            noise = torch.randn(len(labels), self.latent_dim, generator=same)
            return generator(noise.to(labels.device), labels)

        return BestState(generator, ClassFidelity(generate, draws.stream.X, draws.stream.y))

    def _networks(self, shape: tuple[int, ...], seed: int) -> Any:
        channels, *size = shape
        return build_network(
            lambda: self._build_networks(channels, tuple(size), len(self.classes_)), seed
        )

    def _run(
        self,
        players: list[Player],
        draws: Draws,
        epochs: int,
        precision: Precision,
        *,
        phase: str = "",
        interruptible: bool = False,
        best: BestState | None = None,
    ) -> TrainingLoop:
        """Train `players` and file the history under the name of the phase."""
        loop = TrainingLoop(
            players,
            epochs=epochs,
            steps_per_epoch=draws.stream.batches_per_epoch,
            precision=precision,
            description=f"{self.method}{phase and ' '}{phase}",
            show_progressbar=self.show_progressbar,
            interruptible=interruptible,
            best=best,
        ).fit_loop()
        prefix = f"{phase}/" if phase else ""
        self.history_.update({prefix + key: values for key, values in loop.history.items()})
        self.seconds_.update({player.name: player.seconds for player in players})
        return loop

    # --- sampling and files --------------------------------------------------------------

    def _sample(self, codes: np.ndarray, rng: np.random.RandomState) -> np.ndarray:
        seed = int(rng.randint(np.iinfo(np.int32).max))
        # Noise is drawn on the CPU, so that a seed means the same noise on every device.
        noise = torch.Generator().manual_seed(seed)
        z = torch.randn(len(codes), self.latent_dim, generator=noise)
        y = torch.from_numpy(codes)
        network = self.networks_["generator"]
        device = next(network.parameters()).device
        with torch.inference_mode():
            parts = [
                network(z[i : i + SAMPLE_BATCH].to(device), y[i : i + SAMPLE_BATCH].to(device))
                for i in range(0, len(codes), SAMPLE_BATCH)
            ]
            rows = torch.cat(parts).cpu().numpy()
        return from_channels(self.scaler_.inverse_transform(rows), self.input_shape_)

    def _header(self) -> dict[str, Any]:
        scaler = {key: getattr(self.scaler_, f"{key}_").tolist() for key in SCALER}
        return {
            "scaler": scaler,
            "precision": self.precision_,
            "best_epoch": self.best_epoch_,
            "score": self.score_,
            "interrupted": self.interrupted_,
        }

    def _tensors(self) -> dict[str, np.ndarray]:
        weights = {
            f"networks.{key}": value.detach().cpu().numpy()
            for key, value in self.networks_.state_dict().items()
        }
        return {
            **weights,
            **{f"scaler.{key}": getattr(self.scaler_, f"{key}_") for key in SCALER},
            **{f"history.{key}": np.asarray(v, float) for key, v in self.history_.items()},
        }

    def _set_tensors(self, tensors: dict[str, np.ndarray], header: dict[str, Any]) -> None:
        self.device_ = resolve_device("auto")
        self.scaler_ = RangeScaler()
        for key in SCALER:
            setattr(self.scaler_, f"{key}_", tensors[f"scaler.{key}"])
        self.scaler_.dtype_ = self.dtype_
        shape = self.input_shape_ if len(self.input_shape_) > 1 else (1, *self.input_shape_)
        networks = self._networks(shape, 0)
        networks.load_state_dict(
            {
                key.removeprefix("networks."): torch.from_numpy(value.copy())
                for key, value in tensors.items()
                if key.startswith("networks.")
            }
        )
        self.networks_ = networks.to(self.device_).requires_grad_(False).eval()
        self.precision_ = header["precision"]
        self.best_epoch_, self.score_ = header["best_epoch"], header["score"]
        self.interrupted_ = header["interrupted"]
        self.history_ = {
            key.removeprefix("history."): value.tolist()
            for key, value in tensors.items()
            if key.startswith("history.")
        }

    # --- what a method supplies --------------------------------------------------------

    @abstractmethod
    def _build_networks(
        self, channels: int, size: tuple[int, ...], n_classes: int
    ) -> nn.ModuleDict:
        """Return the untrained networks by name."""

    def _pretrain(self, networks: Any, draws: Draws, precision: Precision) -> None:
        """Bring the networks to where the adversarial training starts."""

    @abstractmethod
    def _players(self, networks: Any, draws: Draws) -> list[Player]:
        """Return the players in the order of their steps, with their losses."""
