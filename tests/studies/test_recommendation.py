"""What is recommended, and that the time it takes is the time that was given."""

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

import hs_specaug
from hs_specaug import SignalAxis
from hs_specaug.perturbations import Domain
from hs_specaug.studies import _recommendation, recommend_augmentation
from hs_specaug.studies._recommendation import PERTURBATIONS, suitable_methods


class Clock:
    """Time that only passes when a unit of work runs."""

    def __init__(self, cost):
        self.now, self.cost, self.run = 0.0, cost, []

    def __call__(self):
        return self.now


@pytest.fixture
def watched(monkeypatch):
    """Return a function that makes units cost what it is told."""

    def watch(**cost):
        clock = Clock(cost)
        work = _recommendation.run_unit

        def timed(unit, *data):
            clock.now += cost.get(unit.method.name, cost.get("rest", 1.0))
            clock.run.append((unit.fold.split, unit.method.name))
            return work(unit, *data)

        monkeypatch.setattr(_recommendation, "clock", clock)
        monkeypatch.setattr(_recommendation, "run_unit", timed)
        return clock

    return watch


def advise(rows, **settings):
    defaults = {
        "methods": ["smote", "gain"],
        "classifiers": ["LogisticRegression"],
        "random_state": 0,
    }
    return recommend_augmentation(*rows, **{**defaults, **settings})


def test_with_time_everything_is_repeated(imbalanced, watched):
    clock = watched()
    advice = advise(imbalanced, time_budget=1000.0, repetitions=4)
    names = ["none", "class weights", "random", "smote", "gain"]
    assert clock.run == [(split, name) for split in range(4) for name in names]
    assert advice.skipped == ()
    assert advice.seconds == 20.0


@pytest.mark.parametrize("budget", [2.0, 7.0, 15.0, 30.0, 47.0])
def test_the_budget_is_kept_and_splits_are_complete(imbalanced, watched, budget):
    clock = watched()
    advice = advise(imbalanced, time_budget=budget, repetitions=10)
    assert advice.seconds <= budget
    by_split = {split: [n for s, n in clock.run if s == split] for split, _ in clock.run}
    assert len({tuple(names) for names in by_split.values()}) == 1
    assert set(by_split[0]) | set(advice.skipped) == {
        "none", "class weights", "random", "smote", "gain"
    }  # fmt: skip


def test_what_is_dear_is_tried_once_and_stops_no_cheaper_split(imbalanced, watched):
    clock = watched(gain=200.0)
    # Nothing says that the last method is dear before it ran; afterwards no split fits.
    advice = advise(imbalanced, time_budget=30.0)
    assert clock.run[-1] == (0, "gain")
    assert {row["repetition"] for row in advice.result.rows} == {0}


def test_a_budget_for_nothing_still_runs_one_method(imbalanced, watched):
    clock = watched(rest=10.0)
    advice = advise(imbalanced, time_budget=0.5)
    assert clock.run == [(0, "none")]
    assert advice.skipped == ("class weights", "random", "smote", "gain")
    assert advice.call == 's.classify("LogisticRegression")'
    assert "no time for class weights" in repr(advice)
    with pytest.raises(ValueError, match="time_budget must be"):
        advise(imbalanced, time_budget=0.0)


def test_what_helps_is_recommended():
    # A narrow (rare) or wide peak anywhere on the axis: only shifted copies teach that.
    rng = np.random.default_rng(3)
    axis, y = np.arange(200.0), np.repeat(["wide", "narrow"], [120, 30])
    width = np.where(y == "wide", 4.0, 2.0)[:, None]
    X = np.exp(-0.5 * ((axis - rng.uniform(30.0, 170.0, (len(y), 1))) / width) ** 2)
    X += rng.normal(0.0, 0.02, X.shape)
    advice = recommend_augmentation(
        X,
        y,
        methods=["shift(shift=70)"],
        classifiers={"neighbour": KNeighborsClassifier(1)},
        time_budget=60.0,
        repetitions=8,
        random_state=0,
    )
    assert advice.verdict.startswith("Augmentation helped here")
    assert advice.augmentation == "shift(shift=70)"
    assert advice.call == (
        's.classify(KNeighborsClassifier(n_neighbors=1), augmentation="shift(shift=70)")'
    )


def test_where_nothing_helps_the_best_baseline_is_recommended():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(80, 12)), np.repeat(["a", "b"], [60, 20])
    advice = advise((X, y), time_budget=30.0, repetitions=6)
    assert advice.verdict.startswith("No augmentation helped here")
    assert advice.method in ("none", "class weights", "random")
    assert advice.result.methods[advice.method] == "baseline"


@pytest.mark.filterwarnings("ignore::hs_specaug.exceptions.FewSamplesWarning")
def test_calls_run_as_they_stand():
    s = hs_specaug.datasets.polymer_spectra(step_per_cm=32.0)
    for method in ("none", "class weights", "random", "smote"):
        for given in (None, ["LogisticRegression"], {"mine": LogisticRegression(C=2.0)}):
            names = {"nearest neighbour", "random forest"} if given is None else list(given)
            for name in names:
                if method == "class weights" and name == "nearest neighbour":
                    continue
                classifier = given[name] if isinstance(given, dict) else RandomForestClassifier()
                call = _recommendation._call(method, name, classifier, given)
                if "Forest" in call:
                    call = call.replace("200", "3")
                scope = {"s": s, "LogisticRegression": LogisticRegression}
                assert eval(call, scope).report.n_folds == 1
    assert 'class_weight="balanced"' in _recommendation._call(
        "class weights", "random forest", RandomForestClassifier(), None
    )


def test_methods_suit_the_domain():
    for kind, expressions in PERTURBATIONS.items():
        axes = (SignalAxis("Energy", "eV", np.arange(64.0) + 1),)
        found = suitable_methods(Domain(kind, axes, is_complex=kind == "impedance"))
        assert found[:2] == ["smote", "few-shot"]
        assert len(found) >= 4, kind
        assert set(found[2:]) <= set(expressions)
    assert "energy-shift" not in suitable_methods(Domain("spectrum"))


def test_signals_recommend(watched):
    watched()
    s = hs_specaug.datasets.polymer_spectra(step_per_cm=16.0)
    advice = s.recommend_augmentation(["KNeighborsClassifier"], time_budget=30.0, random_state=0)
    assert set(advice.result.methods) >= {"none", "random", "smote", "few-shot"}
    assert not advice.result.failed
    assert repr(advice).endswith(f"use: {advice.call}")


def test_classes_of_one_size_are_filled_up_too(watched):
    watched()
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 8)), np.repeat(["a", "b"], 20)
    advice = advise((X, y), time_budget=40.0)
    added = {r["method"]: r["augmented_rows"] - r["training_rows"] for r in advice.result.rows}
    assert added["smote"] == 30  # 15 and 15 learn, each is doubled
    assert added["none"] == 0
    call = _recommendation._call("smote", "forest", None, {"forest": "svm"}, {"a": 40, "b": 40})
    assert "sampling_strategy={'a': 40, 'b': 40}" in call
    s = hs_specaug.datasets.polymer_spectra(step_per_cm=32.0)
    call = call.replace("{'a': 40, 'b': 40}", "{'polyacetal': 40}")
    with pytest.warns(hs_specaug.exceptions.FewSamplesWarning):
        assert eval(call, {"s": s, "hs_specaug": hs_specaug}).augmentation == "smote"
