"""Methods by name."""

import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest
from sklearn.ensemble import RandomForestClassifier

import hs_specaug
from hs_specaug import _registry


def test_lists():
    assert set(hs_specaug.list_generators()) >= {
        "three-player",
        "smote",
        "borderline-smote",
        "random",
    }
    assert "cnn" in hs_specaug.list_classifiers()


def test_names_are_those_of_the_classes():
    for name in hs_specaug.list_generators():
        assert hs_specaug.make_generator(name).method == name


def test_hyperparameters_are_passed():
    assert hs_specaug.make_generator("three-player", epochs=3).epochs == 3
    assert hs_specaug.make_classifier("cnn", epochs=3).epochs == 3


def test_scikit_learn_by_name():
    forest = hs_specaug.make_classifier("RandomForestClassifier", n_estimators=7)
    assert isinstance(forest, RandomForestClassifier)
    assert forest.n_estimators == 7
    assert type(hs_specaug.make_classifier("LogisticRegression")).__name__ == "LogisticRegression"


def test_unknown_names_are_helped():
    with pytest.raises(ValueError, match=r"did you mean 'three-player'\?\)\. Registered"):
        hs_specaug.make_generator("three_playr")
    with pytest.raises(ValueError, match=r"unknown classifier 'xyz'\. Registered"):
        hs_specaug.make_classifier("xyz")
    for name in ("randomforest", "random_forest"):
        with pytest.raises(ValueError, match="did you mean 'RandomForestClassifier'"):
            hs_specaug.make_classifier(name)


def test_unknown_hyperparameters_are_helped():
    with pytest.raises(TypeError, match="did you mean 'epochs'"):
        hs_specaug.make_generator("three-player", epoch=3)


def test_listing_imports_nothing_heavy():
    code = (
        "import sys, hs_specaug; hs_specaug.list_generators(); hs_specaug.list_classifiers();"
        "print(sorted({'torch', 'sklearn', 'hyperspy', 'imblearn'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_smote_does_not_need_torch():
    code = (
        "import sys, hs_specaug; hs_specaug.make_generator('smote'); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_broken_plugin_is_named_and_breaks_nothing_else(monkeypatch):
    points = dict(_registry._entry_points(_registry.GENERATORS))
    points["theirs"] = EntryPoint("theirs", "no_such_module:Thing", _registry.GENERATORS)
    monkeypatch.setattr(_registry, "_entry_points", lambda group: points)
    assert "theirs" in hs_specaug.list_generators()
    with pytest.raises(ImportError, match=r"generator 'theirs'.*no_such_module"):
        hs_specaug.make_generator("theirs")
    assert hs_specaug.make_generator("smote").method == "smote"
