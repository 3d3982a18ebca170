"""Imported before the modules of this folder: says clearly that PyTorch is what is missing."""

from .._torch import needs_torch

with needs_torch("hs_specaug.networks"):
    import torch  # noqa: F401
