import numpy as np
import pytest
from sklearn.base import clone

from hs_specaug.classifiers import CNNClassifier


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    x = np.linspace(0, 1, 48)
    y = np.repeat(["a", "b", "c"], 20)
    centres = np.repeat([0.2, 0.5, 0.8], 20)[:, None]
    X = np.exp(-((x - centres) ** 2) / 0.01) + 0.05 * rng.standard_normal((60, 48))
    return X, y


@pytest.fixture(scope="module")
def fitted(data):
    return CNNClassifier(epochs=25, random_state=0).fit(*data)


def test_learns_peaks(fitted, data):
    assert fitted.score(*data) > 0.95


def test_probabilities(fitted, data):
    probabilities = fitted.predict_proba(data[0])
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0)
    np.testing.assert_array_equal(
        fitted.classes_[probabilities.argmax(axis=1)], fitted.predict(data[0])
    )


def test_a_row_gets_the_same_bits_alone_and_among_others(fitted, data):
    X = np.tile(data[0], (5, 1))
    together = fitted.predict_proba(X)
    np.testing.assert_array_equal(fitted.predict_proba(X[7:8]), together[7:8])
    np.testing.assert_array_equal(fitted.predict_proba(X[130:300]), together[130:300])


def test_features(fitted, data):
    assert fitted.features(data[0]).shape == (60, 256 * 3)


def test_number_of_updates(data):
    class Counted(CNNClassifier):
        def _train(self, network, stream):
            self.batches_, original = 0, stream.next

            def counted():
                self.batches_ += 1
                return original()

            stream.next = counted
            return super()._train(network, stream)

    few = Counted(max_updates=17, random_state=0).fit(*data)
    many = Counted(max_updates=17, random_state=0).fit(
        np.tile(data[0], (9, 1)), np.tile(data[1], 9)
    )
    assert few.batches_ == 18  # whole passes of two batches
    assert many.batches_ == 17


def test_seed(data):
    options = {"max_updates": 5, "random_state": 0}
    first = CNNClassifier(**options).fit(*data).predict_proba(data[0])
    np.testing.assert_array_equal(CNNClassifier(**options).fit(*data).predict_proba(data[0]), first)
    other = CNNClassifier(max_updates=5, random_state=1).fit(*data).predict_proba(data[0])
    assert not np.array_equal(other, first)


@pytest.mark.parametrize("shape", [(2, 20), (1, 16, 16), (3, 9, 11)])
def test_channels_and_images(shape):
    X = np.random.default_rng(0).random((10, *shape))
    classifier = CNNClassifier(max_updates=2, random_state=0).fit(X, [0, 1] * 5)
    assert classifier.predict(X).shape == (10,)


def test_wrong_shape_is_named(fitted):
    with pytest.raises(ValueError, match="features"):
        fitted.predict(np.zeros((2, 47)))
    images = CNNClassifier(max_updates=1, random_state=0).fit(np.ones((4, 2, 8)), [0, 1, 0, 1])
    with pytest.raises(ValueError, match=r"trained on rows of shape \(2, 8\)"):
        images.predict(np.ones((4, 2, 9)))


def test_one_class():
    with pytest.raises(ValueError, match="one class"):
        CNNClassifier().fit(np.random.default_rng(0).random((4, 8)), [1, 1, 1, 1])


def test_clone_keeps_parameters():
    classifier = CNNClassifier(epochs=3, learning_rate=1e-3)
    assert clone(classifier).get_params() == classifier.get_params()
