"""Whether probabilities mean what they say: prior correction and temperature, per augmentation.

Tasks: infrared spectra of polymers (60 % train, 40 % are scored), the measured nanocube (30 % of
each class labelled; classes by thresholds as in `examples/eels_nanocube.py`) and the simulated
core-shell map (15 % labelled). The scored rows follow the class shares of the labelled ones.

One set of trainings gives all variants: as the classifier says it, corrected for the prior of
the resampled rows, and calibrated with held-out rows (temperature and prior strength). The macro
F-score is that of the three decisions.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import time
import warnings

import few_shot
import hyperspy.api as hs
import numpy as np
from _machine import machine, parser, write
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import f1_score
from tqdm.auto import tqdm

import hs_specaug
from hs_specaug.classifiers._calibrated import DECISIONS, Calibration, CalibrationPlan
from hs_specaug.datasets import core_shell_map
from hs_specaug.evaluation import (
    brier_score,
    expected_calibration_error,
    fit_calibrated,
    ideal_calibration_error,
    make_splits,
    negative_log_likelihood,
)
from hs_specaug.exceptions import SpecAugWarning

AUGMENTATIONS = ("none", "random", "smote", "few-shot")
CLASSIFIERS = ("random forest", "cnn")
UPDATES = 400
CONFIDENCE = 0.9
STEPS = {
    "background": "power-law",
    "fit_range": (480.0, 525.0),
    "crop": (525.0, 760.0),
    "resample": 1.0,
    "normalize": "max",
}


def share_of_each_class(truth: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Return a mask with about `share` of each class."""
    rng = np.random.default_rng(seed)
    chosen = np.zeros(len(truth), dtype=bool)
    for name in np.unique(truth):
        members = rng.permutation(np.flatnonzero(truth == name))
        chosen[members[: max(2, round(share * len(members)))]] = True
    return chosen


def nanocube() -> tuple[np.ndarray, np.ndarray]:
    path = few_shot.data_file("eels_iron_oxide_nanocube.dm3")
    s = hs.load(path, signal_type="EELS_specaug")
    oxygen = s.preprocess(background="power-law", fit_range=(480.0, 525.0))
    oxygen = oxygen.isig[528.0:560.0].integrate1D(-1).data
    iron = s.preprocess(background="power-law", fit_range=(640.0, 700.0))
    iron = iron.isig[704.0:730.0].integrate1D(-1).data
    strength = (oxygen / np.median(oxygen) + iron / np.median(iron)) / 2
    codes = hs_specaug.label_by_threshold(strength, (0.2, 0.7)).ravel()
    return rows_of(s), np.array(["vacuum", "edge", "interior"])[codes]


def rows_of(s) -> np.ndarray:
    data = s.preprocess(**STEPS).data
    return data.reshape(-1, 1, data.shape[-1]).astype(np.float32)


def load(task: str, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    if task == "polymers":
        X, y = few_shot.load("polymers")
        train, test = make_splits(y, test_size=0.4, random_state=seed)[0]
        return X[train], y[train], X[test], y[test]
    if task == "nanocube":
        X, y = nanocube()
        labelled = share_of_each_class(y, 0.3, seed)
    else:
        s = core_shell_map(seed)
        X = rows_of(s)
        y = np.array(s.classes)[s.metadata.SpecAug.truth["labels"].ravel()]
        labelled = s.labels.ravel() >= 0
    return X[labelled], y[labelled], X[~labelled], y[~labelled]


def classifier(name: str, seed: int, updates: int):
    if name == "cnn":
        return hs_specaug.make_classifier("cnn", max_updates=updates, random_state=seed)
    return RandomForestClassifier(100, random_state=seed)


def variants(found: Calibration) -> dict[str, Calibration]:
    """Return the classifier as it is, theory alone (strength 1), and what held-out rows say."""
    theory = dataclasses.replace(found, temperature=None, strength=None)
    given = dataclasses.replace(theory, prior=found.training_prior)
    return {"as trained": given, "prior": theory, "calibrated": found}


def measure(task: str, seed: int, name: str, method: str, updates: int) -> dict:
    X, y, X_test, y_test = load(task, seed)
    generator = None if method == "none" else hs_specaug.make_generator(method, random_state=seed)
    started = time.perf_counter()
    model, found = fit_calibrated(
        X,
        y,
        classifier(name, seed, updates),
        generator,
        plan=CalibrationPlan("temperature", confidence=CONFIDENCE, random_state=seed),
    )
    seconds = time.perf_counter() - started
    codes = np.searchsorted(model.classes_, y_test)
    given = model.predict_proba(X_test)
    out = {
        "fitted_temperature": found.temperature,
        "strength": found.strength,
        "seconds": seconds,
        "n_scored": len(codes),
    }
    for label, calibration in variants(found).items():
        q = calibration.apply(given)
        out[label] = {
            "ece": expected_calibration_error(q, codes),
            "ece_of_exact": ideal_calibration_error(q, random_state=seed),
            "nll": negative_log_likelihood(q, codes),
            "brier": brier_score(q, codes),
        }
    q = found.apply(given)
    out["macro_f"] = {
        decision: float(
            f1_score(
                codes, dataclasses.replace(found, decision=decision).decide(q), average="macro"
            )
        )
        for decision in DECISIONS
    }
    sets = found.sets(q)
    enough = np.flatnonzero(found.thresholds > 0)
    out["sets"] = {
        "classes_with_enough_rows": len(enough),
        "coverage": [float(sets[codes == c, c].mean()) for c in enough if (codes == c).any()],
        "mean_size": float(sets.sum(axis=1).mean()),
        "not_sure": float((sets.sum(axis=1) != 1).mean()),
    }
    return out


def table(cells: list[dict]) -> dict:
    """Return means over the seeds."""
    out: dict = {}
    for cell in cells:
        of_method = out.setdefault(cell["task"], {}).setdefault(cell["classifier"], {})
        of_method.setdefault(cell["method"], []).append(cell["figures"])

    def mean(parts: list):
        if isinstance(parts[0], dict):
            return {key: mean([part[key] for part in parts]) for key in parts[0]}
        values = [v for part in parts for v in np.atleast_1d(np.array(part, dtype=float))]
        return round(float(np.mean(values)), 4) if values else None

    return {
        task: {c: {m: mean(figures) for m, figures in ms.items()} for c, ms in cs.items()}
        for task, cs in out.items()
    }


def main() -> None:
    arguments = parser(__doc__)
    tasks = ("polymers", "nanocube", "core-shell")
    arguments.add_argument("--tasks", nargs="+", default=tasks, choices=tasks)
    arguments.add_argument("--classifiers", nargs="+", default=CLASSIFIERS, choices=CLASSIFIERS)
    arguments.add_argument("--seeds", type=int, default=3)
    arguments.add_argument("--updates", type=int, default=UPDATES, help="of the network")
    options = arguments.parse_args()
    # Classes are small on purpose.
    warnings.simplefilter("ignore", SpecAugWarning)
    seeds, updates = (1, 20) if options.quick else (options.seeds, options.updates)
    todo = [
        (task, seed, name, method)
        for name in options.classifiers
        for task in options.tasks
        for seed in range(seeds)
        for method in AUGMENTATIONS
    ]
    cells = []
    for task, seed, name, method in tqdm(todo, file=sys.stdout):
        figures = measure(task, seed, name, method, updates)
        cells.append(
            {"task": task, "classifier": name, "method": method, "seed": seed, "figures": figures}
        )
    # Tasks and classifiers that were left out this time stay in the file.
    known = json.loads(options.output.read_text()) if options.output.is_file() else {}
    settings = {"seeds": list(range(seeds)), "updates_of_cnn": updates, "machine": machine()}
    for task, of_classifier in table(cells).items():
        for name, figures in of_classifier.items():
            cell = {"mean_over_seeds": figures, **settings}
            known.setdefault("tasks", {}).setdefault(task, {})[name] = cell
    write(options.output, {**known, "confidence": CONFIDENCE})


if __name__ == "__main__":
    main()
