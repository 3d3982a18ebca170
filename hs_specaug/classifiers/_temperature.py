"""Probabilities from decision values: a softmax whose temperature held-out rows decide."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax


def decision_columns(decision: np.ndarray) -> np.ndarray:
    """Return one column per class; scikit-learn gives one value for two classes."""
    if decision.ndim == 2:
        return decision
    return np.column_stack([np.zeros_like(decision), decision])


def most_likely_temperature(decision: np.ndarray, codes: np.ndarray) -> float:
    """Return the temperature T that makes the classes of rows most likely (Guo et al. 2017).

    Parameters
    ----------
    decision : ndarray of shape (n, n_classes)
        Decision values of rows that their machine has not seen.
    codes : ndarray of int of shape (n,)
        Their classes.

    Returns
    -------
    float
        T in ``softmax(decision / T)``, between e⁻³ and e³: rows that are all right would be most
        likely at 0.
    """

    def negative_log_likelihood(log_temperature: float) -> float:
        log_p = log_softmax(decision / np.exp(log_temperature), axis=1)
        return float(-log_p[np.arange(len(codes)), codes].mean())

    found = minimize_scalar(negative_log_likelihood, bounds=(-3.0, 3.0), method="bounded")
    return float(np.exp(found.x))
