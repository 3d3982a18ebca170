"""Generator and discriminator of the data-augmentation GAN (paper 002, figures 4 and 5).

The figures give the order of the layers, not their sizes; those are of the group's public code:
everything scales with the number of channels.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from ._blocks import ConvolutionTrunk
from ._layers import CONVOLUTION, check_dimension
from ._minibatch import MinibatchDiscrimination
from ._noise_layers import GaussianNoise, PoissonNoise, SeededDropout, Translation

SEGMENTS = 6
GENERATOR_WIDTHS = (0.85, 0.75, 0.5)  # of the length of a segment
DISCRIMINATOR_WIDTHS = (1.0, 0.8, 0.6)  # of the number of channels
MINIBATCH = ((100, 5), (150, 8))  # kernels and their length, one pair per branch
TRUNK_KERNELS = (16, 32, 64, 64)
REFINING_KERNELS = 32


@dataclass(frozen=True)
class Architecture:
    """What tells the three architectures of paper 002 apart.

    Attributes
    ----------
    depth : int
        Dense layers of each width.
    noisy : bool
        Whether noise follows every width of the generator, or the first alone.
    convolutional : bool
        Whether the generator refines, and the discriminator looks, by convolutions.
    """

    depth: int = 1
    noisy: bool = True
    convolutional: bool = False


#: "Deeper architectures that retain the foundational structure but incorporate more hidden
#: layers", with "fewer noise layers" (large-dense); "1D convolutional networks, ensuring that
#: their design harmonized with the dense networks" (simple-convo).
ARCHITECTURES = {
    "simple-dense": Architecture(),
    "large-dense": Architecture(depth=2, noisy=False),
    "simple-convo": Architecture(convolutional=True),
}


def find_architecture(name: str, copies: int | None = None) -> Architecture:
    """Return the architecture called `name`.

    Raises
    ------
    ValueError
        If there is none, or if it cannot be built `copies` times side by side.
    """
    if name not in ARCHITECTURES:
        raise ValueError(
            f"architecture must be one of {', '.join(map(repr, ARCHITECTURES))}, got {name!r}"
        )
    if copies is not None and ARCHITECTURES[name].convolutional:
        raise ValueError(
            f"architecture {name!r} cannot be built side by side; pass copies=None and train one "
            "model after the other, or use architecture='simple-dense'"
        )
    return ARCHITECTURES[name]


class Dense(nn.Linear):
    """Dense layer, or several of the same shape side by side as one batched product.

    A :class:`torch.nn.Linear` to whoever asks (spectral normalisation does), but its weight is
    (..., n_inputs, n_outputs).

    Parameters
    ----------
    n_inputs, n_outputs : int
        Lengths of a row.
    copies : tuple of int, default ()
        Layers side by side: (..., n, n_inputs) with these leading axes, or with axes that
        broadcast to them, gives (*copies, n, n_outputs).
    """

    def __init__(self, n_inputs: int, n_outputs: int, copies: tuple[int, ...] = ()) -> None:
        nn.Module.__init__(self)  # that of Linear would draw weights from the global generator
        self.in_features, self.out_features = n_inputs, n_outputs
        self.weight = nn.Parameter(torch.zeros(*copies, n_inputs, n_outputs))
        self.bias = nn.Parameter(torch.zeros(*copies, 1, n_outputs))

    def initialise_own(self, generator: torch.Generator) -> None:
        """Draw weights as Glorot and Bengio (2010) do.

        Seven dense layers in a row would shrink normal(0, 0.02) weights to nothing.
        """
        fan_in, fan_out = self.weight.shape[-2:]
        bound = math.sqrt(6.0 / (fan_in + fan_out))
        nn.init.uniform_(self.weight, -bound, bound, generator=generator)
        nn.init.zeros_(self.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., n, n_inputs) to (..., n, n_outputs)."""
        return x @ self.weight + self.bias


def share(n: int, part: float) -> int:
    """Return `part` of `n` channels, at least one."""
    return max(1, round(part * n))


def initialise_convolutions(module: nn.Module, generator: torch.Generator) -> None:
    """Draw all convolutions inside `module` as Glorot and Bengio (2010) do."""
    for child in module.modules():
        if isinstance(child, nn.modules.conv._ConvNd):
            nn.init.xavier_uniform_(child.weight, generator=generator)


class DAGGenerator(nn.Module):
    """G(z): parallel segments of the spectrum, joined and refined (paper 002, figure 5).

    Each segment is a stack of dense layers between layers of Poisson and Gaussian noise, and a
    translation. The segments have the same layers, so they run as one batched product.

    Parameters
    ----------
    latent_dim : int
        Length of the noise vector z; 30 in the scripts of the reference.
    channels : int
        Channels of the output.
    size : tuple of int
        ``(length,)`` or ``(height, width)`` of the output.
    architecture : {"simple-dense", "large-dense", "simple-convo"}
        See :data:`ARCHITECTURES`.
    segments : int, default 6
        Parallel branches.
    slope : float, default 0.3
        Negative slope of LeakyReLU.
    poisson_rate, final_poisson_rate : float, default 0.5 and 0.15
        λ of the Poisson noise in the segments and after they are joined.
    gaussian_std : float, default 0.15
        Of the Gaussian noise in the segments.
    noise_scale : float, default 1.0
        Factor on the strength of all noise layers; 1 is the reference implementation's.
    maximum_shift : int, default 6
        Of the translations, in channels.
    centred : bool, default True
        Whether the Poisson noise has mean zero, see :class:`PoissonNoise`; False is the
        reference implementation's.
    copies : int or None, default None
        Models side by side, one per class for instance; only for the dense architectures.

    Attributes
    ----------
    centre, reach : Tensor of shape (1, channels, 1, ...)
        Middle and half width of the range of the output, 0 and 1 unless they are set.

    Raises
    ------
    ValueError
        If `architecture` is unknown, or is convolutional and `copies` is given.

    Notes
    -----
    Call :func:`set_noise_source` before training. Noise layers rest in evaluation mode; see
    :func:`noise_in_eval`.
    """

    centre: Tensor
    reach: Tensor

    def __init__(
        self,
        latent_dim: int,
        channels: int,
        size: tuple[int, ...],
        architecture: str = "simple-dense",
        *,
        segments: int = SEGMENTS,
        slope: float = 0.3,
        poisson_rate: float = 0.5,
        final_poisson_rate: float = 0.15,
        gaussian_std: float = 0.15,
        noise_scale: float = 1.0,
        maximum_shift: int = 6,
        centred: bool = True,
        copies: int | None = None,
    ) -> None:
        super().__init__()
        check_dimension(size)
        plan = find_architecture(architecture, copies)
        self.latent_dim = latent_dim
        self.shape = (channels, *size)
        n_values, side = math.prod(self.shape), () if copies is None else (copies,)
        segment = share(n_values, 1.0 / segments)

        def noise() -> list[nn.Module]:
            return [
                PoissonNoise(poisson_rate, noise_scale, centred),
                GaussianNoise(noise_scale * gaussian_std),
            ]

        branch = _branch_layers(latent_dim, segment, plan, (*side, segments), slope, noise)
        self.segments = nn.Sequential(*branch, Translation(maximum_shift))
        joined = [Dense(segments * segment, n_values, side), nn.LeakyReLU(slope)]
        for _ in range(plan.depth - 1):
            joined += [Dense(n_values, n_values, side), nn.LeakyReLU(slope)]
        self.joined = nn.Sequential(
            *joined,
            PoissonNoise(final_poisson_rate, noise_scale, centred),
            Translation(maximum_shift),
        )
        self.refined = nn.Sequential(Dense(n_values, n_values, side), nn.Unflatten(-1, self.shape))
        if plan.convolutional:
            self.refined.append(RefiningConvolutions(channels, size, slope))
        per_channel = (*side, 1, channels, *(1 for _ in size))
        self.register_buffer("centre", torch.zeros(per_channel))
        self.register_buffer("reach", torch.ones(per_channel))

    def initialise_own(self, generator: torch.Generator) -> None:
        """Draw the convolutions; dense layers draw their own weights."""
        initialise_convolutions(self, generator)

    @property
    def output(self) -> Dense:
        """The dense layer that makes the row."""
        return cast(Dense, self.refined[0])

    def hidden(self, z: Tensor) -> Tensor:
        """Return what the output layer gets, (n, values of a row)."""
        segments = self.segments(z.unsqueeze(-3))  # (..., segments, n, length of a segment)
        return self.joined(segments.movedim(-3, -2).flatten(-2))

    def forward(self, z: Tensor) -> Tensor:
        """Map noise (n, latent_dim) to rows (n, channels, *size), `centre` ± `reach`.

        With copies, (copies, n, latent_dim) to (copies, n, channels, *size).
        """
        return self.centre + self.reach * torch.tanh(self.refined(self.hidden(z)))


def _branch_layers(
    latent_dim: int,
    segment: int,
    plan: Architecture,
    copies: tuple[int, ...],
    slope: float,
    noise: Callable[[], list[nn.Module]],
) -> list[nn.Module]:
    """Dense layers from the noise vector to one segment, with new `noise` layers in between."""
    layers: list[nn.Module] = []
    n_inputs = latent_dim
    for i, width in enumerate([latent_dim, *(share(segment, w) for w in GENERATOR_WIDTHS)]):
        for _ in range(plan.depth):
            layers += [Dense(n_inputs, width, copies), nn.LeakyReLU(slope)]
            n_inputs = width
        if plan.noisy or i == 0:
            layers += noise()
    return [*layers, Dense(n_inputs, segment, copies), nn.LeakyReLU(slope)]


class RefiningConvolutions(nn.Module):
    """Three convolutions beside the identity; they start silent.

    Parameters
    ----------
    channels, size, slope
        As for :class:`DAGGenerator`.
    """

    def __init__(self, channels: int, size: tuple[int, ...], slope: float) -> None:
        super().__init__()
        convolution = CONVOLUTION[len(size)]
        self.last = convolution(REFINING_KERNELS, channels, 5, padding=2)
        self.first = nn.Sequential(
            convolution(channels, REFINING_KERNELS, 5, padding=2),
            nn.LeakyReLU(slope),
            convolution(REFINING_KERNELS, REFINING_KERNELS, 5, padding=2),
            nn.LeakyReLU(slope),
        )

    def initialise_own(self, generator: torch.Generator) -> None:
        """Silence the last convolution; the others are drawn by the network they belong to."""
        nn.init.zeros_(cast(Tensor, self.last.weight))

    def forward(self, x: Tensor) -> Tensor:
        """Refine `x` (n, channels, *size)."""
        return x + self.last(self.first(x))


class GroupedTrunk(ConvolutionTrunk):
    """Convolutions of rows that come in any number of leading axes."""

    def __init__(self, channels: int, size: tuple[int, ...], slope: float) -> None:
        super().__init__(channels, size, TRUNK_KERNELS, slope)
        self.row_ndim = 1 + len(size)

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., n, channels, *size) to features (..., n, n_features)."""
        leading, row = x.shape[: -self.row_ndim], x.shape[-self.row_ndim :]
        return super().forward(x.reshape(-1, *row)).unflatten(0, leading)


class DAGDiscriminator(nn.Module):
    """D(x) as a logit: two branches, each with minibatch discrimination (paper 002, figure 4).

    The sigmoid of the figure is part of the loss. Real and generated rows must come in groups
    of their own and of equal size, see :class:`MinibatchDiscrimination`.

    Parameters
    ----------
    channels, size, architecture, slope, copies
        As for :class:`DAGGenerator`.
    dropout : float, default 0.5
        Share of the units that is dropped after each hidden layer, in training.
    """

    def __init__(
        self,
        channels: int,
        size: tuple[int, ...],
        architecture: str = "simple-dense",
        *,
        slope: float = 0.3,
        dropout: float = 0.5,
        copies: int | None = None,
    ) -> None:
        super().__init__()
        check_dimension(size)
        plan = find_architecture(architecture, copies)
        n_values, side = math.prod((channels, *size)), () if copies is None else (copies,)
        self.row_ndim = 1 + len(size)
        self.convolutional = plan.convolutional
        last = share(n_values, 0.2)
        branches = []
        for kernels, dim in MINIBATCH:
            if plan.convolutional:
                trunk = GroupedTrunk(channels, size, slope)
                layers: list[nn.Module] = [trunk, SeededDropout(dropout)]
                n_features = trunk.n_features
            else:
                layers, n_features = [], n_values
                for width in (share(n_values, w) for w in DISCRIMINATOR_WIDTHS):
                    for _ in range(plan.depth):
                        layers += [Dense(n_features, width, side), nn.LeakyReLU(slope)]
                        layers += [SeededDropout(dropout)]
                        n_features = width
            minibatch = MinibatchDiscrimination(n_features, kernels, dim, copies)
            layers += [minibatch, Dense(minibatch.n_outputs, last, side)]
            branches.append(nn.Sequential(*layers, nn.LeakyReLU(slope), SeededDropout(dropout)))
        self.branches = nn.ModuleList(branches)
        self.output = Dense(len(branches) * last, 1, side)

    def initialise_own(self, generator: torch.Generator) -> None:
        """Draw the convolutions; dense layers draw their own weights."""
        initialise_convolutions(self, generator)

    def forward(self, x: Tensor) -> Tensor:
        """Map rows (n, channels, *size) to logits (n,), in float32.

        Several groups of rows at once, (groups, n, channels, *size) to (groups, n): rows are
        compared within their group only. With copies, the last leading axis is theirs.
        """
        if not self.convolutional:
            x = x.flatten(-self.row_ndim)
        h = torch.cat([branch(x) for branch in self.branches], dim=-1)
        return self.output(h).squeeze(-1).float()
