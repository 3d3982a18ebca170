from ._candidates import composites
from ._gansemble import GANsemble
from ._ranking import StrategyRanking, holm, mean_interval
from ._search import StrategySearch
from ._size_curve import SizeCurve, oversampling_size_curve

__all__ = [
    "GANsemble",
    "SizeCurve",
    "StrategyRanking",
    "StrategySearch",
    "composites",
    "holm",
    "mean_interval",
    "oversampling_size_curve",
]
