"""ResNet50: its weights, where they come from, and its contract."""

import sys
import warnings

import numpy as np
import pytest
import torch
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import parametrize_with_checks

from hs_specaug.classifiers import ResNetClassifier
from hs_specaug.classifiers._resnet import IMAGENET, ResNet, weights_folder
from hs_specaug.exceptions import TrainingWarning
from hs_specaug.networks import build_network

transformers = pytest.importorskip(
    "transformers", reason="needs transformers: pip install 'hs_specaug[images]'"
)
SMALL = {"depths": (1, 1), "widths": (8, 16), "weights": None, "random_state": 0}


@parametrize_with_checks(
    [ResNetClassifier(**{**SMALL, "widths": (16, 32)}, max_updates=100, learning_rate=3e-3)]
)
@pytest.mark.slow
def test_scikit_learn(estimator, check):
    check(estimator)


@pytest.fixture
def images():
    """A bright square, left or right."""
    rng = np.random.default_rng(0)
    X = 0.1 * rng.random((24, 3, 16, 16)).astype("f4")
    X[:12, :, 4:12, 1:7] += 1
    X[12:, :, 4:12, 9:15] += 1
    return X, np.repeat(["left", "right"], 12)


def test_is_the_resnet50_of_transformers():
    network = build_network(lambda: ResNet(10, 3), 0)
    reference = transformers.ResNetModel(transformers.ResNetConfig())
    shapes = {k: v.shape for k, v in reference.state_dict().items()}
    assert {k: v.shape for k, v in network.trunk.state_dict().items()} == shapes
    # Paper 003: "a ResNet50 with 23,528,522 trainable parameters", ten classes.
    assert sum(p.numel() for p in network.parameters()) == 23_528_522


def test_learns_and_has_features(images):
    X, y = images
    classifier = ResNetClassifier(**SMALL, max_updates=60, learning_rate=3e-3).fit(X, y)
    assert classifier.score(X, y) == 1.0
    assert not classifier.pretrained_
    assert classifier.features(X).shape == (24, 16)
    np.testing.assert_allclose(classifier.predict_proba(X).sum(axis=1), 1.0)
    again = ResNetClassifier(**SMALL, max_updates=60, learning_rate=3e-3).fit(X, y)
    np.testing.assert_array_equal(again.predict_proba(X), classifier.predict_proba(X))


@pytest.mark.parametrize("shape", [(20,), (2, 20), (1, 9, 12), (4, 16, 16)])
def test_rows_of_any_kind(shape):
    X = np.random.default_rng(0).random((6, *shape))
    y = np.array([0, 1] * 3)
    assert ResNetClassifier(**SMALL, max_updates=1).fit(X, y).predict(X).shape == (6,)


def saved_weights(folder):
    config = transformers.ResNetConfig(embedding_size=4, hidden_sizes=[8, 16], depths=[1, 1])
    with torch.random.fork_rng():
        torch.manual_seed(5)
        model = transformers.ResNetModel(config)
        for buffer in model.buffers():
            if buffer.is_floating_point():
                buffer.uniform_(0.5, 1.5)
    model.save_pretrained(folder)
    return model.eval()


def test_pretrained_weights_come_from_a_folder(tmp_path, images, monkeypatch, no_global_rng):
    X, y = images
    folder = tmp_path / "resnet50"
    model = saved_weights(folder)
    network = build_network(lambda: ResNet(2, 3, folder=folder), 0).eval()
    for key, value in model.state_dict().items():
        assert torch.equal(network.trunk.state_dict()[key], value), key
    x = torch.from_numpy(X[:4]) * 2 - 1
    mean, deviation = (torch.tensor(v).view(1, 3, 1, 1) for v in IMAGENET)
    with torch.inference_mode():
        expected = model((torch.from_numpy(X[:4]) - mean) / deviation).pooler_output.flatten(1)
        torch.testing.assert_close(network.features(x), expected)
    named = ResNetClassifier(weights=folder, max_updates=1, random_state=0).fit(X, y)
    assert named.pretrained_
    monkeypatch.setenv("HS_SPECAUG_WEIGHTS", str(tmp_path))
    with warnings.catch_warnings():
        warnings.simplefilter("error", TrainingWarning)
        found = ResNetClassifier(max_updates=1, random_state=0).fit(X, y)
    np.testing.assert_array_equal(found.predict_proba(X), named.predict_proba(X))


def test_without_weights_it_says_where_to_put_them(tmp_path, monkeypatch):
    monkeypatch.setenv("HS_SPECAUG_WEIGHTS", str(tmp_path))
    assert weights_folder() == tmp_path / "resnet50"
    with pytest.warns(TrainingWarning, match="random weights") as caught:
        assert ResNetClassifier()._folder() is None
    assert str(tmp_path / "resnet50") in str(caught[0].message)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert ResNetClassifier(weights=None)._folder() is None
        assert ResNetClassifier(depths=(1,), widths=(8,))._folder() is None
    with pytest.raises(FileNotFoundError, match=r"holds no config\.json"):
        ResNetClassifier(weights=tmp_path)._folder()


def test_missing_package_names_the_extra(monkeypatch, images):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ImportError, match=r"hs_specaug\[images\]"):
        ResNetClassifier(**SMALL).fit(*images)


def test_sizes_must_agree(images):
    with pytest.raises(ValueError, match="depths and widths"):
        ResNetClassifier(**{**SMALL, "widths": (8,)}).fit(*images)
    with pytest.raises(NotFittedError):
        ResNetClassifier().predict(images[0])
