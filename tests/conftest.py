"""Fixtures that every folder of tests can use."""

import os
import random
import sys
from pathlib import Path

# Before anything imports Matplotlib, which HyperSpy does.
os.environ["MPLBACKEND"] = "Agg"

# HyperSpy's log handler writes to what sys.stdout is at the first import. Imported here, that is
# never the stand-in that a doctest compares with its expected output.
import hyperspy.api
import numpy as np
import pytest

# A package of its own, one module of which cannot be imported.
collect_ignore = ["plugin_example"]

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("HS_SPECAUG_DATA", ROOT.parent / "shared" / "data"))


@pytest.fixture(scope="session")
def data_folder():
    """Give the folder of measured data, or skip the test."""
    if not DATA.is_dir():
        pytest.skip(f"needs measured data, {DATA} is absent; set HS_SPECAUG_DATA to their folder")
    return DATA


@pytest.fixture
def no_progressbar():
    """Switch HyperSpy's progress bars off for one test."""
    general = hyperspy.api.preferences.General
    shown, general.show_progressbar = general.show_progressbar, False
    yield
    general.show_progressbar = shown


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.fixture
def no_global_rng():
    """Fail the test if it moves a global random state: of Python, NumPy or torch."""
    import torch

    python, torch_state = random.getstate(), torch.get_rng_state()
    numpy_state = np.random.get_state()  # noqa: NPY002
    yield
    assert random.getstate() == python, "the global random state of Python moved"
    moved = np.random.get_state()  # noqa: NPY002
    assert moved[2:] == numpy_state[2:], "the global random state of NumPy moved"
    np.testing.assert_array_equal(moved[1], numpy_state[1])
    assert torch.equal(torch.get_rng_state(), torch_state), "the global state of torch moved"
