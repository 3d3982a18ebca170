from ._acgan import ACGANGenerator
from ._bagan import BAGANGenerator
from ._bagan_gp import BAGANGPGenerator
from ._base import BaseGenerator, load_generator
from ._cdragan import CDRAGANGenerator
from ._cooperative import CooperativeGenerator
from ._cwgan_gp import CWGANGPGenerator
from ._dcgan import DCGANGenerator
from ._diffusion import DiffusionGenerator
from ._fingerprint import row_fingerprints, seen_in_training
from ._perturbation import PerturbationGenerator
from ._random import RandomGenerator
from ._smote import BorderlineSMOTEGenerator, SMOTEGenerator
from ._three_player import ThreePlayerGenerator

__all__ = [
    "ACGANGenerator",
    "BAGANGPGenerator",
    "BAGANGenerator",
    "BaseGenerator",
    "BorderlineSMOTEGenerator",
    "CDRAGANGenerator",
    "CWGANGPGenerator",
    "CooperativeGenerator",
    "DCGANGenerator",
    "DiffusionGenerator",
    "PerturbationGenerator",
    "RandomGenerator",
    "SMOTEGenerator",
    "ThreePlayerGenerator",
    "load_generator",
    "row_fingerprints",
    "seen_in_training",
]
