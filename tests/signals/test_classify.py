"""classify: honest scores, then a label map of everything."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hyperspy import api as hs
from hyperspy.api import signals as hs_signals
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression
from sklearn.neighbors import KNeighborsClassifier

from hs_specaug import ClassificationResult
from hs_specaug.exceptions import LeakageError, SpecAugWarning

NEAREST = KNeighborsClassifier(1)

pytestmark = pytest.mark.filterwarnings("ignore::hs_specaug.exceptions.FewSamplesWarning")


def make_map(lazy=False, chunks=(3, 4, -1)):
    """An 8 × 10 map with a bright disc; 30 positions labelled."""
    rng = np.random.default_rng(0)
    truth = ((np.indices((8, 10)) - np.array([4, 5])[:, None, None]) ** 2).sum(axis=0) < 8
    energy = np.linspace(0, 1, 32)
    centre = np.where(truth, 0.7, 0.3)[..., None]
    data = np.exp(-((energy - centre) ** 2) / 0.01) + 0.05 * rng.standard_normal((8, 10, 32))
    s = hs_signals.Signal1D(data.astype("f4"))
    x, y = s.axes_manager.navigation_axes
    x.name, x.units, x.scale = "x", "nm", 2.0
    y.name, y.units, y.scale = "y", "nm", 2.0
    s.set_signal_type("spectrum_specaug")
    if lazy:
        s = s.as_lazy(chunks=chunks)
    codes = np.full(80, -1)
    rows = rng.permutation(80)[:30]
    codes[rows] = truth.ravel()[rows]
    s.set_labels(codes.reshape(8, 10), classes=["matrix", "particle"])
    return s, truth


@pytest.fixture(params=[False, True], ids=["in memory", "lazy"])
def lazy(request):
    return request.param


def test_map_finds_the_particle(lazy):
    s, truth = make_map(lazy)
    result = s.classify(NEAREST, random_state=0, show_progressbar=False)
    np.testing.assert_array_equal(result.label_map.data, truth.astype(int))
    assert result.label_map.axes_manager.signal_axes[0].units == "nm"
    assert result.label_map.axes_manager.signal_axes[0].scale == 2.0
    assert result.probability.axes_manager.navigation_shape == (10, 8)
    assert result.probability.data.shape == (8, 10, 2)
    assert result.report.macro_f_score == 1.0


def test_lazy_and_in_memory_maps_are_the_same_bits():
    options = {"random_state": 0, "show_progressbar": False, "max_updates": 20}
    eager = make_map()[0].classify("cnn", **options).probability.data
    for chunks in ((3, 4, -1), (8, 10, -1), (1, 7, 5)):
        lazy = make_map(lazy=True, chunks=chunks)[0].classify("cnn", **options)
        np.testing.assert_array_equal(lazy.probability.data, eager)


@pytest.mark.parametrize("augmentation", [None, "random", "smote", "borderline-smote"])
def test_augmentation_by_name(augmentation):
    s, _ = make_map()
    result = s.classify("LogisticRegression", augmentation=augmentation, cv=3, random_state=0)
    assert result.augmentation == (augmentation or "none")
    assert result.confusion_matrix.sum() == 30


def test_three_player_and_cnn_end_to_end():
    s, truth = make_map()
    generator = s.train_generator(
        "three-player", epochs=2, pretrain_epochs=1, random_state=0, show_progressbar=False
    )
    result = s.classify("cnn", augmentation=generator, random_state=0, epochs=40)
    assert result.augmentation == "three-player"
    assert (result.label_map.data == truth).mean() > 0.9


def test_same_seed_same_result():
    s, _ = make_map()
    options = {"augmentation": "smote", "random_state": 5, "n_estimators": 5}
    first = s.classify("RandomForestClassifier", **options)
    second = s.classify("RandomForestClassifier", **options)
    np.testing.assert_array_equal(first.probability.data, second.probability.data)
    assert repr(first) == repr(second)


def test_groups_are_respected():
    s, _ = make_map()
    groups = np.add.outer(np.arange(8) // 4, np.zeros(10, dtype=int))
    s.set_labels(s.labels, classes=s.classes, groups=groups)
    result = s.classify(NEAREST, cv=2, random_state=0)
    assert result.report.n_groups == 2
    assert "2 groups" in repr(result)


def test_refit_false_needs_another_specimen():
    s, _ = make_map()
    generator = s.train_generator("random", random_state=0)
    with pytest.raises(LeakageError, match="refit=True"):
        s.classify(NEAREST, augmentation=generator, refit=False, random_state=0)
    with pytest.raises(ValueError, match="needs a fitted generator"):
        s.classify(NEAREST, augmentation="random", refit=False)
    other = s.deepcopy()
    other.data = other.data + 0.01
    foreign = other.train_generator("random", random_state=0)
    result = s.classify(NEAREST, augmentation=foreign, refit=False, random_state=0)
    assert result.report.macro_f_score == 1.0


def test_transformers_are_refitted_in_the_fold():
    from hs_specaug.preprocessing import PCADenoiser

    s, truth = make_map()
    result = s.classify(NEAREST, transformers=[PCADenoiser(2)], cv=3, random_state=0)
    np.testing.assert_array_equal(result.label_map.data, truth.astype(int))


def test_denoised_signal_is_pointed_at():
    s, _ = make_map()
    with pytest.warns(SpecAugWarning, match="PCADenoiser"):
        s.preprocess(denoise=3).classify(NEAREST, random_state=0)


def test_synthetic_rows_are_never_scored():
    s, _ = make_map()
    balanced = s.augment("random", random_state=0)
    with pytest.warns(SpecAugWarning, match="synthetic rows are left out"):
        result = balanced.classify(NEAREST, cv=3, random_state=0)
    assert result.confusion_matrix.sum() == 30


def test_positions_that_are_not_finite_stay_undecided(lazy):
    s, truth = make_map()
    row, column = np.argwhere(s.labels < 0)[0]
    s.data[row, column, 3] = np.nan
    if lazy:
        labels = s.labels
        s = s.as_lazy()
        np.testing.assert_array_equal(s.labels, labels)
    result = s.classify(NEAREST, random_state=0, show_progressbar=False)
    assert result.label_map.data[row, column] == -1
    expected = truth.astype(int)
    expected[row, column] = -1
    np.testing.assert_array_equal(result.label_map.data, expected)


def test_class_without_rows_gets_no_probability():
    s, _ = make_map()
    s.set_labels(s.labels, classes=["matrix", "particle", "never seen"])
    result = s.classify(NEAREST, random_state=0)
    assert (result.probability.data[..., 2] == 0).all()
    assert result.report.classes == ("matrix", "particle")


@pytest.mark.parametrize("navigation", [1, 3])
def test_other_navigation_dimensions(navigation):
    s, truth = make_map()
    if navigation == 1:
        s = s.inav[:, 4]
        expected = truth[4].astype(int)
    else:
        import hyperspy.api as hs

        s = hs.stack([s, s])
        expected = np.stack([truth, truth]).astype(int)
    result = s.classify(NEAREST, random_state=0)
    np.testing.assert_array_equal(result.label_map.data, expected)


def test_complex_impedance_and_images():
    rng = np.random.default_rng(0)
    for s in (
        hs_signals.ComplexSignal1D(rng.random((20, 8)) + 1j * rng.random((20, 8))),
        hs_signals.Signal2D(rng.random((20, 6, 8))),
    ):
        kind = "impedance" if np.iscomplexobj(s.data) else "image_specaug"
        s.set_signal_type(kind)
        s.set_labels(np.tile([0, 1], 10), classes=["a", "b"])
        result = s.classify("cnn", random_state=0, max_updates=2, show_progressbar=False)
        assert result.label_map.data.shape == (20,)


def test_save_and_load(tmp_path):
    s, _ = make_map()
    result = s.classify(NEAREST, augmentation="smote", random_state=0)
    path = result.save(tmp_path / "map.hspy")
    loaded = ClassificationResult.load(path)
    assert repr(loaded) == repr(result)
    np.testing.assert_array_equal(loaded.label_map.data, result.label_map.data)
    np.testing.assert_array_equal(loaded.probability.data, result.probability.data)
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(ValueError, match=r"must end in '\.hspy'"):
        result.save(tmp_path / "map.csv")
    s.save(tmp_path / "other.hspy")
    with pytest.raises(ValueError, match=r"not a file that result\.save wrote"):
        ClassificationResult.load(tmp_path / "other.hspy")


@pytest.mark.parametrize("navigation", [1, 2])
def test_plots(navigation):
    s, _ = make_map()
    s = s if navigation == 2 else s.inav[:, 4]
    result = s.classify(NEAREST, random_state=0)
    panels = result.plot_map()
    assert "x (nm)" in panels[0].get_xlabel()
    assert result.plot_confusion().get_title().startswith("macro F-score")


def test_errors_say_what_to_do():
    s, _ = make_map()
    with pytest.raises(TypeError, match="instance instead"):
        s.classify(NEAREST, n_neighbors=3)
    with pytest.raises(ValueError, match="unknown classifier"):
        s.classify("forest of doubt")
    few = s.deepcopy()
    codes = np.full((8, 10), -1)
    codes[0, 0], codes[0, 1], codes[4, 5] = 0, 0, 1
    few.set_labels(codes, classes=["matrix", "particle"])
    with pytest.raises(ValueError, match="'particle' has one labelled row"):
        few.classify(NEAREST)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"classifier": KNeighborsClassifier}, r"use s\.classify\(KNeighborsClassifier\(\)\)"),
        ({"classifier": LinearRegression()}, r"classifier must be a name .* got LinearRegression"),
        ({"classifier": KMeans(2)}, "classifier must be a name .* got KMeans"),
        ({"classifier": 5}, "classifier must be a name .* got 5"),
        ({"classifier": "KNeighborsClassifier", "n_neighbours": 3}, "did you mean 'n_neighbors'"),
        ({"classifier": "cnn", "calibrate": True}, "classify itself takes: .*calibration"),
        ({"classifier": "cnn", "augment": "smote"}, r"did you mean 'augmentation'\?\)$"),
        ({"transformers": None}, "transformers must be instances .* got None"),
        ({"transformers": "pca"}, "transformers must be instances .* got 'pca'"),
        ({"transformers": [KNeighborsClassifier]}, "transformers must be instances"),
        ({"refit": "no"}, "refit must be True or False, got 'no'"),
    ],
)
def test_arguments_of_a_wrong_type(arguments, message):
    s, _ = make_map()
    with pytest.raises(TypeError, match=message):
        s.classify(**{"classifier": NEAREST, **arguments})


def test_one_transformer_needs_no_list():
    s, _ = make_map()
    one, several = (
        s.classify(NEAREST, transformers=steps, random_state=0).probability.data
        for steps in (PCA(3, random_state=0), [PCA(3, random_state=0)])
    )
    np.testing.assert_array_equal(one, several)


def test_data_that_are_no_numbers():
    s, _ = make_map()
    s.data = s.data.astype(object)
    with pytest.raises(TypeError, match=r"dtype object; convert .* s\.change_dtype"):
        s.classify(NEAREST)


def test_results_are_compared_by_identity():
    s, _ = make_map()
    first, second = (s.classify(NEAREST, random_state=0) for _ in range(2))
    assert first == first
    assert first != second  # that compares arrays, which has no truth value


@pytest.mark.parametrize("navigation", [(12, 15), (8, 40), (180,)])
@pytest.mark.parametrize("n_classes", [2, 30])
def test_legends_stay_in_their_figure(navigation, n_classes):
    names = [f"mineral number {i}" for i in range(n_classes)]
    labels = np.resize(np.arange(n_classes), navigation)
    s = hs_signals.Signal1D(labels[..., np.newaxis] + np.linspace(0, 0.1, 6))
    s.set_signal_type("spectrum_specaug")
    s.set_labels(labels, classes=names)
    result = s.classify(NEAREST, random_state=0, confidence=0.6)
    for ax in (s.plot_labels(), result.plot_map()[0], result.plot_reliability()):
        figure = ax.figure
        figure.canvas.draw()
        legend = ax.get_legend() or figure.legends[0]
        inside = legend.get_window_extent()
        assert inside.x1 <= figure.bbox.x1
        assert inside.y0 >= -1.0  # a pixel of its empty border
        plt.close(figure)


# --------------------------------------------------------------------------------------- files


@pytest.fixture
def saved(tmp_path):
    s, _ = make_map()
    return s.classify(NEAREST, random_state=0).save(tmp_path / "map.hspy")


@pytest.mark.filterwarnings("ignore::FutureWarning:rsciio")
@pytest.mark.parametrize("name", ["map[1].hspy", "map*.hspy", "map[1].zspy"])
def test_file_names_are_no_patterns(tmp_path, name):
    if name.endswith("zspy"):
        pytest.importorskip("zarr")
    result = make_map()[0].classify(NEAREST, random_state=0)
    loaded = ClassificationResult.load(result.save(tmp_path / name))
    np.testing.assert_array_equal(loaded.label_map.data, result.label_map.data)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_truncated_files(saved, share):
    content = saved.read_bytes()
    saved.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ValueError, match=r"map\.hspy' cannot be read: it is damaged"):
        ClassificationResult.load(saved)


@pytest.mark.filterwarnings("ignore::FutureWarning:rsciio")
def test_a_zarr_file_with_a_missing_chunk(tmp_path):
    pytest.importorskip("zarr")
    path = make_map()[0].classify(NEAREST, random_state=0).save(tmp_path / "map.zspy")
    (chunk,) = path.glob("**/data/0/0/0")
    chunk.unlink()
    with pytest.raises(ValueError, match="positions without any probability"):
        ClassificationResult.load(path)


@pytest.mark.parametrize("text", ["{half", "{}", "[]", 5])
def test_damaged_records(saved, text):
    signal = hs.load(saved)
    signal.metadata.set_item("SpecAug.result", text)
    signal.save(saved, overwrite=True, show_progressbar=False)
    with pytest.raises(ValueError, match="damaged record"):
        ClassificationResult.load(saved)


def test_a_file_whose_classes_were_cut(saved):
    hs.load(saved).isig[:1].save(saved, overwrite=True, show_progressbar=False)
    with pytest.raises(ValueError, match="probabilities of 1 classes, its record is of 2"):
        ClassificationResult.load(saved)


def test_paths_that_cannot_be(saved, tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no file"):
        ClassificationResult.load(tmp_path / "gone.hspy")
    with pytest.raises(ValueError, match=r"must end in '\.hspy' or '\.zspy'"):
        ClassificationResult.load(tmp_path)
    with pytest.raises(TypeError, match="path must be the name of one file"):
        ClassificationResult.load([saved])
    result = ClassificationResult.load(saved)
    with pytest.raises(TypeError, match="path must be a file name, got None"):
        result.save(None)
    (tmp_path / "folder.hspy").mkdir()
    with pytest.raises(IsADirectoryError, match="choose another name"):
        result.save(tmp_path / "folder.hspy")


def test_title_of_data_without_one():
    result = make_map()[0].classify(NEAREST, random_state=0)
    assert result.probability.metadata.General.title == "class probabilities"
