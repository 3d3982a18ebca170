"""What adversarial methods share: latent noise, two or more players, stabilising options."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval
from torch import Tensor, nn
from torch.nn import functional as F

from ..networks import (
    POSITIVE,
    ConditionalDiscriminator,
    ConditionalGenerator,
    Losses,
    Player,
    normalise_spectrally,
    remove_spectral_norm,
)
from ._draws import Draws
from ._losses import fake_loss, real_loss
from ._network_generator import NetworkGenerator
from ._run import TrainingRun
from ._stabilisers import Loss, StabiliserOptions, Stabilisers, resolve_perturbation

WEIGHT = Interval(Real, 0, None, closed="left")


class AdversarialGenerator(NetworkGenerator):
    """Base of methods that train a class-conditional generator network against others.

    Subclasses implement `_losses`, and where the paper has it `_pretrain`, or `_build_networks`
    for other networks under ``"generator"`` and ``"discriminator"``.

    Parameters
    ----------
    n_critic : int, default 1
        Discriminator steps per step of the others. Every step draws a batch of its own.
    latent_dim : int, default 128
        Length of the noise vector.
    generator_learning_rate, discriminator_learning_rate : float or None, default None
        Of one player; None takes `learning_rate`.
    spectral_norm : bool, default False
        Divide every weight of the discriminator by its largest singular value (Miyato et al.,
        ICLR 2018).
    r1_penalty, r2_penalty : float, default 0
        Weight γ of ½ E[‖∇D‖²] at real and at generated rows (Mescheder et al., ICML 2018).
    relativistic : bool, default False
        Ask the discriminator which of a real and a generated row looks more real
        (Jolicoeur-Martineau, ICLR 2019); with R1 and R2 the baseline R3GAN.
    lecam : float, default 0
        Weight of the regularisation towards moving averages (Tseng et al., CVPR 2021), for few
        rows.
    diff_augment : str, perturbation or None, default None
        Differentiable transform of all rows that the discriminator sees (Zhao et al., NeurIPS
        2020): names such as ``"shift+gain+gaussian-noise"``, or an object that is called as
        ``perturbation(X, y, random_state=torch_generator)`` with rows in [−1, 1].
    adaptive_augment : bool, default False
        Let the share of transformed rows follow how far the discriminator overfits (Karras et
        al., NeurIPS 2020) instead of transforming all.
    """

    #: What logits that should say "real" and "not real" cost.
    adversarial_losses: ClassVar[tuple[Loss, Loss]] = (real_loss, fake_loss)
    #: Forward and backward passes of each network per step of the generator, at the defaults.
    passes: ClassVar[dict[str, tuple[int, int]]] = {}
    trains_together: ClassVar[bool] = True

    _parameter_constraints: ClassVar[dict] = {
        **NetworkGenerator._parameter_constraints,
        "n_critic": [Interval(Integral, 1, None, closed="left")],
        "latent_dim": [Interval(Integral, 1, None, closed="left")],
        "generator_learning_rate": [POSITIVE, None],
        "discriminator_learning_rate": [POSITIVE, None],
        "spectral_norm": ["boolean"],
        "r1_penalty": [WEIGHT],
        "r2_penalty": [WEIGHT],
        "relativistic": ["boolean"],
        "lecam": [WEIGHT],
        "diff_augment": [str, callable, None],
        "adaptive_augment": ["boolean"],
    }

    def __init__(
        self,
        *,
        n_critic: int = 1,
        latent_dim: int = 128,
        generator_learning_rate: float | None = None,
        discriminator_learning_rate: float | None = None,
        spectral_norm: bool = False,
        r1_penalty: float = 0.0,
        r2_penalty: float = 0.0,
        relativistic: bool = False,
        lecam: float = 0.0,
        diff_augment: Any = None,
        adaptive_augment: bool = False,
        **training: Any,
    ) -> None:
        super().__init__(**training)
        self.n_critic = n_critic
        self.latent_dim = latent_dim
        self.generator_learning_rate = generator_learning_rate
        self.discriminator_learning_rate = discriminator_learning_rate
        self.spectral_norm = spectral_norm
        self.r1_penalty = r1_penalty
        self.r2_penalty = r2_penalty
        self.relativistic = relativistic
        self.lecam = lecam
        self.diff_augment = diff_augment
        self.adaptive_augment = adaptive_augment

    def _fit(self, X: Any, codes: Any) -> None:
        if self.adaptive_augment and self.diff_augment is None:
            raise ValueError(
                "adaptive_augment=True needs a transform to apply, got diff_augment=None; pass "
                "diff_augment='shift+gain+gaussian-noise', for instance"
            )
        super()._fit(X, codes)

    def _build_networks(
        self, channels: int, size: tuple[int, ...], n_classes: int
    ) -> nn.ModuleDict:
        """Return the conditional networks of paper 000, table 6; a method may have others."""
        return nn.ModuleDict(
            {
                "generator": ConditionalGenerator(self.latent_dim, n_classes, channels, size),
                "discriminator": ConditionalDiscriminator(n_classes, channels, size),
            }
        )

    def _stabilisers(self, draws: Draws) -> Stabilisers:
        options = StabiliserOptions(
            self.r1_penalty,
            self.r2_penalty,
            self.relativistic,
            self.lecam,
            resolve_perturbation(self.diff_augment),
            self.adaptive_augment,
        )
        steps = self.epochs * draws.stream.batches_per_epoch * self.n_critic
        return Stabilisers(draws, options, self.adversarial_losses, steps)

    def _after_training(self, networks: Any) -> None:
        if self.spectral_norm:
            remove_spectral_norm(networks["discriminator"])

    def _players(self, networks: Any, draws: Draws, run: TrainingRun) -> list[Player]:
        if self.spectral_norm:
            normalise_spectrally(networks["discriminator"], draws.seed())
        stabilisers = self._stabilisers(draws)
        run.modules["stabilisers"] = stabilisers
        losses = self._losses(networks, draws, stabilisers)
        rates = {
            "discriminator": self.discriminator_learning_rate,
            "generator": self.generator_learning_rate,
        }
        updates = {"discriminator": self.n_critic}
        return [
            Player(
                name,
                networks[name],
                terms,
                updates.get(name, 1),
                rates.get(name) or self.learning_rate,
                self.betas,
            )
            for name, terms in losses.items()
        ]

    def _generate(
        self, networks: Mapping[str, Any], labels: Tensor, noise: torch.Generator
    ) -> Tensor:
        z = torch.randn(len(labels), self.latent_dim, generator=noise)
        return networks["generator"](z.to(labels.device), labels)

    def _latent_vectors(self, codes: np.ndarray, random_state: Any) -> np.ndarray:
        seed = int(check_random_state(random_state).randint(np.iinfo(np.int32).max))
        networks: Any = self.networks_
        labels = torch.from_numpy(codes).to(next(networks.parameters()).device)
        noise = torch.Generator().manual_seed(seed)
        with torch.inference_mode():
            latents = self._latents(dict(networks.items()), labels, noise)
        if latents is None:
            return super()._latent_vectors(codes, random_state)
        return latents.cpu().numpy()

    def _latents(
        self, networks: Mapping[str, Any], labels: Tensor, noise: torch.Generator
    ) -> Tensor | None:
        """Return the vectors (n, d) from which rows of these classes are decoded.

        None where a method mixes class and noise otherwise.
        """
        G = networks["generator"]
        if not isinstance(G, ConditionalGenerator):
            return None
        z = torch.randn(len(labels), self.latent_dim, generator=noise).to(labels.device)
        return G.label(F.linear(z, G.mixing), labels)

    @abstractmethod
    def _losses(
        self, networks: Any, draws: Draws, stabilisers: Stabilisers
    ) -> dict[str, Callable[[], Losses]]:
        """Return what each network minimises, by the network's name, in the order of steps."""
