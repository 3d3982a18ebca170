import hyperspy.api as hs
import numpy as np
import pytest

from hs_specaug.preprocessing import (
    preprocess,
)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"background": "powerlow", "fit_range": (420, 500)}, "Did you mean 'power-law'"),
        ({"background": "power-law"}, "needs fit_range.*from 400 to 638 eV"),
        ({"fit_range": (420, 500)}, "add background='power-law'"),
        (
            {"background": "offset", "fit_range": (300, 500)},
            "within the axis: Energy loss from 400",
        ),
        ({"background": "offset", "fit_range": 420}, "two numbers in axis units"),
        ({"background": "power-law", "fit_range": (420, 422)}, "holds 2 channels.*at least 4"),
        ({"background": ("polynomial", 0), "fit_range": (420, 500)}, "order.*at least 1"),
        (
            {"crop": (100, 500)},
            "crop reaches 100, outside the axis: Energy loss from 400 to 638 eV",
        ),
        ({"crop": (450, 451)}, "leaves .* channels; at least 2.*axis units, integers too"),
        ({"crop": 450}, r"crop must be \(start, end\)"),
        ({"resample": 1}, "at least 2 channels"),
        ({"resample": 500.0}, "positive step no longer than the axis.*resample=500"),
        ({"resample": "fine"}, "resample must be a number of channels"),
        ({"resample": [300.0, 500.0]}, "beyond the axis.*does not extrapolate"),
        ({"resample": [500.0, 500.0]}, "at least 2 distinct axis values"),
        ({"denoise": 0}, "number of principal components"),
        ({"normalize": "maximum"}, "'max', 'area', 'z-score'; got 'maximum'. Did you mean 'max'"),
    ],
)
def test_errors_say_what_is_wrong(spectrum_image, options, message):
    with pytest.raises(ValueError, match=message):
        preprocess(spectrum_image, **options)


def test_power_law_needs_a_positive_axis(spectrum_image):
    spectrum_image.axes_manager[-1].offset = -100.0
    with pytest.raises(ValueError, match="needs a positive axis, but fit_range starts at -50"):
        preprocess(spectrum_image, background="power-law", fit_range=(-50, 20))
    result = preprocess(spectrum_image, background="power-law", fit_range=(10, 60))
    assert np.isfinite(result.data).all()


@pytest.mark.parametrize(
    "options",
    [
        {"background": "offset", "fit_range": (420, 500)},
        {"resample": 50},
        {"denoise": 2},
        {"normalize": "max"},
    ],
)
@pytest.mark.parametrize("lazy", [False, True])
def test_nan_is_refused_unless_cropped_away(spectrum_image, options, lazy, as_lazy):
    spectrum_image.data[2, 3, 5] = np.nan
    signal = as_lazy(spectrum_image, (4, 5, 60)) if lazy else spectrum_image
    with pytest.raises(ValueError, match=r"1 of 2400 values are NaN.*\(2, 3, 5\)|1 of 2400.*\(13,"):
        preprocess(signal, **options).data.__array__()
    cropped = preprocess(preprocess(signal, crop=(420, 600)), normalize="max")
    assert np.isfinite(np.asarray(cropped.data)).all()


def test_other_objects_are_refused():
    with pytest.raises(TypeError, match="needs a HyperSpy signal; got ndarray"):
        preprocess(np.ones(3))
    with pytest.raises(ValueError, match="signal dimension 1 or 2"):
        preprocess(hs.signals.BaseSignal(np.ones((2, 3, 4, 5))).transpose(signal_axes=3))
