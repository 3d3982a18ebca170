"""Scores on disk, written one by one, so that a search that was killed goes on."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from ..io._json import DAMAGE, parse_json
from ..io._model_file import write_atomically
from ..studies._identity import check_same, describe, digest, results_path
from ._candidates import Candidate
from ._cells import Cell

FORMAT = "hs_specaug.strategy_search"
FORMAT_VERSION = 1


def cell_key(candidate: Candidate, repetition: int) -> str:
    """Return the name of a cell; other parameters of a strategy make it another cell."""
    content = digest(json.dumps(describe(candidate.generator), sort_keys=True))
    return f"{candidate.name} | {content} | {repetition}"


class ResultsFile:
    """Scored cells under a path, or in memory only.

    Parameters
    ----------
    path : str, path-like or None
        JSON file; None keeps nothing.

    Raises
    ------
    ValueError
        If it is not a file of this kind.
    """

    def __init__(self, path: Any) -> None:
        self.path = results_path(path, "search.json")
        self.settings: dict[str, Any] | None = None
        self.cells: dict[str, Cell] = {}
        if self.path is not None and self.path.exists():
            self._read(self.path)

    def _read(self, path: Path) -> None:
        try:
            content = parse_json(path.read_text(encoding="utf-8"))
            if content["format"] != FORMAT or not 1 <= content["version"] <= FORMAT_VERSION:
                raise ValueError(f"format {content['format']!r}, version {content['version']!r}")
            if not isinstance(content["settings"], dict):
                raise ValueError("damaged settings")
            self.settings = content["settings"]
            self.cells = {
                key: Cell(tuple(map(float, cell["scores"])), float(cell["seconds"]))
                for key, cell in content["cells"].items()
            }
            if 0 in (folds := {len(cell.scores) for cell in self.cells.values()}) or len(folds) > 1:
                raise ValueError(f"cells of {sorted(folds)} scores")
            numbers = [x for c in self.cells.values() for x in (*c.scores, c.seconds)]
            if not all(map(math.isfinite, numbers)):
                raise ValueError("scores that are no numbers")
        except DAMAGE as error:
            raise ValueError(
                f"results={str(path)!r} is no file of strategy-search results that this version "
                f"reads ({error!r}); give the name of another file"
            ) from error

    def open(self, settings: dict[str, Any]) -> None:
        """Declare what the search is about.

        Raises
        ------
        ValueError
            If the file holds scores of other data or settings.
        """
        settings = json.loads(json.dumps(settings))
        if self.settings is not None:
            check_same(self.path, self.settings, settings, "search")
        self.settings = settings
        self._write()

    def add(self, key: str, cell: Cell) -> None:
        """Keep one more cell, on disk before this returns."""
        self.cells[key] = cell
        self._write()

    def _write(self) -> None:
        if self.path is None:
            return
        content = {
            "format": FORMAT,
            "version": FORMAT_VERSION,
            "settings": self.settings,
            "cells": {
                key: {"scores": list(cell.scores), "seconds": round(cell.seconds, 4)}
                for key, cell in self.cells.items()
            },
        }
        text = json.dumps(content, indent=1, ensure_ascii=False)

        def write(part: Path) -> None:
            part.write_text(text, encoding="utf-8")

        write_atomically(self.path, write)
