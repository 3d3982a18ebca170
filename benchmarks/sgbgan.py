"""Seconds per update of the generator, with its five of the discriminator: SGBGAN and BAGAN-GP.

(128, 3, 64, 64), four classes, the networks and batches of paper 001; the rows are noise, because
time does not depend on them. The methods alternate. Run alone: two busy processes on two cores
slow each other through spinning threads.
"""

from __future__ import annotations

import statistics

import numpy as np
from _machine import machine, parser, write

from hs_specaug.generators import BAGANGPGenerator, SGBGANGenerator
from hs_specaug.networks import resolve_device, resolve_precision

SEED = 0
SHAPE = (128, 3, 64, 64)
METHODS = {"sgbgan": SGBGANGenerator, "bagan-gp": BAGANGPGenerator}
AUTOENCODERS = {"sgbgan": "sa-gvae", "bagan-gp": "autoencoder"}


def seconds(name: str, X: np.ndarray, y: np.ndarray, updates: int) -> dict:
    """Seconds per step of each player; an epoch of 128 rows is one update of the generator."""
    generator = METHODS[name](
        epochs=updates,
        pretrain_epochs=updates,
        batch_size=len(X),
        n_critic=5,
        scoring=None,
        random_state=SEED,
    ).fit(X, y)
    spent = {key: value / updates for key, value in generator.seconds_.items()}
    return {
        "five_discriminator_and_one_generator": spent["discriminator"] + spent["generator"],
        "one_discriminator": spent["discriminator"] / 5,
        "one_generator": spent["generator"],
        "one_autoencoder": spent[AUTOENCODERS[name]],
    }


def parameters(name: str) -> dict:
    networks = METHODS[name]()._build_networks(SHAPE[1], SHAPE[2:], 4)
    return {key: sum(p.numel() for p in net.parameters()) for key, net in networks.items()}


def main() -> None:
    options = parser(__doc__).parse_args()
    shape = (16, 3, 32, 32) if options.quick else SHAPE
    repeats, updates = (1, 1) if options.quick else (3, 1)
    before = machine()
    rng = np.random.default_rng(SEED)
    X = rng.random(shape, dtype=np.float32)
    y = np.arange(len(X)) % 4
    times: dict[str, list[dict]] = {name: [] for name in METHODS}
    for name in METHODS:
        seconds(name, X[:8, :, :16, :16], y[:8], 1)  # first use loads libraries
    for _ in range(repeats):
        for name, found in times.items():
            found.append(seconds(name, X, y, updates))
    write(
        options.output,
        {
            "shape": list(shape),
            "seed": SEED,
            "repeats": repeats,
            "updates_per_repeat": updates,
            "precision": resolve_precision("auto", resolve_device("auto")).name,
            "median_seconds": {
                name: {key: statistics.median(t[key] for t in found) for key in found[0]}
                for name, found in times.items()
            },
            "parameters": {name: parameters(name) for name in METHODS},
            "machine": before,
        },
    )


if __name__ == "__main__":
    main()
