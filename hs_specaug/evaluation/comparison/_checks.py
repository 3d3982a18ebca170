"""Labels, classes and groups of a comparison, checked before anything is computed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.utils.multiclass import type_of_target

from ..._refusals import check_known


def check_labels(n: int, y: Any, name: str) -> np.ndarray:
    """Return one label per row; None is one class.

    Raises
    ------
    ValueError
        If labels are not one per row, some are missing, of mixed types, or measured numbers.
    """
    if y is None:
        return np.full(n, "all rows")
    y = np.asarray(y)
    if y.shape != (n,):
        raise ValueError(f"{name} must have one label per row, ({n},), got shape {y.shape}")
    _check_complete(y, name)
    if y.dtype.kind == "f" and n and type_of_target(y) == "continuous":
        raise ValueError(
            f"{name} must be class labels, got fractions such as {y.tolist()[0]!r}; "
            "label_by_threshold makes classes of them"
        )
    return y


def check_both(y_real: Any, y_synthetic: Any) -> None:
    """Raise if only one set has labels."""
    if (y_real is None) != (y_synthetic is None):
        raise ValueError("y_real and y_synthetic must be given both, or neither")


def check_classes(classes: Sequence[Any] | None, y: np.ndarray, y_new: np.ndarray) -> list[Any]:
    """Return the order of the classes, those of `y` by default.

    Raises
    ------
    ValueError
        If a class has no real row, occurs twice, or none has synthetic rows.
    """
    present = np.unique(y).tolist()
    if classes is None:
        order = present
    else:
        if isinstance(classes, str) or np.ndim(np.asarray(classes, dtype=object)) != 1:
            raise ValueError(f"classes must be a list of labels, got {classes!r}")
        order = np.asarray(classes, dtype=object).tolist()
        unknown = [label for label in order if label not in present]
        if not order or unknown or len(set(order)) < len(order):
            raise ValueError(
                f"classes must be some of those of the real rows, {present}, each once, got {order}"
            )
    new = np.unique(y_new).tolist()
    if not set(order) & set(new):
        raise ValueError(
            f"no class has both real and synthetic rows: the real ones are {order}, the synthetic "
            f"ones {new}; name them alike"
        )
    return order


def check_groups(groups: Any, n: int) -> np.ndarray | None:
    """Return one group per row, or None."""
    if groups is None:
        return None
    units = np.asarray(groups)
    if units.shape != (n,):
        raise ValueError(f"groups must have one entry per row, ({n},), got shape {units.shape}")
    _check_complete(units, "groups")
    return units


def _check_complete(values: np.ndarray, name: str) -> None:
    """Raise unless there is a value for every row, and all are of one type."""
    check_known(values, name)
    try:
        np.unique(values)
    except TypeError:
        kinds = sorted({type(value).__name__ for value in values.tolist()})
        raise ValueError(
            f"{name} must be of one type, got {' and '.join(kinds)}; use "
            f"[str(value) for value in {name}]"
        ) from None
