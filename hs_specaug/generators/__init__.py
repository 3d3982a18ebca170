"""Learned generators: one module per published method, over one training loop.

Names are loaded on first use: SMOTE does not need torch.
"""

from typing import Any

import lazy_loader

from .._torch import needs_torch

_load, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> Any:
    with needs_torch(f"hs_specaug.generators.{name}"):
        return _load(name)
