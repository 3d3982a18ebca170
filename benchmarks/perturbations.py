"""Spectra per second of every registered perturbation, and of plain loops that do the same.

4096 spectra of 1000 channels, float32. Each loop draws from a NumPy generator and makes the
obvious NumPy or SciPy call for one row after the other; where none is written here, the
perturbation itself is called row by row on a sixteenth of the rows, and the ratio says what rows
at once are worth. Arrays are seeded with an integer. Tensors come in batches, as in a training
step, and draw from a ``torch.Generator``; complex ones are seeded. Run alone, with
OMP_NUM_THREADS=1.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from _machine import machine, parser, write
from scipy.interpolate import CubicSpline
from scipy.ndimage import gaussian_filter1d, map_coordinates, shift
from scipy.signal import fftconvolve

import hs_specaug
from hs_specaug import SignalAxis
from hs_specaug.exceptions import IncompatibleSignalError
from hs_specaug.perturbations import Domain, Perturbation

SEED = 0
BATCH = 128
AXES = {
    "EELS": ("Energy loss", "eV", 450.0, 0.25),
    "spectrum": ("Wavenumber", "1/cm", 400.0, 2.0),
    "EDS": ("Energy", "keV", 0.1, 0.01),
}
Row = np.ndarray
Loop = Callable[[Row, np.random.Generator], Row]


def domains(length: int) -> list[Domain]:
    """Return what rows can be; a perturbation is measured on the first that it takes."""
    out = []
    for kind, (name, units, start, step) in AXES.items():
        axis = SignalAxis(name, units, start + step * np.arange(length))
        out.append(Domain(kind, (axis,)))
    frequency = SignalAxis("Frequency", "Hz", np.logspace(-2, 6, length))
    return [*out, Domain("impedance", (frequency,)), Domain("impedance", (frequency,), True)]


def rows_like(domain: Domain, n: int, length: int) -> np.ndarray:
    """Return counts of two peaks on a slope, or circuits of one time constant."""
    rng, u = np.random.default_rng(SEED), np.linspace(0.0, 1.0, length)
    if domain.is_complex:
        f = domain.axis(length)
        tau = 10.0 ** rng.uniform(-4, 0, (n, 1))
        return (10.0 + 90.0 / (1.0 + 2j * np.pi * f * tau)).astype(np.complex64)
    peaks = np.exp(-((u - 0.4) ** 2) / 2e-4) + 0.7 * np.exp(-((u - 0.6) ** 2) / 1e-3)
    return rng.poisson(200.0 * (peaks + 0.5 - 0.3 * u), (n, length)).astype(np.float32)


def loops(length: int) -> dict[str, Loop]:
    """Return for each perturbation what one would write for a single row."""
    channels = np.arange(length, dtype=float)
    u = np.linspace(-1.0, 1.0, length)
    energy = 450.0 + 0.25 * channels
    frequency = np.arange(1, length // 2 + 1)
    pink = np.r_[0.0, frequency**-0.5]
    loss = 0.25 * np.arange(length)
    plasmon = loss * 10 * 22**2 / ((loss**2 - 22**2) ** 2 + (loss * 10) ** 2)
    plasmon /= plasmon.sum()

    def moved(x, rng):
        return shift(x, rng.uniform(-2, 2), order=3, mode="nearest")

    def at(x, places):
        return map_coordinates(x, places[None], order=3, mode="nearest")

    def dilated(x, rng):
        middle = 0.5 * (length - 1)
        return at(x, middle + (channels - middle) / (1 + rng.uniform(-2e-3, 2e-3)))

    def warped(x, rng):
        knots = CubicSpline(np.linspace(0, length - 1, 7), rng.uniform(-2, 2, 7))
        return at(x, channels - knots(channels))

    def added(x, rng, degree):
        return x + np.ptp(x) * np.polynomial.legendre.legval(u, rng.uniform(-0.02, 0.02, degree))

    def background(x, rng):
        return x + rng.uniform(0, 0.1) * np.ptp(x) * (energy / 450.0) ** -rng.uniform(2, 5)

    def pink_noise(x, rng):
        noise = np.fft.irfft(np.fft.rfft(rng.normal(size=length)) * pink, n=length)
        return x + 0.01 * np.ptp(x) * noise / noise.std()

    def spiked(x, rng):
        x = x.copy()
        hits = rng.integers(0, length, rng.poisson(1.0))
        x[hits] += np.ptp(x) * rng.uniform(0.1, 1.0, len(hits))
        return x

    def erased(x, rng):
        x, width = x.copy(), rng.integers(2, length // 20)
        start = rng.integers(1, length - width - 1)
        x[start : start + width] = np.interp(
            channels[start : start + width],
            [start - 1, start + width],
            x[[start - 1, start + width]],
        )
        return x

    def scattered(x, rng):
        t, order, total = rng.uniform(0, 0.3), x, 0.0
        for n in range(8):
            total = total + np.exp(-t) * t**n / float(np.prod(np.arange(1, n + 1))) * order
            order = fftconvolve(order, plasmon)[:length]
        return total

    return {
        "shift": moved,
        "energy-shift": moved,
        "wavenumber-shift": moved,
        "frequency-shift": moved,
        "dilation": dilated,
        "warp": warped,
        "broadening": lambda x, rng: gaussian_filter1d(x, rng.uniform(0.01, 0.85)),
        "gain": lambda x, rng: x * rng.uniform(0.9, 1.1),
        "offset": lambda x, rng: x + np.ptp(x) * rng.uniform(-0.02, 0.02),
        "slope": lambda x, rng: x + np.ptp(x) * rng.uniform(-0.02, 0.02) * u,
        "baseline": lambda x, rng: added(x, rng, 3),
        "emsa": lambda x, rng: added(rng.normal(1, 0.05) * x, rng, 3),
        "background": background,
        "poisson": lambda x, rng: rng.poisson(x),
        "gaussian-noise": lambda x, rng: x + 0.01 * np.ptp(x) * rng.normal(size=length),
        "pink-noise": pink_noise,
        "spikes": spiked,
        "channel-dropout": lambda x, rng: np.where(rng.random(length) < 0.01, 0, x),
        "random-erasing": erased,
        "plural-scattering": scattered,
    }


def instances() -> dict[str, Perturbation]:
    """Return every registered perturbation by its name; not those that hold others."""
    made = {name: hs_specaug.make_perturbation(name) for name in hs_specaug.list_perturbations()}
    others = {"perturbation", "perturbations"}
    return {name: p for name, p in made.items() if not others & set(p.get_params(deep=False))}


def accepted(perturbation: Perturbation, length: int) -> Domain | None:
    """Return the first domain of spectra that a perturbation takes."""
    for domain in domains(length):
        try:
            perturbation.check(domain)
        except IncompatibleSignalError:
            continue
        return domain
    return None


def row_by_row(X: np.ndarray, one: Callable[[Row], Row]) -> np.ndarray:
    out = np.empty_like(X)
    for i, x in enumerate(X):
        out[i] = one(x)
    return out


def measure(calls: dict[str, Callable[[], Any]], repeats: int) -> dict[str, float]:
    """Return median seconds; calls alternate within one run."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()  # first use loads libraries and fills caches
    for _ in range(repeats):
        for name, call in calls.items():
            started = time.perf_counter()
            call()
            times[name].append(time.perf_counter() - started)
    return {name: statistics.median(values) for name, values in times.items()}


def compare(perturbation: Perturbation, n: int, length: int, repeats: int) -> dict | None:
    """Return spectra per second of arrays, tensors and the loop; None if spectra are refused."""
    domain = accepted(perturbation, length)
    if domain is None:
        return None
    X, name = rows_like(domain, n, length), perturbation.name
    tensor, y = torch.from_numpy(X), np.arange(n) % 4
    if perturbation.borrows:
        perturbation.fit(X, y, domain=domain)
    generator, rng = torch.Generator().manual_seed(SEED), np.random.default_rng(SEED)
    plain = loops(length).get(name)
    state = generator

    few = n if plain is not None else n // 16

    def batches():
        for rows in np.split(np.arange(n), n // BATCH):
            part = slice(rows[0], rows[-1] + 1)
            perturbation(tensor[part], y[part], domain=domain, random_state=state)

    def loop():
        if plain is not None:
            return row_by_row(X, lambda x: plain(x, rng))
        labels = iter(y)
        return row_by_row(
            X[:few],
            lambda x: perturbation(x[None], [next(labels)], domain=domain, random_state=SEED)[0],
        )

    seconds = measure(
        {
            "array": lambda: perturbation(X, y, domain=domain, random_state=SEED),
            "tensor": batches,
            "loop": loop,
        },
        repeats,
    )
    seconds["loop"] *= n / few
    return {
        "kind": domain.kind,
        "loop": "NumPy and SciPy" if plain is not None else "the perturbation, row by row",
        "spectra_per_second": {k: round(n / s) for k, s in seconds.items()},
        "ratio_to_loop": {k: round(seconds["loop"] / seconds[k], 2) for k in ("array", "tensor")},
    }


def main() -> None:
    options = parser(__doc__).parse_args()
    n, length, repeats = (128, 1000, 1) if options.quick else (4096, 1000, 5)
    results, skipped = {}, []
    for name, perturbation in instances().items():
        compared = compare(perturbation, n, length, repeats)
        if compared is None:
            skipped.append(name)
        else:
            results[name] = compared
            print(name, compared["spectra_per_second"], compared["ratio_to_loop"], flush=True)
    write(
        options.output,
        {
            "shape": [n, length],
            "dtype": "float32",
            "batch_of_tensors": BATCH,
            "repeats": repeats,
            "seed": SEED,
            "perturbations": results,
            "skipped_as_not_for_spectra": skipped,
            "machine": machine(),
        },
    )


if __name__ == "__main__":
    main()
