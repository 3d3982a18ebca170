"""Shifts, dilation and warps against SciPy's interpolation and closed forms."""

import numpy as np
import pytest
from scipy.interpolate import CubicHermiteSpline

from hs_specaug import SignalAxis
from hs_specaug.exceptions import IncompatibleSignalError
from hs_specaug.perturbations import (
    ArrayDraws,
    AxisDilation,
    Domain,
    EnergyShift,
    FrequencyShift,
    Shift,
    Warp,
    WavenumberShift,
)
from hs_specaug.perturbations._resampling import coordinates, displaced
from hs_specaug.perturbations._shift import _splines


def domain_on(values, units="eV", kind="EELS"):
    return Domain(kind, (SignalAxis("axis", units, np.asarray(values, dtype=float)),))


def moved(x, axis, displacement):
    where = coordinates(axis)
    displacement = np.asarray(displacement).reshape(1, 1, -1) / where.channel
    return displaced(x[None, None], where, displacement)[0, 0]


def hermite(x, axis, at):
    """Cubic through all values with slopes of three-point parabolas; ends continued."""
    h = np.diff(axis)
    knots = np.r_[axis[0] - h[0], axis, axis[-1] + h[-1]]
    values = np.r_[x[0], x, x[-1]]
    slopes = np.gradient(values, knots)
    slopes[[0, -1]] = 0.0
    return CubicHermiteSpline(knots, values, slopes)(np.clip(at, knots[0], knots[-1]))


@pytest.mark.parametrize("shift", [0.3, -1.0, 2.75, -11.5, 400.0])
@pytest.mark.parametrize("is_even", [True, False])
def test_interpolation_is_the_cubic_that_it_says(shift, is_even):
    x = np.random.default_rng(0).random(30)
    axis = 100.0 + 0.5 * np.arange(30.0)
    if not is_even:
        axis = 100.0 + np.cumsum(np.random.default_rng(1).uniform(0.2, 1.0, 30))
    np.testing.assert_allclose(moved(x, axis, shift), hermite(x, axis, axis - shift), atol=1e-12)


def test_both_ways_of_interpolating_agree():
    """One displacement for the row, or the same one given for every channel."""
    x, axis = np.random.default_rng(0).random(30), np.arange(30.0)
    np.testing.assert_allclose(moved(x, axis, 1.7), moved(x, axis, np.full(30, 1.7)), atol=1e-13)


def test_whole_channels_copy_and_edges_continue():
    x = np.arange(1.0, 7.0)
    np.testing.assert_array_equal(moved(x, np.arange(6.0), 2.0), [1, 1, 1, 2, 3, 4])
    np.testing.assert_array_equal(moved(x, np.arange(6.0), -2.0), [3, 4, 5, 6, 6, 6])


def test_error_is_of_third_order():
    def error(step):
        axis = np.arange(-10.0, 10.0, step)
        shift = 0.37 * step
        return np.abs(moved(np.exp(-(axis**2)), axis, shift) - np.exp(-((axis - shift) ** 2))).max()

    assert error(0.2) < 2e-3
    assert 6.0 < error(0.2) / error(0.1) < 17.0  # between third and fourth order


def test_noise_left_halfway_between_channels():
    noise = np.random.default_rng(0).normal(size=200_000)
    left = moved(noise, np.arange(200_000.0), 0.5).var() / noise.var()
    assert left == pytest.approx((2 * 81 + 2) / 256, abs=0.01)


def test_parabola_is_moved_exactly_on_an_uneven_axis():
    axis = np.array([0.0, 1.0, 1.5, 3.0, 4.0, 4.2, 6.0, 7.0])
    got = moved(axis**2, axis, 0.25)
    np.testing.assert_allclose(got[2:-1], (axis[2:-1] - 0.25) ** 2, atol=1e-12)


@pytest.mark.parametrize("direction", [1, -1])
def test_shift_is_uniform_in_units_of_the_axis(direction):
    axis = (400.0 + 0.25 * np.arange(400))[::direction]
    X = np.tile(np.exp(-((axis - 450.0) ** 2) / 8), (2000, 1))
    new = Shift(shift=5.0)(X, domain=domain_on(axis), random_state=0)
    centres = new @ axis / new.sum(axis=1) - 450.0
    assert centres.min() == pytest.approx(-5.0, abs=0.05)
    assert centres.max() == pytest.approx(5.0, abs=0.05)
    assert centres.mean() == pytest.approx(0.0, abs=0.2)
    assert centres.std() == pytest.approx(5.0 / np.sqrt(3.0), abs=0.1)


def test_default_is_two_channels():
    X = np.random.default_rng(0).random((3, 50))
    domain = domain_on(400 + 0.25 * np.arange(50))
    expected = Shift(shift=0.5)(X, domain=domain, random_state=0)
    np.testing.assert_allclose(Shift()(X, domain=domain, random_state=0), expected)


@pytest.mark.parametrize(("units", "scale"), [("eV", 1.0), ("keV", 1e-3), ("meV", 1e3), ("", 1.0)])
def test_energy_shift_knows_the_units_of_the_axis(units, scale):
    X = np.random.default_rng(0).random((5, 80))
    axis = (100.0 + np.arange(80.0)) * scale
    got = EnergyShift(3.0)(X, domain=domain_on(axis, units), random_state=0)
    expected = Shift(3.0 * scale)(X, domain=domain_on(axis, units), random_state=0)
    np.testing.assert_allclose(got, expected)


@pytest.mark.parametrize("units", ["1/cm", "cm-1", "cm^-1", "cm$^{-1}$", "cm⁻¹"])
def test_wavenumber_shift_reads_every_spelling(units):
    X, domain = (
        np.random.default_rng(0).random((5, 80)),
        domain_on(np.arange(80.0), units, "spectrum"),
    )
    expected = Shift(3.0)(X, domain=domain, random_state=0)
    np.testing.assert_array_equal(WavenumberShift(3.0)(X, domain=domain, random_state=0), expected)


def test_refusals_name_the_remedy():
    nm = domain_on(np.arange(5.0), "nm", "spectrum")
    with pytest.raises(IncompatibleSignalError, match=r"'nm'.*use 'shift'"):
        WavenumberShift().check(nm)
    impedance = domain_on([1.0, 10.0, 100.0], "Hz", "impedance")
    for domain in (impedance, Domain("impedance", impedance.axes, is_complex=True)):
        with pytest.raises(IncompatibleSignalError, match="use 'frequency-shift'"):
            Shift().check(domain)
    with pytest.raises(IncompatibleSignalError, match="must be positive"):
        FrequencyShift().check(domain_on([0.0, 1.0], "Hz", "impedance"))
    with pytest.raises(ValueError, match="ascend or descend"):
        Shift()(np.zeros((1, 3)), domain=domain_on([0.0, 2.0, 1.0]))


@pytest.mark.parametrize("direction", [1, -1])
def test_frequency_shift_scales_the_time_constant_of_a_circuit(direction):
    """R + (R ∥ C) with 10^−s of the time constant: real and imaginary part still one circuit."""
    frequency = np.logspace(-2, 5, 141)[::direction]

    def circuit(tau):
        return 10.0 + 90.0 / (1.0 + 2j * np.pi * frequency * tau)

    domain = domain_on(frequency, "Hz", "impedance")
    new = FrequencyShift(0.2)(np.tile(circuit(1e-3), (20, 1)), domain=domain, random_state=0)
    assert new.dtype == complex
    s = ArrayDraws((0,), np.arange(20), lambda u: u).uniform(1, 1, low=-0.2, high=0.2).ravel()
    assert np.ptp(s) > 0.2
    inner = (frequency > 0.02) & (frequency < 5e4)
    for row, decades in zip(new, s, strict=True):
        np.testing.assert_allclose(row[inner], circuit(1e-3 * 10.0**-decades)[inner], atol=0.02)


def test_dilation_stretches_about_the_middle():
    axis = np.linspace(-50.0, 50.0, 401)
    X = np.tile(np.exp(-((axis - 30.0) ** 2) / 2) + np.exp(-(axis**2) / 2), (300, 1))
    new = AxisDilation(0.1)(X, domain=domain_on(axis), random_state=0)
    middle, right = new[:, 160:240], new[:, 260:]
    np.testing.assert_allclose(middle @ axis[160:240] / middle.sum(axis=1), 0.0, atol=1e-6)
    stretch = right @ axis[260:] / right.sum(axis=1) / 30.0 - 1.0
    # A dilated peak of width σ(1 + e) lies at 30 (1 + e).
    assert np.abs(stretch).max() == pytest.approx(0.1, abs=0.005)
    areas = right.sum(axis=1) / X[0, 260:].sum() - 1.0
    np.testing.assert_allclose(areas, stretch, atol=2e-3)


def test_splines_add_up_to_one_and_bound_the_slope():
    basis = _splines(np.linspace(0.0, 1.0, 401), 4)
    assert basis.min() >= 0.0
    np.testing.assert_allclose(basis.sum(axis=1), 1.0)
    steepest = np.abs(np.diff(basis, axis=0)).sum(axis=1).max() * 400
    assert steepest <= 2.0 * 4  # twice the largest coefficient over the distance of knots


@pytest.mark.parametrize("is_even", [True, False])
def test_warp_keeps_order_and_stays_within_its_displacement(is_even):
    axis = np.arange(200.0) if is_even else np.arange(200.0) ** 1.2
    X = np.tile(axis, (300, 1))  # a row that is its axis shows where each value came from
    limit = 0.45 * axis[-1] / 4
    new = Warp(limit)(X, domain=domain_on(axis), random_state=0)
    inner = (new > axis[1]) & (new < axis[-2])  # at the ends the cubic bends
    both = inner[:, 1:] & inner[:, :-1]
    assert both.mean() > 0.8
    assert np.diff(new, axis=1)[both].min() > 0.0
    from_where = np.where(inner, axis - new, 0.0)
    assert np.abs(from_where).max() <= limit + 1e-9
    assert np.abs(from_where).max() > 0.5 * limit


def test_warp_says_what_would_fold():
    with pytest.raises(ValueError, match=r"below 12\.375.*n_bends below 4"):
        Warp(20.0)(np.zeros((1, 100)))
