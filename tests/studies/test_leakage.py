"""The sentinel: whoever knows scored rows must not gain from a study."""

from typing import ClassVar

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.neighbors import KNeighborsClassifier

import hs_specaug
from hs_specaug.evaluation._resampled import resample_fold
from hs_specaug.exceptions import LeakageError
from hs_specaug.generators import RandomGenerator
from hs_specaug.studies import _unit
from hs_specaug.studies._unit import check_unseen


class Memoriser(RandomGenerator):
    """Give back rows of all fits there ever were, in this split or in others."""

    seen: ClassVar[list] = []
    noise: ClassVar[float] = 0.0

    def _fit(self, X, codes):
        super()._fit(X, codes)
        type(self).seen += list(zip(X, self.classes_[codes], strict=True))

    def _sample_class(self, code, n, rng):
        known = np.array([row for row, label in self.seen if label == self.classes_[code]])
        known = np.unique(known, axis=0)
        known = known[rng.permutation(len(known))]
        return np.resize(known, (n, known.shape[1])) + self.noise * rng.standard_normal((n, 1))


@pytest.fixture(autouse=True)
def _forget(monkeypatch):
    monkeypatch.setattr(Memoriser, "seen", [])


@pytest.fixture
def overlapping():
    """Two classes that nothing can tell apart but memory: 0.5 is chance, and the best there is."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(60, 16)), np.repeat(["a", "b"], [40, 20])


def memory_study(quick):
    # Filled up to 60 rows per class, a memoriser has room for all that it knows.
    memory = Memoriser(sampling_strategy=lambda y: {"a": 60, "b": 60})
    return quick({"memory": memory}, repetitions=6)


@pytest.mark.parametrize("noise", [0.0, 1e-6])
def test_a_memoriser_does_not_gain(overlapping, quick, monkeypatch, noise):
    monkeypatch.setattr(Memoriser, "noise", noise)
    result = memory_study(quick).run(*overlapping)
    memory = [row for row in result.rows if row["method"] == "memory"]
    # In its first split it knows the training rows only; later it is caught.
    assert memory[0]["error"] is None
    for row in memory[1:]:
        assert "LeakageError" in row["error"]
        assert np.isnan(row["f_score"])
    by_split = result.scores()
    assert list(by_split["all rows", "memory", "nearest neighbour"]) == [0]
    assert memory[0]["f_score"] < 0.7
    assert not result.verdict.startswith("Augmentation helped")
    assert "LeakageError" in repr(result)


def test_without_the_sentinel_it_would_have_gained(overlapping, quick, monkeypatch):
    monkeypatch.setattr(_unit, "check_unseen", lambda *rows: None)
    result = memory_study(quick).run(*overlapping)
    scores = result.scores()
    memory = scores["all rows", "memory", "nearest neighbour"]
    none = scores["all rows", "none", "nearest neighbour"]
    assert np.mean([memory[i] for i in range(2, 6)]) > 0.2 + np.mean([none[i] for i in range(2, 6)])


def test_a_generator_that_was_fitted_to_all_rows_is_fitted_anew(overlapping, quick):
    X, y = overlapping
    fitted = RandomGenerator(random_state=0).fit(X, y)
    twice = quick({"fitted": fitted, "new": RandomGenerator(random_state=0)}).run(X, y)
    scores = twice.scores()
    for classifier in twice.classifiers:
        one, other = (scores["all rows", m, classifier] for m in ("fitted", "new"))
        assert one == other


@pytest.mark.parametrize("name", ["smote", "few-shot", "gain", "random", "gaussian-noise"])
@pytest.mark.parametrize("kind", ["normal", "counts", "few channels", "duplicates"])
def test_honest_generators_are_not_accused(name, kind):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(200, 24))
    if kind == "counts":
        X = rng.poisson(0.3, (200, 24)).astype(float)
    elif kind == "few channels":
        X = X[:, :2]
    elif kind == "duplicates":
        X[100:] = X[:100]
    y = np.tile(["a"] * 7 + ["b"] * 3, 20)
    train, test = np.arange(0, 200, 2), np.arange(1, 200, 2)
    made = hs_specaug.make_generator(name, random_state=0)
    rows = resample_fold(X[train], y[train], made)
    check_unseen(rows, X[train], X[test])


def test_copies_are_found_behind_transformers():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 8)), np.repeat(["a", "b"], [30, 10])
    train, test = np.arange(0, 40, 2), np.arange(1, 40, 2)

    class Double(TransformerMixin, BaseEstimator):
        def fit(self, X, y=None):
            return self

        def transform(self, X):
            return 2 * X

    Memoriser.seen += list(zip(2 * X[test], y[test], strict=True))
    rows = resample_fold(X[train], y[train], Memoriser(random_state=0), [Double()])
    with pytest.raises(LeakageError, match=r"\d+ of 30 training rows are copies of scored rows"):
        check_unseen(rows, X[train], X[test])


# --- who sees what -----------------------------------------------------------------------------

SEEN: dict = {}


class Witness(TransformerMixin, BaseEstimator):
    """Transformer that notes the rows it was fitted to."""

    def fit(self, X, y=None):
        SEEN.setdefault("transformer", []).append(X.copy())
        return self

    def transform(self, X):
        return X


class WitnessSampler(RandomGenerator):
    def _fit(self, X, codes):
        SEEN.setdefault("generator", []).append(X.copy())
        super()._fit(X, codes)


class WitnessClassifier(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        SEEN.setdefault("classifier", []).append(X.copy())
        self.model_ = KNeighborsClassifier(1).fit(X, y)
        self.classes_ = self.model_.classes_
        return self

    def predict(self, X):
        SEEN.setdefault("scored", []).append(X.copy())
        return self.model_.predict(X)


def test_everything_is_fitted_inside_the_training_rows(imbalanced, quick):
    SEEN.clear()
    X, y = imbalanced
    groups = np.arange(len(y)) // 2
    quick(
        {"witness": WitnessSampler()},
        {"witness": WitnessClassifier()},
        baselines=False,
        default_classifiers=False,
        transformers=[Witness()],
        balanced_ratios=[0.1, 0.5],
    ).run(X, y, groups)

    def as_set(rows):
        return {row.tobytes() for row in rows}

    group_of = {row.tobytes(): group for row, group in zip(X, groups, strict=True)}
    assert len(SEEN["scored"]) == 6
    for name in ("transformer", "generator", "classifier"):
        for learned, scored in zip(SEEN[name], SEEN["scored"], strict=True):
            assert not as_set(learned) & as_set(scored)
            sides = [{group_of[key] for key in as_set(rows)} for rows in (learned, scored)]
            assert not sides[0] & sides[1]
