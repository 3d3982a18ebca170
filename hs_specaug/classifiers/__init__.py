"""Classifiers with the scikit-learn contract; any of scikit-learn's own is welcome too."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
