"""Ranks, against the worked example of Demšar (J. Mach. Learn. Res. 7 (2006) 1, table 6)."""

import numpy as np
import pytest
from scipy import stats

from hs_specaug.studies import compare_ranks, holm
from hs_specaug.studies._ranks import find_cliques

TREES = ["C4.5", "C4.5+m", "C4.5+cf", "C4.5+m+cf"]
AUC = np.array(
    [
        [0.763, 0.768, 0.771, 0.798],
        [0.599, 0.591, 0.590, 0.569],
        [0.954, 0.971, 0.968, 0.967],
        [0.628, 0.661, 0.654, 0.657],
        [0.882, 0.888, 0.886, 0.898],
        [0.936, 0.931, 0.916, 0.931],
        [0.661, 0.668, 0.609, 0.685],
        [0.583, 0.583, 0.563, 0.625],
        [0.775, 0.838, 0.866, 0.875],
        [1.000, 1.000, 1.000, 1.000],
        [0.940, 0.962, 0.965, 0.962],
        [0.619, 0.666, 0.614, 0.669],
        [0.972, 0.981, 0.97501, 0.975],  # ranked 2 and 3 in the paper, though printed alike
        [0.957, 0.978, 0.946, 0.970],
    ]
)


def test_the_example_of_demsar():
    found = compare_ranks(TREES, AUC, post_hoc="nemenyi")
    assert found.methods == ("C4.5+m+cf", "C4.5+m", "C4.5+cf", "C4.5")
    np.testing.assert_allclose(found.ranks, [1.964, 2.000, 2.893, 3.143], atol=5e-4)
    assert found.critical_difference == pytest.approx(1.25, abs=0.005)  # 2.569 √(4·5 / (6·14))
    assert found.friedman_p == stats.friedmanchisquare(*AUC.T).pvalue
    # At 5 % Nemenyi's test sees no difference as large as 1.25 in these ranks.
    assert found.cliques == (found.methods,)
    # p = 0.10 where the difference is the one for 10 %: q = 2.291, 1.12.
    at_ten = compare_ranks(TREES, AUC, post_hoc="nemenyi", alpha=0.10)
    assert at_ten.critical_difference == pytest.approx(1.12, abs=0.005)
    assert at_ten.cliques == (("C4.5+m+cf", "C4.5+m", "C4.5+cf"), ("C4.5+cf", "C4.5"))


def test_pairs_by_signed_ranks():
    rng = np.random.default_rng(0)
    scores = rng.normal([0.9, 0.9, 0.5], 0.01, (12, 3))
    found = compare_ranks(["a", "b", "c"], scores)
    pairs = [(0, 1), (0, 2), (1, 2)]
    raw = [stats.wilcoxon(scores[:, i], scores[:, j]).pvalue for i, j in pairs]
    where = [found.methods.index(name) for name in "abc"]
    for (i, j), p in zip(pairs, holm(raw), strict=True):
        assert found.p_values[where[i], where[j]] == pytest.approx(p)
    assert [set(clique) for clique in found.cliques] == [{"a", "b"}]
    assert np.isnan(found.critical_difference)


def test_ties_share_ranks_and_equal_methods_are_alike():
    found = compare_ranks(["a", "b", "c"], np.full((5, 3), 0.5))
    assert found.ranks.tolist() == [2.0, 2.0, 2.0]
    assert found.friedman_p == 1.0
    assert found.cliques == (("a", "b", "c"),)
    assert np.isnan(compare_ranks(["a", "b"], np.eye(4)[:, :2]).friedman_p)


def test_cliques_by_hand():
    # 0 = 1 = 2 and 2 = 3, but 1 ≠ 3: two bars. A bar inside another is not drawn.
    alike = np.ones((4, 4), dtype=bool)
    alike[[0, 3, 1, 3], [3, 0, 3, 1]] = False
    assert find_cliques(alike) == [(0, 1, 2), (2, 3)]
    assert find_cliques(np.eye(3, dtype=bool)) == []


@pytest.mark.parametrize("shape", [(1, 3), (5, 1)])
def test_too_little_to_rank(shape):
    with pytest.raises(ValueError, match="two methods and two blocks"):
        compare_ranks(["a", "b", "c"][: shape[1]], np.zeros(shape))


def test_unknown_post_hoc():
    with pytest.raises(ValueError, match="post_hoc"):
        compare_ranks(["a", "b"], np.zeros((3, 2)), post_hoc="tukey")
