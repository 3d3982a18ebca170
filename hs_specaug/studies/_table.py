"""Tables of a study as text."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ._cell import SCORES

if TYPE_CHECKING:
    from ._result import StudyResult

HEADS = {
    "precision": "precision",
    "recall": "recall",
    "f_score": "F-score",
    "accuracy": "accuracy",
}


def table(result: StudyResult, score: str, classifier: str | None, markdown: bool) -> str:
    """Return one block for each ratio, see :meth:`StudyResult.table`."""
    if classifier is not None and classifier not in result.classifiers:
        raise ValueError(f"no classifier {classifier!r}, there are {result.classifiers}")
    blocks = []
    for ratio in result.ratios:
        heads, lines = _block(result, ratio, score, classifier)
        text = _as_markdown(heads, lines) if markdown else _as_text(heads, lines)
        blocks.append(text if len(result.ratios) == 1 else f"{ratio}\n{_gap(markdown)}{text}")
    return ("\n\n" if markdown else "\n").join(blocks)


def _gap(markdown: bool) -> str:
    return "\n" if markdown else ""


def _block(
    result: StudyResult, ratio: str, score: str, classifier: str | None
) -> tuple[list[str], list[list[str]]]:
    if classifier is None:
        columns = [(name, score, name) for name in result.classifiers]
    else:
        columns = [(HEADS[name], name, classifier) for name in SCORES]
    found = {name: result.scores(name) for name in {column[1] for column in columns}}
    lines = []
    for method in result.methods:
        values = [found[what].get((ratio, method, who)) for _, what, who in columns]
        if any(value is not None for value in values):
            lines.append([method, *map(mean_and_sd, values)])
    return ["method", *(head for head, _, _ in columns)], lines


def mean_and_sd(scores: dict[int, float] | None) -> str:
    """Return ``0.887 (0.021)``; nothing where there is no such cell."""
    if scores is None:
        return ""
    if not scores:
        return "failed"
    values = list(scores.values())
    spread = f" ({np.std(values, ddof=1):.3f})" if len(values) > 1 else ""
    return f"{np.mean(values):.3f}{spread}"


def _as_text(heads: list[str], lines: list[list[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(heads, *lines, strict=True)]
    out = []
    for line in (heads, *lines):
        cells = [f"{line[0]:{widths[0]}}"]
        cells += [f"{cell:>{width}}" for cell, width in zip(line[1:], widths[1:], strict=True)]
        out.append("  ".join(cells).rstrip())
    return "\n".join(out)


def _as_markdown(heads: list[str], lines: list[list[str]]) -> str:
    rule = ["---", *["---:"] * (len(heads) - 1)]
    return "\n".join(f"| {' | '.join(line)} |" for line in (heads, rule, *lines))


def times_table(result: StudyResult) -> list[dict[str, Any]]:
    """Return mean seconds of each method under each ratio, see :attr:`StudyResult.times`."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in result.rows:
        if row["error"] is None:
            groups.setdefault((row["ratio"], row["method"]), []).append(row)
    out = []
    for (ratio, method), rows in groups.items():
        line: dict[str, Any] = {"ratio": ratio, "method": method}
        once = {(row["repetition"], row["fold"]): row for row in rows}.values()
        for name in ("generator", "sampling"):
            line[name] = _mean([row[f"{name}_seconds"] for row in once])
        for classifier in result.classifiers:
            own = [row["classifier_seconds"] for row in rows if row["classifier"] == classifier]
            line[classifier] = _mean(own)
        out.append(line)
    return out


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else math.nan
