"""Maps of real and synthetic rows: who lies where, in which colour."""

import builtins
import importlib.util
import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgba
from sklearn.base import BaseEstimator
from sklearn.neighbors import KNeighborsClassifier

from hs_specaug._colours import class_colours
from hs_specaug.evaluation import FeatureMap, feature_map
from hs_specaug.exceptions import TooFewRowsError

UMAP = pytest.param(
    "umap",
    marks=pytest.mark.skipif(
        importlib.util.find_spec("umap") is None, reason='needs umap-learn; "hs_specaug[umap]"'
    ),
)


def clouds(n, seed, shift=0.0, length=20):
    """Three classes in twenty dimensions, ten deviations apart."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 3
    return rng.normal(size=(n, length)) + 10.0 * np.eye(length)[y] + shift, np.array(
        ["c", "a", "b"]
    )[y]


@pytest.mark.parametrize("method", ["tsne", UMAP, "pca"])
def test_neighbours_in_the_map_are_neighbours_in_the_features(method, no_global_rng):
    (X, y), (X_new, y_new) = clouds(30, 0), clouds(45, 1)
    found = feature_map(X, X_new, y, y_new, method=method, random_state=0)
    assert found.coordinates.shape == (75, 2)
    np.testing.assert_array_equal(found.labels, np.r_[y, y_new])
    np.testing.assert_array_equal(found.is_synthetic, np.r_[np.zeros(30), np.ones(45)])
    real, new = found.coordinates[:30], found.coordinates[30:]
    assert KNeighborsClassifier(3).fit(real, y).score(new, y_new) == 1.0
    again = feature_map(X, X_new, y, y_new, method=method, random_state=0)
    np.testing.assert_array_equal(found.coordinates, again.coordinates)


def test_synthetic_rows_that_are_unlike_lie_apart():
    (X, y), (X_new, y_new) = clouds(30, 0), clouds(30, 1, shift=8.0)
    found = feature_map(X, X_new, y, y_new, random_state=0)
    who = KNeighborsClassifier(1).fit(found.coordinates[::2], found.is_synthetic[::2])
    assert who.score(found.coordinates[1::2], found.is_synthetic[1::2]) == 1.0


def test_pca_is_the_projection_on_the_two_largest_singular_vectors():
    X = np.random.default_rng(0).normal(size=(12, 5)) * [5.0, 3.0, 1.0, 0.5, 0.1]
    found = feature_map(X[:7], X[7:], np.zeros(7), np.zeros(5), method="pca")
    u, s, _ = np.linalg.svd(X - X.mean(axis=0), full_matrices=False)
    np.testing.assert_allclose(np.abs(found.coordinates), np.abs(u[:, :2] * s[:2]), atol=1e-8)


def test_map_is_of_the_features_of_the_classifier():
    class Halves(BaseEstimator):
        """A classifier whose last layer sees two means."""

        def fit(self, X, y):
            self.fitted_ = True
            return self

        def features(self, X):
            return np.stack([X[:, :10].mean(axis=1), X[:, 10:].mean(axis=1)], axis=1)

    (X, y), (X_new, y_new) = clouds(12, 0), clouds(9, 1)
    halves = Halves().fit(X, y)
    found = feature_map(X, X_new, y, y_new, classifier=halves, method="pca")
    assert found.features == "Halves"
    features = halves.features(np.r_[X, X_new])
    np.testing.assert_allclose(
        np.linalg.norm(found.coordinates, axis=1),
        np.linalg.norm(features - features.mean(axis=0), axis=1),
    )
    by_function = feature_map(X, X_new, y, y_new, embedding=halves.features, method="pca")
    np.testing.assert_array_equal(by_function.coordinates, found.coordinates)
    with pytest.raises(ValueError, match="not both"):
        feature_map(X, X_new, y, y_new, classifier=halves, embedding=len)


def test_images_and_channels_are_mapped_as_rows():
    X = np.random.default_rng(0).normal(size=(10, 2, 4, 4))
    flat = X.reshape(10, -1)
    y = np.zeros(5)
    np.testing.assert_array_equal(
        feature_map(X[:5], X[5:], y, y, method="pca").coordinates,
        feature_map(flat[:5], flat[5:], y, y, method="pca").coordinates,
    )


@pytest.mark.parametrize("method", ["tsne", UMAP])
@pytest.mark.parametrize("n", [4, 7])
def test_few_rows(method, n):
    X, y = clouds(n, 0, length=3)
    found = feature_map(X[:2], X[2:], y[:2], y[2:], method=method, random_state=0)
    assert np.isfinite(found.coordinates).all()


def test_one_feature_no_synthetic_rows_and_constant_rows():
    X = np.arange(6.0)[:, None]
    y = ["a"] * 6
    found = feature_map(X, X[:0], y, y[:0], method="pca")
    np.testing.assert_allclose(np.ptp(found.coordinates, axis=0), [5.0, 0.0], atol=1e-9)
    assert not found.is_synthetic.any()
    assert found.plot().collections[0].get_offsets().shape == (0, 2)
    np.testing.assert_array_equal(feature_map(0 * X, X[:0], y, []).coordinates, np.zeros((6, 2)))


def offsets(collection):
    return {tuple(point) for point in np.asarray(collection.get_offsets()).tolist()}


def test_dots_are_real_crosses_synthetic_and_colours_those_of_the_class():
    (X, y), (X_new, y_new) = clouds(12, 0), clouds(9, 1)
    found = feature_map(X, X_new, y, y_new, method="pca")
    crosses, dots = found.plot().collections
    assert offsets(dots) == set(map(tuple, found.coordinates[:12].tolist()))
    assert offsets(crosses) == set(map(tuple, found.coordinates[12:].tolist()))
    assert len(dots.get_edgecolors()) == 1  # outlined in black
    where = {
        tuple(p): label for p, label in zip(found.coordinates.tolist(), found.labels, strict=True)
    }
    for collection in (crosses, dots):
        colours = np.broadcast_to(collection.get_facecolors(), (len(collection.get_offsets()), 4))
        for point, colour in zip(collection.get_offsets().tolist(), colours, strict=True):
            expected = class_colours(3)["abc".index(where[tuple(point)])]
            assert tuple(colour[:3]) == to_rgba(expected)[:3]


def test_a_class_keeps_its_colour_when_others_are_missing():
    X, y = clouds(12, 0)
    only = y == "b"
    found = feature_map(X[only], X[:0], y[only], y[:0], method="pca", classes=["c", "b", "a"])
    dots = found.plot().collections[1]
    assert to_rgba(class_colours(3)[1]) == tuple(dots.get_facecolors()[0])
    texts = [t.get_text() for t in found.plot().get_legend().get_texts()]
    assert texts == ["b", "real", "synthetic"]


def test_axes_of_a_picture_without_units_have_no_numbers():
    X, y = clouds(8, 0)
    tsne = feature_map(X, X[:0], y, y[:0], random_state=0).plot()
    assert tsne.get_xlabel() == "t-SNE 1"
    assert not len(tsne.get_xticks())
    assert tsne.get_title(loc="left") == "t-SNE, raw features"
    assert len(feature_map(X, X[:0], y, y[:0], method="pca").plot().get_xticks())


def test_as_text_and_as_json():
    X, y = clouds(12, 0)
    found = feature_map(X, X[:6], y, y[:6], method="pca")
    assert repr(found) == (
        "FeatureMap(PCA of raw features: 12 real and 6 synthetic rows of 3 classes)"
    )
    values = json.loads(json.dumps(found.to_dict()))
    assert values["classes"] == ["a", "b", "c"]
    assert sum(values["is_synthetic"]) == 6
    np.testing.assert_allclose(values["coordinates"], found.coordinates)
    numbered = FeatureMap(np.zeros((1, 2)), np.array([3]), np.array([True]), "tsne", "raw", (3,), 7)
    assert repr(numbered).endswith("1 classes, epoch 7)")
    assert json.loads(json.dumps(numbered.to_dict()))["epoch"] == 7


def test_leaves_the_number_of_threads_as_it_was(monkeypatch):
    """The bits of a training depend on it, and numba sets it when it begins."""

    class FirstUMAP:
        def __init__(self, **options):
            pass

        def fit_transform(self, features):
            torch.set_num_threads(before + 1)
            return features[:, :2]

    X, y = clouds(12, 0)
    before = torch.get_num_threads()
    monkeypatch.setitem(sys.modules, "umap", SimpleNamespace(UMAP=FirstUMAP))
    feature_map(X, X[:6], y, y[:6], method="umap")
    assert torch.get_num_threads() == before


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"method": "mds"}, ValueError, r"method must be one of \['tsne', 'umap', 'pca'\]"),
        ({"perplexity": 0.5}, ValueError, "perplexity must be greater than 1"),
        ({"classes": ["a", "b"]}, ValueError, r"labels \['c'\] are not among"),
        ({"y_real": ["a"]}, ValueError, "y_real must be one label for each of the 12 real rows"),
        ({"y_synthetic": ["a"]}, ValueError, "y_synthetic must be one label"),
        ({"synthetic": np.zeros((6, 3))}, ValueError, "got 20 and 3 features"),
        ({"synthetic": np.full((6, 20), np.nan)}, ValueError, "synthetic must be finite"),
        ({"embedding": 3}, TypeError, "embedding must be"),
    ],
)
def test_bad_arguments(change, error, message):
    X, y = clouds(12, 0)
    arguments = {"real": X, "synthetic": X[:6], "y_real": y, "y_synthetic": y[:6]} | change
    with pytest.raises(error, match=message):
        feature_map(**arguments)


def test_too_few_rows():
    X, y = clouds(3, 0)
    with pytest.raises(TooFewRowsError, match="at least 4 rows, got 3"):
        feature_map(X, X[:0], y, y[:0])


def test_without_umap_the_extra_is_named(monkeypatch):
    original = builtins.__import__

    def without_umap(name, *args, **kwargs):
        if name.partition(".")[0] == "umap":
            raise ImportError("no umap")
        return original(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_umap)
    X, y = clouds(12, 0)
    with pytest.raises(ImportError, match=r"hs_specaug\[umap\]"):
        feature_map(X, X, y, y, method="umap")
