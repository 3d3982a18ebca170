"""Seeds, argument checks and the step from arrays to a labelled signal."""

from __future__ import annotations

import numbers
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from hyperspy.signals import BaseSignal

RandomState = int | np.random.Generator | np.random.RandomState | None


def seed_sequence(random_state: RandomState) -> np.random.SeedSequence:
    """Return the root of all random streams of one data set.

    The global generators are neither read nor moved. A generator that is handed in advances.

    Raises
    ------
    ValueError
        If ``random_state`` is a negative integer.
    TypeError
        If ``random_state`` is neither None, an integer nor a NumPy generator.
    """
    if random_state is None:
        return np.random.SeedSequence()
    if isinstance(random_state, np.random.Generator):
        return np.random.SeedSequence([int(v) for v in random_state.integers(2**32, size=4)])
    if isinstance(random_state, np.random.RandomState):
        words = random_state.randint(2**32, size=4, dtype=np.uint32)
        return np.random.SeedSequence([int(v) for v in words])
    if isinstance(random_state, numbers.Integral) and not isinstance(random_state, bool):
        if random_state < 0:
            raise ValueError(f"random_state must be a non-negative integer, got {random_state}.")
        return np.random.SeedSequence(int(random_state))
    raise TypeError(
        "random_state must be None, a non-negative integer, a numpy.random.Generator or a "
        f"numpy.random.RandomState, got {type(random_state).__name__}."
    )


def child_seed(root: np.random.SeedSequence, *key: int) -> np.random.SeedSequence:
    """Return the stream of ``root`` that ``key`` names, without spawning from ``root``."""
    return np.random.SeedSequence(root.entropy, spawn_key=(*root.spawn_key, *key))


def child_rng(root: np.random.SeedSequence, *key: int) -> np.random.Generator:
    """Return the generator of the stream of ``root`` that ``key`` names."""
    return np.random.default_rng(child_seed(root, *key))


def check_choice(name: str, value: Any, choices: Sequence[Any]) -> Any:
    """Return ``value`` if it is one of ``choices``; otherwise say what was expected."""
    # ``1`` and ``True`` compare equal, so the type takes part in the comparison.
    if not any(value == choice and type(value) is type(choice) for choice in choices):
        listed = ", ".join(repr(choice) for choice in choices)
        raise ValueError(f"{name} must be one of {listed}, got {value!r}.")
    return value


def check_number(
    name: str,
    value: Any,
    low: float = 0.0,
    high: float = np.inf,
    *,
    include_low: bool = False,
) -> float:
    """Return ``value`` as a float if it lies in the interval, whose upper end is included."""
    number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    inside = number and (low <= value if include_low else low < value) and value <= high
    if not inside or not np.isfinite(value):
        bracket = "[" if include_low else "("
        closing = ")" if np.isinf(high) else "]"
        raise ValueError(
            f"{name} must be a number in {bracket}{low:g}, {high:g}{closing}, got {value!r}."
        )
    return float(value)


def make_signal(
    data: Any,
    signal_type: str,
    *,
    signal_axis: Mapping[str, Any],
    navigation_axes: Sequence[Mapping[str, Any]],
    title: str,
    quantity: str,
) -> BaseSignal:
    """Return a one-dimensional signal of ``signal_type`` with calibrated axes.

    Parameters
    ----------
    data : numpy.ndarray or dask.array.Array
        Navigation axes first, signal axis last; a Dask array gives a lazy signal.
    signal_axis, navigation_axes : mapping, sequence of mappings
        ``name``, ``units``, ``offset`` and ``scale``; navigation axes in array order.
    """
    from hyperspy import signals

    if isinstance(data, np.ndarray):
        signal = signals.Signal1D(data)
    else:
        signal = signals.LazySignal1D(data)
    axes = [*navigation_axes, signal_axis]
    for axis, values in zip(signal.axes_manager._axes, axes, strict=True):
        for key, value in values.items():
            setattr(axis, key, value)
    signal.metadata.General.title = title
    signal.metadata.set_item("Signal.quantity", quantity)
    signal.set_signal_type(signal_type)
    return signal


def attach_labels(
    signal: BaseSignal,
    codes: np.ndarray,
    classes: Sequence[str],
    *,
    groups: np.ndarray | None = None,
    truth: Mapping[str, Any] | None = None,
) -> BaseSignal:
    """Label ``signal`` in place and note what is known about it; return it.

    Parameters
    ----------
    codes : numpy.ndarray of int32
        Class codes of array navigation shape, -1 where unlabelled.
    truth : mapping, optional
        Known truth, kept in ``metadata.SpecAug.truth``: arrays of numbers or strings, numbers
        and lists of strings, which every HyperSpy format can hold.
    """
    signal.set_labels(codes, classes=list(classes), groups=groups)
    for key, value in (truth or {}).items():
        signal.metadata.set_item(f"SpecAug.truth.{key}", value)
    return signal
