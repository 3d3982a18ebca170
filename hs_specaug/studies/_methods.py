"""What a study compares: methods of augmentation, baselines without, and classifiers."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sklearn.base import clone

from .._registry import closest, list_classifiers, make_classifier, make_generator
from ..generators import PerturbationGenerator, RandomGenerator
from ..perturbations import Domain, Perturbation
from ._estimators import (
    as_classifier,
    as_given,
    as_sampling_strategy,
    in_domain,
    weighted,
    with_loss,
    with_value,
)
from ._samplers import NoiseOnly, SearchedStrategy

NONE = "none"
CLASS_WEIGHTS = "class weights"
BALANCED_SOFTMAX = "balanced softmax"
FOCAL_LOSS = "focal loss"
RANDOM = "random"
NOISE_ONLY = "noise only"
BASELINES = (NONE, CLASS_WEIGHTS, BALANCED_SOFTMAX, FOCAL_LOSS, RANDOM, NOISE_ONLY)

NEAREST_NEIGHBOUR = "nearest neighbour"
LOGISTIC_REGRESSION = "logistic regression"
RANDOM_FOREST = "random forest"
ROCKET = "rocket"
CNN = "cnn"
CLASSIFIERS = (NEAREST_NEIGHBOUR, LOGISTIC_REGRESSION, RANDOM_FOREST, ROCKET, CNN)

AUGMENTATION, BASELINE = "augmentation", "baseline"


@dataclass(frozen=True)
class Method:
    """One line of the table.

    Attributes
    ----------
    name : str
        Unique in a study.
    kind : str
        ``"augmentation"`` (what may win) or ``"baseline"`` (what it has to beat).
    generator : over-sampler or None
        Unfitted; None trains on the rows as they are.
    class_weights : bool
        Whether the classifier weighs rows by the frequency of their class.
    loss : str or None
        Loss of the classifier, if not its own.
    """

    name: str
    kind: str
    generator: Any = None
    class_weights: bool = False
    loss: str | None = None

    def change(self, classifier: Any) -> Any | None:
        """Return the classifier as this method trains it; None if it cannot be so trained."""
        if self.class_weights:
            return weighted(classifier)
        return with_loss(classifier, self.loss) if self.loss else clone(classifier)


def make_methods(
    given: Any, baselines: bool | Sequence[str], domain: Domain | None, sampling_strategy: Any
) -> list[Method]:
    """Return the baselines, then what was given.

    Parameters
    ----------
    given : mapping or sequence
        Names, perturbations, generators, a strategy search, None.
    baselines : bool or sequence of str
        All, none, or some of :data:`BASELINES`.
    domain : Domain or None
        What rows are.
    sampling_strategy : int, float, str, dict or callable
        Of methods given by name and of the baselines; instances keep their own.

    Raises
    ------
    IncompatibleSignalError
        If a perturbation means nothing for rows of `domain`.
    ValueError
        If a name is unknown or used twice.
    """
    target = as_sampling_strategy(sampling_strategy)
    known = {
        NONE: Method(NONE, BASELINE),
        CLASS_WEIGHTS: Method(CLASS_WEIGHTS, BASELINE, class_weights=True),
        BALANCED_SOFTMAX: Method(BALANCED_SOFTMAX, BASELINE, loss="balanced-softmax"),
        FOCAL_LOSS: Method(FOCAL_LOSS, BASELINE, loss="focal"),
        RANDOM: Method(RANDOM, BASELINE, RandomGenerator(sampling_strategy=target)),
        NOISE_ONLY: Method(NOISE_ONLY, BASELINE, NoiseOnly(sampling_strategy=target)),
    }
    out = [known[name] for name in _chosen(baselines, BASELINES, "baselines")]
    for name, thing in as_given(given, "methods", '["smote", "shift+gain"]'):
        plain = NONE if thing is None else thing
        if name is None and isinstance(plain, str) and plain in known:
            if known[plain] not in out:
                out.append(known[plain])
            continue
        out.append(_augmentation(name, thing, domain, target))
    names = [method.name for method in out]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ValueError(f"two methods are called {twice[0]!r}; name them in a mapping")
    if not out:
        raise ValueError('there is nothing to compare; give methods=["smote"], or baselines=True')
    return out


def _augmentation(name: str | None, thing: Any, domain: Domain | None, target: Any) -> Method:
    if thing is None:
        return Method(str(name), AUGMENTATION)
    if isinstance(thing, str):
        generator = make_generator(thing).set_params(sampling_strategy=target)
    elif isinstance(thing, Perturbation | list | tuple):
        generator = PerturbationGenerator(thing, sampling_strategy=target)
    elif isinstance(thing, type):
        raise ValueError(f"a method must be an instance, not a class; write {thing.__name__}()")
    elif hasattr(thing, "sample") or hasattr(thing, "fit_resample"):
        generator = clone(thing)
    elif "strategies" in getattr(thing, "get_params", dict)():
        generator = SearchedStrategy(clone(thing))
    else:
        raise ValueError(
            "a method must be a name such as 'smote' or 'shift+gain', perturbations, an "
            f"over-sampler, a StrategySearch or None, got {thing!r}"
        )
    generator = in_domain(generator, domain)
    if isinstance(generator, PerturbationGenerator):
        _check_perturbation(generator, domain)
    if name is None:
        name = thing if isinstance(thing, str) else _name_of(generator)
    return Method(name, AUGMENTATION, generator)


def _check_perturbation(generator: PerturbationGenerator, domain: Domain | None) -> None:
    """Refuse what means nothing for these rows before hours are spent."""
    from ..perturbations import parse_perturbation

    parse_perturbation(generator.perturbation).check(domain or Domain())


def _name_of(generator: Any) -> str:
    if isinstance(generator, PerturbationGenerator):
        from ..perturbations import parse_perturbation

        return str(parse_perturbation(generator.perturbation))
    if isinstance(generator, SearchedStrategy):
        return "strategy search"
    return str(getattr(generator, "method", type(generator).__name__))


def make_classifiers(
    given: Any, defaults: bool | Sequence[str], updates: int, domain: Domain | None, n_axes: int
) -> tuple[dict[str, Any], list[str]]:
    """Return the classifiers by name, and what must be said about those left out.

    Parameters
    ----------
    given : mapping, sequence or None
        Names, those of the default ones too, or scikit-learn classifiers.
    defaults : bool or sequence of str
        All, none, or some of :data:`CLASSIFIERS`.
    updates : int
        Optimiser steps of networks that do not say how many.
    domain : Domain or None
        What rows are.
    n_axes : int
        Dimensions of a row: 1 for a spectrum, 2 with channels, 3 for an image.
    """
    out: dict[str, Any] = {}
    notes = []
    for name in _chosen(defaults, CLASSIFIERS, "default_classifiers"):
        reason = _why_not_rocket(n_axes) if name == ROCKET else None
        if reason is None:
            out[name] = _default(name)
        else:
            notes.append(f"rocket is left out: {reason}")
    for name, thing in as_given(given or [], "classifiers", '["svm", "RandomForestClassifier"]'):
        usual = isinstance(thing, str) and thing in CLASSIFIERS
        made = _default(thing) if usual else as_classifier(thing)
        name = name or (thing if isinstance(thing, str) else type(thing).__name__)
        if name in out and not (usual and name == thing):
            raise ValueError(f"two classifiers are called {name!r}; name them in a mapping")
        out[name] = made
    if not out:
        raise ValueError("no classifier is left; give classifiers=, or default_classifiers=True")
    for name, classifier in out.items():
        # The same number of updates, however many rows augmentation adds.
        timed = with_value(classifier, "max_updates", updates, where=None)
        out[name] = in_domain(timed, domain)
    return out, notes


def _why_not_rocket(n_axes: int) -> str | None:
    """Return why the classifier of random kernels cannot be had, or None."""
    if n_axes == 3:
        return "random kernels are for spectra, these are images"
    # It is imported when it is fitted, which would be too late to say so once.
    if ROCKET not in list_classifiers() or importlib.util.find_spec("pyts") is None:
        return 'it needs pyts; install it with: pip install "hs_specaug[rocket]"'
    return None


def _default(name: str) -> Any:
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if name == NEAREST_NEIGHBOUR:
        return KNeighborsClassifier(1)
    if name == LOGISTIC_REGRESSION:
        return make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    if name == RANDOM_FOREST:
        return RandomForestClassifier(200)
    return make_classifier(name)


def _chosen(asked: bool | Sequence[str], known: Sequence[str], what: str) -> list[str]:
    if isinstance(asked, bool):
        return list(known) if asked else []
    unknown = [name for name in asked if name not in known]
    if unknown or isinstance(asked, str | Mapping):
        near = closest(unknown[0], list(known)) if not isinstance(asked, str | Mapping) else ""
        raise ValueError(
            f"{what} must be True, False or some of {list(known)}, got {asked!r}{near}"
        )
    return [name for name in known if name in asked]
