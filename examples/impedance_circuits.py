"""
Impedance spectra of equivalent circuits: few examples of some classes
======================================================================

Which equivalent circuit describes a measured impedance spectrum? The public AutoECM set has
spectra of nine circuits, each on frequencies of its own. Here four circuits are rare: six spectra
to learn from, against sixty of the others. All that is left is scored. The task is hard: several
circuits are special cases of each other, and the labels are the circuits that people chose.

The file ``eis_equivalent_circuits.npz`` is looked for in the folder that the environment variable
``HS_SPECAUG_DATA`` names, by default ``../shared/data`` beside the project.
"""

# %%
# Figure and table of a run that was kept. If it was made with ``--quick``, the verdict says so.
#
# .. image:: /_static/examples/impedance_circuits.png
#    :alt: Nyquist plots of measured and generated spectra of nine circuits, and scores
#
# .. include:: /_static/examples/impedance_circuits.md
#    :parser: myst_parser.sphinx_

# %%
# Options and packages. Figure and tables go to ``output/``.

# sphinx_gallery_thumbnail_path = "_static/examples/impedance_circuits.png"
import itertools
import os
import sys
import time
from pathlib import Path

import hyperspy.api as hs
import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from _comparison import Comparison, read_options

import hs_specaug
from hs_specaug.evaluation import fit_fold
from hs_specaug.preprocessing import resample_spectra

matplotlib.use("Agg")  # figures are saved, never shown
options = read_options("Circuits from impedance spectra with rare classes.")
SEED = 0
EPOCHS, PRETRAIN_EPOCHS, UPDATES = (2, 1, 20) if options.quick else (150, 100, 3000)
started = time.perf_counter()

project = Path(__file__).resolve().parents[1]
folder = Path(os.environ.get("HS_SPECAUG_DATA", project.parent / "shared" / "data"))
path = folder / "eis_equivalent_circuits.npz"
if not path.is_file():
    sys.exit(f"{path} is missing: set HS_SPECAUG_DATA to the folder that holds {path.name}")

# %%
# Spectra of different lengths lie one after the other; ``offsets`` tells where each begins.
with np.load(path) as archive:
    frequency_Hz, impedance_ohm, offsets, circuit = (
        archive[name] for name in ("frequency_Hz", "impedance_ohm", "offsets", "circuit")
    )
pieces = [slice(a, b) for a, b in itertools.pairwise(offsets)]
lengths = np.diff(offsets)
print(f"{len(pieces)} spectra of {lengths.min()} to {lengths.max()} frequencies")

# %%
# A network needs one axis. The lowest frequency varies from 10 mHz to 10 Hz and the highest from
# 100 kHz to 2 MHz, so there is a choice: a wide band that many spectra do not reach, or a narrow
# one that all have. A common band keeps the frequency a physical quantity; stretching each
# spectrum over its own range would not, and the range would tell the classifier which instrument
# it was. The band of 10 Hz to 100 kHz keeps every spectrum.
low = np.array([frequency_Hz[piece].min() for piece in pieces])
high = np.array([frequency_Hz[piece].max() for piece in pieces])
for start_Hz, stop_Hz in [(0.1, 1e5), (1.0, 1e5), (10.0, 1e5)]:
    reached = (low <= start_Hz * (1 + 1e-6)) & (high >= stop_Hz * (1 - 1e-6))
    print(f"{start_Hz:>5g} Hz to {stop_Hz:g} Hz: {reached.sum()} spectra")
common_Hz = np.geomspace(10.0, 1e5, 41)

# %%
# Each spectrum is interpolated on the logarithm of its own frequencies, ascending or descending.
spectra_ohm = np.array(
    [
        resample_spectra(impedance_ohm[piece], frequency_Hz[piece], common_Hz, log=True)
        for piece, whole in zip(pieces, reached, strict=True)
        if whole
    ]
)
truth_names = circuit[reached]
print("on the common axis:", spectra_ohm.shape, spectra_ohm.dtype)

# %%
# Only the shape tells the circuit: the largest ``|Z|`` of each spectrum becomes 1, the phase stays.
s = hs.signals.ComplexSignal1D(
    spectra_ohm,
    axes=[
        {"name": "spectrum", "size": len(spectra_ohm), "navigate": True},
        {"name": "Frequency", "units": "Hz", "axis": common_Hz, "navigate": False},
    ],
)
s.metadata.General.title = "equivalent circuits"
s.set_signal_type("impedance")
s = s.preprocess(normalize="max")
print(s, "largest |Z|:", np.abs(s.data).max(axis=1).mean())

# %%
# Five circuits are chains of two to four RCPE elements, with or without an inductance, which are
# hard to tell apart with any number of spectra. The other four are the rare ones. The draw is
# seeded; everything that is not drawn stays unlabelled.
classes = sorted(set(truth_names.tolist()))
rare = ["L-R-RCPE", "RC-G-G", "RC-RC-RCPE-RCPE", "Rs_Ws"]
truth = np.array([classes.index(name) for name in truth_names])
codes = np.full(len(truth), -1)
rng = np.random.default_rng(SEED)
for code, name in enumerate(classes):
    members = rng.permutation(np.flatnonzero(truth == code))
    codes[members[: 6 if name in rare else 60]] = code
s.set_labels(codes, classes=classes)
print("labelled:", s.class_counts(), f"balanced ratio {s.balanced_ratio:.2f}")

# %%
# The learned generator. Real and imaginary part are two channels of one network.
generator = s.train_generator(
    "three-player",
    random_state=SEED,
    epochs=EPOCHS,
    pretrain_epochs=PRETRAIN_EPOCHS,
    show_progressbar=True,
)
balanced = s.augment(generator, random_state=SEED)
print("balanced:", balanced, balanced.class_counts())

# %%
# One classifier for every augmentation, with the same number of optimiser steps. The labelled
# spectra train, the untouched rest is scored. None of the generators has seen a scored spectrum,
# so the trained one is used as it is.
labelled = s.labels >= 0
X = np.stack([s.data.real, s.data.imag], axis=1)
y = np.array(classes)[truth]
comparison = Comparison(truth[~labelled], classes, rare, random_state=SEED)
for name in ("none", "random", "smote", "few-shot", "three-player"):
    augmentation = None if name == "none" else generator
    if name in ("random", "smote", "few-shot"):
        augmentation = hs_specaug.make_generator(name, random_state=SEED)
    classifier = hs_specaug.make_classifier(
        "cnn", max_updates=UPDATES, random_state=SEED, show_progressbar=True
    )
    model = fit_fold(
        X[labelled], y[labelled], classifier, augmentation, refit=name != "three-player"
    )
    predicted = np.searchsorted(classes, model.predict(X[~labelled]))
    print(f"{name}:", comparison.add(name, predicted), sep="\n")

# %%
# The table and what it says.
print(f"\n{(~labelled).sum()} real spectra that no method has seen\n{comparison.markdown()}")
print("Verdict:", comparison.verdict(options.quick))
print(
    f"Guessing among {len(classes)} circuits would give a macro F of about {1 / len(classes):.2f}."
)
print("The intervals cover the choice of scored spectra, not that of the training spectra.")

# %%
# Nyquist plots: what was measured and what was generated, a panel for each circuit.
figure = plt.figure(figsize=(15.0, 12.0), layout="constrained")
upper, lower = figure.subfigures(2, 1, height_ratios=(1.25, 1.0))
colours = {"measured": "#0072B2", "generated": "#D55E00"}
fresh, fresh_names = generator.sample(dict.fromkeys(classes, 6), random_state=SEED)
axes = upper.subplots(2, 5, sharex=True, sharey=True).ravel()
for ax, name in zip(axes, classes, strict=False):
    real = s.data[labelled & (y == name)][:6]
    made = fresh[fresh_names == name]
    made = made[:, 0] + 1j * made[:, 1]
    for kind, group in (("measured", real), ("generated", made)):
        ax.plot(group.real.T, -group.imag.T, color=colours[kind], lw=1.1, alpha=0.8)
    n = s.class_counts()[name]
    ax.set_title(f"{name}\n{n} to learn from", fontweight="bold" if name in rare else None)
    ax.set(xlim=(-0.05, 1.08), ylim=(-0.2, 1.05), aspect="equal")
    ax.set_xlabel("Re Z / max |Z|")
for ax in axes[::5]:
    ax.set_ylabel("−Im Z / max |Z|")
axes[4].tick_params(labelbottom=True)
axes[-1].set_axis_off()
handles = [plt.Line2D([], [], color=colour, label=kind) for kind, colour in colours.items()]
axes[-1].legend(handles=handles, loc="center", frameon=False, fontsize="large")
upper.suptitle(
    "(a) Six measured and six generated spectra of each circuit, 100 kHz to 10 Hz; "
    "rare circuits in bold"
)

panels = lower.subplots(1, 3, width_ratios=(0.8, 1, 1))
comparison.plot(panels[0])
panels[0].set_title("(b) scores")
for ax, letter, name in zip(panels[1:], "cd", ("none", "three-player"), strict=True):
    confusion = comparison.reports[name].confusion_matrix
    share = confusion / confusion.sum(axis=1, keepdims=True)
    image = ax.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for (i, j), value in np.ndenumerate(share):
        if value >= 0.005:
            ax.text(
                j, i, f"{value:.0%}"[:-1], ha="center", va="center", fontsize=8,
                color="white" if value > 0.55 else "black",
            )  # fmt: skip
    ax.set_xticks(range(9), classes, rotation=45, ha="right", fontsize=8)
    ax.set_yticks(range(9), classes if letter == "c" else [], fontsize=8)
    ax.set_xlabel("predicted circuit")
    ax.set_title(f"({letter}) {name}: % of each true circuit")
panels[1].set_ylabel("true circuit")
lower.colorbar(image, ax=panels[1:], label="share of true circuit", shrink=0.8)

figure_path = options.output / "impedance_circuits.png"
figure.savefig(figure_path, dpi=110)
tables = comparison.save(options.output, "impedance_circuits", options.quick)
print(f"figure: {figure_path}")
print("tables:", *tables)
print(f"done in {time.perf_counter() - started:.0f} s")
