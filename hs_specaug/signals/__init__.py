"""Signal types that can be labelled, augmented and classified, each with its lazy twin."""

from ._companion import as_augmentable
from ._interchange import LabelledArrays, from_arrays
from .eds import (
    AugmentableEDSSEMSpectrum,
    AugmentableEDSTEMSpectrum,
    LazyAugmentableEDSSEMSpectrum,
    LazyAugmentableEDSTEMSpectrum,
)
from .eels import AugmentableEELSSpectrum, LazyAugmentableEELSSpectrum
from .image import AugmentableImage, LazyAugmentableImage
from .impedance import (
    ComplexImpedanceSpectrum,
    ImpedanceSpectrum,
    LazyComplexImpedanceSpectrum,
    LazyImpedanceSpectrum,
)
from .spectrum import AugmentableSpectrum, LazyAugmentableSpectrum

__all__ = [
    "AugmentableEDSSEMSpectrum",
    "AugmentableEDSTEMSpectrum",
    "AugmentableEELSSpectrum",
    "AugmentableImage",
    "AugmentableSpectrum",
    "ComplexImpedanceSpectrum",
    "ImpedanceSpectrum",
    "LabelledArrays",
    "LazyAugmentableEDSSEMSpectrum",
    "LazyAugmentableEDSTEMSpectrum",
    "LazyAugmentableEELSSpectrum",
    "LazyAugmentableImage",
    "LazyAugmentableSpectrum",
    "LazyComplexImpedanceSpectrum",
    "LazyImpedanceSpectrum",
    "as_augmentable",
    "from_arrays",
]
