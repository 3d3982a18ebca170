"""Temperatures: what logits are divided by so that a softmax says how sure one may be."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

#: For logarithms of probabilities. Sharper than T = 0.22 is a claim that no calibration set of
#: the sizes met here can carry.
LOG_TEMPERATURES = (-1.5, 3.0)
#: For decision values, whose unit is the machine's own.
LOG_TEMPERATURES_OF_DECISIONS = (-3.0, 3.0)


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
    return fit_temperature(decision, codes, shrinkage=0.0, bounds=LOG_TEMPERATURES_OF_DECISIONS)


def fit_temperature(
    logits: np.ndarray,
    codes: np.ndarray,
    offset: np.ndarray | float = 0.0,
    shrinkage: float = 1.0,
    bounds: tuple[float, float] = LOG_TEMPERATURES,
) -> float:
    """Return the temperature that makes held-out rows most likely (Guo et al. 2017, section 4.2).

    Parameters
    ----------
    logits : ndarray of shape (n, n_classes)
        Or logarithms of probabilities, of real rows that the classifier has not seen.
    codes : ndarray of int of shape (n,)
        Their classes.
    offset : ndarray of shape (n, n_classes) or (n_classes,), or 0
        Added to ``logits / T``.
    shrinkage : float, default 1.0
        Weight of ``(log T)² / 2`` beside the summed negative log-likelihood: log T has a
        standard normal prior. Twenty rows that are all right would otherwise be taken as proof
        that the classifier never errs. 0 fits the likelihood alone.
    bounds : tuple of float
        Least and largest log T.

    Returns
    -------
    float
        Above 1 where the classifier was too sure.
    """
    found = minimize_scalar(
        temperature_loss,
        bounds=bounds,
        args=(logits, codes, offset, shrinkage),
        method="bounded",
        options={"xatol": 1e-6},
    )
    return float(np.exp(found.x))


def temperature_loss(
    log_temperature: float,
    logits: np.ndarray,
    codes: np.ndarray,
    offset: np.ndarray | float,
    shrinkage: float = 1.0,
) -> float:
    """Return what :func:`fit_temperature` makes least."""
    log_q = log_softmax(logits * np.exp(-log_temperature) + offset, axis=1)
    loss = -log_q[np.arange(len(codes)), codes].sum()
    return float(loss + shrinkage * log_temperature**2 / 2.0)
