"""Which augmentation helps on 142 measured infrared spectra of eleven polymers, 4 to 29 each.

Every composite of shift, baseline, noise and borrowed variation, filled up to 50 rows per class,
against no oversampling, repetition, class weights and SMOTE, for four classifiers over ten
stratified 50/50 splits: macro F on the untouched half. The nearest neighbour is the classifier
that needs no augmentation, so each table ends with the difference to it. Wall time of the whole
search, with and without successive halving, on one core.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import numpy as np
from _machine import machine, parser, write
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

from hs_specaug import SignalAxis
from hs_specaug.perturbations import Domain
from hs_specaug.strategies import StrategyRanking, StrategySearch, mean_interval

RANGE_PER_CM = (975.0, 1800.0)  # that of the microplastics of paper 003
STRATEGIES = {
    "shift": "wavenumber-shift",
    "baseline": "baseline",
    "noise": "gaussian-noise",
    "borrowed-variation": "borrowed-variation",
}
TEST_SIZE = 0.5
ROWS_PER_CLASS = 50  # as in table 1 of paper 003


def load() -> tuple[np.ndarray, np.ndarray, Domain]:
    project = Path(__file__).resolve().parents[1]
    folder = Path(os.environ.get("HS_SPECAUG_DATA", project.parent / "shared" / "data"))
    path = folder / "ftir_polymers.npz"
    if not path.is_file():
        sys.exit(f"{path} is missing: set HS_SPECAUG_DATA to the folder that holds it")
    with np.load(path) as archive:
        wavenumber = archive["wavenumber_per_cm"]
        X, y = archive["absorbance"], archive["polymer"]
    inside = (wavenumber >= RANGE_PER_CM[0]) & (wavenumber <= RANGE_PER_CM[1])
    X = X[:, inside]
    low, high = X.min(axis=1, keepdims=True), X.max(axis=1, keepdims=True)
    axis = SignalAxis("Wavenumber", "1/cm", wavenumber[inside])
    return (X - low) / (high - low), y, Domain("spectrum", (axis,))


def classifiers(quick: bool) -> dict:
    return {
        "random forest": RandomForestClassifier(20 if quick else 200),
        "logistic regression": LogisticRegression(max_iter=2000),
        "support vectors": SVC(),
        "nearest neighbour": KNeighborsClassifier(1),
    }


def search(X, y, domain, classifier, repetitions: int, halving: bool) -> tuple:
    chooser = StrategySearch(
        STRATEGIES,
        classifier,
        n_steps=None,
        repetitions=repetitions,
        domain=domain,
        sampling_strategy=ROWS_PER_CLASS,
        test_size=TEST_SIZE,
        halving=halving,
        refit=False,
        random_state=0,
        show_progressbar=True,
    )
    started = time.perf_counter()
    chooser.fit(X, y)
    return chooser.ranking_, time.perf_counter() - started


def over_these_splits(ranking: StrategyRanking) -> dict:
    """Return the gains with intervals that take the splits as independent."""
    none = ranking.scores["no oversampling"]
    return {
        name: [round(v, 4) for v in mean_interval((values - none[: len(values)]).ravel())]
        for name, values in ranking.scores.items()
        if len(values) > 1
    }


def main() -> None:
    options = parser(__doc__).parse_args()
    X, y, domain = load()
    repetitions = 3 if options.quick else 10
    rankings, results = {}, {}
    for name, classifier in classifiers(options.quick).items():
        ranking, seconds = search(X, y, domain, classifier, repetitions, halving=False)
        halved, halved_seconds = search(X, y, domain, classifier, repetitions, halving=True)
        rankings[name] = ranking
        print(f"{name}\n{ranking}\n", flush=True)
        results[name] = {
            **ranking.to_dict(),
            "gain_over_these_splits": over_these_splits(ranking),
            "seconds": seconds,
            "halving": {
                "seconds": halved_seconds,
                "best": halved.best["strategy"],
                "score_of_its_best": ranking[halved.best["strategy"]]["score"],
                "score_of_best": ranking.best["score"],
            },
        }
    neighbour = rankings["nearest neighbour"].scores["no oversampling"]
    for name, ranking in rankings.items():
        best = ranking.scores[ranking.best["strategy"]]
        results[name]["best_over_plain_nearest_neighbour"] = mean_interval(
            (best - neighbour).ravel(), overlap=ranking.overlap
        )
    write(
        options.output,
        {
            "data": "ftir_polymers.npz, 975 to 1800 per cm, min-max per spectrum",
            "rows": len(y),
            "splits": repetitions,
            "test_size": TEST_SIZE,
            "rows_per_class": ROWS_PER_CLASS,
            "strategies": STRATEGIES,
            "classifiers": results,
            "machine": machine(),
        },
    )


if __name__ == "__main__":
    main()
