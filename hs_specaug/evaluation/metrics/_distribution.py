"""Are synthetic and real rows of one distribution: kernel distances and a classifier's test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from scipy.spatial.distance import pdist
from scipy.stats import norm

from ._distances import BLOCK_MIB, blocks, embed_pair, squared_distances

#: Rows of either set whose distances give the median bandwidth.
BANDWIDTH_ROWS = 500

Kernel = Callable[[np.ndarray, np.ndarray], Iterator[tuple[slice, np.ndarray]]]


class KernelDistance(NamedTuple):
    """A kernel distance and its confidence interval."""

    value: float
    low: float
    high: float


class _KernelSums(NamedTuple):
    """Sums over the kernel matrices of two sets, without the diagonals of the first two."""

    xx: np.ndarray  # (n,)
    yy: np.ndarray  # (m,)
    xy: np.ndarray  # (n,)
    yx: np.ndarray  # (m,)

    def squared_mmd(self) -> float:
        """Return the unbiased squared maximum mean discrepancy."""
        n, m = len(self.xx), len(self.yy)
        within = self.xx.sum() / (n * (n - 1)) + self.yy.sum() / (m * (m - 1))
        return float(within - 2.0 * self.xy.sum() / (n * m))


def _kernel_sums(x: np.ndarray, y: np.ndarray, kernel: Kernel) -> _KernelSums:
    def within(rows: np.ndarray) -> np.ndarray:
        sums = np.empty(len(rows))
        for part, block in kernel(rows, rows):
            index = np.arange(part.start, part.stop)
            block[index - part.start, index] = 0.0
            sums[part] = block.sum(axis=1)
        return sums

    xy, yx = np.empty(len(x)), np.zeros(len(y))
    for part, block in kernel(x, y):
        xy[part] = block.sum(axis=1)
        yx += block.sum(axis=0)
    return _KernelSums(within(x), within(y), xy, yx)


def _cubic(block_mib: float) -> Kernel:
    """Return the kernel (x·y / d + 1)³ of the Kernel Inception Distance, in blocks."""

    def kernel(x: np.ndarray, y: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
        for rows in blocks(x, len(y), block_mib):
            block = x[rows] @ y.T
            block /= x.shape[1]
            block += 1.0
            yield rows, block * block * block

    return kernel


def _gaussian(bandwidth: float, block_mib: float) -> Kernel:
    """Return the kernel exp(−‖x − y‖² / 2σ²), in blocks."""

    def kernel(x: np.ndarray, y: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
        for rows, block in squared_distances(x, y, block_mib):
            block *= -0.5 / bandwidth**2
            yield rows, np.exp(block, out=block)

    return kernel


def kernel_distance(
    real: Any,
    synthetic: Any,
    *,
    embedding: Callable[[Any], Any] | None = None,
    level: float = 0.95,
) -> KernelDistance:
    """Return the Kernel Inception Distance (KID) with an interval.

    The unbiased squared maximum mean discrepancy with the kernel (x·y / d + 1)³: other than the
    Fréchet distance it does not depend on the number of rows, so it suits small sets.

    Parameters
    ----------
    real, synthetic : array-like of shape (n, ...) and (m, ...)
        Rows, or with `embedding` what it takes.
    embedding : callable or None
        Maps rows to features (n, d), ``classifier.features`` for instance.
    level : float, default 0.95
        Of the interval, which is normal with the jackknife variance.

    Returns
    -------
    KernelDistance
        ``value``, ``low`` and ``high``. The value can be a little below 0 where the
        distributions are the same.

    Raises
    ------
    TooFewRowsError
        A ValueError: for fewer than two rows; three are needed for an interval, else it is NaN.

    References
    ----------
    Bińkowski et al., ICLR 2018.

    Examples
    --------
    >>> float(kernel_distance([[0.0], [0.0]], [[1.0], [1.0]]).value)  # 1 + 8 − 2 · 1
    7.0
    """
    x, y = embed_pair(real, synthetic, embedding, minimum=2)
    sums = _kernel_sums(x, y, _cubic(BLOCK_MIB))
    value = sums.squared_mmd()
    if min(len(x), len(y)) < 3:
        return KernelDistance(value, np.nan, np.nan)
    half = float(norm.ppf(0.5 + level / 2.0) * np.sqrt(_jackknife_variance(sums)))
    return KernelDistance(value, value - half, value + half)


def _jackknife_variance(sums: _KernelSums) -> float:
    """Return the variance of the squared MMD from leaving one row out at a time, of either set."""
    n, m = len(sums.xx), len(sums.yy)
    A, B, C = sums.xx.sum(), sums.yy.sum(), sums.xy.sum()
    without_x = (
        (A - 2.0 * sums.xx) / ((n - 1) * (n - 2))
        + B / (m * (m - 1))
        - 2.0 * (C - sums.xy) / ((n - 1) * m)
    )
    without_y = (
        A / (n * (n - 1))
        + (B - 2.0 * sums.yy) / ((m - 1) * (m - 2))
        - 2.0 * (C - sums.yx) / (n * (m - 1))
    )
    return float(sum((len(v) - 1) * np.var(v) for v in (without_x, without_y)))


def maximum_mean_discrepancy(
    real: Any,
    synthetic: Any,
    *,
    bandwidth: float | str = "median",
    embedding: Callable[[Any], Any] | None = None,
) -> float:
    """Return the unbiased squared maximum mean discrepancy (MMD²) with a Gaussian kernel.

    ``E k(x, x') + E k(y, y') − 2 E k(x, y)`` with k(x, y) = exp(−‖x − y‖² / 2σ²), each mean over
    the pairs of two different rows. In the limit of many rows it is zero only if the
    distributions are the same, whatever they are.

    Parameters
    ----------
    real, synthetic : array-like of shape (n, ...) and (m, ...)
        Rows of one class, or with `embedding` what it takes.
    bandwidth : "median" or float, default "median"
        The σ above, in the unit of the rows. "median" takes the median distance of two rows, of
        at most 500 of either set, evenly spaced: no seed is needed.
    embedding : callable or None
        Maps rows to features (n, d), ``classifier.features`` for instance. None takes the
        channels themselves.

    Returns
    -------
    float
        At most 2. Where the distributions are the same it scatters around 0, also below.
        Compare only figures of one bandwidth.

    Raises
    ------
    TooFewRowsError
        A ValueError: for fewer than two rows in a set.
    ValueError
        If `bandwidth` is neither "median" nor positive, if most rows are the same so that the
        median distance is 0, or if rows are not finite or differ in length.

    References
    ----------
    Gretton et al., J. Mach. Learn. Res. 13 (2012) 723, lemma 6.

    Examples
    --------
    >>> mmd = maximum_mean_discrepancy([[0.0], [0.0]], [[1.0], [1.0]], bandwidth=1.0)
    >>> round(mmd, 4)  # 1 + 1 − 2 exp(−½)
    0.7869
    """
    x, y = embed_pair(real, synthetic, embedding, minimum=2)
    if bandwidth == "median":
        sigma = _median_distance(x, y)
    elif isinstance(bandwidth, str) or not 0 < bandwidth < np.inf:
        raise ValueError(f"bandwidth must be 'median' or a positive number, got {bandwidth!r}")
    else:
        sigma = float(bandwidth)
    centre = x.mean(axis=0)
    return _kernel_sums(x - centre, y - centre, _gaussian(sigma, BLOCK_MIB)).squared_mmd()


def _median_distance(x: np.ndarray, y: np.ndarray) -> float:
    picked = [
        rows[np.linspace(0, len(rows) - 1, min(len(rows), BANDWIDTH_ROWS)).astype(int)]
        for rows in (x, y)
    ]
    median = float(np.median(pdist(np.concatenate(picked))))
    if not median > 0:
        raise ValueError(
            "most rows are the same, so their median distance is 0 and no bandwidth; pass "
            "bandwidth= in the unit of the rows"
        )
    return median
