import dask.array as da
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.interpolate import interp1d

from hs_specaug.preprocessing import resample_images, resample_spectra, resampling_matrix

RNG = np.random.default_rng(8)
OLD = np.sort(RNG.uniform(0, 10, 50))
X = RNG.normal(size=(3, 4, 50))


def test_finer_axes_interpolate_linearly():
    new = np.linspace(OLD[0], OLD[-1], 5000)
    np.testing.assert_allclose(resample_spectra(X, OLD, new), interp1d(OLD, X)(new), atol=1e-9)


def test_coarser_axes_average_the_interpolant():
    old = np.linspace(0, 10, 101)
    x = RNG.normal(size=101)
    new = np.arange(0.0, 10.1, 1.0)
    averaged = resample_spectra(x, old, new)
    straight = interp1d(old, x)
    for centre, value in zip(new[1:-1], averaged[1:-1], strict=True):
        nodes = old[(old > centre - 0.5) & (old < centre + 0.5)]
        expected, _ = quad(straight, centre - 0.5, centre + 0.5, points=nodes, limit=200)
        assert value == pytest.approx(expected, abs=1e-6)
    assert averaged[0] == pytest.approx(x[0])  # no data beyond the ends to average with
    assert averaged[-1] == pytest.approx(x[-1])


def test_coarser_axes_have_less_noise():
    noise = RNG.normal(size=(200, 2000))
    coarse = resample_spectra(noise, np.arange(2000.0), np.arange(10.0, 1990.0, 10.0))
    assert coarse.std() == pytest.approx(1 / np.sqrt(10), rel=0.05)


@pytest.mark.parametrize("n_new", [2, 7, 50, 333])
@pytest.mark.parametrize("log", [False, True])
def test_straight_lines_are_exact(n_new, log):
    old = np.geomspace(0.1, 1e4, 60)
    new = np.geomspace(0.1, 1e4, n_new) if log else np.linspace(0.1, 1e4, n_new)
    coordinate = np.log if log else np.asarray
    resampled = resample_spectra(3 * coordinate(old) - 1, old, new, log=log)
    np.testing.assert_allclose(resampled, 3 * coordinate(new) - 1)


def test_same_axis_is_identity():
    np.testing.assert_allclose(resample_spectra(X, OLD, OLD), X)
    np.testing.assert_allclose(resampling_matrix(OLD, OLD).sum(axis=1), 1)


def test_descending_axes_on_either_side():
    new = np.linspace(2, 8, 15)
    expected = resample_spectra(X, OLD, new)
    np.testing.assert_allclose(resample_spectra(X[..., ::-1], OLD[::-1], new), expected)
    np.testing.assert_allclose(resample_spectra(X, OLD, new[::-1]), expected[..., ::-1])


def test_real_and_imaginary_parts_are_resampled_alike():
    new = np.linspace(2, 8, 15)
    Z = resample_spectra((X + 2j * X).astype(np.complex64), OLD, new)
    assert Z.dtype == np.complex64
    np.testing.assert_allclose(Z, (1 + 2j) * resample_spectra(X, OLD, new), atol=1e-5)


def test_float32_stays_and_dask_agrees():
    new = np.linspace(2, 8, 15)
    single = resample_spectra(X.astype(np.float32), OLD, new)
    assert single.dtype == np.float32
    lazy = da.from_array(X.astype(np.float32), chunks=(1, 2, -1))
    lazy = lazy.map_blocks(
        resample_spectra, OLD, new, dtype=np.float32, chunks=(*lazy.chunks[:2], (15,))
    )
    np.testing.assert_array_equal(lazy.compute(), single)


@pytest.mark.parametrize(
    ("old", "new", "log", "message"),
    [
        (OLD, [-5.0, 5.0], False, "axis_new exceeds the old axis.*does not extrapolate"),
        (OLD[:-1], [2.0, 5.0], False, "50 channels, but axis_old has 49"),
        (np.r_[OLD[1], OLD[:-1]], [2.0, 5.0], False, "strictly ascending or strictly descending"),
        (OLD - 5, [2.0, 3.0], True, "must be positive for log=True"),
        (OLD, [2.0], False, "at least 2 finite values"),
    ],
)
def test_axes_that_cannot_work_are_refused(old, new, log, message):
    with pytest.raises(ValueError, match=message):
        resample_spectra(X, old, new, log=log)


def test_images_keep_ramps_and_means():
    ramp = np.add.outer(np.arange(12.0), 2 * np.arange(16.0))
    larger = resample_images(ramp, (24, 32))
    # Away from the border, a ramp over pixel areas is again a ramp at half the pitch.
    expected = np.add.outer((np.arange(24) - 0.5) / 2, (np.arange(32) - 0.5))
    np.testing.assert_allclose(larger[1:-1, 1:-1], expected[1:-1, 1:-1], atol=1e-9)
    assert resample_images(ramp, (6, 8)).mean() == pytest.approx(ramp.mean())


def test_images_that_shrink_do_not_alias():
    checkerboard = np.indices((64, 64)).sum(axis=0) % 2.0
    assert resample_images(checkerboard, (16, 16)).std() < 0.05


def test_images_are_resized_one_by_one():
    stack = RNG.random((2, 3, 12, 10)).astype(np.float32)
    resized = resample_images(stack, (5, 7))
    assert resized.shape == (2, 3, 5, 7)
    assert resized.dtype == np.float32
    np.testing.assert_allclose(resized[1, 2], resample_images(stack[1, 2], (5, 7)), atol=1e-6)
