"""
Which augmentation helps, and how much of it
============================================

Two small sets of measured spectra: 142 infrared spectra of eleven polymers, 4 to 29 of each, and
impedance spectra of equivalent circuits of which six per class are there to learn from. Every
composite of a few physical perturbations is tried, against no oversampling, repetition of rows,
class weights and SMOTE, and scored on untouched spectra.

The measured sets are looked for in the folder that the environment variable ``HS_SPECAUG_DATA``
names, by default ``../shared/data`` beside the project. Without them simulated spectra of
microplastics and of hydrogels take their place.
"""

# %%
# Figure and table of a run that was kept. If it was made with ``--quick``, the verdict says so.
#
# .. image:: /_static/examples/strategy_search.png
#    :alt: Ranked means of all composites on polymers and circuits, and score against rows per class
#
# .. literalinclude:: /_static/examples/strategy_search.md
#    :language: text

# %%
# Options and packages. Figure and tables go to ``output/``.

# sphinx_gallery_thumbnail_path = "_static/examples/strategy_search.png"
import csv
import itertools
import os
import time
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from _comparison import read_options
from sklearn.ensemble import RandomForestClassifier
from sklearn.neighbors import KNeighborsClassifier

from hs_specaug import SignalAxis
from hs_specaug.datasets import hydrogel_impedance, polymer_spectra
from hs_specaug.perturbations import Domain
from hs_specaug.preprocessing import resample_spectra
from hs_specaug.strategies import StrategySearch, oversampling_size_curve

matplotlib.use("Agg")  # figures are saved, never shown
options = read_options("Search the augmentation that helps on small sets of spectra.")
SEED = 0
REPETITIONS, TREES, SIZES = (2, 10, (20, 50)) if options.quick else (10, 50, (15, 25, 50, 100))
started = time.perf_counter()
project = Path(__file__).resolve().parents[1]
folder = Path(os.environ.get("HS_SPECAUG_DATA", project.parent / "shared" / "data"))

# %%
# Infrared spectra between 975 and 1800 per cm, as in the paper on GANsemble. Minimum and maximum
# of every spectrum become 0 and 1.
path = folder / "ftir_polymers.npz"
if path.is_file():
    with np.load(path) as archive:
        wavenumber, X, y = (
            archive[name] for name in ("wavenumber_per_cm", "absorbance", "polymer")
        )
    inside = (wavenumber >= 975.0) & (wavenumber <= 1800.0)
    wavenumber, X = wavenumber[inside], X[:, inside]
else:
    s = polymer_spectra(SEED, step_per_cm=2.0)
    wavenumber, X, y = s.axes_manager[-1].axis, s.data, np.array(s.classes)[s.labels]
low, high = X.min(axis=1, keepdims=True), X.max(axis=1, keepdims=True)
X = (X - low) / (high - low)
domain = Domain("spectrum", (SignalAxis("Wavenumber", "1/cm", wavenumber),))
origin = "measured" if path.is_file() else "simulated"
names, counts = np.unique(y, return_counts=True)
print(origin, X.shape, dict(zip(names.tolist(), counts.tolist(), strict=True)))

# %%
# Four base strategies make fifteen composites (table 1 of the paper). Each is scored on the same
# ten stratified halves; classes are filled up to fifty spectra.
polymers = StrategySearch(
    {
        "shift": "wavenumber-shift",
        "baseline": "baseline",
        "noise": "gaussian-noise",
        "borrowed": "borrowed-variation",
    },
    RandomForestClassifier(TREES),
    n_steps=4,
    repetitions=REPETITIONS,
    domain=domain,
    sampling_strategy=50,
    test_size=0.5,
    random_state=SEED,
    show_progressbar=True,
).fit(X, y)
print(polymers.ranking_)

# %%
# How many spectra per class are enough? Score and wall time of the best composite.
curve = oversampling_size_curve(
    X,
    y,
    polymers.best_strategy_,
    {
        "random forest": RandomForestClassifier(TREES),
        "nearest neighbour": KNeighborsClassifier(1),
    },
    sizes=SIZES,
    repetitions=max(2, REPETITIONS // 2),
    domain=domain,
    test_size=0.5,
    random_state=SEED,
    show_progressbar=True,
)
print(curve)

# %%
# Impedance spectra on a common band, max ``|Z|`` = 1. Six of each class are learned from: as many
# disjoint draws as the rarest class gives, up to ten, all scored on spectra that are in none.
path = folder / "eis_equivalent_circuits.npz"
if path.is_file():
    with np.load(path) as archive:
        frequency, impedance, offsets, circuit = (
            archive[name] for name in ("frequency_Hz", "impedance_ohm", "offsets", "circuit")
        )
    common_Hz = np.geomspace(10.0, 1e5, 41)
    pieces = [slice(a, b) for a, b in itertools.pairwise(offsets)]
    Z = np.array(
        [resample_spectra(impedance[p], frequency[p], common_Hz, log=True) for p in pieces]
    )
    Z /= np.abs(Z).max(axis=1, keepdims=True)
    Z, labels = np.stack([Z.real, Z.imag], axis=1), circuit
    circuits = Domain("impedance", (SignalAxis("Frequency", "Hz", common_Hz),), is_complex=True)
    strategies = {
        "circuit term": "circuit-term",
        "noise": "impedance-noise",
        "resistance": "series-resistance",
    }
else:
    s = hydrogel_impedance(SEED)
    Z, labels = s.data, np.array(s.classes)[s.labels]
    circuits = Domain("impedance")
    strategies = {"offset": "phase-offset", "noise": "gaussian-noise", "gain": "gain"}
rng = np.random.default_rng(SEED)
members = [rng.permutation(np.flatnonzero(labels == name)) for name in np.unique(labels)]
n_draws = min(REPETITIONS, (min(map(len, members)) - 6) // 6)
unseen = np.concatenate([rows[6 * n_draws :][:40] for rows in members])
draws = [np.concatenate([m[6 * i : 6 * i + 6] for m in members]) for i in range(n_draws)]
print(f"{n_draws} draws of {len(draws[0])} spectra, {len(unseen)} scored")

# %%
# The draws share no spectrum, so that no correction for shared training rows is due.
impedance_search = StrategySearch(
    strategies,
    RandomForestClassifier(TREES),
    n_steps=3,
    repetitions=1,
    domain=circuits,
    sampling_strategy=50,
    cv=[(draw, unseen) for draw in draws],
    overlap_correction=False,
    random_state=SEED,
    refit=False,
    show_progressbar=True,
).fit(Z, labels)
print(impedance_search.ranking_)

# %%
# Tables for a spreadsheet and for people.
searches = {"polymers": polymers, "impedance": impedance_search}
tables = [options.output / "strategy_search.csv", options.output / "strategy_search.md"]
with tables[0].open("w", newline="", encoding="utf-8") as file:
    writer = csv.DictWriter(file, ["data", *polymers.results_[0]])
    writer.writeheader()
    for name, search in searches.items():
        writer.writerows({"data": name, **row} for row in search.results_)
tables[1].write_text(
    "\n\n".join(
        [f"## {name}\n\n```\n{search.ranking_!r}\n```" for name, search in searches.items()]
        + [f"## Rows per class\n\n```\n{curve!r}\n```\n"]
    ),
    encoding="utf-8",
)

# %%
# Ranked means, and the size curve.
figure = plt.figure(figsize=(15.0, 10.0), layout="constrained")
axes = figure.subplot_mosaic([["polymers", "impedance"], ["polymers", "size"]])
polymers.plot(axes["polymers"]).set_title(f"(a) {origin} infrared spectra of polymers", y=1.05)
impedance_search.plot(axes["impedance"]).set_title("(b) impedance, six of each class", y=1.1)
curve.plot(axes["size"]).set_title(f"(c) rows per class, {polymers.best_name_}")
figure_path = options.output / "strategy_search.png"
figure.savefig(figure_path, dpi=100)
for name, search in searches.items():
    print(f"Verdict ({name}):", search.verdict_)
print(f"figure: {figure_path}")
print("tables:", *tables)
print(f"done in {time.perf_counter() - started:.0f} s")
