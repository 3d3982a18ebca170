"""Which rows train and which are scored, for every ratio and repetition; shared by all methods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.model_selection import StratifiedShuffleSplit

from ..evaluation import make_splits

ALL_ROWS = "all rows"


@dataclass(frozen=True)
class Ratio:
    """How many training rows the classes keep.

    Attributes
    ----------
    name : str
        As the table says it.
    kind : str
        ``"all rows"``, ``"balanced ratio"`` (rows of a minority class / rows of the majority),
        ``"imbalance rate"`` (its inverse) or ``"training rows"`` (exact numbers).
    value : float or None
        The ratio or rate.
    counts : tuple of (label, int)
        The exact numbers.
    """

    name: str = ALL_ROWS
    kind: str = ALL_ROWS
    value: float | None = None
    counts: tuple[tuple[Any, int], ...] = ()

    def wanted(self, present: dict[Any, int], minority: Sequence[Any]) -> dict[Any, int]:
        """Return the rows that thinned classes keep of those `present` in a training part.

        Raises
        ------
        ValueError
            If a class would keep none, or has fewer than an exact number asks for.
        """
        if self.kind == ALL_ROWS:
            return {}
        if self.kind == "training rows":
            for label, n in self.counts:
                if present[label] < n:
                    raise ValueError(
                        f"training_rows asks for {n} rows of class {label!r}, but a training part "
                        f"has {present[label]}; ask for fewer, or make test_size smaller"
                    )
            return dict(self.counts)
        assert self.value is not None
        share = self.value if self.kind == "balanced ratio" else 1.0 / self.value
        largest = max(n for label, n in present.items() if label not in minority)
        n = round(share * largest)
        if n < 1:
            raise ValueError(
                f"{self.name} leaves no row of a minority class beside {largest} rows of the "
                f"majority; with these rows the smallest balanced ratio is {1 / largest:.3g}, the "
                f"largest imbalance rate {largest}"
            )
        return {label: min(n, present[label]) for label in minority}


@dataclass(frozen=True)
class Fold:
    """One split under one ratio: what all methods and classifiers share, which makes them pairs."""

    ratio: Ratio
    split: int
    repetition: int
    part: int
    train: np.ndarray
    test: np.ndarray
    generator_seed: int
    classifier_seed: int


def make_ratios(
    balanced_ratios: Any, imbalance_rates: Any, training_rows: Any, labels: Sequence[Any]
) -> list[Ratio]:
    """Return the ratios of a study; one that keeps all rows if none is asked for.

    Raises
    ------
    ValueError
        If two kinds are asked for, or a value means nothing.
    """
    given = {
        "balanced_ratios": balanced_ratios,
        "imbalance_rates": imbalance_rates,
        "training_rows": training_rows,
    }
    asked = [name for name, value in given.items() if value is not None]
    if len(asked) > 1:
        raise ValueError(f"give one of {' and '.join(asked)}, not both: they say the same thing")
    if not asked:
        return [Ratio()]
    (name,) = asked
    if name == "training_rows":
        ratios = _exact(training_rows, labels)
    else:
        kind = "balanced ratio" if name == "balanced_ratios" else "imbalance rate"
        ratios = [Ratio(f"{kind} {v:.6g}", kind, v) for v in _numbers(name, given[name])]
    names = [ratio.name for ratio in ratios]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"{name} must hold different values, got {given[name]!r}")
    return ratios


def _numbers(name: str, given: Any) -> list[float]:
    values = [given] if isinstance(given, Real) else list(given)
    balanced = name == "balanced_ratios"
    for value in values:
        number = float(value) if isinstance(value, Real) else np.nan
        if not (0 < number <= 1 if balanced else 1 <= number < np.inf):
            means = (
                "rows of a minority class / rows of the majority, above 0 and at most 1"
                if balanced
                else "rows of the majority / rows of a minority class, 1 or more"
            )
            raise ValueError(f"{name} must hold numbers ({means}), got {value!r}")
    return [float(value) for value in values]


def _exact(given: Any, labels: Sequence[Any]) -> list[Ratio]:
    compositions = [given] if isinstance(given, Mapping) else list(given)
    out = []
    for composition in compositions:
        if not isinstance(composition, Mapping) or not composition:
            raise ValueError(
                "training_rows must hold mappings of labels to numbers of rows, such as "
                f"[{{'a': 150, 'b': 4}}], got {composition!r}"
            )
        for label, n in composition.items():
            if label not in labels:
                raise ValueError(f"training_rows: no class {label!r}, there are {list(labels)}")
            if not isinstance(n, Integral) or n < 1:
                raise ValueError(f"training_rows[{label!r}] must be a number of rows, got {n!r}")
        counts = tuple((label, int(n)) for label, n in composition.items())
        out.append(Ratio(", ".join(f"{k}: {n}" for k, n in counts), "training rows", None, counts))
    return out


def find_minority(y: np.ndarray, minority: Any) -> list[Any]:
    """Return the labels that a ratio thins.

    Parameters
    ----------
    y : ndarray of shape (n,)
        All labels.
    minority : label, sequence of labels or None
        None: the classes that are smaller than the largest; of classes of one size all but
        the first (as papers 000 and 001 do).

    Raises
    ------
    ValueError
        If a label is unknown, or no class would be left as the majority.
    """
    labels, counts = np.unique(y, return_counts=True)
    known = labels.tolist()
    if minority is None:
        smaller = labels[counts < counts.max()].tolist()
        return smaller or known[1:]
    chosen = [minority] if np.isscalar(minority) else list(minority)
    unknown = [label for label in chosen if label not in known]
    if unknown:
        raise ValueError(f"minority holds {unknown[0]!r}, the classes are {known}")
    if not chosen or len(set(chosen)) >= len(known):
        raise ValueError(f"minority must be some classes of {known}, not all, got {minority!r}")
    return chosen


def make_folds(
    y: np.ndarray,
    ratios: Sequence[Ratio],
    *,
    groups: np.ndarray | None,
    minority: Sequence[Any],
    repetitions: int,
    test_size: float,
    cv: Any,
    score_left_out: bool,
    seed: int,
) -> list[Fold]:
    """Return all folds, ratio after ratio; a repetition does not depend on how many there are.

    Without groups and `cv` the splits are those of
    ``StratifiedShuffleSplit(repetitions, test_size=test_size, random_state=seed)``; the classifiers
    of split `i` have the seed ``seed + i``.
    """
    splits = _splits(y, groups, repetitions, test_size, cv, seed)
    return [
        _thinned(y, ratio, i, split, minority, score_left_out, seed)
        for ratio in ratios
        for i, split in enumerate(splits)
    ]


def _splits(
    y: np.ndarray, groups: np.ndarray | None, repetitions: int, test_size: float, cv: Any, seed: int
) -> list[tuple[int, int, np.ndarray, np.ndarray]]:
    """Return (repetition, part of it, training rows, scored rows)."""
    if cv is None and groups is None:
        shuffled = StratifiedShuffleSplit(repetitions, test_size=test_size, random_state=seed)
        splits = make_splits(y, cv=shuffled, random_state=seed)
        return [(i, 0, *split) for i, split in enumerate(splits)]
    if cv is not None and not isinstance(cv, Integral):
        # What shuffles by itself, or is a list, says itself how often.
        splits = make_splits(y, groups=groups, cv=cv, random_state=seed)
        return [(i, 0, *split) for i, split in enumerate(splits)]
    out = []
    for repetition in range(repetitions):
        drawn = int(_seeds(seed, repetition)[0])
        parts = make_splits(y, groups=groups, test_size=test_size, cv=cv, random_state=drawn)
        out += [(repetition, part, *split) for part, split in enumerate(parts)]
    return out


def _seeds(seed: int, split: int) -> np.ndarray:
    return np.random.SeedSequence((seed, split)).generate_state(3) >> 1


def _thinned(
    y: np.ndarray,
    ratio: Ratio,
    index: int,
    split: tuple[int, int, np.ndarray, np.ndarray],
    minority: Sequence[Any],
    score_left_out: bool,
    seed: int,
) -> Fold:
    repetition, part, train, test = split
    _, generator_seed, draw_seed = _seeds(seed, index).tolist()
    labels, counts = np.unique(y[train], return_counts=True)
    present = dict(zip(labels.tolist(), counts.tolist(), strict=True))
    keep = np.ones(len(train), dtype=bool)
    for label, n in ratio.wanted(present, minority).items():
        members = np.flatnonzero(y[train] == label)
        # One order of the rows for all ratios: more rows always contain the fewer.
        code = labels.tolist().index(label)
        order = np.random.default_rng((draw_seed, code)).permutation(members)
        keep[order[n:]] = False
    if score_left_out:
        test = np.concatenate([test, train[~keep]])
    # Simple, so that a score can be had again with scikit-learn alone.
    classifier_seed = (seed + index) % 2**31
    return Fold(ratio, index, repetition, part, train[keep], test, generator_seed, classifier_seed)


def overlap_of(folds: Sequence[Fold], y: np.ndarray) -> float:
    """Return scored rows divided by the others, which says how alike repetitions are.

    What a ratio leaves out does not count: splits share rows before they are thinned.
    """
    first = [fold for fold in folds if fold.ratio == folds[0].ratio]
    return float(np.mean([len(fold.test) / (len(y) - len(fold.test)) for fold in first]))
