"""The data-augmentation GAN: losses by hand, steps by counting, the stopping rule, files."""

import math

import numpy as np
import pytest
import torch
from torch import nn

import hs_specaug
from hs_specaug.exceptions import FewSamplesWarning, TrainingWarning
from hs_specaug.generators import _dag
from hs_specaug.generators._dag import DAGGenerator
from hs_specaug.generators._dag_losses import (
    discriminator_losses,
    generator_loss,
    smoothed_real_loss,
    transformations,
)
from hs_specaug.generators._dag_rule import STOPPING, ClassRecord, StoppingRule, read_record
from hs_specaug.generators._stabilisers import Stabilisers
from hs_specaug.networks import TrainingLoop, build_network
from hs_specaug.networks._dag import DAGGenerator as DAGNetwork
from hs_specaug.networks._dag_start import set_range, start_from_mean, start_from_rows
from hs_specaug.networks._noise_layers import set_noise_source
from hs_specaug.perturbations import Domain

pytestmark = pytest.mark.filterwarnings("ignore::hs_specaug.exceptions.TrainingWarning")


def spectra(n, rng, centre=0.5, length=24):
    """Peaks that differ in height, position and noise."""
    axis = np.linspace(0, 1, length)
    where = centre + 0.02 * rng.standard_normal((n, 1))
    rows = rng.uniform(0.8, 1.2, (n, 1)) * np.exp(-(((axis - where) / 0.12) ** 2))
    return (rows + 0.03 * rng.standard_normal(rows.shape)).astype("f4")


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    X = np.concatenate([spectra(24, rng), spectra(15, rng, 0.7)])
    return X, np.array(["one"] * 24 + ["other"] * 15)


def make(**changes):
    wanted = {"epochs": 2, "random_state": 0, "precision": "float32", "batch_size": 12}
    wanted |= {"start": "mean", "fewest_epochs": 0}
    return DAGGenerator(**{**wanted, **changes})


class FakeStream:
    def __init__(self, X):
        self.X, self.batch_size, self.code = X, len(X), 0


class FakeDraws:
    """Rows and numbers that are known beforehand."""

    def __init__(self, X):
        self.stream, self.device = FakeStream(X), X.device
        self.generator = torch.Generator().manual_seed(0)

    def real(self):
        return self.stream.X, torch.zeros(len(self.stream.X), dtype=torch.long)


class Sum(nn.Module):
    """A discriminator whose logit is the sum of a row; keeps what it saw."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def forward(self, x):
        self.seen.append(x)
        return x.sum(dim=(-1, -2))


# --- losses ------------------------------------------------------------------------------


def test_real_rows_are_to_be_called_nine_tenths_real():
    logits = torch.tensor([0.0, 2.0])
    by_hand = -np.mean(
        [0.9 * math.log(p) + 0.1 * math.log(1 - p) for p in (0.5, 1 / (1 + math.exp(-2)))]
    )
    assert float(smoothed_real_loss(logits, 0.9)) == pytest.approx(by_hand, rel=1e-6)
    # The loss is least where D says 0.9, so that it is never sure.
    grid = torch.linspace(-6, 6, 2401)
    best = grid[torch.stack([smoothed_real_loss(v[None], 0.9) for v in grid]).argmin()]
    assert float(torch.sigmoid(best)) == pytest.approx(0.9, abs=1e-3)


def stabilisers(draws, label=0.9):
    found = Stabilisers(draws)
    found.real = lambda logits: smoothed_real_loss(logits, label)
    return found


def test_discriminator_losses_by_hand():
    draws, D = FakeDraws(torch.tensor([[[1.0, 1.0]], [[0.0, -1.0]]])), Sum()

    def generate(n):
        return torch.full((n, 1, 2), 0.5)

    terms = discriminator_losses(generate, D, lambda x: 2 * x, draws, stabilisers(draws))
    sigmoid = [1 / (1 + math.exp(-v)) for v in (4.0, -2.0)]  # of twice the sums
    real = -np.mean([0.9 * math.log(p) + 0.1 * math.log(1 - p) for p in sigmoid])
    assert terms.keys() == {"real", "generated"}
    assert float(terms["real"]) == pytest.approx(real, rel=1e-6)
    assert float(terms["generated"]) == pytest.approx(math.log(1 + math.exp(2)), rel=1e-6)
    assert [tuple(x.shape) for x in D.seen] == [(2, 2, 1, 2)]  # two groups in one pass


@pytest.mark.parametrize("several", [False, True])
def test_generator_loss_by_hand(several):
    draws = FakeDraws(torch.zeros(3, 1, 2))
    transforms = {"plain": lambda x: x, "shift": lambda x: x + 1.0}
    first, second = Sum(), Sum()
    judges = {"plain": first, "shift": second if several else first}
    unreserved = Stabilisers(draws)
    loss = generator_loss(
        lambda n: torch.full((n, 1, 2), 0.25), judges, transforms, draws, unreserved
    )
    by_hand = np.mean([math.log(1 + math.exp(-v)) for v in (0.5, 2.5)])
    assert float(loss) == pytest.approx(by_hand, rel=1e-6)
    assert len(first.seen) == 1
    assert len(second.seen) == several


def test_generator_is_not_smoothed(data, monkeypatch):
    seen = {}

    def keep(name, original):
        def call(*arguments):
            seen.setdefault(name, arguments[-1])
            return original(*arguments)

        return call

    for name in ("discriminator_losses", "generator_loss"):
        monkeypatch.setattr(_dag, name, keep(name, getattr(_dag, name)))
    make(epochs=1, real_label=0.8).fit(*data)
    logits = torch.tensor([0.3, -2.0])
    unsmoothed = nn.functional.softplus(-logits).mean()
    assert torch.equal(seen["generator_loss"].real(logits), unsmoothed)
    smoothed = seen["discriminator_losses"].real(logits)
    torch.testing.assert_close(smoothed, smoothed_real_loss(logits, 0.8))


# --- designs -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("design", "n_discriminators", "judged"),
    [
        ("single-mono", 1, ["plain", "shift", "plain"]),
        ("multi-mono", 2, ["plain", "shift", "plain"]),
        ("single-bi", 1, ["plain", "shift", "poisson", "plain"]),
        ("multi-bi", 3, ["plain", "shift", "poisson", "plain"]),
    ],
)
def test_discriminators_and_steps_of_every_design(
    data, monkeypatch, design, n_discriminators, judged
):
    steps = []
    known = {}

    def transform(*arguments):
        made = transformations(*arguments)
        known.update({id(function): name for name, function in made.items()})
        return made

    def of_discriminator(generate, D, transform, draws, stabilisers):
        steps.append((known[id(transform)], id(D)))
        return discriminator_losses(generate, D, transform, draws, stabilisers)

    def of_generator(*arguments):
        steps.append(("generator", None))
        return generator_loss(*arguments)

    monkeypatch.setattr(_dag, "transformations", transform)
    monkeypatch.setattr(_dag, "discriminator_losses", of_discriminator)
    monkeypatch.setattr(_dag, "generator_loss", of_generator)
    generator = make(design=design, start="random", epochs=1, scoring=None).fit(*data)
    assert len(generator.networks_["discriminator"]) == n_discriminators
    # 24 rows in batches of 12: two rounds per class, untransformed rows twice in each.
    assert [name for name, _ in steps] == [*judged, "generator"] * 4
    own = {name: {who for n, who in steps if n == name} for name in set(judged)}
    assert all(len(who) == 1 for who in own.values())
    assert len(set.union(*own.values())) == n_discriminators
    assert len(own["plain"]) == 1


def test_transformations():
    noise = torch.Generator().manual_seed(0)
    scale = (np.array([[[0.0]]]), np.array([[[100.0]]]))  # −1 is 0 counts, 1 is 100
    made = transformations(("shift", "poisson"), 3, 100.0, scale, noise)
    assert list(made) == ["plain", "shift", "poisson"]
    ramp = torch.linspace(-1, 1, 40).expand(500, 2, 40)
    assert made["plain"](ramp) is ramp
    moved = made["shift"](ramp)
    shifts = ((moved[..., 20] - ramp[..., 20]) / (ramp[0, 0, 1] - ramp[0, 0, 0])).round()
    assert set(shifts.unique().tolist()) == {-3, -2, -1, 1, 2, 3}
    assert torch.equal(shifts[:, 0], shifts[:, 1])  # the channels of a row move together
    flat = torch.zeros(4000, 1, 5)  # 50 counts, where the maximum of the row is worth 100
    flat[..., 0] = 1.0
    noisy = (made["poisson"](flat)[..., 1:] + 1) * 50
    assert float(noisy.mean()) == pytest.approx(50, abs=0.3)
    assert float(noisy.var()) == pytest.approx(50, rel=0.05)


def test_transformations_hand_the_gradient_through():
    noise = torch.Generator().manual_seed(0)
    scale = (np.array([[[0.0]]]), np.array([[[2.0]]]))
    for name, transform in transformations(("shift", "poisson"), 2, 50.0, scale, noise).items():
        x = torch.rand(3, 1, 12, requires_grad=True)
        transform(x).sum().backward()
        assert float(x.grad.sum()) == pytest.approx(36.0, rel=1e-4), name


@pytest.mark.parametrize(
    ("maximum", "width", "channels"), [(None, 0.1, 10), (0.5, 0.1, 5), (3, None, 3), (0.01, 0.1, 1)]
)
def test_maximum_shift_is_in_units_of_the_axis(maximum, width, channels):
    axis = None if width is None else hs_specaug.SignalAxis("E", "eV", 600 + width * np.arange(40))
    domain = None if axis is None else Domain("EELS", (axis,))
    generator = DAGGenerator(maximum_shift=maximum, domain=domain)
    assert generator._shift_in_channels(40) == channels


# --- the start ---------------------------------------------------------------------------


def network(rows):
    G = build_network(lambda: DAGNetwork(30, 1, rows.shape[2:], noise_scale=0.1), 0)
    set_noise_source(G, torch.Generator().manual_seed(1))
    set_range(G, rows)
    return G


def test_start_has_mean_and_covariance_of_the_rows():
    rows = torch.from_numpy(spectra(60, np.random.default_rng(0)))[:, None]
    G = network(rows)
    inside = torch.atanh(((rows - G.centre) / G.reach).clamp(-0.995, 0.995)).flatten(1)
    deviations = inside - inside.mean(dim=0)
    start_from_rows(G, rows, deviations, torch.Generator().manual_seed(0))
    with torch.no_grad():
        before = G.refined[0](G.hidden(torch.randn(4000, 30, generator=torch.Generator())))
    torch.testing.assert_close(before.mean(dim=0), inside.mean(dim=0), atol=0.05, rtol=0)
    ours, theirs = before.var(dim=0).sum(), inside.var(dim=0).sum()
    assert float(ours / theirs) == pytest.approx(1.0, abs=0.35)
    # The leading direction of the variation is that of the rows.
    first = torch.linalg.svd(deviations, full_matrices=False)[2][0]
    share = ((before - before.mean(dim=0)) @ first).var() / ours
    assert float(share) > 0.5 * float((deviations @ first).var() / theirs)


def test_start_at_the_mean():
    rows = torch.from_numpy(spectra(60, np.random.default_rng(0)))[:, None]
    G = network(rows)
    start_from_mean(G, rows, torch.Generator().manual_seed(0))
    with torch.no_grad():
        made = G(torch.randn(200, 30, generator=torch.Generator()))
    assert float((made.mean(dim=0) - rows.mean(dim=0)).abs().max()) < 0.1
    assert float(made.std(dim=0).mean()) < float(rows.std(dim=0).mean())


def test_generator_reaches_a_little_beyond_the_rows():
    rows = torch.tensor([[[0.0, 1.0]], [[0.5, 0.2]]])
    G = DAGNetwork(3, 1, (2,))
    set_range(G, rows)
    assert float(G.centre) == 0.5
    assert float(G.reach) == pytest.approx(0.55)
    set_range(G, torch.zeros(2, 1, 2))  # one value only
    assert float(G.reach) == pytest.approx(1.1)


# --- the stopping rule -------------------------------------------------------------------


@pytest.fixture
def rule():
    return StoppingRule(spectra(60, np.random.default_rng(0)), 0.0, 0)


def test_copies_of_real_rows_reach_the_baseline(rule):
    rng = np.random.default_rng(1)
    copies = rule.rows[rng.integers(len(rule.rows), size=rule.n_generated)]
    values = rule.measure(copies)
    assert rule.reached(values)
    assert rule.excess(values) <= 1.0
    fresh = rule.measure(spectra(rule.n_generated, np.random.default_rng(2)))
    assert rule.reached(fresh)


def test_noise_and_a_single_spectrum_never_do(rule):
    rng = np.random.default_rng(1)
    noise = rng.random((rule.n_generated, 24)).astype("f4")
    assert not rule.reached(rule.measure(noise))
    assert rule.excess(rule.measure(noise)) > 1.0
    alone = np.repeat(rule.rows[:1], rule.n_generated, axis=0)
    assert not rule.reached(rule.measure(alone))
    nothing = rule.measure(np.zeros((rule.n_generated, 24), "f4"))
    assert all(math.isnan(v) for v in nothing.values())
    assert not rule.reached(nothing)
    assert rule.excess(nothing) == math.inf


def test_excess_is_counted_in_half_widths(rule):
    values = {name: b.mean for name, b in rule.baseline.items()}
    assert rule.excess(values) == pytest.approx(0.0)
    values["pearson"] = rule.baseline["pearson"].low
    assert rule.excess(values) == pytest.approx(1.0)
    values["frechet"] = 2 * rule.baseline["frechet"].high - rule.baseline["frechet"].mean
    assert rule.excess(values) == pytest.approx(2.0)


class Sampler(nn.Module):
    """A generator network that is asked for what the test wants."""

    rows = None

    def __init__(self, *arguments, **options):
        super().__init__()
        self.inner = DAGNetwork(*arguments, **options)

    def __getattr__(self, name):
        if name in ("centre", "reach", "refined", "output", "hidden", "joined", "latent_dim"):
            return getattr(self.inner, name)
        return super().__getattr__(name)

    def forward(self, z):
        made = self.inner(z)
        rows = type(self).rows
        if rows is None:  # noise
            return made * 0 + 2 * torch.rand(made.shape, generator=torch.Generator()) - 1
        return made * 0 + rows[torch.arange(len(z)) % len(rows)]


@pytest.mark.parametrize("copies", [True, False])
def test_training_stops_at_once_or_never(data, monkeypatch, copies):
    X, y = data
    X = np.concatenate([X[:24], X[:24]])
    y = np.repeat(["a", "b"], 24)
    scaled = (X[:24] - X.min()) / (X.max() - X.min()) * 2 - 1
    monkeypatch.setattr(Sampler, "rows", torch.from_numpy(scaled)[:, None] if copies else None)
    monkeypatch.setattr(_dag, "DAGNetwork", Sampler)
    generator = make(epochs=3).fit(X, y)
    assert [r.epochs for r in generator.records_] == ([0, 0] if copies else [3, 3])
    assert [r.reached for r in generator.records_] == [copies, copies]
    assert generator.converged_ is copies
    word = "baseline reached" if copies else "baseline not reached in 3 epochs"
    assert generator.verdict_.count(word) == 2


def test_warning_when_the_baseline_is_not_reached(data):
    with pytest.warns(TrainingWarning, match="not reached in 20 epochs"):
        make(start="random", epochs=20, generator_learning_rate=1e-8).fit(*data)


def test_max_epochs_goes_before_epochs(data):
    generator = make(start="random", epochs=9, max_epochs=1).fit(*data)
    assert [r.epochs for r in generator.records_] == [1, 1]
    assert generator.history_["epoch"] == [1, 2]


def test_fewest_epochs_and_the_best_state(data):
    generator = make(start="spectra", epochs=4, fewest_epochs=2, tolerance=50.0).fit(*data)
    assert [r.epochs for r in generator.records_] == [2, 2]
    assert [r.kept_epoch for r in generator.records_] == [2, 2]
    assert all(r.reached for r in generator.records_)
    endless = make(start="spectra", epochs=3, until_baseline=False, tolerance=50.0).fit(*data)
    assert [r.epochs for r in endless.records_] == [3, 3]
    for record in endless.records_:
        looks = {int(entry[0]): entry[1:4] for entry in record.trend}
        assert list(looks) == [0, 1, 2, 3]
        assert looks[record.kept_epoch] == tuple(record.values[name] for name in STOPPING)


def test_every_class_has_weights_of_its_own_that_others_leave_alone(data, monkeypatch):
    moved = []
    original = TrainingLoop.run_single_epoch

    def run(self):
        members = self.modules["generator"].members
        before = [m.refined[0].bias.clone() for m in members]
        result = original(self)
        moved.append(
            [not torch.equal(b, m.refined[0].bias) for b, m in zip(before, members, strict=True)]
        )
        return result

    monkeypatch.setattr(TrainingLoop, "run_single_epoch", run)
    make(start="random").fit(*data)
    assert moved == [[True, False]] * 2 + [[False, True]] * 2


def test_discriminators_start_afresh_with_every_class(data, monkeypatch):
    first = []
    original = TrainingLoop.run_single_epoch

    def run(self):
        D = next(p for p in self.players if p.name == "discriminator")
        first.append((D.parameters[0].detach().clone(), len(D.optimizer.state)))
        return original(self)

    monkeypatch.setattr(TrainingLoop, "run_single_epoch", run)
    make(start="random").fit(*data)
    assert torch.equal(first[0][0], first[2][0])
    assert not torch.equal(first[1][0], first[2][0])
    assert first[2][1] == 0
    assert first[3][1] > 0


# --- the contract ------------------------------------------------------------------------


@pytest.mark.parametrize("architecture", ["simple-dense", "large-dense", "simple-convo"])
def test_samples_of_every_architecture(data, architecture):
    X, y = data
    generator = make(architecture=architecture, design="multi-bi", epochs=1).fit(X, y)
    rows, labels = generator.sample(["other", "one", "other"])
    assert labels.tolist() == ["other", "one", "other"]
    assert np.isfinite(rows).all()
    assert rows.min() >= X.min()
    assert rows.max() <= X.max()
    many = generator.sample({"one": 100, "other": 100})[0]
    peaks = many[:100].mean(axis=0).argmax(), many[100:].mean(axis=0).argmax()
    assert peaks[0] < peaks[1]  # each class has its own generator


def test_samples_are_noisy_and_seeded(data):
    generator = make(epochs=1).fit(*data)
    first = generator.sample({"one": 6}, random_state=1)[0]
    np.testing.assert_array_equal(generator.sample({"one": 6}, random_state=1)[0], first)
    assert not np.array_equal(generator.sample({"one": 6}, random_state=2)[0], first)
    loud, quiet = make(epochs=0, noise_scale=2.0), make(epochs=0, noise_scale=0.0)
    spread = [g.fit(*data).sample({"one": 200})[0].std(axis=0).mean() for g in (loud, quiet)]
    assert spread[0] > spread[1]


def test_a_seed_gives_the_same_bits(data, no_global_rng):
    one, same, other = (make(random_state=s).fit(*data) for s in (3, 3, 4))
    wanted = {"one": 4, "other": 4}
    np.testing.assert_array_equal(one.sample(wanted)[0], same.sample(wanted)[0])
    assert not np.array_equal(one.sample(wanted)[0], other.sample(wanted)[0])
    assert [r.trend for r in one.records_] == [r.trend for r in same.records_]


def test_few_rows_are_not_trained_but_sampled(data):
    X, y = data
    y = y.astype("<U8")
    y[:5], y[5] = "few", "single"
    with pytest.warns(FewSamplesWarning, match="'few' \\(5\\), 'single' \\(1\\)"):
        generator = make(epochs=1, fewest_epochs=1).fit(X, y)
    few, one, other, single = generator.records_
    assert (few.label, few.epochs, few.reached) == ("few", 0, None)
    assert "needs 6 rows" in str(single)
    assert one.epochs == 1
    assert other.reached is not None
    rows = generator.sample({"single": 50, "few": 50})[0]
    assert np.isfinite(rows).all()
    lent = rows[:50] if generator.classes_.tolist().index("single") == 0 else rows[50:]
    assert lent.std(axis=0).mean() > 0.02  # the variation of the other classes
    near = np.linalg.norm(lent.mean(axis=0) - X[5]) / np.linalg.norm(X[5])
    assert near < 0.5


def test_interrupted_training_keeps_the_classes_that_are_done(data, monkeypatch):
    original = TrainingLoop.run_single_epoch

    def run(self):
        if self.epoch == 3:
            raise KeyboardInterrupt
        return original(self)

    monkeypatch.setattr(TrainingLoop, "run_single_epoch", run)
    with pytest.warns(TrainingWarning, match="interrupted after epoch 3 of 4"):
        generator = make(start="random").fit(*data)
    assert generator.interrupted_
    assert not generator.converged_
    assert [r.epochs for r in generator.records_] == [2, 1]
    assert generator.sample({"one": 2, "other": 2})[0].shape == (4, 24)


def test_file_keeps_samples_and_verdict(data, tmp_path, monkeypatch):
    monkeypatch.setattr(hs_specaug.generators._base, "find_method", lambda *a: DAGGenerator)
    generator = make(design="multi-mono", epochs=1).fit(*data)
    loaded = hs_specaug.load_generator(generator.save(tmp_path / "dag.safetensors"))
    wanted = {"one": 3, "other": 2}
    np.testing.assert_array_equal(loaded.sample(wanted)[0], generator.sample(wanted)[0])
    assert loaded.records_ == generator.records_
    assert loaded.verdict_ == generator.verdict_
    assert loaded.records_[0].baselines()["frechet"].n_rows == 8


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("dies_at", [1, 2, 3])
def test_resumed_training_is_the_uninterrupted_one(data, tmp_path, monkeypatch, dies_at):
    options = {"start": "random", "ema_decay": 0.9, "r1_penalty": 0.1, "design": "multi-mono"}
    reference = make(**options).fit(*data)
    path = tmp_path / "c.safetensors"
    original = TrainingLoop.run_single_epoch

    def run(self):
        if self.epoch == dies_at:
            raise Killed
        return original(self)

    with monkeypatch.context() as patch:
        patch.setattr(TrainingLoop, "run_single_epoch", run)
        with pytest.raises(Killed):
            make(**options, checkpoint=path, checkpoint_every=1).fit(*data)
    again = make(**options, checkpoint=path, checkpoint_every=1).fit(*data)
    wanted = {"one": 4, "other": 4}
    np.testing.assert_array_equal(again.sample(wanted)[0], reference.sample(wanted)[0])
    assert [r.trend for r in again.records_] == [r.trend for r in reference.records_]
    assert again.history_.keys() == reference.history_.keys()


def test_record_survives_json():
    import json
    from dataclasses import asdict

    record = ClassRecord(
        "a",
        9,
        3,
        2,
        True,
        {"frechet": 1.0},
        {"frechet": (1.0, 0.5, 1.5, 3)},
        2.0,
        "",
        ((0.0, 1.0),),
    )
    assert read_record(json.loads(json.dumps(asdict(record)))) == record


# --- figures -----------------------------------------------------------------------------


def test_cost_and_trend_plots(data):
    generator = make(design="multi-bi", epochs=3, start="random").fit(*data)
    ax = generator.plot_costs("other")
    names = ["discriminator, plain", "discriminator, shift", "discriminator, poisson", "generator"]
    assert [line.get_label() for line in ax.get_lines()] == names
    costs = generator.costs("other")
    assert {len(values) for values in costs.values()} == {3}
    terms = [
        generator.history_[f"discriminator/other/shift/{t}"][-1] for t in ("real", "generated")
    ]
    assert costs["discriminator, shift"][-1] == pytest.approx(sum(terms))
    axes = generator.plot_trend("other")
    trend = np.array(generator.records_[1].trend)
    np.testing.assert_array_equal(axes[0].get_lines()[0].get_ydata(), trend[:, 1])
    np.testing.assert_array_equal(axes[1].get_lines()[1].get_ydata(), trend[:, 3])
    with pytest.raises(ValueError, match=r"unknown class 'gone'.*'one', 'other'"):
        generator.plot_costs("gone")


def test_no_trend_without_a_rule(data):
    generator = make(scoring=None, epochs=1).fit(*data)
    assert [r.reached for r in generator.records_] == [None, None]
    assert [r.kept_epoch for r in generator.records_] == [1, 1]
    with pytest.raises(ValueError, match="scoring=None"):
        generator.plot_trend("one")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("design", "double"),
        ("architecture", "dense"),
        ("dose", 0),
        ("maximum_shift", -1),
        ("real_label", 0.2),
    ],
)
def test_bad_options_are_named(data, option, value):
    with pytest.raises(ValueError, match=option):
        make(**{option: value}).fit(*data)


def test_images_and_channels(data):
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], [9, 7])
    for shape in [(2, 20), (1, 6, 7)]:
        rows = make(epochs=1, architecture="simple-convo").fit(rng.random((16, *shape)), y)
        assert rows.sample({1: 3})[0].shape == (3, *shape)
