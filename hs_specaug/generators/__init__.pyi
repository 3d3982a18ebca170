from ._base import BaseGenerator, load_generator
from ._fingerprint import row_fingerprints, seen_in_training
from ._random import RandomGenerator
from ._smote import BorderlineSMOTEGenerator, SMOTEGenerator
from ._three_player import ThreePlayerGenerator

__all__ = [
    "BaseGenerator",
    "BorderlineSMOTEGenerator",
    "RandomGenerator",
    "SMOTEGenerator",
    "ThreePlayerGenerator",
    "load_generator",
    "row_fingerprints",
    "seen_in_training",
]
