"""The other measures of paper 002: correlation, cosine distance, KL divergence, SNR."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._rows import check_pair, check_rows


def pearson_correlation(real: Any, synthetic: Any) -> float:
    """Return the mean Pearson correlation (PCC) over all pairs of a real and a synthetic row.

    Parameters
    ----------
    real, synthetic : array-like of shape (n, channels) and (m, channels)
        Rows of at least two channels, none of them constant.

    Returns
    -------
    float
        In [−1, 1]; higher is more alike. Two sets that are equal need not give 1: rows of one
        class differ from each other as well.

    Raises
    ------
    ValueError
        If a row is constant: it has no correlation.

    Notes
    -----
    The reference code of paper 002 also counts pairs of two real and of two synthetic rows, and
    leaves out negative values and those above 0.999, which a collapsed generator profits from.

    Examples
    --------
    >>> pearson_correlation([[0.0, 1.0, 2.0]], [[1.0, 3.0, 5.0], [5.0, 3.0, 1.0]])
    0.0
    """
    real, synthetic = check_pair(real, synthetic)
    means = [
        _directions(X - X.mean(axis=1, keepdims=True), X, name, "constant").mean(axis=0)
        for X, name in ((real, "real"), (synthetic, "synthetic"))
    ]
    # The mean of all u·v is the product of the means: no (n, m) matrix is needed.
    return float(means[0] @ means[1])


def cosine_distance(real: Any, synthetic: Any) -> float:
    """Return the mean cosine distance (CosD) over all pairs of a real and a synthetic row.

    Parameters
    ----------
    real, synthetic : array-like of shape (n, channels) and (m, channels)
        Rows, none of them zero everywhere.

    Returns
    -------
    float
        ``1 − cos``, in [0, 2]; lower is more alike.

    Raises
    ------
    ValueError
        If a row is zero everywhere: it has no direction.

    Examples
    --------
    >>> cosine_distance([[1.0, 0.0]], [[0.0, 2.0], [3.0, 0.0]])
    0.5
    """
    real, synthetic = check_pair(real, synthetic)
    means = [
        _directions(X, X, name, "zero everywhere").mean(axis=0)
        for X, name in ((real, "real"), (synthetic, "synthetic"))
    ]
    return float(1.0 - means[0] @ means[1])


def _directions(rows: np.ndarray, original: np.ndarray, name: str, what: str) -> np.ndarray:
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    # A constant row that was centred is rounding, not zero.
    empty = norms[:, 0] <= 1e-12 * np.abs(original).max(axis=1) * np.sqrt(rows.shape[1])
    if empty.any():
        raise ValueError(
            f"{int(empty.sum())} of {len(rows)} rows of {name} are {what} (the first is row "
            f"{int(empty.argmax())}); leave them out"
        )
    return rows / norms


def kl_divergence(real: Any, synthetic: Any, *, floor: float = 1e-6) -> float:
    """Return the Kullback–Leibler divergence of the mean synthetic from the mean real spectrum.

    A mean spectrum, divided by its sum, is the distribution of counts over the channels: p for
    the real rows, q for the synthetic ones. The result is ``Σ p ln(p / q)``.

    Parameters
    ----------
    real, synthetic : array-like of shape (n, channels) and (m, channels)
        Spectra. What background subtraction left below zero counts as zero.
    floor : float, default 1e-6
        Least intensity of a channel, as a share of the largest of its mean spectrum. Without it
        one empty channel of the synthetic mean would make the divergence infinite.

    Returns
    -------
    float
        In nats, zero or more; lower is more alike.

    Raises
    ------
    ValueError
        If a mean spectrum is nowhere positive, or `floor` is not positive.

    Notes
    -----
    Paper 002 defines its divergence in the supplement only. This is the one that treats a
    spectrum as what it is; being about means, it does not see variety or noise.

    Examples
    --------
    >>> round(kl_divergence([[1.0, 1.0]], [[1.0, 3.0]]), 4)  # ½ ln 2 + ½ ln ⅔
    0.1438
    """
    if not floor > 0:
        raise ValueError(f"floor must be positive, got {floor!r}")
    real, synthetic = check_pair(real, synthetic)
    p, q = _distribution(real, "real", floor), _distribution(synthetic, "synthetic", floor)
    return max(0.0, float((p * np.log(p / q)).sum()))


def _distribution(rows: np.ndarray, name: str, floor: float) -> np.ndarray:
    mean = rows.mean(axis=0)
    if mean.max() <= 0:
        raise ValueError(
            f"the mean of {name} is nowhere positive, so it is no distribution over the channels"
        )
    mean = np.maximum(mean, floor * mean.max())
    return mean / mean.sum()


def signal_to_noise(rows: Any) -> float:
    """Return the SNR of paper 002, table 2: mean over standard deviation, channel by channel.

    For every channel the mean of the rows is divided by their standard deviation (of the whole
    set, ``ddof=0``), and the ratios are averaged over the channels; a channel in which all rows
    agree counts 0. "Noise" is therefore all that differs between the rows of a class, shifts
    and thickness as well as counting noise.

    Parameters
    ----------
    rows : array-like of shape (n, channels)
        Spectra of one class.

    Returns
    -------
    float
        Neither high nor low is good: synthetic rows should have the value of the real ones.

    Raises
    ------
    TooFewRowsError
        A ValueError: one row has no spread.

    Examples
    --------
    >>> signal_to_noise([[1.0, 4.0], [3.0, 8.0]])  # 2 / 1 and 6 / 2
    2.5
    """
    rows = check_rows(rows, "rows", minimum=2)
    mean, spread = rows.mean(axis=0), rows.std(axis=0)
    ratios = np.divide(mean, spread, out=np.zeros_like(mean), where=spread > 0)
    return float(ratios.mean())
