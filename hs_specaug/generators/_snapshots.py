"""The networks as they were after chosen epochs, beside those that are kept."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from numbers import Integral
from typing import Any, Self

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn
from torch.nn.utils import parametrize

from .._warnings import warn_user
from ..exceptions import TrainingWarning
from ..networks._states import Tensors
from ._network_files import NetworkFiles


class Snapshots:
    """Copies of networks after chosen epochs of the main phase, on the CPU.

    Parameters
    ----------
    epochs : iterable of int or None
        Which; 0 is the start of the main phase.
    states : dict of int to dict of str to Tensor or None
        Those that an interrupted training has taken.

    Attributes
    ----------
    states : dict of int to dict of str to Tensor
        Weights and buffers of all networks, by epoch.

    Raises
    ------
    ValueError
        If an epoch is no whole number ≥ 0.
    """

    def __init__(
        self, epochs: Iterable[int] | None, states: dict[int, Tensors] | None = None
    ) -> None:
        chosen = [] if epochs is None else list(epochs)
        if not all(isinstance(epoch, Integral) and epoch >= 0 for epoch in chosen):
            raise ValueError(
                f"snapshot_epochs must be whole numbers ≥ 0 or None, got {epochs!r}; for the start "
                "and the tenth epoch: snapshot_epochs=(0, 10)"
            )
        self.wanted = {int(epoch) for epoch in chosen}
        self.states = {} if states is None else states

    def tensors(self) -> Tensors:
        """Return all states under one set of names, ``epoch.name``, for a checkpoint or a file."""
        return {f"{e}.{k}": v for e, state in self.states.items() for k, v in state.items()}

    def take(self, epoch: int, modules: Mapping[str, nn.Module]) -> None:
        """Copy `modules` if this epoch is wanted."""
        if epoch in self.wanted:
            self.states.setdefault(epoch, {}).update(plain_state(modules))

    def complete(self, modules: Mapping[str, nn.Module]) -> None:
        """Fill what parts of networks did not live to see with what is kept of them."""
        kept = plain_state(modules) if self.states else {}
        self.states = {epoch: {**kept, **state} for epoch, state in sorted(self.states.items())}

    def warn_of_missing(self, method: str) -> None:
        """Say which epochs the training did not reach."""
        missing = sorted(self.wanted - set(self.states))
        if missing:
            warn_user(
                f"{method}: the training ended before epoch {', '.join(map(str, missing))} of "
                "snapshot_epochs; there is no snapshot of it",
                TrainingWarning,
            )


def states_from(tensors: Tensors) -> dict[int, Tensors]:
    """Sort tensors named ``epoch.name`` by epoch."""
    states: dict[int, Tensors] = {}
    for key, value in tensors.items():
        epoch, _, name = key.partition(".")
        states.setdefault(int(epoch), {})[name] = value
    return dict(sorted(states.items()))


@torch.no_grad()
def plain_state(modules: Mapping[str, nn.Module]) -> Tensors:
    """Return copies of weights and buffers, in the form in which trained networks are kept.

    A spectrally normalised weight is the normalised one: the power iteration that belongs to it
    is neither kept nor moved.
    """
    state: Tensors = {}
    for owner, module in modules.items():
        state |= {f"{owner}.{key}": value for key, value in module.state_dict().items()}
        for name, layer in module.named_modules():
            if not parametrize.is_parametrized(layer, "weight"):
                continue
            prefix = f"{owner}.{name}." if name else f"{owner}."
            inner = f"{prefix}parametrizations.weight."
            state = {key: value for key, value in state.items() if not key.startswith(inner)}
            training = layer.training
            layer.eval()
            state[f"{prefix}weight"] = getattr(layer, "weight")  # noqa: B009 - it is computed
            layer.train(training)
    return {key: value.detach().cpu().clone() for key, value in state.items()}


class EpochStates(NetworkFiles):
    """Looks back at chosen epochs of a training; what was kept of them goes into files too."""

    snapshots_: dict[int, dict[str, Tensor]]

    def at_epoch(self, epoch: int) -> Self:
        """Return this generator as it was after a chosen epoch.

        Parameters
        ----------
        epoch : int
            One of `snapshot_epochs`; 0 is the start of the main phase.

        Returns
        -------
        generator
            A fitted copy that samples with the networks of that epoch. Its `best_epoch_` says
            which; history and data are shared with this one.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the generator was not fitted.
        ValueError
            If there is no snapshot of that epoch.
        """
        check_is_fitted(self, "networks_")
        if epoch not in self.snapshots_:
            raise ValueError(
                f"{self.method} has no snapshot of epoch {epoch!r}, it has those of "
                f"{list(self.snapshots_)}; fit with snapshot_epochs=({epoch!r},)"
            )
        twin = copy.copy(self)
        twin.networks_ = self._rebuilt_networks(self.snapshots_[epoch])
        twin.best_epoch_, twin.score_ = int(epoch), float("nan")
        return twin

    def _tensors(self) -> dict[str, np.ndarray]:
        taken = Snapshots(None, self.snapshots_).tensors()
        return {**super()._tensors(), **{f"snapshots.{k}": v.numpy() for k, v in taken.items()}}

    def _set_tensors(self, tensors: dict[str, np.ndarray], header: dict[str, Any]) -> None:
        super()._set_tensors(tensors, header)
        self.snapshots_ = states_from(
            {
                key.removeprefix("snapshots."): torch.from_numpy(value.copy())
                for key, value in tensors.items()
                if key.startswith("snapshots.")
            }
        )
