"""Honest scores: leak-proof splits, held-out real rows, likeness to real rows, intervals."""

from ..classifiers._calibrated import Calibration, CalibrationPlan
from ._feature_map import FeatureMap, feature_map
from ._plots import plot_intensity_map, plot_spectra
from ._report import ClassificationReport
from ._scores import bootstrap_intervals, scores_from_confusion
from ._splits import Split, make_splits
from ._validation import evaluate_classifier, fit_fold
from .calibration._curves import (
    ReliabilityCurve,
    brier_score,
    expected_calibration_error,
    ideal_calibration_error,
    negative_log_likelihood,
    reliability_curve,
)
from .calibration._fold import fit_calibrated
from .calibration._report import CalibrationReport, OutOfFold
from .comparison._compare import compare
from .comparison._fidelity import (
    Baseline,
    image_fidelity,
    reaches_baseline,
    real_baseline,
    spectral_fidelity,
    spectral_metrics,
)
from .comparison._generated import evaluate_generator
from .comparison._report import ComparisonReport
from .comparison._synthetic_only import (
    SyntheticOnlyResult,
    measured_noise,
    noise_only,
    train_on_synthetic,
)
from .comparison._usefulness import Gain, Usefulness, usefulness
from .metrics._distribution import KernelDistance, kernel_distance, maximum_mean_discrepancy
from .metrics._diversity import ManifoldScores, precision_recall_density_coverage
from .metrics._frechet import extrapolated_frechet_distance, frechet_distance
from .metrics._image import inception_score, structural_similarity
from .metrics._memorisation import MemorisationReport, memorisation
from .metrics._peaks import PeakErrors, peak_errors
from .metrics._spectral import cosine_distance, kl_divergence, pearson_correlation, signal_to_noise
from .metrics._two_sample import TwoSampleTest, classifier_two_sample_test

__all__ = [
    "Baseline",
    "Calibration",
    "CalibrationPlan",
    "CalibrationReport",
    "ClassificationReport",
    "ComparisonReport",
    "FeatureMap",
    "Gain",
    "KernelDistance",
    "ManifoldScores",
    "MemorisationReport",
    "OutOfFold",
    "PeakErrors",
    "ReliabilityCurve",
    "Split",
    "SyntheticOnlyResult",
    "TwoSampleTest",
    "Usefulness",
    "bootstrap_intervals",
    "brier_score",
    "classifier_two_sample_test",
    "compare",
    "cosine_distance",
    "evaluate_classifier",
    "evaluate_generator",
    "expected_calibration_error",
    "extrapolated_frechet_distance",
    "feature_map",
    "fit_calibrated",
    "fit_fold",
    "frechet_distance",
    "ideal_calibration_error",
    "image_fidelity",
    "inception_score",
    "kernel_distance",
    "kl_divergence",
    "make_splits",
    "maximum_mean_discrepancy",
    "measured_noise",
    "memorisation",
    "negative_log_likelihood",
    "noise_only",
    "peak_errors",
    "pearson_correlation",
    "plot_intensity_map",
    "plot_spectra",
    "precision_recall_density_coverage",
    "reaches_baseline",
    "real_baseline",
    "reliability_curve",
    "scores_from_confusion",
    "signal_to_noise",
    "spectral_fidelity",
    "spectral_metrics",
    "structural_similarity",
    "train_on_synthetic",
    "usefulness",
]
