"""
Perturb spectra as the laboratory does
======================================

Before training any network, ask what differs between two measurements of one specimen. Each
perturbation does that to a spectrum, in units of its axis.
"""

# %%
# The calibration of a spectrometer drifts by some tenths of an eV, and its intensity is never the
# same. Black is a measured spectrum of each class, the others are versions of it.
import hyperspy.api as hs
import matplotlib.pyplot as plt
import numpy as np

import hs_specaug

eels = hs_specaug.datasets.white_lines(element="Mn", scale=0.03).preprocess(resample=0.7)
panels = eels.plot_perturbation("energy-shift(shift_eV=1.0)+gain", n_variants=3)
for ax in panels.flat:
    ax.set_ylabel("intensity (maximum = 1)")

# %%
# Infrared spectra: the wavenumber scale, a curved baseline, noise.
infrared = hs_specaug.datasets.polymer_spectra(step_per_cm=4.0)
panels = infrared.select_class("polyamide").plot_perturbation(
    "wavenumber-shift(shift_per_cm=6.0)+baseline+gaussian-noise"
)
panels.flat[0].figure.set_size_inches(9, 4)
panels.flat[0].set_ylabel("absorbance")

# %%
# Do they help? The same classifier, split and seed, with and without. One split of a small set
# decides nothing: look at the intervals.
for augmentation in (None, "random", "wavenumber-shift+baseline+gaussian-noise"):
    result = infrared.classify(
        "RandomForestClassifier",
        n_estimators=100,
        augmentation=augmentation,
        random_state=0,
    )
    low, high = result.intervals["f_score"][:, -1]
    score = result.report.macro_f_score
    print(f"{augmentation}: macro F {score:.3f} [{low:.3f}, {high:.3f}]")

# %%
# An impedance spectrum is complex, and real and imaginary part move together. Two time constants
# in series, perturbed as cables, contacts and the potentiostat would.
frequency_Hz = np.geomspace(0.1, 1e5, 61)
omega = 2j * np.pi * frequency_Hz
Z_ohm = 10 + 80 / (1 + omega * 80 * 1e-6) + 120 / (1 + omega * 120 * 1e-3)
impedance = hs.signals.ComplexSignal1D(
    Z_ohm[None],
    axes=[
        {"name": "cell", "size": 1, "navigate": True},
        {"name": "Frequency", "units": "Hz", "axis": frequency_Hz, "navigate": False},
    ],
)
impedance.set_signal_type("impedance")
panels = impedance.plot_perturbation("series-resistance+inductance+impedance-noise", n_variants=6)
panels.flat[0].figure.set_size_inches(9, 4.5)
panels.flat[0].set(xlabel="Re Z (Ω)", ylabel="−Im Z (Ω)")
plt.show()
