"""Loss terms that several adversarial methods share, each a pure function of tensors."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F


def real_loss(logits: Tensor) -> Tensor:
    """−E[log D]: logits that should say "real" (first term of Eq. 3, paper 000)."""
    return F.softplus(-logits).mean()


def fake_loss(logits: Tensor) -> Tensor:
    """−E[log(1 − D)]: logits that should say "not real" (second and third term of Eq. 3)."""
    return F.softplus(logits).mean()


def interpolate(real: Tensor, fake: Tensor, alpha: Tensor) -> Tensor:
    """x̂ = α x + (1 − α) G(z), one α per row (below Eq. 3)."""
    alpha = alpha.reshape(-1, *(1,) * (real.ndim - 1))
    return alpha * real + (1.0 - alpha) * fake


def gradient_penalty(critic: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """E[(‖∇ₓ D(x)‖₂ − 1)²], the norm taken over all values of a row (last term of Eq. 3).

    Parameters
    ----------
    critic : callable
        Maps rows to one logit each.
    x : Tensor of shape (n, channels, *size)
        Where the slope should be one; usually interpolates.
    """
    x = x.detach().requires_grad_(True)
    (slope,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return (slope.flatten(1).float().norm(dim=1) - 1.0).square().mean()
