"""Class-conditional diffusion with a U-Net: the CCD-diffusion baseline of paper 000 (table 6).

J. Ho, A. Jain and P. Abbeel, NeurIPS (2020), algorithms 1 and 2; the prediction is v of T. Salimans
and J. Ho, ICLR (2022), the schedule the cosine of A. Nichol and P. Dhariwal, ICML (2021).

Where it differs from the package: the sampler is that of Ho et al. with all 1000 steps (the package
makes 50 of DDIM); attention is written out; spectra only, of a length that 8 divides.
"""

from __future__ import annotations

import copy
import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ._common import Rows, classes_of, step

WIDTH, STEPS, LABEL_DROPOUT, EMA = 24, 1000, 0.1, 0.995
WIDTHS = (24, 48, 48, 96)
FEATURES = 4 * WIDTH


def norm(channels: int) -> nn.GroupNorm:
    """Groups of at least four channels, at most eight groups."""
    fits = [g for g in range(1, 9) if channels % g == 0 and channels >= 4 * g]
    return nn.GroupNorm(max(fits), channels)


def embed(t: Tensor) -> Tensor:
    """Cosines and sines of the time."""
    half = WIDTH // 2
    steps = torch.arange(half, device=t.device) / (half - 1)
    angles = t[:, None] * torch.exp(-math.log(10_000) * steps)
    return torch.cat([angles.cos(), angles.sin()], dim=1)


class Block(nn.Module):
    """Two convolutions beside a short cut, under a vector of time and class."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = norm(n_in), norm(n_out)
        self.conv1 = nn.Conv1d(n_in, n_out, 3, padding=1)
        self.conv2 = nn.Conv1d(n_out, n_out, 3, padding=1)
        self.condition = nn.Linear(FEATURES, 2 * n_out)
        self.shortcut = nn.Identity() if n_in == n_out else nn.Conv1d(n_in, n_out, 1)
        nn.init.zeros_(self.conv2.weight)

    def forward(self, x: Tensor, features: Tensor) -> Tensor:
        """Map (n, n_in, length) to (n, n_out, length)."""
        scale, shift = self.condition(features)[:, :, None].chunk(2, dim=1)
        h = self.conv1(F.silu(self.norm1(x)))
        h = self.norm2(h) * (1 + scale) + shift
        return self.shortcut(x) + self.conv2(F.silu(h))


class Attention(nn.Module):
    """Multi-head self-attention, three heads of 32 channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = norm(channels)
        self.qkv = nn.Conv1d(channels, 3 * channels, 1)
        self.output = nn.Conv1d(channels, channels, 1)
        nn.init.zeros_(self.output.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, channels, length) to the same shape."""
        n, channels, length = x.shape
        q, k, v = self.qkv(self.norm(x)).reshape(n, 3, channels // 32, 32, length).unbind(1)
        weights = torch.softmax(q.transpose(2, 3) @ k / math.sqrt(32), dim=-1)
        mixed = v @ weights.transpose(2, 3)
        return x + self.output(mixed.reshape(n, channels, length))


class UNet(nn.Module):
    """Four levels; ε or v of noisy spectra at a time, given the class."""

    def __init__(self, n_classes: int, channels: int) -> None:
        super().__init__()
        self.no_class = n_classes
        self.time = nn.Sequential(
            nn.Linear(WIDTH, FEATURES), nn.SiLU(), nn.Linear(FEATURES, FEATURES)
        )
        self.label = nn.Embedding(n_classes + 1, FEATURES)
        self.first = nn.Conv1d(channels, WIDTH, 3, padding=1)
        pairs = list(zip((WIDTH, *WIDTHS[:-1]), WIDTHS, strict=True))
        self.down = nn.ModuleList(Block(above, here) for above, here in pairs)
        self.up = nn.ModuleList(Block(2 * here, above) for above, here in pairs)
        self.shrink = nn.ModuleList(nn.Conv1d(n, n, 3, stride=2, padding=1) for n in WIDTHS[:-1])
        self.grow = nn.ModuleList(nn.Conv1d(n, n, 3, padding=1) for n in WIDTHS[:-1])
        self.middle1 = Block(WIDTHS[-1], WIDTHS[-1])
        self.attention = Attention(WIDTHS[-1])
        self.middle2 = Block(WIDTHS[-1], WIDTHS[-1])
        self.norm = norm(WIDTH)
        self.last = nn.Conv1d(WIDTH, channels, 3, padding=1)

    def forward(self, x: Tensor, t: Tensor, y: Tensor) -> Tensor:
        """Map (n, channels, length), times and classes (n,) to the shape of `x`."""
        features = F.silu(self.time(embed(t)) + self.label(y))
        h = self.first(x)
        seen = []
        for level, block in enumerate(self.down):
            h = block(h if level == 0 else self.shrink[level - 1](h), features)
            seen.append(h)
        h = self.middle2(self.attention(self.middle1(h, features)), features)
        for level in reversed(range(len(self.up))):
            h = self.up[level](torch.cat([h, seen[level]], dim=1), features)
            if level:
                h = self.grow[level - 1](F.interpolate(h, scale_factor=2.0))
        return self.last(F.silu(self.norm(h)))


def schedule() -> Tensor:
    """Return ᾱ of the times 0 to 1000."""
    f = torch.cos((torch.linspace(0, 1, STEPS + 1).double() + 0.008) / 1.008 * math.pi / 2) ** 2
    beta = (1 - f[1:] / f[:-1]).clamp(max=0.999)
    return torch.cat([torch.ones(1).double(), torch.cumprod(1 - beta, dim=0)])


class Diffusion:
    """U-Net, its training and its sampler.

    Parameters
    ----------
    X : ndarray of shape (n, channels, length)
        Rows.
    y : ndarray of int of shape (n,)
        Class codes.
    seed : int
        Of torch's global generator.
    device : str
        Where it is trained.
    """

    def __init__(self, X: np.ndarray, y: np.ndarray, seed: int = 0, device: str = "cpu") -> None:
        torch.manual_seed(seed)
        self.rows = Rows(X, y, 32, device)
        self.device = torch.device(device)
        self.unet = UNet(self.rows.n_classes, X.shape[1]).to(device)
        self.average = copy.deepcopy(self.unet)
        self.adam = torch.optim.Adam(self.unet.parameters(), lr=2e-4, betas=(0.9, 0.999))
        self.abar = schedule().to(device)

    @property
    def updates_per_epoch(self) -> int:
        """Updates of the network."""
        return self.rows.batches_per_epoch

    def epoch(self) -> None:
        """Algorithm 1 of Ho et al. for every batch."""
        for _ in range(self.rows.batches_per_epoch):
            x, y = self.rows.batch()
            t = torch.randint(1, STEPS + 1, (len(x),), device=self.device)
            y = torch.where(
                torch.rand(len(y), device=self.device) < LABEL_DROPOUT, self.unet.no_class, y
            )
            step(self.adam, losses(self.unet, self.abar, x, y, t, torch.randn_like(x)))
            with torch.no_grad():
                for mean, now in zip(
                    self.average.parameters(), self.unet.parameters(), strict=True
                ):
                    mean.mul_(EMA).add_(now, alpha=1 - EMA)

    @torch.no_grad()
    def sample(self, counts: dict[int, int], steps: int = STEPS) -> tuple[np.ndarray, np.ndarray]:
        """Algorithm 2 of Ho et al.; fewer `steps` stop early, for a measurement."""
        y = classes_of(counts, self.device)
        x = torch.randn(len(y), *self.rows.X.shape[1:], device=self.device)
        share = self.abar.tolist()
        for t in range(STEPS, STEPS - steps, -1):
            v = self.average(x, torch.full_like(y, t), y)
            x0 = math.sqrt(share[t]) * x - math.sqrt(1 - share[t]) * v
            x0 = x0.clamp(-1, 1)
            beta = 1 - share[t] / share[t - 1]
            mean = math.sqrt(share[t - 1]) * beta / (1 - share[t]) * x0
            mean = mean + math.sqrt(1 - beta) * (1 - share[t - 1]) / (1 - share[t]) * x
            variance = beta * (1 - share[t - 1]) / (1 - share[t])
            x = mean + math.sqrt(variance) * torch.randn_like(x)
        return self.rows.to_units(x), y.cpu().numpy()


def losses(
    unet: nn.Module, abar: Tensor, x0: Tensor, y: Tensor, t: Tensor, noise: Tensor
) -> dict[str, Tensor]:
    """Mean squared error of v = √ᾱ ε − √(1 − ᾱ) x₀."""
    share = abar[t].float()[:, None, None]
    x = share.sqrt() * x0 + (1 - share).sqrt() * noise
    v = share.sqrt() * noise - (1 - share).sqrt() * x0
    return {"denoising": F.mse_loss(unet(x, t, y), v)}
