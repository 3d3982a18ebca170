"""Hydrogel libraries measured with piezoelectric milli-cantilevers."""

from __future__ import annotations

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
from hs_specaug.datasets._hydrogel_model import (
    MEDIA,
    N_CHANNELS,
    SENSORS,
    Repeat,
    frequency_axis,
    measure_repeat,
)

if TYPE_CHECKING:
    from hyperspy.signals import BaseSignal

_CLASSES = ["solution", "gel"]


def hydrogel_impedance(
    random_state: RandomState = 0,
    *,
    variant: Literal["pluronic-f127", "alpha-cyclodextrin"] = "pluronic-f127",
    repeat: Literal[0, 1, 2] | None = None,
    noise: float = 1.0,
) -> BaseSignal:
    """Phase angles of a hydrogel library on both sides of its sol-gel transition.

    A simulation of the library of Chung et al. [1]_: a 96-well concentration series, measured
    three times with a piezoelectric milli-cantilever dipped into each well. The viscosity and
    storage modulus of the medium follow a sigmoid in concentration; they load the cantilever,
    whose resonance in the phase angle sinks and broadens. Each repeat has its own sensor.

    A well is called gel when its nominal concentration lies beyond the inflection of the
    sigmoid. Its real content differs from the nominal one, so wells near the transition
    overlap; in ``"alpha-cyclodextrin"``, the harder series of the paper, most do.

    Parameters
    ----------
    random_state : None, int, numpy.random.Generator or numpy.random.RandomState, default=0
        Seed. The same integer gives the same bits.
    variant : {"pluronic-f127", "alpha-cyclodextrin"}, default="pluronic-f127"
        Pluronic F-127 in water, 0.3125 to 30 wt%, 181 solutions and 107 gels; or
        alpha-cyclodextrin with polyethylene glycol, 20 to 40 mg/mL, 94 solutions and 194 gels.
    repeat : {None, 0, 1, 2}, default=None
        One repeat on its own frequency axis; None gives all three. Their frequencies differ,
        so together they are put, as in the paper, on the sequence index 1 to 800.
    noise : float, default=1.0
        Factor on the measurement noise of the sensors; 0 leaves only their drift.

    Returns
    -------
    ImpedanceSpectrum
        Phase angle in degrees, float32, 288 spectra of 800 points, or 96 spectra for one
        repeat. Classes "solution" and "gel"; groups are the repeats.

        ``metadata.SpecAug.truth`` holds per spectrum ``concentration``, ``viscosity_Pa_s`` and
        ``storage_modulus_Pa``, per repeat ``inflection`` and ``frequency_range_Hz`` (shape
        (3, 2), or (1, 2) for one repeat), and ``concentration_units``.

    Raises
    ------
    ValueError
        If ``variant``, ``repeat`` or ``noise`` is not one of the above.

    References
    ----------
    .. [1] J. Chung, J. Zhang, A. I. Saimon, Y. Liu, B. N. Johnson and Z. Kong, "Imbalanced
       spectral data analysis using data augmentation based on the generative adversarial
       network", Scientific Reports, 2024.

    Examples
    --------
    >>> from hs_specaug.datasets import hydrogel_impedance
    >>> s = hydrogel_impedance()
    >>> s
    <ImpedanceSpectrum, title: pluronic-f127 hydrogel, dimensions: (288|800)>
    >>> list(s.classes)
    ['solution', 'gel']
    >>> one = hydrogel_impedance(repeat=0)
    >>> one.axes_manager["Frequency"].scale
    13.75
    """
    check_choice("variant", variant, list(MEDIA))
    if repeat is not None:
        repeat = check_choice("repeat", repeat, [0, 1, 2])
    noise = check_number("noise", noise, include_low=True)
    root = seed_sequence(random_state)
    chosen: list[int] = [0, 1, 2] if repeat is None else [repeat]
    repeats = [measure_repeat(i, variant, noise, child_rng(root, i)) for i in chosen]
    signal = make_signal(
        np.concatenate([r.phase_deg for r in repeats]).astype(np.float32),
        "impedance",
        signal_axis=_sequence_axis() if repeat is None else _frequency_axis(repeat),
        navigation_axes=[{"name": "Spectrum"} if repeat is None else {"name": "Well"}],
        title=f"{variant} hydrogel",
        quantity="Phase angle (°)",
    )
    return attach_labels(
        signal,
        np.concatenate([r.labels for r in repeats]),
        _CLASSES,
        groups=np.repeat(chosen, [r.labels.size for r in repeats]),
        truth=_truth(variant, chosen, repeats),
    )


def _sequence_axis() -> dict[str, Any]:
    return {"name": "Measurement", "units": "", "offset": 1.0, "scale": 1.0}


def _frequency_axis(repeat: int) -> dict[str, Any]:
    frequency = frequency_axis(SENSORS[repeat])
    step = (frequency[-1] - frequency[0]) / (N_CHANNELS - 1)
    return {
        "name": "Frequency",
        "units": "Hz",
        "offset": float(frequency[0]),
        "scale": float(step),
    }


def _truth(variant: str, chosen: list[int], repeats: list[Repeat]) -> dict[str, Any]:
    per_spectrum = {
        name: np.concatenate([getattr(r, name) for r in repeats])
        for name in ("concentration", "viscosity_Pa_s", "storage_modulus_Pa")
    }
    return per_spectrum | {
        "concentration_units": MEDIA[variant].units,
        "inflection": np.array([r.inflection for r in repeats]),
        "frequency_range_Hz": np.array([SENSORS[i].frequency_range_Hz for i in chosen]),
    }
