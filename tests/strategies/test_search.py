"""The search: fair, leak-proof, reproducible, and honest about what it found."""

from typing import ClassVar

import joblib
import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.estimator_checks import parametrize_with_checks

from hs_specaug import SignalAxis
from hs_specaug.evaluation import make_splits
from hs_specaug.exceptions import IncompatibleSignalError, SpecAugWarning
from hs_specaug.generators import PerturbationGenerator
from hs_specaug.perturbations import Domain, Perturbation
from hs_specaug.strategies import StrategySearch, composites
from hs_specaug.strategies._factorial import halving_schedule

NEIGHBOUR = KNeighborsClassifier(1)
TRAINED: list = []
FITTED_TO: list = []


class Recording(ClassifierMixin, BaseEstimator):
    """Nearest neighbour that notes what it learned from, then what it was asked."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.model_ = KNeighborsClassifier(1).fit(X, y)
        self.rows_ = X.copy()
        return self

    def predict(self, X):
        TRAINED.append((self.rows_, X.copy()))
        return self.model_.predict(X)


class Borrower(Perturbation):
    """Do nothing, but note the rows that were there to borrow from."""

    name: ClassVar[str] = "borrower"
    borrows: ClassVar[bool] = True

    def fit(self, X, y=None, *, domain=None):
        FITTED_TO.append(np.array(X))
        self.reservoir_ = X
        return self

    def _apply(self, X, y, domain, draws):
        return X + 0.0


@pytest.fixture(autouse=True)
def _forget():
    TRAINED.clear()
    FITTED_TO.clear()


def as_set(rows):
    return {row.tobytes() for row in rows}


def search(strategies=("gain", "gaussian-noise"), classifier=NEIGHBOUR, **settings):
    return StrategySearch(strategies, classifier, **{"random_state": 0, **settings})


# --- what is compared --------------------------------------------------------------------------


def test_table_has_every_composite_and_baseline(imbalanced):
    fitted = search(("gain", "shift", "gaussian-noise"), LogisticRegression(), n_steps=2).fit(
        *imbalanced
    )
    names = {row["strategy"] for row in fitted.results_}
    assert names == {
        *composites(["gain", "shift", "gaussian-noise"], 2),
        "no oversampling",
        "oversampling without augmentation",
        "class weights",
        "smote",
    }
    assert all(row["repetitions"] == 3 for row in fitted.results_)
    for name in names:
        assert name in fitted.table()
    ranks = fitted.cv_results_
    assert ranks["params"][0]["strategy"] == fitted.results_[0]["strategy"]
    np.testing.assert_allclose(
        ranks["mean_test_score"], [row["score"] for row in fitted.results_], rtol=1e-12
    )
    assert ranks["split2_test_score"].shape == (len(names),)


def test_a_cell_can_be_recomputed_by_hand(imbalanced):
    X, y = imbalanced
    fitted = search(test_size=0.4, sampling_strategy=25, repetitions=2).fit(X, y)
    root = int(np.random.RandomState(0).randint(np.iinfo(np.int32).max))
    seeds = (np.random.SeedSequence((root, 1)).generate_state(3) >> 1).tolist()
    train, test = make_splits(y, test_size=0.4, random_state=seeds[0])[0]
    counts = {label: max(25, (y[train] == label).sum()) for label in "abc"}
    generator = PerturbationGenerator("gain", sampling_strategy=counts, random_state=seeds[1])
    model = KNeighborsClassifier(1).fit(*generator.fit_resample(X[train], y[train]))
    expected = f1_score(y[test], model.predict(X[test]), average="macro")
    assert fitted.ranking_.scores["gain"][1, 0] == expected
    plain = KNeighborsClassifier(1).fit(X[train], y[train])
    assert fitted.ranking_.scores["no oversampling"][1, 0] == f1_score(
        y[test], plain.predict(X[test]), average="macro"
    )


def test_candidates_share_splits(imbalanced):
    search(compare_with=(), classifier=Recording(), repetitions=2, refit=False).fit(*imbalanced)
    n_candidates = 2 + 3
    assert len(TRAINED) == 2 * n_candidates
    for repetition in (TRAINED[:n_candidates], TRAINED[n_candidates:]):
        assert len({scored.tobytes() for _, scored in repetition}) == 1
    assert TRAINED[0][1].tobytes() != TRAINED[-1][1].tobytes()


def test_zero_strength_is_oversampling_without_augmentation(imbalanced):
    # A generator that repeats every row equally often teaches a neighbour nothing.
    fitted = search({"same": Borrower()}).fit(*imbalanced)
    row = fitted.ranking_["same"]
    assert row["gain"] == 0.0
    assert "No strategy beats no oversampling" in fitted.verdict_


# --- no leak -------------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [{}, {"cv": 3}, {"holdout": 0.3}, {"halving": True}])
@pytest.mark.parametrize("grouped", [False, True])
def test_scored_rows_are_never_learned_nor_borrowed_from(imbalanced, settings, grouped):
    X, y = imbalanced
    groups = np.arange(len(y)) % 4 if grouped else None
    search(
        {"borrow": Borrower()}, Recording(), compare_with=(), refit=False, **settings
    ).fit(X, y, groups)  # fmt: skip
    assert FITTED_TO
    group_of = {row.tobytes(): g for row, g in zip(X, groups, strict=True)} if grouped else {}
    for learned, scored in TRAINED:
        assert not as_set(learned) & as_set(scored)
        if grouped:
            assert not {group_of[r] for r in as_set(learned)} & {
                group_of[r] for r in as_set(scored)
            }
    per_fit = [as_set(scored) for rows, scored in TRAINED if len(rows) > 0]
    for reservoir in FITTED_TO:
        assert any(not as_set(reservoir) & scored for scored in per_fit)


def test_held_out_rows_are_scored_once_and_never_searched(imbalanced):
    X, y = imbalanced
    fitted = search(classifier=Recording(), compare_with=(), holdout=0.3, refit=False).fit(X, y)
    outside = TRAINED[-1][1]
    n_search = 3 * (2 + 3)
    for learned, scored in TRAINED[:n_search]:
        assert not as_set(outside) & (as_set(learned) | as_set(scored))
    # The winner and the two baselines, on the same rows.
    assert [scored.tobytes() for _, scored in TRAINED[n_search:]] == [outside.tobytes()] * 3
    assert set(fitted.holdout_reports_) == {
        fitted.best_name_,
        "no oversampling",
        "oversampling without augmentation",
    }
    value, low, high = fitted.ranking_.holdout[fitted.best_name_]
    assert low <= value <= high
    assert value == pytest.approx(fitted.holdout_reports_[fitted.best_name_].macro_f_score)
    assert "never saw" in fitted.verdict_


def test_the_reported_winner_is_optimistic_and_the_holdout_is_not():
    # Labels at random: nothing can be learned, and the best of many still looks good.
    rng = np.random.default_rng(0)
    searched, held = [], []
    for seed in range(6):
        X, y = rng.normal(size=(48, 6)), np.repeat(["a", "b"], [32, 16])
        fitted = StrategySearch(
            {str(i): f"gaussian-noise(noise={i})" for i in range(1, 7)},
            DecisionTreeClassifier(), n_steps=1, repetitions=1, test_size=0.3,
            scoring="balanced_accuracy", holdout=0.4, refit=False, random_state=seed,
        ).fit(X, y)  # fmt: skip
        searched.append(fitted.best_score_)
        held.append(fitted.ranking_.holdout[fitted.best_name_][0])
    assert np.mean(searched) > np.mean(held) + 0.05


# --- what it finds -------------------------------------------------------------------------------


def test_a_strategy_that_helps_is_found_and_said_to(shifted_peaks):
    X, y = shifted_peaks
    fitted = StrategySearch(
        {"shift": "shift(shift=8.0)", "noise": "gaussian-noise"},
        NEIGHBOUR, sampling_strategy=120, repetitions=10, test_size=0.75,
        overlap_correction=False, random_state=0,
    ).fit(X, y)  # fmt: skip
    assert "shift" in fitted.best_name_
    assert fitted.ranking_["shift"]["gain_low"] > 0
    assert fitted.ranking_["noise"]["gain"] < fitted.ranking_["shift"]["gain"]
    assert "2 of 3 strategies beat no oversampling here" in fitted.verdict_


def test_balanced_classes_are_warned_about(imbalanced):
    X, y = imbalanced[0][:40], np.repeat(["a", "b"], 20)
    with pytest.warns(SpecAugWarning, match="sampling_strategy=40"):
        search().fit(X, y)


# --- halving -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((15, 9, 3), [(1, 5), (3, 2), (9, 2)]),
        ((15, 10, 2), [(1, 8), (2, 4), (5, 2), (10, 2)]),
        ((3, 9, 3), [(3, 1), (9, 1)]),
        ((1, 9, 3), [(9, 1)]),
        ((15, 1, 3), [(1, 15)]),
    ],
)
def test_halving_schedule_by_hand(arguments, expected):
    assert halving_schedule(*arguments) == expected


def test_halving_spends_less_and_scores_survivors_alike(imbalanced):
    strategies = ("gain", "shift", "gaussian-noise", "baseline")
    full = search(strategies, n_steps=None, repetitions=4).fit(*imbalanced).ranking_
    short = search(strategies, n_steps=None, repetitions=4, halving=True, factor=2).fit(*imbalanced)
    composite_rows = [r for r in short.results_ if r["kind"] == "composite"]
    assert sorted(r["repetitions"] for r in composite_rows) == [1] * 7 + [2] * 4 + [4] * 4
    assert short.ranking_["no oversampling"]["repetitions"] == 4
    for name, values in short.ranking_.scores.items():
        np.testing.assert_array_equal(values, full.scores[name][: len(values)])
    first = {name: full.scores[name][0, 0] for name in composites(strategies)}
    out = [r["strategy"] for r in composite_rows if r["repetitions"] == 1]
    assert max(first[name] for name in out) <= min(first[n] for n in first if n not in out)
    assert not short.ranking_[short.best_name_]["eliminated"]


# --- where it runs -------------------------------------------------------------------------------


def test_workers_do_not_matter(imbalanced, no_global_rng):
    def ranking(n_jobs):
        searching = search(
            ["gain"], DecisionTreeClassifier(), repetitions=2, refit=False, n_jobs=n_jobs
        )
        return searching.fit(*imbalanced).ranking_

    alone = ranking(None)
    with joblib.parallel_config(backend="threading"):
        threads = ranking(2)
    processes = ranking(2)
    for name, values in alone.scores.items():
        np.testing.assert_array_equal(threads.scores[name], values)
        np.testing.assert_array_equal(processes.scores[name], values)


def test_a_dask_cluster_does_not_matter(imbalanced):
    distributed = pytest.importorskip("distributed", reason="needs hs_specaug[distributed]")
    searching = search(["gain"], DecisionTreeClassifier(), repetitions=2, refit=False)
    alone = searching.fit(*imbalanced).ranking_
    with (
        distributed.Client(processes=False, n_workers=1, dashboard_address=None),
        joblib.parallel_config(backend="dask"),
    ):
        cluster = clone(searching).fit(*imbalanced).ranking_
    for name, values in alone.scores.items():
        np.testing.assert_array_equal(cluster.scores[name], values)


def test_seed_decides(imbalanced):
    def scores(seed):
        fitted = search(
            ["gain"], DecisionTreeClassifier(), repetitions=1, compare_with=(),
            random_state=seed, refit=False,
        )  # fmt: skip
        return fitted.fit(*imbalanced).ranking_.scores["gain"].tolist()

    assert scores(1) == scores(1)
    assert scores(1) != scores(2)
    rng = np.random.RandomState(1)
    assert scores(rng) != scores(rng)


def test_the_classifiers_own_seed_is_respected(imbalanced):
    fitted = search(classifier=DecisionTreeClassifier(random_state=7)).fit(*imbalanced)
    assert fitted.best_estimator_.estimator_.random_state == 7


def test_an_error_names_the_strategy(imbalanced):
    with pytest.raises(ValueError, match="min_rows") as caught:
        search(["borrowed-variation(min_rows=1000)"], compare_with=()).fit(*imbalanced)
    assert "borrowed-variation" in caught.value.__notes__[0]


# --- as an estimator -----------------------------------------------------------------------------


def test_predicts_with_the_winner_fitted_to_all_rows(imbalanced):
    X, y = imbalanced
    fitted = search(classifier=LogisticRegression(), sampling_strategy=40).fit(X, y)
    generator = fitted.best_generator_
    assert str(generator.perturbation_) == fitted.best_name_
    model = LogisticRegression(max_iter=100).fit(*clone(generator).fit_resample(X, y))
    np.testing.assert_allclose(fitted.predict_proba(X), model.predict_proba(X), rtol=1e-10)
    assert fitted.classes_.tolist() == ["a", "b", "c"]
    expected = f1_score(y, fitted.predict(X), average="macro")
    assert fitted.score(X, y) == expected


@pytest.mark.parametrize(
    ("scoring", "reference"),
    [("accuracy", accuracy_score), (lambda y, p: -float((y != p).sum()), None)],
)
def test_other_scores(imbalanced, scoring, reference):
    X, y = imbalanced
    fitted = search(scoring=scoring, holdout=0.3).fit(X, y)
    wanted = (reference or scoring)(y, fitted.predict(X))
    assert fitted.score(X, y) == wanted
    assert "nan" not in repr(fitted.ranking_)


def test_channels_and_images_come_through(imbalanced):
    X, y = imbalanced
    for shape in [(2, 12), (1, 4, 6)]:
        rows = X.reshape(len(X), *shape)
        fitted = search(["gaussian-noise"], repetitions=1).fit(rows, y)
        assert fitted.predict(rows).shape == y.shape
        with pytest.raises(ValueError, match="as in fit"):
            fitted.predict(rows[..., :-1])


def test_units_of_the_axis_reach_the_perturbation(imbalanced):
    X, y = imbalanced
    axis = SignalAxis("Wavenumber", "1/cm", np.linspace(1000.0, 1100.0, 24))
    domain = Domain("spectrum", (axis,))
    fitted = search(["wavenumber-shift(shift_per_cm=4.0)"], domain=domain).fit(X, y)
    assert fitted.best_generator_.domain.to_dict() == domain.to_dict()
    with pytest.raises(IncompatibleSignalError):
        search(["wavenumber-shift"], domain=Domain("impedance")).fit(X, y)


def test_without_refit_there_is_nothing_to_predict_with(imbalanced):
    fitted = search(refit=False).fit(*imbalanced)
    with pytest.raises(AttributeError, match="refit=True"):
        fitted.predict(imbalanced[0])


def test_works_inside_scikit_learns_tools(imbalanced):
    X, y = imbalanced
    estimator = search(["gain"], repetitions=1, compare_with=())
    assert clone(estimator).get_params()["classifier__n_neighbors"] == 1
    assert cross_val_score(estimator, X, y, cv=2).shape == (2,)
    grid = GridSearchCV(estimator, {"classifier__n_neighbors": [1, 3]}, cv=2).fit(X, y)
    assert grid.best_estimator_.best_name_ == "gain"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"repetitions": 0}, "repetitions"),
        ({"n_steps": 0}, "n_steps"),
        ({"test_size": 1.5}, "test_size"),
        ({"holdout": 1.0}, "holdout"),
        ({"scoring": "f2"}, "scoring"),
        ({"factor": 1}, "factor"),
        ({"sampling_strategy": 0}, "at least 1 row"),
        ({"classifier": "KNeighborClassifier"}, "did you mean 'KNeighborsClassifier'"),
        ({"strategies": ["gian"]}, "did you mean 'gain'"),
        ({"compare_with": "smote"}, r"write \['smote'\]"),
        ({"scoring": lambda y, predicted: float("nan")}, "scoring gave nan"),
    ],
)
def test_impossible_settings_are_named(imbalanced, settings, message):
    with pytest.raises(ValueError, match=message):
        search().set_params(**settings).fit(*imbalanced)


def test_groups_must_be_as_many_as_rows(imbalanced):
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        search().fit(*imbalanced, groups=np.zeros(5))


def test_sample_weights_are_refused(imbalanced):
    fitted = search(["gain"], repetitions=1).fit(*imbalanced)
    with pytest.raises(ValueError, match="sample_weight"):
        fitted.score(*imbalanced, sample_weight=np.ones(50))


@pytest.mark.filterwarnings("ignore::hs_specaug.exceptions.SpecAugWarning")
@parametrize_with_checks(
    [
        StrategySearch(
            ["gain"], DecisionTreeClassifier(max_depth=4), repetitions=1, compare_with=(),
            random_state=0,
        )
    ]
)  # fmt: skip
def test_scikit_learn(estimator, check):
    check(estimator)
