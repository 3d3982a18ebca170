import subprocess
import sys

import hyperspy.api as hs
import numpy as np
import pytest

from hs_specaug.exceptions import SpecAugWarning
from hs_specaug.preprocessing import (
    PCADenoiser,
    normalize_spectra,
    preprocess,
    read_steps,
    resample_spectra,
)

FULL = {
    "background": "power-law",
    "fit_range": (420.0, 500.0),
    "crop": (500.0, 600.0),
    "resample": 30,
    "denoise": 2,
    "normalize": "max",
}


def assert_same_axis(first, second):
    np.testing.assert_allclose(
        first.axes_manager.signal_axes[0].axis, second.axes_manager.signal_axes[0].axis
    )


# --- order, laziness, what is kept ---


def test_importing_is_light():
    code = (
        "import sys, hs_specaug.preprocessing; "
        "assert not {'hyperspy', 'torch'} & set(sys.modules), 'heavy import'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_steps_run_in_the_documented_order(spectrum_image):
    step_by_step = preprocess(spectrum_image, background="power-law", fit_range=(420.0, 500.0))
    for name in ("crop", "resample", "denoise", "normalize"):
        step_by_step = preprocess(step_by_step, **{name: FULL[name]})
    at_once = preprocess(spectrum_image, **dict(reversed(FULL.items())))
    np.testing.assert_array_equal(at_once.data, step_by_step.data)
    assert read_steps(at_once) == read_steps(step_by_step)


@pytest.mark.parametrize("chunks", [(2, 2, 50), (4, 5, 120), (1, 1, -1), (3, 5, 7)])
def test_lazy_equals_in_memory_and_keeps_navigation_chunks(spectrum_image, chunks, as_lazy):
    lazy = as_lazy(spectrum_image, chunks)
    before = lazy.data
    result = preprocess(lazy, **FULL)
    assert result._lazy
    assert result.data.chunks == (*before.chunks[:2], (30,))
    assert lazy.data is before
    expected = preprocess(spectrum_image, **FULL)
    np.testing.assert_allclose(result.data.compute(), expected.data, atol=1e-10)
    assert_same_axis(result, expected)
    assert read_steps(result) == read_steps(expected)


def test_one_task_per_chunk_and_step(spectrum_image, as_lazy):
    lazy = as_lazy(spectrum_image, (2, 5, -1))
    result = preprocess(lazy, background="power-law", fit_range=(420.0, 500.0), normalize="max")
    assert len(result.data.__dask_graph__()) - len(lazy.data.__dask_graph__()) <= 2 * 2
    assert result.data.npartitions == lazy.data.npartitions


@pytest.mark.parametrize("options", [FULL, {"crop": (410, 500)}, {}])
def test_input_is_untouched_and_shares_no_memory(spectrum_image, options):
    data = spectrum_image.data.copy()
    metadata = spectrum_image.metadata.as_dictionary()
    result = preprocess(spectrum_image, **options)
    result.data[...] = -1
    result.metadata.SpecAug.labels[...] = 7
    np.testing.assert_array_equal(spectrum_image.data, data)
    assert not read_steps(spectrum_image)
    np.testing.assert_array_equal(
        spectrum_image.metadata.SpecAug.labels, metadata["SpecAug"]["labels"]
    )
    assert not np.all(spectrum_image.metadata.SpecAug.labels == 7)


def test_labels_and_other_metadata_are_kept(spectrum_image):
    spectrum_image.metadata.General.title = "shell"
    result = preprocess(spectrum_image, **FULL)
    np.testing.assert_array_equal(
        result.metadata.SpecAug.labels, spectrum_image.metadata.SpecAug.labels
    )
    assert result.metadata.General.title == "shell"
    assert result.axes_manager.navigation_shape == (5, 4)
    assert type(result) is type(spectrum_image)


@pytest.mark.parametrize("dtype", ["uint8", "int32", ">f4", "float32", "float64"])
def test_data_types(spectrum_image, dtype):
    spectrum_image.change_dtype(dtype)
    result = preprocess(spectrum_image, crop=(420, 600), resample=40, denoise=3, normalize="area")
    assert result.data.dtype == np.result_type(np.dtype(dtype), np.float32)


def test_single_spectra_work(spectrum_image):
    spectrum = spectrum_image.inav[0, 0]
    result = preprocess(spectrum, **{**FULL, "denoise": None})
    expected = preprocess(spectrum_image, **{**FULL, "denoise": None}).inav[0, 0]
    np.testing.assert_allclose(result.data, expected.data)
    with pytest.raises(ValueError, match="this signal has one"):
        preprocess(spectrum, denoise=2)


def test_signal_axis_that_is_not_last_in_the_array(spectrum_image):
    odd = hs.signals.BaseSignal(np.moveaxis(spectrum_image.data, -1, 0))
    for axis, navigate in zip(odd.axes_manager._axes, (False, True, True), strict=True):
        axis.navigate = navigate
    for options in ({"normalize": "area"}, {"denoise": 2}, {"resample": 30}):
        expected = preprocess(spectrum_image, **options)
        np.testing.assert_allclose(
            np.moveaxis(preprocess(odd, **options).data, 0, -1), expected.data, rtol=1e-9
        )


# --- the steps ---


@pytest.mark.parametrize("binned", [True, False])
def test_power_law_is_hyperspys(spectrum_image, binned):
    spectrum_image.axes_manager[-1].is_binned = binned
    expected = spectrum_image.remove_background(
        signal_range=(420.0, 500.0), background_type="Power law", fast=True, zero_fill=True
    )
    result = preprocess(spectrum_image, background="Power law", fit_range=(500, 420))
    np.testing.assert_allclose(result.data, expected.data, atol=1e-12)


@pytest.mark.parametrize(
    ("background", "hyperspy"),
    [
        ("linear", {"background_type": "Polynomial", "polynomial_order": 1}),
        ("polynomial", {"background_type": "Polynomial", "polynomial_order": 2}),
        (("polynomial", 3), {"background_type": "Polynomial", "polynomial_order": 3}),
        ("offset", {"background_type": "Offset"}),
    ],
)
def test_other_backgrounds_are_hyperspys(spectrum_image, background, hyperspy):
    expected = spectrum_image.remove_background(signal_range=(420.0, 500.0), **hyperspy)
    result = preprocess(spectrum_image, background=background, fit_range=(420.0, 500.0))
    np.testing.assert_allclose(result.data, expected.data, atol=1e-8)


def test_background_on_a_descending_axis(spectrum_image):
    descending = spectrum_image.deepcopy()
    axis = descending.axes_manager[-1]
    descending.data = descending.data[..., ::-1].copy()
    axis.offset, axis.scale = axis.high_value, -axis.scale
    options = {"background": "power-law", "fit_range": (420.0, 500.0)}
    np.testing.assert_allclose(
        preprocess(descending, **options).data[..., ::-1],
        preprocess(spectrum_image, **options).data,
    )


def test_one_empty_spectrum_does_not_spoil_its_neighbours(spectrum_image):
    expected = preprocess(spectrum_image, background="power-law", fit_range=(420.0, 500.0))
    spectrum_image.data[1, 2] = 0
    spectrum_image.data[3, 3] = -1
    with pytest.warns(SpecAugWarning, match="could not be fitted to 2 of 20 spectra"):
        result = preprocess(spectrum_image, background="power-law", fit_range=(420.0, 500.0))
    fitted = np.ones((4, 5), dtype=bool)
    fitted[1, 2] = fitted[3, 3] = False
    np.testing.assert_allclose(result.data[fitted], expected.data[fitted])
    assert (result.data[1, 2] == 0).all()
    assert (result.data[3, 3, 10:] == -1).all()


@pytest.mark.parametrize("crop", [(450, 560), (450.0, 560.0), (560, 450), (451.2, 559.0)])
def test_crop_is_in_axis_units_even_for_integers(spectrum_image, crop):
    expected = spectrum_image.isig[float(min(crop)) : float(max(crop))]
    result = preprocess(spectrum_image, crop=crop)
    np.testing.assert_array_equal(result.data, expected.data)
    assert_same_axis(result, expected)


def test_crop_with_open_and_outermost_ends(spectrum_image):
    assert preprocess(spectrum_image, crop=(500, None)).data.shape[-1] == 70
    assert preprocess(spectrum_image, crop=(None, 500)).data.shape[-1] == 50
    assert preprocess(spectrum_image, crop=(400, 640)).data.shape[-1] == 120


def test_crop_keeps_integers_and_the_variance(spectrum_image):
    spectrum_image.change_dtype("uint16")
    spectrum_image.set_noise_variance(spectrum_image.deepcopy())
    cropped = preprocess(spectrum_image, crop=(500, 600))
    assert cropped.data.dtype == np.uint16
    assert cropped.get_noise_variance().data.shape == cropped.data.shape
    assert preprocess(spectrum_image, normalize="max").get_noise_variance() is None


@pytest.mark.parametrize("lazy", [False, True])
def test_resample_by_number_step_and_axis(spectrum_image, lazy, as_lazy):
    signal = as_lazy(spectrum_image, (2, 5, 60)) if lazy else spectrum_image
    energy = spectrum_image.axes_manager[-1].axis
    target = hs.signals.Signal1D(np.zeros(25), axes=[{"size": 25, "offset": 450.0, "scale": 3.5}])
    uneven = np.geomspace(410.0, 630.0, 31)
    for resample, expected in [
        (60, np.linspace(400.0, 638.0, 60)),
        (0.5, np.arange(400.0, 638.1, 0.5)),
        (target.axes_manager[-1], target.axes_manager[-1].axis),
        (uneven[::-1], uneven),
    ]:
        result = preprocess(signal, resample=resample)
        axis = result.axes_manager.signal_axes[0]
        np.testing.assert_allclose(axis.axis, expected)
        assert axis.is_uniform is (len(expected) != 31)
        assert (axis.name, axis.units) == ("Energy loss", "eV")
        assert result.axes_manager.signal_shape == result.data.shape[-1:]
        np.testing.assert_allclose(
            np.asarray(result.data), resample_spectra(spectrum_image.data, energy, expected)
        )
        assert result.isig[:5].data.shape[-1] == 5


def test_denoise_is_the_transformer(spectrum_image):
    expected = PCADenoiser(2).fit_transform(spectrum_image.data.reshape(20, -1))
    result = preprocess(spectrum_image, denoise=2)
    np.testing.assert_allclose(result.data.reshape(20, -1), expected)


def test_denoise_fits_lazy_signals_on_the_same_seeded_rows(spectrum_image, as_lazy):
    spectrum_image.data = np.random.default_rng(0).poisson(spectrum_image.data).astype(float)
    denoiser = PCADenoiser(2, max_fit_rows=9)
    expected = preprocess(spectrum_image, denoise=denoiser, random_state=3)
    result = preprocess(as_lazy(spectrum_image, (3, 2, 50)), denoise=denoiser, random_state=3)
    np.testing.assert_allclose(result.data.compute(), expected.data, atol=1e-10)
    fitted = PCADenoiser(2, max_fit_rows=9, random_state=3).fit(spectrum_image.data.reshape(20, -1))
    np.testing.assert_allclose(
        expected.data.reshape(20, -1), fitted.transform(spectrum_image.data.reshape(20, -1))
    )
    assert read_steps(expected)[0]["random_state"] == 3
    other = preprocess(spectrum_image, denoise=denoiser, random_state=4)
    assert not np.allclose(other.data, expected.data)
    np.testing.assert_array_equal(preprocess(spectrum_image, like=expected).data, expected.data)


def test_global_random_state_stays(spectrum_image):
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    preprocess(spectrum_image, denoise=PCADenoiser(2, max_fit_rows=5))
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


@pytest.mark.parametrize("method", ["max", "area", "z-score"])
def test_normalize_each_spectrum(spectrum_image, method):
    result = preprocess(spectrum_image, normalize=method)
    np.testing.assert_allclose(result.data, normalize_spectra(spectrum_image.data, method))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Electrons (Counts)", "Electrons (normalised)"),
        ("Absorbance", "Absorbance (normalised)"),
        ("", "Intensity (normalised)"),
        ("Normalised intensity", "Normalised intensity"),
    ],
)
def test_normalised_values_lose_their_units(spectrum_image, before, after):
    spectrum_image.metadata.set_item("Signal.quantity", before)
    once = preprocess(spectrum_image, normalize="max")
    assert once.metadata.Signal.quantity == after
    assert preprocess(once, normalize="area").metadata.Signal.quantity == after
    assert spectrum_image.metadata.Signal.quantity == before


def test_background_in_blocks_of_rows(spectrum_image, monkeypatch):
    options = {"background": "power-law", "fit_range": (420.0, 500.0)}
    spectrum_image.data[1, 2] = 0
    with pytest.warns(SpecAugWarning, match="1 of 20"):
        expected = preprocess(spectrum_image, **options)
    monkeypatch.setattr("hs_specaug.preprocessing._background._ROWS_AT_ONCE", 7)
    with pytest.warns(SpecAugWarning, match="1 of 20"):
        result = preprocess(spectrum_image, **options)
    np.testing.assert_array_equal(result.data, expected.data)


# --- a measured spectrum image ---


def test_measured_nanocube(nanocube, as_lazy):
    options = {
        "background": "power-law",
        "fit_range": (470.0, 510.0),
        "crop": (510.0, 750.0),
        "normalize": "max",
    }
    result = preprocess(nanocube, **options)
    assert result.data.shape == (17, 19, 960)
    assert result.data.dtype == np.float32
    subtracted = nanocube.remove_background(signal_range=(470.0, 510.0), fast=True)
    subtracted = subtracted.isig[510.0:750.0].data
    expected = subtracted / np.abs(subtracted).max(axis=-1, keepdims=True)
    np.testing.assert_allclose(result.data, expected, atol=1e-5)

    lazy = preprocess(as_lazy(nanocube, (6, 5, 512)), **options)
    assert lazy.data.chunks[:2] == ((6, 6, 5), (5, 5, 5, 4))
    np.testing.assert_array_equal(lazy.data.compute(), result.data)
    assert_same_axis(lazy, result)

    # Iron L3 stands above oxygen K nowhere in vacuum, but the average particle shows both edges.
    particle = result.data[:, :8].mean(axis=(0, 1))
    energy = result.axes_manager.signal_axes[0].axis
    for edge in (540.0, 709.0):
        at_edge = particle[np.abs(energy - edge) < 5].mean()
        before = particle[(energy > edge - 30) & (energy < edge - 20)].mean()
        assert at_edge > before + 0.05
