"""Nothing that is scored is ever seen in training."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

import hs_specaug
from hs_specaug.evaluation import evaluate_classifier, fit_fold, make_splits
from hs_specaug.exceptions import LeakageError
from hs_specaug.generators import RandomGenerator


def labels(*counts):
    return np.repeat([f"c{i}" for i in range(len(counts))], counts)


# --- splits ------------------------------------------------------------------------------------


def test_one_split_is_stratified():
    y = labels(80, 16, 4)
    (split,) = make_splits(y, test_size=0.25, random_state=0)
    assert sorted(np.r_[split.train, split.test]) == list(range(100))
    assert np.unique(y[split.test], return_counts=True)[1].tolist() == [20, 4, 1]


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("counts", [(50, 2), (50, 3, 2), (6, 2, 2, 2, 2, 2)])
def test_rare_classes_are_on_both_sides(counts, seed):
    y = labels(*counts)
    (split,) = make_splits(y, test_size=0.2, random_state=seed)
    assert set(y[split.train]) == set(y[split.test]) == set(y)
    assert not set(split.train) & set(split.test)


def test_folds_score_every_row_once():
    splits = make_splits(labels(20, 10), cv=5, random_state=0)
    assert sorted(np.concatenate([s.test for s in splits])) == list(range(30))


def test_another_seed_scores_another_group():
    """Groups that differ in size, as sessions and specimens do."""
    groups = np.repeat(["a", "b", "c", "d"], [40, 28, 20, 12])
    y = np.arange(100) % 4 == 0
    scored = set()
    for seed in range(20):
        (split,) = make_splits(y, groups=groups, test_size=0.25, random_state=seed)
        scored |= set(groups[split.test])
    assert scored == set("abcd")


@pytest.mark.parametrize("cv", [None, 3])
def test_groups_stay_together(cv):
    y = np.tile(labels(4, 2), 6)
    groups = np.repeat(np.arange(6), 6)
    for split in make_splits(y, groups=groups, cv=cv, random_state=0):
        assert not set(groups[split.train]) & set(groups[split.test])
        assert set(y[split.test]) == set(y)


def test_any_splitter_of_scikit_learn():
    from sklearn.model_selection import ShuffleSplit

    splits = make_splits(labels(20, 20), cv=ShuffleSplit(4, random_state=0))
    assert len(splits) == 4


def test_seed():
    first = make_splits(labels(30, 10), random_state=0)[0].test
    np.testing.assert_array_equal(make_splits(labels(30, 10), random_state=0)[0].test, first)
    assert not np.array_equal(make_splits(labels(30, 10), random_state=1)[0].test, first)


@pytest.mark.parametrize(
    ("y", "options", "message"),
    [
        (labels(5), {}, "at least two classes"),
        (labels(5, 1), {}, "one labelled row"),
        (labels(5, 5), {"test_size": 1.5}, "between 0 and 1"),
        (labels(4, 4), {"groups": np.repeat([0, 1], 4)}, "one group only"),
        (labels(4, 4), {"groups": np.arange(3)}, "one entry per row"),
    ],
)
def test_impossible_splits_say_why(y, options, message):
    with pytest.raises(ValueError, match=message):
        make_splits(y, **options)


# --- leaks -------------------------------------------------------------------------------------


class Spy(TransformerMixin, BaseEstimator):
    """Remembers every row it was fitted on."""

    seen = []  # noqa: RUF012 - shared by the clones on purpose

    def fit(self, X, y=None):
        Spy.seen.append({tuple(row) for row in X})
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X):
        return X


class SpyGenerator(RandomGenerator):
    seen = []  # noqa: RUF012

    def _fit(self, X, codes):
        SpyGenerator.seen.append({tuple(row) for row in X})
        super()._fit(X, codes)


class SpyClassifier(KNeighborsClassifier):
    seen = []  # noqa: RUF012

    def fit(self, X, y):
        SpyClassifier.seen.append({tuple(row) for row in X})
        return super().fit(X, y)


def test_everything_is_fitted_on_training_rows_only():
    for spy in (Spy, SpyGenerator, SpyClassifier):
        spy.seen = []
    X = np.random.default_rng(0).random((40, 3))
    y = labels(32, 8)
    splits = make_splits(y, cv=4, random_state=0)
    evaluate_classifier(
        X, y, SpyClassifier(), splits=splits, generator=SpyGenerator(), transformers=[Spy()]
    )
    for spy in (Spy, SpyGenerator, SpyClassifier):
        assert len(spy.seen) == 4
        for rows, split in zip(spy.seen, splits, strict=True):
            scored = {tuple(row) for row in X[split.test]}
            assert not rows & scored, spy
            assert rows >= {tuple(row) for row in X[split.train]}


class Memorising(RandomGenerator):
    """A cheat: remembers, across clones, every row of every fit, and gives them all back."""

    memory = []  # noqa: RUF012

    def _fit(self, X, codes):
        Memorising.memory.append((X.copy(), codes.copy()))
        super()._fit(X, codes)


def test_a_generator_that_memorises_gains_nothing():
    """Labels are noise, so an honest score is chance, however much the generator remembers."""
    rng = np.random.default_rng(0)
    X, y = rng.random((120, 5)), rng.permutation(labels(60, 60))
    Memorising.memory = []
    fitted = Memorising().fit(X, y)  # has seen everything
    nearest = KNeighborsClassifier(1)
    splits = make_splits(y, cv=4, random_state=0)
    report = evaluate_classifier(X, y, nearest, splits=splits, generator=fitted)
    assert report.macro_f_score < 0.65
    leak = KNeighborsClassifier(1).fit(fitted.X_, y).score(X, y)
    assert leak == 1.0  # what the score would be with the leak


def test_fitted_generator_is_not_touched():
    X, y = np.random.default_rng(0).random((40, 3)), labels(32, 8)
    generator = RandomGenerator(random_state=0).fit(X[12:], y[12:])
    before = generator.fingerprint_.copy()
    evaluate_classifier(
        X, y, KNeighborsClassifier(1), splits=make_splits(y, random_state=0), generator=generator
    )
    np.testing.assert_array_equal(generator.fingerprint_, before)


def test_refit_false_refuses_a_generator_that_saw_scored_rows():
    X, y = np.random.default_rng(0).random((40, 3)), labels(32, 8)
    generator = RandomGenerator(random_state=0).fit(X, y)
    with pytest.raises(LeakageError, match="10 of the 10 rows"):
        evaluate_classifier(
            X,
            y,
            KNeighborsClassifier(1),
            splits=make_splits(y, random_state=0),
            generator=generator,
            refit=False,
        )


def test_refit_false_accepts_another_specimen():
    rng = np.random.default_rng(0)
    X, y = rng.random((40, 3)), labels(32, 8)
    generator = RandomGenerator(random_state=0).fit(rng.random((40, 3)), y)
    report = evaluate_classifier(
        X,
        y,
        KNeighborsClassifier(1),
        splits=make_splits(y, random_state=0),
        generator=generator,
        refit=False,
    )
    assert report.confusion_matrix.sum() == 10


# --- what is fitted ------------------------------------------------------------------------------


def test_channels_reach_a_flat_classifier():
    X = np.random.default_rng(0).random((20, 2, 6))
    y = labels(10, 10)
    model = fit_fold(X, y, LogisticRegression())
    assert model.predict(X).shape == (20,)
    np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1.0)


def test_classifier_without_probabilities_gives_one_hot():
    from sklearn.svm import LinearSVC

    X, y = np.random.default_rng(0).random((20, 6)), labels(10, 10)
    model = fit_fold(X, y, LinearSVC())
    probabilities = model.predict_proba(X)
    assert set(probabilities.ravel()) == {0.0, 1.0}
    np.testing.assert_array_equal(model.classes_[probabilities.argmax(axis=1)], model.predict(X))


def test_augmentation_helps_where_imbalance_hurts():
    rng = np.random.default_rng(0)
    y = labels(300, 12)
    X = rng.normal(0, 1, (312, 2)) + (y == "c1")[:, None] * 1.5
    splits = make_splits(y, cv=4, random_state=0)
    options = {"splits": splits, "random_state": 0}
    without = evaluate_classifier(X, y, LogisticRegression(), **options)
    smote = hs_specaug.make_generator("smote", random_state=0)
    balanced = evaluate_classifier(X, y, LogisticRegression(), generator=smote, **options)
    assert balanced.scores["recall"][1] > without.scores["recall"][1] + 0.3


def test_classes_keep_the_order_that_is_asked_for():
    X, y = np.random.default_rng(0).random((20, 3)), labels(10, 10)
    splits = make_splits(y, random_state=0)
    report = evaluate_classifier(
        X, y, KNeighborsClassifier(1), splits=splits, classes=["c1", "absent", "c0"]
    )
    assert report.classes == ("c1", "c0")
    reference = evaluate_classifier(X, y, KNeighborsClassifier(1), splits=splits)
    np.testing.assert_array_equal(report.confusion_matrix, reference.confusion_matrix[::-1, ::-1])


# --- splitters from outside ----------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:The groups parameter is ignored")
def test_splitters_that_ignore_groups_are_refused():
    from sklearn.model_selection import GroupKFold, LeaveOneOut

    y = np.tile(labels(4, 2), 6)
    groups = np.repeat(np.arange(6), 6)
    with pytest.raises(LeakageError, match="in training and in test"):
        make_splits(y, groups=groups, cv=LeaveOneOut())
    assert len(make_splits(y, groups=groups, cv=GroupKFold(3))) == 3
    assert len(make_splits(y, groups=groups, cv=np.int64(3), random_state=0)) == 3


def test_folds_that_score_their_training_rows_are_refused():
    with pytest.raises(LeakageError, match="its own training rows"):
        make_splits(labels(5, 5), cv=[(np.arange(10), np.arange(10))])


@pytest.mark.parametrize("cv", [[], 0, 1])
def test_no_folds(cv):
    with pytest.raises(ValueError, match="cv"):
        make_splits(labels(5, 5), cv=cv)


def test_repeated_folds_are_all_counted():
    from sklearn.model_selection import RepeatedStratifiedKFold

    X, y = np.random.default_rng(0).random((20, 3)), labels(10, 10)
    splits = make_splits(y, cv=RepeatedStratifiedKFold(n_splits=2, n_repeats=3, random_state=0))
    report = evaluate_classifier(X, y, KNeighborsClassifier(1), splits=splits, random_state=0)
    assert report.confusion_matrix.sum() == 60
    assert report.n_groups == 20  # a row is one observation, however often it is scored


def test_foreign_samples_go_through_the_transformers_too():
    from sklearn.preprocessing import StandardScaler

    rng = np.random.default_rng(0)
    X, y = 1000 * rng.random((40, 3)), labels(32, 8)
    foreign = RandomGenerator(random_state=0).fit(1000 * rng.random((40, 3)), y)
    model = fit_fold(X, y, KNeighborsClassifier(1), foreign, [StandardScaler()], refit=False)
    fitted = model[-1].estimator_._fit_X
    assert fitted.shape == (64, 3)
    assert np.abs(fitted).max() < 5.0


def test_interrupt_in_a_fold_stops_the_evaluation():
    class Interrupted(RandomGenerator):
        def _fit(self, X, codes):
            super()._fit(X, codes)
            self.interrupted_ = True

    X, y = np.random.default_rng(0).random((40, 3)), labels(32, 8)
    with pytest.raises(KeyboardInterrupt):
        fit_fold(X, y, KNeighborsClassifier(1), Interrupted())


@pytest.mark.parametrize(
    ("cv", "message"),
    [
        (1000, "cv must not be more folds than there are rows of the largest class, 10, got 1000"),
        ([([0, 1], [100])], "go from 100 to 100, but there are 20 labelled rows"),
        ([([0, 1], [-1])], "go from -1 to -1"),
        ([([0, 1], [])], "whose scored rows are no indices, or none"),
        ([([0.5, 1], [2])], "whose training rows are no indices"),
        ([[0, 1, 2]], r"cv must give pairs of row indices, got \[0, 1, 2\]"),
        ([5], "cv must give pairs of row indices, got 5"),
    ],
)
def test_folds_that_cannot_be(cv, message):
    with pytest.raises(ValueError, match=message):
        make_splits(np.arange(20) % 2, cv=cv)


def test_folds_that_cannot_be_with_groups():
    with pytest.raises(ValueError, match="more folds than there are groups, 4, got 5; use cv=4"):
        make_splits(np.arange(20) % 2, groups=np.arange(20) // 5, cv=5)


def test_folds_of_masks_are_those_of_indices():
    y, even = np.arange(20) // 10, np.arange(20) % 2 == 0
    (split,) = make_splits(y, cv=[(even, ~even)])
    assert split.train.tolist() == list(range(0, 20, 2))
    assert split.test.tolist() == list(range(1, 20, 2))
