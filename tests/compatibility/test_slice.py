"""A slice of HyperSpy's and eXSpy's own tests on our classes; `make compatibility` runs all."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("hyperspy.tests.signals", reason="HyperSpy was installed without its tests")
pytest.importorskip("exspy.tests.signals", reason="eXSpy was installed without its tests")

HERE = Path(__file__).parent


def run(*arguments):
    # A process of its own: classes are substituted for all that runs in one.
    return subprocess.run(
        [sys.executable, str(HERE), "-q", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def test_their_tests_pass_on_our_classes():
    done = run(
        "hyperspy.tests.signals.test_folding",
        "hyperspy.tests.signals.test_fancy_indexing",
        "exspy.tests.signals.test_binned",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (made,) = re.findall(r"(\d+) labelled signals of hs_specaug made by tests", done.stdout)
    assert int(made) > 50


def test_plain_leaves_their_classes():
    done = run("--plain", "exspy.tests.signals.test_binned")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\n0 signals of hs_specaug made by tests" in done.stdout
