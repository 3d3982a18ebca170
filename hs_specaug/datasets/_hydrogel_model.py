"""Array-level model of a piezoelectric milli-cantilever in a hydrogel that sets.

All functions are pure; those that draw take their generator as an argument.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

WATER_VISCOSITY_PA_S = 1.0e-3
MEDIUM_DENSITY_KG_M3 = 1.02e3

# Hydrodynamic function of a rectangular beam that oscillates across its width,
# Gamma = a1 + a2 d/b - i (b1 d/b + b2 (d/b)^2), with d the depth to which shear penetrates and
# b the width (Maali et al., J. Appl. Phys. 97 (2005) 074907, a fit to Sader's exact solution).
_A1, _A2, _B1, _B2 = 1.0553, 3.7997, 3.8018, 2.7364


@dataclass(frozen=True)
class Sensor:
    """One piezoelectric milli-cantilever and its leads."""

    frequency_range_Hz: tuple[float, float]
    vacuum_resonance_Hz: float
    intrinsic_q: float
    coupling: float  # motional over static capacitance
    dielectric_loss: float  # loss tangent of the piezoelectric layer
    width_m: float
    mass_loading: float  # displaced over own mass, pi rho b / (4 rho_c h)
    lead_resistance: float  # in units of 1 / (omega C0) at the vacuum resonance
    noise_deg: float


@dataclass(frozen=True)
class Medium:
    """What a concentration series does to viscosity and storage modulus."""

    concentration: np.ndarray
    units: str
    n_solution: tuple[int, int, int]
    transition_width: float
    mixing_error: float
    solution_log10_viscosity: tuple[float, float]  # first and last well, were it never to set
    gel_log10_viscosity_step: float
    gel_modulus_Pa: float
    well_scatter: float  # decades of viscosity, from well to well
    insertion_scatter: float  # relative, of the immersed mass


SENSORS: tuple[Sensor, ...] = (
    Sensor((26_013.75, 37_000.0), 38_300.0, 60.0, 0.026, 0.020, 0.9e-3, 0.40, 0.010, 0.10),
    Sensor((27_016.25, 40_000.0), 41_600.0, 48.0, 0.020, 0.028, 0.8e-3, 0.43, 0.018, 0.14),
    Sensor((31_012.5, 41_000.0), 43_200.0, 75.0, 0.031, 0.016, 0.9e-3, 0.38, 0.006, 0.08),
)

N_WELLS = 96
N_CHANNELS = 800

MEDIA: dict[str, Medium] = {
    # 96 wells that differ by 0.3125 wt%; the 60th or 61st of them is the last solution.
    "pluronic-f127": Medium(
        concentration=0.3125 * np.arange(1, N_WELLS + 1),
        units="wt%",
        n_solution=(60, 61, 60),
        transition_width=0.9,
        mixing_error=0.8,
        solution_log10_viscosity=(-3.0, -1.75),
        gel_log10_viscosity_step=0.75,
        gel_modulus_Pa=1.5e4,
        well_scatter=0.07,
        insertion_scatter=0.012,
    ),
    # The suspension thickens on both sides of the transition, and wells differ much.
    "alpha-cyclodextrin": Medium(
        concentration=np.linspace(20.0, 40.0, N_WELLS),
        units="mg/mL",
        n_solution=(31, 32, 31),
        transition_width=2.0,
        mixing_error=3.0,
        solution_log10_viscosity=(-2.0, -1.9),
        gel_log10_viscosity_step=0.22,
        gel_modulus_Pa=3.0e3,
        well_scatter=0.10,
        insertion_scatter=0.03,
    ),
}


def frequency_axis(sensor: Sensor, n_channels: int = N_CHANNELS) -> np.ndarray:
    """Return the ``(n_channels,)`` measured frequencies in Hz, ends included."""
    return np.linspace(*sensor.frequency_range_Hz, n_channels)


def cantilever_phase(
    frequency_Hz: np.ndarray,
    sensor: Sensor,
    viscosity_Pa_s: np.ndarray,
    storage_modulus_Pa: np.ndarray,
    mass_factor: np.ndarray | float = 1.0,
    gain: np.ndarray | float = 1.0,
) -> np.ndarray:
    """Phase angle of the impedance of an immersed piezoelectric cantilever.

    A Butterworth-Van Dyke circuit whose motional branch carries the hydrodynamic load. The
    medium enters as a complex viscosity ``eta + G' / (i omega)``, so that viscosity pulls the
    resonance down and broadens it, and a storage modulus stiffens it.

    Parameters
    ----------
    frequency_Hz : numpy.ndarray of shape (length,)
        Frequencies in hertz.
    sensor : Sensor
        The cantilever.
    viscosity_Pa_s, storage_modulus_Pa : numpy.ndarray of shape (n,)
        The media at the frequency of the sensor.
    mass_factor, gain : float or numpy.ndarray of shape (n,), default=1.0
        Immersed part of the cantilever, and strength of the piezoelectric coupling, both
        relative to those of ``sensor``.

    Returns
    -------
    numpy.ndarray of shape (n, length)
        Phase angle in degrees, -90 for an ideal capacitor.
    """
    omega = 2.0 * np.pi * np.asarray(frequency_Hz, dtype=float)[None, :]
    ratio = omega / (2.0 * np.pi * sensor.vacuum_resonance_Hz)
    load = sensor.mass_loading * _column(mass_factor)
    eta = _column(viscosity_Pa_s) + _column(storage_modulus_Pa) / (1j * omega)
    depth = np.sqrt(2.0 * eta / (MEDIUM_DENSITY_KG_M3 * omega)) / sensor.width_m
    hydrodynamic = _A1 + _A2 * depth - 1j * (_B1 * depth + _B2 * depth**2)
    response = 1.0 - ratio**2 * (1.0 + load * hydrodynamic) + 1j * ratio / sensor.intrinsic_q
    motional = sensor.coupling * _column(gain) / response
    admittance = 1j * ratio * (1.0 - 1j * sensor.dielectric_loss + motional)
    return np.degrees(np.angle(sensor.lead_resistance + 1.0 / admittance))


def _column(values: np.ndarray | float) -> np.ndarray:
    return np.atleast_1d(np.asarray(values, dtype=float))[:, None]


def medium_properties(
    concentration: np.ndarray, inflection: float, medium: Medium
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Viscosity and storage modulus of a concentration series that sets.

    Parameters
    ----------
    concentration : numpy.ndarray of shape (n,)
        In the units of ``medium``.
    inflection : float
        Concentration at which half of the medium has set.
    medium : Medium
        The series.

    Returns
    -------
    viscosity_Pa_s, storage_modulus_Pa, gel_fraction : numpy.ndarray of shape (n,)
        ``gel_fraction`` is the sigmoid from 0 (solution) to 1 (gel).
    """
    first, last = medium.concentration[0], medium.concentration[-1]
    gel = 1.0 / (1.0 + np.exp(-(concentration - inflection) / medium.transition_width))
    start, end = medium.solution_log10_viscosity
    log10 = start + (end - start) * (concentration - first) / (last - first)
    log10 = log10 + medium.gel_log10_viscosity_step * gel
    return 10.0**log10, medium.gel_modulus_Pa * gel, gel


@dataclass(frozen=True)
class Repeat:
    """One measured well plate, all arrays over its 96 wells."""

    phase_deg: np.ndarray  # (96, 800)
    labels: np.ndarray  # int32, 0 solution, 1 gel
    concentration: np.ndarray
    viscosity_Pa_s: np.ndarray
    storage_modulus_Pa: np.ndarray
    inflection: float


def measure_repeat(index: int, variant: str, noise: float, rng: np.random.Generator) -> Repeat:
    """Return well plate ``index`` (0 to 2) of ``variant``, with ``noise`` times its noise.

    The label follows the nominal concentration, as in the paper; what the sensor feels follows
    the real content of the well, which mixing, insertion and setting make differ from it.
    """
    medium, sensor = MEDIA[variant], SENSORS[index]
    n_solution = medium.n_solution[index]
    nominal = medium.concentration
    inflection = float(nominal[n_solution - 1 : n_solution + 1].mean())
    actual = nominal + medium.mixing_error * rng.standard_normal(N_WELLS)
    viscosity, modulus, _ = medium_properties(actual, inflection, medium)
    viscosity = viscosity * 10.0 ** (medium.well_scatter * rng.standard_normal(N_WELLS))
    modulus = modulus * 10.0 ** (medium.well_scatter * rng.standard_normal(N_WELLS))
    mass = 1.0 + medium.insertion_scatter * rng.standard_normal(N_WELLS)
    gain = 1.0 + 0.04 * rng.standard_normal(N_WELLS)
    phase = cantilever_phase(frequency_axis(sensor), sensor, viscosity, modulus, mass, gain)
    phase = phase + _instrument(phase.shape, noise * sensor.noise_deg, rng)
    return Repeat(
        phase_deg=phase,
        labels=(np.arange(N_WELLS) >= n_solution).astype(np.int32),
        concentration=nominal,
        viscosity_Pa_s=viscosity,
        storage_modulus_Pa=modulus,
        inflection=inflection,
    )


def _instrument(shape: tuple[int, int], noise_deg: float, rng: np.random.Generator) -> np.ndarray:
    """White noise, and a slow drift of offset and slope from well to well."""
    n, length = shape
    drift = np.cumsum(0.05 * rng.standard_normal(n))[:, None]
    slope = 0.3 * rng.standard_normal((n, 1)) * np.linspace(-0.5, 0.5, length)
    return drift + slope + noise_deg * rng.standard_normal(shape)
