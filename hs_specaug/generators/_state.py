"""A generator's bookkeeping as a readable header and plain arrays, and back."""

from __future__ import annotations

import datetime
import hashlib
import platform
from importlib.metadata import version
from typing import Any

import numpy as np

from .._axes import SignalAxis

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
    """Set the shared fitted attributes of `generator` from a file's header and arrays."""
    generator.classes_ = np.array(header["classes"], dtype=np.dtype(header["classes_dtype"]))
    generator.class_counts_ = np.array(header["class_counts"], dtype=int)
    generator.sampling_strategy_ = dict(header["sampling_strategy"])
    generator.input_shape_ = tuple(header["input_shape"])
    generator.n_features_in_ = generator.input_shape_[0]
    generator.dtype_ = np.dtype(header["dtype"])
    generator.fingerprint_ = tensors["fingerprint"].view(np.uint64)
    generator.preprocessing_ = header["preprocessing"]
    axes = header["axes"]
    generator.signal_axes_ = (
        None
        if axes is None
        else [SignalAxis(a["name"], a["units"], tensors[f"axis.{i}"]) for i, a in enumerate(axes)]
    )
