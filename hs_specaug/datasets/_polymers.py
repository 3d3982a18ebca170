"""Mid-infrared spectra of microplastic particles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from hs_specaug.datasets._common import (
    RandomState,
    attach_labels,
    check_number,
    child_rng,
    make_signal,
    seed_sequence,
)
from hs_specaug.datasets._polymer_bands import MATERIALS, RESIDUES, Band, Material

if TYPE_CHECKING:
    from hyperspy.signals import BaseSignal

WAVENUMBER_RANGE_PER_CM = (975.0, 1800.0)
SOURCES = ("database", "drinking water", "surface water", "sewage")

# By source: strength of weathering, of residues, and of noise.
_CONDITIONS = np.array([[0.15, 0.05, 0.4], [0.6, 0.30, 1.0], [1.3, 0.65, 1.1], [1.0, 0.90, 1.4]])
_NOISE = 0.02


def polymer_spectra(
    random_state: RandomState = 0, *, step_per_cm: float = 0.5, noise: float = 1.0
) -> BaseSignal:
    """Infrared absorbance of microplastic particles of ten imbalanced classes.

    A simulation of the set of 210 spectra that Platnick et al. [1]_ augment: eight plastics,
    cellulosic and silica, 975 to 1800 per cm, from 38 spectra (silica) down to 5 (polyacetal).
    Bands lie where the materials have them and vary in position, width and height from
    particle to particle; weathering, residues from the water, thickness, scattering and a
    curved baseline hide them, most so in sewage.

    Parameters
    ----------
    random_state : None, int, numpy.random.Generator or numpy.random.RandomState, default=0
        Seed. The same integer gives the same bits.
    step_per_cm : float, default=0.5
        Distance of the channels in 1/cm, at most 100; 0.5 gives 1651 channels.
    noise : float, default=1.0
        Factor on the measurement noise.

    Returns
    -------
    AugmentableSpectrum
        Absorbance, float32, 210 spectra, shuffled. Groups are the sources of the particles:
        "database", "drinking water", "surface water" and "sewage".

        ``metadata.SpecAug.truth`` holds per spectrum ``thickness`` (factor on the bands of the
        material), ``weathering`` and ``residue`` (height relative to the strongest band).

    Raises
    ------
    ValueError
        If ``step_per_cm`` or ``noise`` is not a number in its range.

    Notes
    -----
    The paper gives the size of the smallest and the largest class and the total; the other
    eight sizes and the choice of plastics are ours.

    References
    ----------
    .. [1] D. Platnick, S. Khanzadeh, A. Sadeghian and R. Valenzano, "GANsemble for Small and
       Imbalanced Data Sets: A Baseline for Synthetic Microplastics Data", 2024.

    Examples
    --------
    >>> from hs_specaug.datasets import polymer_spectra
    >>> s = polymer_spectra()
    >>> s
    <AugmentableSpectrum, title: polymer particles, dimensions: (210|1651)>
    >>> list(s.classes)[:3]
    ['cellulosic', 'polyacetal', 'polyamide']
    """
    step_per_cm = check_number("step_per_cm", step_per_cm, 0.0, 100.0)
    noise = check_number("noise", noise, include_low=True)
    low, high = WAVENUMBER_RANGE_PER_CM
    wavenumber = low + step_per_cm * np.arange(int((high - low) / step_per_cm + 1e-9) + 1)
    root = seed_sequence(random_state)
    # The order of the particles tells nothing about their class.
    codes = np.repeat(np.arange(len(MATERIALS)), [m.n_spectra for m in MATERIALS])
    sources = np.concatenate([np.arange(m.n_spectra) % len(SOURCES) for m in MATERIALS])
    order = child_rng(root, 0).permutation(codes.size)
    codes, sources = codes[order], sources[order]
    spectra = np.empty((codes.size, wavenumber.size), dtype=np.float32)
    truth = np.empty((codes.size, 3))
    for i, (code, source) in enumerate(zip(codes, sources, strict=True)):
        rng = child_rng(root, 1, i)
        spectra[i], truth[i] = particle_spectrum(
            wavenumber, MATERIALS[code], _CONDITIONS[source] * [1.0, 1.0, noise], rng
        )
    signal = make_signal(
        spectra,
        "spectrum_specaug",
        signal_axis={"name": "Wavenumber", "units": "1/cm", "offset": low, "scale": step_per_cm},
        navigation_axes=[{"name": "Particle"}],
        title="polymer particles",
        quantity="Absorbance",
    )
    names = ("thickness", "weathering", "residue")
    return attach_labels(
        signal,
        codes.astype(np.int32),
        [m.name for m in MATERIALS],
        groups=np.array(SOURCES)[sources],
        truth=dict(zip(names, truth.T.copy(), strict=True)),
    )


def absorbance(wavenumber_per_cm: np.ndarray, bands: Sequence[Band] | np.ndarray) -> np.ndarray:
    """Sum of absorption bands.

    Parameters
    ----------
    wavenumber_per_cm : numpy.ndarray of shape (length,)
        Wavenumbers in 1/cm.
    bands : sequence of tuple, or numpy.ndarray of shape (n_bands, 3)
        Wavenumber, height and full width at half maximum. Bands are pseudo-Voigt profiles,
        half Lorentzian: condensed matter lies between the two limits.

    Returns
    -------
    numpy.ndarray of shape (length,)
    """
    centre, height, width = np.asarray(bands, dtype=float).T[:, :, None]
    square = (2.0 * (wavenumber_per_cm[None, :] - centre) / width) ** 2
    profile = 0.5 / (1.0 + square) + 0.5 * np.exp(-np.log(2.0) * square)
    return (height * profile).sum(axis=0)


def particle_spectrum(
    wavenumber_per_cm: np.ndarray,
    material: Material,
    conditions: np.ndarray,
    rng: np.random.Generator,
) -> tuple[np.ndarray, tuple[float, float, float]]:
    """Absorbance of one particle, and its thickness, weathering and residue.

    Parameters
    ----------
    wavenumber_per_cm : numpy.ndarray of shape (length,)
        Wavenumbers in 1/cm.
    material : Material
        What the particle is made of.
    conditions : numpy.ndarray of shape (3,)
        Strength of weathering, of residues and of noise where the particle was found.
    rng : numpy.random.Generator
        Where the draws come from.
    """
    weathering, residue, noise = conditions * rng.gamma(2.0, 0.5, size=3)
    thickness = float(np.exp(-0.8 + 0.8 * rng.standard_normal()))
    spectrum = absorbance(wavenumber_per_cm, _vary(material.bands, rng))
    if material.ageing:
        aged = absorbance(wavenumber_per_cm, _vary(material.ageing, rng))
        spectrum = spectrum + weathering * aged
    spectrum = thickness * spectrum
    shares = rng.dirichlet(np.ones(len(RESIDUES)))
    for share, bands in zip(shares, RESIDUES.values(), strict=True):
        spectrum = spectrum + residue * share * absorbance(wavenumber_per_cm, _vary(bands, rng))
    # Strong bands flatten: light that passes beside the particle is not absorbed.
    stray = 0.02 + 0.08 * rng.random()
    spectrum = -np.log10((10.0**-spectrum + stray) / (1.0 + stray))
    spectrum = spectrum + _baseline(wavenumber_per_cm, rng)
    spectrum = spectrum + _NOISE * noise * rng.standard_normal(spectrum.size)
    return spectrum, (thickness, float(weathering), float(residue))


def _vary(bands: Sequence[Band], rng: np.random.Generator) -> np.ndarray:
    """Draw the bands of one particle: crystallinity, strain and orientation change them."""
    varied = np.array(bands, dtype=float)
    n_bands = len(varied)
    varied[:, 0] += 1.0 * rng.standard_normal() + 1.2 * rng.standard_normal(n_bands)
    varied[:, 1] *= np.exp(0.20 * rng.standard_normal(n_bands))
    varied[:, 2] *= np.exp(0.10 * rng.standard_normal() + 0.08 * rng.standard_normal(n_bands))
    return varied


def _baseline(wavenumber_per_cm: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Offset, scattering that grows with the wavenumber, and a slow undulation."""
    low, high = WAVENUMBER_RANGE_PER_CM
    x = (wavenumber_per_cm - low) / (high - low)
    scatter = 0.15 * rng.gamma(1.5, 1.0) * ((wavenumber_per_cm / high) ** 2 - (low / high) ** 2)
    period, start = rng.uniform(0.5, 1.5), rng.uniform(0.0, 2.0 * np.pi)
    undulation = 0.03 * rng.standard_normal() * np.sin(2.0 * np.pi * x / period + start)
    return 0.03 * rng.standard_normal() + scatter + undulation
