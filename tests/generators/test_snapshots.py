"""Networks after chosen epochs, and the figures that are drawn of them."""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import hs_specaug
from hs_specaug.classifiers import CNNClassifier
from hs_specaug.exceptions import TrainingWarning
from hs_specaug.generators import (
    SMOTEGenerator,
    ThreePlayerGenerator,
    epoch_feature_maps,
    load_generator,
)
from hs_specaug.generators._snapshots import Snapshots
from hs_specaug.networks import TrainingLoop

SHORT = {"epochs": 2, "batch_size": 256, "random_state": 0}
METHODS = {
    "three-player": {"pretrain_epochs": 1},
    "cooperative": {},
    "cdragan": {"ema_decay": 0.9},
    "acgan": {"spectral_norm": True},
    "dcgan": {},
    "bagan": {"pretrain_epochs": 1},
    "bagan-gp": {"pretrain_epochs": 1, "n_critic": 1},
    "cwgan-gp": {"n_critic": 1},
    "mpcgan": {},
    "sgbgan": {"pretrain_epochs": 1, "n_critic": 1},
    "dag": {"fewest_epochs": 2},
    "diffusion": {"timesteps": 4, "width": 2},
}


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(0, 1, (20, 16)), rng.normal(2, 1, (6, 16))])
    return X, np.array(["common"] * 20 + ["rare"] * 6)


def three_player(**options):
    options = {"epochs": 4, "pretrain_epochs": 2, "random_state": 0, "latent_dim": 8} | options
    return ThreePlayerGenerator(**options)


@pytest.fixture(scope="module")
def fitted(data):
    return three_player(scoring=None, snapshot_epochs=(4, 0, 2)).fit(*data)


def weights(generator):
    return {key: value.clone() for key, value in generator.networks_.state_dict().items()}


def assert_same(one, other):
    assert one.keys() == other.keys()
    for key, value in one.items():
        assert torch.equal(value.reshape(other[key].shape), other[key]), key


def test_every_trained_method_is_tested():
    trained = {
        name
        for name in hs_specaug.list_generators()
        if "snapshot_epochs" in hs_specaug.make_generator(name).get_params()
    }
    assert trained == set(METHODS)


@pytest.mark.parametrize("method", METHODS)
def test_snapshots_are_the_states_of_a_training_that_they_do_not_change(method, data):
    generator = hs_specaug.make_generator(method, scoring=None, **SHORT, **METHODS[method])
    plain = clone(generator).fit(*data)
    watched = clone(generator).set_params(snapshot_epochs=(0, 1, 2)).fit(*data)
    assert_same(weights(plain), weights(watched))
    assert list(watched.snapshots_) == [0, 1, 2]
    wanted = {"rare": 4, "common": 2}
    # What is kept is the last epoch; epoch 0 is what no training at all gives.
    np.testing.assert_array_equal(watched.at_epoch(2).sample(wanted)[0], plain.sample(wanted)[0])
    start = clone(generator).set_params(epochs=0).fit(*data)
    np.testing.assert_array_equal(watched.at_epoch(0).sample(wanted)[0], start.sample(wanted)[0])
    middle = watched.at_epoch(1).sample(wanted)[0]
    assert not np.array_equal(middle, plain.sample(wanted)[0])
    assert not np.array_equal(middle, start.sample(wanted)[0])


def test_dag_counts_the_epochs_of_each_class(data):
    """After one epoch of each class, as if the training had ended there."""
    options = {"random_state": 0, "scoring": None, "latent_dim": 8}
    long = hs_specaug.make_generator("dag", epochs=3, snapshot_epochs=(1,), **options).fit(*data)
    short = hs_specaug.make_generator("dag", epochs=1, **options).fit(*data)
    for code in range(2):
        prefix = f"generator.members.{code}."
        for key, value in weights(short).items():
            if key.startswith("generator.members.0."):
                assert torch.equal(long.snapshots_[1][key], value), key
        assert any(key.startswith(prefix) for key in long.snapshots_[1])
    early = long.at_epoch(1).sample({"rare": 3})[0]
    assert not np.array_equal(early, long.sample({"rare": 3})[0])


def test_a_dag_class_that_ended_earlier_is_shown_as_kept(data):
    X, y = data
    few = np.r_[:20, 20:23]  # three rows: the class is not trained at all
    generator = hs_specaug.make_generator("dag", epochs=2, random_state=0, snapshot_epochs=(0, 1))
    with pytest.warns(hs_specaug.exceptions.FewSamplesWarning):
        generator.fit(X[few], y[few])
    assert list(generator.snapshots_) == [0, 1]
    np.testing.assert_array_equal(
        generator.at_epoch(1).sample({"rare": 3})[0], generator.sample({"rare": 3})[0]
    )


def test_the_classifier_of_an_epoch_comes_with_it(fitted, data):
    early, late = fitted.at_epoch(0), fitted.at_epoch(4)
    np.testing.assert_array_equal(
        late.classifier_.predict_proba(data[0]), fitted.classifier_.predict_proba(data[0])
    )
    assert not np.array_equal(
        early.classifier_.predict_proba(data[0]), fitted.classifier_.predict_proba(data[0])
    )
    assert (early.best_epoch_, fitted.best_epoch_) == (0, 4)
    assert early.networks_ is not fitted.networks_


def test_files_keep_snapshots(fitted, tmp_path):
    path = fitted.save(tmp_path / "g.safetensors")
    loaded = load_generator(path)
    assert list(loaded.snapshots_) == [0, 2, 4]
    assert loaded.snapshot_epochs == (4, 0, 2)
    for epoch in (0, 2, 4):
        np.testing.assert_array_equal(
            loaded.at_epoch(epoch).sample({"rare": 3})[0],
            fitted.at_epoch(epoch).sample({"rare": 3})[0],
        )
    again = load_generator(fitted.at_epoch(2).save(tmp_path / "early.safetensors"))
    np.testing.assert_array_equal(
        again.sample({"rare": 3})[0], fitted.at_epoch(2).sample({"rare": 3})[0]
    )


@pytest.mark.parametrize("number", [2, 5])
def test_an_interrupted_training_has_the_same_snapshots(
    number, fitted, data, tmp_path, monkeypatch
):
    """Interrupted in pre-training, and in the main phase when two are taken."""
    path = tmp_path / "run.safetensors"
    options = {
        "scoring": None,
        "snapshot_epochs": (4, 0, 2),
        "checkpoint": path,
        "checkpoint_every": 1,
    }
    calls = iter(range(1, 100))
    original = TrainingLoop.run_single_epoch

    def run(self):
        if next(calls) == number:
            raise RuntimeError
        return original(self)

    with monkeypatch.context() as patch:
        patch.setattr(TrainingLoop, "run_single_epoch", run)
        with pytest.raises(RuntimeError):
            three_player(**options).fit(*data)
    resumed = three_player(**options).fit(*data)
    assert list(resumed.snapshots_) == [0, 2, 4]
    for epoch, state in resumed.snapshots_.items():
        assert_same(state, fitted.snapshots_[epoch])


def test_epochs_that_were_not_reached_are_said(data):
    with pytest.warns(TrainingWarning, match="before epoch 50, 60 of snapshot_epochs"):
        generator = three_player(snapshot_epochs=[0, 60, 50]).fit(*data)
    assert list(generator.snapshots_) == [0]
    with pytest.raises(
        ValueError, match=r"no snapshot of epoch 50, it has those of \[0\]; .*\(50,"
    ):
        generator.at_epoch(50)


@pytest.mark.parametrize("wrong", [(-1,), (0.5,), ["a"]])
def test_wrong_epochs(wrong, data):
    with pytest.raises(ValueError, match=r"whole numbers ≥ 0.*snapshot_epochs=\(0, 10\)"):
        three_player(snapshot_epochs=wrong).fit(*data)


def test_without_snapshots_there_are_none(data, tmp_path):
    generator = three_player(epochs=1).fit(*data)
    assert generator.snapshots_ == {}
    assert load_generator(generator.save(tmp_path / "g.safetensors")).snapshots_ == {}
    with pytest.raises(NotFittedError):
        three_player().at_epoch(0)


def test_only_what_is_wanted_is_copied():
    network = torch.nn.Linear(2, 2)
    snapshots = Snapshots((1,))
    for epoch in range(3):
        snapshots.take(epoch, {"g": network})
        with torch.no_grad():
            network.weight += 1
    assert list(snapshots.states) == [1]
    torch.testing.assert_close(snapshots.states[1]["g.weight"], network.weight.detach() - 2)


# --- figures ---------------------------------------------------------------------------------


def test_a_map_for_every_epoch_in_the_features_of_its_classifier(fitted, data):
    maps = epoch_feature_maps(fitted, *data, method="pca", random_state=0)
    assert [m.epoch for m in maps] == [0, 2, 4]
    assert [m.title for m in maps] == ["epoch 0", "epoch 2", "epoch 4, kept"]
    for m in maps:
        assert m.features == "CNNClassifier"
        # Every class as many as the largest has, as in a balanced training set.
        assert [int((m.labels[m.is_synthetic] == c).sum()) for c in m.classes] == [20, 20]
        assert int((~m.is_synthetic).sum()) == 26
        real = m.coordinates[~m.is_synthetic]
        features = fitted.at_epoch(m.epoch).classifier_.features(data[0])
        np.testing.assert_allclose(  # PCA of these very features: distances cannot be larger
            np.linalg.norm(real[0] - real[25]) <= np.linalg.norm(features[0] - features[25]) + 1e-5,
            True,
        )
    assert not np.allclose(maps[0].coordinates, maps[1].coordinates)


def test_with_one_classifier_real_rows_keep_their_places(fitted, data):
    classifier = CNNClassifier(epochs=1, random_state=0).fit(*data)
    maps = epoch_feature_maps(fitted, *data, classifier=classifier, epochs=[0, 4], method="pca")
    np.testing.assert_array_equal(maps[0].coordinates[:26], maps[1].coordinates[:26])
    assert not np.array_equal(maps[0].coordinates[26:], maps[1].coordinates[26:])
    sets = [classifier.features(data[0])]
    seed = np.random.RandomState(0)
    for label in ("common", "rare"):
        seed.permutation((data[1] == label).sum())
    noise = int(seed.randint(np.iinfo(np.int32).max, size=2)[0])
    for epoch in (0, 4):
        drawn = fitted.at_epoch(epoch).sample({"common": 20, "rare": 20}, noise)[0]
        sets.append(classifier.features(drawn))
    together = np.concatenate(sets).astype(float)
    u, s, _ = np.linalg.svd(together - together.mean(axis=0), full_matrices=False)
    expected = np.abs(u[:, :2] * s[:2])
    np.testing.assert_allclose(np.abs(maps[0].coordinates), expected[:66], atol=1e-4)
    np.testing.assert_allclose(np.abs(maps[1].coordinates[26:]), expected[66:], atol=1e-4)


def test_at_most_some_rows_of_each_class(fitted, data):
    (m,) = epoch_feature_maps(fitted, *data, epochs=[2], n_points=5, method="pca")
    assert int((~m.is_synthetic).sum()) == 10
    assert int(m.is_synthetic.sum()) == 10


def test_figure_has_a_panel_per_epoch_and_one_legend(fitted, data):
    figure = fitted.plot_feature_map(*data, n_points=8, method="pca")
    assert [ax.get_title(loc="left") for ax in figure.axes] == [
        "epoch 0",
        "epoch 2",
        "epoch 4, kept",
    ]
    assert all(ax.get_legend() is None for ax in figure.axes)
    (legend,) = figure.legends
    assert [t.get_text() for t in legend.get_texts()] == ["common", "rare", "real", "synthetic"]
    classifier = CNNClassifier(epochs=1, random_state=0).fit(*data)
    shared = fitted.plot_feature_map(*data, classifier=classifier, method="pca")
    assert len({ax.get_xlim() for ax in shared.axes}) == 1


def test_the_kept_epoch_needs_no_snapshot(data):
    generator = three_player(epochs=1, scoring=None).fit(*data)
    (m,) = epoch_feature_maps(generator, *data, method="pca")
    assert (m.epoch, m.title) == (1, "epoch 1, kept")


def test_dag_shows_what_it_keeps_beside_epochs_of_each_class(data):
    generator = hs_specaug.make_generator("dag", epochs=2, random_state=0, snapshot_epochs=(0,))
    maps = epoch_feature_maps(generator.fit(*data), *data, method="pca")
    assert [m.title for m in maps] == ["epoch 0", "kept"]
    assert [m.features for m in maps] == ["raw", "raw"]


def test_methods_without_training_have_one_map(data):
    smote = SMOTEGenerator(random_state=0).fit(*data)
    (m,) = epoch_feature_maps(smote, *data, method="pca")
    assert (m.epoch, m.title) == (None, "")
    with pytest.raises(ValueError, match=r"smote is not trained in epochs, got epochs=\[0\]"):
        epoch_feature_maps(smote, *data, epochs=[0])


def test_wrong_rows(fitted, data):
    X, y = data
    with pytest.raises(ValueError, match=r"rows of shape \(16,\)"):
        fitted.plot_feature_map(X[:, :3], y)
    with pytest.raises(ValueError, match="none of the classes"):
        fitted.plot_feature_map(X[:2], ["x", "z"])
    with pytest.raises(ValueError, match="n_points must be at least 1"):
        fitted.plot_feature_map(X, y, n_points=0)
    with pytest.raises(NotFittedError):
        three_player().plot_feature_map(X, y)
