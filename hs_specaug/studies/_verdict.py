"""What a study says, in words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ._comparisons import BEST_BASELINE, compare, differences, mean_of
from ._methods import AUGMENTATION, NONE
from ._statistics import SCORE_NAMES, in_words, mean_interval

if TYPE_CHECKING:
    from ._result import StudyResult

ALPHA = 0.05


class Winner(NamedTuple):
    """A method with the classifier it does best with."""

    method: str
    classifier: str
    mean: float

    def __str__(self) -> str:
        return f"{self.method!r} with {self.classifier!r}"


def best_pair(
    result: StudyResult, ratio: str, *, augmentation: bool | None = None
) -> Winner | None:
    """Return the method and classifier of the largest mean score under one ratio.

    Parameters
    ----------
    result : StudyResult
        Of a study.
    ratio : str
        Name.
    augmentation : bool or None
        Among augmentations, among baselines, or among all.
    """
    found = [
        Winner(method, classifier, mean_of(values))
        for (where, method, classifier), values in result.scores().items()
        if where == ratio
        and values
        and augmentation in (None, result.methods[method] == AUGMENTATION)
    ]
    # What finished few splits must not win by luck of which.
    most = max((len(result.scores()[ratio, w.method, w.classifier]) for w in found), default=0)
    whole = [w for w in found if len(result.scores()[ratio, w.method, w.classifier]) == most]
    return max(whole, key=lambda winner: winner.mean, default=None)


def verdict(result: StudyResult) -> str:
    """Return one paragraph for each ratio."""
    several = len(result.ratios) > 1
    return "\n".join(
        (f"{ratio.capitalize()}: " if several else "") + " ".join(_sentences(result, ratio))
        for ratio in result.ratios
    )


def _sentences(result: StudyResult, ratio: str) -> list[str]:
    made = best_pair(result, ratio, augmentation=True)
    plain = best_pair(result, ratio, augmentation=False)
    name = SCORE_NAMES["f_score"]
    if made is None or plain is None:
        only, kind = (made, "augmentations") if plain is None else (plain, "baselines")
        if only is None:
            return ["No cell was finished."]
        return [f"Only {kind} were compared; the best is {only}, {name} {only.mean:.3f}."]
    n = len(result.scores()[ratio, made.method, made.classifier])
    first = max(plain, made, key=lambda winner: winner.mean)
    best = f"Best of all: {first}, {name} {first.mean:.3f}."
    if n < 2:
        return [f"One split tells nothing about chance; raise repetitions. {best}"]
    lines = [line for line in compare(result, "f_score") if line["ratio"] == ratio]
    winners = _winners(lines, BEST_BASELINE)
    if winners:
        return [*_helped(winners, name), best]
    over_none = _winners(lines, NONE)
    return [
        _as_well(result, ratio, made, plain),
        *([f"Over no augmentation at all, {_gain(over_none[0], name)}."] if over_none else []),
        best,
    ]


def _winners(lines: list[dict[str, Any]], against: str) -> list[dict[str, Any]]:
    """Return the comparisons that show a gain beyond chance, largest first."""
    shown = [
        line
        for line in lines
        if line["against"] == against and line["difference"] > 0 and line["holm_corrected"] < ALPHA
    ]
    return sorted(shown, key=lambda line: -line["difference"])


def _gain(line: dict[str, Any], name: str) -> str:
    gain = in_words((line["difference"], line["low"], line["high"]), "+.3f")
    return (
        f"{line['method']!r} with {line['classifier']!r} gains {gain} in {name} "
        f"(Holm p = {line['holm_corrected']:.2g})"
    )


def _helped(winners: list[dict[str, Any]], name: str) -> list[str]:
    first, *others = winners
    out = [
        f"Augmentation helped here: {_gain(first, name)} over {first['rival']!r}, the best "
        "baseline of that classifier."
    ]
    if others:
        named = ", ".join(f"{w['method']!r} with {w['classifier']!r}" for w in others)
        out.append(f"So did {named}.")
    return out


def _as_well(result: StudyResult, ratio: str, made: Winner, plain: Winner) -> str:
    """Say which simpler thing did as well as the best augmentation."""
    name = SCORE_NAMES["f_score"]
    gap = _gap(result, ratio, made, plain)
    opinion = "did better" if gap[2] < 0 else "did as well"
    start = f"No augmentation helped here; {_spoken(plain.method)} {opinion}"
    others = []
    for method, kind in result.methods.items():
        if kind == AUGMENTATION or method == plain.method:
            continue
        other = _best_of(result, ratio, method)
        if other is not None and not _gap(result, ratio, made, other)[1] > 0:
            others.append(_spoken(method))
    also = f" (so did {', '.join(others)})" if others else ""
    return (
        f"{start}{also}: the best augmentation, {made}, reaches {name} {made.mean:.3f}, the best "
        f"baseline, {plain}, {plain.mean:.3f}; difference {in_words(gap, '+.3f')}."
    )


def _spoken(method: str) -> str:
    return "the rows as they are" if method == NONE else method


def _best_of(result: StudyResult, ratio: str, method: str) -> Winner | None:
    found = [
        Winner(method, classifier, mean_of(values))
        for (where, name, classifier), values in result.scores().items()
        if where == ratio and name == method and values
    ]
    return max(found, key=lambda winner: winner.mean, default=None)


def _gap(result: StudyResult, ratio: str, one: Winner, other: Winner) -> tuple[float, float, float]:
    """Return the paired difference of two pairs of method and classifier, with its interval."""
    scores = result.scores()
    pairs = differences(
        scores[ratio, one.method, one.classifier], scores[ratio, other.method, other.classifier]
    )
    if not len(pairs):
        return one.mean - other.mean, math.nan, math.nan
    return mean_interval(np.asarray(pairs), overlap=result.overlap)
