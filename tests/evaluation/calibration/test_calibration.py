"""Calibration errors by hand and against scikit-learn; calibration inside leak-proof folds."""

import json
import warnings

import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy.special import softmax
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, log_loss
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier

import hs_specaug
from hs_specaug.classifiers._calibrated import CalibrationPlan
from hs_specaug.evaluation import (
    ClassificationReport,
    brier_score,
    evaluate_classifier,
    expected_calibration_error,
    fit_calibrated,
    ideal_calibration_error,
    make_splits,
    negative_log_likelihood,
    reliability_curve,
)
from hs_specaug.evaluation.calibration._fold import inner_splits
from hs_specaug.exceptions import FewSamplesWarning, LeakageError, TooFewRowsError
from hs_specaug.generators import RandomGenerator

# --- numbers -------------------------------------------------------------------------------------


def test_reliability_curve_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    sure = rng.random(1000)
    hit = rng.random(1000) < sure**2
    curve = reliability_curve(sure, hit)
    frequency, probability = calibration_curve(hit, sure, n_bins=10, strategy="quantile")
    np.testing.assert_allclose(curve.frequency, frequency)
    np.testing.assert_allclose(curve.probability, probability)
    assert curve.n_rows.tolist() == [100] * 10


def test_expected_calibration_error_by_hand():
    # Class 0 said 0.8 and there in 2 of 4; said 0.5 and there in 1 of 2: (4 × 0.3 + 2 × 0) / 6.
    first = np.array([0.8] * 4 + [0.5] * 2)
    p, codes = np.column_stack([first, 1 - first]), [0, 0, 1, 1, 0, 1]
    assert expected_calibration_error(p, codes, n_bins=2) == pytest.approx(0.2)
    # A third class that never occurs and is never expected dilutes the mean over classes.
    three = np.column_stack([p, np.zeros(6)])
    assert expected_calibration_error(three, codes, n_bins=2) == pytest.approx(0.4 / 3)


def test_errors_of_classes_do_not_cancel():
    """Right in 7 of 10 at 0.7 on average, but class 0 always and class 1 hardly ever."""
    p = np.array([[0.7, 0.3]] * 60 + [[0.3, 0.7]] * 30)
    codes = [0] * 60 + [0] * 27 + [1] * 3
    assert np.mean(p.argmax(axis=1) == codes) == pytest.approx(0.7)
    assert expected_calibration_error(p, codes, n_bins=10) == pytest.approx(
        (60 * 0.3 + 30 * 0.6) / 90
    )


def test_ties_share_a_bin_in_any_order():
    rng = np.random.default_rng(0)
    sure = rng.choice([0.4, 0.7, 1.0], 300, p=[0.1, 0.2, 0.7])
    hit = rng.random(300) < 0.6
    order = rng.permutation(300)
    curve, shuffled = reliability_curve(sure, hit), reliability_curve(sure[order], hit[order])
    assert curve.n_rows.tolist() == [np.count_nonzero(sure == v) for v in (0.4, 0.7, 1.0)]
    np.testing.assert_allclose(curve.probability, shuffled.probability)
    np.testing.assert_allclose(curve.frequency, shuffled.frequency)


def test_ideal_error_is_what_exact_probabilities_show():
    rng = np.random.default_rng(0)
    p = rng.dirichlet([0.5, 1, 2], 200)
    seen = []
    for _ in range(200):
        codes = (p.cumsum(axis=1) < rng.random((200, 1))).sum(axis=1)
        seen.append(expected_calibration_error(p, codes))
    assert ideal_calibration_error(p, random_state=1) == pytest.approx(np.mean(seen), rel=0.05)
    few, many = (ideal_calibration_error(np.full((n, 2), 0.5), random_state=0) for n in (40, 4000))
    assert many < few / 5


def test_proper_scores_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    p = rng.dirichlet([1, 1, 1], 50)
    codes = rng.integers(3, size=50)
    assert negative_log_likelihood(p, codes) == pytest.approx(log_loss(codes, p, labels=[0, 1, 2]))
    theirs = brier_score_loss(codes, p, labels=[0, 1, 2], scale_by_half=False)
    assert brier_score(p, codes) == pytest.approx(theirs)
    assert negative_log_likelihood([[1.0, 0.0]], [1]) == pytest.approx(-np.log(1e-6))


def test_calibration_errors_say_what_is_wrong():
    with pytest.raises(TooFewRowsError, match="cv=5"):
        reliability_curve([], [])
    with pytest.raises(ValueError, match=r"shapes \(2,\) and \(1,\)"):
        reliability_curve([0.1, 0.2], [True])
    with pytest.raises(ValueError, match=r"between 0 and 1, got 0\.5 to 80"):
        expected_calibration_error([[0.5, 0.5], [80.0, 20.0]], [0, 1])
    with pytest.raises(ValueError, match="n_bins must be an integer of at least 1"):
        reliability_curve([0.1], [True], n_bins=0)


# --- inner folds ---------------------------------------------------------------------------------


def test_inner_folds_hold_out_every_row_once_and_learn_every_class():
    y = np.array(["a"] * 10 + ["b"] * 4 + ["alone"])
    splits = inner_splits(y, 3, None, 0)
    held_out = np.concatenate([s.test for s in splits])
    assert sorted(held_out) == list(range(14))  # row 14 is alone in its class: never held out
    for train, test in splits:
        assert not set(train) & set(test)
        assert set(y[train]) == set(y)


def test_inner_folds_keep_groups_together():
    y = np.array((["a"] * 3 + ["b"] * 3) * 4 + ["c"] * 2)
    groups = np.append(np.repeat(np.arange(4), 6), [3, 3])  # class c in group 3 only
    splits = inner_splits(y, 3, groups, 0)
    assert len(splits) >= 2
    for train, test in splits:
        assert not set(groups[train]) & set(groups[test])
        assert set(y[train]) == set(y)
    assert 3 not in groups[np.concatenate([s.test for s in splits])]


def test_no_inner_fold_where_nothing_can_be_held_out():
    assert inner_splits(np.array(["a", "b"]), 3, None, 0) == []
    assert inner_splits(np.array(["a", "b"] * 3), 3, np.zeros(6), 0) == []


# --- fits ----------------------------------------------------------------------------------------


class TooSure(LogisticRegression):
    """Four times the logits that it should have."""

    def predict_proba(self, X):
        return softmax(4.0 * np.log(super().predict_proba(X)), axis=1)


def overlapping(n_common, n_rare, seed=0):
    rng = np.random.default_rng(seed)
    y = np.repeat(["common", "rare"], [n_common, n_rare])
    return rng.normal(0, 1, (len(y), 2)) + (y == "rare")[:, None] * 1.2, y


def test_prior_correction_mends_the_probabilities_of_balanced_rows():
    X, y = overlapping(900, 60)
    splits = make_splits(y, cv=4, random_state=0)
    options = {"splits": splits, "random_state": 0}
    generator = hs_specaug.make_generator("random", random_state=0)
    report = evaluate_classifier(X, y, LogisticRegression(), generator=generator, **options)
    found = report.calibration
    assert found.expected_calibration_error["before"] > 0.2
    assert found.expected_calibration_error["after"] < 0.05
    assert found.negative_log_likelihood["after"] < 0.5 * found.negative_log_likelihood["before"]
    assert found.brier_score["after"] < 0.5 * found.brier_score["before"]
    # The recall that the balanced rows bought is kept, unless it is given up on purpose.
    bayes = CalibrationPlan(decision="bayes")
    given_up = evaluate_classifier(
        X, y, LogisticRegression(), generator=generator, calibration=bayes, **options
    )
    assert report.scores["recall"][1] > given_up.scores["recall"][1] + 0.3
    nothing = evaluate_classifier(X, y, LogisticRegression(), **options)
    assert abs(given_up.scores["recall"][1] - nothing.scores["recall"][1]) < 0.1


def test_decisions_are_those_of_the_classifier_by_default():
    X, y = overlapping(90, 20)
    splits = make_splits(y, cv=3, random_state=0)
    generator = hs_specaug.make_generator("smote", random_state=0)
    plans = [CalibrationPlan("temperature", random_state=0), CalibrationPlan(prior="uniform"), None]
    for plan in plans:
        report = evaluate_classifier(
            X, y, GaussianNB(), splits=splits, generator=generator, calibration=plan
        )
        for (train, test), part in zip(
            splits, np.split(report.calibration.out_of_fold.assigned, np.cumsum([
                len(s.test) for s in splits])[:-1]), strict=True
        ):  # fmt: skip
            model = fit_calibrated(X[train], y[train], GaussianNB(), generator)[0]
            np.testing.assert_array_equal(model.classes_[part], model.predict(X[test]))


def test_balanced_decision_of_rows_as_they_are():
    """Without augmentation it does what augmentation does: it listens to the rare class."""
    X, y = overlapping(900, 60)
    splits = make_splits(y, cv=4, random_state=0)
    recall = {
        decision: evaluate_classifier(
            X,
            y,
            LogisticRegression(),
            splits=splits,
            calibration=CalibrationPlan(decision=decision),
        ).scores["recall"][1]
        for decision in ("classifier", "balanced", "bayes")
    }
    assert recall["classifier"] == recall["bayes"] < recall["balanced"] - 0.3


def test_temperature_in_folds_mends_a_classifier_that_is_too_sure():
    X, y = overlapping(1000, 200)
    report = evaluate_classifier(
        X,
        y,
        TooSure(),
        splits=make_splits(y, cv=3, random_state=0),
        calibration=CalibrationPlan("temperature", random_state=0),
        random_state=0,
    )
    found = report.calibration
    assert len(found.temperatures) == 3
    assert np.allclose(found.temperatures, 4.0, rtol=0.4)
    error = found.expected_calibration_error
    assert error["after"] < 0.5 * error["before"]
    assert found.negative_log_likelihood["after"] < 0.7 * found.negative_log_likelihood["before"]


class Spy(KNeighborsClassifier):
    seen = []  # noqa: RUF012
    scored = []  # noqa: RUF012

    def fit(self, X, y):
        Spy.seen.append({tuple(row) for row in X})
        return super().fit(X, y)

    def predict_proba(self, X):
        Spy.scored.append({tuple(row) for row in X})
        return super().predict_proba(X)


def test_temperature_and_sets_see_real_training_rows_only():
    X, y = np.random.default_rng(0).random((60, 3)), np.array(["a"] * 40 + ["b"] * 20)
    splits = make_splits(y, cv=2, random_state=0)
    Spy.seen, Spy.scored = [], []
    evaluate_classifier(
        X,
        y,
        Spy(),
        splits=splits,
        generator=hs_specaug.make_generator("gaussian-noise", random_state=0),
        calibration=CalibrationPlan("temperature", confidence=0.7, random_state=0),
    )
    real = {tuple(row) for row in X}
    for fold, split in enumerate(splits):
        scored = {tuple(row) for row in X[split.test]}
        fits, answers = Spy.seen[4 * fold : 4 * fold + 4], Spy.scored[4 * fold : 4 * fold + 4]
        assert all(not rows & scored for rows in fits)
        for fitted, held_out in zip(fits[:3], answers[:3], strict=True):
            assert held_out <= real - scored
            assert not fitted & held_out
        assert fits[3] >= {tuple(row) for row in X[split.train]}
        assert answers[3] == scored
    assert len(Spy.seen) == 8


def test_foreign_generator_must_not_have_seen_calibration_rows():
    X, y = overlapping(40, 20)
    foreign = RandomGenerator(random_state=0).fit(X[:1].repeat(4, axis=0), ["common", "rare"] * 2)
    with pytest.raises(LeakageError):
        fit_calibrated(
            X, y, GaussianNB(), foreign, refit=False, plan=CalibrationPlan("temperature")
        )
    _, found = fit_calibrated(X, y, GaussianNB(), foreign, refit=False)
    assert found.temperature is None
    np.testing.assert_allclose(found.training_prior, [0.5, 0.5])


def test_sets_cover_each_class_in_fresh_rows():
    X, y = overlapping(240, 60)
    model, found = fit_calibrated(
        X,
        y,
        LogisticRegression(),
        hs_specaug.make_generator("smote", random_state=0),
        plan=CalibrationPlan("temperature", confidence=0.9, random_state=0),
    )
    assert found.n_rows.tolist() == [240, 60]
    X_new, y_new = overlapping(20000, 20000, seed=1)
    sets = found.sets(found.apply(model.predict_proba(X_new)))
    coverage = [sets[y_new == name, k].mean() for k, name in enumerate(found.labels)]
    # The quantile of n rows has a standard deviation of √(0.9 × 0.1 / n): 0.02 and 0.04.
    assert 0.84 < coverage[0] < 0.96
    assert 0.80 < coverage[1] < 0.99
    assert sets.sum(axis=1).mean() < 1.7


def test_a_class_with_too_few_rows_is_in_every_set_and_that_is_said():
    X, y = overlapping(60, 5)
    with pytest.warns(FewSamplesWarning, match=r"need 9 measured rows.*\{'rare': 5\}.*every set"):
        model, found = fit_calibrated(
            X, y, LogisticRegression(), plan=CalibrationPlan(confidence=0.9, random_state=0)
        )
    sets = found.sets(found.apply(model.predict_proba(X)))
    assert sets[:, 1].all()
    assert not sets[:, 0].all()


def test_too_few_rows_for_a_temperature():
    X, y = overlapping(12, 6)
    with pytest.warns(FewSamplesWarning, match="at least 20 measured rows.*got 18"):
        _, found = fit_calibrated(X, y, GaussianNB(), plan=CalibrationPlan("temperature"))
    assert found.temperature is None


def test_same_seed_same_calibration():
    X, y = overlapping(40, 20)
    plan = CalibrationPlan("temperature", confidence=0.8, random_state=3)
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    first, second = (fit_calibrated(X, y, GaussianNB(), plan=plan)[1] for _ in range(2))
    fit_calibrated(X, y, GaussianNB(), plan=CalibrationPlan("temperature"))
    assert first.to_dict() == second.to_dict()
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002


# --- the report ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def report():
    X, y = overlapping(120, 40)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FewSamplesWarning)
        return evaluate_classifier(
            X,
            y,
            TooSure(),
            splits=make_splits(y, cv=2, random_state=0),
            calibration=CalibrationPlan("temperature", confidence=0.8, random_state=0),
            random_state=0,
        )


def test_report_there_and_back(report):
    back = ClassificationReport.from_dict(json.loads(json.dumps(report.to_dict())))
    assert repr(back) == repr(report)
    assert back.to_dict() == report.to_dict()
    assert back.calibration.out_of_fold is None
    assert "expected calibration error" in repr(report)
    assert "prediction sets at 80%" in repr(report)


def test_reports_of_before_are_still_read(report):
    old = {k: v for k, v in report.to_dict().items() if k != "calibration"}
    assert ClassificationReport.from_dict(old).calibration is None
    assert "calibration" not in repr(ClassificationReport.from_dict(old))


def test_figures_follow_from_the_rows(report):
    found, rows = report.calibration, report.calibration.out_of_fold
    assert sorted(rows.rows) == list(range(160))
    np.testing.assert_allclose(rows.after.sum(axis=1), 1.0, atol=1e-6)
    for name in ("before", "after"):
        error = expected_calibration_error(getattr(rows, name), rows.codes)
        assert found.expected_calibration_error[name] == error
    for code in (0, 1):
        assert found.coverage[code] == rows.sets[rows.codes == code, code].mean()
    np.testing.assert_array_equal(
        report.confusion_matrix[1], np.bincount(rows.assigned[rows.codes == 1], minlength=2)
    )


def test_reliability_diagram(report):
    ax = report.calibration.plot()
    legend = [text.get_text() for text in ax.figure.legends[0].get_texts()]
    error = report.calibration.expected_calibration_error
    errors = [f"{k}: error {error[k]:.3f}" for k in ("before", "after")]
    assert legend == [*errors, "common", "rare"]
    offsets = ax.collections[-1].get_offsets()
    np.testing.assert_allclose(offsets[:, 1], report.calibration.curves["after"][1].frequency)
    assert ax.get_xlabel() == "probability of a class"
    plt.close(ax.figure)


@pytest.mark.parametrize(
    "score", [expected_calibration_error, negative_log_likelihood, brier_score]
)
@pytest.mark.parametrize("codes", [[0, -1], [0, 2], ["a", "b"], [0, 1, 1], [0.0, 1.0]])
def test_codes_must_be_columns(score, codes):
    with pytest.raises(ValueError, match="codes must be 2 integers, one per row, from 0 to 1"):
        score([[0.1, 0.9], [0.8, 0.2]], codes)


@pytest.mark.parametrize(
    "score", [expected_calibration_error, negative_log_likelihood, brier_score]
)
def test_probabilities_must_be_such(score):
    with pytest.raises(ValueError, match=r"must have shape \(n, n_classes\), got \(2,\)"):
        score([0.1, 0.9], [0, 1])
    with pytest.raises(ValueError, match="probabilities must be between 0 and 1, got nan"):
        score([[np.nan, 0.9], [0.8, 0.2]], [0, 1])
    with pytest.raises(TooFewRowsError, match="got none"):
        score(np.zeros((0, 2)), [])


def test_what_occurred_is_no_label():
    with pytest.raises(ValueError, match="occurred must be True or False"):
        reliability_curve([0.1, 0.2], ["a", "b"])
    with pytest.raises(ValueError, match="n_draws must be an integer of at least 1, got 0"):
        ideal_calibration_error([[0.1, 0.9]], n_draws=0)


def test_lists_and_tables_are_rows_too():
    import pandas as pd

    rng = np.random.default_rng(0)
    y = np.arange(40) % 2
    X = rng.normal(size=(40, 3)) + y[:, np.newaxis]
    plan = CalibrationPlan("temperature", confidence=0.8, random_state=0)
    models = [
        fit_calibrated(rows, labels, LogisticRegression(), plan=plan)
        for rows, labels in (
            (X, y),
            (X.tolist(), y.tolist()),
            (pd.DataFrame(X, index=np.arange(40) + 7), pd.Series(y, index=np.arange(40) + 7)),
        )
    ]
    for model, found in models[1:]:
        np.testing.assert_array_equal(model.predict_proba(X), models[0][0].predict_proba(X))
        assert found.temperature == models[0][1].temperature


def test_rows_and_plans_that_do_not_fit():
    X, y = np.zeros((6, 3)), np.arange(6) % 2
    with pytest.raises(ValueError, match=r"same number of rows.*\(5, 3\) and \(6,\)"):
        fit_calibrated(X[:5], y, LogisticRegression())
    with pytest.raises(ValueError, match="at least one"):
        fit_calibrated(X[:0], y[:0], LogisticRegression())
    with pytest.raises(ValueError, match=r"groups must have one entry per row, \(6,\), got \(2,\)"):
        fit_calibrated(X, y, LogisticRegression(), groups=[0, 1])
    with pytest.raises(TypeError, match="plan must be a CalibrationPlan or None, got 'temp"):
        fit_calibrated(X, y, LogisticRegression(), plan="temperature")
    with pytest.raises(ValueError, match="splits must hold at least one fold"):
        evaluate_classifier(X, y, LogisticRegression(), splits=[])
