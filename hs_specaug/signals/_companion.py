"""The augmentable type that goes with a loaded signal."""

from __future__ import annotations

from typing import Any

from hyperspy.signals import BaseSignal

from ._base import SpecAugMixin
from ._exspy import DielectricFunction, EDSSEMSpectrum, EDSTEMSpectrum, EELSSpectrum

# The first class that matches decides; what none matches goes by dtype and signal dimension.
_BY_CLASS: tuple[tuple[type, str], ...] = (
    (EELSSpectrum, "EELS_specaug"),
    (EDSTEMSpectrum, "EDS_TEM_specaug"),
    (EDSSEMSpectrum, "EDS_SEM_specaug"),
)
_BY_DIMENSION = {1: "spectrum_specaug", 2: "image_specaug"}


def companion_type(signal: BaseSignal) -> str:
    """Return the signal type that `as_augmentable` would give a signal.

    Parameters
    ----------
    signal : BaseSignal

    Returns
    -------
    str

    Raises
    ------
    TypeError
        If there is none; the message names the class and the call that helps.
    """
    if not isinstance(signal, BaseSignal):
        raise TypeError(f"expected a HyperSpy signal, got {type(signal).__name__}; see hs.load")
    if isinstance(signal, SpecAugMixin):
        return str(signal._signal_type)
    what = f"{type(signal).__name__} {signal.axes_manager._get_dimension_str()}"
    if signal.ragged:
        raise TypeError(f"{what} is ragged: its spectra differ in length; resample them first")
    dimension = signal.axes_manager.signal_dimension
    if signal.data.dtype.kind == "c":
        if dimension != 1 or isinstance(signal, DielectricFunction):
            raise TypeError(f"{what} is complex and no impedance; take .real or .amplitude first")
        return "impedance"
    for cls, signal_type in _BY_CLASS:
        if isinstance(signal, cls):
            return signal_type
    if signal.metadata.get_item("Signal.signal_type") == "EDS":
        raise TypeError(
            f"{what} does not say which microscope it is from; call "
            'set_signal_type("EDS_TEM") or set_signal_type("EDS_SEM") first'
        )
    if dimension not in _BY_DIMENSION:
        raise TypeError(
            f"{what} has signal dimension {dimension}, spectra have 1 and images 2; call "
            "as_signal1D or as_signal2D first"
        )
    return _BY_DIMENSION[dimension]


def as_augmentable(signal: BaseSignal) -> Any:
    """Return a signal as the type that can be labelled, augmented and classified.

    EELS and EDS spectra keep eXSpy's methods, complex spectra become impedance spectra, other
    spectra and images become `AugmentableSpectrum` and `AugmentableImage`. Labels that the metadata
    hold from before are there again.

    Parameters
    ----------
    signal : BaseSignal
        Any loaded signal, lazy or not.

    Returns
    -------
    signal : one of the types of `hs_specaug.signals`
        A new signal that shares its data with the given one, which is not changed. A signal that
        is augmentable already keeps its type.

    Raises
    ------
    TypeError
        If there is no such type, e.g. for ragged or complex images.

    Examples
    --------
    >>> import hyperspy.api as hs
    >>> import numpy as np
    >>> as_augmentable(hs.signals.Signal1D(np.zeros((5, 4, 100))))
    <AugmentableSpectrum, title: , dimensions: (4, 5|100)>
    """
    signal_type = companion_type(signal)
    result = signal._deepcopy_with_new_data(
        signal.data, copy_variance=True, copy_navigator=True, copy_learning_results=True
    )
    if not isinstance(signal, SpecAugMixin):
        result.set_signal_type(signal_type)
    return result
