from ._artefacts import ChannelDropout, RandomErasing, Spikes
from ._base import Perturbation
from ._baseline import EMSA, BackgroundVariation, Baseline, Gain, Offset, Slope
from ._borrowed import BorrowedVariation
from ._broadening import PeakBroadening
from ._composition import Compose, OneOf, Sometimes, from_spec, parse_perturbation
from ._domain import Domain
from ._draws import ArrayDraws, Draws, TensorDraws
from ._image_motions import Blur, Elastic, Flip, ImageShift, Rotation, Zoom
from ._image_strategies import GANSEMBLE_STRATEGIES
from ._impedance import CircuitTerm, ImpedanceNoise, ImpedanceScale, Inductance, SeriesResistance
from ._masks import CircularMask, RectangularMask
from ._mixing import CutMix, MixUp
from ._noise import GaussianNoise, PinkNoise, PoissonNoise
from ._phase import PhaseOffset, Unwrapped
from ._shift import AxisDilation, EnergyShift, FrequencyShift, Shift, Warp, WavenumberShift
from ._thickness import PluralScattering

__all__ = [
    "ArrayDraws",
    "AxisDilation",
    "BackgroundVariation",
    "Baseline",
    "Blur",
    "BorrowedVariation",
    "ChannelDropout",
    "CircuitTerm",
    "CircularMask",
    "Compose",
    "CutMix",
    "Domain",
    "Draws",
    "Elastic",
    "EMSA",
    "EnergyShift",
    "Flip",
    "FrequencyShift",
    "Gain",
    "GANSEMBLE_STRATEGIES",
    "GaussianNoise",
    "ImageShift",
    "ImpedanceNoise",
    "ImpedanceScale",
    "Inductance",
    "MixUp",
    "Offset",
    "OneOf",
    "PeakBroadening",
    "Perturbation",
    "PhaseOffset",
    "PinkNoise",
    "PluralScattering",
    "PoissonNoise",
    "RandomErasing",
    "RectangularMask",
    "Rotation",
    "SeriesResistance",
    "Shift",
    "Slope",
    "Sometimes",
    "Spikes",
    "TensorDraws",
    "Unwrapped",
    "Warp",
    "WavenumberShift",
    "Zoom",
    "from_spec",
    "parse_perturbation",
]
