"""Larger than memory: how fast a lazy spectrum image is labelled, and in how much memory.

Rate: positions labelled per second by the convolutional network, from an array in memory, from
the same array in chunks, and from a spectrum image that is simulated chunk by chunk; medians of
five, taken in turn, with as many threads for the chunks as torch has for the array.

Memory: peak of a fresh process that labels a simulated image of some gigabytes and streams the
label map to disk. Linux only. Run with OMP_NUM_THREADS=1: Dask brings the threads.
"""

from __future__ import annotations

import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import dask
import dask.array as da
import numpy as np
import torch
from _machine import machine, parser, write

import hs_specaug
from hs_specaug.signals import _prediction

CHANNELS, CHUNK, WORKERS = 1024, 32, 2
CLASSES = ("matrix", "particle")


def simulate(shape: np.ndarray, block_info: Any = None) -> np.ndarray:
    """Return a chunk of noisy spectra with a peak whose place says the class."""
    (top, bottom), (left, right) = block_info[None]["array-location"][:2]
    rows, columns = np.ogrid[top:bottom, left:right]
    bright = (rows // 16 + columns // 16) % 5 == 0
    channel = np.arange(CHANNELS, dtype="f4")
    peaks = [np.exp(-(((channel - place) / 40) ** 2)) for place in (300, 700)]
    out = np.random.default_rng([top, left]).standard_normal((*bright.shape, CHANNELS), dtype="f4")
    out *= 0.1
    out += np.where(bright[..., np.newaxis], peaks[1], peaks[0])
    return out


def virtual_image(side: int) -> Any:
    """Return a lazy labelled signal of side × side spectra; 100 of each class are labelled."""
    from hyperspy import signals

    chunks = da.core.normalize_chunks((CHUNK, CHUNK), (side, side))
    data = da.map_blocks(
        simulate,
        da.zeros((side, side), chunks=chunks, dtype="i1"),
        chunks=(*chunks, (CHANNELS,)),
        new_axis=2,
        dtype="f4",
        meta=np.empty((0, 0, 0), dtype="f4"),
    )
    s = signals.LazySignal1D(data)
    s.set_signal_type("spectrum_specaug")
    rows, columns = np.indices((CHUNK, CHUNK))
    truth = (rows // 16 + columns // 16) % 5 == 0
    codes = np.full((side, side), -1)
    for code in (0, 1):
        where = np.argwhere(truth == code)[:100]
        codes[where[:, 0], where[:, 1]] = code
    s.set_labels(codes, classes=CLASSES)
    return s


def rates(side: int, repetitions: int) -> dict[str, Any]:
    lazy = virtual_image(side)
    result = lazy.classify("cnn", max_updates=20, random_state=0, show_progressbar=False)
    eager, chunked = lazy.deepcopy(), lazy.deepcopy()
    eager.compute(show_progressbar=False)
    chunked.data = da.from_array(eager.data, chunks=lazy.data.chunks)
    seconds: dict[str, list[float]] = {"memory": [], "chunks": [], "virtual": []}
    for _ in range(repetitions):
        for name, s in (("memory", eager), ("chunks", chunked), ("virtual", lazy)):
            started = time.perf_counter()
            found = _prediction.class_probabilities(s, result.model, CLASSES, False)
            np.asarray(found)
            seconds[name].append(time.perf_counter() - started)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    return {
        "positions": side**2,
        "per_second": {name: side**2 / value for name, value in medians.items()},
        "of_memory": {name: medians["memory"] / value for name, value in medians.items()},
        "seconds": seconds,
    }


def memory_MiB(field: str) -> float:
    """Return VmRSS (now) or VmHWM (peak since the last reset) of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(field))


def reset_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def label_to_disk(gigabytes: float, classifier: str) -> None:
    """Label one image in this process and print what it took."""
    side = CHUNK * round(math.sqrt(gigabytes * 2**30 / (CHANNELS * 4)) / CHUNK)
    s = virtual_image(side)
    options: dict[str, Any] = {"max_updates": 20} if classifier == "cnn" else {}
    result = s.classify(classifier, random_state=0, show_progressbar=False, **options)
    reset_peak()
    before, started = memory_MiB("VmRSS"), time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        result.label_map.save(f"{folder}/map.zspy", show_progressbar=False)
    taken, peak = time.perf_counter() - started, memory_MiB("VmHWM")
    chunk = CHUNK * CHUNK * CHANNELS * 4 / 2**20
    print(
        json.dumps(
            {
                "gigabytes": side**2 * CHANNELS * 4 / 2**30,
                "positions": side**2,
                "peak_MiB": peak,
                "before_MiB": before,
                "chunks_per_worker": (peak - before) / chunk / WORKERS,
                "seconds": taken,
                "positions_per_second": side**2 / taken,
            }
        )
    )


def in_fresh_process(gigabytes: float, classifier: str) -> dict[str, Any]:
    command = [sys.executable, __file__, "--label", str(gigabytes), "--classifier", classifier]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    print(classifier, done.stdout.strip(), flush=True)
    return json.loads(done.stdout.strip().splitlines()[-1])


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--gigabytes", type=float, nargs="+", default=[1, 4, 16, 64])
    options.add_argument("--network-gigabytes", type=float, nargs="*", default=[1])
    options.add_argument("--side", type=int, default=128, help="of the map that is timed")
    options.add_argument("--label", type=float, help="used within: label one image and stop")
    options.add_argument("--classifier", default="LogisticRegression")
    given = options.parse_args()
    if given.label:
        with dask.config.set(scheduler="threads", num_workers=WORKERS):
            label_to_disk(given.label, given.classifier)
        return
    with dask.config.set(scheduler="threads", num_workers=torch.get_num_threads()):
        speed = rates(*((64, 1) if given.quick else (given.side, 5)))
    print(json.dumps(speed["of_memory"]), flush=True)
    sizes = [0.125] if given.quick else given.gigabytes
    networks = [0.0625] if given.quick else given.network_gigabytes
    memory = {
        "LogisticRegression": [in_fresh_process(n, "LogisticRegression") for n in sizes],
        "cnn": [in_fresh_process(n, "cnn") for n in networks],
    }
    write(
        Path(given.output),
        {
            "rate": speed,
            "memory": memory,
            "chunk_MiB": CHUNK * CHUNK * CHANNELS * 4 / 2**20,
            "workers": WORKERS,
            "hs_specaug": hs_specaug.__version__,
            "machine": machine(),
        },
    )


if __name__ == "__main__":
    main()
