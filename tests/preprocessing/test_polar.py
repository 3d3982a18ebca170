"""Polar images by hand, there and back, as a transformer and on signals."""

import dask.array as da
import hyperspy.api as hs
import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

import hs_specaug
from hs_specaug.classifiers._flat_rows import FlatRows
from hs_specaug.preprocessing import PolarImage
from hs_specaug.preprocessing._polar import PolarGeometry, draw_polar, read_polar


@parametrize_with_checks([PolarImage(size=8)])
def test_scikit_learn(estimator, check):
    check(estimator)


def at_angle(image, degrees, radius):
    """Return the pixel at an angle (counterclockwise from the right) and a radius in pixels."""
    centre = image.shape[-1] / 2 - 0.5
    x = centre + radius * np.cos(np.radians(degrees))
    y = centre - radius * np.sin(np.radians(degrees))
    return image[..., round(y), round(x)]


def test_axis_becomes_angle_and_intensity_radius():
    # Four channels: sectors around 45°, 135°, 225° and 315°.
    images = PolarImage(size=64, limits=(0.0, 1.0)).fit_transform([[0.0, 0.2, 0.6, 1.0]])
    green = images[0, 1]
    for degrees, height in ((45, 0.0), (135, 0.2), (225, 0.6), (315, 1.0)):
        for radius in range(3, 31, 3):
            expected = 0.0 if radius < 31 * height - 1 else 1.0
            if abs(radius - 31 * height) > 1.5:
                assert at_angle(green, degrees, radius) == pytest.approx(expected, abs=1e-6)
    corners = images[0][:, [0, 0, -1, -1], [0, -1, 0, -1]]
    np.testing.assert_array_equal(corners, 1.0)


def test_colour_goes_from_blue_to_red_with_the_intensity():
    levels = np.array([0.3, 0.5, 0.8, 1.0])
    image = PolarImage(size=64, limits=(0.0, 1.0)).fit_transform([levels])[0]
    for degrees, level in zip((45, 135, 225, 315), levels, strict=True):
        red, green, blue = at_angle(image, degrees, 5)
        assert green == pytest.approx(0.0, abs=1e-6)
        assert red == pytest.approx(level, abs=0.06)  # sectors run into each other
        assert blue == pytest.approx(1.0 - red, abs=1e-6)


def test_filled_area_of_a_constant_spectrum_is_that_of_a_disc():
    image = PolarImage(size=128, colour=False, limits=(0.0, 1.0)).fit_transform([[0.5] * 50])
    assert image.shape == (1, 1, 128, 128)
    assert (1 - image).sum() == pytest.approx(np.pi * 31.5**2, rel=1e-3)


def test_uneven_and_descending_axes_keep_their_proportions():
    axis = np.array([0.0, 1.0, 2.0, 4.0, 8.0])
    angles = np.degrees(PolarGeometry(axis, 16).angles)
    # Outer edges lie half a step beyond the ends: −0.5 and 10.
    np.testing.assert_allclose(angles, (axis + 0.5) / 10.5 * 360.0)
    np.testing.assert_allclose(np.degrees(PolarGeometry(axis[::-1], 16).angles), angles[::-1])
    up = PolarImage(axis, size=16).fit_transform([[1.0, 2.0, 3.0, 4.0, 5.0]])
    down = PolarImage(axis[::-1], size=16).fit_transform([[5.0, 4.0, 3.0, 2.0, 1.0]])
    np.testing.assert_allclose(up, down, atol=1e-6)


def peaks(n, length, width, seed=0):
    rng = np.random.default_rng(seed)
    u = np.linspace(0, 1, length)
    centres, heights = rng.random((2, n, 6, 1))
    return (heights * np.exp(-(((u - centres) / width) ** 2))).sum(axis=1)


@pytest.mark.parametrize(("size", "error"), [(64, 0.025), (128, 0.013), (256, 0.007)])
@pytest.mark.parametrize("colour", [False, True])
def test_there_and_back(size, error, colour):
    X = peaks(12, 300, 0.02)
    polar = PolarImage(size=size, colour=colour).fit(X)
    back = polar.inverse_transform(polar.transform(X))
    assert np.sqrt(np.mean((back - X) ** 2)) < error * np.ptp(X)
    eight_bit = np.rint(polar.transform(X) * 255).astype(np.uint8)
    coarse = polar.inverse_transform(eight_bit)
    assert np.sqrt(np.mean((coarse - X) ** 2)) < error * np.ptp(X)


def test_error_that_is_stated_for_infrared_spectra(data_folder):
    path = data_folder / "ftir_polymers.npz"
    if not path.is_file():
        pytest.skip(f"{path} is absent")
    with np.load(path) as archive:
        axis = archive["wavenumber_per_cm"]
        inside = (axis >= 975) & (axis <= 1800)
        X, axis = archive["absorbance"][:, inside], axis[inside]
    X = X / X.max(axis=1, keepdims=True)
    polar = PolarImage(axis, size=128).fit(X)
    back = polar.inverse_transform(polar.transform(X))
    assert np.sqrt(np.mean((back - X) ** 2)) < 0.014 * np.ptp(X)
    assert np.median([np.corrcoef(a, b)[0, 1] for a, b in zip(X, back, strict=True)]) > 0.998


def test_images_that_no_spectrum_gives_are_read_too():
    polar = PolarImage(size=32, limits=(-1.0, 3.0)).fit(np.zeros((1, 40)))
    rng = np.random.default_rng(0)
    read = polar.inverse_transform(rng.random((5, 3, 32, 32)))
    assert read.shape == (5, 40)
    assert read.min() >= -1.0
    assert read.max() <= 3.0
    blank = polar.inverse_transform(np.full((1, 3, 32, 32), 255, dtype=np.uint8))
    np.testing.assert_allclose(blank, -1.0)


def test_rows_do_not_see_each_other():
    X = peaks(70, 60, 0.05)
    polar = PolarImage(size=16).fit(X)
    whole = polar.transform(X)
    np.testing.assert_allclose(polar.transform(X[33:34])[0], whole[33], atol=1e-6)
    back = polar.inverse_transform(whole)
    np.testing.assert_allclose(polar.inverse_transform(whole[40:41])[0], back[40], atol=1e-6)


def test_in_a_pipeline():
    X = peaks(20, 40, 0.05)
    y = X[:, 20] > np.median(X[:, 20])
    model = make_pipeline(PolarImage(size=16), FlatRows(KNeighborsClassifier(1))).fit(X, y)
    assert (model.predict(X) == y).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 7}, "size must be a whole number of pixels of at least 8, got 7"),
        ({"axis": [0.0, 1.0]}, r"axis must have one value per channel, \(4,\)"),
        ({"axis": [0.0, 2.0, 1.0, 3.0]}, "axis must ascend or descend"),
        ({"limits": (1.0, 1.0)}, "limits must be"),
        ({"limits": 3}, "limits must be"),
    ],
)
def test_errors_name_the_argument(options, message):
    with pytest.raises(ValueError, match=message):
        PolarImage(**options).fit(np.ones((2, 4)))


def test_images_of_another_size_are_refused():
    polar = PolarImage(size=16).fit(np.eye(4))
    with pytest.raises(ValueError, match=r"images must be of shape \(..., 1 or 3, 16, 16\)"):
        polar.inverse_transform(np.zeros((1, 3, 18, 18)))


def test_leading_axes_are_kept():
    X = peaks(6, 40, 0.05)
    geometry = PolarGeometry(np.arange(40), 16)
    flat = draw_polar(X, geometry, (0.0, 2.0))
    stacked = draw_polar(X.reshape(2, 3, 40), geometry, (0.0, 2.0))
    np.testing.assert_array_equal(stacked.reshape(flat.shape), flat)
    assert read_polar(stacked, geometry, (0.0, 2.0)).shape == (2, 3, 40)


# --- on signals --------------------------------------------------------------------------------


@pytest.fixture
def spectra():
    """A labelled 3 × 4 map of 80 channels on a descending, uneven axis."""
    axis = np.linspace(50.0, 20.0, 80) ** 1.5
    s = hs.signals.Signal1D(
        peaks(12, 80, 0.05).reshape(3, 4, 80).astype("f4"),
        axes=[
            {"size": 3, "name": "y", "units": "um", "scale": 2.0, "navigate": True},
            {"size": 4, "name": "x", "units": "um", "navigate": True},
            {"axis": axis, "name": "Wavenumber", "units": "1/cm", "navigate": False},
        ],
    )
    s.set_signal_type("spectrum_specaug")
    s.metadata.General.title = "map"
    codes = np.arange(12).reshape(3, 4) % 3 - 1
    s.set_labels(codes, classes=["a", "b"], groups=np.arange(12).reshape(3, 4) // 6)
    return s


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("colour", [False, True])
def test_signal_there_and_back(spectra, lazy, colour, as_lazy):
    s = as_lazy(spectra, (2, 3, 40)) if lazy else spectra
    images = s.as_polar_images(64, colour=colour)
    assert type(images).__name__ == ("Lazy" if lazy else "") + "AugmentableImage"
    assert images.data.shape == (3, 4, 64, 64)
    names = [axis.name for axis in images.axes_manager.navigation_axes]
    assert names == ["x", "y"]
    assert images.axes_manager.navigation_axes[1].scale == 2.0
    back = images.as_spectra()
    assert type(back) is type(s)
    for signal in (images, back):
        np.testing.assert_array_equal(signal.labels, spectra.labels)
        np.testing.assert_array_equal(signal.groups, spectra.groups)
        assert signal.classes == ("a", "b")
        assert signal.metadata.General.title == "map"
    axis, original = back.axes_manager.signal_axes[0], spectra.axes_manager.signal_axes[0]
    np.testing.assert_allclose(axis.axis, original.axis)
    assert (axis.name, axis.units) == (original.name, original.units)
    assert "polar" not in back.metadata.SpecAug
    error = np.asarray(back.data) - spectra.data
    assert np.sqrt(np.mean(error**2)) < 0.02 * np.ptp(spectra.data)


def test_lazy_chunks_give_the_same_images(spectra, as_lazy):
    eager = spectra.as_polar_images(16)
    lazy = as_lazy(spectra, (2, 3, 80)).as_polar_images(16)
    assert lazy.data.chunks == ((2, 1), (3, 1), (16,), (16,))
    np.testing.assert_array_equal(lazy.data.compute(), eager.data)


def test_chunks_of_images_stay_small(spectra):
    data = da.zeros((40000, 80), chunks=(40000, 80), dtype="f4")
    s = hs_specaug.signals.AugmentableSpectrum(data).as_lazy()
    images = s.as_polar_images(128, limits=(0.0, 1.0))
    assert images.data.itemsize * np.prod([max(c) for c in images.data.chunks]) <= 2**26
    np.testing.assert_array_equal(images.inav[5].data["G"], 255)


def test_generated_images_come_back_as_spectra(spectra):
    images = spectra.as_polar_images(32)
    balanced = images.augment("smote", counts={"a": 3}, random_state=0, k_neighbors=1)
    back = balanced.as_spectra()
    assert back.data.shape == (11, 80)
    assert back.class_counts() == {"a": 7, "b": 4}
    assert back.metadata.SpecAug.synthetic.sum() == 3
    lows = spectra.data.min(), spectra.data.max()
    assert lows[0] <= back.data.min() <= back.data.max() <= lows[1] + 1e-6


def test_survives_a_file(spectra, tmp_path):
    spectra.as_polar_images(16).save(tmp_path / "polar.hspy")
    images = hs.load(tmp_path / "polar.hspy")
    np.testing.assert_allclose(
        images.as_spectra().axes_manager[-1].axis, spectra.axes_manager[-1].axis
    )


def test_single_spectrum(spectra):
    back = spectra.inav[1, 2].as_polar_images(32).as_spectra()
    assert back.data.shape == (80,)
    assert back.labels == spectra.labels[2, 1]


def test_what_cannot_be_turned_is_refused(spectra):
    with pytest.raises(ValueError, match="polar images are drawn of real spectra"):
        spectra.as_polar_images(16).as_polar_images(16)
    with pytest.raises(ValueError, match=r"make them with s\.as_polar_images"):
        spectra.as_spectra()
    impedance = hs_specaug.signals.ComplexImpedanceSpectrum(np.ones((2, 9), dtype=complex))
    with pytest.raises(ValueError, match="real spectra"):
        impedance.as_polar_images()
    spectra.data[0, 0, 0] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        spectra.as_polar_images(16)
    cropped = spectra.inav[1:].as_polar_images(16).isig[2:, :]
    with pytest.raises(ValueError, match="square"):
        cropped.as_spectra()
