"""Networks trained from labelled rows that stay on disk."""

import dask.array as da
import numpy as np
import pytest
from hyperspy import signals as hs_signals

import hs_specaug
from hs_specaug._lazy_rows import LazyRows

OPTIONS = {"random_state": 0, "show_progressbar": False, "epochs": 3}


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    X = rng.normal(0, 0.1, (16, 20, 24)).astype("f4")
    X[:8, :, :12] += 1
    return X


@pytest.fixture
def labelled(data):
    s = hs_signals.LazySignal1D(da.from_array(data, chunks=(4, 5, -1)))
    s.set_signal_type("spectrum_specaug")
    s.set_labels(np.repeat([0, 1], 160).reshape(16, 20), classes=["upper", "lower"])
    return s


def test_classify_streams_what_is_too_much_for_memory(labelled, rows_stay_on_disk):
    result = labelled.classify("cnn", **OPTIONS)
    assert result.report.macro_f_score == 1.0
    np.testing.assert_array_equal(result.label_map.data, np.repeat([0, 1], 160).reshape(16, 20))


def test_lazy_rows_train_like_the_same_rows_in_memory(data):
    """Other order of the rows, so other last digits; the scaling is the same to the bit."""
    rows = LazyRows(da.from_array(data, chunks=(4, 5, -1)), 2, np.arange(320))
    y = np.repeat(["upper", "lower"], 160)
    lazy = hs_specaug.make_classifier("cnn", epochs=3, random_state=0).fit(rows, y)
    eager = hs_specaug.make_classifier("cnn", epochs=3, random_state=0).fit(
        data.reshape(320, 24), y
    )
    np.testing.assert_array_equal(lazy.scaler_.minimum_, eager.scaler_.minimum_)
    np.testing.assert_array_equal(lazy.scaler_.maximum_, eager.scaler_.maximum_)
    assert lazy.input_shape_ == eager.input_shape_ == (24,)
    assert set(lazy.history_) == set(eager.history_)
    assert {len(values) for values in lazy.history_.values()} == {3}
    np.testing.assert_array_equal(lazy.predict(rows), y)
    again = hs_specaug.make_classifier("cnn", epochs=3, random_state=0).fit(rows, y)
    np.testing.assert_array_equal(lazy.decision_function(rows), again.decision_function(rows))
    np.testing.assert_array_equal(lazy.predict_proba(rows), lazy.predict_proba(rows.load()))


def test_lazy_rows_are_checked(data):
    data[0, 3, 1] = np.nan
    rows = LazyRows(da.from_array(data, chunks=(4, 5, -1)), 2, np.arange(320))
    classifier = hs_specaug.make_classifier("cnn", epochs=1, random_state=0)
    with pytest.raises(ValueError, match="row 3 holds NaN"):
        classifier.fit(rows, np.repeat([0, 1], 160))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        classifier.fit(rows, np.zeros(3))


def test_augment_reads_nothing_twice_and_stays_lazy(labelled):
    reads = []

    def count(chunk, block_id=None):
        reads.append(block_id)
        return chunk

    labelled.data = labelled.data.map_blocks(count, dtype="f4", meta=np.empty((0, 0, 0), "f4"))
    codes = labelled.labels
    codes[5:] = -1
    codes[4, :5] = 1
    labelled.set_labels(codes, classes=labelled.classes)
    balanced = labelled.augment("random", random_state=0, show_progressbar=False)
    assert len(reads) == len(set(reads))
    assert balanced._lazy
    assert not isinstance(balanced.data, np.ndarray)
    n_real = int((codes >= 0).sum())
    synthetic = balanced.metadata.SpecAug.synthetic
    assert synthetic[:n_real].sum() == 0
    assert synthetic[n_real:].all()
    balanced.compute(show_progressbar=False)
    labelled.compute(show_progressbar=False)
    eager = labelled.augment("random", random_state=0, show_progressbar=False)
    np.testing.assert_array_equal(balanced.data, eager.data)
    np.testing.assert_array_equal(balanced.labels, eager.labels)
