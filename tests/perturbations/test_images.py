"""Images: geometry against scipy.ndimage, masks by counting, borders, sizes and refusals."""

import numpy as np
import pytest
import torch
from scipy import ndimage, stats

from hs_specaug import SignalAxis
from hs_specaug.exceptions import IncompatibleSignalError
from hs_specaug.perturbations import (
    GANSEMBLE_STRATEGIES,
    Blur,
    CircularMask,
    Domain,
    Elastic,
    Flip,
    ImageShift,
    Perturbation,
    RectangularMask,
    Rotation,
    Zoom,
    parse_perturbation,
)
from hs_specaug.perturbations._geometry import moved, sample, smoothed

# Our names, and SciPy's for the same borders.
MODES = {"reflect": "reflect", "edge": "nearest", "wrap": "grid-wrap", "zero": "grid-constant"}
ACTING = {
    "flip": Flip("both", probability=1.0),
    "image-shift": ImageShift(0.4),
    "rotation": Rotation(60.0),
    "quarter-turns": Rotation(quarter_turns=True),
    "zoom": Zoom(1.1, 1.3),
    "blur": Blur(2.0),
    "elastic": Elastic(),
    "circular-mask": CircularMask(min_radius=0.1, max_radius=0.2),
    "rectangular-mask": RectangularMask(min_width=0.1, max_width=0.2),
}


def images(n=4, channels=2, height=11, width=14, seed=0):
    return np.random.default_rng(seed).random((n, channels, height, width)) * 100.0


def draws_of(X, seed):
    """Return the draws that a call with the integer `seed` gets."""
    return Perturbation._draws(X, seed, np.arange(len(X)))


@pytest.fixture(params=ACTING, ids=str)
def perturbation(request):
    return ACTING[request.param]


@pytest.fixture(params=MODES)
def padding(request):
    return request.param


# --- kernels against SciPy --------------------------------------------------------------


def test_sampling_equals_scipy(padding):
    X = images()
    where = np.random.default_rng(1).uniform(-40.0, 40.0, (2, 4, 11, 14))
    got = sample(X, where[0], where[1], padding)
    for i in range(4):
        for channel in range(2):
            expected = ndimage.map_coordinates(
                X[i, channel], where[:, i], order=1, mode=MODES[padding]
            )
            np.testing.assert_allclose(got[i, channel], expected, atol=1e-9)


def test_sampling_has_the_gradient_of_interpolation(padding):
    X = torch.from_numpy(images(2, 1, 4, 3)).requires_grad_()
    rng = np.random.default_rng(1)
    rows, columns = (torch.from_numpy(rng.uniform(-4.0, 8.0, (2, 4, 3))) for _ in range(2))
    assert torch.autograd.gradcheck(lambda x: sample(x, rows, columns, padding), (X,))


@pytest.mark.parametrize(("axis", "offsets"), [(2, [0, 3, -4, 25]), (3, [0, -2, 5, -31])])
def test_whole_pixels_equal_scipy(padding, axis, offsets):
    X = images()
    got = moved(X, np.array(offsets, dtype=float), axis, padding)
    for i, offset in enumerate(offsets):
        shift = [0, offset, 0] if axis == 2 else [0, 0, offset]
        expected = ndimage.shift(X[i], shift, order=0, mode=MODES[padding])
        np.testing.assert_array_equal(got[i], expected)


def test_smoothing_equals_scipy(padding):
    X, sigma = images(), np.array([0.0, 0.4, 1.7, 3.0])
    got = smoothed(X, sigma[:, None, None, None], 3.0, padding)
    mode = {**MODES, "wrap": "wrap", "zero": "constant"}[padding]
    for i in range(4):
        expected = X[i]
        if sigma[i]:
            s = (0.0, sigma[i], sigma[i])
            expected = ndimage.gaussian_filter(X[i], s, mode=mode, radius=(0, 12, 12))
        np.testing.assert_allclose(got[i], expected, atol=1e-9)


# --- perturbations against SciPy --------------------------------------------------------


def test_rotation_equals_scipy(padding):
    X = images()
    new = Rotation(70.0, padding=padding)(X, random_state=5)
    angles = np.deg2rad(70.0) * (2.0 * draws_of(X, 5).uniform(1, 1)[:, 0, 0] - 1.0)
    centre = (np.array(X.shape[2:]) - 1) / 2.0
    for i, angle in enumerate(angles):
        matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        expected = [
            ndimage.affine_transform(
                image, matrix, centre - matrix @ centre, order=1, mode=MODES[padding]
            )
            for image in X[i]
        ]
        np.testing.assert_allclose(new[i], expected, atol=1e-8)


def test_quarter_turns_only_move_pixels():
    X = images(200, 2, 9, 9)
    new = Rotation(quarter_turns=True)(X, random_state=0)
    turns = [
        [np.array_equal(np.rot90(x, k, axes=(1, 2)), y) for k in range(4)]
        for x, y in zip(X, new, strict=True)
    ]
    assert np.sum(turns, axis=1).tolist() == [1] * 200
    assert stats.chisquare(np.sum(turns, axis=0)).pvalue > 1e-3


def test_rotation_where_pixels_are_not_square():
    """A disc in nanometres stays a disc."""
    axes = (
        SignalAxis("y", "nm", np.arange(41) * 2.0),
        SignalAxis("x", "nm", np.arange(81) * 1.0),
    )
    y, x = axes[0].values[:, None] - 40.0, axes[1].values - 40.0
    disc = np.exp(-(x**2 + y**2) / 200.0)[None, None]
    rotation = Rotation(180.0, padding="zero")
    for seed in range(5):
        turned = rotation(disc, domain=Domain("image", axes), random_state=seed)
        assert np.abs(turned - disc).max() < 0.02
    assert np.abs(rotation(disc, random_state=1) - disc).max() > 0.1


@pytest.mark.parametrize("zoom", [1.5, 0.7])
def test_zoom_equals_scipy(padding, zoom):
    X = images()
    new = Zoom(zoom, zoom, padding=padding)(X, random_state=0)
    centre = (np.array(X.shape[2:]) - 1) / 2.0
    for i in range(4):
        expected = [
            ndimage.affine_transform(
                image, [1 / zoom] * 2, centre * (1 - 1 / zoom), order=1, mode=MODES[padding]
            )
            for image in X[i]
        ]
        np.testing.assert_allclose(new[i], expected, atol=1e-8)


def test_blur_equals_scipy():
    X = images()
    new = Blur(2.5)(X, random_state=3)
    sigma = draws_of(X, 3).uniform(1, 1, 1, high=2.5).ravel()
    for i in range(4):
        expected = ndimage.gaussian_filter(X[i], (0, sigma[i], sigma[i]), radius=(0, 10, 10))
        np.testing.assert_allclose(new[i], expected, atol=1e-9)


def test_elastic_equals_scipy():
    X = images(height=24, width=20)
    new = Elastic()(X, random_state=7)
    draws = draws_of(X, 7)
    alpha = draws.uniform(1, 1, 1, low=10.0, high=23.0).ravel()
    sigma = draws.uniform(1, 1, 1, low=2.8, high=3.82).ravel()
    fields = draws.uniform(2, 24, 20, low=-1.0, high=1.0)
    where = np.stack(np.mgrid[:24, :20])
    for i in range(4):
        field = [
            alpha[i] * ndimage.gaussian_filter(f, sigma[i], mode="constant", radius=16)
            for f in fields[i]
        ]
        expected = [
            ndimage.map_coordinates(x, where + field, order=1, mode="reflect") for x in X[i]
        ]
        np.testing.assert_allclose(new[i], expected, atol=1e-8)


def test_elastic_displaces_as_far_as_its_page_says():
    ramp = np.tile(np.arange(120.0), (120, 1))[None, None].repeat(8, axis=0)
    new = Elastic(16.0, 16.0, min_sigma=3.3, max_sigma=3.3)(ramp, random_state=0)
    rms = np.sqrt(np.mean((new - ramp)[..., 20:-20, 20:-20] ** 2))
    assert rms == pytest.approx(0.16 * 16.0 / 3.3, rel=0.1)


# --- flips, shifts and masks by counting ------------------------------------------------


def test_flips_are_flips_as_often_as_asked():
    X = images(1000, 1, 3, 4)
    for direction, axes in (("horizontal", [3]), ("vertical", [2])):
        new = Flip(direction, probability=0.3)(X, random_state=0)
        flipped = (new == np.flip(X, axes)).all(axis=(1, 2, 3))
        assert ((new == X).all(axis=(1, 2, 3)) ^ flipped).all()
        assert stats.binomtest(int(flipped.sum()), 1000, 0.3).pvalue > 1e-3
    both = Flip("both", probability=1.0)(X, random_state=0)
    np.testing.assert_array_equal(both, X[..., ::-1, ::-1])


def test_shift_is_as_far_as_asked():
    X = np.zeros((2000, 1, 21, 41))
    X[:, :, 10, 20] = 1.0
    new = ImageShift(0.2, padding="zero")(X, random_state=0)
    np.testing.assert_array_equal(new.sum(axis=(1, 2, 3)), 1.0)
    _, _, row, column = np.nonzero(new)
    assert np.abs(row - 10).max() == 4
    assert np.abs(column - 20).max() == 8
    horizontal = ImageShift(0.2, direction="horizontal", padding="zero")(X, random_state=0)
    assert set(np.nonzero(horizontal)[2]) == {10}


def test_circles_are_circles_of_the_right_size():
    X = np.ones((300, 1, 60, 50))
    mask = CircularMask(1, min_radius=0.2, max_radius=0.2, fill=0.0)
    covered = mask(X, random_state=0)[:, 0] == 0.0
    areas = covered.sum(axis=(1, 2))
    assert areas.max() == pytest.approx(np.pi * 10.0**2, rel=0.03)  # whole ones: radius 0.2 × 50
    whole = covered[np.argmax(areas)]
    rows, columns = np.nonzero(whole)
    assert np.ptp(rows) + 1 in (19, 20, 21)
    assert np.ptp(columns) + 1 in (19, 20, 21)
    distance = np.hypot(rows - rows.mean(), columns - columns.mean())
    assert distance.max() < 10.7


def test_small_images_lose_the_share_of_large_ones():
    shares = []
    for side in (16, 128):
        X = np.ones((200 if side == 16 else 30, 1, side, side))
        for mask in (CircularMask(fill=0.0), RectangularMask(fill=0.0)):
            shares.append(np.mean(mask(X, random_state=0) == 0.0))
    circles = 1.0 - np.exp(-40 * np.pi * (0.01**2 + 0.01 * 0.02 + 0.02**2) / 3)
    stripes = 1.0 - np.exp(-15 * 0.007)
    np.testing.assert_allclose(shares[0::2], circles, rtol=0.15)
    np.testing.assert_allclose(shares[1::2], stripes, rtol=0.15)


def test_rectangles_are_rectangles_inside():
    X = np.ones((200, 1, 40, 50))
    mask = RectangularMask(
        1, min_width=0.2, max_width=0.4, min_height=0.3, max_height=0.5, fill=0.0
    )
    for covered in mask(X, random_state=0)[:, 0] == 0.0:
        rows, columns = covered.any(axis=1), covered.any(axis=0)
        np.testing.assert_array_equal(covered, np.outer(rows, columns))
        assert 11 <= rows.sum() <= 21
        assert 9 <= columns.sum() <= 21
    stripes = RectangularMask(1, min_width=0.2, max_width=0.2, fill=0.0)(X, random_state=0) == 0.0
    assert stripes.all(axis=2).any(axis=2).all()


@pytest.mark.parametrize("fill", ["mean", "min", "max", -7.0])
def test_fill(fill):
    X = images() - 50.0
    for mask in (
        CircularMask(5, min_radius=0.2, max_radius=0.3, fill=fill),
        RectangularMask(3, min_width=0.2, max_width=0.3, fill=fill),
    ):
        new = mask(X, random_state=0)
        covered = (new != X).any(axis=1)
        assert covered.any(axis=(1, 2)).all()
        for i, channel in np.ndindex(4, 2):
            x = X[i, channel]
            expected = fill if isinstance(fill, float) else getattr(np, fill)(x)
            # A pixel that has the value already does not show as covered.
            np.testing.assert_allclose(new[i, channel][covered[i]], expected)


# --- what holds for all of them ---------------------------------------------------------


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (2, 3), (4, 4)])
def test_tiny_images(perturbation, shape):
    X = images(3, 1, *shape)
    new = perturbation(X, random_state=0)
    assert new.shape == X.shape
    assert np.isfinite(new).all()


def test_colours_move_together(perturbation):
    X = images(6, 1)
    colours = np.concatenate([X, 2.0 * X, -X], axis=1)
    new = perturbation(colours, random_state=0)
    np.testing.assert_allclose(new[:, 1], 2.0 * new[:, 0], rtol=1e-9)
    np.testing.assert_allclose(new[:, 2], -new[:, 0], rtol=1e-9)


def test_spectra_are_refused(perturbation):
    for kind in ("EELS", "EDS", "impedance", "spectrum"):
        with pytest.raises(IncompatibleSignalError, match="spectra have none"):
            perturbation(np.ones((2, 30)), domain=Domain(kind))
    with pytest.raises(ValueError, match=r"X\[:, None\]"):
        perturbation(np.ones((2, 30, 30)))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_tensors_give_what_arrays_give(perturbation, dtype):
    X = images().astype(dtype)
    expected = perturbation(X, random_state=3)
    got = perturbation(torch.from_numpy(X), random_state=3)
    np.testing.assert_allclose(got.numpy(), expected, atol=1e-9 if dtype == "float64" else 2e-3)


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        (Flip("diagonal"), "direction"),
        (Flip(probability=1.2), "probability"),
        (ImageShift(-0.1), "max_shift"),
        (ImageShift(padding="grey"), "padding"),
        (Rotation(200.0), "max_angle_deg"),
        (Rotation(quarter_turns="yes"), "quarter_turns"),
        (Zoom(0.0), "min_zoom"),
        (Zoom(2.0, 1.5), "min_zoom must not be larger than max_zoom"),
        (Blur(-1.0), "max_sigma"),
        (Elastic(30.0), "min_alpha must not be larger than max_alpha"),
        (CircularMask(-1), "n_circles"),
        (CircularMask(fill="white"), "fill"),
        (CircularMask(fill=np.nan), "fill"),
        (RectangularMask(min_height=1.0, max_height=0.5), "min_height must not be larger"),
    ],
)
def test_parameters_out_of_range_are_refused(wrong, name):
    with pytest.raises(ValueError, match=name):
        wrong(images())


@pytest.mark.parametrize("number", GANSEMBLE_STRATEGIES)
def test_published_strategies(number):
    X = np.round(images(40, 3, 32, 32)).astype(np.uint8)
    strategy = parse_perturbation(GANSEMBLE_STRATEGIES[number])
    strategy.check(Domain("image"))
    new = strategy(X, domain=Domain("image"), random_state=0)
    assert new.dtype == np.uint8
    assert (new != X).any(axis=(1, 2, 3)).mean() > 0.8
