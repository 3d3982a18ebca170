"""The comparison of polar images with spectra runs, and leaves what it promises."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import matplotlib.image
import pytest

PROJECT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("HS_SPECAUG_DATA", PROJECT.parent / "shared" / "data"))
METHODS = ["none", "random", "smote", "perturbation", "mpcgan", "mpcgan, filtered"]


@pytest.mark.parametrize("measured", [True, False], ids=["measured", "simulated"])
def test_example(measured, tmp_path):
    if measured and not (DATA / "ftir_polymers.npz").is_file():
        pytest.skip(f"ftir_polymers.npz is not in {DATA}; set HS_SPECAUG_DATA to its folder")
    folder = DATA.resolve() if measured else tmp_path / "nowhere"
    settings = {"OMP_NUM_THREADS": "1", "HS_SPECAUG_DATA": str(folder)}
    run = subprocess.run(
        [sys.executable, str(PROJECT / "examples" / "polymers.py"), "--quick"],
        cwd=tmp_path,
        env={**os.environ, **settings, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    assert ("simulated spectra instead" in run.stdout) != measured
    assert "Verdict:" in run.stdout
    with (tmp_path / "output" / "polymers.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["augmentation"] for row in rows] == METHODS
    for row in rows:
        low, value, high = (float(row[f"macro_f{end}"]) for end in ("_low", "", "_high"))
        assert 0 <= low <= value <= high <= 1
    markdown = (tmp_path / "output" / "polymers.md").read_text("utf-8").splitlines()
    assert [line.split("|")[1].strip() for line in markdown[2:8]] == METHODS
    image = matplotlib.image.imread(tmp_path / "output" / "polymers.png")
    assert image.shape[1] > 1000
    grey = image[..., :3].mean(axis=-1)
    assert 0.02 < (grey < 0.9).mean() < 0.9  # neither blank nor black
