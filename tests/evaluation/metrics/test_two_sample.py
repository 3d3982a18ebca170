"""The classifier two-sample test: false positives, power, and numbers worked by hand."""

import numpy as np
import pytest
from scipy.stats import binom, hypergeom, norm
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.decomposition import PCA
from sklearn.tree import DecisionTreeClassifier

from hs_specaug.evaluation import classifier_two_sample_test
from hs_specaug.evaluation.metrics._two_sample import ScoresAndResidual, _p_value
from hs_specaug.exceptions import TooFewRowsError


@pytest.fixture
def rng():
    return np.random.default_rng(0)


class NearestRow(ClassifierMixin, BaseEstimator):
    """One neighbour, without scikit-learn's checks: hundreds of tests in a second."""

    def __init__(self, of_means=False):
        self.of_means = of_means

    def fit(self, X, y):
        self.classes_ = np.array([0, 1])
        self.rows_, self.labels_ = X, y
        if self.of_means:
            self.rows_ = np.array([X[y == label].mean(axis=0) for label in (0, 1)])
            self.labels_ = self.classes_
        return self

    def predict(self, X):
        return self.labels_[((X[:, None] - self.rows_) ** 2).sum(axis=2).argmin(axis=1)]


@pytest.mark.parametrize("of_means", [True, False])
def test_false_positives_are_as_rare_as_the_level_says(rng, of_means):
    tests = [
        classifier_two_sample_test(
            *rng.normal(size=(2, 20, 4)),
            classifier=NearestRow(of_means),
            n_splits=4,
            random_state=i,
        )
        for i in range(400)
    ]
    p = np.array([test.p_value for test in tests])
    for level in (0.05, 0.2):
        assert (p <= level).mean() <= level + 2 * np.sqrt(level * (1 - level) / 400)
    assert (p <= 0.5).mean() > 0.25  # nor is it a test that never finds anything
    # What the forward pass is for: as coin tosses the hits of all folds are too often too many.
    hits = np.array([test.accuracy for test in tests]) * 40
    naive = binom.sf(np.round(hits) - 1, 40, 0.5)
    assert (naive <= 0.05).mean() > (p <= 0.05).mean()


def test_p_value_by_hand():
    # A fold of 10 rows, 5 of them called real, 8 hits: mean 5, variance 100 · ¼ / 9.
    hits, real = np.arange(10) < 8, np.arange(10) % 2 == 0
    expected = norm.sf((3 - 1) / np.sqrt(25 / 9))
    assert _p_value([(hits, real)]) == pytest.approx(expected)
    # With the margins fixed the exact probability is hypergeometric: 4 or more of 5 right.
    assert expected == pytest.approx(hypergeom.sf(3, 10, 5, 5), abs=0.02)
    two = norm.sf((6 - 1) / np.sqrt(50 / 9))
    assert _p_value([(hits, real), (hits, real)]) == pytest.approx(two)
    # Who calls everything real has half of the hits for nothing.
    assert _p_value([(np.arange(10) < 5, np.ones(10, dtype=bool))]) == 1.0


def test_finds_a_shift_a_narrowing_and_missing_noise(rng):
    def spectra(n, spread=1.0, noise=0.05):
        u = np.linspace(-1, 1, 120)
        heights = 1.0 + spread * rng.normal(0, 0.2, (n, 2))
        peaks = [np.exp(-(((u - at) / 0.1) ** 2)) for at in (-0.3, 0.4)]
        return heights @ np.array(peaks) + rng.normal(0, noise, (n, 120))

    real = spectra(60)
    unlike = {
        "shift": spectra(60) + 0.05,
        "narrow": spectra(60, spread=0.15),
        "smooth": spectra(60, noise=0.02),
    }
    for name, synthetic in unlike.items():
        test = classifier_two_sample_test(real, synthetic, random_state=0)
        assert test.accuracy > 0.7, name
        assert test.p_value < 1e-3, name
    alike = classifier_two_sample_test(real, spectra(60), random_state=0)
    assert 0.3 < alike.accuracy < 0.65
    assert alike.p_value > 0.02


def test_copies_are_told_apart_worse_than_by_guessing(rng):
    real = rng.normal(size=(40, 6))
    test = classifier_two_sample_test(real, real.copy(), random_state=0)
    assert test.accuracy < 0.4
    assert test.p_value > 0.5


class Recorder(ClassifierMixin, BaseEstimator):
    """Notes what it is fitted and asked."""

    log: list = []  # noqa: RUF012 - clones write to one list

    def __init__(self, three_d=False):
        self.three_d = three_d

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = self.three_d
        return tags

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.rows_ = X.reshape(len(X), -1)[:, 0].tolist()
        self.log.append(("fit", X.shape, np.bincount(y).tolist()))
        return self

    def predict(self, X):
        rows = X.reshape(len(X), -1)[:, 0].tolist()
        assert not set(rows) & set(self.rows_)
        self.log.append(("predict", X.shape, sorted(rows)))
        return (X.reshape(len(X), -1)[:, 0] >= 100).astype(int)


@pytest.mark.parametrize("three_d", [False, True])
def test_folds(three_d):
    Recorder.log.clear()
    real = np.arange(12.0)[:, None, None] * np.ones((1, 2, 3))
    synthetic = 100 + np.arange(30.0)[:, None, None] * np.ones((1, 2, 3))
    test = classifier_two_sample_test(
        real, synthetic, classifier=Recorder(three_d), n_splits=3, random_state=0
    )
    assert test.accuracy == 1.0
    shape = (2, 3) if three_d else (6,)
    fits = [entry for entry in Recorder.log if entry[0] == "fit"]
    assert all(entry[1][1:] == shape for entry in fits)
    # Three folds of 4 + 4 rows: three fits on two of them, one forward fit on the first.
    assert sorted(entry[2] for entry in fits) == [[4, 4], [8, 8], [8, 8], [8, 8]]
    asked = [row for entry in Recorder.log if entry[0] == "predict" for row in entry[2]]
    counts = {row: asked.count(row) for row in set(asked)}
    assert len(counts) == 24  # 12 of the 30 synthetic rows were drawn
    assert sorted(counts.values()) == [1] * 16 + [2] * 8
    # Folds two and three are scored forward, 8 hits of 8: excess 4 and variance 64 · ¼ / 7 each.
    assert test.p_value == pytest.approx(norm.sf((8 - 1) / np.sqrt(32 / 7)))


def test_features_of_the_default_classifier(rng):
    X = rng.normal(size=(50, 8)) * np.arange(1, 9)
    pca = PCA(3).fit(X)
    features = ScoresAndResidual(3, random_state=0).fit(X).transform(X)
    scores = pca.transform(X)
    np.testing.assert_allclose(np.abs(features[:, :3]), np.abs(scores), rtol=1e-9)
    np.testing.assert_allclose(features[:, 3:6], scores**2, rtol=1e-9)
    residual = ((X - pca.inverse_transform(scores)) ** 2).sum(axis=1)
    np.testing.assert_allclose(features[:, 6], np.log(residual), rtol=1e-6)
    # Where the components hold everything, what is left over is not rounding made large.
    full = ScoresAndResidual(20).fit(X).transform(X)
    assert full.shape == (50, 17)
    assert np.ptp(full[:, 16]) == 0.0


def test_seed_and_errors(rng, no_global_rng):
    x, y = rng.normal(size=(2, 30, 4))
    tree = DecisionTreeClassifier(max_features=1)
    first = classifier_two_sample_test(x, y, classifier=tree, random_state=1)
    assert first == classifier_two_sample_test(x, y, classifier=tree, random_state=1)
    assert tree.random_state is None
    with pytest.raises(TooFewRowsError, match="synthetic needs at least 10 rows, got 9"):
        classifier_two_sample_test(x, y[:9])
    with pytest.raises(ValueError, match="n_splits must be at least 2, got 1"):
        classifier_two_sample_test(x, y, n_splits=1)
