import hyperspy.api as hs
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex

from hs_specaug import signals
from hs_specaug.exceptions import LabelsDroppedWarning

from .conftest import check_labels, truth, values

NAMES = np.array([["core", "shell", ""], ["shell", "shell", "core"]])


@pytest.fixture
def s(lazy):
    s = signals.AugmentableSpectrum(np.random.default_rng(0).random((2, 3, 16)))
    return s.as_lazy() if lazy else s


class TestSetLabels:
    def test_without_labels(self, s):
        np.testing.assert_array_equal(s.labels, np.full((2, 3), -1))
        assert s.classes == ()
        assert s.groups is None
        assert s.class_counts() == {}
        assert np.isnan(s.balanced_ratio)
        assert not s.metadata.has_item("SpecAug")

    @pytest.mark.parametrize("kind", [np.asarray, np.ndarray.tolist, hs.signals.Signal2D])
    def test_codes(self, s, kind):
        s.set_labels(kind(np.array([[0, 1, -1], [1, 1, 0]])), classes=["core", "shell", "edge"])
        np.testing.assert_array_equal(s.labels, [[0, 1, -1], [1, 1, 0]])
        assert s.classes == ("core", "shell", "edge")
        assert s.class_counts() == {"core": 2, "shell": 3, "edge": 0}
        assert s.balanced_ratio == pytest.approx(2 / 3)
        stored = s.metadata.SpecAug
        assert stored.labels.dtype == np.int32
        assert stored.classes == ["core", "shell", "edge"]

    @pytest.mark.parametrize("kind", [np.asarray, np.ndarray.tolist, lambda a: a.astype(object)])
    def test_names(self, s, kind):
        s.set_labels(kind(NAMES))
        np.testing.assert_array_equal(s.labels, [[0, 1, -1], [1, 1, 0]])
        assert s.classes == ("core", "shell")

    def test_reading_gives_copies(self, s):
        s.set_labels(NAMES, groups="a")
        s.labels[:] = 7
        s.groups[:] = "b"
        assert s.labels.max() == 1
        assert (s.groups == "a").all()

    def test_setters(self, s):
        s.set_labels(NAMES)
        s.labels = np.zeros((2, 3))
        assert s.class_counts() == {"core": 6, "shell": 0}
        s.groups = [[1, 1, 1], [2, 2, 2]]
        assert s.groups.dtype.kind == "i"
        s.groups = None
        assert s.groups is None

    def test_groups(self, s):
        groups = np.array([["a", "a", "b"], ["b", "c", "c"]])
        s.set_labels(NAMES, groups=groups)
        np.testing.assert_array_equal(s.groups, groups)
        s.set_labels(NAMES)
        np.testing.assert_array_equal(s.groups, groups)
        np.testing.assert_array_equal(s.inav[1:].groups, groups[:, 1:])

    def test_clear(self, s):
        s.set_labels(NAMES, groups="a")
        s.clear_labels()
        assert (s.labels == -1).all()
        assert s.classes == ()
        assert s.groups is None
        assert not s.metadata.has_item("SpecAug")

    def test_clear_leaves_the_rest_of_the_node(self, s):
        s.metadata.set_item("SpecAug.preprocessing", ["crop"])
        s.set_labels(NAMES)
        s.clear_labels()
        assert s.metadata.SpecAug.preprocessing == ["crop"]

    @pytest.mark.parametrize("value", ["shell", 1, ["shell"], np.int64(1), np.array(1)])
    def test_single_spectrum(self, s, value):
        single = s.inav[0, 0]
        single.set_labels(value, classes=["core", "shell"], groups="left")
        assert single.labels.shape == ()
        assert single.labels == 1
        assert single.class_counts() == {"core": 0, "shell": 1}
        assert single.groups == "left"
        assert single.deepcopy().labels == 1

    @pytest.mark.parametrize(
        ("labels", "keywords", "message"),
        [
            (np.zeros((3, 2)), {}, r"\(3, 2\).*\(2, 3\).*\.T"),
            (np.zeros(6), {}, r"\(6,\).*\(2, 3\).*reshape"),
            (np.zeros((2, 4)), {}, r"\(2, 4\).*\(2, 3\)"),
            (0, {}, r"\(\).*\(2, 3\)"),
            (np.full((2, 3), 2), {"classes": ["a", "b"]}, "up to 2"),
            (NAMES, {"classes": ["core"]}, "shell"),
            (np.zeros((2, 3)), {"classes": ["a", "a"]}, "more than once"),
            (np.zeros((2, 3)), {"groups": np.zeros((3, 2), int)}, r"groups have shape.*\.T"),
            (np.zeros((2, 3)), {"groups": np.zeros((2, 3))}, "integers or text"),
        ],
    )
    def test_errors_change_nothing(self, s, labels, keywords, message):
        s.set_labels(NAMES)
        with pytest.raises(ValueError, match=message):
            s.set_labels(labels, **keywords)
        np.testing.assert_array_equal(s.labels, [[0, 1, -1], [1, 1, 0]])
        assert s.classes == ("core", "shell")


class TestClusters:
    @pytest.mark.parametrize("shape", [(4, 5), (5, 5), (8,), (2, 3, 4), (2, 2)])
    @pytest.mark.parametrize("merged", [True, False])
    def test_output_as_it_is(self, shape, merged):
        rng = np.random.default_rng(0)
        n = int(np.prod(shape))
        kinds = np.arange(n) % 2
        data = np.eye(2)[kinds] @ rng.random((2, 12)) + rng.normal(0, 1e-3, (n, 12))
        s = signals.AugmentableSpectrum(data.reshape(*shape, 12))
        s.cluster_analysis("signal", n_clusters=2, n_init=1)
        s.set_labels(s.get_cluster_labels(merged=merged))
        assert s.classes == ("cluster 0", "cluster 1")
        codes = s.labels.ravel()
        assert (codes == kinds).all() or (codes == 1 - kinds).all()
        masks = s.learning_results.cluster_labels
        np.testing.assert_array_equal(masks[1].ravel().astype(int), codes)

    @pytest.mark.parametrize("merged", [True, False])
    def test_masked_positions_are_unlabelled(self, merged):
        s = signals.AugmentableSpectrum(np.random.default_rng(0).random((4, 5, 12)))
        s.cluster_analysis("signal", n_clusters=2, n_init=1)
        s.learning_results.cluster_labels[:, :3] = 0
        s.set_labels(s.get_cluster_labels(merged=merged), classes=["a", "b"])
        assert (s.labels.ravel()[:3] == -1).all()
        assert (s.labels.ravel()[3:] >= 0).all()
        assert s.classes == ("a", "b")


class TestSelectClass:
    @pytest.mark.parametrize("shape", [(3, 4), (4, 4), (6,), (2, 3, 3)])
    def test_rows(self, make_map, shape):
        s = make_map(shape)
        n = int(np.prod(shape))
        selected = s.select_class("shell")
        assert type(selected) is type(s)
        assert selected.axes_manager.navigation_dimension == 1
        np.testing.assert_array_equal(values(selected).argmax(-1), np.flatnonzero(truth(n) == 1))
        check_labels(selected)
        assert selected.classes == s.classes
        check_labels(s)

    def test_after_swapping_axes(self, make_map):
        check_labels(make_map((3, 4)).swap_axes(0, 1).select_class("core"))

    def test_axes_and_metadata_stay(self, s):
        s.axes_manager[-1].scale, s.axes_manager[-1].units = 0.5, "eV"
        s.metadata.General.title = "particle"
        s.metadata.set_item("SpecAug.preprocessing", ["crop"])
        s.set_noise_variance(s.deepcopy())
        s.set_labels(NAMES)
        selected = s.select_class("shell")
        assert selected.axes_manager[-1].scale == 0.5
        assert selected.axes_manager[-1].units == "eV"
        assert selected.metadata.General.title == "particle"
        assert selected.metadata.SpecAug.preprocessing == ["crop"]
        assert selected.axes_manager.shape == (3, 16)
        assert not np.shares_memory(np.asarray(selected.data), np.asarray(s.data))
        assert s.get_noise_variance() is not None

    def test_single_spectrum(self, s):
        single = s.inav[0, 0]
        single.set_labels("core")
        assert single.select_class("core").axes_manager.shape == (1, 16)

    def test_lazy_reads_no_more_than_needed(self):
        import dask.array as da

        seen = []

        def block(block_info=None):
            seen.append(block_info[None]["chunk-location"])
            return np.ones((2, 2, 8))

        data = da.map_blocks(block, chunks=((2, 2, 2), (2, 2), (8,)), dtype=float)
        s = signals.LazyAugmentableSpectrum(data)
        s.set_labels([["a"] * 4] * 2 + [["b"] * 4] * 4)
        seen.clear()
        selected = s.select_class("a")
        assert selected._lazy
        assert not seen
        selected.compute(show_progressbar=False)
        assert {location[0] for location in seen} == {0}

    def test_errors(self, s):
        s.set_labels(NAMES, classes=["core", "shell", "edge"])
        with pytest.raises(ValueError, match="did you mean 'shell'"):
            s.select_class("shel")
        with pytest.raises(ValueError, match="no position"):
            s.select_class("edge")


class TestLabelRegion:
    @pytest.fixture
    def mapped(self, lazy):
        s = signals.AugmentableSpectrum(np.zeros((6, 9, 5)))
        for axis, scale, offset in zip(
            s.axes_manager.navigation_axes, (0.5, 2.0), (10, -4), strict=True
        ):
            axis.scale, axis.offset, axis.units = scale, offset, "nm"
        return s.as_lazy() if lazy else s

    def grid(self, s):
        x, y = (axis.axis for axis in s.axes_manager.navigation_axes)
        return np.meshgrid(x, y)

    def test_rectangle_in_axis_units(self, mapped):
        roi = hs.roi.RectangularROI(left=10.5, right=12.0, top=-2.0, bottom=4.0)
        mapped.label_region(roi, "shell")
        x, y = self.grid(mapped)
        inside = (x >= 10.5) & (x < 12) & (y >= -2) & (y < 4)
        np.testing.assert_array_equal(mapped.labels == 0, inside)
        assert mapped.classes == ("shell",)
        part = mapped.inav[roi]
        assert (part.labels == 0).all()
        assert part.labels.size == inside.sum() == 9

    def test_circle(self, mapped):
        for axis in mapped.axes_manager.navigation_axes:
            axis.scale, axis.offset = 0.5, 0.0
        roi = hs.roi.CircleROI(cx=2.0, cy=1.0, r=0.8)
        mapped.label_region(roi, "core")
        expected = np.zeros((6, 9), bool)
        inside = np.isfinite(
            roi(
                hs.signals.BaseSignal(
                    np.ones((6, 9)),
                    axes=[
                        axis.get_axis_dictionary()
                        for axis in mapped.axes_manager.navigation_axes[::-1]
                    ],
                ).T
            ).data
        )
        assert (mapped.labels == 0).sum() == inside.sum() > 4
        x, y = self.grid(mapped)
        expected = (x - 2) ** 2 + (y - 1) ** 2 < 0.5**2
        assert (mapped.labels[expected] == 0).all()
        far = (x - 2) ** 2 + (y - 1) ** 2 > 1.2**2
        assert (mapped.labels[far] == -1).all()

    def test_polygon(self, mapped):
        for axis in mapped.axes_manager.navigation_axes:
            axis.scale, axis.offset = 0.5, 0.0
        mapped.label_region(hs.roi.PolygonROI([(0.5, 0.5), (3.5, 0.5), (3.5, 2.0)]), "edge")
        x, y = self.grid(mapped)
        below = (x > 0.5) & (x < 3.5) & (y > 0.5) & (y - 0.5 < (x - 0.5) / 2 - 0.3)
        assert (mapped.labels[below] == 0).all()
        assert (mapped.labels[(x < 0.5) | (y < 0.5) | (y > 2.0)] == -1).all()

    def test_point_and_span(self, mapped):
        mapped.label_region(hs.roi.SpanROI(11.0, 12.0), "band")
        mapped.label_region(hs.roi.Point2DROI(11.0, 0.0), "spot")
        x, y = self.grid(mapped)
        spot = (x == 11) & (y == 0)
        np.testing.assert_array_equal(mapped.labels == 1, spot)
        np.testing.assert_array_equal(mapped.labels == 0, (x >= 11) & (x < 12) & ~spot)
        line = mapped.inav[:, 0]
        line.label_region(hs.roi.Point1DROI(13.0), "spot")
        assert (line.labels == 1).sum() == 1

    def test_only_touches_positions_inside(self, mapped):
        before = np.random.default_rng(0).integers(-1, 2, (6, 9))
        mapped.set_labels(before, classes=["a", "b"], groups="g")
        mapped.label_region(hs.roi.RectangularROI(10, -4, 11, 0), "c")
        assert mapped.classes == ("a", "b", "c")
        np.testing.assert_array_equal(mapped.labels[:2, :2], 2)
        mask = np.ones((6, 9), bool)
        mask[:2, :2] = False
        np.testing.assert_array_equal(mapped.labels[mask], before[mask])
        assert (mapped.groups == "g").all()
        mapped.label_region(hs.roi.RectangularROI(10, -4, 11, 0), None)
        np.testing.assert_array_equal(mapped.labels[:2, :2], -1)

    def test_stack_of_maps(self):
        s = signals.AugmentableSpectrum(np.zeros((2, 3, 4, 5)))
        s.label_region(hs.roi.RectangularROI(1.0, 0.0, 3.0, 2.0), "a")
        expected = np.full((2, 3, 4), -1)
        expected[:, :2, 1:3] = 0
        np.testing.assert_array_equal(s.labels, expected)

    def test_roi_dragged_on_the_map(self):
        s = signals.AugmentableSpectrum(np.random.default_rng(0).random((6, 9, 5)))
        s.plot()
        roi = hs.roi.RectangularROI(1.0, 2.0, 4.0, 5.0)
        roi.interactive(s, navigation_signal=s, recompute_out_event=None)
        s.label_region(roi, "a")
        assert (s.labels[2:5, 1:4] == 0).all()
        assert s.class_counts() == {"a": 9}
        roi.left = 0.0
        s.label_region(roi, "b")
        assert s.class_counts() == {"a": 0, "b": 12}
        plt.close("all")

    def test_roi_on_the_signal_plot(self):
        s = signals.AugmentableSpectrum(np.random.default_rng(0).random((6, 9, 5)))
        s.plot()
        roi = hs.roi.SpanROI(1.0, 3.0)
        roi.add_widget(s, axes=s.axes_manager.signal_axes)
        with pytest.raises(TypeError, match="signal axes"):
            s.label_region(roi, "a")
        plt.close("all")

    def test_errors(self, mapped):
        with pytest.raises(TypeError, match="no area"):
            mapped.label_region(hs.roi.Line2DROI(10, 0, 12, 2), "a")
        with pytest.raises(TypeError, match="ROI"):
            mapped.label_region((1, 2), "a")
        with pytest.raises(ValueError, match="10 to 14"):
            mapped.label_region(hs.roi.RectangularROI(100, 0, 110, 2), "a")
        with pytest.raises(TypeError, match="needs 2 navigation axes"):
            mapped.inav[0].label_region(hs.roi.CircleROI(10, 0, 2), "a")
        assert (mapped.labels == -1).all()


class TestSaving:
    @pytest.mark.parametrize("extension", ["hspy", "zspy"])
    @pytest.mark.parametrize("shape", [(3, 4), (4, 4), (6,), (2, 3, 3)])
    @pytest.mark.filterwarnings("ignore::FutureWarning")
    def test_round_trip(self, make_map, shape, extension, tmp_path, lazy):
        s = make_map(shape)
        s.axes_manager[0].scale = 7.0
        s.metadata.set_item("SpecAug.synthetic", np.arange(np.prod(shape)).reshape(shape) % 2 == 0)
        s.save(tmp_path / f"s.{extension}")
        loaded = hs.load(tmp_path / f"s.{extension}", lazy=lazy)
        assert type(loaded) is type(s)
        assert isinstance(loaded.metadata.SpecAug.labels, np.ndarray)
        if lazy and extension == "hspy":
            check_labels(loaded.inav[:2])
            loaded.compute(close_file=True, show_progressbar=False)
        check_labels(loaded)
        assert loaded.classes == s.classes
        np.testing.assert_array_equal(
            loaded.metadata.SpecAug.synthetic, s.metadata.SpecAug.synthetic
        )
        again = loaded.inav[..., 0]
        assert again.labels.ndim == len(shape) - 1

    @pytest.mark.parametrize("extension", ["hspy", "zspy"])
    @pytest.mark.filterwarnings("ignore::FutureWarning")
    def test_single_spectrum(self, make_map, extension, tmp_path):
        s = make_map((6,)).inav[3]
        s.save(tmp_path / f"s.{extension}")
        check_labels(hs.load(tmp_path / f"s.{extension}"))

    def test_labels_outlive_a_closed_file(self, make_map, tmp_path):
        s = make_map((3, 4))
        s.save(tmp_path / "s.hspy")
        loaded = hs.load(tmp_path / "s.hspy", lazy=True)
        loaded.close_file()
        np.testing.assert_array_equal(loaded.labels, s.labels)

    def test_through_a_plain_type(self, make_map, tmp_path):
        s = make_map((3, 4))
        before = s.labels
        s.set_signal_type("")
        s.save(tmp_path / "s.hspy")
        loaded = hs.load(tmp_path / "s.hspy")
        assert not hasattr(loaded, "set_labels")
        np.testing.assert_array_equal(signals.as_augmentable(loaded).labels, before)
        as_type = hs.load(tmp_path / "s.hspy", signal_type="spectrum_specaug")
        np.testing.assert_array_equal(as_type.labels, before)


class TestPlotLabels:
    @pytest.fixture(autouse=True)
    def close(self):
        yield
        plt.close("all")

    def colours(self, ax):
        mesh = ax.collections[0]
        codes = np.asarray(mesh.get_array())
        return np.array([[to_hex(c) for c in row] for row in mesh.cmap(mesh.norm(codes))])

    def test_part_of_a_figure(self, s):
        s.set_labels(NAMES)
        part = plt.figure().subfigures(1, 2)[0]
        ax = s.plot_labels(ax=part.subplots())
        assert ax.get_legend() is not None
        plt.close("all")

    def test_map(self, s):
        s.axes_manager[0].name, s.axes_manager[0].units = "x", "nm"
        s.axes_manager[1].name, s.axes_manager[1].units = "y", "nm"
        s.set_labels(NAMES)
        ax = s.plot_labels()
        assert (ax.get_xlabel(), ax.get_ylabel()) == ("x (nm)", "y (nm)")
        texts = [text.get_text() for text in ax.get_legend().get_texts()]
        assert texts == ["core (2)", "shell (3)", "unlabelled (1)"]
        colours = self.colours(ax)
        assert colours[0, 0] == colours[1, 2]
        assert len({*colours.ravel()}) == 3
        assert ax.get_ylim()[0] > ax.get_ylim()[1]

    def test_colour_belongs_to_the_class(self, s):
        s.set_labels(NAMES)
        whole = self.colours(s.plot_labels())
        part = self.colours(s.inav[1:].plot_labels())
        np.testing.assert_array_equal(part, whole[:, 1:])

    def test_legend_matches_map(self, s):
        s.set_labels([[0, 1, 2], [3, 4, -1]], classes=list("abcde"))
        ax = s.plot_labels()
        handles = [to_hex(patch.get_facecolor()) for patch in ax.get_legend().get_patches()]
        assert handles == self.colours(ax).ravel().tolist()

    def test_strip_given_axes_and_many_classes(self):
        line = signals.AugmentableSpectrum(np.zeros((20, 4)))
        line.set_labels(np.arange(20))
        figure, ax = plt.subplots()
        assert line.plot_labels(ax=ax) is ax
        assert len(plt.get_fignums()) == 1
        assert self.colours(ax).shape == (1, 20)
        figure.canvas.draw()

    def test_no_labels_and_non_uniform_axis(self):
        s = signals.AugmentableSpectrum(
            np.zeros((4, 3)), axes=[{"axis": [0, 1, 4, 9], "navigate": True}, {"size": 3}]
        )
        ax = s.plot_labels()
        assert [t.get_text() for t in ax.get_legend().get_texts()] == ["unlabelled (4)"]
        assert ax.get_xlim()[1] > 9

    @pytest.mark.parametrize("shape", [(5,), (2, 2, 2, 5)])
    def test_dimension_error(self, shape):
        with pytest.raises(ValueError, match="1 or 2 navigation dimensions"):
            signals.AugmentableSpectrum(np.zeros(shape)).plot_labels()

    def test_colours_differ(self):
        from hs_specaug._colours import CLASS_COLOURS
        from hs_specaug.signals._label_plot import UNLABELLED_COLOUR

        rgb = np.array([mpl.colors.to_rgb(c) for c in (*CLASS_COLOURS, UNLABELLED_COLOUR)])
        distance = np.linalg.norm(rgb[:, None] - rgb[None], axis=-1)
        np.fill_diagonal(distance, np.inf)
        assert distance.min() > 0.1


def test_read_guard_warns_where_the_reader_is(s):
    s.set_labels(NAMES)
    s.set_signal_type("")
    stale = signals.as_augmentable(s.inav[1:])
    with pytest.warns(LabelsDroppedWarning) as caught:
        stale.labels
    assert caught[0].filename == __file__
