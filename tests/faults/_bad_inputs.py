"""Bad inputs and what is called with them: the columns and the rows of the table of faults."""

from __future__ import annotations

import functools
import importlib
import inspect
import resource
import tempfile
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import hyperspy.api as hs
import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.neighbors import KNeighborsClassifier

from hs_specaug import evaluation as ev
from hs_specaug import (
    from_arrays,
    io,
    label_by_threshold,
    load_generator,
    make_classifier,
    make_generator,
    make_perturbation,
)
from hs_specaug import generators as gen
from hs_specaug import perturbations as per
from hs_specaug import preprocessing as pre
from hs_specaug.classifiers import CNNClassifier, SVMClassifier
from hs_specaug.exceptions import (
    IncompatibleAxisError,
    IncompatibleSignalError,
    LeakageError,
)
from hs_specaug.labels import encode_labels
from hs_specaug.networks import TrainingLoop
from hs_specaug.signals import AugmentableImage, AugmentableSpectrum
from hs_specaug.signals._classification import ClassificationResult
from hs_specaug.strategies import StrategySearch, oversampling_size_curve
from hs_specaug.studies import Study, StudyResult, recommend_augmentation

KNN = "KNeighborsClassifier"
ROWS, CHANNELS = 24, 12
HUGE = 10**9

#: Column: what is bad in it.
COLUMNS = {
    "NaN": "a labelled row holds NaN",
    "inf": "a labelled row holds infinity",
    "empty": "no row at all",
    "no channels": "rows without a channel",
    "one sample": "one row",
    "one class": "rows of one class",
    "unlabelled": "no row has a label; in arrays, labels that are None",
    "label shape": "labels of another shape than the rows",
    "same names": "a class name that occurs twice",
    "constant": "all rows alike, each one constant",
    "uint8": "counts up to 255 in 8 bits",
    "uint16": "counts up to 65535 in 16 bits",
    "int64": "counts up to 2⁶³ − 1 in 64 bits",
    "complex": "complex numbers where real ones are usual",
    "uneven axis": "an axis whose channels differ in width",
    "other axis": "a generator of another axis than the signal",
    "negative": "negative counts, for Poisson noise",
    "huge": "10⁹ neighbours, folds, rows or components",
    "unknown name": "a name that is not registered",
    "closed file": "a lazy signal whose HDF5 file was closed",
    "read-only": "a folder that must not be written to",
    "full disk": "no space left for the file",
    "no CUDA": 'device="cuda" where there is none',
    "memory": "the memory is full in the middle",
}

#: What a refusal is called in the table: the error, and how its message reads.
MESSAGES: dict[str, tuple[type[BaseException], str]] = {
    "not finite": (
        ValueError,
        r"NaN or infinit|NaN or infinity|must be finite|contains NaN|contains infinity",
    ),
    "nothing labelled": (ValueError, r"no (spectrum of this signal|image) is labelled; label some"),
    "not there": (ValueError, r"no position carries the label 'core'; class_counts\(\) is"),
    "one class": (
        ValueError,
        r"at least two classes|needs to have more than 1 class",
    ),
    "no rows": (
        ValueError,
        r"holds no spectrum or image|contains no position|sample\(s\) .*minimum|must hold at least|"
        r"at least one, got shapes|spectra; this signal has none|needs at least \d+ rows, got 0|"
        r"Unknown label type|holds no|no rows|is empty|is no line",
    ),
    "too few rows": (
        ValueError,
        r"at least \d+ rows, got|splits name row 23, but X has 1|minimum of 2 is required|"
        r"this signal has one\.|at least 2 rows|"
        r"needs? .*rows",
    ),
    "no channels": (
        ValueError,
        r"rows of this signal are empty, of shape|at least one channel|feature\(s\)|"
        r"at least 1 finite|of one length|X has 0 channels|two channels or more|finite values",
    ),
    "labels missing": (ValueError, r"must be known for every row"),
    "label shape": (
        ValueError,
        r"inconsistent numbers of samples|one label (per|for each)|same number of rows|"
        r"have shape .* expected the navigation shape|one entry for each row|1-D sequence",
    ),
    "names repeat": (ValueError, r"must be unique|each once"),
    "unknown name": (ValueError, r"unknown |did you mean|must be one of|are not in|no class"),
    "no file": (
        OSError,
        r"there is no (model )?file|[Nn]o such file|no such folder|the folder .* does not exist",
    ),
    "not ours": (
        ValueError,
        r"not a readable model file|must end in|takes no labels|no sub-folder",
    ),
    "seen in training": (LeakageError, r"or rows equal to them, in its training"),
    "other kind of rows": (
        IncompatibleSignalError,
        r"makes rows of shape|is not valid for rows of",
    ),
    "other axis": (IncompatibleAxisError, r"does not fit this signal: .*s\.preprocess"),
    "outside the axis": (ValueError, r"must lie within the axis|outside|exceeds the old axis"),
    "axis not ordered": (ValueError, r"finite and rise or fall"),
    "no images": (ValueError, r"a gallery shows images, this is"),
    "no polar images": (ValueError, r"only polar images can be turned into spectra"),
    "complex": (
        ValueError,
        r"must be real numbers, got|Complex data not supported|drawn of real spectra|"
        r"no meaning for impedance and other complex data|codes or names, got dtype complex",
    ),
    "too large": (ValueError, r"too large to be squared|leaves no noise in double precision"),
    "number out of range": (
        ValueError,
        r"must (not )?be .*got|must be a whole number|n_components|would make as many classes|"
        r"no snapshot of epoch|whole numbers",
    ),
    "constant": (
        ValueError,
        r"are constant|cannot be told apart in rows|have 1 peaks of prominence",
    ),
    "other shape": (ValueError, r"rows of X have shape .* those of like"),
    "file closed": (OSError, r"its file was closed .*hs\.load\(path, lazy=True\)"),
    "disk": (OSError, r"cannot write|[Ff]ile too large|takes no file, choose another"),
    "no CUDA": (ValueError, r"torch finds no CUDA device here; use device='auto'"),
    "memory": ((MemoryError, RuntimeError), r"[Mm]emory|allocate"),
}


# ------------------------------------------------------------------------------------------- data


@functools.cache
def _rows(image: bool) -> np.ndarray:
    rng, x = np.random.default_rng(0), np.arange(CHANNELS)
    centre = np.repeat([3.0, 8.0], [16, 8])[:, np.newaxis]
    X = 100.0 * np.exp(-0.5 * ((x - centre) / 2.0) ** 2) + rng.random((ROWS, CHANNELS)) * 5.0 + 10.0
    return X[:, np.newaxis] + rng.random((ROWS, CHANNELS, CHANNELS)) if image else X


def rows(column: str = "", image: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Return rows and labels that are bad in the way of `column`, or good ones."""
    X, y = _rows(image).copy(), np.repeat(["core", "shell"], [16, 8])
    if column in ("NaN", "inf"):
        X[0].flat[2] = float(column)
    elif column in ("empty", "one sample"):
        X, y = X[: column == "one sample"], y[: column == "one sample"]
    elif column == "no channels":
        X = X[..., :0]
    elif column == "one class":
        y[:] = "core"
    elif column == "unlabelled":
        y = np.full(ROWS, None)
    elif column == "label shape":
        y = y[:-2]
    elif column == "constant":
        X[:] = 1.0
    elif column in ("uint8", "uint16", "int64"):
        top = np.iinfo(column).max
        X = np.full(X.shape, top, column) - np.random.default_rng(1).integers(0, 9, X.shape, column)
    elif column == "complex":
        X = X + 1j * X[..., ::-1]
    elif column == "negative":
        X -= 60.0
    return X, y


def signal(column: str = "", image: bool = False) -> Any:
    """Return a labelled signal that is bad in the way of `column`, or a good one."""
    X, y = rows("" if column == "unlabelled" else column, image)
    s = (AugmentableImage if image else AugmentableSpectrum)(X)
    s.set_labels((y == "shell").astype(int), classes=["core", "shell"])
    if column == "unlabelled":
        s.set_labels(np.full(ROWS, -1), classes=["core", "shell"])
    if column == "uneven axis":
        for axis in s.axes_manager.signal_axes:
            axis.convert_to_non_uniform_axis()
            axis.axis = np.geomspace(1.0, 100.0, axis.size)
    if column == "other axis":
        for axis in s.axes_manager.signal_axes:
            axis.offset, axis.units = 500.0, "eV"
    if column == "closed file":
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "closed.hspy"
            s.save(path)
            s = hs.load(path, lazy=True)
            s.close_file()
    return s


@functools.cache
def fitted(name: str, image: bool = False) -> Any:
    """Return something that was fitted to good rows."""
    X, y = rows(image=image)
    if name == "smote of signal":
        return signal(image=image).train_generator("smote", random_state=0)
    if name == "result":
        return signal().classify(KNN, random_state=0)
    if name == "lazy result":
        return signal().as_lazy().classify(KNN, random_state=0)
    if name == "study":
        return _study().run(X, y)
    return _estimator(name).fit(X, y)


def _estimator(name: str) -> Any:
    made: dict[str, Callable[[], Any]] = {
        "cnn": lambda: CNNClassifier(epochs=1, random_state=0),
        "svm": lambda: SVMClassifier(C=[1.0], gamma=[1.0], random_state=0),
        "cdragan": lambda: make_generator("cdragan", epochs=1, random_state=0),
        "real-distance": gen.RealDistanceFilter,
        "corner-density": gen.CornerDensityFilter,
        "confidence": lambda: gen.ConfidenceFilter(KNeighborsClassifier()),
        "search": lambda: _search(),
        "normalizer": pre.SpectrumNormalizer,
        "polar": lambda: pre.PolarImage(size=8),
        "denoiser": lambda: pre.PCADenoiser(2),
    }
    return made[name]() if name in made else make_generator(name, random_state=0)


def _search(**settings: Any) -> StrategySearch:
    return StrategySearch(["gaussian-noise"], classifier=KNN, random_state=0, **settings)


def _study(methods: Any = ("random",), **settings: Any) -> Study:
    brief = {"baselines": ["none"], "default_classifiers": ["nearest neighbour"], "repetitions": 2}
    return Study(methods, random_state=0, **{**brief, **settings})


def _refit(name: str) -> Callable[..., Any]:
    """Fit what was fitted before: a refusal must leave it as it was."""
    return lambda X, y: fitted(name).fit(X, y)


def _resample(name: str) -> Callable[..., Any]:
    return lambda X, y: make_generator(name, random_state=0).fit_resample(X, y)


def _images(X: np.ndarray) -> np.ndarray:
    return np.repeat(X[:, np.newaxis, np.newaxis, :], CHANNELS, axis=2)


# ------------------------------------------------------------------------------------------- rows


class Row(NamedTuple):
    """Something public that is called, with what kind of bad input, and which names it stands for.

    ``on`` is "signal", "rows" (X, y) or "X".
    """

    covers: str
    on: str
    call: Callable[..., Any]
    kinds: tuple[str, ...] = ("spectra",)
    in_place: bool = False


DATA = {
    "signal": ("NaN", "inf", "empty", "no channels", "one sample", "one class", "unlabelled",
               "constant", "uint8", "uint16", "int64", "complex", "uneven axis", "closed file"),
    "rows": ("NaN", "inf", "empty", "no channels", "one sample", "one class", "unlabelled",
             "label shape", "constant", "uint8", "uint16", "int64", "complex"),
    "X": ("NaN", "inf", "empty", "no channels", "one sample", "constant", "uint8", "uint16",
          "int64", "complex"),
}  # fmt: skip
BOTH = ("spectra", "images")


def _image(s: Any) -> bool:
    return isinstance(s, AugmentableImage)


def _set_groups(s: Any) -> None:
    s.groups = 0


def _set_labels_attribute(s: Any) -> None:
    s.labels = s.labels


SIGNAL_ROWS = {
    "s.set_labels": Row(
        "LabelsMixin.set_labels", "signal",
        lambda s: s.set_labels(s.labels, classes=s.classes), BOTH, True,
    ),
    "s.labels": Row("LabelsMixin.labels", "signal", _set_labels_attribute, BOTH, True),
    "s.groups": Row("LabelsMixin.groups", "signal", _set_groups, BOTH, True),
    "s.classes": Row("LabelsMixin.classes", "signal", lambda s: s.classes),
    "s.class_counts": Row("LabelsMixin.class_counts", "signal", lambda s: s.class_counts()),
    "s.balanced_ratio": Row("LabelsMixin.balanced_ratio", "signal", lambda s: s.balanced_ratio),
    "s.clear_labels": Row(
        "LabelsMixin.clear_labels", "signal", lambda s: s.clear_labels(), BOTH, True
    ),
    "s.select_class": Row(
        "LabelsMixin.select_class", "signal", lambda s: s.select_class("core"), BOTH
    ),
    "s.label_region": Row(
        "LabelsMixin.label_region", "signal",
        lambda s: s.label_region(hs.roi.SpanROI(0, 4), "edge"), BOTH, True,
    ),
    "s.plot_labels": Row("LabelsMixin.plot_labels", "signal", lambda s: s.plot_labels(), BOTH),
    "s.plot_linked": Row("LinkedPlotMixin.plot_linked", "signal", lambda s: s.plot_linked()),
    "s.preprocess(normalize)": Row(
        "PreprocessingMixin.preprocess", "signal", lambda s: s.preprocess(normalize="max"), BOTH
    ),
    "s.preprocess(denoise)": Row(
        "PreprocessingMixin.preprocess", "signal", lambda s: s.preprocess(denoise=2), BOTH
    ),
    "s.preprocess(resample)": Row(
        "PreprocessingMixin.preprocess", "signal",
        lambda s: s.preprocess(resample=(6, 6) if _image(s) else 6), BOTH,
    ),
    "s.preprocess(background)": Row(
        "PreprocessingMixin.preprocess", "signal",
        lambda s: s.preprocess(background="linear", fit_range=(1.0, 6.0)),
    ),
    "s.as_polar_images": Row(
        "PolarMixin.as_polar_images", "signal", lambda s: s.as_polar_images(8)
    ),
    "s.as_spectra": Row("PolarMixin.as_spectra", "signal", lambda s: s.as_spectra()),
    "s.perturb": Row(
        "PerturbationMixin.perturb", "signal",
        lambda s: s.perturb("gaussian-noise", random_state=0), BOTH,
    ),
    "s.perturb('poisson')": Row(
        "PerturbationMixin.perturb", "signal", lambda s: s.perturb("poisson", random_state=0), BOTH
    ),
    "s.perturb('mixup')": Row(
        "PerturbationMixin.perturb", "signal", lambda s: s.perturb("mixup", random_state=0), BOTH
    ),
    "s.plot_perturbation": Row(
        "PerturbationMixin.plot_perturbation", "signal",
        lambda s: s.plot_perturbation("gaussian-noise"), BOTH,
    ),
    "s.train_generator": Row(
        "AugmentationMixin.train_generator", "signal",
        lambda s: s.train_generator("smote", random_state=0), BOTH,
    ),
    "s.train_generator('cdragan')": Row(
        "AugmentationMixin.train_generator", "signal",
        lambda s: s.train_generator("cdragan", epochs=1, random_state=0),
    ),
    "s.augment": Row(
        "AugmentationMixin.augment", "signal", lambda s: s.augment("smote", random_state=0), BOTH
    ),
    "s.augment('cdragan')": Row(
        "AugmentationMixin.augment", "signal",
        lambda s: s.augment("cdragan", epochs=1, random_state=0),
    ),
    "s.augment('gaussian-noise')": Row(
        "AugmentationMixin.augment", "signal",
        lambda s: s.augment("gaussian-noise", random_state=0), BOTH,
    ),
    "s.augment(generator)": Row(
        "AugmentationMixin.augment", "signal",
        lambda s: s.augment(fitted("smote of signal", _image(s)), random_state=0), BOTH,
    ),
    "s.classify": Row(
        "AugmentationMixin.classify", "signal", lambda s: s.classify(KNN, random_state=0), BOTH
    ),
    "s.classify('cnn')": Row(
        "AugmentationMixin.classify", "signal",
        lambda s: s.classify("cnn", epochs=1, random_state=0),
    ),
    "s.compare_with": Row(
        "ComparisonMixin.compare_with", "signal",
        lambda s: s.compare_with("smote", metrics="fid", random_state=0), BOTH,
    ),
    "s.recommend_augmentation": Row(
        "RecommendationMixin.recommend_augmentation", "signal",
        lambda s: s.recommend_augmentation(
            [KNN], methods=["random"], repetitions=2, random_state=0
        ),
    ),
    "s.plot_feature_map": Row(
        "FeatureMapMixin.plot_feature_map", "signal",
        lambda s: s.plot_feature_map(fitted("smote of signal", _image(s)), method="pca"), BOTH,
    ),
    "s.plot_gallery": Row(
        "GalleryMixin.plot_gallery", "signal",
        lambda s: s.plot_gallery(n_images=1, random_state=0), BOTH,
    ),
    "s.to_arrays": Row("InterchangeMixin.to_arrays", "signal", lambda s: s.to_arrays(), BOTH),
    "s.to_dataset": Row("InterchangeMixin.to_dataset", "signal", lambda s: s.to_dataset()[0], BOTH),
}  # fmt: skip

ARRAY_ROWS = {
    "smote.fit": Row("BaseGenerator.fit", "rows", _refit("smote")),
    "smote.fit_resample": Row("BaseGenerator.fit_resample", "rows", _resample("smote")),
    "borderline-smote.fit_resample": Row(
        "BaseGenerator.fit_resample", "rows", _resample("borderline-smote")
    ),
    "random.fit_resample": Row("BaseGenerator.fit_resample", "rows", _resample("random")),
    "perturbation.fit_resample": Row(
        "BaseGenerator.fit_resample", "rows", _resample("gaussian-noise")
    ),
    "cdragan.fit": Row("BaseGenerator.fit", "rows", _refit("cdragan")),
    "generator.missing_counts": Row(
        "BaseGenerator.missing_counts", "rows", lambda X, y: fitted("smote").missing_counts(y)
    ),
    "generator.evaluate": Row(
        "EvaluationMixin.evaluate evaluate_generator", "rows",
        lambda X, y: fitted("smote").evaluate(X * 1.5, y, metrics="fid", random_state=0),
    ),
    "generator.plot_samples": Row(
        "GeneratorPlots.plot_samples", "rows",
        lambda X, y: fitted("cdragan").plot_samples(X, y, random_state=0),
    ),
    "generator.plot_feature_map": Row(
        "GeneratorPlots.plot_feature_map epoch_feature_maps", "rows",
        lambda X, y: fitted("cdragan").plot_feature_map(X, y, method="pca"),
    ),
    "fit_together": Row(
        "fit_together", "rows",
        lambda X, y: gen.fit_together(
            [make_generator("cdragan", epochs=1, random_state=i) for i in (0, 1)], [(X, y)] * 2
        ),
    ),
    "can_fit_together": Row(
        "can_fit_together", "rows",
        lambda X, y: gen.can_fit_together(
            [make_generator("cdragan", epochs=1, random_state=i) for i in (0, 1)], [(X, y)] * 2
        ),
    ),
    "seen_in_training": Row(
        "seen_in_training row_fingerprints", "X",
        lambda X: gen.seen_in_training(fitted("smote").fingerprint_, X),
    ),
    "RealDistanceFilter.fit": Row("RealDistanceFilter.fit", "rows", _refit("real-distance")),
    "ConfidenceFilter.fit": Row("ConfidenceFilter.fit", "rows", _refit("confidence")),
    "CNNClassifier.fit": Row("NetworkClassifier.fit", "rows", _refit("cnn")),
    "CNNClassifier.predict": Row(
        "NetworkClassifier.predict", "X", lambda X: fitted("cnn").predict(X)
    ),
    "CNNClassifier.predict_proba": Row(
        "NetworkClassifier.predict_proba NetworkClassifier.decision_function "
        "NetworkClassifier.features", "X", lambda X: fitted("cnn").predict_proba(X),
    ),
    "SVMClassifier.fit": Row("SVMClassifier.fit", "rows", _refit("svm")),
    "SVMClassifier.predict": Row("SVMClassifier.predict", "X", lambda X: fitted("svm").predict(X)),
    "SVMClassifier.predict_proba": Row(
        "SVMClassifier.predict_proba SVMClassifier.decision_function", "X",
        lambda X: fitted("svm").predict_proba(X),
    ),
    "perturbation(X)": Row(
        "Perturbation.__call__ Perturbation.check", "X",
        lambda X: make_perturbation("gaussian-noise")(X, random_state=0),
    ),
    "Compose(...)(X)": Row(
        "_Several.check Sometimes.check", "X",
        lambda X: per.Compose(["shift", "gain"])(X, random_state=0),
    ),
    "poisson(X)": Row(
        "Perturbation.__call__", "X", lambda X: make_perturbation("poisson")(X, random_state=0)
    ),
    "mixup(X, y)": Row(
        "Perturbation.__call__", "rows",
        lambda X, y: make_perturbation("mixup")(X, y, random_state=0),
    ),
    "mixup.fit": Row(
        "BorrowingPerturbation.fit Perturbation.fit _Several.fit Sometimes.fit Unwrapped.fit",
        "rows", lambda X, y: make_perturbation("mixup").fit(X, y),
    ),
    "EMSA.from_rows": Row("EMSA.from_rows", "X", lambda X: per.EMSA.from_rows(X)),
    "PCADenoiser": Row(
        "PCADenoiser.fit PCADenoiser.transform", "X",
        lambda X: _estimator("denoiser").fit(X).transform(X),
    ),
    "SpectrumNormalizer": Row(
        "SpectrumNormalizer.fit SpectrumNormalizer.transform", "X",
        lambda X: _estimator("normalizer").fit(X).transform(X),
    ),
    "PolarImage": Row(
        "PolarImage.fit PolarImage.transform", "X",
        lambda X: _estimator("polar").fit(X).transform(X),
    ),
    "normalize_spectra": Row("normalize_spectra", "X", lambda X: pre.normalize_spectra(X)),
    "resample_spectra": Row(
        "resample_spectra resampling_matrix", "X",
        lambda X: pre.resample_spectra(X, np.arange(12.0), np.arange(0.0, 11.0, 2.0)),
    ),
    "evaluation.compare": Row(
        "compare", "rows",
        lambda X, y: ev.compare(rows()[0], X, rows()[1], y, metrics="fid", random_state=0),
    ),
    "make_splits": Row("make_splits", "rows", lambda X, y: ev.make_splits(y, random_state=0)),
    "evaluate_classifier": Row(
        "evaluate_classifier", "rows",
        lambda X, y: ev.evaluate_classifier(
            X, y, make_classifier(KNN), splits=ev.make_splits(rows()[1], random_state=0)
        ),
    ),
    "fit_fold": Row(
        "fit_fold fit_calibrated", "rows", lambda X, y: ev.fit_fold(X, y, make_classifier(KNN))
    ),
    "train_on_synthetic": Row(
        "train_on_synthetic", "rows",
        lambda X, y: ev.train_on_synthetic(
            X, y, make_generator("random"), {"knn": make_classifier(KNN)}, random_state=0
        ),
    ),
    "usefulness": Row(
        "usefulness", "rows",
        lambda X, y: ev.usefulness(
            rows()[0], X * 1.5, rows()[1], y, classifier=KNN, n_folds=2, random_state=0
        ),
    ),
    "feature_map": Row(
        "feature_map", "rows",
        lambda X, y: ev.feature_map(rows()[0], X, rows()[1], y, method="pca", random_state=0),
    ),
    "spectral_fidelity": Row(
        "spectral_fidelity image_fidelity", "rows",
        lambda X, y: ev.spectral_fidelity(
            rows()[0], X, rows()[1], y, metrics=["pearson"], n_repeats=2, random_state=0
        ),
    ),
    **{
        function.__name__: Row(
            function.__name__, "X", lambda X, function=function: function(rows()[0], X)
        )
        for function in (
            ev.frechet_distance, ev.kernel_distance, ev.maximum_mean_discrepancy,
            ev.cosine_distance, ev.pearson_correlation, ev.kl_divergence, ev.peak_errors,
            ev.precision_recall_density_coverage, ev.extrapolated_frechet_distance,
            ev.spectral_metrics, ev.plot_spectra, ev.plot_intensity_map,
        )
    },
    "structural_similarity": Row(
        "structural_similarity", "X",
        lambda X: ev.structural_similarity(_images(rows()[0]), _images(X), max_pairs=4),
    ),
    "signal_to_noise": Row("signal_to_noise", "X", lambda X: ev.signal_to_noise(X)),
    "measured_noise": Row("measured_noise noise_only", "X", lambda X: ev.measured_noise(X)),
    "real_baseline": Row(
        "real_baseline reaches_baseline", "X",
        lambda X: ev.real_baseline(X, metrics=["pearson"], n_repeats=2, random_state=0),
    ),
    "memorisation": Row(
        "memorisation", "X", lambda X: ev.memorisation(X, rows()[0][:12], rows()[0][12:])
    ),
    "classifier_two_sample_test": Row(
        "classifier_two_sample_test", "X",
        lambda X: ev.classifier_two_sample_test(rows()[0], X, classifier=KNN, random_state=0),
    ),
    "Study.run": Row("Study.run", "rows", lambda X, y: _study().run(X, y)),
    "StrategySearch.fit": Row("StrategySearch.fit", "rows", lambda X, y: _search().fit(X, y)),
    "oversampling_size_curve": Row(
        "oversampling_size_curve", "rows",
        lambda X, y: oversampling_size_curve(
            X, y, "gaussian-noise", KNN, sizes=[10], repetitions=1, random_state=0
        ),
    ),
    "recommend_augmentation": Row(
        "recommend_augmentation", "rows",
        lambda X, y: recommend_augmentation(
            X, y, classifiers=[KNN], methods=["random"], repetitions=2, random_state=0
        ),
    ),
    "from_arrays": Row("from_arrays", "rows", lambda X, y: from_arrays(X, y)),
}  # fmt: skip

DATA_ROWS = {**SIGNAL_ROWS, **ARRAY_ROWS}


# ------------------------------------------------------------------------- what goes with a call


class Tools:
    """A folder of its own for a call, and ways to take things from the process."""

    def __init__(self, folder: Path, monkeypatch: Any) -> None:
        self.folder, self.monkeypatch = folder, monkeypatch

    def out_of_memory(self, error: BaseException, where: Any, name: str) -> None:
        """Let a function fail for want of memory."""

        def fail(*args: Any, **kwargs: Any) -> None:
            raise error

        self.monkeypatch.setattr(where, name, fail)

    @contextmanager
    def full_disk(self) -> Any:
        """Let files of this process grow to 1 kB at most, as a disk does that is full."""
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    def read_only(self) -> Path:
        """Return a folder that takes no file, also not from the administrator."""
        return Path("/sys/kernel")


def _keeps_old_file(save: Callable[[Path], Any], name: str) -> Callable[[Tools], None]:
    """Save twice, the second time on a full disk: the first file must be as it was."""

    def call(tools: Tools) -> None:
        path = tools.folder / name
        save(path)
        content, beside = path.read_bytes(), sorted(tools.folder.iterdir())
        try:
            with tools.full_disk():
                save(path)
        finally:
            assert path.read_bytes() == content, "the file that was there was changed"
            assert sorted(tools.folder.iterdir()) == beside, "a part of a file was left behind"

    return call


def _study_results(tools: Tools) -> None:
    path = tools.folder / "study.jsonl"
    first = _study(results=path).run(*rows())
    try:
        with tools.full_disk():
            _study(results=path, repetitions=40).run(*rows())
    finally:
        assert _study(results=path).run(*rows()).table() == first.table()


def _torch_memory(tools: Tools) -> None:
    tools.out_of_memory(
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        TrainingLoop, "fit_loop",
    )  # fmt: skip


def _after_torch_memory(call: Callable[[], Any]) -> Callable[[Tools], Any]:
    def run(tools: Tools) -> Any:
        _torch_memory(tools)
        return call()

    return run


def _after_memory(where: Any, name: str, call: Callable[[], Any]) -> Callable[[Tools], Any]:
    def run(tools: Tools) -> Any:
        message = "Unable to allocate 8.00 GiB for an array"
        tools.out_of_memory(MemoryError(message), where, name)
        return call()

    return run


def _read_table(text: str) -> Callable[[Tools], Any]:
    def call(tools: Tools) -> Any:
        path = tools.folder / "table.csv"
        path.write_text(text)
        return io.read_table(path, labels="polymer")

    return call


def _cdragan(**settings: Any) -> Any:
    return make_generator("cdragan", epochs=1, random_state=0, **settings)


def _save_signal(s: Any) -> Callable[[Path], Any]:
    return lambda path: s.save(path, overwrite=True)


TABLE_HEAD = "polymer;PE;PE;PP\nEnergy / eV;a;b;c\n"

#: (row, column): what is called there. These stand beside the rows above, or in their place.
CALLS: dict[tuple[str, str], Callable[[Tools], Any]] = {
    # labels
    ("s.set_labels", "label shape"): lambda t: signal().set_labels(np.zeros((2, 3), int)),
    ("s.labels", "label shape"): lambda t: setattr(signal(), "labels", np.zeros(5, int)),
    ("s.groups", "label shape"): lambda t: setattr(signal(), "groups", np.zeros(5, int)),
    ("s.set_labels", "same names"): lambda t: signal().set_labels(
        np.zeros(ROWS, int), classes=["core", "core"]),
    ("s.set_labels", "unknown name"): lambda t: signal().set_labels(
        ["rim"] * ROWS, classes=["core"]),
    ("s.set_labels", "huge"): lambda t: signal().set_labels(np.full(ROWS, HUGE)),
    ("s.select_class", "unknown name"): lambda t: signal().select_class("cors"),
    ("s.label_region", "unknown name"): lambda t: signal().label_region(
        hs.roi.SpanROI(0, 4), "rim"),
    ("s.label_region", "huge"): lambda t: signal().label_region(
        hs.roi.SpanROI(HUGE, HUGE + 2), "rim"),
    ("encode_labels", "same names"): lambda t: encode_labels([0, 1], classes=["a", "a"]),
    ("encode_labels", "complex"): lambda t: encode_labels(np.array([1j, 0])),
    ("encode_labels", "int64"): lambda t: encode_labels(np.array([0, 2**63 - 1])),
    ("encode_labels", "inf"): lambda t: encode_labels(np.array([0.0, np.inf])),
    ("encode_labels", "NaN"): lambda t: encode_labels(np.array([0.0, np.nan])),
    ("encode_labels", "empty"): lambda t: encode_labels(np.array([], int)),
    ("encode_labels", "unknown name"): lambda t: encode_labels(["c"], classes=["a", "b"]),
    ("label_by_threshold", "NaN"): lambda t: label_by_threshold([1.0, np.nan], [0.5]),
    # generators that do not fit, and names that are none
    ("s.augment(generator)", "other axis"): lambda t: signal("other axis").augment(
        fitted("smote of signal")),
    ("s.classify", "other axis"): lambda t: signal("other axis").classify(
        KNN, augmentation=fitted("smote of signal"), refit=False),
    ("s.compare_with", "other axis"): lambda t: signal("other axis").compare_with(
        fitted("smote of signal")),
    ("s.plot_feature_map", "other axis"): lambda t: signal("other axis").plot_feature_map(
        fitted("smote of signal")),
    ("s.plot_gallery", "other axis"): lambda t: signal("other axis", image=True).plot_gallery(
        fitted("smote of signal", True)),
    ("from_arrays", "other axis"): lambda t: from_arrays(
        rows()[0][:, :6], rows()[1], like=signal()),
    ("from_arrays", "uneven axis"): lambda t: from_arrays(
        *rows(), axes=np.r_[np.arange(11.0), 5.0]),
    ("from_arrays", "unknown name"): lambda t: from_arrays(*rows(), signal_type="EELS"),
    ("from_arrays", "same names"): lambda t: from_arrays(*rows()).set_labels(
        rows()[1], classes=["core", "shell", "core"]),
    ("s.preprocess(normalize)", "unknown name"): lambda t: signal().preprocess(normalize="maximum"),
    ("s.preprocess(denoise)", "huge"): lambda t: signal().preprocess(denoise=HUGE),
    ("s.preprocess(crop)", "other axis"): lambda t: signal().preprocess(
        crop=(500.0, 600.0)),
    ("s.preprocess(background)", "other axis"): lambda t: signal("other axis").preprocess(
        background="linear", fit_range=(1.0, 6.0)),
    ("s.preprocess(background)", "unknown name"): lambda t: signal().preprocess(
        background="power", fit_range=(1.0, 6.0)),
    ("s.perturb", "unknown name"): lambda t: signal().perturb("gausian-noise"),
    ("s.perturb('poisson')", "negative"): lambda t: signal("negative").perturb(
        "poisson", random_state=0),
    ("poisson(X)", "negative"): lambda t: make_perturbation("poisson")(
        rows("negative")[0], random_state=0),
    ("s.plot_perturbation", "unknown name"): lambda t: signal().plot_perturbation("gausian"),
    ("s.plot_perturbation", "negative"): lambda t: signal().plot_perturbation(
        "shift", n_variants=-1),
    ("s.train_generator", "unknown name"): lambda t: signal().train_generator("smoote"),
    ("s.train_generator", "huge"): lambda t: signal().train_generator(
        "smote", k_neighbors=HUGE, random_state=0).sample({"core": 2}),
    ("s.augment", "huge"): lambda t: signal().augment("smote", k_neighbors=HUGE, random_state=0),
    ("s.augment", "unknown name"): lambda t: signal().augment("smote", {"rim": 5}),
    ("s.augment", "negative"): lambda t: signal().augment("smote", {"core": -5}),
    ("s.classify", "unknown name"): lambda t: signal().classify("cnnn"),
    ("s.classify", "huge"): lambda t: signal().classify(KNN, cv=HUGE),
    ("s.compare_with", "unknown name"): lambda t: signal().compare_with("smote", metrics="fidd"),
    ("s.compare_with", "huge"): lambda t: signal().compare_with("smote", test_size=HUGE),
    ("s.recommend_augmentation", "unknown name"): lambda t: signal().recommend_augmentation(
        methods=["smoote"]),
    ("s.plot_feature_map", "unknown name"): lambda t: signal().plot_feature_map(
        fitted("smote of signal"), method="tsnee"),
    ("s.plot_gallery", "unknown name"): lambda t: signal(image=True).plot_gallery(classes=["rim"]),
    ("make_generator", "unknown name"): lambda t: make_generator("smoote"),
    ("make_classifier", "unknown name"): lambda t: make_classifier("cnnn"),
    ("make_perturbation", "unknown name"): lambda t: make_perturbation("gausian-noise"),
    ("parse_perturbation", "unknown name"): lambda t: per.parse_perturbation("gain+shfit"),
    ("from_spec", "unknown name"): lambda t: per.from_spec({"name": "shfit", "parameters": {}}),
    ("generator.sample", "unknown name"): lambda t: fitted("smote").sample({"rim": 2}),
    ("generator.sample", "negative"): lambda t: fitted("smote").sample({"core": -2}),
    ("generator.sample", "NaN"): lambda t: fitted("smote").sample({"core": np.nan}),
    ("generator.sample", "empty"): lambda t: fitted("smote").sample({}),
    ("generator.sample", "label shape"): lambda t: fitted("smote").sample([["core"]]),
    ("generator.sample", "memory"): lambda t: fitted("smote").sample({"core": 10**15}),
    ("generator.at_epoch", "huge"): lambda t: fitted("cdragan").at_epoch(HUGE),
    ("smote.fit", "huge"): lambda t: make_generator("smote", k_neighbors=HUGE).fit(*rows()),
    ("evaluation.compare", "unknown name"): lambda t: ev.compare(
        rows()[0], rows()[0], metrics="fidd"),
    ("evaluation.compare", "same names"): lambda t: ev.compare(
        rows()[0], rows()[0], rows()[1], rows()[1], classes=["core", "core"]),
    ("make_splits", "huge"): lambda t: ev.make_splits(rows()[1], cv=HUGE),
    ("classifier_two_sample_test", "unknown name"): lambda t: ev.classifier_two_sample_test(
        rows()[0], rows()[0], classifier="cnnn"),
    ("Study.run", "unknown name"): lambda t: _study(["smoote"]).run(*rows()),
    ("Study.run", "huge"): lambda t: _study(cv=HUGE).run(*rows()),
    ("StrategySearch.fit", "unknown name"): lambda t: StrategySearch(
        ["shfit"], classifier=KNN).fit(*rows()),
    ("StrategySearch.fit", "huge"): lambda t: _search(cv=HUGE).fit(*rows()),
    ("PCADenoiser", "huge"): lambda t: pre.PCADenoiser(HUGE).fit(rows()[0]),
    ("normalize_spectra", "unknown name"): lambda t: pre.normalize_spectra(rows()[0], "maxx"),
    ("resample_spectra", "uneven axis"): lambda t: pre.resample_spectra(
        rows()[0], np.geomspace(1.0, 12.0, 12), np.arange(2.0, 11.0)),
    ("resample_spectra", "other axis"): lambda t: pre.resample_spectra(
        rows()[0], np.arange(12.0), np.arange(500.0, 511.0)),
    # readers
    ("read_table", "NaN"): _read_table(TABLE_HEAD + "1,0;0,1;nan;0,3\n2,0;0,1;0,2;0,3\n"),
    ("read_table", "empty"): _read_table(""),
    ("read_table", "one sample"): _read_table("polymer;PE\nE / eV;a\n1,0;0,1\n2,0;0,4\n"),
    ("read_table", "label shape"): _read_table(TABLE_HEAD + "1,0;0,1;0,3\n2,0;0,1;0,2;0,3\n"),
    ("read_table", "uneven axis"): _read_table(TABLE_HEAD + "1;1;2;3\n2;1;2;3\n5;1;2;3\n"),
    ("read_table", "unknown name"): lambda t: io.read_table(t.folder / "absent.csv"),
    ("read_impedance", "unknown name"): lambda t: io.read_impedance(t.folder / "absent.dta"),
    ("read_infrared", "unknown name"): lambda t: io.read_infrared(t.folder / "absent.0"),
    ("read_image_folder", "unknown name"): lambda t: io.read_image_folder(t.folder / "absent"),
    ("read_image_folder", "empty"): lambda t: io.read_image_folder(t.folder),
    ("load_generator", "unknown name"): lambda t: load_generator(t.folder / "absent.safetensors"),
    ("load_generator", "empty"): lambda t: load_generator(
        Path(tempfile.mkstemp(dir=t.folder, suffix=".safetensors")[1])),
    ("result.load", "unknown name"): lambda t: ClassificationResult.load(t.folder / "absent.hspy"),
    ("ComparisonReport.load", "unknown name"): lambda t: ev.ComparisonReport.load(
        t.folder / "absent.json"),
    ("StudyResult.load", "unknown name"): lambda t: StudyResult.load(t.folder / "absent.json"),
    # disks
    ("generator.save", "read-only"): lambda t: fitted("smote").save(
        t.read_only() / "g.safetensors"),
    ("generator.save", "full disk"): _keeps_old_file(
        lambda path: fitted("smote").save(path), "g.safetensors"),
    ("generator.save", "unknown name"): lambda t: fitted("smote").save(t.folder / "no" / "g"),
    ("result.save", "read-only"): lambda t: fitted("result").save(t.read_only() / "r.hspy"),
    ("result.save", "full disk"): _keeps_old_file(
        lambda path: fitted("result").save(path), "r.hspy"),
    ("result.save", "unknown name"): lambda t: fitted("result").save(t.folder / "r.png"),
    ("StudyResult.save", "read-only"): lambda t: fitted("study").save(t.read_only() / "s.json"),
    ("StudyResult.save", "full disk"): _keeps_old_file(
        lambda path: fitted("study").save(path), "s.json"),
    ("Study.run", "read-only"): lambda t: _study(results=t.read_only() / "s.jsonl").run(*rows()),
    ("Study.run", "full disk"): _study_results,
    ("cdragan.fit", "read-only"): lambda t: _cdragan(
        checkpoint=t.read_only() / "c.safetensors", checkpoint_every=1).fit(*rows()),
    # devices and memory
    ("s.train_generator('cdragan')", "no CUDA"): lambda t: signal().train_generator(
        "cdragan", device="cuda"),
    ("s.augment('cdragan')", "no CUDA"): lambda t: signal().augment("cdragan", device="cuda"),
    ("s.classify('cnn')", "no CUDA"): lambda t: signal().classify("cnn", device="cuda"),
    ("cdragan.fit", "no CUDA"): lambda t: _cdragan(device="cuda").fit(*rows()),
    ("CNNClassifier.fit", "no CUDA"): lambda t: CNNClassifier(device="cuda").fit(*rows()),
    ("cdragan.fit", "unknown name"): lambda t: _cdragan(device="gpu").fit(*rows()),
    ("cdragan.fit", "memory"): _after_torch_memory(lambda: fitted("cdragan").fit(*rows())),
    ("CNNClassifier.fit", "memory"): _after_torch_memory(lambda: fitted("cnn").fit(*rows())),
    ("s.train_generator('cdragan')", "memory"): _after_torch_memory(
        lambda: signal().train_generator("cdragan")),
    ("s.augment('cdragan')", "memory"): _after_torch_memory(lambda: signal().augment("cdragan")),
    ("s.classify('cnn')", "memory"): _after_torch_memory(lambda: signal().classify("cnn")),
    ("smote.fit", "memory"): _after_memory(
        gen.SMOTEGenerator, "_fit", lambda: fitted("smote").fit(*rows())),
    ("SVMClassifier.fit", "memory"): _after_memory(
        SVMClassifier, "_machine", lambda: fitted("svm").fit(*rows())),
}  # fmt: skip


#: What the calls above stand for, where no row does.
CALLED = {
    "encode_labels": "encode_labels check_classes",
    "label_by_threshold": "label_by_threshold",
    "make_generator": "make_generator",
    "make_classifier": "make_classifier",
    "make_perturbation": "make_perturbation",
    "parse_perturbation": "parse_perturbation",
    "from_spec": "from_spec",
    "generator.sample": "BaseGenerator.sample",
    "generator.at_epoch": "EpochStates.at_epoch",
    "generator.save": "BaseGenerator.save write_model write_atomically",
    "load_generator": "load_generator read_model",
    "read_table": "read_table",
    "read_impedance": "read_impedance",
    "read_infrared": "read_infrared",
    "read_image_folder": "read_image_folder",
    "result.save": "ClassificationResult.save",
    "result.load": "ClassificationResult.load",
    "ComparisonReport.load": "ComparisonReport.load",
    "StudyResult.load": "StudyResult.load",
    "StudyResult.save": "StudyResult.save",
    "s.preprocess(crop)": "preprocess",
    "s.augment(generator)": "check_same_axes SignalAxis.difference",
}


# ------------------------------------------------------------------------------------ public names

ROOMS = ("", "classifiers", "datasets", "evaluation", "generators", "io", "labels",
         "perturbations", "preprocessing", "signals", "strategies", "studies")  # fmt: skip


def public_names() -> set[str]:
    """Return every public function and method that this package defines, by its qualified name."""
    found = set()
    for room in ROOMS:
        module = importlib.import_module(f"hs_specaug.{room}".rstrip("."))
        for name in module.__all__:
            thing = getattr(module, name)
            if inspect.isclass(thing):
                found |= _public_methods(thing)
            elif inspect.isfunction(thing):
                found.add(thing.__qualname__)
    return found


def _public_methods(cls: type) -> set[str]:
    found = set()
    for base in cls.__mro__:
        for name, value in vars(base).items() if base.__module__.startswith("hs_specaug") else ():
            if name.startswith("_") and name != "__call__":
                continue
            method = value.fget if isinstance(value, property) else value
            method = getattr(method, "__func__", method)
            if inspect.isfunction(method) and method.__module__.startswith("hs_specaug"):
                found.add(method.__qualname__)
    return found


def close_figures() -> None:
    plt.close("all")
