"""Fréchet distance between two sets of rows, also where there are fewer rows than channels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from ...exceptions import TooFewRowsError
from ._distances import embed_pair

#: Rows below which a straight line through distances of subsets is a line through noise.
FEWEST_ROWS = 20


def frechet_distance(
    real: Any,
    synthetic: Any,
    *,
    embedding: Callable[[Any], Any] | None = None,
) -> float:
    """Return the Fréchet distance of the Gaussians that two sets of rows suggest.

    ``‖μ₁ − μ₂‖² + tr(Σ₁) + tr(Σ₂) − 2 tr((Σ₁ Σ₂)^½)``, the "FID" of paper 002 where rows are
    spectra, and the usual FID where `embedding` is an Inception network.

    With Σ₁ = AᵀA and Σ₂ = BᵀB for the centred rows A and B (each divided by √(n − 1)), the last
    trace is the sum of the singular values of A Bᵀ. That needs no square root of a matrix, is
    exact for singular covariances (a hundred spectra of 700 channels), and cannot turn complex.

    Parameters
    ----------
    real, synthetic : array-like of shape (n, channels) and (m, channels)
        Rows are samples; further axes are put behind each other.
    embedding : callable or None, default None
        Maps rows to features (n, n_features), ``classifier.features`` for instance. None takes
        the channels themselves.

    Returns
    -------
    float
        Zero or more, in the squared unit of the features. It is biased upwards for small n:
        compare it only with a figure from as many rows, see :func:`spectral_fidelity`, or take
        :func:`extrapolated_frechet_distance`.

    Raises
    ------
    TooFewRowsError
        A ValueError: with fewer than two rows there is no covariance.
    ValueError
        If rows are not finite or differ in length.

    References
    ----------
    Dowson and Landau, J. Multivar. Anal. 12 (1982) 450; Heusel et al. (2017).

    Notes
    -----
    The reference code of paper 002 computes it with the covariance of *samples*, which depends
    on the order of the rows; its values cannot be compared with these.

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.array([[0.0, 0.0], [2.0, 0.0]])
    >>> frechet_distance(rows, rows + [0.0, 3.0])
    9.0
    """
    return _frechet(*embed_pair(real, synthetic, embedding, minimum=2))


def _frechet(real: np.ndarray, synthetic: np.ndarray) -> float:
    shift = ((real.mean(axis=0) - synthetic.mean(axis=0)) ** 2).sum()
    # Rounding can leave −1e−16 where the two are the same.
    return max(0.0, float(shift + _spread_distance(real, synthetic)))


def _spread_distance(real: np.ndarray, synthetic: np.ndarray) -> float:
    """Return the part of the covariances: tr(Σ₁) + tr(Σ₂) − 2 tr((Σ₁ Σ₂)^½)."""
    A, B = (_factor(rows - rows.mean(axis=0)) for rows in (real, synthetic))
    shared = np.linalg.svd(A @ B.T, compute_uv=False).sum()
    return float((A**2).sum() + (B**2).sum() - 2.0 * shared)


def _factor(centred: np.ndarray) -> np.ndarray:
    """Return F with Fᵀ F = covariance and no more rows than columns."""
    n, n_features = centred.shape
    if n > n_features:
        centred = np.asarray(np.linalg.qr(centred, mode="r"))
    return centred / np.sqrt(n - 1)


def extrapolated_frechet_distance(
    real: Any,
    synthetic: Any,
    *,
    embedding: Callable[[Any], Any] | None = None,
    n_points: int = 10,
    random_state: Any = None,
) -> float:
    """Return the Fréchet distance that endlessly many rows would have (FID∞).

    The bias of the distance falls as 1/N. Random subsets of N rows of both sets, N from half of
    the smaller set to all of it, give distances; the straight line through them over 1/N, met at
    1/N = 0, is the result. Only the part of the covariances needs that: the bias of ‖μ₁ − μ₂‖² is
    tr(Σ₁)/n + tr(Σ₂)/m, which is taken off as it is.

    Parameters
    ----------
    real, synthetic : array-like of shape (n, ...) and (m, ...)
        Rows, or with `embedding` what it takes.
    embedding : callable or None, default None
        Maps rows to features (n, n_features). None takes the channels themselves.
    n_points : int, default 10
        Sizes N of subsets. Below 1000 rows, each is drawn three times.
    random_state : int, numpy.random.RandomState or None
        Seed of the subsets.

    Returns
    -------
    float
        In the squared unit of the features. Free of the bias in 1/N, but scattered as much as
        :func:`frechet_distance`; where the sets are alike it falls below 0 as often as above,
        and is not cut off there.

    Raises
    ------
    TooFewRowsError
        A ValueError: below 20 rows, and with fewer than twice as many rows in either set as the
        directions in which rows vary: there the distance does not fall as 1/N yet, and the line
        ends far above the truth (at ¾ of the plain distance for noise in 300 channels and 100
        rows). Noise varies in every channel, so spectra need an `embedding` of few dimensions,
        such as principal component scores; or take :func:`kernel_distance`, which has no bias.
    ValueError
        If `n_points` is below 2, rows are not finite or differ in length.

    Notes
    -----
    What is left depends on the tails. For random sets of 60 to 300 measured Mn white lines, whose
    true distance is 0, none of the plain distance was left within its scatter in 3 to 6
    principal component scores, but a fifth to a half in 20 to 30, where single rows make up much
    of a score. Few features are better, and the same figure for real against real says how good.

    Chong and Forsyth subsample the generated images alone, beside 50 000 real ones; here real
    rows are as rare, and bias the distance as much. They also start at a tenth of the rows,
    where a few dozen rows are far from the straight part.

    References
    ----------
    Chong and Forsyth, CVPR 2020.

    Examples
    --------
    >>> import numpy as np
    >>> a, b = np.random.default_rng(0).normal(size=(2, 200, 20))  # one distribution, distance 0
    >>> round(frechet_distance(a, b), 1)
    1.6
    >>> abs(extrapolated_frechet_distance(a, b, random_state=0)) < 0.4
    True
    """
    if n_points < 2:
        raise ValueError(f"n_points must be at least 2, got {n_points!r}")
    x, y = embed_pair(real, synthetic, embedding, minimum=FEWEST_ROWS)
    rng = check_random_state(random_state)
    n = min(len(x), len(y))
    needed = 2 * _directions(x, y)
    if n < needed:
        raise TooFewRowsError(
            f"rows vary in {needed // 2} directions or more, so {n} rows are too few to "
            f"extrapolate, {needed} are needed; pass an embedding of fewer dimensions, or take "
            "kernel_distance"
        )
    spread = _extrapolated_spread(x, y, np.linspace(n // 2, n, n_points), rng)
    shift = ((x.mean(axis=0) - y.mean(axis=0)) ** 2).sum()
    bias = sum(rows.var(axis=0, ddof=1).sum() / len(rows) for rows in (x, y))
    return float(shift - bias + spread)


def _directions(x: np.ndarray, y: np.ndarray) -> int:
    """Return in how many directions rows vary within their sets, as far as they show it."""
    if 2 * x.shape[1] <= min(len(x), len(y)):
        return x.shape[1]  # enough rows in any case
    return int(np.linalg.matrix_rank(np.concatenate([z - z.mean(axis=0) for z in (x, y)])))


def _extrapolated_spread(
    x: np.ndarray, y: np.ndarray, sizes: np.ndarray, rng: np.random.RandomState
) -> float:
    """Return where the part of the covariances would be at 1/N = 0."""
    sizes = np.unique(sizes.astype(int))
    # What one draw of many rows gives scatters little, and takes seconds.
    n_draws = 3 if sizes[-1] < 1000 else 1

    def mean_of_draws(size: int) -> float:
        drawn = [[z[rng.permutation(len(z))[:size]] for z in (x, y)] for _ in range(n_draws)]
        return float(np.mean([_spread_distance(*pair) for pair in drawn]))

    distances = [mean_of_draws(size) for size in sizes]
    return float(np.polynomial.polynomial.polyfit(1.0 / sizes, distances, 1)[0])
