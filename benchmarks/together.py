"""Ten fits of one method in turn and as one model, at the paper's size of data.

(156, 800), two classes, 150 : 6, three-player GAN. A GPU runs the paper's settings; a CPU, which
has nothing to gain, a few epochs. Run alone.
"""

from __future__ import annotations

import statistics
import time

import numpy as np
import torch
from _machine import machine, parser, write

import hs_specaug
from hs_specaug.generators import NetworkGenerator, ThreePlayerGenerator, fit_together

SEED = 0
Data = tuple[np.ndarray, np.ndarray]


def data(repetitions: int) -> list[Data]:
    """Return other 156 rows of the same specimens for each repetition."""
    s = hs_specaug.datasets.hydrogel_impedance(SEED)
    out = []
    for repetition in range(repetitions):
        rng = np.random.default_rng([SEED, repetition])
        rows = [rng.permutation(np.flatnonzero(s.labels == code)) for code in (0, 1)]
        chosen = np.r_[rows[0][:150], rows[1][:6]]
        out.append((s.data[chosen], np.array(s.classes)[s.labels[chosen]]))
    return out


def generators(repetitions: int, **settings) -> list[NetworkGenerator]:
    return [ThreePlayerGenerator(random_state=r, **settings) for r in range(repetitions)]


def seconds_of(work) -> float:
    """Return the wall time of `work`, until the device has done all of it."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    started = time.perf_counter()
    work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - started


def in_turn(fits: list[NetworkGenerator], rows: list[Data]) -> None:
    for generator, (X, y) in zip(fits, rows, strict=True):
        generator.fit(X, y)


def largest_difference(one: list[NetworkGenerator], other: list[NetworkGenerator]) -> float:
    """Return the largest relative difference of a loss of the players in the first epoch."""
    pairs = [
        (a.history_[name][0], b.history_[name][0])
        for a, b in zip(one, other, strict=True)
        for name in ("discriminator", "generator", "classifier")
    ]
    return max(abs(a - b) / abs(a) for a, b in pairs)


def compare(rows: list[Data], runs: int, settings: dict) -> dict:
    """Median seconds of both ways and of one fit; they alternate within one run."""
    n = len(rows)
    seconds: dict[str, list[float]] = {"one": [], "in turn": [], "together": []}
    for _ in range(runs):
        alone, company = generators(n, **settings), generators(n, **settings)
        single = generators(1, **settings)
        seconds["one"].append(seconds_of(lambda fits=single: in_turn(fits, rows[:1])))
        seconds["in turn"].append(seconds_of(lambda fits=alone: in_turn(fits, rows)))
        seconds["together"].append(seconds_of(lambda fits=company: fit_together(fits, rows)))
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    return {
        "repetitions": n,
        "runs": runs,
        "median_seconds": medians,
        "seconds": seconds,
        "in_turn_to_together": medians["in turn"] / medians["together"],
        "together_to_one": medians["together"] / medians["one"],
        "first_epoch_largest_relative_difference_of_losses": largest_difference(alone, company),
        "scores_in_turn": [generator.score_ for generator in alone],
        "scores_together": [generator.score_ for generator in company],
        "precision": alone[0].precision_,
        "device": str(alone[0].device_),
    }


def main() -> None:
    options = parser(__doc__).parse_args()
    rows = data(2 if options.quick else 10)
    epochs = 1 if options.quick else 4
    short = {"epochs": epochs, "pretrain_epochs": epochs}
    first = {"epochs": 1, "pretrain_epochs": 1}
    fit_together(generators(2, **first), rows[:2])  # first use loads libraries
    in_turn(generators(1, **first), rows[:1])
    results = {
        "shape": list(rows[0][0].shape),
        "settings_short": short,
        "short": compare(rows, 1 if options.quick else 3, short),
        "machine": machine(),
    }
    if torch.cuda.is_available() and not options.quick:
        results["paper"] = compare(rows, 1, {})  # 150 epochs after 100 of the autoencoder
    write(options.output, results)


if __name__ == "__main__":
    main()
