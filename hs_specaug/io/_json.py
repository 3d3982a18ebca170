"""JSON of files that anybody may have written."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

#: What Python says where the parts of a file do not fit; all of it means that the file is damaged.
DAMAGE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    ImportError,
    LookupError,
    MemoryError,
    RuntimeError,
    TypeError,
    ValueError,
)


def parse_json(text: str) -> Any:
    """Return what JSON text says.

    Raises
    ------
    ValueError
        If it is no JSON, names something twice (which one counts would be anybody's guess), or is
        nested more deeply than anything that this package writes.
    """
    try:
        return json.loads(text, object_pairs_hook=_named_once)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _named_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(pairs)
    if len(out) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"it has {twice[:80]!r} twice")
    return out


def read_text(path: str | os.PathLike, what: str) -> str:
    """Return the text of a file that holds `what`.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is a folder or no text.
    """
    path = Path(path).expanduser()
    if path.is_dir():
        raise ValueError(f"{str(path)!r} is a folder; give the name of the file with {what}")
    return path.read_text(encoding="utf-8")
