"""Spikes, dead channels and erased stretches."""

import numpy as np
import pytest
from scipy import stats

from hs_specaug import SignalAxis
from hs_specaug.exceptions import IncompatibleSignalError
from hs_specaug.perturbations import ChannelDropout, Domain, RandomErasing, Spikes


def domain_on(values):
    return Domain("spectrum", (SignalAxis("axis", "1/cm", np.asarray(values, dtype=float)),))


def test_spikes_are_as_many_and_as_high_as_asked():
    X = np.tile(np.linspace(0.0, 4.0, 200), (2000, 1))
    added = Spikes(rate=3.0, height=2.0)(X, random_state=0) - X
    number = (added > 0.0).sum(axis=1)
    assert number.mean() == pytest.approx(3.0, abs=0.15)
    assert number.var() == pytest.approx(3.0, rel=0.1)  # binomial, nearly Poisson
    heights = added[added > 0.0] / 4.0
    assert stats.kstest(heights, stats.uniform(0.2, 1.8).cdf).pvalue > 1e-3
    places = np.nonzero(added)[1]
    assert stats.kstest(places, stats.uniform(0, 200).cdf).pvalue > 1e-3


def test_more_spikes_than_channels_hit_every_channel():
    X = np.tile([0.0, 1.0, 0.5], (4, 1))
    assert np.all(Spikes(rate=10.0)(X, random_state=0) > X)


def test_spectra_that_are_not_read_by_a_camera_have_no_spikes():
    with pytest.raises(IncompatibleSignalError, match="only a camera is hit"):
        Spikes().check(Domain("EDS"))


def test_dropout_kills_whole_channels():
    X = np.random.default_rng(0).random((500, 2, 100)) + 1.0
    new = ChannelDropout(0.05)(X, random_state=0)
    dead = new == 0.0
    np.testing.assert_array_equal(dead[:, 0], dead[:, 1])
    np.testing.assert_array_equal(new[~dead], X[~dead])
    assert dead.mean() == pytest.approx(0.05, abs=0.005)


def test_dropout_of_complex_rows_takes_both_parts():
    Z = np.full((50, 20), 3.0 + 4.0j)
    new = ChannelDropout(0.3)(Z, random_state=0)
    assert set(np.unique(new)) == {0.0, 3.0 + 4.0j}


@pytest.mark.parametrize("direction", [1, -1])
@pytest.mark.parametrize("is_even", [True, False])
def test_erasing_leaves_a_line_between_what_is_outside(direction, is_even):
    axis = 100.0 + (0.5 * np.arange(120) if is_even else 0.02 * np.arange(120) ** 1.6)
    axis = axis[::direction]
    X = np.random.default_rng(0).random((300, 120))
    new = RandomErasing(20.0)(X, domain=domain_on(axis), random_state=0)
    widths = []
    for x, x_new in zip(X, new, strict=True):
        changed = np.flatnonzero(x != x_new)
        if not len(changed):
            continue
        first, last = changed[0], changed[-1]
        assert len(changed) == last - first + 1
        assert first > 0
        assert last < 119
        ends = [first - 1, last + 1]
        order = np.argsort(axis[ends])
        line = np.interp(axis[changed], axis[ends][order], x[ends][order])
        np.testing.assert_allclose(x_new[changed], line, atol=1e-12)
        widths.append(abs(axis[last] - axis[first]))
    assert len(widths) > 250
    assert max(widths) <= 20.0
    assert max(widths) > 17.0
    assert np.mean(widths) == pytest.approx(10.0, abs=1.5)


def test_every_inner_channel_can_be_erased():
    X = np.random.default_rng(0).random((4000, 12))
    new = RandomErasing(6.0)(X, random_state=0)
    hit = (new != X).any(axis=0)
    np.testing.assert_array_equal(np.flatnonzero(hit), np.arange(1, 11))


def test_width_beyond_the_axis_is_all_of_it():
    X = np.random.default_rng(0).random((50, 12))
    new = RandomErasing(1e6)(X, random_state=0)
    np.testing.assert_array_equal(new[:, [0, -1]], X[:, [0, -1]])


def test_default_width_is_a_twentieth_of_the_axis():
    X = np.random.default_rng(0).random((50, 201))
    expected = RandomErasing(10.0)(X, random_state=0)
    np.testing.assert_array_equal(RandomErasing()(X, random_state=0), expected)


def test_the_same_stretch_is_erased_whatever_way_the_axis_runs():
    energy = 400.0 + 0.5 * np.arange(60)
    up = Domain("EELS", (SignalAxis("Energy loss", "eV", energy),))
    down = Domain("EELS", (SignalAxis("Energy loss", "eV", energy[::-1].copy()),))
    X = np.random.default_rng(0).random((20, 60))
    expected = RandomErasing(6.0)(X, domain=up, random_state=0)
    new = RandomErasing(6.0)(X[:, ::-1].copy(), domain=down, random_state=0)
    np.testing.assert_allclose(new[:, ::-1], expected, atol=1e-9)
