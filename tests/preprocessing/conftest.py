import dask.array as da
import hyperspy.api as hs
import numpy as np
import pytest


@pytest.fixture(autouse=True)
def _quiet(no_progressbar):
    """Progress bars are not what these tests are about."""


@pytest.fixture(scope="session")
def nanocube(data_folder):
    return hs.load(data_folder / "eels_iron_oxide_nanocube.dm3")


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
