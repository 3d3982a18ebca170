"""What a user may get wrong in a comparison: every error names it, nothing is passed over."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.neighbors import KNeighborsClassifier

import hs_specaug
from hs_specaug.evaluation import compare, frechet_distance, make_splits, usefulness

N = 26


@pytest.fixture(scope="module")
def sets():
    rng = np.random.default_rng(0)
    real, synthetic = rng.normal(size=(2, 2 * N, 6))
    return real, synthetic, np.repeat(["a", "b"], N)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.repeat(np.array(["a", None], dtype=object), N), "y_real must be known .* 26 None"),
        (np.repeat([1.0, np.nan], N), "y_real must be known for every row, got 26 None or NaN"),
        (np.linspace(0.1, 0.9, 2 * N), "y_real must be class labels, got fractions"),
        (np.array(["a", 1] * N, dtype=object), "y_real must be of one type, got int and str"),
        (np.repeat(["c", "d"], N), r"real ones are \['c', 'd'\], the synthetic ones \['a', 'b'\]"),
    ],
)
def test_labels_are_checked(sets, labels, message):
    real, synthetic, y = sets
    with pytest.raises(ValueError, match=message):
        compare(real, synthetic, labels, y, metrics="pearson")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"classes": []}, ValueError, "classes must be some of"),
        ({"classes": ["a", "typo"]}, ValueError, r"real rows, \['a', 'b'\].*got \['a', 'typo'\]"),
        ({"classes": ["a", "a"]}, ValueError, "each once"),
        ({"classes": "ab"}, ValueError, "classes must be a list"),
        ({"groups": np.arange(5)}, ValueError, r"groups must have one entry per row, \(52,\)"),
        ({"groups": [None] * 2 * N}, ValueError, "groups must be known"),
        ({"classifier": KNeighborsClassifier}, TypeError, r"write KNeighborsClassifier\(\)"),
        ({"classifier": LinearRegression()}, TypeError, "classifier must be None, a name"),
        ({"classifier": "typo"}, ValueError, "unknown classifier 'typo'"),
        ({"n_repeats": 2.5}, ValueError, "n_repeats must be a whole number"),
        ({"level": "a"}, ValueError, "level must be a number"),
        ({"max_rows": 2.5}, ValueError, "max_rows must be a whole number"),
        ({"metrics": []}, ValueError, "metrics is empty"),
        ({"metrics": 5}, TypeError, "metrics must be None, a name or a list"),
        ({"y_training": ["a"]}, ValueError, "y_training is given without training"),
        (
            {"training": np.ones((3, 5)), "y_training": list("aab")},
            ValueError,
            "real and training must have rows of one length",
        ),
        (
            {"axis": hs_specaug.SignalAxis("E", "eV", np.arange(5.0))},
            ValueError,
            "axis has 5 channels, the rows have 6",
        ),
        (
            {"embedding": lambda rows: rows[:3], "metrics": "diversity"},
            ValueError,
            r"embedding must return one vector for each of the 52 rows.*got shape \(3, 6\)",
        ),
    ],
)
def test_options_are_checked(sets, options, error, message):
    real, synthetic, y = sets
    with pytest.raises(error, match=message):
        compare(real, synthetic, y, y, **{"metrics": "pearson", **options})


def test_rows_that_would_give_wrong_figures_are_refused(sets):
    real, synthetic, y = sets
    with pytest.raises(ValueError, match="real needs at least 1 rows, got 0"):
        compare(real[:0], synthetic, y[:0], y)
    with pytest.raises(ValueError, match="too large to be squared; divide"):
        frechet_distance(real * 1e200, synthetic)
    with pytest.raises(ValueError, match=r"real has .* masked values"):
        frechet_distance(np.ma.masked_greater(real, 1.0), synthetic)


def test_copies_of_real_rows_and_unknown_classes_are_said(sets):
    real, synthetic, y = sets
    rows, labels = synthetic.copy(), y.copy()
    rows[:3] = real[:3]
    labels[-2:] = "c"
    notes = "\n".join(compare(real, rows, y, labels, metrics="pearson", random_state=0).notes)
    assert "3 of the 52 synthetic rows are copies of real rows" in notes
    assert "synthetic rows of c have no real rows" in notes
    assert compare(real, synthetic, y, y, metrics="pearson", random_state=0).notes == ()


def test_a_classifier_may_be_named(sets):
    real, synthetic, y = sets
    named = usefulness(real, synthetic, y, y, classifier="KNeighborsClassifier", random_state=0)
    made = usefulness(real, synthetic, y, y, classifier=KNeighborsClassifier(), random_state=0)
    assert str(named) == str(made)


def test_share_must_be_a_number():
    with pytest.raises(ValueError, match="test_size must be a share between 0 and 1, got 'a'"):
        make_splits(["a", "b"] * 4, test_size="a")
