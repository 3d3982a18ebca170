"""Paper 003 on infrared spectra of polymers: figure 2, the data chooser, five ways to a GAN.

The 142 spectra (975 to 1800 per cm, eleven polymers, 4 to 29 of each) become polar images. Two
images of each class are scored and the others learned from, as in the paper, but with a new choice
in every repetition.

Figure 2: accuracy against the number of images per class, all of them augmented by strategy 1.
Table 1: the fifteen composites of the four base strategies, filled up to 50 images per class.
Table 2: MPcGAN trained on images enlarged in five ways, before and after the filter. As in the
paper the GAN sees all real images, with which its images are compared: such figures flatter a
generator that copies.

``--size quick`` takes minutes and ``processor`` hours on two cores at 32 × 32 pixels, ``full`` is
for a GPU at 128 × 128. Every cell is written as it comes, the scores of the search into a file of
its own; started again, the benchmark goes on from there.
"""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import polar
from _machine import machine, parser, write
from _paper_003_tables import figure_2, summary, table_1, table_2
from sklearn.ensemble import RandomForestClassifier

import hs_specaug
from hs_specaug.classifiers._resnet import weights_folder
from hs_specaug.evaluation import image_fidelity, inception_score
from hs_specaug.exceptions import SpecAugWarning
from hs_specaug.generators import CornerDensityFilter, MPcGANGenerator, RandomGenerator
from hs_specaug.perturbations import GANSEMBLE_STRATEGIES, Domain
from hs_specaug.preprocessing import PolarImage
from hs_specaug.strategies import (
    GANsemble,
    StrategySearch,
    composites,
    oversampling_size_curve,
)

STRATEGIES = {str(number): strategy for number, strategy in GANSEMBLE_STRATEGIES.items()}
ROWS_PER_CLASS = 50
SCORED_PER_CLASS = 2
#: Training sets of table 2; numbers are composites of base strategies.
WAYS = ("Aug*", "Aug 1", "Aug 7", "No Oversampling", "Oversampling No Aug")
COMPOSITE_OF = {"Aug 1": "1", "Aug 7": "1+4"}
#: Epochs after which the paper's GAN collapsed, as a share of those of the other three ways.
STABLE_SHARE = {"Aug 1": 80 / 150, "Aug 7": 80 / 150}
SMALL_RESNET = {"depths": (1, 1, 1), "widths": (32, 64, 128), "learning_rate": 1e-3}

Split = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Size:
    """How much is run; the first of `choosers` (classifier, splits) says what Aug* is."""

    pixels: int
    rows_per_class: tuple[int, ...]
    classifiers: tuple[str, ...]
    splits: int
    choosers: tuple[tuple[str, int], ...]
    updates: int
    gan_epochs: int
    kept_per_class: int
    draws_per_row: int
    gan_seeds: tuple[int, ...]


SMALL = ("random forest", "cnn", "small residual network")
FULL = ("random forest", "cnn", "resnet50, random weights", "resnet50, pre-trained")
SIZES = {
    "smoke": Size(16, (4,), SMALL[:1], 1, (("random forest", 1),), 5, 1, 5, 2, (0,)),
    "quick": Size(32, (10, 50), SMALL, 2, (("random forest", 3),), 100, 2, 10, 4, (0,)),
    "processor": Size(
        32, (10, 50, 100), SMALL, 5, (("random forest", 10), ("small residual network", 3)),
        150, 50, 20, 10, (0,),
    ),
    "full": Size(
        128, tuple(range(10, 101, 10)), FULL, 5, (("resnet50, pre-trained", 10),),
        2500, 150, 50, 100, (0, 1, 2),
    ),
}  # fmt: skip


# --- data and classifiers ----------------------------------------------------------------------


def load(pixels: int) -> tuple[np.ndarray, np.ndarray]:
    """Return polar images (n, 3, pixels, pixels) in [0, 1] and their polymers."""
    X, y, axis = polar.load()
    return PolarImage(axis, size=pixels, limits=(0.0, 1.0)).fit_transform(X), y


def splits(y: np.ndarray, n: int) -> list[Split]:
    """Return `n` choices of two scored rows per class; fewer are the first of more."""
    rng = np.random.default_rng(0)
    out = []
    for _ in range(n):
        members = [rng.permutation(np.flatnonzero(y == name)) for name in np.unique(y)]
        test = np.concatenate([rows[:SCORED_PER_CLASS] for rows in members])
        out.append((np.setdiff1d(np.arange(len(y)), test), test))
    return out


def pretrained() -> bool:
    return (weights_folder() / "config.json").is_file()


def runnable(names: tuple[str, ...]) -> list[str]:
    """Return the classifiers that this machine has what it takes for."""
    return [n for n in names if n != "resnet50, pre-trained" or pretrained()]


def classifier(name: str, size: Size):
    """Return an unfitted classifier whose seed is open."""
    updates = {"max_updates": size.updates}
    if name == "random forest":
        return RandomForestClassifier(100)
    if name == "cnn":
        return hs_specaug.make_classifier("cnn", **updates)
    if name == "small residual network":
        return hs_specaug.make_classifier("resnet50", weights=None, **SMALL_RESNET, **updates)
    weights = weights_folder() if name == "resnet50, pre-trained" else None
    return hs_specaug.make_classifier("resnet50", weights=weights, **updates)


def choosers(size: Size) -> list[tuple[str, int]]:
    """Return (classifier, splits) of table 1; random weights where there are no others."""
    other = {} if pretrained() else {"resnet50, pre-trained": "resnet50, random weights"}
    return [(other.get(name, name), n) for name, n in size.choosers]


# --- cells -------------------------------------------------------------------------------------


def size_curve(X: np.ndarray, y: np.ndarray, size: Size, name: str) -> dict:
    """Return one curve of figure 2."""
    curve = oversampling_size_curve(
        X,
        y,
        STRATEGIES["1"],
        {name: classifier(name, size)},
        sizes=size.rows_per_class,
        repetitions=1,
        cv=splits(y, size.splits),
        only_augmented=True,
        domain=Domain("image"),
        scoring="accuracy",
        random_state=0,
    )
    return {
        "sizes": list(curve.sizes),
        "accuracy": curve.scores[name].tolist(),
        "real_only": curve.no_oversampling[name].tolist(),
        "seconds": (curve.seconds[name].mean(axis=1) / size.splits).tolist(),
        "sufficient_size": curve.sufficient_size(name),
    }


def search(y: np.ndarray, size: Size, chooser: tuple[str, int], file: Path, strategies):
    """Return the data chooser; what `file` has of its scores is not made again."""
    name, n = chooser
    return StrategySearch(
        strategies,
        classifier(name, size),
        n_steps=None,
        repetitions=1,
        cv=splits(y, n),
        domain=Domain("image"),
        sampling_strategy=ROWS_PER_CLASS,
        compare_with=(),
        scoring="accuracy",
        results=file,
        refit=False,
        random_state=0,
        show_progressbar=True,
    )


def choose(X: np.ndarray, y: np.ndarray, size: Size, chooser: tuple[str, int], file: Path) -> dict:
    """Return table 1 of one classifier."""
    found = search(y, size, chooser, file, STRATEGIES).fit(X, y)
    scores = {name: values.ravel().tolist() for name, values in found.ranking_.scores.items()}
    return {"accuracy": scores, "best": found.best_name_, "verdict": found.verdict_}


def trained(X: np.ndarray, y: np.ndarray, size: Size, way: str, seed: int, file: Path):
    """Return an MPcGAN trained on images that were enlarged in one of the five ways."""
    epochs = max(1, round(size.gan_epochs * STABLE_SHARE.get(way, 1.0)))
    gan = MPcGANGenerator(epochs=epochs, random_state=seed)
    if way == "No Oversampling":
        return gan.fit(X, y)
    if way == "Oversampling No Aug":
        counts = {name: max(ROWS_PER_CLASS, int((y == name).sum())) for name in np.unique(y)}
        copies = RandomGenerator(sampling_strategy=counts, random_state=seed)
        return gan.fit(*copies.fit_resample(X, y))
    known = composites(STRATEGIES)
    strategies = STRATEGIES if way == "Aug*" else {COMPOSITE_OF[way]: known[COMPOSITE_OF[way]]}
    chooser = search(y, size, choosers(size)[0], file, strategies)
    ensemble = GANsemble(
        chooser, generator=gan, keep=None, domain=Domain("image"), random_state=seed
    )
    return ensemble.fit(X, y).generator_


def judged(X: np.ndarray, y: np.ndarray, size: Size, judge, gan, seed: int) -> dict:
    """Return FID, Inception score and share of recognised images, regular and filtered."""
    wanted = dict.fromkeys(np.unique(y).tolist(), size.kept_per_class)
    keep = CornerDensityFilter().fit(X)
    out: dict = {"best_epoch": gan.best_epoch_, "converged": gan.converged_}
    for kind, options in {
        "regular": {},
        "filtered": {"keep": keep, "draws_per_row": size.draws_per_row},
    }.items():
        made, names = gan.sample(wanted, random_state=seed, **options)
        mean, spread = inception_score(judge.predict_proba(made), random_state=seed)
        out[kind] = {
            "inception_score": [mean, spread],
            "recognised": float(np.mean(judge.predict(made) == names)),
            "fid": fid(X, made, judge, seed),
        }
    return out


def fid(X: np.ndarray, made: np.ndarray, judge, seed: int) -> dict[str, list[float]]:
    """Return FID by embedding, beside that of real images against real ones."""
    out = {}
    for options in ({"classifier": judge}, {"embedding": "inception"}):
        try:
            report = image_fidelity(X, made, metrics=["fid"], random_state=seed, **options)
        except FileNotFoundError:  # no Inception weights on this machine
            continue
        for name, values in report.values.items():
            out[name] = [float(values[0]), float(report.baseline[name][0])]
    return out


def cells_to_run(size: Size) -> list[dict]:
    """Return what identifies each cell, in the order in which they are run."""
    first, *more = [{"part": "table 1", "classifier": n} for n, _ in choosers(size)]
    curves = [{"part": "figure 2", "classifier": n} for n in runnable(size.classifiers)]
    gans = [{"part": "table 2", "seed": s, "way": way} for s in size.gan_seeds for way in WAYS]
    return [first, *curves, *more, *gans]


def run(size: Size, results: dict, files: Callable[[str], Path], save) -> None:
    """Make the cells that `results` has not."""
    X, y = load(size.pixels)
    judge = hs_specaug.make_classifier("cnn", max_updates=3 * size.updates, random_state=0)
    judge.fit(X, y)
    chooser_of = {name: (name, n) for name, n in choosers(size)}
    results["real_images"] = {
        "inception_score": list(inception_score(judge.predict_proba(X), random_state=0)),
        "recognised": float(judge.score(X, y)),
    }
    first = files(choosers(size)[0][0])
    for cell in cells_to_run(size):
        if any(cell.items() <= done.items() for done in results["cells"]):
            continue
        started = time.perf_counter()
        if cell["part"] == "table 1":
            name = cell["classifier"]
            cell |= choose(X, y, size, chooser_of[name], files(name))
        elif cell["part"] == "figure 2":
            cell |= size_curve(X, y, size, cell["classifier"])
        else:
            gan = trained(X, y, size, cell["way"], cell["seed"], first)
            cell |= judged(X, y, size, judge, gan, cell["seed"])
        cell["cell_seconds"] = time.perf_counter() - started
        results["cells"].append(cell)
        save()
        print(cell, flush=True)


# --- published beside measured -----------------------------------------------------------------


def tables(results: dict, published: dict) -> str:
    """Return the page's section: figure 2, tables 1 and 2 beside what was measured."""
    settings, found = results["settings"], summary(results["cells"])
    lines = [
        f"Polar images of {settings['pixels']} × {settings['pixels']} pixels (published: 128) of "
        "142 infrared spectra of 11 polymers, 4 to 29 of each, from another instrument than the "
        "paper's 210 of 10 classes. Two images of each class are scored, a new choice in every "
        "repetition (published: the same 20 images throughout). The networks make "
        f"{settings['updates']} updates whatever the number of images (published: 150 epochs). "
        + (
            "The ResNet50 is the paper's."
            if any("pre-trained" in name for name in found["table 1"])
            else "No pre-trained ResNet50 was at hand: figures of the paper that come from one "
            "have no counterpart here, and networks start from random weights."
        ),
        "",
        *figure_2(results, published["figure 2"]),
        "",
        *table_1(results, published["table 1"]),
        "",
        *table_2(results, found["table 2"], published["table 2"]),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    arguments = parser(__doc__ or "")
    arguments.add_argument("--size", choices=tuple(SIZES), default="full")
    options = arguments.parse_args()
    name = "quick" if options.quick else options.size
    size, path = SIZES[name], options.output.with_stem(f"{options.output.stem}_{name}")
    warnings.simplefilter("ignore", SpecAugWarning)
    results = json.loads(path.read_text()) if path.is_file() else {"cells": []}
    results |= {"machine": machine(), "settings": asdict(size), "pretrained": pretrained()}

    def files(chooser: str) -> Path:
        return path.with_stem(f"{path.stem}_search_{chooser.replace(', ', '_').replace(' ', '_')}")

    def save() -> None:
        results["summary"] = summary(results["cells"])
        path.write_text(json.dumps(results, indent=1) + "\n")

    path.parent.mkdir(parents=True, exist_ok=True)
    run(size, results, files, save)
    write(path, results)


if __name__ == "__main__":
    main()
