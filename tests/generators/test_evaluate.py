"""A generator judged by rows that it has not seen: fingerprints say which these are."""

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.tree import DecisionTreeClassifier

from hs_specaug import load_generator, make_generator
from hs_specaug.evaluation import compare
from hs_specaug.exceptions import LeakageError

TREE = DecisionTreeClassifier(max_depth=3, random_state=0)


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    y = np.tile(["a", "b"], 60)
    X = rng.normal(size=(120, 12)) + 2.0 * (y == "b")[:, np.newaxis]
    return X, y


@pytest.fixture
def fitted(rows):
    X, y = rows
    return make_generator("smote", random_state=0).fit(X[:60], y[:60])


def test_seen_rows_become_the_training_rows(fitted, rows):
    X, y = rows
    order = np.random.default_rng(1).permutation(120)
    metrics = ["fid", "memorisation", "usefulness"]
    report = fitted.evaluate(
        X[order], y[order], metrics=metrics, classifier=TREE, n_repeats=3, random_state=0
    )
    assert report.n_real.tolist() == [30, 30]
    assert report.n_synthetic.tolist() == [30, 30]
    assert [r.n_training for r in report.memorisation.values()] == [30, 30]
    assert report.usefulness.n_rows["real"] == 60
    assert report.usefulness.reports["real"].confusion_matrix.sum() == 60
    assert report.subject == "rows of generator 'smote'"
    assert report.notes == ()


def test_what_is_scored_is_what_the_generator_samples(fitted, rows):
    X, y = rows
    report = fitted.evaluate(X, y, metrics="kid", n_per_class=25, n_repeats=2, random_state=7)
    seeds = np.random.RandomState(7).randint(np.iinfo(np.int32).max, size=2)
    Z, yz = fitted.sample({"a": 25, "b": 25}, random_state=int(seeds[0]))
    own = compare(
        X[60:], Z, y[60:], yz, training=X[:60], y_training=y[:60],
        metrics="kid", n_repeats=2, random_state=int(seeds[1]),
    )  # fmt: skip
    assert own.details == report.details
    np.testing.assert_array_equal(own.values["kid-raw"], report.values["kid-raw"])


def test_repetition_is_called_copying(rows):
    X, y = rows
    generator = make_generator("random", random_state=0).fit(X[:60], y[:60])
    report = generator.evaluate(X, y, metrics="memorisation", n_per_class=10, random_state=0)
    assert all(found.copies.all() for found in report.memorisation.values())
    assert "10 of 10 rows of a (10 of them copies)" in report.verdict


def test_only_unseen_rows(fitted, rows):
    X, y = rows
    report = fitted.evaluate(X[60:], y[60:], metrics=["fid", "memorisation"], random_state=0)
    assert report.memorisation == {}
    assert report.notes[-1].startswith("memorisation: needs the rows that the generator was")
    given = fitted.evaluate(
        X[60:], y[60:], training=X[:60], y_training=y[:60], metrics="memorisation", random_state=0
    )
    assert [r.n_training for r in given.memorisation.values()] == [30, 30]


def test_seen_rows_are_never_scored(fitted, rows):
    X, y = rows
    with pytest.raises(
        LeakageError, match=r"seen all 60 rows, or rows equal to them, in its training.*make_splits"
    ):
        fitted.evaluate(X[:60], y[:60])
    with pytest.raises(LeakageError, match="120 rows of X were seen in training, and training="):
        fitted.evaluate(X, y, training=X[:60], y_training=y[:60])


def test_notes_say_what_is_missing(fitted, rows):
    X, y = rows
    part = np.r_[0:20, 60:120]
    report = fitted.evaluate(X[part], y[part], metrics="memorisation", random_state=0)
    assert "20 of 60 training rows are known here" in report.notes[-1]
    no_b = np.flatnonzero((np.arange(120) < 60) | (y == "a"))
    report = fitted.evaluate(X[no_b], y[no_b], metrics="fid", n_repeats=2, random_state=0)
    assert report.classes == ("a",)
    assert report.notes == ("not judged, because all their rows were seen: b",)
    report = fitted.evaluate(
        X, y, metrics="fid", groups=np.arange(120) // 20, n_repeats=2, random_state=0
    )
    assert report.notes[0].startswith("no group has rows on both sides")
    report = fitted.evaluate(
        X, y, metrics="fid", groups=np.arange(120) % 4, n_repeats=2, random_state=0
    )
    assert "4 groups (0, 1, 2, ...) have rows on both sides" in report.notes[0]


def test_errors(fitted, rows):
    X, y = rows
    with pytest.raises(NotFittedError):
        make_generator("smote").evaluate(X, y)
    with pytest.raises(ValueError, match=r"rows of shape \(12,\)"):
        fitted.evaluate(X[:, :5], y)
    with pytest.raises(ValueError, match="unknown class 'c'"):
        fitted.evaluate(X[60:], np.where(y[60:] == "a", "c", y[60:]))


def test_a_file_remembers_what_was_seen(fitted, rows, tmp_path, no_global_rng):
    X, y = rows
    again = load_generator(fitted.save(tmp_path / "smote.safetensors"))
    options = {"metrics": ["fid", "memorisation"], "n_repeats": 2, "random_state": 0}
    first, second = (g.evaluate(X, y, **options) for g in (fitted, again))
    assert repr(first) == repr(second)
