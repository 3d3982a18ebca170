"""A comparison as text: tables that fit a terminal, and a verdict in words."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import binom

from ._usefulness import BOTH, REAL, SYNTHETIC, Usefulness

if TYPE_CHECKING:
    from ..metrics._memorisation import MemorisationReport
    from ._report import ComparisonReport

NOTHING = "not computed, the notes say why"
#: What a note says of a class with too few rows.
TOO_FEW = re.compile(
    r"(?P<what>.+) of class '(?P<name>.*)': "
    r"needs at least (?P<need>\d+ real and \d+ synthetic rows), got \d+ and \d+"
)
#: Columns of text.
WIDTH = 110
#: More flagged rows than this chance allows are no chance.
SIGNIFICANCE = 0.01


def figure_table(report: ComparisonReport, metrics: Sequence[str], width: int) -> str:
    """Return figures and their baselines, two lines per class, in blocks of `width` columns."""
    known = _computed(report, metrics)
    shown = [
        i
        for i in range(len(report.classes))
        if any(not np.isnan(report.values[m][i]) for m in known)
    ]
    head = [["", "", "rows"]]
    for i in shown:
        name = report.classes[i]
        head.append([name, "synthetic", str(report.n_synthetic[i])])
        head.append(["", "real", str(report.n_real[i])])
    blocks: list[list[list[str]]] = []
    for column in (_column(report, m, shown) for m in known):
        if not blocks or _width([*_columns(head), *blocks[-1], column]) > width:
            blocks.append([])
        blocks[-1].append(column)
    tables = [_joined([*_columns(head), *block]) for block in blocks]
    lines = [_detail(report, m, width) for m in metrics if m in report.details]
    return "\n".join([*tables, *lines]) or (NOTHING if metrics else "")


def _computed(report: ComparisonReport, metrics: Sequence[str]) -> list[str]:
    """Return the metrics known of any class; the notes say why others are not."""
    known = [m for m in metrics if m in report.values]
    return [m for m in known if not np.isnan(report.values[m]).all()]


def _detail(report: ComparisonReport, metric: str, width: int) -> str:
    """Return what is known of all rows of the classes, besides the figures from thirds."""
    found = "; ".join(f"{name} {_numbers(v)}" for name, v in report.details[metric].items())
    title = report.titles[metric]
    return textwrap.fill(f"{title} of whole classes: {found}", width, subsequent_indent="  ")


def _numbers(found: dict[str, float]) -> str:
    low, high = found.get("low"), found.get("high")
    single = [f"{k} {v:.3g}" for k, v in found.items() if k not in ("value", "low", "high")]
    value = [f"{found['value']:.3g}"] if "value" in found else []
    interval = f" [{low:.3g}, {high:.3g}]" if low is not None and high is not None else ""
    return ", ".join([*value, *single]) + interval


def _column(report: ComparisonReport, metric: str, classes: Sequence[int]) -> list[str]:
    cells = [report.titles[metric]]
    for i in classes:
        value = report.values[metric][i]
        low, high = report.intervals[metric][:, i]
        mark = "" if report.reached[metric][i] or np.isnan(value) else " *"
        cells.append(f"{value:.3g}{mark}")
        cells.append(_with_interval(report.baseline[metric][i], low, high))
    return cells


def _with_interval(mean: float, low: float, high: float) -> str:
    """Return a mean and its interval, with as many digits as its width deserves."""
    half = (high - low) / 2
    if np.isnan(mean):
        return "nan"
    digits = 1 - math.floor(math.log10(half)) if half > 0 else 3
    form = f".{max(digits, 0)}f" if digits <= 4 and abs(high) < 1e5 else ".2g"
    return f"{mean:{form}} [{low:{form}}, {high:{form}}]"


def _columns(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _width(columns: Sequence[Sequence[str]]) -> int:
    return sum(max(map(len, column)) + 2 for column in columns) - 2


def _joined(columns: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in columns]
    return "\n".join(
        "  ".join(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=True)).rstrip()
        for row in zip(*columns, strict=True)
    )


def memorisation_table(report: ComparisonReport) -> str:
    """Return one line per class: distances, authenticity and flagged rows, beside real rows."""
    head = ["", "synthetic", "training", "distance ratio", "authenticity", "too near", "by chance"]
    rows = [head]
    for name, found in report.memorisation.items():
        n = len(found.distances)
        mark = " *" if has_copied(found) else ""
        copies = f", {int(found.copies.sum())} copies" if found.copies.any() else ""
        rows.append(
            [
                name,
                str(n),
                str(found.n_training),
                f"{found.ratio:.3g} [{found.baseline_ratio:.3g}]",
                f"{found.authenticity:.3g} [{found.baseline_authenticity:.3g}]",
                f"{len(found.flagged)}{mark}{copies}",
                f"{found.chance * n:.1f}",
            ]
        )
    legend = "in brackets what held-out real rows have; * more rows are too near than by chance"
    return f"{_joined(_columns(rows))}\n{legend}"


def has_copied(found: MemorisationReport) -> bool:
    """Whether more rows lie too near to a training row than chance allows, or one is a copy."""
    expected = binom.sf(len(found.flagged) - 1, len(found.distances), found.chance)
    return bool(found.copies.any() or expected < SIGNIFICANCE)


# --- in words --------------------------------------------------------------------------------


def verdict(report: ComparisonReport) -> str:
    """Say in words what the figures show."""
    sentences = [_likeness(report)] if report.values else []
    score = report.details.get("inception-score", {}).get("all classes")
    if score is not None:
        interval = _with_interval(score["real"], score["low"], score["high"])
        sentences.append(
            f"The Inception score is {score['synthetic']:.3g}, that of real images {interval}."
        )
    if report.usefulness is not None:
        sentences.append(_worth(report.usefulness))
    if report.memorisation:
        sentences.append(_copying(report))
    return (
        "\n".join(textwrap.fill(s, WIDTH) for s in sentences)
        or "Nothing could be computed; the notes say why."
    )


def _likeness(report: ComparisonReport) -> str:
    parts, alike, unknown = [], [], []
    for i, name in enumerate(report.classes):
        known = [m for m, values in report.values.items() if not np.isnan(values[i])]
        missed = [report.titles[m] for m in known if not report.reached[m][i]]
        if not known:
            unknown.append(name)
        elif missed:
            parts.append(f"{name} in {_listed(missed)}")
        else:
            alike.append(name)
    sentences = []
    if alike:
        sentences.append(
            f"{_listed(alike)}: as much like real rows as other real rows are, in every figure."
        )
    if parts:
        sentences.append(f"Unlike real rows: {'; '.join(parts).rstrip('.')}.")
    told = [
        f"{name} (accuracy {found['accuracy']:.2f}, p {found['p']:.1g})"
        for name, found in report.details.get("c2st", {}).items()
        if found["p"] < SIGNIFICANCE and report.reached["c2st"][report.classes.index(name)]
    ]
    if told:
        sentences.append(f"Told apart by the two-sample test of whole classes: {'; '.join(told)}.")
    if unknown:
        sentences.append(f"Too few rows to say: {_listed(unknown)}.")
    return " ".join(sentences)


def _worth(found: Usefulness) -> str:
    score = found.reports[REAL].macro_f_score
    gain = found.gains[BOTH]
    after = found.reports[BOTH].macro_f_score
    if gain.low > 0:
        what = f"Added to real rows, synthetic ones raise the macro F-score of {found.classifier}"
    elif gain.high < 0:
        what = f"Added to real rows, synthetic ones lower the macro F-score of {found.classifier}"
    else:
        what = f"No difference to {found.classifier} that chance would not make: macro F-score"
    text = f"{what} from {score:.3f} to {after:.3f} (difference {gain})."
    if SYNTHETIC in found.reports:
        text += f" Synthetic rows alone give {found.reports[SYNTHETIC].macro_f_score:.3f}."
    return text


def _copying(report: ComparisonReport) -> str:
    copied = [
        f"{len(found.flagged)} of {len(found.distances)} rows of {name}"
        + (f" ({int(found.copies.sum())} of them copies)" if found.copies.any() else "")
        for name, found in report.memorisation.items()
        if has_copied(found)
    ]
    if not copied:
        return "Not nearer to the training rows than chance allows: no sign of memorisation."
    return (
        f"Nearer to training rows than unseen real rows are: {'; '.join(copied)}. Look at them "
        "with report.plot_flagged()."
    )


def _listed(words: Sequence[str]) -> str:
    """Return words as they are listed in a sentence."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def condensed(report: ComparisonReport) -> list[str]:
    """Return the notes, with one line for all figures that lack rows of the same classes."""
    others: list[str] = []
    needs: dict[str, str] = {}
    lacking: dict[str, list[str]] = {}
    for note in report.notes:
        found = TOO_FEW.fullmatch(note)
        if found is None:
            others.append(note)
        else:
            needs[found["what"]] = found["need"]
            lacking.setdefault(found["what"], []).append(found["name"])
    together: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for what, names in lacking.items():
        together.setdefault((needs[what], tuple(names)), []).append(what)
    few = []
    for (need, absent), figures in together.items():
        classes = "any class" if absent == report.classes else _listed(absent)
        few.append(f"{', '.join(figures)}: {need} are needed; there are fewer of {classes}")
    return few + others
