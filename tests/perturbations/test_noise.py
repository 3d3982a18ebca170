"""Noise: moments, spectra, and what counts as counts."""

import numpy as np
import pytest
from scipy import stats

from hs_specaug.exceptions import IncompatibleSignalError
from hs_specaug.perturbations import Domain, GaussianNoise, PinkNoise, PoissonNoise


class TestPoisson:
    @pytest.mark.parametrize("dose", [1.0, 0.1])
    def test_counts_are_poisson_numbers_over_the_dose(self, dose):
        X = np.full((400, 50), 40.0)
        new = PoissonNoise(dose)(X, random_state=0) * dose
        np.testing.assert_allclose(new, np.round(new), atol=1e-9)
        values = np.arange(0, 90)
        observed = np.bincount(np.round(new).astype(int).ravel(), minlength=90)[:90]
        expected = new.size * stats.poisson.pmf(values, 40.0 * dose)
        often = expected > 10
        chi2 = np.sum((observed[often] - expected[often]) ** 2 / expected[often])
        assert stats.chi2.sf(chi2, often.sum()) > 1e-3

    @pytest.mark.parametrize("scale", [1.0, 1e-3, 1e4])
    def test_counts_given_set_the_noise_of_the_peak_on_any_scale(self, scale):
        X = scale * np.tile([0.25, 1.0], (20_000, 1))
        new = PoissonNoise(0.5, counts=200.0)(X, random_state=0)
        np.testing.assert_allclose(new.mean(axis=0), X[0], rtol=0.01)
        np.testing.assert_allclose(
            new.var(axis=0), scale**2 * np.array([0.25, 1.0]) / 100, rtol=0.04
        )

    def test_normalised_rows_have_a_thousand_counts_at_their_peak(self):
        X = np.tile([0.1, 0.8], (20_000, 1))
        new = PoissonNoise()(X, random_state=0)
        np.testing.assert_allclose(
            new.std(axis=0) / 0.8, [np.sqrt(0.125e-3), np.sqrt(1e-3)], rtol=0.03
        )

    @pytest.mark.parametrize("row", [[20.5, 30.5], [1.0, 4.0]])
    def test_large_or_whole_rows_are_counts(self, row):
        new = PoissonNoise()(np.tile(row, (20_000, 1)), random_state=0)
        np.testing.assert_allclose(new.var(axis=0), row, rtol=0.04)

    def test_every_row_is_judged_by_itself(self):
        X = np.array([[0.5, 1.0 - 1e-3], [400.0, 900.5]])
        many = np.tile(X, (5000, 1))
        new = PoissonNoise()(many, random_state=0)
        assert new[::2, 1].std() == pytest.approx(np.sqrt(1e-3), rel=0.05)
        assert new[1::2, 1].std() == pytest.approx(30.0, rel=0.05)

    def test_negative_values_get_no_noise(self):
        X = np.array([[-5.0, 0.0, 50.0]])
        new = PoissonNoise(0.5)(X, random_state=0)
        np.testing.assert_array_equal(new[0, :2], X[0, :2])
        assert new[0, 2] != 50.0

    def test_impedance_is_not_counted(self):
        with pytest.raises(IncompatibleSignalError, match="not counted; use 'gaussian-noise'"):
            PoissonNoise().check(Domain("impedance"))


class TestGaussian:
    @pytest.mark.parametrize(("relative", "expected"), [(True, 0.8), (False, 0.1)])
    def test_strength(self, relative, expected):
        X = np.tile(np.linspace(-4.0, 4.0, 100), (300, 1))
        added = GaussianNoise(0.1, relative)(X, random_state=0) - X
        assert added.std() == pytest.approx(expected, rel=0.02)
        assert stats.kstest((added / expected).ravel(), "norm").pvalue > 1e-3

    def test_complex_parts_share_a_range(self):
        Z = np.tile(np.linspace(-1.0, 1.0, 100) * (100 + 1j), (300, 1))
        added = GaussianNoise(0.01)(Z, random_state=0) - Z
        assert added.real.std() == pytest.approx(2.0, rel=0.03)
        assert added.imag.std() == pytest.approx(2.0, rel=0.03)


class TestPink:
    @pytest.mark.parametrize("exponent", [0.0, 1.0, 2.0])
    @pytest.mark.parametrize("length", [128, 129])
    def test_power_falls_with_the_exponent(self, exponent, length):
        X = np.tile(np.linspace(-1.0, 1.0, length), (3000, 1))
        added = PinkNoise(0.1, exponent)(X, random_state=0) - X
        power = np.mean(np.abs(np.fft.rfft(added)) ** 2, axis=0)
        assert power[0] == pytest.approx(0.0, abs=1e-20)
        f = np.arange(1, 60)
        slope = np.polynomial.polynomial.polyfit(np.log(f), np.log(power[1:60]), 1)[1]
        assert slope == pytest.approx(-exponent, abs=0.03)
        assert np.mean(added**2) == pytest.approx(0.2**2, rel=0.05)

    def test_in_units_of_the_data(self):
        X = np.tile(np.linspace(-1e3, 1e3, 64), (2000, 1))
        added = PinkNoise(0.3, relative=False)(X, random_state=0) - X
        assert np.sqrt(np.mean(added**2)) == pytest.approx(0.3, rel=0.05)
