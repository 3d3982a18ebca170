"""``perturb``, ``plot_perturbation`` and perturbations in ``augment`` and ``classify``."""

import dask.array as da
import hyperspy.api as hs
import numpy as np
import pytest

import hs_specaug
from hs_specaug.exceptions import IncompatibleSignalError
from hs_specaug.perturbations import Compose, Sometimes
from hs_specaug.strategies import StrategySearch

pytestmark = pytest.mark.usefixtures("no_progressbar")


@pytest.fixture
def eels():
    rng = np.random.default_rng(0)
    s = hs.signals.Signal1D(rng.random((4, 6, 50)) * 100)
    s.set_signal_type("EELS_specaug")
    axis = s.axes_manager.signal_axes[0]
    axis.name, axis.units, axis.offset, axis.scale = "Energy loss", "eV", 500.0, 0.25
    codes = np.full((4, 6), -1)
    codes[0], codes[1, :2] = 0, 1
    s.set_labels(codes, classes=["core", "shell"])
    return s


@pytest.fixture
def impedance():
    frequency = np.logspace(5, -1, 40)
    Z = 10 + 100 / (1 + 2j * np.pi * frequency * 1e-3)
    s = hs.signals.ComplexSignal1D(np.tile(Z, (8, 1)) * np.linspace(1, 2, 8)[:, None])
    s.set_signal_type("impedance")
    axes = s.axes_manager
    axes.signal_axes[0].convert_to_non_uniform_axis()
    axes.signal_axes[0].axis = frequency
    axes.signal_axes[0].units = "Hz"
    s.set_labels([0] * 6 + [1] * 2, classes=["fresh", "aged"])
    return s


@pytest.fixture
def images():
    s = hs.signals.Signal2D(np.random.default_rng(0).random((6, 16, 16)).astype("float32"))
    s.set_signal_type("image_specaug")
    s.set_labels([0, 0, 0, 0, 1, 1], classes=["common", "rare"])
    return s


def test_perturb_keeps_type_axes_and_labels(eels):
    out = eels.perturb("energy-shift(shift_eV=0.5)+gain", random_state=0)
    assert type(out) is type(eels)
    assert out.data.shape == eels.data.shape
    assert not np.array_equal(out.data, eels.data)
    np.testing.assert_array_equal(out.labels, eels.labels)
    assert out.axes_manager.signal_axes[0].offset == 500.0


@pytest.mark.parametrize("chunks", [(1, 3, 25), (4, 6, 50), (3, 4, 50)])
def test_lazy_gives_the_same_bits(eels, chunks):
    lazy = eels.as_lazy()
    lazy.data = da.from_array(eels.data, chunks=chunks)
    out = lazy.perturb("poisson(dose=0.5)+shift", random_state=3)
    assert out._lazy
    np.testing.assert_array_equal(out.labels, eels.labels)
    expected = eels.perturb("poisson(dose=0.5)+shift", random_state=3)
    np.testing.assert_array_equal(out.data.compute(scheduler="synchronous"), expected.data)


@pytest.mark.parametrize("lazy", [False, True])
def test_signal_axis_that_is_not_the_last(eels, lazy):
    """Axes whose role was changed by hand stay where they are in the array."""
    eels.clear_labels()
    axes = eels.axes_manager._axes
    axes[0].navigate, axes[2].navigate = False, True
    s = eels.as_lazy() if lazy else eels
    out = s.perturb("gain(gain=0.3)", random_state=0)
    assert out.data.shape == (4, 6, 50)
    ratio = np.asarray(out.data) / eels.data
    np.testing.assert_allclose(ratio, np.broadcast_to(ratio[:1], ratio.shape))
    assert ratio.std() > 0.01


def test_one_spectrum(eels):
    one = eels.inav[0, 0]
    out = one.perturb("gaussian-noise", random_state=0)
    assert out.data.shape == one.data.shape


def test_units_come_from_the_axis(eels):
    """A shift of 5 eV at 0.25 eV per channel moves a peak by up to 20 channels."""
    eels.data[:] = 0.0
    eels.data[..., 25] = 1.0
    peaks = eels.perturb("energy-shift(shift_eV=5.0)", random_state=0).data.argmax(-1)
    assert 14 < np.abs(peaks - 25).max() <= 20


def test_borrowers_leave_unlabelled_spectra_alone(eels):
    out = eels.perturb("mixup", random_state=0)
    labelled = eels.labels >= 0
    np.testing.assert_array_equal(out.data[~labelled], eels.data[~labelled])
    assert not np.array_equal(out.data[labelled], eels.data[labelled])


def test_borrowers_need_labels(eels):
    eels.clear_labels()
    with pytest.raises(ValueError, match="no spectrum of this signal is labelled"):
        eels.perturb("mixup")


def test_complex_impedance(impedance):
    out = impedance.perturb("frequency-shift(shift_decades=0.1)", random_state=0)
    assert out.data.dtype == impedance.data.dtype
    assert type(out) is type(impedance)
    with pytest.raises(IncompatibleSignalError, match="frequency-shift"):
        impedance.perturb("shift")


def test_wrong_kind_is_refused_before_any_work(images, eels):
    with pytest.raises(IncompatibleSignalError, match="image"):
        images.perturb("energy-shift")
    with pytest.raises(IncompatibleSignalError, match="EELS"):
        eels.augment("rotation")


def test_rgb_images():
    data = np.random.default_rng(0).integers(0, 255, (5, 8, 8, 3), dtype=np.uint8)
    s = hs.signals.Signal1D(data)
    s.change_dtype("rgb8")
    s.set_signal_type("image_specaug")
    out = s.perturb("flip", random_state=0)
    assert out.data.dtype.names == ("R", "G", "B")
    for image, flipped in zip(s.data, out.data, strict=True):
        assert any(np.array_equal(flipped, image[::a, ::b]) for a in (1, -1) for b in (1, -1))


# --- augment and classify --------------------------------------------------------------------


@pytest.mark.parametrize(
    "method",
    ["poisson+shift", ["gain", "energy-shift(shift_eV=1.0)"], Compose(["gain", Sometimes("warp")])],
    ids=str,
)
def test_augment(eels, method):
    out = eels.augment(method, random_state=0)
    assert out.class_counts() == {"core": 6, "shell": 6}
    assert out.metadata.SpecAug.synthetic.sum() == 4
    again = eels.augment(method, random_state=0)
    np.testing.assert_array_equal(out.data, again.data)
    assert "shift" in out.metadata.SpecAug.provenance or "gain" in out.metadata.SpecAug.provenance


def test_parameters_of_a_single_perturbation(eels):
    generator = eels.train_generator("energy-shift", shift_eV=2.0, random_state=0)
    assert generator.perturbation.shift_eV == 2.0
    assert generator.domain.units == "eV"
    with pytest.raises(TypeError, match="write them to the"):
        eels.train_generator("poisson+shift", dose=2.0)


def test_file_brings_back_perturbation_and_axis(eels, tmp_path):
    generator = eels.train_generator("energy-shift+mixup", random_state=0)
    path = generator.save(tmp_path / "shift.safetensors")
    again = hs_specaug.load_generator(path)
    expected = generator.sample({"shell": 5}, random_state=1)[0]
    np.testing.assert_array_equal(again.sample({"shell": 5}, random_state=1)[0], expected)
    assert eels.augment(again, random_state=0).class_counts()["shell"] == 6


def test_classify(eels):
    result = eels.classify("KNeighborsClassifier", augmentation="poisson+shift", random_state=0)
    assert result.augmentation == "perturbation"


def test_a_search_sees_real_rows_only(eels):
    search = StrategySearch(["gain"], "KNeighborsClassifier")
    with pytest.raises(ValueError, match="augments by itself"):
        eels.classify(search, augmentation="shift")


# --- plots -----------------------------------------------------------------------------------


@pytest.mark.parametrize("n_variants", [0, 1.5, "3"])
def test_number_of_variants(eels, n_variants):
    with pytest.raises(ValueError, match="n_variants must be a whole number"):
        eels.plot_perturbation("gain", n_variants=n_variants)


def test_row_that_is_not_finite_is_named_wherever_chunks_lie(eels):
    eels.data[2, 3, 7] = np.nan
    lazy = eels.as_lazy()
    lazy.data = lazy.data.rechunk((1, 2, 50))
    with pytest.raises(ValueError, match="the first is row 15;"):
        lazy.perturb("gain").compute(progressbar=False)


def test_plot_of_spectra(eels):
    axes = eels.plot_perturbation("poisson(dose=0.1)+shift", n_variants=3)
    assert [ax.get_title() for ax in axes] == ["core", "shell"]
    assert all(len(ax.lines) == 4 for ax in axes)
    assert "eV" in axes[0].get_xlabel()
    assert axes[0].get_ylabel() == "intensity"
    np.testing.assert_array_equal(axes[0].lines[-1].get_ydata(), eels.data[0, 0])


def test_plot_of_impedance(impedance):
    axes = impedance.plot_perturbation("impedance-scale")
    assert axes[0].get_xlabel() == "Re Z (Ω)"
    impedance.metadata.set_item("Signal.quantity", "Impedance (mΩ)")
    assert impedance.plot_perturbation("impedance-scale")[0].get_ylabel() == "−Im Z (mΩ)"
    scaled = impedance.preprocess(normalize="max").plot_perturbation("impedance-scale")
    assert scaled[0].get_xlabel() == "Re Z (normalised)"
    assert len(axes) == 2


def test_plot_of_images(images):
    axes = images.plot_perturbation("rotation", n_variants=2)
    assert len(axes) == 6


def test_plot_without_labels(eels):
    eels.clear_labels()
    assert len(eels.plot_perturbation("shift")) == 1
    with pytest.raises(ValueError, match="n_variants"):
        eels.plot_perturbation("shift", n_variants=0)
