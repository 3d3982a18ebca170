"""The example scripts run from beginning to end and leave what they promise."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

PROJECT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("HS_SPECAUG_DATA", PROJECT.parent / "shared" / "data"))
METHODS = ["none", "random", "smote", "few-shot", "three-player"]
EXAMPLES = {
    "quickstart": None,
    "eels_nanocube": "eels_iron_oxide_nanocube.dm3",
    "impedance_circuits": "eis_equivalent_circuits.npz",
}


def run_example(name, folder, *arguments, **environment):
    # One thread: processes that share cores wait for each other's threads.
    settings = {"MPLBACKEND": "Agg", "OMP_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8"}
    return subprocess.run(
        [sys.executable, str(PROJECT / "examples" / f"{name}.py"), "--quick", *arguments],
        cwd=folder,
        env={**os.environ, **settings, **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
    )


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_leaves_its_figure_and_table(name, tmp_path):
    needed = EXAMPLES[name]
    if needed is not None and not (DATA / needed).is_file():
        pytest.skip(f"{needed} is not in {DATA}; set HS_SPECAUG_DATA to the folder that holds it")
    run = run_example(name, tmp_path, HS_SPECAUG_DATA=str(DATA.resolve()))
    assert run.returncode == 0, run.stderr[-3000:]
    output = tmp_path / "output"
    assert f"figure: {Path('output') / f'{name}.png'}" in run.stdout
    assert "Verdict:" in run.stdout

    image = matplotlib.image.imread(output / f"{name}.png")
    assert image.shape[1] > 1000
    grey = image[..., :3].mean(axis=-1)
    assert 0.02 < np.mean(grey < 0.9) < 0.9  # neither blank nor black

    with (output / f"{name}.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["augmentation"] for row in rows] == METHODS
    for row in rows:
        low, value, high = (float(row[f"macro_f{end}"]) for end in ("_low", "", "_high"))
        assert 0 <= low <= value <= high <= 1
        assert row["augmentation"] in run.stdout
    markdown = (output / f"{name}.md").read_text(encoding="utf-8").splitlines()
    assert [line.split("|")[1].strip() for line in markdown[2:7]] == METHODS


def test_strategy_search_ranks_every_composite(tmp_path):
    """The table of fifteen composites; on simulated data where the measured are absent."""
    run = run_example("strategy_search", tmp_path, HS_SPECAUG_DATA=str(DATA.resolve()))
    assert run.returncode == 0, run.stderr[-3000:]
    assert run.stdout.count("Verdict (") == 2
    assert matplotlib.image.imread(tmp_path / "output" / "strategy_search.png").shape[1] > 1000
    with (tmp_path / "output" / "strategy_search.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    strategies = {row["strategy"] for row in rows}
    assert {"no oversampling", "class weights", "shift+baseline+noise+borrowed"} <= strategies
    assert all(0 <= float(row["score"]) <= 1 for row in rows)


def test_dag_example_compares_designs_with_noise_only(tmp_path):
    run = run_example("eels_dag", tmp_path, HS_SPECAUG_DATA=str(DATA.resolve()))
    assert run.returncode == 0, run.stderr[-3000:]
    assert "Verdict" in run.stdout
    assert matplotlib.image.imread(tmp_path / "output" / "eels_dag.png").shape[1] > 1000
    with (tmp_path / "output" / "eels_dag.csv").open(encoding="utf-8") as file:
        assert "noise" in " ".join(row["augmentation"] for row in csv.DictReader(file))


@pytest.mark.parametrize("name", [name for name, needed in EXAMPLES.items() if needed])
def test_missing_data_are_named(name, tmp_path):
    run = run_example(name, tmp_path, HS_SPECAUG_DATA=str(tmp_path / "nowhere"))
    assert run.returncode == 1
    assert "HS_SPECAUG_DATA" in run.stderr
    assert "Traceback" not in run.stderr
    assert str(tmp_path / "nowhere" / EXAMPLES[name]) in run.stderr


def test_output_folder_is_an_option(tmp_path):
    run = run_example("quickstart", tmp_path, "--help")
    assert run.returncode == 0, run.stderr
    assert "--output" in run.stdout
    assert "--quick" in run.stdout
