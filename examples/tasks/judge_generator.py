"""
Are generated spectra any good?
===============================

Spectra that look right may be copies, blurred means, or right for one half of a class only. Every
figure below stands beside what measured spectra score against *other measured spectra*.
"""

# %%
# White lines of iron in two oxides, simulated: each session has its own energy shift.
import matplotlib.pyplot as plt

import hs_specaug

s = hs_specaug.datasets.white_lines(element="Fe", scale=0.03)
s = s.preprocess(crop=(700.0, 740.0), resample=1.0, normalize="max")
print(s, s.class_counts())

# %%
# ``few-shot`` learns from one half of the labelled spectra and is judged by the other half.
report = s.compare_with("few-shot", n_repeats=10, random_state=0)
print(report)

# %%
# A star, or a mark outside the grey interval, is worse than chance allows.
report.plot()
plt.show()

# %%
# Repeated spectra are the counterexample: perfect by most figures, since they *are* measured, and
# worth nothing as new evidence. Memorisation says so.
copies = s.compare_with("random", metrics=["diversity", "memorisation"], random_state=0)
print(copies.verdict)

# %%
# What was flagged, beside the training spectrum that each of them repeats.
copies.plot_flagged(n=2)
plt.show()
