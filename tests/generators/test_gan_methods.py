"""The adversarial methods of papers 000 and 001 as estimators: start, training, samples."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from hs_specaug.generators import (
    ACGANGenerator,
    BAGANGenerator,
    BAGANGPGenerator,
    CDRAGANGenerator,
    CooperativeGenerator,
    CWGANGPGenerator,
    DCGANGenerator,
)
from hs_specaug.networks import PassCounter

METHODS = [
    CooperativeGenerator,
    CDRAGANGenerator,
    BAGANGPGenerator,
    ACGANGenerator,
    DCGANGenerator,
    BAGANGenerator,
    CWGANGPGenerator,
]
WITH_AUTOENCODER = [BAGANGPGenerator, BAGANGenerator]


def small(method, **changes):
    options = {"epochs": 2, "pretrain_epochs": 1, "random_state": 0, "precision": "float32"}
    if method not in WITH_AUTOENCODER:
        del options["pretrain_epochs"]
    return method(**{**options, **changes})


def peaks(n, centre, rng, length=32):
    x = np.linspace(0, 1, length)
    shift = 0.02 * rng.standard_normal((n, 1))
    noise = 0.02 * rng.standard_normal((n, length))
    return np.exp(-((x - centre - shift) ** 2) / 0.005) + noise


def two_peaks(n_common, n_rare, seed=0):
    rng = np.random.default_rng(seed)
    X = np.concatenate([peaks(n_common, 0.3, rng), peaks(n_rare, 0.7, rng)])
    return X, np.array(["common"] * n_common + ["rare"] * n_rare)


@pytest.mark.parametrize("method", METHODS)
def test_samples_depend_on_the_class(method):
    X, y = two_peaks(20, 6)
    generator = small(method).fit(X, y)
    X_new, y_new = generator.sample({"common": 3, "rare": 2}, random_state=0)
    assert X_new.shape == (5, 32)
    assert y_new.tolist() == ["common"] * 3 + ["rare"] * 2
    networks = dict(generator.networks_.items())

    def rows(code):
        labels = torch.full((4,), code)
        return generator._generate(networks, labels, torch.Generator().manual_seed(0))

    with torch.inference_mode():
        assert not torch.equal(rows(0), rows(1))  # the same noise
        assert not torch.equal(rows(0)[0], rows(0)[1])  # other noise


@pytest.mark.parametrize("method", METHODS)
def test_every_weight_is_trained(method):
    X, y = two_peaks(20, 6)
    generator = small(method, scoring=None).fit(X, y)
    fresh = generator._networks((1, 32), generator._seeds[0])
    for name, before in fresh.named_parameters():
        after = generator.networks_.get_parameter(name)
        # A constant cancels in the difference that a Wasserstein critic maximises.
        cancels = method is CWGANGPGenerator and name == "discriminator.output.bias"
        assert torch.equal(before, after) == cancels, name


@pytest.mark.parametrize("method", METHODS)
def test_history_names_every_term(method):
    X, y = two_peaks(20, 6)
    history = small(method).fit(X, y).history_
    wanted = {"discriminator/real", "discriminator/generated", "generator/adversarial"}
    wanted |= {
        CooperativeGenerator: {"generator/cooperative", "classifier/real", "classifier/generated"},
        CDRAGANGenerator: {"discriminator/gradient_penalty"},
        BAGANGPGenerator: {"discriminator/gradient_penalty", "discriminator/mislabelled"},
        ACGANGenerator: {"discriminator/class_real", "discriminator/class_generated"},
        DCGANGenerator: set(),
        BAGANGenerator: {"discriminator/class", "generator/class"},
        CWGANGPGenerator: {"discriminator/gradient_penalty"},
    }[method]
    assert wanted <= history.keys()
    assert all(np.isfinite(history[term]).all() for term in wanted)


@pytest.mark.parametrize("method", METHODS)
def test_a_class_of_one_row(method):
    X, y = two_peaks(12, 1)
    X_new, y_new = small(method, epochs=1).fit_resample(X, y)
    assert (y_new == "rare").sum() == 12
    assert np.isfinite(X_new).all()


@pytest.mark.parametrize("method", METHODS)
def test_three_classes_of_images(method):
    rng = np.random.default_rng(0)
    X, y = rng.random((10, 2, 9, 10)).astype("f4"), np.repeat([5, 6, 7], [6, 3, 1])
    X_new, y_new = small(method, epochs=1, batch_size=10).fit_resample(X, y)
    assert X_new.shape == (18, 2, 9, 10)
    assert np.unique(y_new, return_counts=True)[1].tolist() == [6, 6, 6]


@pytest.mark.parametrize("method", METHODS)
def test_one_round_costs_what_the_method_says(method, monkeypatch):
    X, y = two_peaks(20, 6)
    counters = []
    original = method._players

    def players(self, networks, draws, run):
        result = original(self, networks, draws, run)
        counters.append(PassCounter(networks).__enter__())
        return result

    monkeypatch.setattr(method, "_players", players)
    small(method, epochs=1, batch_size=26, scoring=None).fit(X, y)
    counters[0].__exit__()
    counted = {key: tuple(value) for key, value in counters[0].counts.items() if any(value)}
    assert counted == method.passes


def test_defaults_are_the_papers():
    for method in METHODS:
        parameters = method().get_params()
        assert parameters["epochs"] == 150
        if method is not CWGANGPGenerator:
            assert parameters["learning_rate"] == 2e-4
            assert parameters["betas"] == (0.5, 0.9)
    assert CDRAGANGenerator().gradient_penalty == BAGANGPGenerator().gradient_penalty == 10
    assert BAGANGPGenerator().n_critic == 5
    assert BAGANGPGenerator().pretrain_epochs == BAGANGenerator().pretrain_epochs == 100
    assert ACGANGenerator().latent_dim == 100
    critic = CWGANGPGenerator()
    assert (critic.n_critic, critic.gradient_penalty) == (5, 5)
    assert (critic.learning_rate, critic.betas) == (1e-4, (0.0, 0.9))


# --- the autoencoder start ---------------------------------------------------------------------


@pytest.fixture
def encoders(monkeypatch):
    """Encoders at the moment when their weights go to the discriminator."""
    kept = []
    for method in WITH_AUTOENCODER:
        original = method._transfer

        def transfer(self, encoder, networks, _original=original):
            kept.append(encoder)
            _original(self, encoder, networks)

        monkeypatch.setattr(method, "_transfer", transfer)
    return kept


@pytest.mark.parametrize("method", WITH_AUTOENCODER)
def test_autoencoder_starts_generator_and_discriminator(method, encoders):
    X, y = two_peaks(20, 6)
    generator = small(method, epochs=0, pretrain_epochs=2).fit(X, y)
    fresh = generator._networks((1, 32), generator._seeds[0])
    encoder = encoders[0].trunk.state_dict()
    started = generator.networks_["discriminator"].trunk.state_dict()
    for key, value in fresh["discriminator"].trunk.state_dict().items():
        assert torch.equal(started[key], encoder[key]), key
        assert not torch.equal(started[key], value), key
    for key, value in fresh["generator"].trunk.named_parameters():
        assert not torch.equal(generator.networks_["generator"].trunk.get_parameter(key), value)
    losses = generator.history_["pre-training/autoencoder/reconstruction"]
    assert losses[1] < losses[0]


def test_bagan_noise_of_a_class_is_the_gaussian_of_its_rows(encoders):
    X, y = two_peaks(20, 6)
    generator = small(BAGANGenerator, epochs=0, pretrain_epochs=2, latent_dim=5).fit(X, y)
    rows = torch.from_numpy(generator.scaler_.transform(X[:, None].astype("f4")))
    with torch.inference_mode():
        h = encoders[0](rows).double().numpy()
    centred = [h[y == name] - h[y == name].mean(axis=0) for name in ("common", "rare")]
    floor = 1e-2 * np.concatenate(centred).var() * np.eye(5)
    latent = generator.networks_["latent"]
    for code, name in enumerate(("common", "rare")):
        np.testing.assert_allclose(latent.means[code], h[y == name].mean(axis=0), rtol=1e-4)
        L = latent.factors[code].double().numpy()
        covariance = np.cov(h[y == name].T) + floor
        np.testing.assert_allclose(L @ L.T, covariance, rtol=1e-3, atol=1e-3 * floor.max())


def test_bagan_keeps_its_gaussians_through_the_training():
    X, y = two_peaks(20, 6)
    start = small(BAGANGenerator, epochs=0).fit(X, y).networks_["latent"].state_dict()
    end = small(BAGANGenerator, epochs=2).fit(X, y).networks_["latent"].state_dict()
    assert all(torch.equal(start[key], end[key]) for key in start)
    assert not torch.equal(start["means"][0], start["means"][1])


def test_bagan_without_its_start_is_refused():
    X, y = two_peaks(20, 6)
    with pytest.raises(ValueError, match="pretrain_epochs"):
        BAGANGenerator(pretrain_epochs=0).fit(X, y)


def test_bagan_latent_vectors_are_those_it_decodes():
    X, y = two_peaks(20, 6)
    generator = small(BAGANGenerator).fit(X, y)
    networks, labels = dict(generator.networks_.items()), torch.tensor([0, 1, 1])
    with torch.inference_mode():
        h = generator._latents(networks, labels, torch.Generator().manual_seed(0))
        rows = generator._generate(networks, labels, torch.Generator().manual_seed(0))
        torch.testing.assert_close(networks["generator"](h), rows)


# --- what is special ---------------------------------------------------------------------------


def test_cooperative_classifier_predicts():
    X, y = two_peaks(20, 6)
    classifier = small(CooperativeGenerator).fit(X, y).classifier_
    np.testing.assert_allclose(classifier.predict_proba(X).sum(axis=1), 1.0)
    assert set(classifier.predict(X)) <= {"common", "rare"}


@pytest.mark.parametrize("schedule", [0.0, 1.5])
def test_schedule_out_of_range(schedule):
    with pytest.raises(ValueError, match="schedule"):
        CooperativeGenerator(schedule=schedule).fit(*two_peaks(4, 2))


def test_dcgan_class_does_not_depend_on_the_rows_of_the_others():
    X, y = two_peaks(8, 8)
    other = X.copy()
    other[y == "common"] = other[y == "common"][::-1]  # same range, so the same scaler
    one, two = (small(DCGANGenerator, scoring=None).fit(rows, y) for rows in (X, other))
    for code, same in ((0, False), (1, True)):
        mine = one.networks_["generator"].members[code].state_dict()
        theirs = two.networks_["generator"].members[code].state_dict()
        assert all(torch.equal(mine[k], theirs[k]) for k in mine) == same


# --- slow --------------------------------------------------------------------------------------

# Settings with which each method learns two peaks of 32 channels, 60 and 20 rows, in batches of
# 20: four steps of the generator per epoch, 600 at most. At its default rate CDRAGAN does not
# learn the rare class in as many steps, and rows of the cooperative GAN stay far from real ones.
SLOW_START = {"epochs": 150, "learning_rate": 1e-3}
FROM_AUTOENCODER = {"epochs": 20, "pretrain_epochs": 60, "learning_rate": 5e-4}
WORKING: dict = {
    CooperativeGenerator: SLOW_START,
    ACGANGenerator: SLOW_START,
    DCGANGenerator: SLOW_START,
    CDRAGANGenerator: {"epochs": 100, "learning_rate": 5e-4, "n_critic": 3},
    CWGANGPGenerator: {"epochs": 100, "learning_rate": 1e-3, "n_critic": 3},
    BAGANGenerator: FROM_AUTOENCODER,
    BAGANGPGenerator: FROM_AUTOENCODER,
}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::hs_specaug.exceptions.TrainingWarning")  # best at the start
@pytest.mark.parametrize("method", WORKING)
def test_samples_are_recognised(method):
    """A classifier trained on real rows recognises at least 90 % of the samples of each class."""
    X, y = two_peaks(60, 20, seed=1)
    judge = LogisticRegression().fit(*two_peaks(100, 100, seed=2))
    generator = small(method, batch_size=20, score_every=5, **WORKING[method]).fit(X, y)
    assert generator.history_["epoch"][-1] * 4 <= 600
    X_new, y_new = generator.sample({"common": 100, "rare": 100}, random_state=0)
    for name in ("common", "rare"):
        rate = (judge.predict(X_new[y_new == name]) == name).mean()
        print(f"{generator.method} {name}: {rate:.0%}, best epoch {generator.best_epoch_}")
        assert rate >= 0.9, name
