"""Average ranks of methods, and which cannot be told apart (Demšar 2006)."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from ._statistics import holm, wilcoxon_p_value


@dataclass(frozen=True, repr=False)
class RankComparison:
    """Which methods rank before which, over many blocks.

    Attributes
    ----------
    methods : tuple of str
        Best first.
    ranks : ndarray of shape (n_methods,)
        Average ranks; 1 is best, ties share.
    n_blocks : int
        Over how many blocks.
    friedman_p : float
        Of the hypothesis that all methods are alike; NaN for fewer than three methods.
    p_values : ndarray of shape (n_methods, n_methods)
        Of pairs, adjusted for their number; of Nemenyi's test unadjusted, which it is by itself.
    cliques : tuple of tuple of str
        Largest groups of neighbours in rank of which no two differ.
    critical_difference : float
        Of Nemenyi's test; NaN for Wilcoxon's.
    post_hoc : str
        ``"wilcoxon-holm"`` or ``"nemenyi"``.
    """

    methods: tuple[str, ...]
    ranks: np.ndarray
    n_blocks: int
    friedman_p: float
    p_values: np.ndarray
    cliques: tuple[tuple[str, ...], ...]
    critical_difference: float
    post_hoc: str

    def __repr__(self) -> str:
        lines = [f"{rank:5.2f}  {m}" for m, rank in zip(self.methods, self.ranks, strict=True)]
        groups = "; ".join(" = ".join(clique) for clique in self.cliques) or "none"
        return "\n".join(
            [
                f"average ranks over {self.n_blocks} blocks; Friedman p = {self.friedman_p:.2g}",
                *lines,
                f"not told apart ({self.post_hoc}): {groups}",
            ]
        )


def compare_ranks(
    methods: list[str], scores: np.ndarray, *, post_hoc: str = "wilcoxon-holm", alpha: float = 0.05
) -> RankComparison:
    """Rank methods in every block and test which differ.

    Parameters
    ----------
    methods : list of str
        Names.
    scores : ndarray of shape (n_blocks, n_methods)
        Larger is better.
    post_hoc : {"wilcoxon-holm", "nemenyi"}
        Pairs by signed ranks of their scores, or by their average ranks.
    alpha : float
        Level.

    Raises
    ------
    ValueError
        If there are fewer than two methods or blocks.

    References
    ----------
    J. Demšar, J. Mach. Learn. Res. 7 (2006) 1. A. Benavoli et al., J. Mach. Learn. Res. 17
    (2016) 1 on why Wilcoxon's test: Nemenyi's verdict on two methods depends on the others.

    Examples
    --------
    >>> import numpy as np
    >>> from hs_specaug.studies import compare_ranks
    >>> compare_ranks(["a", "b"], np.array([[0.9, 0.8], [0.7, 0.6], [0.5, 0.5]])).ranks.tolist()
    [1.1666666666666667, 1.8333333333333333]
    """
    n, k = scores.shape
    if k < 2 or n < 2:
        raise ValueError(
            f"ranks need two methods and two blocks or more that all of them have, got {k} "
            f"methods and {n} blocks"
        )
    if post_hoc not in ("wilcoxon-holm", "nemenyi"):
        raise ValueError(f"post_hoc must be 'wilcoxon-holm' or 'nemenyi', got {post_hoc!r}")
    ranks = stats.rankdata(-np.round(scores, 12), axis=1).mean(axis=0)
    order = np.argsort(ranks, kind="stable")
    scores, ranks = scores[:, order], ranks[order]
    friedman = math.nan
    if k > 2:
        same = np.ptp(scores, axis=1).max() < 1e-12
        friedman = 1.0 if same else float(stats.friedmanchisquare(*scores.T).pvalue)
    difference = math.nan
    if post_hoc == "nemenyi":
        p_values, difference = _nemenyi(ranks, n, alpha)
    else:
        p_values = _wilcoxon(scores)
    names = tuple(methods[i] for i in order)
    cliques = tuple(tuple(names[i] for i in group) for group in find_cliques(p_values >= alpha))
    return RankComparison(names, ranks, n, friedman, p_values, cliques, difference, post_hoc)


def _wilcoxon(scores: np.ndarray) -> np.ndarray:
    k = scores.shape[1]
    pairs = list(itertools.combinations(range(k), 2))
    found = holm([wilcoxon_p_value(scores[:, i] - scores[:, j]) for i, j in pairs])
    out = np.ones((k, k))
    for (i, j), p in zip(pairs, found, strict=True):
        out[i, j] = out[j, i] = p
    return out


def _nemenyi(ranks: np.ndarray, n_blocks: int, alpha: float) -> tuple[np.ndarray, float]:
    """Return p values of all pairs, and the critical difference (Demšar, Eq. in section 3.2.2)."""
    k = len(ranks)
    scale = math.sqrt(k * (k + 1) / (6.0 * n_blocks))
    q = float(stats.studentized_range.ppf(1.0 - alpha, k, np.inf)) / math.sqrt(2.0)
    apart = np.abs(ranks[:, np.newaxis] - ranks) / scale * math.sqrt(2.0)
    return np.clip(stats.studentized_range.sf(apart, k, np.inf), 0.0, 1.0), q * scale


def find_cliques(alike: np.ndarray) -> list[tuple[int, ...]]:
    """Return the largest runs of two or more neighbours of which all pairs are alike.

    Examples
    --------
    >>> import numpy as np
    >>> from hs_specaug.studies._ranks import find_cliques
    >>> find_cliques(np.array([[1, 1, 0], [1, 1, 1], [0, 1, 1]], dtype=bool))
    [(0, 1), (1, 2)]
    """
    runs: list[tuple[int, ...]] = []
    for start in range(len(alike)):
        end = start
        while end + 1 < len(alike) and alike[start : end + 2, start : end + 2].all():
            end += 1
        if end > start and not any(run[-1] >= end for run in runs):
            runs.append(tuple(range(start, end + 1)))
    return runs
