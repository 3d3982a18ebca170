"""What rows are: the kind of measurement and the axes they lie on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._axes import SignalAxis

SPECTRA = frozenset({"spectrum", "EELS", "EDS", "impedance"})
IMAGES = frozenset({"image"})
KINDS = SPECTRA | IMAGES


def tell_domain(estimator: Any, domain: Domain | None) -> Any:
    """Tell an estimator, and those inside it, what rows are, wherever that was left open."""
    left_open = [
        key
        for key, value in estimator.get_params(deep=True).items()
        if value is None and key.rpartition("__")[2] == "domain"
    ]
    return estimator.set_params(**dict.fromkeys(left_open, domain))


@dataclass(frozen=True)
class Domain:
    """The kind of measurement that rows hold, and their calibrated axes.

    Attributes
    ----------
    kind : str
        ``"spectrum"`` (Raman, infrared, X-ray diffraction, ...), ``"EELS"``, ``"EDS"``,
        ``"impedance"``, ``"image"``, or ``""`` where it is not known.
    axes : tuple of SignalAxis
        Signal axes in array order; empty where they are not known.
    is_complex : bool
        Whether the two channels of a row are real and imaginary part of one quantity.

    Raises
    ------
    ValueError
        If `kind` is none of those.

    Examples
    --------
    >>> import numpy as np
    >>> from hs_specaug import SignalAxis
    >>> from hs_specaug.perturbations import Domain
    >>> Domain("EELS", (SignalAxis("Energy loss", "eV", np.arange(400.0, 500.0)),))
    Domain(EELS, Energy loss: 100 channels, 400 to 499 eV)
    """

    kind: str = ""
    axes: tuple[SignalAxis, ...] = ()
    is_complex: bool = False

    def __post_init__(self) -> None:
        if self.kind not in KINDS | {""}:
            raise ValueError(f"kind must be one of {sorted(KINDS)} or '', got {self.kind!r}")

    def __repr__(self) -> str:
        words = [self.kind or "unknown kind", *map(str, self.axes)]
        return f"Domain({', '.join([*words, 'complex'] if self.is_complex else words)})"

    def axis(self, length: int) -> np.ndarray:
        """Return the values of the last axis; channel numbers where it has no calibration.

        Raises
        ------
        ValueError
            If the axis has another length than the rows.
        """
        if not self.axes:
            return np.arange(length, dtype=float)
        values = self.axes[-1].values
        if len(values) != length:
            raise ValueError(
                f"domain has an axis of {len(values)} channels, the rows have {length}; pass the "
                "axis of these rows"
            )
        return values

    def channel(self, length: int) -> float:
        """Return the median width of a channel of the last axis, in its units."""
        values = self.axis(length)
        return float(np.median(np.abs(np.diff(values)))) if length > 1 else 1.0

    @property
    def units(self) -> str:
        """Units of the last axis; ``"channels"`` where it has no calibration."""
        return self.axes[-1].units if self.axes else "channels"

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain Python objects, for JSON."""
        return {
            "kind": self.kind,
            "is_complex": self.is_complex,
            "axes": [
                {"name": a.name, "units": a.units, "values": a.values.tolist()} for a in self.axes
            ],
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Domain:
        """Rebuild a domain from :meth:`to_dict`."""
        axes = tuple(
            SignalAxis(a["name"], a["units"], np.array(a["values"])) for a in values["axes"]
        )
        return cls(values["kind"], axes, bool(values["is_complex"]))
