"""White lines of iron and manganese oxides in five oxidation states."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from hs_specaug.datasets._common import (
    RandomState,
    attach_labels,
    check_choice,
    check_number,
    child_rng,
    make_signal,
    seed_sequence,
)
from hs_specaug.datasets._eels_model import (
    WHITE_LINES,
    Edge,
    power_law,
    remove_power_law,
    shifted_profiles,
)

if TYPE_CHECKING:
    from hyperspy.signals import BaseSignal

N_CHANNELS = 700
N_SESSIONS = 3


@dataclass(frozen=True)
class Acquisition:
    """What the spectra of one element share."""

    offset_eV: float
    dispersion_eV: float
    fit_range_eV: tuple[float, float]
    l3_eV: float
    resolution_eV: tuple[float, float, float]  # by session
    session_shift_eV: float
    shift_eV: float


@dataclass(frozen=True)
class OxideClass:
    """One class of the data set."""

    name: str
    element: str
    n_spectra: int
    admixture: str  # neighbour that the beam also crosses, or that the beam makes
    admixture_share: tuple[float, float]  # beta distribution on 0 to 0.5
    # Mean L3 counts per channel that give the signal-to-noise ratio of table 2.
    l3_counts: float
    signal_to_noise: float


ACQUISITIONS = {
    "Fe": Acquisition(612.5, 0.25, (640.0, 697.0), 708.0, (0.9, 1.1, 1.0), 0.30, 0.25),
    "Mn": Acquisition(615.0, 0.10, (616.0, 636.0), 640.0, (0.45, 0.6, 0.5), 0.30, 0.25),
}

OXIDES: tuple[OxideClass, ...] = (
    OxideClass("wustite", "Fe", 2744, "magnetite", (2.0, 2.5), 57.5, 1.1),
    OxideClass("magnetite", "Fe", 1350, "wustite", (1.0, 6.0), 241.0, 2.1),
    OxideClass("Mn2+", "Mn", 992, "Mn3+", (1.0, 3.0), 111.0, 1.5),
    OxideClass("Mn3+", "Mn", 841, "Mn2+", (2.0, 2.0), 136.5, 2.2),
    OxideClass("Mn4+", "Mn", 1260, "Mn3+", (2.0, 2.0), 127.5, 2.5),
)


def white_lines(
    random_state: RandomState = 0,
    *,
    element: Literal["Fe", "Mn"] | None = None,
    scale: float = 0.1,
    dose: float = 1.0,
    raw: bool = False,
) -> BaseSignal:
    """White lines of five iron and manganese oxides, imbalanced and noisy.

    A simulation of the white-line data set of del-Pozo-Bueno et al. [1]_: wustite, magnetite,
    MnO, Mn2O3 and MnO2, with the class sizes, energies, dispersions and signal-to-noise ratios
    of the paper. Each spectrum is a pair of white lines with multiplet shoulders on continuum
    steps and a power-law background, shifted by drift, thickened by plural scattering and
    counted with Poisson noise. Neighbouring valences mix: a wustite core is seen through its
    magnetite shell, and the beam reduces manganese.

    Parameters
    ----------
    random_state : None, int, numpy.random.Generator or numpy.random.RandomState, default=0
        Seed. The same integer gives the same bits, also of a class that comes with others.
    element : {None, "Fe", "Mn"}, default=None
        Classes of one element, on its calibrated energy-loss axis: iron 612.5 to 787.25 eV
        at 0.25 eV per channel, manganese 615 to 684.9 eV at 0.1 eV per channel. With None all
        five share a sequence index of 700 channels, as in the paper, and have no energy axis.
    scale : float, default=0.1
        Share of the class sizes of the paper, 2744, 1350, 992, 841 and 1260. A class keeps
        three spectra at least.
    dose : float, default=1.0
        Factor on the counts; 1 gives the signal-to-noise ratios of the paper.
    raw : bool, default=False
        Counts with their background instead of spectra whose background, fitted before the
        edge, is subtracted and whose maximum is 1.

    Returns
    -------
    AugmentableEELSSpectrum or AugmentableSpectrum
        float32, n spectra of 700 channels, with their class as label and their session as
        group; a session holds all classes of its element. It is of type ``spectrum_specaug``
        if ``element`` is None and ``EELS_specaug`` otherwise.

        ``metadata.SpecAug.truth`` holds per spectrum ``energy_shift_eV``, ``admixture`` (share
        of the neighbouring valence) and ``thickness``, and per class ``signal_to_noise``, the
        figure of the paper: mean over standard deviation of the spectra of a class, averaged
        over the channels. At ``dose=1`` the simulated spectra have it within about a tenth.

    Raises
    ------
    ValueError
        If ``element``, ``scale``, ``dose`` or ``raw`` is not one of the above.

    See Also
    --------
    core_shell_map : The spectrum image of a core-shell nanoparticle, from the same model.

    References
    ----------
    .. [1] D. del-Pozo-Bueno, D. Kepaptsoglou, Q. M. Ramasse et al., "Machine Learning Data
       Augmentation Strategy for Electron Energy Loss Spectroscopy: Generative Adversarial
       Networks", Microscopy and Microanalysis 30 (2024) 278, doi:10.1093/mam/ozae014.

    Examples
    --------
    >>> from hs_specaug.datasets import white_lines
    >>> s = white_lines(element="Mn")
    >>> s
    <AugmentableEELSSpectrum, title: Mn white lines, dimensions: (309|700)>
    >>> list(s.classes)
    ['Mn2+', 'Mn3+', 'Mn4+']
    >>> white_lines()
    <AugmentableSpectrum, title: white lines, dimensions: (718|700)>
    """
    check_choice("element", element, [None, "Fe", "Mn"])
    scale = check_number("scale", scale, high=100.0)
    dose = check_number("dose", dose)
    check_choice("raw", raw, [False, True])
    oxides = [(i, o) for i, o in enumerate(OXIDES) if element in (None, o.element)]
    root = seed_sequence(random_state)
    parts = []
    for i, oxide in oxides:
        n_spectra = max(N_SESSIONS, round(scale * oxide.n_spectra))
        shifts = _session_shifts(oxide.element, root)
        parts.append(simulate_class(oxide, n_spectra, shifts, dose, raw, child_rng(root, i)))
    spectra, session, truth = (
        np.concatenate([p[0] for p in parts]),
        np.concatenate([p[1] for p in parts]),
        {key: np.concatenate([p[2][key] for p in parts]) for key in parts[0][2]},
    )
    truth["signal_to_noise"] = np.array([oxide.signal_to_noise for _, oxide in oxides])
    codes = np.repeat(np.arange(len(parts), dtype=np.int32), [len(p[0]) for p in parts])
    signal = make_signal(
        spectra,
        "spectrum_specaug" if element is None else "EELS_specaug",
        signal_axis=_sequence_axis() if element is None else _energy_axis(element),
        navigation_axes=[{"name": "Spectrum"}],
        title="white lines" if element is None else f"{element} white lines",
        quantity="Electrons (Counts)" if raw else "Normalised intensity",
    )
    return attach_labels(signal, codes, [o.name for _, o in oxides], groups=session, truth=truth)


def energy_axis(element: str) -> np.ndarray:
    """Return the ``(700,)`` energy losses in eV of the spectra of ``element``."""
    acquisition = ACQUISITIONS[element]
    return acquisition.offset_eV + acquisition.dispersion_eV * np.arange(N_CHANNELS)


def simulate_class(
    oxide: OxideClass,
    n_spectra: int,
    session_shifts_eV: np.ndarray,
    dose: float,
    raw: bool,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Return the spectra of one class, their sessions and what is known about them.

    Returns
    -------
    spectra : numpy.ndarray of float32 and shape (n_spectra, 700)
        Counts if ``raw``, otherwise without background and with maximum 1.
    session : numpy.ndarray of shape (n_spectra,)
        Names such as ``"Fe session 1"``.
    truth : dict of numpy.ndarray of shape (n_spectra,)
        ``energy_shift_eV``, ``admixture`` and ``thickness``.
    """
    acquisition, energy = ACQUISITIONS[oxide.element], energy_axis(oxide.element)
    session = np.sort(rng.permutation(np.arange(n_spectra) % N_SESSIONS))
    shift = session_shifts_eV[session] + acquisition.shift_eV * rng.standard_normal(n_spectra)
    admixture = 0.5 * rng.beta(*oxide.admixture_share, size=n_spectra)
    thickness = np.exp(0.15 * rng.standard_normal(n_spectra))
    plural = 0.06 * thickness * np.exp(0.3 * rng.standard_normal(n_spectra))
    # Plural scattering repeats the edge one plasmon loss further on.
    plasmon = Edge(peaks=(), steps=((acquisition.l3_eV + 22.0, 1.0),))
    edges = (WHITE_LINES[oxide.name], WHITE_LINES[oxide.admixture], plasmon)
    weights = np.stack([1.0 - admixture, admixture, plural], axis=1)
    signal = np.empty((n_spectra, N_CHANNELS))
    for k, resolution in enumerate(acquisition.resolution_eV):
        rows = session == k
        signal[rows] = shifted_profiles(energy, edges, weights[rows], shift[rows], resolution)
    background = power_law(
        energy,
        0.4 * thickness * np.exp(0.1 * rng.standard_normal(n_spectra)),
        3.2 + 0.2 * rng.standard_normal(n_spectra),
        acquisition.l3_eV,
    )
    counts = rng.poisson(dose * oxide.l3_counts * (thickness[:, None] * signal + background))
    spectra = counts if raw else normalized(energy, counts, acquisition.fit_range_eV)
    names = np.array([f"{oxide.element} session {k + 1}" for k in range(N_SESSIONS)])
    truth = {"energy_shift_eV": shift, "admixture": admixture, "thickness": thickness}
    return spectra.astype(np.float32), names[session], truth


def normalized(
    energy_eV: np.ndarray, counts: np.ndarray, fit_range_eV: tuple[float, float]
) -> np.ndarray:
    """Return ``(n, length)`` counts without background, divided by the maximum of each row."""
    net = remove_power_law(energy_eV, counts, fit_range_eV)
    return net / np.maximum(net.max(axis=1, keepdims=True), 1e-12)


def _session_shifts(element: str, root: np.random.SeedSequence) -> np.ndarray:
    """Calibration error of each session, the same for all classes measured in it."""
    acquisition = ACQUISITIONS[element]
    rng = child_rng(root, len(OXIDES) + list(ACQUISITIONS).index(element))
    return acquisition.session_shift_eV * rng.uniform(-1.0, 1.0, N_SESSIONS)


def _energy_axis(element: str) -> dict[str, Any]:
    acquisition = ACQUISITIONS[element]
    return {
        "name": "Energy loss",
        "units": "eV",
        "offset": acquisition.offset_eV,
        "scale": acquisition.dispersion_eV,
    }


def _sequence_axis() -> dict[str, Any]:
    return {"name": "Channel", "units": "", "offset": 1.0, "scale": 1.0}
