"""Write ``docs/benchmarks.md`` from the results that are there: published beside measured.

Nothing is run here, and a benchmark without results has no section. With ``--check`` the page is
compared with the one on disk, so that no figure can be changed by hand.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from scipy import stats

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "docs" / "benchmarks.md"
CLASSIFIERS = ("nearest neighbour", "logistic regression", "random forest", "cnn")
BASELINES = (
    "none",
    "class weights",
    "random",
    "smote",
    "shift+baseline+gaussian-noise",
    "borrowed variation",
    "few-shot",
)
RIVALS = ("none", "class weights", "smote")

INTRODUCTION = """# Benchmarks

This page is written by `benchmarks/page.py` from the files in `benchmarks/results/`; every one of
them says with which seeds, versions and hardware it was made, and the script of the same name
makes it again. Processors were shared with other work: seconds are upper bounds, ratios within one
run are better.
"""


def load(name: str) -> dict | None:
    """Return results by the name of their file, None where there are none."""
    path = HERE / "results" / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines) + "\n"


def mean_sd(values: Sequence[float]) -> str:
    spread = f" ({np.std(values, ddof=1):.3f})" if len(values) > 1 else ""
    return f"{np.mean(values):.3f}{spread}"


def hardware(results: Mapping) -> str:
    found = results["machine"]
    versions = ", ".join(f"{k} {v}" for k, v in found["versions"].items())
    device = found["cuda"] or f"{found['processor']}, {found['cores']} cores"
    return (
        f"*{device}, {found['torch_threads']} thread(s); Python {found['python']}, {versions}.*\n"
    )


# --- every trained generator -------------------------------------------------------------------


def speed_section() -> str:
    results = load("generators_speed")
    if results is None:
        return ""
    rows = []
    for method, found in results["speed"].items():
        row: list[object] = [f"`{method}`"]
        for kind in ("spectra", "images"):
            cell = found.get(kind, {})
            ran = "seconds_per_update" in cell
            row += [f"{cell['seconds_per_update']:.2f}" if ran else "–"]
            row += [f"{cell['peak_MB']:.0f}" if ran else cell.get("refused", "")]
        rows.append(row)
    head = ["method", "s, (32, 1, 800)", "MB", "s, (128, 3, 64, 64)", "MB"]
    return (
        "## Time and memory of an update\n\nAll players' steps for one update of the generator, at "
        "the default settings, each method in a process of its own; memory is the growth of the "
        "process.\n\n" + table(head, rows) + "\n" + hardware(results) + "\n"
    )


def by_seed(task: str, classifier: str) -> dict[str, dict[int, float]]:
    """Return macro F by method and seed, of baselines and of trained generators."""
    out: dict[str, dict[int, float]] = {}
    baselines = load("few_shot")
    if baselines is not None:
        for method, found in baselines["scores"].get(task, {}).get(classifier, {}).items():
            out[method] = dict(zip(found["seeds"], found["macro_f"], strict=True))
    trained = load(f"generators_{task}")
    cells = trained["cells"] if trained is not None else []
    for method in {c["method"] for c in cells}:
        # In place of what few_shot.py has for it: here all are trained equally long.
        out[method] = {c["seed"]: c[classifier] for c in cells if c["method"] == method}
    return out


def paired(ours: Mapping[int, float], theirs: Mapping[int, float]) -> tuple[float, float, float]:
    """Return the mean difference over the seeds that both have, and its 95 % interval."""
    seeds = sorted(ours.keys() & theirs.keys())
    d = np.array([ours[s] - theirs[s] for s in seeds])
    if len(d) < 2:
        return float(d.mean()) if len(d) else np.nan, -np.inf, np.inf
    half = stats.t.ppf(0.975, len(d) - 1) * d.std(ddof=1) / np.sqrt(len(d))
    return float(d.mean()), float(d.mean() - half), float(d.mean() + half)


def worth_section(task: str, title: str) -> str:
    trained = load(f"generators_{task}")
    if trained is None:
        return ""
    scores = {name: by_seed(task, name) for name in CLASSIFIERS}
    methods = [m for m in BASELINES if m in scores[CLASSIFIERS[0]] or m in scores["cnn"]]
    methods += sorted({c["method"] for c in trained["cells"]})
    rows, pays, harms = [], {}, {}
    for method in methods:
        row: list[object] = [f"`{method}`" if method not in BASELINES[:2] else method]
        for name in CLASSIFIERS:
            found = scores[name].get(method, {})
            row.append(mean_sd(list(found.values())) if found else "–")
        mine = [c for c in trained["cells"] if c["method"] == method]
        row.append(", ".join(str(c["best_epoch"]) for c in mine) or "–")
        row.append(f"{np.median([c['fit_seconds'] for c in mine]):.0f}" if mine else "–")
        rows.append(row)
        for rival in RIVALS:
            gains = [
                paired(scores[n].get(method, {}), scores[n].get(rival, {})) for n in CLASSIFIERS
            ]
            pays.setdefault(rival, {})[method] = sum(low > 0 for _, low, _ in gains)
            harms.setdefault(rival, {})[method] = sum(high < 0 for _, _, high in gains)
    head = ["method", *CLASSIFIERS, "kept epochs", "s"]
    words = []
    for rival in RIVALS:
        better = [f"`{m}` ({n})" for m, n in pays[rival].items() if n and m != rival]
        worse = [f"`{m}` ({n})" for m, n in harms[rival].items() if n and m != rival]
        words.append(
            f"Better than {rival}, paired over the splits at 95 % and uncorrected, with how many "
            f"of the four classifiers: {', '.join(better) or 'nothing'}; worse: "
            f"{', '.join(worse) or 'nothing'}."
        )
    return (
        f"## {title}\n\nMacro F-score, mean (standard deviation) over paired splits, with four "
        "training rows of each rare class; the CNN makes the same number of updates whatever the "
        f"augmentation, the generators {trained['steps']} of theirs. Epoch 0 is the start before "
        "any adversarial training.\n\n"
        + table(head, rows)
        + "\n"
        + " ".join(words)
        + "\n\n"
        + hardware(trained)
        + "\n"
    )


def study_section() -> str:
    results = load("study_defaults")
    if results is None:
        return ""
    from hs_specaug.studies import StudyResult

    parts = [
        "## A study with everything at its default\n\nMacro F-score, mean (standard deviation) over"
        " the splits; a dash where a classifier cannot do what the method asks of it.\n"
    ]
    for task, found in results["data"].items():
        result = StudyResult.from_dict(found)
        cells = {(r["method"], r["classifier"]): r for r in result.summary}
        rows = [
            [method]
            + [
                f"{cells[method, c]['f_score']:.3f} ({cells[method, c]['f_score_sd']:.3f})"
                if (method, c) in cells
                else "–"
                for c in result.classifiers
            ]
            for method in result.methods
        ]
        parts += [
            f"**{task}**, {found['seconds'] / 60:.0f} min\n",
            table(["method", *result.classifiers], rows),
            f"{result.verdict}\n",
        ]
    return "\n".join([*parts, hardware(results)]) + "\n"


def against_transcriptions() -> str:
    results = load("speed")
    if results is None:
        return ""
    import _speed_page

    return (
        "## Against plain transcriptions of the papers\n\n`speed.py`: one update of the generator "
        "with all that belongs to it, package and transcription in turn, medians of five. Loss "
        "terms and gradients of both agree on the same weights. Floors: the operations at the rate "
        "of a large product, the bytes at the rate of a copy.\n\n"
        + "\n".join(
            (
                _speed_page.updates_table(results, table),
                _speed_page.fits_text(results) + "\n",
                _speed_page.use_table(results, table),
                hardware(results),
            )
        )
        + "\n"
    )


def memory_section() -> str:
    results = load("larger_than_memory")
    if results is None:
        return ""
    import _speed_page

    text = _speed_page.memory_table(results, table)
    return f"## Larger than memory\n\n{text}\n{hardware(results)}\n"


# --- honesty -----------------------------------------------------------------------------------


def calibration_section() -> str:
    results = load("calibration")
    if results is None:
        return ""
    rows, machines = [], []
    stages = ("as trained", "prior", "calibrated")
    for task, of_classifier in results["tasks"].items():
        for name, found in of_classifier.items():
            machines.append(found.get("machine"))
            for method, cell in found["mean_over_seeds"].items():
                row: list[object] = [task, name, method]
                for figure in ("ece", "nll"):
                    row.append(" / ".join(f"{cell[stage][figure]:.3f}" for stage in stages))
                row.append(" / ".join(f"{v:.3f}" for v in cell["macro_f"].values()))
                coverage = cell["sets"]["coverage"]
                row += [f"{coverage:.2f}" if coverage is not None else "–"]
                row += [f"{cell['sets']['mean_size']:.1f}"]
                rows.append(row)
    head = [
        "data", "classifier", "augmentation", "calibration error", "negative log-likelihood",
        "macro F by decision", "coverage", "classes in a set",
    ]  # fmt: skip
    known = next((m for m in machines if m), None)
    return (
        "## Probabilities before and after\n\nClasswise expected calibration error and negative "
        "log-likelihood of held-out rows: as the classifier was trained / corrected for the prior "
        "of its training rows / with temperature and strength fitted on inner held-out rows. Macro "
        "F of the decisions `classifier` / `balanced` / `bayes`. Prediction sets at "
        f"{results['confidence']:.0%}.\n\n" + table(head, rows) + "\n"
        + (hardware({"machine": known}) + "\n" if known else "")
    )  # fmt: skip


def metrics_section() -> str:
    results = load("metrics")
    if results is None:
        return ""
    rows = [
        [f"`{name}`", m["shape"], f"{m['cpu_seconds']:.1f}", f"{m['peak_MB']:.0f}"]
        for name, m in results["metrics"].items()
    ]
    head = ["metric", "rows of either set", "processor s", "MB above the data"]
    return f"## Time of the metrics\n\n{table(head, rows)}\n{hardware(results)}\n"


# --- the papers --------------------------------------------------------------------------------

PAPERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "paper_000": ("Three-player GAN: tables 3, 5 and 8 to 13", ("quick", "processor", "full")),
    "paper_001": ("SGBGAN: table 3", ("quick", "processor", "full")),
    "paper_002": ("DAG: tables 1 and 2", ("quick", "processor", "full")),
    "paper_003": ("GANsemble: figure 2, tables 1 and 2", ("quick", "processor", "full")),
}


def paper_section(script: str, title: str, sizes: Sequence[str]) -> str:
    found = {size: load(f"{script}_{size}") for size in sizes}
    if not any(found.values()):
        return ""
    published = json.loads((HERE / f"published{script[5:]}.json").read_text(encoding="utf-8"))
    module = importlib.import_module(script)
    parts = [f"## {title}\n"]
    for size, results in found.items():
        if results is not None:
            parts += [f"### `{script}.py`, {size}\n", module.tables(results, published)]
            parts.append(hardware(results))
    return "\n".join(parts) + "\n"


SECTIONS: tuple[Callable[[], str], ...] = (
    *(lambda s=s, t=t, z=z: paper_section(s, t, z) for s, (t, z) in PAPERS.items()),
    lambda: worth_section("polymers", "Infrared spectra of polymers, four of each rare class"),
    lambda: worth_section("impedance", "Impedance of nine circuits, four of each rare class"),
    study_section,
    against_transcriptions,
    speed_section,
    memory_section,
    calibration_section,
    metrics_section,
)


def page() -> str:
    """Return the whole page."""
    text = "\n".join([INTRODUCTION, *(section() for section in SECTIONS)])
    return text.rstrip() + "\n"


def main() -> int:
    read = argparse.ArgumentParser(description=__doc__)
    read.add_argument("--check", action="store_true", help="compare, write nothing")
    options = read.parse_args()
    sys.path.insert(0, str(HERE))
    text = page()
    if options.check:
        same = PAGE.is_file() and PAGE.read_text(encoding="utf-8") == text
        print("up to date" if same else f"{PAGE.name} is not what the results say: run page.py")
        return 0 if same else 1
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
