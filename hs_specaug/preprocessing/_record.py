"""The record of preprocessing that a signal carries, and how to read it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

RECORD = "SpecAug.preprocessing"
_STEPS = ("background", "crop", "resample", "denoise", "normalize")


def read_steps(signal: Any) -> list[dict[str, Any]]:
    """
    Return the preprocessing steps recorded on a signal, oldest first.

    Parameters
    ----------
    signal : hyperspy signal
        Any signal; one that was never preprocessed has no steps.

    Returns
    -------
    list of dict
        Each with a ``"step"`` and its parameters, all plain values. The list can be given to
        ``s.preprocess(like=...)``.
    """
    record = signal.metadata.get_item(RECORD, "")
    return list(json.loads(record)) if record else []


def append_steps(signal: Any, steps: list[dict[str, Any]]) -> None:
    """Add steps, in place, to the record of a signal; JSON text survives every file format."""
    signal.metadata.set_item(RECORD, json.dumps(read_steps(signal) + steps))


def steps_like(like: Any) -> list[dict[str, Any]]:
    """
    Return the steps to repeat, from a signal, a sequence of steps or their JSON text.

    Raises
    ------
    ValueError
        If there is none, or an entry is not a step.
    TypeError
        If ``like`` is none of these.
    """
    if hasattr(like, "metadata"):
        steps = read_steps(like)
        if not steps:
            raise ValueError(
                "like has no recorded preprocessing to repeat. Give a signal that "
                "preprocess() returned."
            )
        return steps
    if isinstance(like, str):
        like = json.loads(like)
    if isinstance(like, dict) or not isinstance(like, Iterable):
        raise TypeError(
            "like must be a preprocessed signal or a sequence of steps as "
            f"hs_specaug.preprocessing.read_steps gives it; got {type(like).__name__}."
        )
    steps = list(like)
    for step in steps:
        if not isinstance(step, dict) or step.get("step") not in _STEPS:
            raise ValueError(
                f"A preprocessing step is a dict whose 'step' is one of {', '.join(_STEPS)}; "
                f"got {step!r}."
            )
    if not steps:
        raise ValueError("like is an empty sequence: there is no step to repeat.")
    return steps


def check_units(signal: Any, step: dict[str, Any]) -> None:
    """
    Refuse a recorded step whose numbers are in other units than the signal's axes.

    Raises
    ------
    ValueError
        If both units are known and differ.
    """
    recorded = step.get("units", [])
    recorded = [recorded] if isinstance(recorded, str) else recorded
    axes = signal.axes_manager.signal_axes
    if len(recorded) != len(axes):
        return  # spectra and images: the step itself refuses, with that reason
    for axis, units in zip(axes, recorded, strict=True):
        present = axis.units if isinstance(axis.units, str) else ""
        if units and present and units != present:
            raise ValueError(
                f"The step {describe_step(step)!r} was recorded in {units}, but the signal's axis "
                f"is in {present}. Convert it first: "
                f"s.axes_manager.signal_axes[0].convert_to_units({units!r})."
            )


def describe_steps(signal: Any) -> list[str]:
    """
    Say in words how a signal was preprocessed.

    Parameters
    ----------
    signal : hyperspy signal or sequence of dict
        A signal, or steps as :func:`read_steps` returns them.

    Returns
    -------
    list of str
        One line per step, oldest first.

    Examples
    --------
    >>> describe_steps([{"step": "normalize", "method": "max"}])
    ['normalize to max']
    """
    steps = read_steps(signal) if hasattr(signal, "metadata") else signal
    return [describe_step(step) for step in steps]


def describe_step(step: dict[str, Any]) -> str:
    """Say one step in words."""
    kind = step["step"]
    if kind == "background":
        low, high = step["fit_range"]
        order = f" of order {step['order']}" if "order" in step else ""
        text = f"{step['type']} background{order} fitted from {low:g} to {high:g} {step['units']}"
        return text.strip()
    if kind == "crop":
        pairs = zip(step["ranges"], step["units"], strict=True)
        return "crop " + " × ".join(_describe_range(pair, units) for pair, units in pairs)
    if kind == "resample":
        return _describe_resampling(step)
    if kind == "denoise":
        number = step["n_components"]
        if isinstance(number, float):
            return f"PCA denoising keeping {number:.4g} of the variance"
        if number == "auto":
            return "PCA denoising keeping the components above the noise"
        return f"PCA denoising with {number} components"
    return f"normalize to {step['method']}"


def _describe_range(pair: list[float | None], units: str) -> str:
    start, end = ("end" if value is None else f"{value:g}" for value in pair)
    return f"{'start' if pair[0] is None else start} to {end} {units}".strip()


def _describe_resampling(step: dict[str, Any]) -> str:
    if "shape" in step:
        return f"resize to {step['shape'][0]} × {step['shape'][1]} pixels"
    spacing = "log-spaced " if step.get("log") else ""
    if "channels" in step:
        return f"resample to {step['channels']} {spacing}channels"
    units = step["units"][0]
    if "spacing" in step:
        return f"resample in steps of {step['spacing']:g} {units}".strip()
    values = step["axis"]
    return (
        f"resample to {len(values)} given channels from {min(values):g} to {max(values):g} {units}"
    ).strip()
