"""Array-level model of core-loss electron energy-loss spectra of transition-metal oxides.

All functions are pure; those that draw take their generator as an argument. Energies are in
eV, counts per channel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, voigt_profile

_GRID_STEP_eV = 0.05
_FWHM_TO_SIGMA = 1.0 / (2.0 * np.sqrt(2.0 * np.log(2.0)))


@dataclass(frozen=True)
class Edge:
    """Peaks and continuum steps of one compound, relative to the height of its L3 line."""

    peaks: tuple[tuple[float, float, float], ...]  # energy, height, full width (eV)
    steps: tuple[tuple[float, float], ...]  # energy of the arctan step, height


# L2,3 edges. The positions of the lines and of their multiplet shoulders follow published
# reference spectra; L3 sinks and L2/L3 rises in the order the papers give.
WHITE_LINES: dict[str, Edge] = {
    "wustite": Edge(
        ((707.0, 0.18, 1.0), (708.0, 1.0, 1.6), (709.9, 0.35, 2.2), (713.5, 0.05, 4.0),
         (720.8, 0.21, 2.0), (722.6, 0.13, 2.2)),
        ((709.5, 0.11), (722.0, 0.07)),
    ),
    "magnetite": Edge(
        ((707.9, 0.42, 1.4), (709.3, 1.0, 1.8), (711.2, 0.24, 2.6), (715.5, 0.06, 4.0),
         (721.2, 0.15, 2.0), (722.9, 0.21, 2.2)),
        ((710.5, 0.11), (723.0, 0.07)),
    ),
    "Mn2+": Edge(
        ((638.9, 0.28, 0.7), (640.0, 1.0, 0.6), (641.2, 0.40, 1.2), (643.4, 0.13, 2.0),
         (650.3, 0.12, 1.2), (652.4, 0.17, 1.6)),
        ((642.0, 0.07), (653.0, 0.04)),
    ),
    "Mn3+": Edge(
        ((639.9, 0.34, 1.0), (641.6, 1.0, 2.0), (643.4, 0.42, 2.4),
         (651.0, 0.24, 1.8), (652.9, 0.39, 2.4)),
        ((643.0, 0.10), (654.0, 0.06)),
    ),
    "Mn4+": Edge(
        ((640.6, 0.48, 1.0), (642.4, 0.60, 1.8), (643.5, 0.80, 2.2),
         (652.2, 0.30, 2.0), (653.9, 0.46, 2.6)),
        ((643.5, 0.12), (654.5, 0.08)),
    ),
}  # fmt: skip

# Oxygen K: pre-peak, main peak and the two that follow; the pre-peak grows with the valence.
OXYGEN_K: dict[str, Edge] = {
    "wustite": Edge(
        ((532.0, 0.05, 1.6), (538.6, 0.30, 4.0), (543.6, 0.16, 4.0), (560.5, 0.14, 12.0)),
        ((536.0, 0.15),),
    ),
    "magnetite": Edge(
        ((530.2, 0.20, 2.0), (540.0, 0.32, 4.5), (545.5, 0.15, 5.0), (561.5, 0.13, 12.0)),
        ((537.0, 0.15),),
    ),
}


def edge_profile(energy_eV: np.ndarray, edge: Edge, resolution_eV: float) -> np.ndarray:
    """Noise-free intensity of an edge in units of its L3 line before broadening.

    Parameters
    ----------
    energy_eV : numpy.ndarray of shape (length,)
        Energy losses.
    edge : Edge
        Its peaks are Lorentzians, broadened to Voigt profiles, and its steps arctangents.
    resolution_eV : float
        Full width at half maximum of the zero-loss peak.

    Returns
    -------
    numpy.ndarray of shape (length,)
    """
    sigma = resolution_eV * _FWHM_TO_SIGMA
    profile = np.zeros_like(energy_eV, dtype=float)
    for centre, height, width in edge.peaks:
        line = voigt_profile(energy_eV - centre, sigma, width / 2.0)
        # The height is that of the unbroadened line, so that its area is conserved.
        profile += height * np.pi * (width / 2.0) * line
    for centre, height in edge.steps:
        half_width = 0.5 + resolution_eV / 2.0
        profile += height * (0.5 + np.arctan((energy_eV - centre) / half_width) / np.pi)
    # No transition lies below the onset, where Lorentzians and arctangents have a long foot.
    onset = min([c - 1.5 * w for c, _, w in edge.peaks] + [c - 5.0 for c, _ in edge.steps])
    return profile * expit((energy_eV - onset) / (0.3 + 0.2 * resolution_eV))


def shifted_profiles(
    energy_eV: np.ndarray,
    edges: tuple[Edge, ...],
    weights: np.ndarray,
    shift_eV: np.ndarray,
    resolution_eV: float,
) -> np.ndarray:
    """Mixtures of edges, each spectrum shifted in energy.

    Parameters
    ----------
    energy_eV : numpy.ndarray of shape (length,)
        Energy losses, equally spaced.
    edges : tuple of Edge, of length k
        What is mixed.
    weights : numpy.ndarray of shape (n, k)
        Share of each edge in each spectrum.
    shift_eV : numpy.ndarray of shape (n,)
        Shift of each spectrum, positive to higher losses.
    resolution_eV : float
        Full width at half maximum of the zero-loss peak.

    Returns
    -------
    numpy.ndarray of shape (n, length)
    """
    margin = float(np.max(np.abs(shift_eV), initial=0.0)) + 2.0 * _GRID_STEP_eV
    grid = np.arange(energy_eV[0] - margin, energy_eV[-1] + margin, _GRID_STEP_eV)
    table = np.stack([edge_profile(grid, edge, resolution_eV) for edge in edges])
    position = (energy_eV[None, :] - shift_eV[:, None] - grid[0]) / _GRID_STEP_eV
    index = np.clip(position.astype(np.intp), 0, grid.size - 2)
    fraction = position - index
    total = np.zeros_like(position)
    for row, weight in zip(table, weights.T, strict=True):
        total += weight[:, None] * (row[index] * (1.0 - fraction) + row[index + 1] * fraction)
    return total


def power_law(
    energy_eV: np.ndarray, level: np.ndarray, exponent: np.ndarray, reference_eV: float
) -> np.ndarray:
    """Return ``(n, length)`` backgrounds ``level (E / reference)^-exponent``."""
    return level[:, None] * (energy_eV[None, :] / reference_eV) ** (-exponent[:, None])


def remove_power_law(
    energy_eV: np.ndarray, counts: np.ndarray, fit_range_eV: tuple[float, float]
) -> np.ndarray:
    """Subtract from each spectrum the power law fitted before its edge (two-area method).

    Parameters
    ----------
    energy_eV : numpy.ndarray of shape (length,)
        Energy losses.
    counts : numpy.ndarray of shape (n, length)
        Spectra with their background.
    fit_range_eV : tuple of float
        Window before the edge.

    Returns
    -------
    numpy.ndarray of shape (n, length)
        Negative where noise takes the spectrum below its background.

    References
    ----------
    R. F. Egerton, "Electron Energy-Loss Spectroscopy in the Electron Microscope", 3rd ed.,
    section 4.4.2.
    """
    window = np.flatnonzero((energy_eV >= fit_range_eV[0]) & (energy_eV <= fit_range_eV[1]))
    first, second = np.array_split(window, 2)
    # A window without counts has no background to fit.
    level_1 = np.maximum(counts[:, first].mean(axis=1), 1e-6)
    level_2 = np.maximum(counts[:, second].mean(axis=1), 1e-6)
    low, high = energy_eV[first].mean(), energy_eV[second].mean()
    exponent = np.clip(np.log(level_1 / level_2) / np.log(high / low), -5.0, 15.0)
    shape = (energy_eV[None, :] / low) ** (-exponent[:, None])
    scale = counts[:, window].mean(axis=1) / shape[:, window].mean(axis=1)
    return counts - scale[:, None] * shape


def signal_to_noise(spectra: np.ndarray) -> float:
    """Signal-to-noise ratio of a class: mean over spread of its spectra, averaged over channels.

    Table 2 of del-Pozo-Bueno et al. does not say how its figure is formed. For the public Mn2+
    white lines that it draws on, where it has 1.5, this definition gives 1.7, and mean over
    standard deviation within each spectrum 0.7.

    Parameters
    ----------
    spectra : numpy.ndarray of shape (n, length)
        Spectra of one class, without background and divided by their maxima.

    Returns
    -------
    float
    """
    spread = spectra.std(axis=0)
    mean = spectra.mean(axis=0)
    return float(np.divide(mean, spread, out=np.zeros_like(mean), where=spread > 0).mean())
