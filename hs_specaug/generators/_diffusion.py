"""Class-conditional diffusion: a U-Net that learns to take noise away, and samples from noise.

The CCD-diffusion baseline of paper 000 (J. Chung et al., Scientific Reports 14, 2024). The parts
are those of J. Ho, A. Jain and P. Abbeel, NeurIPS (2020); A. Nichol and P. Dhariwal, ICML (2021);
J. Song, C. Meng and S. Ermon, ICLR (2021); J. Ho and T. Salimans, NeurIPS workshop (2021).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from numbers import Integral, Real
from typing import Any, ClassVar

import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor, nn
from torch.nn import functional as F

from ..networks import Losses, Player
from ..networks._denoiser import Denoiser
from ..networks._diffusion_process import PREDICTIONS, SCHEDULES
from ..networks._unet import UNet
from ._draws import Draws
from ._network_generator import NetworkGenerator
from ._run import TrainingRun

SAMPLERS = ("ddim", "ancestral")
DDIM_STEPS = 50


class DiffusionGenerator(NetworkGenerator):
    """Denoising diffusion with a class-conditional U-Net (paper 000, benchmark methods).

    Training adds noise of a random strength to real rows, and a U-Net learns to tell the noise
    from the row. Sampling starts from noise alone and takes it away in steps. There is one
    network and one loss that falls: nothing to balance, and no collapse. The price is the sampling,
    which evaluates the network as often as it makes steps.

    Every row is seen equally often in training, however rare its class: a class of four rows that
    filled a part of every batch would be learned by heart. What classes share is learned from all.

    `sampler`, `sampling_steps` and `guidance` matter for sampling only; change them after
    training with ``generator.set_params(guidance=2.0)``.

    Parameters
    ----------
    timesteps : int, default 1000
        Noise levels T of the training.
    schedule : {"cosine", "linear"}, default "cosine"
        How the noise grows over them.
    prediction : {"v", "noise"}, default "v"
        What the network predicts: the noise ε (Ho et al. 2020), or v = √ᾱ ε − √(1 − ᾱ) x₀
        (Salimans and Ho, ICLR 2022), which says as much of the row at the noisy end as of the
        noise at the clean one, and is learned in fewer steps.
    width : int, default 24
        Channels of the first level of the U-Net; the lower ones have 2, 2 and 4 times as many.
    label_dropout : float, default 0.1
        Share of the rows that are shown without their class, so that the network knows what all
        classes have in common, too; guidance needs this.
    sampler : {"ddim", "ancestral"}, default "ddim"
        ``"ddim"`` adds no noise after the start and does well with few steps; ``"ancestral"`` is
        that of Ho et al. (2020).
    sampling_steps : int or None, default None
        Steps of the sampler, at most `timesteps`. None is 50 for ``"ddim"`` and all of them for
        ``"ancestral"``.
    guidance : float, default 1
        Weight of the class: 1 samples what was learned of the class; more than 1 makes rows
        more typical and less varied, and costs twice the time; 0 ignores the class. It is 1 + w of
        Ho and Salimans (2021).
    epochs : int, default 500
        Passes over the data. Some 5000 steps should come of it: take more for fewer than 300 rows.
    betas : tuple of float, default (0.9, 0.999)
        Of Adam.
    ema_decay : float or None, default 0.995
        Decay of an exponential moving average of the generator's weights, per step. If given, the
        averaged network is what is scored, kept and sampled from.
    scoring : {"fidelity", "downstream"} or None, default None
        What decides which epoch is kept. The default keeps the last: the loss falls step by
        step, and a score costs as much time as many steps.
    score_every : int, default 25
        Epochs between two scores.

    Attributes
    ----------
    history_ : dict of str to list
        Loss per epoch, under ``"generator/denoising"``.
    networks_ : torch.nn.ModuleDict
        ``"generator"``, the U-Net with its noise schedule.

    References
    ----------
    J. Ho, A. Jain and P. Abbeel, "Denoising diffusion probabilistic models", NeurIPS (2020).
    A. Nichol and P. Dhariwal, "Improved denoising diffusion probabilistic models", ICML (2021).
    J. Song, C. Meng and S. Ermon, "Denoising diffusion implicit models", ICLR (2021).
    J. Ho and T. Salimans, "Classifier-free diffusion guidance", NeurIPS workshop (2021).
    """

    method: ClassVar[str] = "diffusion"
    trains_together: ClassVar[bool] = True

    _parameter_constraints: ClassVar[dict] = {
        **NetworkGenerator._parameter_constraints,
        "timesteps": [Interval(Integral, 2, None, closed="left")],
        "schedule": [StrOptions(set(SCHEDULES))],
        "prediction": [StrOptions(set(PREDICTIONS))],
        "width": [Interval(Integral, 2, None, closed="left")],
        "label_dropout": [Interval(Real, 0, 1, closed="left")],
        "sampler": [StrOptions(set(SAMPLERS))],
        "sampling_steps": [Interval(Integral, 1, None, closed="left"), None],
        "guidance": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self,
        *,
        timesteps: int = 1000,
        schedule: str = "cosine",
        prediction: str = "v",
        width: int = 24,
        label_dropout: float = 0.1,
        sampler: str = "ddim",
        sampling_steps: int | None = None,
        guidance: float = 1.0,
        epochs: int = 500,
        betas: tuple[float, float] = (0.9, 0.999),
        ema_decay: float | None = 0.995,
        scoring: str | None = None,
        score_every: int = 25,
        **training: Any,
    ) -> None:
        super().__init__(
            epochs=epochs,
            betas=betas,
            ema_decay=ema_decay,
            scoring=scoring,
            score_every=score_every,
            **training,
        )
        self.timesteps = timesteps
        self.schedule = schedule
        self.prediction = prediction
        self.width = width
        self.label_dropout = label_dropout
        self.sampler = sampler
        self.sampling_steps = sampling_steps
        self.guidance = guidance

    def _fit(self, X: Any, codes: Any) -> None:
        if self.sampling_steps is not None and self.sampling_steps > self.timesteps:
            raise ValueError(
                f"sampling_steps must be at most timesteps = {self.timesteps}, got "
                f"{self.sampling_steps}; sampling_steps=None takes what suits the sampler"
            )
        super()._fit(X, codes)

    def _build_networks(
        self, channels: int, size: tuple[int, ...], n_classes: int
    ) -> nn.ModuleDict:
        unet = UNet(n_classes, channels, size, self.width)
        return nn.ModuleDict(
            {"generator": Denoiser(unet, self.timesteps, self.schedule, self.prediction)}
        )

    def _players(self, networks: Any, draws: Draws, run: TrainingRun) -> list[Player]:
        denoiser = networks["generator"]
        terms = partial(denoising_losses, denoiser, draws, self.label_dropout)
        return [Player("generator", denoiser, terms, 1, self.learning_rate, self.betas)]

    def _generate(
        self, networks: Mapping[str, Any], labels: Tensor, noise: torch.Generator
    ) -> Tensor:
        denoiser = networks["generator"]
        everything = denoiser.timesteps
        suitable = min(DDIM_STEPS, everything) if self.sampler == "ddim" else everything
        shape = self.input_shape_ if len(self.input_shape_) > 1 else (1, *self.input_shape_)
        return denoiser.sample(
            labels,
            shape,
            noise,
            sampler=self.sampler,
            steps=self.sampling_steps or suitable,
            guidance=self.guidance,
        )


def denoising_losses(denoiser: Denoiser, draws: Draws, label_dropout: float) -> Losses:
    """Mean squared error of the prediction at a uniform time (Ho et al. 2020, Eq. 14)."""
    x0, y = draws.real()
    t = draws.integers(denoiser.timesteps, len(x0)) + 1
    x, target = denoiser.diffuse(x0, draws.normal(*x0.shape), t)
    dropped = draws.uniform(len(y)) < label_dropout
    shown = torch.where(dropped, denoiser.unet.no_class, y)
    return {"denoising": F.mse_loss(denoiser(x, t, shown), target)}
