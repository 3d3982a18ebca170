"""Generators trained from labelled rows that stay on disk."""

import weakref

import dask
import dask.array as da
import numpy as np
import pytest
import torch
from hyperspy import signals as hs_signals

import hs_specaug
from hs_specaug._lazy_rows import LazyRows
from hs_specaug.generators import (
    CDRAGANGenerator,
    DAGGenerator,
    DCGANGenerator,
    _training_rows,
)
from hs_specaug.generators._scoring import score_of, split_rows
from hs_specaug.networks import _lazy_stream
from hs_specaug.signals import _arrays

CPU = torch.device("cpu")
OPTIONS = {"random_state": 0, "epochs": 2, "precision": "float32"}
SHOWN = {"show_progressbar": False}


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    X = rng.normal(0, 0.1, (8, 12, 16)).astype("f4")
    X[:6, :, :8] += 1
    return X


@pytest.fixture
def codes():
    return np.repeat([0, 1], [72, 24]).reshape(8, 12)


@pytest.fixture
def labelled(data, codes):
    s = hs_signals.LazySignal1D(da.from_array(data, chunks=(3, 5, -1)))
    s.set_signal_type("spectrum_specaug")
    s.set_labels(codes, classes=["upper", "lower"])
    return s


def rows_of(data):
    return LazyRows(da.from_array(data, chunks=(3, 5, -1)), 2, np.arange(96))


def weights(generator):
    return dict(generator.networks_.state_dict())


def equal(first, second):
    return all(torch.equal(weights(first)[key], value) for key, value in weights(second).items())


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("three-player", {"pretrain_epochs": 1}),
        ("sgbgan", {"pretrain_epochs": 1, "n_critic": 1, "epochs": 1}),
        ("cooperative", {"scoring": "downstream", "epochs": 1}),
        ("diffusion", {"timesteps": 10, "scoring": "fidelity", "epochs": 1}),
    ],
)
def test_trains_from_a_lazy_signal(method, options, labelled, rows_stay_on_disk, no_global_rng):
    generator = labelled.train_generator(method, **{**OPTIONS, **options}, **SHOWN)
    assert np.isfinite(generator.score_)
    assert generator.signal_axes_ is not None
    X, y = generator.sample({"lower": 3})
    assert X.shape == (3, 16)
    assert X.dtype == np.float32
    assert set(y) == {"lower"}


def test_a_seed_gives_the_same_bits(data, codes):
    def fit(seed, prefetch=None):
        with dask.config.set(num_workers=prefetch):
            options = {**OPTIONS, "random_state": seed}
            return CDRAGANGenerator(**options).fit(rows_of(data), codes.ravel())

    first = fit(0)
    assert equal(first, fit(0, prefetch=1))
    assert first.history_["score"] == fit(0).history_["score"]
    assert not equal(first, fit(1))


def test_knows_of_its_rows_what_it_would_in_memory(data, codes):
    lazy = CDRAGANGenerator(**OPTIONS).fit(rows_of(data), codes.ravel())
    eager = CDRAGANGenerator(**OPTIONS).fit(data.reshape(96, 16), codes.ravel())
    for name in ("fingerprint_", "classes_", "class_counts_"):
        np.testing.assert_array_equal(getattr(lazy, name), getattr(eager, name))
    for name in ("input_shape_", "dtype_", "n_features_in_", "sampling_strategy_"):
        assert getattr(lazy, name) == getattr(eager, name)
    np.testing.assert_array_equal(lazy.scaler_.minimum_, eager.scaler_.minimum_)
    np.testing.assert_array_equal(lazy.scaler_.maximum_, eager.scaler_.maximum_)
    assert lazy.scaler_.dtype_ == eager.scaler_.dtype_
    assert {k: len(v) for k, v in lazy.history_.items()} == {
        k: len(v) for k, v in eager.history_.items()
    }
    # The start is the same network, judged by nearly the same rows.
    start = [CDRAGANGenerator(**{**OPTIONS, "epochs": 0}) for _ in range(2)]
    start[0].fit(rows_of(data), codes.ravel())
    start[1].fit(data.reshape(96, 16), codes.ravel())
    assert equal(*start)
    assert start[0].score_ == pytest.approx(start[1].score_, rel=0.02)


def test_classes_are_placed_by_all_rows(data, codes):
    """With weights that stand still the latent vectors are those of the rows in memory."""
    options = {**OPTIONS, "learning_rate": 1e-12, "pretrain_epochs": 1, "epochs": 0}
    lazy, eager = (
        hs_specaug.make_generator("bagan-gp", **options).fit(X, codes.ravel())
        for X in (rows_of(data), data.reshape(96, 16))
    )
    for name in ("mixing", "label.shift"):
        torch.testing.assert_close(
            lazy.networks_["generator"].get_parameter(name),
            eager.networks_["generator"].get_parameter(name),
            rtol=1e-3,
            atol=1e-5,
        )


def test_goes_on_from_a_checkpoint(data, codes, tmp_path, monkeypatch):
    options = {**OPTIONS, "epochs": 3, "checkpoint_every": 1}
    without = CDRAGANGenerator(**options).fit(rows_of(data), codes.ravel())
    path = tmp_path / "checkpoint.safetensors"
    read = LazyRows.read
    passes = []

    def read_or_stop(self, parts, prefetch=None):
        passes.append(len(parts))
        if len(passes) == 6:  # fingerprints twice, scaler, rows of the score, two epochs
            raise KeyboardInterrupt
        return read(self, parts, prefetch)

    interrupted = CDRAGANGenerator(checkpoint=path, **options)
    with monkeypatch.context() as patch:
        patch.setattr(LazyRows, "read", read_or_stop)
        with pytest.warns(hs_specaug.exceptions.TrainingWarning, match="interrupted"):
            interrupted.fit(rows_of(data), codes.ravel())
    assert path.exists()
    assert len(interrupted.history_["epoch"]) < 3
    assert equal(
        CDRAGANGenerator(checkpoint=path, **options).fit(rows_of(data), codes.ravel()), without
    )


def test_few_chunks_are_in_memory(monkeypatch):
    """Chunks alive at one time are those read ahead, however many there are."""
    alive, most, computed = set(), [0], []

    def make(block_id):
        number = block_id[0]
        rng = np.random.default_rng(number)
        chunk = rng.normal(number % 2, 0.1, (32, 16)).astype("f4")
        computed.append(number)
        alive.add(id(chunk))
        weakref.finalize(chunk, alive.discard, id(chunk))
        most[0] = max(most[0], len(alive))
        return chunk

    lazy = da.map_blocks(lambda block_id: make(block_id), chunks=((32,) * 30, (16,)), dtype="f4")
    computed.clear()
    monkeypatch.setattr(_lazy_stream, "BUFFER_BYTES", 64 * 16 * 4)
    rows = LazyRows(lazy, 1, np.arange(960))
    with dask.config.set(num_workers=2):
        CDRAGANGenerator(batch_size=96, **OPTIONS).fit(rows, np.arange(960) // 32 % 2)
    # Two that are read ahead, one that is handed out, one that Python has not yet let go.
    assert most[0] <= 4
    # Fingerprints, scaler, rows of the score, two epochs; some chunks lack a row for the score.
    assert 4 * 30 < len(computed) <= 5 * 30


def test_the_score_sees_a_fixed_part(data, codes, monkeypatch):
    def reference(rows, seed, per_class=10):
        shaped = rows.converted(lambda X: X[:, np.newaxis])
        known = _training_rows.TrainingRows(shaped, codes.ravel(), CPU)
        return known.reference(np.arange(96), per_class, seed)

    X, y = reference(rows_of(data), seed=3)
    assert torch.bincount(y).tolist() == [10, 10]
    assert torch.equal(X, reference(rows_of(data), seed=3)[0])
    assert not torch.equal(X, reference(rows_of(data), seed=4)[0])
    low, high = data.min(), data.max()
    scaled = (data.reshape(96, 1, 16) - low) / (high - low) * 2 - 1
    for row, code in zip(X.numpy(), y.tolist(), strict=True):
        number = np.abs(scaled - row).max(axis=(1, 2)).argmin()
        np.testing.assert_allclose(scaled[number], row, atol=1e-6)
        assert codes.ravel()[number] == code
    # Large rows leave room for fewer: here for 5 of 2 classes, 64 bytes each.
    monkeypatch.setattr(_training_rows, "REFERENCE_BYTES", 5 * 2 * 64)
    assert torch.bincount(reference(rows_of(data), seed=3)[1]).tolist() == [5, 5]
    monkeypatch.setattr(_training_rows, "REFERENCE_BYTES", 1)
    assert torch.bincount(reference(rows_of(data), seed=3)[1]).tolist() == [2, 2]


def test_no_score_reads_no_rows(data, codes):
    generator = CDRAGANGenerator(scoring=None, **OPTIONS)
    generator._seeds = [0, 0, 0, 0]
    scored_by, train, held = split_rows(generator, codes.ravel())
    generator._scored_by = scored_by
    assert scored_by is None
    assert (len(train), len(held)) == (96, 0)
    assert score_of(generator, None, train, held, None) is None


@pytest.mark.parametrize("method", [DCGANGenerator, DAGGenerator])
def test_methods_that_need_all_rows_say_so(method, data, codes):
    with pytest.raises(TypeError, match=r"needs all training rows in memory.*np\.asarray\(X\)"):
        method(epochs=1).fit(rows_of(data), codes.ravel())


def test_a_signal_brings_them_into_memory(labelled, monkeypatch):
    monkeypatch.setattr(_arrays, "LABELLED_BYTES", 1000)
    lazy = labelled.train_generator("dcgan", **OPTIONS, **SHOWN)
    labelled.compute(show_progressbar=False)
    assert equal(lazy, labelled.train_generator("dcgan", **OPTIONS, **SHOWN))


def test_what_does_not_work_is_refused(data, codes):
    generator = CDRAGANGenerator(**OPTIONS)
    with pytest.raises(TypeError, match=r"fit\(X, y\) and then sample"):
        generator.fit_resample(rows_of(data), codes.ravel())
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        generator.fit(rows_of(data), codes.ravel()[:5])
    with pytest.raises(ValueError, match="class"):
        generator.fit(rows_of(data), np.zeros(96, int))
    data[0, 3, 1] = np.nan
    with pytest.raises(ValueError, match="row 3 holds NaN"):
        generator.fit(rows_of(data), codes.ravel())
    assert not hasattr(generator, "classes_")
