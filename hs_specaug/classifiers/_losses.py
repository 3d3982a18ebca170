"""Classification losses for classes of unequal size, as pure functions of logits."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def _mean(losses: Tensor, y: Tensor, weight: Tensor | None) -> Tensor:
    """Mean over the rows of weight × loss.

    Divided by the number of rows, not (as torch does) by the weights of the batch: those
    differ from batch to batch, and would undo the weights where a batch holds one class only.
    """
    return (losses if weight is None else weight[y] * losses).mean()


def cross_entropy_loss(logits: Tensor, y: Tensor, weight: Tensor | None = None) -> Tensor:
    """−w_y log p_y, averaged over the rows.

    Parameters
    ----------
    logits : Tensor of shape (n, n_classes)
        Class logits.
    y : Tensor of shape (n,)
        Class codes.
    weight : Tensor of shape (n_classes,) or None
        Weight of each class.
    """
    if weight is None:
        return F.cross_entropy(logits, y)
    return _mean(F.cross_entropy(logits, y, reduction="none"), y, weight)


def focal_loss(
    logits: Tensor, y: Tensor, gamma: float = 2.0, weight: Tensor | None = None
) -> Tensor:
    """−w_y (1 − p_y)^γ log p_y, averaged over the rows (Lin et al. 2017).

    Rows that are recognised already, most of a common class, count less. γ = 0 is
    cross-entropy.

    Parameters
    ----------
    logits, y, weight
        See :func:`cross_entropy_loss`.
    gamma : float, default 2.0
        Focusing exponent, 0 or more.
    """
    log_p = F.log_softmax(logits, dim=1).gather(1, y[:, None]).squeeze(1)
    # 1 − p from log p without cancellation; its power has no gradient at 0.
    rest = (-torch.expm1(log_p)).clamp(min=1e-12)
    return _mean(-(rest**gamma) * log_p, y, weight)


def balanced_softmax_loss(
    logits: Tensor, y: Tensor, counts: Tensor, weight: Tensor | None = None
) -> Tensor:
    """Cross-entropy of ``logits + log counts`` (Ren et al. 2020, balanced softmax).

    The frequency of the classes is given to the softmax while training, so the logits need
    not learn it; used without it, they predict as if all classes were equally frequent.

    Parameters
    ----------
    logits, y, weight
        See :func:`cross_entropy_loss`.
    counts : Tensor of shape (n_classes,)
        Training rows of each class.
    """
    return cross_entropy_loss(logits + counts.to(logits).log(), y, weight)
