"""Spectrum image of core-shell nanoparticles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from hs_specaug.datasets._common import (
    RandomState,
    attach_labels,
    check_choice,
    check_number,
    child_rng,
    child_seed,
    make_signal,
    seed_sequence,
)
from hs_specaug.datasets._eels_model import OXYGEN_K, WHITE_LINES, Edge, edge_profile, power_law

if TYPE_CHECKING:
    import dask.array as da
    from hyperspy.signals import BaseSignal

_CLASSES = ["vacuum", "core", "shell"]
_PARTICLES = 3
_SUPPORT_nm = 2.0  # carbon film, in nanometres of oxide of the same background


@dataclass(frozen=True)
class Material:
    """Energy axis and edges of a kind of particle; the edges are in units of one L3 line."""

    offset_eV: float
    dispersion_eV: float
    n_channels: int
    resolution_eV: float
    core: tuple[tuple[Edge, float], ...]
    shell: tuple[tuple[Edge, float], ...]


MATERIALS: dict[str, Material] = {
    "iron-oxide": Material(
        460.0, 0.25, 1360, 1.0,
        core=((WHITE_LINES["wustite"], 1.0), (OXYGEN_K["wustite"], 1.1)),
        shell=((WHITE_LINES["magnetite"], 1.0), (OXYGEN_K["magnetite"], 1.3)),
    ),
    "iron-manganese": Material(
        580.0, 0.1, 2048, 0.6,
        core=((WHITE_LINES["magnetite"], 1.0),),
        shell=(
            (WHITE_LINES["magnetite"], 0.65),
            (WHITE_LINES["Mn2+"], 0.25),
            (WHITE_LINES["Mn3+"], 0.25),
        ),
    ),
}  # fmt: skip


def core_shell_map(
    random_state: RandomState = 0,
    *,
    material: Literal["iron-oxide", "iron-manganese"] = "iron-oxide",
    shape: tuple[int, int] = (36, 48),
    pixel_nm: float = 1.0,
    labelled_fraction: float = 0.15,
    dose: float = 1.0,
    lazy: bool = False,
    chunks: tuple[int, int] = (16, 16),
) -> BaseSignal:
    """Spectrum image of core-shell nanoparticles on a thin carbon film.

    Three cubes with rounded corners, as in del-Pozo-Bueno et al. [1]_: a wustite core in a
    magnetite shell, or a magnetite core in a shell of manganese ferrite. The beam meets shell
    above and below the core, so a core pixel is a mixture; at the rim of a particle there is
    little signal. Spectra are Poisson counts with a power-law background.

    Parameters
    ----------
    random_state : None, int, numpy.random.Generator or numpy.random.RandomState, default=0
        Seed. The same integer gives the same bits, lazy or not and however it is chunked.
    material : {"iron-oxide", "iron-manganese"}, default="iron-oxide"
        O K and Fe L2,3, 460 to 799.75 eV at 0.25 eV in 1360 channels, or Mn and Fe L2,3, 580 to
        784.7 eV at 0.1 eV in 2048 channels.
    shape : tuple of int, default=(36, 48)
        Rows and columns, at least 8 each. The particles grow with the map.
    pixel_nm : float, default=1.0
        Distance of the pixels in nanometres.
    labelled_fraction : float, default=0.15
        Share of the pixels of each class that is labelled, one at least; the rest has -1. With
        0 none is labelled.
    dose : float, default=1.0
        Factor on the counts.
    lazy : bool, default=False
        Make a lazy signal whose spectra are simulated chunk by chunk when they are needed.
    chunks : tuple of int, default=(16, 16)
        Rows and columns of a chunk of a lazy signal; the energy axis is never split.

    Returns
    -------
    AugmentableEELSSpectrum or LazyAugmentableEELSSpectrum
        Counts, float32, navigation axes x and y in nm. Classes "vacuum" (film only), "core"
        (the beam crosses the core) and "shell".

        ``metadata.SpecAug.truth`` holds, over the array navigation shape, ``labels`` (int32,
        nowhere -1), ``core_nm`` and ``shell_nm``, the path of the beam through each.

    Raises
    ------
    ValueError
        If an argument is not one of the above.

    References
    ----------
    .. [1] D. del-Pozo-Bueno, D. Kepaptsoglou, Q. M. Ramasse et al., "Machine Learning Data
       Augmentation Strategy for Electron Energy Loss Spectroscopy: Generative Adversarial
       Networks", Microscopy and Microanalysis 30 (2024) 278, doi:10.1093/mam/ozae014.

    Examples
    --------
    >>> from hs_specaug.datasets import core_shell_map
    >>> s = core_shell_map()
    >>> s
    <AugmentableEELSSpectrum, title: iron-oxide core-shell particles, dimensions: (48, 36|1360)>
    >>> list(s.classes)
    ['vacuum', 'core', 'shell']
    """
    kind = MATERIALS[check_choice("material", material, list(MATERIALS))]
    shape = _check_pair("shape", shape, 8)
    chunks = _check_pair("chunks", chunks, 1)
    pixel_nm = check_number("pixel_nm", pixel_nm)
    labelled_fraction = check_number(
        "labelled_fraction", labelled_fraction, high=1.0, include_low=True
    )
    dose = check_number("dose", dose)
    check_choice("lazy", lazy, [False, True])
    root = seed_sequence(random_state)
    core_nm, shell_nm = particle_paths(shape, pixel_nm, child_rng(root, 0))
    truth = np.where(core_nm > 0.0, 1, np.where(shell_nm > 0.0, 2, 0)).astype(np.int32)
    pixels = np.arange(truth.size).reshape(shape)
    arguments = (core_nm, shell_nm, pixels)
    if lazy:
        data: Any = _lazy_spectra(arguments, chunks, kind, dose, child_seed(root, 1))
    else:
        data = simulate_pixels(*arguments, kind, dose, child_seed(root, 1))
    signal = make_signal(
        data,
        "EELS_specaug",
        signal_axis=_energy_axis(kind),
        navigation_axes=[{"name": n, "units": "nm", "scale": pixel_nm} for n in ("y", "x")],
        title=f"{material} core-shell particles",
        quantity="Electrons (Counts)",
    )
    return attach_labels(
        signal,
        label_part(truth, labelled_fraction, child_rng(root, 2)),
        _CLASSES,
        truth={"labels": truth, "core_nm": core_nm, "shell_nm": shell_nm},
    )


def particle_paths(
    shape: tuple[int, int], pixel_nm: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Path of the beam through core and shell of three rounded cubes beside each other.

    Returns
    -------
    core_nm, shell_nm : numpy.ndarray of shape ``shape``
        Zero beside the particles.
    """
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(float)
    core, shell = np.zeros(shape), np.zeros(shape)
    # Half edges and centres as shares of the map; the third particle is cut by its border.
    layout = [(0.22, 0.33, 0.27), (0.17, 0.66, 0.68), (0.15, 0.10, 0.82)]
    for half_edge, row, column in layout[:_PARTICLES]:
        jitter = 0.02 * rng.standard_normal(2)
        half = half_edge * min(shape) * (1.0 + 0.08 * rng.uniform(-1.0, 1.0))
        angle = rng.uniform(-0.3, 0.3)
        y = rows - (row + jitter[0]) * shape[0]
        x = columns - (column + jitter[1]) * shape[1]
        u = np.abs(np.cos(angle) * x + np.sin(angle) * y)
        v = np.abs(np.cos(angle) * y - np.sin(angle) * x)
        outer = _cube_path(u, v, half)
        inner = _cube_path(u, v, half * rng.uniform(0.55, 0.70))
        core += inner * pixel_nm
        shell += (outer - inner) * pixel_nm
    return core, shell


def _cube_path(u: np.ndarray, v: np.ndarray, half: float) -> np.ndarray:
    """Path through the superellipsoid ``|u|^4 + |v|^4 + |w|^4 = half^4`` along w."""
    rest = 1.0 - (u / half) ** 4 - (v / half) ** 4
    return 2.0 * half * np.clip(rest, 0.0, None) ** 0.25


def simulate_pixels(
    core_nm: np.ndarray,
    shell_nm: np.ndarray,
    pixels: np.ndarray,
    material: Material,
    dose: float,
    root: np.random.SeedSequence,
) -> np.ndarray:
    """Counts of a rectangle of pixels.

    Parameters
    ----------
    core_nm, shell_nm : numpy.ndarray of shape (rows, columns)
        Path of the beam.
    pixels : numpy.ndarray of int and shape (rows, columns)
        Number of each pixel in the whole map. Each has its own random stream, so that the
        counts do not depend on how the map is divided.
    material : Material
        What the particles are made of.
    dose : float
        Factor on the counts.
    root : numpy.random.SeedSequence
        Root of the streams.

    Returns
    -------
    numpy.ndarray of float32 and shape (rows, columns, n_channels)
    """
    energy = material.offset_eV + material.dispersion_eV * np.arange(material.n_channels)
    edges = [
        sum(share * edge_profile(energy, edge, material.resolution_eV) for edge, share in part)
        for part in (material.core, material.shell)
    ]
    # The map shares the exponent; film, core and shell have the same background per nanometre.
    decay = power_law(energy, np.array([1.0]), np.array([3.1]), energy[0])[0]
    counts = np.empty((*pixels.shape, energy.size), dtype=np.float32)
    for index, pixel in np.ndenumerate(pixels):
        rng = child_rng(root, int(pixel))
        core, shell = core_nm[index], shell_nm[index]
        film = _SUPPORT_nm * np.exp(0.1 * rng.standard_normal())
        expected = core * edges[0] + shell * edges[1] + 1.2 * (core + shell + film) * decay
        counts[index] = rng.poisson(4.0 * dose * expected)
    return counts


def label_part(truth: np.ndarray, labelled_fraction: float, rng: np.random.Generator) -> np.ndarray:
    """Return ``truth`` with -1 on all but a random share of the pixels of each class."""
    labels = np.full(truth.size, -1, dtype=np.int32)
    for code in np.unique(truth):
        members = np.flatnonzero(truth == code)
        n_labelled = int(np.ceil(labelled_fraction * members.size))
        labels[rng.permutation(members)[:n_labelled]] = code
    return labels.reshape(truth.shape)


def _lazy_spectra(
    arguments: Sequence[np.ndarray],
    chunks: tuple[int, int],
    material: Material,
    dose: float,
    root: np.random.SeedSequence,
) -> da.Array:
    import dask.array as da

    return da.map_blocks(
        simulate_pixels,
        *(da.from_array(a, chunks=chunks) for a in arguments),
        material=material,
        dose=dose,
        root=root,
        new_axis=2,
        chunks=(*da.core.normalize_chunks(chunks, arguments[0].shape), (material.n_channels,)),
        dtype=np.float32,
        meta=np.empty((0, 0, 0), dtype=np.float32),
    )


def _energy_axis(material: Material) -> dict[str, Any]:
    return {
        "name": "Energy loss",
        "units": "eV",
        "offset": material.offset_eV,
        "scale": material.dispersion_eV,
    }


def _check_pair(name: str, value: Any, minimum: int) -> tuple[int, int]:
    pair = np.asarray(value)
    if pair.shape != (2,) or pair.dtype.kind not in "iu" or (pair < minimum).any():
        raise ValueError(
            f"{name} must be two integers of at least {minimum}, rows and columns, got {value!r}."
        )
    return int(pair[0]), int(pair[1])
