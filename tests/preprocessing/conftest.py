import os
from pathlib import Path

import dask.array as da
import hyperspy.api as hs
import numpy as np
import pytest

DATA = Path(os.environ.get("HS_SPECAUG_DATA", Path(__file__).parents[3] / "shared" / "data"))


@pytest.fixture(autouse=True)
def _no_progressbar():
    shown = hs.preferences.General.show_progressbar
    hs.preferences.General.show_progressbar = False
    yield
    hs.preferences.General.show_progressbar = shown


@pytest.fixture(scope="session")
def nanocube():
    path = DATA / "eels_iron_oxide_nanocube.dm3"
    if not path.exists():
        pytest.skip(f"needs the measured spectrum image {path}; set HS_SPECAUG_DATA to its folder")
    return hs.load(path)


@pytest.fixture
def spectrum_image():
    """A 5 × 4 map of 120 channels: a power law and a peak whose height grows along the map."""
    energy = 400.0 + 2.0 * np.arange(120)
    heights = np.arange(1.0, 21.0).reshape(4, 5, 1)
    peak = np.exp(-(((energy - 540.0) / 12.0) ** 2))
    signal = hs.signals.Signal1D(1e9 * energy**-3.0 + heights * peak)
    axis = signal.axes_manager[-1]
    axis.name, axis.units, axis.offset, axis.scale = "Energy loss", "eV", 400.0, 2.0
    signal.metadata.set_item("SpecAug.labels", np.arange(20).reshape(4, 5) % 3 - 1)
    return signal


@pytest.fixture
def images():
    rng = np.random.default_rng(0)
    signal = hs.signals.Signal2D(rng.random((3, 4, 12, 16)).astype(np.float32))
    for axis, scale in zip(signal.axes_manager.signal_axes, (0.5, 0.25), strict=True):
        axis.scale, axis.units = scale, "nm"
    return signal


@pytest.fixture
def impedance():
    """Six complex spectra of a resistor and a parallel RC, on descending frequencies."""
    frequency = np.geomspace(1e5, 1e-1, 61)
    tau = np.array([1e-3, 1e-2, 1e-1, 1.0, 3.0, 5.0])[:, None]
    signal = hs.signals.ComplexSignal1D(
        10 + 100 / (1 + 2j * np.pi * frequency * tau),
        axes=[
            {"size": 6, "navigate": True},
            {"axis": frequency, "navigate": False, "name": "Frequency", "units": "Hz"},
        ],
    )
    signal.metadata.Signal.signal_type = "impedance"
    return signal


@pytest.fixture
def as_lazy():
    """Return a function that makes a signal lazy with the given chunks."""

    def make_lazy(signal, chunks):
        lazy = signal.as_lazy()
        lazy.data = da.from_array(signal.data, chunks=chunks)
        return lazy

    return make_lazy
