"""Which augmentation helps here: the search over strategies, its size, and what follows it.

Names are loaded on first use: only GANsemble with a network needs torch.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
