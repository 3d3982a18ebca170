"""A search that was stopped goes on where it was, and only if it is the same search."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from sklearn.metrics import f1_score
from sklearn.neighbors import KNeighborsClassifier

from hs_specaug.strategies import StrategySearch

N_CELLS = 3 * (3 + 3)  # repetitions × (baselines and SMOTE + composites)


class Scoring:
    """Macro F that counts, and stops at a number."""

    def __init__(self, stop_at=10**6):
        self.calls, self.stop_at = 0, stop_at

    def __call__(self, y, predicted):
        if self.calls >= self.stop_at:
            raise KeyboardInterrupt
        self.calls += 1
        return float(f1_score(y, predicted, average="macro"))


def search(path, scoring, **settings):
    defaults = {"classifier": KNeighborsClassifier(1), "refit": False, "random_state": 0}
    return StrategySearch(
        ("gain", "gaussian-noise"), results=path, scoring=scoring, **{**defaults, **settings}
    )


def test_an_interrupted_search_goes_on(imbalanced, tmp_path):
    path = tmp_path / "search.json"
    with pytest.raises(KeyboardInterrupt):
        search(path, Scoring(stop_at=7)).fit(*imbalanced)
    assert len(json.loads(path.read_text())["cells"]) == 7
    rest = Scoring()
    resumed = search(path, rest).fit(*imbalanced)
    assert rest.calls == N_CELLS - 7
    again = Scoring()
    whole = search(None, again).fit(*imbalanced)
    assert again.calls == N_CELLS
    for name, values in whole.ranking_.scores.items():
        np.testing.assert_array_equal(resumed.ranking_.scores[name], values)


def test_more_repetitions_and_strategies_reuse_what_is_there(imbalanced, tmp_path):
    path = tmp_path / "search.json"
    search(path, Scoring()).fit(*imbalanced)
    more = Scoring()
    search(path, more, repetitions=5).fit(*imbalanced)
    assert more.calls == 2 * 6
    other = Scoring()
    search(path, other).set_params(strategies=("gain", "shift")).fit(*imbalanced)
    assert other.calls == 3 * 2  # shift and gain+shift
    stronger = Scoring()
    search(path, stronger, n_steps=1).set_params(
        strategies={"gain": "gain(gain=0.5)", "gaussian-noise": "gaussian-noise"}
    ).fit(*imbalanced)
    assert stronger.calls == 3  # one name, other parameters: scored anew


def test_halving_and_the_full_search_share_cells(imbalanced, tmp_path):
    path = tmp_path / "search.json"
    search(path, Scoring(), halving=True).fit(*imbalanced)
    full = Scoring()
    search(path, full).fit(*imbalanced)
    assert full.calls == 2 * 2  # the two composites that were eliminated after one repetition


def test_an_open_seed_is_that_of_the_file(imbalanced, tmp_path):
    path = tmp_path / "search.json"
    first = search(path, Scoring(), random_state=None).fit(*imbalanced)
    counting = Scoring()
    second = search(path, counting, random_state=None).fit(*imbalanced)
    assert counting.calls == 0
    for name, values in first.ranking_.scores.items():
        np.testing.assert_array_equal(second.ranking_.scores[name], values)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"test_size": 0.4}, "test_size was 0.25 and is 0.4 now"),
        ({"random_state": 1}, "seed was"),
        ({"classifier": KNeighborsClassifier(3)}, "classifier was .*'n_neighbors': 1"),
        ({"scoring": "accuracy"}, "scoring was"),
        ({"cv": 3}, "cv was None"),
        ({"holdout": 0.3}, "data was"),
    ],
)
def test_another_search_is_refused_and_the_file_left_alone(imbalanced, tmp_path, change, named):
    path = tmp_path / "search.json"
    search(path, Scoring()).fit(*imbalanced)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=rf"(?s)holds scores of another search.*{named}"):
        search(path, Scoring()).set_params(**change).fit(*imbalanced)
    assert path.read_bytes() == before


@pytest.mark.parametrize("what", ["X", "y", "groups"])
def test_other_data_are_refused(imbalanced, tmp_path, what):
    X, y = imbalanced
    groups = np.arange(len(y)) % 5
    path = tmp_path / "search.json"
    search(path, Scoring()).fit(X, y, groups)
    changed = {"X": X.copy(), "y": y.copy(), "groups": groups.copy()}
    changed["X"][0, 0] += 1e-9 * (what == "X")
    if what == "y":
        changed["y"][0] = "b"
    if what == "groups":
        changed["groups"][0] = 4
    with pytest.raises(ValueError, match="data was"):
        search(path, Scoring()).fit(changed["X"], changed["y"], changed["groups"])


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"format": "other", "version": 1}'])
def test_a_file_of_another_kind_is_not_overwritten(imbalanced, tmp_path, content):
    path = tmp_path / "search.json"
    path.write_text(content)
    with pytest.raises(ValueError, match="no file of strategy-search results"):
        search(path, Scoring()).fit(*imbalanced)
    assert path.read_text() == content


@pytest.mark.parametrize("scores", [[], ["high"], [0.1, 0.2]])
def test_a_file_with_damaged_scores_is_refused(imbalanced, tmp_path, scores):
    path = tmp_path / "search.json"
    search(path, Scoring()).fit(*imbalanced)
    content = json.loads(path.read_text())
    next(iter(content["cells"].values()))["scores"] = scores
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match="no file of strategy-search results"):
        search(path, Scoring()).fit(*imbalanced)


def test_a_folder_is_no_results_file(imbalanced, tmp_path):
    with pytest.raises(ValueError, match="is a folder"):
        search(tmp_path, Scoring()).fit(*imbalanced)


def test_a_missing_folder_is_named_before_anything_is_scored(imbalanced, tmp_path):
    counting = Scoring()
    with pytest.raises(FileNotFoundError, match="nowhere"):
        search(tmp_path / "nowhere" / "search.json", counting).fit(*imbalanced)
    assert counting.calls == 0


SLOW_SEARCH = """
import sys, time
import numpy as np
from sklearn.neighbors import KNeighborsClassifier
from hs_specaug.strategies import StrategySearch

class Slow(KNeighborsClassifier):
    def fit(self, X, y):
        time.sleep(0.15)
        return super().fit(X, y)

rng = np.random.default_rng(0)
X, y = rng.normal(size=(30, 8)), np.repeat(["a", "b"], [20, 10])
search = StrategySearch(["gain"], Slow(1), repetitions=5, results=sys.argv[1], random_state=0)
search.fit(X, y)
print(len(search.results_))
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_killed_without_mercy(tmp_path):
    path = tmp_path / "search.json"
    command = [sys.executable, "-c", SLOW_SEARCH, str(path)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, env=environment)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if path.exists() and len(json.loads(path.read_text())["cells"]) >= 3:
            break
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = json.loads(path.read_text())["cells"]
    assert 3 <= len(before) < 5 * 4
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["4"]
    after = json.loads(path.read_text())["cells"]
    assert len(after) == 5 * 4
    assert {key: after[key] for key in before} == before
