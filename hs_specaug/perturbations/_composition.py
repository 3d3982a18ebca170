"""Perturbations made of perturbations, and their names."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from array_api_compat import is_torch_array
from sklearn.base import clone
from sklearn.utils._param_validation import Interval

from .._registry import PERTURBATIONS, find_method, make_perturbation
from ._base import Perturbation
from ._domain import Domain
from ._draws import Draws


class _Several(Perturbation):
    """Base of perturbations that hold a list of others."""

    def __init__(self, perturbations: Sequence[Perturbation | str] = ()) -> None:
        self.perturbations = perturbations

    def _members(self) -> list[Perturbation]:
        """Return the members as objects: the fitted ones where `fit` was called."""
        if hasattr(self, "perturbations_"):
            return self.perturbations_
        if isinstance(self.perturbations, str) or not len(self.perturbations):
            raise ValueError(
                f"{type(self).__name__} needs a list of at least one perturbation, got "
                f"{self.perturbations!r}; for instance {type(self).__name__}"
                '(["poisson", "shift"])'
            )
        return [parse_perturbation(p) for p in self.perturbations]

    @property
    def borrows(self) -> bool:  # type: ignore[override]
        """Whether any member borrows from other rows."""
        return any(p.borrows for p in self._members())

    def _perturb(self, X: Any, y: Any, domain: Domain, draws: Draws) -> Any:
        return self._apply(X, y, domain, draws)  # each member keeps to what its rows may be

    def check(self, domain: Domain) -> None:
        """Raise unless every member means something for rows of `domain`."""
        for perturbation in self._members():
            perturbation.check(domain)

    def fit(self, X: Any, y: Any = None, *, domain: Domain | None = None) -> Perturbation:
        """Fit every member."""
        unfitted = clone(self)
        unfitted.check(domain or Domain())
        members = [clone(p).fit(X, y, domain=domain) for p in unfitted._members()]
        self.perturbations_: list[Perturbation] = members
        self.reservoir_ = None  # the members hold theirs
        return self

    def __str__(self) -> str:
        members = ", ".join(str(p) for p in self._members())
        return f"{self.name}[{members}]"


class Compose(_Several):
    """Apply perturbations one after another.

    Parameters
    ----------
    perturbations : sequence of Perturbation or str
        In the order in which they act.

    Examples
    --------
    >>> from hs_specaug.perturbations import Compose
    >>> str(Compose(["shift", "poisson"]))
    'shift+poisson'
    """

    name: ClassVar[str] = "compose"

    def _apply(self, X: Any, y: Any, domain: Domain, draws: Draws) -> Any:
        for perturbation in self._members():
            X = perturbation._perturb(X, y, domain, draws.child())
        return X

    def __str__(self) -> str:
        return "+".join(str(p) for p in self._members())


class OneOf(_Several):
    """Apply one of several perturbations to each row, equally likely.

    Parameters
    ----------
    perturbations : sequence of Perturbation or str
        To choose from.
    """

    name: ClassVar[str] = "one-of"

    def _apply(self, X: Any, y: Any, domain: Domain, draws: Draws) -> Any:
        members = self._members()
        choice = draws.uniform() * len(members)
        for i, perturbation in enumerate(members):
            X = _on_some(perturbation, X, y, domain, draws, (choice >= i) & (choice < i + 1))
        return X


class Sometimes(Perturbation):
    """Apply a perturbation to a share of the rows and leave the others as they are.

    Parameters
    ----------
    perturbation : Perturbation or str
        What to apply.
    probability : float, default 0.5
        For each row.
    """

    name: ClassVar[str] = "sometimes"
    _parameter_constraints: ClassVar[dict] = {
        "probability": [Interval(Real, 0, 1, closed="both")],
        "perturbation": [Perturbation, str],
    }

    def __init__(self, perturbation: Perturbation | str = "shift", probability: float = 0.5):
        self.perturbation = perturbation
        self.probability = probability

    def _member(self) -> Perturbation:
        return getattr(self, "perturbation_", None) or parse_perturbation(self.perturbation)

    @property
    def borrows(self) -> bool:  # type: ignore[override]
        """Whether the perturbation borrows from other rows."""
        return self._member().borrows

    def _perturb(self, X: Any, y: Any, domain: Domain, draws: Draws) -> Any:
        return self._apply(X, y, domain, draws)  # the member keeps to what its rows may be

    def check(self, domain: Domain) -> None:
        """Raise unless the perturbation means something for rows of `domain`."""
        self._validate_params()
        self._member().check(domain)

    def fit(self, X: Any, y: Any = None, *, domain: Domain | None = None) -> Perturbation:
        """Fit the perturbation."""
        self.check(domain or Domain())
        self.perturbation_ = clone(parse_perturbation(self.perturbation)).fit(X, y, domain=domain)
        self.reservoir_ = None
        return self

    def _apply(self, X: Any, y: Any, domain: Domain, draws: Draws) -> Any:
        chosen = draws.uniform() < self.probability
        return _on_some(self._member(), X, y, domain, draws, chosen)

    def __str__(self) -> str:
        return f"sometimes[{self._member()}, {self.probability:g}]"


def _on_some(
    perturbation: Perturbation, X: Any, y: Any, domain: Domain, draws: Draws, chosen: Any
) -> Any:
    """Return `X` with the rows of the mask `chosen` perturbed."""
    part = draws.select(chosen)
    if not part.n:
        return X
    labels = None if y is None else _chosen_labels(y, chosen)
    out = X + 0.0  # a copy in any library that keeps the gradient
    out[chosen] = perturbation._perturb(X[chosen], labels, domain, part)
    return out


def _chosen_labels(y: Any, chosen: Any) -> Any:
    """Return labels of the rows of a mask; the two need not be of one library or device."""
    if is_torch_array(y):
        return y[chosen.to(y.device) if is_torch_array(chosen) else chosen]
    return np.asarray(y)[np.asarray(chosen.cpu() if is_torch_array(chosen) else chosen)]


def parse_perturbation(given: Any) -> Perturbation:
    """Return a perturbation from an instance, an expression, or a list of either.

    Parameters
    ----------
    given : Perturbation, str, or sequence of those
        Names joined by ``+`` act one after another; parameters go into parentheses.

    Raises
    ------
    ValueError
        If the expression cannot be read or a name is unknown.

    Examples
    --------
    >>> from hs_specaug.perturbations import parse_perturbation
    >>> str(parse_perturbation("poisson(dose=0.5) + shift"))
    'poisson(dose=0.5)+shift'
    """
    if isinstance(given, Perturbation):
        return given
    if isinstance(given, str):
        parts = [_from_term(term) for term in _terms(given)]
        return parts[0] if len(parts) == 1 else Compose(parts)
    if isinstance(given, Sequence) and len(given):
        return Compose([parse_perturbation(p) for p in given])
    raise ValueError(
        "a perturbation must be an instance, an expression such as 'poisson(dose=0.5)+shift', or "
        f"a list of those, got {given!r}"
    )


def _terms(expression: str) -> list[str]:
    """Split at every plus sign outside parentheses."""
    terms, depth = [""], 0
    for character in expression:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "+" and depth == 0:
            terms.append("")
        else:
            terms[-1] += character
    return [term.strip() for term in terms]


def _from_term(term: str) -> Perturbation:
    name, bracket, rest = term.partition("(")
    if not name.strip():
        raise ValueError(
            f"a part of an expression, {term!r}, has no name; write names joined by '+', such as "
            "'poisson(dose=0.5)+shift'"
        )
    parameters = {}
    if bracket:
        try:
            call = ast.parse(f"f({rest}", mode="eval").body
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
                raise ValueError("more than one pair of parentheses")
            keywords = [k.arg for k in call.keywords]
            if call.args or None in keywords:
                raise ValueError("parameters must have names")
            if len(set(keywords)) < len(keywords):
                raise ValueError("a parameter is given twice")
            parameters = {str(k.arg): ast.literal_eval(k.value) for k in call.keywords}
        except (SyntaxError, ValueError) as error:
            raise ValueError(
                f"cannot read {term!r}: {error}; write name(parameter=value), for instance "
                "'poisson(dose=0.5)+shift'"
            ) from error
    return make_perturbation(name.strip(), **parameters)


def from_spec(spec: dict[str, Any]) -> Perturbation:
    """Rebuild a perturbation from :meth:`Perturbation.to_spec`."""

    def built(value: Any) -> Any:
        if isinstance(value, dict) and "name" in value:
            return from_spec(value)
        if isinstance(value, list):
            return [built(v) for v in value]
        return value

    parameters = {k: built(v) for k, v in spec["parameters"].items()}
    return find_method(PERTURBATIONS, spec["name"])(**parameters)
