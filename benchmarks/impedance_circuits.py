"""Macro F on real impedance spectra with six spectra per rare class, over five seeds.

Nine equivalent circuits on a common band (10 Hz to 100 kHz, 41 log-spaced points, complex,
max |Z| = 1): five classes have 60 training spectra, the others 6; the rest is scored. The same
classifiers with the same number of updates follow every augmentation. The network is slow to
learn these spectra, hence more updates than the paper's 150 epochs would give.
"""

from __future__ import annotations

import itertools
import os
import sys
import time
from pathlib import Path

import numpy as np
from _machine import machine, parser, write
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import f1_score
from sklearn.neighbors import KNeighborsClassifier

import hs_specaug
from hs_specaug.evaluation import fit_fold
from hs_specaug.preprocessing import resample_spectra

RARE = ("L-R-RCPE", "RC-G-G", "RC-RC-RCPE-RCPE", "Rs_Ws")
COMMON_ROWS, RARE_ROWS = 60, 6
THREE_PLAYER: dict[str, dict] = {"three-player": {}}


def load() -> tuple[np.ndarray, np.ndarray]:
    project = Path(__file__).resolve().parents[1]
    folder = Path(os.environ.get("HS_SPECAUG_DATA", project.parent / "shared" / "data"))
    path = folder / "eis_equivalent_circuits.npz"
    if not path.is_file():
        sys.exit(f"{path} is missing: set HS_SPECAUG_DATA to the folder that holds it")
    with np.load(path) as archive:
        frequency, impedance = archive["frequency_Hz"], archive["impedance_ohm"]
        pieces = [slice(a, b) for a, b in itertools.pairwise(archive["offsets"])]
        circuit = archive["circuit"]
    common = np.geomspace(10.0, 1e5, 41)
    Z = np.array([resample_spectra(impedance[p], frequency[p], common, log=True) for p in pieces])
    Z /= np.abs(Z).max(axis=1, keepdims=True)
    return np.stack([Z.real, Z.imag], axis=1), circuit


def split(y: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    train = np.concatenate(
        [
            rng.permutation(np.flatnonzero(y == name))[: RARE_ROWS if name in RARE else COMMON_ROWS]
            for name in np.unique(y)
        ]
    )
    return train, np.setdiff1d(np.arange(len(y)), train)


def classifiers(seed: int, updates: int) -> dict:
    return {
        "cnn": hs_specaug.make_classifier("cnn", max_updates=updates, random_state=seed),
        "random forest": RandomForestClassifier(200, random_state=seed, n_jobs=2),
        "nearest neighbour": KNeighborsClassifier(1),
    }


def main() -> None:
    options = parser(__doc__).parse_args()
    X, y = load()
    seeds, updates = (range(1), 50) if options.quick else (range(5), 3000)
    epochs = {"epochs": 2, "pretrain_epochs": 1} if options.quick else {}
    scores: dict[str, dict[str, list[float]]] = {}
    fits: dict[str, list[dict]] = {}
    for seed in seeds:
        train, test = split(y, seed)
        trained = {}
        for name, settings in THREE_PLAYER.items():
            generator = hs_specaug.make_generator(
                "three-player", random_state=seed, **settings, **epochs
            )
            started = time.perf_counter()
            trained[name] = generator.fit(X[train], y[train])
            fits.setdefault(name, []).append(
                {
                    "seconds": time.perf_counter() - started,
                    "best_epoch": generator.best_epoch_,
                    "score_at_best": generator.score_,
                }
            )

        def score(augmentation: str, name: str, model, seed=seed, test=test) -> None:
            value = f1_score(y[test], model.predict(X[test]), average="macro")
            scores.setdefault(augmentation, {}).setdefault(name, []).append(float(value))
            print(f"seed {seed} {augmentation:>24} {name:<20} {value:.3f}", flush=True)

        smote = hs_specaug.make_generator("smote", random_state=seed)
        for augmentation, generator in {"none": None, "smote": smote, **trained}.items():
            for name, classifier in classifiers(seed, updates).items():
                refit = augmentation not in trained  # these were fitted on these very rows
                model = fit_fold(X[train], y[train], classifier, generator, refit=refit)
                score(augmentation, name, model)
        for name, generator in trained.items():
            score(name, "its own classifier", generator.classifier_)
    write(
        options.output,
        {
            "macro_f": scores,
            "mean": {a: {c: float(np.mean(v)) for c, v in s.items()} for a, s in scores.items()},
            "standard_deviation": {
                a: {c: float(np.std(v, ddof=1)) if len(v) > 1 else None for c, v in s.items()}
                for a, s in scores.items()
            },
            "seeds": list(seeds),
            "classifier_updates": updates,
            "three_player_settings": THREE_PLAYER,
            "three_player_fits": fits,
            "training_rows": len(split(y, 0)[0]),
            "machine": machine(),
        },
    )


if __name__ == "__main__":
    main()
