"""Physical, label-preserving changes of spectra and images, and their composition.

Names are loaded on first use: none of them needs torch, all of them accept its tensors.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
