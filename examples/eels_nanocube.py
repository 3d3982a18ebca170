"""
Vacuum, edge and interior of an iron-oxide nanocube
===================================================

A measured EELS spectrum image, labelled by the strength of its O K and Fe L edges. A classifier
gets 15 % of these labels, and spectra without their absolute intensity: can it tell from their
shape and noise where the particle ends?

The file ``eels_iron_oxide_nanocube.dm3`` is looked for in the folder that the environment variable
``HS_SPECAUG_DATA`` names, by default ``../shared/data`` beside the project.
"""

# %%
# Figure and table of a run that was kept. If it was made with ``--quick``, the verdict says so.
#
# .. image:: /_static/examples/eels_nanocube.png
#    :alt: The way to the labels, label maps with and without augmentation, spectra and scores
#
# .. include:: /_static/examples/eels_nanocube.md
#    :parser: myst_parser.sphinx_

# %%
# Options and packages. Figure and tables go to ``output/``.

# sphinx_gallery_thumbnail_path = "_static/examples/eels_nanocube.png"
import os
import sys
import time
import warnings
from pathlib import Path

import hyperspy.api as hs
import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from _comparison import Comparison, read_options

import hs_specaug
from hs_specaug.exceptions import FewSamplesWarning

matplotlib.use("Agg")  # figures are saved, never shown
warnings.simplefilter("ignore", FewSamplesWarning)
options = read_options("Label map of a measured nanocube.")
hs.preferences.General.show_progressbar = True
SEED = 0
# With some fifty spectra an epoch is two steps, so there are more epochs than usual.
EPOCHS, PRETRAIN_EPOCHS, UPDATES = (2, 1, 20) if options.quick else (300, 200, 800)
started = time.perf_counter()

project = Path(__file__).resolve().parents[1]
folder = Path(os.environ.get("HS_SPECAUG_DATA", project.parent / "shared" / "data"))
path = folder / "eels_iron_oxide_nanocube.dm3"
if not path.is_file():
    sys.exit(f"{path} is missing: set HS_SPECAUG_DATA to the folder that holds {path.name}")

# %%
# Any EELS file that HyperSpy reads becomes augmentable by its signal type.
s = hs.load(path, signal_type="EELS_specaug")
s.axes_manager.convert_units("navigation", "nm")
print(s)

# %%
# The signal of each edge: background from below the edge, then the counts above it.
oxygen = s.preprocess(background="power-law", fit_range=(480.0, 525.0))
oxygen = oxygen.isig[528.0:560.0].integrate1D(-1)
iron = s.preprocess(background="power-law", fit_range=(640.0, 700.0))
iron = iron.isig[704.0:730.0].integrate1D(-1)
print("O K:", oxygen, " Fe L:", iron)

# %%
# Both follow the thickness and both are noisy, so their mean is thresholded, relative to the
# median pixel (which lies in the particle). The histogram has a peak of vacuum at zero, a broad
# one of the particle around one, and a valley of pixels that the particle fills in part.
strength = (oxygen.data / np.median(oxygen.data) + iron.data / np.median(iron.data)) / 2
thresholds = (0.2, 0.7)
classes = ["vacuum", "edge", "interior"]
truth = hs_specaug.label_by_threshold(strength, thresholds)
print("by threshold:", dict(zip(classes, np.bincount(truth.ravel()).tolist(), strict=True)))

# %%
# 15 % of each class is labelled; the rest is left for the classifier.
codes = np.full(truth.shape, -1)
rng = np.random.default_rng(SEED)
for code in range(len(classes)):
    members = rng.permutation(np.flatnonzero(truth == code))
    labelled = members[: round(0.15 * len(members))]
    codes.flat[labelled] = code
s.set_labels(codes, classes=classes)
print("labelled:", s.class_counts(), f"balanced ratio {s.balanced_ratio:.2f}")

# %%
# Background, crop, one channel per eV, maximum 1. This removes the intensity that made the labels.
s = s.preprocess(
    background="power-law",
    fit_range=(480.0, 525.0),
    crop=(525.0, 760.0),
    resample=1.0,
    normalize="max",
)
print("preprocessed:", s)

# %%
# The learned generator and the balanced set that it makes.
generator = s.train_generator(
    "three-player", random_state=SEED, epochs=EPOCHS, pretrain_epochs=PRETRAIN_EPOCHS
)
balanced = s.augment(generator, random_state=SEED)
print("balanced:", balanced, balanced.class_counts())

# %%
# A label map with each augmentation; the classifier always makes the same number of steps. The
# generator is fitted anew, once without the spectra that are scored and once for the map.
results = {}
for name in ("none", "random", "smote", "few-shot", "three-player"):
    print(f"\n--- {name}")
    results[name] = s.classify(
        hs_specaug.make_classifier("cnn", max_updates=UPDATES, show_progressbar=True),
        augmentation={"none": None, "three-player": generator}.get(name, name),
        random_state=SEED,
    )
    print(results[name])

# %%
# The other 85 % of the map, against the labels of the thresholds. These are no ground truth: the
# counts are noisy, and pixels near a threshold are labelled by chance.
unseen = s.labels < 0
comparison = Comparison(truth[unseen], classes, ["edge"], random_state=SEED)
for name, result in results.items():
    comparison.add(name, result.label_map.data[unseen])
print(f"\n{unseen.sum()} pixels that no method has seen\n{comparison.markdown()}")
print("Verdict:", comparison.verdict(options.quick))
print("The intervals cover the choice of scored pixels; another seed trains another network.")

# %%
# The figure: the way to the labels, the label maps, and measured against generated spectra.
figure = plt.figure(figsize=(15.0, 13.5), layout="constrained")
top, bottom = figure.subfigures(2, 1, height_ratios=(1.75, 1.0))
panels = top.subplots(2, 3)
axes = s.axes_manager.navigation_axes
x, y = (axis.axis for axis in axes)
mesh = panels[0, 0].pcolormesh(x, y, strength, cmap="viridis")
panels[0, 0].set(xlabel="x (nm)", ylabel="y (nm)", aspect="equal")
panels[0, 0].invert_yaxis()
panels[0, 0].set_title("(a) O K and Fe L signal")
top.colorbar(mesh, ax=panels[0, 0], label="relative to the median", shrink=0.9)
panels[0, 1].hist(strength.ravel(), bins=40, color="0.6")
for value in thresholds:
    panels[0, 1].axvline(value, color="#D55E00", ls="--", lw=1.5)
for value, name in zip((-0.08, 0.45, 1.15), classes, strict=True):
    panels[0, 1].annotate(
        name, (value, 1.02), xycoords=("data", "axes fraction"), ha="center", color="#D55E00"
    )
panels[0, 1].set(
    xlabel="signal relative to the median", ylabel="pixels", xlim=(-0.35, 1.65), box_aspect=0.9
)
panels[0, 1].set_title("(b) thresholds", pad=20)
maps = [
    (panels[0, 2], "(c) labels by threshold", truth),
    (panels[1, 0], "(d) the 15 % that are given", s.labels),
    (panels[1, 1], "(e) map without augmentation", results["none"].label_map),
    (panels[1, 2], "(f) map with the three-player GAN", results["three-player"].label_map),
]
drawn = s.deepcopy()
for ax, title, shown in maps:
    drawn.set_labels(shown, classes=classes)
    drawn.plot_labels(ax=ax)
    ax.set_title(title)
    ax.legend(
        handles=ax.get_legend().legend_handles,
        loc="upper center",
        bbox_to_anchor=(0.5, -0.15),
        ncols=2,
        frameon=False,
        handlelength=1.0,
    )

spectra, scores, matrix = bottom.subplots(1, 3)
energy = s.axes_manager.signal_axes[0]
fresh, names = generator.sample(dict.fromkeys(classes, 7), random_state=SEED)
for shift, name in enumerate(classes):
    rows = {"#0072B2": s.select_class(name).data[:7], "#D55E00": fresh[names == name]}
    for (colour, group), step in zip(rows.items(), (0.0, 1.3), strict=True):
        spectra.plot(energy.axis, group.T + 2.6 * shift + step, color=colour, lw=0.4, alpha=0.5)
        mean = group.mean(axis=0) + 2.6 * shift + step
        spectra.plot(energy.axis, mean, color=colour, lw=1.3)
handles = [
    plt.Line2D([], [], color=colour, label=label)
    for colour, label in (("#D55E00", "generated"), ("#0072B2", "measured"))
]
spectra.legend(
    handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=2, frameon=False
)
spectra.set_xlabel(f"{energy.name} ({energy.units})")
spectra.set_ylabel("intensity (maximum = 1, shifted)")
spectra.set_yticks([2.6 * shift + 1.0 for shift in range(3)], classes)
spectra.set_title("(g) up to seven spectra of each class, and their mean")
comparison.plot(scores)
scores.set_title(f"(h) scores on {unseen.sum()} unseen pixels")
comparison.reports["three-player"].plot_confusion(ax=matrix)
matrix.set_title("(i) three-player: unseen pixels")

figure_path = options.output / "eels_nanocube.png"
figure.savefig(figure_path, dpi=110)
tables = comparison.save(options.output, "eels_nanocube", options.quick)
print(f"figure: {figure_path}")
print("tables:", *tables)
print(f"done in {time.perf_counter() - started:.0f} s")
