"""A U-Net together with the noise schedule it was trained with, and the samplers that ask it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ._diffusion_process import (
    RowNoise,
    clean_from,
    guide,
    noise_schedule,
    q_sample,
    sample_ancestral,
    sample_ddim,
    sampling_times,
    velocity,
)
from ._unet import UNet


class Denoiser(nn.Module):
    """What turns noise of a class into rows in [−1, 1].

    The schedule is a buffer: a file holds it with the weights.

    Parameters
    ----------
    unet : UNet
        Predicts v or the noise.
    timesteps, schedule
        See :func:`~hs_specaug.networks._diffusion_process.noise_schedule`.
    prediction : {"v", "noise"}
        What the network predicts.
    """

    abar: Tensor

    def __init__(self, unet: UNet, timesteps: int, schedule: str, prediction: str) -> None:
        super().__init__()
        self.unet = unet
        self.prediction = prediction
        self.register_buffer("abar", noise_schedule(timesteps, schedule))

    @property
    def timesteps(self) -> int:
        """Number of noise levels T."""
        return len(self.abar) - 1

    def forward(self, x: Tensor, t: Tensor, y: Tensor) -> Tensor:
        """Predict v or ε for rows `x` (n, channels, *size), times `t` (n,), codes `y` (n,)."""
        return self.unet(x, t, y)

    def diffuse(self, x0: Tensor, noise: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """Return noisy rows at the times `t`, and what should be predicted for them."""
        x = q_sample(x0, noise, self.abar, t)
        return x, velocity(x0, noise, self.abar, t) if self.prediction == "v" else noise

    def clean(self, x: Tensor, t: int, y: Tensor, guidance: float) -> Tensor:
        """Return x̂₀ in [−1, 1] under classifier-free guidance.

        Clipping keeps the first steps, where x̂₀ is little more than a guess, from leaving the
        range of the data for good (the code of DDPM does so too).
        """
        times = torch.full((len(x),), t, device=x.device)
        nobody = torch.full_like(y, self.unet.no_class)
        if guidance == 1.0:  # the class alone: half the work
            predicted = self(x, times, y)
        elif guidance == 0.0:
            predicted = self(x, times, nobody)
        else:
            both = self(x.repeat(2, *(1,) * (x.ndim - 1)), times.repeat(2), torch.cat([y, nobody]))
            conditional, unconditional = both.chunk(2)
            predicted = guide(conditional, unconditional, guidance)
        return clean_from(predicted, x, self.abar, times, self.prediction).clamp(-1.0, 1.0)

    def sample(
        self,
        y: Tensor,
        shape: tuple[int, ...],
        noise: torch.Generator,
        *,
        sampler: str = "ddim",
        steps: int = 50,
        guidance: float = 1.0,
    ) -> Tensor:
        """Make a row for each class code.

        Parameters
        ----------
        y : Tensor of shape (n,)
            Class codes.
        shape : tuple of int
            ``(channels, *size)`` of a row.
        noise : torch.Generator
            CPU generator. Every row takes one seed from it, and its own numbers from that.
        sampler : {"ddim", "ancestral"}
            Deterministic path or fresh noise in every step.
        steps : int
            Evaluations of the network (of twice the rows if `guidance` is not 0 or 1).
        guidance : float
            See :func:`~hs_specaug.networks._diffusion_process.guide`.

        Returns
        -------
        Tensor of shape (n, channels, *size)
            In [−1, 1].
        """
        own = RowNoise(len(y), shape, noise)
        times = sampling_times(self.timesteps, steps)

        def normal() -> Tensor:
            return own().to(y.device)

        def denoise(x: Tensor, t: int) -> Tensor:
            return self.clean(x, t, y, guidance)

        if sampler == "ddim":
            return sample_ddim(denoise, normal(), self.abar, times)
        return sample_ancestral(denoise, normal(), self.abar, times, normal)
