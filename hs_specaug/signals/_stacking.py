"""Labels of a signal made by `hyperspy.api.stack`, put together from its elements."""

from __future__ import annotations

from typing import Any

import numpy as np

from hs_specaug.labels import UNLABELLED

from ._stored_text import from_stored

Rows = dict[str, np.ndarray]


def rows_of_stack(signal: Any, shape: tuple[int, ...]) -> tuple[Rows, list[str]] | None:
    """Join the navigation arrays of the elements that a signal was stacked from.

    `hyperspy.api.stack` gives the stack the metadata of its first element, labels included, and
    keeps the metadata of every element in ``original_metadata.stack_elements``.

    Parameters
    ----------
    signal : BaseSignal
        A stack, unchanged since it was stacked.
    shape : tuple of int
        Its navigation shape in array order.

    Returns
    -------
    rows : dict of str to numpy.ndarray
        Labels, and groups or synthetic flags where every element has them.
    classes : list of str
        Class names of all elements, in order of first appearance.
        None instead of the pair if the signal is no stack or has been changed since.
    """
    history = signal.metadata.get_item("_HyperSpy.Stacking_history")
    elements = signal.original_metadata.get_item("stack_elements")
    if history is None or elements is None:
        return None
    axis = signal.axes_manager[history.axis]
    if not axis.navigate:
        return None
    position = sorted(signal.axes_manager.navigation_indices_in_array).index(axis.index_in_array)
    nodes = [elements[f"element{i}"].metadata for i in range(len(elements.keys()))]
    new_axis = np.ndim(history.step_sizes) == 0
    steps = [1] * len(nodes) if new_axis else [int(step) for step in history.step_sizes]
    if sum(steps) != shape[position] or len(steps) != len(nodes):
        return None
    classes: list[str] = []
    for node in nodes:
        classes += [str(n) for n in node.get_item("SpecAug.classes", []) if str(n) not in classes]
    rows: Rows = {}
    shapes = [_without_axis(shape, position, None if new_axis else step) for step in steps]
    for key in ("labels", "groups", "synthetic"):
        present = [node.has_item(f"SpecAug.{key}") for node in nodes]
        if not any(present) or (key == "groups" and not all(present)):
            continue
        parts = [_part(n, key, s, classes) for n, s in zip(nodes, shapes, strict=True)]
        found = [part for part in parts if part is not None]
        if len(found) < len(parts):
            return None
        rows[key] = np.stack(found, position) if new_axis else np.concatenate(found, position)
    return (rows, classes) if rows else None


def _without_axis(shape: tuple[int, ...], position: int, step: int | None) -> tuple[int, ...]:
    """Return the navigation shape of an element that fills ``step`` positions of the stack."""
    return shape[:position] + (() if step is None else (step,)) + shape[position + 1 :]


def _part(node: Any, key: str, shape: tuple[int, ...], classes: list[str]) -> np.ndarray | None:
    """Return one navigation array of one element, or None if it does not have ``shape``."""
    stored = node.get_item(f"SpecAug.{key}")
    if stored is None:
        return np.full(shape, UNLABELLED, np.int32) if key == "labels" else np.zeros(shape, bool)
    values = from_stored(np.asarray(stored))
    if shape == () and values.size == 1:
        values = values.reshape(())
    if values.shape != shape:
        return None
    if key != "labels":
        return values
    names = [str(name) for name in node.get_item("SpecAug.classes", [])]
    # The last entry serves code -1: unlabelled stays unlabelled.
    table = np.array([*(classes.index(name) for name in names), UNLABELLED], dtype=np.int32)
    return np.asarray(table[values])
