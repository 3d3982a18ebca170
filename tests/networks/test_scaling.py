import numpy as np
import pytest
from sklearn.preprocessing import MinMaxScaler

from hs_specaug.networks import RangeScaler, from_channels, to_channels


def test_one_channel_equals_min_max_over_everything():
    X = np.random.default_rng(0).normal(3.0, 2.0, (7, 1, 20))
    reference = MinMaxScaler((-1, 1)).fit_transform(X.reshape(-1, 1)).reshape(X.shape)
    np.testing.assert_allclose(RangeScaler().fit_transform(X), reference, atol=1e-6)


def test_channels_have_their_own_range():
    X = np.random.default_rng(0).normal(size=(7, 2, 20)) * np.array([1.0, 1e3])[:, None]
    scaled = RangeScaler().fit_transform(X)
    np.testing.assert_allclose(scaled.min(axis=(0, 2)), -1.0)
    np.testing.assert_allclose(scaled.max(axis=(0, 2)), 1.0)


@pytest.mark.parametrize("dtype", ["f4", "f8", "u2", "i4"])
def test_round_trip_keeps_values_and_type(dtype):
    X = (np.random.default_rng(0).random((5, 1, 9)) * 1000).astype(dtype)
    scaler = RangeScaler().fit(X)
    back = scaler.inverse_transform(scaler.transform(X))
    assert back.dtype == X.dtype
    np.testing.assert_allclose(back, X, rtol=1e-4, atol=1e-3)


def test_nothing_leaves_the_training_range():
    X = np.random.default_rng(0).poisson(3.0, (5, 1, 9)).astype(float)
    scaler = RangeScaler().fit(X)
    wild = scaler.inverse_transform(np.full((1, 1, 9), -1.2, dtype="f4"))
    assert wild.min() >= 0.0


def test_constant_channel_comes_back():
    X = np.full((3, 1, 4), 7.0)
    scaler = RangeScaler().fit(X)
    assert np.isfinite(scaler.transform(X)).all()
    np.testing.assert_array_equal(scaler.inverse_transform(scaler.transform(X)), X)


def test_ranks():
    assert to_channels(np.zeros((3, 5))).shape == (3, 1, 5)
    assert to_channels(np.zeros((3, 2, 5))).shape == (3, 2, 5)
    assert from_channels(np.zeros((3, 1, 5)), (5,)).shape == (3, 5)
    with pytest.raises(ValueError, match="got shape"):
        to_channels(np.zeros(3))
