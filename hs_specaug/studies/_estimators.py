"""Generators and classifiers as a comparison needs them: cloned, seeded, told what rows are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import clone

from ..evaluation.metrics._classifiers import check_classifier
from ..perturbations import Domain
from ..perturbations._domain import tell_domain

#: What imbalanced-learn calls the classes that an over-sampler fills up.
TARGETS = ("auto", "not majority", "not minority", "minority", "all")


def as_classifier(classifier: Any) -> Any:
    """Return an unfitted classifier from an instance or a name."""
    return clone(check_classifier(classifier))


def in_domain(estimator: Any, domain: Domain | None) -> Any:
    """Return a clone that knows what rows are, wherever that was left open."""
    return tell_domain(clone(estimator), domain)


def seeded(estimator: Any, seed: int) -> Any:
    """Return a clone with `seed` wherever a `random_state` was left open."""
    return with_value(estimator, "random_state", seed, where=None)


def with_value(estimator: Any, parameter: str, value: Any, *, where: Any) -> Any:
    """Return a clone in which every `parameter` that is `where` became `value`, inside too.

    Parameters
    ----------
    estimator : estimator
        Left as it is.
    parameter : str
        Such as ``"device"``.
    value : object
        What it becomes.
    where : object
        What it must be now, the default usually: what a user chose stays.
    """
    estimator = clone(estimator)
    keys = [
        key
        for key, present in estimator.get_params(deep=True).items()
        if key.rpartition("__")[2] == parameter
        and type(present) is type(where)
        and present == where
    ]
    return estimator.set_params(**dict.fromkeys(keys, value))


def weighted(classifier: Any) -> Any | None:
    """Return `classifier` with balanced class weights, or None if it knows no such thing."""
    keys = [
        key
        for key in classifier.get_params(deep=True)
        if key == "class_weight" or key.endswith("__class_weight")
    ]
    return clone(classifier).set_params(**dict.fromkeys(keys, "balanced")) if keys else None


def with_loss(classifier: Any, loss: str) -> Any | None:
    """Return `classifier` trained on `loss`, or None if it knows no such loss."""
    parameters = classifier.get_params(deep=True)
    for key in parameters:
        if key.rpartition("__")[2] == "loss":
            owner = parameters[key.rpartition("__")[0]] if "__" in key else classifier
            allowed = getattr(owner, "_parameter_constraints", {}).get("loss", [])
            if any(loss in getattr(constraint, "options", ()) for constraint in allowed):
                return clone(classifier).set_params(**{key: loss})
    return None


def rows_per_class(y: np.ndarray, n: int) -> dict[Any, int]:
    """Return the target of `n` rows for every class; a class that has more keeps them."""
    labels, counts = np.unique(y, return_counts=True)
    return {
        label: max(int(n), int(count))
        for label, count in zip(labels.tolist(), counts.tolist(), strict=True)
    }


def as_sampling_strategy(target: Any) -> Any:
    """Return what imbalanced-learn takes: a whole number means that many rows of each class."""
    if isinstance(target, Integral) and not isinstance(target, bool):
        if target < 1:
            raise ValueError(f"sampling_strategy must be at least 1 row per class, got {target!r}")
        return partial(rows_per_class, n=int(target))
    return target


def check_sampling_strategy(target: Any, classes: Sequence[Any]) -> None:
    """Raise a ValueError for a target that no class can have."""
    if isinstance(target, bool | np.bool_) or (isinstance(target, str) and target not in TARGETS):
        raise ValueError(
            f"sampling_strategy must be a number of rows per class, one of {list(TARGETS)}, a "
            f"mapping of classes to numbers of rows, or callable, got {target!r}"
        )
    unknown = (
        [label for label in target if label not in classes] if isinstance(target, Mapping) else []
    )
    if unknown:
        raise ValueError(f"sampling_strategy: no class {unknown[0]!r}, there are {list(classes)}")


def check_transformers(transformers: Sequence[Any]) -> None:
    """Raise a TypeError for a step that cannot be fitted."""
    for step in transformers:
        if isinstance(step, type) or not (hasattr(step, "fit") and hasattr(step, "transform")):
            raise TypeError(
                "transformers must be a list of instances with fit and transform, such as "
                f"[StandardScaler()], got {step!r} in it"
            )


def as_given(given: Mapping[str, Any] | Any, what: str, example: str) -> list[tuple[Any, Any]]:
    """Return (name or None, thing) for each entry of a mapping or a sequence.

    Raises
    ------
    ValueError
        If one thing came where a list of them was expected.
    """
    if isinstance(given, Mapping):
        return [(str(name), thing) for name, thing in given.items()]
    if isinstance(given, list | tuple):
        return [(None, thing) for thing in given]
    raise ValueError(
        f"{what} must be a list, or a mapping of names, such as {example}, got {given!r}; for "
        f"one write [{given!r}]"
    )
