"""Steps recorded and repeated: same numbers, and told apart where a recording would be wrong.

Without a GPU a stand-in repeats the steps by making them again, on the memory and with the draws
that a graph would use.
"""

import contextlib

import numpy as np
import pytest
import torch

from hs_specaug import make_generator
from hs_specaug.exceptions import TrainingWarning
from hs_specaug.networks import _capture, cuda_graphs
from hs_specaug.networks._capture import WARM_UP
from hs_specaug.perturbations import Gain

METHODS = (
    "three-player", "bagan", "bagan-gp", "cdragan", "dcgan", "acgan", "cwgan-gp", "diffusion",
)  # fmt: skip
EPOCHS = 4


class StandIn:
    """Makes the steps that a graph would repeat."""

    def __init__(self):
        self.prepared, self.optimizers = [], []
        self.warmed_up, self.recorded, self.repeated = 0, 0, 0

    def prepare(self, player):
        self.prepared.append(player.name)
        self.optimizers.append(player.optimizer)

    def memory(self):
        """Where the moments are that a graph would use."""
        states = [state for own in self.optimizers for state in own.state.values()]
        return [moments["exp_avg"].data_ptr() for moments in states]

    def run(self, step):
        self.warmed_up += 1
        return step()

    def record(self, step):
        self.recorded += 1
        memory = self.memory()

        def repeat():
            self.repeated += 1
            assert set(memory) <= set(self.memory()), "a graph would use memory that was given up"
            return step()

        return repeat


@pytest.fixture
def recorder(monkeypatch):
    stand_in = StandIn()
    monkeypatch.setattr(_capture, "CUDARecorder", lambda: stand_in)
    monkeypatch.setattr(
        "hs_specaug.generators._run.graphs_wanted", lambda device: _capture._ASKED.get()
    )
    return stand_in


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    return rng.random((20, 16)), np.repeat(["common", "rare"], [14, 6])


def fitted(method, data, graphs=True, **options):
    options = {"epochs": EPOCHS, "batch_size": 8, "random_state": 0, "scoring": None} | options
    generator = make_generator(method, **options)
    if "pretrain_epochs" in generator.get_params():
        generator.set_params(pretrain_epochs=2)
    with cuda_graphs() if graphs else contextlib.nullcontext():
        return generator.fit(*data)


def same(one, other):
    for a, b in zip(
        one.networks_.state_dict().values(), other.networks_.state_dict().values(), strict=True
    ):
        assert torch.equal(a, b)
    assert one.history_.keys() == other.history_.keys()
    for name, values in one.history_.items():
        np.testing.assert_array_equal(values, other.history_[name], err_msg=name)


@pytest.mark.parametrize("method", METHODS)
def test_recorded_steps_give_the_same_bits(method, data, recorder):
    same(fitted(method, data, graphs=False), fitted(method, data))
    assert recorder.recorded
    assert recorder.repeated > recorder.recorded


def test_options_that_draw_or_remember_something(data, recorder):
    options = {"r1_penalty": 1.0, "relativistic": True, "lecam": 0.1, "ema_decay": 0.9}
    same(
        fitted("three-player", data, graphs=False, **options),
        fitted("three-player", data, **options),
    )
    assert recorder.repeated


def test_every_step_is_made_once(data, recorder):
    fitted("dcgan", data)
    players, steps = 2, 3 * EPOCHS
    assert recorder.prepared == ["discriminator", "generator"]
    assert recorder.recorded == players
    assert recorder.warmed_up == players * WARM_UP
    assert recorder.repeated == players * (steps - WARM_UP)


def test_steps_of_other_shapes_have_graphs_of_their_own(data, recorder):
    generator = fitted("three-player", data, epochs=15)
    assert recorder.recorded > len(generator.seconds_)  # the classifier's fill-up batches differ


def test_not_more_graphs_than_memory_is_for(data, recorder, monkeypatch):
    monkeypatch.setattr(_capture, "MOST_GRAPHS", 1)
    one = fitted("three-player", data, epochs=15)
    assert recorder.recorded == len(one.seconds_)
    same(fitted("three-player", data, epochs=15, graphs=False), one)


@pytest.mark.parametrize(
    ("method", "options"),
    [("cooperative", {}), ("dag", {}), ("dcgan", {"diff_augment": Gain(0.1)}), ("dcgan", None)],
)
def test_what_is_not_recorded(method, options, data, recorder):
    fitted(method, data, graphs=options is not None, **(options or {}))
    assert not recorder.prepared


def test_nothing_is_recorded_on_a_cpu(data, monkeypatch):
    monkeypatch.setattr(_capture, "Capture", None)
    fitted("dcgan", data)


def test_going_back_drops_the_graphs(data, recorder, monkeypatch):
    """The moments of the optimiser are then in other memory, and the rate is another."""
    made = recorder.record

    def record(step):
        repeat = made(step)

        def broken_once():
            terms = repeat()
            if recorder.repeated == 3:
                terms = {name: value * torch.nan for name, value in terms.items()}
            return terms

        return broken_once

    monkeypatch.setattr(recorder, "record", record)
    with pytest.warns(TrainingWarning, match="not finite"):
        generator = fitted("dcgan", data, epochs=8)
    assert recorder.recorded == 4
    rates = generator.history_["generator/learning_rate"]
    assert rates[-1] == rates[0] / 2


def test_a_step_that_cannot_be_recorded_is_made_as_always(data, recorder, monkeypatch):
    def record(step):
        raise RuntimeError("operation not permitted when stream is capturing")

    monkeypatch.setattr(recorder, "record", record)
    with pytest.warns(TrainingWarning, match="'generator' cannot be recorded.*not permitted"):
        generator = fitted("dcgan", data)
    same(fitted("dcgan", data, graphs=False), generator)


def test_a_loss_that_draws_for_rows_it_computed_is_made_as_always(data, recorder, monkeypatch):
    from hs_specaug.generators._dcgan import DCGANGenerator

    own = DCGANGenerator._losses

    def losses(self, networks, draws, stabilisers):
        found = own(self, networks, draws, stabilisers)

        def generator():
            draws.wrong(torch.zeros(3, dtype=torch.long))
            return found["generator"]()

        return {**found, "generator": generator}

    monkeypatch.setattr(DCGANGenerator, "_losses", losses)
    with pytest.warns(TrainingWarning, match="'generator' cannot be recorded.*that it computed"):
        generator = fitted("dcgan", data)
    same(fitted("dcgan", data, graphs=False), generator)


def test_a_loss_that_draws_something_else_goes_on_without(data, recorder, monkeypatch):
    from hs_specaug.generators._dcgan import DCGANGenerator

    own, steps = DCGANGenerator._losses, iter(range(100))

    def losses(self, networks, draws, stabilisers):
        found = own(self, networks, draws, stabilisers)

        def generator():
            if next(steps) == 2:
                draws.uniform(1)
            return found["generator"]()

        return {**found, "generator": generator}

    monkeypatch.setattr(DCGANGenerator, "_losses", losses)
    with pytest.warns(TrainingWarning, match="'generator' cannot be recorded.*in another step"):
        generator = fitted("dcgan", data)
    assert len(generator.history_["generator"]) == EPOCHS


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("method", METHODS)
def test_on_cuda_graphs_give_what_kernels_give(method, data):
    options = {"device": "cuda", "precision": "float32", "epochs": 6}
    one, other = (fitted(method, data, graphs=graphs, **options) for graphs in (False, True))
    for name, values in one.history_.items():
        np.testing.assert_allclose(values, other.history_[name], rtol=0.02, atol=1e-3)
