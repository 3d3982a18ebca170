"""Class probabilities for every position of a signal, chunk by chunk."""

from __future__ import annotations

import contextlib
import math
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from .._chunks import join_signal_chunks, warn_of_chunks
from .._progress import progress, report_done, tqdm
from .._refusals import reading
from .._travel import TravellingModel
from . import _rows
from ._arrays import is_image, to_rows

ROWS_AT_ONCE = 8192

#: Names of all tasks that predict a chunk, in graphs and dashboards; their topic follows.
TASK = "class-probabilities"


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
        rows = rows if finite.all() else rows[finite]
        out[np.ix_(finite, columns)] = model.predict_proba(rows)
    return out


def _predict_chunk(
    chunk: np.ndarray,
    model: TravellingModel,
    columns: np.ndarray,
    n_classes: int,
    image: bool,
    n_axes: int,
    topic: str,
    block_id: tuple[int, ...] = (),
) -> np.ndarray:
    navigation, shape = chunk.shape[:-n_axes], chunk.shape[-n_axes:]
    rows = chunk.reshape(-1, *shape)
    parts = [
        # In slices: what a network makes of its rows on the way may be larger than they are.
        predict_rows(rows[i : i + ROWS_AT_ONCE], model.unwrap(), columns, n_classes, image)
        for i in range(0, len(rows), ROWS_AT_ONCE)
    ]
    report_done(topic, block_id)
    return np.concatenate(parts).reshape(*navigation, n_classes)


def class_probabilities(
    signal: Any, model: Any, classes: Sequence[str], show_progressbar: bool
) -> Any:
    """Return probabilities of shape (*navigation shape, n_classes).

    Those of a lazy signal are a Dask array with its navigation chunks, not computed yet.
    """
    columns = np.array([list(classes).index(name) for name in model.classes_])
    data = _rows.navigation_first(signal)
    n_navigation = len(_rows.navigation_shape(signal))
    image = is_image(signal)
    if signal._lazy:
        warn_of_chunks(data, n_navigation)
        return _lazy_probabilities(data, n_navigation, model, columns, len(classes), image)
    rows = data.reshape(-1, *data.shape[n_navigation:])
    starts = range(0, len(rows), ROWS_AT_ONCE)
    parts = [
        predict_rows(rows[i : i + ROWS_AT_ONCE], model, columns, len(classes), image)
        for i in tqdm(starts, "label map", disable=not show_progressbar or len(starts) < 2)
    ]
    return np.concatenate(parts).reshape(*data.shape[:n_navigation], len(classes))


def _lazy_probabilities(
    data: Any, n_navigation: int, model: Any, columns: np.ndarray, n_classes: int, image: bool
) -> Any:
    import dask

    n_axes = data.ndim - n_navigation
    topic = uuid.uuid4().hex
    # A value of its own in the graph, which workers fetch once; as an argument it would be sent
    # with every task.
    carried = dask.delayed(_carry, pure=False)(TravellingModel(model))
    return join_signal_chunks(data, n_navigation).map_blocks(
        _predict_chunk,
        carried,
        columns,
        n_classes,
        image,
        n_axes,
        topic,
        name=f"{TASK}-{topic}",
        dtype=np.float32,
        chunks=(*data.chunks[:n_navigation], (n_classes,)),
        drop_axis=list(range(n_navigation, data.ndim)),
        new_axis=n_navigation,
        meta=np.empty((0,) * (n_navigation + 1), dtype=np.float32),
    )


def _carry(model: TravellingModel) -> TravellingModel:
    return model


@contextlib.contextmanager
def labelling_progress(probabilities: Any, wanted: bool) -> Iterator[None]:
    """Show the progress of lazy probabilities that the body computes; of others, nothing."""
    name = str(getattr(probabilities, "name", ""))
    total = math.prod(getattr(probabilities, "numblocks", (0,)))
    task, _, topic = name.rpartition("-")
    with reading(), progress(topic, total, "label map", wanted and task == TASK):
        yield
