"""Checkpoints: where a training stands, on disk, so that it can go on exactly there."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..exceptions import ModelFileError
from ..io import read_model, write_model
from ..io._model_file import CHECKPOINT_FORMAT
from ..networks import LazyRows, TrainingLoop
from ._fingerprint import row_fingerprints
from ._state import _as_plain

#: Hyperparameters that do not change what is learned.
NOT_COMPARED = ("checkpoint", "checkpoint_every", "show_progressbar", "sampling_strategy")


def _digest(*arrays: np.ndarray) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _plain(value: Any) -> Any:
    described = _as_plain(value)
    if isinstance(described, dict) and " at 0x" in described.get("__repr__", ""):
        # An address says nothing in another process.
        return {"__type__": type(value).__qualname__}
    return described


class Checkpoint:
    """One file that holds the last complete epoch of a training.

    The file is a safetensors file with a readable header, like that of a generator, and is
    replaced in one step: a process that is killed while it writes leaves the one before.

    Parameters
    ----------
    path : str or path-like
        Of the file. If it exists, the training goes on from there.
    every : int
        Epochs between two checkpoints.
    identity : dict
        What must be the same for a training to go on, as JSON values.

    Attributes
    ----------
    header, tensors
        What was read; None and empty where there was no file.

    Raises
    ------
    ModelFileError
        If the file is no checkpoint, or one of another training.
    """

    def __init__(self, path: str | os.PathLike, every: int, identity: dict[str, Any]) -> None:
        self.path, self.every, self.identity = Path(path).expanduser(), every, identity
        self.header: dict[str, Any] | None = None
        self.tensors: dict[str, Tensor] = {}
        if not self.path.parent.is_dir():
            raise FileNotFoundError(
                f"cannot write the checkpoint {str(path)!r}: the folder "
                f"{str(self.path.parent)!r} does not exist"
            )
        if self.path.exists():
            header, arrays = read_model(self.path, CHECKPOINT_FORMAT)
            self._compare(header)
            self.header = header
            self.tensors = {key: torch.from_numpy(value) for key, value in arrays.items()}

    @property
    def phase(self) -> str | None:
        """The phase in which the file was written; None where there was no file."""
        return None if self.header is None else self.header["phase"]

    def _compare(self, header: dict[str, Any]) -> None:
        known = header.get("identity", {})
        wrong = []
        for name, (here, there) in _flat_differences(self.identity, known).items():
            wrong.append(f"{name} is {here!r} here and {there!r} there")
        if wrong:
            raise ModelFileError(
                f"the checkpoint {str(self.path)!r} is of another training: {'; '.join(wrong)}. "
                "Fit with the same data and hyperparameters to go on with it, or delete the file "
                "(or name another) to start anew"
            )

    def under(self, prefix: str) -> dict[str, Tensor]:
        """Return the tensors whose names begin with `prefix`, without it."""
        return {k.removeprefix(prefix): v for k, v in self.tensors.items() if k.startswith(prefix)}

    def due(self, loop: TrainingLoop) -> bool:
        """Whether the epoch that is complete now is to be written."""
        return loop.interrupted or loop.epoch % self.every == 0

    def write(self, header: dict[str, Any], tensors: dict[str, Tensor]) -> None:
        """Replace the file."""
        arrays = {key: value.detach().cpu().numpy() for key, value in tensors.items()}
        full = {"method": self.identity["method"], **header, "identity": self.identity}
        write_model(self.path, full, arrays, CHECKPOINT_FORMAT)

    def remove(self) -> None:
        """Delete the file: the training is complete."""
        self.path.unlink(missing_ok=True)


def _flat_differences(here: dict[str, Any], there: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    differences: dict[str, tuple[Any, Any]] = {}
    for name in sorted({*here, *there}):
        a, b = here.get(name), there.get(name)
        if isinstance(a, dict) and isinstance(b, dict) and name == "hyperparameters":
            differences |= _flat_differences(a, b)
        elif a != b:
            differences[name] = (a, b)
    return differences


def identity_of(generator: Any, rows: Any, codes: np.ndarray) -> dict[str, Any]:
    """Return what makes a training the same: method, data, hyperparameters, arithmetic."""
    parameters = {k: v for k, v in generator.get_params().items() if k not in NOT_COMPARED}
    if not isinstance(parameters.get("random_state"), int | np.integer):
        parameters.pop("random_state", None)  # the file has the seeds that were drawn from it
    return {
        "method": generator.method,
        "training rows": _digest(row_fingerprints(rows) if isinstance(rows, LazyRows) else rows),
        "labels": _digest(codes, np.asarray([str(label) for label in generator.classes_])),
        "device": generator.device_.type,
        "precision": generator.precision_,
        "hyperparameters": {k: _plain(v) for k, v in parameters.items()},
    }
