"""Arrays that belong to the navigation space of a signal, kept in its metadata.

``metadata.SpecAug`` holds, each of the navigation shape in array order:

* ``labels``: int32 class codes, -1 unlabelled, with the names in ``classes``;
* ``groups``: specimen or session of each row, integers or text (optional);
* ``synthetic``: whether a row was generated (optional).

Beside them ``navigation_names`` remembers the names of the navigation axes in array order, so that
a map whose axes were swapped behind our back is recognised. The functions here work on any signal,
because the result of an operation is not always one of our classes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from hs_specaug._warnings import warn_user
from hs_specaug.exceptions import LabelsDroppedWarning
from hs_specaug.labels import UNLABELLED, as_blocks, name_permutation, unanimous

from ._stacking import rows_of_stack
from ._stored_text import from_stored, to_stored

KEYS = ("labels", "groups", "synthetic")

Rows = dict[str, np.ndarray]
Followed = tuple[Rows, str | None]
"""Rows after an operation, and what was lost on the way (None: nothing)."""


def navigation_shape(signal: Any) -> tuple[int, ...]:
    """Return the navigation shape in array order; ``()`` for a single spectrum or image."""
    return tuple(int(size) for size in signal.axes_manager.navigation_shape[::-1])


def navigation_names(signal: Any) -> list[str]:
    """Return the names of the navigation axes in array order, ``""`` for an unnamed one."""
    names = [axis.name for axis in signal.axes_manager.navigation_axes[::-1]]
    return [name if isinstance(name, str) else "" for name in names]


def navigation_indices(signal: Any) -> list[int]:
    """Return the positions of the navigation axes in the data array, ascending."""
    return sorted(signal.axes_manager.navigation_indices_in_array)


def navigation_first(signal: Any) -> Any:
    """Return the data with the navigation axes before the signal axes, both in array order."""
    return signal.data.transpose(navigation_first_order(signal))


def navigation_first_order(signal: Any) -> tuple[int, ...]:
    """Return the array positions of the navigation axes, then those of the signal axes."""
    signal_indices = sorted(signal.axes_manager.signal_indices_in_array)
    return (*navigation_indices(signal), *signal_indices)


def warn_dropped(reason: str) -> None:
    """Warn that labels could not follow."""
    warn_user(f"{reason}.", LabelsDroppedWarning)


# ------------------------------------------------------------------------------ reading, writing


def has_rows(signal: Any) -> bool:
    """Tell whether the metadata hold any of the navigation arrays."""
    return any(signal.metadata.has_item(f"SpecAug.{key}") for key in KEYS)


def load_into_memory(signal: Any) -> None:
    """Replace Dask arrays, which lazy loading makes of arrays in metadata, by NumPy arrays.

    They are small, and must outlive the file that they came from.
    """
    for key in KEYS:
        value = signal.metadata.get_item(f"SpecAug.{key}")
        if value is not None and not isinstance(value, np.ndarray):
            signal.metadata.set_item(f"SpecAug.{key}", np.asarray(value))


def clear_rows(signal: Any) -> None:
    """Remove the navigation arrays from the metadata; ``classes`` stays."""
    for key in (*KEYS, "navigation_names"):
        if signal.metadata.has_item(f"SpecAug.{key}"):
            delattr(signal.metadata.SpecAug, key)


def clear_classes(signal: Any) -> None:
    """Remove the class names, and the node when nothing else is in it."""
    if signal.metadata.has_item("SpecAug.classes"):
        del signal.metadata.SpecAug.classes
    if signal.metadata.has_item("SpecAug") and not signal.metadata.SpecAug.keys():
        del signal.metadata.SpecAug


def stored_classes(signal: Any) -> list[str]:
    """Return the class names in the metadata, in the order of their codes."""
    return [str(name) for name in signal.metadata.get_item("SpecAug.classes", [])]


def write_rows(signal: Any, rows: Rows, classes: Sequence[str] | None = None) -> None:
    """Store navigation arrays, replacing those that are there.

    Parameters
    ----------
    signal : BaseSignal
    rows : dict of str to numpy.ndarray
        Arrays of the navigation shape of ``signal``.
    classes : sequence of str, optional
        Class names; by default those stored stay.
    """
    clear_rows(signal)
    for key, values in rows.items():
        # File formats cannot hold arrays without dimensions; a single row is stored as one entry.
        signal.metadata.set_item(f"SpecAug.{key}", to_stored(np.atleast_1d(values)))
    if rows:
        signal.metadata.set_item("SpecAug.navigation_names", navigation_names(signal))
    if classes is not None:
        signal.metadata.set_item("SpecAug.classes", list(classes))


def read_rows(signal: Any) -> Rows:
    """Return the navigation arrays if they still fit the signal, else drop them with a warning.

    This is the guard behind every read: operations outside our classes (`hyperspy.api.stack`, a
    plain `EELSSpectrum` on the way) copy metadata without looking at it.

    Parameters
    ----------
    signal : BaseSignal

    Returns
    -------
    dict of str to numpy.ndarray
        The stored arrays (not copies), each of the navigation shape; empty when there are none.
    """
    if not has_rows(signal):
        return {}
    load_into_memory(signal)
    shape, names = navigation_shape(signal), navigation_names(signal)
    metadata = signal.metadata
    present = [key for key in KEYS if metadata.has_item(f"SpecAug.{key}")]
    rows = {key: from_stored(metadata.SpecAug[key]) for key in present}
    stored = [str(name) for name in metadata.get_item("SpecAug.navigation_names", names)]
    if stored == names and all(values.shape == shape for values in rows.values()):
        return rows
    fitted = _fit_to_axes(signal, rows, stored)
    classes = None
    if fitted is None:
        fitted, classes = rows_of_stack(signal, shape) or (None, None)
    if fitted is None:
        old = next(iter(rows.values())).shape
        clear_rows(signal)
        clear_classes(signal)
        warn_dropped(
            f"{' and '.join(rows)} of navigation shape {old} were dropped: the signal now has "
            f"navigation shape {shape}, changed by an operation that does not carry labels"
        )
        return {}
    write_rows(signal, fitted, classes)
    return fitted


def _fit_to_axes(signal: Any, rows: Rows, stored: list[str]) -> Rows | None:
    """Return the rows in the present order of the navigation axes; None if they do not fit."""
    shape, names = navigation_shape(signal), navigation_names(signal)
    on_signal_axes = {axis.name for axis in signal.axes_manager.signal_axes} - set(names)
    if on_signal_axes & set(stored) - {""}:
        return None
    if shape == () and all(values.size == 1 for values in rows.values()):
        return {key: values.reshape(()) for key, values in rows.items()}
    order = name_permutation(stored, names)
    for candidate in (order, tuple(range(len(stored)))):
        if candidate is None or any(values.ndim != len(candidate) for values in rows.values()):
            continue
        moved = permute_rows(rows, candidate)[0]
        if all(values.shape == shape for values in moved.values()):
            return moved
    return None


def attach_rows(
    signal: Any,
    followed: Followed,
    classes: Sequence[str],
    fit: Callable[[np.ndarray, tuple[int, ...]], np.ndarray] | None = None,
) -> None:
    """Store rows that followed an operation on its result, or say that they could not.

    Parameters
    ----------
    signal : BaseSignal
        Result of the operation, of any class.
    followed : tuple of (dict, str or None)
        Rows, and what was lost.
    classes : sequence of str
        Class names that go with the labels.
    fit : callable, optional
        Called with an array and the navigation shape of ``signal``, to bring the array to it.
    """
    rows, lost = followed
    shape = navigation_shape(signal)
    if fit is not None:
        rows = {key: fit(values, shape) for key, values in rows.items()}
    fitting = {key: values for key, values in rows.items() if values.shape == shape}
    misfits = [key for key in rows if key not in fitting]
    clear_rows(signal)
    if "labels" in fitting:
        write_rows(signal, fitting, classes)
    else:
        write_rows(signal, fitting)
        clear_classes(signal)
    if misfits:
        lost = lost or f"{' and '.join(misfits)} were dropped: the navigation shape changed"
    if lost:
        warn_dropped(lost)


# ------------------------------------------------------------------- how rows follow an operation


def keep_rows(rows: Rows) -> Followed:
    """Rows of an operation that leaves the navigation space alone."""
    return rows, None


def index_rows(rows: Rows, index: tuple[Any, ...]) -> Followed:
    """Rows of an operation that indexes the navigation space."""
    return {key: np.array(values[(*index, ...)]) for key, values in rows.items()}, None


def permute_rows(rows: Rows, order: Sequence[int]) -> Followed:
    """Rows of an operation that permutes the navigation axes."""
    return {key: np.array(v.transpose(order), order="C") for key, v in rows.items()}, None


def lose_rows(rows: Rows, reason: str) -> Followed:
    """Rows of an operation that they cannot follow."""
    return {}, f"{' and '.join(rows)} were dropped: {reason}" if rows else None


def merge_rows(rows: Rows, axes: Sequence[int]) -> Followed:
    """Rows of an operation that merges all positions along some axes.

    A merged position keeps its label only where all labels merged into it agree; groups are kept
    only if that is so everywhere; a position is synthetic if any row in it was.
    """
    kept: Rows = {}
    lost = []
    for key, values in rows.items():
        if key == "synthetic":
            kept[key] = np.asarray(values.any(axis=tuple(axes)))
            continue
        first, agree = unanimous(values, axes)
        if agree.all():
            kept[key] = first
        elif key == "labels":
            codes = np.where(agree, first, np.int32(UNLABELLED)).astype(np.int32)
            if (codes >= 0).any():
                kept[key] = codes
            mixed = np.count_nonzero(~agree)
            lost.append(f"{mixed} of {agree.size} merged positions mix labels: now unlabelled")
        else:
            lost.append(f"{key} were dropped: merged positions mix them")
    return kept, "; ".join(lost) or None


def merge_blocks(rows: Rows, factors: Sequence[int]) -> Followed:
    """Rows of an operation that merges blocks of positions (see `merge_rows`)."""
    blocks = {key: as_blocks(values, factors) for key, values in rows.items()}
    return merge_rows(blocks, [2 * i + 1 for i in range(len(factors))])


def reshape_to(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Reshape if the number of positions is unchanged."""
    return values.reshape(shape) if values.size == np.prod(shape, dtype=int) else values
