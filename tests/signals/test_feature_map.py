"""Feature maps from a signal: its rows, its colours, its checks."""

import numpy as np
import pytest
from matplotlib.colors import to_rgba

import hs_specaug
from hs_specaug._colours import class_colours
from hs_specaug.exceptions import IncompatibleAxisError


@pytest.fixture(scope="module")
def signal():
    s = hs_specaug.datasets.polymer_spectra(step_per_cm=25.0)
    codes = s.labels
    codes[(codes != 3) & (codes != 1)] = -1
    s.set_labels(codes, classes=s.classes)
    return s


@pytest.fixture(scope="module")
def generator(signal):
    return signal.train_generator("smote", random_state=0, k_neighbors=2)


@pytest.mark.parametrize("lazy", [False, True])
def test_labelled_rows_in_the_colours_of_the_label_map(signal, generator, lazy):
    s = signal.as_lazy() if lazy else signal
    figure = s.plot_feature_map(generator, method="pca")
    crosses, dots = figure.axes[0].collections
    assert len(dots.get_offsets()) == int((signal.labels >= 0).sum())
    shown = {tuple(c) for c in dots.get_facecolors()}
    palette = class_colours(len(signal.classes))
    assert shown == {to_rgba(palette[1]), to_rgba(palette[3])}
    counts = [n for n in signal.class_counts().values() if n]
    assert len(crosses.get_offsets()) == 2 * max(counts)


def test_generated_rows_of_an_earlier_augment_are_not_called_real(signal, generator):
    balanced = signal.augment(generator, random_state=1)
    (ax,) = balanced.plot_feature_map(generator, method="pca").axes
    assert len(ax.collections[1].get_offsets()) == int((signal.labels >= 0).sum())


def test_panels_of_a_trained_generator(signal, no_progressbar):
    trained = signal.train_generator(
        "acgan", epochs=1, scoring=None, random_state=0, snapshot_epochs=(0,)
    )
    figure = signal.plot_feature_map(trained, method="pca", n_points=6)
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["epoch 0", "epoch 1, kept"]
    real = [np.asarray(ax.collections[1].get_offsets()) for ax in figure.axes]
    np.testing.assert_array_equal(real[0], real[1])


def test_a_generator_of_another_axis_is_refused(signal, generator):
    with pytest.raises(IncompatibleAxisError):
        signal.isig[:-2].plot_feature_map(generator)


@pytest.mark.parametrize("generator", [None, "smote"])
def test_feature_maps_want_a_trained_generator(generator):
    s = hs_specaug.datasets.polymer_spectra(step_per_cm=32.0)
    with pytest.raises(TypeError, match="generator must be one that was trained on a signal"):
        s.plot_feature_map(generator)


@pytest.mark.parametrize("epochs", [(), 3, "a"])
def test_feature_maps_want_epochs(epochs):
    s = hs_specaug.datasets.polymer_spectra(step_per_cm=32.0)
    generator = s.train_generator("random", random_state=0)
    with pytest.raises(ValueError, match="epochs must be None or epochs such as"):
        s.plot_feature_map(generator, epochs=epochs)
