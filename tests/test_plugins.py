"""Methods of another package: installed as a user would, then used by name."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

PLUGIN = Path(__file__).parent / "plugin_example"

USE = """
import hs_specaug
s = hs_specaug.datasets.polymer_spectra(step_per_cm=50.0)
assert "their-method" in hs_specaug.list_generators()
generator = s.train_generator("their-method", width=0.1, random_state=0)
print(type(generator).__module__, generator.width)
path = generator.save("theirs.safetensors")
again = hs_specaug.load_generator(path)
assert (again.sample({"polyamide": 2})[0] == generator.sample({"polyamide": 2})[0]).all()
print(s.augment("their-noise+shift", random_state=0).balanced_ratio)
result = s.classify("their-classifier", augmentation=generator, random_state=0)
print(result.classifier, result.augmentation)
"""

BROKEN = """
import hs_specaug
assert "broken-method" in hs_specaug.list_generators()
try:
    hs_specaug.make_generator("broken-method")
except ImportError as error:
    print(error)
print(hs_specaug.make_generator("smote"))
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Install the package into a folder of its own."""
    if not all(importlib.util.find_spec(name) for name in ("hatchling", "trove_classifiers")):
        pytest.skip("needs hatchling to build without a network; install hs_specaug[dev]")
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("installed")
    for path in PLUGIN.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            copy = source / path.relative_to(PLUGIN)
            copy.parent.mkdir(exist_ok=True)
            copy.write_bytes(path.read_bytes())
    options = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--target", target]
    command = [sys.executable, "-m", "pip", "install", *options, source]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return target


def run(code, installed, folder):
    environment = {**os.environ, "PYTHONPATH": str(installed), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, cwd=folder
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_methods_of_another_package_are_used_by_name(installed, tmp_path):
    lines = run(USE, installed, tmp_path).splitlines()
    assert lines == ["spectra_plugin 0.1", "1.0", "NearestMean their-method"]


def test_a_broken_one_is_named_and_disturbs_nobody(installed, tmp_path):
    error, other = run(BROKEN, installed, tmp_path).splitlines()
    assert "generator 'broken-method' is registered by 'spectra-plugin'" in error
    assert "a_package_that_is_not_there" in error
    assert other == "SMOTEGenerator()"
