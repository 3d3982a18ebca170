"""Synthetic rows as training rows: scored on real rows that no classifier has seen."""

import json

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, f1_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.tree import DecisionTreeClassifier

from hs_specaug.evaluation import Usefulness, usefulness
from hs_specaug.evaluation.comparison._usefulness import BOTH, REAL, SYNTHETIC, _gain
from hs_specaug.exceptions import LeakageError, TooFewRowsError

MODEL = KNeighborsClassifier(3)


def blobs(n, seed, distance=1.5):
    rng = np.random.default_rng(seed)
    y = np.repeat(["common", "rare"], n)
    return rng.normal(size=(len(y), 6)) + distance * (y == "rare")[:, np.newaxis], y


@pytest.fixture
def sets():
    """Held-out real rows, good synthetic ones, and training rows with two of the rare class."""
    training, y = blobs([60, 2], 0)
    return blobs([80, 80], 1), blobs([80, 80], 2), (training, y)


def test_scores_are_those_of_scikit_learn(sets):
    (X, y), (Z, yz), (T, yt) = sets
    found = usefulness(X, Z, y, yz, training=T, y_training=yt, classifier=MODEL, random_state=0)
    both = np.concatenate([T, Z]), np.concatenate([yt, yz])
    for name, data in ((REAL, (T, yt)), (BOTH, both), (SYNTHETIC, (Z, yz))):
        predicted = KNeighborsClassifier(3).fit(*data).predict(X)
        report = found.reports[name]
        np.testing.assert_array_equal(report.confusion_matrix, confusion_matrix(y, predicted))
        assert report.macro_f_score == pytest.approx(f1_score(y, predicted, average="macro"))
        assert found.n_rows[name] == len(data[0])
    gain = found.gains[BOTH]
    assert gain.value == pytest.approx(
        found.reports[BOTH].macro_f_score - found.reports[REAL].macro_f_score
    )
    assert gain.low > 0.2  # two rare rows are few, eighty good ones more help
    assert found.classifier == "KNeighborsClassifier"


def test_rows_with_wrong_labels_harm(sets):
    (X, y), (Z, yz), _ = sets
    found = usefulness(X, Z, y, yz[::-1], classifier=MODEL, random_state=0)
    assert found.gains[BOTH].high < 0
    assert found.reports[SYNTHETIC].macro_f_score < 0.5


def test_folds_score_every_row_once(sets):
    (X, y), (Z, yz), _ = sets
    found = usefulness(X, Z, y, yz, classifier=MODEL, n_folds=4, random_state=0)
    assert all(r.confusion_matrix.sum() == 160 for r in found.reports.values())
    assert found.n_rows == {REAL: 120, BOTH: 280, SYNTHETIC: 160}
    few = np.r_[0:80, 80:83]
    assert usefulness(X[few], Z, y[few], yz, classifier=MODEL).reports[REAL].n_folds == 3


def test_paired_interval_is_that_of_a_plain_bootstrap():
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 3, 200)
    before = np.where(rng.random(200) < 0.6, truth, rng.integers(0, 3, 200))
    after = np.where(rng.random(200) < 0.75, truth, rng.integers(0, 3, 200))
    gain = _gain(truth, before, after, 3, None, seed=0)
    plain = []
    for _ in range(300):
        i = rng.integers(0, 200, 200)
        scores = [f1_score(truth[i], p[i], average="macro") for p in (after, before)]
        plain.append(scores[0] - scores[1])
    assert gain.low == pytest.approx(np.quantile(plain, 0.025), abs=0.03)
    assert gain.high == pytest.approx(np.quantile(plain, 0.975), abs=0.03)
    assert _gain(truth, after, after, 3, None, seed=0) == (0.0, 0.0, 0.0)
    groups = np.repeat(np.arange(100), 2)
    twice = [np.repeat(v[:100], 2) for v in (truth, before, after)]
    alone = _gain(*(v[:100] for v in (truth, before, after)), 3, None, seed=0)
    grouped = _gain(*twice, 3, groups, seed=0)  # a row counted twice tells nothing new
    assert grouped.value == pytest.approx(alone.value)
    assert grouped.high - grouped.low == pytest.approx(alone.high - alone.low, rel=0.1)


def test_groups_stay_together():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(8), 10)
    y = np.where(groups % 2, "b", "a")
    X = rng.normal(size=(8, 5))[groups] + 0.01 * rng.normal(size=(80, 5))  # groups alike, not y
    Z, yz = rng.normal(size=(20, 5)), np.repeat(["a", "b"], 10)
    torn = usefulness(X, Z, y, yz, classifier=MODEL, random_state=0)
    whole = usefulness(X, Z, y, yz, classifier=MODEL, groups=groups, random_state=0)
    assert torn.reports[REAL].macro_f_score > 0.95
    assert whole.reports[REAL].macro_f_score < 0.7
    assert whole.reports[REAL].n_groups == 8


def test_synthetic_rows_of_some_classes_only(sets):
    (X, y), (Z, yz), _ = sets
    rare = yz == "rare"
    found = usefulness(X, Z[rare], y, yz[rare], classifier=MODEL, random_state=0)
    assert list(found.reports) == [REAL, BOTH]
    assert "no synthetic rows of common" in repr(found)


def test_default_classifier_takes_images_and_survives_json():
    X, y = blobs([20, 20], 1)
    Z, yz = blobs([20, 20], 2)
    pair = [rows.reshape(-1, 1, 2, 3) for rows in (X, Z)]
    found = usefulness(*pair, y, yz, n_folds=2, random_state=0)
    assert found.reports[REAL].macro_f_score > 0.8
    again = usefulness(*pair, y, yz, n_folds=2, random_state=0)
    assert repr(again) == repr(found)
    back = Usefulness.from_dict(json.loads(json.dumps(found.to_dict())))
    assert repr(back) == repr(found)
    assert "RandomForestClassifier, scored on 40 held-out real rows" in repr(back)


def test_refusals(sets):
    (X, y), (Z, yz), (T, yt) = sets
    with pytest.raises(LeakageError, match=r"1 of the 160 real rows .* among the training"):
        usefulness(X, Z, y, yz, training=np.r_[T, X[:1]], y_training=np.r_[yt, y[:1]])
    with pytest.raises(LeakageError, match="among the synthetic"):
        usefulness(X, np.r_[Z, X[:2]], y, np.r_[yz, y[:2]])
    with pytest.raises(TooFewRowsError, match="at least two classes"):
        usefulness(X[:80], Z, y[:80], yz)
    with pytest.raises(TooFewRowsError, match=r"at least 2 real rows .*'rare' \(1\)"):
        usefulness(X[:81], Z, y[:81], yz)
    with pytest.raises(TooFewRowsError, match=r"there are none of \['rare'\]"):
        usefulness(X, Z, y, yz, training=T[:60], y_training=yt[:60])
    with pytest.raises(ValueError, match="y_real must have one label per row"):
        usefulness(X, Z, y[:-1], yz)


def test_seed_goes_to_classifiers_without_one(sets, no_global_rng):
    (X, y), (Z, yz), _ = sets
    model = DecisionTreeClassifier(max_features=1)
    first, again = (
        usefulness(X, Z, y, yz, classifier=model, n_folds=2, random_state=3) for _ in range(2)
    )
    assert repr(first) == repr(again)
    assert model.random_state is None
