"""Which composites and baselines a search compares."""

import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from hs_specaug.exceptions import IncompatibleSignalError
from hs_specaug.generators import RandomGenerator
from hs_specaug.perturbations import Compose, Domain, parse_perturbation
from hs_specaug.strategies import composites
from hs_specaug.strategies._candidates import make_candidates

FOUR = {"1": "shift", "2": "gain", "3": "baseline", "4": "gaussian-noise"}


def test_four_base_strategies_give_the_fifteen_of_table_1():
    # Paper 003, table 1: Aug 1 to 4, then 5 (1 & 2) ... 15 (1, 2, 3 & 4).
    expected = [
        "1",
        "2",
        "3",
        "4",
        "12",
        "13",
        "14",
        "23",
        "24",
        "34",
        "123",
        "124",
        "134",
        "234",
        "1234",
    ]
    assert [name.replace("+", "") for name in composites(FOUR, n_steps=4)] == expected


def test_n_steps_limits_the_size_and_may_exceed_the_number():
    assert list(composites(FOUR, n_steps=1)) == ["1", "2", "3", "4"]
    assert len(composites(FOUR, n_steps=2)) == 10
    assert list(composites(FOUR)) == list(composites(FOUR, n_steps=9))


def test_members_act_in_the_order_given():
    composite = composites(["gain", "shift"])["gain+shift"]
    assert isinstance(composite, Compose)
    assert [p.name for p in composite.perturbations] == ["gain", "shift"]


def test_a_base_strategy_may_have_parts():
    assert list(composites(["gain+shift", "poisson"])) == [
        "gain+shift",
        "poisson",
        "gain+shift+poisson",
    ]


@pytest.mark.parametrize(
    ("strategies", "message"),
    [
        ([], "empty"),
        ("shift", r"write \['shift'\]"),
        (["shift", "shift"], "'shift' twice"),
        (["shitf"], "did you mean 'shift'"),
    ],
)
def test_impossible_strategies(strategies, message):
    with pytest.raises(ValueError, match=message):
        composites(strategies)


def test_n_steps_of_nothing():
    with pytest.raises(ValueError, match="n_steps must be at least 1"):
        composites(FOUR, n_steps=0)


def names(classifier, compare_with=("smote",), strategies=("gain",), domain=None):
    made = make_candidates(strategies, None, classifier, compare_with, domain, "auto")
    return [(c.name, c.kind) for c in made]


def test_baselines_are_always_there():
    expected = [
        ("no oversampling", "baseline"),
        ("oversampling without augmentation", "baseline"),
        ("smote", "rival"),
        ("gain", "composite"),
    ]
    assert names(KNeighborsClassifier()) == expected
    with_weights = names(LogisticRegression())
    assert ("class weights", "baseline") in with_weights
    assert [n for n in with_weights if n[0] != "class weights"] == expected


def test_a_name_twice():
    with pytest.raises(ValueError, match="two candidates are called 'random'"):
        names(KNeighborsClassifier(), ("random",), {"random": "gain"})


def test_rivals_may_be_instances():
    found = names(KNeighborsClassifier(), (RandomGenerator(random_state=3),))
    assert ("RandomGenerator(random_state=3)", "rival") in found


def test_rivals_know_the_axis():
    domain = Domain("EELS")
    made = make_candidates(
        ["gain"], None, KNeighborsClassifier(), ("shift(shift=2.0)",), domain, "auto"
    )
    assert [c.generator.domain for c in made if c.kind == "rival"] == [domain]


def test_strategies_are_refused_before_hours_are_spent():
    with pytest.raises(IncompatibleSignalError, match="wavenumber-shift"):
        names(KNeighborsClassifier(), strategies=["wavenumber-shift"], domain=Domain("EELS"))


def test_an_instance_is_taken_as_it_is():
    gain = parse_perturbation("gain")
    assert composites([gain])["gain"] is gain
