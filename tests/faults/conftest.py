"""Programs and their parts, which tests start in processes of their own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

collect_ignore_glob = ["_*.py", "killing.py", "mutating.py"]


@pytest.fixture
def rows_of():
    """Run a program of this folder by itself, and return the rows that it prints.

    By itself, because forks of a process that has run threads may wait for them for ever, and
    because its memory is bounded and a crash would take this process along.
    """

    def run(program, *arguments):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", str(Path(__file__).with_name(program)), *arguments],
            capture_output=True,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        assert not done.returncode, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    return run
