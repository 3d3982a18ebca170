"""Methods by name, from entry points: our own and those of other packages alike.

Listing names reads package metadata only; a method's code is imported when it is made.
"""

from __future__ import annotations

import difflib
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

GENERATORS = "hs_specaug.generators"
CLASSIFIERS = "hs_specaug.classifiers"


@cache
def _entry_points(group: str) -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=group)}


def list_methods(group: str) -> list[str]:
    """Return the names registered under the entry-point group `group`, sorted."""
    return sorted(_entry_points(group))


def closest(name: object, known: list[str]) -> str:
    """Return a "did you mean" clause for an unknown `name`, or nothing if none is close."""
    near = difflib.get_close_matches(str(name), known, n=1) or difflib.get_close_matches(
        str(name).lower().replace("_", "-"), known, n=1
    )
    return f" (did you mean {near[0]!r}?)" if near else ""


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
            f"unknown {kind} {name!r}{closest(name, list(points))}. "
            f"Registered {kind}s: {', '.join(list_methods(group))}"
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
    method = find_method(group, name)
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
        One of :func:`list_generators`.
    **hyperparameters
        Passed to the generator's class.

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
    """
    return _make(GENERATORS, name, hyperparameters)


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
        from sklearn.utils import all_estimators

        found = dict(all_estimators(type_filter="classifier"))
        if name in found:
            return found[name](**hyperparameters)
        raise ValueError(
            f"unknown classifier {name!r}{closest(name, [*list_classifiers(), *found])}. "
            f"Registered classifiers: {', '.join(list_classifiers())}; besides, every classifier "
            "of scikit-learn by its class name"
        )
    return _make(CLASSIFIERS, name, hyperparameters)
