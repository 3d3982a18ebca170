"""The oxidation-state task of the DAG example and its benchmark: measured, built and simulated."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hs_specaug.datasets import white_lines

#: Manganese axis of paper 002: 615 to 684.9 eV.
ENERGY_EV = 615.0 + 0.1 * np.arange(700)
REFERENCES = {
    "Mn3+": ("Data2_LaMnO3", "Data3_LaMnO3"),
    "Mn4+": ("Data2_SrMnO3", "Data3_MnO2"),
}
MNO_L3_EV = 640.47  # maximum of the MnO references
CLASSES = ["wustite", "magnetite", "Mn2+", "Mn3+", "Mn4+"]


def measured_mn2(folder: Path) -> tuple[np.ndarray, np.ndarray] | None:
    """Return measured Mn2+ spectra (659, 700) and their sessions; None where they are absent.

    The file holds every spectrum of the session "thinnest" a second time, as one of "thin". Here
    each is there once: what is scored has not been learned from.
    """
    path = folder / "eels_mn2_white_lines.npz"
    if not path.is_file():
        return None
    with np.load(path) as archive:
        spectra, session = archive["spectra"], archive["session"]
    thinnest = {row.tobytes() for row in spectra[session == "thinnest"]}
    once = spectra[session == "thin"]
    of_thinnest = np.array([row.tobytes() in thinnest for row in once])
    return once, np.where(of_thinnest, "thinnest", "thin")


def simulated_mn2(n: int = 500) -> tuple[np.ndarray, np.ndarray]:
    """Return simulated Mn2+ spectra instead, and their sessions."""
    s = white_lines(0, element="Mn", scale=n / 992)
    rows = s.labels == s.classes.index("Mn2+")
    sessions = np.where(np.arange(rows.sum()) % 3, "thin", "thinnest")
    return s.data[rows], sessions


def built_from_references(
    folder: Path, name: str, n: int, offset_eV: float, rng: np.random.Generator
) -> np.ndarray | None:
    """Return `n` spectra (n, 700) with the noise of a measurement, made from two references.

    Each is a random mixture of the two references of its oxidation state on a step of continuum
    that varies with thickness, shifted by an error of calibration (0.25 eV), counted with 500 to
    2000 electrons in the maximum, and divided by its maximum. `offset_eV` brings the references
    to the calibration of the measured Mn2+ spectra.
    """
    path = folder / "eels_mn_references.npz"
    if not path.is_file():
        return None
    shift_eV = offset_eV + rng.normal(0.0, 0.25, n)
    share = rng.random((n, 1))
    rows = np.zeros((n, len(ENERGY_EV)))
    with np.load(path) as archive:
        for weight, reference in zip((share, 1.0 - share), REFERENCES[name], strict=True):
            energy, intensity = (
                archive[f"{reference}_{part}"].astype(float) for part in ("energy_eV", "intensity")
            )
            intensity = intensity - np.median(intensity[energy < energy[0] + 2.0])
            intensity /= intensity.max()
            rows += weight * [np.interp(ENERGY_EV - dE, energy, intensity) for dE in shift_eV]
    step = 1.0 / (1.0 + np.exp(-(ENERGY_EV - 642.0 - shift_eV[:, None])))
    rows = np.clip(rows + rng.normal(0.12, 0.04, (n, 1)).clip(0.0) * step, 0.0, None)
    electrons = rng.uniform(500.0, 2000.0, (n, 1))
    background = 0.1  # what was subtracted has left its noise
    counted = rng.poisson(electrons * (rows + background)) / electrons - background
    return (counted / counted.max(axis=1, keepdims=True)).astype(np.float32)


def five_oxidation_states(
    folder: Path, n_per_class: int, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, str]:
    """Return spectra (n, 700), their class names, and a sentence on where they come from."""
    rng = np.random.default_rng(seed)
    scale = n_per_class / 1000
    iron, manganese = (white_lines(seed, element=e, scale=scale) for e in ("Fe", "Mn"))
    parts = {}
    for s in (iron, manganese):
        for code, name in enumerate(s.classes):
            parts[name] = s.data[s.labels == code][:n_per_class]
    origin = "all five classes simulated"
    mn2 = measured_mn2(folder)
    if mn2 is not None:
        parts["Mn2+"] = mn2[0][rng.permutation(len(mn2[0]))[:n_per_class]]
        offset_eV = ENERGY_EV[mn2[0].mean(axis=0).argmax()] - MNO_L3_EV
        built = {
            name: built_from_references(folder, name, n_per_class, offset_eV, rng)
            for name in REFERENCES
        }
        parts |= {name: rows for name, rows in built.items() if rows is not None}
        origin = "Mn2+ measured, Mn3+ and Mn4+ built from measured references, iron simulated"
    X = np.concatenate([parts[name] for name in CLASSES]).astype(np.float32)
    return X, np.repeat(CLASSES, [len(parts[name]) for name in CLASSES]), origin
