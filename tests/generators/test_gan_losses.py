"""What each player minimises, by hand, on networks of two values and no hidden layer."""

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hs_specaug.generators import (
    ACGANGenerator,
    BAGANGenerator,
    BAGANGPGenerator,
    CDRAGANGenerator,
    CooperativeGenerator,
    CWGANGPGenerator,
    DCGANGenerator,
)
from hs_specaug.generators._cooperative import border_targets
from hs_specaug.generators._dcgan import FEWEST_ROWS, ClassRows
from hs_specaug.generators._draws import Draws
from hs_specaug.generators._stabilisers import StabiliserOptions, Stabilisers
from hs_specaug.networks import BatchStream, ClassGaussians
from hs_specaug.networks._unconditional import PerClass

ROWS = torch.tensor([[[0.1, 0.2]], [[0.3, -0.1]], [[-0.5, 0.4]], [[0.0, 0.6]]])


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


class TinyClassifier(nn.Module):
    """Logits (x₀, 2 x₁)."""

    def forward(self, x):
        return x[:, 0] * torch.tensor([1.0, 2.0])


class TinyAuxiliary(nn.Module):
    """Outputs (x₀, 2 x₁, x₀ − x₁): two classes and one more."""

    def forward(self, x):
        x = x[:, 0]
        return torch.stack([x[:, 0], 2 * x[:, 1], x[:, 0] - x[:, 1]], dim=1)


@pytest.fixture
def draws():
    stream = BatchStream(ROWS, torch.tensor([0, 0, 0, 1]), 4, torch.Generator().manual_seed(0))
    return Draws(stream, 2, 3, torch.Generator().manual_seed(1))


@pytest.fixture
def seen(draws, monkeypatch):
    """All that is drawn, so that the expected loss can be written down."""
    seen = {}
    for name in ("real", "noise", "labels", "wrong", "uniform", "missing"):
        original = getattr(draws, name)
        seen[name] = []

        def recorded(*args, _original=original, _name=name):
            seen[_name].append(_original(*args))
            return seen[_name][-1]

        monkeypatch.setattr(draws, name, recorded)
    return seen


def losses(method, networks, draws, options=None):
    stabilisers = Stabilisers(draws, options, method.adversarial_losses)
    return method._losses(networks, draws, stabilisers)


def conditional(**others):
    return {"generator": TinyGenerator(), "discriminator": TinyDiscriminator(), **others}


def generated(z, y):
    return torch.stack([y + 1.0, z[:, 0]], dim=1).unsqueeze(1)


def logit(x, y):
    return 0.5 * (x[:, 0, 0] ** 2 + x[:, 0, 1] ** 2) + 1.5 * y


def log_sigmoid(logits):
    return -torch.log(1.0 + torch.exp(-logits))


def slope_penalty(x_hat):
    """E[(‖x̂‖ − 1)²]: the penalty of TinyDiscriminator."""
    return ((x_hat.flatten(1).norm(dim=1) - 1.0) ** 2).mean()


def check(terms, expected):
    assert terms.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(terms[name], value, msg=name, rtol=1e-5, atol=1e-6)


def real_and_generated(seen):
    """Terms "real" and "generated" of a logistic discriminator that knows the class."""
    (x, y), y_g = seen["real"][0], seen["labels"][0]
    x_g = generated(seen["noise"][0], y_g)
    return {
        "real": -log_sigmoid(logit(x, y)).mean(),
        "generated": -log_sigmoid(-logit(x_g, y_g)).mean(),
    }


def check_adversarial(terms, seen):
    y_g = seen["labels"][-1]
    x_g = generated(seen["noise"][-1], y_g)
    torch.testing.assert_close(terms["adversarial"], -log_sigmoid(logit(x_g, y_g)).mean())


# --- CDRAGAN -----------------------------------------------------------------------------------


def test_cdragan_discriminator(draws, seen):
    players = losses(CDRAGANGenerator(gradient_penalty=7.0), conditional(), draws)
    terms = players["discriminator"]()
    x = seen["real"][0][0]
    u, alpha = seen["uniform"]
    assert len(u) == x.numel()
    assert len(alpha) == len(x)
    mean = x.mean()
    sd = ((x - mean) ** 2).mean().sqrt()
    x_hat = x + alpha[:, None, None] * 0.5 * sd * u.reshape(x.shape)
    penalty = 7.0 * slope_penalty(x_hat)
    assert float(penalty) != pytest.approx(float(7.0 * slope_penalty(x)), rel=1e-3)
    check(terms, {**real_and_generated(seen), "gradient_penalty": penalty})


def test_cdragan_generator(draws, seen):
    terms = losses(CDRAGANGenerator(), conditional(), draws)["generator"]()
    check_adversarial(terms, seen)
    assert terms.keys() == {"adversarial"}


def test_cdragan_looks_around_a_batch_of_one_value():
    stream = BatchStream(torch.zeros(2, 1, 1), torch.tensor([0, 1]), 1, torch.Generator())
    one = Draws(stream, 2, 3, torch.Generator().manual_seed(0))
    players = losses(CDRAGANGenerator(), conditional(generator=OneValue()), one)
    assert torch.isfinite(players["discriminator"]()["gradient_penalty"])


class OneValue(nn.Module):
    def forward(self, z, y):
        return z[:, :1, None]


# --- BAGAN-GP ----------------------------------------------------------------------------------


def test_bagan_gp_discriminator(draws, seen):
    players = losses(BAGANGPGenerator(gradient_penalty=7.0), conditional(), draws)
    terms = players["discriminator"]()
    (x, y), y_m = seen["real"][0], seen["wrong"][0]
    assert (y_m != y).all()
    alpha = seen["uniform"][0][:, None, None]
    x_g = generated(seen["noise"][0], seen["labels"][0])
    expected = {
        **real_and_generated(seen),
        "mislabelled": -log_sigmoid(-logit(x, y_m)).mean(),
        "gradient_penalty": 7.0 * slope_penalty(alpha * x + (1 - alpha) * x_g),
    }
    check(terms, expected)


def test_bagan_gp_generator_has_no_classifier(draws, seen):
    players = losses(BAGANGPGenerator(), conditional(), draws)
    assert list(players) == ["discriminator", "generator"]
    terms = players["generator"]()
    check_adversarial(terms, seen)
    assert terms.keys() == {"adversarial"}


# --- cWGAN-GP ----------------------------------------------------------------------------------


def test_cwgan_gp_critic(draws, seen):
    players = losses(CWGANGPGenerator(gradient_penalty=7.0), conditional(), draws)
    terms = players["discriminator"]()
    x, y = seen["real"][0]
    assert not seen["labels"]  # the labels are those of the real rows
    x_g = generated(seen["noise"][0], y)
    alpha = seen["uniform"][0][:, None, None]
    expected = {
        "real": -logit(x, y).mean(),
        "generated": logit(x_g, y).mean(),
        "gradient_penalty": 7.0 * slope_penalty(alpha * x + (1 - alpha) * x_g),
    }
    check(terms, expected)


def test_cwgan_gp_critic_gains_nothing_from_the_frequency_of_classes(draws):
    """A constant per class cancels, so that the critic cannot lower its loss without end."""
    D = TinyDiscriminator()
    networks = conditional(discriminator=D)
    sums = []
    for constant in (1.5, 1000.0):
        D.head = lambda h, y, constant=constant: h + constant * y
        draws.generator.manual_seed(1)
        draws.stream.generator.manual_seed(0)
        terms = losses(CWGANGPGenerator(), networks, draws)["discriminator"]()
        sums.append(float(terms["real"] + terms["generated"]))
    # Both calls see one whole pass of the four rows; only the noise is the same row by row.
    assert math.isfinite(sums[1])
    assert abs(sums[1] - sums[0]) < 1.0


def test_cwgan_gp_generator(draws, seen):
    terms = losses(CWGANGPGenerator(), conditional(), draws)["generator"]()
    y_g = seen["labels"][0]
    check(terms, {"adversarial": -logit(generated(seen["noise"][0], y_g), y_g).mean()})


# --- cooperative -------------------------------------------------------------------------------


def test_cooperative_discriminator_has_no_stabilising_terms(draws, seen):
    networks = conditional(classifier=TinyClassifier())
    terms = losses(CooperativeGenerator(), networks, draws)["discriminator"]()
    check(terms, real_and_generated(seen))


def test_border_targets_by_hand():
    counts = torch.tensor([10, 40, 40])
    targets = border_targets(counts, torch.tensor([0, 1, 2]), 0.8)
    # τ = ½ · 0.8 · (1 − 10/40) = 0.3 towards the first of the most frequent classes.
    expected = torch.tensor([[0.7, 0.3, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    torch.testing.assert_close(targets, expected)


@pytest.mark.parametrize("epoch", [1, 10])
def test_cooperative_generator_moves_towards_the_border(draws, seen, epoch):
    networks = conditional(classifier=TinyClassifier())
    draws.epoch = epoch
    method = CooperativeGenerator(schedule=0.6, epochs=10)
    terms = losses(method, networks, draws)["generator"]()
    y_g = seen["labels"][0]
    x_g = generated(seen["noise"][0], y_g)[:, 0]
    log_p = torch.stack([x_g[:, 0], 2 * x_g[:, 1]], dim=1)
    log_p = log_p - torch.log(torch.exp(log_p).sum(dim=1, keepdim=True))
    # Class 1 has one row, class 0 three: τ = ½ · 0.6 · epoch/10 · (1 − 1/3).
    share = 0.5 * 0.6 * epoch / 10 * (2 / 3)
    rare = (1 - share) * log_p[:, 1] + share * log_p[:, 0]
    expected = -torch.where(y_g == 1, rare, log_p[:, 0]).mean()
    torch.testing.assert_close(terms["cooperative"], expected)
    check_adversarial(terms, seen)
    assert len(terms) == 2
    assert set(y_g.tolist()) == {0, 1}


def test_cooperative_classifier_learns_border_rows_as_rare_ones(draws, seen):
    networks = conditional(classifier=TinyClassifier())
    draws.epoch = 150
    players = losses(CooperativeGenerator(schedule=1.0), networks, draws)
    assert list(players) == ["discriminator", "generator", "classifier"]
    terms = players["classifier"]()
    (x, y), y_g = seen["real"][0], seen["missing"][0]
    assert y_g.tolist() == [1, 1]
    x_g = generated(seen["noise"][0], y_g)
    C = TinyClassifier()
    expected = {"real": F.cross_entropy(C(x), y), "generated": F.cross_entropy(C(x_g), y_g)}
    check(terms, expected)


# --- ACGAN -------------------------------------------------------------------------------------


def auxiliary(G=None, **others):
    return {"generator": G or TinyGenerator(), "discriminator": TinyAuxiliary(), **others}


def outputs(x):
    return torch.stack([x[:, 0, 0], 2 * x[:, 0, 1], x[:, 0, 0] - x[:, 0, 1]], dim=1)


def log_softmax(o, y):
    return (o.gather(1, y[:, None]) - torch.log(torch.exp(o).sum(dim=1, keepdim=True)))[:, 0]


def test_acgan_discriminator(draws, seen):
    terms = losses(ACGANGenerator(), auxiliary(), draws)["discriminator"]()
    (x, y), y_g = seen["real"][0], seen["labels"][0]
    real, fake = outputs(x), outputs(generated(seen["noise"][0], y_g))
    expected = {
        "real": -log_sigmoid(real[:, 2]).mean(),
        "generated": -log_sigmoid(-fake[:, 2]).mean(),
        "class_real": -log_softmax(real[:, :2], y).mean(),
        "class_generated": -log_softmax(fake[:, :2], y_g).mean(),
    }
    check(terms, expected)


@pytest.mark.parametrize("relativistic", [False, True])
def test_acgan_generator(draws, seen, relativistic):
    options = StabiliserOptions(relativistic=relativistic)
    terms = losses(ACGANGenerator(), auxiliary(), draws, options)["generator"]()
    y_g = seen["labels"][0]
    fake = outputs(generated(seen["noise"][0], y_g))
    source = fake[:, 2]
    if relativistic:
        source = source - outputs(seen["real"][0][0])[:, 2]
    expected = {
        "adversarial": -log_sigmoid(source).mean(),
        "class": -log_softmax(fake[:, :2], y_g).mean(),
    }
    check(terms, expected)


# --- BAGAN -------------------------------------------------------------------------------------


class TinyDecoder(nn.Module):
    """G(h) = (h₀, h₁)."""

    def forward(self, h):
        return h[:, None, :2]


@pytest.fixture
def latent():
    """Class c lies at (c + 1, 0, 0) and varies in the second direction only."""
    latent = ClassGaussians(2, 3)
    latent.means.copy_(torch.tensor([[1.0, 0.0, 0.0], [2.0, 0.0, 0.0]]))
    latent.factors.zero_()
    latent.factors[:, 1, 0] = 1.0
    return latent


def test_bagan_discriminator_is_a_softmax_over_all_classes_and_generated(draws, seen, latent):
    networks = auxiliary(TinyDecoder(), latent=latent)
    terms = losses(BAGANGenerator(), networks, draws)["discriminator"]()
    (x, y), y_g = seen["real"][0], seen["labels"][0]
    x_g = generated(seen["noise"][0], y_g)  # what `latent` makes of the noise
    assert terms.keys() == {"real", "generated", "class"}
    softmax = -log_softmax(outputs(x), y).mean()
    torch.testing.assert_close(terms["real"] + terms["class"], softmax)
    fake = -log_softmax(outputs(x_g), torch.full_like(y_g, 2)).mean()
    torch.testing.assert_close(terms["generated"], fake / 2)  # two classes


def test_bagan_generator_is_to_be_taken_for_its_class(draws, seen, latent):
    networks = auxiliary(TinyDecoder(), latent=latent)
    terms = losses(BAGANGenerator(), networks, draws)["generator"]()
    y_g = seen["labels"][0]
    x_g = generated(seen["noise"][0], y_g)
    softmax = -log_softmax(outputs(x_g), y_g).mean()
    torch.testing.assert_close(terms["adversarial"] + terms["class"], softmax)
    assert len(terms) == 2


def test_bagan_relativistic_pairs_are_not_weighed(draws, seen, latent):
    networks = auxiliary(TinyDecoder(), latent=latent)
    options = StabiliserOptions(relativistic=True)
    terms = losses(BAGANGenerator(), networks, draws, options)["discriminator"]()
    (x, y), y_g = seen["real"][0], seen["labels"][0]

    def realness(o):
        return torch.log(torch.exp(o[:, 0]) + torch.exp(o[:, 1])) - o[:, 2]

    real, fake = outputs(x), outputs(generated(seen["noise"][0], y_g))
    expected = {
        "relativistic": -log_sigmoid(realness(real) - realness(fake)).mean(),
        "class": -log_softmax(real[:, :2], y).mean(),
    }
    check(terms, expected)


# --- DCGAN -------------------------------------------------------------------------------------


class Scaled(nn.Module):
    """Rows times a factor; keeps what it was given."""

    def __init__(self, factor):
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(factor))
        self.given = []

    def forward(self, x):
        self.given.append(x)
        return self.factor * x


class ScaledSum(Scaled):
    """The factor times the sum of the values: one logit per row."""

    def forward(self, x):
        return super().forward(x).flatten(1).sum(dim=1)


def pairs():
    """G_k(z) = (k + 1) z, D_k(x) = (k + 2) Σ x, for two classes; rows have three values."""
    return {
        "generator": PerClass([Scaled(1.0), Scaled(2.0)]),
        "discriminator": PerClass([ScaledSum(2.0), ScaledSum(3.0)]),
    }


@pytest.fixture
def three_values():
    X = torch.arange(12.0).reshape(4, 3) / 20
    stream = BatchStream(X, torch.tensor([0, 1, 0, 0]), 4, torch.Generator().manual_seed(0))
    return Draws(stream, 2, 3, torch.Generator().manual_seed(1))


def test_dcgan_pairs(three_values, monkeypatch):
    draws, networks = three_values, pairs()
    noise = []
    original = draws.noise
    monkeypatch.setattr(draws, "noise", lambda n: noise.append(original(n)) or noise[-1])
    players = losses(DCGANGenerator(), networks, draws)
    terms = players["discriminator"]()
    n = FEWEST_ROWS
    real_0, real_1 = (member.given[0][:n] for member in networks["discriminator"].members)
    z_0, z_1 = noise[0].split(n)
    expected = {
        "real": -log_sigmoid(torch.cat([2 * real_0.sum(1), 3 * real_1.sum(1)])).mean(),
        "generated": -log_sigmoid(-torch.cat([2 * z_0.sum(1), 6 * z_1.sum(1)])).mean(),
    }
    check(terms, expected)
    terms = players["generator"]()
    z_0, z_1 = noise[1].split(n)
    logits = torch.cat([2 * z_0.sum(1), 6 * z_1.sum(1)])
    check(terms, {"adversarial": -log_sigmoid(logits).mean()})


def test_dcgan_pairs_see_rows_of_their_class_only(three_values):
    networks = pairs()
    losses(DCGANGenerator(), networks, three_values)["discriminator"]()
    X, y = three_values.stream.X, three_values.stream.y
    for code, member in enumerate(networks["discriminator"].members):
        real = member.given[0][:FEWEST_ROWS]
        own = X[y == code]
        assert (real[:, None] == own).all(dim=2).any(dim=1).all()


def test_dcgan_batches_are_balanced_and_reach_every_row(three_values):
    rows = ClassRows(three_values)
    assert rows.labels.bincount().tolist() == [FEWEST_ROWS, FEWEST_ROWS]
    drawn = torch.cat([rows() for _ in range(20)]).unique(dim=0)
    assert len(drawn) == 4
    three_values.stream.batch_size = 50
    assert ClassRows(three_values).labels.bincount().tolist() == [25, 25]


def test_dcgan_never_reads_past_a_class(three_values, monkeypatch):
    """A uniform number that rounds up to one must not give a row of the next class."""
    monkeypatch.setattr(three_values, "uniform", lambda n: torch.ones(n))
    drawn = ClassRows(three_values)()
    expected = three_values.stream.X[[3] * FEWEST_ROWS + [1] * FEWEST_ROWS]
    torch.testing.assert_close(drawn, expected)


def test_per_class_keeps_the_order_of_rows():
    network = PerClass([Scaled(1.0), Scaled(10.0), Scaled(100.0)])
    x = torch.arange(5.0)[:, None]
    y = torch.tensor([2, 0, 2, 0, 2])  # class 1 is absent
    assert network(x, y)[:, 0].tolist() == [0.0, 1.0, 200.0, 3.0, 400.0]
    network(x, y).sum().backward()
    assert network.members[1].factor.grad is None
    assert float(network.members[2].factor.grad) == 0 + 2 + 4
