"""Subtract a fitted background with HyperSpy's own estimators."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import simpson

from .._warnings import warn_user
from ..exceptions import SpecAugWarning
from ._axes import axis_dictionary, make_axis
from ._blocks import axis_label, axis_units, map_spectra, replace_data
from ._options import canonical_option, check_finite, floating_dtype

BACKGROUNDS = ("power-law", "polynomial", "linear", "offset")
_HYPERSPY_NAME = {
    "power-law": "Power law",
    "polynomial": "Polynomial",
    "linear": "Polynomial",
    "offset": "Offset",
}
# HyperSpy's model holds several float64 copies of what it is given.
_ROWS_AT_ONCE = 8192


def background_step(signal: Any, background: Any, fit_range: Any) -> dict[str, Any]:
    """
    Check what the user asked for and return it as a step to record.

    Parameters
    ----------
    signal : hyperspy signal
        Signal to be processed.
    background : str or (str, int)
        One of ``BACKGROUNDS``; ``("polynomial", order)`` sets the order, 2 by default.
    fit_range : (float, float)
        Range of the fit in axis units.

    Returns
    -------
    dict
        Plain values only.
    """
    order = 2
    if isinstance(background, (tuple, list)) and len(background) == 2:
        background, order = background[0], int(background[1])
    kind = canonical_option("background", background, BACKGROUNDS)
    if order < 1:
        raise ValueError(f"The order of a polynomial background must be at least 1; got {order}.")
    refuse_background(signal)
    axis = signal.axes_manager.signal_axes[0]
    low, high = check_fit_range(axis, fit_range, kind, order)
    step: dict[str, Any] = {
        "step": "background",
        "type": "polynomial" if kind == "linear" else kind,
        "fit_range": [low, high],
        "units": axis_units(axis),
    }
    if kind in ("linear", "polynomial"):
        step["order"] = 1 if kind == "linear" else order
    return step


def refuse_background(signal: Any) -> None:
    """
    Refuse signals that have no background to fit, with the reason.

    Raises
    ------
    ValueError
        For images, complex data and impedance.
    """
    if signal.axes_manager.signal_dimension != 1:
        raise ValueError(
            "background is fitted along a spectrum; an image has no such axis. Leave it out, or "
            "subtract a background image from s.data."
        )
    signal_type = signal.metadata.get_item("Signal.signal_type", "")
    if signal.data.dtype.kind == "c" or signal_type == "impedance":
        raise ValueError(
            "background has no meaning for impedance and other complex data: a frequency response "
            "does not sit on an additive background. Leave it out."
        )


def check_fit_range(axis: Any, fit_range: Any, kind: str, order: int) -> tuple[float, float]:
    """
    Return the fit range as two ascending floats.

    Raises
    ------
    ValueError
        If it is missing, malformed, outside the axis, too short for the fit, or not positive
        for a power law.
    """
    where = axis_label(axis)
    if fit_range is None:
        raise ValueError(
            f"background={kind!r} needs fit_range=(start, end) in axis units, before the edge or "
            f"peak of interest; the axis is {where}."
        )
    try:
        low, high = sorted(float(value) for value in fit_range)
    except (TypeError, ValueError):
        raise ValueError(
            f"fit_range must be two numbers in axis units; got {fit_range!r}."
        ) from None
    if not (low < high and low >= axis.low_value and high <= axis.high_value):
        raise ValueError(f"fit_range=({low:g}, {high:g}) must lie within the axis: {where}.")
    if kind == "power-law" and low <= 0:
        raise ValueError(
            f"A power law needs a positive axis, but fit_range starts at {low:g} ({where}). "
            "Choose a positive range or another background."
        )
    needed = {"power-law": 4, "offset": 1, "linear": 2}.get(kind, order + 1)
    channels = int(np.sum((axis.axis >= low) & (axis.axis <= high)))
    if channels < needed:
        raise ValueError(
            f"fit_range=({low:g}, {high:g}) holds {channels} channels; background={kind!r} needs "
            f"at least {needed} ({where})."
        )
    return low, high


def subtract_background(signal: Any, step: dict[str, Any]) -> Any:
    """
    Run a background step on a signal.

    HyperSpy's ``remove_background(..., fast=True)`` runs on each chunk by itself: a lazy and an
    in-memory signal then give the same numbers, nothing is rechunked along navigation, and
    zeros below the range of a power law work on lazy maps, where HyperSpy's ``zero_fill`` does
    not. Each call costs about 50 ms, which only chunks of a few spectra notice.

    Parameters
    ----------
    signal : hyperspy signal
        One-dimensional signal; not modified.
    step : dict
        As :func:`background_step` returns it.

    Returns
    -------
    hyperspy signal
        New signal of the same type.
    """
    refuse_background(signal)
    axis = signal.axes_manager.signal_axes[0]
    kind, order = step["type"], int(step.get("order", 2))
    low, high = check_fit_range(axis, step["fit_range"], kind, order)
    function = functools.partial(
        subtract_background_from_array,
        axis_values=np.asarray(axis.axis),
        kind=kind,
        fit_range=(low, high),
        order=order,
        is_binned=bool(axis.is_binned),
    )
    return replace_data(signal, map_spectra(signal, function, floating_dtype(signal.data.dtype)))


def subtract_background_from_array(
    X: NDArray[Any],
    axis_values: NDArray[Any],
    kind: str,
    fit_range: tuple[float, float],
    order: int = 2,
    is_binned: bool = False,
) -> NDArray[Any]:
    """
    Subtract a fitted background from an array of spectra.

    Parameters
    ----------
    X : ndarray of shape (..., length)
        Spectra.
    axis_values : ndarray of shape (length,)
        Axis, ascending or descending.
    kind : {"power-law", "polynomial", "offset"}
        Background.
    fit_range : (float, float)
        Ascending range in axis units.
    order : int, default=2
        Order of the polynomial.
    is_binned : bool, default=False
        Whether the values are counts per channel, as HyperSpy's axes say.

    Returns
    -------
    ndarray of shape (..., length)
        Spectra less their background. Below the range of a power law, which is an extrapolation
        towards infinity, the result is zero, as in DigitalMicrograph.

    Warns
    -----
    SpecAugWarning
        For spectra on which the fit fails (no counts in the range); they are left as they are,
        except for the zeros below the range of a power law.
    """
    check_finite(X, "background")
    dtype = floating_dtype(X.dtype)
    descending = axis_values[0] > axis_values[-1]
    ordered = slice(None, None, -1) if descending else slice(None)
    axis_values = axis_values[ordered]
    rows = X.reshape(-1, X.shape[-1])[:, ordered].astype(dtype)
    fittable = np.ones(len(rows), dtype=bool)
    start, end = make_axis(axis_values).value_range_to_indices(*fit_range)
    if kind == "power-law":
        fittable = _power_law_fittable(rows, axis_values, start, end, is_binned)
    positions = np.flatnonzero(fittable)
    for first in range(0, len(positions), _ROWS_AT_ONCE):
        part = positions[first : first + _ROWS_AT_ONCE]
        fitted = _remove_with_hyperspy(rows[part], axis_values, kind, fit_range, order, is_binned)
        fittable[part] = np.isfinite(fitted).all(axis=1)
        good = fittable[part]
        rows[part[good]] = fitted[good]
    if kind == "power-law":
        rows[:, :start] = 0
    if not fittable.all():
        warn_user(
            f"The {kind} background could not be fitted to {int((~fittable).sum())} of "
            f"{len(rows)} spectra, which have no positive signal between {fit_range[0]:g} and "
            f"{fit_range[1]:g}; none was subtracted from them.",
            SpecAugWarning,
        )
    return rows[:, ordered].reshape(X.shape)


def _power_law_fittable(
    rows: NDArray[Any], axis_values: NDArray[Any], start: int, end: int, is_binned: bool
) -> NDArray[np.bool_]:
    """
    Tell which rows have a positive area in both halves of the range.

    The two-area method divides these areas and takes a logarithm; a single zero among them makes
    HyperSpy give up on the whole array, so such rows must not reach it. The halves and their
    areas are HyperSpy's own: sums on binned axes, Simpson's rule on others.
    """
    end -= (start + end) % 2
    if end == start:
        end += 2
    middle = (start + end) // 2
    fittable = np.ones(len(rows), dtype=bool)
    for half in (slice(start, middle), slice(middle, end)):
        if is_binned:
            area = rows[:, half].sum(axis=1)
        else:
            area = simpson(rows[:, half], x=axis_values[half], axis=1)
        fittable &= area > 0
    return fittable


def _remove_with_hyperspy(
    rows: NDArray[Any],
    axis_values: NDArray[Any],
    kind: str,
    fit_range: tuple[float, float],
    order: int,
    is_binned: bool,
) -> NDArray[Any]:
    """Hand rows (n, length) on an ascending axis to HyperSpy and return its remainder."""
    import hyperspy.api as hs

    signal = hs.signals.Signal1D(
        rows,
        axes=[
            {"size": len(rows), "navigate": True},
            {**axis_dictionary(axis_values), "navigate": False, "is_binned": is_binned},
        ],
    )
    # Noise makes some fits overflow; those rows are found by their result.
    with np.errstate(all="ignore"):
        remainder = signal.remove_background(
            signal_range=fit_range,
            background_type=_HYPERSPY_NAME[kind],
            polynomial_order=order,
            fast=True,
            zero_fill=False,
            show_progressbar=False,
        )
    return remainder.data.astype(rows.dtype, copy=False)
