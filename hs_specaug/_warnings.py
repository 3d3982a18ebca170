"""Warnings that point at the line of the user, not at a line inside a library."""

from __future__ import annotations

import inspect
import warnings

_LIBRARIES = ("hs_specaug", "hyperspy", "exspy", "sklearn", "imblearn", "dask")


def warn_user(message: str, category: type[Warning]) -> None:
    """Warn, attributed to the code that called into the libraries.

    A message about a user's data is useful where the user can act on it; ``stacklevel`` alone
    would have to know how many decorators and callers are in between.
    """
    level, frame = 1, inspect.currentframe()
    while frame is not None:
        package = frame.f_globals.get("__name__", "").partition(".")[0]
        if package not in _LIBRARIES:
            break
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)
