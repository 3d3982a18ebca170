"""What the examples share: their options, and the table and verdict of a fair comparison."""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hs_specaug.evaluation import ClassificationReport, scores_from_confusion


def read_options(description: str) -> argparse.Namespace:
    """Return the options ``output`` (a folder, made if need be) and ``quick``."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "--output", type=Path, default=Path("output"), help="folder of figure and tables"
    )
    parser.add_argument(
        "--quick", action="store_true", help="a few epochs only: shows the steps, not the result"
    )
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    return options


class Comparison:
    """Several augmentations, judged on the same real spectra that none of them has seen.

    Parameters
    ----------
    truth : ndarray of int of shape (n,)
        Class codes of the scored spectra.
    classes : sequence of str
        Class names in the order of the codes.
    rare : sequence of str
        The classes that are rare in training.
    random_state : int
        Seed of the bootstrap.
    """

    def __init__(
        self, truth: np.ndarray, classes: Sequence[str], rare: Sequence[str], random_state: int
    ) -> None:
        self.truth = np.asarray(truth)
        self.classes = list(classes)
        self.rare = [self.classes.index(name) for name in rare]
        self.random_state = random_state
        self.predicted: dict[str, np.ndarray] = {}
        self.reports: dict[str, ClassificationReport] = {}

    def add(self, name: str, predicted: np.ndarray) -> ClassificationReport:
        """Score one augmentation by its predicted codes of the scored spectra."""
        confusion = np.zeros((1, len(self.classes), len(self.classes)), dtype=int)
        np.add.at(confusion[0], (self.truth, predicted), 1)
        self.predicted[name] = np.asarray(predicted)
        self.reports[name] = ClassificationReport.from_confusions(
            confusion, self.classes, random_state=self.random_state
        )
        return self.reports[name]

    def gain(self, name: str, over: str) -> tuple[float, float, float]:
        """Return the difference in macro F-score of two methods and its 95 % interval.

        The bootstrap is paired: both methods are scored on the same draws of spectra.
        """
        k = len(self.classes)
        joint = np.zeros((k, k, k), dtype=int)
        np.add.at(joint, (self.truth, self.predicted[name], self.predicted[over]), 1)
        rng = np.random.default_rng(self.random_state)
        draws = rng.multinomial(joint.sum(), joint.ravel() / joint.sum(), size=2000)
        draws = np.concatenate([[joint.ravel()], draws]).reshape(-1, k, k, k)
        first, second = (
            scores_from_confusion(draws.sum(axis=other))["f_score"].mean(axis=-1)
            for other in (3, 2)
        )
        low, high = np.percentile((first - second)[1:], [2.5, 97.5])
        return float((first - second)[0]), float(low), float(high)

    def rare_recall(self, name: str) -> tuple[float, float, float]:
        """Return the mean recall of the rare classes and its 95 % interval."""
        confusion = self.reports[name].confusion_matrix
        recall = scores_from_confusion(confusion)["recall"][self.rare].mean()
        # Recall of a class depends on its own row only, so the rows are drawn one by one.
        rng = np.random.default_rng(self.random_state)
        draws = np.mean(
            [
                rng.binomial(row.sum(), row[code] / row.sum(), size=2000) / row.sum()
                for code, row in enumerate(confusion)
                if code in self.rare
            ],
            axis=0,
        )
        return float(recall), *(float(v) for v in np.percentile(draws, [2.5, 97.5]))

    def rows(self) -> list[list[str]]:
        """Return the table as text: a line of headings, then one line for each method."""
        rare = ", ".join(self.classes[code] for code in self.rare)
        rare = rare if len(self.rare) == 1 else f"{len(self.rare)} rare classes"
        table = [
            ["augmentation", "macro F [95 %]", f"recall of {rare} [95 %]", "gain over none [95 %]"]
        ]
        for name, report in self.reports.items():
            low, high = report.intervals["f_score"][:, -1]
            gain = (
                ""
                if name == "none"
                else "{:+.3f} [{:+.3f}, {:+.3f}]".format(*self.gain(name, "none"))
            )
            table.append(
                [
                    name,
                    f"{report.macro_f_score:.3f} [{low:.3f}, {high:.3f}]",
                    "{:.3f} [{:.3f}, {:.3f}]".format(*self.rare_recall(name)),
                    gain,
                ]
            )
        return table

    def markdown(self) -> str:
        """Return the table in Markdown, which is readable as it is."""
        rows = self.rows()
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        rows.insert(1, ["-" * width for width in widths])
        lines = [" | ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in rows]
        return "\n".join(f"| {line} |" for line in lines) + "\n"

    def verdict(self, quick: bool = False) -> str:
        """Say in words what helped, and whether the learned generator was worth its time."""
        if quick:
            return "None: with --quick nothing is trained long enough to compare."
        learned = "three-player"
        others = [name for name in self.reports if name not in ("none", learned)]
        helped = [name for name in (*others, learned) if self.gain(name, "none")[1] > 0]
        harmed = [name for name in (*others, learned) if self.gain(name, "none")[2] < 0]
        sentences = [
            f"Better than no augmentation: {', '.join(helped)}."
            if helped
            else "No augmentation helped here."
        ]
        if harmed:
            sentences.append(f"Worse than no augmentation: {', '.join(harmed)}.")
        rival = max(others, key=lambda name: self.reports[name].macro_f_score)
        difference, low, high = self.gain(learned, rival)
        if low > 0:
            opinion = f"beats {rival}"
        elif high < 0:
            opinion = f"is worse than {rival}, which costs no training"
        else:
            opinion = f"cannot be told from {rival}, which costs no training"
        sentences.append(
            f"The {learned} GAN {opinion}: {difference:+.3f} [{low:+.3f}, {high:+.3f}] in macro F."
        )
        return " ".join(sentences)

    def save(self, folder: Path, name: str, quick: bool = False) -> list[Path]:
        """Write ``name.csv`` and ``name.md`` and return their paths."""
        paths = [folder / f"{name}.csv", folder / f"{name}.md"]
        with paths[0].open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            scores = ("macro_f", "rare_recall", "gain_over_none")
            writer.writerow(
                ["augmentation", *(f"{s}{end}" for s in scores for end in ("", "_low", "_high"))]
            )
            for method, report in self.reports.items():
                interval = report.intervals["f_score"][:, -1]
                gain = (0.0, 0.0, 0.0) if method == "none" else self.gain(method, "none")
                values = (report.macro_f_score, *interval, *self.rare_recall(method), *gain)
                writer.writerow([method, *(f"{v:.4f}" for v in values)])
        paths[1].write_text(f"{self.markdown()}\n{self.verdict(quick)}\n", encoding="utf-8")
        return paths

    def plot(self, ax) -> None:
        """Draw macro F-scores and the recall of the rare classes, with their intervals."""
        names = list(self.reports)
        position = np.arange(len(names), dtype=float)
        series = {
            "macro F-score": [
                (self.reports[n].macro_f_score, *self.reports[n].intervals["f_score"][:, -1])
                for n in names
            ],
            "recall of the rare class" + ("es" if len(self.rare) > 1 else ""): [
                self.rare_recall(n) for n in names
            ],
        }
        for (label, values), shift, colour, marker in zip(
            series.items(), (-0.12, 0.12), ("#0072B2", "#D55E00"), ("o", "s"), strict=True
        ):
            value, low, high = np.transpose(values)
            ax.errorbar(
                value,
                position + shift,
                xerr=np.clip([value - low, high - value], 0, None),
                fmt=marker,
                color=colour,
                capsize=3,
                label=label,
            )
        ax.set_yticks(position, names)
        ax.set_ylim(len(names) - 0.5, -0.5)
        ax.set_xlim(-0.02, 1.02)
        ax.grid(axis="x", alpha=0.3)
        ax.set_xlabel("score on unseen real spectra")
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2, frameon=False)
