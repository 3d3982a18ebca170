"""Networks that come from another machine."""

from __future__ import annotations

from typing import Any

from torch.nn import Module

from ._device import resolve_device


def settle_networks(estimator: Any) -> None:
    """Move the networks of a fitted estimator to the device that its `device` names here.

    A device that was named and is not there becomes the CPU.
    """
    try:
        estimator.device_ = resolve_device(estimator.device)
    except ValueError:
        estimator.device_ = resolve_device("cpu")
    for value in vars(estimator).values():
        if isinstance(value, Module):
            value.to(estimator.device_)
