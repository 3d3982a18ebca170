"""What makes two pieces of work the same, so that results on disk are taken for the right one."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator


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


def results_path(path: Any, example: str) -> Path | None:
    """Return the path of a file of results; None stays None.

    Raises
    ------
    ValueError
        If it is a folder; `example` is the name of a file to suggest.
    """
    if path is None:
        return None
    out = Path(path).expanduser()
    if out.is_dir():
        raise ValueError(
            f"results={str(path)!r} is a folder; give the name of a file in it, such as "
            f"{str(out / example)!r}"
        )
    return out


def check_same(path: Any, known: Mapping[str, Any], settings: Mapping[str, Any], what: str) -> None:
    """Refuse results of other data or settings.

    Raises
    ------
    ValueError
        Naming the first setting that differs.
    """
    for key, value in settings.items():
        if known.get(key) != value:
            raise ValueError(
                f"results={str(path)!r} holds scores of another {what}: {key} was "
                f"{known.get(key)!r} and is {value!r} now; give the name of another file, or "
                "delete this one"
            )


def seed_of(path: Any, known: Mapping[str, Any]) -> int:
    """Return the seed of the work whose results are on disk.

    Raises
    ------
    ValueError
        If the file does not say.
    """
    seed = known.get("seed")
    if type(seed) is not int or not 0 <= seed < 2**32:
        raise ValueError(
            f"results={str(path)!r} is damaged: its seed is {seed!r}; give the name of another file"
        )
    return seed
