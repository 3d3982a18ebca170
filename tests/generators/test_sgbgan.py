"""SGBGAN of paper 001: its losses by hand, what its autoencoder hands over, its estimator."""

import csv
import math
import os
import subprocess
import sys
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import ParameterGrid
from torch import Tensor, nn

import hs_specaug
from hs_specaug.generators import _sgbgan
from hs_specaug.generators._draws import Draws
from hs_specaug.generators._sgbgan import SGBGANGenerator, alpha_of, sa_gvae_losses
from hs_specaug.generators._stabilisers import Stabilisers
from hs_specaug.networks import BatchStream, PassCounter, Player, build_network
from hs_specaug.networks._sa_gvae import (
    SAGVAE,
    GatedEncoder,
    LabelledDecoder,
    cross_entropy,
    kl_divergence,
    squared_error,
)

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
ROWS = torch.tensor([[[0.1, 0.2]], [[0.3, -0.1]], [[-0.5, 0.4]], [[0.0, 0.6]]])


def draws_of(X=ROWS, y=(0, 0, 0, 1)):
    stream = BatchStream(X, torch.tensor(y), 4, torch.Generator().manual_seed(0))
    return Draws(stream, 2, 3, torch.Generator().manual_seed(1))


def small(**changes):
    options = {"epochs": 2, "pretrain_epochs": 2, "random_state": 0, "precision": "float32"}
    return SGBGANGenerator(**{**options, **changes})


def two_peaks(n_common, n_rare, seed=0, length=16):
    rng = np.random.default_rng(seed)
    y = np.array(["common"] * n_common + ["rare"] * n_rare)
    centre = np.where(y == "common", 0.3, 0.7) + 0.02 * rng.standard_normal(len(y))
    x = np.linspace(0, 1, length)
    X = np.exp(-((x - centre[:, None]) ** 2) / 0.01)
    return X + 0.02 * rng.standard_normal(X.shape), y


# --- Eqs. (8) and (9) ------------------------------------------------------------------------


class TinyGenerator(nn.Module):
    """G(z, y) = (y + 1, z₀)."""

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        return torch.stack([y + 1.0, z[:, 0]], dim=1).unsqueeze(1)


class TinyDiscriminator(nn.Module):
    """D(x, y) = ½ ‖x‖² + 1.5 y, so its slope in x is x: a penalty shows where it was taken."""

    def features(self, x):
        return 0.5 * x.flatten(1).square().sum(dim=1)

    def head(self, h, y):
        return h + 1.5 * y

    def forward(self, x, y):
        return self.head(self.features(x), y)


@pytest.fixture
def players(monkeypatch):
    """Losses of both players on tiny networks, and what they draw."""
    draws, seen = draws_of(), {}
    for name in ("real", "noise", "labels", "wrong", "uniform"):
        original = getattr(draws, name)

        def recorded(*args, _original=original, _name=name):
            seen[_name] = _original(*args)
            return seen[_name]

        monkeypatch.setattr(draws, name, recorded)
    networks = {"generator": TinyGenerator(), "discriminator": TinyDiscriminator()}
    return SGBGANGenerator()._losses(networks, draws, Stabilisers(draws)), seen


def log_sigmoid(logits):
    return -torch.log(1.0 + torch.exp(-logits))


def logit(x, y):
    return 0.5 * (x[:, 0, 0] ** 2 + x[:, 0, 1] ** 2) + 1.5 * y


def generated(z, y):
    return torch.stack([y + 1.0, z[:, 0]], dim=1).unsqueeze(1)


def test_discriminator_has_three_losses_and_the_penalty(players):
    losses, seen = players
    terms = losses["discriminator"]()
    (x, y), y_g, y_m = seen["real"], seen["labels"], seen["wrong"]
    x_g, alpha = generated(seen["noise"], y_g), seen["uniform"][:, None, None]
    x_hat = alpha * x + (1 - alpha) * x_g
    expected = {
        "real": -log_sigmoid(logit(x, y)).mean(),
        "generated": -log_sigmoid(-logit(x_g, y_g)).mean(),
        "mislabelled": -log_sigmoid(-logit(x, y_m)).mean(),
        "gradient_penalty": 5.0 * ((x_hat.flatten(1).norm(dim=1) - 1.0) ** 2).mean(),
    }
    assert (y_m != y).all()
    assert terms.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(terms[name], value, msg=name, rtol=1e-5, atol=1e-6)


def test_generator_has_one_loss(players):
    losses, seen = players
    terms = losses["generator"]()
    x_g = generated(seen["noise"], seen["labels"])
    assert list(terms) == ["adversarial"]
    torch.testing.assert_close(
        terms["adversarial"], -log_sigmoid(logit(x_g, seen["labels"])).mean()
    )


# --- the SA-GVAE -----------------------------------------------------------------------------


@pytest.mark.parametrize("law", ["normal", "uniform"])
def test_law_of_equation_6(law):
    alpha = alpha_of(law, draws_of(), 20000, 2).double()
    mean, variance = {"normal": (0.0, 1.0), "uniform": (0.5, 1 / 12)}[law]
    assert alpha.shape == (20000, 2)
    assert alpha.mean().item() == pytest.approx(mean, abs=0.02)
    assert alpha.var().item() == pytest.approx(variance, rel=0.03)
    assert bool((alpha < 0).any()) == (law == "normal")


def test_objective_is_that_of_equation_10(monkeypatch):
    draws, seen = draws_of(), {}
    network = build_network(
        lambda: SAGVAE(GatedEncoder(3, 1, (2,)), LabelledDecoder(3, 2, 1, (2,))), 0
    ).eval()
    original = draws.real
    monkeypatch.setattr(draws, "real", lambda: seen.setdefault("real", original()))
    state = draws.generator.get_state()
    terms = sa_gvae_losses(network, draws, "uniform")
    alpha = torch.rand(4, 3, generator=draws.generator.set_state(state))
    x, y = seen["real"]
    reconstruction, mu, sigma = network(x, y, alpha)
    torch.testing.assert_close(terms["kl"], kl_divergence(mu, sigma))
    torch.testing.assert_close(terms["cross_entropy"], cross_entropy(reconstruction, x))
    torch.testing.assert_close(terms["mse"], squared_error(reconstruction, x))


@pytest.fixture
def handed_over(monkeypatch):
    """The encoder when it is handed over, and every player that was made."""
    kept = {"players": []}
    original = SGBGANGenerator._transfer

    def transfer(self, encoder, networks):
        kept["encoder"] = encoder.eval()
        kept["decoder"] = {k: v.clone() for k, v in networks["generator"].state_dict().items()}
        original(self, encoder, networks)

    def player(*args):
        kept["players"].append(Player(*args))
        return kept["players"][-1]

    monkeypatch.setattr(SGBGANGenerator, "_transfer", transfer)
    monkeypatch.setattr(_sgbgan, "Player", player)
    return kept


def test_weights_go_from_the_autoencoder_to_both_players(handed_over):
    generator = small(epochs=0, class_noise=False).fit(*two_peaks(20, 6))
    fresh = generator._networks((1, 16), generator._seeds[0])
    trunk = generator.networks_["discriminator"].trunk.state_dict()
    for key, value in handed_over["encoder"].trunk.state_dict().items():
        assert torch.equal(trunk[key], value), key
        # Attention that starts at γ = 0 moves γ first; nothing else needs a second step.
        assert not torch.equal(fresh["discriminator"].trunk.state_dict()[key], value), key
    decoder = generator.networks_["generator"].state_dict()
    assert all(torch.equal(decoder[k], v) for k, v in handed_over["decoder"].items())
    for key, before in fresh["generator"].named_parameters():
        assert not torch.equal(decoder[key], before), key
    head = generator.networks_["discriminator"].output.weight
    assert torch.equal(head, fresh["discriminator"].output.weight)


def test_autoencoder_has_its_own_optimiser(handed_over):
    generator = small(pretrain_learning_rate=3e-4, pretrain_beta1=0.7, betas=(0.4, 0.95))
    generator.fit(*two_peaks(20, 6))
    (player,) = handed_over["players"]
    assert player.name == "sa-gvae"
    assert (player.learning_rate, player.betas) == (3e-4, (0.7, 0.95))
    for term in ("kl", "cross_entropy", "mse"):
        assert len(generator.history_[f"pre-training/sa-gvae/{term}"]) == 2
    objective = small(epochs=0, pretrain_epochs=15).fit(*two_peaks(20, 6)).history_
    values = objective["pre-training/sa-gvae"]
    assert values[-1] < 0.9 * values[0]


def test_noise_of_a_class_is_the_gaussian_of_its_latent_vectors(handed_over):
    X, y = two_peaks(20, 6)
    generator = small(epochs=0, latent_dim=5).fit(X, y)
    rows = torch.from_numpy(generator.scaler_.transform(X[:, None].astype("f4")))
    with torch.inference_mode():
        mu, sigma = (v.double().numpy() for v in handed_over["encoder"](rows))
    # z = μ + exp(σ/2) α has the covariance of μ and, on top, the mean variance.
    residual = np.concatenate(
        [mu[y == name] - mu[y == name].mean(axis=0) for name in ("common", "rare")]
    )
    covariance = residual.T @ residual / len(y) + np.diag(np.exp(sigma).mean(axis=0))
    latent = generator.networks_["generator"].latent
    L = latent.factors[0].double().numpy()
    np.testing.assert_allclose(np.diag(L @ L.T), np.diag(covariance), rtol=0.3)
    for code, name in enumerate(("common", "rare")):
        expected = mu[y == name].mean(axis=0)
        np.testing.assert_allclose(latent.means[code], expected, atol=0.5)


def test_without_class_noise_it_is_standard_normal():
    latent = small(epochs=1, class_noise=False).fit(*two_peaks(20, 6)).networks_["generator"].latent
    assert not latent.means.any()
    assert torch.equal(latent.factors[0], torch.eye(128))


def test_without_a_start_all_is_random():
    generator = small(epochs=1, pretrain_epochs=0).fit(*two_peaks(20, 6))
    assert not any(key.startswith("pre-training") for key in generator.history_)
    assert not generator.networks_["generator"].latent.means.any()


# --- the estimator -----------------------------------------------------------------------------


def test_defaults_are_those_of_table_2():
    parameters = SGBGANGenerator().get_params()
    for name, values in SGBGANGenerator.table_2.items():
        assert parameters[name] in values, name
    assert (parameters["gradient_penalty"], parameters["n_critic"]) == (5, 5)
    assert (parameters["batch_size"], parameters["latent_dim"]) == (128, 128)
    assert parameters["betas"] == (0.5, 0.9)
    grid = ParameterGrid(SGBGANGenerator.table_2)
    assert len(grid) == 4 * 3 * 4 * 4 * 4
    SGBGANGenerator().set_params(**grid[0])._validate_params()


@pytest.mark.parametrize(
    ("name", "value"),
    [("reparameterisation", "gaussian"), ("pretrain_beta1", 1.0), ("pretrain_learning_rate", 0.0)],
)
def test_what_makes_no_sense_is_refused(name, value):
    with pytest.raises(ValueError, match=name):
        SGBGANGenerator(**{name: value}).fit(*two_peaks(4, 2))


@pytest.mark.parametrize("shape", [(1,), (4,), (2, 20), (1, 5, 7), (4, 16, 16)])
def test_every_shape_and_class_size(shape):
    rng = np.random.default_rng(0)
    X, y = rng.random((10, *shape)).astype("f4"), np.repeat([5, 6, 7], [6, 3, 1])
    X_new, y_new = small(epochs=1, pretrain_epochs=1).fit_resample(X, y)
    assert X_new.shape == (18, *shape)
    assert np.isfinite(X_new).all()
    assert np.unique(y_new, return_counts=True)[1].tolist() == [6, 6, 6]


def test_latent_vectors_are_those_that_are_decoded():
    generator = small().fit(*two_peaks(20, 6))
    networks, labels = dict(generator.networks_.items()), torch.tensor([0, 1, 1])
    with torch.inference_mode():
        h = generator._latents(networks, labels, torch.Generator().manual_seed(0))
        rows = generator._generate(networks, labels, torch.Generator().manual_seed(0))
        torch.testing.assert_close(networks["generator"].trunk(h), rows)
        assert not torch.equal(rows[1], rows[2])


def test_one_round_costs_what_the_method_says(monkeypatch):
    counters = []
    original = SGBGANGenerator._players

    def players(self, networks, draws, run):
        result = original(self, networks, draws, run)
        counters.append(PassCounter(networks).__enter__())
        return result

    monkeypatch.setattr(SGBGANGenerator, "_players", players)
    small(epochs=1, pretrain_epochs=1, scoring=None).fit(*two_peaks(20, 6))
    counters[0].__exit__()
    assert {k: tuple(v) for k, v in counters[0].counts.items()} == SGBGANGenerator.passes


def test_saved_is_loaded_with_the_places_of_the_classes(tmp_path):
    generator = small(ema_decay=0.5).fit(*two_peaks(20, 6))
    loaded = hs_specaug.load_generator(generator.save(tmp_path / "g.safetensors"))
    np.testing.assert_array_equal(
        loaded.sample({"rare": 3}, random_state=1)[0],
        generator.sample({"rare": 3}, random_state=1)[0],
    )
    assert loaded.networks_["generator"].latent.means.any()


def test_global_random_numbers_do_not_move(no_global_rng):
    small(epochs=1).fit(*two_peaks(8, 3)).sample({"rare": 2})


# --- the example -------------------------------------------------------------------------------


def test_example_of_images_without_measured_data(tmp_path):
    settings = {"OMP_NUM_THREADS": "1", "HS_SPECAUG_DATA": str(tmp_path / "nowhere")}
    run = subprocess.run(
        [sys.executable, str(EXAMPLES / "imbalanced_images.py"), "--quick"],
        cwd=tmp_path,
        env={**os.environ, **settings, "MPLBACKEND": "Agg", "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=500,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    assert run.stdout.startswith("simulated")
    assert "Verdict: " in run.stdout
    output = tmp_path / "output"
    with (output / "imbalanced_images.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    installed = hs_specaug.list_generators()
    papers = [n for n in ("dcgan", "bagan", "cwgan-gp", "bagan-gp", "sgbgan") if n in installed]
    assert [(row["rate"], row["augmentation"]) for row in rows] == [
        (rate, name) for rate in ("5", "20") for name in ("none", "random", *papers)
    ]
    for row in rows:
        low, value, high = (float(row[f"macro_f{end}"]) for end in ("_low", "", "_high"))
        assert 0 <= low <= value <= high <= 1
        generated = row["augmentation"] in papers
        for score in ("fid_minority", "fid_majority", "ssim_minority", "ssim_majority"):
            # A column that could not be computed is left out, and the output says why.
            assert score in row or f"no column {score[:4].upper()}" in run.stdout
            assert (row.get(score, "") != "") == (generated and score in row)
            assert not generated or score not in row or math.isfinite(float(row[score]))
    assert "| real images |" in (output / "imbalanced_images.md").read_text(encoding="utf-8")
    image = matplotlib.image.imread(output / "imbalanced_images.png")
    assert image.shape[1] > 1000
    assert 0.02 < (image[..., :3].mean(axis=-1) < 0.9).mean() < 0.9  # neither blank nor black


# --- slow --------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::hs_specaug.exceptions.TrainingWarning")  # best at the start
def test_samples_are_recognised_and_varied():
    X, y = two_peaks(60, 20, seed=1, length=32)
    judge = LogisticRegression().fit(*two_peaks(100, 100, seed=2, length=32))
    generator = small(epochs=20, pretrain_epochs=100, batch_size=20, score_every=5).fit(X, y)
    X_new, y_new = generator.sample({"common": 100, "rare": 100}, random_state=0)
    for name in ("common", "rare"):
        rate = (judge.predict(X_new[y_new == name]) == name).mean()
        spread = X_new[y_new == name].std(axis=0).mean() / X[y == name].std(axis=0).mean()
        print(f"{name}: {rate:.0%}, spread {spread:.0%}, best epoch {generator.best_epoch_}")
        assert rate >= 0.9, name
        assert math.isfinite(spread)
        assert spread > 0.3
