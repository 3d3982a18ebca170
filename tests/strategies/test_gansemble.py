"""Search, generator and filter as one over-sampler."""

import json

import numpy as np
import pytest
from imblearn.pipeline import make_pipeline
from imblearn.utils.estimator_checks import parametrize_with_checks as imblearn_checks
from safetensors import safe_open
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import NotFittedError
from sklearn.neighbors import KNeighborsClassifier
from sklearn.utils.estimator_checks import parametrize_with_checks as sklearn_checks

from hs_specaug import SignalAxis
from hs_specaug.exceptions import IncompatibleSignalError
from hs_specaug.generators import (
    RandomGenerator,
    RealDistanceFilter,
    load_generator,
    seen_in_training,
)
from hs_specaug.perturbations import Domain
from hs_specaug.strategies import GANsemble, StrategySearch

SEARCH = StrategySearch(
    ["gain", "gaussian-noise"],
    KNeighborsClassifier(1),
    repetitions=2,
    compare_with=(),
    sampling_strategy=40,
)


def gansemble(generator="smote", **settings):
    return GANsemble(SEARCH, generator=generator, **{"random_state": 0, **settings})


def small(X, y):
    """Prefer rows with a small mean."""
    return -X.reshape(len(X), -1).mean(axis=1)


class TestFilter:
    def test_scores_by_hand(self):
        # Class 0: nearest distances 1, 1, 2, median 1. Class 1: one row, spacing 0.
        keep = RealDistanceFilter().fit(
            np.array([[0.0], [1.0], [3.0], [10.0]]), np.array([0, 0, 0, 1])
        )
        assert keep.spacing_ == {0: 1.0, 1: 0.0}
        scores = keep(np.array([[3.0], [4.0], [7.0], [10.5]]), np.array([0, 0, 0, 1]))
        np.testing.assert_allclose(scores, [-1.0, 0.0, -3.0, -0.5])

    def test_rows_of_other_classes_do_not_count(self):
        keep = RealDistanceFilter().fit(np.array([[0.0], [1.0], [5.0], [6.0]]), [0, 0, 1, 1])
        np.testing.assert_allclose(keep(np.array([[5.0]]), [0]), [-3.0])

    def test_bytes_do_not_wrap(self):
        keep = RealDistanceFilter().fit(np.array([[250], [240]], dtype="u1"), [0, 0])
        np.testing.assert_allclose(keep(np.array([[5]], dtype="u1"), [0]), [-225.0])

    def test_unfitted(self):
        with pytest.raises(NotFittedError):
            RealDistanceFilter()(np.zeros((1, 2)), [0])


def test_originals_come_first(imbalanced):
    X, y = imbalanced
    generator = gansemble()
    X_new, y_new = generator.fit_resample(X, y)
    np.testing.assert_array_equal(X_new[: len(X)], X)
    np.testing.assert_array_equal(y_new[: len(y)], y)
    assert np.unique(y_new, return_counts=True)[1].tolist() == [30, 30, 30]
    assert generator.sample_indices_[len(X) :].tolist() == [-1] * 40
    assert seen_in_training(generator.fingerprint_, X).all()


def test_the_generator_is_trained_on_rows_of_the_best_strategy(imbalanced):
    X, y = imbalanced
    fitted = gansemble(RandomGenerator(), keep=None).fit(X, y)
    assert str(fitted.best_strategy_) == fitted.ranking_.best["strategy"]
    inner = fitted.generator_
    assert inner.class_counts_.tolist() == [40, 40, 40]  # as the search enlarges
    np.testing.assert_array_equal(inner.X_[: len(X)], X)
    assert not seen_in_training(fitted.fingerprint_, inner.X_[len(X) :]).any()
    assert fitted.search_.get_params()["refit"] is False
    assert SEARCH.random_state is None


def test_the_filter_keeps_the_best_of_those_drawn(imbalanced):
    X, y = imbalanced
    fitted = gansemble(keep=small, draws_per_row=5).fit(X, y)
    seed = int(np.random.RandomState(3).randint(np.iinfo(np.int32).max))
    drawn, labels = fitted.generator_.sample({"b": 20, "c": 10}, random_state=seed)
    expected = []
    for label, n in (("b", 4), ("c", 2)):
        rows = drawn[labels == label]
        best = sorted(np.argsort(rows.mean(axis=1))[:n])
        expected.append(rows[best])
    kept, names = fitted.sample({"b": 4, "c": 2}, random_state=3)
    np.testing.assert_array_equal(kept, np.concatenate(expected))
    assert names.tolist() == ["b"] * 4 + ["c"] * 2


def test_without_a_filter_all_rows_are_kept(imbalanced):
    fitted = gansemble(keep=None).fit(*imbalanced)
    seed = int(np.random.RandomState(3).randint(np.iinfo(np.int32).max))
    expected = fitted.generator_.sample({"b": 4}, random_state=seed)[0]
    np.testing.assert_array_equal(fitted.sample({"b": 4}, random_state=3)[0], expected)


def test_filters_with_fit_see_the_real_rows(imbalanced):
    class Mean(BaseEstimator):
        def fit(self, X, y):
            self.rows_ = X
            return self

        def __call__(self, X, y):
            return small(X, y)

    keep = Mean()
    fitted = gansemble(keep=keep).fit(*imbalanced)
    np.testing.assert_array_equal(fitted.filter_.rows_, imbalanced[0])
    assert not hasattr(keep, "rows_")


def test_rows_come_in_the_order_asked_for(imbalanced):
    fitted = gansemble().fit(*imbalanced)
    wanted = ["c", "a", "c"]
    X, y = fitted.sample(wanted)
    assert y.tolist() == wanted
    by_class, _ = fitted.sample({"a": 1, "c": 2})
    np.testing.assert_array_equal(X, by_class[[1, 0, 2]])


def test_seeds(imbalanced, no_global_rng):
    wanted = {"b": 5}
    first, again = (gansemble().fit(*imbalanced).sample(wanted)[0] for _ in range(2))
    np.testing.assert_array_equal(first, again)
    other = gansemble(random_state=1).fit(*imbalanced).sample(wanted)[0]
    assert not np.array_equal(first, other)


def test_units_of_the_axis_reach_search_and_generator(imbalanced, tmp_path):
    X, y = imbalanced
    domain = Domain("EELS", (SignalAxis("Energy loss", "eV", 450.0 + 0.25 * np.arange(24)),))
    fitted = gansemble("energy-shift(shift_eV=0.5)", domain=domain).fit(X, y)
    for part in (fitted.search_, fitted.generator_):
        assert part.domain.to_dict() == domain.to_dict()
    again = load_generator(fitted.save(tmp_path / "g.safetensors"))
    assert again.domain.to_dict() == domain.to_dict()
    with pytest.raises(IncompatibleSignalError, match="energy-shift"):
        gansemble("energy-shift", domain=Domain("spectrum")).fit(X, y)


def test_groups_reach_the_search(imbalanced):
    X, y = imbalanced
    with pytest.raises(ValueError, match="one group only"):
        gansemble().fit(X, y, groups=y)
    fitted = gansemble().fit(X, y, groups=np.arange(len(y)) % 5)
    assert not hasattr(fitted, "_groups")


@pytest.mark.parametrize("keep", ["real-distance", None])
@pytest.mark.parametrize("inner", ["smote", RandomGenerator()])
def test_save_and_load(imbalanced, tmp_path, keep, inner):
    fitted = gansemble(inner, keep=keep).fit(*imbalanced)
    path = fitted.save(tmp_path / "g.safetensors")
    loaded = load_from(path)
    wanted = {"c": 4, "a": 3}
    np.testing.assert_array_equal(
        loaded.sample(wanted, random_state=5)[0], fitted.sample(wanted, random_state=5)[0]
    )
    assert repr(loaded.ranking_) == repr(fitted.ranking_)
    assert str(loaded.best_strategy_) == str(fitted.best_strategy_)
    assert type(loaded.generator_) is type(fitted.generator_)
    np.testing.assert_array_equal(loaded.fingerprint_, fitted.fingerprint_)
    assert clone(loaded).keep == keep
    again = load_from(loaded.save(tmp_path / "again.safetensors"))
    np.testing.assert_array_equal(
        again.sample(wanted, random_state=5)[0], fitted.sample(wanted, random_state=5)[0]
    )


def load_from(path):
    return load_generator(path)


def test_the_header_says_what_was_chosen(imbalanced, tmp_path):
    fitted = gansemble().fit(*imbalanced)
    path = fitted.save(tmp_path / "g.safetensors")
    with safe_open(path, framework="np") as file:
        header = json.loads(file.metadata()["header"])
    assert header["method"] == "gansemble"
    assert header["generator"]["method"] == "smote"
    assert header["ranking"]["verdict"] == fitted.ranking_.verdict
    assert header["strategy"] == fitted.best_strategy_.to_spec()


def test_a_filter_of_ones_own_cannot_be_saved_but_the_generator_can(imbalanced, tmp_path):
    fitted = gansemble(keep=small).fit(*imbalanced)
    with pytest.raises(ValueError, match=r"generator_\.save"):
        fitted.save(tmp_path / "g.safetensors")
    assert load_generator(fitted.generator_.save(tmp_path / "inner.safetensors")).method == "smote"


def test_a_network_inside(imbalanced, tmp_path):
    from hs_specaug.generators import ThreePlayerGenerator

    X, y = imbalanced
    inner = ThreePlayerGenerator(epochs=1, pretrain_epochs=1)
    fitted = gansemble(inner).fit(X.astype("f4"), y)
    path = fitted.save(tmp_path / "g.safetensors")
    loaded = load_from(path)
    np.testing.assert_allclose(
        loaded.sample({"c": 3})[0], fitted.sample({"c": 3})[0], rtol=1e-4, atol=1e-5
    )
    assert loaded.sample({"c": 3})[0].dtype == np.float32


def test_in_a_pipeline_and_with_channels(imbalanced):
    X, y = imbalanced
    pipeline = make_pipeline(gansemble(), KNeighborsClassifier(1)).fit(X, y)
    assert pipeline.predict(X).shape == y.shape
    rows = X.reshape(-1, 2, 12)
    X_new, _ = gansemble().fit_resample(rows, y)
    assert X_new.shape == (90, 2, 12)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"draws_per_row": 0.5}, "draws_per_row"),
        ({"keep": "real"}, "keep"),
        ({"generator": "smot"}, "did you mean 'smote'"),
    ],
)
def test_impossible_settings_are_named(imbalanced, settings, message):
    with pytest.raises(ValueError, match=message):
        gansemble().set_params(**settings).fit(*imbalanced)


@pytest.mark.parametrize("answer", [lambda X: np.zeros(3), lambda X: np.full(len(X), np.nan)])
def test_a_filter_that_answers_nonsense(imbalanced, answer):
    fitted = gansemble(keep=lambda X, y: answer(X)).fit(*imbalanced)
    with pytest.raises(ValueError, match="keep must return one number"):
        fitted.sample({"b": 4})


CHECKED = GANsemble(
    StrategySearch(
        ["gain"], KNeighborsClassifier(1), repetitions=1, compare_with=(), random_state=0
    ),
    generator="random",
    random_state=0,
)


@pytest.mark.filterwarnings("ignore::hs_specaug.exceptions.SpecAugWarning")
@imblearn_checks([CHECKED])
def test_imbalanced_learn(estimator, check):
    check(estimator)


@pytest.mark.filterwarnings("ignore::hs_specaug.exceptions.SpecAugWarning")
@sklearn_checks([CHECKED])
def test_scikit_learn(estimator, check):
    check(estimator)
