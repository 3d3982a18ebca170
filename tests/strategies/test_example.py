"""The example on simulated data, as everyone can run it."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import matplotlib.image

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def test_example_without_measured_data(tmp_path):
    settings = {"OMP_NUM_THREADS": "1", "HS_SPECAUG_DATA": str(tmp_path / "nowhere")}
    run = subprocess.run(
        [sys.executable, str(EXAMPLES / "strategy_search.py"), "--quick"],
        cwd=tmp_path,
        env={**os.environ, **settings, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    assert run.stdout.startswith("simulated (210, ")
    for name in ("polymers", "impedance"):
        assert f"Verdict ({name}): " in run.stdout
    with (tmp_path / "output" / "strategy_search.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    polymers = [row for row in rows if row["data"] == "polymers"]
    assert sum(row["kind"] == "composite" for row in polymers) == 15
    assert all(0 <= float(row["score"]) <= 1 for row in rows)
    assert "## Rows per class" in (tmp_path / "output" / "strategy_search.md").read_text("utf-8")
    image = matplotlib.image.imread(tmp_path / "output" / "strategy_search.png")
    assert image.shape[1] > 1000
    grey = image[..., :3].mean(axis=-1)
    assert 0.02 < (grey < 0.9).mean() < 0.9  # neither blank nor black
