"""Prior correction, temperature and prediction sets, against closed forms and scikit-learn."""

import json
from dataclasses import replace

import numpy as np
import pytest
import sklearn
from packaging.version import Version
from scipy.special import softmax
from scipy.stats import binom, multivariate_normal
from sklearn.calibration import CalibratedClassifierCV
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hs_specaug.classifiers import CNNClassifier
from hs_specaug.classifiers._calibrated import (
    Calibration,
    CalibrationPlan,
    HeldOut,
    conformal_thresholds,
    fit_strength,
    log_floored,
    rows_needed,
)
from hs_specaug.classifiers._priors import target_prior, training_prior
from hs_specaug.classifiers._temperature import fit_temperature
from hs_specaug.evaluation import fit_fold
from hs_specaug.strategies import StrategySearch

MEANS = np.array([[0.0, 0.0], [1.5, 0.0], [0.0, 1.5]])


def draw(shares, n, rng):
    codes = rng.choice(3, n, p=shares)
    return MEANS[codes] + rng.normal(size=(n, 2)), codes


def posterior(X, shares):
    """The exact one of the three normal classes."""
    density = np.column_stack([multivariate_normal(m).pdf(X) for m in MEANS])
    joint = density * shares
    return joint / joint.sum(axis=1, keepdims=True)


# --- which prior a classifier answers for --------------------------------------------------------

Y = np.repeat(["a", "b", "c"], [60, 30, 10])


@pytest.mark.parametrize(
    ("classifier", "expected"),
    [
        (LogisticRegression(), [0.6, 0.3, 0.1]),
        (LogisticRegression(class_weight="balanced"), [1 / 3] * 3),
        # 60, 30 and 4 × 10 rows.
        (LogisticRegression(class_weight={"c": 4.0}), [6 / 13, 3 / 13, 4 / 13]),
        (make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced")), [1 / 3] * 3),
        (RandomForestClassifier(3, class_weight="balanced_subsample"), [1 / 3] * 3),
        (GaussianNB(), [0.6, 0.3, 0.1]),
        (GaussianNB(priors=[0.2, 0.3, 0.5]), [0.2, 0.3, 0.5]),
        (LinearDiscriminantAnalysis(priors=[0.5, 0.25, 0.25]), [0.5, 0.25, 0.25]),
        (CNNClassifier(max_updates=1), [0.6, 0.3, 0.1]),
        (CNNClassifier(max_updates=1, loss="focal"), [0.6, 0.3, 0.1]),
        (CNNClassifier(max_updates=1, loss="balanced-softmax"), [1 / 3] * 3),
        (
            CNNClassifier(max_updates=1, loss="balanced-softmax", class_weight={"a": 2.0}),
            [0.5, 0.25, 0.25],
        ),
    ],
    ids=lambda value: type(value).__name__ if hasattr(value, "fit") else "",
)
def test_training_prior(classifier, expected):
    X = np.random.default_rng(0).normal(size=(100, 4))
    np.testing.assert_allclose(training_prior(fit_fold(X, Y, classifier), Y), expected)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_training_prior_of_a_search_that_oversamples():
    X = np.random.default_rng(0).normal(size=(100, 8))
    search = StrategySearch(["gain"], "GaussianNB", repetitions=2, compare_with=(), random_state=0)
    np.testing.assert_allclose(training_prior(search.fit(X, Y), Y), [1 / 3] * 3)


def test_balanced_softmax_and_weights_predict_without_the_prior():
    """What `training_prior` says of each loss is where the probabilities really lie."""
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], [360, 40])
    X = np.zeros((400, 4)) + 1e-3 * rng.normal(size=(400, 4))  # nothing tells them apart
    options = {"max_updates": 40, "learning_rate": 1e-2, "random_state": 0}
    for settings in ({}, {"loss": "balanced-softmax"}, {"class_weight": "balanced"}):
        model = CNNClassifier(**options, **settings).fit(X, y)
        rare = model.predict_proba(X)[:, 1].mean()
        assert abs(rare - training_prior(model, y)[1]) < 0.07, settings


def test_target_prior():
    y, trained = np.array(["a"] * 3 + ["b"]), np.array([0.5, 0.5])
    for prior, expected in (
        ("labelled", [0.75, 0.25]),
        ("uniform", [0.5, 0.5]),
        ("training", [0.5, 0.5]),
        ({"a": 1.0, "b": 9.0, "never": 5.0}, [0.1, 0.9]),
    ):
        np.testing.assert_allclose(target_prior(prior, ["a", "b"], y, trained), expected)
    with pytest.raises(ValueError, match=r"none for \['b'\]; for equal shares"):
        target_prior({"a": 1.0}, ["a", "b"], y, trained)


# --- prior correction ----------------------------------------------------------------------------


def test_correction_gives_the_posterior_of_the_other_population():
    X, _ = draw([1 / 3] * 3, 200, np.random.default_rng(0))
    trained, wanted = np.array([1 / 3] * 3), np.array([0.8, 0.15, 0.05])
    found = Calibration(("a", "b", "c"), trained, np.array([0.5, 0.3, 0.2]), wanted)
    corrected = found.apply(posterior(X, trained))
    np.testing.assert_allclose(corrected, posterior(X, wanted), rtol=1e-10)


def test_nothing_to_correct_leaves_the_bits_alone():
    p = np.random.default_rng(0).dirichlet([1, 1, 1], 20)
    shares = np.array([0.5, 0.3, 0.2])
    np.testing.assert_array_equal(Calibration(("a", "b", "c"), shares, shares, shares).apply(p), p)


def test_decisions_by_hand():
    """Shares 0.9 and 0.1, trained balanced: evidence 0.4 to 0.6 is probability 6/7 to 1/7."""
    trained, prior = np.array([0.5, 0.5]), np.array([0.9, 0.1])
    for temperature in (None, 1.0, 2.5):
        found = Calibration(("a", "b"), trained, prior, prior, temperature)
        q = found.apply(np.array([[0.4, 0.6]]))
        if temperature != 2.5:
            np.testing.assert_allclose(q, [[6 / 7, 1 / 7]])
        assert replace(found, decision="classifier").decide(q) == [1]
        assert replace(found, decision="balanced").decide(q) == [1]
        assert replace(found, decision="bayes").decide(q) == [0]


@pytest.mark.parametrize("temperature", [None, 0.4, 1.0, 6.0])
@pytest.mark.parametrize("prior", [[0.9, 0.09, 0.01], [1 / 3] * 3])
def test_the_classifiers_own_decision_survives_everything(temperature, prior):
    rng = np.random.default_rng(0)
    p = rng.dirichlet([0.5, 0.5, 0.5], 500)
    trained, measured = np.array([0.2, 0.5, 0.3]), np.array([0.6, 0.3, 0.1])
    found = Calibration(("a", "b", "c"), trained, measured, np.array(prior), temperature)
    q = found.apply(p).astype(np.float32)
    np.testing.assert_array_equal(found.decide(q), p.argmax(axis=1))
    balanced = replace(found, decision="balanced").decide(q)
    np.testing.assert_array_equal(balanced, (q / prior).argmax(axis=1))
    assert (balanced != p.argmax(axis=1)).any()
    np.testing.assert_array_equal(replace(found, decision="bayes").decide(q), q.argmax(axis=1))


def test_votes_that_tie_go_to_the_first_class():
    votes = np.array([[1, 1, 1], [0, 2, 2], [3, 3, 0]]) / np.array([[3], [4], [6]])
    even, prior = np.full(3, 1 / 3), np.array([0.7, 0.2, 0.1])
    found = Calibration(("a", "b", "c"), even, prior, prior)
    q = found.apply(votes).astype(np.float32)
    np.testing.assert_array_equal(found.decide(q), [0, 1, 0])


# --- temperature ---------------------------------------------------------------------------------


@pytest.mark.skipif(
    Version(sklearn.__version__) < Version("1.8"), reason="needs temperatures of scikit-learn 1.8"
)
def test_temperature_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    codes = np.repeat([0, 1, 2], [180, 90, 30])
    X = MEANS[codes] + rng.normal(size=(300, 2))
    flipped = np.where(rng.random(300) < 0.25, rng.permutation(codes), codes)
    model = LogisticRegression(C=100.0).fit(X, codes)  # too sure for the flipped labels
    theirs = CalibratedClassifierCV(FrozenEstimator(model), method="temperature").fit(X, flipped)
    uniform = np.full(3, 1 / 3)
    ours = fit_temperature(log_floored(model.predict_proba(X)), flipped, shrinkage=0.0)
    beta = theirs.calibrated_classifiers_[0].calibrators[0].beta_
    np.testing.assert_allclose(ours, 1.0 / beta, rtol=1e-4)
    assert ours > 1.2
    q = Calibration((0, 1, 2), uniform, uniform, uniform, ours).apply(model.predict_proba(X))
    np.testing.assert_allclose(q, theirs.predict_proba(X), rtol=1e-3)


@pytest.mark.parametrize("true", [0.5, 1.0, 3.0])
def test_temperature_is_found_again(true):
    rng = np.random.default_rng(0)
    prior = np.array([0.7, 0.2, 0.1])
    logits = rng.normal(0, 2, (6000, 3))
    q = softmax(logits + np.log(prior), axis=1)
    codes = (q.cumsum(axis=1) < rng.random((6000, 1))).sum(axis=1)
    assert fit_temperature(true * logits, codes, np.log(prior)) == pytest.approx(true, rel=0.06)


def test_rows_that_are_all_right_do_not_prove_certainty():
    evidence, codes = np.tile([[1.0, -1.0]], (20, 1)), np.zeros(20, dtype=int)
    bound = np.exp(-1.5)
    assert fit_temperature(evidence, codes, shrinkage=0.0) == pytest.approx(bound, rel=1e-3)
    assert fit_temperature(evidence, codes) > 1.2 * bound


@pytest.mark.parametrize("strength", [0.0, 0.5, 1.0])
def test_strength_is_found_again(strength):
    """A classifier that takes up part of the balanced shares, and is 1.5 times too sure."""
    rng = np.random.default_rng(0)
    measured, resampled = np.array([0.85, 0.1, 0.05]), np.full(3, 1 / 3)
    X, codes = draw(measured, 6000, rng)
    exact = posterior(X, measured)
    p = softmax(1.5 * np.log(exact * (resampled / measured) ** strength), axis=1)
    s, t = fit_strength([HeldOut(p, resampled, codes)], measured)
    assert (s, t) == (pytest.approx(strength, abs=0.1), pytest.approx(1.5, rel=0.08))
    found = Calibration((0, 1, 2), resampled, measured, measured, t, s)
    assert np.abs(found.apply(p) - exact).mean() < 0.2 * np.abs(p - exact).mean()
    # Another population, from there.
    other = np.array([0.2, 0.2, 0.6])
    moved = replace(found, prior=other).apply(p)
    assert np.abs(moved - posterior(X, other)).mean() < 0.02


# --- prediction sets -----------------------------------------------------------------------------


def test_thresholds_by_hand():
    """Of 19 rows at 90 %, ⌊0.1 × 20⌋ = 2: the second smallest. Of 9 the smallest; of 8 none."""
    p = np.zeros((36, 3))
    codes = np.repeat([0, 1, 2], [19, 9, 8])
    p[:, 0], p[:, 1], p[:, 2] = np.arange(36), np.arange(36), np.arange(36)
    np.testing.assert_array_equal(conformal_thresholds(p, codes, 0.9), [1, 19, 0])
    assert [rows_needed(c) for c in (0.5, 0.8, 0.9, 0.95)] == [1, 4, 9, 19]


def p_value_sets(calibration, codes, scored, confidence):
    """The definition: p = (number at least as strange, itself included) / (n + 1) > 1 − c."""
    out = np.zeros(scored.shape, dtype=bool)
    for k in range(scored.shape[1]):
        own = 1 - calibration[codes == k, k]
        strange = (own[np.newaxis] >= 1 - scored[:, [k]]).sum(axis=1)
        out[:, k] = (strange + 1) / (len(own) + 1) > 1 - confidence + 1e-12
    return out


@pytest.mark.parametrize("confidence", [0.8, 0.9, 0.95])
def test_sets_are_those_of_the_definition(confidence):
    rng = np.random.default_rng(0)
    shares = np.array([0.8, 0.15, 0.05])
    X, codes = draw(shares, 150, rng)
    scored = posterior(draw(shares, 200, rng)[0], shares).astype(np.float32)
    p = posterior(X, shares).astype(np.float32)
    thresholds = conformal_thresholds(p, codes, confidence)
    found = Calibration((0, 1, 2), *[shares] * 3, confidence=confidence, thresholds=thresholds)
    np.testing.assert_array_equal(
        found.sets(scored), p_value_sets(p.astype(float), codes, scored.astype(float), confidence)
    )


def test_each_class_is_covered_whatever_the_classifier_is_worth():
    """500 calibration sets; a new row of class k lies in its set at least 90 % of the time.

    The probabilities are bad on purpose: of balanced classes, and much too sure.
    """
    rng = np.random.default_rng(0)
    n_rows, confidence, repetitions = (40, 12, 5), 0.9, 500
    codes = np.repeat([0, 1, 2], n_rows)

    def say(X):
        return softmax(4.0 * np.log(posterior(X, np.full(3, 1 / 3))), axis=1)

    hits = np.zeros(3)
    new = np.arange(3)
    for _ in range(repetitions):
        thresholds = conformal_thresholds(
            say(MEANS[codes] + rng.normal(size=(57, 2))), codes, confidence
        )
        q = say(MEANS + rng.normal(size=(3, 2))).astype(np.float32)
        hits += (q >= thresholds)[new, new]
    exact = [1 - np.floor(0.1 * (n + 1)) / (n + 1) for n in n_rows]  # 37/41, 12/13 and 1
    low, high = binom.interval(0.999, repetitions, exact)
    assert ((hits >= low) & (hits <= high)).all()
    assert hits[2] == repetitions


def test_marginal_sets_would_forsake_the_rare_class():
    """Why the sets are class-conditional: pooled thresholds cover the rare class far too seldom."""
    rng = np.random.default_rng(0)
    shares = np.array([0.9, 0.08, 0.02])
    X, codes = draw(shares, 3000, rng)
    X_new, new = draw(shares, 6000, rng)
    q, q_new = posterior(X, shares), posterior(X_new, shares)
    pooled = np.quantile(q[np.arange(len(q)), codes], 0.1)
    own = (q_new >= conformal_thresholds(q, codes, 0.9))[np.arange(len(new)), new]
    assert (q_new[new == 2, 2] >= pooled).mean() < 0.6
    assert own[new == 2].mean() > 0.8


def test_unknown_classes_are_in_no_set_and_have_no_probability():
    found = Calibration(
        ("b", "a"),
        np.array([0.5, 0.5]),
        np.array([0.8, 0.2]),
        np.array([0.8, 0.2]),
        confidence=0.9,
        thresholds=np.array([0.3, 0.0], dtype=np.float32),
        n_rows=np.array([20, 3]),
    ).reordered(["a", "never seen", "b"])
    np.testing.assert_array_equal(found.prior, [0.2, 0, 0.8])
    q = np.array([[0.2, 0.0, 0.8], [0.9, 0.0, 0.1]], dtype=np.float32)
    np.testing.assert_array_equal(found.sets(q), [[1, 0, 1], [1, 0, 0]])
    np.testing.assert_array_equal(found.decide(q), [0, 0])  # evidence 1 to 1 ties
    back = Calibration.from_dict(json.loads(json.dumps(found.to_dict())))
    assert back.to_dict() == found.to_dict()
    np.testing.assert_array_equal(back.sets(q), found.sets(q))


def test_no_sets_without_thresholds():
    even = np.array([0.5, 0.5])
    with pytest.raises(ValueError, match=r"confidence=0\.9"):
        Calibration(("a", "b"), even, even, even).sets(np.array([[0.5, 0.5]]))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "platt"}, "calibration must be 'temperature' or None, got 'platt'"),
        ({"decision": "majority"}, "decision must be one of"),
        ({"prior": "flat"}, "prior must be one of"),
        ({"prior": {"a": 0.0, "b": 1.0}}, "shares of prior must be positive"),
        ({"confidence": 90}, r"between 0 and 1, got 90; nine rows in ten: confidence=0\.9"),
        ({"n_folds": 1}, "n_folds must be an integer of at least 2, got 1"),
    ],
)
def test_plans_out_of_range(arguments, message):
    with pytest.raises(ValueError, match=message):
        CalibrationPlan(**arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"confidence": "0.9"}, "confidence must be a number between 0 and 1, got '0.9'"),
        ({"confidence": True}, "confidence must be a number"),
        ({"prior": np.ones(2)}, "prior must be one of .* got ndarray"),
        ({"prior": {"a": "much"}}, "shares of prior must be positive numbers"),
        ({"method": np.ones(2)}, "calibration must be"),
        ({"decision": np.ones(2)}, "decision must be"),
        ({"n_folds": 2.5}, r"n_folds must be an integer .* got 2\.5"),
    ],
)
def test_plans_of_wrong_types(arguments, message):
    with pytest.raises(ValueError, match=message):
        CalibrationPlan(**arguments)
