"""The estimators in pipelines, cross-validation, grids and data frames of other libraries."""

import pickle

import numpy as np
import pytest
import sklearn.pipeline
from imblearn.pipeline import Pipeline, make_pipeline
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    StratifiedKFold,
    cross_val_predict,
    cross_validate,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

import hs_specaug
from hs_specaug import make_classifier, make_generator
from hs_specaug.preprocessing import PCADenoiser, PolarImage, SpectrumNormalizer

pytestmark = pytest.mark.filterwarnings("ignore::hs_specaug.exceptions.FewSamplesWarning")

SHORT = {"epochs": 1, "batch_size": 16, "random_state": 0}
GENERATORS = {
    "smote": {"random_state": 0, "k_neighbors": 3},
    "few-shot": {"random_state": 0},
    "random": {"random_state": 0},
    "perturbation": {"perturbation": "gain+shift", "random_state": 0},
    "dcgan": SHORT,
}
CLASSIFIERS = {
    "cnn": {"max_updates": 3, "random_state": 0},
    "svm": {"C": (1, 10), "gamma": (0.1,), "cv": 2, "random_state": 0},
}


@pytest.fixture(scope="module")
def spectra():
    """Give spectra with a band that two classes have at two places, and their sessions."""
    rng = np.random.default_rng(0)
    channel = np.arange(32)
    y = np.repeat(["common", "rare"], [30, 12])
    centre = np.where(y == "common", 12.0, 16.0) + rng.normal(0, 0.5, len(y))
    X = np.exp(-(((channel - centre[:, np.newaxis]) / 3) ** 2)) + rng.normal(0, 0.2, (len(y), 32))
    return X.astype(np.float32), y, np.arange(len(y)) % 3


def pipeline_of(generator, classifier):
    return Pipeline(
        [
            ("normalise", SpectrumNormalizer("z-score")),
            ("denoise", PCADenoiser(5)),
            ("augment", generator),
            ("classify", classifier),
        ]
    )


# --- cross-validation -----------------------------------------------------------------------


@pytest.mark.parametrize("name", GENERATORS)
def test_cross_validation_augments_the_training_rows_only(name, spectra):
    """It gives what the loop gives that one would write by hand."""
    X, y, groups = spectra
    generator = make_generator(name, **GENERATORS[name])
    pipeline = pipeline_of(generator, KNeighborsClassifier(3))
    found = cross_validate(
        pipeline, X, y, groups=groups, cv=GroupKFold(3), scoring="f1_macro", error_score="raise"
    )["test_score"]
    by_hand = []
    for train, test in GroupKFold(3).split(X, y, groups):
        scale = SpectrumNormalizer("z-score").fit(X[train])
        denoise = PCADenoiser(5).fit(scale.transform(X[train]))
        rows = denoise.transform(scale.transform(X[train]))
        rows, names = clone(generator).fit_resample(rows, y[train])
        assert np.unique(names, return_counts=True)[1].tolist() == [20, 20]
        model = KNeighborsClassifier(3).fit(rows, names)
        scored = model.predict(denoise.transform(scale.transform(X[test])))
        by_hand.append(f1_score(y[test], scored, average="macro"))
    np.testing.assert_allclose(found, by_hand)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_classifiers_at_the_end(name, spectra):
    X, y, groups = spectra
    pipeline = pipeline_of(
        make_generator("smote", **GENERATORS["smote"]), make_classifier(name, **CLASSIFIERS[name])
    )
    scores = cross_validate(
        pipeline, X, y, groups=groups, cv=GroupKFold(2),
        scoring=["f1_macro", "neg_log_loss", "roc_auc"], error_score="raise",
    )  # fmt: skip
    for metric in ("f1_macro", "neg_log_loss", "roc_auc"):
        assert np.isfinite(scores[f"test_{metric}"]).all()
    probabilities = cross_val_predict(
        pipeline, X, y, groups=groups, cv=GroupKFold(2), method="predict_proba"
    )
    assert probabilities.shape == (len(y), 2)  # one for each measured row, none synthetic
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, rtol=1e-5)


@pytest.mark.parametrize("shape", [(2, 16), (1, 8, 8), (3, 8, 8)], ids=str)
def test_rows_with_channels(shape):
    """Impedance and images keep their shape on the way."""
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], [16, 8])
    X = rng.normal(size=(24, *shape)) + y.reshape(-1, *(1,) * len(shape))
    pipeline = make_pipeline(
        make_generator("few-shot", random_state=0), make_classifier("cnn", **CLASSIFIERS["cnn"])
    )
    scores = cross_validate(pipeline, X, y, cv=StratifiedKFold(2), error_score="raise")
    assert np.isfinite(scores["test_score"]).all()


def test_polar_images_in_a_pipeline(spectra):
    X, y, _ = spectra
    pipeline = make_pipeline(
        PolarImage(size=16), make_generator("random", random_state=0),
        make_classifier("cnn", **CLASSIFIERS["cnn"]),
    )  # fmt: skip
    assert pipeline.fit(X, y).predict(X).shape == y.shape


# --- grids ----------------------------------------------------------------------------------


def test_grid_over_hyperparameters_and_methods(spectra):
    X, y, groups = spectra
    pipeline = pipeline_of(
        make_generator("smote", random_state=0), LogisticRegression(max_iter=200)
    )
    grid = [
        {"augment__k_neighbors": [1, 3], "denoise__n_components": [2, 4]},
        {"augment": ["passthrough", make_generator("perturbation", perturbation="gain")]},
    ]
    search = GridSearchCV(pipeline, grid, cv=GroupKFold(3), scoring="f1_macro", error_score="raise")
    search.fit(X, y, groups=groups)
    tried = search.cv_results_
    assert len(tried["params"]) == 6
    best = int(np.argmin(tried["rank_test_score"]))
    assert search.best_score_ == pytest.approx(max(tried["mean_test_score"]))
    assert search.best_params_ == tried["params"][best]
    # Each score is that of the pipeline with these parameters.
    candidate = clone(pipeline).set_params(**tried["params"][1])
    scores = cross_validate(candidate, X, y, groups=groups, cv=GroupKFold(3), scoring="f1_macro")
    assert np.mean(scores["test_score"]) == pytest.approx(tried["mean_test_score"][1])
    assert search.predict(X).shape == y.shape
    assert pipeline.get_params()["augment__k_neighbors"] == 5  # the one given is untouched


def test_grid_over_a_network(spectra):
    X, y, _ = spectra
    pipeline = make_pipeline(
        make_generator("random", random_state=0), make_classifier("cnn", **CLASSIFIERS["cnn"])
    )
    grid = {"cnnclassifier__learning_rate": [1e-4, 1e-2]}
    search = GridSearchCV(pipeline, grid, cv=2, error_score="raise").fit(X, y)
    assert search.best_params_["cnnclassifier__learning_rate"] in (1e-4, 1e-2)


@pytest.mark.parametrize("name", ["few-shot", "dcgan"])
def test_fitted_pipeline_is_pickled(name, spectra):
    """As processes of a grid need it."""
    X, y, _ = spectra
    pipeline = pipeline_of(
        make_generator(name, **GENERATORS[name]), make_classifier("cnn", **CLASSIFIERS["cnn"])
    ).fit(X, y)
    again = pickle.loads(pickle.dumps(pipeline))
    np.testing.assert_array_equal(again.predict_proba(X), pipeline.predict_proba(X))


def test_scikit_learns_own_pipeline_says_where_samplers_go(spectra):
    X, y, _ = spectra
    pipeline = sklearn.pipeline.make_pipeline(make_generator("random"), LogisticRegression())
    with pytest.raises(TypeError, match=r"Generator"):
        pipeline.fit(X, y)


# --- data frames ----------------------------------------------------------------------------


@pytest.fixture
def frame(spectra):
    """Give the spectra as a data frame with the wavenumbers as columns."""
    pandas = pytest.importorskip("pandas")
    X, y, _ = spectra
    columns = [f"{400 + 2 * i} 1/cm" for i in range(X.shape[1])]
    return pandas.DataFrame(X, columns=columns), pandas.Series(y, name="polymer")


@pytest.mark.parametrize("transformer", [PCADenoiser(3), SpectrumNormalizer("max")])
def test_set_output(transformer, frame):
    X, _ = frame
    plain = clone(transformer).fit(X).transform(X)
    assert isinstance(plain, np.ndarray)
    out = transformer.set_output(transform="pandas").fit(X).transform(X)
    assert out.columns.tolist() == X.columns.tolist()
    assert out.index.equals(X.index)
    np.testing.assert_array_equal(out.to_numpy(), plain)


def test_set_output_of_a_pipeline(frame):
    X, y = frame
    pipeline = Pipeline(
        [
            ("scale", StandardScaler()),
            ("normalise", SpectrumNormalizer("max")),
            ("augment", make_generator("smote", random_state=0)),
            ("classify", KNeighborsClassifier()),
        ]
    ).set_output(transform="pandas")
    pipeline.fit(X, y)
    assert pipeline[-1].feature_names_in_.tolist() == X.columns.tolist()
    assert pipeline.predict(X).shape == y.shape


def test_images_have_no_columns():
    assert not hasattr(PolarImage(), "set_output")


@pytest.mark.parametrize("name", ["smote", "few-shot", "perturbation", "random"])
def test_frames_stay_frames(name, frame):
    X, y = frame
    X_new, y_new = make_generator(name, **GENERATORS[name]).fit_resample(X, y)
    assert type(X_new) is type(X)
    assert type(y_new) is type(y)
    assert X_new.columns.tolist() == X.columns.tolist()
    assert y_new.name == "polymer"
    np.testing.assert_array_equal(X_new.iloc[: len(X)], X)
    assert y_new.value_counts().tolist() == [30, 30]


# --- from a signal --------------------------------------------------------------------------


def test_arrays_of_a_signal_go_straight_in(spectra):
    """What `to_arrays` returns is what scikit-learn takes, and scores the same."""
    X, y, session = spectra
    s = hs_specaug.from_arrays(X, y, groups=session)
    rows, names, _, groups = s.to_arrays()
    pipeline = make_pipeline(make_generator("smote", random_state=0), KNeighborsClassifier())
    options = {"cv": GroupKFold(3), "error_score": "raise"}
    scores = cross_validate(pipeline, rows, names, groups=groups, **options)["test_score"]
    expected = cross_validate(pipeline, X, y, groups=session, **options)["test_score"]
    np.testing.assert_array_equal(scores, expected)
    assert (scores > 0.5).all()


def test_every_classifier_of_scikit_learn_has_its_name():
    """Found without importing all of scikit-learn, and PyTorch with it."""
    from sklearn.utils import all_estimators

    from hs_specaug._registry import _scikit_learn_classifiers

    assert _scikit_learn_classifiers() == dict(all_estimators(type_filter="classifier"))
