"""Layers that draw random numbers, from a generator that their owner hands in.

torch's own Dropout draws from the global generator; a fit that uses it would depend on, and
move, random numbers that belong to the user. The layers here draw from the ``torch.Generator``
that :func:`set_noise_source` gave them. A CPU generator serves rows on any device, so that a
seed means the same numbers everywhere.
"""

from __future__ import annotations

import contextlib
import functools
from abc import ABC, abstractmethod
from collections.abc import Iterator

import scipy.stats
import torch
from torch import Tensor, nn


class NoiseLayer(nn.Module, ABC):
    """Something random in training, the identity otherwise.

    Attributes
    ----------
    generator : torch.Generator or None
        Where random numbers come from, see :func:`set_noise_source`. It belongs to the owner of
        the network: neither a state dictionary nor a copy of the layer carries it.
    in_eval : bool
        Whether the layer acts also in evaluation mode, see :func:`noise_in_eval`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.generator: torch.Generator | None = None
        self.in_eval = False

    def __getstate__(self) -> dict:
        return {**self.__dict__, "generator": None, "in_eval": False}

    @property
    def acts(self) -> bool:
        """Whether the next call is random."""
        return self.training or self.in_eval

    @property
    def source(self) -> torch.Generator:
        """The generator that was handed in.

        Raises
        ------
        RuntimeError
            If none was.
        """
        if self.generator is None:
            raise RuntimeError(
                f"{type(self).__name__} has no source of random numbers; call "
                "set_noise_source(network, torch.Generator().manual_seed(seed)) first"
            )
        return self.generator

    def uniform(self, *shape: int) -> Tensor:
        """Return numbers of uniform(0, 1) where the generator is."""
        return torch.rand(shape, generator=self.source, device=self.source.device)

    @abstractmethod
    def draw(self, x: Tensor) -> Tensor:
        """Return `x` with the layer's randomness."""

    def forward(self, x: Tensor) -> Tensor:
        """Apply to `x` of shape (..., n_channels)."""
        return self.draw(x) if self.acts else x


def set_noise_source(module: nn.Module, generator: torch.Generator) -> None:
    """Let every noise layer inside `module` draw from `generator`."""
    for layer in module.modules():
        if isinstance(layer, NoiseLayer):
            layer.generator = generator


@contextlib.contextmanager
def noise_in_eval(module: nn.Module) -> Iterator[None]:
    """Keep the noise layers inside `module` at work in evaluation mode, within this context.

    A discriminator judges rows that were generated with noise. Rows that are sampled without
    it come from another distribution; this context samples what was judged.
    """
    layers = [layer for layer in module.modules() if isinstance(layer, NoiseLayer)]
    before = [layer.in_eval for layer in layers]
    for layer in layers:
        layer.in_eval = True
    try:
        yield
    finally:
        for layer, was in zip(layers, before, strict=True):
            layer.in_eval = was


@contextlib.contextmanager
def noise_from(module: nn.Module, generator: torch.Generator) -> Iterator[None]:
    """Sample with noise that depends on `generator` alone, within this context.

    Noise layers inside `module` act in evaluation mode too, see :func:`noise_in_eval`, and go
    back to the source that they had.
    """
    layers = [layer for layer in module.modules() if isinstance(layer, NoiseLayer)]
    sources = [layer.generator for layer in layers]
    set_noise_source(module, generator)
    try:
        with noise_in_eval(module):
            yield
    finally:
        for layer, source in zip(layers, sources, strict=True):
            layer.generator = source


class PoissonNoise(NoiseLayer):
    """Add ``scale × (Poisson(rate) − rate)`` to every value, in training.

    The reference implementation of paper 002 does not subtract the mean. The layers behind it
    then learn to live with an offset of `rate` that is gone as soon as training mode ends, so
    that sampled rows differ from those that were trained. With ``centred=True`` the noise
    has the same spread and skewness, and mean zero; ``centred=False`` is the reference's.

    Parameters
    ----------
    rate : float
        Mean λ of the Poisson distribution, 0 or more.
    scale : float, default 1.0
        What one count is worth.
    centred : bool, default True
        Subtract the mean.

    Raises
    ------
    ValueError
        If `rate` is negative.
    """

    def __init__(self, rate: float, scale: float = 1.0, centred: bool = True) -> None:
        super().__init__()
        if rate < 0:
            raise ValueError(f"rate must be 0 or more, got {rate!r}")
        self.rate, self.scale, self.centred = rate, scale, centred

    @functools.cached_property
    def _steps(self) -> Tensor:
        """P(count ≤ k) for k = 0, 1, ..., up to where uniform numbers in float32 end."""
        largest = int(scipy.stats.poisson.isf(2.0**-24, self.rate)) if self.rate else 0
        return torch.from_numpy(scipy.stats.poisson.cdf(range(largest + 1), self.rate)).float()

    def draw(self, x: Tensor) -> Tensor:
        """Return `x` (..., n_channels) with noise."""
        # One rate for all: a table is inverted in a tenth of the time of torch.poisson.
        u = self.uniform(*x.shape)
        counts = torch.bucketize(u, self._steps.to(u.device), right=True).float()
        if self.centred:
            counts = counts - self.rate
        return x + (self.scale * counts).to(x)

    def extra_repr(self) -> str:
        """Parameters, for ``print``."""
        return f"rate={self.rate}, scale={self.scale}, centred={self.centred}"


class GaussianNoise(NoiseLayer):
    """Add normal(0, `std`) to every value, in training.

    Parameters
    ----------
    std : float
        Standard deviation, 0 or more.

    Raises
    ------
    ValueError
        If `std` is negative.
    """

    def __init__(self, std: float) -> None:
        super().__init__()
        if std < 0:
            raise ValueError(f"std must be 0 or more, got {std!r}")
        self.std = std

    def draw(self, x: Tensor) -> Tensor:
        """Return `x` (..., n_channels) with noise."""
        noise = torch.randn(x.shape, generator=self.source, device=self.source.device)
        return x + (self.std * noise).to(x)

    def extra_repr(self) -> str:
        """Parameters, for ``print``."""
        return f"std={self.std}"


class SeededDropout(NoiseLayer):
    """Set a share `rate` of the values to zero and divide the others by ``1 − rate``.

    Parameters
    ----------
    rate : float
        Probability of a zero, in [0, 1).

    Raises
    ------
    ValueError
        If `rate` is not in [0, 1).
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        if not 0.0 <= rate < 1.0:
            raise ValueError(f"rate must be at least 0 and below 1, got {rate!r}")
        self.rate = rate

    def draw(self, x: Tensor) -> Tensor:
        """Return `x` (..., n_channels) with zeros."""
        if self.rate == 0.0:
            return x
        kept = self.uniform(*x.shape) >= self.rate
        return x * (kept / (1.0 - self.rate)).to(x)

    def extra_repr(self) -> str:
        """Parameters, for ``print``."""
        return f"rate={self.rate}"


def translate(x: Tensor, shift: Tensor) -> Tensor:
    """Move rows by whole channels; the vacated end keeps what it had.

    That is the filling of the reference implementation of paper 002: the end segment is
    there twice, so its noise looks like noise (repeating the last value would draw a flat line).

    Parameters
    ----------
    x : Tensor of shape (..., n_channels)
        Rows.
    shift : integer Tensor, broadcastable to ``x.shape[:-1]``
        Channels to the right; negative to the left.

    Examples
    --------
    >>> import torch
    >>> x = torch.tensor([[1.0, 2.0, 3.0, 4.0]])
    >>> translate(x, torch.tensor([1])).tolist(), translate(x, torch.tensor([-2])).tolist()
    ([[1.0, 1.0, 2.0, 3.0]], [[3.0, 4.0, 3.0, 4.0]])
    """
    channel = torch.arange(x.shape[-1], device=x.device)
    origin = channel - shift.to(x.device).unsqueeze(-1)
    inside = (origin >= 0) & (origin < x.shape[-1])
    return x.gather(-1, torch.where(inside, origin, channel).expand(x.shape))


def draw_shifts(shape: tuple[int, ...], maximum: int, generator: torch.Generator) -> Tensor:
    """Draw shifts of 1 to `maximum` channels, to the left or to the right alike."""
    size = torch.randint(1, maximum + 1, shape, generator=generator, device=generator.device)
    right = torch.randint(0, 2, shape, generator=generator, device=generator.device)
    return size * (2 * right - 1)


class Translation(NoiseLayer):
    """Move every row by 1 to `maximum` channels to the left or to the right, in training.

    Drawn anew for every row at every call. The reference implementation draws one shift when the
    model is built and a direction for the whole batch, which gives two positions in all.
    Rows of one channel stay.

    Parameters
    ----------
    maximum : int, default 6
        Largest shift, in channels; rows with fewer channels move by less than their length.

    Raises
    ------
    ValueError
        If `maximum` is below 1.
    """

    def __init__(self, maximum: int = 6) -> None:
        super().__init__()
        if maximum < 1:
            raise ValueError(f"maximum must be 1 channel or more, got {maximum!r}")
        self.maximum = maximum

    def draw(self, x: Tensor) -> Tensor:
        """Return `x` (..., n_channels), each row moved."""
        maximum = min(self.maximum, x.shape[-1] - 1)
        if maximum < 1:
            return x
        return translate(x, draw_shifts(tuple(x.shape[:-1]), maximum, self.source))

    def extra_repr(self) -> str:
        """Parameters, for ``print``."""
        return f"maximum={self.maximum}"
