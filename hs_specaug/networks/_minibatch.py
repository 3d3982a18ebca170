"""Minibatch discrimination: let a discriminator see how alike the rows of a batch are."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from ._slopes import transformed


class MinibatchDiscrimination(nn.Module):
    """Append to every row how close it is to the other rows of its batch.

    With M_i = x_i T, a matrix of `kernels` rows of length `dim`, feature k of row i is

        o(x_i)_k = Σ_j exp(−‖M_ik − M_jk‖₁),

    over all rows j of the batch, row i included. A generator that has collapsed onto one
    spectrum gives itself away by large features. Real and generated rows have to come in
    batches of their own and of one size, else the features say which is which.

    Parameters
    ----------
    n_features : int
        Length of the input rows.
    kernels : int, default 100
        Features that are appended.
    dim : int, default 5
        Length of each kernel.
    copies : int or None, default None
        Layers side by side, for inputs of shape (copies, n, n_features).

    Attributes
    ----------
    twice_differentiable : bool
        Whether a gradient of the gradient is wanted (R1 and R2 penalties), which costs memory
        and time. False by default.

    References
    ----------
    Salimans et al., "Improved techniques for training GANs" (2016), section 3.2; used by
    paper 002 against mode collapse.
    """

    def __init__(
        self, n_features: int, kernels: int = 100, dim: int = 5, copies: int | None = None
    ) -> None:
        super().__init__()
        self.kernels, self.dim = kernels, dim
        self.n_outputs = n_features + kernels
        self.twice_differentiable = False
        leading = () if copies is None else (copies,)
        self.weight = nn.Parameter(torch.zeros(*leading, n_features, kernels * dim))

    def initialise_own(self, generator: torch.Generator) -> None:
        """Draw T as Glorot and Bengio (2010) do, as the reference implementation does."""
        fan_in, fan_out = self.weight.shape[-2:]
        bound = (6.0 / (fan_in + fan_out)) ** 0.5
        nn.init.uniform_(self.weight, -bound, bound, generator=generator)

    def similarities(self, x: Tensor) -> Tensor:
        """o(x) of shape (..., n, kernels) for `x` (..., n, n_features), in float32."""
        M = (x @ self.weight).unflatten(-1, (self.kernels, self.dim)).float()
        M = M.transpose(-2, -3)  # (..., kernels, n, dim)
        if self.twice_differentiable or transformed():  # whose rules are those of these functions
            distances = (M.unsqueeze(-2) - M.unsqueeze(-3)).abs().sum(dim=-1)
            return torch.exp(-distances).sum(dim=-1).transpose(-1, -2)
        return _Neighbours.apply(M).transpose(-1, -2)

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., n, n_features) to (..., n, n_features + kernels)."""
        return torch.cat([x, self.similarities(x).to(x.dtype)], dim=-1)


class _Neighbours(Function):
    """Σ_j exp(−‖M_i − M_j‖₁) of shape (..., n) for M (..., n, dim).

    Distances are symmetric: one backward pass of cdist does what autograd asks two of.
    """

    @staticmethod
    def forward(ctx: Any, M: Tensor) -> Tensor:
        M = M.contiguous()
        distances = torch.cdist(M, M, p=1.0)
        near = torch.exp(-distances)
        ctx.save_for_backward(M, distances, near)
        return near.sum(dim=-1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        M, distances, near = ctx.saved_tensors
        towards = -(gradient.unsqueeze(-1) + gradient.unsqueeze(-2)) * near
        return torch.ops.aten._cdist_backward(towards, M, M, 1.0, distances)
