"""Sampling, augmenting through a signal, and labelling a map, each against its bare version."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

import dask
import dask.array as da
import numpy as np
import torch
from _speed_costs import device, seconds
from imblearn.over_sampling import SMOTE
from larger_than_memory import CLASSES, virtual_image
from reference.diffusion import STEPS, Diffusion
from reference.three_player import ThreePlayer

import hs_specaug
from hs_specaug.signals import _prediction

REPEATS = 5
CHANNELS = 1000
PREDICT_BATCH = 128  # of the package
NAMES = ("common", "rare")


def in_turn(functions: dict[str, Callable[[], Any]], repeats: int) -> dict[str, float]:
    """Return the median seconds of functions that take turns, after one call of each."""
    for function in functions.values():
        function()
    times: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(repeats):
        for name, function in functions.items():
            times[name].append(seconds(function))
    return {name: statistics.median(found) for name, found in times.items()}


# --- augment ---------------------------------------------------------------------------------


def smote_data(shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Return the hydrogel rows, or as many random ones of which a quarter is rare."""
    if shape == (156, 800):
        s = hs_specaug.datasets.hydrogel_impedance(0)
        rows = np.r_[np.flatnonzero(s.labels == 0)[:150], np.flatnonzero(s.labels == 1)[:6]]
        return s.data[rows], s.labels[rows]
    X = np.random.default_rng(0).random(shape, dtype=np.float32)
    return X, (np.arange(len(X)) % 4 == 0).astype(int)


def measure_augment(shape: tuple[int, int], quick: bool = False) -> dict[str, Any]:
    """Time ``s.augment("smote")`` against imbalanced-learn on the array of the signal."""
    from hyperspy import signals

    X, y = smote_data(shape)
    s = signals.Signal1D(X)
    s.set_signal_type("spectrum_specaug")
    s.set_labels(y, classes=NAMES)
    made: dict[str, Any] = {}

    def through_signal() -> None:
        made["signal"] = s.augment("smote", random_state=0, show_progressbar=False).data

    def bare() -> None:
        made["bare"] = SMOTE(random_state=0).fit_resample(X, y)[0]

    small = X.nbytes < 2**24
    repeats = 2 if quick else 10 * REPEATS if small else REPEATS
    medians = in_turn({"augment": through_signal, "imbalanced-learn": bare}, repeats)
    return {
        "shape": list(X.shape),
        "dtype": str(X.dtype),
        "new_rows": len(made["bare"]) - len(X),
        "median_seconds": medians,
        "ratio": medians["augment"] / medians["imbalanced-learn"],
        "same_rows": bool(np.allclose(made["signal"], made["bare"])),
    }


# --- labelling -------------------------------------------------------------------------------


def bare_labels(X: np.ndarray, network: torch.nn.Module, low: float, span: float) -> np.ndarray:
    """Return class probabilities by a loop over the batches, as one writes it by hand."""
    out = []
    with torch.inference_mode():
        for i in range(0, len(X), PREDICT_BATCH):
            rows = torch.from_numpy(X[i : i + PREDICT_BATCH]).unsqueeze(1).to(device())
            out.append(network((rows - low) / span * 2 - 1).softmax(dim=1).cpu())
    return torch.cat(out).numpy()


def measure_prediction(threads: int, quick: bool = False) -> dict[str, Any]:
    """Time a label map of a spectrum image, in memory and in chunks, against a bare loop.

    Start this in a process with ``OMP_NUM_THREADS=1``: the threads of Dask inherit it.
    """
    torch.set_num_threads(threads)
    side = 32 if quick else 128
    lazy = virtual_image(side)
    result = lazy.classify("cnn", max_updates=20, random_state=0, show_progressbar=False)
    eager, chunked = lazy.deepcopy(), lazy.deepcopy()
    eager.compute(show_progressbar=False)
    chunked.data = da.from_array(eager.data, chunks=lazy.data.chunks)
    X, model = eager.data.reshape(side**2, -1), result.model
    scaler = model.scaler_
    low, span = float(scaler.minimum_[0]), float(scaler.maximum_[0] - scaler.minimum_[0])
    made: dict[str, np.ndarray] = {}

    def through(name: str, signal: Any) -> Callable[[], None]:
        def label() -> None:
            found = _prediction.class_probabilities(signal, model, CLASSES, False)
            made[name] = np.asarray(found).reshape(side**2, -1)

        return label

    def bare() -> None:
        made["bare loop"] = bare_labels(X, model.network_, low, span)

    functions = {
        "bare loop": bare,
        "predict_proba": lambda: model.predict_proba(X),
        "signal in memory": through("signal in memory", eager),
        "lazy signal": through("lazy signal", chunked),
    }
    with dask.config.set(scheduler="threads", num_workers=threads):
        medians = in_turn(functions, 1 if quick else REPEATS)
    apart = {n: float(np.abs(p - made["bare loop"]).max()) for n, p in made.items()}
    return {
        "positions": side**2,
        "channels": X.shape[1],
        "threads": threads,
        "per_second": {name: side**2 / value for name, value in medians.items()},
        "share_of_bare_loop": {n: medians["bare loop"] / v for n, v in medians.items()},
        "largest_difference": apart,
    }


# --- sampling --------------------------------------------------------------------------------


def few_rows() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.random((12, CHANNELS), dtype=np.float32), np.arange(12) % 2


def measure_sampling(threads: int, quick: bool = False) -> dict[str, Any]:
    """Return spectra per second of a three-player generator of the paper's size."""
    torch.set_num_threads(threads)
    X, y = few_rows()
    own = hs_specaug.make_generator("three-player", epochs=0, pretrain_epochs=0, random_state=0)
    own.fit(X, y)
    model = ThreePlayer(X[:, np.newaxis], y, device=str(device()))
    half = 256 if quick else 2048 if device().type == "cpu" else 2**17
    counts = {0: half, 1: half}
    functions = {"package": lambda: own.sample(counts), "reference": lambda: model.sample(counts)}
    medians = in_turn(functions, 1 if quick else REPEATS)
    return {
        "channels": CHANNELS,
        "threads": threads,
        "samples_per_second": {name: 2 * half / value for name, value in medians.items()},
    }


def measure_diffusion_sampling(threads: int, quick: bool = False) -> dict[str, Any]:
    """Return spectra per second of the diffusion: 50 steps of the package, 1000 of the paper.

    The steps of a walk cost the same, so the transcription makes a few of them.
    """
    torch.set_num_threads(threads)
    X, y = few_rows()
    own = hs_specaug.make_generator("diffusion", epochs=0, random_state=0)
    own.fit(X, y)
    model = Diffusion(X[:, np.newaxis], y, device=str(device()))
    half = 8 if quick else 64 if device().type == "cpu" else 2048
    counts, steps = {0: half, 1: half}, 2 if quick else 20
    functions = {
        "package": lambda: own.sample(counts),
        "reference": lambda: model.sample(counts, steps),
    }
    medians = in_turn(functions, 1 if quick else REPEATS)
    medians["reference"] *= STEPS / steps
    return {
        "channels": CHANNELS,
        "threads": threads,
        "steps": {"package": 50, "reference": STEPS},
        "samples_per_second": {name: 2 * half / value for name, value in medians.items()},
    }
