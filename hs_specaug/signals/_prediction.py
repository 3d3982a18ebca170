"""Class probabilities for every position of a signal, chunk by chunk."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from tqdm.auto import tqdm

from . import _rows
from ._arrays import is_image, to_rows

ROWS_AT_ONCE = 8192


def predict_rows(
    data: np.ndarray, model: Any, columns: np.ndarray, n_classes: int, image: bool
) -> np.ndarray:
    """Return class probabilities of measured rows.

    Parameters
    ----------
    data : ndarray of shape (n, *signal shape)
        Rows with a value that is not finite get NaN everywhere.
    model : fitted estimator with `predict_proba`
    columns : ndarray of int
        Code of each class of the model.
    n_classes : int
        Columns of the result; classes that the model does not know stay at 0.
    image : bool
        Whether a row is an image.

    Returns
    -------
    ndarray of float32 of shape (n, n_classes)
    """
    rows = to_rows(data, image)
    out = np.zeros((len(rows), n_classes), dtype=np.float32)
    finite = np.isfinite(rows).reshape(len(rows), -1).all(axis=1)
    out[~finite] = np.nan
    if finite.any():
        # Not through a second index array: `out[finite][:, columns]` would be a copy.
        out[np.ix_(finite, columns)] = model.predict_proba(rows[finite])
    return out


def _predict_chunk(
    chunk: np.ndarray, model: Any, columns: np.ndarray, n_classes: int, image: bool, n_axes: int
) -> np.ndarray:
    navigation, shape = chunk.shape[:-n_axes], chunk.shape[-n_axes:]
    out = predict_rows(chunk.reshape(-1, *shape), model, columns, n_classes, image)
    return out.reshape(*navigation, n_classes)


def class_probabilities(
    signal: Any, model: Any, classes: Sequence[str], show_progressbar: bool
) -> np.ndarray:
    """Return probabilities of shape (*navigation shape, n_classes).

    A lazy signal is read chunk by chunk; its navigation chunks stay as they are.
    """
    columns = np.array([list(classes).index(name) for name in model.classes_])
    n_axes = signal.axes_manager.signal_dimension
    data = _rows.navigation_first(signal)
    navigation = _rows.navigation_shape(signal)
    arguments = (model, columns, len(classes), is_image(signal))
    if signal._lazy:
        return _predict_lazily(data, len(navigation), n_axes, arguments, show_progressbar)
    rows = data.reshape(-1, *data.shape[len(navigation) :])
    starts = range(0, len(rows), ROWS_AT_ONCE)
    parts = [
        predict_rows(rows[i : i + ROWS_AT_ONCE], *arguments)
        for i in tqdm(starts, "label map", disable=not show_progressbar or len(starts) < 2)
    ]
    return np.concatenate(parts).reshape(*navigation, len(classes))


def _predict_lazily(
    data: Any, n_navigation: int, n_axes: int, arguments: tuple, show_progressbar: bool
) -> np.ndarray:
    from dask.diagnostics import ProgressBar

    signal_axes = range(n_navigation, data.ndim)
    data = data.rechunk(dict.fromkeys(signal_axes, -1))
    lazy = data.map_blocks(
        _predict_chunk,
        *arguments,
        n_axes,
        dtype=np.float32,
        chunks=(*data.chunks[:n_navigation], (arguments[2],)),
        drop_axis=list(signal_axes),
        new_axis=n_navigation,
        meta=np.empty((0,) * (n_navigation + 1), dtype=np.float32),
    )
    with ProgressBar() if show_progressbar else contextlib.nullcontext():
        return lazy.compute()
