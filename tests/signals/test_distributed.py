"""A cluster of separate processes: what travels, what is shown, and what a lost worker costs."""

import collections
import os
import signal
import sys
import threading
import time

import dask.array as da
import numpy as np
import pytest
from hyperspy import signals as hs_signals
from sklearn.base import BaseEstimator, ClassifierMixin

from hs_specaug import ClassificationResult
from hs_specaug._lazy_rows import LazyRows

distributed = pytest.importorskip("distributed")
cloudpickle = pytest.importorskip("cloudpickle")

pytestmark = [
    pytest.mark.filterwarnings("ignore::FutureWarning:rsciio"),
    pytest.mark.filterwarnings("ignore::hs_specaug.exceptions.FewSamplesWarning"),
]

CHUNKS = 36


class Noting(ClassifierMixin, BaseEstimator):
    """Nearest mean; writes a line for each batch, each pickling and each restoring."""

    def __init__(self, log, seconds=0.0):
        self.log, self.seconds = log, seconds

    def _note(self, what):
        with open(self.log, "a") as log:
            log.write(f"{what} {os.getpid()}\n")

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.means_ = np.stack([X[y == name].mean(axis=0) for name in self.classes_])
        return self

    def predict_proba(self, X):
        time.sleep(self.seconds)
        weights = np.exp(-((X[:, None] - self.means_) ** 2).sum(axis=-1))
        self._note("predicted")
        return weights / weights.sum(axis=1, keepdims=True)

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def __getstate__(self):
        self._note("pickled")
        return super().__getstate__()

    def __setstate__(self, state):
        super().__setstate__(state)
        self._note("restored")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags


# Workers cannot import a test module.
cloudpickle.register_pickle_by_value(sys.modules[__name__])


@pytest.fixture(scope="module")
def client():
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        yield client


def import_what_tasks_need():
    import hs_specaug.signals  # noqa: F401


@pytest.fixture
def on_cluster(client):
    client.wait_for_workers(2, timeout=120)
    # Else the first worker to be ready does all the work of a small map.
    client.run(import_what_tasks_need)
    with client.as_current():
        yield client


@pytest.fixture
def labelled():
    rng = np.random.default_rng(0)
    data = rng.normal(0, 0.1, (24, 24, 16)).astype("f4")
    data[6:12] += 1
    s = hs_signals.LazySignal1D(da.from_array(data, chunks=(4, 4, -1)))
    s.set_signal_type("spectrum_specaug")
    codes = np.full((24, 24), -1)
    codes[::3, ::3] = 0
    codes[6:12:3, ::3] = 1
    s.set_labels(codes, classes=["matrix", "particle"])
    return s


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "log.txt"
    path.touch()
    return path


def notes(log):
    return collections.Counter(log.read_text().splitlines())


def expected_codes():
    codes = np.zeros((24, 24), int)
    codes[6:12] = 1
    return codes


def test_the_model_travels_once_per_worker_and_progress_shows(labelled, on_cluster, log, capsys):
    result = labelled.classify(Noting(str(log)), random_state=0, show_progressbar=False)
    log.write_text("")
    capsys.readouterr()
    result.compute(show_progressbar=True)
    assert f"{CHUNKS}/{CHUNKS}" in capsys.readouterr().err
    np.testing.assert_array_equal(result.label_map.data, expected_codes())
    seen = notes(log)
    here, there = os.getpid(), list(on_cluster.run(os.getpid).values())
    assert sum(n for what, n in seen.items() if what.startswith("predicted")) == CHUNKS
    assert seen[f"predicted {here}"] == 0
    assert seen[f"pickled {here}"] == 1
    for worker in there:
        assert seen[f"restored {worker}"] == (seen[f"predicted {worker}"] > 0)
        assert seen[f"pickled {worker}"] == 0


def test_a_second_pass_brings_no_model(labelled, on_cluster, log, tmp_path):
    pytest.importorskip("zarr")
    result = labelled.classify(Noting(str(log)), random_state=0, show_progressbar=False)
    log.write_text("")
    result.label_map.save(str(tmp_path / "codes.zspy"), show_progressbar=False)
    result.save(tmp_path / "map.zspy", show_progressbar=False)
    seen = notes(log)
    assert sum(n for what, n in seen.items() if what.startswith("predicted")) == 2 * CHUNKS
    assert sum(n for what, n in seen.items() if what.startswith("pickled")) == 1
    for worker in on_cluster.run(os.getpid).values():
        assert seen[f"restored {worker}"] <= 1


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_killed_worker_costs_its_chunks_only(labelled, on_cluster, log, tmp_path, capsys):
    pytest.importorskip("zarr")
    result = labelled.classify(Noting(str(log), 0.08), random_state=0, show_progressbar=False)
    log.write_text("")
    victim = next(iter(on_cluster.run(os.getpid).values()))
    done_by_victim = []

    def kill_after_some():
        while notes(log)[f"predicted {victim}"] < 4:
            time.sleep(0.01)
        os.kill(victim, signal.SIGKILL)
        done_by_victim.append(notes(log)[f"predicted {victim}"])

    killer = threading.Thread(target=kill_after_some, daemon=True)
    killer.start()
    path = result.save(tmp_path / "map.zspy", show_progressbar=True)
    killer.join(timeout=10)
    assert done_by_victim, "the run ended before the worker could be killed"
    loaded = ClassificationResult.load(path)
    np.testing.assert_array_equal(loaded.label_map.data, expected_codes())
    computed = sum(n for what, n in notes(log).items() if what.startswith("predicted"))
    assert CHUNKS <= computed <= CHUNKS + done_by_victim[0] + 1
    assert f"{CHUNKS}/{CHUNKS}" in capsys.readouterr().err


def test_a_network_gives_the_same_bits_as_at_home(labelled, client):
    options = {"random_state": 0, "show_progressbar": False, "max_updates": 5}
    result = labelled.classify("cnn", **options)
    at_home = result.probability.data.compute(scheduler="synchronous")
    with client.as_current():
        np.testing.assert_array_equal(result.probability.data.compute(), at_home)


def test_labelled_rows_are_read_by_the_workers(labelled, on_cluster, capfd):
    generator = labelled.train_generator("smote", random_state=0)
    assert generator.class_counts_.tolist() == [48, 16]
    denoised = labelled.preprocess(denoise=2, show_progressbar=True)
    assert "100%" in capfd.readouterr().out
    assert denoised._lazy


@pytest.mark.parametrize("suffix", [".hspy", ".zspy"])
def test_workers_read_files(labelled, on_cluster, log, tmp_path, suffix):
    import hyperspy.api as hs

    if suffix == ".zspy":
        pytest.importorskip("zarr")
    path = str(tmp_path / f"data{suffix}")
    labelled.compute(show_progressbar=False)
    labelled.save(path)
    s = hs.load(path, lazy=True)
    result = s.classify(Noting(str(log)), random_state=0, show_progressbar=False)
    log.write_text("")
    result.compute(show_progressbar=False)
    np.testing.assert_array_equal(result.label_map.data, expected_codes())
    assert notes(log)[f"predicted {os.getpid()}"] == 0


def test_training_rows_are_read_by_the_workers_part_by_part(on_cluster):
    def where(chunk):
        return np.full(chunk.shape, os.getpid())

    data = da.zeros((24, 24, 16), chunks=(4, 4, -1), dtype=int).map_blocks(where, dtype=int)
    rows = LazyRows(data, 2, np.arange(0, 576, 5))
    places = {int(values[0, 0]) for _, values in rows.read(rows.parts())}
    assert places <= set(on_cluster.run(os.getpid).values())
    assert places


def test_hdf5_cannot_be_written_by_many_processes(labelled, on_cluster, log, tmp_path):
    result = labelled.classify(Noting(str(log)), random_state=0, show_progressbar=False)
    with pytest.raises(ValueError, match=r"result\.save\('map\.zspy'\)"):
        result.save(tmp_path / "map.hspy")
    result.compute(show_progressbar=False)
    loaded = ClassificationResult.load(result.save(tmp_path / "map.hspy"))
    np.testing.assert_array_equal(loaded.label_map.data, expected_codes())
