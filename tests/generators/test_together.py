"""Repetitions of one method trained as one model: the same as one by one, but for rounding."""

import warnings
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from hs_specaug.exceptions import TrainingWarning
from hs_specaug.generators import (
    ACGANGenerator,
    BAGANGenerator,
    BAGANGPGenerator,
    CDRAGANGenerator,
    CooperativeGenerator,
    CWGANGPGenerator,
    DAGGenerator,
    DCGANGenerator,
    DiffusionGenerator,
    MPcGANGenerator,
    SGBGANGenerator,
    SMOTEGenerator,
    ThreePlayerGenerator,
    _together,
    can_fit_together,
    fit_together,
    load_generator,
)
from hs_specaug.generators._draws import Draws
from hs_specaug.generators._played_draws import PlayedDraws
from hs_specaug.networks import BatchStream, CollapseGuard, TrainingLoop
from hs_specaug.networks._stacked import Stack
from hs_specaug.networks._stacked_loop import StackedLoop

# What torch 2.4 says of attention inside vmap.
pytestmark = pytest.mark.filterwarnings("ignore:There is a performance drop:UserWarning")

METHODS = [
    ACGANGenerator,
    BAGANGenerator,
    BAGANGPGenerator,
    CDRAGANGenerator,
    CooperativeGenerator,
    CWGANGPGenerator,
    DCGANGenerator,
    DiffusionGenerator,
    MPcGANGenerator,
    SGBGANGenerator,
    ThreePlayerGenerator,
]
SMALL = {
    "epochs": 2,
    "pretrain_epochs": 1,
    "n_critic": 2,
    "batch_size": 16,
    "latent_dim": 4,
    "timesteps": 8,
    "width": 2,
    "precision": "float32",
}


def rows_of(seed, counts=(11, 5), shape=(16,)):
    rng = np.random.default_rng(seed)
    means = np.repeat(np.arange(len(counts)) * 2.0, counts)
    X = rng.normal(means.reshape(-1, *(1,) * len(shape)), 1.0, (sum(counts), *shape))
    return X.astype("f4"), np.repeat(["a", "b", "c"][: len(counts)], counts)


def some(method, n=3, **changes):
    known = method._get_param_names()
    options = {key: value for key, value in {**SMALL, **changes}.items() if key in known}
    return [method(random_state=seed, **options) for seed in range(n)]


def both(method, data, **changes):
    """Return generators that were fitted one by one, and together."""
    alone = some(method, len(data), **changes)
    for generator, (X, y) in zip(alone, data, strict=True):
        generator.fit(X, y)
    return alone, fit_together(some(method, len(data), **changes), data)


def assert_same(one, other, rtol=1e-4):
    """Compare all that a fit leaves, bits excepted."""
    assert vars(one).keys() == vars(other).keys()
    assert one.history_.keys() == other.history_.keys()
    for key, values in one.history_.items():
        np.testing.assert_allclose(other.history_[key], values, rtol, 1e-5, err_msg=key)
    for name in ("best_epoch_", "converged_", "interrupted_", "precision_", "device_"):
        assert getattr(one, name) == getattr(other, name), name
    np.testing.assert_allclose(other.score_, one.score_, rtol, 1e-5)
    assert one.seconds_.keys() == other.seconds_.keys()
    weights, others = one.networks_.state_dict(), other.networks_.state_dict()
    assert weights.keys() == others.keys()
    # Adam makes a whole step of a gradient that is nothing but rounding, and a kink of LeakyReLU
    # makes much of it; without momentum more than with it. Gradients themselves are compared below.
    apart = [((w - others[key]).abs() > 2e-5).flatten() for key, w in weights.items()]
    assert torch.cat(apart).double().mean() < (0.03 if one.betas[0] else 0.3)


@pytest.mark.parametrize("method", METHODS)
def test_together_is_as_one_by_one(method, no_global_rng):
    shape = (2, 8, 8) if method is MPcGANGenerator else (16,)
    data = [rows_of(seed, shape=shape) for seed in range(3)]
    alone, together = both(method, data)
    for one, other in zip(alone, together, strict=True):
        assert_same(one, other)
    assert together[0].history_ != together[1].history_


def players_of(generator, data):
    """Return draws, modules and players at the start of the main phase, all from the seed."""
    X, y = data
    generator.classes_, codes = np.unique(y, return_inverse=True)
    rows = torch.from_numpy(X if X.ndim > 2 else X[:, None]) / 10
    networks = generator._networks(rows.shape[1:], generator.random_state).train()
    stream = BatchStream(rows, torch.from_numpy(codes), 16, torch.Generator().manual_seed(1))
    noise = torch.Generator().manual_seed(generator.random_state)
    draws = Draws(stream, len(generator.classes_), generator.latent_dim, noise)
    run = SimpleNamespace(modules={})
    players = generator._players(networks, draws, run)
    return draws, {"networks": networks, **run.modules}, players


@pytest.mark.parametrize("method", METHODS)
def test_gradients_are_those_of_each_repetition(method):
    shape = (2, 8, 8) if method is MPcGANGenerator else (16,)
    data = [rows_of(seed, shape=shape) for seed in range(2)]
    generators = some(method, 2)
    draws, modules, players = players_of(generators[0], data[0])
    listener = PlayedDraws([draws], modules)
    plans = [listener.listen(player.losses) for player in players]
    for number, plan in enumerate(plans):
        alone = [players_of(g, d)[2][number] for g, d in zip(generators, data, strict=True)]
        for player in alone:
            torch.stack(list(player.losses().values())).sum().backward()
        parts = [players_of(g, d) for g, d in zip(generators, data, strict=True)]
        played = PlayedDraws([part[0] for part in parts], parts[0][1])
        stack = Stack([part[1] for part in parts])
        player = parts[0][2][number]

        def losses(own, played=played, plan=plan, player=player):
            with played.played(plan, own):
                return player.losses()

        terms = stack.call(losses, played.draw(plan)[0])
        torch.stack(list(terms.values())).sum().backward()
        for r, one in enumerate(alone):
            largest = max(float(p.grad.abs().max()) for p in one.parameters if p.grad is not None)
            for own, joined in zip(one.parameters, stack.of(player.parameters), strict=True):
                if own.grad is not None:
                    torch.testing.assert_close(
                        joined.grad[r], own.grad, rtol=1e-3, atol=1e-4 * largest
                    )


@pytest.mark.parametrize("method", [DiffusionGenerator, SGBGANGenerator, ThreePlayerGenerator])
def test_together_in_low_precision(method):
    data = [rows_of(seed) for seed in range(2)]
    alone, together = both(method, data, precision="bfloat16", learning_rate=1e-5)
    for one, other in zip(alone, together, strict=True):
        assert other.precision_ == "bfloat16"
        for key, values in one.history_.items():
            if key in one.seconds_:  # total losses of the players
                np.testing.assert_allclose(other.history_[key], values, 0.03, err_msg=key)


def test_they_sample_and_are_saved_like_any_other(tmp_path):
    data = [rows_of(seed) for seed in range(2)]
    alone, together = both(ThreePlayerGenerator, data)
    for r, (one, other) in enumerate(zip(alone, together, strict=True)):
        X, _ = other.sample({"a": 3, "b": 4}, random_state=5)
        expected, _ = one.sample({"a": 3, "b": 4}, random_state=5)
        np.testing.assert_allclose(X, expected, atol=0.02)
        other.save(tmp_path / f"{r}.safetensors")
        loaded = load_generator(tmp_path / f"{r}.safetensors")
        np.testing.assert_array_equal(loaded.sample({"a": 3, "b": 4}, random_state=5)[0], X)
        assert other.classifier_.predict(X).shape == (7,)
    # Nothing is shared any more.
    before = together[1].sample({"a": 3}, random_state=5)[0]
    with torch.no_grad():
        for parameter in together[0].networks_.parameters():
            parameter.zero_()
    np.testing.assert_array_equal(together[1].sample({"a": 3}, random_state=5)[0], before)


def test_batches_that_lack_different_rows():
    """Some batches are balanced in one repetition and not in the other."""
    data = [rows_of(seed, (12, 12)) for seed in range(2)]
    alone, together = both(ThreePlayerGenerator, data, batch_size=4, epochs=1)
    sums = []
    for one, other in zip(alone, together, strict=True):
        assert_same(one, other, rtol=1e-3)
        terms = one.history_["classifier/real"][0] + one.history_["classifier/generated"][0]
        sums.append(terms - one.history_["classifier"][0])
    # Where the term was absent in some step the means do not add up.
    assert any(abs(difference) > 1e-4 for difference in sums)


def test_classes_of_other_sizes_in_each_repetition():
    data = [rows_of(0, (9, 4, 3)), rows_of(1, (6, 5, 5))]
    for one, other in zip(*both(CooperativeGenerator, data), strict=True):
        assert_same(one, other)
    for one, other in zip(*both(DCGANGenerator, data), strict=True):
        assert_same(one, other)


@pytest.mark.parametrize(
    "options",
    [
        {"ema_decay": 0.5, "snapshot_epochs": (0, 1)},
        {"scoring": "downstream"},
        {"scoring": None},
        {"relativistic": True, "r1_penalty": 1.0, "r2_penalty": 1.0, "lecam": 0.1},
        {"generator_learning_rate": 1e-5, "discriminator_learning_rate": 1e-3},
    ],
    ids=lambda options: "-".join(options),
)
def test_options(options):
    data = [rows_of(seed) for seed in range(2)]
    for one, other in zip(*both(CDRAGANGenerator, data, **options), strict=True):
        assert_same(one, other)
        assert one.snapshots_.keys() == other.snapshots_.keys()


def test_every_repetition_stops_when_its_patience_ends():
    data = [rows_of(seed) for seed in range(3)]
    options = {"early_stopping": "fidelity", "patience": 2, "epochs": 8, "learning_rate": 2e-3}
    alone, together = both(CDRAGANGenerator, data, **options)
    lengths = [len(generator.history_["epoch"]) for generator in together]
    assert lengths == [len(generator.history_["epoch"]) for generator in alone]
    assert len(set(lengths)) > 1
    assert [g.best_epoch_ for g in together] == [g.best_epoch_ for g in alone]
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_allclose(one.history_["score"], other.history_["score"], rtol=0.05)


def test_one_is_enough():
    """One generator is a company as well, and labels need not be strings."""
    X, y = rows_of(0)
    data = [(X, (y == "b").astype(int))]
    ((one,), (other,)) = both(CDRAGANGenerator, data)
    assert_same(one, other)
    assert other.sample({1: 2})[1].tolist() == [1, 1]


# --- when one goes wrong -----------------------------------------------------------------------


def assert_same_bits(one, other):
    assert one.history_ == other.history_
    for a, b in zip(one.networks_.parameters(), other.networks_.parameters(), strict=True):
        assert torch.equal(a, b)


def test_a_loss_that_is_not_finite_costs_the_others_nothing(monkeypatch):
    data = [rows_of(seed) for seed in range(3)]
    run = StackedLoop._run_single_epoch

    def fails(self):
        losses = run(self)
        if self.first.description == "three-player" and self.first.epoch == 1:
            losses[1] = {**losses[1], "generator": float("nan")}
        return losses

    monkeypatch.setattr(StackedLoop, "_run_single_epoch", fails)
    fits = []
    original = ThreePlayerGenerator.fit
    monkeypatch.setattr(
        ThreePlayerGenerator, "fit", lambda g, *args: fits.append(g) or original(g, *args)
    )
    alone, together = both(ThreePlayerGenerator, data)
    assert fits[3:] == [*together, together[1]]
    assert_same_bits(alone[1], together[1])
    for r in (0, 2):
        assert_same(alone[r], together[r])


def test_a_loss_that_is_not_finite_in_the_pretraining(monkeypatch):
    """Also of the first repetition, with whose networks all are computed."""
    data = [rows_of(seed) for seed in range(3)]
    run = StackedLoop._run_single_epoch

    def fails(self):
        losses = run(self)
        if "pre-training" in self.first.description:
            losses[0] = {"autoencoder": float("inf")}
        return losses

    monkeypatch.setattr(StackedLoop, "_run_single_epoch", fails)
    alone, together = both(BAGANGPGenerator, data)
    assert_same_bits(alone[0], together[0])
    for r in (1, 2):
        assert_same(alone[r], together[r])


def test_a_collapse_is_cured_alone(monkeypatch):
    data = [rows_of(seed) for seed in range(2)]
    looks = []

    def look(self, diversity):
        looks.append(self)
        return looks.count(looks[0]) == 3 and self is looks[0]  # the first one, at epoch 2

    monkeypatch.setattr(CollapseGuard, "look", look)
    together = fit_together(some(CDRAGANGenerator, 2), data)
    assert len({id(guard) for guard in looks}) == 3  # one more, of the fit alone
    looks.clear()
    with pytest.warns(TrainingWarning, match="become alike"):
        alone = some(CDRAGANGenerator, 2)[0].fit(*data[0])
    looks.clear()
    monkeypatch.undo()
    assert together[0].best_epoch_ is not None
    assert alone.history_["epoch"] == together[0].history_["epoch"] == [1, 2]


def interrupt(monkeypatch, dies_at, description):
    step, calls = StackedLoop._step, []

    def interrupted(self, number):
        if self.first.description == description:
            calls.append(number)
            if len(calls) == dies_at:
                raise KeyboardInterrupt
        return step(self, number)

    monkeypatch.setattr(StackedLoop, "_step", interrupted)


def test_interrupt_keeps_the_complete_epochs(monkeypatch):
    data = [rows_of(seed) for seed in range(2)]
    interrupt(monkeypatch, 3 * 4 + 1, "three-player")  # 2 + 1 + 1 steps make an epoch
    generators = some(ThreePlayerGenerator, 2, epochs=6)
    with pytest.warns(TrainingWarning, match="interrupted after epoch 3 of 6") as caught:
        together = fit_together(generators, data)
    assert len([w for w in caught if "interrupted" in str(w.message)]) == 2
    monkeypatch.undo()
    for seed, (generator, (X, y)) in enumerate(zip(together, data, strict=True)):
        assert generator.interrupted_
        assert not generator.converged_
        assert generator.history_["epoch"] == [1, 2, 3]
        (alone,) = some(ThreePlayerGenerator, 1, epochs=3)
        alone.set_params(random_state=seed).fit(X, y)
        np.testing.assert_allclose(
            generator.history_["generator"], alone.history_["generator"], 1e-3
        )
        assert generator.sample({"a": 2})[0].shape == (2, 16)


@pytest.mark.parametrize("description", ["three-player", "three-player pre-training"])
def test_interrupt_before_anything_is_usable(monkeypatch, description):
    interrupt(monkeypatch, 1, description)
    generators = some(ThreePlayerGenerator, 2)
    with pytest.raises(KeyboardInterrupt):
        fit_together(generators, [rows_of(0)] * 2)
    for generator in generators:
        assert not [name for name in vars(generator) if name.endswith("_")]
        assert not {"_conduct"} & vars(generator).keys()


def test_an_error_leaves_no_half_fitted_generator(monkeypatch):
    def broken(self):
        raise RuntimeError("out of order")

    monkeypatch.setattr(TrainingLoop, "finish", broken)
    generators = some(CDRAGANGenerator, 2)
    with pytest.raises(RuntimeError, match="out of order"):
        fit_together(generators, [rows_of(0)] * 2)
    assert not [name for g in generators for name in vars(g) if name.endswith("_")]


def test_warnings_point_at_the_caller():
    data = [rows_of(seed, (13, 3)) for seed in range(2)]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit_together(some(CDRAGANGenerator, 2, scoring="downstream", epochs=1), data)
    assert [w.filename for w in caught if "at least" in str(w.message)] == [__file__] * 2


def test_the_largest_company_is_fitted():
    """Every fit is inside the one before; calls must not get too deep."""
    data = [rows_of(0, shape=(4,))] * _together.MOST
    generators = some(CDRAGANGenerator, len(data), epochs=0, scoring=None, pretrain_epochs=0)
    together = fit_together(generators, data)
    assert {generator.best_epoch_ for generator in together} == {0}


def test_one_progress_bar_for_all(capsys):
    fit_together(some(CDRAGANGenerator, 2, show_progressbar=True), [rows_of(0)] * 2)
    shown = capsys.readouterr().err
    assert "cdragan, 2 together: 100%" in shown


# --- what cannot be done -----------------------------------------------------------------------


def check_refused(generators, data, match):
    assert not can_fit_together(generators, data)
    with pytest.raises(ValueError, match=match) as error:
        fit_together(generators, data)
    assert "one by one" in str(error.value)


def test_companies_that_are_refused(tmp_path):
    data = [rows_of(0), rows_of(1)]
    one, other = some(CDRAGANGenerator, 2)
    check_refused([], [], "one .* is needed for each, got 0 and 0")
    check_refused([one, other], data[:1], "got 2 and 1")
    check_refused(some(CDRAGANGenerator, 65), data[:1] * 65, "65 are more than 64")
    check_refused([one, one], data, "there twice")
    check_refused([one, some(ACGANGenerator)[0]], data, "ACGANGenerator, CDRAGANGenerator")
    check_refused([DAGGenerator(), DAGGenerator()], data, "dag has no such path")
    check_refused([SMOTEGenerator(), SMOTEGenerator()], data, "smote has no such path")
    check_refused([one, some(CDRAGANGenerator, epochs=3)[1]], data, "epochs is 2 in one and 3")
    check_refused(some(CDRAGANGenerator, 2, checkpoint=tmp_path / "x"), data, "checkpoint=")
    check_refused(some(CDRAGANGenerator, 2, spectral_norm=True), data, "spectral_norm=True")
    check_refused(some(CDRAGANGenerator, 2, diff_augment="gain"), data, "diff_augment='gain'")
    check_refused([one, other], [data[0], rows_of(1, (11, 6))], "shapes .16, 16., .17, 16.")
    check_refused([one, other], [data[0], rows_of(1, (9, 4, 3))], "y has 2, 3 classes")
    assert can_fit_together([one, other], data)


def test_held_out_parts_of_other_sizes_are_refused():
    """One class is too small to hold something out in the second repetition."""
    data = [rows_of(0, (12, 4)), rows_of(1, (13, 3))]
    generators = some(CDRAGANGenerator, 2, scoring="downstream", batch_size=4)
    with (
        pytest.warns(UserWarning, match="at least"),
        pytest.raises(ValueError, match="equal numbers of rows"),
    ):
        fit_together(generators, data)


class Undecided(CDRAGANGenerator):  # draws something else in every other step
    def _losses(self, networks, draws, stabilisers):
        losses = super()._losses(networks, draws, stabilisers)
        generator, steps = losses["generator"], []

        def undecided():
            steps.append(1)
            if len(steps) % 2 == 0:
                draws.noise(1)
            return generator()

        return {**losses, "generator": undecided}


class Peeking(CDRAGANGenerator):  # looks at numbers of one repetition
    def _losses(self, networks, draws, stabilisers):
        losses = super()._losses(networks, draws, stabilisers)
        generator = losses["generator"]

        def peeking():
            terms = generator()
            return terms if float(terms["adversarial"].detach()) > 0 else {}

        return {**losses, "generator": peeking}


@pytest.mark.parametrize(("method", "match"), [(Undecided, "draws"), (Peeking, "one repetition")])
def test_losses_that_cannot_be_stacked_are_refused(method, match):
    generators = some(method, 2)
    with pytest.raises(ValueError, match=match) as error:
        fit_together(generators, [rows_of(0)] * 2)
    assert "one by one" in str(error.value)
    assert not [name for g in generators for name in vars(g) if name.endswith("_")]


def test_every_method_is_named_that_can():
    found = {
        method
        for method in vars(_together).values()
        if isinstance(method, type) and getattr(method, "trains_together", False)
    }
    assert not found  # the base says no, methods say yes
    assert all(method.trains_together for method in METHODS)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("method", METHODS)
def test_together_on_a_gpu(method):
    data = [rows_of(seed) for seed in range(3)]
    for one, other in zip(*both(method, data, device="cuda"), strict=True):
        assert other.device_.type == "cuda"
        for key, values in one.history_.items():
            np.testing.assert_allclose(other.history_[key], values, 1e-3, 1e-4, err_msg=key)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_trains_four_in_less_than_twice_the_time_of_one():
    import time

    data = [rows_of(seed, (120, 8), (256,)) for seed in range(4)]
    options = {"device": "cuda", "epochs": 10, "pretrain_epochs": 0, "scoring": None}
    some(ThreePlayerGenerator, 1, **options)[0].fit(*data[0])
    seconds = []
    for n in (1, 4):
        torch.cuda.synchronize()
        started = time.perf_counter()
        fit_together(some(ThreePlayerGenerator, n, **options), data[:n])
        torch.cuda.synchronize()
        seconds.append(time.perf_counter() - started)
    assert seconds[1] < 2 * seconds[0]
