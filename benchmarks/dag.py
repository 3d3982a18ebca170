"""Epochs and seconds to the stopping rule of DAG by design, and how good the spectra are then.

125 of 659 measured Mn2+ spectra of 700 channels, compared with those that the
generator has not seen. Run alone: two busy processes on two cores slow each other.
"""

from __future__ import annotations

import json
import os
import sys
import time
import warnings
from pathlib import Path

import numpy as np
from _machine import machine, parser, write

from hs_specaug.evaluation import spectral_fidelity
from hs_specaug.exceptions import FewSamplesWarning, TrainingWarning
from hs_specaug.generators._dag import DAGGenerator

PROJECT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("HS_SPECAUG_DATA", PROJECT.parent / "shared" / "data"))
sys.path.insert(0, str(PROJECT / "examples"))

from _white_lines import measured_mn2, simulated_mn2  # noqa: E402

DESIGNS = ("single-mono", "multi-mono", "single-bi", "multi-bi")
VARIANTS: dict[str, dict] = {
    "defaults": {},
    "start='mean'": {"start": "mean", "fewest_epochs": 0},
    "start='random'": {"start": "random"},
    "noise_scale=1 (reference)": {"noise_scale": 1.0},
    "dropout=0.5 (reference)": {"dropout": 0.5},
}


def train(rows: np.ndarray, held: np.ndarray, seed: int, **options) -> dict:
    """Train on 125 rows and return what became of it."""
    order = np.random.RandomState(seed).permutation(len(rows))
    # Generators want two classes; one of five rows is not trained.
    X = np.concatenate([rows[order[:125]], held[:5]])
    y = np.repeat(["Mn2+", "unused"], [125, 5])
    started = time.process_time()
    generator = DAGGenerator(random_state=seed, **options).fit(X, y)
    seconds = time.process_time() - started
    unseen = rows[order[125:425]]
    synthetic = generator.sample({"Mn2+": len(unseen)}, random_state=seed)[0]
    fidelity = spectral_fidelity(unseen, synthetic, n_repeats=20, random_state=0)
    record = next(r for r in generator.records_ if r.label == "Mn2+")
    return {
        "options": options,
        "seed": seed,
        "reached": record.reached,
        "epochs": record.epochs,
        "kept_epoch": record.kept_epoch,
        "wall_seconds": record.seconds,
        "processor_seconds": seconds,
        "against_unseen": {k: float(v[0]) for k, v in fidelity.values.items()},
        "real_against_real": {k: float(v[0]) for k, v in fidelity.baseline.items()},
    }


def main() -> None:
    read = parser(__doc__)
    read.add_argument("--epochs", type=int, default=120, help="most epochs")
    read.add_argument("--seeds", type=int, default=2)
    options = read.parse_args()
    warnings.simplefilter("ignore", FewSamplesWarning)
    warnings.simplefilter("ignore", TrainingWarning)
    spectra, sessions = measured_mn2(DATA) or simulated_mn2()
    rows, held = spectra, spectra[sessions == "thinnest"]  # of these five, for a class of no use
    epochs, seeds = (2, 1) if options.quick else (options.epochs, options.seeds)
    results: dict = {
        "measured": measured_mn2(DATA) is not None,
        "shape": [125, rows.shape[1]],
        "most_epochs": epochs,
        "machine": machine(),
        "runs": [],
    }
    plans = [{"design": design} for design in DESIGNS]
    plans += [changes for changes in VARIANTS.values() if changes]
    for seed in range(seeds):
        for plan in plans if seed == 0 else plans[: len(DESIGNS)]:
            results["runs"].append(train(rows, held, seed, epochs=epochs, **plan))
            print(json.dumps(results["runs"][-1]), flush=True)
            write(options.output, results)  # what is there, should the rest be cut short
    write(options.output, results)


if __name__ == "__main__":
    main()
