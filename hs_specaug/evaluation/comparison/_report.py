"""What a comparison of synthetic with real rows found: table, verdict, notes, plain numbers."""

from __future__ import annotations

import json
import os
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..._axes import SignalAxis
from ...io import write_atomically
from ...io._json import DAMAGE, parse_json, read_text
from ..metrics._memorisation import MemorisationReport
from ._plots import ComparisonPlots
from ._registry import MEMORISATION, USEFULNESS, Metric
from ._text import condensed, figure_table, memorisation_table, verdict
from ._thirds import Comparison, reaches
from ._usefulness import Usefulness

FORMAT = "hs_specaug.comparison"
#: Flagged rows of a class that files keep: enough to look at.
MOST_PAIRS = 12
_BY_METRIC = {"values": float, "baseline": float, "intervals": float, "reached": bool}


@dataclass(repr=False, eq=False)
class ComparisonReport(ComparisonPlots):
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
    titles : dict of str to str
        What tables call the metrics, with units.
    sections : dict of str to tuple of str
        Metrics by the question that they answer.
    notes : tuple of str
        What could not be computed, and why.
    level : float
        Of the intervals.
    subject : str
        What was compared; empty where unknown.
    details : dict of str to dict of str to dict of str to float
        By metric and class: the KID of all rows with its interval, the p-value of the two-sample
        test, the Inception score.
    usefulness : Usefulness or None
        Scores of a classifier with and without the synthetic rows.
    memorisation : dict of str to MemorisationReport
        By class: whether synthetic rows are copies of training rows.
    axis : SignalAxis or None
        Of the spectra.
    """

    classes: tuple[str, ...]
    values: dict[str, np.ndarray]
    baseline: dict[str, np.ndarray]
    intervals: dict[str, np.ndarray]
    reached: dict[str, np.ndarray]
    n_real: np.ndarray
    n_synthetic: np.ndarray
    titles: dict[str, str]
    sections: dict[str, tuple[str, ...]]
    notes: tuple[str, ...] = ()
    level: float = 0.95
    subject: str = ""
    details: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)
    usefulness: Usefulness | None = None
    memorisation: dict[str, MemorisationReport] = field(default_factory=dict)
    axis: SignalAxis | None = None

    @classmethod
    def from_figures(
        cls,
        order: Sequence[Any],
        sections: Mapping[str, Mapping[str, Metric]],
        figures: Mapping[tuple[int, str], Comparison],
        *,
        counts: Sequence[tuple[int, int]],
        **others: Any,
    ) -> ComparisonReport:
        """Build a report from figures by class index and name.

        Parameters
        ----------
        order : sequence of labels
            Classes.
        sections : mapping of str to mapping of str to Metric
            Metrics by section and name.
        figures : mapping of (int, str) to Comparison
            Of every class and metric.
        counts : sequence of (int, int)
            Real and synthetic rows of every class.
        **others
            Further attributes of the report.
        """
        metrics = {name: m for group in sections.values() for name, m in group.items()}

        def collect(name: str, part: Callable[[Comparison], Any]) -> np.ndarray:
            return np.array([part(figures[i, name]) for i in range(len(order))], dtype=float)

        numbers = np.array(counts, dtype=int).reshape(-1, 2).T
        others["notes"] = tuple(others.get("notes", ()))
        return cls(
            classes=tuple(map(str, order)),
            values={n: collect(n, lambda c: c.value) for n in metrics},
            baseline={n: collect(n, lambda c: c.baseline.mean) for n in metrics},
            intervals={
                n: collect(n, lambda c: (c.baseline.low, c.baseline.high)).reshape(-1, 2).T
                for n in metrics
            },
            reached={
                n: np.array([reaches(*figures[i, n], m.better) for i in range(len(order))], bool)
                for n, m in metrics.items()
            },
            n_real=numbers[0],
            n_synthetic=numbers[1],
            titles={n: m.title for n, m in metrics.items()},
            sections={section: tuple(group) for section, group in sections.items()},
            **others,
        )

    # --- text --------------------------------------------------------------------------

    def table(self, section: str | None = None, *, width: int = 110) -> str:
        """Return the figures as text: synthetic above real, two lines per class.

        Parameters
        ----------
        section : str or None
            One of `sections`, ``"usefulness"`` or ``"memorisation"``; None gives all of them.
        width : int, default 110
            Columns of text; what is wider is broken into several tables.

        Raises
        ------
        ValueError
            If the report has no such section.
        """
        parts: dict[str, str] = {
            name: figure_table(self, metrics, width) for name, metrics in self.sections.items()
        }
        if self.usefulness is not None:
            parts[USEFULNESS] = repr(self.usefulness)
        if self.memorisation:
            parts[MEMORISATION] = memorisation_table(self)
        parts = {name: text for name, text in parts.items() if text}
        if section is not None:
            if section not in parts:
                raise ValueError(f"no section {section!r} in this report; it has {list(parts)}")
            return parts[section]
        return "\n\n".join(f"{name}\n{text}" if name else text for name, text in parts.items())

    @property
    def verdict(self) -> str:
        """What the figures say, in words."""
        return verdict(self)

    def __repr__(self) -> str:
        legend = (
            f"real: random thirds of the real rows against each other, mean and {self.level:.0%} "
            "interval;\n* outside it, on the bad side"
        )
        if "" in self.sections:
            return "\n".join([self.table(), legend, *self.notes])
        subject = f": {self.subject}" if self.subject else ""
        notes = [textwrap.fill(note, 110, subsequent_indent="  ") for note in condensed(self)]
        notes = ["", "not computed, or to keep in mind", *notes] if notes else []
        return "\n".join(
            [f"<ComparisonReport{subject}>", self.verdict, "", self.table(), "", legend, *notes]
        )

    # --- files -------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain Python objects, for JSON; what is NaN becomes None.

        Of flagged rows the twelve nearest of each class are in it, and the numbers of all.
        """
        axis = self.axis
        return {
            "classes": list(self.classes),
            **{name: {k: _plain(v) for k, v in getattr(self, name).items()} for name in _BY_METRIC},
            "n_real": self.n_real.tolist(),
            "n_synthetic": self.n_synthetic.tolist(),
            "titles": dict(self.titles),
            "sections": {k: list(v) for k, v in self.sections.items()},
            "notes": list(self.notes),
            "level": self.level,
            "subject": self.subject,
            "details": {
                metric: {c: {k: _number(v) for k, v in found.items()} for c, found in each.items()}
                for metric, each in self.details.items()
            },
            "usefulness": None if self.usefulness is None else self.usefulness.to_dict(),
            "memorisation": {
                k: replace(
                    v,
                    flagged_rows=v.flagged_rows[:MOST_PAIRS],
                    nearest_rows=v.nearest_rows[:MOST_PAIRS],
                ).to_dict()
                for k, v in self.memorisation.items()
            },
            "axis": None
            if axis is None
            else {"name": axis.name, "units": axis.units, "values": axis.values.tolist()},
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ComparisonReport:
        """Rebuild a report from :meth:`to_dict`."""
        axis, useful = values["axis"], values["usefulness"]
        return cls(
            classes=tuple(values["classes"]),
            **{
                name: {k: np.array(v, dtype=dtype) for k, v in values[name].items()}
                for name, dtype in _BY_METRIC.items()
            },
            n_real=np.array(values["n_real"], dtype=int),
            n_synthetic=np.array(values["n_synthetic"], dtype=int),
            titles=dict(values["titles"]),
            sections={k: tuple(v) for k, v in values["sections"].items()},
            notes=tuple(values["notes"]),
            level=float(values["level"]),
            subject=values["subject"],
            details={
                metric: {
                    c: {k: np.nan if v is None else v for k, v in found.items()}
                    for c, found in each.items()
                }
                for metric, each in values["details"].items()
            },
            usefulness=None if useful is None else Usefulness.from_dict(useful),
            memorisation={
                k: MemorisationReport.from_dict(v) for k, v in values["memorisation"].items()
            },
            axis=None
            if axis is None
            else SignalAxis(axis["name"], axis["units"], np.array(axis["values"], dtype=float)),
        )

    def save(self, path: str | os.PathLike) -> Path:
        """Write the report to a JSON file, atomically; read it with :meth:`load`.

        Of the rows that are too near to a training row, the twelve nearest of each class are kept.

        Raises
        ------
        FileNotFoundError
            If the folder does not exist.
        """
        text = self._as_text()

        def write(part: Path) -> None:
            part.write_bytes(text)

        return write_atomically(path, write)

    @classmethod
    def load(cls, path: str | os.PathLike) -> ComparisonReport:
        """Read what :meth:`save` wrote.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If the file holds something else, or is damaged.
        """
        try:
            values = parse_json(read_text(path, "a comparison"))
            if values.get("format") != FORMAT:
                raise ValueError(f"its format is {values.get('format')!r}, not {FORMAT!r}")
            report = cls.from_dict(values)
            report._check()
        except DAMAGE as error:
            raise ValueError(
                f"{os.fspath(path)!r} is not a file that report.save wrote: {error}"
            ) from error
        return report

    def _check(self) -> None:
        """Raise an error unless all figures are there for all classes, and can be said in words."""
        n = len(self.classes)
        if not all(isinstance(name, str) for name in (*self.classes, *self.titles.values())):
            raise ValueError("names that are none")
        if not all(isinstance(text, str) for text in (self.subject, *self.notes)):
            raise ValueError("words that are none")
        if self.n_real.shape != (n,) or self.n_synthetic.shape != (n,) or not 0 <= self.level <= 1:
            raise ValueError(f"numbers of rows that are not those of {n} classes, or no level")
        for name in _BY_METRIC:
            shape = (2, n) if name == "intervals" else (n,)
            found = getattr(self, name)
            wrong = [metric for metric, value in found.items() if value.shape != shape]
            if wrong or found.keys() != self.titles.keys():
                raise ValueError(f"{name} of {wrong or list(found)} for {n} classes")
        repr(self), self._as_text()

    def _as_text(self) -> bytes:
        content = {"format": FORMAT, **self.to_dict()}
        return json.dumps(content, ensure_ascii=False, allow_nan=False).encode()


def _plain(array: np.ndarray) -> list:
    """Return nested lists; JSON has no NaN."""
    plain = array.astype(object)
    plain[plain != plain] = None
    return plain.tolist()


def _number(value: float) -> float | None:
    return None if value != value else float(value)
