"""Impedance spectra: complex, and real quantities such as phase angle or modulus."""

from __future__ import annotations

from typing import Any

from hyperspy.signals import ComplexSignal1D, LazyComplexSignal1D, LazySignal1D, Signal1D

from ._base import SpecAugMixin


class ImpedanceSpectrum(SpecAugMixin, Signal1D):
    """A real quantity of an impedance spectrum: phase angle, modulus, real or imaginary part.

    The signal axis is the frequency.
    """

    _row_kind = "impedance"
    _signal_type = "impedance"
    _alias_signal_types = ["EIS"]  # noqa: RUF012 (HyperSpy's own convention)


class LazyImpedanceSpectrum(ImpedanceSpectrum, LazySignal1D):
    """Lazy :class:`ImpedanceSpectrum`."""


class ComplexImpedanceSpectrum(SpecAugMixin, ComplexSignal1D):
    """Complex impedance Z over frequency.

    ``real``, ``imag``, ``amplitude`` (the modulus), ``phase`` and :meth:`angle` are
    :class:`ImpedanceSpectrum`, with axes and labels.
    """

    _row_kind = "impedance"
    _signal_type = "impedance"
    _alias_signal_types = ["EIS"]  # noqa: RUF012

    def angle(self, deg: bool = False) -> Any:
        """Return the phase angle.

        Parameters
        ----------
        deg : bool
            In degrees instead of radians.

        Returns
        -------
        ImpedanceSpectrum
            With the axes and labels of this signal; lazy if this signal is.
        """
        angle = super().angle(deg)
        # HyperSpy resets the type, which would leave a plain Signal1D.
        angle.set_signal_type(self._signal_type)
        return angle


class LazyComplexImpedanceSpectrum(ComplexImpedanceSpectrum, LazyComplexSignal1D):
    """Lazy :class:`ComplexImpedanceSpectrum`."""
