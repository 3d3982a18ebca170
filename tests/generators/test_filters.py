"""Filters: scores by hand, and what `sample(keep=...)` does with them."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors

from hs_specaug.generators import (
    ACGANGenerator,
    ConfidenceFilter,
    CornerDensityFilter,
    DiscriminatorFilter,
    MPcGANGenerator,
    RandomGenerator,
    RealDistanceFilter,
    SMOTEGenerator,
)
from hs_specaug.generators._filters import best_rows, fitted_filter, n_draws


def blank(n, edge=8, channels=3):
    return np.zeros((n, channels, edge, edge))


class TestCornerDensity:
    def test_equation_by_hand(self):
        X = blank(2)
        X[0, 0, 0, 0] = 1.0  # upper left
        X[0, 1, 1, 7] = 2.0  # upper right
        X[0, 2, 7, 0] = 4.0  # lower left
        X[0, 0, 6, 6] = 8.0  # lower right
        X[0, 0, 2, 0] = 16.0  # below the upper left square
        X[1, :, 3:5, 3:5] = 100.0  # the middle
        keep = CornerDensityFilter(radius=2, background=0.0)
        assert keep(X, np.zeros(2)).tolist() == [-15.0, 0.0]

    def test_is_the_sum_over_four_masks(self):
        rng = np.random.default_rng(0)
        X, r = rng.random((5, 3, 20, 24)), 3
        masks = np.zeros((4, 20, 24))
        masks[0, :r, :r] = masks[1, :r, -r:] = masks[2, -r:, :r] = masks[3, -r:, -r:] = 1
        D = np.einsum("nchw,khw->n", X, masks)
        keep = CornerDensityFilter(radius=r, background=0.0)
        np.testing.assert_allclose(keep(X, np.zeros(5)), -D)

    def test_default_squares_lie_outside_the_circle(self):
        for edge in (16, 32, 128):
            y, x = np.indices((edge, edge)) - (edge - 1) / 2
            disc = np.hypot(x, y) < edge / 2 - 1
            X = np.broadcast_to(np.where(disc, 1.0, 0.0), (1, 1, edge, edge))
            assert CornerDensityFilter(background=0.0)(X, [0]).tolist() == [0.0]
            wider = CornerDensityFilter(int(0.1465 * edge) + 2, background=0.0)
            assert wider(X, [0])[0] < 0

    def test_background_is_that_of_real_images(self):
        real = np.ones((4, 1, 8, 8))
        keep = CornerDensityFilter(radius=1).fit(real, np.zeros(4))
        X = np.ones((2, 1, 8, 8))
        X[1, 0, 0, 0] = 0.25
        assert keep(X, np.zeros(2)).tolist() == [0.0, -0.75]
        # To the letter of Eq. (3.1), the spoilt image would be the better one.
        literal = CornerDensityFilter(radius=1, background=0.0)
        assert literal(X, np.zeros(2)).tolist() == [-4.0, -3.25]

    def test_errors(self):
        with pytest.raises(ValueError, match="needs images"):
            CornerDensityFilter()(np.zeros((2, 9)), np.zeros(2))
        with pytest.raises(ValueError, match="radius must be 1 to 4"):
            CornerDensityFilter(radius=5)(blank(1), [0])

    def test_eight_bit_images(self):
        X = np.full((1, 3, 8, 8), 255, dtype="u1")
        X[0, 0, 0, 0] = 250
        assert CornerDensityFilter(radius=1)(X, [0]).tolist() == [-5.0]


class TestRealDistance:
    def test_by_hand(self):
        keep = RealDistanceFilter().fit(np.array([[0.0], [1.0], [5.0], [6.0]]), [0, 0, 1, 1])
        assert keep(np.array([[3.0], [7.0]]), np.array([0, 1])).tolist() == [-1.0, 0.0]

    def test_against_scikit_learn(self):
        rng = np.random.default_rng(0)
        real, made = rng.normal(size=(2, 30, 2, 5))
        keep = RealDistanceFilter().fit(real, np.zeros(30))
        search = NearestNeighbors().fit(real.reshape(30, -1))
        spacing = np.median(search.kneighbors(n_neighbors=1)[0])
        d = search.kneighbors(made.reshape(30, -1), 1)[0][:, 0]
        np.testing.assert_allclose(keep(made, np.zeros(30)), -np.abs(d - spacing))

    def test_not_fitted(self):
        with pytest.raises(NotFittedError):
            RealDistanceFilter()(np.zeros((1, 2)), [0])


def two_groups(n=12, shape=(6,)):
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(m, 1.0, (n, *shape)) for m in (0.0, 4.0)])
    return X, np.repeat(["low", "high"], n)


def test_confidence_is_the_probability_of_the_label():
    X, y = two_groups()
    classifier = KNeighborsClassifier(5)
    keep = ConfidenceFilter(classifier).fit(X, y)
    X_new = np.random.default_rng(1).normal(2.0, 2.0, (8, 6))
    proba = clone(classifier).fit(X, y).predict_proba(X_new)
    np.testing.assert_allclose(keep(X_new, np.full(8, "low")), proba[:, 1])
    fitted = ConfidenceFilter(clone(classifier).fit(X, y))
    np.testing.assert_allclose(fitted(X_new, np.full(8, "high")), proba[:, 0])
    with pytest.raises(ValueError, match=r"knows \['high', 'low'\], got \['other'\]"):
        keep(X_new, np.full(8, "other"))
    with pytest.raises(NotFittedError):
        ConfidenceFilter(classifier)(X_new, np.full(8, "low"))


def test_discriminator_gives_its_logits():
    import torch

    X, y = two_groups(shape=(1, 8, 8))
    generator = MPcGANGenerator(epochs=1, random_state=0, precision="float32").fit(X, y)
    scores = DiscriminatorFilter(generator)(X, y)
    rows = torch.from_numpy(generator.scaler_.transform(X))
    codes = torch.from_numpy(np.searchsorted(generator.classes_, y))
    with torch.inference_mode():
        expected = generator.networks_["discriminator"](rows, codes).numpy()
    np.testing.assert_allclose(scores, expected, rtol=1e-5)
    kept, _ = generator.sample({"low": 3}, random_state=1, keep="discriminator", draws_per_row=4)
    drawn, names = generator.sample({"low": 12}, random_state=1)
    best = np.sort(np.argsort(-DiscriminatorFilter(generator)(drawn, names), kind="stable")[:3])
    np.testing.assert_array_equal(kept, drawn[best])


def test_discriminators_without_classes_say_so():
    X, y = two_groups(shape=(16,))
    for method in (ACGANGenerator(epochs=1, random_state=0), RandomGenerator(random_state=0)):
        generator = method.fit(X, y)
        with pytest.raises(ValueError, match="has no discriminator"):
            generator.sample({"low": 1}, keep="discriminator")


class TestSample:
    def test_keeps_the_best_of_each_class_in_the_order_of_the_labels(self):
        X, y = two_groups()
        generator = SMOTEGenerator(random_state=0).fit(X, y)
        wanted = np.array(["low", "high", "low", "low"])
        seen = []

        def keep(X, y):
            seen.append((X, y))
            return X[:, 0]

        X_new, y_new = generator.sample(wanted, keep=keep, draws_per_row=5)
        assert y_new.tolist() == wanted.tolist()
        assert {(names[0], len(rows)) for rows, names in seen} == {("high", 5), ("low", 15)}
        for rows, names in seen:
            n = (wanted == names[0]).sum()
            kept = X_new[wanted == names[0]]
            np.testing.assert_array_equal(np.sort(kept[:, 0]), np.sort(rows[:, 0])[-n:])

    def test_a_seed_gives_the_same_rows(self):
        X, y = two_groups()
        generator = SMOTEGenerator(random_state=0).fit(X, y)
        keep = RealDistanceFilter().fit(X, y)
        one, other = (generator.sample({"low": 5}, random_state=3, keep=keep)[0] for _ in range(2))
        np.testing.assert_array_equal(one, other)

    def test_one_draw_per_row_keeps_all(self):
        X, y = two_groups()
        generator = RandomGenerator(random_state=0).fit(X, y)
        plain = generator.sample({"low": 6}, random_state=0)[0]
        kept = generator.sample(
            {"low": 6}, random_state=0, keep=lambda X, y: X[:, 0], draws_per_row=1
        )[0]
        np.testing.assert_array_equal(kept, plain)

    @pytest.mark.parametrize(
        ("options", "error", "message"),
        [
            ({"keep": "corner"}, ValueError, "keep must be 'corner-density'"),
            ({"keep": "real-distance"}, NotFittedError, r"RealDistanceFilter\(\).fit\(X, y\)"),
            ({"keep": lambda X, y: X}, ValueError, "keep must return one number"),
            ({"keep": lambda X, y: X[:, 0] * np.nan}, ValueError, "8 NaN"),
            (
                {"keep": lambda X, y: X[:, 0], "draws_per_row": 0.5},
                ValueError,
                "draws_per_row must be 1 or more",
            ),
            ({"keep": "corner-density"}, ValueError, "needs images"),
        ],
    )
    def test_errors(self, options, error, message):
        X, y = two_groups()
        generator = RandomGenerator(random_state=0).fit(X, y)
        with pytest.raises(error, match=message):
            generator.sample({"low": 2}, random_state=0, **options)


def test_what_is_learned_comes_back():
    X, y = two_groups(shape=(1, 8, 8))
    classes = np.unique(y)
    for name in ("corner-density", "real-distance"):
        keep = fitted_filter(name, X, y)
        again = type(keep)().restore(keep.learned(classes), classes)
        np.testing.assert_array_equal(again(X[:5] + 1, y[:5]), keep(X[:5] + 1, y[:5]))
    own = RealDistanceFilter()
    assert fitted_filter(own, X, y) is not own
    assert fitted_filter(None, X, y) is None


def test_helpers():
    assert best_rows([1.0, 3.0, 3.0, 2.0], 4, 2).tolist() == [1, 2]
    assert n_draws(3, 1.5) == 5
