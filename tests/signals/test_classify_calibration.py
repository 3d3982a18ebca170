"""classify: calibrated maps, prediction sets, what is not sure, and files of all of it."""

import json

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hyperspy.api import signals as hs_signals
from sklearn.linear_model import LogisticRegression

import hs_specaug
from hs_specaug import ClassificationResult
from hs_specaug.exceptions import FewSamplesWarning

pytestmark = pytest.mark.filterwarnings("ignore::hs_specaug.exceptions.FewSamplesWarning")
LINEAR = LogisticRegression(C=100.0)


def make_map(lazy=False, noise=0.5):
    """A 12 × 16 map; a quarter is particle, hard to tell from the matrix in the noise."""
    rng = np.random.default_rng(0)
    truth = np.zeros((12, 16), dtype=bool)
    truth[3:9, 4:12] = True
    energy = np.linspace(0, 1, 8)
    centre = np.where(truth, 0.55, 0.45)[..., None]
    data = np.exp(-((energy - centre) ** 2) / 0.05) + noise * rng.standard_normal((12, 16, 8))
    s = hs_signals.Signal1D(data.astype("f4"))
    x, y = s.axes_manager.navigation_axes
    x.name, x.units, y.name, y.units = "x", "nm", "y", "nm"
    s.set_signal_type("spectrum_specaug")
    if lazy:
        s = s.as_lazy(chunks=(5, 8, -1))
    codes = np.where(rng.random((12, 16)) < 0.6, truth, -1)
    codes[0, 0] = -1
    s.set_labels(codes, classes=["matrix", "particle", "never seen"])
    return s, truth


OPTIONS = {
    "augmentation": "smote",
    "calibration": "temperature",
    "confidence": 0.8,
    "random_state": 0,
    "show_progressbar": False,
}


@pytest.fixture(scope="module")
def result():
    return make_map()[0].classify(LINEAR, **OPTIONS)


def test_probabilities_are_those_of_the_calibration(result):
    s, _ = make_map()
    given = result.model.predict_proba(s.data.reshape(-1, 1, 8))
    found = result.calibration
    assert found.labels == ("matrix", "particle", "never seen")
    spread = np.zeros((len(given), 3))
    spread[:, :2] = given
    np.testing.assert_allclose(
        result.probability.data.reshape(-1, 3), found.apply(spread), atol=1e-6
    )
    np.testing.assert_allclose(result.probability.data.sum(axis=-1), 1.0, atol=1e-6)
    shares = s.class_counts()
    total = sum(shares.values())
    np.testing.assert_allclose(found.prior[:2], [shares[k] / total for k in ("matrix", "particle")])
    np.testing.assert_allclose(found.training_prior, [0.5, 0.5, 0.0])


def test_label_map_stays_the_decision_of_the_classifier(result):
    s, _ = make_map()
    own = result.model.predict(s.data.reshape(-1, 1, 8))
    names = np.array(result.classes)[result.label_map.data.ravel()]
    np.testing.assert_array_equal(names, own)
    # Here the most probable class is another one at some positions, and decision="bayes" takes it.
    bayes = s.classify(LINEAR, **OPTIONS, decision="bayes")
    np.testing.assert_array_equal(bayes.probability.data, result.probability.data)
    np.testing.assert_array_equal(bayes.label_map.data, bayes.probability.data.argmax(axis=-1))
    assert (bayes.label_map.data == 1).sum() < (result.label_map.data == 1).sum()
    assert bayes.report.scores["recall"][1] <= result.report.scores["recall"][1]


@pytest.mark.parametrize("decision", ["classifier", "balanced", "bayes"])
def test_lazy_maps_are_the_same(decision):
    options = {**OPTIONS, "decision": decision}
    eager = make_map()[0].classify(LINEAR, **options)
    lazy = make_map(lazy=True)[0].classify(LINEAR, **options)
    assert lazy.probability._lazy
    assert lazy.prediction_sets._lazy
    assert lazy.not_sure._lazy
    for name in ("label_map", "probability", "prediction_sets", "not_sure"):
        np.testing.assert_array_equal(
            np.asarray(getattr(lazy, name).data), getattr(eager, name).data
        )
    assert repr(lazy.report) == repr(eager.report)
    plt.close(lazy.plot_map()[0].figure)
    assert not lazy.label_map._lazy
    np.testing.assert_array_equal(lazy.label_map.data, eager.label_map.data)
    lazy.compute(show_progressbar=False)
    np.testing.assert_array_equal(lazy.label_map.data, eager.label_map.data)


def test_known_shares():
    s, _ = make_map()
    options = {"augmentation": "smote", "random_state": 0, "show_progressbar": False}
    plain = s.classify(LINEAR, **options, prior="training")
    found = s.classify(LINEAR, **options, prior={"matrix": 99, "particle": 1})
    p, q = plain.probability.data[..., :2].astype(float), found.probability.data[..., :2]
    weighted = p * [0.99, 0.01]
    np.testing.assert_allclose(q, weighted / weighted.sum(axis=-1, keepdims=True), rtol=1e-4)
    np.testing.assert_array_equal(found.label_map.data, plain.label_map.data)
    np.testing.assert_allclose(
        plain.probability.data[..., :2].reshape(-1, 2),
        plain.model.predict_proba(s.data.reshape(-1, 1, 8)),
        atol=1e-6,
    )
    uniform = s.classify(LINEAR, **options, prior="uniform")
    np.testing.assert_allclose(uniform.probability.data, plain.probability.data, atol=1e-6)


def test_sets_and_what_is_not_sure(result):
    sets, unsure = result.prediction_sets, result.not_sure
    assert sets.data.dtype == bool
    assert sets.axes_manager.navigation_shape == (16, 12)
    assert not sets.data[..., 2].any()  # nothing is known of a class that was never seen
    np.testing.assert_array_equal(unsure.data, sets.data.sum(axis=-1) != 1)
    assert unsure.axes_manager.signal_axes[0].units == "nm"
    assert 0.02 < unsure.data.mean() < 0.98
    np.testing.assert_array_equal(
        sets.data[..., :2], result.probability.data[..., :2] >= result.calibration.thresholds[:2]
    )
    assert f"not sure at {unsure.data.mean():.1%}" in repr(result)
    coverage = result.report.calibration.coverage
    assert coverage.shape == (2,)
    assert (coverage > 0.5).all()


def test_positions_without_data_are_neither_sure_nor_unsure():
    s, _ = make_map()
    s.data[0, 0, 2] = np.nan
    found = s.classify(LINEAR, **OPTIONS)
    assert found.label_map.data[0, 0] == -1
    assert (found.label_map.data.ravel()[1:] >= 0).all()
    assert not found.not_sure.data[0, 0]
    assert not found.prediction_sets.data[0, 0].any()


def test_rare_classes_are_in_every_set():
    s, _ = make_map()
    codes = np.array(s.labels)
    particle = np.argwhere(codes == 1)
    codes[tuple(particle[6:].T)] = -1
    s.set_labels(codes, classes=s.classes)
    with pytest.warns(FewSamplesWarning, match=r"need 9 measured rows.*'particle': 6"):
        found = s.classify(LINEAR, confidence=0.9, random_state=0, show_progressbar=False)
    assert found.prediction_sets.data[..., 1].all()
    np.testing.assert_array_equal(found.not_sure.data, found.prediction_sets.data[..., 0])


def test_the_plot_shows_what_is_not_sure(result):
    panels = result.plot_map()
    legend = [text.get_text() for text in panels[0].get_legend().get_texts()]
    assert legend[-1] == f"not sure ({result.not_sure.data.sum()})"
    hatched = [c for c in panels[0].collections if c.get_hatch()]
    assert len(hatched) == 1
    shown = panels[1].collections[0].get_array().ravel()
    assigned = np.take_along_axis(
        result.probability.data, result.label_map.data[..., np.newaxis].astype(int), axis=-1
    )
    np.testing.assert_allclose(shown, assigned.ravel())
    plt.close(panels[0].figure)
    ax = result.plot_reliability()
    assert ax.get_ylabel() == "share of rows of this class"
    plt.close(ax.figure)


def test_a_line_of_positions_is_drawn_too():
    s, _ = make_map()
    panels = s.inav[:, 5].classify(LINEAR, confidence=0.6, random_state=0).plot_map()
    assert "not sure" in panels[0].get_legend().get_texts()[-1].get_text()
    plt.close(panels[0].figure)


def test_there_and_back(result, tmp_path):
    loaded = ClassificationResult.load(result.save(tmp_path / "map.hspy"))
    assert repr(loaded) == repr(result)
    for name in ("label_map", "probability", "prediction_sets", "not_sure"):
        np.testing.assert_array_equal(getattr(loaded, name).data, getattr(result, name).data)
    assert loaded.calibration.to_dict() == result.calibration.to_dict()


def test_files_of_before_are_still_read(result, tmp_path):
    signal = result.probability.deepcopy()
    report = {k: v for k, v in result.report.to_dict().items() if k != "calibration"}
    record = {
        "report": report,
        "classes": list(result.classes),
        "classifier": "LogisticRegression",
        "augmentation": "smote",
    }
    signal.metadata.set_item("SpecAug.result", json.dumps(record))
    signal.save(tmp_path / "old.hspy")
    old = ClassificationResult.load(tmp_path / "old.hspy")
    assert old.calibration is None
    np.testing.assert_array_equal(old.label_map.data, signal.data.argmax(axis=-1))
    plt.close(old.plot_map()[0].figure)
    with pytest.raises(ValueError, match="earlier version"):
        old.plot_reliability()
    with pytest.raises(ValueError, match=r"confidence=0\.9"):
        old.prediction_sets


def test_same_seed_same_sets(result):
    again = make_map()[0].classify(LINEAR, **OPTIONS)
    np.testing.assert_array_equal(again.probability.data, result.probability.data)
    np.testing.assert_array_equal(again.prediction_sets.data, result.prediction_sets.data)
    assert repr(again) == repr(result)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"prior": {"matrix": 1.0}}, r"none for \['particle'\]; for equal shares"),
        ({"prior": {"matrix": 0.5, "particel": 0.5}}, r"shares for \['particel'\]"),
        ({"prior": "flat"}, "prior must be one of"),
        ({"calibration": "isotonic"}, "calibration must be 'temperature' or None"),
        ({"decision": "best"}, "decision must be one of"),
        ({"confidence": 1.5}, "confidence must be a number between 0 and 1"),
    ],
)
def test_errors_come_before_any_training(arguments, message):
    class Never(LogisticRegression):
        def fit(self, X, y):
            raise AssertionError

    with pytest.raises(ValueError, match=message):
        make_map()[0].classify(Never(), **arguments)


def test_search_that_oversamples_is_corrected_too():
    s = hs_specaug.datasets.polymer_spectra(step_per_cm=32.0)
    search = hs_specaug.strategies.StrategySearch(
        ["gain"], "GaussianNB", repetitions=2, compare_with=(), random_state=0
    )
    found = s.classify(search, random_state=0).calibration
    np.testing.assert_allclose(found.training_prior, 1 / len(s.classes))
    assert np.ptp(found.prior) > 0


def test_a_lazy_result_is_described_after_its_plot(tmp_path):
    lazy = make_map(lazy=True)[0].classify(LINEAR, **OPTIONS)
    plt.close(lazy.plot_map()[0].figure)
    assert not lazy.label_map._lazy
    assert lazy.not_sure._lazy
    assert repr(lazy).endswith("prediction sets at 80%")


def test_confidence_of_any_float_type_is_kept_and_shown_whole(tmp_path):
    s, _ = make_map()
    result = s.classify(LINEAR, confidence=np.float32(0.995), random_state=0)
    assert "prediction sets at 99.5%" in repr(result)
    assert result.not_sure.metadata.General.title == "not sure at 99.5%"
    loaded = ClassificationResult.load(result.save(tmp_path / "map.hspy"))
    assert loaded.calibration.confidence == result.calibration.confidence
