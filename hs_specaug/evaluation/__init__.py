"""Honest scores: leak-proof splits, held-out real rows, likeness to real rows, intervals."""

from ._fidelity import (
    Baseline,
    reaches_baseline,
    real_baseline,
    spectral_fidelity,
    spectral_metrics,
)
from ._fidelity_report import FidelityReport
from ._frechet import frechet_distance
from ._image import (
    KernelDistance,
    image_fidelity,
    inception_score,
    kernel_distance,
    structural_similarity,
)
from ._plots import plot_intensity_map, plot_spectra
from ._report import ClassificationReport
from ._scores import bootstrap_intervals, scores_from_confusion
from ._spectral import cosine_distance, kl_divergence, pearson_correlation, signal_to_noise
from ._splits import Split, make_splits
from ._synthetic_only import (
    SyntheticOnlyResult,
    measured_noise,
    noise_only,
    train_on_synthetic,
)
from ._validation import evaluate_classifier, fit_fold

__all__ = [
    "Baseline",
    "ClassificationReport",
    "FidelityReport",
    "KernelDistance",
    "Split",
    "SyntheticOnlyResult",
    "bootstrap_intervals",
    "cosine_distance",
    "evaluate_classifier",
    "fit_fold",
    "frechet_distance",
    "image_fidelity",
    "inception_score",
    "kernel_distance",
    "kl_divergence",
    "make_splits",
    "measured_noise",
    "noise_only",
    "pearson_correlation",
    "plot_intensity_map",
    "plot_spectra",
    "reaches_baseline",
    "real_baseline",
    "scores_from_confusion",
    "signal_to_noise",
    "spectral_fidelity",
    "spectral_metrics",
    "structural_similarity",
    "train_on_synthetic",
]
