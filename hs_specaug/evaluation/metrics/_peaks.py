"""Where the main peaks of spectra lie and how wide they are: synthetic against real."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.signal import find_peaks, peak_widths

from ..._axes import SignalAxis
from ...exceptions import TooFewRowsError
from ._rows import check_pair


@dataclass(frozen=True, repr=False, eq=False)
class PeakErrors:
    """How positions and widths of peaks in synthetic rows differ from those in real rows.

    The four errors are means over the peaks of an absolute difference; the tables hold what they
    come from, for signs and for single peaks.

    Attributes
    ----------
    position : float
        Difference of the mean positions, in `units`.
    width : float
        Difference of the mean full widths at half maximum, in `units`.
    position_spread, width_spread : float
        Difference of their standard deviations over the rows, in `units`.
    units : str
        Of the axis; ``"channels"`` without one.
    n_real, n_synthetic : int
        Rows in which all peaks were found, which are those compared.
    n_real_without, n_synthetic_without : int
        Rows in which they were not, which are left out.
    real_positions, synthetic_positions : ndarray of shape (rows, n_peaks)
        In `units`, in the order of the axis.
    real_widths, synthetic_widths : ndarray of shape (rows, n_peaks)
        Full widths at half maximum.
    """

    position: float
    width: float
    position_spread: float
    width_spread: float
    units: str
    n_real: int
    n_synthetic: int
    n_real_without: int
    n_synthetic_without: int
    real_positions: np.ndarray
    synthetic_positions: np.ndarray
    real_widths: np.ndarray
    synthetic_widths: np.ndarray

    def __repr__(self) -> str:
        def line(what: str, mean: float, spread: float) -> str:
            return f"{what:<8}  mean off by {mean:.3g} {self.units}, spread by {spread:.3g}"

        without = [
            f"{n} of {n + found} {name} rows without their peaks, left out"
            for n, found, name in (
                (self.n_real_without, self.n_real, "real"),
                (self.n_synthetic_without, self.n_synthetic, "synthetic"),
            )
            if n
        ]
        lines = [
            line("position", self.position, self.position_spread),
            line("FWHM", self.width, self.width_spread),
        ]
        return "\n".join([*lines, *without])


def peak_errors(
    real: Any,
    synthetic: Any,
    *,
    axis: SignalAxis | None = None,
    n_peaks: int = 1,
    region: tuple[float, float] | None = None,
    prominence: float = 0.1,
) -> PeakErrors:
    """Compare positions and widths of the main peaks of synthetic with those of real rows.

    In every row the `n_peaks` peaks of highest prominence are taken. A position is the vertex of
    the parabola through the highest channel and its neighbours; a width is that at half of the
    prominence, so a background below the peak does not count. The two distributions are then
    compared by their means and standard deviations.

    Parameters
    ----------
    real, synthetic : array-like of shape (n, channels) and (m, channels)
        Spectra of one class; (n, 1, channels) is taken as well.
    axis : SignalAxis or None, default None
        Where the channels lie, evenly spaced or not, ascending or descending. None counts
        channels.
    n_peaks : int, default 1
        Peaks per row.
    region : tuple of (float, float) or None
        Ends of the part of the axis that is searched, in its units. None takes all of it.
    prominence : float, default 0.1
        Least prominence of a peak, as a share of the range of its row (in the region).

    Returns
    -------
    PeakErrors
        Noise shifts the highest channel and cuts peaks short, in real and synthetic rows alike:
        where one set is noisier, its widths are smaller. Smooth both for the widths alone. A
        spike, or another line that is the highest one in a few rows, adds more to the spread
        than all the rest: name the `region` of the line.

    Raises
    ------
    TooFewRowsError
        A ValueError: if the peaks are found in fewer than two rows of a set.
    ValueError
        If rows have channels of several kinds or are images, do not fit the axis, or are not
        finite; if the region holds fewer than three channels, or another argument is out of
        range.

    Examples
    --------
    >>> import numpy as np
    >>> energy = SignalAxis("Energy loss", "eV", 640 + 0.1 * np.arange(200))
    >>> def lines(centre, width):
    ...     return np.exp(-4 * np.log(2) * ((energy.values - centre) / width) ** 2)
    >>> real = np.stack([lines(649.9, 2.0), lines(650.1, 2.0)])
    >>> synthetic = np.stack([lines(650.5, 3.0), lines(650.5, 3.0)])
    >>> peak_errors(real, synthetic, axis=energy)
    position  mean off by 0.5 eV, spread by 0.141
    FWHM      mean off by 1 eV, spread by 0
    """
    if n_peaks < 1:
        raise ValueError(f"n_peaks must be at least 1, got {n_peaks!r}")
    if not 0 < prominence < 1:
        raise ValueError(f"prominence must be between 0 and 1, got {prominence!r}")
    pair, values = _spectra(real, synthetic, axis)
    part = _channels(values, region)
    tables = []
    for rows, name in zip(pair, ("real", "synthetic"), strict=True):
        tables.append(_find(rows[:, part], values[part], n_peaks, prominence))
        n_found = len(tables[-1][0])
        if n_found < 2:
            raise TooFewRowsError(
                f"{n_found} of {len(rows)} rows of {name} have {n_peaks} peaks of prominence "
                f"{prominence:g}, at least 2 are needed; lower n_peaks or prominence, or widen "
                "region"
            )
    (real_at, real_wide), (synthetic_at, synthetic_wide) = tables
    return PeakErrors(
        position=_difference(real_at, synthetic_at, np.mean),
        width=_difference(real_wide, synthetic_wide, np.mean),
        position_spread=_difference(real_at, synthetic_at, _deviation),
        width_spread=_difference(real_wide, synthetic_wide, _deviation),
        units="channels" if axis is None else axis.units,
        n_real=len(real_at),
        n_synthetic=len(synthetic_at),
        n_real_without=len(pair[0]) - len(real_at),
        n_synthetic_without=len(pair[1]) - len(synthetic_at),
        real_positions=real_at,
        synthetic_positions=synthetic_at,
        real_widths=real_wide,
        synthetic_widths=synthetic_wide,
    )


def _spectra(
    real: Any, synthetic: Any, axis: SignalAxis | None
) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
    """Check that rows are spectra on the axis; return them and its values."""
    for rows, name in ((real, "real"), (synthetic, "synthetic")):
        shape = np.shape(rows)
        if len(shape) > 3 or (len(shape) == 3 and shape[1] != 1):
            raise ValueError(
                f"{name} must be spectra of one kind, (n, channels), got shape {shape}; pass one "
                "kind of channels at a time, as X[:, 0]"
            )
    pair = check_pair(real, synthetic, minimum=2)
    length = pair[0].shape[1]
    values = np.arange(length, dtype=float) if axis is None else np.asarray(axis.values, float)
    if values.shape != (length,):
        raise ValueError(f"axis has {len(values)} channels, the rows have {length}")
    return pair, values


def _difference(real: np.ndarray, synthetic: np.ndarray, statistic: Callable[..., Any]) -> float:
    return float(np.abs(statistic(synthetic, axis=0) - statistic(real, axis=0)).mean())


def _deviation(table: np.ndarray, axis: int) -> np.ndarray:
    return np.std(table, axis=axis, ddof=1)


def _channels(values: np.ndarray, region: tuple[float, float] | None) -> slice:
    """Return the channels inside `region`."""
    if region is None:
        return slice(None)
    low, high = sorted(map(float, region))
    inside = np.flatnonzero((values >= low) & (values <= high))
    if len(inside) < 3:
        raise ValueError(
            f"region must hold at least three channels, got {region} of an axis from "
            f"{values.min():g} to {values.max():g}"
        )
    return slice(int(inside[0]), int(inside[-1]) + 1)


def _find(
    rows: np.ndarray, values: np.ndarray, n_peaks: int, prominence: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return positions and widths, (rows with all their peaks, n_peaks) each."""
    channels = np.arange(len(values))
    found = []
    for row in rows:
        span = float(np.ptp(row))
        if not span:
            continue
        peaks, properties = find_peaks(row, prominence=prominence * span)
        if len(peaks) < n_peaks:
            continue
        highest = np.sort(np.argsort(-properties["prominences"], kind="stable")[:n_peaks])
        peaks = peaks[highest]
        bases = tuple(
            properties[key][highest] for key in ("prominences", "left_bases", "right_bases")
        )
        ends = np.array(peak_widths(row, peaks, rel_height=0.5, prominence_data=bases)[2:])
        # Between channels the axis is taken as straight, even or not.
        left, right = np.interp(ends, channels, values)
        found.append((np.interp(peaks + _vertex(row, peaks), channels, values), abs(right - left)))
    table = np.array(found).reshape(len(found), 2, n_peaks)
    if values[0] > values[-1]:
        table = table[:, :, ::-1]
    return table[:, 0], table[:, 1]


def _vertex(row: np.ndarray, peaks: np.ndarray) -> np.ndarray:
    """Return how far, in channels, the vertex of the parabola lies from each highest channel."""
    left, middle, right = row[peaks - 1], row[peaks], row[peaks + 1]
    curvature = left - 2.0 * middle + right
    # On a plateau the middle channel stands as it is.
    return np.divide(0.5 * (left - right), curvature, out=np.zeros(len(peaks)), where=curvature < 0)
