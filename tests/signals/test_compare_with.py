"""``compare_with``: labels, axes and what was seen come from the signals."""

import hyperspy.api as hs
import numpy as np
import pytest
from sklearn.tree import DecisionTreeClassifier

from hs_specaug import make_generator
from hs_specaug.datasets import polymer_spectra
from hs_specaug.exceptions import IncompatibleAxisError, IncompatibleSignalError, LeakageError
from hs_specaug.signals import AugmentableImage, AugmentableSpectrum

pytestmark = pytest.mark.usefixtures("no_progressbar")

QUICK = {"metrics": ["fid", "pearson", "peak-position"], "n_repeats": 2, "random_state": 0}


@pytest.fixture
def make_signal(lazy):
    """Make 12 × 10 labelled spectra with a line per class; the first row is unlabelled and NaN."""

    def make(seed=0, offset=500.0):
        rng = np.random.default_rng(seed)
        codes = np.tile([0, 1], 60).reshape(12, 10)
        codes[0] = -1
        energy = 500.0 + 0.5 * np.arange(30)
        centre = np.where(codes == 1, 509.0, 506.0)[..., np.newaxis]
        data = np.exp(-0.5 * (energy - centre) ** 2) + 0.02 * rng.random((12, 10, 30))
        data[0] = np.nan
        s = AugmentableSpectrum(data)
        axis = s.axes_manager.signal_axes[0]
        axis.name, axis.units, axis.offset, axis.scale = "Energy loss", "eV", offset, 0.5
        s.set_labels(codes, classes=["core", "shell"])
        return s.as_lazy() if lazy else s

    return make


def test_a_method_is_trained_on_one_part_and_judged_by_the_other(make_signal):
    s = make_signal()
    report = s.compare_with(
        "smote",
        metrics=["pearson", "peak-position", "memorisation", "usefulness"],
        classifier=DecisionTreeClassifier(max_depth=2),
        n_repeats=2,
        random_state=0,
    )
    assert report.classes == ("core", "shell")
    assert report.n_real.sum() == 55
    assert sum(found.n_training for found in report.memorisation.values()) == 55
    assert report.titles["peak-position"] == "peak position error (eV)"
    assert report.axis.units == "eV"
    assert report.usefulness.n_rows["real"] == 55
    again = s.compare_with(
        make_generator("smote"), metrics=["pearson"], n_repeats=2, random_state=0
    )
    assert again.n_real.tolist() == report.n_real.tolist()


def test_a_fitted_generator_is_judged_by_what_it_has_not_seen(make_signal):
    s = make_signal()
    generator = s.inav[:, :7].train_generator("smote", random_state=0)
    report = s.compare_with(generator, **{**QUICK, "metrics": ["pearson", "memorisation"]})
    assert report.n_real.tolist() == [25, 25]
    assert [found.n_training for found in report.memorisation.values()] == [30, 30]
    everything = s.train_generator("smote", random_state=0)
    with pytest.raises(LeakageError, match=r"seen all 110 labelled rows.*refit=True"):
        s.compare_with(everything)
    assert s.compare_with(everything, refit=True, **QUICK).n_real.sum() == 55
    other = make_signal(seed=1)
    report = other.compare_with(everything, training=s, metrics="memorisation", random_state=0)
    assert report.n_real.tolist() == [55, 55]
    assert [found.n_training for found in report.memorisation.values()] == [55, 55]


def test_an_augmented_signal_is_judged_by_the_spectra_that_are_not_in_it(make_signal):
    s = make_signal()
    augmented = s.inav[:, :7].augment("smote", counts={"core": 20, "shell": 15}, random_state=0)
    report = s.compare_with(augmented, **{**QUICK, "metrics": ["pearson", "memorisation"]})
    assert report.n_real.tolist() == [25, 25]
    assert report.n_synthetic.tolist() == [20, 15]
    assert [found.n_training for found in report.memorisation.values()] == [30, 30]
    assert report.subject.startswith("35 synthetic rows of <")
    with pytest.raises(LeakageError, match=r"all 60 measured rows.*s\.compare_with\('smote'\)"):
        s.inav[:, :7].compare_with(augmented)


def test_any_labelled_signal(make_signal):
    s, other = make_signal(), make_signal(seed=1)
    report = s.compare_with(other, **QUICK)
    assert report.n_synthetic.tolist() == [55, 55]
    assert report.notes == ()
    assert np.isfinite(report.values["peak-position"]).all()
    scaled = s.compare_with(other.inav[:, 1:].preprocess(normalize="max"), **QUICK)
    assert scaled.notes == ("the two signals had different preprocessing",)


def test_axes_and_rows_must_match(make_signal):
    s = make_signal()
    with pytest.raises(IncompatibleAxisError, match=r"calibrations differ.*500 to 514\.5 eV"):
        s.compare_with(make_signal(offset=503.0))
    with pytest.raises(IncompatibleSignalError, match=r"shapes \(30,\) and \(20,\)"):
        s.compare_with(make_signal().isig[:20])
    with pytest.raises(TypeError, match=r"as_augmentable.*set_labels"):
        s.compare_with(hs.signals.Signal1D(np.ones((4, 30))))
    with pytest.raises(TypeError, match="n_per_class goes with a generator"):
        s.compare_with(make_signal(), n_per_class=3)
    generator = make_signal(offset=503.0).train_generator("random")
    with pytest.raises(IncompatibleAxisError):
        s.compare_with(generator)
    bare = make_signal()
    bare.clear_labels()
    with pytest.raises(ValueError, match="no spectrum of this signal is labelled"):
        bare.compare_with("smote")


def test_groups_stay_on_one_side(make_signal):
    s = make_signal()
    s.groups = np.repeat(np.arange(6), 2)[:, np.newaxis] + np.zeros((12, 10), dtype=int)
    report = s.compare_with("random", metrics="pearson", n_repeats=2, random_state=0)
    assert set(report.n_real.tolist()) <= {20, 25, 30}  # whole groups of ten per class
    assert report.notes[0].startswith("no group has rows on both sides")


def test_images(lazy):
    rng = np.random.default_rng(0)
    s = AugmentableImage(rng.random((40, 12, 12)))
    s.set_labels(np.tile([0, 1], 20), classes=["flat", "round"])
    s = s.as_lazy() if lazy else s
    report = s.compare_with("random", metrics=["fid", "diversity"], n_repeats=2, random_state=0)
    assert report.axis is None
    assert report.n_real.sum() == 20


def test_seed_decides(make_signal, no_global_rng):
    s = make_signal()
    first, again, other = (
        s.compare_with("smote", **{**QUICK, "random_state": seed}) for seed in (0, 0, 1)
    )
    assert repr(first) == repr(again)
    assert repr(first) != repr(other)


def test_measured_cube(real_data):
    """A map of iron-oxide cubes, labelled by its O K and Fe L signal, as a user would."""
    s = hs.load(real_data("eels_iron_oxide_nanocube.dm3"), signal_type="EELS_specaug")
    s = s.preprocess(
        background="power-law", fit_range=(470.0, 520.0), crop=(520.0, 760.0), resample=120
    )
    iron = s.isig[708.0:730.0].sum(-1).data
    s.set_labels((iron > np.median(iron)).astype(int), classes=["thin", "thick"])
    report = s.compare_with(
        "few-shot",
        metrics=["fid", "pearson", "memorisation", "peak-position"],
        n_repeats=5,
        random_state=0,
    )
    assert report.titles["peak-position"] == "peak position error (eV)"
    assert all(np.isfinite(v).all() for v in report.values.values())
    assert report.n_real.sum() == pytest.approx(161, abs=2)
    assert report.values["pearson"][1] > 0.8  # thick parts are clear
    assert "Energy loss" in report.plot_flagged(n=1).axes[-1].get_xlabel()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"groups": [1]}, TypeError, "groups are those of the signal"),
        ({"y_training": [1]}, TypeError, "training=signal brings its own labels"),
        ({"metric": "fid"}, TypeError, r"unknown option 'metric' \(did you mean 'metrics'\?\)"),
        ({"y_real": [1]}, TypeError, "unknown option 'y_real'"),
        ({"refit": "no"}, TypeError, "refit must be True or False"),
        ({"n_per_class": 0}, ValueError, "n_per_class must be None or a whole number"),
        ({"n_per_class": "a"}, ValueError, "n_per_class must be None or a whole number"),
        ({"classes": ["typo"]}, ValueError, "classes must be some of"),
        ({"training": np.ones(3)}, TypeError, "^a ndarray has no labels"),
    ],
)
def test_options_are_checked(options, error, message):
    s = polymer_spectra(step_per_cm=32.0)
    with pytest.raises(error, match=message):
        s.compare_with("random", **{"metrics": "pearson", **options})


def test_arrays_are_for_compare():
    s = polymer_spectra(step_per_cm=32.0)
    with pytest.raises(TypeError, match=r"synthetic is an array .*evaluation\.compare"):
        s.compare_with(s.data)
