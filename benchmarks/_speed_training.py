"""Seconds per update of package and transcription, whole fits, and what they are worth."""

from __future__ import annotations

import resource
import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import few_shot
import numpy as np
import torch
from _speed_costs import cost, device, seconds
from reference.bagan_gp import BAGANGP
from reference.dag import DAG
from reference.diffusion import Diffusion
from reference.sgbgan import SGBGAN
from reference.three_player import ThreePlayer
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import f1_score
from sklearn.neighbors import KNeighborsClassifier

import hs_specaug
from hs_specaug.evaluation import frechet_distance
from hs_specaug.networks import RangeScaler, TrainingLoop, resolve_precision

REPEATS = 5
EPOCHS, PRETRAIN_EPOCHS = 150, 100  # paper 000, table 6
RARE, COMMON = 6, 150  # rows of the hydrogel task that are trained on
Rows = tuple[np.ndarray, np.ndarray]


# --- data ------------------------------------------------------------------------------------


def hydrogel(seed: int = 0, quick: bool = False) -> tuple[Rows, Rows]:
    """Return 150 rows of solution and 6 of gel to train on, and all others."""
    s = hs_specaug.datasets.hydrogel_impedance(0)
    rng = np.random.default_rng(seed)
    rows = [rng.permutation(np.flatnonzero(s.labels == code)) for code in (0, 1)]
    train, test = np.r_[rows[0][:COMMON], rows[1][:RARE]], np.r_[rows[0][COMMON:], rows[1][RARE:]]
    X = s.data[:, :: 25 if quick else 1]
    return (X[train], s.labels[train]), (X[test], s.labels[test])


def images(quick: bool) -> Rows:
    """Return noise of four classes: time does not depend on the values."""
    shape = (8, 3, 16, 16) if quick else (128, 3, 64, 64)
    X = np.random.default_rng(0).random(shape, dtype=np.float32)
    return X, np.arange(len(X)) % 4


def white_lines(quick: bool) -> Rows:
    """Return 125 noisy peaks of 700 channels, and five of a class that is too small to train."""
    rng = np.random.default_rng(0)
    peak = np.exp(-(np.linspace(-4, 4, 96 if quick else 700) ** 2))
    X = peak * rng.uniform(0.7, 1.0, (130, 1)) + 0.05 * rng.normal(size=(130, len(peak)))
    return X / X.max(axis=1, keepdims=True), np.repeat([0, 1], [125, 5])


def spectra(quick: bool) -> Rows:
    """Return the hydrogel rows, a batch of few channels if it must be quick."""
    X, y = hydrogel(quick=quick)[0]
    return (X[::5], y[::5]) if quick else (X, y)


# --- methods ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Method:
    """What package and transcription train in the same way.

    Attributes
    ----------
    rows : callable
        Takes whether it must be quick.
    reference : callable
        Takes rows and class codes.
    epochs : int
        Epochs of one measurement.
    settings : dict
        Hyperparameters of the package beside its defaults.
    """

    rows: Callable[[bool], Rows]
    reference: Callable[[np.ndarray, np.ndarray], Any]
    epochs: int
    settings: dict[str, Any]


def of_one_class(X: np.ndarray, y: np.ndarray) -> DAG:
    """Return the transcription of DAG for the larger class."""
    return DAG(X[y == 0], device=str(device()))


def with_channels(kind: type) -> Callable[[np.ndarray, np.ndarray], Any]:
    """Return a transcription that takes spectra (n, length) too."""

    def make(X: np.ndarray, y: np.ndarray) -> Any:
        return kind(X[:, np.newaxis] if X.ndim == 2 else X, y, device=str(device()))

    return make


METHODS = {
    "three-player": Method(spectra, with_channels(ThreePlayer), 2, {}),
    "bagan-gp": Method(images, with_channels(BAGANGP), 1, {"batch_size": 128}),
    "sgbgan": Method(images, with_channels(SGBGAN), 1, {}),
    "dag": Method(white_lines, of_one_class, 5, {"until_baseline": False}),
    "diffusion": Method(spectra, with_channels(Diffusion), 2, {}),
}


def make(name: str, epochs: int, **wanted: Any) -> Any:
    """Return a generator of the package with those of the settings that it has."""
    generator = hs_specaug.make_generator(name, random_state=0, epochs=epochs)
    known = generator.get_params()
    return generator.set_params(**{k: v for k, v in wanted.items() if k in known})


@contextmanager
def epochs_measured(measure: Callable[[Callable[[], Any]], Any]) -> Iterator[dict[str, list]]:
    """Let `measure` run every epoch of the package within; what it returns comes by phase."""
    original, found = TrainingLoop.run_single_epoch, {}  # type: ignore[var-annotated]

    def run_single_epoch(self: TrainingLoop) -> dict[str, float]:
        out: list[dict[str, float]] = []
        value = measure(lambda: out.append(original(self)))
        phase = "pre-training" if "pre-training" in self.description else "adversarial"
        found.setdefault(phase, []).append(value)
        return out[0]

    TrainingLoop.run_single_epoch = run_single_epoch  # type: ignore[method-assign]
    try:
        yield found
    finally:
        TrainingLoop.run_single_epoch = original  # type: ignore[method-assign]


# --- seconds per update ----------------------------------------------------------------------


def package_seconds(
    name: str, X: np.ndarray, y: np.ndarray, precision: str, updates: int
) -> dict[str, float]:
    """Return seconds per update, without the first epoch of each phase, which warms up."""
    method = METHODS[name]
    settings = {**method.settings, "pretrain_epochs": 2, "scoring": None, "precision": precision}
    with epochs_measured(seconds) as found:
        make(name, method.epochs + 1, **settings).fit(X, y)
    return {phase: statistics.mean(times[1:]) / updates for phase, times in found.items()}


def reference_seconds(model: Any, epochs: int) -> dict[str, float]:
    """Return seconds per update of a transcription that has warmed up."""
    out = {}
    if hasattr(model, "pretrain_epoch"):
        out["pre-training"] = seconds(model.pretrain_epoch) / model.updates_per_epoch
    spent = statistics.mean(seconds(model.epoch) for _ in range(epochs))
    return {**out, "adversarial": spent / model.updates_per_epoch}


def warmed_up(name: str, X: np.ndarray, y: np.ndarray) -> Any:
    """Return the transcription after an epoch of each phase."""
    model = METHODS[name].reference(X, y)
    reference_seconds(model, 1)
    return model


def measure_updates(name: str, quick: bool = False) -> dict[str, Any]:
    """Return seconds per update of the generator, with all other players' updates beside it.

    Package, package in float32 and transcription take turns; medians of five.
    """
    X, y = METHODS[name].rows(quick)
    model = warmed_up(name, X, y)
    precision = resolve_precision("auto", device()).name
    names = ["package"] if precision == "float32" or quick else ["package", "package, float32"]
    times: dict[str, list[dict[str, float]]] = {n: [] for n in (*names, "reference")}
    for _ in range(1 if quick else REPEATS):
        for own in names:
            chosen = "float32" if own.endswith("float32") else "auto"
            times[own].append(package_seconds(name, X, y, chosen, model.updates_per_epoch))
        times["reference"].append(reference_seconds(model, METHODS[name].epochs))
    medians = {
        own: {phase: statistics.median(t[phase] for t in found) for phase in found[0]}
        for own, found in times.items()
    }
    ratios = {
        own: {p: medians["reference"][p] / s for p, s in found.items()}
        for own, found in medians.items()
        if own != "reference"
    }
    return {
        "shape": list(X.shape),
        "precision": precision,
        "updates_per_epoch": model.updates_per_epoch,
        "median_seconds_per_update": medians,
        "times_faster_than_reference": ratios,
        "all_seconds": times,
        "needs": needs(name, X, y, model, precision),
    }


def needs(
    name: str, X: np.ndarray, y: np.ndarray, model: Any, precision: str
) -> dict[str, dict[str, float]]:
    """Return operations and bytes of one update of package and transcription."""
    settings = {**METHODS[name].settings, "pretrain_epochs": 0, "scoring": None}
    with epochs_measured(cost) as found:
        # Where nothing is captured into graphs, which run without being seen.
        make(name, 1, **settings, device="cpu", precision=precision).fit(X, y)
    whole = {"package": found["adversarial"][0], "reference": cost(model.epoch)}
    return {
        who: {key: value / model.updates_per_epoch for key, value in costs.items()}
        for who, costs in whole.items()
    }


def measure_dag_epoch(quick: bool = False) -> dict[str, float]:
    """Return seconds of an epoch of DAG with the look at its stopping rule, and without."""
    X, y = white_lines(quick)
    model, found = of_one_class(X, y), {}  # type: ignore[var-annotated]
    model.epoch()
    for _ in range(1 if quick else REPEATS):
        for own, scoring in (("package", "fidelity"), ("package, no stopping rule", None)):
            generator = make("dag", 10, until_baseline=False, scoring=scoring).fit(X, y)
            record = generator.records_[0]
            found.setdefault(own, []).append(record.seconds / record.epochs)
        found.setdefault("reference", []).append(seconds(model.epoch))
    return {own: statistics.median(times) for own, times in found.items()}


# --- whole fits and their worth --------------------------------------------------------------


def macro_f(X: np.ndarray, y: np.ndarray, test: Rows, seed: int) -> dict[str, float]:
    """Return macro F on rows held out, of two classifiers that need no training of networks."""
    classifiers = {
        "random forest": RandomForestClassifier(300, random_state=seed, n_jobs=1),
        "nearest neighbour": KNeighborsClassifier(1),
    }
    scaler = RangeScaler().fit(X[:, np.newaxis])
    flat = [scaler.transform(rows[:, np.newaxis])[:, 0] for rows in (X, test[0])]
    return {
        name: float(f1_score(test[1], model.fit(flat[0], y).predict(flat[1]), average="macro"))
        for name, model in classifiers.items()
    }


def measure_fit(who: str, seed: int, quick: bool = False) -> dict[str, Any]:
    """Train a three-player GAN as the paper does, balance the rows, and score them.

    Parameters
    ----------
    who : {"package", "reference", "none"}
        Who trains it; ``"none"`` leaves the rows as they are.
    seed : int
        Of the split, the training and the classifiers.
    quick : bool
        Two epochs.
    """
    (X, y), test = hydrogel(seed, quick)
    epochs, pretrain_epochs = (2, 2) if quick else (EPOCHS, PRETRAIN_EPOCHS)
    missing = {1: COMMON - RARE}
    out: dict[str, Any] = {"shape": list(X.shape), "seed": seed, "epochs": epochs}
    X_new, y_new = X[:0], y[:0]
    if who == "package":
        generator = hs_specaug.make_generator(
            "three-player", random_state=seed, epochs=epochs, pretrain_epochs=pretrain_epochs
        )
        out["fit_seconds"] = seconds(lambda: generator.fit(X, y))
        out |= {"best_epoch": generator.best_epoch_, "by_player": generator.seconds_}
        X_new, y_new = generator.sample(missing)
    elif who == "reference":
        model = ThreePlayer(X[:, np.newaxis], y, seed, str(device()))
        out["fit_seconds"] = seconds(lambda: model.fit(epochs, pretrain_epochs))
        X_new, y_new = model.sample(missing)
        X_new = X_new[:, 0]
    balanced = np.concatenate([X, X_new]), np.concatenate([y, y_new])
    return {**out, "macro_f": macro_f(*balanced, test, seed)}


def measure_precision(seed: int, quick: bool = False) -> dict[str, Any]:
    """Train on the polymers in float32 and bfloat16 from one seed; macro F and Fréchet distance."""
    X, y = few_shot.load("polymers")
    train, held = few_shot.split("polymers", y, seed)
    X, epochs = X[:, 0], 2 if quick else EPOCHS
    rare = {str(c): int(n) for c, n in zip(*np.unique(y[train], return_counts=True), strict=True)}
    most = max(rare.values())
    out: dict[str, Any] = {"seed": seed, "shape": list(X[train].shape), "epochs": epochs}
    for precision in ("float32", "bfloat16"):
        generator = hs_specaug.make_generator(
            "three-player",
            random_state=seed,
            epochs=epochs,
            pretrain_epochs=2 if quick else PRETRAIN_EPOCHS,
            precision=precision,
        )
        spent = seconds(partial(generator.fit, X[train], y[train]))
        X_new, y_new = generator.sample({label: most - n for label, n in rare.items() if n < most})
        balanced = np.concatenate([X[train], X_new]), np.concatenate([y[train], y_new])
        out[precision] = {
            "fit_seconds": spent,
            "macro_f": macro_f(*balanced, (X[held], y[held]), seed),
            "frechet_to_held_out": frechet_distance(X[held], generator.sample(y[held])[0]),
            "score": generator.score_,
        }
    return out


# --- memory ----------------------------------------------------------------------------------


def measure_memory(name: str, who: str, quick: bool = False) -> dict[str, float]:
    """Return how much one epoch of each phase adds to the peak memory of this process, in MB."""
    X, y = METHODS[name].rows(quick)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if who == "package":
        make(name, 1, **METHODS[name].settings, pretrain_epochs=1).fit(X, y)
    else:
        reference_seconds(METHODS[name].reference(X, y), 1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    out = {"peak_MB": (peak - before) / 1024, "whole_process_MB": peak / 1024}
    if torch.cuda.is_available():
        out["cuda_peak_MB"] = torch.cuda.max_memory_allocated() / 2**20
    return out
