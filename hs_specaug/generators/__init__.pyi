from ._acgan import ACGANGenerator
from ._adversarial import AdversarialGenerator
from ._bagan import BAGANGenerator
from ._bagan_gp import BAGANGPGenerator
from ._base import BaseGenerator, load_generator
from ._cdragan import CDRAGANGenerator
from ._cooperative import CooperativeGenerator
from ._cwgan_gp import CWGANGPGenerator
from ._dag import DAGGenerator
from ._dcgan import DCGANGenerator
from ._diffusion import DiffusionGenerator
from ._feature_maps import epoch_feature_maps
from ._few_shot import FewShotGenerator
from ._filters import (
    ConfidenceFilter,
    CornerDensityFilter,
    DiscriminatorFilter,
    RealDistanceFilter,
)
from ._fingerprint import row_fingerprints, seen_in_training
from ._mpcgan import MPcGANGenerator
from ._network_generator import NetworkGenerator
from ._perturbation import PerturbationGenerator
from ._random import RandomGenerator
from ._sgbgan import SGBGANGenerator
from ._smote import BorderlineSMOTEGenerator, SMOTEGenerator
from ._three_player import ThreePlayerGenerator
from ._together import can_fit_together, fit_together

__all__ = [
    "ACGANGenerator",
    "AdversarialGenerator",
    "BAGANGPGenerator",
    "BAGANGenerator",
    "BaseGenerator",
    "BorderlineSMOTEGenerator",
    "CDRAGANGenerator",
    "CWGANGPGenerator",
    "ConfidenceFilter",
    "CooperativeGenerator",
    "CornerDensityFilter",
    "DAGGenerator",
    "DCGANGenerator",
    "DiscriminatorFilter",
    "DiffusionGenerator",
    "MPcGANGenerator",
    "FewShotGenerator",
    "NetworkGenerator",
    "PerturbationGenerator",
    "RandomGenerator",
    "RealDistanceFilter",
    "SGBGANGenerator",
    "SMOTEGenerator",
    "ThreePlayerGenerator",
    "can_fit_together",
    "epoch_feature_maps",
    "fit_together",
    "load_generator",
    "row_fingerprints",
    "seen_in_training",
]
