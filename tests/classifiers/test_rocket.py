"""Random convolution kernels and a ridge; pyts compiles for some seconds when it is imported."""

import builtins
import pickle
import subprocess
import sys

import numpy as np
import pytest
from sklearn.linear_model import RidgeClassifier, RidgeClassifierCV
from sklearn.model_selection import LeaveOneOut, cross_val_predict

from hs_specaug.classifiers import RocketClassifier
from hs_specaug.classifiers._temperature import decision_columns, most_likely_temperature

pyts_transformation = pytest.importorskip(
    "pyts.transformation", reason='needs pyts; install "hs_specaug[rocket]"'
)


def waves(n, seed, n_classes=2, length=40, noise=0.3):
    """Waves whose frequency is the class and whose phase is random: no point tells them apart."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % n_classes
    phase = rng.uniform(0, 2 * np.pi, (n, 1))
    X = np.sin(np.linspace(0, 12, length) * (1 + y[:, None]) + phase)
    return X + noise * rng.standard_normal(X.shape), np.array(["a", "b", "c"])[y]


@pytest.fixture(scope="module")
def fitted():
    return RocketClassifier(200, random_state=0).fit(*waves(60, 0, 3))


def test_recognises_what_has_no_fixed_place(fitted):
    X, y = waves(90, 1, 3)
    assert fitted.score(X, y) > 0.9
    far = RidgeClassifier().fit(*waves(60, 0, 3)).score(X, y)
    assert fitted.score(X, y) > far + 0.2


def test_features_are_maximum_and_positive_share_of_each_response(fitted):
    """The definition of Dempster et al., response by response."""
    X = waves(60, 0, 3)[0]
    z = (X - X.mean()) / X.std()
    (kernels,) = fitted.kernels_
    expected = np.empty((60, 400))
    for k in range(200):
        size, gap = kernels.length_[k], kernels.dilation_[k]
        edge = kernels.padding_[k]
        padded = np.pad(z, ((0, 0), (edge, edge)))
        span = (size - 1) * gap
        response = kernels.bias_[k] + sum(
            kernels.weights_[k, j] * padded[:, j * gap : padded.shape[1] - span + j * gap]
            for j in range(size)
        )
        expected[:, 2 * k] = response.max(axis=1)
        expected[:, 2 * k + 1] = (response > 0).mean(axis=1)
    deviation = expected.std(axis=0)
    standardised = (expected - expected.mean(axis=0)) / np.where(deviation > 0, deviation, 1)
    np.testing.assert_allclose(fitted.features(X), standardised, atol=1e-3)
    assert fitted.features(X).dtype == np.float32
    assert set(kernels.length_.tolist()) == {7, 9, 11}


@pytest.mark.parametrize("class_weight", [None, "balanced"])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_decisions_are_those_of_scikit_learns_ridge(n_classes, class_weight):
    X, y = waves(40, 0, n_classes)
    rare = np.r_[np.flatnonzero(y != "a"), np.flatnonzero(y == "a")[:4]]
    X, y = X[rare], y[rare]
    ours = RocketClassifier(60, class_weight=class_weight, random_state=0).fit(X, y)
    features = ours.features(X).astype(float)
    theirs = RidgeClassifierCV(ours.alphas, class_weight=class_weight).fit(features, y)
    assert ours.alpha_ == theirs.alpha_
    np.testing.assert_allclose(
        ours.decision_function(X), theirs.decision_function(features), atol=1e-5
    )


@pytest.mark.parametrize("n_classes", [2, 3])
def test_temperature_is_that_of_rows_left_out_one_by_one(n_classes):
    X, y = waves(30, 3, n_classes, noise=1.5)
    ours = RocketClassifier(60, random_state=0).fit(X, y)
    left_out = cross_val_predict(
        RidgeClassifier(ours.alpha_),
        ours.features(X).astype(float),
        y,
        cv=LeaveOneOut(),
        method="decision_function",
    )
    codes = np.searchsorted(ours.classes_, y)
    expected = most_likely_temperature(decision_columns(left_out), codes)
    assert 0.06 < expected < 19  # not an end of the search
    assert ours.temperature_ == pytest.approx(expected, rel=1e-3)


def test_most_likely_temperature_of_a_case_by_hand():
    # Three of four rows right by 1: the likelihood is largest where 1 / (1 + e^(-1/T)) = 3/4.
    decision = np.array([[0.0, 1.0]] * 4)
    assert most_likely_temperature(decision, np.array([1, 1, 1, 0])) == pytest.approx(
        1 / np.log(3), rel=1e-3
    )


def test_probabilities_agree_with_predictions_and_are_calibrated():
    X, y = waves(120, 5, 3, noise=1.8)
    classifier = RocketClassifier(200, random_state=0).fit(X[:60], y[:60])
    p = classifier.predict_proba(X[60:])
    np.testing.assert_allclose(p.sum(axis=1), 1.0)
    np.testing.assert_array_equal(classifier.classes_[p.argmax(axis=1)], classifier.predict(X[60:]))
    assert 0.4 < classifier.score(X[60:], y[60:]) < 0.99
    assert p.max(axis=1).mean() == pytest.approx(classifier.score(X[60:], y[60:]), abs=0.12)


def test_every_channel_has_kernels_and_a_scale_of_its_own():
    X, y = waves(40, 0)
    noise = np.random.default_rng(1).standard_normal(X.shape)
    both = np.stack([1e4 * noise + 5e5, X], axis=1)
    classifier = RocketClassifier(101, random_state=0).fit(both, y)
    assert [len(k.length_) for k in classifier.kernels_] == [51, 50]
    assert not np.array_equal(classifier.kernels_[0].bias_[:50], classifier.kernels_[1].bias_)
    assert classifier.score(np.stack([both[:, 0], waves(40, 0)[0]], axis=1), y) > 0.9
    test = np.stack([1e4 * noise[::-1] + 5e5, waves(40, 7)[0]], axis=1)
    assert classifier.score(test, waves(40, 7)[1]) > 0.8
    one = RocketClassifier(50, random_state=0)
    np.testing.assert_array_equal(
        one.fit(X[:, None], y).predict(X[:, None]), one.fit(X, y).predict(X)
    )


def test_units_of_the_data_do_not_matter(fitted):
    X, y = waves(60, 0, 3)
    counts = RocketClassifier(200, random_state=0).fit(1e4 * X + 3e4, y)
    np.testing.assert_allclose(
        counts.predict_proba(1e4 * X + 3e4), fitted.predict_proba(X), atol=1e-3
    )


@pytest.mark.parametrize("length", [1, 2, 7, 10])
def test_short_rows(length):
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], 20)
    X = rng.normal(size=(40, length)) + 4.0 * y[:, None]
    assert RocketClassifier(50, random_state=0).fit(X, y).score(X, y) > 0.9


def test_one_row_of_a_class_and_constant_rows():
    X, y = waves(21, 0)
    y[:] = "a"
    y[3] = "b"
    classifier = RocketClassifier(50, random_state=0).fit(X, y)
    assert classifier.predict(X[:2]).tolist() == ["a", "a"]
    flat = RocketClassifier(20, random_state=0).fit(np.ones((6, 12)), [0, 1] * 3)
    np.testing.assert_allclose(flat.predict_proba(np.ones((1, 12))), [[0.5, 0.5]])


def test_seed_is_the_only_source_of_chance(no_global_rng, fitted):
    X, y = waves(60, 0, 3)
    again = RocketClassifier(200, random_state=0).fit(X, y)
    np.testing.assert_array_equal(again.decision_function(X), fitted.decision_function(X))
    other = RocketClassifier(200, random_state=1).fit(X, y)
    assert not np.allclose(other.features(X), fitted.features(X))


def test_a_row_gets_the_same_alone_and_in_a_map(fitted, monkeypatch):
    from hs_specaug.classifiers import _rocket

    X = waves(30, 2, 3)[0]
    whole = fitted.predict_proba(X)
    monkeypatch.setattr(_rocket, "ROWS_AT_ONCE", 7)
    np.testing.assert_allclose(fitted.predict_proba(X), whole, atol=1e-6)
    np.testing.assert_allclose(fitted.predict_proba(X[4:5]), whole[4:5], atol=1e-6)


def test_predicts_after_a_journey(fitted):
    """Arrays that come from another process are read-only."""
    X = waves(9, 0, 3)[0]
    buffers = []
    data = pickle.dumps(fitted, protocol=5, buffer_callback=buffers.append)
    copy = pickle.loads(data, buffers=[memoryview(bytes(b.raw())).toreadonly() for b in buffers])
    np.testing.assert_array_equal(copy.predict_proba(X), fitted.predict_proba(X))


@pytest.mark.parametrize(
    ("options", "shape", "message"),
    [
        ({}, (6, 1, 16, 16), r"rocket takes spectra.*got images \(6, 1, 16, 16\); .*'cnn'"),
        ({"alphas": (1.0, -1.0)}, (6, 16), "alphas must be a sequence of positive numbers"),
        ({"alphas": ()}, (6, 16), "alphas must be"),
        ({"n_kernels": 0}, (6, 16), "'n_kernels' parameter"),
        ({"n_kernels": 2}, (6, 3, 16), "at least one per channel, got 2 for 3"),
    ],
)
def test_bad_arguments(options, shape, message):
    X = np.random.default_rng(0).normal(size=shape)
    with pytest.raises(ValueError, match=message):
        RocketClassifier(**{"n_kernels": 10, **options}).fit(X, [0, 1] * 3)


def test_rows_of_another_shape_are_refused(fitted):
    with pytest.raises(ValueError, match=r"\(40, 2\).*\(40,\)"):
        fitted.predict(np.zeros((3, 40, 2)))
    with pytest.raises(ValueError, match="expecting 40 features"):
        fitted.predict(np.zeros((3, 20)))


def test_without_pyts_the_extra_is_named(monkeypatch):
    original = builtins.__import__

    def without_pyts(name, *args, **kwargs):
        if name.startswith("pyts"):
            raise ImportError("no pyts")
        return original(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_pyts)
    with pytest.raises(ImportError, match=r"hs_specaug\[rocket\]"):
        RocketClassifier(10).fit(*waves(6, 0))


@pytest.mark.parametrize("alphas", [["a"], [np.inf], [np.nan], [[1.0, 2.0]], []])
def test_strengths_that_cannot_be(alphas):
    X, y = np.zeros((4, 20)), [0, 1, 0, 1]
    with pytest.raises(ValueError, match="alphas must be a sequence of positive numbers"):
        RocketClassifier(10, alphas=alphas).fit(X, y)


def test_compiling_leaves_numba_as_it_was():
    code = (
        "import numba\n"
        "njit = numba.njit\n"
        "from hs_specaug.classifiers._rocket import _rocket\n"
        "rocket = _rocket()\n"
        "assert numba.njit is njit\n"
        "from pyts.transformation._rocket import apply_all_kernels\n"
        "assert type(apply_all_kernels._cache).__name__ == 'FunctionCache'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
