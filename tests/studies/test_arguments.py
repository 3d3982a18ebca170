"""What a user may get wrong in a study is refused before anything runs."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression

from hs_specaug.generators import RandomGenerator
from hs_specaug.studies import Study, recommend_augmentation

rng = np.random.default_rng(0)
X = np.concatenate([rng.normal(m, 1.0, (n, 12)) for m, n in [(0, 24), (1, 8)]])
Y = np.repeat(["common", "rare"], [24, 8])


def small(methods=("random",), **settings):
    quick = {"baselines": ["none"], "default_classifiers": ["nearest neighbour"], "repetitions": 2}
    return Study(methods, random_state=0, **{**quick, **settings})


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ((X, Y[:, np.newaxis]), r"y must have one label per row, \(32,\), got shape \(32, 1\)"),
        ((X, [None] * 32), "y must be known for every row, got 32 None"),
        ((X + 1j, Y), "X must be real numbers, got complex ones; stack"),
        ((X, Y, [None] * 32), "groups must be known for every row"),
        ((X, Y, "a"), r"groups must have one entry per row, \(32,\)"),
    ],
)
def test_rows_are_checked(rows, message):
    with pytest.raises(ValueError, match=message):
        small().run(*rows)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"classifiers": [LinearRegression()]}, TypeError, "classifier must be"),
        ({"classifiers": [LinearRegression]}, TypeError, r"write LinearRegression\(\)"),
        ({"methods": [RandomGenerator]}, ValueError, r"write RandomGenerator\(\)"),
        ({"transformers": ["pca"]}, TypeError, "transformers must be .* got 'pca' in it"),
        ({"transformers": [PCA]}, TypeError, "transformers must be a list of instances"),
        ({"sampling_strategy": "autoo"}, ValueError, "sampling_strategy must be .* got 'autoo'"),
        ({"sampling_strategy": True}, ValueError, "sampling_strategy must be .* got True"),
        ({"sampling_strategy": {"typo": 20}}, ValueError, "no class 'typo', there are"),
    ],
)
def test_settings_are_checked(settings, error, message):
    with pytest.raises(error, match=message):
        small(**settings).run(X, Y)


def test_default_classifiers_may_be_named_among_the_others():
    result = small(default_classifiers=False, classifiers=["nearest neighbour"]).run(X, Y)
    assert result.table() == small().run(X, Y).table()


def test_an_empty_file_is_a_new_study(tmp_path):
    path = tmp_path / "study.jsonl"
    path.touch()
    result = small(results=path).run(X, Y)
    assert not result.notes
    assert small(results=path).run(X, Y).table() == result.table()


def test_ranks_of_what_is_not_there():
    result = small().run(X, Y)
    with pytest.raises(ValueError, match="no ratio 'x', there are"):
        result.rank_methods(ratio="x")
    with pytest.raises(ValueError, match=r"no classifier 'x', there are \['nearest neighbour'\]"):
        result.rank_methods(classifier="x")


@pytest.mark.parametrize("methods", ["smote", [RandomGenerator()], {"mine": "smote"}, 5])
def test_recommendations_are_of_named_methods(methods):
    with pytest.raises(ValueError, match="methods must be a list of names"):
        recommend_augmentation(X, Y, methods=methods)
    with pytest.raises(ValueError, match="time_budget must be a number"):
        recommend_augmentation(X, Y, time_budget="a")


def test_the_line_to_use_is_complete():
    advice = recommend_augmentation(
        X, Y, methods=["random"], classifiers=["nearest neighbour"], transformers=[PCA(3)],
        time_budget=1.0, repetitions=2, random_state=0,
    )  # fmt: skip
    assert '"KNeighborsClassifier", n_neighbors=1' in advice.call
    assert advice.call.endswith("transformers=[PCA(n_components=3)])")
