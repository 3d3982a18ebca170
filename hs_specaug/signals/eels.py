"""Electron energy-loss spectra."""

from __future__ import annotations

from ._base import SpecAugMixin
from ._exspy import EELSSpectrum, LazyEELSSpectrum


class AugmentableEELSSpectrum(SpecAugMixin, EELSSpectrum):
    """Electron energy-loss spectra that can be labelled, augmented and classified.

    Everything that :class:`exspy.signals.EELSSpectrum` does works here. Load any EELS file with
    ``hs.load(path, signal_type="EELS_specaug")``, or convert a loaded signal with
    :func:`hs_specaug.as_augmentable`; ``set_signal_type("EELS")`` goes back.
    """

    _row_kind = "EELS"
    _signal_type = "EELS_specaug"
    _alias_signal_types = ["augmentable EELS"]  # noqa: RUF012 (HyperSpy's own convention)


class LazyAugmentableEELSSpectrum(AugmentableEELSSpectrum, LazyEELSSpectrum):
    """Lazy :class:`AugmentableEELSSpectrum`."""
