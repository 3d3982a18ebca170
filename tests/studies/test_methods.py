"""What a study compares."""

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.neighbors import KNeighborsClassifier

from hs_specaug.classifiers import CNNClassifier
from hs_specaug.evaluation import measured_noise
from hs_specaug.exceptions import IncompatibleSignalError
from hs_specaug.generators import PerturbationGenerator, RandomGenerator, SMOTEGenerator
from hs_specaug.perturbations import Domain, parse_perturbation
from hs_specaug.strategies import StrategySearch
from hs_specaug.studies._methods import BASELINES, CLASSIFIERS, make_classifiers, make_methods
from hs_specaug.studies._samplers import NoiseOnly, SearchedStrategy


def methods(given=(), baselines=True, domain=None, sampling_strategy="auto"):
    return make_methods(given, baselines, domain, sampling_strategy)


def classifiers(given=None, defaults=True, updates=7, n_axes=1):
    return make_classifiers(given, defaults, updates, None, n_axes)[0]


def test_baselines_come_first_and_are_not_doubled():
    names = [m.name for m in methods([None, "random", "smote"])]
    assert names == [*BASELINES, "smote"]
    assert [m.name for m in methods([None, "smote"], baselines=False)] == ["none", "smote"]
    assert [m.name for m in methods([], baselines=["random", "none"])] == ["none", "random"]


def test_baselines_are_for_those_who_can():
    can = {
        (m.name, name)
        for m in methods()
        for name, classifier in classifiers(defaults=[*CLASSIFIERS[:3], "cnn"]).items()
        if m.change(classifier) is not None
    }
    everywhere = {"none", "random", "noise only"}
    assert {m for m, name in can if name == "nearest neighbour"} == everywhere
    for name in ("logistic regression", "random forest"):
        assert {m for m, n in can if n == name} == everywhere | {"class weights"}
    assert {m for m, name in can if name == "cnn"} == set(BASELINES)


def test_baselines_change_the_classifier_and_nothing_else():
    by_name = {m.name: m for m in methods()}
    assert by_name["class weights"].change(CNNClassifier()).class_weight == "balanced"
    assert by_name["focal loss"].change(CNNClassifier()).loss == "focal"
    assert by_name["balanced softmax"].change(CNNClassifier()).loss == "balanced-softmax"
    assert by_name["none"].change(CNNClassifier()).get_params() == CNNClassifier().get_params()
    assert [by_name[n].generator for n in BASELINES[:4]] == [None] * 4


def test_whatever_names_a_method():
    shift = parse_perturbation("shift")
    given = ["gain+shift", shift, [shift, "gain"], SMOTEGenerator(k_neighbors=1), StrategySearch()]
    found = methods(given, baselines=False)
    assert [m.name for m in found[:1]] == ["gain+shift"]
    assert isinstance(found[1].generator, PerturbationGenerator)
    assert isinstance(found[2].generator, PerturbationGenerator)
    assert found[3].name == "smote"
    assert found[3].generator.k_neighbors == 1
    assert isinstance(found[4].generator, SearchedStrategy)
    assert {m.kind for m in found} == {"augmentation"}
    named = methods({"mine": RandomGenerator()}, baselines=False)
    assert named[0].name == "mine"


def test_how_far_classes_are_filled_up():
    own = SMOTEGenerator(sampling_strategy={"b": 9})
    by_name = {m.name: m for m in methods(["gain", own], sampling_strategy=20)}
    y = np.repeat(["a", "b"], [30, 4])
    for name in ("gain", "random", "noise only"):
        assert by_name[name].generator.sampling_strategy(y) == {"a": 30, "b": 20}
    assert by_name["smote"].generator.sampling_strategy == {"b": 9}


def test_units_are_checked_before_hours_are_spent():
    with pytest.raises(IncompatibleSignalError, match="wavenumber-shift"):
        methods(["wavenumber-shift"], domain=Domain("EELS"))
    found = methods(["energy-shift"], baselines=False, domain=Domain("EELS"))
    assert found[0].generator.domain == Domain("EELS")


def test_noise_is_measured_where_it_is_fitted(imbalanced):
    X, y = imbalanced
    sampler = NoiseOnly(random_state=0).fit(X, y)
    assert sampler.generator_.perturbation.noise == measured_noise(X)
    made, _ = sampler.sample({"c": 500})
    originals = X[y == "c"]
    noise = np.sort(np.linalg.norm(made[:, None] - originals, axis=2), axis=1)[:, 0]
    assert np.median(noise) / np.sqrt(24) == pytest.approx(measured_noise(X), rel=0.1)


def test_a_search_is_a_method(imbalanced):
    search = StrategySearch(["gain", "shift"], KNeighborsClassifier(1), repetitions=1)
    found = SearchedStrategy(search, random_state=0).fit(*imbalanced)
    assert found.best_name_ in ("gain", "shift", "gain+shift")
    X, y = found.sample({"c": 4})
    assert X.shape == (4, 24)
    assert set(y) == {"c"}
    assert not hasattr(search, "ranking_")


def test_networks_get_the_same_updates_whatever_the_rows():
    made = classifiers({"mine": CNNClassifier(max_updates=3), "other": CNNClassifier()}, ["cnn"])
    assert {n: c.max_updates for n, c in made.items()} == {"cnn": 7, "mine": 3, "other": 7}


def test_default_classifiers():
    made = classifiers()
    assert [name for name in made if name != "rocket"] == [n for n in CLASSIFIERS if n != "rocket"]
    assert made["nearest neighbour"].n_neighbors == 1
    assert made["random forest"].n_estimators == 200
    assert list(classifiers(["KNeighborsClassifier"], False)) == ["KNeighborsClassifier"]
    assert list(classifiers([RandomForestClassifier(5)], False)) == ["RandomForestClassifier"]


def test_random_kernels_are_not_for_images():
    made, notes = make_classifiers(None, ["rocket", "cnn"], 7, None, 3)
    assert list(made) == ["cnn"]
    assert notes == ["rocket is left out: random kernels are for spectra, these are images"]


def test_without_its_package_a_classifier_is_left_out_and_named(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    made, notes = make_classifiers(None, ["rocket", "random forest"], 7, None, 1)
    assert list(made) == ["random forest"]
    assert 'pip install "hs_specaug[rocket]"' in notes[0]


@pytest.mark.parametrize(
    ("given", "settings", "message"),
    [
        ("smote", {}, r"methods must be a list.*write \['smote'\]"),
        (["smoot"], {}, "did you mean 'smote'"),
        ([3], {}, "a method must be a name.*got 3"),
        (["smote", SMOTEGenerator()], {}, "two methods are called 'smote'"),
        ([], {"baselines": False}, "nothing to compare"),
        ([], {"baselines": ["weights"]}, r"baselines must be True, False or some of \['none'"),
        ([], {"sampling_strategy": 0}, "at least 1 row"),
    ],
)
def test_impossible_methods_are_named(given, settings, message):
    with pytest.raises(ValueError, match=message):
        methods(given, **settings)


@pytest.mark.parametrize(
    ("given", "defaults", "message"),
    [
        ("svm", True, "classifiers must be a list"),
        (["smv"], False, "did you mean 'svm'"),
        ({"cnn": KNeighborsClassifier()}, ["cnn"], "two classifiers are called 'cnn'"),
        (None, False, "no classifier is left"),
        (None, ["forest"], "default_classifiers must be"),
        (None, ["nearest neighbor"], "did you mean 'nearest neighbour'"),
        (None, "cnn", "some of .* got 'cnn'$"),
    ],
)
def test_impossible_classifiers_are_named(given, defaults, message):
    with pytest.raises(ValueError, match=message):
        classifiers(given, defaults)
