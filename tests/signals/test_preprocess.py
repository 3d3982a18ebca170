import hyperspy.api as hs
import numpy as np
import pytest

from hs_specaug.preprocessing import describe_steps, read_steps

pytestmark = pytest.mark.usefixtures("no_progressbar")

SPECTRA = ["EELS_specaug", "EDS_TEM_specaug", "EDS_SEM_specaug", "spectrum_specaug", "impedance"]
LABELS = np.arange(12).reshape(3, 4) % 3 - 1
GROUPS = np.repeat([["a", "b", "b", "c"]], 3, axis=0)


def make_signal(signal_type, dtype=np.float32, lazy=False):
    """Return a labelled 4 × 3 map of 80 channels from 100 to 258, or of 10 × 8 pixels."""
    data = np.random.default_rng(0).random((3, 4, 80)) + 1
    if signal_type == "image_specaug":
        signal = hs.signals.Signal2D(data.reshape(3, 4, 10, 8).astype(dtype))
    elif np.dtype(dtype).kind == "c":
        signal = hs.signals.ComplexSignal1D((data - 2j * data[..., ::-1]).astype(dtype))
    else:
        signal = hs.signals.Signal1D(data.astype(dtype))
    axis = signal.axes_manager.signal_axes[0]
    if signal_type != "image_specaug":
        axis.offset, axis.scale = 100.0, 2.0
    signal.set_signal_type(signal_type)
    signal.set_labels(LABELS, classes=["core", "shell"], groups=GROUPS)
    return signal.as_lazy() if lazy else signal


def assert_labels_kept(signal):
    np.testing.assert_array_equal(signal.labels, LABELS)
    np.testing.assert_array_equal(signal.groups, GROUPS)
    assert list(signal.classes) == ["core", "shell"]


CASES = [(name, np.float32) for name in [*SPECTRA, "image_specaug"]] + [("impedance", np.complex64)]


def options_for(signal_type, dtype):
    if signal_type == "image_specaug":
        return {"crop": ((0, 6), (1, 9)), "resample": (5, 5), "denoise": 2, "normalize": "z-score"}
    options = {"crop": (130, 230), "resample": 24, "denoise": 2, "normalize": "max"}
    if signal_type != "impedance":
        options |= {"background": "power-law", "fit_range": (104, 130)}
    return options


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize(("signal_type", "dtype"), CASES)
def test_type_labels_and_record(signal_type, dtype, lazy):
    signal = make_signal(signal_type, dtype, lazy)
    options = options_for(signal_type, dtype)
    result = signal.preprocess(**options)
    assert type(result) is type(signal)
    assert result._lazy is lazy
    assert result.metadata.Signal.signal_type == signal_type
    assert result.data.dtype == dtype
    assert_labels_kept(result)
    assert_labels_kept(signal)
    assert len(describe_steps(result)) == len(options) - ("fit_range" in options)
    assert not read_steps(signal)
    if lazy:
        expected = make_signal(signal_type, dtype).preprocess(**options)
        np.testing.assert_allclose(result.data.compute(), expected.data, atol=2e-5)


@pytest.mark.parametrize("suffix", [".hspy", ".zspy"])
@pytest.mark.parametrize(("signal_type", "dtype"), CASES)
@pytest.mark.parametrize("lazy", [False, True])
def test_saved_record_can_be_repeated(signal_type, dtype, suffix, lazy, tmp_path):
    if suffix == ".zspy":
        pytest.importorskip("zarr", reason="needs the zspy extra")
    signal = make_signal(signal_type, dtype)
    result = signal.preprocess(**options_for(signal_type, dtype))
    path = tmp_path / f"done{suffix}"
    result.save(path)
    loaded = hs.load(path, lazy=lazy)
    assert_labels_kept(loaded)
    assert describe_steps(loaded) == describe_steps(result)
    again = signal.preprocess(like=loaded)
    np.testing.assert_array_equal(again.data, result.data)
    assert describe_steps(again) == describe_steps(result)


def test_selected_positions_keep_their_labels():
    result = make_signal("EELS_specaug").inav[1:, :2].preprocess(normalize="area")
    np.testing.assert_array_equal(result.labels, LABELS[:2, 1:])
    np.testing.assert_array_equal(result.inav[0, :].labels, LABELS[:2, 1])


def test_going_back_to_the_plain_type_keeps_the_record():
    result = make_signal("EELS_specaug").preprocess(crop=(130, 200))
    result.set_signal_type("EELS")
    assert describe_steps(result) == ["crop 130 to 200"]


def test_phase_angle_is_resampled_on_log_frequencies():
    result = (
        make_signal("impedance", np.complex64)
        .angle(deg=True)
        .preprocess(resample=30, normalize="max")
    )
    assert result.metadata.Signal.signal_type == "impedance"
    np.testing.assert_allclose(result.axes_manager[-1].axis, np.geomspace(100, 258, 30))
    assert (result.data < 0).all()
    np.testing.assert_allclose(result.data.min(axis=-1), -1, rtol=1e-6)
    assert_labels_kept(result)


def test_a_type_without_background_says_why():
    with pytest.raises(ValueError, match="no meaning for impedance"):
        make_signal("impedance").preprocess(background="linear", fit_range=(104, 130))


def test_measured_nanocube(data_folder):
    path = data_folder / "eels_iron_oxide_nanocube.dm3"
    options = {"background": "power-law", "fit_range": (470.0, 510.0), "crop": (510.0, 750.0)}
    results = []
    for lazy in (False, True):
        signal = hs.load(path, signal_type="EELS_specaug", lazy=lazy)
        signal.set_labels(np.where(np.arange(17 * 19).reshape(17, 19) % 5, -1, 0), ["any"])
        result = signal.preprocess(**options, normalize="max")
        assert result.class_counts() == {"any": 65}
        results.append(np.asarray(result.data))
        # EELS attributes of the type still work on the result
        assert result.axes_manager.signal_axes[0].units == "eV"
        assert result.isig[700.0:720.0].integrate1D(-1).data.shape == (17, 19)
    np.testing.assert_array_equal(results[0], results[1])


def test_measured_impedance_spectra(data_folder):
    archive = np.load(data_folder / "eis_equivalent_circuits.npz")
    frequencies, impedances = archive["frequency_Hz"], archive["impedance_ohm"]
    bounds = list(zip(archive["offsets"][:60], archive["offsets"][1:61], strict=True))
    target = np.geomspace(10.0, 1000.0, 32)
    directions = set()
    for start, stop in bounds:
        frequency, impedance = frequencies[start:stop], impedances[start:stop]
        if frequency.min() > 10 or frequency.max() < 1000 or (np.diff(frequency) == 0).any():
            continue
        directions.add(bool(frequency[0] > frequency[-1]))
        signal = hs.signals.ComplexSignal1D(
            impedance, axes=[{"axis": frequency, "name": "Frequency", "units": "Hz"}]
        )
        signal.set_signal_type("impedance")
        result = signal.preprocess(resample=target, normalize="max")
        np.testing.assert_allclose(result.axes_manager[-1].axis, target)
        order = np.argsort(frequency)
        nearest = np.interp(np.log(target), np.log(frequency[order]), np.abs(impedance[order]))
        nearest /= nearest.max()
        assert np.abs(np.abs(result.data) - nearest).max() < 0.05
    assert directions
