import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch import nn

from hs_specaug.classifiers import ANNClassifier
from hs_specaug.classifiers._ann import TwoBranchNetwork
from hs_specaug.networks import build_network


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    x = np.linspace(0, 1, 48)
    y = np.repeat(["a", "b", "c"], 20)
    centres = np.repeat([0.2, 0.5, 0.8], 20)[:, None]
    return np.exp(-((x - centres) ** 2) / 0.01) + 0.05 * rng.standard_normal((60, 48)), y


@pytest.fixture(scope="module")
def fitted(data):
    return ANNClassifier(epochs=25, random_state=0).fit(*data)


def test_learns_peaks(fitted, data):
    assert fitted.score(*data) > 0.95
    np.testing.assert_allclose(fitted.predict_proba(data[0]).sum(axis=1), 1.0)


def test_has_a_convolutional_and_a_dense_branch(fitted, data):
    network = fitted.network_
    assert [m.out_channels for m in network.modules() if isinstance(m, nn.Conv1d)] == [
        32,
        32,
        64,
        64,
    ]
    assert [m.out_features for m in network.dense if isinstance(m, nn.Linear)] == [256, 128, 64]
    assert fitted.features(data[0]).shape == (60, 64 * 3 + 64)


def test_both_branches_reach_the_output():
    network = build_network(lambda: TwoBranchNetwork(2, 1, (32,)), 0)
    x = torch.randn(8, 1, 32, generator=torch.Generator().manual_seed(0))
    nn.functional.cross_entropy(network(x), torch.tensor([0, 1] * 4)).backward()
    for branch in (network.trunk, network.dense):
        assert all(float(p.grad.abs().max()) > 0 for p in branch.parameters())


def test_seed_and_global_state(data, no_global_rng):
    options = {"max_updates": 5}
    first = ANNClassifier(**options, random_state=0).fit(*data).predict_proba(data[0])
    again = ANNClassifier(**options, random_state=0).fit(*data).predict_proba(data[0])
    other = ANNClassifier(**options, random_state=1).fit(*data).predict_proba(data[0])
    np.testing.assert_array_equal(again, first)
    assert not np.array_equal(other, first)


def test_a_row_gets_the_same_bits_alone_and_among_others(fitted, data):
    X = np.tile(data[0], (5, 1))
    together = fitted.predict_proba(X)
    np.testing.assert_array_equal(fitted.predict_proba(X[7:8]), together[7:8])
    np.testing.assert_array_equal(fitted.predict_proba(X[130:300]), together[130:300])


@pytest.mark.parametrize("shape", [(1,), (2, 20), (1, 16, 16), (3, 9, 11)])
def test_channels_and_images(shape):
    X = np.random.default_rng(0).random((10, *shape))
    classifier = ANNClassifier(max_updates=2, random_state=0).fit(X, [0, 1] * 5)
    assert classifier.predict(X).shape == (10,)


def test_shared_parameters_are_documented_and_cloned():
    classifier = ANNClassifier(epochs=3, loss="focal", class_weight="balanced")
    assert clone(classifier).get_params() == classifier.get_params()
    documented = ANNClassifier.__doc__
    assert all(f"{name} : " in documented for name in classifier.get_params())
