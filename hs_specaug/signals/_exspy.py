"""eXSpy's signal classes, imported in one place."""

import warnings

from hyperspy.exceptions import VisibleDeprecationWarning

with warnings.catch_warnings():
    # eXSpy 0.3.2 imports lazy classes from where HyperSpy 2.5 asks not to. Who loads one of our
    # signals can do nothing about that.
    warnings.simplefilter("ignore", VisibleDeprecationWarning)
    from exspy.signals import (
        DielectricFunction,
        EDSSEMSpectrum,
        EDSTEMSpectrum,
        EELSSpectrum,
        LazyEDSSEMSpectrum,
        LazyEDSTEMSpectrum,
        LazyEELSSpectrum,
    )

__all__ = [
    "DielectricFunction",
    "EDSSEMSpectrum",
    "EDSTEMSpectrum",
    "EELSSpectrum",
    "LazyEDSSEMSpectrum",
    "LazyEDSTEMSpectrum",
    "LazyEELSSpectrum",
]
