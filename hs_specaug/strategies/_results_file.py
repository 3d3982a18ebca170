"""Scores on disk, written one by one, so that a search that was killed goes on."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from ..io._model_file import write_atomically
from ._candidates import Candidate
from ._cells import Cell

FORMAT = "hs_specaug.strategy_search"
FORMAT_VERSION = 1


def digest(*values: Any) -> str:
    """Return a hash of arrays and plain objects."""
    out = hashlib.blake2b(digest_size=12)
    for value in values:
        if isinstance(value, np.ndarray) and value.dtype.kind != "O":
            out.update(f"{value.dtype.str}{value.shape}".encode())
            out.update(np.ascontiguousarray(value).tobytes())
        else:
            out.update(repr(value.tolist() if isinstance(value, np.ndarray) else value).encode())
    return out.hexdigest()


def describe(value: Any) -> Any:
    """Return a JSON value that differs when an object would act differently."""
    if isinstance(value, BaseEstimator):
        parameters = value.get_params(deep=False)
        kind = f"{type(value).__module__}.{type(value).__qualname__}"
        return {"class": kind, **{key: describe(v) for key, v in parameters.items()}}
    if isinstance(value, str | int | float | bool | type(None)):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return digest(value)
    if isinstance(value, Mapping):
        return {str(key): describe(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [describe(v) for v in value]
    if hasattr(value, "to_dict"):
        return digest(json.dumps(value.to_dict(), sort_keys=True))
    if hasattr(value, "func") and hasattr(value, "keywords"):  # a partial
        return [describe(value.func), describe(value.keywords)]
    if callable(value) and hasattr(value, "__qualname__"):
        return f"{value.__module__}.{value.__qualname__}"
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))  # an address is new in every process


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
        self.path = None if path is None else Path(path).expanduser()
        self.settings: dict[str, Any] | None = None
        self.cells: dict[str, Cell] = {}
        if self.path is not None and self.path.is_dir():
            raise ValueError(
                f"results={str(path)!r} is a folder; give the name of a file in it, such as "
                f"{str(self.path / 'search.json')!r}"
            )
        if self.path is not None and self.path.exists():
            self._read(self.path)

    def _read(self, path: Path) -> None:
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            if content["format"] != FORMAT or content["version"] > FORMAT_VERSION:
                raise ValueError(f"format {content['format']!r}, version {content['version']!r}")
            self.settings = content["settings"]
            self.cells = {
                key: Cell(tuple(map(float, cell["scores"])), float(cell["seconds"]))
                for key, cell in content["cells"].items()
            }
            if 0 in (folds := {len(cell.scores) for cell in self.cells.values()}) or len(folds) > 1:
                raise ValueError(f"cells of {sorted(folds)} scores")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
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
        if self.settings is not None and self.settings != settings:
            for key in settings:
                if self.settings.get(key) != settings[key]:
                    break
            raise ValueError(
                f"results={str(self.path)!r} holds scores of another search: {key} was "
                f"{self.settings.get(key)!r} and is {settings[key]!r} now; give the name of "
                "another file, or delete this one"
            )
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
