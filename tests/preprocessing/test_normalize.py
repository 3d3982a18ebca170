import dask.array as da
import numpy as np
import pytest
from scipy.stats import zscore
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import normalize
from sklearn.svm import SVC
from sklearn.utils.estimator_checks import parametrize_with_checks

from hs_specaug.exceptions import SpecAugWarning
from hs_specaug.preprocessing import PCADenoiser, SpectrumNormalizer, normalize_spectra

RNG = np.random.default_rng(3)
SPECTRA = RNG.normal(size=(7, 40))


@parametrize_with_checks(
    [SpectrumNormalizer(), SpectrumNormalizer("z-score"), PCADenoiser(), PCADenoiser(2)]
)
def test_scikit_learn_contract(estimator, check):
    check(estimator)


@pytest.mark.parametrize(("method", "norm"), [("max", "max"), ("area", "l1")])
def test_agrees_with_scikit_learn(method, norm):
    np.testing.assert_allclose(normalize_spectra(SPECTRA, method), normalize(SPECTRA, norm))


def test_z_score_agrees_with_scipy():
    np.testing.assert_allclose(normalize_spectra(SPECTRA, "z-score"), zscore(SPECTRA, axis=1))


def test_complex_spectra_keep_their_phase():
    Z = SPECTRA[:, :20] + 1j * SPECTRA[:, 20:]
    scaled = normalize_spectra(Z, "max")
    np.testing.assert_allclose(np.abs(scaled).max(axis=1), 1)
    np.testing.assert_allclose(np.angle(scaled), np.angle(Z))


def test_negative_spectra_keep_their_sign():
    phase = -np.abs(SPECTRA)
    assert (normalize_spectra(phase, "max") <= 0).all()


@pytest.mark.parametrize("method", ["max", "area", "z-score"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64])
def test_floating_dtypes_are_kept(method, dtype):
    assert normalize_spectra(SPECTRA.astype(dtype), method).dtype == dtype


def test_counts_become_floats():
    assert normalize_spectra(np.array([[1, 4]], dtype=np.uint16)).dtype == np.float32


@pytest.mark.parametrize(
    ("method", "value"), [("max", 0.0), ("area", 0.0), ("z-score", 0.1), ("z-score", 0.0)]
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_spectra_without_scale_become_zeros_with_a_warning(method, value, dtype):
    X = np.vstack([np.full(1001, value), np.linspace(0, 1, 1001)]).astype(dtype)
    with pytest.warns(SpecAugWarning, match="1 of 2 spectra"):
        scaled = normalize_spectra(X, method)
    assert (scaled[0] == 0).all()
    assert np.isfinite(scaled[1]).all()
    assert scaled[1].any()


def test_area_counts_wide_channels_more():
    energy = np.array([0.0, 1.0, 3.0, 7.0])
    widths = np.gradient(energy)
    scaled = normalize_spectra(np.ones((1, 4)), "area", channel_widths=widths)
    assert (scaled * widths / widths.mean()).sum() == pytest.approx(1)
    with pytest.raises(ValueError, match="one width per channel"):
        normalize_spectra(np.ones((1, 4)), "area", channel_widths=widths[:2])


def test_chunk_by_chunk_through_dask():
    lazy = da.from_array(SPECTRA, chunks=(3, -1)).map_blocks(
        normalize_spectra, "area", meta=SPECTRA
    )
    np.testing.assert_array_equal(lazy.compute(), normalize_spectra(SPECTRA, "area"))


def test_unknown_method_is_named_with_a_guess():
    with pytest.raises(ValueError, match="Did you mean 'z-score'"):
        normalize_spectra(SPECTRA, "zscores")
    with pytest.raises(ValueError, match="'max', 'area', 'z-score'; got 3"):
        SpectrumNormalizer(3).fit(SPECTRA)


@pytest.mark.parametrize("shape", [(5, 8), (5, 2, 8), (5, 3, 4, 6)])
def test_transformer_scales_each_channel_of_each_row(shape):
    X = RNG.random(shape).astype(np.float32)
    scaled = SpectrumNormalizer("max").fit_transform(X)
    assert scaled.shape == shape
    assert scaled.dtype == np.float32
    axes = (-2, -1) if len(shape) == 4 else -1
    np.testing.assert_allclose(scaled.max(axis=axes), 1)


def test_transformer_needs_no_fit_and_fits_into_a_pipeline():
    y = np.arange(7) % 2
    np.testing.assert_array_equal(
        SpectrumNormalizer().transform(SPECTRA), normalize_spectra(SPECTRA)
    )
    pipeline = make_pipeline(PCADenoiser(2), SpectrumNormalizer("area"), SVC()).fit(SPECTRA, y)
    assert pipeline.predict(SPECTRA).shape == y.shape
