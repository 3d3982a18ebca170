"""The ranking of strategies and what it says in words."""

import matplotlib.colors
import numpy as np
import pytest
from scipy import stats

from hs_specaug.strategies import StrategyRanking


def ranking(scores, kinds=None, **settings):
    kinds = dict.fromkeys(scores, "composite") | {"no oversampling": "baseline"} | (kinds or {})
    scores = {name: np.reshape(v, (-1, 1)) for name, v in scores.items()}
    return StrategyRanking.from_scores(scores, kinds, dict.fromkeys(scores, 0.1), **settings)


NONE = [0.70, 0.72, 0.68, 0.71, 0.69]


def test_gains_are_paired():
    # Splits differ far more than the strategy does; the pairs show it all the same.
    none = np.array([0.2, 0.4, 0.6, 0.8, 0.5])
    better = none + np.array([0.05, 0.06, 0.05, 0.06, 0.05])
    result = ranking({"no oversampling": none, "good": better})
    row = result["good"]
    assert row["gain"] == pytest.approx(0.054)
    assert row["gain_low"] > 0.04
    assert row["score_high"] - row["score_low"] > 0.4
    assert result["no oversampling"]["gain"] == 0.0
    assert result.verdict.startswith("The only strategy beats no oversampling here. The best, ")


def test_verdict_counts_how_many_were_tried():
    rng = np.random.default_rng(0)
    gain = np.array([0.03, 0.05, 0.00, 0.04, 0.03])
    assert stats.ttest_1samp(gain, 0).pvalue < 0.05
    alone = ranking({"no oversampling": NONE, "x": NONE + gain})
    assert "beats no oversampling" in alone.verdict
    assert alone.verdict.startswith("The only")
    others = {f"s{i}": NONE + rng.normal(0, 0.02, 5) for i in range(14)}
    among = ranking({"no oversampling": NONE, "x": NONE + gain, **others})
    assert among.verdict.startswith("No strategy beats no oversampling here: the best of 15")
    assert "optimistic" in among.verdict


def test_false_alarms_are_as_rare_as_promised():
    rng = np.random.default_rng(0)
    alarms = 0
    for _ in range(100):
        scores = {f"s{i}": rng.normal(0.7, 0.05, 8) for i in range(10)}
        result = ranking({"no oversampling": rng.normal(0.7, 0.05, 8), **scores})
        alarms += any(row["p_holm"] < 0.05 for row in result.rows if row["kind"] == "composite")
    assert alarms <= 12  # 5 % of 100 is 5; 12 would be exceeded once in 700 times


def test_verdict_says_when_a_simpler_thing_is_as_good():
    scores = {
        "no oversampling": NONE,
        "gain": np.add(NONE, [0.05, 0.06, 0.05, 0.06, 0.05]),
        "smote": np.add(NONE, [0.06, 0.05, 0.06, 0.05, 0.05]),
    }
    text = ranking(scores, {"smote": "rival"}).verdict
    assert "cannot be told from 'smote'" in text
    scores["smote"] = np.add(NONE, [0.16, 0.15, 0.16, 0.15, 0.15])
    assert "is worse than 'smote'" in ranking(scores, {"smote": "rival"}).verdict


def test_one_repetition_is_said_to_tell_nothing():
    result = ranking({"no oversampling": [0.7], "gain": [0.9]})
    assert "raise repetitions" in result.verdict
    assert "nan" not in repr(result)


def test_eliminated_come_last_and_are_compared_on_their_repetitions():
    result = ranking({"no oversampling": [0.5, 0.9], "early": [0.6], "late": [0.5, 0.9]})
    assert [row["strategy"] for row in result.rows] == ["no oversampling", "late", "early"]
    assert result["early"]["gain"] == pytest.approx(0.1)
    assert result["early"]["eliminated"]
    assert result["early"]["p_holm"] == 1.0
    assert result.best["strategy"] == "late"
    assert "out after 1" in result.table()


def test_holdout_replaces_the_warning():
    holdout = {"gain": (0.6, 0.5, 0.7), "no oversampling": (0.65, np.nan, np.nan)}
    text = ranking({"no oversampling": NONE, "gain": NONE}, holdout=holdout).verdict
    assert "never saw it scores 0.600 [0.500, 0.700], no oversampling 0.650." in text
    assert "optimistic" not in text


def test_survives_json():
    import json

    result = ranking({"no oversampling": NONE, "gain": NONE[:1]}, overlap=0.5)
    again = StrategyRanking.from_dict(json.loads(json.dumps(result.to_dict(), allow_nan=False)))
    assert repr(again) == repr(result)
    assert again.rows[0].keys() == result.rows[0].keys()


def test_unknown_strategy():
    with pytest.raises(KeyError, match="no strategy 'x'"):
        ranking({"no oversampling": NONE, "gain": NONE})["x"]


def test_plot_shows_every_line_best_on_top_and_marks_baselines():
    result = ranking({"no oversampling": NONE, "good": np.add(NONE, 0.1), "bad": [0.5]})
    ax = result.plot()
    assert [t.get_text() for t in ax.get_yticklabels()] == ["good", "no oversampling", "bad"]
    assert ax.get_ylim()[0] > ax.get_ylim()[1]
    colours = [matplotlib.colors.to_hex(t.get_color()) for t in ax.get_yticklabels()]
    assert colours[1] == "#d55e00"
    assert colours[0] == colours[2] == "#000000"
    labels = [t.get_text() for t in ax.get_legend().get_texts()]
    assert sorted(labels) == ["augmentation", "without augmentation"]
