"""
A rare phase in a spectrum image
================================

A spectrum image of core-shell nanoparticles, simulated so that the truth is known. A tenth of the
pixels is labelled, and of the particle cores only six. Does augmentation find the other cores?
"""

# %%
# Figure and table of a run that was kept. If it was made with ``--quick``, the verdict says so.
#
# .. image:: /_static/examples/quickstart.png
#    :alt: Label maps without and with augmentation, measured and generated spectra, and scores
#
# .. include:: /_static/examples/quickstart.md
#    :parser: myst_parser.sphinx_

# %%
# Options and packages. Figure and tables go to ``output/``.

# sphinx_gallery_thumbnail_path = "_static/examples/quickstart.png"
import time
import warnings

import hyperspy.api as hs
import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from _comparison import Comparison, read_options

import hs_specaug
from hs_specaug.datasets import core_shell_map
from hs_specaug.exceptions import FewSamplesWarning, TrainingWarning

matplotlib.use("Agg")  # figures are saved, never shown
warnings.simplefilter("ignore", FewSamplesWarning)  # six cores are few: that is the point
warnings.simplefilter("ignore", TrainingWarning)  # the kept epoch is printed, and the verdict
options = read_options("Label a rare phase in a simulated spectrum image.")
hs.preferences.General.show_progressbar = True
SEED = 0
EPOCHS, PRETRAIN_EPOCHS, UPDATES = (2, 1, 20) if options.quick else (150, 100, 800)
started = time.perf_counter()

# %%
# Iron-oxide particles on a carbon film, a wustite core in a magnetite shell: O K and Fe L edges.
s = core_shell_map(random_state=SEED, labelled_fraction=0.1)
truth = s.metadata.SpecAug.truth.labels
print(s)
print("true pixels:", dict(zip(s.classes, np.bincount(truth.ravel()).tolist(), strict=True)))

# %%
# Only six of the core pixels keep their label (seeded draw). A label map has one code for each
# position of the navigation space, −1 where nobody has looked.
codes = s.labels
core = s.classes.index("core")
labelled_cores = np.random.default_rng(SEED).permutation(np.flatnonzero(codes == core))
codes.flat[labelled_cores[6:]] = -1
s.set_labels(codes, classes=s.classes)
print("labelled:", s.class_counts(), f"balanced ratio {s.balanced_ratio:.3f}")

# %%
# The background before Fe L is subtracted, the white lines are kept, and each maximum set to 1.
s = s.preprocess(
    background="power-law",
    fit_range=(640.0, 700.0),
    crop=(700.0, 740.0),
    resample=0.5,
    normalize="max",
)
print("preprocessed:", s)

# %%
# A generator learns from the labelled spectra.
learning = {"epochs": EPOCHS, "pretrain_epochs": PRETRAIN_EPOCHS}
generator = s.train_generator("three-player", random_state=SEED, **learning)
print(f"kept: epoch {generator.best_epoch_} of {EPOCHS} (0: the start, after the pre-training)")

# %%
# It makes as many synthetic spectra as the balance needs: same signal type, same energy axis.
balanced = s.augment(generator, random_state=SEED)
print("balanced:", balanced, balanced.class_counts())

# %%
# A classifier labels the whole map, with each augmentation and without. It always makes the same
# number of optimiser steps, so that more rows do not mean more training. ``classify`` fits the
# generator anew, once without the spectra that it scores, so that none leaks into it, and once for
# the map. This takes about twice as long as the training above.
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
# With six labelled cores, the held-out part of the labels is too small to decide anything: see
# the intervals above. The simulation knows better. Every pixel that had no label is scored.
unseen = s.labels < 0
comparison = Comparison(truth[unseen], s.classes, ["core"], random_state=SEED)
for name, result in results.items():
    comparison.add(name, result.label_map.data[unseen])
print(f"\n{unseen.sum()} real spectra that no method has seen\n{comparison.markdown()}")
print("Verdict:", comparison.verdict(options.quick))
print("The intervals cover the choice of scored spectra; another seed trains another network.")

# %%
# The figure: what was given, what came out with the augmentation that scored best, and what the
# synthetic spectra of the three-player GAN look like.
best = max(list(results)[1:], key=lambda name: comparison.reports[name].macro_f_score)
figure, panels = plt.subplots(2, 3, figsize=(15.0, 8.4), layout="constrained")
figure.get_layout_engine().set(h_pad=0.12)  # inches, so that legends keep off the titles below
axes = s.axes_manager.navigation_axes
maps = {
    "(a) labels given; outline: true cores": s.labels,
    "(b) map without augmentation": results["none"].label_map.data,
    f"(c) map with {best}, best in (e)": results[best].label_map.data,
}
drawn = s.deepcopy()
for ax, (title, shown) in zip(panels[0], maps.items(), strict=True):
    drawn.set_labels(shown, classes=s.classes)
    drawn.plot_labels(ax=ax)
    ax.contour(axes[0].axis, axes[1].axis, truth == core, [0.5], colors="black", linewidths=1.2)
    ax.set_title(title)
    ax.legend(
        handles=ax.get_legend().legend_handles,
        loc="upper center",
        bbox_to_anchor=(0.5, -0.16),
        ncols=4,
        frameon=False,
        fontsize="small",
        handlelength=1.0,
        columnspacing=0.8,
    )

ax = panels[1, 0]
energy = s.axes_manager.signal_axes[0]
real = s.select_class("core").data
made = generator.sample({"core": len(real)}, random_state=SEED)[0]
for shift, (label, rows, colour) in enumerate(
    [("by the three-player GAN", made, "#D55E00"), ("measured", real, "#0072B2")]
):
    ax.plot(energy.axis, rows.T + 1.3 * shift, color=colour, lw=0.5, alpha=0.5)
    ax.plot([], [], color=colour, label=f"{len(rows)} {label}")
    ax.plot(energy.axis, rows.mean(axis=0) + 1.3 * shift, color="black", lw=1.0)
for position, line in ((711.0, "L$_3$"), (722.0, "L$_2$")):
    ax.annotate(f"Fe {line}", (position, 2.25))
ax.set_xlabel(f"{energy.name} ({energy.units})")
ax.set_ylabel("intensity (maximum = 1, shifted)")
ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2, frameon=False)
ax.set_title("(d) spectra of the rare core, and their mean")

comparison.plot(panels[1, 1])
panels[1, 1].set_title(f"(e) scores on {unseen.sum()} unseen spectra")
comparison.reports[best].plot_confusion(ax=panels[1, 2])
panels[1, 2].set_title(f"(f) {best}: unseen spectra")

figure_path = options.output / "quickstart.png"
figure.savefig(figure_path, dpi=110)
tables = comparison.save(options.output, "quickstart", options.quick)
print(f"figure: {figure_path}")
print("tables:", *tables)
print(f"done in {time.perf_counter() - started:.0f} s")
