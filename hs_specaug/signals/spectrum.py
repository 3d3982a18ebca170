"""Any other spectra: Raman, infrared, X-ray diffraction, X-ray absorption, luminescence."""

from __future__ import annotations

from hyperspy.signals import LazySignal1D, Signal1D

from ._base import SpecAugMixin


class AugmentableSpectrum(SpecAugMixin, Signal1D):
    """Spectra of any kind that can be labelled, augmented and classified."""

    _row_kind = "spectrum"
    _signal_type = "spectrum_specaug"
    _alias_signal_types = ["augmentable spectrum"]  # noqa: RUF012 (HyperSpy's own convention)


class LazyAugmentableSpectrum(AugmentableSpectrum, LazySignal1D):
    """Lazy :class:`AugmentableSpectrum`."""
