"""Everything that came out of a study: cells, table, tests, times, words and figures."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ..io._json import DAMAGE, parse_json, read_text
from ..io._model_file import write_atomically
from ._cell import SCORES, Cell
from ._comparisons import compare
from ._ranks import RankComparison, compare_ranks
from ._table import table, times_table
from ._verdict import best_pair, verdict

FORMAT = "hs_specaug.study_result"

#: Scores by split under (ratio, method, classifier).
Scores = dict[tuple[str, str, str], dict[int, float]]


@dataclass(repr=False)
class StudyResult:
    """What a :class:`Study` found.

    Attributes
    ----------
    cells : list of Cell
        Confusion matrix and times of every method, classifier and split.
    classes : list
        Labels in the order of the confusion matrices.
    methods : dict of str to str
        Kind of each method: ``"augmentation"`` or ``"baseline"``.
    ratios : dict of str to float or None
        Balanced ratio or imbalance rate under its name; ``"all rows"`` where none was asked for.
    ratio_kind : str
        ``"balanced ratio"``, ``"imbalance rate"``, ``"training rows"`` or ``"all rows"``.
    overlap : float
        Scored rows / training rows, for intervals and tests that take into account that splits
        share rows.
    notes : list of str
        What was left out, and why.
    """

    cells: list[Cell]
    classes: list[Any]
    methods: dict[str, str]
    ratios: dict[str, float | None]
    ratio_kind: str
    overlap: float
    notes: list[str] = field(default_factory=list)
    _scores: dict[str, Scores] = field(default_factory=dict, init=False, compare=False)

    @property
    def classifiers(self) -> list[str]:
        """Names of the classifiers."""
        return list(dict.fromkeys(cell.classifier for cell in self.cells))

    @property
    def failed(self) -> list[Cell]:
        """Cells that ended in an error."""
        return [cell for cell in self.cells if cell.error is not None]

    @cached_property
    def rows(self) -> list[dict[str, Any]]:
        """One dict for each cell: what it is, its scores, times and facts.

        ``precision``, ``recall`` and ``f_score`` are means over classes (macro); those of a class
        stand under names such as ``"recall[gel]"``. ``generator_seconds`` and
        ``sampling_seconds`` were spent once for all classifiers of the split.
        """
        return [self._row(cell) for cell in self.cells]

    def _row(self, cell: Cell) -> dict[str, Any]:
        real, total = cell.rows or (None, None)
        row: dict[str, Any] = {
            "ratio": cell.ratio,
            "ratio_value": self.ratios[cell.ratio],
            "repetition": cell.repetition,
            "fold": cell.part,
            "method": cell.method,
            "kind": self.methods[cell.method],
            "classifier": cell.classifier,
            **cell.macro(),
            "training_rows": real,
            "augmented_rows": total,
        }
        for name in ("generator", "sampling", "classifier", "prediction"):
            row[f"{name}_seconds"] = cell.seconds.get(name, math.nan)
        row |= {name: cell.facts.get(name) for name in ("best_epoch", "converged", "best_name")}
        row["warnings"] = "; ".join(cell.facts.get("warnings", []))
        row["error"] = cell.error
        per_class = {} if cell.error else cell.scores()
        for name in SCORES[:3]:
            for i, label in enumerate(self.classes):
                values = per_class.get(name)
                row[f"{name}[{label}]"] = math.nan if values is None else float(values[i])
        return row

    def scores(self, score: str = "f_score") -> Scores:
        """Return the scores by split under (ratio, method, classifier); failed cells are left out.

        Parameters
        ----------
        score : {"f_score", "precision", "recall", "accuracy"}
            Means over all classes; or ``"recall[gel]"`` and the like, of one class.

        Raises
        ------
        ValueError
            If there is no such score.
        """
        if score in self._scores:
            return self._scores[score]
        out: Scores = {}
        for cell, row in zip(self.cells, self.rows, strict=True):
            if score not in row or not isinstance(row[score], float):
                names = [*SCORES, *(f"{name}[{c}]" for name in SCORES[:3] for c in self.classes)]
                raise ValueError(f"score must be one of {names}, got {score!r}")
            found = out.setdefault((cell.ratio, cell.method, cell.classifier), {})
            if cell.error is None:
                found[cell.split] = row[score]
        self._scores[score] = out
        return out

    @cached_property
    def summary(self) -> list[dict[str, Any]]:
        """Mean and standard deviation over splits, of each ratio, method and classifier."""
        found = {name: self.scores(name) for name in SCORES}
        out = []
        for ratio, method, classifier in found["f_score"]:
            line: dict[str, Any] = {
                "ratio": ratio,
                "method": method,
                "kind": self.methods[method],
                "classifier": classifier,
                "n": len(found["f_score"][ratio, method, classifier]),
            }
            for name in SCORES:
                values = list(found[name][ratio, method, classifier].values())
                line[name] = float(np.mean(values)) if values else math.nan
                line[f"{name}_sd"] = float(np.std(values, ddof=1)) if len(values) > 1 else math.nan
            out.append(line)
        return out

    @cached_property
    def tests(self) -> list[dict[str, Any]]:
        """Every augmentation against its rivals in macro F, see :meth:`compare`."""
        return self.compare()

    def compare(self, score: str = "f_score") -> list[dict[str, Any]]:
        """Test every augmentation against its rivals, with the same classifier and splits.

        Returns
        -------
        list of dict
            ``against`` says which rival: ``"best baseline"`` (of the classifier and ratio),
            ``"none"``, ``"class weights"`` or ``"smote"``, and ``rival`` its name. ``difference``
            with ``low`` and ``high`` is the mean of the pairs and its corrected 95 % interval.
            Two-sided p values: ``p_t`` of the paired t test as the papers make it, ``p_corrected``
            of the t test for splits that share training rows (Nadeau and Bengio, Mach. Learn. 52
            (2003) 239), ``p_wilcoxon`` of the signed-rank test; ``holm_...`` the same, adjusted
            for the number of methods and classifiers that meet this rival under this ratio.
        """
        return compare(self, score)

    @cached_property
    def times(self) -> list[dict[str, Any]]:
        """Mean seconds of each method: generator, sampling, and every classifier."""
        return times_table(self)

    @cached_property
    def verdict(self) -> str:
        """What helped and what did as well, in words; one line for each ratio."""
        return verdict(self)

    def best(self, ratio: str | None = None) -> dict[str, Any]:
        """Return the line of :attr:`summary` with the largest mean macro F."""
        where = next(iter(self.ratios)) if ratio is None else ratio
        winner = best_pair(self, where)
        if winner is None:
            raise ValueError(f"no cell of {where!r} was finished")
        pair = (where, winner.method, winner.classifier)
        return next(s for s in self.summary if (s["ratio"], s["method"], s["classifier"]) == pair)

    # --- text ------------------------------------------------------------------------------

    def table(
        self, score: str = "f_score", *, classifier: str | None = None, markdown: bool = False
    ) -> str:
        """Return mean (sd) of every method as text.

        Parameters
        ----------
        score : str
            What is shown, one column per classifier.
        classifier : str or None
            With a name the columns are precision, recall, F-score and accuracy of this
            classifier, as in tables 8 to 13 of paper 000.
        markdown : bool
            As Markdown.
        """
        return table(self, score, classifier, markdown)

    def __repr__(self) -> str:
        n = len({cell.split for cell in self.cells})
        head = f"macro F, mean (sd) over {n} split{'s' if n != 1 else ''}"
        notes = [f"note: {note}" for note in self.notes]
        if self.failed:
            said = dict.fromkeys(f"{c.method} with {c.classifier}: {c.error}" for c in self.failed)
            shown = [*list(said)[:3], *(["..."] if len(said) > 3 else [])]
            notes.append(f"note: {len(self.failed)} cells failed: {'; '.join(shown)}")
        return "\n".join([head, self.table(), *notes, self.verdict])

    def to_frame(self) -> Any:
        """Return :attr:`rows` as a pandas DataFrame."""
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError("to_frame needs pandas: pip install pandas") from error
        return pd.DataFrame(self.rows)

    # --- figures ---------------------------------------------------------------------------

    def rank_methods(
        self,
        *,
        ratio: str | None = None,
        classifier: str | None = None,
        score: str = "f_score",
        post_hoc: str = "wilcoxon-holm",
    ) -> RankComparison:
        """Rank the methods in every split, see :func:`compare_ranks`.

        A block is a split under one ratio with one classifier. Splits of the same rows are
        not independent, so that p values are too small for a claim about other data.

        Parameters
        ----------
        ratio, classifier : str or None
            Only these; None takes all. Methods that some classifier of these cannot do,
            or that failed somewhere, are left out.
        score : str
            See :meth:`scores`.
        post_hoc : {"wilcoxon-holm", "nemenyi"}
            How pairs are told apart.
        """
        found = self.scores(score)
        for name, asked, known in (
            ("ratio", ratio, list(self.ratios)),
            ("classifier", classifier, self.classifiers),
        ):
            if asked is not None and asked not in known:
                raise ValueError(f"no {name} {asked!r}, there are {known}")
        ratios = list(self.ratios) if ratio is None else [ratio]
        classifiers = self.classifiers if classifier is None else [classifier]
        places = [(r, c) for r in ratios for c in classifiers]
        splits = {
            place: sorted(set().union(*(v for (r, _, c), v in found.items() if (r, c) == place)))
            for place in places
        }
        blocks = [(r, c, split) for (r, c) in places for split in splits[r, c]]
        methods = [
            m for m in self.methods if all(s in found.get((r, m, c), {}) for r, c, s in blocks)
        ]
        values = np.array([[found[r, m, c][s] for m in methods] for r, c, s in blocks])
        return compare_ranks(methods, values.reshape(len(blocks), -1), post_hoc=post_hoc)

    def plot(self, score: str = "f_score") -> Any:
        """Draw mean and standard deviation of every method, one panel for each classifier.

        Returns
        -------
        ndarray of matplotlib.axes.Axes
        """
        from ._plots import plot_scores

        return plot_scores(self, score)

    def plot_critical_difference(self, ax: Any = None, **settings: Any) -> Any:
        """Draw the average ranks of the methods; bars join those that cannot be told apart.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or None
            Where to draw; None makes a figure.
        **settings
            Of :meth:`rank_methods`.
        """
        from ._plots import plot_ranks

        return plot_ranks(self.rank_methods(**settings), ax)

    # --- files -----------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain Python objects, for JSON."""
        return {
            "format": FORMAT,
            "classes": list(self.classes),
            "methods": dict(self.methods),
            "ratios": dict(self.ratios),
            "ratio_kind": self.ratio_kind,
            "overlap": self.overlap,
            "notes": list(self.notes),
            "verdict": self.verdict,
            "cells": [cell.to_dict() for cell in self.cells],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> StudyResult:
        """Rebuild a result from :meth:`to_dict`.

        Raises
        ------
        ValueError
            If the values are of something else.
        """
        if values.get("format") != FORMAT:
            raise ValueError(f"these are no results of a study: format {values.get('format')!r}")
        return cls(
            cells=[Cell.from_dict(cell) for cell in values["cells"]],
            classes=list(values["classes"]),
            methods=dict(values["methods"]),
            ratios=dict(values["ratios"]),
            ratio_kind=values["ratio_kind"],
            overlap=float(values["overlap"]),
            notes=list(values["notes"]),
        )

    def _as_text(self) -> bytes:
        text = json.dumps(self.to_dict(), indent=1, ensure_ascii=False, allow_nan=False)
        return text.encode()

    def save(self, path: str | os.PathLike) -> Path:
        """Write everything to one JSON file, atomically."""
        text = self._as_text()

        def write(part: Path) -> None:
            part.write_bytes(text)

        return write_atomically(path, write)

    @classmethod
    def load(cls, path: str | os.PathLike) -> StudyResult:
        """Read what :meth:`save` wrote.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If the file holds something else, or is damaged.
        """
        try:
            result = cls.from_dict(parse_json(read_text(path, "a result of a study")))
            # Whatever cannot be put into words and tables is none.
            repr(result), result.times, result._as_text()
        except DAMAGE as error:
            raise ValueError(f"{str(path)!r} holds no results of a study ({error})") from error
        return result
