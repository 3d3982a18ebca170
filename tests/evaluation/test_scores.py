"""Scores against scikit-learn, intervals against simulation."""

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from hs_specaug.evaluation import ClassificationReport, bootstrap_intervals, scores_from_confusion
from hs_specaug.evaluation._scores import confusion_per_group


@pytest.fixture
def labels():
    rng = np.random.default_rng(0)
    y_true = rng.choice(3, 200, p=[0.7, 0.25, 0.05])
    y_pred = np.where(rng.random(200) < 0.7, y_true, rng.choice(3, 200))
    return y_true, y_pred


def test_scores_equal_scikit_learns(labels):
    scores = scores_from_confusion(confusion_matrix(*labels))
    precision, recall, f_score, _ = precision_recall_fscore_support(*labels)
    np.testing.assert_allclose(scores["precision"], precision)
    np.testing.assert_allclose(scores["recall"], recall)
    np.testing.assert_allclose(scores["f_score"], f_score)


def test_class_that_is_never_predicted():
    scores = scores_from_confusion(np.array([[5, 0], [2, 0]]))
    assert scores["precision"].tolist() == [5 / 7, 0.0]
    assert scores["recall"].tolist() == [1.0, 0.0]
    assert np.isfinite(scores["f_score"]).all()


def test_counting_by_group(labels):
    groups = np.arange(200) % 4
    counted = confusion_per_group(*labels, 3, groups)
    assert counted.shape == (4, 3, 3)
    np.testing.assert_array_equal(counted.sum(axis=0), confusion_matrix(*labels))
    rows = groups == 2
    np.testing.assert_array_equal(
        counted[2], confusion_matrix(labels[0][rows], labels[1][rows], labels=[0, 1, 2])
    )


def test_interval_agrees_with_resampling_rows(labels):
    y_true, y_pred = labels
    confusion = confusion_matrix(y_true, y_pred)
    ours = bootstrap_intervals(confusion[np.newaxis], n_resamples=4000, random_state=0)
    rng = np.random.default_rng(1)
    recalls = []
    for _ in range(1000):
        rows = rng.integers(0, 200, 200)
        recalls.append(
            precision_recall_fscore_support(
                y_true[rows], y_pred[rows], labels=[0, 1, 2], zero_division=0
            )[1][1]
        )
    np.testing.assert_allclose(ours["recall"][:, 1], np.percentile(recalls, [2.5, 97.5]), atol=0.03)


def test_interval_is_wider_when_rows_come_in_groups():
    # Two specimens all right, two all wrong: four observations, not four hundred.
    confusions = np.array([[[50, 0], [0, 50]], [[0, 50], [50, 0]]] * 2)
    grouped = bootstrap_intervals(confusions, random_state=0)["f_score"][:, -1]
    pooled = bootstrap_intervals(confusions.sum(axis=0, keepdims=True), random_state=0)
    rows = pooled["f_score"][:, -1]
    assert np.diff(grouped) > 4 * np.diff(rows)


def test_perfect_scores_have_no_width():
    interval = bootstrap_intervals(np.array([[[10, 0], [0, 10]]]), random_state=0)
    np.testing.assert_allclose(interval["f_score"], 1.0)


def test_report_reads_well_and_survives_json():
    import json

    confusion = np.array([[[8, 2], [1, 4]]])
    report = ClassificationReport.from_confusions(confusion, ["shell", "core"], random_state=0)
    text = repr(report)
    assert "macro average" in text
    assert "0.800 [" in text
    assert report.macro_f_score == pytest.approx((16 / 19 + 8 / 11) / 2)
    back = ClassificationReport.from_dict(json.loads(json.dumps(report.to_dict())))
    assert repr(back) == text


def test_confusion_plot():
    report = ClassificationReport.from_confusions(
        np.array([[[8, 2], [1, 4]]]), ["shell", "core"], random_state=0
    )
    ax = report.plot_confusion()
    texts = {t.get_text() for t in ax.texts}
    assert texts == {"80%\n(8)", "20%\n(2)", "20%\n(1)", "80%\n(4)"}
    assert ax.get_xlabel() == "predicted class"


def test_confusion_can_be_normalised_by_columns():
    report = ClassificationReport.from_confusions(
        np.array([[[8, 2, 0], [2, 4, 0], [0, 4, 0]]]), ["a", "b", "c"], random_state=0
    )
    expected = [[0.8, 0.2, 0.0], [0.2, 0.4, 0.0], [0.0, 0.4, 0.0]]
    np.testing.assert_allclose(report.normalised_confusion("predicted"), expected)
    ax = report.plot_confusion(normalize="predicted")
    assert ax.texts[1].get_text() == "20%\n(2)"
    np.testing.assert_allclose(ax.images[0].get_array(), expected)
    with pytest.raises(ValueError, match="'true' or 'predicted'"):
        report.plot_confusion(normalize="pred")
