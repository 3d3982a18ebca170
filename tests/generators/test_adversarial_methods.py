"""What the training loop promises of every method that trains networks with it."""

import numpy as np
import pytest
import torch
from sklearn.base import clone

import hs_specaug
from hs_specaug._registry import GENERATORS, find_method
from hs_specaug.generators._adversarial import AdversarialGenerator
from hs_specaug.generators._network_generator import NetworkGenerator
from hs_specaug.networks import PassCounter, TrainingLoop

# What makes a method small enough to be trained again and again here.
SMALL: dict[str, dict] = {
    "dag": {"until_baseline": False},
    "diffusion": {"timesteps": 8, "width": 2},
}


def registered(base):
    return [n for n in hs_specaug.list_generators() if issubclass(find_method(GENERATORS, n), base)]


def small(name, **changes):
    method = find_method(GENERATORS, name)
    wanted = {"epochs": 3, "pretrain_epochs": 2, "random_state": 0, "precision": "float32"}
    wanted |= SMALL.get(name, {}) | changes
    known = set(method._get_param_names())
    return method(**{key: value for key, value in wanted.items() if key in known})


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(0, 1, (40, 16)), rng.normal(2, 1, (9, 16))]).astype("f4")
    return X, np.array(["common"] * 40 + ["rare"] * 9)


class Killed(BaseException):
    """The process ends here."""


def count_epochs(monkeypatch, dies_at=None):
    """Count epochs of all phases; die at the beginning of one of them."""
    calls = []
    original = TrainingLoop.run_single_epoch

    def run(self):
        calls.append(self.epoch + 1)
        if len(calls) == dies_at:
            raise Killed
        return original(self)

    monkeypatch.setattr(TrainingLoop, "run_single_epoch", run)
    return calls


def assert_same_training(one, other):
    assert one.history_.keys() == other.history_.keys()
    for key in one.history_:
        np.testing.assert_array_equal(one.history_[key], other.history_[key], err_msg=key)
    weights, others = one.networks_.state_dict(), other.networks_.state_dict()
    for key in weights:
        assert torch.equal(weights[key], others[key]), key
    for name in ("best_epoch_", "score_", "converged_", "interrupted_"):
        np.testing.assert_equal(getattr(one, name), getattr(other, name), err_msg=name)


def resumed(name, data, path, dies_at, monkeypatch, **options):
    """Train to an untimely end, then again; return the generator and the epochs it still made."""
    options |= {"checkpoint": path, "checkpoint_every": 1}
    with monkeypatch.context() as patch:
        count_epochs(patch, dies_at)
        with pytest.raises(Killed):
            small(name, **options).fit(*data)
    with monkeypatch.context() as patch:
        calls = count_epochs(patch)
        return small(name, **options).fit(*data), len(calls)


@pytest.mark.parametrize("name", registered(NetworkGenerator))
def test_resumed_is_uninterrupted_bit_for_bit(name, data, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        calls = count_epochs(patch)
        reference = small(name).fit(*data)
        n_epochs = len(calls)
    for dies_at in range(2, n_epochs + 1):
        path = tmp_path / f"{dies_at}.safetensors"
        again, n_rest = resumed(name, data, path, dies_at, monkeypatch)
        assert n_rest == n_epochs - dies_at + 1
        assert_same_training(again, reference)
        assert not path.exists()


STABILISED = {
    "ema_decay": 0.9,
    "spectral_norm": True,
    "relativistic": True,
    "lecam": 0.1,
    "r1_penalty": 1.0,
    "r2_penalty": 1.0,
    "adaptive_augment": True,
    "score_every": 2,
    "n_critic": 2,
}


class Shake:
    """A perturbation: noise."""

    def __call__(self, X, y=None, *, random_state=None):
        return X + 0.1 * torch.randn(X.shape, generator=random_state, device=X.device)


@pytest.mark.parametrize("name", registered(AdversarialGenerator))
def test_every_option_works_and_is_resumed_too(name, data, tmp_path, monkeypatch):
    # Two of the options are penalties, which cost dag's comparison of all pairs of rows most.
    epochs = 2 if name == "dag" else 3
    options = {**STABILISED, "diff_augment": Shake(), "epochs": epochs}
    reference = small(name, **options).fit(*data)
    for dies_at in range(2, epochs + 1):
        path = tmp_path / f"{dies_at}.safetensors"
        again, _ = resumed(name, data, path, dies_at, monkeypatch, **options)
        assert_same_training(again, reference)
    saved = reference.save(tmp_path / "g.safetensors")
    loaded = hs_specaug.load_generator(saved)
    np.testing.assert_array_equal(loaded.sample({"rare": 4})[0], reference.sample({"rare": 4})[0])


@pytest.mark.parametrize("name", registered(AdversarialGenerator))
def test_no_pass_is_wasted(name, data, monkeypatch):
    """One round of all players costs what the method says."""
    method = find_method(GENERATORS, name)
    assert method.passes.keys() >= {"generator", "discriminator"}
    counters = []
    original = method._players

    def players(self, networks, draws, run):
        result = original(self, networks, draws, run)
        counters.append(PassCounter(networks).__enter__())
        return result

    monkeypatch.setattr(method, "_players", players)
    generator = small(name, epochs=1, batch_size=49, scoring=None).fit(*data)
    counters[0].__exit__()
    counted = {key: tuple(value) for key, value in counters[0].counts.items() if any(value)}
    expected = dict(generator.passes)
    if name == "dag":  # the discriminator serves the two classes one after the other
        expected["discriminator"] = tuple(2 * n for n in expected["discriminator"])
    assert counted == expected


@pytest.mark.parametrize("name", registered(NetworkGenerator))
def test_hyperparameters_of_the_bases_are_shown(name):
    method = find_method(GENERATORS, name)
    for parameter in method._get_param_names():
        assert parameter in method.__doc__.partition("Attributes\n")[0], parameter
        assert parameter in method._parameter_constraints, parameter


@pytest.mark.parametrize("name", registered(NetworkGenerator))
def test_images_and_channels(name):
    rng = np.random.default_rng(0)
    y = np.array([0] * 9 + [1] * 4)
    for shape in [(2, 20), (1, 12, 14)]:
        X = rng.random((13, *shape)).astype("f4")
        X_new, _ = small(name, epochs=1, pretrain_epochs=1).fit_resample(X, y)
        assert X_new.shape == (18, *shape)


@pytest.mark.parametrize("name", registered(NetworkGenerator))
def test_global_random_numbers_do_not_move(name, data, no_global_rng):
    small(name, epochs=1, spectral_norm=True).fit(*data).sample({"rare": 2})


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("name", registered(NetworkGenerator))
def test_on_cuda_with_every_option(name, data, tmp_path, monkeypatch):
    options = {**STABILISED, "diff_augment": Shake(), "device": "cuda"}
    path = tmp_path / "c.safetensors"
    generator, _ = resumed(name, data, path, 4, monkeypatch, **options)
    assert generator.device_.type == "cuda"
    loaded = hs_specaug.load_generator(generator.save(tmp_path / "g.safetensors"))
    ours, theirs = (g.sample({"rare": 4})[0] for g in (generator, loaded))
    np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-3)


def test_a_method_can_change_a_default_of_its_base():
    class Keener(find_method(GENERATORS, "three-player")):
        """A method.

        Parameters
        ----------
        mine : int, default 2
            Its own.
        n_critic : int, default 5
            Another default.

        Attributes
        ----------
        nothing : None
        """

        def __init__(self, *, mine=2, n_critic=5, **training):
            super().__init__(n_critic=n_critic, **training)
            self.mine = mine

    generator = Keener(epochs=7)
    parameters = generator.get_params()
    assert (parameters["mine"], parameters["n_critic"], parameters["epochs"]) == (2, 5, 7)
    base = find_method(GENERATORS, "three-player")().get_params()
    assert parameters.keys() == {"mine", *base}
    assert clone(generator.set_params(lecam=0.3)).lecam == 0.3
    assert Keener.__doc__.count("n_critic : int") == 1
    assert "n_critic : int, default 5" in Keener.__doc__
    assert "gradient_penalty : float, default 10" in Keener.__doc__
    with pytest.raises(TypeError, match="epoch"):
        Keener(epoch=3)


@pytest.mark.parametrize("shape", [(16,), (2, 16), (1, 16, 16)])
def test_perturbations_stand_between_the_players(shape):
    """Built from the package's own: shift, scale, noise and cutout, differentiable."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(24, *shape)).astype("f4"), np.repeat([0, 1], [16, 8])
    names = "shift+gain+gaussian-noise+random-erasing"
    if len(shape) == 3:
        names = "image-shift+zoom+gaussian-noise+rectangular-mask"
    plain = small("cdragan").fit(X, y)
    augmented = small("cdragan", diff_augment=names).fit(X, y)
    assert augmented.history_["generator"] != plain.history_["generator"]
    assert np.isfinite(augmented.sample({0: 3})[0]).all()
