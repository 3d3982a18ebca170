"""Distances between many rows, in blocks of bounded size: never all pairs at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from sklearn import config_context
from sklearn.metrics import euclidean_distances
from sklearn.neighbors import NearestNeighbors
from sklearn.utils import gen_batches

from ._rows import check_pair

#: Memory of one block of distances, in MiB. What makes it needs as much again.
BLOCK_MIB = 16.0


def embed_pair(
    real: Any, synthetic: Any, embedding: Callable[[Any], Any] | None, minimum: int
) -> tuple[np.ndarray, np.ndarray]:
    """Check two sets of rows, or with `embedding` the features that it makes of them."""
    if embedding is not None:
        real, synthetic = embedding(real), embedding(synthetic)
    return check_pair(real, synthetic, minimum)


def blocks(X: np.ndarray, columns: int, block_mib: float = BLOCK_MIB) -> Iterator[slice]:
    """Yield slices of the rows of `X`, so that a block (rows, columns) has at most `block_mib`."""
    return gen_batches(len(X), max(1, int(block_mib * 2**20 / (8 * max(1, columns)))))


def squared_distances(
    X: np.ndarray, Y: np.ndarray, block_mib: float = BLOCK_MIB
) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield the squared Euclidean distances of all rows of `X` to all rows of `Y`, by blocks.

    Parameters
    ----------
    X, Y : ndarray of shape (n, d) and (m, d)
        Rows, centred near zero: the distances are those of ‖x‖² + ‖y‖² − 2 x·y, which rounds to
        some 1e−16 of the squared norms.
    block_mib : float
        Size of a block.

    Yields
    ------
    rows : slice
        Which rows of `X`.
    block : ndarray of shape (rows, m)
    """
    norms = [(rows**2).sum(axis=1) for rows in (X, Y)]
    for rows in blocks(X, len(Y), block_mib):
        # Everything was checked before; checking all of Y for every block takes as long as this.
        with config_context(assume_finite=True):
            block = euclidean_distances(
                X[rows],
                Y,
                X_norm_squared=norms[0][rows],
                Y_norm_squared=norms[1],
                squared=True,
            )
        yield rows, block


def nearest_rows(
    X: np.ndarray, among: np.ndarray | None = None, n_neighbours: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Return the exact distances and the indices of the nearest rows, nearest first.

    Neighbours are found by fast matrix products, which would give a copy a distance of some
    1e−8 of its norm. Their distances are therefore taken anew, from differences: a copy has 0.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Rows.
    among : ndarray of shape (m, d) or None
        Where neighbours are looked for; None: among the other rows of `X`.
    n_neighbours : int
        How many.

    Returns
    -------
    distances : ndarray of shape (n, n_neighbours)
    indices : ndarray of int of shape (n, n_neighbours)
    """
    pool = X if among is None else among
    # Around the mean the products round least.
    centre = pool.mean(axis=0)
    # One candidate more: of two that are equally near to rounding, the nearer one is among them.
    n_candidates = min(n_neighbours + 1, len(pool) - (among is None))
    search = NearestNeighbors(n_neighbors=n_candidates, algorithm="brute").fit(pool - centre)
    found = search.kneighbors(None if among is None else X - centre, return_distance=False)
    distances = np.empty(found.shape)
    for rows in blocks(X, X.shape[1] * n_candidates):
        difference = pool[found[rows]] - X[rows, np.newaxis]
        distances[rows] = np.linalg.norm(difference, axis=2)
    order = np.argsort(distances, axis=1, kind="stable")[:, :n_neighbours]
    return np.take_along_axis(distances, order, 1), np.take_along_axis(found, order, 1)
