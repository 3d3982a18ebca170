"""What is called with bad rows: the rows of the table that take a signal or arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import hyperspy.api as hs
import numpy as np
from _bad_data import KNN, _estimator, _images, _refit, _resample, _search, _study, fitted, rows

from hs_specaug import evaluation as ev
from hs_specaug import (
    from_arrays,
    make_classifier,
    make_generator,
    make_perturbation,
)
from hs_specaug import generators as gen
from hs_specaug import perturbations as per
from hs_specaug import preprocessing as pre
from hs_specaug.signals import AugmentableImage
from hs_specaug.strategies import oversampling_size_curve
from hs_specaug.studies import recommend_augmentation


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
