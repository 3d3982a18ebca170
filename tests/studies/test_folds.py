"""Which rows train and which are scored."""

import numpy as np
import pytest
from sklearn.model_selection import RepeatedStratifiedKFold, StratifiedShuffleSplit

from hs_specaug.exceptions import LeakageError
from hs_specaug.studies._folds import find_minority, make_folds, make_ratios, overlap_of

Y = np.repeat(["gel", "sol"], [107, 181])  # paper 000: 181 solutions, 107 gels


def folds(y=Y, ratios=None, **settings):
    defaults = {
        "groups": None,
        "repetitions": 4,
        "test_size": 0.17,
        "cv": None,
        "score_left_out": False,
        "seed": 3,
    }
    labels = np.unique(y).tolist()
    kinds = {"balanced_ratios": None, "imbalance_rates": None, "training_rows": None}
    minority = find_minority(y, settings.pop("minority", None))
    return make_folds(
        y,
        make_ratios(**{**kinds, **(ratios or {})}, labels=labels),
        minority=minority,
        **{**defaults, **settings},
    )


def counts(y, rows):
    return dict(zip(*(v.tolist() for v in np.unique(y[rows], return_counts=True)), strict=True))


def test_splits_are_those_of_scikit_learn():
    expected = StratifiedShuffleSplit(4, test_size=0.17, random_state=3).split(Y[:, None], Y)
    for fold, (train, test) in zip(folds(), expected, strict=True):
        np.testing.assert_array_equal(fold.train, train)
        np.testing.assert_array_equal(fold.test, test)


def test_a_repetition_does_not_depend_on_their_number():
    for few, many in zip(folds(), folds(repetitions=6), strict=False):
        np.testing.assert_array_equal(few.train, many.train)
        assert few.generator_seed == many.generator_seed


def test_balanced_ratios_of_paper_000_give_two_four_and_six_gels():
    asked = folds(ratios={"balanced_ratios": [0.013, 0.027, 0.039]})
    for fold in asked:
        n = {"0.013": 2, "0.027": 4, "0.039": 6}[fold.ratio.name.split()[-1]]
        assert counts(Y, fold.train) == {"gel": n, "sol": 150}


def test_exact_rows():
    wanted = {"sol": 150, "gel": 4}
    for fold in folds(ratios={"training_rows": [wanted]}):
        assert counts(Y, fold.train) == wanted
        assert fold.ratio.name == "sol: 150, gel: 4"
    with pytest.raises(ValueError, match=r"asks for 170 rows of class 'sol'.* has 150"):
        folds(ratios={"training_rows": {"sol": 170}})


def test_rates_are_ratios_turned_over():
    rated = folds(ratios={"imbalance_rates": [50]})
    for fold, other in zip(rated, folds(ratios={"balanced_ratios": [0.02]}), strict=True):
        np.testing.assert_array_equal(fold.train, other.train)


def test_thinning_is_nested_and_leaves_scored_rows_and_the_majority_alone():
    plain = folds()
    thinned = folds(ratios={"balanced_ratios": [0.02, 0.1, 1.0]})
    by_ratio = {name: [f for f in thinned if f.ratio.value == name] for name in (0.02, 0.1, 1.0)}
    for few, more, all_rows, whole in zip(*by_ratio.values(), plain, strict=True):
        assert set(few.train) < set(more.train) < set(whole.train)
        np.testing.assert_array_equal(all_rows.train, whole.train)
        for fold in (few, more):
            np.testing.assert_array_equal(fold.test, whole.test)
            sols = whole.train[Y[whole.train] == "sol"]
            np.testing.assert_array_equal(fold.train[Y[fold.train] == "sol"], sols)


def test_repetitions_keep_different_rows():
    kept = [tuple(f.train[Y[f.train] == "gel"]) for f in folds(ratios={"balanced_ratios": 0.02})]
    assert len(set(kept)) == 4


def test_what_is_left_out_may_be_scored():
    for fold in folds(ratios={"balanced_ratios": 0.027}, score_left_out=True):
        assert not set(fold.train) & set(fold.test)
        assert len(fold.train) + len(fold.test) == len(Y)
        assert counts(Y, fold.test)["gel"] == 103


@pytest.mark.parametrize("cv", [None, 3])
def test_groups_stay_on_one_side(cv):
    groups = np.arange(len(Y)) % 12
    for fold in folds(groups=groups, cv=cv, ratios={"balanced_ratios": [0.1, 0.5]}):
        assert not set(groups[fold.train]) & set(groups[fold.test])
        assert set(Y[fold.test]) == {"gel", "sol"}


def test_folds_are_repeated_and_score_every_row_once():
    found = folds(cv=3, repetitions=2)
    assert [(f.repetition, f.part) for f in found] == [(r, p) for r in range(2) for p in range(3)]
    for repetition in (0, 1):
        scored = np.concatenate([f.test for f in found if f.repetition == repetition])
        assert sorted(scored) == list(range(len(Y)))
    assert set(found[0].test) != set(found[3].test)


def test_a_splitter_says_itself_how_often():
    splitter = RepeatedStratifiedKFold(n_splits=2, n_repeats=3, random_state=0)
    assert len(folds(cv=splitter)) == 6
    with pytest.raises(LeakageError, match="own training rows"):
        folds(cv=[(np.arange(200), np.arange(100, 288))])


def test_which_classes_are_thinned():
    assert find_minority(np.array([2, 0, 0, 1, 1]), None) == [2]
    assert find_minority(np.repeat(["x", "y", "z"], 5), None) == ["y", "z"]  # paper 001
    assert find_minority(Y, "sol") == ["sol"]
    with pytest.raises(ValueError, match="minority holds 'gas'"):
        find_minority(Y, ["gas"])
    with pytest.raises(ValueError, match="not all"):
        find_minority(Y, ["gel", "sol"])


def test_how_alike_repetitions_are():
    assert overlap_of(folds(test_size=0.5), Y) == 1.0
    assert overlap_of(folds(cv=4), Y) == pytest.approx(1 / 3, rel=0.01)
    thinned = folds(test_size=0.5, ratios={"balanced_ratios": [0.05]})
    assert overlap_of(thinned, Y) == 1.0


@pytest.mark.parametrize(
    ("ratios", "message"),
    [
        ({"balanced_ratios": [0.1], "imbalance_rates": [5]}, "balanced_ratios and imbalance_rates"),
        ({"balanced_ratios": [0.1, 1.5]}, "above 0 and at most 1.*got 1.5"),
        ({"balanced_ratios": []}, "different values"),
        ({"balanced_ratios": [0.1, 0.1]}, "different values"),
        ({"balanced_ratios": [0.001]}, "leaves no row.*smallest balanced ratio is 0.00667"),
        ({"imbalance_rates": [0.5]}, "1 or more.*got 0.5"),
        ({"imbalance_rates": [float("nan")]}, "1 or more"),
        ({"training_rows": [{"gas": 3}]}, "no class 'gas'"),
        ({"training_rows": [{"gel": 0}]}, "must be a number of rows"),
        ({"training_rows": [4]}, "mappings of labels"),
    ],
)
def test_impossible_ratios_are_named(ratios, message):
    with pytest.raises(ValueError, match=message):
        folds(ratios=ratios)
