import hyperspy.api as hs
import numpy as np
import pytest

from hs_specaug.preprocessing import (
    describe_steps,
    preprocess,
)


@pytest.mark.parametrize("lazy", [False, True])
def test_impedance_is_resampled_on_ascending_log_frequencies(impedance, lazy, as_lazy):
    signal = as_lazy(impedance, (2, 20)) if lazy else impedance
    result = preprocess(signal, crop=(1, 1e4), resample=33, normalize="max")
    axis = result.axes_manager.signal_axes[0]
    np.testing.assert_allclose(np.diff(np.log(axis.axis)), np.log(axis.axis[1] / axis.axis[0]))
    assert axis.units == "Hz"
    if lazy:
        assert result.data.chunks[0] == signal.data.chunks[0]
    data = np.asarray(result.data)
    assert data.dtype == np.complex128
    np.testing.assert_allclose(np.abs(data).max(axis=1), 1)
    assert (np.diff(np.abs(data), axis=1) < 0).all()  # |Z| of an RC circuit falls with frequency
    assert describe_steps(result)[1] == "resample to 33 log-spaced channels"


def test_impedance_resampling_follows_the_circuit(impedance):
    result = preprocess(impedance, resample=45)
    frequency = result.axes_manager.signal_axes[0].axis
    expected = 10 + 100 / (1 + 2j * np.pi * frequency * 1e-2)
    assert np.abs(result.data[1] - expected).max() < 1.5


def test_complex_spectra_are_denoised_jointly(impedance, as_lazy):
    rng = np.random.default_rng(0)
    clean = impedance.data.copy()
    impedance.data = clean + rng.normal(size=clean.shape) + 1j * rng.normal(size=clean.shape)
    result = preprocess(impedance, denoise=5)
    assert result.data.dtype == np.complex128
    np.testing.assert_allclose(result.data, impedance.data)  # six centred rows have rank five
    lazy = preprocess(as_lazy(impedance, (4, 10)), denoise=2)
    np.testing.assert_allclose(lazy.data.compute(), preprocess(impedance, denoise=2).data)


def test_impedance_refusals(impedance):
    with pytest.raises(ValueError, match="no meaning for impedance"):
        preprocess(impedance, background="linear", fit_range=(1, 10))
    with pytest.raises(ValueError, match="Give the number of frequencies"):
        preprocess(impedance, resample=0.5)
    uncalibrated = hs.signals.ComplexSignal1D(np.ones((2, 5), dtype=complex))
    uncalibrated.metadata.Signal.signal_type = "impedance"
    with pytest.raises(ValueError, match="Set the frequencies"):
        preprocess(uncalibrated, resample=3)


@pytest.mark.parametrize("lazy", [False, True])
def test_images(images, lazy, as_lazy):
    signal = as_lazy(images, (2, 4, 6, 16)) if lazy else images
    crop = ((1, 7), (0.5, None))
    result = preprocess(signal, crop=crop, resample=(6, 5), denoise=3, normalize="max")
    assert result.axes_manager.signal_shape == (6, 5)
    assert result.axes_manager.navigation_shape == (4, 3)
    x, y = result.axes_manager.signal_axes
    assert (x.scale, y.scale) == pytest.approx((1.0, 0.5))
    assert (x.axis[0] - x.scale / 2, x.units) == (pytest.approx(0.75), "nm")  # edge of the crop
    data = np.asarray(result.data)
    assert data.dtype == np.float32
    np.testing.assert_allclose(np.abs(data).max(axis=(-2, -1)), 1, rtol=1e-6)
    if lazy:
        expected = preprocess(images, crop=crop, resample=(6, 5), denoise=3, normalize="max")
        np.testing.assert_allclose(data, expected.data, atol=1e-5)


def test_rgb_images_are_cropped_and_resized_but_not_rescaled():
    colours = np.random.default_rng(0).integers(0, 256, (2, 12, 16, 3)).astype(np.uint8)
    signal = hs.signals.Signal1D(colours)
    signal.change_dtype("rgb8")
    result = preprocess(signal, crop=((2, 14), (0, 8)), resample=(6, 4))
    assert result.data.dtype == signal.data.dtype
    assert result.data.shape == (2, 4, 6)
    for option in ({"normalize": "max"}, {"denoise": 1}):
        with pytest.raises(ValueError, match="does not apply to RGB"):
            preprocess(signal, **option)


def test_image_refusals(images):
    with pytest.raises(ValueError, match="an image has no such axis"):
        preprocess(images, background="linear", fit_range=(1, 2))
    with pytest.raises(ValueError, match=r"crop must be \(\(x0, x1\), \(y0, y1\)\)"):
        preprocess(images, crop=(1, 7))
    for resample in (4, (4, 1), (4.0, 4.0), (4, 4, 4)):
        with pytest.raises(ValueError, match=r"resample of an image must be \(nx, ny\)"):
            preprocess(images, resample=resample)
