"""What a comparison of synthetic with real rows found: table, notes, plain numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

HEADERS = {
    "frechet": "Fréchet",
    "pearson": "PCC",
    "cosine": "cosine dist.",
    "kl": "KL",
    "snr": "SNR",
}


@dataclass(repr=False, eq=False)
class FidelityReport:
    """Likeness of synthetic and real rows per class, beside real against real.

    Attributes
    ----------
    classes : tuple of str
        Class names.
    values : dict of str to ndarray of shape (n_classes,)
        Each metric for synthetic against real rows; NaN where it cannot be computed.
    baseline : dict of str to ndarray of shape (n_classes,)
        Its mean for random thirds of the real rows against each other.
    intervals : dict of str to ndarray of shape (2, n_classes)
        How far apart two sets of real rows lie by chance in `level` of the splits.
    reached : dict of str to ndarray of bool of shape (n_classes,)
        Whether the synthetic rows are as good as real ones: a distance not above the
        interval, a correlation not below it, the SNR inside.
    n_real, n_synthetic : ndarray of shape (n_classes,)
        Rows per class.
    notes : tuple of str
        What could not be computed, and why.
    level : float
        Of the intervals.
    """

    classes: tuple[str, ...]
    values: dict[str, np.ndarray]
    baseline: dict[str, np.ndarray]
    intervals: dict[str, np.ndarray]
    reached: dict[str, np.ndarray]
    n_real: np.ndarray
    n_synthetic: np.ndarray
    notes: tuple[str, ...] = ()
    level: float = 0.95

    def table(self) -> str:
        """Return the figures as text: synthetic above real, two lines per class."""
        cells = [["", "", "rows", *(HEADERS[m] for m in self.values)]]
        for i, name in enumerate(self.classes):
            synthetic, real = [], []
            for metric, values in self.values.items():
                mark = "" if self.reached[metric][i] or np.isnan(values[i]) else " *"
                synthetic.append(f"{values[i]:.3g}{mark}")
                low, high = self.intervals[metric][:, i]
                real.append(f"{self.baseline[metric][i]:.3g} [{low:.3g}, {high:.3g}]")
            cells.append([name, "synthetic", str(self.n_synthetic[i]), *synthetic])
            cells.append(["", "real", str(self.n_real[i]), *real])
        widths = [max(len(row[k]) for row in cells) for k in range(len(cells[0]))]
        return "\n".join(
            "  ".join(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=True)).rstrip()
            for row in cells
        )

    def __repr__(self) -> str:
        legend = (
            f"real: random thirds of the real rows against each other, mean and {self.level:.0%} "
            "interval; * outside it, on the bad side"
        )
        return "\n".join([self.table(), legend, *self.notes])

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain Python objects, for JSON; what is NaN becomes None."""
        return {
            "classes": list(self.classes),
            **{
                field: {k: _plain(v) for k, v in getattr(self, field).items()}
                for field in ("values", "baseline", "intervals", "reached")
            },
            "n_real": self.n_real.tolist(),
            "n_synthetic": self.n_synthetic.tolist(),
            "notes": list(self.notes),
            "level": self.level,
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> FidelityReport:
        """Rebuild a report from :meth:`to_dict`."""

        def arrays(field: str, dtype: type) -> dict[str, np.ndarray]:
            return {k: np.array(v, dtype=dtype) for k, v in values[field].items()}

        return cls(
            classes=tuple(values["classes"]),
            values=arrays("values", float),
            baseline=arrays("baseline", float),
            intervals=arrays("intervals", float),
            reached=arrays("reached", bool),
            n_real=np.array(values["n_real"], dtype=int),
            n_synthetic=np.array(values["n_synthetic"], dtype=int),
            notes=tuple(values["notes"]),
            level=float(values["level"]),
        )


def _plain(array: np.ndarray) -> list:
    """Return nested lists; JSON has no NaN."""
    plain = array.astype(object)
    plain[plain != plain] = None
    return plain.tolist()
