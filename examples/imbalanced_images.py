"""
Images with rare classes, at four rates of imbalance
====================================================

Airplanes are many, the other nine classes of CIFAR-10 are 5, 20, 50 or 100 times rarer. Five
generative adversarial networks fill them up. How close are their images to photographs that they
have never seen, and does a classifier learn anything from them?

The file ``cifar10_subset.npz`` is looked for in the folder that the environment variable
``HS_SPECAUG_DATA`` names, by default ``../shared/data`` beside the project. Without it simulated
gratings take its place. All of this takes hours even on a GPU; ``--quick`` shows the steps with two
classes and small images in about a minute.
"""

# %%
# Figure and table of a run that was kept. If it was made with ``--quick``, the verdict says so.
#
# .. image:: /_static/examples/imbalanced_images.png
#    :alt: Real and generated images, and scores over the rate of imbalance
#
# .. include:: /_static/examples/imbalanced_images.md
#    :parser: myst_parser.sphinx_

# %%
# Options and packages. Figure and tables go to ``output/``.

# sphinx_gallery_thumbnail_path = "_static/examples/imbalanced_images.png"
import csv
import os
import time
import warnings
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import torch
from _comparison import Comparison, read_options

import hs_specaug
from hs_specaug.evaluation import fit_fold, frechet_distance
from hs_specaug.exceptions import FewSamplesWarning

try:
    from skimage.metrics import structural_similarity
except ImportError:
    structural_similarity = None

matplotlib.use("Agg")  # figures are saved, never shown
warnings.simplefilter("ignore", FewSamplesWarning)
options = read_options("Images of rare classes from five generative adversarial networks.")
SEED = 0
RATES = (5, 20) if options.quick else (5, 20, 50, 100)
METHODS = ("dcgan", "bagan", "cwgan-gp", "bagan-gp", "sgbgan")
WITH_START = ("bagan", "bagan-gp", "sgbgan")
EPOCHS, PRETRAIN_EPOCHS, UPDATES = (2, 10, 20) if options.quick else (150, 100, 3000)
N_CLASSES, SIZE, MOST, N_SCORED = (2, 32, 40, 20) if options.quick else (10, 64, 2000, 100)
started = time.perf_counter()
project = Path(__file__).resolve().parents[1]
folder = Path(os.environ.get("HS_SPECAUG_DATA", project.parent / "shared" / "data"))


# %%
# Colour images of shape (n, 3, height, width) and their class codes, to learn from and to score.
def gratings(n_per_class: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Simulated images: stripes whose direction tells the class, in any colour and phase."""
    codes = np.repeat(np.arange(N_CLASSES), n_per_class)
    n = len(codes)
    angle = np.pi * codes / N_CLASSES + 0.08 * rng.standard_normal(n)
    row, column = np.mgrid[:32, :32] / 32
    across = np.multiply.outer(np.cos(angle), column) + np.multiply.outer(np.sin(angle), row)
    waves = rng.uniform(2, 4, (n, 1, 1)) * across + rng.random((n, 1, 1))
    colour = rng.uniform(60, 120, (n, 3, 1, 1))
    images = 128 + colour * np.sin(2 * np.pi * waves)[:, None]
    images += 8 * rng.standard_normal(images.shape)
    return np.clip(images, 0, 255).astype(np.uint8), codes


def resized(images: np.ndarray) -> np.ndarray:
    """Return images at the wanted size, bilinear where it is not the one they have."""
    if images.shape[-1] == SIZE:
        return images
    larger = torch.nn.functional.interpolate(
        torch.from_numpy(images).float(), size=(SIZE, SIZE), mode="bilinear"
    )
    return larger.round().clamp(0, 255).to(torch.uint8).numpy()


path = folder / "cifar10_subset.npz"
if path.is_file():
    with np.load(path) as archive:
        classes = archive["class_names"][:N_CLASSES].tolist()
        parts = {
            part: (archive[f"{part}_images"].transpose(0, 3, 1, 2), archive[f"{part}_labels"])
            for part in ("train", "test")
        }
else:
    classes = [f"{180 * code // N_CLASSES} degrees" for code in range(N_CLASSES)]
    rng = np.random.default_rng(SEED)
    parts = {"train": gratings(MOST, rng), "test": gratings(2 * N_SCORED, rng)}
print("measured" if path.is_file() else "simulated", {k: v[0].shape for k, v in parts.items()})
common, *rare = classes


def first_of_each(part: str, counts: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Return that many images of each class, and their codes."""
    images, labels = parts[part]
    chosen = [np.flatnonzero(labels == code)[:n] for code, n in enumerate(counts)]
    codes = np.repeat(np.arange(N_CLASSES), [len(rows) for rows in chosen])
    return resized(images[np.concatenate(chosen)]), codes


# %%
# The judge of all images is a classifier that knows many real ones of every class, more than any
# generator sees. Of the images that nobody has seen, one half is what generated images should look
# like; the other half says how alike real ones are.
def cnn() -> object:
    return hs_specaug.make_classifier("cnn", max_updates=UPDATES, random_state=SEED)


X_judge, y_judge = first_of_each("train", [min(MOST, 400)] * N_CLASSES)
judge = cnn().fit(X_judge, y_judge)
X_test, y_test = first_of_each("test", [2 * N_SCORED] * N_CLASSES)
print(f"judge: {judge.score(X_test, y_test):.0%} of the unseen images recognised")
half = np.arange(len(X_test)) % (2 * N_SCORED) < N_SCORED
targets, others = X_test[half], X_test[~half]
target_codes = y_test[half]

if structural_similarity is None:
    print("no column SSIM: it needs scikit-image, which is not installed")


def ssim(images: np.ndarray, real: np.ndarray) -> float:
    """Mean structural similarity of pairs of images (paper 001, Eq. 13)."""
    if structural_similarity is None:
        return float("nan")
    pairs = zip(images, real, strict=True)
    return float(np.mean([structural_similarity(a, b, channel_axis=0) for a, b in pairs]))


def likeness(images: np.ndarray) -> dict[str, float]:
    """FID in the features of the judge, and SSIM, of the common and (mean) of the rare classes."""
    scores = {}
    for score, function in (
        ("fid", lambda a, b: frechet_distance(b, a, embedding=judge.features)),
        ("ssim", ssim),
    ):
        by_class = [
            function(images[target_codes == code], targets[target_codes == code])
            for code in range(N_CLASSES)
        ]
        scores |= {f"{score}_minority": np.mean(by_class[1:]), f"{score}_majority": by_class[0]}
    return scores


# %%
# Each rate, each method: train the generator, judge its images, train the classifier with them.
def make_generator(name: str):
    """Return the generator with the batches and the number of epochs of paper 001."""
    start = {"pretrain_epochs": PRETRAIN_EPOCHS} if name in WITH_START else {}
    return hs_specaug.make_generator(
        name, epochs=EPOCHS, batch_size=128, random_state=SEED, show_progressbar=True, **start
    )


installed = hs_specaug.list_generators()
methods = [name for name in METHODS if name in installed]
for name in METHODS:
    if name not in installed:
        print(f"skipped: {name} is not installed")
real_likeness = likeness(others)
print("real against real:", {key: round(float(v), 3) for key, v in real_likeness.items()})
table, images_of, comparisons = [], {}, {}
for rate in RATES:
    X, y = first_of_each("train", [MOST] + [max(2, MOST // rate)] * (N_CLASSES - 1))
    print(f"\n--- {MOST} {common}, {max(2, MOST // rate)} of each other class, rate {rate}")
    comparisons[rate] = Comparison(y_test, classes, rare, random_state=SEED)
    for name in ("none", "random", *methods):
        begun, generator, scores = time.perf_counter(), None, {}
        if name == "random":
            generator = hs_specaug.make_generator(name, random_state=SEED).fit(X, y)
        elif name != "none":
            generator = make_generator(name).fit(X, y)
            made, codes = generator.sample(target_codes, random_state=SEED)
            assert np.array_equal(codes, target_codes)
            images_of[rate, name] = made
            scores = likeness(made)
        seconds = time.perf_counter() - begun
        model = fit_fold(X, y, cnn(), generator, refit=False)
        report = comparisons[rate].add(name, model.predict(X_test))
        table.append({"rate": rate, "augmentation": name, **scores, "seconds": seconds})
        print(f"{name}: macro F {report.macro_f_score:.3f}, generator {seconds:.0f} s")


# %%
# The table, and what it says. The intervals of macro F and of the gain come from a bootstrap over
# the unseen images, paired for the gain.
def headings() -> list[str]:
    columns = ["fid_minority", "fid_majority", "ssim_minority", "ssim_majority"]
    return [c for c in columns if structural_similarity is not None or not c.startswith("ssim")]


for row in table:
    comparison, name = comparisons[row["rate"]], row["augmentation"]
    report = comparison.reports[name]
    row["macro_f"] = (report.macro_f_score, *report.intervals["f_score"][:, -1])
    row["gain_over_none"] = (0.0,) * 3 if name == "none" else comparison.gain(name, "none")


def markdown() -> str:
    """Return the table in Markdown."""
    head = ["rate", "augmentation", *headings(), "macro F [95 %]", "gain over none [95 %]"]
    lines = [head, ["---"] * len(head)]
    reference = {"rate": "", "augmentation": "real images", **real_likeness}
    for row in (reference, *table):
        cells = [row["rate"], row["augmentation"]]
        cells += [f"{row[c]:.4g}" if c in row else "" for c in headings()]
        cells += ["{:.3f} [{:.3f}, {:.3f}]".format(*row["macro_f"]) if "macro_f" in row else ""]
        gain = row["augmentation"] not in ("none", "real images")
        cells += ["{:+.3f} [{:+.3f}, {:+.3f}]".format(*row["gain_over_none"]) if gain else ""]
        lines.append([str(cell) for cell in cells])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def verdict() -> str:
    """Say in words what helped, and whose images of rare classes were closest to real ones."""
    if options.quick:
        return "None: with --quick nothing is trained long enough to compare."
    sentences = []
    for rate in RATES:
        rows = {row["augmentation"]: row for row in table if row["rate"] == rate}
        helped = [name for name, row in rows.items() if row["gain_over_none"][1] > 0]
        harmed = [name for name, row in rows.items() if row["gain_over_none"][2] < 0]
        sentence = f"Rate {rate}: better than no augmentation {', '.join(helped) or 'none'}"
        sentence += f", worse {', '.join(harmed)}" if harmed else ""
        if methods:
            closest = min(methods, key=lambda name: rows[name]["fid_minority"])
            sentence += f"; lowest FID of rare classes {closest}"
        sentences.append(f"{sentence}.")
    return " ".join(sentences)


print(f"\n{len(X_test)} real images that no generator has seen\n{markdown()}")
print("Verdict:", verdict())
print("FID is taken in features of a CNN, not of Inception: compare it within this table only.")
if structural_similarity is not None:
    print("SSIM above that of real images is no merit: it is what blurred, even images get.")

# %%
# The figure: images at the highest rate, and the scores over the rates.
sources = {"real": others, **{name: images_of[RATES[-1], name] for name in methods}}
shown = classes[:2] if options.quick else classes[:4]
figure = plt.figure(figsize=(15.0, 1.45 * len(sources) + 5.2), layout="constrained")
upper, lower = figure.subfigures(2, 1, height_ratios=(1.35 * len(sources) + 0.6, 4.6))
per_class = 10 // len(shown)
panels = upper.subplots(len(sources), per_class * len(shown), squeeze=False)
for (name, images), line in zip(sources.items(), panels, strict=True):
    for code, label in enumerate(shown):
        members = images[target_codes == code][:per_class]
        for i, image in enumerate(members):
            ax = line[code * per_class + i]
            ax.imshow(image.transpose(1, 2, 0))
            ax.set_xticks([])
            ax.set_yticks([])
            if i == 0 and name == "real":
                ax.set_title(f"{label} ({'common' if code == 0 else 'rare'})", loc="left")
    line[0].set_ylabel(name)
upper.suptitle(f"(a) Unseen real images, and generated ones at an imbalance rate of {RATES[-1]}")

plots = {
    "fid_minority": ("(b) rare classes: FID, lower is better", "FID in features of a CNN"),
    "ssim_minority": ("(c) rare classes: SSIM, higher is better", "mean SSIM of pairs"),
    "macro_f": ("(d) classifier on unseen images", "macro F-score"),
}
plots = {key: text for key, text in plots.items() if key in (*headings(), "macro_f")}
colours = ("black", "#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00", "#CC79A7")
styles = {
    name: {"color": colour, "marker": marker}
    for name, colour, marker in zip(("none", "random", *METHODS), colours, "oXsv^DP", strict=True)
}
for ax, (column, (title, label)) in zip(
    lower.subplots(1, len(plots), squeeze=False)[0], plots.items(), strict=True
):
    for name in ("none", "random", *methods):
        values = [row[column] for row in table if row["augmentation"] == name and column in row]
        if values and column == "macro_f":
            value, low, high = np.transpose(values)
            errors = np.clip([value - low, high - value], 0, None)
            ax.errorbar(RATES, value, errors, capsize=3, label=name, **styles[name])
        elif values:
            ax.plot(RATES, values, label=name, **styles[name])
    if column in real_likeness:
        ax.axhline(real_likeness[column], color="0.5", ls="--", label="real against real")
    ax.set_xscale("log")
    ax.set_xticks(RATES, [str(rate) for rate in RATES])
    ax.minorticks_off()
    ax.set(xlabel="imbalance rate", ylabel=label, title=title)
    if column == "fid_minority":
        ax.set_yscale("log")
        ax.yaxis.set_major_formatter("{x:g}")
        ax.yaxis.set_minor_formatter("{x:g}")
    ax.grid(alpha=0.3)
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=3, frameon=False, fontsize=8)

figure_path = options.output / "imbalanced_images.png"
figure.savefig(figure_path, dpi=110)
plt.close(figure)
with (options.output / "imbalanced_images.csv").open("w", newline="", encoding="utf-8") as file:
    writer = csv.writer(file)
    spread = [f"{s}{end}" for s in ("macro_f", "gain_over_none") for end in ("", "_low", "_high")]
    writer.writerow(["rate", "augmentation", *headings(), *spread, "seconds"])
    for row in table:
        numbers = [f"{row[c]:.5g}" if c in row else "" for c in headings()]
        numbers += [f"{v:.4f}" for key in ("macro_f", "gain_over_none") for v in row[key]]
        writer.writerow([row["rate"], row["augmentation"], *numbers, f"{row['seconds']:.1f}"])
text = f"{markdown()}\n{verdict()}\n"
(options.output / "imbalanced_images.md").write_text(text, encoding="utf-8")
print(f"figure: {figure_path}")
print("tables:", options.output / "imbalanced_images.csv", options.output / "imbalanced_images.md")
print(f"done in {time.perf_counter() - started:.0f} s")
