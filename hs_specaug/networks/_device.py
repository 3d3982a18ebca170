"""Where and in which precision a network runs."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Literal

import torch

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def resolve_device(device: str | torch.device = "auto") -> torch.device:
    """Return the device that `device` names; ``"auto"`` is CUDA where there is one, else CPU.

    Raises
    ------
    ValueError
        If the device is unknown, or CUDA is asked for and not there.
    """
    if isinstance(device, str) and device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        resolved = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise ValueError(
            f"device must be 'auto', 'cpu', 'cuda' or 'cuda:N', got {device!r}"
        ) from error
    if resolved.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(
            f"device={str(device)!r} was asked for, but torch finds no CUDA device here; "
            "use device='auto' or device='cpu'"
        )
    return resolved


def has_fast_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 matrix products are done by the hardware of `device`."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    # Emulated bfloat16 is slower than float32; the matrix units (AMX) are what pays. That they
    # exist is not enough: the system hands them out on request, and refuses a process in which a
    # thread has a signal stack too small for their registers.
    supported = getattr(torch.cpu, "_is_amx_tile_supported", None)
    granted = getattr(torch.cpu, "_init_amx", None)
    return bool(supported is not None and supported() and (granted is None or granted()))


@dataclass(frozen=True)
class Precision:
    """Arithmetic of the forward passes; losses, norms and weights stay in float32."""

    name: Literal["float32", "bfloat16"]
    device: torch.device

    def autocast(self) -> contextlib.AbstractContextManager:
        """Context in which convolutions and dense layers run in this precision."""
        if self.name == "float32":
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, DTYPES[self.name])


def resolve_precision(precision: str, device: torch.device) -> Precision:
    """Return the arithmetic that `precision` names on `device`.

    Parameters
    ----------
    precision : {"auto", "float32", "bfloat16"}
        ``"auto"`` is bfloat16 where the hardware multiplies it natively, else float32.
    device : torch.device
        The device it is for.
    """
    if precision == "auto":
        return Precision("bfloat16" if has_fast_bfloat16(device) else "float32", device)
    if precision == "float32":
        return Precision("float32", device)
    if precision == "bfloat16":
        return Precision("bfloat16", device)
    raise ValueError(f"precision must be 'auto', 'float32' or 'bfloat16', got {precision!r}")
