"""Parts of an image covered, so that a classifier learns to look elsewhere too."""

from __future__ import annotations

from abc import abstractmethod
from numbers import Integral, Real
from typing import Any, ClassVar

from array_api_compat import array_namespace
from sklearn.utils._param_validation import Interval, StrOptions

from ._domain import Domain
from ._draws import Draws
from ._geometry import pixel_numbers
from ._image_base import ImagePerturbation

_COUNT = [Interval(Integral, 0, None, closed="left")]
_SHARE = [Interval(Real, 0, 1, closed="both")]
_FILL = [Interval(Real, None, None, closed="neither"), StrOptions({"mean", "min", "max"})]


class _Mask(ImagePerturbation):
    """Base of masks: where they are, and what they are filled with."""

    fill: float | str

    def _change(self, X: Any, domain: Domain, draws: Draws) -> Any:
        xp = array_namespace(X)
        covered = self._covered(X, draws)[:, None]
        return xp.where(covered, self._filling(X), X)

    @abstractmethod
    def _covered(self, X: Any, draws: Draws) -> Any:
        """Return a mask (n, height, width) of the pixels that are covered."""

    def _filling(self, X: Any) -> Any:
        """Return the value of covered pixels, one for each image and channel."""
        xp = array_namespace(X)
        if not isinstance(self.fill, str):
            return xp.full_like(X[:, :, :1, :1], float(self.fill))
        reduce = {"mean": xp.mean, "min": xp.min, "max": xp.max}[self.fill]
        return reduce(X, axis=(2, 3), keepdims=True)


def _grid(X: Any) -> tuple[Any, Any, Any]:
    """Return rows (1, h, 1), columns (1, 1, w), and a mask (n, h, w) that covers nothing."""
    xp = array_namespace(X)
    rows, columns = pixel_numbers(X, 2)[None, :, None], pixel_numbers(X, 3)[None, None, :]
    return rows, columns, xp.zeros_like(X[:, 0], dtype=xp.bool)


class CircularMask(_Mask):
    """Cover circles of an image.

    The first part of base strategy 4 of Platnick et al. (GANsemble), the best one for their
    microplastics: 40 circles with radii of 5 to 10 pixels, here as shares of an image of 480
    pixels. A pixel is covered where its centre is, so that small images lose the same share.

    Parameters
    ----------
    n_circles : int, default 40
        Circles, anywhere in the image; they may overlap.
    min_radius, max_radius : float, default 0.01 and 0.02
        Radius as a share of the shorter side; uniform between them.
    fill : float or {"mean", "min", "max"}, default "mean"
        Value of covered pixels, or the mean, smallest or largest value of the channel; the
        published code fills with the white of the background ("max").

    Examples
    --------
    >>> import numpy as np
    >>> from hs_specaug.perturbations import CircularMask
    >>> mask = CircularMask(n_circles=3, min_radius=0.2, max_radius=0.2, fill=0)
    >>> new = mask(np.ones((1, 1, 32, 32)), random_state=0)
    >>> 0.15 < float((new == 0).mean()) < 0.4
    True
    """

    name: ClassVar[str] = "circular-mask"
    _parameter_constraints: ClassVar[dict] = {
        "n_circles": _COUNT,
        "min_radius": _SHARE,
        "max_radius": _SHARE,
        "fill": _FILL,
    }
    _ranges: ClassVar[tuple[tuple[str, str], ...]] = (("min_radius", "max_radius"),)

    def __init__(
        self,
        n_circles: int = 40,
        *,
        min_radius: float = 0.01,
        max_radius: float = 0.02,
        fill: float | str = "mean",
    ) -> None:
        self.n_circles = n_circles
        self.min_radius = min_radius
        self.max_radius = max_radius
        self.fill = fill

    def _covered(self, X: Any, draws: Draws) -> Any:
        height, width = X.shape[2:]
        row = draws.uniform(self.n_circles, low=-0.5, high=height - 0.5)
        column = draws.uniform(self.n_circles, low=-0.5, high=width - 0.5)
        radius = draws.uniform(self.n_circles, low=self.min_radius, high=self.max_radius)
        radius = radius * min(height, width)
        rows, columns, covered = _grid(X)
        for k in range(self.n_circles):
            centre = row[:, k, None, None], column[:, k, None, None]
            distance2 = (rows - centre[0]) ** 2 + (columns - centre[1]) ** 2
            covered = covered | (distance2 < radius[:, k, None, None] ** 2)
        return covered


class RectangularMask(_Mask):
    """Cover rectangles of an image.

    The second part of base strategy 4 of Platnick et al. (GANsemble): 15 stripes over the whole
    height, 2 to 7 pixels wide, here as shares of an image of 640 pixels. A pixel is covered where
    its centre is, so that small images lose the same share.

    Parameters
    ----------
    n_rectangles : int, default 15
        Rectangles, each wholly inside the image; they may overlap.
    min_width, max_width : float, default 0.003 and 0.011
        Width as a share of that of the image; uniform between them.
    min_height, max_height : float, default 1.0 and 1.0
        Height as a share of that of the image; uniform between them.
    fill : float or {"mean", "min", "max"}, default "mean"
        Value of covered pixels, or the mean, smallest or largest value of the channel; the
        published code fills with the white of the background ("max").

    Examples
    --------
    >>> import numpy as np
    >>> from hs_specaug.perturbations import RectangularMask
    >>> mask = RectangularMask(n_rectangles=1, min_width=0.25, max_width=0.25, fill=0)
    >>> mask(np.ones((1, 1, 2, 8), dtype=int), random_state=0)[0, 0]
    array([[1, 1, 1, 1, 1, 0, 0, 1],
           [1, 1, 1, 1, 1, 0, 0, 1]])
    """

    name: ClassVar[str] = "rectangular-mask"
    _parameter_constraints: ClassVar[dict] = {
        "n_rectangles": _COUNT,
        "min_width": _SHARE,
        "max_width": _SHARE,
        "min_height": _SHARE,
        "max_height": _SHARE,
        "fill": _FILL,
    }
    _ranges: ClassVar[tuple[tuple[str, str], ...]] = (
        ("min_width", "max_width"),
        ("min_height", "max_height"),
    )

    def __init__(
        self,
        n_rectangles: int = 15,
        *,
        min_width: float = 0.003,
        max_width: float = 0.011,
        min_height: float = 1.0,
        max_height: float = 1.0,
        fill: float | str = "mean",
    ) -> None:
        self.n_rectangles = n_rectangles
        self.min_width = min_width
        self.max_width = max_width
        self.min_height = min_height
        self.max_height = max_height
        self.fill = fill

    def _covered(self, X: Any, draws: Draws) -> Any:
        count = self.n_rectangles
        high = draws.uniform(count, low=self.min_height, high=self.max_height)
        wide = draws.uniform(count, low=self.min_width, high=self.max_width)
        top = draws.uniform(count) * (1.0 - high)
        left = draws.uniform(count) * (1.0 - wide)
        rows, columns, covered = _grid(X)
        rows, columns = (rows + 0.5) / X.shape[2], (columns + 0.5) / X.shape[3]
        for k in range(count):
            in_rows = _between(rows, top[:, k], high[:, k])
            covered = covered | (in_rows & _between(columns, left[:, k], wide[:, k]))
        return covered


def _between(values: Any, start: Any, size: Any) -> Any:
    start, stop = start[:, None, None], (start + size)[:, None, None]
    return (values >= start) & (values < stop)
