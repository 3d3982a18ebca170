"""Positions and widths of peaks: of known lines, on even, uneven and descending axes."""

import numpy as np
import pytest

from hs_specaug import SignalAxis
from hs_specaug.evaluation import peak_errors
from hs_specaug.exceptions import TooFewRowsError

FWHM = 2 * np.sqrt(2 * np.log(2))


def lines(values, centres, widths, heights=None):
    """Rows of Gaussian lines; one row per centre, or per tuple of centres."""
    centres, widths = np.atleast_2d(np.transpose(centres)).T, np.atleast_2d(np.transpose(widths)).T
    heights = np.ones(centres.shape[1]) if heights is None else np.asarray(heights)
    z = (values - centres[:, :, None]) / (widths[:, :, None] / FWHM)
    return (heights[:, None] * np.exp(-(z**2) / 2)).sum(axis=1)


ENERGY = 640 + 0.25 * np.arange(240)
AXES = {
    "even": SignalAxis("Energy loss", "eV", ENERGY),
    "descending": SignalAxis("Wavenumber", "1/cm", ENERGY[::-1].copy()),
    "uneven": SignalAxis("Energy", "keV", 640 + 60 * np.linspace(0, 1, 240) ** 1.5),
}


@pytest.mark.parametrize("kind", AXES)
def test_known_lines(kind):
    axis = AXES[kind]
    rng = np.random.default_rng(0)
    at, wide = 660 + rng.normal(0, 0.8, 30), rng.normal(5.0, 0.3, 30)
    real = lines(axis.values, at, wide)
    synthetic = lines(axis.values, 660.7 + 2 * (at - at.mean()), wide + 1.5)
    errors = peak_errors(real, synthetic, axis=axis)
    assert errors.units == axis.units
    np.testing.assert_allclose(errors.real_positions[:, 0], at, atol=0.02)
    np.testing.assert_allclose(errors.real_widths[:, 0], wide, atol=0.02)
    assert errors.position == pytest.approx(abs(660.7 - at.mean()), abs=0.01)
    assert errors.width == pytest.approx(1.5, abs=0.01)
    assert errors.position_spread == pytest.approx(at.std(ddof=1), abs=0.02)
    assert errors.width_spread == pytest.approx(0.0, abs=0.02)
    assert (errors.n_real, errors.n_synthetic) == (30, 30)
    assert errors.n_real_without == errors.n_synthetic_without == 0


@pytest.mark.parametrize("kind", AXES)
def test_two_peaks_are_matched_in_the_order_of_the_axis(kind):
    axis = AXES[kind]
    # White lines: the second one is higher in the synthetic rows, and stays the second.
    pairs, widths = [(650.0, 661.0), (650.4, 661.0)], [(3.0, 4.0)] * 2
    real = lines(axis.values, pairs, widths, [2.0, 1.0])
    synthetic = lines(axis.values, [(650.2, 662.0)] * 3, [(3.0, 4.5)] * 3, [1.0, 2.0])
    errors = peak_errors(real, synthetic, axis=axis, n_peaks=2)
    np.testing.assert_allclose(errors.real_positions, pairs, atol=0.02)
    np.testing.assert_allclose(errors.synthetic_positions.mean(axis=0), [650.2, 662.0], atol=0.02)
    assert errors.position == pytest.approx((0.0 + 1.0) / 2, abs=0.01)
    assert errors.width == pytest.approx((0.0 + 0.5) / 2, abs=0.02)


def test_background_does_not_count_for_the_width():
    axis = AXES["even"]
    rows = lines(axis.values, [660.0, 661.0], [4.0, 4.0])
    raised = 5.0 + 3.0 * rows
    errors = peak_errors(rows, raised, axis=axis)
    assert errors.width == pytest.approx(0.0, abs=1e-9)
    assert errors.position == pytest.approx(0.0, abs=1e-9)


def test_region_picks_the_lower_peak():
    axis = AXES["even"]
    rows = lines(axis.values, [(650.0, 680.0)] * 2, [(3.0, 3.0)] * 2, [5.0, 1.0])
    moved = lines(axis.values, [(650.0, 681.5)] * 2, [(3.0, 3.0)] * 2, [5.0, 1.0])
    assert peak_errors(rows, moved, axis=axis).position == pytest.approx(0.0, abs=1e-6)
    for region in ((670.0, 690.0), (690.0, 670.0)):
        error = peak_errors(rows, moved, axis=axis, region=region)
        assert error.position == pytest.approx(1.5, abs=1e-3)
    for region in ((700.0, 710.0), (670.0, 670.3)):
        with pytest.raises(ValueError, match="region must hold at least three channels"):
            peak_errors(rows, moved, axis=axis, region=region)


def test_without_an_axis_channels_count():
    channels = np.arange(100.0)
    rows = lines(channels, [40.0, 41.0], [8.0, 8.0])
    errors = peak_errors(rows[:, None], lines(channels, [42.5, 42.5], [10.0, 10.0]))
    assert errors.units == "channels"
    assert errors.position == pytest.approx(2.0, abs=0.02)
    # Between two channels the highest one is a little below the top.
    assert errors.width == pytest.approx(2.0, abs=0.1)
    assert errors.position_spread == pytest.approx(np.sqrt(0.5), abs=0.01)
    assert "channels" in repr(errors)


def test_a_flat_top_has_its_middle():
    rows = np.array([[0.0, 1.0, 4.0, 4.0, 1.0, 0.0], [0.0, 0.0, 4.0, 4.0, 4.0, 0.0]])
    errors = peak_errors(rows, rows)
    np.testing.assert_allclose(errors.real_positions[:, 0], [2.5, 3.0])
    # Half of the height is at 1 + 1/3 and 3 + 2/3, and at 1.5 and 4.5.
    np.testing.assert_allclose(errors.real_widths[:, 0], [3 + 2 / 3 - 4 / 3, 3.0])


def test_rows_without_a_peak_are_counted_and_said():
    channels = np.arange(60.0)
    real = lines(channels, [20.0, 30.0, 25.0], [6.0, 6.0, 6.0])
    slope, flat = np.linspace(0, 1, 60), np.ones(60)
    synthetic = np.concatenate([real, [slope, flat]])
    errors = peak_errors(real, synthetic)
    assert (errors.n_synthetic, errors.n_synthetic_without, errors.n_real_without) == (3, 2, 0)
    assert errors.position == pytest.approx(0.0, abs=1e-12)
    assert repr(errors).endswith("2 of 5 synthetic rows without their peaks, left out")
    with pytest.raises(TooFewRowsError, match="1 of 3 rows of synthetic have 1 peaks"):
        peak_errors(real, np.stack([slope, flat, real[0]]))
    with pytest.raises(TooFewRowsError, match="0 of 3 rows of real have 2 peaks"):
        peak_errors(real, synthetic, n_peaks=2)


def test_ripples_below_the_prominence_are_no_peaks():
    channels = np.arange(200.0)
    rows = lines(channels, [60.0, 61.0], [20.0, 20.0]) + 0.02 * np.sin(channels)
    with pytest.raises(TooFewRowsError):
        peak_errors(rows, rows, n_peaks=2)
    assert peak_errors(rows, rows, n_peaks=2, prominence=0.01).n_real == 2


def test_measured_white_lines(data_folder):
    with np.load(data_folder / "eels_mn2_white_lines.npz") as data:
        energy, rows = data["energy_eV"], data["spectra"][:200]
    axis = SignalAxis("Energy loss", "eV", energy)
    errors = peak_errors(rows[::2], rows[1::2], axis=axis, region=(635.0, 660.0))
    assert errors.n_real_without == errors.n_synthetic_without == 0
    assert 643 < errors.real_positions.mean() < 646  # Mn L3, on the axis of the file
    assert 1.5 < errors.real_widths.mean() < 5.0
    assert errors.position < 0.3
    shifted = peak_errors(rows[::2], np.roll(rows[1::2], 10, axis=1), axis=axis)
    step = energy[1] - energy[0]
    assert shifted.position == pytest.approx(10 * step, abs=0.3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_peaks": 0}, "n_peaks must be at least 1, got 0"),
        ({"prominence": 0.0}, "prominence must be between 0 and 1, got 0.0"),
        ({"axis": SignalAxis("x", "", np.arange(5.0))}, "axis has 5 channels, the rows have 60"),
    ],
)
def test_arguments_out_of_range(change, message):
    rows = lines(np.arange(60.0), [20.0, 30.0], [6.0, 6.0])
    with pytest.raises(ValueError, match=message):
        peak_errors(rows, rows, **change)


@pytest.mark.parametrize("shape", [(4, 2, 30), (4, 1, 8, 8)])
def test_rows_of_several_kinds(shape):
    with pytest.raises(ValueError, match=r"synthetic must be spectra of one kind.*X\[:, 0\]"):
        peak_errors(np.ones((4, 30)), np.ones(shape))
