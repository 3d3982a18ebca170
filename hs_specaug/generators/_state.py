"""A generator's bookkeeping as a readable header and plain arrays, and back."""

from __future__ import annotations

import datetime
import hashlib
import platform
import re
from importlib.metadata import version
from typing import Any

import numpy as np

from .._axes import SignalAxis

#: Bytes of the class names of the largest file that is read.
MOST_NAMES = 1 << 28
_PLAIN = (str, int, float, bool, type(None))


def _as_plain(value: Any) -> Any:
    """Return a JSON value for a hyperparameter; objects become their description."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, list | tuple):
        return [_as_plain(v) for v in value]
    if isinstance(value, dict):
        return {"__items__": [[_as_plain(k), _as_plain(v)] for k, v in value.items()]}
    return {"__repr__": repr(value)}


def describe_parameters(parameters: dict[str, Any], method: type) -> dict[str, Any]:
    """Turn hyperparameters from a header into arguments of `method`.

    Objects that were only described (a RandomState, a callable) fall back to the default.
    """
    known = set(method._get_param_names())  # type: ignore[attr-defined]
    out = {}
    for key, value in parameters.items():
        if key not in known:
            raise ValueError(f"{key!r} is no hyperparameter of {method.__name__}")
        if isinstance(value, dict):
            if "__items__" not in value:
                continue
            value = dict(value["__items__"])
        out[key] = tuple(value) if isinstance(value, list) else value
    return out


def _describe_axis(axis: SignalAxis) -> dict[str, Any]:
    """Return what a reader wants to know; the values of all channels are in the arrays."""
    first, last = float(axis.values[0]), float(axis.values[-1])
    return {
        "name": axis.name,
        "units": axis.units,
        "size": len(axis.values),
        "first": first,
        "last": last,
    }


def pack(generator: Any) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return the header and the shared arrays of a fitted generator."""
    axes = generator.signal_axes_
    packages = ("hs_specaug", "torch", "numpy", "scikit-learn", "imbalanced-learn")
    header = {
        "method": generator.method,
        "hyperparameters": {k: _as_plain(v) for k, v in generator.get_params(deep=False).items()},
        "classes": generator.classes_.tolist(),
        "classes_dtype": generator.classes_.dtype.str,
        "class_counts": generator.class_counts_.tolist(),
        "sampling_strategy": [
            [_as_plain(label), int(n)] for label, n in generator.sampling_strategy_.items()
        ],
        "input_shape": list(generator.input_shape_),
        "dtype": generator.dtype_.str,
        "axes": None if axes is None else [_describe_axis(axis) for axis in axes],
        "preprocessing": generator.preprocessing_,
        "seed": _as_plain(getattr(generator, "random_state", None)),
        "training_rows": {
            "number": int(generator.class_counts_.sum()),
            "fingerprint": hashlib.blake2b(
                generator.fingerprint_.tobytes(), digest_size=8
            ).hexdigest(),
        },
        **generator._header(),
        "versions": {
            **{name: version(name) for name in packages},
            "python": platform.python_version(),
        },
        "saved": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
    tensors = {"fingerprint": generator.fingerprint_.view(np.int64)}
    for i, axis in enumerate(axes or ()):
        tensors[f"axis.{i}"] = np.asarray(axis.values, dtype=np.float64)
    return header, tensors


def unpack(generator: Any, header: dict[str, Any], tensors: dict[str, np.ndarray]) -> None:
    """Set the shared fitted attributes of `generator` from a file's header and arrays.

    Raises
    ------
    ValueError, TypeError, KeyError, AttributeError
        If something is missing, or of another kind or shape than `pack` gives it.
    """
    generator._validate_params()
    generator.classes_ = _read_classes(header)
    n_classes = len(generator.classes_)
    generator.class_counts_ = np.array(_whole_numbers(header, "class_counts", 0), dtype=np.int64)
    if len(generator.class_counts_) != n_classes:
        raise ValueError(
            f"class_counts has {len(generator.class_counts_)} numbers, not one a class"
        )
    generator.sampling_strategy_ = dict(header["sampling_strategy"])
    generator.input_shape_ = tuple(_whole_numbers(header, "input_shape", 1))
    if not 1 <= len(generator.input_shape_) <= 3:
        raise ValueError(f"rows have 1 to 3 dimensions, input_shape {generator.input_shape_}")
    generator.n_features_in_ = generator.input_shape_[0]
    generator.dtype_ = _read_dtype(header, "dtype", "biuf")
    generator.fingerprint_ = _array(tensors, "fingerprint", np.int64).view(np.uint64)
    generator.preprocessing_ = _read_steps(header["preprocessing"])
    axes = header["axes"]
    generator.signal_axes_ = None if axes is None else _read_axes(axes, tensors, generator)


def _whole_numbers(header: dict[str, Any], name: str, least: int) -> list[int]:
    values = header[name]
    if not isinstance(values, list) or not all(type(v) is int and v >= least for v in values):
        raise ValueError(f"{name} must be whole numbers of at least {least}")
    return values


def _read_dtype(header: dict[str, Any], name: str, kinds: str) -> np.dtype:
    # NumPy reads whole structures from such a text.
    if not re.fullmatch(r"[<>|=]?[a-zA-Z][0-9]{0,9}", header[name]):
        raise ValueError(f"{name} is {header[name]!r}")
    dtype = np.dtype(header[name])
    if dtype.kind not in kinds:
        raise ValueError(f"{name} is {header[name]!r}")
    return dtype


def _read_classes(header: dict[str, Any]) -> np.ndarray:
    labels, dtype = header["classes"], _read_dtype(header, "classes_dtype", "biufUO")
    plain = isinstance(labels, list) and all(isinstance(v, str | int | float) for v in labels)
    if not plain or len(set(labels)) < len(labels) or not labels:
        raise ValueError("classes must be different labels")
    if dtype.itemsize * len(labels) > MOST_NAMES:
        raise ValueError(f"classes_dtype is {dtype.str!r}")
    return np.array(labels, dtype=dtype)


def _read_steps(steps: Any) -> list[dict] | None:
    if steps is not None and not (
        isinstance(steps, list) and all(isinstance(step, dict) for step in steps)
    ):
        raise ValueError("preprocessing must be steps or null")
    return steps


def _array(tensors: dict[str, np.ndarray], name: str, dtype: type) -> np.ndarray:
    array = tensors[name]
    if array.dtype != dtype or array.ndim != 1:
        raise ValueError(f"{name} is {array.dtype} of shape {array.shape}")
    return array


def _read_axes(
    axes: list[dict[str, Any]], tensors: dict[str, np.ndarray], generator: Any
) -> list[SignalAxis]:
    found = [
        SignalAxis(str(a["name"]), str(a["units"]), _array(tensors, f"axis.{i}", np.float64))
        for i, a in enumerate(axes)
    ]
    lengths = tuple(len(axis.values) for axis in found)
    if not found or lengths != generator.input_shape_[-len(found) :]:
        raise ValueError(f"axes of {lengths} channels, rows of shape {generator.input_shape_}")
    return found
