"""What FID and KID are taken in, and its name: figures from different features do not compare."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ._rows import check_rows

Embedding = Callable[[Any], Any]
RAW = "raw"


def named_embedding(embedding: Any) -> tuple[str, Embedding | None]:
    """Return where features come from, and the function that makes them.

    Parameters
    ----------
    embedding : None, "inception", fitted classifier with `features`, or callable
        None takes the channels themselves.

    Returns
    -------
    name : str
        "raw", "Inception", the class of the classifier, or "embedding".
    function : callable or None

    Raises
    ------
    TypeError
        If `embedding` is something else.
    sklearn.exceptions.NotFittedError
        If the classifier was not fitted.
    """
    if embedding is None:
        return RAW, None
    if isinstance(embedding, str) and embedding == "inception":
        from ...networks._inception import inception_features

        return "Inception", inception_features()
    if hasattr(embedding, "features"):
        check_is_fitted(embedding)
        return type(embedding).__name__, embedding.features
    if callable(embedding):
        return "embedding", embedding
    raise TypeError(
        "embedding must be None, 'inception', a fitted classifier with a method features, or a "
        f"function of rows, got {embedding!r}"
    )


def embedded(rows: np.ndarray, embedding: Embedding | None) -> np.ndarray:
    """Return the features of rows; rows stay as they are without an embedding.

    Raises
    ------
    ValueError
        If there is not one finite vector per row.
    """
    if embedding is None or not len(rows):
        return rows
    features = np.asarray(embedding(rows))
    if features.ndim < 2 or len(features) != len(rows):
        raise ValueError(
            f"embedding must return one vector for each of the {len(rows)} rows, shape "
            f"({len(rows)}, n_features), got shape {features.shape}"
        )
    return check_rows(features, "embedding(rows)")
