"""Small imbalanced data with and without something that augmentation can teach."""

import numpy as np
import pytest


@pytest.fixture
def imbalanced():
    """Rows of three classes, 24 channels, noisy enough that scores vary."""
    rng = np.random.default_rng(0)
    parts = [rng.normal(mean, 1.0, (n, 24)) for mean, n in [(0.0, 30), (0.6, 12), (1.2, 8)]]
    return np.concatenate(parts), np.repeat(["a", "b", "c"], [30, 12, 8])


@pytest.fixture
def shifted_peaks():
    """Narrow peak (rare) or wide peak (common) anywhere on the axis: shifts teach what matters."""
    rng = np.random.default_rng(1)
    axis = np.arange(40.0)
    y = np.repeat(["wide", "narrow"], [60, 20])
    width = np.where(y == "wide", 4.0, 2.5)[:, None]
    centre = rng.uniform(12.0, 28.0, (len(y), 1))
    X = np.exp(-0.5 * ((axis - centre) / width) ** 2)
    return X + rng.normal(0.0, 0.02, X.shape), y
