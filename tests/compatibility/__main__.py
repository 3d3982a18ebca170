"""Run the tests of HyperSpy's signals and of eXSpy with our classes in the place of theirs.

    python tests/compatibility [--plain | --unlabelled] [--downloads] [arguments of pytest]

Signals that the tests make are of our classes and carry labels; ``--unlabelled`` leaves the labels
out, ``--plain`` our classes too; ``--downloads`` runs what fetches data, and EELS edges of the
tables that eXSpy fetches, which are hydrogenic else. ``exceptions.toml`` lists the tests that must
fail, and why.
"""

from __future__ import annotations

import argparse
import os
import sys
import tomllib
from pathlib import Path

# Before anything imports Matplotlib.
os.environ["MPLBACKEND"] = "Agg"

import hyperspy
import pytest
from substitution import Substitution

HERE = Path(__file__).parent
SUITES = ("hyperspy.tests.signals", "exspy.tests")


def main(arguments: list[str]) -> int:
    """Run the suites, or what the arguments name of them, and return pytest's exit status."""
    parser = argparse.ArgumentParser(
        prog="python tests/compatibility", description=__doc__, add_help=False, allow_abbrev=False
    )
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("--unlabelled", action="store_true")
    parser.add_argument("--downloads", action="store_true")
    chosen, for_pytest = parser.parse_known_args(arguments)
    listed = tomllib.loads((HERE / "exceptions.toml").read_text(encoding="utf-8"))
    labelled = not (chosen.plain or chosen.unlabelled)
    must_fail = {**listed["must_fail"], **(listed["must_fail_labelled"] if labelled else {})}
    skipped = {} if chosen.downloads else listed["needs_download"]
    plugin = Substitution(
        must_fail,
        skipped,
        plain=chosen.plain,
        labelled=labelled,
        downloads=chosen.downloads,
    )
    suites = [] if any(argument.startswith(SUITES) for argument in for_pytest) else SUITES
    # Names of tests are relative to where the libraries are installed; ours is no part of it.
    root = Path(hyperspy.__file__).parents[1]
    options = ["-c", str(HERE / "pytest.ini"), "--rootdir", str(root), "--pyargs"]
    return int(pytest.main([*options, *for_pytest, *suites], plugins=[plugin]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
