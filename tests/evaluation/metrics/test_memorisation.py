"""Memorised rows: by hand, against SciPy, and on generators that copy and that do not."""

import json

import matplotlib.colors
import numpy as np
import pytest
from scipy.spatial.distance import cdist

from hs_specaug import SignalAxis
from hs_specaug.evaluation import MemorisationReport, memorisation
from hs_specaug.exceptions import TooFewRowsError


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def copying(rng):
    """A report of 60 synthetic rows, of which row 7 is training row 42 and row 9 nearly row 3."""
    training, held_out, synthetic = rng.normal(size=(3, 60, 8))
    synthetic[7], synthetic[9] = training[42], training[3] + 1e-3
    return memorisation(synthetic, training, held_out, random_state=0), synthetic, training


def test_distances_and_authenticity_are_scipys(rng):
    training, held_out, synthetic = (rng.normal(size=(n, 6)) for n in (50, 30, 40))
    report = memorisation(synthetic, training, held_out, random_state=0)
    D, baseline, gaps = (cdist(x, training) for x in (synthetic, held_out, training))
    np.fill_diagonal(gaps, np.inf)
    gaps = gaps.min(axis=1)
    np.testing.assert_allclose(report.distances, D.min(axis=1))
    np.testing.assert_allclose(report.baseline_distances, baseline.min(axis=1))
    for value, distances in (
        (report.authenticity, D),
        (report.baseline_authenticity, baseline),
    ):
        assert value == np.mean(distances.min(axis=1) > gaps[distances.argmin(axis=1)])
        assert 0 < value < 1
    # Of 30 held-out rows the nearest is the 1 % quantile; a new one is nearer in 1 of 31 cases.
    assert report.threshold == pytest.approx(baseline.min())
    assert report.chance == 1 / 31
    flagged = np.flatnonzero(D.min(axis=1) < baseline.min())
    assert sorted(report.flagged) == flagged.tolist()


def test_ratio_of_equal_sets_is_scipys(rng):
    training, held_out, synthetic = rng.normal(size=(3, 40, 4))
    report = memorisation(synthetic, training, held_out, random_state=0)
    expected = np.median(
        cdist(synthetic, training).min(axis=1) / cdist(synthetic, held_out).min(axis=1)
    )
    assert report.ratio == pytest.approx(expected)
    other = memorisation(synthetic, training, held_out, random_state=1)
    assert other.ratio == report.ratio  # all rows are drawn, in another order


def test_ratio_is_not_biased_by_the_number_of_rows(rng):
    ratios, baselines = [], []
    for seed in range(30):
        training, held_out, synthetic = (rng.normal(size=(n, 4)) for n in (200, 20, 50))
        report = memorisation(synthetic, training, held_out, random_state=seed)
        ratios.append(report.ratio)
        baselines.append(report.baseline_ratio)
    # Against all 200 training rows it would be about (20 / 200)^(1/4) = 0.56.
    assert np.mean(ratios) == pytest.approx(1.0, abs=0.06)
    assert np.mean(baselines) == pytest.approx(1.0, abs=0.06)


def test_an_honest_generator_is_flagged_as_often_as_chance_says(rng):
    flagged, expected = 0, 0.0
    for seed in range(20):
        training, held_out, synthetic = rng.normal(size=(3, 80, 3))
        report = memorisation(synthetic, training, held_out, quantile=0.05, random_state=seed)
        flagged += len(report.flagged)
        expected += 80 * report.chance
    assert expected == pytest.approx(20 * 80 * 4 / 81)  # the fourth of 80 held-out rows
    assert flagged == pytest.approx(expected, rel=0.35)


def test_a_generator_that_copies(rng):
    training, held_out = rng.normal(size=(2, 60, 10))
    synthetic = training[rng.integers(0, 60, 90)] + 0.01 * rng.normal(size=(90, 10))
    report = memorisation(synthetic, training, held_out, random_state=0)
    assert report.ratio < 0.05
    assert report.authenticity == 0.0
    assert report.baseline_authenticity > 0.3
    assert len(report.flagged) == 90
    assert not report.copies.any()


def test_flagged_rows_and_their_training_rows(copying):
    report, synthetic, training = copying
    assert report.flagged[:2].tolist() == [7, 9]
    assert report.nearest[:2].tolist() == [42, 3]
    assert report.copies[:2].tolist() == [True, False]
    assert (np.diff(report.distances[report.flagged]) >= 0).all()
    np.testing.assert_array_equal(report.flagged_rows, synthetic[report.flagged])
    np.testing.assert_array_equal(report.nearest_rows, training[report.nearest])
    assert "flagged as too near to a training row 2 of 60 [1.6%, 1.0 rows, by chance]" in repr(
        report
    )
    assert "1 of them are copies" in repr(report)


def test_copies_are_flagged_where_held_out_rows_are_copies_as_well(rng):
    training = 1e3 + rng.normal(size=(30, 50))
    held_out = training[:10].copy()  # a leak between the sets: the threshold is 0
    synthetic = np.float32(training[20:22])  # rounded on the way
    report = memorisation(synthetic, training, held_out, random_state=0)
    assert report.threshold == 0.0
    assert report.flagged.size == 2
    assert sorted(report.nearest) == [20, 21]
    assert report.copies.all()


def test_rows_equal_to_both_sets_are_nearer_to_neither(rng):
    rows = rng.normal(size=(20, 3))
    report = memorisation(rows, rows, rows, random_state=0)
    assert report.ratio == 1.0
    unlike = memorisation(rows, rows + 10.0, rows, random_state=0)
    assert unlike.ratio == np.inf
    assert MemorisationReport.from_dict(json.loads(json.dumps(unlike.to_dict()))).ratio == np.inf


def test_distances_in_an_embedding(rng):
    training, held_out, synthetic = rng.normal(size=(3, 20, 2, 5))
    synthetic[3, 0] = training[11, 0]
    report = memorisation(
        synthetic, training, held_out, embedding=lambda X: X[:, 0], random_state=0
    )
    assert (report.flagged[0], report.nearest[0]) == (3, 11)
    np.testing.assert_array_equal(report.flagged_rows[0], synthetic[3])
    assert report.flagged_rows.shape[1:] == (2, 5)


def test_json_and_back(copying):
    report, *_ = copying
    text = json.dumps(report.to_dict(), allow_nan=False)
    again = MemorisationReport.from_dict(json.loads(text))
    assert repr(again) == repr(report)
    assert again.to_dict() == report.to_dict()
    for name in ("flagged", "nearest", "copies", "flagged_rows", "nearest_rows", "distances"):
        before, after = getattr(report, name), getattr(again, name)
        np.testing.assert_array_equal(after, before)
        assert after.dtype.kind == before.dtype.kind


def test_json_of_a_report_without_flagged_images(rng):
    sets = rng.normal(size=(3, 10, 1, 6, 6))
    report = memorisation(sets[0] + 5.0, sets[1], sets[2], random_state=0)
    assert len(report.flagged) == 0
    again = MemorisationReport.from_dict(json.loads(json.dumps(report.to_dict())))
    assert again.flagged_rows.shape == (0, 1, 6, 6)
    figure = again.plot()
    assert "no synthetic row" in figure.axes[0].texts[0].get_text()


def test_plot_of_spectra(copying):
    report, synthetic, training = copying
    axis = SignalAxis("Energy loss", "eV", 640.0 + 0.5 * np.arange(8))
    figure = report.plot(2, axis=axis)
    assert len(figure.axes) == 2
    lines = {line.get_label(): line for line in figure.axes[0].lines}
    np.testing.assert_array_equal(lines["synthetic"].get_ydata(), synthetic[7])
    np.testing.assert_array_equal(lines["training"].get_ydata(), training[42])
    np.testing.assert_array_equal(lines["training"].get_xdata(), axis.values)
    assert lines["training"].get_linewidth() > lines["synthetic"].get_linewidth()
    assert not matplotlib.colors.same_color(*(line.get_color() for line in lines.values()))
    assert figure.axes[0].get_title(loc="left") == "synthetic 7, training 42: a copy"
    assert "distance 0.00283" in figure.axes[1].get_title(loc="left")
    assert figure.axes[-1].get_xlabel() == "Energy loss (eV)"
    assert report.plot(1).axes[0].get_xlabel() == "channel"
    with pytest.raises(ValueError, match="axis has 3 channels, the rows have 8"):
        report.plot(axis=SignalAxis("x", "", np.arange(3.0)))
    with pytest.raises(ValueError, match="n must be at least 1, got 0"):
        report.plot(0)


def test_plot_of_channels_and_of_images(rng):
    impedance = rng.normal(size=(3, 10, 2, 12))
    impedance[0, :3] = impedance[1, :3]
    figure = memorisation(*impedance, random_state=0).plot(3)
    assert len(figure.axes) == 3 * 2
    images = rng.normal(size=(3, 10, 3, 6, 7))
    images[0, 5] = images[1, 2]
    report = memorisation(*images, random_state=0)
    figure = report.plot(1)
    shown = [ax.images[0].get_array() for ax in figure.axes]
    np.testing.assert_allclose(shown[0], images[0, 5].mean(axis=0))
    np.testing.assert_allclose(shown[1], images[1, 2].mean(axis=0))
    assert [ax.get_xlabel() for ax in figure.axes] == ["synthetic", "training"]


def test_errors_and_seed(rng, no_global_rng):
    rows = rng.normal(size=(20, 4))
    with pytest.raises(TooFewRowsError, match="held_out needs at least 5 rows, got 4"):
        memorisation(rows, rows, rows[:4])
    with pytest.raises(TooFewRowsError, match="training needs at least 5 rows, got 4"):
        memorisation(rows, rows[:4], rows)
    with pytest.raises(TooFewRowsError, match="synthetic needs at least 1 rows, got 0"):
        memorisation(rows[:0], rows, rows)
    with pytest.raises(ValueError, match="rows of one length, got 4, 4 and 3 values"):
        memorisation(rows, rows, rows[:, :3])
    with pytest.raises(ValueError, match="quantile must be between 0 and 1, got 1"):
        memorisation(rows, rows, rows, quantile=1)
    sets = rng.normal(size=(3, 30, 4))
    first = memorisation(sets[0], sets[1], sets[2][:9], random_state=4)
    assert first.ratio == memorisation(sets[0], sets[1], sets[2][:9], random_state=4).ratio
