"""A study with everything at its default, on measured spectra: what a user gets who sets nothing.

Infrared spectra of polymers (975 to 1800 per cm, min-max per spectrum) and impedance spectra of
nine circuits, the classes as they are. Methods: those that `Study` takes by default and one
perturbation of spectra; all baselines, all classifiers, ten repetitions. Every cell is written as
it is made; started again, the benchmark goes on from there.
"""

from __future__ import annotations

import json
import time
import warnings
from pathlib import Path

import few_shot
import impedance_circuits
import numpy as np
from _machine import machine, parser, write
from sklearn.exceptions import ConvergenceWarning

from hs_specaug.exceptions import SpecAugWarning
from hs_specaug.studies import Study

METHODS = ("smote", "few-shot", "shift+baseline+gaussian-noise")
SEED = 0
IMPEDANCE_ROWS = 40


def load(task: str) -> tuple[np.ndarray, np.ndarray]:
    """Return spectra and labels; of the impedance set what the laboratory of the task has."""
    X, y = few_shot.load(task)
    if task == "polymers":
        return X, y
    rng = np.random.default_rng(SEED)
    few = {c: 8 if c in impedance_circuits.RARE else IMPEDANCE_ROWS for c in np.unique(y).tolist()}
    rows = [rng.permutation(np.flatnonzero(y == c))[:n] for c, n in few.items()]
    keep = np.sort(np.concatenate(rows))
    return X[keep], y[keep]


def main() -> None:
    arguments = parser(__doc__ or "")
    arguments.add_argument("--cells", type=Path, default=Path("study_defaults"))
    arguments.add_argument("--data", nargs="+", default=["polymers", "impedance"])
    options = arguments.parse_args()
    warnings.simplefilter("ignore", SpecAugWarning)
    warnings.simplefilter("ignore", ConvergenceWarning)
    path = options.output
    results = json.loads(path.read_text()) if path.is_file() else {"data": {}}
    for task in options.data:
        started = time.perf_counter()
        study = Study(
            METHODS,
            repetitions=2 if options.quick else 10,
            classifier_updates=20 if options.quick else 400,
            results=options.cells.with_name(f"{options.cells.name}.{task}.jsonl"),
            random_state=SEED,
        )
        found = study.run(*load(task))
        print(found, flush=True)
        results["data"][task] = found.to_dict() | {"seconds": time.perf_counter() - started}
        write(path, results | {"seed": SEED, "machine": machine()})


if __name__ == "__main__":
    main()
