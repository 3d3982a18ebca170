import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict, cross_val_score
from sklearn.svm import SVC

from hs_specaug.classifiers import SVMClassifier
from hs_specaug.exceptions import FewSamplesWarning


def rings(n, seed, n_features=2):
    """Two classes that no plane separates; 3 : 1."""
    rng = np.random.default_rng(seed)
    radius = np.repeat([1.0, 2.0], [3 * n, n])[:, None] + 0.2 * rng.standard_normal((4 * n, 1))
    direction = rng.standard_normal((4 * n, n_features))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    return radius * direction, np.repeat(["in", "out"], [3 * n, n])


@pytest.fixture(scope="module")
def fitted():
    return SVMClassifier(random_state=0).fit(*rings(30, 0))


def test_learns_rings(fitted):
    X, y = rings(50, 1)
    assert balanced_accuracy_score(y, fitted.predict(X)) > 0.9


def test_search_is_scikit_learns_over_both_grids(fitted):
    X, y = rings(30, 0)
    results = fitted.search_.cv_results_
    assert len(results["params"]) == 25
    unit = 1.0 / (X.shape[1] * X.var())
    assert sorted({p["gamma"] for p in results["params"]}) == pytest.approx(
        [g * unit for g in (0.1, 0.3, 1.0, 3.0, 10.0)]
    )
    best = results["params"][int(np.argmax(results["mean_test_score"]))]
    assert fitted.best_C_ == best["C"]
    assert fitted.best_gamma_ * unit == pytest.approx(best["gamma"])
    again = cross_val_score(
        SVC(**best), X, y, cv=fitted.search_.cv, scoring="balanced_accuracy"
    ).mean()
    assert fitted.search_.best_score_ == pytest.approx(again)


def test_one_combination_is_scikit_learns_machine():
    X, y = rings(20, 0)
    ours = SVMClassifier(C=10.0, gamma=2.0, random_state=0).fit(X, y)
    theirs = SVC(C=10.0, gamma=2.0 / (2 * X.var())).fit(X, y)
    assert ours.search_ is None
    np.testing.assert_allclose(ours.decision_function(X), theirs.decision_function(X))
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))


def test_units_of_the_data_do_not_matter():
    X, y = rings(20, 0)
    grid = {"C": (1.0, 10.0), "gamma": (0.3, 3.0), "random_state": 0}
    ours, counts = SVMClassifier(**grid).fit(X, y), SVMClassifier(**grid).fit(1e4 * X, y)
    np.testing.assert_allclose(
        counts.decision_function(1e4 * X), ours.decision_function(X), rtol=1e-3, atol=1e-3
    )
    assert counts.best_gamma_ == pytest.approx(ours.best_gamma_)


def test_cosine_kernel_sees_direction_only():
    rng = np.random.default_rng(0)
    shapes = np.array([[1.0, 2.0, 3.0, 1.0], [3.0, 2.0, 1.0, 1.0]])
    codes = np.repeat([0, 1], 20)
    X = (shapes[codes] + 0.1 * rng.standard_normal((40, 4))) * rng.uniform(1, 100, (40, 1))
    classifier = SVMClassifier(kernel="cosine", random_state=0).fit(X, codes)
    assert classifier.score(X, codes) == 1.0
    assert np.isnan(classifier.best_gamma_)
    np.testing.assert_allclose(
        classifier.decision_function(1000 * X), classifier.decision_function(X)
    )


@pytest.mark.parametrize("n_classes", [2, 3])
def test_probabilities_agree_with_predictions_and_are_calibrated(n_classes):
    rng = np.random.default_rng(0)
    y = rng.integers(0, n_classes, 400)
    X = rng.normal(size=(400, 3)) + y[:, None]
    train, test = slice(0, 200), slice(200, None)
    classifier = SVMClassifier(C=1.0, gamma=(0.3, 1.0), random_state=0).fit(X[train], y[train])
    p = classifier.predict_proba(X[test])
    np.testing.assert_allclose(p.sum(axis=1), 1.0)
    np.testing.assert_array_equal(classifier.classes_[p.argmax(1)], classifier.predict(X[test]))
    # What is called with probability p is right with frequency p, on average.
    assert p.max(axis=1).mean() == pytest.approx(classifier.score(X[test], y[test]), abs=0.08)


def test_temperature_is_the_most_likely_one():
    X, y = rings(15, 0)
    X = X + 0.4 * np.random.default_rng(5).standard_normal(X.shape)
    classifier = SVMClassifier(C=1.0, gamma=1.0, random_state=0).fit(X, y)
    seed = np.random.RandomState(0).randint(np.iinfo(np.int32).max)
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    decision = cross_val_predict(classifier.estimator_, X, y, cv=folds, method="decision_function")
    signed = np.where(y == "out", decision, -decision)
    grid = np.exp(np.linspace(-3, 3, 3001))
    cost = np.log1p(np.exp(-signed / grid[:, None])).mean(axis=1)
    assert classifier.temperature_ == pytest.approx(grid[cost.argmin()], rel=0.01)


def test_rare_classes():
    X, y = rings(10, 0)
    two = np.r_[0:30, 30:32]
    classifier = SVMClassifier(random_state=0).fit(X[two], y[two])
    assert classifier.search_.cv.get_n_splits() == 2
    one = np.r_[0:30, 30]
    with pytest.warns(FewSamplesWarning, match="class 'out' has one training row"):
        classifier = SVMClassifier(random_state=0).fit(X[one], y[one])
    assert classifier.best_C_ == 10.0
    assert classifier.best_gamma_ == pytest.approx(1.0)
    assert classifier.predict(X).shape == (40,)


def test_class_weight_reaches_the_machine():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(110, 2)) + np.repeat([[0.0], [1.0]], [100, 10], axis=0)
    y = np.repeat([0, 1], [100, 10])
    options = {"C": 1.0, "gamma": 0.3, "random_state": 0}
    plain = SVMClassifier(**options).fit(X, y).predict(X).sum()
    balanced = SVMClassifier(class_weight="balanced", **options).fit(X, y).predict(X).sum()
    assert balanced > plain + 5


def test_same_seed_same_search(no_global_rng):
    X, y = rings(15, 0)
    first, again = (SVMClassifier(random_state=3).fit(X, y) for _ in range(2))
    np.testing.assert_array_equal(
        first.search_.cv_results_["mean_test_score"], again.search_.cv_results_["mean_test_score"]
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"C": (1.0, -1.0)}, "C must be a positive number or a sequence of them"),
        ({"gamma": ()}, "gamma must be a positive number"),
        ({"kernel": "poly"}, "'kernel' parameter"),
        ({"cv": 1}, "'cv' parameter"),
    ],
)
def test_bad_parameters(options, message):
    with pytest.raises(ValueError, match=message):
        SVMClassifier(**options).fit(*rings(5, 0))


def test_constant_rows_and_one_class():
    with pytest.raises(ValueError, match="one class"):
        SVMClassifier().fit(np.eye(4), [1, 1, 1, 1])
    classifier = SVMClassifier(random_state=0).fit(np.ones((8, 3)), [0, 1] * 4)
    assert classifier.predict(np.ones((2, 3))).shape == (2,)
