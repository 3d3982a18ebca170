"""Paper 001, table 3 on CIFAR-10: FID and SSIM of five image GANs at rates of imbalance, macro F.

Sizes: ``--size quick`` (minutes) and ``processor`` (hours) train three classes at 32 × 32 pixels,
400 images of the common one; ``full`` all ten at 64 × 64 with 2000, for a GPU. FID and KID are
taken in the features of a classifier that was trained on 400 real images of each class, not in
those of an Inception network, so that they compare within one table only. All figures are those of
images that no generator has seen, beside real against real.

Every method is written down as it comes; started again, the benchmark goes on from there.
"""

from __future__ import annotations

import json
import os
import sys
import time
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from _machine import machine, parser, write
from sklearn.metrics import f1_score

import hs_specaug
from hs_specaug.evaluation import fit_fold, image_fidelity
from hs_specaug.exceptions import SpecAugWarning

METHODS = ("sgbgan", "bagan-gp", "cwgan-gp", "bagan", "dcgan")
BASELINES = ("none", "random", "smote")
METRICS = {"fid-classifier": "FID", "ssim": "SSIM"}
JUDGED = 400

Images = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Size:
    """How much of the table is run."""

    n_classes: int
    pixels: int
    most: int
    rates: tuple[int, ...]
    seeds: tuple[int, ...]
    epochs: int
    pretrain_epochs: int
    classifier_updates: int


SIZES = {
    "smoke": Size(2, 32, 20, (5,), (0,), 1, 1, 10),
    "quick": Size(3, 32, 400, (20,), (0,), 30, 30, 1000),
    "processor": Size(3, 32, 400, (20, 100, 5, 50), (0, 1), 60, 100, 1000),
    "full": Size(10, 64, 2000, (5, 20, 50, 100), (0, 1, 2), 150, 100, 3000),
}


def load(size: Size) -> tuple[dict[str, Images], list[str]]:
    """Return images (n, 3, height, width) in [0, 1] with class names, to learn from and score."""
    project = Path(__file__).resolve().parents[1]
    folder = Path(os.environ.get("HS_SPECAUG_DATA", project.parent / "shared" / "data"))
    path = folder / "cifar10_subset.npz"
    if not path.is_file():
        sys.exit(f"{path} is missing: set HS_SPECAUG_DATA to the folder that holds it")
    parts = {}
    with np.load(path) as archive:
        names = archive["class_names"]
        for part in ("train", "test"):
            chosen = archive[f"{part}_labels"] < size.n_classes
            X = archive[f"{part}_images"][chosen].transpose(0, 3, 1, 2).astype(np.float32) / 255
            parts[part] = resized(X, size.pixels), names[archive[f"{part}_labels"][chosen]]
    return parts, names[: size.n_classes].tolist()


def resized(X: np.ndarray, pixels: int) -> np.ndarray:
    import torch

    if X.shape[-1] == pixels:
        return X
    larger = torch.nn.functional.interpolate(torch.from_numpy(X), (pixels, pixels), mode="bilinear")
    return larger.numpy()


def first(images: Images, counts: dict[str, int]) -> Images:
    """Return the first `counts` images of each class."""
    X, y = images
    rows = np.concatenate([np.flatnonzero(y == name)[:n] for name, n in counts.items()])
    return X[rows], y[rows]


def generator_of(name: str, seed: int, size: Size):
    """Return a generator with those of the settings that it has."""
    settings = {
        "epochs": size.epochs,
        "pretrain_epochs": size.pretrain_epochs,
        "batch_size": 128,
        "score_every": 5,
    }
    known = hs_specaug.make_generator(name).get_params()
    settings = {key: value for key, value in settings.items() if key in known}
    return hs_specaug.make_generator(name, random_state=seed, **settings)


def measure(
    parts: dict[str, Images], classes: list[str], judge, size: Size, plan: tuple[int, int, str]
) -> dict:
    """Train one generator at one rate with one seed, judge its images, train a classifier."""
    rate, seed, method = plan
    common, *rare = classes
    X, y = first(parts["train"], {common: size.most, **dict.fromkeys(rare, size.most // rate)})
    X_test, y_test = parts["test"]
    cell: dict = {"rate": rate, "seed": seed, "method": method}
    generator = None
    if method != "none":
        generator = generator_of(method, seed, size)
        started = time.perf_counter()
        generator.fit(X, y)
        cell["fit_seconds"] = time.perf_counter() - started
        cell["best_epoch"] = int(getattr(generator, "best_epoch_", -1))
        cell["converged"] = bool(getattr(generator, "converged_", True))
    if method in METHODS:
        made, names = generator.sample(dict.fromkeys(classes, 200), random_state=seed)
        report = image_fidelity(
            X_test, made, y_test, names, classifier=judge, classes=classes, random_state=seed
        )
        cell["fidelity"] = report.to_dict()
    model = fit_fold(X, y, cnn(seed, size), generator, refit=False)
    scores = f1_score(y_test, model.predict(X_test), labels=classes, average=None)
    cell["f_score"] = dict(zip(classes, scores.tolist(), strict=True))
    cell["macro_f"] = float(scores.mean())
    return cell


def cnn(seed: int, size: Size):
    return hs_specaug.make_classifier("cnn", max_updates=size.classifier_updates, random_state=seed)


# --- published beside measured -----------------------------------------------------------------


def tables(results: dict, published: dict) -> str:
    """Return the page's section: table 3 of the paper beside what was measured."""
    settings, cells = results["settings"], results["cells"]
    lines = [
        f"{settings['n_classes']} classes at {settings['pixels']} × {settings['pixels']} pixels, "
        f"{settings['most']} images of the common one, {settings['epochs']} epochs. FID is taken "
        "in features of a classifier that recognises "
        f"{results['judge_accuracy']:.0%} of the unseen images (published: of an Inception "
        "network, ten classes), SSIM over pairs of a real and a generated image. Mean over seeds; "
        "macro F is that of a CNN.",
        "",
        "| rate | method | FID rare | FID common | SSIM rare | SSIM common | macro F | kept epoch "
        "| seeds | published FID rare / common | published SSIM rare / common |",
        "| --- " * 11 + "|",
    ]
    for rate in sorted({c["rate"] for c in cells}):
        for method in (*BASELINES, *METHODS):
            mine = [c for c in cells if (c["rate"], c["method"]) == (rate, method)]
            if mine:
                lines.append(_line(rate, method, mine, published["table 3"].get(str(rate), {})))
        shown = next(c for c in cells if c["rate"] == rate and "fidelity" in c)
        real = [_rare_and_common(shown["fidelity"]["baseline"][m]) for m in METRICS]
        numbers = " | ".join(f"{v:.3g}" for pair in real for v in pair)
        lines.append(f"| {rate} | real against real | {numbers} | | | | | |")
    return "\n".join(lines) + "\n"


def _rare_and_common(by_class: list[float]) -> tuple[float, float]:
    return float(np.mean(by_class[1:])), float(by_class[0])


def _line(rate: int, method: str, cells: list[dict], published: dict) -> str:
    row = [str(rate), method]
    for metric in METRICS:
        pairs = [
            _rare_and_common(c["fidelity"]["values"][metric]) for c in cells if "fidelity" in c
        ]
        row += [f"{v:.3g}" for v in np.mean(pairs, axis=0)] if pairs else ["", ""]
    row.append(f"{np.mean([c['macro_f'] for c in cells]):.3f}")
    row.append(", ".join(str(c["best_epoch"]) for c in cells) if method in METHODS else "")
    row.append(str(len(cells)))
    numbers = published.get(method)
    row += ["{} / {}".format(*numbers[:2]), "{} / {}".format(*numbers[2:])] if numbers else ["", ""]
    return f"| {' | '.join(row)} |"


def main() -> None:
    arguments = parser(__doc__ or "")
    arguments.add_argument("--size", choices=tuple(SIZES), default="full")
    options = arguments.parse_args()
    name = "quick" if options.quick else options.size
    size, path = SIZES[name], options.output.with_stem(f"{options.output.stem}_{name}")
    warnings.simplefilter("ignore", SpecAugWarning)
    parts, classes = load(size)
    judge = cnn(0, size).fit(*first(parts["train"], dict.fromkeys(classes, JUDGED)))
    results = json.loads(path.read_text()) if path.is_file() else {"cells": []}
    results |= {
        "machine": machine(),
        "settings": asdict(size),
        "judge_accuracy": float(judge.score(*parts["test"])),
    }
    done = {(c["rate"], c["seed"], c["method"]) for c in results["cells"]}
    plans = [(r, s, m) for s in size.seeds for r in size.rates for m in (*BASELINES, *METHODS)]
    for plan in plans:
        if plan in done:
            continue
        cell = measure(parts, classes, judge, size, plan)
        results["cells"].append(cell)
        print({key: value for key, value in cell.items() if key != "fidelity"}, flush=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(results, indent=1) + "\n")
    write(path, results)


if __name__ == "__main__":
    main()
