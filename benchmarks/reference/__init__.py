"""Straightforward float32 transcriptions of the papers, which `speed.py` compares with.

Written from the papers and from what is public of their codes, by plain loops over plain torch
modules: a pass through the network for every term of a loss, no autocast, no fused optimiser, no
score after an epoch. Nothing of hs_specaug is imported. Widths, batch sizes and the numbers of
updates are the defaults of the package; where a transcription does less or more than the package
for the same update, its docstring says so.
"""
