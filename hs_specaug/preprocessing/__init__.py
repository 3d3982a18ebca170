"""Label-preserving preprocessing of spectra and images.

``preprocess`` is what ``s.preprocess(...)`` runs. The functions on arrays and the scikit-learn
transformers do the same work without a signal, for use inside a pipeline.
"""

from ._denoise import PCADenoiser, optimal_hard_threshold, project_on_components
from ._normalize import SpectrumNormalizer, normalize_spectra
from ._pipeline import preprocess
from ._polar import PolarImage
from ._record import describe_steps, read_steps
from ._resample import resample_images, resample_spectra, resampling_matrix

__all__ = [
    "preprocess",
    "describe_steps",
    "read_steps",
    "PCADenoiser",
    "PolarImage",
    "SpectrumNormalizer",
    "normalize_spectra",
    "resample_spectra",
    "resample_images",
    "resampling_matrix",
    "project_on_components",
    "optimal_hard_threshold",
]
