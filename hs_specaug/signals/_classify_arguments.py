"""What is given to `classify`, checked before anything is trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.base import is_clusterer, is_regressor

from .._registry import closest, make_classifier
from .._seeds import clone_with_seed
from .._warnings import warn_user
from ..classifiers._priors import target_prior
from ..exceptions import SpecAugWarning
from ..preprocessing import read_steps
from . import _rows
from ._methods import check_fits, prepared

ARGUMENTS = (
    "augmentation",
    "calibration",
    "confidence",
    "cv",
    "decision",
    "prior",
    "random_state",
    "refit",
    "show_progressbar",
    "test_size",
    "transformers",
)


def checked_classifier(classifier: Any, hyperparameters: dict[str, Any]) -> Any:
    """Return an unfitted classifier from a name or an instance.

    Raises
    ------
    TypeError
        If it is neither, or does not take the hyperparameters.
    """
    if isinstance(classifier, str):
        try:
            return make_classifier(classifier, **hyperparameters)
        except TypeError as error:
            unknown = [name for name in hyperparameters if repr(name) in str(error)]
            near = "".join(closest(name, list(ARGUMENTS)) for name in unknown)
            raise TypeError(
                f"{error}. classify itself takes: {', '.join(ARGUMENTS)}{near}"
            ) from error
    if hyperparameters:
        raise TypeError(
            f"hyperparameters {sorted(hyperparameters)} go with a classifier's name; set them on "
            "the instance instead"
        )
    if isinstance(classifier, type):
        raise TypeError(
            f"classifier must be an instance, got the class {classifier.__name__}; use "
            f"s.classify({classifier.__name__}()) or its name, s.classify({classifier.__name__!r})"
        )
    estimator = all(hasattr(classifier, name) for name in ("fit", "predict", "get_params"))
    if not estimator or is_regressor(classifier) or is_clusterer(classifier):
        raise TypeError(
            "classifier must be a name of hs_specaug.list_classifiers(), the name of a classifier "
            f"of scikit-learn, or an instance of one, got {classifier!r}; use s.classify('cnn')"
        )
    return classifier


def checked_transformers(transformers: Any) -> list[Any]:
    """Return a list of unfitted transformers, from one or several.

    Raises
    ------
    TypeError
        If any is no instance with `fit` and `transform`.
    """
    if hasattr(transformers, "transform") and not isinstance(transformers, type):
        return [transformers]
    steps = list(transformers) if isinstance(transformers, list | tuple) else [transformers]
    for step in steps:
        known = all(hasattr(step, name) for name in ("fit", "transform", "get_params"))
        if not known or isinstance(step, type):
            raise TypeError(
                "transformers must be instances with fit and transform, got "
                f"{transformers!r}; use transformers=[hs_specaug.preprocessing.PCADenoiser(10)], "
                "or leave it out"
            )
    return steps


def check_prior(prior: Any, classes: Sequence[str], y: np.ndarray) -> None:
    """Refuse shares of classes that the signal does not know, before anything is trained."""
    if isinstance(prior, Mapping):
        unknown = [name for name in prior if name not in classes]
        if unknown:
            raise ValueError(f"prior has shares for {unknown}, the signal has {list(classes)}")
        present = np.unique(y).tolist()
        target_prior(prior, [name for name in classes if name in present], y, np.ones(0))


def check_one_augmentation(classifier: Any, augmentation: Any) -> None:
    """Refuse to search on augmented rows: copies of one row would be learned and scored."""
    from ..strategies import StrategySearch

    if augmentation is not None and isinstance(classifier, StrategySearch):
        raise ValueError(
            "a StrategySearch augments by itself and must see real rows only, got "
            f"augmentation={augmentation!r} as well; leave it out, or add it to compare_with"
        )


def generator_for(
    signal: Any, augmentation: Any, refit: bool, seed: int | None, show_progressbar: bool
) -> Any:
    """Return the unfitted generator that `augmentation` names; with `refit=False`, a fitted one."""
    if not isinstance(refit, bool | np.bool_):
        raise TypeError(f"refit must be True or False, got {refit!r}; use refit=False")
    if augmentation is None:
        return None
    if not refit:
        if isinstance(augmentation, str) or not hasattr(augmentation, "classes_"):
            raise ValueError(
                "refit=False needs a fitted generator as augmentation, got "
                f"{augmentation!r}; train one with s.train_generator(...)"
            )
        check_fits(augmentation, signal)
        return augmentation
    return clone_with_seed(prepared(augmentation, signal, None, show_progressbar, {}), seed)


def warn_of_leaks(signal: Any) -> None:
    """Warn of what an earlier call has learned from spectra that are scored now."""
    if any(step["step"] == "denoise" for step in read_steps(signal)):
        warn_user(
            "this signal was denoised with components learned from all its spectra, also those "
            "that are scored now; for a score without that help leave denoise out of preprocess "
            "and pass transformers=[hs_specaug.preprocessing.PCADenoiser(n)] to classify",
            SpecAugWarning,
        )
    synthetic = _rows.read_rows(signal).get("synthetic")
    if synthetic is not None and synthetic.any():
        warn_user(
            f"{int(synthetic.sum())} synthetic rows are left out: they were made from rows that "
            "are scored now; pass augmentation=... to classify instead, which refits the "
            "generator inside each fold",
            SpecAugWarning,
        )
