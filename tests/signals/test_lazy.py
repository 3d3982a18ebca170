"""Lazy signals: what is computed, when, how often, and how much of it is in memory at a time."""

import collections
import threading
import warnings
import weakref

import dask
import dask.array as da
import numpy as np
import pytest
from hyperspy import signals as hs_signals
from sklearn.linear_model import LogisticRegression

from hs_specaug import ClassificationResult
from hs_specaug._lazy_rows import LazyRows
from hs_specaug.exceptions import SpecAugWarning
from hs_specaug.signals import _prediction

pytestmark = pytest.mark.filterwarnings(
    "ignore::hs_specaug.exceptions.FewSamplesWarning", "ignore::FutureWarning:rsciio"
)

SIDE, CHUNK, LENGTH = 48, 8, 32
CHUNK_BYTES = CHUNK * CHUNK * LENGTH * 4
QUIET = {"random_state": 0, "show_progressbar": False}


class Source:
    """Simulates chunks on demand; counts them, and how many bytes of them are alive."""

    def __init__(self):
        self.lock = threading.Lock()
        self.computed = collections.Counter()
        self.alive = self.peak = 0

    def __call__(self, bright, block_id=None):
        energy = np.linspace(0, 1, LENGTH, dtype="f4")
        centre = np.where(bright, 0.7, 0.3)[..., None]
        noise = np.random.default_rng(block_id[:2]).normal(0, 0.05, (*bright.shape, LENGTH))
        out = (np.exp(-((energy - centre) ** 2) / 0.01) + noise).astype("f4")
        with self.lock:
            self.computed[block_id[:2]] += 1
            self.alive += out.nbytes
            self.peak = max(self.peak, self.alive)
        weakref.finalize(out, self.gone, out.nbytes)
        return out

    def gone(self, size):
        with self.lock:
            self.alive -= size

    def __dask_tokenize__(self):
        return id(self)

    def forget(self):
        self.computed.clear()
        self.peak = self.alive


def truth():
    return ((np.indices((SIDE, SIDE)) - 20) ** 2).sum(axis=0) < 150


@pytest.fixture
def source():
    return Source()


@pytest.fixture
def labelled(source):
    """A map of 6 × 6 chunks, with labels in three of them."""
    bright = truth()
    data = da.map_blocks(
        source,
        da.from_array(bright, chunks=CHUNK),
        chunks=(*[(CHUNK,) * (SIDE // CHUNK)] * 2, (LENGTH,)),
        new_axis=2,
        dtype="f4",
        meta=np.empty((0, 0, 0), "f4"),
    )
    s = hs_signals.LazySignal1D(data)
    s.set_signal_type("spectrum_specaug")
    codes = np.full((SIDE, SIDE), -1)
    for i, j in ((0, 0), (16, 16), (16, 24)):
        block = (slice(i, i + CHUNK, 2), slice(j, j + CHUNK, 2))
        codes[block] = bright[block]
    s.set_labels(codes, classes=["matrix", "particle"])
    return s


@pytest.fixture
def two_threads():
    with dask.config.set(scheduler="threads", num_workers=2):
        yield


LABELLED_CHUNKS = {(0, 0), (2, 2), (2, 3)}


# -------------------------------------------------------------------- what is read, and how often


def test_preprocess_computes_nothing(labelled, source):
    out = labelled.preprocess(
        background="offset", fit_range=(28, 31), crop=(2, 30), resample=14, normalize="max"
    )
    assert not source.computed
    assert out._lazy
    assert out.data.chunks[:2] == labelled.data.chunks[:2]


def test_a_computed_preprocessing_reads_each_chunk_once(labelled, source, two_threads):
    labelled.preprocess(crop=(2, 30), normalize="max").data.sum().compute()
    assert set(source.computed.values()) == {1}
    # Two threads work on a chunk each, and each may hold the next one it was handed.
    assert source.peak <= 4 * CHUNK_BYTES


def test_fit_of_the_denoiser_holds_its_rows_and_a_chunk_per_thread(labelled, source, two_threads):
    from hs_specaug.preprocessing import PCADenoiser

    denoiser = PCADenoiser(2, max_fit_rows=300)
    labelled.preprocess(denoise=denoiser, **QUIET)
    assert set(source.computed.values()) == {1}
    assert source.peak <= 4 * CHUNK_BYTES


@pytest.mark.parametrize("call", ["train_generator", "augment", "classify", "perturb"])
def test_training_computes_labelled_chunks_only(labelled, source, two_threads, call):
    if call == "classify":
        labelled.classify(LogisticRegression(), **QUIET)
    elif call == "perturb":
        labelled.perturb("borrowed-variation", random_state=0)
    else:
        getattr(labelled, call)("smote", **QUIET)
    assert set(source.computed) == LABELLED_CHUNKS
    assert source.peak <= 4 * CHUNK_BYTES


# ------------------------------------------------------------------------------- lazy results


def test_map_is_lazy_until_computed_and_then_the_same(labelled, source, two_threads):
    result = labelled.classify(LogisticRegression(), **QUIET)
    assert result.label_map._lazy
    assert result.probability._lazy
    assert "2304 positions, not computed" in repr(result)
    assert set(source.computed) == LABELLED_CHUNKS
    source.forget()
    result.compute(show_progressbar=False)
    assert len(source.computed) == 36
    assert set(source.computed.values()) == {1}
    assert source.peak <= 4 * CHUNK_BYTES
    assert not result.label_map._lazy
    assert not result.probability._lazy
    np.testing.assert_array_equal(result.label_map.data, truth().astype(int))
    assert "2304 positions: matrix" in repr(result)
    labelled.compute(show_progressbar=False)
    eager = labelled.classify(LogisticRegression(), **QUIET)
    np.testing.assert_array_equal(eager.probability.data, result.probability.data)
    np.testing.assert_array_equal(eager.label_map.data, result.label_map.data)
    assert eager.label_map.data.dtype == result.label_map.data.dtype
    assert type(eager.label_map) is type(result.label_map)
    assert repr(eager) == repr(result)


def test_plot_computes_the_map_once(labelled, source, no_progressbar):
    result = labelled.classify(LogisticRegression(), **QUIET)
    source.forget()
    result.plot_map()
    assert set(source.computed.values()) == {1}
    assert len(source.computed) == 36
    source.forget()
    result.plot_map()
    repr(result)
    assert not source.computed
    np.testing.assert_array_equal(result.label_map.data, truth().astype(int))
    assert result.probability._lazy


def test_progress_counts_chunks(labelled, capsys):
    result = labelled.classify(LogisticRegression(), **QUIET)
    result.compute(show_progressbar=True)
    shown = capsys.readouterr().err
    assert "label map" in shown
    assert "36/36" in shown
    again = labelled.classify(LogisticRegression(), **QUIET)
    again.compute(show_progressbar=False)
    assert capsys.readouterr().err == ""


def test_chunks_along_the_signal_axis_are_joined_and_others_kept(labelled, two_threads):
    expected = labelled.classify(LogisticRegression(), **QUIET)
    labelled.data = labelled.data.rechunk((CHUNK, SIDE, 5))
    result = labelled.classify(LogisticRegression(), **QUIET)
    assert result.probability.data.chunks[:2] == ((CHUNK,) * 6, (SIDE,))
    assert result.label_map.data.chunks == ((CHUNK,) * 6, (SIDE,))
    np.testing.assert_array_equal(result.probability.data, expected.probability.data)


@pytest.mark.parametrize("shape", [(SIDE * SIDE,), (SIDE, 6, 8)])
def test_other_navigation_dimensions(labelled, shape):
    flat, codes = np.asarray(labelled.data).reshape(*shape, LENGTH), labelled.labels.reshape(shape)
    s = hs_signals.LazySignal1D(da.from_array(flat, chunks=(40, *shape[1:], LENGTH)))
    s.set_signal_type("spectrum_specaug")
    s.set_labels(codes, classes=["matrix", "particle"])
    result = s.classify(LogisticRegression(), **QUIET)
    assert result.label_map._lazy
    np.testing.assert_array_equal(np.asarray(result.label_map.data), truth().reshape(shape))


def test_positions_that_are_not_finite_are_undecided(labelled):
    labelled.data[1, 1, 3] = np.nan
    result = labelled.classify(LogisticRegression(), **QUIET)
    codes = np.asarray(result.label_map.data)
    assert codes[1, 1] == -1
    assert (codes == -1).sum() == 1


# ------------------------------------------------------------------------------------- files


@pytest.mark.parametrize("suffix", [".hspy", ".zspy"])
def test_results_stream_to_disk_and_back(labelled, source, two_threads, tmp_path, suffix):
    if suffix == ".zspy":
        pytest.importorskip("zarr")
    result = labelled.classify(LogisticRegression(), **QUIET)
    source.forget()
    path = result.save(tmp_path / f"map{suffix}", show_progressbar=False)
    assert set(source.computed.values()) == {1}
    assert len(source.computed) == 36
    assert source.peak <= 4 * CHUNK_BYTES
    assert result.probability._lazy
    assert [p.name for p in tmp_path.iterdir()] == [f"map{suffix}"]
    source.forget()
    lazy = ClassificationResult.load(path, lazy=True)
    assert lazy.label_map._lazy
    loaded = ClassificationResult.load(path)
    np.testing.assert_array_equal(loaded.label_map.data, truth().astype(int))
    np.testing.assert_array_equal(np.asarray(lazy.label_map.data), loaded.label_map.data)
    lazy.compute(show_progressbar=True)
    assert repr(lazy) == repr(loaded)
    assert not source.computed
    # A second save replaces the first, from the very file that it replaces.
    ClassificationResult.load(path, lazy=True).save(path, show_progressbar=False)
    assert repr(ClassificationResult.load(path)) == repr(loaded)
    assert [p.name for p in tmp_path.iterdir()] == [f"map{suffix}"]


@pytest.mark.parametrize("suffix", [".hspy", ".zspy"])
def test_the_label_map_alone_streams_to_disk(labelled, source, two_threads, tmp_path, suffix):
    import hyperspy.api as hs

    if suffix == ".zspy":
        pytest.importorskip("zarr")
    result = labelled.classify(LogisticRegression(), **QUIET)
    source.forget()
    result.label_map.save(str(tmp_path / f"codes{suffix}"), show_progressbar=False)
    assert set(source.computed.values()) == {1}
    assert source.peak <= 4 * CHUNK_BYTES
    stored = hs.load(str(tmp_path / f"codes{suffix}"))
    np.testing.assert_array_equal(stored.data, truth().astype(int))


@pytest.mark.parametrize("suffix", [".hspy", ".zspy"])
def test_training_from_files(labelled, tmp_path, suffix):
    import hyperspy.api as hs

    if suffix == ".zspy":
        pytest.importorskip("zarr")
    labelled.save(str(tmp_path / f"data{suffix}"), show_progressbar=False)
    s = hs.load(str(tmp_path / f"data{suffix}"), lazy=True)
    result = s.classify(LogisticRegression(), **QUIET)
    np.testing.assert_array_equal(np.asarray(result.label_map.data), truth().astype(int))


def test_training_from_a_lazy_reader_of_hyperspy(real_data):
    import hyperspy.api as hs

    path = real_data("eels_iron_oxide_nanocube.dm3")
    probabilities = []
    for lazy in (False, True):
        s = hs.load(str(path), lazy=lazy, signal_type="EELS_specaug")
        size = s.axes_manager.navigation_size
        codes = np.full(size, -1)
        codes[::7] = np.arange(size)[::7] > size // 2
        shape = s.axes_manager.navigation_shape[::-1]
        s.set_labels(codes.reshape(shape), classes=["top", "bottom"])
        s = s.preprocess(crop=(690, 730), normalize="max")
        result = s.classify("GaussianNB", **QUIET)
        assert result.label_map._lazy == lazy
        probabilities.append(np.asarray(result.probability.data))
    np.testing.assert_array_equal(*probabilities)


def test_a_failed_save_leaves_the_old_file(labelled, tmp_path):
    pytest.importorskip("zarr")
    result = labelled.classify(LogisticRegression(), **QUIET)
    path = result.save(tmp_path / "map.zspy", show_progressbar=False)
    before = repr(ClassificationResult.load(path))
    labelled.data = labelled.data.map_blocks(fail, dtype="f4", meta=np.empty((0, 0, 0), "f4"))
    broken = ClassificationResult(
        report=result.report,
        label_map=result.label_map,
        probability=_maps_of(labelled, result),
        classes=result.classes,
        classifier="LogisticRegression",
        augmentation="none",
    )
    with pytest.raises(RuntimeError, match="beam lost"):
        broken.save(path, show_progressbar=False)
    assert repr(ClassificationResult.load(path)) == before
    assert [p.name for p in tmp_path.iterdir()] == ["map.zspy"]


def fail(chunk):
    raise RuntimeError("beam lost")


def _maps_of(signal, result):
    from hs_specaug.signals import _maps

    lazy = _prediction.class_probabilities(signal, result.model, result.classes, False)
    return _maps.probability_signal(signal, lazy)


def test_files_that_cannot_be(labelled, tmp_path):
    result = labelled.classify(LogisticRegression(), **QUIET)
    with pytest.raises(ValueError, match=r"must end in '\.hspy' or '\.zspy'"):
        result.save(tmp_path / "map.tif")
    pytest.importorskip("zarr")
    (tmp_path / "mine.zspy").mkdir()
    with pytest.raises(FileExistsError, match=r"is no \.zspy file"):
        result.save(tmp_path / "mine.zspy")
    with pytest.raises(FileNotFoundError, match="does not exist"):
        result.save(tmp_path / "nowhere" / "map.zspy")


# ------------------------------------------------------------------------------------ chunks


@pytest.mark.parametrize("call", ["preprocess", "classify"])
def test_tiny_chunks_are_pointed_at(labelled, call):
    s = labelled
    s.data = da.zeros((SIDE, SIDE, LENGTH), chunks=(2, 2, LENGTH))
    s.data = da.where(da.from_array(s.labels[..., None] == 1, chunks=(2, 2, 1)), 1.0, s.data)
    work = {
        "preprocess": lambda: s.preprocess(normalize="max"),
        "classify": lambda: s.classify(LogisticRegression(), **QUIET),
    }
    with pytest.warns(SpecAugWarning, match=r"576 tiny chunks .* s\.rechunk\(") as caught:
        work[call]()
    remedy = str(caught[0].message).partition("with s")[2]
    eval("s" + remedy, {"s": s})
    assert len(s.data.chunks[0]) < 24
    with warnings.catch_warnings():
        warnings.simplefilter("error", SpecAugWarning)
        s.preprocess(normalize="max")


def test_huge_joined_chunks_are_pointed_at():
    # A stack of images, one channel per chunk: joined along the channels it is the whole data set.
    s = hs_signals.LazySignal1D(da.zeros((1024, 1024, 512), chunks=(1024, 1024, 1), dtype="f4"))
    s.set_signal_type("spectrum_specaug")
    with pytest.warns(SpecAugWarning, match=r"2\.0 GiB.*s\.rechunk\("):
        s.preprocess(normalize="max")


# --------------------------------------------------------------------------------- lazy rows


@pytest.mark.parametrize("chunks", [(8, 8, -1), (10, 7, 5)])
def test_lazy_rows_are_the_rows_of_the_array(chunks):
    rng = np.random.default_rng(0)
    X = rng.random((20, 30, 16))
    positions = rng.integers(0, 600, 50)
    rows = LazyRows(da.from_array(X, chunks=chunks), 2, positions)
    expected = X.reshape(600, 16)[positions]
    np.testing.assert_array_equal(np.asarray(rows), expected)
    np.testing.assert_array_equal(rows.map_parts(lambda part: part), expected)
    np.testing.assert_array_equal(np.asarray(rows[10:20]), expected[10:20])
    np.testing.assert_array_equal(np.asarray(rows[[3, 1]]), expected[[3, 1]])
    assert rows.shape == (50, 16)
    assert rows.nbytes == expected.nbytes
    np.testing.assert_array_equal(rows.converted(np.negative).load(), -expected)


def test_lazy_rows_of_images_split_in_both_directions():
    X = np.random.default_rng(0).random((9, 10, 12))
    rows = LazyRows(da.from_array(X, chunks=(4, 3, 5)), 1, np.array([8, 0, 3]))
    np.testing.assert_array_equal(rows.map_parts(lambda part: part), X[[8, 0, 3]])


def test_reading_ahead_is_bounded(labelled, source):
    rows = LazyRows(labelled.data, 2, np.arange(SIDE * SIDE))
    reading = rows.read(rows.parts(), prefetch=3)
    next(reading)
    assert len(source.computed) <= 4
    reading.close()
    assert len(source.computed) <= 4
