"""What a search compares: composites of base strategies, and the baselines without augmentation."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._registry import make_generator
from ..generators import PerturbationGenerator, RandomGenerator
from ..perturbations import Compose, Domain, Perturbation, parse_perturbation
from ..studies._estimators import as_sampling_strategy, in_domain, weighted

NO_OVERSAMPLING = "no oversampling"
NO_AUGMENTATION = "oversampling without augmentation"
CLASS_WEIGHTS = "class weights"
COMPOSITE, BASELINE, RIVAL = "composite", "baseline", "rival"


@dataclass(frozen=True)
class Candidate:
    """One line of the table.

    Attributes
    ----------
    name : str
        Unique in a search.
    kind : str
        ``"composite"`` (a strategy that can win), ``"baseline"`` (without augmentation) or
        ``"rival"`` (another generator).
    generator : BaseGenerator or None
        Unfitted over-sampler; None trains on the rows as they are.
    class_weights : bool
        Whether the classifier weighs rows by the frequency of their class.
    perturbation : Perturbation or None
        Of a composite.
    """

    name: str
    kind: str
    generator: Any = None
    class_weights: bool = False
    perturbation: Perturbation | None = None


def composites(strategies: Any, n_steps: int | None = None) -> dict[str, Perturbation]:
    """Return every composite of at most `n_steps` base strategies (paper 003, section 3.1).

    These are all non-empty subsets, smaller ones first, in the order of table 1; the members of
    a composite act in the order in which the base strategies are given.

    Parameters
    ----------
    strategies : sequence, or mapping of name to strategy
        Base strategies: perturbations, or expressions such as ``"shift"`` or
        ``"gain+shift"`` (one strategy of two parts). A sequence takes their expressions as names.
    n_steps : int or None
        Largest number of base strategies in a composite; None allows all.

    Returns
    -------
    dict of str to Perturbation

    Raises
    ------
    ValueError
        If there is no strategy, two have one name, or `n_steps` is below 1.

    Examples
    --------
    >>> from hs_specaug.strategies import composites
    >>> list(composites(["shift", "gain", "poisson"], n_steps=2))
    ['shift', 'gain', 'poisson', 'shift+gain', 'shift+poisson', 'gain+poisson']
    """
    base = _named(strategies)
    if n_steps is not None and n_steps < 1:
        raise ValueError(f"n_steps must be at least 1, or None for all, got {n_steps!r}")
    out: dict[str, Perturbation] = {}
    for size in range(1, min(n_steps or len(base), len(base)) + 1):
        for names in itertools.combinations(base, size):
            members = [base[name] for name in names]
            out["+".join(names)] = members[0] if size == 1 else Compose(members)
    return out


def _named(strategies: Any) -> dict[str, Perturbation]:
    if isinstance(strategies, str | Perturbation) or not isinstance(strategies, Sequence | Mapping):
        raise ValueError(
            "strategies must be a list of perturbations or a mapping of names to them, got "
            f"{strategies!r}; for one strategy write [{strategies!r}]"
        )
    if not strategies:
        raise ValueError('strategies is empty; give at least one, such as ["shift"]')
    if isinstance(strategies, Mapping):
        return {str(name): parse_perturbation(given) for name, given in strategies.items()}
    parsed = [parse_perturbation(given) for given in strategies]
    names = [str(perturbation) for perturbation in parsed]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ValueError(
            f"strategies holds {twice[0]!r} twice; leave one out, or name them in a mapping"
        )
    return dict(zip(names, parsed, strict=True))


def make_candidates(
    strategies: Any,
    n_steps: int | None,
    classifier: Any,
    compare_with: Sequence[Any],
    domain: Domain | None,
    sampling_strategy: Any,
) -> list[Candidate]:
    """Return baselines, rivals and composites, in this order.

    Raises
    ------
    IncompatibleSignalError
        If a strategy means nothing for rows of `domain`.
    ValueError
        If a name is used twice, or `compare_with` is no list.
    """
    if isinstance(compare_with, str):
        raise ValueError(
            f"compare_with must be a list of generators, got {compare_with!r}; for one write "
            f"[{compare_with!r}]"
        )
    target = as_sampling_strategy(sampling_strategy)
    out = [
        Candidate(NO_OVERSAMPLING, BASELINE),
        Candidate(NO_AUGMENTATION, BASELINE, RandomGenerator(sampling_strategy=target)),
    ]
    if weighted(classifier) is not None:
        out.append(Candidate(CLASS_WEIGHTS, BASELINE, class_weights=True))
    for given in compare_with:
        rival = in_domain(make_generator(given) if isinstance(given, str) else given, domain)
        name = given if isinstance(given, str) else str(rival)
        out.append(Candidate(name, RIVAL, rival.set_params(sampling_strategy=target)))
    for name, perturbation in composites(strategies, n_steps).items():
        perturbation.check(domain or Domain())
        generator = PerturbationGenerator(perturbation, domain=domain, sampling_strategy=target)
        out.append(Candidate(name, COMPOSITE, generator, perturbation=perturbation))
    names = [candidate.name for candidate in out]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ValueError(f"two candidates are called {twice[0]!r}; give strategies other names")
    return out
