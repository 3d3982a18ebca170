"""Images: grey and RGB stacks, and an image for each pixel of a map, lazy included."""

import numpy as np
import pytest

from hs_specaug import signals
from hs_specaug.exceptions import IncompatibleSignalError
from hs_specaug.signals._polar import RGB


@pytest.fixture(params=["grey", "float", "rgb"])
def kind(request):
    return request.param


@pytest.fixture
def make_images(kind, lazy, no_progressbar):
    """Make labelled images 8 × 10 of a bright half: left, right, or unlabelled (every ninth)."""

    def make(shape=(24,)):
        n = int(np.prod(shape))
        rng = np.random.default_rng(0)
        values = rng.integers(0, 60, (n, 8, 10))
        codes = np.arange(n) % 3 // 2  # two thirds left, one third right
        for image, code in zip(values, codes, strict=True):
            image[2:6, 5 * code : 5 * code + 5] += 150
        if kind == "rgb":
            data = np.zeros(values.shape, dtype=RGB)
            for colour, factor in zip("RGB", (1.0, 0.5, 0.25), strict=True):
                data[colour] = values * factor
        else:
            data = values.astype("u2" if kind == "grey" else "f4")
        s = signals.AugmentableImage(data.reshape(*shape, 8, 10))
        for axis, scale in zip(s.axes_manager.signal_axes, (0.5, 0.25), strict=True):
            axis.scale, axis.units = scale, "nm"
        labelled = np.where(np.arange(n) % 9 == 8, -1, codes)
        s.set_labels(labelled.reshape(shape), classes=["left", "right"])
        return (s.as_lazy() if lazy else s), codes.reshape(shape)

    return make


SHAPES = pytest.mark.parametrize("shape", [(24,), (4, 6)], ids=["stack", "4-D"])


@SHAPES
def test_augment(make_images, lazy, kind, shape):
    s, _ = make_images(shape)
    counts = s.class_counts()
    balanced = s.augment("smote", random_state=0, k_neighbors=2)
    assert type(balanced) is type(s)
    assert balanced._lazy == lazy
    assert balanced.data.dtype == s.data.dtype
    assert balanced.axes_manager.signal_shape == (10, 8)
    assert [a.scale for a in balanced.axes_manager.signal_axes] == [0.5, 0.25]
    assert balanced.class_counts() == dict.fromkeys(counts, max(counts.values()))
    assert balanced.metadata.SpecAug.synthetic.sum() == max(counts.values()) - counts["right"]
    data = np.asarray(balanced.data)
    first = np.asarray(s.data).reshape(-1, 8, 10)[s.labels.ravel() >= 0]
    np.testing.assert_array_equal(data[: len(first)], first)
    # A synthetic image is bright where its class is.
    made = data[len(first) :]
    made = made["R"] if kind == "rgb" else made
    assert (made[:, 2:6, 5:].mean(axis=(1, 2)) > 150).all()


@SHAPES
def test_train_generator_and_use_it_again(make_images, kind, shape):
    s, _ = make_images(shape)
    generator = s.train_generator("three-player", epochs=1, pretrain_epochs=1, random_state=0)
    assert generator.input_shape_ == (3 if kind == "rgb" else 1, 8, 10)
    X, _ = generator.sample({"right": 3})
    assert X.shape == (3, *generator.input_shape_)
    out = s.augment(generator, counts={"right": 2}, random_state=0)
    assert out.class_counts()["right"] == s.class_counts()["right"] + 2
    other = s.isig[1:, :]
    with pytest.raises(IncompatibleSignalError):
        other.augment(generator)


@SHAPES
def test_classify_labels_every_image(make_images, shape):
    s, truth = make_images(shape)
    result = s.classify("KNeighborsClassifier", augmentation="random", random_state=0)
    np.testing.assert_array_equal(result.label_map.data, truth)
    assert result.label_map.data.shape == shape


def test_classify_with_a_network(make_images):
    s, truth = make_images()
    result = s.classify("cnn", max_updates=25, learning_rate=1e-3, random_state=0)
    assert (result.label_map.data == truth).mean() > 0.9


def test_perturbation_of_images_as_augmentation(make_images):
    s, _ = make_images()
    out = s.augment("image-shift(max_shift=0.1)", random_state=0)
    assert out.balanced_ratio == 1.0


# --- gallery -----------------------------------------------------------------------------------


def shown(axes):
    return [[len(ax.get_images()) for ax in line] for line in axes]


@SHAPES
def test_gallery_of_measured_images(make_images, kind, shape):
    s, _ = make_images(shape)
    axes = s.plot_gallery(n_images=3, random_state=0)
    assert axes.shape == (2, 3)
    assert shown(axes) == [[1] * 3] * 2
    assert [line[0].get_ylabel() for line in axes] == ["left", "right"]
    assert axes[0, 0].get_title(loc="left") == "measured"
    image = np.asarray(axes[1, 0].get_images()[0].get_array())
    assert image.shape == ((8, 10, 3) if kind == "rgb" else (8, 10))
    first = image[..., 0] if kind == "rgb" else image
    assert first[2:6, 5:].mean() > 2 * first[2:6, :5].mean()
    assert 0 <= image.min() <= image.max() <= 1


def test_gallery_shows_what_augment_added(make_images):
    s, _ = make_images()
    balanced = s.augment("smote", counts={"right": 2}, random_state=0, k_neighbors=2)
    axes = balanced.plot_gallery(n_images=3, random_state=0)
    assert axes.shape == (2, 5)
    assert shown(axes) == [[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]
    assert axes[0, 3].get_title(loc="left") == "generated"
    data = np.asarray(balanced.data)[-2:]
    data = np.stack([data[c] for c in "RGB"], axis=-1) if data.dtype.names else data
    for ax, row in zip(axes[1, 3:], data, strict=True):
        image = np.asarray(ax.get_images()[0].get_array())
        assert np.corrcoef(image.ravel(), row.astype(float).ravel())[0, 1] > 0.999


def test_gallery_with_a_generator_and_a_filter(make_images):
    s, _ = make_images()
    generator = s.train_generator("random", random_state=0)
    axes = s.plot_gallery(
        generator, n_images=2, classes=["right"], random_state=1, keep="corner-density"
    )
    assert shown(axes) == [[1, 1, 1, 1]]
    with pytest.raises(IncompatibleSignalError):
        s.isig[1:, :].plot_gallery(generator)


def test_gallery_errors(make_images, lazy):
    s, _ = make_images()
    with pytest.raises(ValueError, match="unknown classes"):
        s.plot_gallery(classes=["middle"])
    with pytest.raises(ValueError, match="n_images"):
        s.plot_gallery(n_images=0)
    with pytest.raises(TypeError, match="options of a generator"):
        s.plot_gallery(keep="corner-density")
    s.clear_labels()
    with pytest.raises(ValueError, match="no image is labelled"):
        s.plot_gallery()
    spectra = signals.AugmentableSpectrum(np.zeros((3, 9)))
    with pytest.raises(ValueError, match="as_polar_images"):
        spectra.plot_gallery()
