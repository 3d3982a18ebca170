"""The public functions and methods of the package."""

from __future__ import annotations

import importlib
import inspect

ROOMS = ("", "classifiers", "datasets", "evaluation", "generators", "io", "labels",
         "perturbations", "preprocessing", "signals", "strategies", "studies")  # fmt: skip


def public_names() -> set[str]:
    """Return every public function and method that this package defines, by its qualified name."""
    found = set()
    for room in ROOMS:
        module = importlib.import_module(f"hs_specaug.{room}".rstrip("."))
        for name in module.__all__:
            thing = getattr(module, name)
            if inspect.isclass(thing):
                found |= _public_methods(thing)
            elif inspect.isfunction(thing):
                found.add(thing.__qualname__)
    return found


def _public_methods(cls: type) -> set[str]:
    found = set()
    for base in cls.__mro__:
        for name, value in vars(base).items() if base.__module__.startswith("hs_specaug") else ():
            if name.startswith("_") and name != "__call__":
                continue
            method = value.fget if isinstance(value, property) else value
            method = getattr(method, "__func__", method)
            if inspect.isfunction(method) and method.__module__.startswith("hs_specaug"):
                found.add(method.__qualname__)
    return found
