"""Loss terms that several adversarial methods share, each a pure function of tensors."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from ..networks._slopes import slopes_only
from ..networks._stacked import inside_stack


def real_loss(logits: Tensor) -> Tensor:
    """−E[log D]: logits that should say "real" (first term of Eq. 3, paper 000)."""
    return F.softplus(-logits).mean()


def fake_loss(logits: Tensor) -> Tensor:
    """−E[log(1 − D)]: logits that should say "not real" (second and third term of Eq. 3)."""
    return F.softplus(logits).mean()


def wasserstein_real(scores: Tensor) -> Tensor:
    """−E[D]: what a Wasserstein critic wants of real rows, and its generator of fakes."""
    return -scores.mean()


def wasserstein_fake(scores: Tensor) -> Tensor:
    """E[D]: what a Wasserstein critic wants of generated rows."""
    return scores.mean()


def interpolate(real: Tensor, fake: Tensor, alpha: Tensor) -> Tensor:
    """x̂ = α x + (1 − α) G(z), one α per row (below Eq. 3)."""
    alpha = alpha.reshape(-1, *(1,) * (real.ndim - 1))
    return alpha * real + (1.0 - alpha) * fake


def _slope(critic: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """∇ₓ D(x) of shape (n, values), differentiable itself."""
    x = x.detach()
    with slopes_only():
        if inside_stack():  # autograd.grad does not know the axis of the repetitions
            return torch.func.grad(lambda x: critic(x).sum())(x).flatten(1).float()
        x = x.requires_grad_(True)
        (slope,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return slope.flatten(1).float()


def gradient_penalty(critic: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """E[(‖∇ₓ D(x)‖₂ − 1)²], the norm taken over all values of a row (last term of Eq. 3).

    Parameters
    ----------
    critic : callable
        Maps rows to one logit each.
    x : Tensor of shape (n, channels, *size)
        Where the slope should be one; usually interpolates.
    """
    return (_slope(critic, x).norm(dim=1) - 1.0).square().mean()


def zero_centred_penalty(critic: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """½ E[‖∇ₓ D(x)‖²]: R1 where `x` are real rows, R2 where they are generated ones.

    L. Mescheder, A. Geiger and S. Nowozin, "Which training methods for GANs do actually
    converge?", ICML 2018, Eqs. (9) and (10) without the weight γ.
    """
    return 0.5 * _slope(critic, x).square().sum(dim=1).mean()


def lecam_penalty(real: Tensor, fake: Tensor, real_anchor: Tensor, fake_anchor: Tensor) -> Tensor:
    """E[(D(x) − α_F)²] + E[(D(G(z)) − α_R)²].

    H.-Y. Tseng et al., "Regularizing generative adversarial networks under limited data", CVPR
    2021, Eq. (4): the anchors α_R and α_F are moving averages of D at real and generated rows.
    """
    return (real - fake_anchor).square().mean() + (fake - real_anchor).square().mean()
