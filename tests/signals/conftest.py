import os
import warnings
from pathlib import Path

import numpy as np
import pytest

from hs_specaug import signals
from hs_specaug._lazy_rows import LazyRows
from hs_specaug.exceptions import LabelsDroppedWarning
from hs_specaug.signals import _arrays

DEFAULT_DATA = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture(params=[False, True], ids=["eager", "lazy"])
def lazy(request):
    return request.param


@pytest.fixture
def real_data():
    """Give the path of a real data file, or skip the test."""

    def path(name):
        found = Path(os.environ.get("HS_SPECAUG_DATA", DEFAULT_DATA)) / name
        if not found.exists():
            pytest.skip(f"{found} is absent; set HS_SPECAUG_DATA")
        return found

    return path


@pytest.fixture
def make_map(lazy):
    """Make a labelled map whose every spectrum says in its data which pixels went into it.

    The spectrum of pixel number ``i`` is one in channel ``i`` and zero elsewhere, so after any
    linear operation the channels that are not zero are the pixels that were merged.
    """

    def make(shape=(3, 4), names=("y", "x"), cls=signals.AugmentableSpectrum, labelled=True):
        n = int(np.prod(shape))
        s = cls(np.eye(n).reshape(*shape, n))
        for axis, name, scale in zip(
            s.axes_manager.navigation_axes[::-1], names, (0.5, 0.25, 2.0), strict=False
        ):
            axis.scale = scale
            if name:
                axis.name = name
        s.axes_manager.signal_axes[0].name = "channel"
        if labelled:
            s.set_labels(
                truth(n).reshape(shape),
                classes=["core", "shell", "edge"],
                groups=np.where(np.arange(n) < n // 2, "left", "right").reshape(shape),
            )
        return s.as_lazy() if lazy else s

    return make


def truth(n):
    """Return the right label of every pixel number; every fifth is unlabelled."""
    codes = np.random.default_rng(7).integers(0, 3, n)
    codes[::5] = -1
    return codes


def values(signal):
    """Return the data as an array, computed if lazy."""
    return np.asarray(signal.data)


def check_labels(signal, expect_all=True):
    """Check every label against the pixels that the data say went into it.

    ``expect_all``: every position came from one pixel, so its label and group must be there.
    """
    data = values(signal)
    shape = signal.axes_manager.navigation_shape[::-1]
    codes = signal.labels
    assert codes.shape == shape
    assert codes.dtype == np.int32
    n = data.shape[-1]
    right = truth(n)
    rows = data.reshape(-1, n) if shape else data.reshape(1, n)
    for row, code in zip(rows, codes.ravel(), strict=True):
        pixels = np.flatnonzero(row)
        if expect_all:
            assert len(pixels) == 1
            assert code == right[pixels[0]]
        else:
            agreed = right[pixels[0]] if len(set(right[pixels])) == 1 else -1
            assert code == agreed
    if expect_all:
        groups = np.where(rows.argmax(-1) < n // 2, "left", "right")
        np.testing.assert_array_equal(signal.groups.ravel(), groups)


@pytest.fixture
def no_label_warning():
    """Turn the warning about dropped labels into an error for one test."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", LabelsDroppedWarning)
        yield


@pytest.fixture
def rows_stay_on_disk(monkeypatch):
    """Make a few rows count as too many for memory, and refuse to read them all at once."""
    monkeypatch.setattr(_arrays, "LABELLED_BYTES", 1000)

    def load(self, show_progressbar=False):
        raise AssertionError("all rows were read at once")

    monkeypatch.setattr(LazyRows, "load", load)
