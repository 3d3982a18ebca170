"""The data-augmentation GAN of paper 002, design single-bi: one discriminator for one class.

D. del-Pozo-Bueno et al., Microsc. Microanal. 30 (2024) 278, figures 3 to 5; widths of the group's
public code: six branches, everything scales with the number of channels L.

Where it differs from the package: random start; one shift for a whole batch, as in the public
code; the rows are not compared with a baseline. Like the package, and unlike the public code, it
takes a tenth of the noise, subtracts the mean of the Poisson noise, drops no units, shows the
discriminator plain, shifted, noisy and again plain rows, a batch for each, and updates the
generator once for all four (the public code updates it in each of its passes).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ._common import Rows, says_real, step

LATENT, BRANCHES, SLOPE, NOISE = 30, 6, 0.3, 0.1


class PoissonNoise(nn.Module):
    """Add Poisson noise in training."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape of `x`."""
        if not self.training:
            return x
        return x + NOISE * (torch.poisson(torch.full_like(x, self.rate)) - self.rate)


class GaussianNoise(nn.Module):
    """Add normal noise in training."""

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape of `x`."""
        return x + NOISE * 0.15 * torch.randn_like(x) if self.training else x


class Translation(nn.Module):
    """Move a batch by 1 to `most` channels in training."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape of `x`."""
        return translate(x, random_shift(self.most)) if self.training else x


def random_shift(most: int) -> int:
    """Return 1 to `most` channels, to the right (positive) or left."""
    shift = int(torch.randint(1, most + 1, ()))
    return shift if torch.rand(()) < 0.5 else -shift


def translate(x: Tensor, shift: int) -> Tensor:
    """Move rows by `shift` channels; the vacated end gets a copy of the end segment."""
    if shift > 0:
        return torch.cat([x[..., :shift], x[..., :-shift]], dim=-1)
    return torch.cat([x[..., -shift:], x[..., shift:]], dim=-1)


class Generator(nn.Module):
    """Figure 5: dense layers between noise in parallel branches, joined and refined."""

    def __init__(self, length: int) -> None:
        super().__init__()
        segment = round(length / BRANCHES)
        self.branches = nn.ModuleList(self._branch(segment) for _ in range(BRANCHES))
        self.join = nn.Sequential(
            nn.Linear(BRANCHES * segment, length),
            nn.LeakyReLU(SLOPE),
            PoissonNoise(0.15),
            Translation(6),
            nn.Linear(length, length),
            nn.Tanh(),
        )

    @staticmethod
    def _branch(segment: int) -> nn.Sequential:
        layers: list[nn.Module] = []
        widths = [LATENT, LATENT, *(round(w * segment) for w in (0.85, 0.75, 0.5))]
        for n_in, n_out in itertools.pairwise(widths):
            layers += [nn.Linear(n_in, n_out), nn.LeakyReLU(SLOPE)]
            layers += [PoissonNoise(0.5), GaussianNoise()]
        layers += [nn.Linear(widths[-1], segment), nn.LeakyReLU(SLOPE), Translation(6)]
        return nn.Sequential(*layers)

    def forward(self, z: Tensor) -> Tensor:
        """Map (n, 30) to (n, L)."""
        return self.join(torch.cat([branch(z) for branch in self.branches], dim=1))


class MinibatchDiscrimination(nn.Module):
    """Append o_k = Σ_j exp(−‖M_ik − M_jk‖₁) to every row (Salimans et al. 2016)."""

    def __init__(self, n_inputs: int, kernels: int, dim: int) -> None:
        super().__init__()
        self.kernels, self.dim = kernels, dim
        self.T = nn.Parameter(torch.empty(n_inputs, kernels * dim))
        nn.init.xavier_uniform_(self.T)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, n_inputs) to (n, n_inputs + kernels)."""
        M = (x @ self.T).reshape(-1, self.kernels, self.dim)
        distances = (M.unsqueeze(0) - M.unsqueeze(1)).abs().sum(dim=3)
        return torch.cat([x, torch.exp(-distances).sum(dim=0)], dim=1)


class Discriminator(nn.Module):
    """Figure 4: two branches with minibatch discrimination; a logit."""

    def __init__(self, length: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            self._branch(length, kernels, dim) for kernels, dim in ((100, 5), (150, 8))
        )
        self.output = nn.Linear(2 * round(0.2 * length), 1)

    @staticmethod
    def _branch(length: int, kernels: int, dim: int) -> nn.Sequential:
        widths = [length, length, round(0.8 * length), round(0.6 * length)]
        layers: list[nn.Module] = []
        for n_in, n_out in itertools.pairwise(widths):
            layers += [nn.Linear(n_in, n_out), nn.LeakyReLU(SLOPE)]
        layers.append(MinibatchDiscrimination(widths[-1], kernels, dim))
        layers += [nn.Linear(widths[-1] + kernels, round(0.2 * length)), nn.LeakyReLU(SLOPE)]
        return nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, L) to (n,)."""
        return self.output(torch.cat([branch(x) for branch in self.branches], dim=1)).squeeze(1)


def glorot(layer: nn.Module) -> None:
    """Draw dense layers as Keras does, for ``module.apply``."""
    if isinstance(layer, nn.Linear):
        nn.init.xavier_uniform_(layer.weight)
        nn.init.zeros_(layer.bias)


class DAG:
    """Generator and discriminator of one class.

    Parameters
    ----------
    X : ndarray of shape (n, L)
        Rows of the class.
    seed : int
        Of torch's global generator.
    device : str
        Where it is trained.
    """

    def __init__(self, X: np.ndarray, seed: int = 0, device: str = "cpu") -> None:
        torch.manual_seed(seed)
        self.rows = Rows(X[:, np.newaxis], np.zeros(len(X), dtype=int), 32, device)
        self.device = torch.device(device)
        self.G, self.D = Generator(X.shape[1]), Discriminator(X.shape[1])
        for network in (self.G, self.D):
            network.apply(glorot).to(device)
        self.adam_g = torch.optim.Adam(self.G.parameters(), lr=1e-4, betas=(0.5, 0.9))
        self.adam_d = torch.optim.Adam(self.D.parameters(), lr=5e-4, betas=(0.5, 0.9))

    @property
    def updates_per_epoch(self) -> int:
        """Updates of the generator."""
        return self.rows.batches_per_epoch

    def epoch(self) -> None:
        """Plain, shifted, noisy and plain rows for D, then all kinds at once for G."""
        n = self.rows.batch_size
        for _ in range(self.rows.batches_per_epoch):
            for transform in (plain, shifted, noisy, plain):
                x_a = self.rows.batch()[0][:, 0]
                z = torch.randn(n, LATENT, device=self.device)
                step(self.adam_d, discriminator_losses(self.G, self.D, transform, x_a, z))
            z = torch.randn(n, LATENT, device=self.device)
            step(self.adam_g, generator_losses(self.G, self.D, (plain, shifted, noisy), z))


def plain(x: Tensor) -> Tensor:
    """Return rows as they are."""
    return x


def shifted(x: Tensor) -> Tensor:
    """T₁: shift by 1 to 10 channels."""
    return translate(x, random_shift(10))


def noisy(x: Tensor) -> Tensor:
    """T₂: Poisson noise of rows whose maximum is 1000 counts; its gradient is 1."""
    rate = ((x.detach() + 1) / 2).clamp(min=0)
    per_unit = 1000 / rate.amax(dim=1, keepdim=True).clamp(min=1e-6)
    return x + 2 * (torch.poisson(rate * per_unit) / per_unit - rate)


def discriminator_losses(
    G: Callable[[Tensor], Tensor],
    D: Callable[[Tensor], Tensor],
    transform: Callable[[Tensor], Tensor],
    x_a: Tensor,
    z: Tensor,
) -> dict[str, Tensor]:
    """Cross-entropy with 0.9 for real rows and 0 for generated ones."""
    with torch.no_grad():
        x_g = G(z)
    real, fake = D(transform(x_a)), D(transform(x_g))
    return {
        "real": F.binary_cross_entropy_with_logits(real, torch.full_like(real, 0.9)),
        "generated": F.binary_cross_entropy_with_logits(fake, torch.zeros_like(fake)),
    }


def generator_losses(
    G: Callable[[Tensor], Tensor],
    D: Callable[[Tensor], Tensor],
    transforms: tuple[Callable[[Tensor], Tensor], ...],
    z: Tensor,
) -> dict[str, Tensor]:
    """Be taken for real, whatever the transformation."""
    x = G(z)
    losses = [says_real(D(transform(x))) for transform in transforms]
    return {"adversarial": torch.stack(losses).mean()}
