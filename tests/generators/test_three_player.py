"""Equations 3, 4 and 5 of paper 000, term by term, on networks small enough to do by hand."""

import math
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import hs_specaug
from hs_specaug.generators import ThreePlayerGenerator
from hs_specaug.generators._draws import Draws
from hs_specaug.generators._stabilisers import Stabilisers
from hs_specaug.generators._three_player import (
    classifier_losses,
    discriminator_losses,
    generator_losses,
)
from hs_specaug.networks import BatchStream, ConditionalGenerator, build_network


class TinyGenerator(nn.Module):
    """G(z, y) = (y, y): what class it is, without noise."""

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        return y.float()[:, None, None].expand(-1, 1, 2)


class TinyDiscriminator(nn.Module):
    """D(x, y) = w · x + v · y, so its slope in x is ‖w‖."""

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.tensor([3.0, 4.0]))
        self.v = nn.Parameter(torch.tensor(1.5))
        self.trunk_rows = 0

    def features(self, x):
        self.trunk_rows += len(x)
        return (x.flatten(1) * self.w).sum(dim=1)

    def head(self, h, y):
        return h + self.v * y

    def forward(self, x, y):
        return self.head(self.features(x), y)


class TinyClassifier(nn.Module):
    """Logits (x₀, 0)."""

    def forward(self, x):
        return torch.stack([x[:, 0, 0], torch.zeros(len(x))], dim=1)


def draws_of(y, batch_size):
    X = torch.tensor([[[0.1, 0.2]], [[0.3, -0.1]], [[-0.5, 0.4]], [[0.0, 0.6]]])[: len(y)]
    stream = BatchStream(X, torch.tensor(y), batch_size, torch.Generator().manual_seed(0))
    return Draws(stream, 2, 3, torch.Generator().manual_seed(1))


@pytest.fixture
def draws():
    return draws_of([0, 0, 0, 1], 4)


def spy(draws, monkeypatch):
    """Record what is drawn, so that the expected loss can be written down."""
    seen = {}
    originals = {n: getattr(draws, n) for n in ("real", "labels", "wrong", "uniform", "missing")}
    for name in originals:

        def recorded(*args, _name=name):
            seen[_name] = originals[_name](*args)
            return seen[_name]

        monkeypatch.setattr(draws, name, recorded)
    return seen


def test_equation_3(draws, monkeypatch):
    seen = spy(draws, monkeypatch)
    G, D = TinyGenerator(), TinyDiscriminator()
    terms = discriminator_losses(G, D, draws, 10.0, Stabilisers(draws))
    (x, y), y_g, y_m = seen["real"], seen["labels"], seen["wrong"]

    def logit(x, y):
        return 3.0 * x[:, 0, 0] + 4.0 * x[:, 0, 1] + 1.5 * y

    x_g = y_g.float()[:, None, None].expand(-1, 1, 2)
    sigmoid = torch.sigmoid
    expected = {
        "real": -torch.log(sigmoid(logit(x, y))).mean(),
        "generated": -torch.log(1 - sigmoid(logit(x_g, y_g))).mean(),
        "mislabelled": -torch.log(1 - sigmoid(logit(x, y_m))).mean(),
        "gradient_penalty": torch.tensor(10.0 * (5.0 - 1.0) ** 2),
    }
    assert terms.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(terms[name], value, msg=name, rtol=1e-4, atol=1e-5)


def test_equation_3_interpolates_between_real_and_generated(draws, monkeypatch):
    seen = spy(draws, monkeypatch)
    at = {}

    def remember(critic, x):
        at["x"] = x
        return torch.zeros(())

    monkeypatch.setattr("hs_specaug.generators._three_player.gradient_penalty", remember)
    discriminator_losses(TinyGenerator(), TinyDiscriminator(), draws, 10.0, Stabilisers(draws))
    alpha = seen["uniform"][:, None, None]
    assert ((alpha >= 0) & (alpha < 1)).all()
    x_g = seen["labels"].float()[:, None, None].expand(-1, 1, 2)
    torch.testing.assert_close(at["x"], alpha * seen["real"][0] + (1 - alpha) * x_g)


def test_equation_3_passes_each_sample_through_the_trunk_once(draws):
    D = TinyDiscriminator()
    discriminator_losses(TinyGenerator(), D, draws, 10.0, Stabilisers(draws))
    # 4 real (serving two labels) + 4 generated + 4 interpolates, nothing twice.
    assert D.trunk_rows == 12


def test_wrong_labels_are_never_right():
    draws = draws_of([0, 1], 2)
    draws.n_classes = 5
    y = torch.arange(5).repeat(200)
    wrong = draws.wrong(y)
    assert (wrong != y).all()
    assert set(wrong.tolist()) == set(range(5))


def test_equation_4(draws, monkeypatch):
    seen = spy(draws, monkeypatch)
    terms = generator_losses(
        TinyGenerator(), TinyDiscriminator(), TinyClassifier(), draws, Stabilisers(draws)
    )
    y_g = seen["labels"].float()
    logit = 7.0 * y_g + 1.5 * y_g
    # Class 0 sits at x₀ = 0 with logits (0, 0); class 1 at x₀ = 1 with logits (1, 0).
    cross_entropy = torch.where(y_g == 0, math.log(2), math.log(1 + math.e))
    torch.testing.assert_close(terms["adversarial"], -torch.log(torch.sigmoid(logit)).mean())
    torch.testing.assert_close(terms["cooperative"], cross_entropy.mean())
    assert len(terms) == 2


def test_equation_5_fills_up_the_rare_class_only(draws, monkeypatch):
    seen = spy(draws, monkeypatch)
    terms = classifier_losses(TinyGenerator(), TinyClassifier(), draws)
    assert seen["missing"].tolist() == [1, 1]  # three of class 0 and one of class 1 are real
    x, y = seen["real"]
    torch.testing.assert_close(terms["real"], F.cross_entropy(TinyClassifier()(x), y))
    assert float(terms["generated"]) == pytest.approx(math.log(1 + math.e))


def test_equation_5_with_a_balanced_batch():
    terms = classifier_losses(TinyGenerator(), TinyClassifier(), draws_of([0, 1], 2))
    assert terms.keys() == {"real"}


def test_filling_up_leaves_the_running_statistics_alone():
    G = build_network(lambda: ConditionalGenerator(3, 2, 1, (2,)), 0).train()
    before = {k: v.clone() for k, v in G.state_dict().items()}
    classifier_losses(G, TinyClassifier(), draws_of([0, 0, 0, 1], 4))
    assert all(torch.equal(before[k], v) for k, v in G.state_dict().items())
    assert G.training


# --- the estimator ---------------------------------------------------------------------------


def peaks(n, centre, rng, length=64):
    x = np.linspace(0, 1, length)
    shift = 0.02 * rng.standard_normal((n, 1))
    noise = 0.02 * rng.standard_normal((n, length))
    return np.exp(-((x - centre - shift) ** 2) / 0.005) + noise


@pytest.fixture(scope="module")
def two_classes():
    rng = np.random.default_rng(0)
    X = np.concatenate([peaks(60, 0.3, rng), peaks(6, 0.7, rng)])
    return X, np.array(["common"] * 60 + ["rare"] * 6)


@pytest.fixture(scope="module")
def fitted(two_classes):
    return ThreePlayerGenerator(epochs=4, pretrain_epochs=3, random_state=0).fit(*two_classes)


def test_defaults_are_the_papers():
    parameters = ThreePlayerGenerator().get_params()
    assert parameters["epochs"] == 150
    assert parameters["pretrain_epochs"] == 100
    assert parameters["gradient_penalty"] == 10
    assert parameters["learning_rate"] == 2e-4
    assert parameters["betas"] == (0.5, 0.9)


def test_every_player_is_trained(fitted, two_classes):
    fresh = fitted._networks((1, 64), int(np.random.RandomState(0).randint(2**31 - 1, size=3)[0]))
    for name, before in fresh.items():
        after = fitted.networks_[name].state_dict()
        weights = [k for k, v in before.state_dict().items() if v.is_floating_point()]
        assert all(not torch.equal(after[k], before.state_dict()[k]) for k in weights), name


def test_autoencoder_starts_generator_and_discriminator(two_classes):
    X, y = two_classes
    generator = ThreePlayerGenerator(epochs=0, pretrain_epochs=2, random_state=0).fit(X, y)
    untrained = ThreePlayerGenerator(epochs=0, pretrain_epochs=0, random_state=0).fit(X, y)
    for name in ("generator", "discriminator"):
        trained = generator.networks_[name].trunk.state_dict()
        start = untrained.networks_[name].trunk.state_dict()
        assert not all(torch.equal(trained[k], start[k]) for k in trained), name
    assert len(generator.history_["pre-training/autoencoder/reconstruction"]) == 2
    losses = generator.history_["pre-training/autoencoder"]
    assert losses[-1] < losses[0]


def test_history_names_every_term(fitted):
    for term in (
        "discriminator/real",
        "discriminator/generated",
        "discriminator/mislabelled",
        "discriminator/gradient_penalty",
        "generator/adversarial",
        "generator/cooperative",
        "classifier/real",
        "classifier/generated",
        "pre-training/autoencoder",
    ):
        assert np.isfinite(fitted.history_[term]).all(), term
    assert fitted.history_["epoch"] == [1, 2, 3, 4]
    assert fitted.seconds_.keys() == {"autoencoder", "discriminator", "generator", "classifier"}


def test_joint_classifier_predicts(fitted, two_classes):
    X, _ = two_classes
    probabilities = fitted.classifier_.predict_proba(X)
    assert probabilities.shape == (66, 2)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0)
    assert set(fitted.classifier_.predict(X)) <= {"common", "rare"}


def test_same_seed_same_bits_in_another_process(fitted, two_classes, tmp_path):
    X, y = two_classes
    np.savez(tmp_path / "data.npz", X=X, y=y)
    script = f"""
import numpy as np
from hs_specaug.generators import ThreePlayerGenerator
data = np.load({str(tmp_path / "data.npz")!r})
g = ThreePlayerGenerator(epochs=4, pretrain_epochs=3, random_state=0).fit(data["X"], data["y"])
np.save({str(tmp_path / "sample.npy")!r}, g.sample({{"rare": 5}}, random_state=3)[0])
"""
    subprocess.run([sys.executable, "-c", script], check=True)
    ours = fitted.sample({"rare": 5}, random_state=3)[0]
    np.testing.assert_array_equal(np.load(tmp_path / "sample.npy"), ours)


def test_another_seed_another_generator(fitted, two_classes):
    other = ThreePlayerGenerator(epochs=4, pretrain_epochs=3, random_state=1).fit(*two_classes)
    assert not np.array_equal(
        other.sample({"rare": 2}, random_state=0)[0], fitted.sample({"rare": 2}, random_state=0)[0]
    )


def test_global_random_numbers_do_not_move(two_classes, no_global_rng):
    generator = ThreePlayerGenerator(epochs=1, pretrain_epochs=1, random_state=0)
    generator.fit(*two_classes).sample({"rare": 2})


@pytest.mark.parametrize("n_rare", [1, 2, 3, 10])
def test_few_spectra_are_trained_on_all_the_same(n_rare):
    rng = np.random.default_rng(0)
    X = np.concatenate([peaks(20, 0.3, rng, 32), peaks(n_rare, 0.7, rng, 32)])
    y = np.array([0] * 20 + [1] * n_rare)
    generator = ThreePlayerGenerator(epochs=2, pretrain_epochs=1, random_state=0)
    _, y_new = generator.fit_resample(X, y)
    assert np.bincount(y_new).tolist() == [20, 20]
    assert generator.history_["epoch"] == [1, 2]


@pytest.mark.parametrize("shape", [(2, 24), (1, 16, 16), (3, 10, 12)])
def test_channels_and_images_from_the_same_module(shape):
    rng = np.random.default_rng(0)
    X = rng.random((12, *shape)).astype("f4")
    y = np.array([0] * 9 + [1] * 3)
    X_new, _ = ThreePlayerGenerator(epochs=1, pretrain_epochs=1, random_state=0).fit_resample(X, y)
    assert X_new.shape == (18, *shape)
    assert X_new.dtype == np.float32
    np.testing.assert_array_equal(X_new[:12], X)


def test_counts_stay_counts():
    rng = np.random.default_rng(0)
    X = rng.poisson(2.0, (30, 40)).astype("u2")
    y = np.array([0] * 24 + [1] * 6)
    X_new, _ = ThreePlayerGenerator(epochs=1, pretrain_epochs=1, random_state=0).fit_resample(X, y)
    assert X_new.dtype == np.uint16
    assert X_new.max() <= X.max()


def test_float_data_that_cannot_be_negative_stays_so():
    rng = np.random.default_rng(0)
    X = rng.poisson(0.5, (30, 40)).astype("f8")
    y = np.array([0] * 24 + [1] * 6)
    X_new, _ = ThreePlayerGenerator(epochs=1, pretrain_epochs=1, random_state=0).fit_resample(X, y)
    assert X_new.min() >= 0.0


def test_n_critic_draws_a_batch_for_every_step(two_classes, monkeypatch):
    drawn = []
    original = BatchStream.next
    monkeypatch.setattr(
        BatchStream, "next", lambda self: drawn.append(1) or original(self), raising=True
    )
    ThreePlayerGenerator(
        epochs=1, pretrain_epochs=0, n_critic=5, batch_size=66, random_state=0
    ).fit(*two_classes)
    assert len(drawn) == 6  # five for the discriminator, one for the classifier


def test_nan_is_refused(two_classes):
    X, y = two_classes
    X = X.copy()
    X[3, 5] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        ThreePlayerGenerator(epochs=1).fit(X, y)


def test_bfloat16_trains_to_similar_losses(two_classes):
    options = {"epochs": 6, "pretrain_epochs": 4, "random_state": 0}
    exact = ThreePlayerGenerator(precision="float32", **options).fit(*two_classes)
    rounded = ThreePlayerGenerator(precision="bfloat16", **options).fit(*two_classes)
    assert rounded.precision_ == "bfloat16"
    key = "pre-training/autoencoder"
    np.testing.assert_allclose(rounded.history_[key], exact.history_[key], rtol=0.1)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_trains_and_its_file_loads_on_the_cpu(two_classes, tmp_path):
    generator = ThreePlayerGenerator(
        epochs=2, pretrain_epochs=1, device="cuda", random_state=0
    ).fit(*two_classes)
    assert generator.device_.type == "cuda"
    generator.save(tmp_path / "g.safetensors")
    script = f"""
import os
os.environ["CUDA_VISIBLE_DEVICES"] = ""
import hs_specaug
g = hs_specaug.load_generator({str(tmp_path / "g.safetensors")!r})
assert g.device_.type == "cpu"
assert g.sample({{"rare": 2}}, random_state=0)[0].shape == (2, 64)
"""
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.slow
def test_samples_are_recognised_and_varied():
    """A classifier trained on real data recognises at least 90 % of the samples."""
    from hs_specaug.classifiers import CNNClassifier

    rng = np.random.default_rng(1)
    X = np.concatenate([peaks(100, 0.3, rng), peaks(10, 0.7, rng)])
    y = np.repeat([0, 1], [100, 10])
    X_test = np.concatenate([peaks(100, 0.3, rng), peaks(100, 0.7, rng)])
    judge = CNNClassifier(epochs=40, random_state=0).fit(X_test, np.repeat([0, 1], 100))
    generator = hs_specaug.make_generator("three-player", random_state=0).fit(X, y)
    X_new, y_new = generator.sample({0: 100, 1: 100}, random_state=0)
    assert judge.score(X_new, y_new) >= 0.9
    for code in (0, 1):
        spread = X_new[y_new == code].std(axis=0).mean()
        assert spread > 0.3 * X_test[np.repeat([0, 1], 100) == code].std(axis=0).mean()


def test_every_player_can_have_its_own_rate(two_classes):
    generator = ThreePlayerGenerator(
        epochs=1,
        pretrain_epochs=0,
        generator_learning_rate=1e-5,
        discriminator_learning_rate=3e-4,
        random_state=0,
    ).fit(*two_classes)
    rates = {
        p: generator.history_[f"{p}/learning_rate"]
        for p in ("discriminator", "generator", "classifier")
    }
    assert rates == {"discriminator": [3e-4], "generator": [1e-5], "classifier": [2e-4]}


def test_keeps_the_best_epoch_and_says_if_that_is_the_start(two_classes, monkeypatch):
    from hs_specaug.exceptions import TrainingWarning
    from hs_specaug.generators import _fidelity

    scores = iter(range(1000))
    monkeypatch.setattr(_fidelity.ClassFidelity, "__call__", lambda self: float(next(scores)))
    with pytest.warns(TrainingWarning, match="the start is kept"):
        generator = ThreePlayerGenerator(epochs=20, pretrain_epochs=1, random_state=0).fit(
            *(a[::6] for a in two_classes)
        )
    assert generator.best_epoch_ == 0
    start = ThreePlayerGenerator(epochs=0, pretrain_epochs=1, random_state=0).fit(
        *(a[::6] for a in two_classes)
    )
    np.testing.assert_array_equal(
        generator.sample({"rare": 3}, random_state=0)[0],
        start.sample({"rare": 3}, random_state=0)[0],
    )
