"""Methods of eXSpy and HyperSpy on our types, and what the types add."""

import warnings

import exspy
import hyperspy.api as hs
import numpy as np
import pytest

from hs_specaug import signals

RGB = {
    "rgb8": np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")]),
    "rgb16": np.dtype([("R", "u2"), ("G", "u2"), ("B", "u2")]),
}


@pytest.fixture
def eels(lazy):
    """A low-loss line of spectra with a zero-loss peak and a plasmon, counts."""
    energy = np.arange(-20, 180, 0.5)
    peak = 1e5 * np.exp(-((energy / 1.5) ** 2))
    plasmon = 2e4 * np.exp(-(((energy - 20) / 4) ** 2))
    data = np.stack([peak + k * plasmon + 10 for k in (0.5, 1.0, 1.5, 2.0)])
    s = signals.AugmentableEELSSpectrum(data)
    axis = s.axes_manager.signal_axes[0]
    axis.offset, axis.scale, axis.units, axis.name = -20, 0.5, "eV", "Energy loss"
    s.set_microscope_parameters(beam_energy=200, collection_angle=20, convergence_angle=10)
    s.set_labels(["thin", "thin", "thick", "thick"])
    return s.as_lazy() if lazy else s


@pytest.mark.usefixtures("no_label_warning")
class TestEELS:
    def check(self, result):
        np.testing.assert_array_equal(result.metadata.SpecAug.labels, [1, 1, 0, 0])

    def test_remove_background(self, lazy):
        energy = np.arange(400, 700, 1.0)
        s = signals.AugmentableEELSSpectrum(np.tile(1e9 * energy**-2.5, (3, 1)))
        axis = s.axes_manager.signal_axes[0]
        axis.offset, axis.units = 400, "eV"
        s.set_labels([0, 1, -1])
        s = s.as_lazy() if lazy else s
        removed = s.remove_background(
            signal_range=(410.0, 500.0), background_type="PowerLaw", show_progressbar=False
        )
        removed.compute(show_progressbar=False) if lazy else None
        assert type(removed) is signals.AugmentableEELSSpectrum
        assert np.abs(removed.isig[450.0:].data).max() < 0.01 * s.isig[450.0:].data.max()
        np.testing.assert_array_equal(removed.labels, [0, 1, -1])

    def test_same_numbers_as_exspy(self, eels):
        plain = eels.deepcopy()
        plain.set_signal_type("EELS")
        calls = [
            lambda s: s.estimate_zero_loss_peak_centre(),
            lambda s: s.estimate_elastic_scattering_intensity(5.0, show_progressbar=False),
            lambda s: s.estimate_thickness(threshold=5.0),
        ]
        if not eels._lazy:  # eXSpy extrapolates in memory
            calls.append(lambda s: s.isig[30.0:].power_law_extrapolation(extrapolation_size=8))
        for call in calls:
            ours, theirs = call(eels), call(plain)
            np.testing.assert_allclose(np.asarray(ours.data), np.asarray(theirs.data))
        self.check(eels)

    def test_elastic_intensity_keeps_labels_in_metadata(self, eels):
        self.check(eels.estimate_elastic_scattering_intensity(5.0, show_progressbar=False))

    def test_align_zero_loss_peak(self, eels):
        eels.align_zero_loss_peak(show_progressbar=False, print_stats=False, subpixel=False)
        self.check(eels)

    def test_elements_and_edges(self, eels):
        eels.add_elements(["Fe", "O"])
        assert set(eels.metadata.Sample.elements) == {"Fe", "O"}
        assert eels.subshells == {"Fe_M3", "Fe_M2"}
        copy = eels.deepcopy()
        assert set(copy.metadata.Sample.elements) == {"Fe", "O"}

    def test_fourier_log_deconvolution(self, eels):
        if eels._lazy:
            pytest.skip("eXSpy deconvolves in memory")
        zlp = eels.isig[:5.0]
        result = eels.fourier_log_deconvolution(zlp)
        assert type(result) is type(eels)
        self.check(result)

    def test_rebin_and_model(self, eels):
        rebinned = eels.rebin(scale=(1, 2))
        assert type(rebinned) is type(eels)
        self.check(rebinned)
        if not eels._lazy:
            model = eels.isig[10.0:].create_model(auto_add_edges=False, auto_background=False)
            model.append(hs.model.components1D.Offset())
            model.multifit(optimizer="lstsq", show_progressbar=False)
            modelled = model.as_signal(show_progressbar=False)
            assert type(modelled) is type(eels)
            assert modelled.labels.shape == (4,)

    def test_back_to_exspy_without_loss(self, eels):
        data = np.asarray(eels.data)
        eels.set_signal_type("EELS")
        assert isinstance(eels, exspy.signals.EELSSpectrum)
        assert not isinstance(eels, signals.AugmentableEELSSpectrum)
        eels.set_signal_type("EELS_specaug")
        np.testing.assert_array_equal(eels.data, data)
        assert eels.axes_manager.signal_axes[0].units == "eV"
        assert eels.metadata.Acquisition_instrument.TEM.beam_energy == 200
        self.check(eels)


@pytest.fixture(params=["TEM", "SEM"])
def eds(request, lazy):
    """A copper line on a flat background, 2 x 3 pixels."""
    energy = np.arange(0, 10, 0.01)
    data = np.tile(5 + 1000 * np.exp(-(((energy - 8.04) / 0.06) ** 2)), (2, 3, 1))
    s = getattr(signals, f"AugmentableEDS{request.param}Spectrum")(data)
    axis = s.axes_manager.signal_axes[0]
    axis.scale, axis.units, axis.name = 0.01, "keV", "Energy"
    s.set_microscope_parameters(
        beam_energy=200 if request.param == "TEM" else 20,
        live_time=2.0,
        tilt_stage=10.0,
        elevation_angle=18.0,
        azimuth_angle=90.0,
        energy_resolution_MnKa=135.0,
    )
    s.set_elements(["Cu"])
    s.set_lines(["Cu_Ka"])
    s.set_labels([[0, 0, 1], [1, 1, -1]], classes=["grain", "boundary"])
    return s.as_lazy() if lazy else s


@pytest.mark.usefixtures("no_label_warning")
class TestEDS:
    def plain(self, s):
        plain = s.deepcopy()
        plain.set_signal_type(type(s)._exspy_signal_type)
        assert not hasattr(plain, "set_labels")
        return plain

    def test_type_survives_everything(self, eds):
        eds.get_take_off_angle()
        eds._get_line_energy("Cu_Ka", FWHM_MnKa="auto")
        for s in (eds, eds.deepcopy(), eds.inav[0], eds.isig[2.0:], eds.rebin(scale=(1, 1, 2))):
            assert s.metadata.Signal.signal_type == type(eds)._signal_type
            assert type(s) is type(eds)

    def test_same_numbers_as_exspy(self, eds):
        plain = self.plain(eds)
        assert eds.get_take_off_angle() == pytest.approx(plain.get_take_off_angle())
        assert eds._get_line_energy("Cu_Ka", "auto") == plain._get_line_energy("Cu_Ka", "auto")
        assert eds.estimate_integration_windows() == plain.estimate_integration_windows()
        np.testing.assert_array_equal(
            eds.estimate_background_windows(), plain.estimate_background_windows()
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ours, theirs = eds.get_lines_intensity(), plain.get_lines_intensity()
        np.testing.assert_allclose(np.asarray(ours[0].data), np.asarray(theirs[0].data))
        np.testing.assert_array_equal(eds.labels, [[0, 0, 1], [1, 1, -1]])

    def test_live_time_and_labels_after_rebin_and_sum(self, eds):
        detector = f"Acquisition_instrument.{type(eds)._exspy_signal_type[-3:]}.Detector.EDS"
        with pytest.warns(UserWarning, match="mix"):
            rebinned = eds.rebin(scale=(3, 1, 1))
        np.testing.assert_array_equal(rebinned.labels, [[-1], [-1]])
        assert rebinned.metadata.get_item(f"{detector}.live_time") == 6.0
        assert eds.inav[:2, 0].sum().labels == 0
        assert eds.inav[:2, 0].sum().metadata.get_item(f"{detector}.live_time") == 4.0

    def test_add_elements_and_model(self, eds):
        eds.add_elements(["Zn"])
        assert eds.metadata.Sample.elements == ["Cu", "Zn"]
        eds.add_lines(["Cu_Kb"])
        assert "Cu_Kb" in eds.metadata.Sample.xray_lines
        if not eds._lazy:
            assert len(eds.create_model()) > 1

    def test_back_to_exspy_without_loss(self, eds):
        plain = self.plain(eds)
        assert plain.get_take_off_angle() == pytest.approx(eds.get_take_off_angle())
        again = signals.as_augmentable(plain)
        assert type(again) is type(eds)
        np.testing.assert_array_equal(again.labels, eds.labels)


@pytest.fixture
def impedance(lazy):
    frequency = np.logspace(5, 0, 50)
    z = 10 + 100 / (1 + 1j * frequency / 300)
    s = signals.ComplexImpedanceSpectrum(np.stack([z, 2 * z, 3 * z]))
    s.axes_manager[0].name = "time"
    s.axes_manager[1].name = "frequency"
    s.axes_manager[1].units = "Hz"
    s.set_labels(["sol", "gel", None])
    return s.as_lazy() if lazy else s


@pytest.mark.parametrize(
    ("part", "function"),
    [
        (lambda s: s.angle(), np.angle),
        (lambda s: s.angle(deg=True), lambda z: np.angle(z, deg=True)),
        (lambda s: s.phase, np.angle),
        (lambda s: s.amplitude, np.abs),
        (lambda s: s.real, np.real),
        (lambda s: s.imag, np.imag),
    ],
    ids=["angle", "degrees", "phase", "amplitude", "real", "imag"],
)
def test_parts_of_impedance(impedance, part, function):
    result = part(impedance)
    name = "LazyImpedanceSpectrum" if impedance._lazy else "ImpedanceSpectrum"
    assert type(result) is getattr(signals, name)
    assert result.metadata.Signal.signal_type == "impedance"
    np.testing.assert_allclose(np.asarray(result.data), function(np.asarray(impedance.data)))
    assert [axis.name for axis in result.axes_manager._axes] == ["time", "frequency"]
    assert result.axes_manager[1].units == "Hz"
    np.testing.assert_array_equal(result.labels, [1, 0, -1])
    assert result.classes == ("gel", "sol")
    assert result.inav[1:].labels.tolist() == [0, -1]


def test_real_impedance_stays_impedance(impedance):
    phase = impedance.angle()
    assert type(phase.inav[0]) is type(phase)
    phase.set_signal_type("")
    phase.set_signal_type("EIS")
    assert phase.metadata.Signal.signal_type == "impedance"
    assert isinstance(phase, signals.ImpedanceSpectrum)


class TestColourImages:
    @pytest.mark.parametrize("kind", RGB)
    def test_stack_of_colour_images(self, kind, lazy, tmp_path):
        rng = np.random.default_rng(0)
        rgb = rng.integers(0, 255, (4, 6, 5, 3)).astype(RGB[kind][0])
        s = hs.signals.Signal1D(rgb)
        s.change_dtype(kind)
        s = signals.as_augmentable(s)
        assert s.axes_manager.navigation_shape == (4,)
        s.set_labels([0, 1, 1, -1], classes=["fibre", "bead"])
        s.save(tmp_path / "rgb.hspy")
        s = s.as_lazy() if lazy else s
        assert isinstance(s, signals.AugmentableImage)
        assert s.data.dtype == RGB[kind]
        assert s.inav[1:3].labels.tolist() == [1, 1]
        assert s.isig[:3, :2].labels.tolist() == [0, 1, 1, -1]
        beads = s.select_class("bead")
        assert beads.data.dtype == RGB[kind]
        assert type(beads) is type(s)
        np.testing.assert_array_equal(np.asarray(beads.data)["R"], rgb[1:3, ..., 0])
        loaded = hs.load(tmp_path / "rgb.hspy", lazy=lazy)
        assert type(loaded) is type(s)
        assert loaded.labels.tolist() == [0, 1, 1, -1]
        if lazy:
            loaded.close_file()

    def test_channels_and_back(self):
        s = hs.signals.Signal1D(np.arange(4 * 6 * 5 * 3, dtype="u1").reshape(4, 6, 5, 3))
        s.change_dtype("rgb8")
        s = signals.as_augmentable(s)
        s.set_labels([0, 1, 1, -1])
        s.change_dtype("uint8")
        assert s.axes_manager.signal_dimension == 1
        s.change_dtype("rgb8")
        assert type(s) is signals.AugmentableImage
        assert s.labels.tolist() == [0, 1, 1, -1]


def test_image_methods(lazy):
    rng = np.random.default_rng(0)
    s = signals.AugmentableImage(rng.random((3, 16, 12)))
    s.set_labels([0, 1, 0])
    s = s.as_lazy() if lazy else s
    s.crop_signal(2, 10, 1, 9)
    assert s.axes_manager.signal_shape == (8, 8)
    np.testing.assert_array_equal(s.labels, [0, 1, 0])
    assert s.estimate_shift2D(show_progressbar=False).shape == (3, 2)
    unfolded = s.deepcopy()
    unfolded.unfold_signal_space()
    np.testing.assert_array_equal(unfolded.metadata.SpecAug.labels, [0, 1, 0])
    unfolded.fold()
    assert type(unfolded) is type(s)
    np.testing.assert_array_equal(unfolded.labels, [0, 1, 0])
