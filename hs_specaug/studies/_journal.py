"""Cells on disk: a header, then one line for each cell, appended as it is made."""

from __future__ import annotations

import json
import os
import socket
import uuid
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ..io._json import DAMAGE, parse_json
from ..io._model_file import write_atomically
from ._cell import Cell
from ._identity import check_same, results_path

FORMAT = "hs_specaug.study"
FORMAT_VERSION = 1


@dataclass(frozen=True)
class Place:
    """Where a worker may append: this file, if it is the same one there."""

    path: str
    host: str
    token: str

    def append(self, cell: Cell) -> bool:
        """Write one cell, and say whether that was possible from here."""
        if self.host != socket.gethostname() or _token(Path(self.path)) != self.token:
            return False
        append_line(Path(self.path), cell.to_dict())
        return True


class Journal:
    """Finished cells under a path, or in memory only.

    Parameters
    ----------
    path : str, path-like or None
        JSON lines; None keeps nothing.

    Attributes
    ----------
    cells : dict of str to Cell
        By key; of several with one key the last.
    damaged : int
        Lines that could not be read: the end of one that was being written when the process
        died. Their cells are made again.

    Raises
    ------
    ValueError
        If it is not a file of this kind.
    """

    def __init__(self, path: Any) -> None:
        self.path = results_path(path, "study.jsonl")
        self.header: dict[str, Any] | None = None
        self.cells: dict[str, Cell] = {}
        self.damaged = 0
        self.read()

    def read(self) -> None:
        """Read what is on disk now."""
        self.damaged = 0
        if self.path is not None and self.path.exists():
            self._read(self.path)

    def _read(self, path: Path) -> None:
        first, *lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
        if not first and not any(lines):
            return  # made, but stopped before anything was written
        try:
            header = parse_json(first)
            if header["format"] != FORMAT or not 1 <= header["version"] <= FORMAT_VERSION:
                raise ValueError(f"format {header['format']!r}, version {header['version']!r}")
            if not isinstance(header["token"], str) or not isinstance(header["settings"], dict):
                raise ValueError("damaged settings")
            self.header = {"token": header["token"], "settings": header["settings"]}
        except DAMAGE as error:
            raise ValueError(
                f"results={str(path)!r} is no file of a study that this version reads "
                f"({error!r}); give the name of another file"
            ) from error
        for line in lines:
            if not line.strip():
                continue
            try:
                cell = Cell.from_dict(parse_json(line))
            except DAMAGE:
                self.damaged += 1
            else:
                self.cells[cell.key] = cell

    @property
    def settings(self) -> dict[str, Any] | None:
        """What the file is about; None if it is new."""
        return None if self.header is None else self.header["settings"]

    def open(self, settings: dict[str, Any]) -> None:
        """Declare what the study is about, on disk before this returns.

        Raises
        ------
        ValueError
            If the file holds cells of other data or settings.
        """
        settings = json.loads(json.dumps(settings))
        if self.settings is not None:
            check_same(self.path, self.settings, settings, "study")
            self._end_last_line()
            return
        self.header = {"token": uuid.uuid4().hex, "settings": settings}
        if self.path is None:
            return
        made_by = {"format": FORMAT, "version": FORMAT_VERSION, "hs_specaug": version("hs_specaug")}
        text = json.dumps({**made_by, **self.header}, ensure_ascii=False) + "\n"

        def write(part: Path) -> None:
            part.write_text(text, encoding="utf-8")

        write_atomically(self.path, write)

    def _end_last_line(self) -> None:
        """Keep what was torn apart from what comes next."""
        assert self.path is not None
        with self.path.open("rb+") as stream:
            stream.seek(-1, os.SEEK_END)
            if stream.read(1) != b"\n":
                stream.write(b"\n")

    @property
    def place(self) -> Place | None:
        """What a worker needs in order to append by itself."""
        if self.path is None or self.header is None:
            return None
        return Place(str(self.path.absolute()), socket.gethostname(), self.header["token"])

    def add(self, cell: Cell, written: bool) -> None:
        """Keep one more cell, on disk before this returns, unless a worker has `written` it."""
        self.cells[cell.key] = cell
        if not written and self.path is not None:
            append_line(self.path, cell.to_dict())


def append_line(path: Path, content: dict[str, Any]) -> None:
    """Append one line in one piece, safely from several processes at a time."""
    line = json.dumps(content, ensure_ascii=False, allow_nan=False) + "\n"
    handle = os.open(path, os.O_WRONLY | os.O_APPEND)
    try:
        os.write(handle, line.encode())
        os.fsync(handle)
    finally:
        os.close(handle)


def _token(path: Path) -> str | None:
    try:
        with path.open(encoding="utf-8") as stream:
            return json.loads(stream.readline())["token"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
