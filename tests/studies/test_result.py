"""Means, tests, words, tables and figures of a study, from cells with scores known by hand."""

import json
import math

import numpy as np
import pytest
from scipy import stats

from hs_specaug.studies import Cell, Study, StudyResult, holm
from hs_specaug.studies._statistics import paired_p_value

METHODS = {"none": "baseline", "class weights": "baseline", "smote": "augmentation",
           "new": "augmentation"}  # fmt: skip
RATIO = "balanced ratio 0.1"


def cell(method, split, hits, classifier="forest", ratio=RATIO, **settings):
    """Of 100 + 100 scored rows `hits` of each class are right: every score is hits / 100."""
    confusion = [[hits, 100 - hits], [100 - hits, hits]]
    seconds = {"generator": 2.0, "sampling": 1.0, "classifier": 0.5, "prediction": 0.1}
    return Cell(
        f"{ratio}{method}{split}{classifier}", ratio, split, split, 0, method, classifier,
        confusion, seconds, [50, 90], **settings,
    )  # fmt: skip


def result(hits, classifier="forest", ratios=(RATIO,), overlap=0.25, **settings):
    """Make a result from hits of each method by split."""
    cells = [
        cell(method, split, n, classifier, ratio)
        for ratio in ratios
        for method, values in hits.items()
        for split, n in enumerate(values)
    ]
    return StudyResult(
        cells,
        ["gel", "sol"],
        {m: METHODS[m] for m in hits},
        dict.fromkeys(ratios, 0.1),
        "balanced ratio",
        overlap,
        **settings,
    )


CLEAR = {
    "none": [70, 72, 68, 71, 69, 70],
    "class weights": [74, 75, 73, 74, 74, 74],
    "smote": [75, 74, 74, 75, 73, 75],
    "new": [84, 85, 83, 85, 84, 85],
}


def test_rows_are_tidy():
    rows = result(CLEAR).rows
    assert len(rows) == 24
    assert rows[0]["f_score"] == rows[0]["accuracy"] == rows[0]["recall[gel]"] == 0.70
    assert rows[0]["kind"] == "baseline"
    assert rows[0]["ratio_value"] == 0.1
    assert rows[0]["generator_seconds"] == 2.0
    frame = result(CLEAR).to_frame()
    assert frame.groupby("method")["f_score"].mean()["new"] == pytest.approx(0.84333, abs=1e-5)


def test_summary_is_mean_and_standard_deviation():
    by_method = {line["method"]: line for line in result(CLEAR).summary}
    assert by_method["none"]["f_score"] == pytest.approx(0.70)
    assert by_method["none"]["f_score_sd"] == pytest.approx(np.std(CLEAR["none"], ddof=1) / 100)
    assert by_method["none"]["n"] == 6


def test_tests_are_those_of_scipy():
    lines = {(t["against"], t["method"]): t for t in result(CLEAR).tests}
    assert set(lines) == {
        ("best baseline", "smote"), ("best baseline", "new"), ("none", "smote"), ("none", "new"),
        ("class weights", "smote"), ("class weights", "new"), ("smote", "new"),
    }  # fmt: skip
    new, weights = (np.array(CLEAR[name]) / 100 for name in ("new", "class weights"))
    line = lines["best baseline", "new"]
    assert line["rival"] == "class weights"
    assert line["difference"] == pytest.approx((new - weights).mean())
    assert line["p_t"] == pytest.approx(stats.ttest_rel(new, weights).pvalue)
    assert line["p_corrected"] == pytest.approx(paired_p_value(new - weights, overlap=0.25))
    assert line["p_corrected"] > line["p_t"]
    assert line["p_wilcoxon"] == pytest.approx(
        stats.wilcoxon(CLEAR["new"], CLEAR["class weights"]).pvalue
    )
    family = [lines["best baseline", name] for name in ("smote", "new")]
    for test in ("t", "corrected", "wilcoxon"):
        expected = holm([member[f"p_{test}"] for member in family])
        assert [member[f"holm_{test}"] for member in family] == pytest.approx(expected.tolist())
    assert math.isnan(result({"none": [70], "new": [80]}).tests[0]["p_t"])


def test_pairs_are_of_splits_that_both_have():
    found = result(CLEAR)
    found.cells[-1] = Cell(**{**found.cells[-1].to_dict(), "confusion": [], "error": "E: no"})
    line = next(t for t in found.tests if t["method"] == "new" and t["against"] == "none")
    assert line["n"] == 5
    assert line["difference"] == pytest.approx(0.142)
    assert math.isnan(found.rows[-1]["f_score"])


def test_no_false_alarms_among_many_methods():
    rng = np.random.default_rng(0)
    alarms = 0
    for _ in range(40):
        hits = {name: rng.integers(60, 80, 8).tolist() for name in METHODS}
        alarms += result(hits, overlap=0.0).verdict.startswith("Augmentation helped")
    assert alarms <= 5


def test_verdict_where_something_helps():
    said = result(CLEAR).verdict
    assert said.startswith("Augmentation helped here: 'new' with 'forest' gains +0.103 [")
    assert "over 'class weights', the best baseline" in said
    assert said.endswith("Best of all: 'new' with 'forest', macro F 0.843.")


def test_verdict_where_class_weights_do_as_well():
    hits = {**CLEAR, "new": [74, 75, 74, 73, 74, 75]}
    said = result(hits).verdict
    assert said.startswith("No augmentation helped here; class weights did as well:")
    assert "Over no augmentation at all, 'smote' with 'forest' gains" in said


def test_verdict_where_nothing_was_needed():
    hits = {"none": [80, 81, 79, 80], "class weights": [70, 71, 70, 69], "new": [80, 79, 80, 80]}
    said = result(hits).verdict
    assert said.startswith("No augmentation helped here; the rows as they are did as well:")
    worse = {"none": [80, 81, 79, 80], "new": [60, 61, 60, 61]}
    assert "the rows as they are did better" in result(worse).verdict


def test_verdict_of_little():
    assert result({"none": [70], "new": [80]}).verdict.startswith("One split tells nothing")
    assert result({"none": [70, 71]}).verdict.startswith("Only baselines were compared")
    assert result({"new": [70, 71]}).verdict.startswith("Only augmentations were compared")


def test_verdict_speaks_of_each_ratio():
    lines = result(CLEAR, ratios=("imbalance rate 5", "imbalance rate 50")).verdict.split("\n")
    assert [line.split(":")[0] for line in lines] == ["Imbalance rate 5", "Imbalance rate 50"]


def test_a_method_that_finished_few_splits_does_not_win_by_luck():
    found = result({"none": [70, 71, 70, 69], "new": [60, 61, 60, 90]})
    found.cells = [
        Cell(**{**c.to_dict(), "confusion": [], "error": "E: no"})
        if c.method == "new" and c.split < 3
        else c
        for c in found.cells
    ]
    assert found.best()["method"] == "none"


def test_table_as_text_and_markdown():
    lines = result(CLEAR).table().splitlines()
    assert lines[0].split() == ["method", "forest"]
    assert lines[-1].split() == ["new", "0.843", "(0.008)"]
    of_one = result(CLEAR).table(classifier="forest", markdown=True).splitlines()
    assert of_one[0] == "| method | precision | recall | F-score | accuracy |"
    assert of_one[2].startswith("| none | 0.700 (0.014) |")
    with pytest.raises(ValueError, match="no classifier 'svm'"):
        result(CLEAR).table(classifier="svm")
    assert "imbalance rate 5\n" in result(CLEAR, ratios=("imbalance rate 5", "x")).table()


def test_cells_that_do_not_exist_are_empty():
    found = result({"none": [70, 71], "smote": [72, 73]})
    found.cells += [cell("class weights", split, 75, "svm") for split in (0, 1)]
    found.methods["class weights"] = "baseline"
    rows = {line.split("  ")[0]: line for line in found.table().splitlines()}
    assert rows["class weights"].split() == ["class", "weights", "0.750", "(0.000)"]


def test_times_count_a_generator_once():
    lines = {line["method"]: line for line in result(CLEAR).times}
    assert lines["new"]["generator"] == 2.0
    assert lines["new"]["sampling"] == 1.0
    assert lines["new"]["forest"] == 0.5


def test_other_scores():
    assert result(CLEAR).compare("recall[gel]")[0]["score"] == "recall[gel]"
    with pytest.raises(ValueError, match="score must be one of"):
        result(CLEAR).scores("f2")
    with pytest.raises(ValueError, match="score must be one of"):
        result(CLEAR).scores("method")


def test_survives_json(tmp_path):
    first = result(CLEAR, notes=["rocket is left out"])
    again = StudyResult.load(first.save(tmp_path / "study.json"))
    assert again == first
    assert repr(again) == repr(first)
    json.loads((tmp_path / "study.json").read_text(), parse_constant=pytest.fail)
    (tmp_path / "other.json").write_text('{"format": "other"}')
    with pytest.raises(ValueError, match="no results of a study"):
        StudyResult.load(tmp_path / "other.json")


def test_ranks_leave_out_what_not_every_classifier_has():
    found = result(CLEAR)
    found.cells += [cell(m, s, n, "svm") for m in ("none", "new") for s, n in enumerate(CLEAR[m])]
    assert set(found.rank_methods().methods) == {"none", "new"}
    one = found.rank_methods(classifier="forest")
    assert one.methods[0] == "new"
    assert one.n_blocks == 6
    assert found.rank_methods().n_blocks == 12


def test_figures(imbalanced, quick):
    axes = result(CLEAR).plot()
    ax = axes.flat[0]
    assert [t.get_text() for t in ax.get_yticklabels()] == list(CLEAR)
    drawn = sorted(line.get_xdata()[0] for line in ax.get_lines() if line.get_marker() in "os")
    assert drawn == pytest.approx(sorted(np.mean(v) / 100 for v in CLEAR.values()))
    several = result(CLEAR, ratios=("imbalance rate 5", "imbalance rate 50")).plot("recall")
    assert several.flat[0].get_xlabel() == "balanced ratio"
    for settings in ({}, {"post_hoc": "nemenyi"}):
        ax = result(CLEAR).plot_critical_difference(**settings)
        texts = " ".join(text.get_text() for text in ax.texts)
        for name in CLEAR:
            assert name in texts
    study = quick(["smote"], balanced_ratios=[0.2, 0.4])
    assert isinstance(study, Study)
    study.run(*imbalanced).plot()
