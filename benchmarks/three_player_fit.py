"""Seconds per three-player fit at the paper's settings, their split, and what saves time.

(156, 800), two classes, 150 : 6. Run alone: two busy processes on two cores slow each other
through spinning threads.
"""

from __future__ import annotations

import statistics
import time

import numpy as np
from _machine import machine, parser, write

import hs_specaug
from hs_specaug.generators import ThreePlayerGenerator, _three_player
from hs_specaug.generators._losses import fake_loss, gradient_penalty, interpolate, real_loss

SEED = 0


def data() -> tuple[np.ndarray, np.ndarray]:
    s = hs_specaug.datasets.hydrogel_impedance(SEED)
    rng = np.random.default_rng(SEED)
    rows = [rng.permutation(np.flatnonzero(s.labels == code)) for code in (0, 1)]
    rows = np.r_[rows[0][:150], rows[1][:6]]
    return s.data[rows], np.array(s.classes)[s.labels[rows]]


def separate_passes(G, D, draws, weight):
    """Eq. (3) written down term by term: a trunk pass for each of them."""
    x_a, y_a = draws.real()
    n = len(x_a)
    y_g, y_m = draws.labels(n), draws.wrong(y_a)
    x_g = G(draws.noise(n), y_g)
    x_hat = interpolate(x_a, x_g, draws.uniform(n))
    return {
        "real": real_loss(D(x_a, y_a)),
        "generated": fake_loss(D(x_g, y_g)),
        "mislabelled": fake_loss(D(x_a, y_m)),
        "gradient_penalty": weight * gradient_penalty(lambda x: D(x, y_a), x_hat),
    }


def seconds(X, y, **options) -> float:
    started = time.perf_counter()
    ThreePlayerGenerator(random_state=SEED, **options).fit(X, y)
    return time.perf_counter() - started


def compare(X, y, repeats: int, epochs: int) -> dict:
    """Median seconds of short adversarial phases; variants alternate within one run."""
    shared = _three_player.discriminator_losses
    variants = {
        "as shipped": (shared, "auto"),
        "float32": (shared, "float32"),
        "float32, a trunk pass per term": (separate_passes, "float32"),
    }
    times: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(repeats):
        for name, (losses, precision) in variants.items():
            _three_player.discriminator_losses = losses
            times[name].append(seconds(X, y, epochs=epochs, pretrain_epochs=0, precision=precision))
    _three_player.discriminator_losses = shared
    medians = {name: statistics.median(values) for name, values in times.items()}
    return {
        "epochs": epochs,
        "repeats": repeats,
        "median_seconds": medians,
        "ratio_to_as_shipped": {n: m / medians["as shipped"] for n, m in medians.items()},
    }


def main() -> None:
    options = parser(__doc__).parse_args()
    X, y = data()
    seconds(X, y, epochs=1, pretrain_epochs=1)  # first use loads libraries
    epochs = {"epochs": 2, "pretrain_epochs": 2} if options.quick else {}
    started = time.perf_counter()
    generator = ThreePlayerGenerator(random_state=SEED, **epochs).fit(X, y)
    total = time.perf_counter() - started
    started = time.perf_counter()
    generator.sample({"solution": 1000, "gel": 1000})
    sampling = time.perf_counter() - started
    write(
        options.output,
        {
            "shape": list(X.shape),
            "seed": SEED,
            "settings": {k: v for k, v in generator.get_params().items() if k != "random_state"},
            "precision": generator.precision_,
            "fit_seconds": total,
            "seconds_by_player": generator.seconds_,
            "samples_per_second": 2000 / sampling,
            "variants": compare(X, y, 1 if options.quick else 3, 2 if options.quick else 6),
            "machine": machine(),
        },
    )


if __name__ == "__main__":
    main()
