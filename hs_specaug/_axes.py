"""Calibrated signal axes: what data lie on, and whether other data share it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .exceptions import IncompatibleAxisError


@dataclass(frozen=True, repr=False, eq=False)
class SignalAxis:
    """One signal axis: its name, units and the value of every channel.

    Attributes
    ----------
    name, units : str
        As in HyperSpy's axes manager; empty where undefined.
    values : ndarray of shape (length,)
        Axis values in `units`.
    """

    name: str
    units: str
    values: np.ndarray

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SignalAxis):
            return NotImplemented
        same_words = (self.name, self.units) == (other.name, other.units)
        return same_words and np.array_equal(self.values, other.values)

    def __hash__(self) -> int:
        return hash((self.name, self.units, self.values.tobytes()))

    def __repr__(self) -> str:
        return f"<SignalAxis {self}>"

    def __str__(self) -> str:
        if not len(self.values):
            return f"{self.name or 'axis'}: no channels"
        units = f" {self.units}" if self.units else ""
        return (
            f"{self.name or 'axis'}: {len(self.values)} channels, "
            f"{self.values[0]:g} to {self.values[-1]:g}{units}"
        )

    def difference(self, other: SignalAxis) -> str | None:
        """Say how `other` differs from this axis, or return None if it does not matter."""
        if len(self.values) != len(other.values):
            return "the number of channels differs"
        if self.units and other.units and self.units != other.units:
            return f"the units differ ({self.units!r} and {other.units!r})"
        # Half a channel is where a peak starts to be nearer to its neighbour.
        channel = np.min(np.abs(np.diff(self.values))) if len(self.values) > 1 else 1.0
        if np.max(np.abs(self.values - other.values)) > 0.5 * channel:
            return "the calibrations differ by more than half a channel"
        return None


def check_same_axes(
    trained: Sequence[SignalAxis] | None, given: Sequence[SignalAxis] | None
) -> None:
    """Raise unless data on the axes `given` fit a generator trained on `trained`.

    Raises
    ------
    IncompatibleAxisError
        With both axes written out.
    """
    if not trained or not given:
        return
    if len(trained) != len(given):
        raise IncompatibleAxisError(
            f"the generator was trained on {len(trained)} signal axes, the data have {len(given)}"
        )
    for expected, got in zip(trained, given, strict=True):
        reason = expected.difference(got)
        if reason:
            raise IncompatibleAxisError(
                f"the generator does not fit this signal: {reason}. Trained on [{expected}], "
                f"got [{got}]. Bring the signal onto the generator's axis with "
                "s.preprocess(crop=..., resample=...), or train a new generator"
            )
