"""The sample data as a user gets them: labelled signals with calibrated axes."""

import hashlib
import subprocess
import sys
import time

import hyperspy.api as hs
import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hs_specaug.datasets import (
    _eels_model,
    core_shell_map,
    hydrogel_impedance,
    polymer_spectra,
    white_lines,
)

CASES = {
    "hydrogel": (hydrogel_impedance, {}, "impedance"),
    "hydrogel repeat": (hydrogel_impedance, {"repeat": 1}, "impedance"),
    "cyclodextrin": (hydrogel_impedance, {"variant": "alpha-cyclodextrin"}, "impedance"),
    "white lines": (white_lines, {"scale": 0.02}, "spectrum_specaug"),
    "white lines Fe": (white_lines, {"scale": 0.02, "element": "Fe"}, "EELS_specaug"),
    "white lines raw": (white_lines, {"scale": 0.02, "raw": True}, "spectrum_specaug"),
    "core-shell": (core_shell_map, {"shape": (12, 16)}, "EELS_specaug"),
    "core-shell lazy": (core_shell_map, {"shape": (12, 16), "lazy": True}, "EELS_specaug"),
    "polymers": (polymer_spectra, {"step_per_cm": 5.0}, "spectrum_specaug"),
}


@pytest.fixture(params=list(CASES))
def case(request):
    return CASES[request.param]


def _values(signal):
    return np.asarray(signal.data)


def _shape(signal):
    return signal.axes_manager.navigation_shape[::-1]


def _counts(signal):
    return dict(zip(signal.classes, np.bincount(np.ravel(signal.labels)).tolist(), strict=True))


def test_signal_type_dtype_and_labels(case):
    function, arguments, signal_type = case
    signal = function(**arguments)
    assert signal.metadata.Signal.signal_type == signal_type
    assert signal.data.dtype == np.float32
    assert np.isfinite(_values(signal)).all()
    labels = np.asarray(signal.metadata.SpecAug.labels)
    assert labels.shape == _shape(signal)
    assert labels.dtype == np.int32
    assert len(signal.metadata.SpecAug.classes) == labels.max() + 1


def test_same_seed_same_bits_and_global_state_untouched(case):
    function, arguments, _ = case
    np.random.seed(5)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    first, second = function(7, **arguments), function(7, **arguments)
    assert np.array_equal(before, np.random.get_state()[1])  # noqa: NPY002
    assert _values(first).tobytes() == _values(second).tobytes()
    assert np.array_equal(first.metadata.SpecAug.labels, second.metadata.SpecAug.labels)
    assert not np.array_equal(_values(first), _values(function(8, **arguments)))


def test_same_bits_in_another_process():
    code = (
        "import hashlib, numpy as np;"
        "from hs_specaug.datasets import hydrogel_impedance, polymer_spectra, white_lines;"
        "h = hashlib.sha256();"
        "[h.update(np.ascontiguousarray(s.data).tobytes()) for s in ("
        "hydrogel_impedance(3, repeat=0), white_lines(3, scale=0.01),"
        "polymer_spectra(3, step_per_cm=20.0))];"
        "print(h.hexdigest())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    here = hashlib.sha256()
    for signal in (
        hydrogel_impedance(3, repeat=0),
        white_lines(3, scale=0.01),
        polymer_spectra(3, step_per_cm=20.0),
    ):
        here.update(np.ascontiguousarray(signal.data).tobytes())
    assert done.stdout.strip().splitlines()[-1] == here.hexdigest()


def test_importing_is_cheap():
    code = (
        "import sys; import hs_specaug.datasets;"
        "print([m for m in ('torch', 'hyperspy', 'exspy', 'dask', 'matplotlib')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "function", [hydrogel_impedance, white_lines, core_shell_map, polymer_spectra]
)
def test_made_within_two_seconds(function):
    function()  # the first call also imports
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 2.0


def test_hspy_round_trip(case, tmp_path):
    function, arguments, signal_type = case
    signal = function(**arguments)
    signal.save(tmp_path / "data.hspy")
    loaded = hs.load(tmp_path / "data.hspy")
    assert loaded.metadata.Signal.signal_type == signal_type
    assert np.array_equal(loaded.data, _values(signal))
    assert list(loaded.metadata.SpecAug.classes) == list(signal.metadata.SpecAug.classes)
    assert np.array_equal(loaded.metadata.SpecAug.labels, signal.metadata.SpecAug.labels)
    truth = signal.metadata.SpecAug.truth.as_dictionary()
    loaded_truth = loaded.metadata.SpecAug.truth.as_dictionary()
    assert truth.keys() == loaded_truth.keys()
    for key, value in truth.items():
        assert np.array_equal(value, loaded_truth[key])


class TestHydrogel:
    @pytest.mark.parametrize(
        ("variant", "solution", "gel"),
        [("pluronic-f127", 181, 107), ("alpha-cyclodextrin", 94, 194)],
    )
    def test_classes_and_groups(self, variant, solution, gel):
        signal = hydrogel_impedance(variant=variant)
        assert signal.data.shape == (288, 800)
        assert _counts(signal) == {"solution": solution, "gel": gel}
        assert np.unique(signal.groups, return_counts=True)[1].tolist() == [96, 96, 96]
        assert signal.axes_manager.signal_axes[0].axis[[0, -1]].tolist() == [1.0, 800.0]

    def test_a_repeat_is_a_part_of_the_whole(self):
        whole = hydrogel_impedance(4)
        for k, ends in enumerate([(26_013.75, 37_000.0), (27_016.25, 40_000.0), (31_012.5, 41e3)]):
            part = hydrogel_impedance(4, repeat=k)
            assert np.array_equal(part.data, whole.data[96 * k : 96 * (k + 1)])
            axis = part.axes_manager.signal_axes[0]
            assert axis.units == "Hz"
            np.testing.assert_allclose(axis.axis[[0, -1]], ends)
            truth = whole.metadata.SpecAug.truth.frequency_range_Hz
            np.testing.assert_allclose(truth[k], ends)

    def test_gel_begins_at_the_inflection(self):
        signal = hydrogel_impedance(repeat=0)
        truth = signal.metadata.SpecAug.truth
        assert truth.concentration_units == "wt%"
        np.testing.assert_allclose(truth.concentration[[0, -1]], [0.3125, 30.0])
        assert np.array_equal(signal.labels == 1, truth.concentration > truth.inflection[0])

    @pytest.mark.parametrize(
        ("arguments", "text"),
        [
            ({"variant": "agar"}, "variant must be one of 'pluronic-f127'"),
            ({"repeat": 3}, "repeat must be one of 0, 1, 2, got 3"),
            ({"noise": -1}, "noise must be a number in"),
        ],
    )
    def test_bad_argument_is_named(self, arguments, text):
        with pytest.raises(ValueError, match=text):
            hydrogel_impedance(**arguments)


class TestWhiteLines:
    def test_sizes_of_the_paper(self):
        assert list(_counts(white_lines(scale=1.0)).values()) == [2744, 1350, 992, 841, 1260]
        assert list(_counts(white_lines()).values()) == [274, 135, 99, 84, 126]

    def test_signal_to_noise_of_the_paper(self):
        signal = white_lines(1, scale=0.2)
        for code, expected in enumerate(signal.metadata.SpecAug.truth.signal_to_noise):
            found = _eels_model.signal_to_noise(signal.data[signal.labels == code])
            assert found == pytest.approx(expected, rel=0.12)

    @pytest.mark.parametrize(
        ("element", "offset", "scale"), [("Fe", 612.5, 0.25), ("Mn", 615.0, 0.1)]
    )
    def test_energy_axis(self, element, offset, scale):
        axis = white_lines(scale=0.01, element=element).axes_manager.signal_axes[0]
        assert (axis.size, axis.offset, axis.scale, axis.units) == (700, offset, scale, "eV")

    def test_an_element_is_a_part_of_the_whole(self):
        whole, part = white_lines(2, scale=0.02), white_lines(2, scale=0.02, element="Mn")
        assert np.array_equal(whole.data[np.asarray(whole.labels) >= 2], part.data)

    def test_every_session_has_all_classes_of_its_element(self):
        signal = white_lines(scale=0.02)
        sessions = np.asarray(signal.groups)
        for session in np.unique(sessions):
            codes = set(np.asarray(signal.labels)[sessions == session].tolist())
            assert codes == ({0, 1} if str(session).startswith("Fe") else {2, 3, 4})

    def test_raw_counts_are_poisson_counts(self):
        raw = white_lines(scale=0.02, raw=True, element="Mn").data
        assert np.array_equal(raw, np.round(raw))
        assert raw.min() >= 0

    def test_dose_reduces_the_noise(self):
        low, high = (white_lines(scale=0.02, dose=d, element="Mn") for d in (0.2, 20.0))
        first = np.asarray(low.labels) == 0
        assert _eels_model.signal_to_noise(low.data[first]) < _eels_model.signal_to_noise(
            high.data[first]
        )

    @pytest.mark.parametrize(
        ("arguments", "text"),
        [
            ({"element": "Co"}, "element must be one of None, 'Fe', 'Mn', got 'Co'"),
            ({"scale": 0}, "scale must be a number in"),
            ({"dose": "high"}, "dose must be a number in"),
            ({"raw": 1}, "raw must be one of False, True, got 1"),
        ],
    )
    def test_bad_argument_is_named(self, arguments, text):
        with pytest.raises(ValueError, match=text):
            white_lines(**arguments)


class TestCoreShellMap:
    def test_axes_and_labels(self):
        signal = core_shell_map(pixel_nm=2.0)
        assert [axis.units for axis in signal.axes_manager.navigation_axes] == ["nm", "nm"]
        assert [axis.name for axis in signal.axes_manager.navigation_axes] == ["x", "y"]
        assert [axis.scale for axis in signal.axes_manager.navigation_axes] == [2.0, 2.0]
        truth = np.asarray(signal.metadata.SpecAug.truth.labels)
        labels = np.asarray(signal.labels)
        assert np.array_equal(labels[labels >= 0], truth[labels >= 0])
        assert np.mean(labels >= 0) == pytest.approx(0.15, abs=0.01)
        assert np.bincount(truth.ravel()).size == 3

    @pytest.mark.parametrize("chunks", [(5, 7), (16, 16), (1, 12)])
    def test_lazy_is_the_same_however_it_is_chunked(self, chunks):
        arguments = {"shape": (10, 12), "material": "iron-manganese"}
        lazy = core_shell_map(2, lazy=True, chunks=chunks, **arguments)
        assert lazy._lazy
        assert lazy.data.chunks[-1] == (2048,)
        assert np.array_equal(_values(lazy), core_shell_map(2, **arguments).data)

    def test_particles_scatter_more_than_the_film(self):
        signal = core_shell_map()
        total = signal.data.sum(axis=-1)
        truth = np.asarray(signal.metadata.SpecAug.truth.labels)
        assert total[truth == 1].min() > total[truth == 0].max()

    @pytest.mark.parametrize(
        ("arguments", "text"),
        [
            ({"shape": (4, 10)}, r"shape must be two integers of at least 8"),
            ({"chunks": 4}, r"chunks must be two integers of at least 1"),
            ({"labelled_fraction": 1.5}, r"labelled_fraction must be a number in \[0, 1\]"),
            ({"material": "gold"}, r"material must be one of 'iron-oxide', 'iron-manganese'"),
        ],
    )
    def test_bad_argument_is_named(self, arguments, text):
        with pytest.raises(ValueError, match=text):
            core_shell_map(**arguments)


class TestPolymers:
    def test_axis_classes_and_groups(self):
        signal = polymer_spectra()
        axis = signal.axes_manager.signal_axes[0]
        assert signal.data.shape == (210, 1651)
        assert axis.axis[[0, -1]].tolist() == [975.0, 1800.0]
        counts = _counts(signal)
        assert (min(counts.values()), max(counts.values())) == (5, 38)
        for code in range(10):
            groups = np.asarray(signal.groups)[np.asarray(signal.labels) == code]
            assert np.unique(groups).size == 4

    @pytest.mark.parametrize("arguments", [{"step_per_cm": 0}, {"noise": None}])
    def test_bad_argument_is_named(self, arguments):
        with pytest.raises(ValueError, match=f"{next(iter(arguments))} must be a number in"):
            polymer_spectra(**arguments)


@pytest.mark.parametrize(
    ("function", "arguments", "low"),
    [
        (hydrogel_impedance, {}, 0.8),
        (hydrogel_impedance, {"variant": "alpha-cyclodextrin"}, 0.7),
        (white_lines, {}, 0.8),
        (polymer_spectra, {}, 0.8),
    ],
)
def test_neither_trivial_nor_hopeless(function, arguments, low):
    signal = function(**arguments)
    classifier = make_pipeline(PCA(20), StandardScaler(), LogisticRegression(max_iter=3000))
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    predicted = cross_val_predict(classifier, signal.data, signal.labels, cv=folds)
    assert low < f1_score(signal.labels, predicted, average="macro") < 0.99


def test_core_shell_map_is_neither_trivial_nor_hopeless():
    signal = core_shell_map()
    spectra = signal.data.reshape(-1, signal.data.shape[-1])
    labels = np.ravel(signal.labels)
    truth = np.ravel(signal.metadata.SpecAug.truth.labels)
    known = labels >= 0
    classifier = make_pipeline(PCA(15), StandardScaler(), LogisticRegression(max_iter=3000))
    predicted = classifier.fit(spectra[known], labels[known]).predict(spectra[~known])
    assert 0.8 < f1_score(truth[~known], predicted, average="macro") < 0.99
