"""What of a trained generator goes into its file, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ..networks import RangeScaler, resolve_device
from ._base import BaseGenerator
from ._building import WithinBudget

SCALER = ("minimum", "maximum")


class NetworkFiles(BaseGenerator):
    """Weights, scaler and history as arrays; see :meth:`BaseGenerator.save`."""

    _networks: Any
    networks_: Any
    scaler_: RangeScaler
    precision_: str
    history_: dict[str, list[float]]
    best_epoch_: int
    score_: float
    interrupted_: bool
    converged_: bool

    def _rebuilt_networks(self, state: dict[str, torch.Tensor]) -> Any:
        """Return networks of this generator with the weights `state`, ready to sample."""
        shape = self.input_shape_ if len(self.input_shape_) > 1 else (1, *self.input_shape_)
        with WithinBudget(state):
            networks = self._networks(shape, 0)
        networks.load_state_dict(state)
        return networks.to(self.device_).requires_grad_(False).eval()

    def _header(self) -> dict[str, Any]:
        scaler = {key: getattr(self.scaler_, f"{key}_").tolist() for key in SCALER}
        return {
            "scaler": scaler,
            "precision": self.precision_,
            "best_epoch": self.best_epoch_,
            "score": self.score_,
            "interrupted": self.interrupted_,
            "converged": self.converged_,
        }

    def _tensors(self) -> dict[str, np.ndarray]:
        weights = {
            f"networks.{key}": value.detach().cpu().numpy()
            for key, value in self.networks_.state_dict().items()
        }
        return {
            **weights,
            **{f"scaler.{key}": getattr(self.scaler_, f"{key}_") for key in SCALER},
            **{f"history.{key}": np.asarray(v, float) for key, v in self.history_.items()},
        }

    def _set_tensors(self, tensors: dict[str, np.ndarray], header: dict[str, Any]) -> None:
        self.device_ = resolve_device("auto")
        self.scaler_ = RangeScaler()
        for key in SCALER:
            setattr(self.scaler_, f"{key}_", tensors[f"scaler.{key}"])
        self.scaler_.dtype_ = self.dtype_
        self.networks_ = self._rebuilt_networks(
            {
                key.removeprefix("networks."): torch.from_numpy(value.copy())
                for key, value in tensors.items()
                if key.startswith("networks.")
            }
        )
        self.precision_ = header["precision"]
        self.best_epoch_, self.score_ = header["best_epoch"], header["score"]
        self.interrupted_ = header["interrupted"]
        # Files from before there was a guard do not say.
        self.converged_ = header.get("converged", not header["interrupted"])
        self.history_ = {
            key.removeprefix("history."): value.tolist()
            for key, value in tensors.items()
            if key.startswith("history.")
        }
