"""The protocol of paper 002: who sees which rows, and what is counted."""

import math

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

import hs_specaug
from hs_specaug.evaluation import (
    Split,
    make_splits,
    measured_noise,
    noise_only,
    train_on_synthetic,
)
from hs_specaug.exceptions import LeakageError


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    y = np.repeat(["a", "b", "c"], [60, 40, 20])
    height = {"a": 0.0, "b": 3.0, "c": 6.0}
    X = rng.normal(size=(120, 12)) + np.array([[height[label]] for label in y])
    return X.astype("f4"), y


class Spy(KNeighborsClassifier):
    """Remembers what it was trained on and asked for."""

    calls: list = []  # noqa: RUF012

    def fit(self, X, y):
        Spy.calls.append(("fit", X.copy(), y.copy()))
        return super().fit(X, y)

    def predict(self, X):
        Spy.calls.append(("predict", X.copy()))
        return super().predict(X)


@pytest.fixture
def spy():
    Spy.calls = []
    return Spy(3)


def test_fifteen_percent_train_the_generator_and_the_rest_is_scored(data, spy):
    X, y = data
    generator = noise_only(X, random_state=0)
    result = train_on_synthetic(X, y, generator, {"knn": spy}, random_state=0)
    train, test = result.split
    assert sorted([*train, *test]) == list(range(120))
    assert {label: int((y[train] == label).sum()) for label in "abc"} == {"a": 9, "b": 6, "c": 3}
    seen = {row.tobytes() for row in X[train]}
    assert not hasattr(generator, "classes_")  # a clone was fitted
    assert len(result.generator.fingerprint_) == len(train)
    (_, fitted, labels), (_, asked) = Spy.calls
    # No real row trains the classifier; every class has as many as the largest has to be scored.
    assert not seen & {row.tobytes() for row in fitted.astype("f4")}
    assert {label: int((labels == label).sum()) for label in "abc"} == dict.fromkeys("abc", 51)
    np.testing.assert_array_equal(asked, X[test])


def test_accuracy_and_column_normalised_confusion_by_hand(data):
    X, y = data
    result = train_on_synthetic(
        X, y, noise_only(X), {"knn": KNeighborsClassifier(1)}, n_per_class=20, random_state=1
    )
    predicted = KNeighborsClassifier(1).fit(*result.synthetic).predict(X[result.split.test])
    truth = y[result.split.test]
    assert result.accuracy("knn") == pytest.approx(np.mean(predicted == truth))
    share = result.reports["knn"].normalised_confusion("predicted")
    for j, label in enumerate("abc"):
        right = np.mean(truth[predicted == label] == label)
        assert share[j, j] == pytest.approx(right)
    # Wilson (1927), written down.
    p, n, z = result.accuracy("knn"), len(truth), 1.959964
    middle, root = p + z**2 / (2 * n), z * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    expected = [(middle - root) / (1 + z**2 / n), (middle + root) / (1 + z**2 / n)]
    np.testing.assert_allclose(result.accuracy_interval("knn"), expected, atol=1e-6)
    assert f"accuracy {p:.1%}" in repr(result)


def test_same_seed_same_result(data):
    X, y = data
    knn = {"knn": KNeighborsClassifier(3)}
    one, same, other = (
        train_on_synthetic(X, y, noise_only(X), knn, random_state=seed) for seed in (5, 5, 6)
    )
    np.testing.assert_array_equal(one.synthetic[0], same.synthetic[0])
    np.testing.assert_array_equal(one.split.train, same.split.train)
    assert not np.array_equal(one.split.train, other.split.train)


def test_a_fitted_generator_must_not_know_the_scored_rows(data):
    X, y = data
    split = make_splits(y, test_size=0.5, random_state=0)[0]
    knn = {"knn": KNeighborsClassifier(3)}
    honest = noise_only(X).fit(X[split.train], y[split.train])
    result = train_on_synthetic(X, y, honest, knn, split=split, refit=False, random_state=0)
    assert result.generator is honest
    cheat = noise_only(X).fit(X, y)
    with pytest.raises(LeakageError, match="60 of the 60 rows"):
        train_on_synthetic(X, y, cheat, knn, split=split, refit=False)
    with pytest.raises(ValueError, match="needs the split"):
        train_on_synthetic(X, y, honest, knn, refit=False)


def test_bad_requests_are_named(data):
    X, y = data
    knn = {"knn": KNeighborsClassifier(1)}
    with pytest.raises(ValueError, match="share must be between 0 and 1"):
        train_on_synthetic(X, y, noise_only(X), knn, share=1.5)
    known = Split(np.flatnonzero(y != "c"), np.flatnonzero(y == "c"))
    with pytest.raises(ValueError, match=r"\['c'\] are scored but not trained"):
        train_on_synthetic(X, y, noise_only(X), knn, split=known)
    with pytest.raises(ValueError, match="two channels"):
        measured_noise(np.zeros((3, 1)))


def test_channels_reach_those_who_take_them(data):
    X, y = data
    X = np.stack([X, -X], axis=1)
    classifiers = {
        "svm": hs_specaug.make_classifier("svm", C=1.0, gamma=1.0),
        "ann": hs_specaug.make_classifier("ann", max_updates=20, learning_rate=1e-3),
    }
    result = train_on_synthetic(
        X, y, noise_only(X), classifiers, share=0.3, n_per_class=20, random_state=0
    )
    assert result.accuracy("svm") > 0.9
    assert result.accuracy("ann") > 0.5


def test_noise_only_adds_as_much_noise_as_there_is():
    rng = np.random.default_rng(0)
    smooth = np.sin(np.linspace(0, 3, 2000))
    X = smooth + 0.05 * rng.standard_normal((40, 2000))
    assert measured_noise(X) == pytest.approx(0.05, rel=0.03)
    y = np.repeat([0, 1], 20)
    new, _ = noise_only(X, strength=2.0, random_state=0).fit(X, y).sample({0: 40})
    assert measured_noise(new) == pytest.approx(0.05 * math.sqrt(5), rel=0.05)
