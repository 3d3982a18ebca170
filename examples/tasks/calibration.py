"""
How sure is a label map?
========================

A classifier trained on balanced spectra answers as if rare classes were common. That finds them,
and makes its probabilities wrong. Calibration mends those and leaves the map.
"""

# %%
# A noisy map, half of its pixels labelled.
import hyperspy.api as hs
import matplotlib.pyplot as plt
import numpy as np

import hs_specaug

hs.preferences.General.show_progressbar = False
s = hs_specaug.datasets.core_shell_map(shape=(20, 26), labelled_fraction=0.5, dose=0.1)
truth = s.metadata.SpecAug.truth.labels
s = s.preprocess(background="power-law", fit_range=(470, 510), crop=(510, 600), resample=45)
print(s.class_counts())

# %%
# Inner folds of the training spectra find how certain the classifier should be, and which classes
# cannot be ruled out at a confidence of 80 %. How often that held on the few held-out spectra of
# the rare class is a rough figure: eight of them are scored.
result = s.classify(
    "RandomForestClassifier",
    n_estimators=100,
    augmentation="smote",
    calibration="temperature",
    confidence=0.8,
    random_state=0,
)
print(result)

# %%
# Probability against frequency, on held-out spectra, before and after.
result.plot_reliability()
plt.show()

# %%
# The label map. Where it is hatched, more than one class is possible, or none.
result.plot_map()
plt.show()

# %%
# Is the doubt where the errors are? Here the truth says it.
unlabelled = s.labels < 0
wrong = result.label_map.data != truth
not_sure = result.not_sure.data
for name, where in (("sure", ~not_sure), ("not sure", not_sure)):
    here = where & unlabelled
    print(f"{name}: {here.sum()} pixels, {np.mean(wrong[here]):.0%} of them wrong")
