"""Small imbalanced rows, and a study of them that takes no time."""

import numpy as np
import pytest

from hs_specaug.studies import Study


@pytest.fixture
def imbalanced():
    """Rows of three classes, 24 channels, noisy enough that scores vary."""
    rng = np.random.default_rng(0)
    parts = [rng.normal(mean, 1.0, (n, 24)) for mean, n in [(0.0, 30), (0.6, 12), (1.2, 8)]]
    return np.concatenate(parts), np.repeat(["a", "b", "c"], [30, 12, 8])


@pytest.fixture
def quick():
    """Make a study of one cheap classifier and two baselines."""

    def make(methods=("smote",), classifiers=None, **settings):
        defaults = {
            "baselines": ["none", "random"],
            "default_classifiers": ["nearest neighbour"],
            "repetitions": 3,
            "test_size": 0.5,
            "random_state": 0,
        }
        return Study(methods, classifiers, **{**defaults, **settings})

    return make
