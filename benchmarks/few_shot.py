"""Macro F with four spectra per rare class: few-shot against its rivals, over paired splits.

Tasks: infrared spectra of polymers (975 to 1800 per cm, every second channel, min-max per
spectrum; per split two of the well-sampled classes and all small ones are rare, the others have up
to 21 spectra), impedance spectra of nine circuits (four rare classes against 60 spectra of each
other), and both simulated hydrogel libraries (means of four channels; the rarer class against 60).
All other spectra are scored. Rows are scaled to [-1, 1] by the range of the training rows. The
same classifier, the network with the same number of updates, follows every augmentation.

Every score is appended to a file as it comes; started again, the benchmark goes on from there.
"""

from __future__ import annotations

import json
import os
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import impedance_circuits
import numpy as np
from _machine import machine, parser, write
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.neighbors import KNeighborsClassifier

import hs_specaug
from hs_specaug.datasets import hydrogel_impedance
from hs_specaug.evaluation import fit_fold
from hs_specaug.exceptions import SpecAugWarning
from hs_specaug.generators import FewShotGenerator, PerturbationGenerator
from hs_specaug.networks import RangeScaler

RARE_ROWS = 4
UPDATES = {"impedance": 1500}
CLASSIFIERS = ("nearest neighbour", "logistic regression", "random forest", "cnn")
THREE_PLAYER = {"epochs": 20, "pretrain_epochs": 50}
Rows = tuple[np.ndarray, np.ndarray]


class SharedCovariance:
    """Draw around measured rows with the pooled covariance within classes, times `scale`²."""

    def __init__(self, scale: float = 0.35, random_state: int = 0) -> None:
        self.scale, self.random_state = scale, random_state

    def fit_resample(self, X: np.ndarray, y: np.ndarray) -> Rows:
        """Fill every class up to the largest."""
        rng = np.random.default_rng(self.random_state)
        flat = X.reshape(len(X), -1)
        classes, counts = np.unique(y, return_counts=True)
        mean = {c: flat[y == c].mean(axis=0) for c in classes}
        residuals = flat - np.array([mean[c] for c in y])
        residuals /= np.sqrt(len(X) - len(classes))
        y_new = np.repeat(classes, counts.max() - counts)
        start = np.array([flat[rng.choice(np.flatnonzero(y == c))] for c in y_new])
        made = start + self.scale * rng.standard_normal((len(y_new), len(X))) @ residuals
        X_new = made.reshape(-1, *X.shape[1:]).astype(X.dtype)
        return np.concatenate([X, X_new]), np.concatenate([y, y_new])


def methods(seed: int) -> dict[str, Callable]:
    def physical(expression: str) -> Callable:
        return lambda: PerturbationGenerator(expression, random_state=seed)

    def named(name: str, **settings) -> Callable:
        return lambda: hs_specaug.make_generator(name, random_state=seed, **settings)

    return {
        "none": lambda: None,
        "class weights": lambda: None,
        "random": named("random"),
        "smote": named("smote"),
        "shift+baseline+gaussian-noise": physical("shift+baseline+gaussian-noise"),
        "borrowed variation": physical("borrowed-variation"),
        "shared covariance": lambda: SharedCovariance(random_state=seed),
        "few-shot": lambda: FewShotGenerator(random_state=seed),
        "three-player": named("three-player", **THREE_PLAYER),
    }


def data_file(name: str) -> Path:
    project = Path(__file__).resolve().parents[1]
    path = Path(os.environ.get("HS_SPECAUG_DATA", project.parent / "shared" / "data")) / name
    if not path.is_file():
        sys.exit(f"{path} is missing: set HS_SPECAUG_DATA to the folder that holds it")
    return path


def load(task: str) -> Rows:
    if task == "polymers":
        with np.load(data_file("ftir_polymers.npz")) as archive:
            wavenumber, absorbance = archive["wavenumber_per_cm"], archive["absorbance"]
            y = archive["polymer"]
        X = absorbance[:, (wavenumber >= 975) & (wavenumber <= 1800)][:, np.newaxis, ::2]
        X = X - X.min(axis=2, keepdims=True)
        enough = y != "WOOD"  # four spectra in all leave none to score
        return (X / X.max(axis=2, keepdims=True))[enough], y[enough]
    if task == "impedance":
        return impedance_circuits.load()
    signal = hydrogel_impedance(1, variant=task)
    X = signal.data.reshape(len(signal.data), 1, -1, 4).mean(axis=-1)
    return X, np.asarray(signal.labels)


def split(task: str, y: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    classes, counts = np.unique(y, return_counts=True)
    rng = np.random.default_rng(seed)
    most = 60
    if task == "polymers":
        most = 21
        rare = {*classes[counts < 12], *rng.choice(classes[counts >= 12], 2, replace=False)}
    elif task == "impedance":
        rare = set(impedance_circuits.RARE)
    else:
        rare = {classes[counts.argmin()]}
    train = np.concatenate(
        [
            rng.permutation(np.flatnonzero(y == c))[: RARE_ROWS if c in rare else min(most, n - 3)]
            for c, n in zip(classes, counts, strict=True)
        ]
    )
    return train, np.setdiff1d(np.arange(len(y)), train)


def classifier(name: str, weights: str | None, updates: int, seed: int):
    if name == "nearest neighbour":
        return KNeighborsClassifier(1)
    if name == "logistic regression":
        return LogisticRegression(max_iter=200, class_weight=weights)
    if name == "random forest":
        return RandomForestClassifier(100, class_weight=weights, random_state=seed)
    return hs_specaug.make_classifier(
        "cnn", max_updates=updates, class_weight=weights, random_state=seed
    )


def measure(task: str, seed: int, options, done: set, note: Callable[[dict], None]) -> None:
    X, y = load(task)
    train, test = split(task, y, seed)
    scaler = RangeScaler().fit(X[train])
    X = scaler.transform(X)
    updates = 20 if options.quick else UPDATES.get(task, 800)
    for method, make in methods(seed).items():
        todo = [c for c in options.classifiers if (task, seed, method, c) not in done]
        if not todo or method in options.without:
            continue
        generator, started = make(), time.perf_counter()
        rows = (X[train], y[train])
        if generator is not None:
            rows = generator.fit_resample(*rows)
        seconds = time.perf_counter() - started
        for name in todo:
            weights = "balanced" if method == "class weights" else None
            model = fit_fold(*rows, classifier(name, weights, updates, seed))
            score = float(f1_score(y[test], model.predict(X[test]), average="macro"))
            cell = {"task": task, "seed": seed, "method": method, "classifier": name}
            note({**cell, "macro_f": score, "seconds": seconds})


def table(cells: list[dict]) -> dict:
    """Return mean, standard deviation and the paired difference of few-shot to each method."""
    out: dict = {}
    scores: dict[tuple, dict[int, float]] = {}
    for c in cells:
        scores.setdefault((c["task"], c["classifier"], c["method"]), {})[c["seed"]] = c["macro_f"]
    for (task, name, method), of_seed in scores.items():
        ours = scores.get((task, name, "few-shot"), {})
        both = sorted(ours.keys() & of_seed.keys())
        difference = np.array([ours[s] - of_seed[s] for s in both])
        values = np.array(list(of_seed.values()))
        out.setdefault(task, {}).setdefault(name, {})[method] = {
            "macro_f": [of_seed[s] for s in sorted(of_seed)],
            "seeds": sorted(of_seed),
            "mean": float(values.mean()),
            "standard_deviation": float(values.std(ddof=1)) if len(values) > 1 else None,
            "few_shot_minus_this": float(difference.mean()) if len(both) else None,
            "standard_error_of_difference": (
                float(difference.std(ddof=1) / np.sqrt(len(both))) if len(both) > 1 else None
            ),
        }
    return out


def main() -> None:
    arguments = parser(__doc__)
    tasks = ("polymers", "impedance", "pluronic-f127", "alpha-cyclodextrin")
    arguments.add_argument("--tasks", nargs="+", default=tasks, choices=tasks)
    arguments.add_argument("--classifiers", nargs="+", default=CLASSIFIERS, choices=CLASSIFIERS)
    arguments.add_argument("--without", nargs="+", default=(), help="methods to leave out")
    arguments.add_argument("--seeds", type=int, default=5)
    arguments.add_argument("--cells", type=Path, default=Path("few_shot.cells.jsonl"))
    options = arguments.parse_args()
    # Classes are small on purpose.
    warnings.simplefilter("ignore", SpecAugWarning)
    warnings.simplefilter("ignore", ConvergenceWarning)
    options.cells.touch()

    def read() -> list[dict]:
        return [json.loads(line) for line in options.cells.read_text().splitlines()]

    def note(cell: dict) -> None:
        print(cell, flush=True)
        with options.cells.open("a") as file:
            file.write(json.dumps(cell) + "\n")

    done = {(c["task"], c["seed"], c["method"], c["classifier"]) for c in read()}
    for seed in range(1 if options.quick else options.seeds):
        for task in options.tasks:
            measure(task, seed, options, done, note)
    cells = read()
    seconds: dict[str, dict[str, list[float]]] = {}
    for c in cells:
        seconds.setdefault(c["task"], {}).setdefault(c["method"], []).append(c["seconds"])
    write(
        options.output,
        {
            "scores": table(cells),
            "fit_and_sample_seconds": {
                task: {m: float(np.median(v)) for m, v in of_method.items()}
                for task, of_method in seconds.items()
            },
            "rare_rows": RARE_ROWS,
            "classifier_updates": {"default": 800, **UPDATES},
            "three_player_settings": THREE_PLAYER,
            "machine": machine(),
        },
    )


if __name__ == "__main__":
    main()
