"""Every trained generator: seconds per update, memory, and what it is worth with four spectra.

Speed: all players' steps per generator update at (32, 1, 800) and, for methods that make images,
at (128, 3, 64, 64), each method in a process of its own; peak resident memory of that process.

Worth: macro F on the tasks "polymers" and "impedance" of ``few_shot.py``, the same splits, seeds,
classifiers and numbers of classifier updates, so that its baselines can be compared with row by
row. The networks see the papers' settings except for the number of steps (`STEPS`): a study at
full length takes hours.

Every figure is written as it comes; started again, the benchmark goes on from there.
"""

from __future__ import annotations

import json
import multiprocessing
import resource
import sys
import time
import warnings
from pathlib import Path
from queue import Empty

import few_shot
import numpy as np
from _machine import machine, parser, write
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import f1_score

import hs_specaug
from hs_specaug._registry import GENERATORS, find_method
from hs_specaug.evaluation import fit_fold
from hs_specaug.exceptions import SpecAugWarning
from hs_specaug.generators._network_generator import NetworkGenerator
from hs_specaug.networks import RangeScaler

TASKS = ("polymers", "impedance")
SHAPES = {"spectra": (32, 1, 800), "images": (128, 3, 64, 64)}
STEPS = 300
SETTINGS = {"diffusion": {"epochs": 300}}


def trained_methods() -> list[str]:
    """Return the names of all methods that train networks."""
    return [
        name
        for name in hs_specaug.list_generators()
        if issubclass(find_method(GENERATORS, name), NetworkGenerator)
    ]


def make(name: str, seed: int, **wanted):
    """Return a generator with those of the settings that it has."""
    known = find_method(GENERATORS, name)._get_param_names()
    settings = {k: v for k, v in wanted.items() if k in known}
    return hs_specaug.make_generator(name, random_state=seed, **settings)


# --- speed -----------------------------------------------------------------------------------


def time_updates(name: str, shape: tuple[int, ...], updates: int, queue) -> None:
    """Put seconds per generator update and the growth of peak memory in MB into `queue`."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=shape).astype(np.float32), np.arange(shape[0]) % 4
    generator = make(name, 0, epochs=updates, pretrain_epochs=1, batch_size=shape[0], scoring=None)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        generator.fit(X, y)
    except (ValueError, RuntimeError, MemoryError) as error:
        queue.put({"refused": str(error)[:200]})
        return
    steps = sum(s for player, s in generator.seconds_.items() if player != "autoencoder")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    queue.put({"seconds_per_update": steps / updates, "peak_MB": (peak - before) / 1024})


def answer(worker, queue) -> dict:
    """Wait for what a worker measured, or for its death (a network too large for this machine)."""
    while worker.is_alive() or not queue.empty():
        try:
            return queue.get(timeout=1.0)
        except Empty:
            continue
    return {"refused": f"the process ended with exit code {worker.exitcode}"}


def measure_speed(done: dict, save) -> None:
    context = multiprocessing.get_context("spawn")
    for name in trained_methods():
        for kind, shape in SHAPES.items():
            if kind in done.setdefault(name, {}):
                continue
            queue = context.Queue()
            updates = 8 if kind == "spectra" else 2
            worker = context.Process(target=time_updates, args=(name, shape, updates, queue))
            worker.start()
            done[name][kind] = answer(worker, queue)
            worker.join()
            print(name, kind, done[name][kind], flush=True)
            save()


# --- worth -----------------------------------------------------------------------------------


def measure_worth(task: str, seed: int, done: list[dict], save, quick: bool) -> None:
    X, y = few_shot.load(task)
    train, test = few_shot.split(task, y, seed)
    X = RangeScaler().fit(X[train]).transform(X)
    updates = 20 if quick else few_shot.UPDATES.get(task, 800)
    per_epoch = -(-len(train) // 32)
    epochs = 2 if quick else -(-STEPS // per_epoch)
    for name in trained_methods():
        if any((d["task"], d["seed"], d["method"]) == (task, seed, name) for d in done):
            continue
        wanted = {"epochs": epochs, "pretrain_epochs": epochs, "score_every": 10}
        wanted |= {} if quick else SETTINGS.get(name, {})
        started = time.perf_counter()
        generator = make(name, seed, **wanted).fit(X[train], y[train])
        cell = {"task": task, "seed": seed, "method": name}
        cell["fit_seconds"] = time.perf_counter() - started
        cell["best_epoch"] = int(getattr(generator, "best_epoch_", -1))
        cell["converged"] = bool(getattr(generator, "converged_", False))
        for classifier in few_shot.CLASSIFIERS:
            model = few_shot.classifier(classifier, None, updates, seed)
            fitted = fit_fold(X[train], y[train], model, generator, refit=False)
            cell[classifier] = float(f1_score(y[test], fitted.predict(X[test]), average="macro"))
        print(cell, flush=True)
        done.append(cell)
        save()


def summary(cells: list[dict]) -> dict:
    """Return mean and standard deviation by task, method and classifier."""
    out: dict = {}
    for task in TASKS:
        for name in sorted({c["method"] for c in cells}):
            mine = [c for c in cells if (c["task"], c["method"]) == (task, name)]
            if not mine:
                continue
            out.setdefault(task, {})[name] = {
                what: [float(np.mean(v)), float(np.std(v, ddof=1)) if len(v) > 1 else None]
                for what in (*few_shot.CLASSIFIERS, "fit_seconds", "best_epoch")
                for v in ([c[what] for c in mine],)
            }
    return out


def main() -> None:
    arguments = parser(__doc__ or "")
    arguments.add_argument("--only", choices=("speed", *TASKS), help="one part")
    options = arguments.parse_args()
    path: Path = options.output
    if options.only:
        path = path.with_stem(f"{path.stem}_{options.only}")
    warnings.simplefilter("ignore", SpecAugWarning)
    warnings.simplefilter("ignore", ConvergenceWarning)
    results = json.loads(path.read_text()) if path.is_file() else {}
    results |= {"machine": machine(), "steps": STEPS, "settings": SETTINGS}
    results.setdefault("speed", {})
    results.setdefault("cells", [])

    def save() -> None:
        results["mean_and_sd"] = summary(results["cells"])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(results, indent=1) + "\n")

    if options.only in (None, "speed"):
        measure_speed(results["speed"], save)
    for seed in range(1 if options.quick else 5):
        for task in TASKS:
            if options.only in (None, task):
                measure_worth(task, seed, results["cells"], save, options.quick)
    save()
    write(path, results)


if __name__ == "__main__":
    sys.exit(main())
