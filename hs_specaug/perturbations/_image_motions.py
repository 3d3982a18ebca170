"""Images seen from another place: flipped, shifted, turned, enlarged, out of focus, distorted."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from array_api_compat import array_namespace
from sklearn.utils._param_validation import Interval, StrOptions

from ._domain import Domain
from ._draws import Draws
from ._geometry import PADDINGS, moved, pixel_numbers, sample, smoothed
from ._image_base import ImagePerturbation

DIRECTIONS = {"horizontal": (3,), "vertical": (2,), "both": (2, 3)}
_DIRECTION = [StrOptions(set(DIRECTIONS))]
_PADDING = [StrOptions(set(PADDINGS))]
_SIZE = [Interval(Real, 0, None, closed="left")]
_SHARE = [Interval(Real, 0, 1, closed="both")]


class Flip(ImagePerturbation):
    """Mirror an image.

    The first part of base strategy 1 of Platnick et al. (GANsemble). Not for structures whose
    handedness matters.

    Parameters
    ----------
    direction : {"horizontal", "vertical", "both"}, default "horizontal"
        Left for right, top for bottom, or either of them independently.
    probability : float, default 0.5
        Of each mirroring.

    Examples
    --------
    >>> import numpy as np
    >>> from hs_specaug.perturbations import Flip
    >>> Flip(probability=1.0)(np.array([[[[1, 2], [3, 4]]]]), random_state=0)[0, 0]
    array([[2, 1],
           [4, 3]])
    """

    name: ClassVar[str] = "flip"
    _parameter_constraints: ClassVar[dict] = {"direction": _DIRECTION, "probability": _SHARE}

    def __init__(self, direction: str = "horizontal", *, probability: float = 0.5) -> None:
        self.direction = direction
        self.probability = probability

    def _change(self, X: Any, domain: Domain, draws: Draws) -> Any:
        xp = array_namespace(X)
        for axis in DIRECTIONS[self.direction]:
            chosen = draws.uniform(1, 1, 1) < self.probability
            X = xp.where(chosen, xp.flip(X, axis=axis), X)
        return X


class ImageShift(ImagePerturbation):
    """Move an image by whole pixels, as drift of the stage does.

    The second part of base strategy 1 of Platnick et al. (GANsemble); their published code moves
    along the width by up to 270 pixels and brings back on one side what leaves on the other
    (``padding="wrap"``), which suits images with an empty border. Whole pixels keep the noise as
    it is.

    Parameters
    ----------
    max_shift : float, default 0.1
        Largest shift as a share of the width or height.
    direction : {"horizontal", "vertical", "both"}, default "both"
        Along the width, the height, or both.
    padding : {"reflect", "edge", "wrap", "zero"}, default "reflect"
        What comes in: the mirror image, the border pixel, the other side, or zeros.

    Examples
    --------
    >>> import numpy as np
    >>> from hs_specaug.perturbations import ImageShift
    >>> shift = ImageShift(0.4, direction="horizontal", padding="wrap")
    >>> shift(np.arange(8).reshape(1, 1, 1, 8), random_state=0)[0, 0, 0]
    array([6, 7, 0, 1, 2, 3, 4, 5])
    """

    name: ClassVar[str] = "image-shift"
    _parameter_constraints: ClassVar[dict] = {
        "max_shift": _SHARE,
        "direction": _DIRECTION,
        "padding": _PADDING,
    }

    def __init__(
        self, max_shift: float = 0.1, *, direction: str = "both", padding: str = "reflect"
    ) -> None:
        self.max_shift = max_shift
        self.direction = direction
        self.padding = padding

    def _change(self, X: Any, domain: Domain, draws: Draws) -> Any:
        xp = array_namespace(X)
        for axis in DIRECTIONS[self.direction]:
            share = draws.uniform(low=-self.max_shift, high=self.max_shift)
            X = moved(X, xp.round(share * X.shape[axis]), axis, self.padding)
        return X


class Rotation(ImagePerturbation):
    """Turn an image about its centre.

    Part of base strategies 2 and 3 of Platnick et al. (GANsemble), whose published code turns by
    quarters. Values between pixels are interpolated bilinearly, which smooths noise; quarter turns
    of square images only move pixels. Where both axes have the same units, pixels need not be
    square.

    Parameters
    ----------
    max_angle_deg : float, default 10.0
        Largest angle to either side, in degrees.
    quarter_turns : bool, default False
        Turn by 0, 90, 180 or 270°, equally likely, whatever `max_angle_deg`.
    padding : {"reflect", "edge", "wrap", "zero"}, default "reflect"
        What comes into the corners: the mirror image, the border pixel, the other side, or zeros.

    Examples
    --------
    >>> import numpy as np
    >>> from hs_specaug.perturbations import Rotation
    >>> image = np.array([[[[1, 2], [3, 4]]]])
    >>> Rotation(quarter_turns=True)(image, random_state=0)[0, 0]
    array([[2, 4],
           [1, 3]])
    """

    name: ClassVar[str] = "rotation"
    _parameter_constraints: ClassVar[dict] = {
        "max_angle_deg": [Interval(Real, 0, 180, closed="both")],
        "quarter_turns": ["boolean"],
        "padding": _PADDING,
    }

    def __init__(
        self,
        max_angle_deg: float = 10.0,
        *,
        quarter_turns: bool = False,
        padding: str = "reflect",
    ) -> None:
        self.max_angle_deg = max_angle_deg
        self.quarter_turns = quarter_turns
        self.padding = padding

    def _change(self, X: Any, domain: Domain, draws: Draws) -> Any:
        xp = array_namespace(X)
        u = draws.uniform(1, 1)
        if self.quarter_turns:
            angle = xp.floor(4.0 * u) * (0.5 * math.pi)
            cosine, sine = xp.round(xp.cos(angle)), xp.round(xp.sin(angle))
        else:
            angle = (2.0 * u - 1.0) * math.radians(self.max_angle_deg)
            cosine, sine = xp.cos(angle), xp.sin(angle)
        aspect = _aspect(domain)
        rows, columns, centre = _from_centre(X)
        up, right = rows * aspect, columns
        return sample(
            X,
            (cosine * up - sine * right) / aspect + centre[0],
            sine * up + cosine * right + centre[1],
            self.padding,
        )


def _aspect(domain: Domain) -> float:
    """Return height over width of a pixel; 1 where the axes do not tell."""
    if len(domain.axes) != 2 or not domain.axes[0].units:
        return 1.0
    if domain.axes[0].units != domain.axes[1].units:
        return 1.0
    steps = [np.abs(np.diff(a.values)) for a in domain.axes]
    if not all(len(step) and np.median(step) > 0.0 for step in steps):
        return 1.0
    return float(np.median(steps[0]) / np.median(steps[1]))


def _from_centre(X: Any) -> tuple[Any, Any, tuple[float, float]]:
    """Return rows (1, h, 1) and columns (1, 1, w) counted from the centre, and the centre."""
    centre = (X.shape[2] - 1) / 2.0, (X.shape[3] - 1) / 2.0
    rows, columns = pixel_numbers(X, 2) - centre[0], pixel_numbers(X, 3) - centre[1]
    return rows[None, :, None], columns[None, None, :], centre


class Zoom(ImagePerturbation):
    """Enlarge an image about its centre, as another magnification or working distance does.

    Part of base strategy 3 of Platnick et al. (GANsemble), with their range of 1 to 1.34. Values
    between pixels are interpolated bilinearly. Not for classes that differ by size.

    Parameters
    ----------
    min_zoom, max_zoom : float, default 1.0 and 1.34
        The factor is uniform between them; below 1 images become smaller.
    padding : {"reflect", "edge", "wrap", "zero"}, default "reflect"
        What surrounds images that become smaller.

    Examples
    --------
    >>> import numpy as np
    >>> from hs_specaug.perturbations import Zoom
    >>> ramp = np.arange(5.0).reshape(1, 1, 1, 5)
    >>> Zoom(2.0, 2.0)(ramp, random_state=0)[0, 0, 0]
    array([1. , 1.5, 2. , 2.5, 3. ])
    """

    name: ClassVar[str] = "zoom"
    _parameter_constraints: ClassVar[dict] = {
        "min_zoom": [Interval(Real, 0, None, closed="neither")],
        "max_zoom": [Interval(Real, 0, None, closed="neither")],
        "padding": _PADDING,
    }
    _ranges: ClassVar[tuple[tuple[str, str], ...]] = (("min_zoom", "max_zoom"),)

    def __init__(
        self, min_zoom: float = 1.0, max_zoom: float = 1.34, *, padding: str = "reflect"
    ) -> None:
        self.min_zoom = min_zoom
        self.max_zoom = max_zoom
        self.padding = padding

    def _change(self, X: Any, domain: Domain, draws: Draws) -> Any:
        zoom = draws.uniform(1, 1, low=self.min_zoom, high=self.max_zoom)
        rows, columns, centre = _from_centre(X)
        return sample(X, rows / zoom + centre[0], columns / zoom + centre[1], self.padding)


class Blur(ImagePerturbation):
    r"""Smooth an image with a Gaussian, as defocus does.

    .. math:: \sigma \sim U(0, \sigma_\text{max})

    It also smooths noise, which defocus does not: add noise afterwards (``"blur+poisson"``).

    Parameters
    ----------
    max_sigma : float, default 1.0
        Largest standard deviation in pixels.
    padding : {"reflect", "edge", "wrap", "zero"}, default "reflect"
        What lies beyond the border.

    Examples
    --------
    >>> import numpy as np
    >>> from hs_specaug.perturbations import Blur
    >>> point = np.zeros((1, 1, 9, 9))
    >>> point[..., 4, 4] = 1.0
    >>> new = Blur(max_sigma=2.0)(point, random_state=0)
    >>> round(float(new.sum()), 6), bool(new.max() < 0.5)
    (1.0, True)
    """

    name: ClassVar[str] = "blur"
    _parameter_constraints: ClassVar[dict] = {"max_sigma": _SIZE, "padding": _PADDING}

    def __init__(self, max_sigma: float = 1.0, *, padding: str = "reflect") -> None:
        self.max_sigma = max_sigma
        self.padding = padding

    def _change(self, X: Any, domain: Domain, draws: Draws) -> Any:
        sigma = draws.uniform(1, 1, 1, high=self.max_sigma)
        return smoothed(X, sigma, self.max_sigma, self.padding)


class Elastic(ImagePerturbation):
    r"""Distort an image smoothly, as scan noise and a bending specimen do.

    .. math::
        x'(p) = x(p + \alpha \, G_\sigma * u(p)), \quad u \sim U(-1, 1)

    with a Gaussian of standard deviation σ pixels and both components of u independent (Simard
    et al. 2003). In Platnick et al. (GANsemble), the "blur" of base strategy 2, with intensity α
    from 10 to 23 and smoothness σ from 2.8 to 3.82, is this distortion in their published code,
    for images of some hundred pixels. There each colour moves by itself; here they move together.
    The root mean square displacement is about 0.16 α / σ pixels.

    Parameters
    ----------
    min_alpha, max_alpha : float, default 10.0 and 23.0
        Intensity in pixels; uniform between them.
    min_sigma, max_sigma : float, default 2.8 and 3.82
        Smoothness in pixels; uniform between them.
    padding : {"reflect", "edge", "wrap", "zero"}, default "reflect"
        What comes in from beyond the border.

    Examples
    --------
    >>> import numpy as np
    >>> from hs_specaug.perturbations import Elastic
    >>> image = np.tile(np.arange(16.0), (16, 1))[None, None]
    >>> moved_by = Elastic()(image, random_state=0) - image
    >>> 0.1 < float(np.std(moved_by)) < 2.0
    True
    """

    name: ClassVar[str] = "elastic"
    _parameter_constraints: ClassVar[dict] = {
        "min_alpha": _SIZE,
        "max_alpha": _SIZE,
        "min_sigma": _SIZE,
        "max_sigma": _SIZE,
        "padding": _PADDING,
    }
    _ranges: ClassVar[tuple[tuple[str, str], ...]] = (
        ("min_alpha", "max_alpha"),
        ("min_sigma", "max_sigma"),
    )

    def __init__(
        self,
        min_alpha: float = 10.0,
        max_alpha: float = 23.0,
        *,
        min_sigma: float = 2.8,
        max_sigma: float = 3.82,
        padding: str = "reflect",
    ) -> None:
        self.min_alpha = min_alpha
        self.max_alpha = max_alpha
        self.min_sigma = min_sigma
        self.max_sigma = max_sigma
        self.padding = padding

    def _change(self, X: Any, domain: Domain, draws: Draws) -> Any:
        alpha = draws.uniform(1, 1, 1, low=self.min_alpha, high=self.max_alpha)
        sigma = draws.uniform(1, 1, 1, low=self.min_sigma, high=self.max_sigma)
        field = draws.uniform(2, *X.shape[2:], low=-1.0, high=1.0)
        # Nothing beyond the border: the field fades there, so that borders stay.
        field = alpha * smoothed(field, sigma, self.max_sigma, "zero")
        rows, columns = pixel_numbers(X, 2)[None, :, None], pixel_numbers(X, 3)[None, None, :]
        return sample(X, rows + field[:, 0], columns + field[:, 1], self.padding)
