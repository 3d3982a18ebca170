"""One rule for seeds: what a user left open is filled in, what was chosen stays."""

from __future__ import annotations

from typing import Any

from sklearn.base import clone


def clone_with_seed(estimator: Any, seed: int | None) -> Any:
    """Return a clone whose own `random_state` is `seed`, if it has one and none was given to it.

    Estimators inside it are left alone; a study fills in theirs as well.
    """
    estimator = clone(estimator)
    known = estimator.get_params(deep=False)
    if seed is not None and "random_state" in known and known["random_state"] is None:
        estimator.set_params(random_state=seed)
    return estimator
