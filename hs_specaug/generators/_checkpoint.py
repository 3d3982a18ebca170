"""Checkpoints: where a training stands, on disk, so that it can go on exactly there."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..exceptions import ModelFileError
from ..io import read_model, write_model
from ..io._json import DAMAGE
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
            with self.restoring():
                _check_progress(header)
            self.header = header
            self.tensors = {key: torch.from_numpy(value) for key, value in arrays.items()}

    @property
    def phase(self) -> str | None:
        """The phase in which the file was written; None where there was no file."""
        return None if self.header is None else self.header["phase"]

    def _compare(self, header: dict[str, Any]) -> None:
        known = header.get("identity", {})
        if not isinstance(known, dict):
            raise ModelFileError(
                f"the checkpoint {str(self.path)!r} does not say of which training it is; delete "
                "the file to start anew"
            )
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

    @contextmanager
    def restoring(self) -> Iterator[None]:
        """Name the file where what it holds does not fit the training that it claims to be of.

        Raises
        ------
        ModelFileError
            If anything inside goes wrong.
        """
        try:
            yield
        except DAMAGE as error:
            raise ModelFileError(
                f"the checkpoint {str(self.path)!r} is damaged ({error}); delete the file to start "
                "anew"
            ) from error

    def restore(self, loop: TrainingLoop) -> None:
        """Bring `loop` to where the file was written.

        Raises
        ------
        ModelFileError
            If the file does not hold the state of such a loop.
        """
        assert self.header is not None
        with self.restoring():
            facts = dict(self.header["loop"])
            loop.load_state(facts, self.under("loop."))
            _check_numbers(loop)
            lengths = {len(values) for values in loop.history.values()}
            if not 0 < loop.epoch <= loop.epochs or lengths != {loop.epoch}:
                raise ValueError(f"epoch {loop.epoch}, histories of {sorted(lengths)} epochs")

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


def _check_progress(header: dict[str, Any]) -> None:
    """Raise an error unless the header says where a training stands, in values that can be."""
    phase, done, loop = header["phase"], header["done"], header["loop"]
    numbers = {"epoch": int, "rollbacks": int, "collapses": int, "low": int, "factor": float}
    kinds = {**numbers, "collapsed": bool, "armed": bool, "seconds": dict}
    wrong = [
        name
        for name, kind in kinds.items()
        if type(loop[name]) is not kind or (name in numbers and not 0 <= loop[name] < math.inf)
    ]
    if type(phase) is not str or not isinstance(done, list) or phase in done:
        wrong.append("phase")
    if not all(type(seed) is int and 0 <= seed < 2**31 for seed in header["seeds"]):
        wrong.append("seeds")
    if len(header["seeds"]) != 4:
        wrong.append("seeds")
    for seconds in (header["seconds"], loop["seconds"]):
        if not all(isinstance(value, int | float) for value in seconds.values()):
            wrong.append("seconds")
    if wrong:
        raise ValueError(f"its {', '.join(wrong)} cannot be")


def _check_numbers(loop: TrainingLoop) -> None:
    """Raise an error unless weights and moments are those that a training can have."""
    for player in loop.players:
        for parameter in player.parameters:
            moments = player.optimizer.state.get(parameter, {})
            kinds = {value.dtype for name, value in moments.items() if name != "step"}
            if not kinds <= {parameter.dtype}:
                raise ValueError(f"moments of {kinds} for weights of {parameter.dtype}")
            if not all(bool(value.isfinite().all()) for value in (parameter, *moments.values())):
                raise ValueError(f"weights or moments of the {player.name} that are not finite")


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
