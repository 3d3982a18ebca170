"""Image metrics against closed forms and independent computations."""

import sys
import warnings

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from scipy.stats import entropy
from sklearn.metrics.pairwise import polynomial_kernel

from hs_specaug.classifiers import CNNClassifier
from hs_specaug.evaluation import (
    frechet_distance,
    image_fidelity,
    inception_score,
    kernel_distance,
    structural_similarity,
)
from hs_specaug.exceptions import TooFewRowsError
from hs_specaug.networks._inception import INCEPTION_FILE, inception_features

# --- KID ---------------------------------------------------------------------------------------


def mmd(x, y):
    """Unbiased squared MMD, pair by pair, with scikit-learn's kernel."""
    options = {"degree": 3, "gamma": 1 / x.shape[1], "coef0": 1}
    xx, yy, xy = (polynomial_kernel(a, b, **options) for a, b in ((x, x), (y, y), (x, y)))
    n, m = len(x), len(y)
    off = [K[~np.eye(len(K), dtype=bool)].sum() for K in (xx, yy)]
    return off[0] / n / (n - 1) + off[1] / m / (m - 1) - 2 * xy.mean()


def test_kid_is_the_unbiased_mmd():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(30, 5)), rng.normal(0.5, 1.2, size=(20, 5))
    assert kernel_distance(x, y).value == pytest.approx(mmd(x, y))
    doubled = kernel_distance(x, y, embedding=lambda rows: rows * 2)
    assert doubled.value == pytest.approx(mmd(2 * x, 2 * y))


def test_kid_interval_is_that_of_the_jackknife():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(12, 4)), rng.normal(0.4, 1.0, size=(9, 4))
    variance = 0.0
    for rows, other, swap in ((x, y, False), (y, x, True)):
        left_out = [np.delete(rows, i, axis=0) for i in range(len(rows))]
        values = [mmd(other, r) if swap else mmd(r, other) for r in left_out]
        variance += (len(rows) - 1) * np.var(values)
    distance = kernel_distance(x, y, level=0.95)
    half = 1.959964 * np.sqrt(variance)
    assert distance.high - distance.value == pytest.approx(half, rel=1e-6)
    assert distance.value - distance.low == pytest.approx(half, rel=1e-6)


def test_kid_interval_covers_the_truth():
    """Of a shift along one axis, E[k(x, y)] is known: 1-D, kernel (xy + 1)³."""
    rng = np.random.default_rng(2)
    shift = 1.0
    # E over independent x, x' of (x x' + 1)³ = 1 + 3 m₁² + 3 m₂² + m₃² with moments m of each.
    moments = {"x": (0.0, 1.0, 0.0), "y": (shift, 1 + shift**2, shift**3 + 3 * shift)}

    def expected(a, b):
        (a1, a2, a3), (b1, b2, b3) = moments[a], moments[b]
        return 1 + 3 * a1 * b1 + 3 * a2 * b2 + a3 * b3

    truth = expected("x", "x") + expected("y", "y") - 2 * expected("x", "y")
    inside = 0
    for _ in range(200):
        x, y = rng.normal(size=(60, 1)), rng.normal(shift, 1.0, size=(60, 1))
        _, low, high = kernel_distance(x, y)
        inside += low <= truth <= high
    assert 0.86 < inside / 200 <= 1.0


def test_kid_needs_rows():
    with pytest.raises(TooFewRowsError):
        kernel_distance(np.zeros((1, 3)), np.zeros((4, 3)))
    assert np.isnan(kernel_distance(np.zeros((2, 3)), np.ones((2, 3))).low)


# --- Inception score ---------------------------------------------------------------------------


def test_inception_score_is_exp_of_the_mutual_information():
    p = np.random.default_rng(0).dirichlet(np.ones(4), 60)
    marginal = p.mean(axis=0)
    expected = np.exp(np.mean([entropy(row, marginal) for row in p]))
    mean, deviation = inception_score(p, n_splits=1)
    assert mean == pytest.approx(expected)
    assert deviation == 0.0
    order = np.random.RandomState(3).permutation(60)
    parts = p[order].reshape(3, 20, 4)
    scores = [np.exp(np.mean([entropy(row, q.mean(axis=0)) for row in q])) for q in parts]
    result = inception_score(p, n_splits=3, random_state=3)
    np.testing.assert_allclose(result, (np.mean(scores), np.std(scores)))


def test_inception_score_of_extremes():
    assert inception_score(np.full((20, 5), 0.2))[0] == pytest.approx(1.0)
    same = np.eye(5)[np.zeros(20, dtype=int)]
    assert inception_score(same)[0] == pytest.approx(1.0)
    with pytest.raises(ValueError, match="add up to 1"):
        inception_score(np.ones((20, 5)))
    with pytest.raises(TooFewRowsError):
        inception_score(np.eye(5))


# --- SSIM --------------------------------------------------------------------------------------


def ssim_by_hand(x, y, span):
    """Wang et al. (2004), Eq. (13), Gaussian window of 1.5 pixels, borders left out."""

    def smooth(image):
        return gaussian_filter(image, 1.5, truncate=3.5)

    mx, my = smooth(x), smooth(y)
    vx, vy, vxy = smooth(x * x) - mx**2, smooth(y * y) - my**2, smooth(x * y) - mx * my
    c1, c2 = (0.01 * span) ** 2, (0.03 * span) ** 2
    values = (2 * mx * my + c1) * (2 * vxy + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
    return values[5:-5, 5:-5].mean()


def test_ssim_against_the_formula():
    pytest.importorskip("skimage", reason="needs scikit-image: pip install 'hs_specaug[images]'")
    rng = np.random.default_rng(0)
    real, made = rng.random((2, 2, 20, 24)), rng.random((3, 2, 20, 24))
    span = np.ptp(real)
    expected = np.mean(
        [ssim_by_hand(x, y, span) for a in real for b in made for x, y in zip(a, b, strict=True)]
    )
    assert structural_similarity(real, made) == pytest.approx(expected, abs=1e-9)
    one = structural_similarity(real, made, max_pairs=2, random_state=0)
    assert one == structural_similarity(real, made, max_pairs=2, random_state=0)
    assert structural_similarity(real[:1], real[:1]) == pytest.approx(1.0)


def test_ssim_errors():
    pytest.importorskip("skimage", reason="needs scikit-image: pip install 'hs_specaug[images]'")
    with pytest.raises(ValueError, match="at least 11 pixels"):
        structural_similarity(np.zeros((2, 1, 8, 8)), np.zeros((2, 1, 8, 8)))
    with pytest.raises(ValueError, match="images of one shape"):
        structural_similarity(np.zeros((2, 30)), np.zeros((2, 30)))
    with pytest.raises(ValueError, match="not constant"):
        structural_similarity(np.ones((2, 1, 12, 12)), np.ones((2, 1, 12, 12)))


def test_ssim_names_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage.metrics", None)
    with pytest.raises(ImportError, match=r"hs_specaug\[images\]"):
        structural_similarity(np.zeros((2, 1, 12, 12)), np.zeros((2, 1, 12, 12)))


# --- the report --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    X = 0.2 * rng.random((40, 1, 12, 12))
    X[:20, :, 3:9, 1:6] += 1
    X[20:, :, 3:9, 6:11] += 1
    return X.astype("f4"), np.repeat(["left", "right"], 20)


def test_report_in_the_features_of_a_classifier(images):
    pytest.importorskip("skimage", reason="needs scikit-image: pip install 'hs_specaug[images]'")
    X, y = images
    classifier = CNNClassifier(max_updates=20, random_state=0).fit(X, y)
    spoilt = X.copy()
    spoilt[20:] = X[:20]  # "right" looks like "left"
    report = image_fidelity(X, spoilt, y, y, classifier=classifier, n_repeats=4, random_state=0)
    assert list(report.values) == ["fid-classifier", "kid-classifier", "ssim"]
    for reached in report.reached.values():
        assert reached.tolist() == [True, False]
    assert "FID (classifier)" in repr(report)
    assert "SSIM" in repr(report)
    assert type(report).from_dict(report.to_dict()).values.keys() == report.values.keys()
    features = classifier.features(X)
    whole = frechet_distance(features[20:], features[:20])
    assert report.values["fid-classifier"][1] == pytest.approx(whole, rel=0.2)
    assert report.values["fid-classifier"][0] < 0.05 * whole


def test_other_embeddings_and_errors(images):
    X, y = images
    report = image_fidelity(
        X, X, y, y, embedding=lambda rows: rows.mean(axis=(2, 3)), metrics=["kid"], n_repeats=2
    )
    assert list(report.values) == ["kid-embedding"]
    few = image_fidelity(
        X[:3], X, embedding=lambda rows: rows.mean(axis=(2, 3)), metrics=["kid"], n_repeats=2
    )
    assert np.isnan(few.values["kid-embedding"][0])
    assert few.notes[0].startswith("kid-embedding of class 'all rows': needs at least 6 real")
    with pytest.raises(ValueError, match="FID and KID need features"):
        image_fidelity(X, X, y, y)
    with pytest.raises(ValueError, match="metrics must be among"):
        image_fidelity(X, X, metrics=["lpips"])


class TinyInception(torch.nn.Module):
    def forward(self, x: torch.Tensor, return_features: bool = False) -> torch.Tensor:
        return x.flatten(2).mean(2) if return_features else x


def test_inception_from_a_file(tmp_path, monkeypatch, images):
    monkeypatch.setenv("HS_SPECAUG_WEIGHTS", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="HS_SPECAUG_WEIGHTS"):
        inception_features()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.script(TinyInception()).save(str(tmp_path / INCEPTION_FILE))
    X, y = images
    expected = 255 * X.mean(axis=(2, 3)).repeat(3, axis=1)
    np.testing.assert_allclose(inception_features()(X), expected, rtol=1e-5)
    report = image_fidelity(X, X, y, y, embedding="inception", metrics=["fid"], n_repeats=2)
    assert list(report.values) == ["fid-inception"]
    assert "FID (Inception)" in repr(report)
