"""Classifiers with the scikit-learn contract; any of scikit-learn's own is welcome too."""

from typing import Any

import lazy_loader

from .._torch import needs_torch

_load, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> Any:
    with needs_torch(f"hs_specaug.classifiers.{name}"):
        return _load(name)
