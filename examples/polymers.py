"""
Infrared spectra of polymers: as images, and as what they are
=============================================================

GANsemble turns infrared spectra of microplastics into polar images and trains a conditional GAN
on them. Is that better than to generate spectra directly? Here 11 polymers and natural fibres
have 2 to 16 spectra each to learn from. Images from the GAN, with and without the filter of
corner densities, are turned back into spectra, so that one and the same classifier judges them
beside perturbed spectra and SMOTE.

The file ``ftir_polymers.npz`` is looked for in the folder that the environment variable
``HS_SPECAUG_DATA`` names, by default ``../shared/data`` beside the project. Without it, simulated
spectra of ten materials take its place.
"""

# %%
# Figure and table of a run that was kept. If it was made with ``--quick``, the verdict says so.
#
# .. image:: /_static/examples/polymers.png
#    :alt: Polar images of measured and generated spectra, the spectra themselves, and scores
#
# .. include:: /_static/examples/polymers.md
#    :parser: myst_parser.sphinx_

# %%
# Options and packages. Figure and tables go to ``output/``.

# sphinx_gallery_thumbnail_path = "_static/examples/polymers.png"
import os
import time
from pathlib import Path

import hyperspy.api as hs
import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from _comparison import Comparison, read_options

import hs_specaug
from hs_specaug import SignalAxis
from hs_specaug.evaluation import fit_fold
from hs_specaug.generators import CornerDensityFilter, MPcGANGenerator, PerturbationGenerator
from hs_specaug.perturbations import Domain
from hs_specaug.preprocessing import PolarImage

matplotlib.use("Agg")  # figures are saved, never shown
options = read_options("Polymers: polar images and a GAN against spectra generated directly.")
SEED = 0
# 32 pixels instead of the paper's 128: sixteen times less work, and minutes instead of hours.
PIXELS, EPOCHS, UPDATES = (16, 2, 30) if options.quick else (32, 100, 1500)
started = time.perf_counter()

# %%
# Spectra between 975 and 1800 per cm, the range of the paper, each with its maximum at one.
project = Path(__file__).resolve().parents[1]
folder = Path(os.environ.get("HS_SPECAUG_DATA", project.parent / "shared" / "data"))
path = folder / "ftir_polymers.npz"
if path.is_file():
    with np.load(path) as archive:
        names = archive["polymer"].tolist()
        s = hs.signals.Signal1D(
            archive["absorbance"],
            axes=[
                {"name": "particle", "size": len(names), "navigate": True},
                {
                    "name": "Wavenumber", "units": "1/cm", "navigate": False,
                    "axis": archive["wavenumber_per_cm"],
                },
            ],
        )  # fmt: skip
    s.set_signal_type("spectrum_specaug")
    s.set_labels(names)
    s = s.preprocess(crop=(975, 1800), normalize="max")
else:
    print(f"{path} is missing (HS_SPECAUG_DATA names its folder): simulated spectra instead")
    s = hs_specaug.datasets.polymer_spectra(SEED, step_per_cm=2.0).preprocess(normalize="max")
classes = list(s.classes)
truth = s.labels
print(s, s.class_counts())

# %%
# Of every class three fifths are there to learn from; the others are scored.
rng = np.random.default_rng(SEED)
codes = np.full(len(truth), -1)
for code in range(len(classes)):
    members = rng.permutation(np.flatnonzero(truth == code))
    codes[members[: max(2, round(0.6 * len(members)))]] = code
s.set_labels(codes, classes=classes)
labelled = codes >= 0
counts = s.class_counts()
rare = [name for name, n in counts.items() if n <= 5]
print("labelled:", counts, f"balanced ratio {s.balanced_ratio:.2f}")

# %%
# The axis runs around the circle, the absorbance is radius and colour. The way back loses little:
# the images know their axis.
images = s.as_polar_images(PIXELS, limits=(0.0, 1.0))
error = np.sqrt(np.mean((images.as_spectra().data - s.data) ** 2))
print(images, f"round trip: {error:.3f} of the maximum (root mean square)", sep="\n")

# %%
# The GAN of the paper, on the labelled images.
generator = images.train_generator(
    MPcGANGenerator(epochs=EPOCHS, score_every=5), random_state=SEED, show_progressbar=True
)
print(f"kept epoch {generator.best_epoch_} of {EPOCHS}, score {generator.score_:.2f}")

# %%
# What fills up the rare classes: generated images, read as spectra. The filter draws ten images
# for each one that it keeps.
X, y = s.data, np.array(classes)[truth]
wavenumber = s.axes_manager.signal_axes[0].axis
polar = PolarImage(wavenumber, size=PIXELS, limits=(0.0, 1.0)).fit(X[labelled])
wanted = generator.missing_counts(y[labelled])
generated = {}
for name, keep in {"mpcgan": None, "mpcgan, filtered": "corner-density"}.items():
    X_new, y_new = generator.sample(wanted, random_state=SEED, keep=keep, draws_per_row=10)
    generated[name] = polar.inverse_transform(X_new), y_new

# %%
# One classifier for every augmentation, with the same number of optimiser steps.
DOMAIN = Domain("spectrum", (SignalAxis("Wavenumber", "1/cm", wavenumber),))
PERTURBATION = "wavenumber-shift(shift_per_cm=4.0)+broadening+baseline+gaussian-noise"
direct = {
    "none": None,
    "random": "random",
    "smote": "smote",
    "perturbation": PERTURBATION,
}


class PolymerComparison(Comparison):
    """The comparison, with the question of this page answered in words."""

    def verdict(self, quick=False):
        """Say whether images and a GAN are worth it."""
        if quick:
            return "None: with --quick nothing is trained long enough to compare."
        best = {
            kind: max(group, key=lambda name: self.reports[name].macro_f_score)
            for kind, group in (("direct", list(direct)[1:]), ("images", list(generated)))
        }
        difference, low, high = self.gain(best["images"], best["direct"])
        opinion = (
            "is better than" if low > 0 else "is worse than" if high < 0 else "cannot be told from"
        )
        helped = [n for n in self.reports if n != "none" and self.gain(n, "none")[1] > 0]
        change = self.gain("mpcgan, filtered", "mpcgan")
        return (
            f"Better than no augmentation: {', '.join(helped) or 'nothing'}. The best from images "
            f"({best['images']}) {opinion} the best of spectra generated directly "
            f"({best['direct']}): {difference:+.3f} [{low:+.3f}, {high:+.3f}] "
            "in macro F. The filter changes the GAN's by {:+.3f} [{:+.3f}, {:+.3f}].".format(
                *change
            )
        )


comparison = PolymerComparison(truth[~labelled], classes, rare, random_state=SEED)
classifier = hs_specaug.make_classifier("cnn", max_updates=UPDATES, random_state=SEED)
for name, method in direct.items():
    augmentation = None
    if name == "perturbation":
        augmentation = PerturbationGenerator(method, domain=DOMAIN, random_state=SEED)
    elif method is not None:
        augmentation = hs_specaug.make_generator(method, random_state=SEED)
    model = fit_fold(X[labelled], y[labelled], classifier, augmentation)
    predicted = np.searchsorted(classes, model.predict(X[~labelled]))
    print(f"{name}: macro F {comparison.add(name, predicted).macro_f_score:.3f}")
for name, (X_new, y_new) in generated.items():
    model = fit_fold(
        np.concatenate([X[labelled], X_new]), np.concatenate([y[labelled], y_new]), classifier
    )
    predicted = np.searchsorted(classes, model.predict(X[~labelled]))
    print(f"{name}: macro F {comparison.add(name, predicted).macro_f_score:.3f}")

# %%
# The table and what it says.
print(f"\n{(~labelled).sum()} real spectra that no method has seen\n{comparison.markdown()}")
print("Verdict:", comparison.verdict(options.quick))
print("The intervals cover the choice of scored spectra, not that of the training spectra.")

# %%
# Images and spectra of four classes, measured and generated, and the scores.
figure = plt.figure(figsize=(14.0, 10.5), layout="constrained")
shown = sorted(classes, key=lambda name: -counts[name])[::3][:4]
X_all, y_all = generator.sample(dict.fromkeys(shown, 40), random_state=SEED)
rgb = np.stack([images.data[colour] for colour in "RGB"], axis=1)
density_of = -CornerDensityFilter().fit(rgb[labelled])(X_all, y_all)
upper, lower = figure.subfigures(2, 1, height_ratios=(1.0, 1.05))
axes = upper.subplots(4, 9)
for line, name in zip(axes, shown, strict=True):
    real = np.moveaxis(rgb[labelled & (y == name)][:3], 1, -1)
    order = np.argsort(density_of[y_all == name], kind="stable")
    made = np.moveaxis(X_all[y_all == name], 1, -1)
    picked = [*real, *made[order[:3]], *made[order[-3:]]]
    for ax, picture in zip(line, picked, strict=False):
        ax.imshow(picture)
    for ax in line:
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
    line[0].set_ylabel(f"{name} ({counts[name]})", rotation=0, ha="right", va="center")
for column, title in ((1, "measured"), (4, "generated, emptiest corners"), (7, "fullest corners")):
    axes[0, column].set_title(title)
upper.suptitle("(a) Polar images; in brackets the number of spectra to learn from")

grid = lower.add_gridspec(2, 3, width_ratios=(1.25, 1, 1))
ax = lower.add_subplot(grid[:, 0])
comparison.plot(ax)
ax.set_title("(b) scores")
X_kept, y_kept = generated["mpcgan, filtered"]
for place, name in zip([(0, 1), (0, 2), (1, 1), (1, 2)], shown[::-1], strict=True):
    ax = lower.add_subplot(grid[place])
    here = y_kept == name
    for kind, rows, colour in (
        ("generated", X_kept[here][:4], "#D55E00"),
        ("measured", X[labelled & (y == name)][:4], "#0072B2"),
    ):
        ax.plot(wavenumber, rows.T, color=colour, lw=0.8, alpha=0.8)
        ax.plot([], [], color=colour, label=kind)
    ax.set(title=f"(c) {name}", xlabel="wavenumber (1/cm)", xlim=wavenumber[[-1, 0]])
    ax.set_ylabel("absorbance (maximum = 1)")
    if place == (0, 1):
        ax.legend(frameon=False)

figure_path = options.output / "polymers.png"
figure.savefig(figure_path, dpi=110)
tables = comparison.save(options.output, "polymers", options.quick)
print(f"figure: {figure_path}")
print("tables:", *tables)
print(f"done in {time.perf_counter() - started:.0f} s")
