"""Methods as a signal hands them on: by name or instance, with seed and progress set."""

from __future__ import annotations

from typing import Any

from sklearn.base import clone

from .._axes import check_same_axes
from .._registry import make_generator
from ..exceptions import IncompatibleSignalError
from ..perturbations._domain import tell_domain
from ..preprocessing import read_steps
from ._arrays import row_shape, signal_axes


def progress_wanted(show_progressbar: bool | None) -> bool:
    """Resolve None to HyperSpy's preference."""
    if show_progressbar is not None:
        return show_progressbar
    import hyperspy.api as hs

    return bool(hs.preferences.General.show_progressbar)


def prepared(
    generator: Any,
    signal: Any,
    random_state: Any,
    show_progressbar: bool | None,
    hyperparameters: dict,
) -> Any:
    """Return a new unfitted generator from whatever names one, with all that a signal knows set.

    A perturbation, or a list of them, makes a generator too.
    """
    from ..generators import BaseGenerator, PerturbationGenerator
    from ..perturbations import Perturbation

    if isinstance(generator, Perturbation | list | tuple):
        generator = PerturbationGenerator(generator)
    if not isinstance(generator, str | BaseGenerator):
        raise TypeError(
            "the method must be a name such as 'smote' or 'poisson+shift', a generator from "
            f"hs_specaug.make_generator(...), or perturbations, got {generator!r}"
        )
    if isinstance(generator, str):
        try:
            generator = make_generator(generator, **hyperparameters)
        except TypeError as error:
            raise TypeError(
                f"{error}. How many rows, and which are kept, is for augment itself: "
                "s.augment(method, counts={class name: number}, keep=...)"
            ) from error
    elif hyperparameters:
        generator = clone(generator).set_params(**hyperparameters)
    else:
        generator = clone(generator)
    known = generator.get_params()
    if random_state is not None and "random_state" in known:
        generator.set_params(random_state=random_state)
    tell_domain(generator, signal._domain)
    if "show_progressbar" in known:
        generator.set_params(show_progressbar=progress_wanted(show_progressbar))
    return generator


def check_fits(generator: Any, signal: Any) -> None:
    """Raise unless a fitted generator makes rows of the kind that `signal` has.

    Raises
    ------
    IncompatibleAxisError
        If the signal axes differ.
    IncompatibleSignalError
        If the shape of a row or the preprocessing differs.
    """
    check_same_axes(generator.signal_axes_, signal_axes(signal))
    shape = row_shape(signal)
    if tuple(generator.input_shape_) != shape:
        raise IncompatibleSignalError(
            f"the generator makes rows of shape {tuple(generator.input_shape_)}, those of this "
            f"{type(signal).__name__} are {shape} (channels first; complex data and colours are "
            "channels); train a generator on a signal of this kind"
        )
    steps = read_steps(signal)
    if generator.preprocessing_ is not None and generator.preprocessing_ != steps:
        raise IncompatibleSignalError(
            "the generator was trained on data with other preprocessing: it saw "
            f"{_names(generator.preprocessing_)}, this signal had {_names(steps)}. Repeat the "
            "generator's with s.preprocess(like=generator.preprocessing_), or train a new one"
        )


def _names(steps: list[dict]) -> str:
    return ", ".join(str(step["step"]) for step in steps) if steps else "none"
