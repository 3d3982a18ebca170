from ._cell import Cell
from ._ranks import RankComparison, compare_ranks
from ._recommendation import Recommendation, recommend_augmentation
from ._result import StudyResult
from ._statistics import holm, mean_interval, wilcoxon_p_value
from ._study import Study

__all__ = [
    "Cell",
    "RankComparison",
    "Recommendation",
    "Study",
    "StudyResult",
    "compare_ranks",
    "holm",
    "mean_interval",
    "recommend_augmentation",
    "wilcoxon_p_value",
]
