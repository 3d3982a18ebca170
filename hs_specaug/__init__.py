"""Augmentation of imbalanced spectra and images for the HyperSpy ecosystem.

Names are loaded on first use, so that importing the package costs milliseconds and never
imports torch.
"""

import lazy_loader

__version__ = "0.1.0.dev0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
