"""Every registered class, there and back."""

from pathlib import Path

import hyperspy.api as hs
import numpy as np
import pytest
import yaml
from hyperspy.signals import BaseSignal, Signal1D, Signal2D

import hs_specaug
from hs_specaug import signals

REGISTERED = yaml.safe_load(
    (Path(hs_specaug.__file__).parent / "hyperspy_extension.yaml").read_text()
)["signals"]
EAGER = [name for name, entry in REGISTERED.items() if not entry["lazy"]]
RGB8 = np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])


def plain_data(entry):
    shape = (2, 3, 20) if entry["signal_dimension"] == 1 else (2, 3, 8, 9)
    return np.ones(shape, dtype="complex128" if entry["dtype"] == "complex" else "float32")


@pytest.mark.parametrize("name", REGISTERED)
def test_class_matches_its_entry(name):
    cls, entry = getattr(signals, name), REGISTERED[name]
    assert cls.__name__ == name
    assert cls._signal_type == entry["signal_type"]
    assert cls._alias_signal_types == entry["signal_type_aliases"]
    assert cls._lazy is entry["lazy"]
    assert cls._dtype == entry["dtype"]
    assert cls._signal_dimension == entry["signal_dimension"]


def test_all_public_classes_are_registered():
    others = {"as_augmentable", "from_arrays", "LabelledArrays"}
    assert set(signals.__all__) - others == set(REGISTERED)
    assert len(REGISTERED) == 14


@pytest.mark.parametrize("name", EAGER)
class TestThereAndBack:
    def make(self, name):
        return getattr(signals, name)(plain_data(REGISTERED[name]))

    def test_type_in_metadata_right_after_init(self, name):
        assert self.make(name).metadata.Signal.signal_type == REGISTERED[name]["signal_type"]

    def test_type_or_alias_gives_the_class(self, name):
        entry = REGISTERED[name]
        for signal_type in (entry["signal_type"], *entry["signal_type_aliases"]):
            s = BaseSignal(plain_data(entry)).transpose(signal_axes=entry["signal_dimension"])
            s.set_signal_type(signal_type)
            assert type(s) is getattr(signals, name)
            assert s.metadata.Signal.signal_type == entry["signal_type"]
            s.set_signal_type("")
            assert type(s).__module__.startswith("hyperspy")

    def test_copies_keep_the_class(self, name):
        s = self.make(name)
        for copy in (s.deepcopy(), s.inav[0], s.isig[:], s * 2, s.inav[0, 0]):
            assert type(copy) is type(s)
            assert copy.metadata.Signal.signal_type == s._signal_type

    def test_lazy_twin(self, name):
        s = self.make(name)
        lazy = s.as_lazy()
        assert type(lazy) is getattr(signals, f"Lazy{name}")
        assert type(lazy.inav[1:]) is type(lazy)
        assert lazy.metadata.Signal.signal_type == s._signal_type
        lazy.compute(show_progressbar=False)
        assert type(lazy) is type(s)
        np.testing.assert_array_equal(lazy.data, s.data)

    @pytest.mark.parametrize("extension", ["hspy", "zspy"])
    @pytest.mark.filterwarnings("ignore::FutureWarning")
    def test_save_and_load(self, name, extension, tmp_path):
        s = self.make(name)
        s.save(tmp_path / f"s.{extension}")
        assert type(hs.load(tmp_path / f"s.{extension}")) is type(s)
        lazy = hs.load(tmp_path / f"s.{extension}", lazy=True)
        assert type(lazy) is getattr(signals, f"Lazy{name}")
        lazy.close_file()

    def test_pre_existing_labels_survive_another_type(self, name):
        s = self.make(name)
        s.set_labels([[0, 1, -1], [1, 1, 0]], classes=["a", "b"], groups="g")
        own_type = s._signal_type
        s.set_signal_type("")
        s = s.deepcopy()
        s.set_signal_type(own_type)
        np.testing.assert_array_equal(s.labels, [[0, 1, -1], [1, 1, 0]])
        assert s.classes == ("a", "b")
        assert (s.groups == "g").all()


def test_signal_type_is_listed(capsys):
    hs.print_known_signal_types()
    printed = capsys.readouterr().out
    for entry in REGISTERED.values():
        assert entry["signal_type"] in printed


class TestAsAugmentable:
    @pytest.mark.parametrize(
        ("signal_type", "expected"),
        [
            ("EELS", "AugmentableEELSSpectrum"),
            ("EDS_TEM", "AugmentableEDSTEMSpectrum"),
            ("EDS_SEM", "AugmentableEDSSEMSpectrum"),
            ("", "AugmentableSpectrum"),
            ("impedance", "ImpedanceSpectrum"),
            ("EELS_specaug", "AugmentableEELSSpectrum"),
        ],
    )
    def test_spectra(self, signal_type, expected, lazy):
        s = Signal1D(np.ones((2, 3, 20)))
        s.set_signal_type(signal_type)
        s = s.as_lazy() if lazy else s
        before = type(s)
        result = signals.as_augmentable(s)
        assert type(result).__name__ == ("Lazy" if lazy else "") + expected
        assert result is not s
        assert type(s) is before
        assert s.metadata.Signal.signal_type == signal_type
        assert lazy or np.shares_memory(result.data, s.data)

    @pytest.mark.parametrize("dtype", ["float32", "uint8", "bool", RGB8])
    def test_images(self, dtype):
        s = Signal2D(np.zeros((3, 8, 9), dtype=dtype))
        result = signals.as_augmentable(s)
        assert type(result) is signals.AugmentableImage
        assert result.data.dtype == s.data.dtype

    def test_complex_spectra(self):
        s = hs.signals.ComplexSignal1D(np.ones((3, 8), complex))
        assert type(signals.as_augmentable(s)) is signals.ComplexImpedanceSpectrum

    def test_metadata_axes_and_variance_come_along(self):
        s = Signal1D(np.ones((2, 20)))
        s.metadata.General.title = "particle"
        s.axes_manager[-1].units = "eV"
        s.set_noise_variance(3.0)
        result = signals.as_augmentable(s)
        assert result.metadata.General.title == "particle"
        assert result.axes_manager[-1].units == "eV"
        assert result.get_noise_variance() == 3.0

    @pytest.mark.parametrize(
        ("signal", "message"),
        [
            (BaseSignal(np.ones((2, 3))).T, "BaseSignal.*signal dimension 0"),
            (BaseSignal(np.ones((2, 3, 4))), "BaseSignal.*signal dimension 3"),
            (hs.signals.ComplexSignal2D(np.ones((2, 3), complex)), "ComplexSignal2D.*no impedance"),
            (BaseSignal(np.array([None, [1]], object), ragged=True), "BaseSignal.*ragged"),
            (np.ones(3), "ndarray"),
        ],
    )
    def test_unsupported(self, signal, message):
        with pytest.raises(TypeError, match=message):
            signals.as_augmentable(signal)

    @pytest.mark.filterwarnings("ignore:The microscope type")
    def test_eds_without_microscope(self):
        s = Signal1D(np.ones((2, 20)))
        s.metadata.Signal.signal_type = "EDS"
        with pytest.raises(TypeError, match="EDS_TEM"):
            signals.as_augmentable(s)


class TestRealFiles:
    def test_dm3(self, real_data, lazy):
        s = hs.load(
            real_data("eels_iron_oxide_nanocube.dm3"), signal_type="EELS_specaug", lazy=lazy
        )
        assert isinstance(s, signals.AugmentableEELSSpectrum)
        assert s._lazy is lazy
        nav = s.axes_manager.navigation_shape
        s.set_labels(np.zeros(nav[::-1], int), classes=["cube"])
        part = s.inav[2:5]
        assert part.labels.shape == part.axes_manager.navigation_shape[::-1]
        plain = hs.load(real_data("eels_iron_oxide_nanocube.dm3"), signal_type="EELS")
        assert signals.as_augmentable(plain).axes_manager.shape == s.axes_manager.shape

    def test_hspy(self, real_data, lazy):
        s = hs.load(real_data("eels_lsmo_linescan.hspy"), signal_type="EELS_specaug", lazy=lazy)
        assert isinstance(s, signals.AugmentableEELSSpectrum)
        assert (s.labels == -1).all()
        assert s.axes_manager.navigation_dimension == s.labels.ndim
        if lazy:
            s.close_file()
