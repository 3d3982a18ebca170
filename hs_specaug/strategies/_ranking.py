"""Which strategy helps, by how much, and whether that can be told from chance."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..studies._statistics import SCORE_NAMES, holm, in_words, mean_interval, paired_p_value
from ._candidates import COMPOSITE, NO_OVERSAMPLING


@dataclass(repr=False)
class StrategyRanking:
    """Every strategy and baseline, best first.

    Attributes
    ----------
    rows : list of dict
        For each line ``strategy``, ``kind`` (``"composite"``, ``"baseline"`` or ``"rival"``),
        ``repetitions``, ``eliminated``, ``score`` with ``score_low`` and ``score_high``, the
        paired ``gain`` over no oversampling with ``gain_low`` and ``gain_high``, ``p_value``,
        ``p_holm`` (adjusted for the number of composites) and ``seconds`` per repetition.
    scores : dict of str to ndarray of shape (repetitions, folds)
        What the rows were computed from.
    scoring : str
        Name of the score.
    overlap : float
        Scored rows divided by training rows, as used in the intervals; 0 if they take the
        splits as independent.
    holdout : dict of str to tuple
        Score, and ends of its interval, of the winner and the baselines on rows that the search
        never saw; empty where none were held out.
    """

    rows: list[dict[str, Any]]
    scores: dict[str, np.ndarray]
    scoring: str
    overlap: float
    holdout: dict[str, tuple[float, float, float]]

    @classmethod
    def from_scores(
        cls,
        scores: Mapping[str, Sequence[Sequence[float]]],
        kinds: Mapping[str, str],
        seconds: Mapping[str, float],
        *,
        scoring: str = "f1_macro",
        overlap: float = 0.0,
        holdout: Mapping[str, tuple[float, float, float]] | None = None,
    ) -> StrategyRanking:
        """Rank candidates by their scores in the same repetitions.

        Parameters
        ----------
        scores : dict of str to array-like of shape (repetitions, folds)
            One entry must be ``"no oversampling"``. A candidate with fewer repetitions than
            that was eliminated and comes last.
        kinds, seconds : dict of str
            Kind, and seconds of one repetition, of each.
        scoring, overlap, holdout
            See the attributes.
        """
        arrays = {name: np.asarray(values, dtype=float) for name, values in scores.items()}
        reference = arrays[NO_OVERSAMPLING]
        rows = []
        for name, values in arrays.items():
            gains = (values - reference[: len(values)]).ravel()
            row: dict[str, Any] = {
                "strategy": name,
                "kind": kinds[name],
                "repetitions": len(values),
                "eliminated": len(values) < len(reference),
            }
            for what, numbers in (("score", values.ravel()), ("gain", gains)):
                mean, low, high = mean_interval(numbers, overlap=overlap)
                if what == "score" and scoring in SCORE_NAMES:
                    low, high = np.clip([low, high], 0.0, 1.0).tolist()
                row |= {what: mean, f"{what}_low": low, f"{what}_high": high}
            row["p_value"] = paired_p_value(gains, overlap=overlap)
            row["p_holm"] = math.nan
            row["seconds"] = float(seconds[name])
            rows.append(row)
        # What was eliminated lost to the others on the repetitions it had.
        family = [row for row in rows if row["kind"] == COMPOSITE]
        tested = [math.nan if row["eliminated"] else row["p_value"] for row in family]
        for row, adjusted in zip(family, holm(tested).tolist(), strict=True):
            row["p_holm"] = adjusted
        rows.sort(key=lambda row: (-row["repetitions"], -row["gain"]))
        return cls(rows, arrays, scoring, overlap, dict(holdout or {}))

    @property
    def best(self) -> dict[str, Any]:
        """The row of the best composite."""
        return next(row for row in self.rows if row["kind"] == COMPOSITE)

    def __getitem__(self, strategy: str) -> dict[str, Any]:
        """Return the row of a strategy."""
        for row in self.rows:
            if row["strategy"] == strategy:
                return row
        raise KeyError(f"no strategy {strategy!r}; there are {list(self.scores)}")

    def difference(self, one: str, other: str) -> tuple[float, float, float]:
        """Return the paired difference of two candidates and its 95 % interval."""
        n = min(len(self.scores[one]), len(self.scores[other]))
        pairs = self.scores[one][:n] - self.scores[other][:n]
        return mean_interval(pairs.ravel(), overlap=self.overlap)

    # --- in words --------------------------------------------------------------------------

    @property
    def score_name(self) -> str:
        """Name of the score, as people say it."""
        return SCORE_NAMES.get(self.scoring, self.scoring)

    @property
    def verdict(self) -> str:
        """What the table says, in words."""
        best = self.best
        composites = [row for row in self.rows if row["kind"] == COMPOSITE]
        winners = [r for r in composites if r["p_holm"] < 0.05 and r["gain"] > 0]
        best_in_words = (
            f"{best['strategy']!r}, gains {_interval(best, 'gain', '+.3f')} in {self.score_name} "
            f"(Holm p = {best['p_holm']:.2g})"
        )
        if winners:
            several = f"{len(winners)} of {len(composites)} strategies beat"
            one = "The only strategy beats" if len(composites) == 1 else "One strategy beats"
            start = f"{several if len(winners) > 1 else one} {NO_OVERSAMPLING} here"
            named = ", ".join(repr(row["strategy"]) for row in winners if row is not best)
            sentences = [f"{start}{': ' if named else ''}{named}. The best, {best_in_words}."]
        elif math.isnan(best["p_value"]):
            sentences = [
                f"One score tells nothing about chance: the best, {best_in_words}; raise "
                "repetitions."
            ]
        else:
            sentences = [
                f"No strategy beats {NO_OVERSAMPLING} here: the best of {len(composites)}, "
                f"{best_in_words}."
            ]
        return " ".join([*sentences, *self._against_others(), self._optimism()])

    def _against_others(self) -> list[str]:
        others = [r for r in self.rows if r["kind"] != COMPOSITE]
        rivals = [r for r in others if r["strategy"] != NO_OVERSAMPLING]
        if not rivals:
            return []
        rival = max(rivals, key=lambda row: row["gain"])
        mean, low, high = self.difference(self.best["strategy"], rival["strategy"])
        if math.isnan(low):
            return []
        opinion = "is better than" if low > 0 else "is worse than" if high < 0 else ""
        return [
            f"It {opinion or 'cannot be told from'} {rival['strategy']!r}, the best without "
            f"perturbations: {mean:+.3f} [{low:+.3f}, {high:+.3f}]."
        ]

    def _optimism(self) -> str:
        name = self.best["strategy"]
        if name in self.holdout:
            here, none = (in_words(self.holdout[key], ".3f") for key in (name, NO_OVERSAMPLING))
            return f"On rows that the search never saw it scores {here}, {NO_OVERSAMPLING} {none}."
        n = sum(row["kind"] == COMPOSITE for row in self.rows)
        if n == 1:
            return ""
        return f"The score of the best of {n} is optimistic; holdout=0.25 would show how much."

    def table(self) -> str:
        """Return all rows as text, best first."""
        width = max(len(row["strategy"]) for row in self.rows)
        head = [f"{self.score_name} [95 %]", "gain [95 %]", "Holm p", "s"]
        lines = [f"{'strategy':{width}}  {head[0]:>22}  {head[1]:>25}  {head[2]:>7}  {head[3]:>7}"]
        for row in self.rows:
            is_reference = row["strategy"] == NO_OVERSAMPLING
            gain = "" if is_reference else _interval(row, "gain", "+.3f")
            p = f"{row['p_holm']:.2g}" if row["kind"] == COMPOSITE else ""
            out = f"  out after {row['repetitions']}" if row["eliminated"] else ""
            lines.append(
                f"{row['strategy']:{width}}  {_interval(row, 'score', '.3f'):>22}  {gain:>25}  "
                f"{p:>7}  {row['seconds']:>7.2f}{out}"
            )
        return "\n".join(lines)

    def __repr__(self) -> str:
        n = max(row["repetitions"] for row in self.rows)
        folds = next(iter(self.scores.values())).shape[1]
        times = f"{n} repetition{'s' if n > 1 else ''}" + (f" × {folds} folds" if folds > 1 else "")
        how = "corrected for shared training rows" if self.overlap else "splits as independent"
        notes = f"gain: paired, over {NO_OVERSAMPLING!r}; Student t over {times}, {how}"
        return f"{self.table()}\n{notes}\n{self.verdict}"

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain Python objects, for JSON; NaN becomes None."""

        def plain(value: Any) -> Any:
            return None if isinstance(value, float) and math.isnan(value) else value

        return {
            "rows": [{key: plain(value) for key, value in row.items()} for row in self.rows],
            "scores": {name: values.tolist() for name, values in self.scores.items()},
            "scoring": self.scoring,
            "overlap": self.overlap,
            "holdout": {k: [plain(x) for x in v] for k, v in self.holdout.items()},
            "verdict": self.verdict,
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> StrategyRanking:
        """Rebuild a ranking from :meth:`to_dict`."""

        def number(value: Any) -> Any:
            return math.nan if value is None else value

        return cls(
            rows=[{key: number(value) for key, value in row.items()} for row in values["rows"]],
            scores={name: np.array(v, dtype=float) for name, v in values["scores"].items()},
            scoring=values["scoring"],
            overlap=float(values["overlap"]),
            holdout={k: tuple(number(x) for x in v) for k, v in values["holdout"].items()},
        )

    def plot(self, ax: Any = None) -> Any:
        """Draw all scores, best on top, see :func:`plot_ranking`."""
        from ._plots import plot_ranking

        return plot_ranking(self, ax)


def _interval(row: dict[str, Any], what: str, form: str) -> str:
    return in_words((row[what], row[f"{what}_low"], row[f"{what}_high"]), form)
