"""Data-augmentation GAN: transformed rows for the discriminators, one generator per class.

D. del-Pozo-Bueno, D. Kepaptsoglou, Q. M. Ramasse, F. Peiró and S. Estradé, "Machine Learning Data
Augmentation Strategy for Electron Energy Loss Spectroscopy: Generative Adversarial Networks",
Microscopy and Microanalysis 30 (2024) 278. Figure and table numbers below are those of this paper.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable
from functools import partial
from numbers import Real
from typing import Any, ClassVar, cast

import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor, nn

from ..networks import Losses, Player
from ..networks._dag import ARCHITECTURES, DAGDiscriminator
from ..networks._dag import DAGGenerator as DAGNetwork
from ..networks._dag_start import before_tanh, set_range, start_from_mean, start_from_rows
from ..networks._minibatch import MinibatchDiscrimination
from ..networks._noise_layers import set_noise_source
from ..perturbations import Domain
from ._adversarial import WEIGHT
from ._dag_classes import ClassGenerators, OneGeneratorPerClass
from ._dag_losses import (
    DESIGNS,
    REFERENCE_SHIFT,
    Transform,
    discriminator_losses,
    generator_loss,
    smoothed_real_loss,
    transformations,
)
from ._dag_plots import DAGPlots
from ._dag_rule import FEWEST_ROWS
from ._draws import Draws
from ._losses import real_loss
from ._run import TrainingRun


class DAGGenerator(OneGeneratorPerClass, DAGPlots):
    """Data-augmentation GAN of paper 002: spectra from about a hundred of a class.

    Every class has a generator of its own; they are trained class after class, each against
    fresh discriminators, until generated rows are as much like the real ones as those are like
    each other. Before a discriminator sees them, real and generated rows go through the same
    random transformation: a shift along the axis, Poisson noise, or none.

    Parameters
    ----------
    design : {"single-mono", "multi-mono", "single-bi", "multi-bi"}, default "single-bi"
        "mono" transforms by shifts, "bi" by shifts and by Poisson noise; "single" shows all to
        one discriminator, "multi" has another one for untransformed and for each kind of
        transformed rows (figure 3).
    architecture : {"simple-dense", "large-dense", "simple-convo"}, default "simple-dense"
        Of generators and discriminators: layers and widths are in the method's page.
    maximum_shift : float or None, default None
        Largest shift, in units of the axis (`domain`; channels where it has none). None is 10
        channels, as in the reference implementation.
    dose : float or None, default None
        Counts that the maximum of a row stands for in the Poisson transformation. None takes
        rows above 10 for counts and the maximum of all others for 1000, see
        :class:`hs_specaug.perturbations.PoissonNoise`.
    real_label : float, default 0.9
        What the discriminators are to say of real rows (one-sided label smoothing).
    noise_scale : float, default 0.1
        Strength of the noise layers inside the generator, as a share of the reference
        implementation's (Poisson λ 0.5 and 0.15, Gaussian 0.15), with which z drowns in noise.
    dropout : float, default 0.0
        Of the discriminators; 0.5 in the reference implementation, with which they learn too
        slowly to lead.
    start : {"spectra", "mean", "random"}, default "spectra"
        Output layer before the training: mean and covariance of the spectra of the class; their
        mean and measured noise, so that their variation is found by training; or random, as in
        the paper.
    domain : Domain or None, default None
        The axis of the rows; set by ``s.train_generator``.
    latent_dim : int, default 30
        Length of the noise vector.
    generator_learning_rate, discriminator_learning_rate : float, default 1e-4 and 5e-4
        Of Adam (two time-scale update rule).
    n_critic : int, default 1
        Rounds of the discriminators per step of the generator. A round shows them untransformed
        rows twice and each kind of transformed rows once.

    Notes
    -----
    A class with fewer than 6 rows has no baseline and is not trained: its generator is the
    start from its mean and its spectra's variation, which other classes lend if need be. A
    warning says so. Images and several channels work, as one vector each, but dense layers
    with a weight for every pair of pixels do not suit them.

    References
    ----------
    del-Pozo-Bueno et al., Microsc. Microanal. 30 (2024) 278. The transformations are those of
    Tran et al., IEEE Trans. Image Process. 30 (2021) 1882.

    Examples
    --------
    >>> import numpy as np
    >>> from hs_specaug.generators import DAGGenerator
    >>> rng = np.random.default_rng(0)
    >>> peak = np.exp(-np.linspace(-2, 2, 32) ** 2)
    >>> X = peak * rng.uniform(1, 2, (24, 1)) + rng.normal(0, 0.1, (24, 32))
    >>> y = np.array(["one"] * 12 + ["other"] * 12)
    >>> generator = DAGGenerator(epochs=2, start="spectra", random_state=0).fit(X, y)
    >>> generator.sample({"one": 5})[0].shape
    (5, 32)
    >>> len(generator.verdict_.splitlines())
    2
    """

    method: ClassVar[str] = "dag"
    remedy: ClassVar[str] = "More epochs, start='spectra' or a tolerance may help"
    passes: ClassVar[dict[str, tuple[int, int]]] = {
        "generator": (5, 1),
        "discriminator": (5, 5),
    }

    _parameter_constraints: ClassVar[dict] = {
        **OneGeneratorPerClass._parameter_constraints,
        "design": [StrOptions(set(DESIGNS))],
        "architecture": [StrOptions(set(ARCHITECTURES))],
        "maximum_shift": [Interval(Real, 0, None, closed="neither"), None],
        "dose": [Interval(Real, 0, None, closed="neither"), None],
        "real_label": [Interval(Real, 0.5, 1, closed="both")],
        "noise_scale": [WEIGHT],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "start": [StrOptions({"spectra", "mean", "random"})],
        "domain": [Domain, None],
    }

    def __init__(
        self,
        *,
        design: str = "single-bi",
        architecture: str = "simple-dense",
        maximum_shift: float | None = None,
        dose: float | None = None,
        real_label: float = 0.9,
        noise_scale: float = 0.1,
        dropout: float = 0.0,
        start: str = "spectra",
        domain: Domain | None = None,
        latent_dim: int = 30,
        generator_learning_rate: float | None = 1e-4,
        discriminator_learning_rate: float | None = 5e-4,
        **training: Any,
    ) -> None:
        super().__init__(
            latent_dim=latent_dim,
            generator_learning_rate=generator_learning_rate,
            discriminator_learning_rate=discriminator_learning_rate,
            **training,
        )
        self.design = design
        self.architecture = architecture
        self.maximum_shift = maximum_shift
        self.dose = dose
        self.real_label = real_label
        self.noise_scale = noise_scale
        self.dropout = dropout
        self.start = start
        self.domain = domain

    # --- networks and their start --------------------------------------------------------

    def _build_networks(
        self, channels: int, size: tuple[int, ...], n_classes: int
    ) -> nn.ModuleDict:
        transformations, several = DESIGNS[self.design]

        def generator() -> DAGNetwork:
            return DAGNetwork(
                self.latent_dim, channels, size, self.architecture, noise_scale=self.noise_scale
            )

        def discriminator() -> DAGDiscriminator:
            return DAGDiscriminator(channels, size, self.architecture, dropout=self.dropout)

        names = ("plain", *transformations) if several else ("all",)
        return nn.ModuleDict(
            {
                "generator": ClassGenerators([generator() for _ in range(n_classes)]),
                "discriminator": nn.ModuleDict({name: discriminator() for name in names}),
            }
        )

    def _pretrain(self, networks: Any, draws: Draws, run: TrainingRun) -> None:
        """Set the range of every generator, and its start."""
        stream = cast(Any, draws.stream)
        X, y = stream.X, stream.y
        members = networks["generator"].members
        classes = [X[y == code] for code in range(len(members))]
        everything = torch.cat([rows - rows.mean(dim=0) for rows in classes])
        noise = torch.Generator().manual_seed(self._seeds[3])
        for member, rows in zip(members, classes, strict=True):
            set_range(member, rows)
            if len(rows) < FEWEST_ROWS:  # lent by the other classes
                start_from_rows(member, rows, (everything / member.reach).flatten(1), noise)
            elif self.start == "spectra":
                inside = before_tanh(member, rows)
                start_from_rows(member, rows, inside - inside.mean(dim=0), noise)
            elif self.start == "mean":
                start_from_mean(member, rows, noise)

    # --- what the players minimise -------------------------------------------------------

    def _players(self, networks: Any, draws: Draws, run: TrainingRun) -> list[Player]:
        players = super()._players(networks, draws, run)
        set_noise_source(networks, draws.generator)
        n_steps = len(DESIGNS[self.design][0]) + 2  # untransformed rows come twice
        for player in players:
            if player.name == "discriminator":
                player.updates = self.n_critic * n_steps
        return players

    def _stabilisers(self, draws: Draws) -> Any:
        """Return those of every kind of rows: each may have a discriminator of its own."""
        stabilisers = nn.ModuleDict()
        for name in ("plain", *DESIGNS[self.design][0]):
            own = super()._stabilisers(draws)
            own.real = partial(smoothed_real_loss, label=self.real_label)
            stabilisers[name] = own
        return stabilisers

    def _losses(
        self, networks: Any, draws: Draws, stabilisers: Any
    ) -> dict[str, Callable[[], Losses]]:
        transforms = self._transforms(draws)
        several = DESIGNS[self.design][1]
        D, stream = networks["discriminator"], cast(Any, draws.stream)
        judges = {name: D[name if several else "all"] for name in transforms}
        twice = bool(self.r1_penalty or self.r2_penalty)
        for module in D.modules():
            if isinstance(module, MinibatchDiscrimination):
                module.twice_differentiable = twice

        def generate(n: int) -> Tensor:
            return networks["generator"].members[stream.code](draws.noise(n))

        def label() -> str:
            return str(self.classes_[stream.code])

        def discriminator(name: str) -> Losses:
            terms = discriminator_losses(
                generate, judges[name], transforms[name], draws, stabilisers[name]
            )
            return {f"{label()}/{name}/{term}": value for term, value in terms.items()}

        steps = itertools.cycle([*transforms, "plain"])
        # The generator wants to be taken for real without reserve: smoothing is one-sided.
        unreserved = copy.copy(stabilisers["plain"])
        unreserved.real = real_loss

        def generator() -> Losses:
            term = generator_loss(generate, judges, transforms, draws, unreserved)
            return {f"{label()}/adversarial": term}

        return {"discriminator": lambda: discriminator(next(steps)), "generator": generator}

    def _transforms(self, draws: Draws) -> dict[str, Transform]:
        X = cast(Any, draws.stream).X
        return transformations(
            DESIGNS[self.design][0],
            min(self._shift_in_channels(X.shape[-1]), X.shape[-1] - 1),
            self.dose,
            self.scaler_._span(X.ndim),
            draws.generator,
        )

    def _shift_in_channels(self, length: int) -> int:
        if self.maximum_shift is None:
            return REFERENCE_SHIFT
        width = self.domain.channel(length) if self.domain is not None else 1.0
        return max(1, round(self.maximum_shift / width))
