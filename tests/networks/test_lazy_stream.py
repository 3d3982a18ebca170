"""Mini-batches from a lazy array: which rows, in which order, and how many at a time."""

import itertools

import dask.array as da
import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from hs_specaug._lazy_rows import LazyRows
from hs_specaug.networks import (
    BatchStream,
    LazyBatchStream,
    LazyRowDataset,
    RangeScaler,
    _lazy_stream,
    scale_lazy_rows,
    to_channels,
)

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def X():
    # The first channel of a row is its number.
    X = np.random.default_rng(0).random((20, 30, 6)).astype("f4")
    X[..., 0] = np.arange(600).reshape(20, 30)
    return X


@pytest.fixture
def rows(X):
    return LazyRows(da.from_array(X, chunks=(6, 8, -1)), 2, np.arange(0, 600, 3))


def numbers(dataset):
    return [int(row[0]) for row, _ in dataset]


def test_an_epoch_is_every_row_once_with_its_code(rows, X):
    codes = np.arange(200) % 7
    pairs = list(LazyRowDataset(rows, codes, buffer_rows=16))
    assert len(pairs) == 200
    for row, code in pairs:
        number = int(row[0])
        np.testing.assert_array_equal(row, X.reshape(600, 6)[number])
        assert code == (number // 3) % 7
    assert sorted(int(row[0]) for row, _ in pairs) == list(range(0, 600, 3))


def test_the_repr_says_what_a_pass_is(rows):
    text = repr(LazyRowDataset(rows, np.zeros(200, int), buffer_rows=16, seed=3))
    assert text.startswith(f"<LazyRowDataset: {len(rows)} rows of shape {rows.shape[1:]} in ")
    assert text.endswith("chunks, shuffled among 16, seed 3>")


def test_the_order_depends_on_seed_and_epoch_alone(rows):
    codes = np.zeros(200, int)
    first = LazyRowDataset(rows, codes, buffer_rows=16, seed=1, prefetch=1)
    ahead = LazyRowDataset(rows, codes, buffer_rows=16, seed=1, prefetch=7)
    other = LazyRowDataset(rows, codes, buffer_rows=16, seed=2)
    order = numbers(first)
    assert order == numbers(first) == numbers(ahead)
    assert order != numbers(other)
    first.set_epoch(1)
    assert order != numbers(first)


def test_the_buffer_mixes_chunks(rows):
    """Without a buffer rows come chunk by chunk; with one, a batch has rows of many chunks."""
    codes = np.zeros(200, int)

    def chunks_of_a_batch(buffer_rows):
        first = np.array(numbers(LazyRowDataset(rows, codes, buffer_rows=buffer_rows))[:16])
        return len({(n // 30 // 6, n % 30 // 8) for n in first.tolist()})

    assert chunks_of_a_batch(1) <= 3
    assert chunks_of_a_batch(200) >= 8


def test_no_global_random_state(rows, no_global_rng):
    numbers(LazyRowDataset(rows, np.zeros(200, int), seed=3))


@pytest.mark.parametrize("workers", [0, 2])
def test_a_data_loader_sees_every_row_once(rows, workers):
    dataset = LazyRowDataset(rows, np.arange(200), buffer_rows=16, prefetch=1)
    loader = DataLoader(dataset, batch_size=32, num_workers=workers, multiprocessing_context=None)
    batches = [(x, y) for x, y in loader]
    assert batches[0][0].shape == (32, 6)
    seen = torch.cat([y for _, y in batches]).tolist()
    assert sorted(seen) == list(range(200))


def test_scaler_of_one_pass_is_that_of_the_rows(X):
    complex_rows = np.stack([X, -3 * X], axis=2)
    lazy = LazyRows(da.from_array(complex_rows, chunks=(7, 7, 1, 4)), 2, np.arange(50))
    scaler, expected = (
        scale_lazy_rows(lazy),
        RangeScaler().fit(complex_rows.reshape(600, 2, 6)[:50]),
    )
    np.testing.assert_array_equal(scaler.minimum_, expected.minimum_)
    np.testing.assert_array_equal(scaler.maximum_, expected.maximum_)
    assert scaler.dtype_ == expected.dtype_


def test_scaler_refuses_rows_that_are_not_finite(X):
    X = X.copy()
    X[0, 3, 2] = np.inf
    lazy = LazyRows(da.from_array(X, chunks=(7, 7, 6)), 2, np.arange(600)).converted(to_channels)
    with pytest.raises(ValueError, match="row 3 holds NaN or infinite"):
        scale_lazy_rows(lazy)


def stream(rows, batch_size=32):
    dataset = LazyRowDataset(rows, np.arange(200), buffer_rows=50, seed=4)
    return LazyBatchStream(dataset, lambda X: (X * 2)[:, np.newaxis], batch_size, CPU)


def test_passes_follow_each_other_without_a_gap(rows):
    batches = stream(rows)
    assert batches.batches_per_epoch == 7
    drawn = [batches.next() for _ in range(25)]
    assert {tuple(x.shape) for x, _ in drawn} == {(32, 1, 6)}
    codes = torch.cat([y for _, y in drawn]).tolist()
    for i in range(4):
        assert sorted(codes[200 * i : 200 * (i + 1)]) == list(range(200))
    assert codes[:200] != codes[200:400]
    numbers = torch.cat([x for x, _ in drawn])[:, 0, 0].numpy() / 2
    np.testing.assert_array_equal(numbers, 3 * np.array(codes))


def test_a_batch_is_at_most_the_data_set(rows):
    batches = stream(rows, batch_size=512)
    assert sorted(batches.next()[1].tolist()) == list(range(200))
    assert batches.batches_per_epoch == 1


@pytest.mark.parametrize("before", [0, 3, 9])
def test_resumes_where_the_state_was_taken(rows, before):
    first = stream(rows)
    for _ in itertools.repeat(None, before):
        first.next()
    state = first.state()
    expected = [first.next() for _ in range(10)]
    second = stream(rows)
    second.next()
    second.load_state(state)
    for x, y in expected:
        again = second.next()
        assert torch.equal(x, again[0])
        assert torch.equal(y, again[1])


def test_errors_say_what_came(rows):
    with pytest.raises(ValueError, match="at least 1, got 0"):
        LazyRowDataset(rows, np.zeros(200, int), buffer_rows=0)
    with pytest.raises(ValueError, match="one entry per row, 200, got 3"):
        LazyRowDataset(rows, np.zeros(3, int))


def test_map_rows_gives_the_order_of_the_codes(rows, X):
    batches = stream(rows)
    sizes = []

    def double(x):
        sizes.append(len(x))
        assert x.shape[1:] == (1, 6)
        return x[:, 0] / 2

    out = batches.map_rows(double, 5)
    np.testing.assert_allclose(out.numpy(), X.reshape(600, 6)[::3], rtol=1e-6)
    assert max(sizes) <= 5
    in_memory = BatchStream(out, batches.y, 32, torch.Generator().manual_seed(0))
    assert torch.equal(in_memory.map_rows(lambda x: 2 * x, 7), 2 * out)
    assert (in_memory.row_shape, in_memory.device) == ((6,), CPU)


def test_the_buffer_of_large_rows_is_bounded_in_bytes(rows, monkeypatch):
    codes = np.zeros(200, int)
    assert LazyRowDataset(rows, codes).buffer_rows == 8192
    monkeypatch.setattr(_lazy_stream, "BUFFER_BYTES", 10 * 6 * 4)
    dataset = LazyRowDataset(rows, codes)
    assert dataset.buffer_rows == 10
    assert sorted(numbers(dataset)) == list(range(0, 600, 3))
    monkeypatch.setattr(_lazy_stream, "BUFFER_BYTES", 1)
    assert LazyRowDataset(rows, codes).buffer_rows == 1
    assert LazyRowDataset(rows, codes, buffer_rows=50).buffer_rows == 50
