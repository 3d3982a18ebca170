"""What every signal type of the package has in common."""

from __future__ import annotations

from ._augmentation import AugmentationMixin
from ._comparison import ComparisonMixin
from ._feature_map import FeatureMapMixin
from ._files import FilesMixin
from ._gallery import GalleryMixin
from ._interchange import InterchangeMixin
from ._labels import LabelsMixin
from ._linked_plot import LinkedPlotMixin
from ._perturbation import PerturbationMixin
from ._polar import PolarMixin
from ._preprocessing import PreprocessingMixin
from ._recommendation import RecommendationMixin


class SpecAugMixin(
    LabelsMixin,
    PreprocessingMixin,
    PolarMixin,
    PerturbationMixin,
    AugmentationMixin,
    ComparisonMixin,
    GalleryMixin,
    FeatureMapMixin,
    RecommendationMixin,
    InterchangeMixin,
    LinkedPlotMixin,
    FilesMixin,
):
    """Labels, preprocessing, perturbations and augmentation on top of a HyperSpy signal.

    Goes before the HyperSpy class in the list of bases, so that its overrides come first::

        class AugmentableSpectrum(SpecAugMixin, Signal1D): ...
    """
