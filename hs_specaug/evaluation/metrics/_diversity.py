"""Does a generator make what there is, and all of it: precision, recall, density, coverage."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ._distances import BLOCK_MIB, embed_pair, nearest_rows, squared_distances


class ManifoldScores(NamedTuple):
    """How well the synthetic rows lie on, and fill, the manifold of the real ones.

    Attributes
    ----------
    precision : float
        Share of the synthetic rows that lie within the real ones.
    recall : float
        Share of the real rows that lie within the synthetic ones.
    density : float
        How densely real rows surround synthetic ones; near 1 for rows like the real ones, and
        more where synthetic rows crowd where real rows are dense.
    coverage : float
        Share of the real rows that have a synthetic row near them.
    """

    precision: float
    recall: float
    density: float
    coverage: float


def precision_recall_density_coverage(
    real: Any,
    synthetic: Any,
    *,
    n_neighbours: int = 5,
    embedding: Callable[[Any], Any] | None = None,
) -> ManifoldScores:
    """Return fidelity and diversity of synthetic rows, apart from each other.

    Around every real row xᵢ lies the ball B(xᵢ) that reaches to its k-th nearest other real row,
    and likewise B(yⱼ) around every synthetic row yⱼ. With n real and m synthetic rows

    * precision = share of the yⱼ that lie in any B(xᵢ)
    * recall = share of the xᵢ that lie in any B(yⱼ)
    * density = (number of pairs with yⱼ in B(xᵢ)) / (k m)
    * coverage = share of the B(xᵢ) that hold any yⱼ

    One outlier among the real rows has a large ball, which precision counts like any other;
    density and coverage suffer less from it.

    Parameters
    ----------
    real, synthetic : array-like of shape (n, ...) and (m, ...)
        Rows of one class, or with `embedding` what it takes.
    n_neighbours : int, default 5
        The k above.
    embedding : callable or None
        Maps rows to features (n, d), ``classifier.features`` for instance. None takes the
        channels themselves.

    Returns
    -------
    ManifoldScores
        All but the density in [0, 1]. Higher is better, but even real rows score less than 1
        against other real rows; compare only figures from as many rows.

    Raises
    ------
    TooFewRowsError
        A ValueError: with fewer than 2 k + 2 rows in a set, a ball holds most of the others and
        the shares say nothing.
    ValueError
        If `n_neighbours` is below 1, rows are not finite or differ in length.

    References
    ----------
    Precision and recall: Kynkäänniemi et al., NeurIPS 2019, Eq. (1) and (2). Density and
    coverage: Naeem et al., ICML 2020. A row on the edge of a ball is inside, as in the former.

    Examples
    --------
    Real rows near 0 and near 100, synthetic ones near 0 alone: like real rows, but not like all.

    >>> import numpy as np
    >>> real, synthetic = np.r_[0:4, 100:104][:, None], np.r_[0:4][:, None] + 0.2
    >>> scores = precision_recall_density_coverage(real, synthetic, n_neighbours=1)
    >>> scores.precision, scores.recall, scores.coverage
    (1.0, 0.5, 0.5)
    """
    if n_neighbours < 1:
        raise ValueError(f"n_neighbours must be at least 1, got {n_neighbours!r}")
    x, y = embed_pair(real, synthetic, embedding, minimum=2 * n_neighbours + 2)
    return _scores(x, y, n_neighbours, BLOCK_MIB)


def _scores(x: np.ndarray, y: np.ndarray, k: int, block_mib: float) -> ManifoldScores:
    centre = x.mean(axis=0)
    x, y = x - centre, y - centre
    # A row on the edge of a ball is inside, also where the products round.
    slack = 1e-13 * max((x**2).sum(axis=1).max(), (y**2).sum(axis=1).max())
    reach_x, reach_y = (nearest_rows(rows, None, k)[0][:, -1] ** 2 + slack for rows in (x, y))
    within_real = np.zeros(len(y), dtype=int)
    recalled, covered = np.empty(len(x), dtype=bool), np.empty(len(x), dtype=bool)
    for rows, block in squared_distances(x, y, block_mib):
        in_ball = block <= reach_x[rows, np.newaxis]
        within_real += in_ball.sum(axis=0)
        covered[rows] = in_ball.any(axis=1)
        recalled[rows] = (block <= reach_y).any(axis=1)
    return ManifoldScores(
        precision=float((within_real > 0).mean()),
        recall=float(recalled.mean()),
        density=float(within_real.sum() / (k * len(y))),
        coverage=float(covered.mean()),
    )
