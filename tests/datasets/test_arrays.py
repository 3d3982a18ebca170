"""The array-level models behind the sample data: physics and noise."""

import numpy as np
import pytest

from hs_specaug.datasets import _core_shell, _eels_model, _hydrogel_model, _polymers
from hs_specaug.datasets import _white_lines as wl
from hs_specaug.datasets._common import check_number, child_rng, seed_sequence
from hs_specaug.datasets._polymer_bands import MATERIALS


def _phase(viscosity, modulus, mass=1.0):
    sensor = _hydrogel_model.SENSORS[0]
    frequency = _hydrogel_model.frequency_axis(sensor, 8000)
    phase = _hydrogel_model.cantilever_phase(
        frequency, sensor, np.atleast_1d(viscosity), np.atleast_1d(modulus), mass
    )
    return frequency, phase[0]


def _peak_and_width(frequency, phase):
    above = frequency[phase > (phase.max() + phase.min()) / 2]
    return frequency[phase.argmax()], above[-1] - above[0]


class TestHydrogelModel:
    def test_viscosity_pulls_the_resonance_down_and_broadens_it(self):
        peaks, widths = zip(
            *(_peak_and_width(*_phase(v, 0.0)) for v in (1e-3, 1e-2, 1e-1)), strict=True
        )
        assert peaks[0] > peaks[1] > peaks[2]
        assert widths[0] < widths[1] < widths[2]

    def test_added_mass_pulls_the_resonance_down(self):
        assert _peak_and_width(*_phase(1e-3, 0.0, 1.2))[0] < _peak_and_width(*_phase(1e-3, 0.0))[0]

    def test_storage_modulus_stiffens(self):
        assert _peak_and_width(*_phase(1e-3, 2e5))[0] > _peak_and_width(*_phase(1e-3, 0.0))[0]

    def test_phase_is_that_of_a_passive_circuit(self):
        _, phase = _phase(1e-3, 0.0)
        assert np.all(np.abs(phase) <= 90.0)
        assert phase[0] < -80.0

    def test_frequency_ranges_of_the_paper(self):
        steps = [np.diff(_hydrogel_model.frequency_axis(s))[0] for s in _hydrogel_model.SENSORS]
        np.testing.assert_allclose(steps, [13.75, 16.25, 12.5])

    def test_series_sets_at_its_inflection(self):
        medium = _hydrogel_model.MEDIA["pluronic-f127"]
        viscosity, modulus, gel = _hydrogel_model.medium_properties(
            medium.concentration, 19.0, medium
        )
        assert np.all(np.diff(viscosity) > 0)
        assert np.all(np.diff(modulus) > 0)
        assert abs(np.interp(0.5, gel, medium.concentration) - 19.0) < 0.05


class TestWhiteLineModel:
    @pytest.mark.parametrize(
        ("classes", "expected"),
        [(["wustite", "magnetite"], 708.0), (["Mn2+", "Mn3+", "Mn4+"], 640.0)],
    )
    def test_oxidation_orders_the_l3_position(self, classes, expected):
        energy = np.arange(expected - 15, expected + 8, 0.01)
        centres = []
        for name in classes:
            profile = _eels_model.edge_profile(energy, _eels_model.WHITE_LINES[name], 0.5)
            weight = np.where(profile > profile.max() / 2, profile, 0.0)
            centres.append((energy * weight).sum() / weight.sum())
        assert centres == sorted(centres)
        assert abs(centres[0] - expected) < 0.5
        assert centres[-1] - centres[0] > 0.7

    @pytest.mark.parametrize(("name", "l2"), [("wustite", 721.0), ("Mn2+", 653.0)])
    def test_l2_position(self, name, l2):
        energy = np.arange(l2 - 4, l2 + 4, 0.01)
        profile = _eels_model.edge_profile(energy, _eels_model.WHITE_LINES[name], 0.5)
        assert abs(energy[profile.argmax()] - l2) < 1.0

    def test_nothing_before_the_onset(self):
        profile = _eels_model.edge_profile(
            np.arange(600.0, 630.0), _eels_model.WHITE_LINES["Mn4+"], 0.5
        )
        assert profile.max() < 1e-6

    def test_shift_moves_a_spectrum_to_higher_loss(self):
        energy = wl.energy_axis("Mn")
        edges = (_eels_model.WHITE_LINES["Mn2+"],)
        shift = np.array([0.0, 1.0, -2.0])
        profiles = _eels_model.shifted_profiles(energy, edges, np.ones((3, 1)), shift, 0.5)
        peaks = energy[profiles.argmax(axis=1)]
        np.testing.assert_allclose(peaks - peaks[0], shift, atol=0.11)
        np.testing.assert_allclose(
            profiles[0], _eels_model.edge_profile(energy, edges[0], 0.5), atol=2e-3
        )

    def test_background_fit_recovers_a_power_law(self):
        energy = np.arange(600.0, 780.0, 0.25)
        counts = _eels_model.power_law(energy, np.array([50.0]), np.array([3.0]), 700.0)
        net = _eels_model.remove_power_law(energy, counts, (610.0, 690.0))
        assert np.abs(net).max() < 0.05

    @pytest.mark.parametrize("index", range(5))
    def test_signal_to_noise_is_that_of_the_paper(self, index):
        oxide = wl.OXIDES[index]
        found = []
        for seed in range(3):
            root = seed_sequence(seed)
            shifts = wl._session_shifts(oxide.element, root)
            spectra, _, _ = wl.simulate_class(
                oxide, 250, shifts, 1.0, False, child_rng(root, index)
            )
            found.append(_eels_model.signal_to_noise(spectra))
        assert np.mean(found) == pytest.approx(oxide.signal_to_noise, rel=0.08)

    def test_signal_to_noise_of_known_noise(self):
        spectra = 3.0 + 0.5 * np.random.default_rng(0).standard_normal((4000, 20))
        assert _eels_model.signal_to_noise(spectra) == pytest.approx(6.0, rel=0.03)


class TestCoreShellModel:
    def test_core_is_inside_the_particle(self):
        core, shell = _core_shell.particle_paths((40, 60), 2.0, np.random.default_rng(0))
        assert np.all(shell[core > 0] > 0)
        assert 0 < (core > 0).sum() < (core + shell > 0).sum() < core.size

    def test_pixels_do_not_depend_on_their_neighbours(self):
        core, shell = _core_shell.particle_paths((8, 8), 1.0, np.random.default_rng(0))
        pixels = np.arange(64).reshape(8, 8)
        rest = (_core_shell.MATERIALS["iron-oxide"], 1.0, seed_sequence(3))
        whole = _core_shell.simulate_pixels(core, shell, pixels, *rest)
        part = (slice(2, 5), slice(1, 4))
        alone = _core_shell.simulate_pixels(core[part], shell[part], pixels[part], *rest)
        np.testing.assert_array_equal(whole[part], alone)

    @pytest.mark.parametrize("fraction", [0.0, 0.01, 0.5, 1.0])
    def test_part_of_each_class_is_labelled(self, fraction):
        truth = np.repeat([0, 1, 2], [50, 30, 20]).reshape(10, 10)
        labels = _core_shell.label_part(truth, fraction, np.random.default_rng(0))
        assert np.array_equal(labels[labels >= 0], truth[labels >= 0])
        counts = [np.sum(labels == code) for code in range(3)]
        assert counts == [np.ceil(fraction * n) for n in (50, 30, 20)]


class TestPolymerModel:
    def test_class_sizes(self):
        sizes = {m.name: m.n_spectra for m in MATERIALS}
        assert len(sizes) == 10
        assert sum(sizes.values()) == 210
        assert min(sizes, key=sizes.get) == "polyacetal"
        assert sizes["polyacetal"] == 5
        assert max(sizes, key=sizes.get) == "silica"
        assert sizes["silica"] == 38

    @pytest.mark.parametrize("material", MATERIALS, ids=lambda m: m.name)
    def test_strongest_band_is_where_it_should_be(self, material):
        wavenumber = np.arange(975.0, 1800.5, 0.5)
        spectrum = _polymers.absorbance(wavenumber, material.bands)
        strongest = max(material.bands, key=lambda band: band[1])
        assert abs(wavenumber[spectrum.argmax()] - strongest[0]) < 8.0


@pytest.mark.parametrize(
    ("random_state", "error"), [(-1, ValueError), (True, TypeError), ("a", TypeError)]
)
def test_bad_seed_is_named(random_state, error):
    with pytest.raises(error, match="random_state must be"):
        seed_sequence(random_state)


@pytest.mark.parametrize("value", ["1", True, np.nan, np.inf, -0.1, 2.1, 0])
def test_bad_number_is_named(value):
    with pytest.raises(ValueError, match=r"dose must be a number in \(0, 2\], got"):
        check_number("dose", value, 0.0, 2.0)


@pytest.mark.parametrize(
    "make", [np.random.default_rng, np.random.RandomState], ids=["Generator", "RandomState"]
)
def test_generators_give_reproducible_seeds(make):
    assert seed_sequence(make(1)).entropy == seed_sequence(make(1)).entropy
    generator = make(1)
    assert seed_sequence(generator).entropy != seed_sequence(generator).entropy
