"""The training loop: steps, batches, guards."""

import numpy as np
import pytest
import torch
from torch import nn

from hs_specaug.exceptions import TrainingError, TrainingWarning
from hs_specaug.networks import (
    BatchStream,
    BestState,
    Player,
    TrainingLoop,
    resolve_precision,
)

FLOAT32 = resolve_precision("float32", torch.device("cpu"))


def stream_of(n, batch_size):
    X = torch.arange(n, dtype=torch.float32)[:, None, None]
    y = torch.zeros(n, dtype=torch.long)
    return BatchStream(X, y, batch_size, torch.Generator().manual_seed(0))


class Counter(nn.Module):
    """One number, moved towards a target."""

    def __init__(self, start=0.0):
        super().__init__()
        self.value = nn.Parameter(torch.tensor(start))


def loop_of(*players, epochs=3, steps=2, **options):
    return TrainingLoop(players, epochs=epochs, steps_per_epoch=steps, precision=FLOAT32, **options)


def test_a_pass_holds_every_row_once():
    stream = stream_of(10, 5)
    rows = torch.cat([stream.next()[0] for _ in range(2)]).flatten()
    assert sorted(rows.tolist()) == list(range(10))


def test_batches_cross_the_border_of_passes_without_gaps():
    stream = stream_of(7, 3)
    assert stream.batches_per_epoch == 3
    rows = torch.cat([stream.next()[0] for _ in range(7)]).flatten()
    assert np.bincount(rows.int().numpy()).tolist() == [3] * 7


def test_few_rows_still_make_a_batch():
    stream = stream_of(2, 32)
    assert stream.batches_per_epoch == 1
    assert len(stream.next()[0]) == 2


def test_adam_is_torchs_own():
    mine, theirs = Counter(1.0), Counter(1.0)
    player = Player("p", mine, lambda: {"square": mine.value**2}, 1, 0.1, (0.5, 0.9))
    loop_of(player, epochs=2, steps=2).fit_loop()
    optimizer = torch.optim.Adam(theirs.parameters(), lr=0.1, betas=(0.5, 0.9))
    for _ in range(4):
        optimizer.zero_grad()
        (theirs.value**2).backward()
        optimizer.step()
    torch.testing.assert_close(mine.value, theirs.value)


def test_only_the_player_whose_turn_it_is_moves():
    first, second = Counter(1.0), Counter(1.0)
    seen = []

    def losses():
        seen.append((first.value.requires_grad, second.value.requires_grad))
        return {"both": first.value + second.value}

    still = Player("still", second, lambda: {"zero": second.value * 0.0})
    loop_of(Player("first", first, losses), still, epochs=1, steps=1).fit_loop()
    assert seen == [(True, False)]
    assert float(first.value.detach()) != 1.0
    assert float(second.value.detach()) == 1.0
    assert second.value.requires_grad


def test_updates_per_round_and_history():
    calls = {"critic": 0, "actor": 0}

    def losses(name, module):
        def terms():
            calls[name] += 1
            return {"a": module.value**2, "b": module.value * 0.0 + 1.0}

        return terms

    critic, actor = Counter(2.0), Counter(2.0)
    loop = loop_of(
        Player("critic", critic, losses("critic", critic), updates=5),
        Player("actor", actor, losses("actor", actor)),
        epochs=3,
        steps=2,
    ).fit_loop()
    assert calls == {"critic": 30, "actor": 6}
    assert loop.history["epoch"] == [1, 2, 3]
    total = np.array(loop.history["actor"])
    np.testing.assert_allclose(
        total, np.array(loop.history["actor/a"]) + np.array(loop.history["actor/b"]), rtol=1e-6
    )
    assert (np.diff(total) < 0).all()


def failing_at(module, steps):
    """Losses that are NaN at the given calls."""
    count = iter(range(10_000))

    def terms():
        bad = next(count) in steps
        return {"loss": module.value**2 * (float("nan") if bad else 1.0)}

    return terms


def test_rolls_back_and_lowers_the_step():
    module = Counter(1.0)
    player = Player("p", module, failing_at(module, {3}), learning_rate=0.1)
    with pytest.warns(TrainingWarning, match="back to the state after epoch 1"):
        loop = loop_of(player, epochs=4, steps=2).fit_loop()
    assert loop.rollbacks == 1
    assert loop.history["epoch"] == [1, 2, 3, 4]
    assert loop.history["p/learning_rate"] == [0.1, 0.05, 0.05, 0.05]
    assert np.isfinite(float(module.value.detach()))


def test_the_state_after_a_roll_back_is_the_last_good_one():
    good, bad = Counter(1.0), Counter(1.0)
    loop_of(Player("p", good, failing_at(good, set())), epochs=1, steps=2).fit_loop()
    with (
        pytest.warns(TrainingWarning),
        pytest.raises(TrainingError),
    ):
        loop_of(
            Player("p", bad, failing_at(bad, set(range(2, 1000)))), epochs=3, steps=2
        ).fit_loop()
    # After giving up the weights hold what the failed epoch left; a new start would be clean.
    assert float(good.value.detach()) < 1.0


def test_gives_up_after_three_repairs_with_advice():
    module = Counter(1.0)
    player = Player("p", module, failing_at(module, set(range(1000))))
    with (
        pytest.warns(TrainingWarning) as caught,
        pytest.raises(TrainingError, match="smaller learning_rate"),
    ):
        loop_of(player).fit_loop()
    assert len(caught) == 3


def test_a_finite_loss_with_a_broken_gradient_is_noticed():
    module = Counter(0.0)
    calls = iter(range(1000))

    def terms():
        # sqrt has an infinite slope at 0 while its value is finite
        return {"loss": module.value.sqrt() if next(calls) == 0 else module.value**2}

    with pytest.warns(TrainingWarning, match="not finite"):
        loop_of(Player("p", module, terms), epochs=1, steps=1).fit_loop()
    assert np.isfinite(float(module.value.detach()))


def interrupting(module, at):
    count = iter(range(1000))

    def terms():
        if next(count) == at:
            raise KeyboardInterrupt
        return {"loss": module.value**2}

    return terms


def test_interrupt_keeps_the_last_complete_epoch():
    module, reference = Counter(1.0), Counter(1.0)
    with pytest.warns(TrainingWarning, match="interrupted after epoch 2 of 9"):
        loop = loop_of(Player("p", module, interrupting(module, 5)), epochs=9).fit_loop()
    loop_of(Player("p", reference, interrupting(reference, -1)), epochs=2).fit_loop()
    assert loop.interrupted
    torch.testing.assert_close(module.value, reference.value)


def test_interrupt_before_anything_was_learned_is_passed_on():
    module = Counter(1.0)
    with pytest.raises(KeyboardInterrupt):
        loop_of(Player("p", module, interrupting(module, 1))).fit_loop()


def test_best_state_is_kept():
    """The score is lowest after the second epoch; the loop returns there."""
    module = Counter(3.0)
    scores = iter([5.0, 4.0, 1.0, 2.0, 3.0])
    seen = []

    def score():
        seen.append(float(module.value.detach()))
        return next(scores)

    best = BestState(module, score)
    player = Player("p", module, lambda: {"square": module.value**2}, learning_rate=0.1)
    loop = loop_of(player, epochs=4, steps=1, best=best).fit_loop()
    assert (best.epoch, best.value) == (2, 1.0)
    assert loop.history["score"] == [4.0, 1.0, 2.0, 3.0]
    assert float(module.value.detach()) == seen[2]


def test_best_state_can_be_the_start():
    module = Counter(3.0)
    best = BestState(module, lambda: -float(module.value.detach()))
    player = Player("p", module, lambda: {"square": module.value**2}, learning_rate=0.1)
    loop_of(player, epochs=2, best=best).fit_loop()
    assert best.epoch == 0
    assert float(module.value.detach()) == 3.0


def test_interrupt_returns_to_the_best_state_too():
    module = Counter(3.0)
    best = BestState(module, lambda: -float(module.value.detach()))
    with pytest.warns(TrainingWarning, match="interrupted"):
        loop_of(Player("p", module, interrupting(module, 5)), epochs=9, best=best).fit_loop()
    assert float(module.value.detach()) == 3.0
