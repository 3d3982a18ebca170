import json

import hyperspy.api as hs
import numpy as np
import pytest

from hs_specaug.preprocessing import (
    describe_steps,
    preprocess,
    read_steps,
)

FULL = {
    "background": "power-law",
    "fit_range": (420.0, 500.0),
    "crop": (500.0, 600.0),
    "resample": 30,
    "denoise": 2,
    "normalize": "max",
}


def test_steps_are_repeated_on_another_signal(spectrum_image):
    first = preprocess(spectrum_image, **FULL)
    other = spectrum_image.deepcopy()
    other.data = other.data * np.linspace(1, 2, 120)
    again = preprocess(other, like=first)
    expected = preprocess(other, **FULL)
    np.testing.assert_array_equal(again.data, expected.data)
    assert read_steps(again) == read_steps(first)
    for like in (read_steps(first), json.dumps(read_steps(first))):
        np.testing.assert_array_equal(preprocess(other, like=like).data, expected.data)


def test_further_steps_are_appended_and_repeated_in_their_order(spectrum_image):
    first = preprocess(preprocess(spectrum_image, normalize="area"), crop=(450, 600), denoise=0.99)
    assert describe_steps(first) == [
        "normalize to area",
        "crop 450 to 600 eV",
        "PCA denoising keeping 0.99 of the variance",
    ]
    np.testing.assert_array_equal(preprocess(spectrum_image, like=first).data, first.data)


@pytest.mark.parametrize("suffix", [".hspy", ".zspy"])
@pytest.mark.parametrize("lazy", [False, True])
def test_record_and_labels_survive_saving(spectrum_image, tmp_path, suffix, lazy, as_lazy):
    if suffix == ".zspy":
        pytest.importorskip("zarr", reason="needs the zspy extra")
    signal = as_lazy(spectrum_image, (2, 5, 60)) if lazy else spectrum_image
    result = preprocess(signal, **{**FULL, "resample": np.geomspace(505, 590, 20)})
    path = tmp_path / f"preprocessed{suffix}"
    result.save(path)
    loaded = hs.load(path, lazy=lazy)
    assert read_steps(loaded) == read_steps(result)
    assert describe_steps(loaded) == describe_steps(result)
    np.testing.assert_array_equal(
        np.asarray(loaded.metadata.SpecAug.labels), spectrum_image.metadata.SpecAug.labels
    )
    np.testing.assert_array_equal(
        preprocess(spectrum_image, like=loaded).data, preprocess(spectrum_image, like=result).data
    )


def test_descriptions(spectrum_image, images):
    result = preprocess(spectrum_image, **{**FULL, "denoise": "auto"})
    assert describe_steps(result) == [
        "power-law background fitted from 420 to 500 eV",
        "crop 500 to 600 eV",
        "resample to 30 channels",
        "PCA denoising keeping the components above the noise",
        "normalize to max",
    ]
    assert describe_steps(spectrum_image) == []
    assert describe_steps(preprocess(images, crop=((1, None), (0.5, 2)), resample=(5, 4))) == [
        "crop 1 to end nm × 0.5 to 2 nm",
        "resize to 5 × 4 pixels",
    ]
    steps = read_steps(preprocess(spectrum_image, resample=3.5))
    steps += read_steps(preprocess(spectrum_image, resample=[410.0, 420.0, 440.0], denoise=2))
    assert describe_steps(steps) == [
        "resample in steps of 3.5 eV",
        "resample to 3 given channels from 410 to 440 eV",
        "PCA denoising with 2 components",
    ]


def test_like_refusals(spectrum_image, images):
    done = preprocess(spectrum_image, crop=(450, 600))
    with pytest.raises(ValueError, match="excludes crop, fit_range"):
        preprocess(spectrum_image, like=done, crop=(1, 2), fit_range=(1, 2))
    with pytest.raises(ValueError, match="no recorded preprocessing"):
        preprocess(spectrum_image, like=spectrum_image)
    with pytest.raises(ValueError, match="empty sequence"):
        preprocess(spectrum_image, like=[])
    with pytest.raises(ValueError, match="'step' is one of background, crop"):
        preprocess(spectrum_image, like=[{"step": "crup"}])
    with pytest.raises(TypeError, match="preprocessed signal or a sequence of steps"):
        preprocess(spectrum_image, like=3)
    with pytest.raises(ValueError, match="1 ranges, but the signal has 2"):
        preprocess(images, like=[{"step": "crop", "ranges": [[1, 2]], "units": ["nm"]}])
    with pytest.raises(ValueError, match="does not fit spectra"):
        preprocess(
            spectrum_image, like=preprocess(images, resample=(4, 4)).metadata.SpecAug.preprocessing
        )


def test_like_refuses_other_units(spectrum_image):
    done = preprocess(spectrum_image, crop=(450, 600))
    spectrum_image.axes_manager[-1].units = "keV"
    with pytest.raises(ValueError, match=r"recorded in eV.*is in keV.*convert_to_units"):
        preprocess(spectrum_image, like=done)
