"""Files: models without pickle; impedance, infrared, table and image files as labelled signals."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
