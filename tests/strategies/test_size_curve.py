"""Score and wall time against rows per class."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.neighbors import KNeighborsClassifier

from hs_specaug.generators import SMOTEGenerator
from hs_specaug.strategies import SizeCurve, oversampling_size_curve

SEEN: list = []


class Counting(ClassifierMixin, BaseEstimator):
    """Note what it is trained on; predict the first class."""

    def fit(self, X, y):
        self.classes_, counts = np.unique(y, return_counts=True)
        SEEN.append((X.copy(), dict(zip(self.classes_.tolist(), counts.tolist(), strict=True))))
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


@pytest.fixture(autouse=True)
def _forget():
    SEEN.clear()


def test_classes_are_filled_up_to_the_size(imbalanced):
    X, y = imbalanced
    oversampling_size_curve(
        X, y, "gain", Counting(), sizes=(10, 40), repetitions=1, test_size=0.5, random_state=0
    )
    assert [counts for _, counts in SEEN] == [
        {"a": 15, "b": 6, "c": 4},
        {"a": 15, "b": 10, "c": 10},
        {"a": 40, "b": 40, "c": 40},
    ]


def test_only_augmented_rows(imbalanced):
    X, y = imbalanced
    oversampling_size_curve(
        X, y, "gain", Counting(), sizes=(3, 20), repetitions=1, only_augmented=True, random_state=0
    )
    assert [set(counts.values()) for _, counts in SEEN[1:]] == [{3}, {20}]
    real = {row.tobytes() for row in X}
    assert not any(row.tobytes() in real for rows, _ in SEEN[1:] for row in rows)


def test_curve_is_reproducible_paired_and_complete(imbalanced):
    def curve():
        classifiers = {"one": KNeighborsClassifier(1), "five": KNeighborsClassifier()}
        return oversampling_size_curve(
            *imbalanced, "gaussian-noise", classifiers, sizes=(30, 10), repetitions=3,
            random_state=0,
        )  # fmt: skip

    first, second = curve(), curve()
    assert first.sizes == (10, 30)
    for name in ("one", "five"):
        assert first.scores[name].shape == first.seconds[name].shape == (2, 3)
        np.testing.assert_array_equal(first.scores[name], second.scores[name])
        assert (first.seconds[name] > 0).all()
    text = repr(first)
    assert "gaussian-noise; real and augmented rows; 3 scores per size" in text
    assert text.count("real only") == 2


def test_folds_and_generators(imbalanced):
    curve = oversampling_size_curve(
        *imbalanced, SMOTEGenerator(k_neighbors=2), KNeighborsClassifier(), sizes=(20,),
        repetitions=2, cv=2, random_state=0,
    )  # fmt: skip
    assert curve.scores["KNeighborsClassifier"].shape == (1, 4)
    assert curve.strategy == "SMOTEGenerator(k_neighbors=2)"


def by_hand(scores, none=(0.5, 0.5), overlap=0.0):
    scores = {"x": np.array(scores)}
    seconds = {"x": np.array([[1.0, 1.0], [2.0, 2.0], [4.0, 4.0]])}
    return SizeCurve((10, 20, 30), scores, seconds, {"x": np.array(none)}, "gain", overlap=overlap)


def test_sufficient_size_by_hand():
    # The best is 30 (mean 0.9). 20 loses 0.01 and 0.03: mean 0.02, standard error 0.01, too much.
    assert by_hand([[0.5, 0.5], [0.89, 0.87], [0.9, 0.9]]).sufficient_size("x") == 30
    # It loses −0.01 and 0.03: mean 0.01, standard error 0.02, no worse.
    assert by_hand([[0.5, 0.5], [0.91, 0.87], [0.9, 0.9]]).sufficient_size("x") == 20
    # Splits that share rows tell less: standard error 0.01 × √(1 + 2·1.5) = 0.02.
    assert by_hand([[0.5, 0.5], [0.89, 0.87], [0.9, 0.9]], overlap=1.5).sufficient_size("x") == 20


def test_gain_and_plain_objects():
    curve = by_hand([[0.6, 0.7], [0.8, 0.8], [0.9, 0.9]])
    assert curve.gain("x", 10)[0] == pytest.approx(0.15)
    plain = curve.to_dict()
    assert plain["sufficient_size"] == {"x": 30}
    assert plain["scores"]["x"][0] == [0.6, 0.7]


def test_plot_has_time_on_an_axis_of_its_own():
    ax = by_hand([[0.6, 0.7], [0.8, 0.8], [0.9, 0.9]]).plot()
    other = next(a for a in ax.figure.axes if a is not ax)
    np.testing.assert_allclose(other.lines[0].get_ydata(), [1.0, 2.0, 4.0])
    assert "wall time" in other.get_ylabel()


@pytest.mark.parametrize("sizes", [(), (0, 10), (10, 10), 10, (2.5,), ("ten",)])
def test_impossible_sizes(imbalanced, sizes):
    with pytest.raises(ValueError, match="sizes must be"):
        oversampling_size_curve(*imbalanced, "gain", sizes=sizes)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"repetitions": 0}, "repetitions must be a whole number"),
        ({"classifier": ["KNeighborsClassifier", "GaussianNB"]}, "several classifiers need names"),
        ({"groups": np.zeros(5)}, "inconsistent numbers of samples"),
    ],
)
def test_impossible_settings_are_named(imbalanced, settings, message):
    with pytest.raises(ValueError, match=message):
        oversampling_size_curve(*imbalanced, "gain", sizes=(10,), **settings)
