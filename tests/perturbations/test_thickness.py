"""Plural scattering against convolution order by order."""

import math

import numpy as np
import pytest
from scipy.integrate import quad

from hs_specaug import SignalAxis
from hs_specaug.exceptions import IncompatibleSignalError
from hs_specaug.perturbations import ArrayDraws, Domain, PluralScattering
from hs_specaug.perturbations._thickness import _orders


def domain_on(values, units="eV"):
    return Domain("EELS", (SignalAxis("Energy loss", units, np.asarray(values, dtype=float)),))


def thicknesses(n, largest, seed=0):
    return ArrayDraws((seed,), np.arange(n), lambda u: u).uniform(1, 1, high=largest).ravel()


def drude(energy, plasmon, width):
    return energy * width * plasmon**2 / ((energy**2 - plasmon**2) ** 2 + (energy * width) ** 2)


def test_rows_are_poisson_weighted_convolutions():
    x = np.random.default_rng(0).random(80)
    axis = 400.0 + 0.5 * np.arange(80)
    new = PluralScattering(1.5, 8.0, 3.0)(
        np.tile(x, (5, 1)), domain=domain_on(axis), random_state=0
    )
    loss = 0.5 * np.arange(4000)
    single = drude(loss, 8.0, 3.0)
    single /= single.sum()
    for row, t in zip(new, thicknesses(5, 1.5), strict=True):
        # The first value goes on below the window, as far as anything can scatter up from.
        order = np.r_[np.full(4000, x[0]), x]
        expected = np.zeros(80)
        for n in range(25):
            expected += math.exp(-t) * t**n / math.factorial(n) * order[4000:]
            scattered = np.convolve(order, single)[: len(order)]
            order = np.r_[np.full(4000, x[0]), scattered[4000:]]
        np.testing.assert_allclose(row, expected, rtol=2e-3)


def test_single_scattering_is_a_normalised_drude_plasmon():
    orders = _orders(4000, 88.0, 40.0, 2)
    assert orders[1].sum() == pytest.approx(1.0, abs=1e-3)
    area = quad(drude, 0.0, np.inf, args=(88.0, 40.0))[0]
    loss = np.arange(4000.0)
    np.testing.assert_allclose(orders[1], drude(loss, 88.0, 40.0) / area, atol=2e-5)


def test_intensity_is_kept_while_it_stays_in_the_window():
    X = np.zeros((20, 3000))
    X[:, 100] = 5.0
    new = PluralScattering(0.8, 22.0, 10.0)(X, random_state=0)
    np.testing.assert_allclose(new[:, 100], 5.0 * np.exp(-thicknesses(20, 0.8)), rtol=1e-6)
    np.testing.assert_allclose(new.sum(axis=1), 5.0, rtol=2e-3)
    np.testing.assert_allclose(new[:, :100], 0.0, atol=1e-12)  # no electron gains energy


def test_window_shorter_than_the_plasmon_only_loses():
    X = np.zeros((3, 10))
    X[:, 2] = 1.0
    new = PluralScattering(0.5, plasmon_eV=500.0, plasmon_fwhm_eV=1.0)(X, random_state=0)
    np.testing.assert_allclose(new, X * np.exp(-thicknesses(3, 0.5))[:, None], atol=1e-6)


def test_constant_row_stays():
    X = np.full((3, 50), 7.0)
    np.testing.assert_allclose(PluralScattering(1.0)(X, random_state=0), X)


def test_step_at_the_plasmon_energy_behind_an_edge():
    """A step edge of height 1 is e^−τ high, and e^−τ (1 + τ) from the plasmon energy on."""
    axis = 500.0 + 0.5 * np.arange(600)
    X = np.tile((axis > 520.0).astype(float), (10, 1))
    new = PluralScattering(0.6, 20.0, 1.0)(X, domain=domain_on(axis), random_state=0)
    t = thicknesses(10, 0.6)
    at = np.searchsorted(axis, [530.0, 552.0])
    np.testing.assert_allclose(new[:, at[0]], np.exp(-t), atol=0.02)
    np.testing.assert_allclose(new[:, at[1]], np.exp(-t) * (1 + t), atol=0.03)


def test_units_and_refusals():
    X = np.random.default_rng(0).random((4, 60))
    expected = PluralScattering(0.5)(X, domain=domain_on(400 + np.arange(60.0)), random_state=0)
    keV = domain_on(0.4 + 1e-3 * np.arange(60.0), "keV")
    np.testing.assert_allclose(PluralScattering(0.5)(X, domain=keV, random_state=0), expected)
    with pytest.raises(IncompatibleSignalError, match="energy loss"):
        PluralScattering().check(Domain("EDS"))
