"""U-Net that looks at noisy rows, a time and a class (Ho, Jain and Abbeel, NeurIPS 2020)."""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ._layers import PLAIN_CONVOLUTION as CONVOLUTION
from ._layers import PadToMultiple, check_dimension

#: Channels of each level, in units of the width.
MULTIPLIERS = (1, 2, 2, 4)
MOST_GROUPS, FEWEST_PER_GROUP = 8, 4
LONGEST_PERIOD = 10_000.0
HEAD = 32  # channels of one attention head


def draw_scaled(layer: nn.Module, generator: torch.Generator, gain: float = 1.0) -> None:
    """Draw weights so that a layer keeps the variance of its input (Glorot); no bias."""
    if gain == 0.0:
        nn.init.zeros_(layer.weight)  # type: ignore[arg-type]
    else:
        nn.init.xavier_uniform_(layer.weight, gain, generator=generator)  # type: ignore[arg-type]
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]


def group_norm(channels: int) -> nn.GroupNorm:
    """Return a normalisation in up to eight groups.

    A group has at least four channels, or a row of one point would be normalised to zero.
    """
    fits = [
        g
        for g in range(1, MOST_GROUPS + 1)
        if channels % g == 0 and channels >= g * FEWEST_PER_GROUP
    ]
    return nn.GroupNorm(max(fits, default=1), channels)


def time_embedding(t: Tensor, n_features: int) -> Tensor:
    """Return cosines and sines of the times `t` (n,), with periods from 2π to 10⁴ · 2π."""
    half = n_features // 2
    steps = torch.arange(half, device=t.device, dtype=torch.float32) / max(half - 1, 1)
    angles = t.float()[:, None] * torch.exp(-math.log(LONGEST_PERIOD) * steps)
    return F.pad(torch.cat([angles.cos(), angles.sin()], dim=1), (0, n_features % 2))


class ResidualBlock(nn.Module):
    """Two convolutions beside a short cut; time and class scale and shift what is between them.

    Scale and shift come after the second normalisation (Nichol and Dhariwal, ICML 2021,
    appendix A). The second convolution starts at zero: every block starts as its short cut.

    Parameters
    ----------
    n_in, n_out : int
        Channels.
    n_features : int
        Length of the vector of time and class.
    ndim : int
        1 for spectra, 2 for images.
    """

    def __init__(self, n_in: int, n_out: int, n_features: int, ndim: int) -> None:
        super().__init__()
        convolution = CONVOLUTION[ndim]
        self.norm1, self.norm2 = group_norm(n_in), group_norm(n_out)
        self.conv1 = convolution(n_in, n_out, 3, padding=1)
        self.conv2 = convolution(n_out, n_out, 3, padding=1)
        self.condition = nn.Linear(n_features, 2 * n_out)
        self.shortcut = nn.Identity() if n_in == n_out else convolution(n_in, n_out, 1)

    def initialise_own(self, generator: torch.Generator) -> None:
        """Start as the short cut."""
        draw_scaled(self.conv1, generator)
        draw_scaled(self.conv2, generator, 0.0)
        draw_scaled(self.condition, generator)
        if not isinstance(self.shortcut, nn.Identity):
            draw_scaled(self.shortcut, generator)

    def forward(self, x: Tensor, features: Tensor) -> Tensor:
        """Map (n, n_in, *size) to (n, n_out, *size) under the vectors `features`."""
        h = self.conv1(F.silu(self.norm1(x)))
        scale, shift = self.condition(features).chunk(2, dim=1)
        expand = (..., *(None,) * (x.ndim - 2))
        h = torch.addcmul(shift[expand], self.norm2(h), 1.0 + scale[expand])
        return self.shortcut(x) + self.conv2(F.silu(h))


class Attention(nn.Module):
    """Every point looks at every other (multi-head self-attention), beside a short cut."""

    def __init__(self, channels: int, ndim: int) -> None:
        super().__init__()
        self.norm = group_norm(channels)
        self.heads = channels // HEAD if channels % HEAD == 0 else 1
        self.queries_keys_values = CONVOLUTION[ndim](channels, 3 * channels, 1)
        self.output = CONVOLUTION[ndim](channels, channels, 1)

    def initialise_own(self, generator: torch.Generator) -> None:
        """Start as the short cut."""
        draw_scaled(self.queries_keys_values, generator)
        draw_scaled(self.output, generator, 0.0)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, channels, *size) to the same shape."""
        n, channels = x.shape[:2]
        mixed = self.queries_keys_values(self.norm(x)).flatten(2)  # (n, 3 c, points)
        by_head = mixed.reshape(n, 3, self.heads, channels // self.heads, -1)
        q, k, v = by_head.transpose(3, 4).unbind(1)  # (n, heads, points, c / heads)
        seen = F.scaled_dot_product_attention(q, k, v)
        return x + self.output(seen.transpose(2, 3).reshape(x.shape))


class Upsample(nn.Module):
    """Repeat every point, then convolve."""

    def __init__(self, channels: int, ndim: int) -> None:
        super().__init__()
        self.conv = CONVOLUTION[ndim](channels, channels, 3, padding=1)

    def initialise_own(self, generator: torch.Generator) -> None:
        """Keep the variance."""
        draw_scaled(self.conv, generator)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, channels, *size) to twice the size."""
        return self.conv(F.interpolate(x, scale_factor=2.0, mode="nearest"))


class Downsample(nn.Module):
    """Convolution with stride 2."""

    def __init__(self, channels: int, ndim: int) -> None:
        super().__init__()
        self.conv = CONVOLUTION[ndim](channels, channels, 3, stride=2, padding=1)

    def initialise_own(self, generator: torch.Generator) -> None:
        """Keep the variance."""
        draw_scaled(self.conv, generator)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, channels, *size) to half the size."""
        return self.conv(x)


class UNet(nn.Module):
    """Class-conditional U-Net for spectra and images of any size.

    Four levels, each half as long as the one above; a residual block per level on the way down, two
    with attention at the bottom, one per level on the way up, which also sees what the level
    had on the way down.

    Parameters
    ----------
    n_classes : int
        Number of classes; the code `n_classes` itself means "no class".
    channels : int
        Channels of input and output.
    size : tuple of int
        ``(length,)`` or ``(height, width)``. Only its rank matters: rows are padded to a multiple
        of 8 by repeating their end, and cut again.
    width : int
        Channels of the first level; the others have 2, 2 and 4 times as many.
    """

    def __init__(
        self, n_classes: int, channels: int, size: tuple[int, ...], width: int = 24
    ) -> None:
        super().__init__()
        ndim = check_dimension(size)
        convolution = CONVOLUTION[ndim]
        widths = [width * m for m in MULTIPLIERS]
        n_features = 4 * width
        self.width, self.no_class = width, n_classes
        self.time = nn.Sequential(
            nn.Linear(width, n_features), nn.SiLU(), nn.Linear(n_features, n_features)
        )
        self.label = nn.Embedding(n_classes + 1, n_features)
        self.pad = PadToMultiple(2 ** (len(widths) - 1))
        self.first = convolution(channels, width, 3, padding=1)
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        self.shrink, self.grow = nn.ModuleList(), nn.ModuleList()
        for above, here in itertools.pairwise((width, *widths)):
            self.down.append(ResidualBlock(above, here, n_features, ndim))
            self.up.append(ResidualBlock(2 * here, above, n_features, ndim))
        for here in widths[:-1]:
            self.shrink.append(Downsample(here, ndim))
            self.grow.append(Upsample(here, ndim))
        deepest = widths[-1]
        self.middle1 = ResidualBlock(deepest, deepest, n_features, ndim)
        self.attention = Attention(deepest, ndim)
        self.middle2 = ResidualBlock(deepest, deepest, n_features, ndim)
        self.norm = group_norm(width)
        self.last = convolution(width, channels, 3, padding=1)

    def initialise_own(self, generator: torch.Generator) -> None:
        """Keep the variance from layer to layer; the output starts at zero.

        Residual networks need this more than the narrow normal distribution of the others: a
        time that enters with 2 % of its size is learned slowly.
        """
        for layer in (self.time[0], self.time[2], self.first):
            draw_scaled(layer, generator)
        draw_scaled(self.last, generator, 0.0)
        nn.init.normal_(self.label.weight, 0.0, 1.0, generator=generator)

    def forward(self, x: Tensor, t: Tensor, y: Tensor) -> Tensor:
        """Predict something of the shape of `x` in float32.

        Parameters
        ----------
        x : Tensor of shape (n, channels, *size)
            Noisy rows.
        t : Tensor of shape (n,)
            Their times.
        y : Tensor of shape (n,)
            Their class codes, `no_class` where there is none.
        """
        features = F.silu(self.time(time_embedding(t, self.width)) + self.label(y))
        h = self.first(self.pad(x))
        seen = []
        for level, block in enumerate(self.down):
            h = block(h if level == 0 else self.shrink[level - 1](h), features)
            seen.append(h)
        h = self.middle2(self.attention(self.middle1(h, features)), features)
        for level in reversed(range(len(self.up))):
            h = self.up[level](torch.cat([h, seen[level]], dim=1), features)
            if level:
                h = self.grow[level - 1](h)
        out = self.last(F.silu(self.norm(h))).float()
        return out[(..., *(slice(n) for n in x.shape[2:]))]
