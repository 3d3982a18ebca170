"""What the loop keeps, averages, guards and resumes."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from hs_specaug.exceptions import TrainingWarning
from hs_specaug.networks import (
    BatchStream,
    BestState,
    CollapseGuard,
    Kept,
    PassCounter,
    Player,
    TrainingLoop,
    WeightAverage,
    live_tensors,
    load_tensors,
    resolve_precision,
)

FLOAT32 = resolve_precision("float32", torch.device("cpu"))


class Counter(nn.Module):
    """One number, moved towards zero."""

    def __init__(self, start=1.0):
        super().__init__()
        self.value = nn.Parameter(torch.tensor(start))


def square(module):
    return lambda: {"square": module.value**2}


def loop_of(*players, epochs=3, steps=2, **options):
    return TrainingLoop(players, epochs=epochs, steps_per_epoch=steps, precision=FLOAT32, **options)


# --- average ---------------------------------------------------------------------------------


def test_average_is_the_formula():
    module = Counter(1.0)
    average = WeightAverage(module, 0.9)
    expected, values = 1.0, iter([3.0, -2.0, 5.0])
    for value in values:
        module.value.data.fill_(value)
        average.update()
        expected = 0.9 * expected + 0.1 * value
    assert float(average.average.value) == pytest.approx(expected)


def test_average_moves_once_a_round_and_takes_over_buffers():
    module = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    average = WeightAverage(module, 0.5)
    x = torch.randn(8, 2, generator=torch.Generator().manual_seed(0))
    weights = [module[0].weight.detach().clone()]

    def terms():
        return {"loss": module(x).square().sum()}

    original = average.update
    average.update = lambda: (original(), weights.append(module[0].weight.detach().clone()))
    loop_of(Player("p", module, terms, updates=3), epochs=2, steps=2, average=average).fit_loop()
    expected = weights[0]
    for now in weights[1:]:
        expected = 0.5 * expected + 0.5 * now
    assert len(weights) == 5
    torch.testing.assert_close(average.average[0].weight.detach(), expected)
    assert torch.equal(average.average[1].running_mean, module[1].running_mean)
    assert not average.average.training


# --- buffers ---------------------------------------------------------------------------------


def test_an_interrupted_copy_leaves_the_one_before():
    kept = Kept()
    live = {"a": torch.ones(2), "b": torch.ones(2)}
    kept.keep(live, epoch=1)
    for tensor in live.values():
        tensor.fill_(2.0)

    class Half(dict):
        def items(self):
            yield from list(super().items())[:1]
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        kept.keep(Half(live), epoch=2)
    assert kept.facts == {"epoch": 1}
    assert all(torch.equal(t, torch.ones(2)) for t in kept.tensors.values())


def test_buffers_are_used_again():
    kept, live = Kept(), {"a": torch.ones(1000)}
    addresses = []
    for epoch in range(6):
        kept.keep(live, epoch=epoch)
        addresses.append(kept.tensors["a"].data_ptr())
    assert len(set(addresses)) == 2


def test_moments_before_the_first_step_are_none():
    module = Counter()
    player = Player("p", module, square(module), learning_rate=0.1)
    start = {k: v.clone() for k, v in live_tensors({"m": module}, [player]).items()}
    loop_of(player).fit_loop()
    load_tensors(start, {"m": module}, [player])
    assert player.optimizer.state_dict()["state"] == {}
    assert float(module.value.detach()) == 1.0


# --- resume ------------------------------------------------------------------------------------


def noisy_loop(epochs, **options):
    """Two players whose losses depend on rows and noise."""
    first, second = Counter(1.0), Counter(-2.0)
    X = torch.arange(7.0)[:, None, None]
    stream = BatchStream(X, torch.zeros(7).long(), 3, torch.Generator().manual_seed(3))
    noise = torch.Generator().manual_seed(4)

    def terms(module):
        x, _ = stream.next()
        target = x.mean() + torch.randn((), generator=noise)
        return {"loss": (module.value - target) ** 2}

    class Noise:
        def state(self):
            return {"rng": noise.get_state()}

        def load_state(self, state):
            noise.set_state(state["rng"])

    players = [
        Player("first", first, lambda: terms(first), updates=2, learning_rate=0.1),
        Player("second", second, lambda: terms(second), learning_rate=0.05),
    ]
    best = BestState(first, lambda: abs(float(first.value.detach()) - 1.5))
    sources = {"stream": stream, "noise": Noise()}
    return loop_of(*players, epochs=epochs, best=best, sources=sources, **options), first, second


@pytest.mark.parametrize("stop", [1, 3, 5])
def test_a_new_loop_goes_on_exactly(stop):
    whole, *reference = noisy_loop(6)
    whole.fit_loop()
    part, *_ = noisy_loop(6)
    states = []

    def write(loop):
        facts, tensors = loop.state()
        states.append((facts, {k: v.clone() for k, v in tensors.items()}))

    part.after_epoch = write
    part.fit_loop()
    rest, *modules = noisy_loop(6)
    rest.load_state(*states[stop - 1])
    assert rest.epoch == stop
    rest.fit_loop()
    assert rest.history == whole.history
    for module, other in zip(modules, reference, strict=True):
        assert torch.equal(module.value, other.value)
    assert (rest.best.epoch, rest.best.value) == (whole.best.epoch, whole.best.value)


def test_interrupt_returns_the_random_numbers_too():
    loop, *_ = noisy_loop(6)
    reference, *_ = noisy_loop(2)
    reference.fit_loop()
    calls = iter(range(100))
    original = loop.players[0].losses

    def losses():
        if next(calls) == 9:  # in the third epoch
            raise KeyboardInterrupt
        return original()

    loop.players[0].losses = losses
    seen = []
    loop.after_epoch = lambda loop: seen.append((loop.epoch, loop.interrupted))
    with pytest.warns(TrainingWarning, match="interrupted after epoch 2 of 6"):
        loop.fit_loop()
    assert seen == [(1, False), (2, False), (2, True)]
    assert loop.history == reference.history
    for name, source in loop.sources.items():
        for key, value in source.state().items():
            assert torch.equal(value, reference.sources[name].state()[key]), (name, key)


def test_an_interrupt_while_scoring_does_not_keep_half_an_epoch():
    module = Counter(3.0)
    scores = iter([5.0, 4.0, KeyboardInterrupt()])

    def score():
        value = next(scores)
        if isinstance(value, BaseException):
            raise value
        return value

    best = BestState(module, score)
    with pytest.warns(TrainingWarning, match="after epoch 1"):
        loop = loop_of(Player("p", module, square(module)), best=best).fit_loop()
    assert loop.history["epoch"] == [1]
    assert {len(v) for v in loop.history.values()} == {1}
    assert best.epoch == 1


def test_best_state_of_an_unfinished_epoch_is_forgotten():
    module = Counter(3.0)
    scores = iter([5.0, 4.0, 1.0])
    best = BestState(module, lambda: next(scores))
    loop = loop_of(Player("p", module, square(module)), epochs=3, best=best)
    original, calls = loop._keep, iter(range(9))

    def keep():
        if next(calls) == 2:  # the start, the first epoch, then this
            raise KeyboardInterrupt
        original()

    loop._keep = keep
    with pytest.warns(TrainingWarning, match="after epoch 1"):
        loop.fit_loop()
    assert (best.epoch, best.value) == (1, 4.0)


# --- when to stop, when to go back -------------------------------------------------------------


def test_stops_when_the_best_score_is_old():
    module = Counter()
    scores = iter([9.0, 5.0, 4.0, 6.0, 6.0, 6.0, 1.0])
    best = BestState(module, lambda: next(scores))
    loop = loop_of(Player("p", module, square(module)), epochs=50, best=best, patience=3)
    loop.fit_loop()
    assert loop.epoch == 5
    assert best.epoch == 2
    assert loop.stopped
    assert not loop.interrupted


def test_scores_every_few_epochs_and_at_the_end():
    module = Counter()
    seen = []
    best = BestState(module, lambda: seen.append(1) or float(len(seen)))
    loop = loop_of(Player("p", module, square(module)), epochs=7, best=best, score_every=3)
    loop.fit_loop()
    assert len(seen) == 4  # the start, 3, 6 and 7
    known = np.isfinite(loop.history["score"])
    assert known.tolist() == [False, False, True, False, False, True, True]


def test_a_score_that_is_no_number_is_never_best():
    module = Counter()
    scores = iter([math.nan, 3.0, math.nan])
    best = BestState(module, lambda: next(scores))
    loop_of(Player("p", module, square(module)), epochs=2, best=best).fit_loop()
    assert (best.epoch, best.value) == (1, 3.0)


def test_guard_waits_until_samples_were_varied():
    guard = CollapseGuard(threshold=0.1, patience=2)
    assert [guard.look(d) for d in (0.0, 0.01, 0.0)] == [False] * 3  # a random start
    assert [guard.look(d) for d in (0.5, 0.09, 0.2, 0.05, 0.0)] == [False] * 4 + [True]
    assert not CollapseGuard().look(None)


class Diversity:
    """Scores that get better all the time, and the diversity that is told."""

    def __init__(self, shares):
        self.shares = iter(shares)
        self.scores = iter([3.0, 1.0, *[2.0] * 100])

    def __call__(self):
        self.diversity = next(self.shares)
        return next(self.scores)


def test_collapse_goes_back_to_the_best_state_of_all_with_half_the_rates():
    first, second = Counter(1.0), Counter(1.0)
    values = []
    score = Diversity([0.9, 0.9, 0.0, 0.0, 0.9, 0.9])
    players = [
        Player("first", first, square(first), learning_rate=0.1),
        Player("second", second, square(second), learning_rate=0.2),
    ]
    best = BestState(first, score)
    loop = loop_of(*players, epochs=5, steps=1, best=best, guard=CollapseGuard(patience=2))
    loop.after_epoch = lambda loop: values.append(float(second.value.detach()))
    with pytest.warns(TrainingWarning, match="become alike.*back to the state of epoch 1"):
        loop.fit_loop()
    assert loop.collapses == 1
    assert not loop.collapsed
    assert values[2] == values[0]  # the collapse is noticed in epoch 3; the best was epoch 1
    np.testing.assert_allclose(loop.history["second/learning_rate"], [0.2, 0.2, 0.2, 0.1, 0.1])
    np.testing.assert_allclose(loop.history["first/learning_rate"], [0.1, 0.1, 0.1, 0.05, 0.05])


def test_gives_up_after_three_collapses():
    module = Counter()
    best = BestState(module, Diversity([0.9, 0.9, *[0.0] * 100]))
    guard = CollapseGuard(patience=2)
    with pytest.warns(TrainingWarning) as caught:
        loop = loop_of(
            Player("p", module, square(module)), epochs=60, steps=1, best=best, guard=guard
        ).fit_loop()
    assert len(caught) == 4
    assert "training ends here" in str(caught[-1].message)
    assert loop.collapsed
    assert loop.collapses == 3
    assert loop.epoch == 1 + 4 * 2


# --- passes ------------------------------------------------------------------------------------


def test_passes_are_counted_forward_and_backward():
    network = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    x = torch.randn(4, 2)
    with PassCounter({"n": network}) as counter:
        network(x)
        network(x).sum().backward()
        with torch.no_grad():
            network(x)
        x = x.requires_grad_()
        (slope,) = torch.autograd.grad(network(x).sum(), x, create_graph=True)
        slope.square().sum().backward()
    network(x)
    assert counter.counts["n"] == [4, 3]
