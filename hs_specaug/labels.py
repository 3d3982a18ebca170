"""Class codes on a navigation space: encoding, counting, merging, and labels from a series.

Everything here is a pure function of arrays. A label array holds integer *codes*, one per
spectrum or image, and a list of *class names* says what each code means; ``-1`` means unlabelled.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ._series import (
    SigmoidFit,
    TwoLineFit,
    label_by_sigmoid,
    label_by_threshold,
    label_by_two_lines,
)

__all__ = [
    "UNLABELLED",
    "SigmoidFit",
    "TwoLineFit",
    "as_blocks",
    "balanced_ratio",
    "check_classes",
    "count_classes",
    "encode_labels",
    "label_by_sigmoid",
    "label_by_threshold",
    "label_by_two_lines",
    "name_permutation",
    "unanimous",
]

UNLABELLED = -1
# More classes than that are not codes but values.
MOST_UNNAMED_CLASSES = 10_000
"""Code of a row that carries no label."""

# What an unlabelled entry becomes when NumPy casts a mixed list to text.
_MISSING_TEXT = frozenset({"", "-1", "nan", "None"})


# ------------------------------------------------------------------------------------ encoding


def _is_missing(value: Any) -> bool:
    """Tell whether one entry of a mixed array stands for "unlabelled"."""
    if value is None:
        return True
    if isinstance(value, str):
        return value == ""
    if isinstance(value, int | float | np.number):
        return bool(np.isnan(value)) or value == UNLABELLED
    return False


def check_classes(classes: Iterable[Any]) -> list[str]:
    """Return class names as a list of unique, non-empty text.

    Parameters
    ----------
    classes : iterable
        Names in the order of their codes.

    Returns
    -------
    list of str

    Raises
    ------
    ValueError
        If a name is empty or occurs twice.
    TypeError
        If a single string is given instead of a list of names.
    """
    if isinstance(classes, str):
        raise TypeError(
            f"classes must be a list of names, not the text {classes!r}; use [{classes!r}]"
        )
    if isinstance(classes, set | frozenset):
        raise TypeError(f"classes must be in order, but a set has none, got {classes!r}")
    classes = list(classes)
    if any(name is None for name in classes):
        raise ValueError(f"class names must not be None, got {classes}")
    names = [str(name) for name in classes]
    if any(not name for name in names):
        raise ValueError(f"class names must not be empty, got {names}")
    duplicates = sorted({name for name in names if names.count(name) > 1})
    if duplicates:
        raise ValueError(
            f"class names must be unique, {duplicates} occur more than once in {names}"
        )
    return names


def encode_labels(
    values: Any, classes: Sequence[Any] | None = None
) -> tuple[np.ndarray, list[str]]:
    """Turn codes or names into integer codes and a list of class names.

    Parameters
    ----------
    values : array_like of any shape
        Integer codes, or class names. ``-1``, ``""``, ``None`` and NaN mean unlabelled; in a NumPy
        text array so do ``"-1"``, ``"nan"`` and ``"None"`` (what NumPy makes of a mixed list),
        unless ``classes`` lists them.
    classes : sequence of str, optional
        Names in the order of their codes. By default the names found, sorted; for codes, the codes
        themselves as text.

    Returns
    -------
    codes : numpy.ndarray of int32
        Same shape as ``values``.
    classes : list of str

    Raises
    ------
    ValueError
        If a code is outside the range of ``classes`` or no whole number, if a name is not in
        ``classes``, or if class names are empty or repeated.

    Examples
    --------
    >>> encode_labels(["gel", None, "sol"])
    (array([ 0, -1,  1], dtype=int32), ['gel', 'sol'])
    >>> encode_labels([0, -1, 1], classes=["sol", "gel"])[1]
    ['sol', 'gel']
    """
    names = None if classes is None else check_classes(classes)
    # Lists stay objects so that NumPy does not cast ["core", -1] to text.
    if isinstance(values, np.ma.MaskedArray):
        mask, values = np.ma.getmaskarray(values), values.data.astype(object)
        values[mask] = None
    array = np.asarray(values) if hasattr(values, "__array__") else np.array(values, dtype=object)
    if array.dtype.kind == "S":
        array = array.astype(str)
    if array.dtype.kind == "U":
        missing = np.isin(array, sorted(_MISSING_TEXT - set(names or ())))
        return _encode_names(array, missing, names)
    if array.dtype.kind == "O":
        missing = np.array([_is_missing(value) for value in array.ravel()], dtype=bool)
        missing = missing.reshape(array.shape)
        present = array[~missing]
        if any(isinstance(value, str) for value in present):
            return _encode_names(array, missing, names)
        numeric = np.full(array.shape, np.nan)
        numeric[~missing] = [_as_number(value) for value in present]
        return _encode_codes(numeric, names)
    if array.dtype.kind == "b":
        return array.astype(np.int32), names if names is not None else ["False", "True"]
    if array.dtype.kind not in "iuf":
        raise ValueError(f"labels must be integer codes or names, got dtype {array.dtype}")
    return _encode_codes(array, names)


def _as_number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ValueError(f"labels must be integer codes or names, got {value!r}") from None


def _encode_names(
    array: np.ndarray, missing: np.ndarray, names: list[str] | None
) -> tuple[np.ndarray, list[str]]:
    text = np.where(missing, "", array).astype(str)
    present = sorted(set(text[~missing].ravel().tolist()))
    if names is None:
        names = present
    unknown = [name for name in present if name not in names]
    if unknown:
        raise ValueError(f"labels {unknown} are not in classes={names}; add them to classes")
    codes = np.full(text.shape, UNLABELLED, dtype=np.int32)
    for code, name in enumerate(names):
        codes[(text == name) & ~missing] = code
    return codes, names


def _encode_codes(array: np.ndarray, names: list[str] | None) -> tuple[np.ndarray, list[str]]:
    if array.dtype.kind == "u":
        array = array.astype(np.float64 if array.dtype.itemsize == 8 else np.int64)
    missing = np.isnan(array) if array.dtype.kind == "f" else np.zeros(array.shape, dtype=bool)
    filled = np.where(missing, UNLABELLED, array)
    if not np.all(np.isfinite(filled)) or np.any(filled != np.round(filled)):
        raise ValueError("label codes must be whole numbers; name the classes or round the codes")
    highest = int(filled.max(initial=UNLABELLED))
    lowest = int(filled.min(initial=UNLABELLED))
    if lowest < UNLABELLED:
        raise ValueError(f"label codes start at 0 (-1 means unlabelled), got {lowest}")
    if names is None and highest >= MOST_UNNAMED_CLASSES:
        raise ValueError(
            f"label codes go up to {highest}, which would make as many classes; codes count from "
            "0, name them with classes=[...] or renumber them with np.unique(..., "
            "return_inverse=True)"
        )
    if names is None:
        names = [str(code) for code in range(highest + 1)]
    elif highest >= len(names):
        raise ValueError(
            f"label codes go up to {highest} but classes={names} has only codes 0 to "
            f"{len(names) - 1}; add the missing names to classes"
        )
    return filled.astype(np.int32), names


# ------------------------------------------------------------------------------------ counting


def count_classes(codes: np.ndarray, classes: Sequence[str]) -> dict[str, int]:
    """Count the rows of every class, absent classes included.

    Parameters
    ----------
    codes : numpy.ndarray of int
        Codes of any shape; unlabelled rows are not counted.
    classes : sequence of str

    Returns
    -------
    dict of str to int
    """
    labelled = codes[codes >= 0]
    counts = np.bincount(labelled.ravel(), minlength=len(classes))
    return {name: int(counts[code]) for code, name in enumerate(classes)}


def balanced_ratio(codes: np.ndarray) -> float:
    """Return smallest over largest class size, over the classes that have rows.

    Parameters
    ----------
    codes : numpy.ndarray of int

    Returns
    -------
    float
        1 for a balanced set (or a single class), towards 0 for an imbalanced one; NaN when nothing
        is labelled.
    """
    counts = np.bincount(codes[codes >= 0].ravel())
    counts = counts[counts > 0]
    return float(counts.min() / counts.max()) if counts.size else float("nan")


# ------------------------------------------------------------------------------------- merging


def unanimous(values: np.ndarray, axes: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Reduce an array over some axes where all entries along them agree.

    Parameters
    ----------
    values : numpy.ndarray
        Codes, groups or any comparable values.
    axes : sequence of int
        Axes that disappear.

    Returns
    -------
    first : numpy.ndarray
        The first entry along ``axes``, shape of ``values`` without them.
    agree : numpy.ndarray of bool
        Where every entry along ``axes`` equals ``first``; elsewhere ``first`` means nothing.
    """
    kept = [axis for axis in range(values.ndim) if axis not in axes]
    shape = tuple(values.shape[axis] for axis in kept)
    rows = values.transpose(*kept, *axes).reshape(*shape, -1)
    first = rows[..., 0]
    return np.asarray(first), np.asarray((rows == first[..., np.newaxis]).all(axis=-1))


def as_blocks(values: np.ndarray, factors: Sequence[int]) -> np.ndarray:
    """View an array as blocks, so that each block can be reduced over the odd axes.

    Parameters
    ----------
    values : numpy.ndarray of shape (n_0, n_1, ...)
    factors : sequence of int
        Block size along each axis. An incomplete last block is left out.

    Returns
    -------
    numpy.ndarray of shape (n_0 // f_0, f_0, n_1 // f_1, f_1, ...)
    """
    trimmed = values[tuple(slice(0, n - n % f) for n, f in zip(values.shape, factors, strict=True))]
    shape = [m for n, f in zip(values.shape, factors, strict=True) for m in (n // f, f)]
    return trimmed.reshape(shape)


def name_permutation(stored: Sequence[str], current: Sequence[str]) -> tuple[int, ...] | None:
    """Return how axes were permuted, judged by their names.

    Parameters
    ----------
    stored, current : sequence of str
        Axis names before and after, in array order.

    Returns
    -------
    tuple of int or None
        ``order`` such that ``current[i] == stored[order[i]]``; None when the names do not tell
        (some are empty, repeated, or new).
    """
    if "" in stored or len(set(stored)) != len(stored) or sorted(stored) != sorted(current):
        return None
    return tuple(list(stored).index(name) for name in current)
