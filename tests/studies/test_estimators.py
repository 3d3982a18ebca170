"""Generators and classifiers as a comparison needs them."""

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hs_specaug.classifiers import CNNClassifier
from hs_specaug.studies._estimators import (
    as_given,
    as_sampling_strategy,
    rows_per_class,
    seeded,
    weighted,
    with_loss,
    with_value,
)


def test_class_weights_reach_into_pipelines():
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    assert weighted(pipeline)[-1].class_weight == "balanced"
    assert pipeline[-1].class_weight is None
    assert weighted(KNeighborsClassifier()) is None


def test_rows_per_class_keep_larger_classes():
    y = np.repeat(["a", "b"], [7, 2])
    assert rows_per_class(y, 5) == {"a": 7, "b": 5}
    assert as_sampling_strategy(5)(y) == {"a": 7, "b": 5}
    assert as_sampling_strategy("auto") == "auto"
    with pytest.raises(ValueError, match="at least 1 row"):
        as_sampling_strategy(0)


def test_losses_reach_into_pipelines_and_nowhere_else():
    assert with_loss(CNNClassifier(), "focal").loss == "focal"
    pipeline = make_pipeline(StandardScaler(), CNNClassifier())
    assert with_loss(pipeline, "balanced-softmax")[-1].loss == "balanced-softmax"
    assert pipeline[-1].loss == "cross-entropy"
    assert with_loss(LogisticRegression(), "focal") is None


def test_what_a_user_chose_stays():
    assert with_value(CNNClassifier(), "device", "cuda:1", where="auto").device == "cuda:1"
    chosen = CNNClassifier(device="cpu")
    assert with_value(chosen, "device", "cuda:1", where="auto").device == "cpu"
    forest = make_pipeline(StandardScaler(), RandomForestClassifier())
    assert seeded(forest, 3)[-1].random_state == 3
    assert seeded(RandomForestClassifier(random_state=0), 3).random_state == 0


def test_names_of_what_is_given():
    assert as_given({"a": 1}, "methods", "[]") == [("a", 1)]
    assert as_given(["smote", None], "methods", "[]") == [(None, "smote"), (None, None)]
    with pytest.raises(ValueError, match=r"methods must be a list.*write \['smote'\]"):
        as_given("smote", "methods", '["smote"]')
