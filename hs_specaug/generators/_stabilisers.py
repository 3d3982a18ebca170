"""What keeps a discriminator trained on few rows from winning: options of every method.

All are off by default, so that the methods are those of their papers. The loss functions of a
method ask this module for the terms that an option adds or changes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from ..networks import Losses
from ._draws import Draws
from ._losses import fake_loss, lecam_penalty, real_loss, zero_centred_penalty

LECAM_DECAY = 0.99
ADA_TARGET = 0.6
# Karras et al. let the strength climb from 0 to 1 in 2 % of 25 million images. Training on a few
# hundred rows is over much sooner; a tenth of it leaves time to climb and to settle.
ADA_CLIMB = 0.1

Loss = Callable[[Tensor], Tensor]
Critic = Callable[[Tensor, Tensor], Tensor]
Perturbation = Callable[..., Tensor]


@dataclass(frozen=True)
class StabiliserOptions:
    """The hyperparameters, see :class:`AdversarialGenerator`."""

    r1_penalty: float = 0.0
    r2_penalty: float = 0.0
    relativistic: bool = False
    lecam: float = 0.0
    diff_augment: Perturbation | None = None
    adaptive_augment: bool = False


def resolve_perturbation(perturbation: Any) -> Perturbation | None:
    """Return what `perturbation` names: an expression such as ``"shift+gain+gaussian-noise"``.

    Raises
    ------
    ValueError
        If it is neither a name, nor callable, nor None.
    """
    if isinstance(perturbation, str):
        from ..perturbations import parse_perturbation

        return parse_perturbation(perturbation)
    if perturbation is None or callable(perturbation):
        return perturbation
    raise ValueError(
        "diff_augment must be None, names such as 'shift+gain', or a perturbation that is "
        f"called as perturbation(X, y, random_state=torch_generator), got {perturbation!r}"
    )


def _with_labels(critic: Critic, y: Tensor, x: Tensor) -> Tensor:
    return critic(x, y)


class Stabilisers(nn.Module):
    """Terms and transforms that options add to the losses of discriminator and generator.

    A module, because two of the options remember something (moving averages, a strength): its
    buffers are part of the state of the training.

    Parameters
    ----------
    draws : Draws
        Of the training.
    options : StabiliserOptions
        What is switched on.
    losses : tuple of two callables
        Loss of logits that should say "real", and "not real": logistic unless the method has
        others.
    planned_steps : int
        Discriminator steps of the whole training, which set the pace of `adaptive_augment`.

    Attributes
    ----------
    strength : Tensor
        Share of the rows that are augmented.
    real_anchor, fake_anchor : Tensor
        Moving averages of the discriminator's logits; NaN before the first.
    """

    strength: Tensor
    real_anchor: Tensor
    fake_anchor: Tensor

    def __init__(
        self,
        draws: Draws,
        options: StabiliserOptions | None = None,
        losses: tuple[Loss, Loss] = (real_loss, fake_loss),
        planned_steps: int = 1000,
    ) -> None:
        super().__init__()
        self.draws, self.options = draws, options or StabiliserOptions()
        self.real, self.fake = losses
        self.pace = 1.0 / max(ADA_CLIMB * planned_steps, 1.0)
        strength = 0.0 if self.options.adaptive_augment else 1.0
        self.register_buffer("strength", torch.tensor(strength, device=draws.device))
        for name in ("real_anchor", "fake_anchor"):
            self.register_buffer(name, torch.tensor(torch.nan, device=draws.device))

    def augment(self, x: Tensor, y: Tensor) -> Tensor:
        """Return `x` as the discriminator sees it (DiffAugment, Zhao et al., NeurIPS 2020).

        Real and generated rows go through the same transform wherever the discriminator looks,
        in its own step and in the generator's: otherwise the generator would learn it.
        """
        perturb = self.options.diff_augment
        if perturb is None:
            return x
        changed = perturb(x, y, random_state=self.draws.inner)
        if not self.options.adaptive_augment:
            return changed
        chosen = self.draws.uniform(len(x)) < self.strength
        return torch.where(chosen.reshape(-1, *(1,) * (x.ndim - 1)), changed, x)

    def discriminator(self, real: Tensor, fake: Tensor) -> Losses:
        """Return what D minimises, given its logits at real and at generated rows.

        Relativistic: −E[log σ(D(x) − D(G(z)))] over pairs of rows (Jolicoeur-Martineau, ICLR
        2019, Eq. 4), which asks only that real rows look *more* real than generated ones.
        """
        self._adapt(real)
        if self.options.relativistic:
            terms = {"relativistic": self.real(real - fake)}
        else:
            terms = {"real": self.real(real), "generated": self.fake(fake)}
        if self.options.lecam:
            self._move_anchors(real, fake)
            penalty = lecam_penalty(real, fake, self.real_anchor, self.fake_anchor)
            terms["lecam"] = self.options.lecam * penalty
        return terms

    def penalties(
        self, critic: Critic, real: tuple[Tensor, Tensor], fake: tuple[Tensor, Tensor]
    ) -> Losses:
        """Return R1 and R2 where they are switched on.

        Parameters
        ----------
        critic : callable
            Maps rows and labels to logits (n,).
        real, fake : tuple of Tensor
            Rows and labels, as the discriminator saw them.
        """
        places = {"r1": (self.options.r1_penalty, real), "r2": (self.options.r2_penalty, fake)}
        return {
            name: weight * zero_centred_penalty(partial(_with_labels, critic, y), x)
            for name, (weight, (x, y)) in places.items()
            if weight
        }

    def adversarial(self, critic: Critic, x: Tensor, y: Tensor) -> Tensor:
        """Return what G minimises for its rows `x` of the classes `y`: be taken for real.

        Relativistic: for more real than real rows, which costs a forward pass of D on a batch.
        """
        fake = critic(self.augment(x, y), y)
        if not self.options.relativistic:
            return self.real(fake)
        x_a, y_a = self.draws.real()
        with torch.no_grad():
            real = critic(self.augment(x_a, y_a), y_a)
        pairs = torch.arange(len(fake), device=fake.device) % len(real)
        return self.real(fake - real[pairs])

    @torch.no_grad()
    def _move_anchors(self, real: Tensor, fake: Tensor) -> None:
        for anchor, logits in ((self.real_anchor, real), (self.fake_anchor, fake)):
            mean = self.draws.mean(logits.float())
            moved = LECAM_DECAY * anchor + (1.0 - LECAM_DECAY) * mean
            anchor.copy_(torch.where(anchor.isnan(), mean, moved))

    @torch.no_grad()
    def _adapt(self, real: Tensor) -> None:
        """ADA (Karras et al., NeurIPS 2020, Eq. 1): r_t = E[sign D(x)] tells overfitting.

        The strength climbs while more than (1 + 0.6)/2 of the real rows are taken for real.
        """
        if self.options.adaptive_augment:
            overfitting = self.draws.mean(real.sign()) - ADA_TARGET
            self.strength.add_(self.pace * overfitting.sign()).clamp_(0.0, 1.0)
