"""Arrays, torch data sets and signals: there and back, without a difference."""

import hyperspy.api as hs
import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset

import hs_specaug
from hs_specaug import SignalAxis
from hs_specaug.networks import RowDataset
from hs_specaug.signals import (
    AugmentableEELSSpectrum,
    AugmentableImage,
    AugmentableSpectrum,
    ComplexImpedanceSpectrum,
)

RGB8 = np.dtype({"names": ["R", "G", "B"], "formats": ["u1"] * 3})


def labelled(cls, data, n_signal=1, **axis):
    s = cls(data)
    for key, value in axis.items():
        setattr(s.axes_manager.signal_axes[0], key, value)
    shape = data.shape[: data.ndim - n_signal]
    codes = np.arange(np.prod(shape)).reshape(shape) % 4 - 1  # −1, 0, 1, 2
    s.set_labels(codes, classes=["a", "b", "c"], groups=codes + 10)
    return s


def make(kind):
    rng = np.random.default_rng(0)
    if kind == "spectra":
        return labelled(
            AugmentableEELSSpectrum, rng.normal(size=(3, 4, 9)).astype(np.float32),
            name="Energy loss", units="eV", offset=700.0, scale=0.5,
        )  # fmt: skip
    if kind == "impedance":
        data = rng.normal(size=(8, 7)) + 1j * rng.normal(size=(8, 7))
        return labelled(ComplexImpedanceSpectrum, data, name="Frequency", units="Hz")
    if kind == "grey images":
        data = rng.integers(0, 99, (8, 5, 6)).astype(np.uint16)
        return labelled(AugmentableImage, data, 2, name="x", units="nm")
    data = rng.integers(0, 255, (8, 5, 6, 3)).astype(np.uint8).view(RGB8)[..., 0]
    return labelled(AugmentableImage, data, 2)


KINDS = {
    "spectra": (9,),
    "impedance": (2, 7),
    "grey images": (1, 5, 6),
    "colour images": (3, 5, 6),
}


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_arrays_are_the_labelled_rows(kind, lazy):
    s = make(kind)
    flat = s.data.reshape(-1, *s.axes_manager.signal_shape[::-1])[s.labels.ravel() >= 0]
    X, y, axes, groups = (s.as_lazy() if lazy else s).to_arrays(show_progressbar=False)
    assert type(X) is np.ndarray
    assert X.shape == (len(flat), *KINDS[kind])
    if kind == "impedance":
        np.testing.assert_array_equal(X[:, 0] + 1j * X[:, 1], flat)
    elif kind == "colour images":
        np.testing.assert_array_equal(X[:, 1], flat["G"])
    else:
        np.testing.assert_array_equal(X.reshape(flat.shape), flat)
    codes = s.labels[s.labels >= 0]
    assert y.tolist() == ["abc"[code] for code in codes]
    assert groups.tolist() == (codes + 10).tolist()
    for axis, ours in zip(axes, s.axes_manager.signal_axes[::-1], strict=True):
        np.testing.assert_array_equal(axis.values, ours.axis)


@pytest.mark.parametrize("kind", KINDS)
def test_there_and_back(kind):
    s = make(kind)
    X, y, _, groups = s.to_arrays()
    again = hs_specaug.from_arrays(X, y, groups=groups, like=s)
    assert type(again) is type(s)
    assert again.data.dtype == s.data.dtype
    assert again.classes == s.classes
    np.testing.assert_array_equal(again.data, s.data[s.labels >= 0])
    np.testing.assert_array_equal(again.labels, s.labels[s.labels >= 0])
    np.testing.assert_array_equal(again.groups, groups)
    for ours, theirs in zip(
        again.axes_manager.signal_axes, s.axes_manager.signal_axes, strict=True
    ):
        assert (ours.name, ours.units) == (theirs.name, theirs.units)
        np.testing.assert_allclose(ours.axis, theirs.axis)


@pytest.mark.parametrize("kind", KINDS)
def test_back_without_a_model(kind):
    """Arrays and axes alone say what the signal was, but for its type."""
    s = make(kind)
    X, y, axes, _ = s.to_arrays()
    again = hs_specaug.from_arrays(X[:, 0] if kind == "grey images" else X, y, axes=axes,
                                   signal_type=s._signal_type)  # fmt: skip
    assert type(again) is type(s)
    np.testing.assert_array_equal(again.data, s.data[s.labels >= 0])
    assert again.class_counts() == {k: n for k, n in s.class_counts().items() if n}


def test_the_arrays_are_copies():
    s = make("spectra")
    X = s.to_arrays().X
    X[:] = 0
    assert s.data.any()


def test_synthetic_rows_can_be_left_out():
    s = make("spectra").augment("random", counts={"a": 5}, random_state=0)
    assert len(s.to_arrays().X) == 14
    assert len(s.to_arrays(synthetic=False).X) == 9
    assert len(s.to_dataset()) == 14
    assert len(s.to_dataset(synthetic=False)) == 9


def test_types_follow_the_rows():
    from_arrays = hs_specaug.from_arrays
    rows = np.zeros((4, 8))
    assert type(from_arrays(rows)) is AugmentableSpectrum
    assert type(from_arrays(rows.astype(complex))) is ComplexImpedanceSpectrum
    assert type(from_arrays(np.zeros((4, 2, 8)))) is ComplexImpedanceSpectrum
    assert type(from_arrays(np.zeros((4, 1, 8, 8)))) is AugmentableImage
    s = from_arrays(np.zeros((4, 3, 8, 6), dtype=np.uint16), [0, 1, -1, 0])
    assert s.data.dtype.names == ("R", "G", "B")
    assert s.axes_manager.signal_shape == (6, 8)
    assert s.labels.tolist() == [0, 1, -1, 0]


def test_uneven_axis_keeps_its_values():
    frequency = np.logspace(-1, 5, 8)
    axis = SignalAxis("Frequency", "Hz", frequency)
    s = hs_specaug.from_arrays(np.ones((3, 8)), ["a", "b", ""], axes=axis, signal_type="impedance")
    np.testing.assert_array_equal(s.axes_manager[-1].axis, frequency)
    assert s.axes_manager[-1].units == "Hz"
    assert s.labels.tolist() == [0, 1, -1]


@pytest.mark.parametrize(
    ("X", "options", "message"),
    [
        (np.zeros((2, 3, 4)), {}, r"X must have shape .* got \(2, 3, 4\)"),
        (np.zeros((2, 3, 4, 4)), {}, r"uint8 or uint16.*float64"),
        (np.zeros(5), {}, "X must have shape"),
        (np.zeros((2, 5)), {"axes": np.arange(4)}, r"axes have \(4,\) channels.*\(5,\)"),
        (np.zeros((2, 3)), {"axes": [0, 2, 1]}, "rise or fall"),
        (np.zeros((2, 5)), {"y": ["a"]}, r"y must have one entry for each row of X, 2, got 1"),
        (np.zeros((2, 5)), {"groups": [1, 2, 3]}, "groups must have one entry"),
        (np.zeros((2, 5)), {"signal_type": "EELS"}, "takes no labels"),
    ],
)
def test_errors_of_from_arrays(X, options, message):
    with pytest.raises(ValueError, match=message):
        hs_specaug.from_arrays(X, **options)


def test_errors_of_like():
    s = make("spectra")
    with pytest.raises(ValueError, match=r"\(5,\), those of like \(9,\)"):
        hs_specaug.from_arrays(np.zeros((2, 5)), like=s)
    with pytest.raises(ValueError, match="leave them out"):
        hs_specaug.from_arrays(np.zeros((2, 9)), axes=np.arange(9), like=s)
    with pytest.raises(TypeError, match="numbers"):
        hs_specaug.from_arrays(np.array([["a", "b"]]))


# --- torch ---------------------------------------------------------------------------------


def all_rows(loader):
    parts = list(loader)
    return torch.cat([X for X, _ in parts]).numpy(), torch.cat([c for _, c in parts]).numpy()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lazy", [False, True])
def test_dataset(kind, lazy):
    s = make(kind)
    X = s.to_arrays().X
    dataset = (s.as_lazy() if lazy else s).to_dataset()
    assert isinstance(dataset, Dataset)
    assert len(dataset) == len(X)
    assert dataset.classes == ("a", "b", "c")
    row, code = dataset[-1]
    np.testing.assert_array_equal(row, X[-1].astype(np.float32))
    assert code == s.labels[s.labels >= 0][-1]
    rows, codes = all_rows(DataLoader(dataset, batch_size=4))
    np.testing.assert_array_equal(rows, X.astype(np.float32))
    np.testing.assert_array_equal(codes, s.labels[s.labels >= 0])
    with pytest.raises(IndexError):
        dataset[len(dataset)]


@pytest.fixture(params=["hspy", "zspy"])
def stored(request, tmp_path):
    """Give a map of 20 × 20 spectra in chunks of 5 × 5 on disk, and the same in memory."""
    if request.param == "zspy":
        pytest.importorskip("zarr")
    data = np.arange(20 * 20 * 8, dtype=np.float32).reshape(20, 20, 8)
    s = labelled(AugmentableSpectrum, data)
    path = tmp_path / f"map.{request.param}"
    s.save(path, chunks=(5, 5, 8))
    return hs.load(path, lazy=True), s


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("stream", [False, True])
def test_loader_reads_lazy_signals(stored, stream, workers):
    lazy, s = stored
    lazy.data.sum().compute()  # Dask's threads are alive now; those of a fork are not
    dataset = lazy.to_dataset(stream=stream)
    assert isinstance(dataset, IterableDataset) == stream
    # A worker that waits for ever would be an error after a minute.
    waiting = {"timeout": 60} if workers else {}
    rows, codes = all_rows(DataLoader(dataset, batch_size=16, num_workers=workers, **waiting))
    X, y, _, _ = s.to_arrays()
    order, expected = np.argsort(rows[:, 0]), np.argsort(X[:, 0])
    assert rows.dtype == np.float32
    np.testing.assert_array_equal(rows[order], X[expected])
    np.testing.assert_array_equal(np.array(s.classes)[codes[order]], y[expected])


def test_batch_reads_each_chunk_once():
    """A random batch over four chunks computes four, not one for each row."""
    import dask.array as da

    computed = []

    def count(block, block_info=None):
        computed.append(block_info[0]["chunk-location"])
        return block

    data = np.arange(10 * 10 * 6, dtype=np.float32).reshape(10, 10, 6)
    s = labelled(AugmentableSpectrum, data).as_lazy()
    s.data = da.from_array(data, chunks=(5, 5, 6)).map_blocks(count, dtype=np.float32, meta=data)
    dataset = s.to_dataset()
    rows = dataset.__getitems__(np.random.default_rng(0).permutation(len(dataset))[:30].tolist())
    assert len(rows) == 30
    assert len(computed) == len(set(computed)) == 4


def test_file_that_cannot_travel_says_what_helps(tmp_path):
    """Where workers are new processes, the rows have to be pickled; HDF5 cannot."""
    import pickle

    s = make("spectra")
    s.save(tmp_path / "map.hspy")
    dataset = hs.load(tmp_path / "map.hspy", lazy=True).to_dataset()
    with pytest.raises(TypeError, match=r"\.zspy.*num_workers=0"):
        pickle.dumps(dataset)
    again = pickle.loads(pickle.dumps(s.to_dataset()))
    assert torch.equal(again[0][0], s.to_dataset()[0][0])
    lazily = pickle.loads(pickle.dumps(s.as_lazy().to_dataset()))
    assert torch.equal(lazily[0][0], s.to_dataset()[0][0])


def test_stream_is_reproducible_and_new_each_epoch():
    s = labelled(AugmentableSpectrum, np.arange(400.0).reshape(10, 10, 4)).as_lazy()
    first, second = (s.to_dataset(stream=True, random_state=3) for _ in range(2))
    assert [c for _, c in first] == [c for _, c in second]
    rows = [row[0] for row, _ in first]
    first.set_epoch(1)
    assert [row[0] for row, _ in first] != rows


def test_a_network_learns_from_the_loader():
    """A training loop of one's own, as in the guide."""
    rng = np.random.default_rng(0)
    y = np.array(["core"] * 40 + ["shell"] * 20)
    X = rng.normal(size=(60, 12)) + 4 * (y == "shell")[:, np.newaxis]
    s = hs_specaug.from_arrays(X, y)
    generator = torch.Generator().manual_seed(0)
    loader = DataLoader(s.to_dataset(), batch_size=20, shuffle=True, generator=generator)
    model = torch.nn.Linear(12, 2)
    torch.nn.init.zeros_(model.weight)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.05)
    for _ in range(20):
        for spectra, codes in loader:
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(model(spectra), codes).backward()
            optimiser.step()
    rows, codes = all_rows(loader)
    assert (model(torch.tensor(rows)).argmax(1).numpy() == codes).mean() > 0.95


def test_errors_of_datasets():
    s = make("spectra")
    with pytest.raises(ValueError, match=r"s\.as_lazy"):
        s.to_dataset(stream=True)
    with pytest.raises(ValueError, match="stream=True"):
        s.to_dataset(buffer_rows=5)
    with pytest.raises(ValueError, match="no spectrum of this signal is labelled"):
        AugmentableSpectrum(np.zeros((3, 4))).to_dataset()
    with pytest.raises(ValueError, match="one entry per row"):
        RowDataset(np.zeros((3, 4)), [0, 1])
