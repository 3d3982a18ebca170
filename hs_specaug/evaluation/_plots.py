"""Synthetic beside real rows, for the eye: lines, and maps of intensity."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from .._colours import REAL_COLOURS, SYNTHETIC_COLOURS
from .metrics._rows import check_pair


def _prepare(
    real: Any, synthetic: Any, axis: Any, n_rows: int, random_state: Any
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the axis, and at most `n_rows` random rows of either set."""
    if n_rows < 1:
        raise ValueError(f"n_rows must be at least 1, got {n_rows!r}")
    real, synthetic = check_pair(real, synthetic, minimum=1)
    axis = np.arange(real.shape[1]) if axis is None else np.asarray(axis, dtype=float)
    if axis.shape != real.shape[1:]:
        raise ValueError(
            f"axis must have one value per channel, {real.shape[1:]}, got shape {axis.shape}"
        )
    rng = check_random_state(random_state)
    drawn = [rows[rng.permutation(len(rows))[:n_rows]] for rows in (real, synthetic)]
    return axis, drawn[0], drawn[1]


def plot_spectra(
    real: Any,
    synthetic: Any,
    axis: Any = None,
    *,
    n_rows: int = 2,
    axis_label: str = "channel",
    intensity_label: str = "intensity",
    random_state: Any = None,
    ax: Any = None,
) -> Any:
    """Draw a few real and as many synthetic spectra as lines (paper 002, figure 7).

    Parameters
    ----------
    real, synthetic : array-like of shape (n, channels) and (m, channels)
        Spectra of one class.
    axis : array-like of shape (channels,) or None
        Energy loss, wavenumber, ... None counts channels.
    n_rows : int, default 2
        Spectra of each set, chosen at random.
    axis_label, intensity_label : str
        What the axes say, with units.
    random_state : int, numpy.random.RandomState or None
        Seed of the choice.
    ax : matplotlib.axes.Axes or None
        Where to draw; None makes a figure.

    Returns
    -------
    matplotlib.axes.Axes
    """
    import matplotlib.pyplot as plt

    axis, real, synthetic = _prepare(real, synthetic, axis, n_rows, random_state)
    if ax is None:
        ax = plt.subplots(figsize=(6.0, 3.5), layout="constrained")[1]
    for rows, colours, name in (
        (real, REAL_COLOURS, "real"),
        (synthetic, SYNTHETIC_COLOURS, "synthetic"),
    ):
        for i, row in enumerate(rows):
            label = name if i == 0 else None
            ax.plot(axis, row, color=colours[i % len(colours)], linewidth=0.9, label=label)
    ax.set_xlabel(axis_label)
    ax.set_ylabel(intensity_label)
    ax.legend(frameon=False)
    return ax


def plot_intensity_map(
    real: Any,
    synthetic: Any,
    axis: Any = None,
    *,
    n_rows: int = 75,
    axis_label: str = "channel",
    intensity_label: str = "intensity",
    cmap: str = "viridis",
    random_state: Any = None,
    ax: Any = None,
) -> Any:
    """Draw real spectra above synthetic ones as a map of intensity (paper 002, figure 8).

    One line of the map is one spectrum; a white line parts the two sets. Onsets, shifts and
    noise of many spectra are seen at once, and so is a generator that repeats itself.

    Parameters
    ----------
    real, synthetic : array-like of shape (n, channels) and (m, channels)
        Spectra of one class.
    axis : array-like of shape (channels,) or None
        Energy loss, wavenumber, ... None counts channels. It may be unevenly spaced.
    n_rows : int, default 75
        Spectra of each set, chosen at random; fewer where there are fewer.
    axis_label, intensity_label : str
        What the axes say, with units.
    cmap : str
        Colour map.
    random_state : int, numpy.random.RandomState or None
        Seed of the choice.
    ax : matplotlib.axes.Axes or None
        Where to draw; None makes a figure.

    Returns
    -------
    matplotlib.axes.Axes
    """
    import matplotlib.pyplot as plt

    axis, real, synthetic = _prepare(real, synthetic, axis, n_rows, random_state)
    if ax is None:
        ax = plt.subplots(figsize=(5.0, 5.0), layout="constrained")[1]
    rows = np.concatenate([real, synthetic])
    mesh = ax.pcolormesh(axis, np.arange(len(rows)), rows, cmap=cmap, shading="nearest")
    ax.axhline(len(real) - 0.5, color="white", linewidth=1.5)
    ax.invert_yaxis()
    ax.set_yticks(
        [(len(real) - 1) / 2, len(real) + (len(synthetic) - 1) / 2], ["real", "synthetic"]
    )
    ax.tick_params(axis="y", length=0, labelrotation=90)
    for label in ax.get_yticklabels():
        label.set_verticalalignment("center")
    ax.set_xlabel(axis_label)
    ax.figure.colorbar(mesh, ax=ax, label=intensity_label)
    return ax
