import warnings

import hyperspy.api as hs
import numpy as np
import pytest

from hs_specaug import signals
from hs_specaug.exceptions import LabelsDroppedWarning

from .conftest import check_labels, truth, values

SHAPES = [
    pytest.param((3, 4), ("y", "x"), id="3x4"),
    pytest.param((4, 4), ("y", "x"), id="4x4"),
    pytest.param((4, 4), ("", ""), id="4x4-unnamed"),
    pytest.param((6,), ("time",), id="6"),
    pytest.param((2, 3, 3), ("z", "y", "x"), id="2x3x3"),
]
MAPS = SHAPES[:3]
shapes = pytest.mark.parametrize(("shape", "names"), SHAPES)
maps = pytest.mark.parametrize(("shape", "names"), MAPS)

KEEPING = {
    "deepcopy": lambda s: s.deepcopy(),
    "arithmetic": lambda s: s * 2.0 + 1e-9 - 1e-9,
    "signals of one shape": lambda s: (s + s) / 2,
    "ufunc": np.sqrt,
    "isig all": lambda s: s.isig[:],
    "inav int": lambda s: s.inav[1],
    "inav slice": lambda s: s.inav[1:3],
    "inav reversed": lambda s: s.inav[::-1],
    "inav step": lambda s: s.inav[::2],
    "inav units": lambda s: s.inav[0.5:],
    "inav last": lambda s: s.inav[..., 1:],
    "inav every axis": lambda s: s.inav[(1,) * s.axes_manager.navigation_dimension],
    "squeeze": lambda s: s.inav[1:2].squeeze(),
    "roll": lambda s: s.rollaxis(1, 0),
    "transpose keeping spectra": lambda s: s.transpose(signal_axes=1),
    "as_signal1D": lambda s: s.as_signal1D(-1),
    "change_dtype": lambda s: _in_place(s, "change_dtype", "float32"),
    "map": lambda s: s.map(lambda x: x * 3, inplace=False, show_progressbar=False),
    "crop slice": lambda s: _in_place(s, "crop", 0, 1, 3),
    "crop open": lambda s: _in_place(s, "crop", 0, None, 2),
    "crop units": lambda s: _in_place(s, "crop", 0, 0.5, None),
    "split": lambda s: s.split()[1],
    "split parts": lambda s: s.split(axis=0, number_of_parts=2)[1],
    "split sizes": lambda s: s.split(axis=0, step_sizes=[1, 2])[1],
    "current signal": lambda s: _at_index(s).get_current_signal(),
    "unfold": lambda s: _in_place(s, "unfold"),
    "unfold and fold": lambda s: _in_place(_in_place(s, "unfold"), "fold"),
    "rebin by one": lambda s: s.rebin(scale=[1] * len(s.axes_manager.shape)),
    "as_augmentable": signals.as_augmentable,
    "new names and scales": lambda s: _recalibrate(s),
}


def _in_place(s, method, *args):
    s = s.deepcopy()
    getattr(s, method)(*args)
    return s


def _at_index(s):
    s = s.deepcopy()
    s.axes_manager.indices = (1, 2, 0)[: s.axes_manager.navigation_dimension]
    return s


def _recalibrate(s):
    s = s.deepcopy()
    for axis in s.axes_manager.navigation_axes:
        axis.scale, axis.offset, axis.units = 3.0, -1.0, "µm"
        axis.name = f"stage {axis.name}"
    return s


@shapes
@pytest.mark.parametrize("operation", KEEPING)
@pytest.mark.usefixtures("no_label_warning")
def test_labels_follow(make_map, operation, shape, names):
    if operation == "roll" and len(shape) == 1:
        pytest.skip("one navigation axis cannot be rolled")
    s = make_map(shape, names)
    before = s.labels
    result = KEEPING[operation](s)
    assert type(result) is type(s) or operation == "current signal"
    check_labels(result)
    assert result.classes == ("core", "shell", "edge")
    if result.axes_manager.navigation_shape:
        check_labels(result.inav[:1])  # what was stored also follows the next operation
    np.testing.assert_array_equal(s.labels, before)
    check_labels(s)


@maps
@pytest.mark.parametrize("by_name", [False, True])
@pytest.mark.usefixtures("no_label_warning")
class TestSwappedMaps:
    @pytest.mark.parametrize(
        "swap",
        [
            lambda s, x, y: s.swap_axes(x, y),
            lambda s, x, y: s.transpose(navigation_axes=[y, x]),
            lambda s, x, y: s.transpose(signal_axes=[2], navigation_axes=[y, x]),
            lambda s, x, y: s.rollaxis(x, y),
        ],
        ids=["swap_axes", "transpose", "transpose both", "rollaxis"],
    )
    def test_swap(self, make_map, shape, names, by_name, swap):
        if by_name and not names[0]:
            pytest.skip("axes have no names")
        s = make_map(shape, names)
        x, y = ("x", "y") if by_name else (0, 1)
        swapped = swap(s, x, y)
        assert swapped.axes_manager.navigation_shape == shape
        check_labels(swapped)
        check_labels(swapped.inav[1:, 0])

    def test_axis_objects_as_arguments(self, make_map, shape, names, by_name):
        s = make_map(shape, names)
        x, y, e = s.axes_manager[0], s.axes_manager[1], s.axes_manager[2]
        check_labels(s.transpose(signal_axes=[e], navigation_axes=[y, x]))


@pytest.mark.usefixtures("no_label_warning")
class TestHyperSpyWithoutOurHelp:
    """Operations of a plain signal copy metadata blindly; the guard must notice."""

    def test_swap_of_a_named_square_map(self, make_map):
        plain = make_map((4, 4))
        plain.set_signal_type("")
        check_labels(signals.as_augmentable(plain.swap_axes(0, 1)))

    def test_renaming_axes_is_no_swap(self, make_map):
        s = make_map((3, 4))
        s.axes_manager[0].name, s.axes_manager[1].name = "y", "x"
        check_labels(s)

    def test_cropped_plain_signal_drops(self, make_map):
        plain = make_map((3, 4))
        plain.set_signal_type("")
        s = signals.as_augmentable(plain.inav[1:])
        with pytest.warns(LabelsDroppedWarning, match=r"\(3, 4\).*\(3, 3\)"):
            assert (s.labels == -1).all()
        assert s.classes == ()
        assert s.labels.shape == (3, 3)  # and says so only once

    def test_signal_axis_of_the_same_size_drops(self, make_map):
        s = signals.AugmentableSpectrum(np.zeros((4, 4, 4)))
        for axis, name in zip(s.axes_manager._axes, "yxe", strict=True):
            axis.name = name
        s.set_labels(np.zeros((4, 4)))
        s.axes_manager._axes[0].navigate, s.axes_manager._axes[2].navigate = False, True
        with pytest.warns(LabelsDroppedWarning):
            s.labels


@maps
def test_axes_leaving_navigation_space_drop(make_map, shape, names):
    for operation in (
        lambda s: s.T,
        lambda s: s.as_signal1D(0),
        lambda s: s.as_signal2D((0, 1)),
        lambda s: s.swap_axes(0, 2),
        lambda s: s.transpose(signal_axes=[0]),
    ):
        s = make_map(shape, names)
        with pytest.warns(LabelsDroppedWarning, match="labels and groups were dropped"):
            result = operation(s)
        assert not result.metadata.has_item("SpecAug.labels")
        assert not result.metadata.has_item("SpecAug.classes")
        check_labels(s)


@maps
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("operation", ["diff", "derivative", "interpolate_on_axis"])
def test_mixing_neighbours_drops(make_map, shape, names, axis, operation):
    s = make_map(shape, names)
    arguments = {"axis": axis}
    if operation == "interpolate_on_axis":
        if s._lazy:
            pytest.skip("HyperSpy does not interpolate lazily")
        arguments["new_axis"] = s.axes_manager[axis].copy()
        arguments["new_axis"].offset = 0.1
    with pytest.warns(LabelsDroppedWarning, match=f"{operation} mixes positions"):
        result = getattr(s, operation)(**arguments)
    assert (result.labels == -1).all()
    with warnings.catch_warnings():
        warnings.simplefilter("error", LabelsDroppedWarning)
        arguments["axis"] = 2
        if operation == "interpolate_on_axis":
            arguments["new_axis"] = s.axes_manager[2].copy()
        np.testing.assert_array_equal(getattr(s, operation)(**arguments).labels, s.labels)


class TestMerging:
    @shapes
    @pytest.mark.parametrize(
        "reduction", ["sum", "mean", "max", "integrate1D", "integrate_simpson"]
    )
    def test_one_axis(self, make_map, shape, names, reduction):
        s = make_map(shape, names)
        with pytest.warns(LabelsDroppedWarning, match="mix"):
            result = getattr(s, reduction)(axis=0)
        check_labels(result, expect_all=False)
        check_labels(s)

    @pytest.mark.filterwarnings("ignore::hs_specaug.exceptions.LabelsDroppedWarning")
    @shapes
    def test_everything(self, make_map, shape, names):
        s = make_map(shape, names)
        total = s.sum()
        assert total.labels == -1
        assert total.labels.shape == ()
        assert total.groups is None

    @shapes
    @pytest.mark.usefixtures("no_label_warning")
    def test_one_class_stays(self, make_map, shape, names):
        s = make_map(shape, names)
        s.set_labels(np.full(shape, 1), classes=["core", "shell"], groups="a")
        assert s.sum().labels == 1
        assert s.mean(0).labels.shape == shape[:-1]
        assert (s.mean(0).labels == 1).all()
        assert s.sum(s.axes_manager.navigation_axes).groups == "a"
        factor = shape[-1]
        assert s.rebin(scale=[factor] + [1] * len(shape)).class_counts()["shell"] > 0

    @maps
    @pytest.mark.usefixtures("no_label_warning")
    @pytest.mark.parametrize(
        "operation",
        [
            lambda s: s.sum("sig"),
            lambda s: s.sum(-1),
            lambda s: s.max("channel"),
            lambda s: s.integrate1D("channel"),
            lambda s: s.valuemax(-1),
            lambda s: s.indexmin(-1),
        ],
    )
    def test_signal_axes_leave_labels_alone(self, make_map, shape, names, operation):
        s = make_map(shape, names)
        result = operation(s)
        assert not isinstance(result, signals.AugmentableSpectrum)
        np.testing.assert_array_equal(
            result.metadata.SpecAug.labels, truth(s.data.shape[-1]).reshape(shape)
        )

    @maps
    @pytest.mark.parametrize("scale", [(2, 1, 1), (1, 2, 1), (2, 2, 1), (2, 3, 1)])
    def test_rebin_votes(self, make_map, shape, names, scale):
        s = make_map(shape, names)
        if s._lazy and any(n % f for n, f in zip(shape[::-1], scale, strict=False)):
            with pytest.raises(NotImplementedError, match="divisor"):
                s.rebin(scale=scale)
            check_labels(s)  # HyperSpy cannot; the labels are back in place
            return
        with pytest.warns(LabelsDroppedWarning, match="merged positions mix labels"):
            result = s.rebin(scale=scale)
        check_labels(result, expect_all=False)
        assert result.axes_manager.navigation_shape == tuple(
            n // f for n, f in zip(shape[::-1], scale, strict=False)
        )

    def test_rebin_of_uniform_blocks_keeps_them(self, make_map, no_label_warning):
        s = make_map((4, 4))
        s.set_labels(np.kron([[0, 1], [1, -1]], np.ones((2, 2), int)), groups="a")
        result = s.rebin(new_shape=(2, 2, 16))
        np.testing.assert_array_equal(result.labels, [[0, 1], [1, -1]])
        assert (result.groups == "a").all()

    def test_rebin_by_fractions_drops(self, make_map):
        s = make_map((4, 4))
        if s._lazy:
            pytest.skip("HyperSpy rebins lazily by whole numbers only")
        with pytest.warns(LabelsDroppedWarning, match="fraction"):
            assert (s.rebin(scale=(1.5, 1, 1)).labels == -1).all()

    def test_synthetic_flag_spreads(self, make_map, no_label_warning):
        s = make_map((2, 4), labelled=False)
        flags = np.zeros((2, 4), bool)
        flags[0, 1] = True
        s.metadata.set_item("SpecAug.synthetic", flags)
        s.metadata.set_item("SpecAug.navigation_names", ["y", "x"])
        np.testing.assert_array_equal(
            s.rebin(scale=(2, 1, 1)).metadata.SpecAug.synthetic, [[True, False], [False, False]]
        )
        np.testing.assert_array_equal(
            s.sum("y").metadata.SpecAug.synthetic, [False, True, False, False]
        )
        np.testing.assert_array_equal(s.swap_axes(0, 1).metadata.SpecAug.synthetic, flags.T)
        np.testing.assert_array_equal(s.inav[1:].metadata.SpecAug.synthetic, flags[:, 1:])


class TestOut:
    def test_slice(self, make_map, no_label_warning):
        s = make_map((4, 4))
        out = s.inav[:2, :2]
        s.inav.__getitem__((slice(1, 4), slice(0, 3)), out=out)
        check_labels(out)
        assert out.labels.shape == (3, 3)
        assert out.classes == s.classes

    def test_sum(self, make_map):
        s = make_map((3, 4))
        out = s.inav[0].deepcopy()
        with pytest.warns(LabelsDroppedWarning):
            s.sum(axis=0, out=out)
        check_labels(out, expect_all=False)

    def test_unlabelled_source_clears_the_target(self, make_map):
        s, labelled = make_map((3, 4)), make_map((3, 4))
        out = labelled.inav[0]
        s.clear_labels()
        s.sum(axis=0, out=out)
        assert (out.labels == -1).all()

    def test_rebin(self, make_map):
        s = make_map((4, 4))
        with pytest.warns(LabelsDroppedWarning):
            out = s.rebin(scale=(2, 2, 1))
        out.set_labels(np.full((2, 2), 2))
        with pytest.warns(LabelsDroppedWarning):
            s.rebin(scale=(2, 2, 1), out=out)
        check_labels(out, expect_all=False)

    def test_as_signal1d(self, make_map, no_label_warning):
        s = make_map((4, 4))
        out = s.deepcopy()
        out.set_labels(np.zeros((4, 4)))
        s.as_signal1D(-1, out=out)
        check_labels(out)

    def test_plain_scratch_space_is_left_alone(self, make_map, no_label_warning):
        s = make_map((3, 4))
        out = hs.signals.Signal2D(np.zeros((3, 4)))
        out = out.as_lazy() if s._lazy else out
        s.sum(axis=-1, out=out)
        np.testing.assert_array_equal(values(out), 1)
        assert not out.metadata.has_item("SpecAug")
        check_labels(s)

    def test_failure_leaves_both_alone(self, make_map, no_label_warning):
        s = make_map((3, 4))
        out = s.inav[:2]
        with pytest.raises(ValueError):
            s.sum(axis="y", out=out)
        check_labels(s)
        check_labels(out)


class TestStack:
    def test_spectra(self, make_map, no_label_warning):
        s = make_map((6,), ("time",))
        stack = hs.stack([s.inav[i] for i in (4, 0, 2)], show_progressbar=False)
        assert stack._lazy is s._lazy
        check_labels(stack)
        check_labels(hs.stack([s.inav[3], s.inav[5]], show_progressbar=False).inav[1])

    def test_maps_over_a_new_axis_and_back(self, make_map, no_label_warning):
        s = make_map((4, 4))
        stack = hs.stack([s, s.swap_axes(0, 1).swap_axes(0, 1)], show_progressbar=False)
        check_labels(stack)
        stack.set_labels(np.zeros((2, 4, 4)))
        for part in stack.split():
            assert (part.labels == 0).all()

    @pytest.mark.parametrize("axis", [0, 1, "x"])
    def test_maps_along_an_axis(self, make_map, axis, no_label_warning):
        s = make_map((3, 4))
        if axis == 1:
            parts = [s.inav[:, :1], s.inav[:, 1:]]
        else:
            parts = [s.inav[:3], s.inav[3:]]
        check_labels(hs.stack(parts, axis=axis, show_progressbar=False))

    def test_classes_are_joined(self, make_map, no_label_warning):
        a, b = (make_map((2, 2), labelled=False) for _ in range(2))
        a.set_labels([["x", "y"], ["y", None]])
        b.set_labels([["z", "y"], ["y", None]])
        stack = hs.stack([a, b], show_progressbar=False)
        assert stack.classes == ("x", "y", "z")
        np.testing.assert_array_equal(stack.labels[1], [[2, 1], [1, -1]])

    def test_elements_that_cannot_be_joined_drop(self, make_map):
        s = make_map((3, 4))
        stack = hs.stack([s, s], stack_metadata=False, show_progressbar=False)
        with pytest.warns(LabelsDroppedWarning, match="dropped"):
            assert (stack.labels == -1).all()

    def test_cleared_labels_do_not_come_back(self, make_map, no_label_warning):
        s = make_map((3, 4))
        stack = hs.stack([s, s], show_progressbar=False)
        stack.clear_labels()
        assert all((part.labels == -1).all() for part in stack.split())


@pytest.mark.usefixtures("no_label_warning")
class TestBroadcasting:
    def test_single_spectrum(self, make_map):
        s = make_map((4, 4))
        single = s.inav[0, 0]
        check_labels((s + single * 0).inav[1:])
        np.testing.assert_array_equal((single - s).labels, s.labels)
        check_labels(s)
        assert single.labels == -1

    def test_in_place(self, make_map):
        s = make_map((4, 4))
        if s._lazy:
            pytest.skip("HyperSpy does not add in place lazily")
        s += s.inav[0, 0] * 0
        check_labels(s)
        s -= 0.0
        check_labels(s)

    def test_line(self, make_map):
        s = make_map((3, 4))
        np.testing.assert_array_equal((s.inav[:, 0] + s).labels, s.labels)


@shapes
@pytest.mark.usefixtures("no_label_warning")
def test_unfolded_context_and_decomposition(make_map, shape, names):
    s = make_map(shape, names)
    with s.unfolded():
        assert s.labels.shape == (np.prod(shape),)
        check_labels(s)
    check_labels(s)
    if not s._lazy:
        s.decomposition(print_info=False)
        model = s.get_decomposition_model(3)
        np.testing.assert_array_equal(model.labels, s.labels)


@pytest.mark.usefixtures("no_label_warning")
def test_iteration(make_map):
    s = make_map((2, 3))
    visited = list(s)
    assert len(visited) == 6
    for spectrum in visited:
        check_labels(spectrum)


@pytest.mark.usefixtures("no_label_warning")
def test_lazy_and_back(make_map):
    s = make_map((3, 4)).as_lazy()
    check_labels(s)
    s.compute(show_progressbar=False)
    check_labels(s)


@pytest.mark.filterwarnings("error::hs_specaug.exceptions.SpecAugWarning")
@pytest.mark.parametrize("labelled", [True, False])
@shapes
def test_looking_does_not_warn(make_map, shape, names, labelled):
    import matplotlib.pyplot as plt

    s = make_map(shape, names, labelled=labelled)
    before = s.labels
    repr(s), str(s.metadata), s.sum("sig")
    s.plot()
    s.axes_manager.indices = (1,) * len(shape)
    plt.close("all")
    if not labelled:
        s.T, s.sum(), s.rebin(scale=[shape[-1]] + [1] * len(shape))
        assert not s.metadata.has_item("SpecAug")
    np.testing.assert_array_equal(s.labels, before)


def test_bins_that_the_data_do_not_fill(make_map, lazy):
    """HyperSpy makes one bin of less than a bin, or refuses; then the labels are as before."""
    s = make_map((2, 5))
    with pytest.raises(NotImplementedError if lazy else ValueError):
        s.rebin(scale=(3, 3, 1))
    check_labels(s)
    if not lazy:
        with pytest.warns(LabelsDroppedWarning, match="bins that the data do not fill"):
            binned = s.rebin(scale=(3, 3, 1), crop=False)
        assert (binned.labels == -1).all()
