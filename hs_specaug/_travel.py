"""Fitted models on their way to the workers of a cluster.

A model is pickled once, however many tasks and workers use it, and restored once in each process.
Restored, its networks are on the device that its `device` parameter names *there*.
"""

from __future__ import annotations

import hashlib
import io
import pickle
import sys
import threading
from collections import OrderedDict
from typing import Any

import cloudpickle

MODELS_KEPT = 2
"""Models that a process remembers; a second pass with the same model then restores nothing."""

_RESTORED: OrderedDict[str, Any] = OrderedDict()
_LOCK = threading.Lock()


class TravellingModel:
    """A model that goes through Dask's graph as one value, and to each worker once.

    Parameters
    ----------
    model : fitted estimator
        Used as it is in this process; pickled when the graph leaves it.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self._payload: bytes | None = None

    def __getstate__(self) -> dict[str, Any]:
        if self._payload is None:
            self._payload = pack(self._model)
        return {"_model": None, "_payload": self._payload}

    def unwrap(self) -> Any:
        """Return the model, restoring it if this process has not done so."""
        if self._model is not None:
            return self._model
        assert self._payload is not None
        digest = hashlib.blake2b(self._payload, digest_size=16).hexdigest()
        # Threads of a worker ask at the same time; one restores, the others wait.
        with _LOCK:
            if digest not in _RESTORED:
                _RESTORED[digest] = pickle.loads(self._payload)
            _RESTORED.move_to_end(digest)
            while len(_RESTORED) > MODELS_KEPT:
                _RESTORED.popitem(last=False)
            self._model = _RESTORED[digest]
        return self._model


def pack(model: Any) -> bytes:
    """Return `model` pickled so that a machine with other devices can restore it."""
    buffer = io.BytesIO()
    _Packer(buffer).dump(model)
    return buffer.getvalue()


class _Packer(cloudpickle.Pickler):
    """Pickle tensors from main memory, and networks so that they choose their device anew."""

    def reducer_override(self, obj: Any) -> Any:
        torch = sys.modules.get("torch")
        if torch is not None and isinstance(obj, torch.Tensor) and not obj.is_cpu:
            # A parameter is pickled with the tensor that it wraps, which comes here next.
            if not isinstance(obj, torch.nn.Parameter):
                return _as_is, (obj.cpu(),)
        elif hasattr(obj, "device_") and hasattr(obj, "device") and not isinstance(obj, type):
            parts = obj.__reduce_ex__(pickle.DEFAULT_PROTOCOL)
            return (*parts[:2], parts[2], None, None, _settle)
        return super().reducer_override(obj)


def _as_is(value: Any) -> Any:
    return value


def _settle(estimator: Any, state: Any) -> None:
    """Restore an estimator and bring its networks to the device that it asks for here."""
    from .networks._arrival import (
        settle_networks,
    )  # a machine that only passes it on needs no torch

    if hasattr(estimator, "__setstate__"):
        estimator.__setstate__(state)
    else:
        vars(estimator).update(state)
    settle_networks(estimator)
