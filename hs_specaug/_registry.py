"""Methods by name, from entry points: our own and those of other packages alike.

Listing names reads package metadata only; a method's code is imported when it is made.
"""

from __future__ import annotations

import difflib
import inspect
import pkgutil
import re
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

GENERATORS = "hs_specaug.generators"
CLASSIFIERS = "hs_specaug.classifiers"
PERTURBATIONS = "hs_specaug.perturbations"


@cache
def _entry_points(group: str) -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=group)}


def list_methods(group: str) -> list[str]:
    """Return the names registered under the entry-point group `group`, sorted."""
    return sorted(_entry_points(group))


def closest(name: object, known: list[str]) -> str:
    """Return a "did you mean" clause for an unknown `name`, or nothing if none is close."""
    near = difflib.get_close_matches(str(name), known, n=1)
    if not near:
        # "random_forest" stands for "RandomForestClassifier".
        plain = {_plain(other): other for other in reversed(known)}
        near = [plain[key] for key in difflib.get_close_matches(_plain(name), plain, n=1)]
    return f" (did you mean {near[0]!r}?)" if near else ""


def _plain(name: object) -> str:
    return str(name).lower().replace("_", "").replace("-", "").removesuffix("classifier")


def _accepted(group: str) -> list[str]:
    others = list_methods(PERTURBATIONS) if group == GENERATORS else []
    return [*list_methods(group), *others]


def _also_perturbations(group: str) -> str:
    names = ", ".join(list_methods(PERTURBATIONS)) if group == GENERATORS else ""
    return f"; or perturbations joined by '+': {names}" if names else ""


def find_method(group: str, name: str) -> type:
    """Import and return the class registered as `name` in `group`.

    Raises
    ------
    ValueError
        If no such method is registered; the message lists those that are.
    ImportError
        If the package that provides it cannot be imported; the message names the package.
    """
    kind = group.rpartition(".")[2].removesuffix("s")
    points = _entry_points(group)
    if name not in points:
        raise ValueError(
            f"unknown {kind} {name!r}{closest(name, _accepted(group))}. "
            f"Registered {kind}s: {', '.join(list_methods(group))}" + _also_perturbations(group)
        )
    point = points[name]
    try:
        return point.load()
    except Exception as error:
        provider = point.dist.name if point.dist is not None else point.module
        raise ImportError(
            f"{kind} {name!r} is registered by {provider!r} ({point.value}) but cannot be "
            f"imported: {error}"
        ) from error


def _make(group: str, name: str, parameters: dict[str, Any]) -> Any:
    return _construct(name, find_method(group, name), parameters)


def _construct(name: str, method: Any, parameters: dict[str, Any]) -> Any:
    try:
        return method(**parameters)
    except TypeError as error:
        known = sorted(method().get_params()) if hasattr(method, "get_params") else []
        unknown = [p for p in parameters if known and p not in known]
        if not unknown:
            raise
        raise TypeError(
            f"{name!r} has no parameter {unknown[0]!r}{closest(unknown[0], known)}. "
            f"Its parameters: {', '.join(known)}"
        ) from error


def list_generators() -> list[str]:
    """Return the names of all generators, of this package and of plugins.

    Examples
    --------
    >>> import hs_specaug
    >>> "three-player" in hs_specaug.list_generators()
    True
    """
    return list_methods(GENERATORS)


def make_generator(name: str, **hyperparameters: Any) -> Any:
    """Return a new, unfitted generator.

    Parameters
    ----------
    name : str
        One of :func:`list_generators`; or perturbations (:func:`list_perturbations`) joined by
        ``+``, which make a :class:`~hs_specaug.generators.PerturbationGenerator`.
    **hyperparameters
        Passed to the generator's class; for a single perturbation also its own parameters.

    Raises
    ------
    ValueError
        If `name` is not registered.
    TypeError
        If the generator has no such hyperparameter.

    Examples
    --------
    >>> import hs_specaug
    >>> hs_specaug.make_generator("smote", random_state=0)
    SMOTEGenerator(random_state=0)
    >>> hs_specaug.make_generator("poisson", dose=0.5).perturbation
    PoissonNoise(dose=0.5)
    """
    if name not in _entry_points(GENERATORS) and _names_perturbations(name):
        return _perturbation_generator(name, hyperparameters)
    return _make(GENERATORS, name, hyperparameters)


def _names_perturbations(expression: str) -> bool:
    """Whether an expression starts with the name of a perturbation."""
    first = re.match(r"[\w-]+", str(expression).strip())
    return first is not None and first.group() in _entry_points(PERTURBATIONS)


def _perturbation_generator(expression: str, hyperparameters: dict[str, Any]) -> Any:
    method = find_method(GENERATORS, "perturbation")
    known = set(method().get_params())
    own = {k: v for k, v in hyperparameters.items() if k in known}
    others = {k: v for k, v in hyperparameters.items() if k not in known}
    if not others:
        return method(expression, **own)
    if expression not in _entry_points(PERTURBATIONS):
        raise TypeError(
            f"{sorted(others)} cannot be given to {expression!r} as a whole; write them to the "
            "perturbation they belong to, as in 'poisson(dose=0.5)+shift'"
        )
    return method(make_perturbation(expression, **others), **own)


def list_classifiers() -> list[str]:
    """Return the names of all classifiers, of this package and of plugins.

    Besides these, any scikit-learn classifier can be given as an instance.

    Examples
    --------
    >>> import hs_specaug
    >>> "cnn" in hs_specaug.list_classifiers()
    True
    """
    return list_methods(CLASSIFIERS)


def make_classifier(name: str, **hyperparameters: Any) -> Any:
    """Return a new, unfitted classifier.

    Parameters
    ----------
    name : str
        One of :func:`list_classifiers`, or the name of a scikit-learn classifier class such as
        ``"RandomForestClassifier"``.
    **hyperparameters
        Passed to the classifier's class.

    Raises
    ------
    ValueError
        If `name` is neither registered nor a classifier of scikit-learn.
    TypeError
        If the classifier has no such hyperparameter.

    Examples
    --------
    >>> import hs_specaug
    >>> hs_specaug.make_classifier("KNeighborsClassifier", n_neighbors=1)
    KNeighborsClassifier(n_neighbors=1)
    """
    if name not in _entry_points(CLASSIFIERS):
        found = _scikit_learn_classifiers()
        if name in found:
            return _construct(name, found[name], hyperparameters)
        raise ValueError(
            f"unknown classifier {name!r}{closest(name, [*list_classifiers(), *found])}. "
            f"Registered classifiers: {', '.join(list_classifiers())}; besides, every classifier "
            "of scikit-learn by its class name"
        )
    return _make(CLASSIFIERS, name, hyperparameters)


@cache
def _scikit_learn_classifiers() -> dict[str, type]:
    """Return scikit-learn's classifiers by class name.

    Its own `all_estimators` imports all that lies in the package, and PyTorch with it.
    """
    import sklearn
    from sklearn.base import BaseEstimator, ClassifierMixin

    found: dict[str, type] = {}
    for module in pkgutil.iter_modules(sklearn.__path__):
        if module.name.startswith("_") or module.name in ("conftest", "externals", "tests"):
            continue
        members = vars(import_module(f"sklearn.{module.name}")).items()
        found |= {
            name: value
            for name, value in members
            if inspect.isclass(value)
            and issubclass(value, ClassifierMixin)
            and issubclass(value, BaseEstimator)
            and not inspect.isabstract(value)
            and not name.startswith("_")
        }
    return found


def list_perturbations() -> list[str]:
    """Return the names of all perturbations, of this package and of plugins.

    Examples
    --------
    >>> import hs_specaug
    >>> "poisson" in hs_specaug.list_perturbations()
    True
    """
    return list_methods(PERTURBATIONS)


def make_perturbation(name: str, **parameters: Any) -> Any:
    """Return a new perturbation.

    Parameters
    ----------
    name : str
        One of :func:`list_perturbations`.
    **parameters
        Passed to its class.

    Raises
    ------
    ValueError
        If `name` is not registered.
    TypeError
        If the perturbation has no such parameter.

    Examples
    --------
    >>> import hs_specaug
    >>> hs_specaug.make_perturbation("poisson", dose=0.5)
    PoissonNoise(dose=0.5)
    """
    return _make(PERTURBATIONS, name, parameters)
