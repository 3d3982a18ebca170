"""Where the classes lie in a latent space."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ClassGaussians(nn.Module):
    """One Gaussian per class from which latent vectors are drawn (BAGAN, Mariani et al. 2018).

    Starts as N(0, 1) for every class; :meth:`fit` sets it. Its buffers are part of the state, so
    they are saved with the networks.

    Parameters
    ----------
    n_classes, latent_dim : int
        Number and length of the means.
    shared : bool
        One covariance for all classes instead of one each. A class with a few rows then borrows
        the variation of the others.
    """

    means: Tensor
    factors: Tensor

    def __init__(self, n_classes: int, latent_dim: int, *, shared: bool = False) -> None:
        super().__init__()
        self.shared = shared
        self.register_buffer("means", torch.zeros(n_classes, latent_dim))
        factors = torch.eye(latent_dim).repeat(1 if shared else n_classes, 1, 1)
        self.register_buffer("factors", factors)

    @torch.no_grad()
    def fit(self, h: Tensor, y: Tensor, ridge: float = 1e-2) -> None:
        """Estimate means and covariances from encoded rows.

        Parameters
        ----------
        h : Tensor of shape (n, latent_dim)
            Latent vectors of real rows.
        y : Tensor of shape (n,)
            Their classes.
        ridge : float
            Share of the mean variance (of all rows around their class means) that is added to
            every direction; a class of one row has this covariance alone.
        """
        h = h.double()
        n_classes, latent_dim = self.means.shape
        counts = torch.bincount(y, minlength=n_classes)
        means = h.new_zeros(n_classes, latent_dim).index_add_(0, y, h)
        means /= counts.clamp(min=1).unsqueeze(1)
        inner = h - means[y]
        floor = ridge * inner.square().mean().clamp(min=1e-12)
        floor = floor * torch.eye(latent_dim, dtype=h.dtype, device=h.device)
        if self.shared:
            parts = [(inner, n_classes)]
        else:
            parts = [(inner[y == code], 1) for code in range(n_classes)]
        covariances = [rows.T @ rows / max(len(rows) - lost, 1) + floor for rows, lost in parts]
        self.means.copy_(means)
        self.factors.copy_(torch.linalg.cholesky(torch.stack(covariances)))

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        """Map z ~ N(0, 1) of shape (n, latent_dim) to latent vectors of the classes `y`."""
        if self.shared:
            return self.means[y] + z @ self.factors[0].T
        return self.means[y] + torch.einsum("nij,nj->ni", self.factors[y], z)
