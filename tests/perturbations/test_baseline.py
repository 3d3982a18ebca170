"""Scale and baselines against polynomials fitted to what was added."""

import numpy as np
import pytest

from hs_specaug import SignalAxis
from hs_specaug.exceptions import IncompatibleSignalError
from hs_specaug.perturbations import (
    EMSA,
    BackgroundVariation,
    Baseline,
    Domain,
    Gain,
    Offset,
    Slope,
)


def domain_on(values, kind="spectrum", units="1/cm"):
    return Domain(kind, (SignalAxis("axis", units, np.asarray(values, dtype=float)),))


@pytest.fixture
def X():
    rows = np.random.default_rng(0).normal(size=(2000, 30))
    return 7.0 * rows / np.ptp(rows, axis=1, keepdims=True)


def test_gain_is_uniform_and_one_factor_per_row(X):
    ratio = Gain(0.3)(X, random_state=0) / X
    np.testing.assert_allclose(ratio, np.broadcast_to(ratio[:, :1], X.shape))
    assert 0.7 <= ratio.min() < 0.71
    assert 1.29 < ratio.max() <= 1.3
    assert ratio[:, 0].std() == pytest.approx(0.3 / np.sqrt(3), rel=0.05)


def test_gain_of_impedance_keeps_the_phase():
    Z = np.random.default_rng(0).normal(size=(5, 8, 2)) @ [1, 1j]
    new = Gain(0.3)(Z, domain=Domain("impedance", (), True), random_state=0)
    np.testing.assert_allclose(np.angle(new), np.angle(Z))


@pytest.mark.parametrize(
    ("perturbation", "largest"),
    [
        (Offset(0.1), [0.1]),
        (Slope(0.1), [0.0, 0.1]),
        (Baseline(0.1, 0.2, 0.3), [0.1, 0.2, 0.3]),
    ],
    ids=str,
)
@pytest.mark.parametrize("is_even", [True, False])
def test_what_is_added_is_a_polynomial_in_ranges_of_the_row(perturbation, largest, is_even, X):
    axis = np.arange(30.0) if is_even else np.arange(30.0) ** 1.5
    added = perturbation(X, domain=domain_on(axis), random_state=0) - X
    u = 2.0 * axis / axis[-1] - 1.0
    coefficients = np.polynomial.legendre.legfit(u, added.T, len(largest) - 1)
    fitted = np.polynomial.legendre.legval(u, coefficients)
    np.testing.assert_allclose(added, fitted, atol=1e-12)
    found = np.abs(coefficients).max(axis=1)
    np.testing.assert_allclose(found, 7.0 * np.array(largest), rtol=0.02, atol=1e-12)


def test_baseline_follows_the_scale_of_its_row(X):
    small = Baseline()(X, random_state=0)
    np.testing.assert_allclose(Baseline()(1e6 * X, random_state=0), 1e6 * small)


class TestEMSA:
    def test_spread_of_the_coefficients(self, X):
        axis, spread = np.arange(30.0), [0.1, 0.05, 0.2]
        new = EMSA(0.04, spread)(X, domain=domain_on(axis), random_state=0)
        u = 2.0 * axis / 29.0 - 1.0
        terms = np.polynomial.legendre.legvander(u, 2)
        found = []
        for x, x_new in zip(X, new, strict=True):
            model = np.column_stack([x, terms])
            found.append(np.linalg.lstsq(model, x_new, rcond=None)[0])
        found = np.array(found)
        np.testing.assert_allclose(found.mean(axis=0), [1, 0, 0, 0], atol=0.05)
        np.testing.assert_allclose(found.std(axis=0), [0.04, 0.7, 0.35, 1.4], rtol=0.06)

    def test_from_rows_finds_what_made_them(self):
        rng, u = np.random.default_rng(0), np.linspace(-1.0, 1.0, 200)
        mean = np.exp(-(u**2) / 0.01)
        gain, offset, slope = (rng.normal(0.0, s, 3000)[:, None] for s in (0.1, 0.03, 0.02))
        X = (1 + gain) * mean + offset + slope * u
        found = EMSA.from_rows(X, degree=1)
        assert found.gain == pytest.approx(0.1, rel=0.1)
        # Ranges vary with the gain and the slope.
        np.testing.assert_allclose(found.baseline, [0.03, 0.02], rtol=0.1)

    def test_from_rows_says_what_is_missing(self):
        with pytest.raises(ValueError, match="at least 2 rows"):
            EMSA.from_rows(np.ones((1, 9)))
        with pytest.raises(ValueError, match="told apart"):
            EMSA.from_rows(np.random.default_rng(0).random((5, 3)))

    @pytest.mark.parametrize("baseline", [[0.1, -0.1], [], [[0.1]]])
    def test_wrong_baseline(self, baseline):
        with pytest.raises(ValueError, match="baseline"):
            EMSA(baseline=baseline)(np.ones((2, 5)))


class TestBackground:
    def test_power_law(self):
        energy = np.linspace(400.0, 700.0, 61)
        X = np.random.default_rng(0).random((500, 61)) - 0.5
        domain = domain_on(energy, "EELS", "eV")
        added = BackgroundVariation(0.2, exponents=(2.0, 4.0))(X, domain=domain, random_state=0) - X
        logs = np.log(np.abs(added))
        slope, height = np.polynomial.polynomial.polyfit(np.log(energy / 400.0), logs.T, 1)[::-1]
        np.testing.assert_allclose(
            logs, height[:, None] + slope[:, None] * np.log(energy / 400.0), atol=1e-6
        )
        assert -4.0 <= slope.min() < -3.95
        assert -2.05 < slope.max() <= -2.0
        share = np.exp(height) / np.ptp(X, axis=1)
        assert 0.195 < share.max() <= 0.2 + 1e-9

    def test_polynomial_is_the_default_elsewhere(self):
        X = np.random.default_rng(0).random((200, 50)) - 0.5
        added = BackgroundVariation(0.2, degree=3)(X, random_state=0) - X
        share = np.abs(added).max(axis=1) / np.ptp(X, axis=1)
        assert share.max() == pytest.approx(0.2, abs=0.005)
        np.testing.assert_allclose(np.abs(added).min(axis=1), 0.0, atol=1e-12)
        u = np.linspace(-1.0, 1.0, 50)
        residual = added - np.polynomial.legendre.legval(
            u, np.polynomial.legendre.legfit(u, added.T, 3)
        )
        np.testing.assert_allclose(residual, 0.0, atol=1e-12)

    def test_no_more_is_taken_away_than_is_there(self):
        energy = np.linspace(400.0, 700.0, 61)
        peak = np.exp(-((energy - 550.0) ** 2) / 200)
        X = np.tile(0.01 * (energy / 400.0) ** -3 + peak, (400, 1))
        perturbation = BackgroundVariation(0.5, exponents=(3.0, 3.0))
        new = perturbation(X, domain=domain_on(energy, "EELS", "eV"), random_state=0)
        np.testing.assert_allclose(new.min(axis=0), peak, atol=1e-12)

    def test_power_law_needs_positive_energies(self):
        with pytest.raises(IncompatibleSignalError, match="polynomial"):
            BackgroundVariation().check(domain_on([-1.0, 0.0, 1.0], "EELS", "eV"))
        with pytest.raises(IncompatibleSignalError, match="needs the energy axis"):
            BackgroundVariation().check(Domain("EELS"))

    @pytest.mark.parametrize("exponents", [(3.0,), (4.0, 2.0), (1.0, 2.0, 3.0)])
    def test_wrong_exponents(self, exponents):
        perturbation = BackgroundVariation(model="power-law", exponents=exponents)
        with pytest.raises(ValueError, match="exponents must be two numbers"):
            perturbation(np.ones((2, 3)), domain=domain_on([1.0, 2.0, 3.0]))


def test_complex_impedance_has_no_baseline():
    domain = Domain("impedance", (), is_complex=True)
    for perturbation in (Offset(), Slope(), Baseline(), EMSA(), BackgroundVariation()):
        with pytest.raises(IncompatibleSignalError, match="'gain' scales the modulus"):
            perturbation.check(domain)
