"""Interactive plots: the map is the navigator, and everything moves together."""

import hyperspy.api as hs
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex

import hs_specaug
from hs_specaug._colours import CLASS_COLOURS

pytestmark = pytest.mark.usefixtures("no_progressbar")


@pytest.fixture(scope="module")
def classified():
    """Give a small map and its result, which no test changes."""
    s = hs_specaug.datasets.core_shell_map(shape=(8, 10), labelled_fraction=0.4)
    s = s.preprocess(crop=(700.0, 740.0), resample=40, show_progressbar=False)
    return s, s.classify("KNeighborsClassifier", random_state=0, show_progressbar=False)


def shown(plot):
    return plot.signal_plot.ax.lines[0].get_ydata()


# --- HyperSpy's own calls -------------------------------------------------------------------


def test_label_map_is_a_navigator(classified):
    s, result = classified
    s.plot(navigator=result.label_map)
    np.testing.assert_array_equal(s._plot.navigator_plot.ax.images[0].get_array(), result.label_map)
    s.axes_manager.indices = (4, 3)  # x, y
    np.testing.assert_array_equal(shown(s._plot), s.data[3, 4])


def test_probabilities_and_their_maps(classified):
    _, result = classified
    result.probability.plot(navigator=result.label_map)
    result.probability.axes_manager.indices = (2, 7)
    np.testing.assert_array_equal(shown(result.probability._plot), result.probability.data[7, 2])
    maps = result.probability.T  # one map for each class
    maps.plot()
    maps.axes_manager.indices = (1,)
    drawn = maps._plot.signal_plot.ax.images[0].get_array()
    np.testing.assert_array_equal(drawn, result.probability.data[..., 1])


def test_several_signals_move_together(classified):
    s, result = classified
    hs.plot.plot_signals([s, result.probability], navigator=result.label_map)
    s._plot.axes_manager.indices = (9, 1)
    np.testing.assert_array_equal(shown(s._plot), s.data[1, 9])
    np.testing.assert_array_equal(shown(result.probability._plot), result.probability.data[1, 9])


# --- the method -----------------------------------------------------------------------------


def test_labels_navigate(classified):
    s, _ = classified
    s.plot_linked()
    image = s._plot.navigator_plot.ax.images[0]
    np.testing.assert_array_equal(image.get_array(), s.labels)
    colours = [to_hex(image.cmap(image.norm(code))) for code in range(-1, 3)]
    assert colours == ["#d3d3d3", *(colour.lower() for colour in CLASS_COLOURS[:3])]
    texts = [text.get_text() for text in image.colorbar.ax.get_yticklabels()]
    assert texts == ["unlabelled", *s.classes]
    s._plot.axes_manager.indices = (6, 2)
    np.testing.assert_array_equal(shown(s._plot), s.data[2, 6])


def test_result_navigates_spectra_and_probabilities(classified):
    s, result = classified
    s.plot_linked(result)
    plt.close("all")  # as Jupyter does after a cell
    s.plot_linked(result)
    assert len(plt.get_fignums()) == 3
    image = s._plot.navigator_plot.ax.images[0]
    np.testing.assert_array_equal(image.get_array(), result.label_map.data)
    texts = [text.get_text() for text in image.colorbar.ax.get_yticklabels()]
    assert texts == list(s.classes)  # nothing is unlabelled in it
    for indices in [(0, 0), (6, 2), (9, 7)]:
        s._plot.axes_manager.indices = indices
        np.testing.assert_array_equal(shown(s._plot), s.data[indices[::-1]])
        drawn = shown(result.probability._plot)
        np.testing.assert_array_equal(drawn, result.probability.data[indices[::-1]])
        assert result.probability._plot.signal_plot.ax.get_ylim() == (0.0, 1.05)
    ticks = result.probability._plot.signal_plot.ax.get_xticklabels()
    assert [text.get_text() for text in ticks] == list(s.classes)


def test_line_scan(classified):
    s, _ = classified
    line = s.inav[:, 3]
    line.plot_linked()
    ax = line._plot.navigator_plot.ax
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), line.labels)
    assert [text.get_text() for text in ax.get_yticklabels()] == ["unlabelled", *s.classes]
    line._plot.axes_manager.indices = (5,)
    np.testing.assert_array_equal(shown(line._plot), line.data[5])


def test_lazy_signal_and_result(classified):
    s, result = classified
    lazy = s.as_lazy()
    lazily = lazy.classify("KNeighborsClassifier", random_state=0)
    lazy.plot_linked(lazily)
    image = lazy._plot.navigator_plot.ax.images[0]
    np.testing.assert_array_equal(image.get_array(), result.label_map.data)
    lazy._plot.axes_manager.indices = (6, 2)
    np.testing.assert_array_equal(shown(lazy._plot), s.data[2, 6])


def test_images():
    rng = np.random.default_rng(0)
    s = hs_specaug.from_arrays(rng.random((6, 1, 5, 7)), ["a", "b", "a", "", "b", "a"])
    s.plot_linked()
    s._plot.axes_manager.indices = (4,)
    np.testing.assert_array_equal(s._plot.signal_plot.ax.images[0].get_array(), s.data[4])


def test_errors_name_what_helps(classified):
    s, result = classified
    with pytest.raises(ValueError, match=r"\(8, 10\) in array order, this signal \(4, 10\)"):
        s.inav[:, :4].plot_linked(result)
    with pytest.raises(ValueError, match="1 or 2 navigation dimensions"):
        s.inav[0, 0].plot_linked()
    unlabelled = s.deepcopy()
    unlabelled.clear_labels()
    with pytest.raises(ValueError, match=r"s\.set_labels"):
        unlabelled.plot_linked()
    unlabelled.plot_linked(result)
