"""Methods as a signal hands them on: by name or instance, with seed and progress set."""

from __future__ import annotations

from typing import Any

from sklearn.base import clone

from .._registry import make_generator


def progress_wanted(show_progressbar: bool | None) -> bool:
    """Resolve None to HyperSpy's preference."""
    if show_progressbar is not None:
        return show_progressbar
    import hyperspy.api as hs

    return bool(hs.preferences.General.show_progressbar)


def prepared(
    generator: Any, random_state: Any, show_progressbar: bool | None, hyperparameters: dict
) -> Any:
    """Return a new unfitted generator from a name or an instance, with seed and progress set."""
    if isinstance(generator, str):
        generator = make_generator(generator, **hyperparameters)
    elif hyperparameters:
        generator = clone(generator).set_params(**hyperparameters)
    else:
        generator = clone(generator)
    known = generator.get_params()
    if random_state is not None and "random_state" in known:
        generator.set_params(random_state=random_state)
    if "show_progressbar" in known:
        generator.set_params(show_progressbar=progress_wanted(show_progressbar))
    return generator
