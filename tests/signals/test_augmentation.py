"""train_generator and augment on signals of every type."""

import json

import numpy as np
import pytest
from hyperspy.api import signals as hs_signals

import hs_specaug
from hs_specaug.exceptions import IncompatibleAxisError

QUICK = {"epochs": 1, "pretrain_epochs": 1}
TYPES = {
    "EELS_specaug": np.float32,
    "EDS_TEM_specaug": np.uint16,
    "EDS_SEM_specaug": np.uint16,
    "impedance": np.float64,
    "complex impedance": np.complex128,
    "spectrum_specaug": np.float64,
    "image_specaug": np.uint8,
    "rgb": "rgb8",
}


def make_signal(kind, lazy=False):
    """A 5 × 4 map: 3 rare, 12 common, 5 unlabelled positions."""
    rng = np.random.default_rng(0)
    dtype = TYPES[kind]
    codes = np.array([1] * 3 + [0] * 12 + [-1] * 5).reshape(4, 5)
    if kind == "rgb":
        s = hs_signals.Signal1D(rng.integers(0, 255, (4, 5, 8, 10, 3)).astype("u1"))
        s.change_dtype("rgb8")
        s.set_signal_type("image_specaug")
    elif kind == "image_specaug":
        s = hs_signals.Signal2D(rng.integers(0, 255, (4, 5, 8, 10)).astype(dtype))
        s.set_signal_type(kind)
    else:
        data = rng.poisson(20.0, (4, 5, 24))
        if np.issubdtype(dtype, np.complexfloating):
            s = hs_signals.ComplexSignal1D(data * np.exp(-1j * rng.random((4, 5, 24))))
            s.set_signal_type("impedance")
        else:
            s = hs_signals.Signal1D(data.astype(dtype))
            s.set_signal_type(kind)
        axis = s.axes_manager.signal_axes[0]
        axis.name, axis.units, axis.offset, axis.scale = "E", "eV", 400.0, 0.5
    if lazy:
        s = s.as_lazy()
    s.set_labels(codes, classes=["common", "rare"], groups=np.arange(20).reshape(4, 5) % 2)
    s.metadata.General.title = "specimen 1"
    return s


@pytest.fixture(params=[False, True], ids=["in memory", "lazy"])
def lazy(request):
    return request.param


@pytest.mark.parametrize("kind", TYPES)
def test_augment_gives_the_same_type_back(kind, lazy):
    s = make_signal(kind, lazy)
    balanced = s.augment("random", random_state=0)
    assert type(balanced) is type(s)
    assert balanced.data.dtype == s.data.dtype
    assert balanced.axes_manager.navigation_shape == (24,)
    assert balanced.class_counts() == {"common": 12, "rare": 12}
    assert balanced.balanced_ratio == 1.0
    for ours, theirs in zip(
        balanced.axes_manager.signal_axes, s.axes_manager.signal_axes, strict=True
    ):
        np.testing.assert_array_equal(ours.axis, theirs.axis)
        assert (ours.name, ours.units) == (theirs.name, theirs.units)
    assert balanced.metadata.General.title == "specimen 1"


@pytest.mark.parametrize("kind", TYPES)
def test_measured_rows_come_first_and_unchanged(kind, lazy):
    s = make_signal(kind, lazy)
    balanced = s.augment("random", random_state=0)
    measured = np.asarray(s.data)[s.labels >= 0]
    np.testing.assert_array_equal(np.asarray(balanced.data)[:15], measured)
    flags = balanced.metadata.SpecAug.synthetic
    assert np.asarray(flags).tolist() == [0] * 15 + [1] * 9
    # A repeated row is one of the measured rare rows: conversion there and back is exact.
    rare = np.asarray(s.data)[s.labels == 1]
    for row in np.asarray(balanced.data)[15:]:
        assert any(np.array_equal(row, measured_row) for measured_row in rare)


@pytest.mark.parametrize("kind", TYPES)
def test_three_player_on_every_type(kind):
    s = make_signal(kind)
    generator = s.train_generator("three-player", random_state=0, show_progressbar=False, **QUICK)
    balanced = s.augment(generator)
    assert balanced.class_counts() == {"common": 12, "rare": 12}
    again = s.augment(generator)
    np.testing.assert_array_equal(np.asarray(again.data), np.asarray(balanced.data))


def test_lazy_and_in_memory_give_the_same_bits():
    options = {"random_state": 0, "show_progressbar": False, **QUICK}
    eager = make_signal("EELS_specaug").augment("three-player", **options)
    lazy = make_signal("EELS_specaug", lazy=True).augment("three-player", **options)
    np.testing.assert_array_equal(lazy.data.compute(), eager.data)


def test_only_labelled_positions_are_read():
    import dask.array as da

    read = []

    def block(block_info=None):
        read.append(block_info[None]["chunk-location"])
        return np.ones((1, 1, 8))

    data = da.map_blocks(block, chunks=((1,) * 4, (1,) * 5, (8,)), dtype=float, meta=np.ones(()))
    s = hs_signals.Signal1D(data).as_lazy()
    s.set_signal_type("spectrum_specaug")
    codes = np.full((4, 5), -1)
    codes[0, 0] = codes[1, 1] = 0
    codes[2, 2] = codes[3, 3] = codes[3, 4] = 1
    s.set_labels(codes, classes=["a", "b"])
    read.clear()
    s.augment("random", random_state=0)
    assert {location[:2] for location in read} <= {(0, 0), (1, 1), (2, 2), (3, 3), (3, 4)}


def test_counts_can_be_asked_for():
    balanced = make_signal("EELS_specaug").augment("random", {"rare": 4}, random_state=0)
    assert balanced.class_counts() == {"common": 12, "rare": 7}


def test_provenance_says_where_rows_come_from():
    balanced = make_signal("EELS_specaug").augment("smote", random_state=3, k_neighbors=2)
    record = json.loads(balanced.metadata.SpecAug.provenance)
    assert record["method"] == "smote"
    assert record["hyperparameters"]["k_neighbors"] == 2
    assert record["synthetic"] == {"rare": 9}


def test_synthetic_rows_belong_to_no_measured_group():
    balanced = make_signal("EELS_specaug").augment("random", random_state=0)
    groups = np.asarray(balanced.groups)
    assert not set(groups[15:]) & set(groups[:15])


def test_augmenting_twice_trains_on_measured_rows_only():
    once = make_signal("EELS_specaug").augment("random", {"rare": 2}, random_state=0)
    generator = once.train_generator("random")
    assert generator.class_counts_.tolist() == [12, 3]


def test_generator_remembers_the_axis_through_a_file(tmp_path):
    s = make_signal("EELS_specaug")
    generator = s.train_generator("random", random_state=0)
    path = generator.save(tmp_path / "g.safetensors")
    loaded = hs_specaug.load_generator(path)
    np.testing.assert_array_equal(
        s.augment(loaded, random_state=0).data, s.augment(generator, random_state=0).data
    )
    with pytest.raises(IncompatibleAxisError, match="number of channels"):
        s.isig[2:].augment(loaded)
    shifted = s.deepcopy()
    shifted.axes_manager[-1].offset = 500.0
    with pytest.raises(IncompatibleAxisError, match="half a channel"):
        shifted.augment(loaded)


@pytest.mark.parametrize("suffix", [".hspy", ".zspy"])
def test_augmented_signal_survives_a_file(tmp_path, suffix):
    import hyperspy.api as hs

    balanced = make_signal("EELS_specaug").augment("random", random_state=0)
    balanced.save(tmp_path / f"b{suffix}")
    loaded = hs.load(tmp_path / f"b{suffix}")
    assert type(loaded) is type(balanced)
    assert loaded.class_counts() == balanced.class_counts()
    assert loaded.metadata.SpecAug.provenance == balanced.metadata.SpecAug.provenance


def test_errors_say_what_to_do():
    s = make_signal("EELS_specaug")
    with pytest.raises(TypeError, match=r"fitted generator.*counts="):
        s.augment(s.train_generator("random"), k_neighbors=3)
    with pytest.raises(ValueError, match="did you mean 'smote'"):
        s.augment("smoote")
    with pytest.raises(TypeError, match=r"no parameter 'n'.*counts=\{class name: number\}"):
        s.augment("smote", n=100)
    unlabelled = s.deepcopy()
    unlabelled.clear_labels()
    with pytest.raises(ValueError, match="set_labels"):
        unlabelled.augment("random")
    one_class = s.deepcopy()
    one_class.set_labels(np.zeros((4, 5), dtype=int), classes=["common"])
    with pytest.raises(ValueError, match="two classes"):
        one_class.train_generator("random")


def test_progress_bar_follows_hyperspy(capsys):
    import hyperspy.api as hs

    s = make_signal("EELS_specaug")
    s.train_generator("three-player", show_progressbar=True, random_state=0, **QUICK)
    assert "three-player" in capsys.readouterr().err
    before = hs.preferences.General.show_progressbar
    hs.preferences.General.show_progressbar = False
    try:
        s.train_generator("three-player", random_state=0, **QUICK)
    finally:
        hs.preferences.General.show_progressbar = before
    assert "three-player" not in capsys.readouterr().err


def test_generator_of_other_preprocessing_is_refused(tmp_path):
    from hs_specaug.exceptions import IncompatibleSignalError

    s = make_signal("EELS_specaug")
    raw = s.train_generator("random", random_state=0)
    normalised = s.preprocess(normalize="max")
    with pytest.raises(IncompatibleSignalError, match="other preprocessing"):
        normalised.augment(raw)
    with pytest.raises(IncompatibleSignalError, match="other preprocessing"):
        normalised.classify("KNeighborsClassifier", augmentation=raw, refit=False)
    trained = normalised.train_generator("random", random_state=0)
    loaded = hs_specaug.load_generator(trained.save(tmp_path / "g.safetensors"))
    assert s.preprocess(like=loaded.preprocessing_).augment(loaded).balanced_ratio == 1.0


@pytest.mark.parametrize(
    ("trained_on", "used_on"),
    [("complex impedance", "impedance"), ("rgb", "image_specaug"), ("image_specaug", "rgb")],
)
def test_generator_of_other_rows_is_refused(trained_on, used_on):
    from hs_specaug.exceptions import IncompatibleSignalError

    generator = make_signal(trained_on).train_generator("random", random_state=0)
    with pytest.raises(IncompatibleSignalError, match="rows of shape"):
        make_signal(used_on).augment(generator)


def test_more_errors_say_what_to_do():
    from imblearn.over_sampling import SMOTE

    s = make_signal("EELS_specaug")
    with pytest.raises(TypeError, match="counts must be a dict"):
        s.augment("random", 5)
    with pytest.raises(TypeError, match="make_generator"):
        s.augment(SMOTE())
    other = s.deepcopy()
    other.set_labels(s.labels, classes=["x", "y"])
    with pytest.raises(ValueError, match="classes of this signal are"):
        other.augment(s.train_generator("random"), {"rare": 2})
    synthetic = s.augment("random", random_state=0).inav[15:]
    with pytest.raises(ValueError, match="at least two classes"):
        synthetic.train_generator("random")
    broken = s.deepcopy()
    broken.data[0, 1, 3] = np.nan
    with pytest.raises(ValueError, match=r"1 of 15 labelled rows.*codes\[0, 1\] = -1"):
        broken.train_generator("random")


@pytest.mark.parametrize(
    "groups", [np.arange(20) % 4, np.array(["synthetic", "b"])[np.arange(20) % 2]]
)
def test_groups_of_synthetic_rows_are_new(groups):
    s = make_signal("EELS_specaug")
    groups = groups.astype("u1") if groups.dtype.kind == "i" else groups
    s.groups = groups.reshape(4, 5)
    balanced = s.augment("random", random_state=0)
    assert not set(balanced.groups[15:].tolist()) & set(groups.tolist())
