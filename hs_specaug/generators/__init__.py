"""Learned generators: one module per published method, over one training loop.

Names are loaded on first use: SMOTE does not need torch.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
