"""
A label map from drawn regions
==============================

Nobody types label codes. Three regions drawn on a map are enough to label the rest of it.
"""

# %%
# A simulated spectrum image of iron-oxide particles, without any label. The truth is known and is
# used at the end only.
import hyperspy.api as hs
import matplotlib.pyplot as plt
import numpy as np

import hs_specaug

hs.preferences.General.show_progressbar = False
s = hs_specaug.datasets.core_shell_map(shape=(24, 32), labelled_fraction=0)
truth = s.metadata.SpecAug.truth.labels
print(s)

# %%
# Any ROI of HyperSpy that has an area labels what lies inside it, in units of the axes (here nm).
# ``roi.interactive(s)`` puts it on a plot, to be dragged with the mouse.
s.label_region(hs.roi.RectangularROI(left=12, top=6, right=17, bottom=12), "vacuum")
s.label_region(hs.roi.RectangularROI(left=3, top=6, right=5, bottom=12), "shell")
s.label_region(hs.roi.RectangularROI(left=7, top=8, right=9, bottom=10), "core")
print(s.class_counts(), f"balanced ratio {s.balanced_ratio:.2f}")

# %%
# The background before the oxygen edge goes, so that thickness and background do not tell the
# classes apart; then a random forest learns from the labelled spectra and from synthetic ones of
# the rare class. Scores come from labelled spectra that nothing has seen.
s = s.preprocess(
    background="power-law", fit_range=(640.0, 700.0), crop=(700.0, 740.0), resample=1.0
)
result = s.classify(
    "RandomForestClassifier", n_estimators=100, augmentation="few-shot", random_state=0
)
print(result)

# %%
# Neighbouring pixels of one region are nearly copies, so these scores are optimistic. Here the
# truth of every pixel is known, and says how much. Pass ``groups=`` where you have specimens or
# particles.
unlabelled = s.labels < 0
names = np.array(s.classes)[result.label_map.data]
true_names = np.array(["vacuum", "core", "shell"])[truth]
right = names == true_names
print(f"right on {right[unlabelled].mean():.0%} of the pixels that nobody labelled")

# %%
figure, panels = plt.subplots(1, 3, figsize=(12, 4), layout="constrained")
maps = {
    "regions drawn": np.where(unlabelled, "", np.array(s.classes)[s.labels]),
    "label map": names,
    "truth": true_names,
}
drawn = s.deepcopy()
for ax, (title, shown) in zip(panels, maps.items(), strict=True):
    drawn.set_labels(shown, classes=s.classes)
    drawn.plot_labels(ax=ax)
    ax.set_title(title)
    key = ax.get_legend().legend_handles
    ax.legend(handles=key, loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2, frameon=False)
plt.show()
