"""Energy-dispersive X-ray spectra."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ._base import SpecAugMixin
from ._exspy import (
    EDSSEMSpectrum,
    EDSTEMSpectrum,
    LazyEDSSEMSpectrum,
    LazyEDSTEMSpectrum,
)

if TYPE_CHECKING:
    from exspy.signals import EDSTEMSpectrum as _Base
else:
    _Base = object


class _OwnEDSType(_Base):
    """Keep a signal type of our own under eXSpy's EDS classes.

    They write their type into the metadata whenever a signal is made or converted, and later
    compare it as text to find the microscope's parameters.
    """

    _exspy_signal_type: str

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.metadata.Signal.signal_type = self._signal_type

    @contextmanager
    def _as_exspy_type(self) -> Iterator[None]:
        signal = self.metadata.Signal
        signal.signal_type = self._exspy_signal_type
        try:
            yield
        finally:
            signal.signal_type = self._signal_type

    def _get_line_energy(self, *args: Any, **kwargs: Any) -> Any:
        with self._as_exspy_type():
            return super()._get_line_energy(*args, **kwargs)

    def get_take_off_angle(self) -> float:
        """Return the take-off angle in degrees (see eXSpy's ``get_take_off_angle``)."""
        with self._as_exspy_type():
            return super().get_take_off_angle()


class AugmentableEDSTEMSpectrum(_OwnEDSType, SpecAugMixin, EDSTEMSpectrum):
    """EDS spectra from a TEM that can be labelled, augmented and classified.

    Everything that :class:`exspy.signals.EDSTEMSpectrum` does works here;
    ``set_signal_type("EDS_TEM")`` goes back.
    """

    _row_kind = "EDS"
    _signal_type = "EDS_TEM_specaug"
    _exspy_signal_type = "EDS_TEM"
    _alias_signal_types = ["augmentable EDS TEM"]  # noqa: RUF012


class LazyAugmentableEDSTEMSpectrum(AugmentableEDSTEMSpectrum, LazyEDSTEMSpectrum):
    """Lazy :class:`AugmentableEDSTEMSpectrum`."""


class AugmentableEDSSEMSpectrum(_OwnEDSType, SpecAugMixin, EDSSEMSpectrum):
    """EDS spectra from an SEM that can be labelled, augmented and classified.

    Everything that :class:`exspy.signals.EDSSEMSpectrum` does works here;
    ``set_signal_type("EDS_SEM")`` goes back.
    """

    _row_kind = "EDS"
    _signal_type = "EDS_SEM_specaug"
    _exspy_signal_type = "EDS_SEM"
    _alias_signal_types = ["augmentable EDS SEM"]  # noqa: RUF012


class LazyAugmentableEDSSEMSpectrum(AugmentableEDSSEMSpectrum, LazyEDSSEMSpectrum):
    """Lazy :class:`AugmentableEDSSEMSpectrum`."""
