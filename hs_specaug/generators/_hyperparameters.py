"""Hyperparameters that are declared once, in a base class, and belong to every method below it.

scikit-learn reads hyperparameters from the signature of ``__init__``. A method that passes
``**training`` on to its base would hide those of the base; here its signature and its page are
completed with them, so that `get_params`, `help` and the documentation show them all.
"""

from __future__ import annotations

import inspect
import itertools
import re
from typing import Any

_ENTRY = re.compile(r"^(\w[\w, ]*) : ")
_UNDERLINE = re.compile(r"^-+$")


def inherit_hyperparameters(cls: Any) -> None:
    """Complete signature and documentation of `cls` with the hyperparameters of its bases.

    A hyperparameter that the class names itself, with another default, say, hides the one of
    the base.
    """
    own = cls.__dict__.get("__init__")
    if own is not None:
        mine = inspect.signature(own).parameters.values()
        rest = [p for p in mine if p.kind is p.VAR_KEYWORD]
        if rest:
            named = [p for p in mine if p not in rest]
            names = {p.name for p in named}
            base = inspect.signature(super(cls, cls).__init__)
            inherited = [p for p in base.parameters.values() if p.name not in names]
            own.__signature__ = inspect.Signature([*named, *inherited])
    if cls.__doc__ and "__doc__" in cls.__dict__:
        cls.__doc__ = _complete(cls.__doc__, super(cls, cls).__doc__ or "")


def _section(doc: str, title: str) -> tuple[int, int]:
    """Return the range of lines in the body of a section, (0, 0) if there is none."""
    lines = inspect.cleandoc(doc).splitlines()
    heads = [i for i in range(len(lines) - 1) if _UNDERLINE.match(lines[i + 1]) and lines[i]]
    for head, following in itertools.pairwise([*heads, len(lines)]):
        if lines[head] == title:
            return head + 2, following
    return 0, 0


def _entries(doc: str) -> dict[str, list[str]]:
    """Return the lines of every parameter by name."""
    lines = inspect.cleandoc(doc).splitlines()
    start, stop = _section(doc, "Parameters")
    entries: dict[str, list[str]] = {}
    current: list[str] = []
    for line in lines[start:stop]:
        found = _ENTRY.match(line)
        if found:
            current = entries.setdefault(found[1], [])
        if line.strip():
            current.append(line)
    return entries


def _complete(doc: str, base: str) -> str:
    known = {name for names in _entries(doc) for name in names.split(", ")}
    more = [
        line
        for names, entry in _entries(base).items()
        if not known & set(names.split(", "))
        for line in entry
    ]
    lines = inspect.cleandoc(doc).splitlines()
    start, stop = _section(doc, "Parameters")
    if not start or not more:
        return doc
    body = [*lines[start:stop]]
    while body and not body[-1].strip():
        body.pop()
    return "\n".join([*lines[:start], *body, *more, "", *lines[stop:]])
