"""The study as a whole: fair, reproducible anywhere, and never losing or repeating a cell."""

import json
import os
import signal
import subprocess
import sys
import time

import joblib
import numpy as np
import pytest
from imblearn.over_sampling import SMOTE
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score
from sklearn.model_selection import StratifiedShuffleSplit
from sklearn.neighbors import KNeighborsClassifier

from hs_specaug.generators import RandomGenerator, SMOTEGenerator
from hs_specaug.perturbations import Domain
from hs_specaug.preprocessing import PCADenoiser
from hs_specaug.strategies import StrategySearch
from hs_specaug.studies import Study, StudyResult
from hs_specaug.studies._plan import StudyPlan

FITS: list = []


class Counting(KNeighborsClassifier):
    """Nearest neighbour that counts its fits, and stops at a number."""

    stop_at = 10**6

    def fit(self, X, y):
        if len(FITS) >= type(self).stop_at:
            raise KeyboardInterrupt
        FITS.append(len(X))
        return super().fit(X, y)


class Failing(RandomGenerator):
    def _fit(self, X, codes):
        raise RuntimeError("no such luck")


@pytest.fixture(autouse=True)
def _forget():
    FITS.clear()


def scores_of(result):
    return {(c.ratio, c.split, c.method, c.classifier): c.confusion for c in result.cells}


# --- what a cell is ----------------------------------------------------------------------------


def test_a_cell_can_be_had_again_with_scikit_learn_alone(imbalanced, quick):
    X, y = imbalanced
    forest = RandomForestClassifier(7)
    result = quick([], {"forest": forest}, random_state=5, test_size=0.4).run(X, y)
    splits = StratifiedShuffleSplit(3, test_size=0.4, random_state=5).split(X, y)
    rows = [r for r in result.rows if r["method"] == "none" and r["classifier"] == "forest"]
    for i, (row, (train, test)) in enumerate(zip(rows, splits, strict=True)):
        model = clone(forest).set_params(random_state=5 + i).fit(X[train], y[train])
        predicted = model.predict(X[test])
        macro = {"average": "macro", "zero_division": 0}
        assert row["f_score"] == pytest.approx(f1_score(y[test], predicted, **macro))
        assert row["precision"] == pytest.approx(precision_score(y[test], predicted, **macro))
        assert row["recall"] == pytest.approx(recall_score(y[test], predicted, **macro))
        assert row["accuracy"] == pytest.approx(accuracy_score(y[test], predicted))
        one = recall_score(y[test], predicted, labels=["c"], average="macro")
        assert row["recall[c]"] == pytest.approx(one)
        assert row["training_rows"] == row["augmented_rows"] == len(train)


def test_a_generator_is_fitted_once_for_all_classifiers(imbalanced, quick, monkeypatch):
    fits = []
    learn = RandomGenerator._fit
    monkeypatch.setattr(
        RandomGenerator, "_fit", lambda self, X, codes: (fits.append(1), learn(self, X, codes))
    )
    classifiers = {"one": KNeighborsClassifier(1), "two": KNeighborsClassifier(3)}
    result = quick([], classifiers, baselines=["random"]).run(*imbalanced)
    assert len(fits) == 3
    assert len(result.cells) == 9
    for row in result.rows:
        assert row["augmented_rows"] == 3 * 15


def test_foreign_samplers_and_searches_are_methods(imbalanced, quick):
    search = StrategySearch(["gain"], KNeighborsClassifier(1), repetitions=1)
    given = {"theirs": SMOTE(k_neighbors=2), "ours": SMOTEGenerator(k_neighbors=2), "s": search}
    result = quick(given, repetitions=2).run(*imbalanced)
    assert not result.failed
    assert {r["best_name"] for r in result.rows if r["method"] == "s"} == {"gain"}
    scores = result.scores()
    theirs, ours = (scores["all rows", m, "nearest neighbour"] for m in ("theirs", "ours"))
    assert set(theirs) == set(ours)
    for row in result.rows:
        assert row["augmented_rows"] == (25 if row["method"] == "none" else 45)


def test_groups_reach_a_search(imbalanced, quick):
    X, y = imbalanced
    search = StrategySearch(["gain"], KNeighborsClassifier(1), repetitions=1)
    groups = np.arange(len(y)) // 2
    result = quick([search], repetitions=1).run(X, y, groups)
    assert not result.failed
    one_group = np.where(y == "c", 0, np.arange(len(y)))
    with pytest.raises(ValueError, match="one group only"):
        quick([search]).run(X, y, one_group)


def test_channels_images_transformers_and_units(imbalanced, quick):
    X, y = imbalanced
    for shape in ((2, 12), (1, 4, 6)):
        result = quick(["smote"], repetitions=1).run(X.reshape(len(X), *shape), y)
        assert not result.failed
    denoised = quick(["smote"], transformers=[PCADenoiser(3)], repetitions=1).run(X, y)
    assert not denoised.failed
    assert scores_of(denoised) != scores_of(quick(["smote"], repetitions=1).run(X, y))
    with_units = quick(["energy-shift"], domain=Domain("EELS"), repetitions=1).run(X, y)
    assert not with_units.failed


def test_devices_are_taken_in_turn(imbalanced, quick):
    study = quick(
        [],
        default_classifiers=["cnn"],
        classifier_updates=1,
        devices=("cpu", "meta"),
        repetitions=2,
    )
    plan = StudyPlan(study, *imbalanced, None)
    assert [unit.device for unit in plan.missing({})] == ["cpu", "meta"] * 2
    result = quick(
        [], default_classifiers=["cnn"], classifier_updates=1, devices=("cpu",), repetitions=1
    ).run(*imbalanced)
    assert not result.failed


def test_the_classifiers_own_seed_is_respected(imbalanced, quick):
    class Seeds(KNeighborsClassifier):
        def __init__(self, random_state=None):
            super().__init__(1)
            self.random_state = random_state

        def fit(self, X, y):
            FITS.append(self.random_state)
            return super().fit(X, y)

    classifiers = {"open": Seeds(), "own": Seeds(42)}
    quick([], classifiers, baselines=["none"], default_classifiers=False).run(*imbalanced)
    assert FITS == [0, 42, 1, 42, 2, 42]


# --- failures ----------------------------------------------------------------------------------


def test_a_failing_method_stops_nothing_and_is_named(imbalanced, quick):
    result = quick({"bad": Failing(), "smote": "smote"}).run(*imbalanced)
    assert {c.method for c in result.failed} == {"bad"}
    assert len(result.failed) == 3
    assert "RuntimeError: no such luck" in result.failed[0].error
    assert "3 cells failed: bad with nearest neighbour: RuntimeError: no such luck" in repr(result)
    assert "failed" in result.table()
    assert {s["n"] for s in result.summary if s["method"] == "bad"} == {0}


def test_a_failing_classifier_leaves_the_others_alone(imbalanced, quick):
    class Broken(KNeighborsClassifier):
        def fit(self, X, y):
            raise ValueError("cannot")

    result = quick([], {"broken": Broken()}).run(*imbalanced)
    assert {c.classifier for c in result.failed} == {"broken"}
    assert len(result.cells) - len(result.failed) == 6


def test_failed_cells_are_kept_or_tried_again(imbalanced, quick, tmp_path, monkeypatch):
    path = tmp_path / "study.jsonl"
    settings = {"results": path, "baselines": ["none"]}
    assert len(quick({"bad": Failing()}, **settings).run(*imbalanced).failed) == 3
    monkeypatch.setattr(Failing, "_fit", RandomGenerator._fit)
    assert len(quick({"bad": Failing()}, **settings).run(*imbalanced).failed) == 3
    again = quick({"bad": Failing()}, retry_failed=True, **settings).run(*imbalanced)
    assert not again.failed
    assert not quick({"bad": Failing()}, **settings).run(*imbalanced).failed


def test_what_generators_warn_of_is_kept_with_the_cell(imbalanced, quick):
    result = quick(["smote"], repetitions=1).run(*imbalanced)
    warned = {row["method"]: row["warnings"] for row in result.rows}
    assert warned["smote"].startswith("FewSamplesWarning: class 'c' has 4 rows")
    assert warned["none"] == ""


# --- seeds and workers -------------------------------------------------------------------------


def test_seed_decides(imbalanced, quick, no_global_rng):
    first = quick().run(*imbalanced)
    assert scores_of(quick().run(*imbalanced)) == scores_of(first)
    assert scores_of(quick(random_state=1).run(*imbalanced)) != scores_of(first)


def test_more_methods_and_ratios_change_no_cell(imbalanced, quick):
    few = scores_of(quick(balanced_ratios=[0.3]).run(*imbalanced))
    more = quick(["gain", "smote"], balanced_ratios=[0.2, 0.3], repetitions=4).run(*imbalanced)
    many = scores_of(more)
    assert {key: many[key] for key in few} == few


def test_workers_do_not_matter(imbalanced, quick):
    alone = quick(["smote", "gain"], [LogisticRegression()]).run(*imbalanced)
    parallel = quick(["smote", "gain"], [LogisticRegression()], n_jobs=2).run(*imbalanced)
    assert scores_of(parallel) == scores_of(alone)


def test_a_dask_cluster_does_not_matter(imbalanced, quick, tmp_path):
    distributed = pytest.importorskip("distributed")
    alone = scores_of(quick().run(*imbalanced))
    path = tmp_path / "study.jsonl"
    with (
        distributed.Client(
            processes=False, n_workers=1, threads_per_worker=1, dashboard_address=None
        ),
        joblib.parallel_config(backend="dask"),
    ):
        result = quick(results=path).run(*imbalanced)
    assert scores_of(result) == alone
    assert len(path.read_text().splitlines()) == 1 + len(alone)


# --- stopping and going on ---------------------------------------------------------------------


def counting(quick, path, **settings):
    return quick(
        ["gain"], {"counting": Counting(1)}, default_classifiers=False, results=path, **settings
    )


def test_an_interrupted_study_goes_on(imbalanced, quick, tmp_path, monkeypatch):
    path = tmp_path / "study.jsonl"
    monkeypatch.setattr(Counting, "stop_at", 4)
    study = counting(quick, path)
    with pytest.raises(KeyboardInterrupt):
        study.run(*imbalanced)
    assert len(path.read_text().splitlines()) == 1 + 4
    assert len(study.result_.cells) == 4
    assert study.result_.notes == ["interrupted: 5 cells are missing"]
    monkeypatch.setattr(Counting, "stop_at", 10**6)
    resumed = counting(quick, path).run(*imbalanced)
    assert len(FITS) == 9
    assert resumed.notes == []
    FITS.clear()
    assert scores_of(counting(quick, None).run(*imbalanced)) == scores_of(resumed)
    assert len(FITS) == 9


def test_more_of_everything_reuses_what_is_there(imbalanced, quick, tmp_path):
    path = tmp_path / "study.jsonl"
    counting(quick, path).run(*imbalanced)
    FITS.clear()
    counting(quick, path, repetitions=5).run(*imbalanced)
    assert len(FITS) == 2 * 3
    FITS.clear()
    counting(quick, path).set_params(methods=["gain", "shift"]).run(*imbalanced)
    assert len(FITS) == 3
    FITS.clear()
    counting(quick, path).set_params(classifiers={"counting": Counting(3)}).run(*imbalanced)
    assert len(FITS) == 9  # the same name, another classifier
    FITS.clear()
    counting(quick, path).set_params(methods={"gain": "gain(gain=0.5)"}).run(*imbalanced)
    assert len(FITS) == 3


def test_an_open_seed_is_that_of_the_file(imbalanced, quick, tmp_path):
    path = tmp_path / "study.jsonl"
    first = counting(quick, path, random_state=None).run(*imbalanced)
    FITS.clear()
    second = counting(quick, path, random_state=None).run(*imbalanced)
    assert FITS == []
    assert scores_of(first) == scores_of(second)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"test_size": 0.4}, "test_size was 0.5 and is 0.4 now"),
        ({"random_state": 1}, "seed was 0 and is 1 now"),
        ({"cv": 3}, "test_size was|cv was"),
        ({"transformers": [PCADenoiser(2)]}, "transformers was"),
    ],
)
def test_another_study_is_refused_and_the_file_left_alone(
    imbalanced, quick, tmp_path, change, named
):
    path = tmp_path / "study.jsonl"
    quick(results=path).run(*imbalanced)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=rf"holds scores of another study: ({named})"):
        quick(results=path, **change).run(*imbalanced)
    X, y = imbalanced
    with pytest.raises(ValueError, match="data was"):
        quick(results=path).run(X + 1e-9, y)
    assert path.read_bytes() == before


def test_a_torn_line_costs_one_cell(imbalanced, quick, tmp_path):
    path = tmp_path / "study.jsonl"
    whole = counting(quick, path).run(*imbalanced)
    content = path.read_bytes()
    for torn, n_lines in ((content[:-40], 1), (content[:-40] + b"\n\xff{", 2)):
        path.write_bytes(torn)
        FITS.clear()
        result = counting(quick, path).run(*imbalanced)
        assert len(FITS) == 1
        assert result.notes == [f"{n_lines} unreadable lines of the results were skipped"]
        assert scores_of(result) == scores_of(whole)


@pytest.mark.parametrize("content", ["{", "[]", '{"format": "other", "version": 1}'])
def test_a_file_of_another_kind_is_not_overwritten(imbalanced, quick, tmp_path, content):
    path = tmp_path / "study.jsonl"
    path.write_text(content)
    with pytest.raises(ValueError, match="no file of a study"):
        quick(results=path).run(*imbalanced)
    assert path.read_text() == content


def test_places_that_cannot_be_written_are_named_at_once(imbalanced, quick, tmp_path):
    with pytest.raises(ValueError, match=r"is a folder.*study\.jsonl"):
        counting(quick, tmp_path).run(*imbalanced)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        counting(quick, tmp_path / "nowhere" / "study.jsonl").run(*imbalanced)
    assert FITS == []


SLOW_STUDY = """
import sys, time
import numpy as np
from sklearn.neighbors import KNeighborsClassifier
from hs_specaug.studies import Study

class Slow(KNeighborsClassifier):
    def fit(self, X, y):
        time.sleep(0.1)
        return super().fit(X, y)

rng = np.random.default_rng(0)
X, y = rng.normal(size=(40, 8)), np.repeat(["a", "b"], [26, 14])
study = Study(
    ["gain"], {"slow": Slow(1), "slower": Slow(3)}, default_classifiers=False, random_state=0,
    baselines=["none", "random"], repetitions=5, results=sys.argv[1] or None,
    n_jobs=int(sys.argv[2]),
)
result = study.run(X, y)
print(*[(c.split, c.method, c.classifier, c.confusion) for c in result.cells], sep="|")
"""
CELLS = 5 * 3 * 2


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
@pytest.mark.parametrize("n_jobs", ["1", pytest.param("2", marks=pytest.mark.slow)])
def test_killed_without_mercy(tmp_path, monkeypatch, capsys, n_jobs):
    path = tmp_path / "study.jsonl"
    script = tmp_path / "slow_study.py"
    script.write_text(SLOW_STUDY)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(script), str(path), n_jobs]
    process = subprocess.Popen(command, env=environment, start_new_session=True)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if path.exists() and len(path.read_text().splitlines()) >= 6:
            break
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    before = path.read_text()
    assert 5 <= len(before.splitlines()) - 1 < CELLS

    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    after = path.read_text()
    assert after.startswith(before)
    keys = [json.loads(line)["key"] for line in after.splitlines()[1:]]
    assert len(keys) == len(set(keys)) == CELLS
    # The same without interruption, in this process.
    monkeypatch.setattr(sys, "argv", [str(script), "", "1"])
    exec(compile(SLOW_STUDY, script, "exec"), {"__name__": "slow_study"})
    assert capsys.readouterr().out == done.stdout


# --- impossible settings -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"repetitions": 0}, "repetitions"),
        ({"test_size": 1.0}, "test_size"),
        ({"balanced_ratios": [0.3], "imbalance_rates": [3]}, "not both"),
        ({"classifier_updates": 0}, "classifier_updates"),
    ],
)
def test_impossible_settings_are_named(imbalanced, quick, settings, message):
    with pytest.raises(ValueError, match=message):
        quick(**settings).run(*imbalanced)


def test_rows_and_labels_must_match(imbalanced, quick):
    X, y = imbalanced
    with pytest.raises(ValueError, match="y must have one label per row"):
        quick().run(X, y[:-1])
    with pytest.raises(ValueError, match="NaN"):
        quick().run(np.where(X > 2, np.nan, X), y)
    with pytest.raises(ValueError, match="score_left_out=True would score rows of groups"):
        quick(score_left_out=True).run(X, y, np.arange(len(y)))


def test_labels_may_be_numbers(imbalanced, quick, tmp_path):
    X, y = imbalanced
    codes = np.searchsorted(np.unique(y), y)
    exact = quick(training_rows=[{0: 10, 2: 2}, {0: 10, 2: 4}], results=tmp_path / "a").run(
        X, codes
    )
    assert set(exact.ratios) == {"0: 10, 2: 2", "0: 10, 2: 4"}
    loaded = StudyResult.load(exact.save(tmp_path / "b.json"))
    assert loaded.classes == [0, 1, 2]
    assert {row["training_rows"] for row in loaded.rows} == {18, 20}


def test_settings_are_stored_untouched():
    methods = ["smote"]
    study = Study(methods, balanced_ratios=[0.1])
    assert study.methods is methods
    assert clone(study).get_params()["balanced_ratios"] == [0.1]


# --- the published protocol on measured spectra ------------------------------------------------


def test_polymers_give_the_known_scores(data_folder):
    file = np.load(data_folder / "ftir_polymers.npz")
    axis = file["wavenumber_per_cm"]
    X = file["absorbance"][:, (axis >= 975) & (axis <= 1800)].astype(float)
    X = X - X.min(axis=1, keepdims=True)
    X /= X.max(axis=1, keepdims=True)
    study = Study(
        [],
        baselines=["none"],
        default_classifiers=["nearest neighbour", "random forest"],
        repetitions=10,
        test_size=0.5,
        random_state=0,
    )
    means = {s["classifier"]: s["f_score"] for s in study.run(X, file["polymer"]).summary}
    assert means["nearest neighbour"] == pytest.approx(0.887, abs=0.0005)
    assert means["random forest"] == pytest.approx(0.82, abs=0.01)
