"""Models on their way to other processes and machines."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline

import hs_specaug
from hs_specaug import _travel
from hs_specaug._travel import TravellingModel, pack
from hs_specaug.networks import _arrival
from hs_specaug.preprocessing import PCADenoiser

X = np.random.default_rng(0).random((40, 16)).astype("f4")
Y = np.array(["a", "b"] * 20)


@pytest.fixture(scope="module")
def network():
    return hs_specaug.make_classifier("cnn", max_updates=3, random_state=0).fit(X, Y)


@pytest.fixture(autouse=True)
def _nothing_restored():
    _travel._RESTORED.clear()
    yield
    _travel._RESTORED.clear()


def test_at_home_it_is_the_model_itself(network):
    assert TravellingModel(network).unwrap() is network
    assert TravellingModel(lambda: 0).unwrap()() == 0  # even one that plain pickle refuses


def test_it_predicts_the_same_bits_elsewhere(network):
    model = make_pipeline(PCADenoiser(4).fit(X), network)
    there = pickle.loads(pickle.dumps(TravellingModel(model))).unwrap()
    assert there is not model
    np.testing.assert_array_equal(there.predict_proba(X), model.predict_proba(X))


class Counted(KNeighborsClassifier):
    pickled = restored = 0

    def __getstate__(self):
        Counted.pickled += 1
        return super().__getstate__()

    def __setstate__(self, state):
        Counted.restored += 1
        super().__setstate__(state)


def test_pickled_once_and_restored_once_in_a_process():
    Counted.pickled = Counted.restored = 0
    carried = TravellingModel(Counted().fit(X, Y))
    letters = [pickle.dumps(carried) for _ in range(3)]
    arrived = [pickle.loads(letter) for letter in letters]
    assert Counted.restored == 0  # a scheduler passes models on without opening them
    assert len({id(one.unwrap()) for one in arrived}) == 1
    pickle.dumps(arrived[0])  # from worker to worker, in the same envelope
    assert (Counted.pickled, Counted.restored) == (1, 1)


def test_a_process_forgets_models_it_used_long_ago():
    for n in range(1, 5):
        letter = pickle.dumps(TravellingModel(KNeighborsClassifier(n).fit(X, Y)))
        pickle.loads(letter).unwrap()
    assert len(_travel._RESTORED) == _travel.MODELS_KEPT


def test_networks_move_to_the_device_of_the_place(network, monkeypatch):
    """The meta device stands in for a GPU that this machine may not have."""
    payload = pack(network)
    asked = []

    def resolve(device):
        asked.append(device)
        return torch.device("meta")

    monkeypatch.setattr(_arrival, "resolve_device", resolve)
    there = pickle.loads(payload)
    assert asked == ["auto"]
    assert there.device_.type == "meta"
    assert {p.device.type for p in there.network_.parameters()} == {"meta"}
    assert {p.device.type for p in network.network_.parameters()} == {"cpu"}


def test_a_named_device_that_is_not_there_becomes_the_cpu(network, monkeypatch):
    if torch.cuda.is_available():
        pytest.skip("cuda:7 could be there")
    monkeypatch.setattr(network, "device", "cuda:7")
    assert pickle.loads(pack(network)).device_ == torch.device("cpu")


@pytest.mark.cuda
def test_from_a_gpu_to_a_machine_without():
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    model = hs_specaug.make_classifier("cnn", max_updates=3, device="cuda", random_state=0)
    payload = pack(model.fit(X, Y))
    restored = torch.cuda.is_available
    try:
        torch.cuda.is_available = lambda: False
        there = pickle.loads(payload)
    finally:
        torch.cuda.is_available = restored
    assert there.device_ == torch.device("cpu")
    np.testing.assert_allclose(there.predict_proba(X), model.predict_proba(X), atol=1e-4)
