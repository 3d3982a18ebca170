"""Fréchet distance between two sets of rows, also where there are fewer rows than channels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ._rows import check_pair


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
        compare it only with a figure from as many rows, see :func:`spectral_fidelity`.

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
    if embedding is not None:
        real, synthetic = embedding(real), embedding(synthetic)
    real, synthetic = check_pair(real, synthetic, minimum=2)
    means = real.mean(axis=0), synthetic.mean(axis=0)
    A, B = _factor(real - means[0]), _factor(synthetic - means[1])
    shared = np.linalg.svd(A @ B.T, compute_uv=False).sum()
    shift = ((means[0] - means[1]) ** 2).sum()
    # Rounding can leave −1e−16 where the two are the same.
    return max(0.0, float(shift + (A**2).sum() + (B**2).sum() - 2.0 * shared))


def _factor(centred: np.ndarray) -> np.ndarray:
    """Return F with Fᵀ F = covariance and no more rows than columns."""
    n, n_features = centred.shape
    if n > n_features:
        centred = np.asarray(np.linalg.qr(centred, mode="r"))
    return centred / np.sqrt(n - 1)
