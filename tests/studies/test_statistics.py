"""Intervals and p values, against SciPy and against numbers worked by hand."""

import numpy as np
import pytest
from scipy import stats

from hs_specaug.studies import holm, mean_interval, wilcoxon_p_value
from hs_specaug.studies._statistics import paired_p_value


def test_interval_and_p_value_are_those_of_the_t_test():
    rng = np.random.default_rng(0)
    a, b = rng.normal(0.8, 0.05, 10), rng.normal(0.75, 0.05, 10)
    test = stats.ttest_rel(a, b)
    mean, low, high = mean_interval(a - b)
    assert mean == pytest.approx((a - b).mean())
    assert (low, high) == pytest.approx(tuple(test.confidence_interval()))
    assert paired_p_value(a - b) == pytest.approx(test.pvalue)


def test_overlap_widens_as_nadeau_and_bengio_say():
    # Differences 0, 1, 2: variance 1. With overlap 1/3 the standard error is √(1/3 + 1/3).
    mean, low, high = mean_interval([0.0, 1.0, 2.0], overlap=1 / 3)
    half = stats.t.ppf(0.975, 2) * np.sqrt(2 / 3)
    assert (mean, low, high) == pytest.approx((1.0, 1.0 - half, 1.0 + half))
    t = 1.0 / np.sqrt(2 / 3)
    assert paired_p_value([0.0, 1.0, 2.0], overlap=1 / 3) == pytest.approx(2 * stats.t.sf(t, 2))


def test_one_value_has_no_interval():
    mean, low, high = mean_interval([0.7])
    assert mean == 0.7
    assert np.isnan([low, high]).all()
    assert np.isnan(paired_p_value([0.1]))


def test_equal_differences_are_no_certainty():
    assert paired_p_value([0.0, 0.0, 0.0]) == 1.0
    assert paired_p_value([0.1, 0.1, 0.1]) == 0.25  # sign test: 2 / 2³


def test_holm_by_hand():
    # Sorted 0.005, 0.01, 0.03, 0.04 × 4, 3, 2, 1 = 0.02, 0.03, 0.06, 0.04 → the last becomes 0.06.
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(holm([0.5, 0.9]), [1.0, 1.0])
    np.testing.assert_allclose(holm([np.nan, 0.01]), [1.0, 0.02])


def test_signed_ranks_by_hand_and_by_scipy():
    # Of the 2⁵ signs of five different differences only two are as extreme as all the same.
    assert wilcoxon_p_value([0.1, 0.2, 0.3, 0.4, 0.5]) == pytest.approx(2 / 2**5)
    differences = np.random.default_rng(0).normal(0.3, 1.0, 10)
    assert wilcoxon_p_value(differences) == stats.wilcoxon(differences).pvalue
    assert wilcoxon_p_value([0.0, 0.1, 0.2, 0.3, 0.4, 0.5]) == pytest.approx(2 / 2**5)


def test_signed_ranks_of_nothing():
    assert wilcoxon_p_value([0.0, 0.0, 1e-16]) == 1.0
    assert np.isnan(wilcoxon_p_value([0.1]))
