"""Gaussian diffusion as functions of tensors: noise schedules, one step back, samplers.

Times run from 0 (data) to T (noise). ``abar`` is the share ᾱ of the variance that is still signal:
a tensor of T + 1 numbers, ᾱ₀ = 1. All that a sampler needs of a network is x̂₀, its best guess of
the clean rows.

J. Ho, A. Jain and P. Abbeel, NeurIPS (2020), "DDPM"; A. Nichol and P. Dhariwal, ICML (2021),
"IDDPM"; J. Song, C. Meng and S. Ermon, ICLR (2021), "DDIM"; J. Ho and T. Salimans, NeurIPS workshop
(2021), "CFG"; T. Salimans and J. Ho, ICLR (2022), "PD".
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

#: Largest β of a step: at 1 nothing of the step before would be left (IDDPM, section 3.2).
LARGEST_BETA = 0.999
OFFSET = 0.008  # s of IDDPM, Eq. (17)
FIRST_BETA, LAST_BETA = 1e-4, 0.02  # of DDPM, section 4, for 1000 steps
SCHEDULES = ("cosine", "linear")
PREDICTIONS = ("v", "noise")

Denoise = Callable[[Tensor, int], Tensor]


def noise_schedule(timesteps: int, kind: str = "cosine") -> Tensor:
    """Return ᾱ of the times 0 to T.

    Parameters
    ----------
    timesteps : int
        T.
    kind : {"cosine", "linear"}
        ``"cosine"`` is IDDPM, Eq. (17). ``"linear"`` is DDPM, section 4: β grows evenly from 1e-4
        to 0.02, scaled by 1000 / T so that every T ends in the same noise.

    Returns
    -------
    Tensor of shape (timesteps + 1,), float64
        Falls from 1 to almost 0.

    Raises
    ------
    ValueError
        If the kind is unknown.
    """
    if kind == "cosine":
        angle = (torch.linspace(0.0, 1.0, timesteps + 1, dtype=torch.float64) + OFFSET) / (
            1.0 + OFFSET
        )
        f = torch.cos(angle * math.pi / 2.0) ** 2
        beta = 1.0 - f[1:] / f[:-1]
    elif kind == "linear":
        scale = 1000.0 / timesteps
        beta = scale * torch.linspace(FIRST_BETA, LAST_BETA, timesteps, dtype=torch.float64)
    else:
        raise ValueError(f"kind must be one of {SCHEDULES}, got {kind!r}")
    kept = torch.cumprod(1.0 - beta.clamp(max=LARGEST_BETA), dim=0)
    return torch.cat([torch.ones(1, dtype=torch.float64), kept])


def sampling_times(timesteps: int, steps: int) -> list[int]:
    """Return `steps` + 1 times from T down to 0, as evenly spaced as whole numbers can be.

    Raises
    ------
    ValueError
        If there are more steps than times.
    """
    if not 1 <= steps <= timesteps:
        raise ValueError(
            f"sampling_steps must be between 1 and timesteps = {timesteps}, got {steps}; "
            "sampling_steps=None takes what suits the sampler"
        )
    return torch.linspace(timesteps, 0, steps + 1, dtype=torch.float64).round().int().tolist()


def levels(abar: Tensor, t: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    """Return √ᾱ and √(1 − ᾱ) at the times `t` (n,), ready to multiply rows `x` (n, ...)."""
    share = abar[t].reshape(-1, *(1,) * (x.ndim - 1))
    return share.sqrt().to(x.dtype), (1.0 - share).sqrt().to(x.dtype)


def q_sample(x0: Tensor, noise: Tensor, abar: Tensor, t: Tensor) -> Tensor:
    """Return x_t = √ᾱ x₀ + √(1 − ᾱ) ε (DDPM, Eq. 4): rows `x0` (n, ...) at the times `t` (n,)."""
    signal, sigma = levels(abar, t, x0)
    return signal * x0 + sigma * noise


def velocity(x0: Tensor, noise: Tensor, abar: Tensor, t: Tensor) -> Tensor:
    """Return v = √ᾱ ε − √(1 − ᾱ) x₀ (PD, appendix D)."""
    signal, sigma = levels(abar, t, x0)
    return signal * noise - sigma * x0


def clean_from(predicted: Tensor, x: Tensor, abar: Tensor, t: Tensor, kind: str = "v") -> Tensor:
    """Return x̂₀ from what a network predicted at `x` and the times `t` (n,).

    Parameters
    ----------
    predicted, x : Tensor of shape (n, ...)
        Prediction and the noisy rows it was made for.
    abar, t : Tensor
        Schedule and times.
    kind : {"v", "noise"}
        What was predicted, v or ε.
    """
    signal, sigma = levels(abar, t, x)
    if kind == "v":
        return signal * x - sigma * predicted
    return (x - sigma * predicted) / signal


def guide(conditional: Tensor, unconditional: Tensor, guidance: float) -> Tensor:
    """Push a prediction away from the one without a class (CFG, Eq. 6, guidance = 1 + w).

    0 ignores the class, 1 is the class as it was learned, more than 1 exaggerates what makes it
    special. Linear, hence the same for v, ε and x₀.
    """
    return unconditional + guidance * (conditional - unconditional)


def posterior(x0: Tensor, x: Tensor, abar_t: float, abar_s: float) -> tuple[Tensor, float]:
    """Return mean and variance of q(x_s | x_t, x₀) for an earlier time s (DDPM, Eq. 7).

    Parameters
    ----------
    x0, x : Tensor of shape (n, ...)
        Clean rows and rows at time t.
    abar_t, abar_s : float
        ᾱ at t and at s < t; steps may be left out between them (IDDPM, section 4).
    """
    beta = 1.0 - abar_t / abar_s
    of_x0 = math.sqrt(abar_s) * beta / (1.0 - abar_t)
    of_x = math.sqrt(abar_t / abar_s) * (1.0 - abar_s) / (1.0 - abar_t)
    return of_x0 * x0 + of_x * x, beta * (1.0 - abar_s) / (1.0 - abar_t)


def ddim_step(x0: Tensor, x: Tensor, abar_t: float, abar_s: float) -> Tensor:
    """Return x_s from x_t without new noise (DDIM, Eq. 12 with σ = 0)."""
    noise = (x - math.sqrt(abar_t) * x0) / math.sqrt(1.0 - abar_t)
    return math.sqrt(abar_s) * x0 + math.sqrt(1.0 - abar_s) * noise


def sample_ddim(denoise: Denoise, x: Tensor, abar: Tensor, times: Sequence[int]) -> Tensor:
    """Walk from noise to data on the deterministic path of DDIM.

    Parameters
    ----------
    denoise : callable
        Maps rows and their time to x̂₀.
    x : Tensor of shape (n, ...)
        Noise, N(0, 1).
    abar : Tensor
        Schedule.
    times : sequence of int
        From T down to 0, see :func:`sampling_times`.
    """
    share = abar.tolist()
    for t, s in itertools.pairwise(times):
        x = ddim_step(denoise(x, t), x, share[t], share[s])
    return x


def sample_ancestral(
    denoise: Denoise,
    x: Tensor,
    abar: Tensor,
    times: Sequence[int],
    normal: Callable[[], Tensor],
) -> Tensor:
    """Walk from noise to data with fresh noise in every step (DDPM, algorithm 2, σ² = β̃).

    Parameters
    ----------
    denoise, x, abar, times
        See :func:`sample_ddim`.
    normal : callable
        Returns fresh noise N(0, 1) of the shape of `x`.
    """
    share = abar.tolist()
    for t, s in itertools.pairwise(times):
        x, variance = posterior(denoise(x, t), x, share[t], share[s])
        if s:  # the last step has no variance
            x = x + math.sqrt(variance) * normal()
    return x


class RowNoise:
    """Normal numbers that belong to a row, whatever batch the row is computed in.

    Parameters
    ----------
    n : int
        Rows.
    shape : tuple of int
        Of one row.
    source : torch.Generator
        CPU generator; gives every row a seed of its own.
    """

    def __init__(self, n: int, shape: tuple[int, ...], source: torch.Generator) -> None:
        self.shape = shape
        seeds = torch.randint(2**62, (n,), generator=source).tolist()
        self._generators = [torch.Generator().manual_seed(seed) for seed in seeds]

    def __call__(self) -> Tensor:
        """Return the next numbers of every row, (n, *shape), on the CPU."""
        out = torch.empty(len(self._generators), *self.shape)
        for row, generator in zip(out, self._generators, strict=True):
            row.normal_(generator=generator)
        return out
