"""Checkpoints on disk: refused, resumed, never half written."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from hs_specaug.exceptions import FewSamplesWarning, ModelFileError, TrainingWarning
from hs_specaug.generators import ThreePlayerGenerator, load_generator
from hs_specaug.io import read_model
from hs_specaug.io._model_file import CHECKPOINT_FORMAT
from hs_specaug.networks import TrainingLoop


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(0, 1, (30, 16)), rng.normal(2, 1, (8, 16))])
    return X, np.array(["common"] * 30 + ["rare"] * 8)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.safetensors"


def three_player(path=None, **options):
    options = {"epochs": 4, "pretrain_epochs": 2, "random_state": 0, "latent_dim": 8} | options
    return ThreePlayerGenerator(checkpoint=path, checkpoint_every=1, **options)


def interrupt_at(monkeypatch, number, error=KeyboardInterrupt):
    """Raise at the beginning of one of the epochs of all phases."""
    calls = iter(range(1, 1000))
    original = TrainingLoop.run_single_epoch

    def run(self):
        if next(calls) == number:
            raise error
        return original(self)

    monkeypatch.setattr(TrainingLoop, "run_single_epoch", run)


@pytest.fixture
def begun(data, path, monkeypatch):
    """A checkpoint in the main phase."""
    with monkeypatch.context() as patch:
        interrupt_at(patch, 5)
        with pytest.warns(TrainingWarning, match="interrupted after epoch 2 of 4"):
            three_player(path).fit(*data)
    return path


def same(one, other):
    np.testing.assert_array_equal(one.sample({"rare": 5})[0], other.sample({"rare": 5})[0])
    assert one.history_ == other.history_


def test_interrupted_generator_is_usable_and_the_message_says_how_to_go_on(data, path, monkeypatch):
    with monkeypatch.context() as patch:
        interrupt_at(patch, 5)
        with pytest.warns(TrainingWarning, match="to go on, fit again.*run.safetensors"):
            stopped = three_player(path).fit(*data)
    assert stopped.interrupted_
    assert not stopped.converged_
    assert stopped.sample({"rare": 2})[0].shape == (2, 16)
    same(three_player(path).fit(*data), three_player().fit(*data))
    assert not path.exists()


def test_interrupt_writes_also_between_checkpoints_and_in_pretraining(data, path, monkeypatch):
    with monkeypatch.context() as patch:
        interrupt_at(patch, 2)
        with pytest.raises(KeyboardInterrupt):
            three_player(path).set_params(checkpoint_every=100).fit(*data)
    assert read_model(path, CHECKPOINT_FORMAT)[0]["loop"]["epoch"] == 1
    same(three_player(path).fit(*data), three_player().fit(*data))


def test_checkpoints_come_as_often_as_asked(data, path, monkeypatch):
    from hs_specaug.generators import _checkpoint

    written = []
    original = _checkpoint.Checkpoint.write
    monkeypatch.setattr(
        _checkpoint.Checkpoint,
        "write",
        lambda self, header, tensors: (
            written.append((header["phase"], header["loop"]["epoch"])),
            original(self, header, tensors),
        ),
    )
    three_player(path, epochs=5, pretrain_epochs=2).set_params(checkpoint_every=2).fit(*data)
    assert written == [("pre-training", 2), ("", 2), ("", 4)]


def test_without_a_seed_the_file_has_the_seeds(data, path, monkeypatch):
    with monkeypatch.context() as patch:
        interrupt_at(patch, 5, RuntimeError)
        with pytest.raises(RuntimeError):
            three_player(path, random_state=None).fit(*data)
    seeds = read_model(path, CHECKPOINT_FORMAT)[0]["seeds"]
    generator = three_player(path, random_state=None).fit(*data)
    assert generator._seeds == seeds
    assert generator.history_["epoch"] == [1, 2, 3, 4]


def test_header_is_readable_and_nothing_is_pickled(begun):
    header, tensors = read_model(begun, CHECKPOINT_FORMAT)
    assert header["method"] == "three-player"
    assert header["identity"]["hyperparameters"]["epochs"] == 4
    assert header["loop"]["epoch"] == 2
    assert "loop.live.generator.optimizer.0.exp_avg" in tensors
    assert b"pickle" not in begun.read_bytes()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"learning_rate": 1e-3}, "learning_rate is 0.001 here and 0.0002 there"),
        ({"epochs": 9}, "epochs is 9 here and 4 there"),
        ({"random_state": 1}, "random_state is 1 here and 0 there"),
        ({"ema_decay": 0.9}, "ema_decay is 0.9 here and None there"),
    ],
)
def test_other_hyperparameters_are_refused_and_named(data, begun, change, named):
    with pytest.raises(ModelFileError, match=named):
        three_player(begun, **change).fit(*data)
    assert begun.exists()


def test_other_data_are_refused(data, begun):
    X, y = data
    with pytest.raises(ModelFileError, match="training rows"):
        three_player(begun).fit(X + 1e-9, y)
    with pytest.raises(ModelFileError, match="training rows"):
        three_player(begun).fit(X[::-1], y)
    with pytest.raises(ModelFileError, match="labels"):
        three_player(begun).fit(X, np.where(y == "rare", "other", y))


def test_what_does_not_matter_may_differ(data, begun, capsys):
    generator = three_player(begun, sampling_strategy={"rare": 20}, show_progressbar=True)
    same(generator.fit(*data), three_player().fit(*data))


def test_files_of_another_kind_are_refused(data, path, begun):
    with pytest.raises(ModelFileError, match=r"generator\.save wrote"):
        load_generator(begun)
    saved = three_player().fit(*data).save(path.with_name("g.safetensors"))
    with pytest.raises(ModelFileError, match=r"hs_specaug\.checkpoint"):
        three_player(saved).fit(*data)
    begun.write_bytes(begun.read_bytes()[:500])
    with pytest.raises(ModelFileError):
        three_player(begun).fit(*data)


def test_a_folder_that_does_not_exist_is_said_before_training(data, tmp_path):
    with pytest.raises(FileNotFoundError, match="gone"):
        three_player(tmp_path / "gone" / "c.safetensors").fit(*data)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_killed_while_writing(data, path, tmp_path):
    """The process dies in the middle of the fourth checkpoint; the third one is good."""
    np.savez(tmp_path / "data.npz", X=data[0], y=data[1])
    script = f"""
import os, signal
import numpy as np
import safetensors.numpy
from hs_specaug.generators import ThreePlayerGenerator

save, calls = safetensors.numpy.save_file, iter(range(1, 100))

def save_half(tensors, path, metadata=None):
    save(tensors, path, metadata)
    if next(calls) == 4:
        with open(path, "r+b") as file:
            file.truncate(os.path.getsize(path) // 2)
        os.kill(os.getpid(), signal.SIGKILL)

safetensors.numpy.save_file = save_half
data = np.load({str(tmp_path / "data.npz")!r})
ThreePlayerGenerator(
    epochs=4, pretrain_epochs=2, random_state=0, latent_dim=8, checkpoint={str(path)!r},
    checkpoint_every=1, precision="float32",
).fit(data["X"], data["y"])
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -9
    assert read_model(path, CHECKPOINT_FORMAT)[0]["loop"]["epoch"] == 1  # of the main phase
    # Not bfloat16: whether a process may use the matrix units can depend on what it loaded before.
    single = {"precision": "float32"}
    same(three_player(str(path), **single).fit(*data), three_player(**single).fit(*data))


# --- scores, averages and verdicts of a whole fit ----------------------------------------------


def test_early_stopping_ends_and_keeps_the_best(data, monkeypatch):
    from hs_specaug.generators import _fidelity

    scores = iter([9.0, 5.0, 3.0, *[4.0] * 100])
    monkeypatch.setattr(_fidelity.ClassFidelity, "__call__", lambda self: next(scores))
    generator = three_player(epochs=50, early_stopping="fidelity", patience=4).fit(*data)
    assert generator.best_epoch_ == 2
    assert generator.history_["epoch"][-1] == 6
    assert generator.converged_


def test_downstream_score_trains_on_inner_rows_only(data, monkeypatch):
    seen = []
    original = TrainingLoop.fit_loop

    def fit_loop(self):
        seen.append(self.sources["stream"])
        return original(self)

    monkeypatch.setattr(TrainingLoop, "fit_loop", fit_loop)
    generator = three_player(epochs=2, scoring="downstream").fit(*data)
    assert [len(stream.X) for stream in seen] == [28, 28]
    assert torch.bincount(seen[0].y).tolist() == [22, 6]
    assert all(0 <= s <= 1 for s in generator.history_["score"])


def test_downstream_resumes_with_the_same_rows(data, path, monkeypatch):
    options = {"early_stopping": "downstream", "patience": 3, "random_state": None}
    with monkeypatch.context() as patch:
        interrupt_at(patch, 4, RuntimeError)
        with pytest.raises(RuntimeError):
            three_player(path, **options).fit(*data)
    first = read_model(path, CHECKPOINT_FORMAT)[1]["loop.history.score"]
    generator = three_player(path, **options).fit(*data)
    assert generator.history_["score"][:1] == first.tolist()


def test_too_few_rows_for_downstream_are_said(data):
    X, y = data
    with pytest.warns(FewSamplesWarning, match="smallest class has 3.*'fidelity' instead"):
        generator = three_player(scoring="downstream", epochs=1).fit(X[:33], y[:33])
    reference = three_player(scoring="fidelity", epochs=1).fit(X[:33], y[:33])
    assert generator.score_ == reference.score_


def test_without_a_score_the_last_epoch_is_kept(data):
    generator = three_player(scoring=None).fit(*data)
    assert generator.best_epoch_ == 4
    assert np.isnan(generator.score_)
    assert "score" not in generator.history_
    assert generator.converged_


def test_average_is_sampled_from_and_saved(data, tmp_path, monkeypatch):
    plain = three_player(scoring=None, epochs=2).fit(*data)
    averaged = three_player(scoring=None, epochs=2, ema_decay=0.9).fit(*data)
    followed = three_player(scoring=None, epochs=2, ema_decay=0.0).fit(*data)
    key = "trunk.layers.0.weight"
    weights = {
        name: g.networks_["generator"].state_dict()[key]
        for name, g in {"plain": plain, "average": averaged, "followed": followed}.items()
    }
    torch.testing.assert_close(weights["followed"], weights["plain"])
    assert not torch.equal(weights["average"], weights["plain"])
    start = three_player(epochs=0).fit(*data).networks_["generator"].state_dict()[key]
    gone = (weights["average"] - start).norm() / (weights["plain"] - start).norm()
    assert 0 < gone < 0.5  # four steps of a tenth: the average has gone less far
    loaded = load_generator(averaged.save(tmp_path / "g.safetensors"))
    np.testing.assert_array_equal(loaded.sample({"rare": 3})[0], averaged.sample({"rare": 3})[0])


def constant_after(monkeypatch, n_scores, method=ThreePlayerGenerator):
    """Force the generator to give one row per class from some score on."""
    scored = iter(range(1000))
    original = method._generate

    def generate(self, networks, labels, noise):
        rows = original(self, networks, labels, noise)
        varied = next(scored) < n_scores
        return torch.rand(rows.shape, generator=noise) if varied else torch.zeros_like(rows)

    monkeypatch.setattr(method, "_generate", generate)
    monkeypatch.setattr(method, "sample_batch", 512)  # all rows of a score at once


def test_collapse_rolls_back_halves_the_rates_and_is_told(data, monkeypatch):
    constant_after(monkeypatch, 1)
    with pytest.warns(TrainingWarning) as caught:
        generator = three_player(epochs=20, pretrain_epochs=0, learning_rate=2e-3).fit(*data)
    messages = [str(w.message) for w in caught]
    assert sum("become alike" in m for m in messages) == 4
    assert generator.history_["epoch"][-1] == 12  # three scored epochs, four times
    assert generator.history_["generator/learning_rate"][-1] == pytest.approx(2e-3 / 8)
    assert generator.history_["diversity"] == [0.0] * 12
    assert not generator.converged_


def test_a_generator_that_never_varied_is_no_success(data, monkeypatch):
    constant_after(monkeypatch, 0)
    with pytest.warns(TrainingWarning) as caught:
        generator = three_player(epochs=20, pretrain_epochs=0, score_every=10).fit(*data)
    assert any("nearly alike" in str(w.message) for w in caught)
    assert not generator.converged_
    assert generator.history_["epoch"][-1] == 20


def test_converged_survives_a_file(data, tmp_path, monkeypatch):
    for shares in ([9.0, 5.0, 3.0, 1.0, 0.5], [1.0, 5.0, 5.0, 5.0, 5.0]):
        from hs_specaug.generators import _fidelity

        scores = iter(shares)
        monkeypatch.setattr(_fidelity.ClassFidelity, "__call__", lambda s, i=scores: next(i))
        generator = three_player().fit(*data)
        assert generator.converged_ == (shares[0] > 1)
        loaded = load_generator(generator.save(tmp_path / "g.safetensors"))
        assert loaded.converged_ == generator.converged_


def test_seeded_fits_in_threads_agree(data):
    from concurrent.futures import ThreadPoolExecutor

    options = {"ema_decay": 0.9, "spectral_norm": True, "lecam": 0.1, "precision": "float32"}
    alone = three_player(**options).fit(*data).sample({"rare": 4})[0]
    with ThreadPoolExecutor(3) as pool:
        together = [pool.submit(lambda: three_player(**options).fit(*data)) for _ in range(3)]
    for future in together:
        np.testing.assert_allclose(future.result().sample({"rare": 4})[0], alone, atol=1e-5)
