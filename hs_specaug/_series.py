"""Labels from a series: where along a concentration, time or temperature a scalar turns over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import curve_fit

_UNLABELLED = -1
_MIN_POINTS_SIGMOID = 5
_MIN_POINTS_PER_LINE = 2


@dataclass(frozen=True)
class SigmoidFit:
    """A sigmoid ``lower + (upper - lower) / (1 + exp(-(x - inflection) / width))``.

    Attributes
    ----------
    inflection : float
        Position of the inflection point, in units of ``x``.
    width : float
        Width of the step, in units of ``x``; always positive.
    lower, upper : float
        Plateau before and after the inflection point.
    r_squared : float
        Fraction of the variance that the sigmoid explains.
    """

    inflection: float
    width: float
    lower: float
    upper: float
    r_squared: float

    def __call__(self, x: Any) -> np.ndarray:
        """Evaluate the sigmoid at ``x``."""
        position = (np.asarray(x, dtype=float) - self.inflection) / self.width
        return _sigmoid(position, 0.0, 1.0, self.lower, self.upper)


@dataclass(frozen=True)
class TwoLineFit:
    """Two straight lines and where they meet.

    Attributes
    ----------
    intersection : float
        Position where the lines meet, in units of ``x``.
    before, after : tuple of (float, float)
        Slope and intercept of the line before and after.
    r_squared : float
        Fraction of the variance that the two lines explain.
    """

    intersection: float
    before: tuple[float, float]
    after: tuple[float, float]
    r_squared: float


def _series(values: Any, x: Any, minimum: int) -> tuple[np.ndarray, np.ndarray]:
    """Check a series and return ``x`` and ``values`` as floats of one shape."""
    series = np.asarray(values, dtype=float)
    position = np.arange(series.size, dtype=float).reshape(series.shape) if x is None else None
    if position is None:
        position = np.asarray(x, dtype=float)
    if position.shape != series.shape:
        raise ValueError(f"x has shape {position.shape} but values has shape {series.shape}")
    for name, array in (("values", series), ("x", position)):
        bad = int(np.count_nonzero(~np.isfinite(array)))
        if bad:
            raise ValueError(f"{name} has {bad} non-finite entries; leave these rows out first")
    if np.unique(position).size < minimum:
        raise ValueError(
            f"a series needs at least {minimum} different positions, got {np.unique(position).size}"
        )
    if np.ptp(series) == 0:
        raise ValueError("values are constant: there is no transition to find")
    return position, series


def _sigmoid(
    x: np.ndarray, inflection: float, width: float, lower: float, upper: float
) -> np.ndarray:
    # The clip keeps exp() in range; beyond it the sigmoid is flat to double precision.
    return lower + (upper - lower) / (1 + np.exp(-np.clip((x - inflection) / width, -60, 60)))


def _r_squared(series: np.ndarray, residual: np.ndarray) -> float:
    return float(1 - np.sum(residual**2) / np.sum((series - series.mean()) ** 2))


def label_by_sigmoid(values: Any, x: Any = None, return_fit: bool = False) -> Any:
    """Label a series as before or after the inflection point of a fitted sigmoid.

    This is how a concentration series is labelled solution or gel: a scalar of each spectrum
    follows a sigmoid along the series, whose inflection point is the gel point.

    Parameters
    ----------
    values : array_like
        One scalar per spectrum, any shape.
    x : array_like, optional
        Position along the series (concentration, temperature, time), same shape; need not be
        sorted, replicates may repeat. By default the order of the rows.
    return_fit : bool
        Also return the fit.

    Returns
    -------
    codes : numpy.ndarray of int32
        0 before, 1 at and after the inflection point; shape of ``values``.
    fit : SigmoidFit
        Only with ``return_fit=True``.

    Raises
    ------
    ValueError
        If there are fewer than 5 positions, non-finite or constant values, or if no inflection
        point lies inside the series.

    Examples
    --------
    >>> label_by_sigmoid([0.0, 0.1, 0.0, 0.9, 1.0, 1.0], x=[1, 2, 3, 4, 5, 6])
    array([0, 0, 0, 1, 1, 1], dtype=int32)
    """
    position, series = _series(values, x, _MIN_POINTS_SIGMOID)
    origin, span = position.min(), np.ptp(position)
    base, height = series.min(), np.ptp(series)
    u, v = ((position - origin) / span).ravel(), ((series - base) / height).ravel()
    parameters = _fit_unit_sigmoid(u, v)
    if not 1e-6 < parameters[0] < 1 - 1e-6:
        raise ValueError(
            "no inflection point inside the series: values do not follow a sigmoid along x; look "
            "at them, or use label_by_two_lines or label_by_threshold"
        )
    fit = SigmoidFit(
        inflection=float(origin + span * parameters[0]),
        width=float(span * parameters[1]),
        lower=float(base + height * parameters[2]),
        upper=float(base + height * parameters[3]),
        r_squared=_r_squared(v, v - _sigmoid(u, *parameters)),
    )
    codes = (position >= fit.inflection).astype(np.int32)
    return (codes, fit) if return_fit else codes


def _fit_unit_sigmoid(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Fit a sigmoid to data in the unit square; several starts, because the step may be sharp."""
    ends = v[u <= np.quantile(u, 0.25)].mean(), v[u >= np.quantile(u, 0.75)].mean()
    best, best_error = None, np.inf
    for inflection in (0.2, 0.35, 0.5, 0.65, 0.8):
        for width in (0.02, 0.1):
            try:
                parameters, _ = curve_fit(
                    _sigmoid,
                    u,
                    v,
                    p0=(inflection, width, *ends),
                    bounds=([0, 1e-4, -2, -2], [1, 2, 3, 3]),
                )
            except RuntimeError:  # this start did not converge; another may
                continue
            error = float(np.sum((v - _sigmoid(u, *parameters)) ** 2))
            if error < best_error * (1 - 1e-9):
                best, best_error = parameters, error
    if best is None:
        raise ValueError("the sigmoid fit did not converge; use label_by_two_lines instead")
    return best


def label_by_two_lines(values: Any, x: Any = None, return_fit: bool = False) -> Any:
    """Label a series as before or after the point where two best-fit lines meet.

    Parameters
    ----------
    values : array_like
        One scalar per spectrum, any shape.
    x : array_like, optional
        Position along the series, same shape. By default the order of the rows.
    return_fit : bool
        Also return the fit.

    Returns
    -------
    codes : numpy.ndarray of int32
        0 before, 1 at and after the intersection; shape of ``values``.
    fit : TwoLineFit
        Only with ``return_fit=True``.

    Raises
    ------
    ValueError
        If there are fewer than 4 positions, non-finite or constant values, or if the two lines do
        not meet inside the series.

    Examples
    --------
    >>> label_by_two_lines([0.0, 0.0, 0.0, 1.0, 2.0, 3.0])
    array([0, 0, 1, 1, 1, 1], dtype=int32)
    """
    position, series = _series(values, x, 2 * _MIN_POINTS_PER_LINE)
    u, v = position.ravel(), series.ravel()
    grid = np.unique(u)
    best_error, lines = np.inf, np.zeros((2, 2))
    for last in grid[_MIN_POINTS_PER_LINE - 1 : -_MIN_POINTS_PER_LINE]:
        before = u <= last
        fits = [np.polynomial.polynomial.polyfit(u[m], v[m], 1) for m in (before, ~before)]
        sides = [np.polynomial.polynomial.polyval(u, fit) for fit in fits]
        error = float(np.sum((v - np.where(before, *sides)) ** 2))
        # A hair's breadth of tolerance: of equal splits the first wins on every machine.
        if error < best_error - 1e-12 * np.ptp(v) ** 2:
            best_error, lines = error, np.array(fits)
    (intercept_0, slope_0), (intercept_1, slope_1) = lines
    turn = abs(slope_0 - slope_1) * np.ptp(u)
    meeting = (intercept_1 - intercept_0) / (slope_0 - slope_1) if turn > 1e-9 * np.ptp(v) else None
    if meeting is None or not grid[0] <= meeting <= grid[-1]:
        raise ValueError(
            "the two best-fit lines do not meet inside the series: values have no kink along x; "
            "look at them, or use label_by_sigmoid or label_by_threshold"
        )
    # Rounding must not push a position that lies on the intersection to the other side.
    codes = (position >= meeting - 1e-9 * np.ptp(u)).astype(np.int32)
    if not return_fit:
        return codes
    total = float(np.sum((v - v.mean()) ** 2))
    fit = TwoLineFit(
        float(meeting),
        (float(slope_0), float(intercept_0)),
        (float(slope_1), float(intercept_1)),
        1 - best_error / total,
    )
    return codes, fit


def label_by_threshold(values: Any, thresholds: Any) -> np.ndarray:
    """Label values by the interval between ascending thresholds that they fall in.

    Parameters
    ----------
    values : array_like
        One scalar per spectrum, any shape; NaN becomes unlabelled.
    thresholds : float or sequence of float
        Strictly ascending.

    Returns
    -------
    numpy.ndarray of int32
        0 below the first threshold, 1 from the first to below the second, and so on; -1 for NaN.

    Raises
    ------
    ValueError
        If thresholds are not finite and strictly ascending.

    Examples
    --------
    >>> label_by_threshold([0.1, 0.5, float("nan"), 2.0], [0.5, 1.0])
    array([ 0,  1, -1,  2], dtype=int32)
    """
    edges = np.atleast_1d(np.asarray(thresholds, dtype=float))
    if edges.ndim != 1 or not np.all(np.isfinite(edges)) or np.any(np.diff(edges) <= 0):
        raise ValueError(f"thresholds must be finite and strictly ascending, got {thresholds}")
    scalars = np.asarray(values, dtype=float)
    codes = np.digitize(scalars, edges).astype(np.int32)
    return np.where(np.isnan(scalars), np.int32(_UNLABELLED), codes)
