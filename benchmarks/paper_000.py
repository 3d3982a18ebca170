"""Paper 000, tables 3, 5 and 8 to 13: nine methods, two hydrogel libraries, three balanced ratios.

The libraries are simulated (the paper's spectra are not public), 800 channels, means of four of
them but in the full size; the same protocol is run on measured impedance spectra of nine circuits
and on infrared spectra of polymers, which the paper has not. Training rows are those of the paper's
tables 1 and 4; all other rows are scored. The CNN has the paper's network and makes the same number
of updates after every method.

Every cell is written down as it comes; started again, the benchmark goes on from there.
"""

from __future__ import annotations

import json
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path

import few_shot
import impedance_circuits
import numpy as np
from _machine import machine, parser, write
from sklearn.exceptions import ConvergenceWarning

import hs_specaug
from hs_specaug.datasets import hydrogel_impedance
from hs_specaug.exceptions import SpecAugWarning
from hs_specaug.networks import RangeScaler
from hs_specaug.studies import Study, StudyResult

METHODS = (
    "smote",
    "borderline-smote",
    "cdragan",
    "bagan-gp",
    "cooperative",
    "acgan",
    "diffusion",
    "three-player",
)
HYDROGELS = ("pluronic-f127", "alpha-cyclodextrin")
MEASURED = ("impedance", "polymers")
SCORES = ("precision", "recall", "f_score")


@dataclass(frozen=True)
class Size:
    """How much of the tables is run."""

    data: tuple[str, ...]
    ratios: int
    repetitions: int
    epochs: int
    pretrain_epochs: int
    classifier_updates: int
    means_of: int
    classifiers: tuple[str, ...] = ("nearest neighbour", "random forest", "cnn")


SIZES = {
    "smoke": Size(("pluronic-f127",), 1, 2, 1, 1, 5, 8, ("nearest neighbour", "cnn")),
    "quick": Size(HYDROGELS, 1, 2, 30, 30, 400, 4),
    "processor": Size((*HYDROGELS, *MEASURED), 3, 3, 60, 60, 750, 4),
    "full": Size((*HYDROGELS, *MEASURED), 3, 10, 150, 100, 750, 1),
}

#: Training rows of the common class and of the rare one: tables 1 and 4.
TRAINING_ROWS = {
    "pluronic-f127": [{"solution": 150, "gel": n} for n in (4, 2, 6)],
    "alpha-cyclodextrin": [{"gel": 120, "solution": n} for n in (6, 3, 10)],
    "impedance": [dict.fromkeys(impedance_circuits.RARE, n) for n in (4, 2, 8)],
}


def load(name: str, means_of: int) -> tuple[np.ndarray, np.ndarray]:
    if name not in HYDROGELS:
        return few_shot.load(name)
    signal = hydrogel_impedance(1, variant=name)
    X = signal.data.reshape(len(signal.data), 1, -1, means_of).mean(axis=-1)
    return X, np.asarray(signal.classes)[signal.labels]


def training_rows(name: str, y: np.ndarray, n_ratios: int) -> list[dict[str, int]]:
    """Return rows per class of each ratio; rare polymers are those with fewer than 12 spectra."""
    if name == "polymers":
        classes, counts = np.unique(y, return_counts=True)
        rare = classes[counts < 12].tolist()
        return [dict.fromkeys(rare, n) for n in (2, 3)][:n_ratios]
    common = {
        label: impedance_circuits.COMMON_ROWS
        for label in np.unique(y).tolist()
        if name == "impedance" and label not in impedance_circuits.RARE
    }
    return [{**common, **rows} for rows in TRAINING_ROWS[name]][:n_ratios]


def generators(size: Size) -> dict:
    """Return the methods with those of the settings that they have."""
    wanted = {"epochs": size.epochs, "pretrain_epochs": size.pretrain_epochs}
    out = {}
    for name in METHODS:
        known = hs_specaug.make_generator(name).get_params()
        settings = {key: value for key, value in wanted.items() if key in known}
        if name == "diffusion" and size.epochs > 1:
            settings["epochs"] = 2 * size.epochs  # one network instead of two or three
        out[name] = hs_specaug.make_generator(name, **settings)
    return out


def run(name: str, size: Size, cells: Path, n_jobs: int | None) -> StudyResult:
    X, y = load(name, size.means_of)
    study = Study(
        generators(size),
        training_rows=training_rows(name, y, size.ratios),
        score_left_out=True,
        repetitions=size.repetitions,
        test_size=0.15 if name in HYDROGELS else 0.5,
        transformers=[RangeScaler()],
        default_classifiers=list(size.classifiers),
        classifier_updates=size.classifier_updates,
        results=cells.with_name(f"{cells.stem}.{name}.jsonl"),
        n_jobs=n_jobs,
        random_state=0,
    )
    return study.run(X, y)


# --- published beside measured -----------------------------------------------------------------


def tables(results: dict, published: dict) -> str:
    """Return the page's section: tables 8 to 13, 3 and 5 of the paper beside what was measured."""
    settings = results["settings"]
    lines = [
        f"{settings['repetitions']} repetitions, {settings['epochs']} epochs, autoencoders "
        f"{settings['pretrain_epochs']} (paper: 10, 150, 100), means of {settings['means_of']} "
        f"channels, {settings['classifier_updates']} updates of the CNN. Mean (standard deviation) "
        "of macro scores. The hydrogel libraries are simulated, the paper's are not public: only "
        "the order of the methods can be compared. Seconds are those of one fit of the generator.",
        "",
    ]
    for name, found in results["data"].items():
        result = StudyResult.from_dict(found)
        for ratio in dict.fromkeys(row["ratio"] for row in result.summary):
            lines += _table(name, ratio, result, published)
        lines += [f"Verdict of the study: {result.verdict}", ""]
    return "\n".join(lines) + "\n"


def _table(name: str, ratio: str, result: StudyResult, published: dict) -> list[str]:
    rows = [row for row in result.summary if row["ratio"] == ratio]
    # The rows of the paper are named as the study names them: "solution: 150, gel: 4".
    wanted = {
        ", ".join(f"{k}: {n}" for k, n in counts.items()): round(
            min(counts.values()) / max(counts.values()), 3
        )
        for counts in TRAINING_ROWS.get(name, ())
    }
    theirs = next(
        (
            table["rows"]
            for table in published.values()
            if table.get("data") == name and table.get("balanced ratio") == wanted.get(ratio)
        ),
        {},
    )
    others = [c for c in dict.fromkeys(r["classifier"] for r in rows) if c != "cnn"]
    head = [
        "method",
        *(f"CNN {s.replace('f_score', 'F')}" for s in SCORES),
        *(f"{c} F" for c in others),
    ]
    head += ["s", "published F"]
    seconds = {r["method"]: r["generator_seconds"] for r in result.rows if r["ratio"] == ratio}
    lines = [f"**{name}, {ratio}**", "", f"| {' | '.join(head)} |", "| --- " * len(head) + "|"]
    for method in dict.fromkeys(row["method"] for row in rows):
        mine = {row["classifier"]: row for row in rows if row["method"] == method}
        cells = [_mean_sd(mine.get("cnn"), score) for score in SCORES]
        cells += [_mean_sd(mine.get(c), "f_score") for c in others]
        spent = seconds.get(method)
        cells.append("" if not spent else f"{spent:.1f}")
        numbers = theirs.get(method, {}).get("f_score")
        cells.append("{:.3f} ({:.2f})".format(*numbers) if numbers else "")
        lines.append(f"| {method} | {' | '.join(cells)} |")
    return [*lines, ""]


def _mean_sd(row: dict | None, score: str) -> str:
    if row is None:
        return ""
    return f"{row[score]:.3f} ({row[f'{score}_sd']:.3f})"


def main() -> None:
    arguments = parser(__doc__ or "")
    arguments.add_argument("--size", choices=tuple(SIZES), default="full")
    arguments.add_argument("--data", nargs="+", choices=(*HYDROGELS, *MEASURED), help="these only")
    arguments.add_argument("--cells", type=Path, default=Path("paper_000"), help="where cells go")
    arguments.add_argument("--jobs", type=int, default=None, help="units of work at once")
    options = arguments.parse_args()
    chosen = "quick" if options.quick else options.size
    size, path = SIZES[chosen], options.output.with_stem(f"{options.output.stem}_{chosen}")
    warnings.simplefilter("ignore", SpecAugWarning)
    warnings.simplefilter("ignore", ConvergenceWarning)
    results = json.loads(path.read_text()) if path.is_file() else {"data": {}}
    for name in options.data or size.data:
        cells = options.cells.with_name(f"{options.cells.name}_{chosen}")
        result = run(name, size, cells, options.jobs)
        print(name, result, flush=True)
        results["data"][name] = result.to_dict()
        write(path, results | {"settings": asdict(size), "machine": machine()})


if __name__ == "__main__":
    main()
