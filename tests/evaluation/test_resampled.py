"""Training rows of one fold: the same as `fit_resample` gives, made once for many classifiers."""

import numpy as np
import pytest
from imblearn.over_sampling import RandomOverSampler
from sklearn.base import clone
from sklearn.preprocessing import StandardScaler

import hs_specaug
from hs_specaug.evaluation._resampled import resample_fold


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    return rng.normal(size=(30, 12)), np.repeat(["a", "b", "c"], [16, 8, 6])


@pytest.mark.parametrize("name", ["smote", "random", "few-shot", "gain+shift"])
def test_in_two_steps_the_rows_are_those_of_fit_resample(rows, name):
    generator = hs_specaug.make_generator(name, random_state=3)
    found = resample_fold(*rows, generator)
    X, y = clone(generator).fit_resample(*rows)
    np.testing.assert_array_equal(found.X, X)
    np.testing.assert_array_equal(found.y, y)
    assert found.fit_seconds > 0
    assert found.sample_seconds > 0
    assert not hasattr(generator, "classes_")


def test_transformers_come_first_and_bring_other_rows_along(rows):
    X, y = rows
    sampler = RandomOverSampler(random_state=0)
    found = resample_fold(X, y, sampler, [StandardScaler()])
    scaled = StandardScaler().fit_transform(X)
    np.testing.assert_array_equal(found.X, sampler.fit_resample(scaled, y)[0])
    np.testing.assert_array_equal(found.transform(X), scaled)
    assert found.sample_seconds == 0.0  # imbalanced-learn learns and samples at once
