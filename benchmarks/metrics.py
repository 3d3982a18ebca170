"""Seconds and memory of every metric: 10 000 real against 10 000 synthetic spectra.

Two noisy peaks on 1000 channels, float32; memorisation has 10 000 training rows as well. SSIM
takes images of 64 × 64 pixels, the Inception score probabilities of ten classes. Each metric
runs in a process of its own, once on a few rows, so that libraries are loaded, and then once on
all; memory is what the peak of that process is above what it holds before, with 40 MB a set. Needs
Linux. Run with OMP_NUM_THREADS=1; where the machine is not idle, seconds of processor time say
more than those of the clock.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from _machine import machine, parser, write

from hs_specaug import evaluation

SEED = 0
FEW = 60
#: SSIM compares at most this many pairs, by default.
N_IMAGES = 256


def spectra(rng: np.random.Generator, n: int, length: int) -> np.ndarray:
    """Return two peaks of varying height, position and width in noise, in place in float32."""
    rows = rng.standard_normal((n, length), dtype=np.float32)
    rows *= np.float32(0.02)
    u = np.linspace(0.0, 1.0, length, dtype=np.float32)
    for at, wide, high in ((0.4, 0.012, 1.0), (0.55, 0.02, 0.6)):
        for row in rows:
            centre, width = at + 0.003 * rng.normal(), wide * (1 + 0.1 * rng.normal())
            row += np.float32(high * (1 + 0.1 * rng.normal())) * np.exp(
                -(((u - np.float32(centre)) / np.float32(width)) ** 2)
            )
    return rows


def data(name: str, n: int, length: int) -> list[np.ndarray]:
    """Return the sets that a metric takes."""
    rng = np.random.default_rng(SEED)
    if name == "structural_similarity":
        return [rng.random((min(n, N_IMAGES), 1, 64, 64), dtype=np.float32) for _ in range(2)]
    if name == "inception_score":
        p = rng.random((n, 10))
        return [p / p.sum(axis=1, keepdims=True)]
    n_sets = {"memorisation": 3, "signal_to_noise": 1}.get(name, 2)
    return [spectra(rng, n, length) for _ in range(n_sets)]


SEEDED = {
    "classifier_two_sample_test",
    "extrapolated_frechet_distance",
    "inception_score",
    "memorisation",
    "structural_similarity",
}
METRICS = (
    "frechet_distance",
    "extrapolated_frechet_distance",
    "kernel_distance",
    "precision_recall_density_coverage",
    "maximum_mean_discrepancy",
    "kl_divergence",
    "classifier_two_sample_test",
    "pearson_correlation",
    "cosine_distance",
    "signal_to_noise",
    "peak_errors",
    "structural_similarity",
    "inception_score",
    "memorisation",
)


def resident_MB(field: str) -> float:
    """Return ``"VmRSS"``, resident memory, or ``"VmHWM"``, its peak, of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(x for x in lines if x.startswith(field)).split()[1]) / 1024


def measure(name: str, n: int, length: int, queue: Any) -> None:
    """Put seconds and the growth of peak memory in MB into `queue`."""
    function: Callable[..., Any] = getattr(evaluation, name)
    options = {"random_state": SEED} if name in SEEDED else {}
    sets = data(name, n, length)
    few = [rows[:FEW, ..., : min(rows.shape[-1], 30)] for rows in data(name, FEW, length)]
    if name == "peak_errors":
        few = [rows[:FEW] for rows in sets]
    function(*few, **options)
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
    before = resident_MB("VmRSS")
    started = time.perf_counter(), time.process_time()
    function(*sets, **options)
    seconds = time.perf_counter() - started[0]
    cpu_seconds = time.process_time() - started[1]
    peak = resident_MB("VmHWM")
    queue.put(
        {
            "sets": len(sets),
            "shape": " x ".join(map(str, sets[0].shape)),
            "seconds": round(seconds, 3),
            "cpu_seconds": round(cpu_seconds, 3),
            "peak_MB": round(peak - before, 1),
        }
    )


def main() -> None:
    options = parser(__doc__).parse_args()
    n, length = (200, 100) if options.quick else (10_000, 1000)
    before = machine()
    context = multiprocessing.get_context("spawn")
    results = {}
    for name in METRICS:
        queue = context.Queue()
        worker = context.Process(target=measure, args=(name, n, length, queue))
        worker.start()
        worker.join()
        if worker.exitcode:
            raise SystemExit(f"{name} failed with exit code {worker.exitcode}")
        results[name] = queue.get()
        print(name, results[name], flush=True)
    write(options.output, {"seed": SEED, "metrics": results, "machine": before})


if __name__ == "__main__":
    main()
