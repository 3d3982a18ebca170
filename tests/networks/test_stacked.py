"""Several networks as one: weights, buffers, arithmetic, steps."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from hs_specaug.networks import Player, TrainingLoop, resolve_precision
from hs_specaug.networks._stacked import NotStackable, Stack, inside_stack
from hs_specaug.networks._stacked_loop import StackedLoop

CPU = torch.device("cpu")


def network(seed):
    torch.manual_seed(seed)
    convolution = nn.Conv1d(1, 4, 4, 2, 1, bias=False)
    return nn.Sequential(
        convolution, nn.BatchNorm1d(4), nn.LeakyReLU(), nn.Flatten(), nn.Linear(16, 1)
    )


def losses_of(network, x):
    """Two terms; the second is over the rows that do not begin with −100 or less."""
    logit = network(x)
    labels = torch.where(x[:, 0, 0] <= -100.0, -100, 1)
    return {
        "size": logit.square().mean(),
        "class": F.cross_entropy(torch.cat([-logit, logit], dim=1), labels),
    }


@pytest.fixture
def networks():
    with torch.random.fork_rng():
        return [network(seed) for seed in range(3)]


@pytest.fixture
def rows():
    return torch.randn(3, 5, 1, 8, generator=torch.Generator().manual_seed(0))


def stack_of(networks):
    return Stack([{"network": n} for n in networks])


def test_a_call_computes_every_member(networks, rows):
    expected = [n(x) for n, x in zip(networks, rows, strict=True)]
    buffers = [{k: v.clone() for k, v in n.named_buffers()} for n in networks]
    with torch.random.fork_rng():
        twins = [network(seed) for seed in range(3)]
    out = stack_of(twins).call(twins[0], rows)
    torch.testing.assert_close(out, torch.stack(expected))
    for twin, kept in zip(twins, buffers, strict=True):
        for name, value in twin.named_buffers():
            torch.testing.assert_close(value, kept[name])
    assert int(twins[2][1].num_batches_tracked) == 1


def test_gradients_are_those_of_each_member(networks, rows):
    for n, x in zip(networks, rows, strict=True):
        n(x).square().mean().backward()
    expected = [[p.grad.clone() for p in n.parameters()] for n in networks]
    stack = stack_of(networks)
    stack.call(lambda x: networks[0](x).square().mean(), rows).sum().backward()
    stacked = stack.of(list(networks[0].parameters()))
    for r in range(3):
        for own, joined in zip(expected[r], stacked, strict=True):
            torch.testing.assert_close(joined.grad[r], own)


def test_members_see_the_stack_until_it_is_dissolved(networks):
    stack = stack_of(networks)
    weight = stack.of([networks[0][4].weight])[0]
    with torch.no_grad():
        weight[2] = 7.0
    assert (networks[2][4].weight == 7.0).all()
    assert not (networks[1][4].weight == 7.0).any()
    stack.dissolve()
    with torch.no_grad():
        weight[2] = 9.0
    assert (networks[2][4].weight == 7.0).all()


def test_a_tensor_that_two_modules_share_is_stacked_once():
    def pair(seed):
        first, second = nn.Linear(2, 2), nn.Linear(2, 2)
        second.weight = first.weight
        return {"first": first, "both": nn.ModuleList([first, second])}

    members = [pair(0), pair(1)]
    stack = Stack(members)
    assert len(stack.tensors) == 3  # one weight and two biases
    x = torch.randn(2, 3, 2)
    second = [member["both"][1] for member in members]
    out = stack.call(second[0], x)
    torch.testing.assert_close(out, torch.stack([m(v) for m, v in zip(second, x, strict=True)]))


def test_low_precision_is_that_of_autocast(networks, rows):
    precision = resolve_precision("bfloat16", CPU)
    with precision.autocast():
        expected = torch.stack([n(x) for n, x in zip(networks, rows, strict=True)])
    out = stack_of(networks).call(networks[0], rows, precision)
    assert out.dtype == expected.dtype == torch.bfloat16
    torch.testing.assert_close(out, expected, rtol=0.02, atol=0.02)


def test_what_cannot_be_stacked_is_refused(networks, rows):
    stack = stack_of(networks)
    with pytest.raises(NotStackable, match="one repetition only"):
        stack.call(lambda x: x * float(networks[0](x).sum()), rows)
    with pytest.raises(NotStackable):
        stack.call(lambda x: x + torch.randn(5, 1, 8), rows)
    # The first member has its own weights again, and no one believes to be inside.
    assert isinstance(networks[0][4].weight, nn.Parameter)
    assert not inside_stack()


def test_other_errors_are_passed_on(networks, rows):
    with pytest.raises(ZeroDivisionError):
        stack_of(networks).call(lambda x: x / (1 // 0), rows)
    with pytest.raises(RuntimeError) as error:
        stack_of(networks).call(lambda x: networks[0](x[:, :, :4]), rows)
    assert not isinstance(error.value, NotStackable)


# --- the loop ----------------------------------------------------------------------------------


class Rows:
    """Batches of each member, and what the protocol of the loop asks for."""

    def __init__(self, batches):
        self.batches, self.step, self.now = batches, 0, None

    def next(self):
        return self.batches[0][0] if self.now is None else self.now

    def listen(self, losses):
        losses()

    def draw(self, plan):
        batch = torch.stack([own[self.step] for own in self.batches])
        self.step += 1
        empty = (batch[:, :, 0, 0] <= -100.0).all(dim=1)
        return batch, empty if empty.any() else None

    def played(self, plan, values):
        from contextlib import contextmanager

        @contextmanager
        def play():
            self.now = values
            yield
            self.now = None

        return play()


def loops_of(networks, source, steps=4, epochs=2):
    loops = []
    for n in networks:
        players = [Player("only", n, lambda n=n: losses_of(n, source.next()), 1, 1e-3)]
        precision = resolve_precision("float32", CPU)
        loops.append(
            TrainingLoop(players, epochs=epochs, steps_per_epoch=steps, precision=precision)
        )
    return loops


def batches(steps=8):
    return [
        list(torch.randn(steps, 5, 1, 8, generator=torch.Generator().manual_seed(r)))
        for r in range(3)
    ]


def in_turn(own):
    """Return networks and histories of one training after the other."""
    with torch.random.fork_rng():
        networks = [network(seed) for seed in range(3)]
    histories = []
    for n, own_batches in zip(networks, own, strict=True):
        source = Rows([])
        source.next = iter(own_batches).__next__
        (loop,) = loops_of([n], source)
        histories.append(loop.fit_loop().history)
    return networks, histories


def test_a_stacked_loop_does_what_its_members_would(networks):
    alone, histories = in_turn(batches())
    source = Rows(batches())
    together = StackedLoop(loops_of(networks, source), source).fit_loop()
    assert not together.left
    for loop, history in zip(together.loops, histories, strict=True):
        assert loop.history.keys() == history.keys()
        for key in history:
            np.testing.assert_allclose(loop.history[key], history[key], rtol=1e-4, err_msg=key)
        assert loop.players[0].seconds > 0
    for one, other in zip(alone, networks, strict=True):
        for a, b in zip(one.parameters(), other.parameters(), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)
        assert not other.training


def test_a_term_over_nothing_counts_for_the_others_only(networks):
    own = batches()
    own[1][2][:, 0, 0] = -100.0
    source = Rows(own)
    seen = []
    draw = source.draw
    source.draw = lambda plan: seen.append(draw(plan)) or seen[-1]
    loops = StackedLoop(loops_of(networks, source, epochs=1), source)
    terms = []
    step = loops._step
    loops._step = lambda number: terms.append(step(number)) or terms[-1]
    loops.fit_loop()
    assert not loops.left
    assert [empty is None for _, empty in seen] == [True, True, False, True]
    kept = torch.stack([t["class"] for t in terms])[:, 1]
    assert kept[2].isnan()
    expected = float(kept[[0, 1, 3]].mean())
    assert loops.loops[1].history["only/class"] == [pytest.approx(expected, rel=1e-6)]
    total = torch.stack([t[""] for t in terms])[2, 1]
    torch.testing.assert_close(total, terms[2]["size"][1])
    for n in networks:
        assert all(p.isfinite().all() for p in n.parameters())


def test_a_member_with_a_loss_that_is_not_finite_leaves(networks):
    own = batches()
    own[1][5][0] = torch.inf
    source = Rows(own)
    loops = StackedLoop(loops_of(networks, source), source).fit_loop()
    assert loops.left == {1}
    assert [len(loop.history["epoch"]) for loop in loops.loops] == [2, 1, 2]
    for r in (0, 2):
        assert all(p.isfinite().all() for p in networks[r].parameters())


def test_unequal_steps_are_refused(networks):
    source = Rows(batches())
    loops = [*loops_of(networks[:2], source), *loops_of(networks[2:], source, steps=3)]
    with pytest.raises(ValueError, match="equal numbers of rows"):
        StackedLoop(loops, source)
