"""
Did augmentation help?
======================

The question that counts, asked with the same rows, splits and classifiers for every method, and
answered with paired tests. Quite often the answer is no.
"""

# %%
# Ten polymers, the rarest with five spectra. Noise and a narrow range make the task hard enough for
# a difference to show.
import matplotlib.pyplot as plt
import numpy as np

import hs_specaug
from hs_specaug.studies import Study

s = hs_specaug.datasets.polymer_spectra(step_per_cm=16.0)
X, y = s.data, np.array(s.classes)[s.labels]
X = X + np.random.default_rng(0).normal(0.0, 0.12, X.shape)
print(s.class_counts())

# %%
# Doing nothing, class weights, repeated rows and noise alone are always in a study: they are what
# a method has to beat.
study = Study(
    ["smote", "few-shot", "shift+baseline"],
    default_classifiers=["nearest neighbour", "logistic regression"],
    repetitions=8,
    random_state=0,
)
result = study.run(X, y)
print(result)

# %%
# Scores of every split, and the ranks of the methods. A bar joins methods that cannot be told
# apart.
result.plot()
plt.show()

# %%
result.plot_critical_difference(classifier="logistic regression")
plt.show()

# %%
# The same in one call, within a time budget in seconds. It ends with the line to use.
advice = s.recommend_augmentation(["KNeighborsClassifier"], time_budget=5.0, random_state=0)
print(advice.verdict)
