"""Fill in the measured numbers of the user guide from ``benchmarks/results/``.

Between ``<!-- measured: NAME -->`` and ``<!-- end -->`` a page holds what the function NAME of this
file returns. Run the file to write the pages anew; a test compares them with the results, so that
no number on them can be changed, or grow old, by hand.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np

HERE = Path(__file__).resolve().parent
PAGES = (HERE / "user_guide" / "which_method.md",)
BLOCK = re.compile(r"(<!-- measured: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
TASKS = {"polymers": "infrared", "impedance": "impedance"}


def benchmark_page() -> ModuleType:
    """Return the module that writes ``benchmarks.md``: it knows how to read the results."""
    spec = importlib.util.spec_from_file_location("page", HERE.parent / "benchmarks" / "page.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


page = benchmark_page()


def gain(task: str, method: str, rival: str) -> tuple[float, float, float] | None:
    """Return the gain in macro F, averaged over the classifiers, and its 95 % interval.

    The interval is Student's over the splits on which both were measured with every classifier.
    """
    scores = {name: page.by_seed(task, name) for name in page.CLASSIFIERS}
    means = []
    for who in (method, rival):
        shared = set.intersection(*(set(s.get(who, {})) for s in scores.values()))
        means.append({i: np.mean([s[who][i] for s in scores.values()]) for i in shared})
    if len(means[0].keys() & means[1].keys()) < 3:
        return None
    return page.paired(*means)


def signed(value: tuple[float, float, float] | None) -> str:
    """Return a gain and its interval as text, bold where the interval lies above zero."""
    if value is None:
        return "–"
    text = "{:+.3f} [{:+.3f}, {:+.3f}]".format(*value)
    return f"**{text}**" if value[1] > 0 else text


def seconds(task: str, method: str) -> str:
    """Return the median time of one fit; of the methods without training also of sampling."""
    cells = page.load(f"generators_{task}")["cells"]
    mine = [c["fit_seconds"] for c in cells if c["method"] == method]
    if not mine:
        mine = [page.load("few_shot")["fit_and_sample_seconds"][task][method]]
    value = float(np.median(mine))
    return f"{value:.0f}" if value >= 1 else f"{value:.2f}"


def compared_methods() -> list[str]:
    """Return every method that was measured on both tasks, the best on average first."""
    names = set.intersection(*(set(page.by_seed(t, n)) for t in TASKS for n in page.CLASSIFIERS))
    names -= {"none", "shared covariance"}  # the latter is the benchmark's own
    gains = {n: [gain(task, n, "none") for task in TASKS] for n in names}
    gains = {n: g for n, g in gains.items() if None not in g}
    return sorted(gains, key=lambda n: -np.mean([g[0] for g in gains[n]]))


def call(method: str) -> str:
    """Return what a user types for a method of the benchmarks."""
    return method if method == "class weights" else f"`{method.replace(' ', '-')}`"


def listed(methods: list[str]) -> str:
    """Return names as text."""
    return ", ".join(call(m) for m in methods) or "nothing"


def gains_over_none() -> str:
    """Return the table of both measured sets."""
    head = ["method", *(f"{kind}, over none" for kind in TASKS.values())]
    head += [*(f"{kind}, over SMOTE" for kind in TASKS.values()), "seconds"]
    rows = []
    for method in compared_methods():
        row = [call(method)]
        row += [signed(gain(task, method, "none")) for task in TASKS]
        row += ["" if method == "smote" else signed(gain(task, method, "smote")) for task in TASKS]
        rows.append([*row, " / ".join(seconds(task, method) for task in TASKS)])
    return page.table(head, rows)


def who_wins() -> str:
    """Say in words which methods beat doing nothing, and which beat SMOTE."""
    trained = {c["method"] for task in TASKS for c in page.load(f"generators_{task}")["cells"]}
    methods, lines = compared_methods(), []
    for task, kind in TASKS.items():
        above = [m for m in methods if gain(task, m, "none")[1] > 0]
        below = [m for m in methods if gain(task, m, "none")[2] < 0]
        beats = [m for m in methods if m != "smote" and gain(task, m, "smote")[1] > 0]
        lines.append(
            f"* **{kind.capitalize()}**: better than doing nothing: {listed(above)}. Worse: "
            f"{listed(below)}. Better than SMOTE: {listed(beats)}. Of {len(trained)} trained "
            f"generators {len(trained & set(above))} beat doing nothing, and "
            f"{len(trained & set(beats))} beat SMOTE."
        )
    return "\n".join(lines) + "\n"


def kept_starts() -> str:
    """Name the methods whose adversarial training never improved on its start."""
    epochs: dict[str, list[int]] = {}
    for task in TASKS:
        for cell in page.load(f"generators_{task}")["cells"]:
            epochs.setdefault(cell["method"], []).append(cell["best_epoch"])
    started = [name for name, kept in epochs.items() if not any(kept)]
    return (
        f"In every run of {listed(started)} the state before the adversarial training was the "
        "best, and was kept: what helps there is the autoencoder that they start from.\n"
    )


def hydrogels() -> str:
    """Return the gains on the two simulated libraries, three classifiers each."""
    results = page.load("few_shot")["scores"]
    methods = ("class weights", "random", "smote", "shift+baseline+gaussian-noise", "few-shot")
    rows = []
    for task in ("pluronic-f127", "alpha-cyclodextrin"):
        for name in page.CLASSIFIERS[:3]:
            cells = results[task][name]
            means = [f"{np.mean(cells[m]['macro_f']):.3f}" for m in ("none", *methods)]
            rows.append([task, name, *means])
    return page.table(["library", "classifier", "none", *map(call, methods)], rows)


def circuits() -> str:
    """Return macro F on impedance spectra with six rows of each rare class."""
    found = page.load("impedance_circuits")
    names = ("cnn", "random forest", "nearest neighbour")
    rows = [
        [method, *(page.mean_sd(found["macro_f"][method][name]) for name in names)]
        for method in ("none", "smote", "three-player")
    ]
    return page.table(["augmentation", *names], rows)


def white_lines() -> str:
    """Return the accuracy of classifiers that saw synthetic white lines only."""
    cells = [c for c in page.load("paper_002_processor")["cells"] if c["dataset"] == "WL"]
    rows = []
    for method in dict.fromkeys(c["method"] for c in cells):
        mine = [c["accuracy"] for c in cells if c["method"] == method]
        name = method if method in ("real rows", "copies", "noise only") else f"`dag`, {method}"
        row = [f"{100 * np.mean([a[k] for a in mine]):.1f}" for k in ("ann", "svm")]
        rows.append([name, *row, str(len(mine))])
    return page.table(["trained on", "ANN, %", "SVM, %", "seeds"], rows)


def searches() -> str:
    """Return what the search of perturbations found on infrared spectra."""
    rows = []
    for name, found in page.load("strategy_search")["classifiers"].items():
        best = max((r for r in found["rows"] if r["kind"] == "composite"), key=lambda r: r["gain"])
        cells = tuple(best[k] for k in ("gain", "gain_low", "gain_high"))
        rows.append([name, f"`{best['strategy']}`", signed(cells), f"{best['p_holm']:.2g}"])
    head = ["classifier", "best of fifteen", "gain over no oversampling", "Holm p"]
    return page.table(head, rows)


def images() -> str:
    """Return macro F on images of three classes, twenty times rarer than the common one."""
    cells = page.load("paper_001_quick")["cells"]
    rows = []
    for method in dict.fromkeys(c["method"] for c in cells):
        mine = [c for c in cells if c["method"] == method]
        spent = [c["fit_seconds"] for c in mine if c.get("fit_seconds", 0) > 1]
        name = method if method == "none" else f"`{method}`"
        minutes = f"{np.median(spent) / 60:.0f}" if spent else "0"
        rows.append([name, page.mean_sd([c["macro_f"] for c in mine]), minutes, str(len(mine))])
    means = {
        method: np.mean([c["macro_f"] for c in cells if c["method"] == method])
        for method in dict.fromkeys(c["method"] for c in cells)
    }
    none = means.pop("none")
    above = listed([m for m, mean in means.items() if mean > none])
    below = listed([m for m, mean in means.items() if mean <= none])
    head = ["method", "macro F", "minutes of training", "seeds"]
    return f"{page.table(head, rows)}\nAbove doing nothing: {above}. Not above: {below}.\n"


def minutes_of_training() -> str:
    """Return the time of a thousand updates at the default settings, on one processor thread."""
    rows = []
    speed = page.load("generators_speed")["speed"]
    for method in sorted(speed, key=lambda m: speed[m]["spectra"]["seconds_per_update"]):
        cells = [
            f"{1000 * found['seconds_per_update'] / 60:.0f}"
            if "seconds_per_update" in (found := speed[method][kind])
            else "–"
            for kind in ("spectra", "images")
        ]
        rows.append([f"`{method}`", *cells])
    return page.table(["method", "32 spectra of 800 channels", "128 images, 3 × 64 × 64"], rows)


BLOCKS: dict[str, Callable[[], str]] = {
    function.__name__: function
    for function in (
        gains_over_none,
        who_wins,
        kept_starts,
        hydrogels,
        circuits,
        white_lines,
        searches,
        images,
        minutes_of_training,
    )
}


def filled(text: str) -> str:
    """Return a page with every block written anew."""
    return BLOCK.sub(lambda m: f"{m[1]}{BLOCKS[m[2]]()}{m[3]}", text)


if __name__ == "__main__":
    for path in PAGES:
        path.write_text(filled(path.read_text(encoding="utf-8")), encoding="utf-8")
