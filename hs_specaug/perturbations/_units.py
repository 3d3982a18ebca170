"""Parameters that name their unit, on axes that have another one."""

from __future__ import annotations

from typing import NamedTuple

from ._domain import Domain


class Quantity(NamedTuple):
    """What a parameter measures, and how much of each unit of the axis its unit is.

    Attributes
    ----------
    name : str
        For messages.
    per_unit : dict of str to float
        Spellings of units, and the value of the parameter's unit in them.
    """

    name: str
    per_unit: dict[str, float]

    def refusal(self, domain: Domain) -> str | None:
        """Say that the axis measures something else, or return None."""
        if not domain.axes or not domain.units or _spelling(domain.units) in self.per_unit:
            return None
        known = ", ".join(sorted(self.per_unit))
        return (
            f"its axis is in {domain.units!r}, not in a unit of {self.name} ({known}); "
            "use 'shift', in units of the axis"
        )


ENERGY = Quantity("energy", {"eV": 1.0, "keV": 1e-3, "MeV": 1e-6, "meV": 1e3})
WAVENUMBER = Quantity("wavenumber", {"1/cm": 1.0, "cm-1": 1.0, "cm⁻¹": 1.0, "1/m": 100.0})


def _spelling(units: str) -> str:
    """Leave out what spellings such as ``cm$^{-1}$`` and ``cm^-1`` differ in."""
    return "".join(c for c in units if c not in " ^{}$*()")


def in_axis_units(value: float, quantity: Quantity, domain: Domain) -> float:
    """Convert a parameter to units of the axis; as it is where the axis has none."""
    return value * quantity.per_unit.get(_spelling(domain.units), 1.0)
