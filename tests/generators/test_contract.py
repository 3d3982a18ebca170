"""What every generator promises, whatever its method."""

import hashlib
import json
import os
import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import hs_specaug
from hs_specaug import SignalAxis, check_same_axes
from hs_specaug.exceptions import FewSamplesWarning, IncompatibleAxisError
from hs_specaug.generators import (
    load_generator,
    row_fingerprints,
    seen_in_training,
)
from hs_specaug.strategies import StrategySearch

# A class far from all others has no border, which Borderline-SMOTE says.
pytestmark = pytest.mark.filterwarnings(
    "ignore:class 'common' has no row near:hs_specaug.exceptions.FewSamplesWarning"
)

SHORT = {"epochs": 1, "batch_size": 256}
QUICK_SEARCH = StrategySearch(["gain"], "KNeighborsClassifier", repetitions=1, compare_with=())

GENERATORS = {
    "three-player": {**SHORT, "pretrain_epochs": 1},
    "cooperative": SHORT,
    "cdragan": SHORT,
    "acgan": SHORT,
    "dcgan": SHORT,
    "bagan": {**SHORT, "pretrain_epochs": 1},
    "bagan-gp": {**SHORT, "pretrain_epochs": 1},
    "cwgan-gp": SHORT,
    "mpcgan": SHORT,
    "sgbgan": {**SHORT, "pretrain_epochs": 1, "n_critic": 1},
    "dag": {"epochs": 1},
    "diffusion": {"epochs": 1, "timesteps": 4, "width": 2},
    "smote": {},
    "borderline-smote": {},
    "random": {},
    "perturbation": {"perturbation": "gain+shift"},
    "few-shot": {},
    "gansemble": {"generator": "smote", "search": QUICK_SEARCH},
}


@pytest.fixture(params=GENERATORS)
def generator(request):
    return hs_specaug.make_generator(request.param, random_state=0, **GENERATORS[request.param])


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(0, 1, (20, 12)), rng.normal(1, 1, (6, 12))]).astype("f4")
    return X, np.array(["common"] * 20 + ["rare"] * 6)


def test_every_built_in_is_tested():
    assert set(GENERATORS) <= set(hs_specaug.list_generators())
    assert [n for n in hs_specaug.list_generators() if n not in GENERATORS] == []


def test_sample_by_counts(generator, data):
    X, y = generator.fit(*data).sample({"rare": 3, "common": 2})
    assert X.shape == (5, 12)
    assert X.dtype == np.float32
    assert y.tolist() == ["common"] * 2 + ["rare"] * 3


def test_sample_by_labels_keeps_their_order(generator, data):
    wanted = ["rare", "common", "rare"]
    X, y = generator.fit(*data).sample(wanted)
    assert y.tolist() == wanted
    assert X.shape == (3, 12)


def test_sample_nothing(generator, data):
    X, y = generator.fit(*data).sample({"rare": 0})
    assert X.shape == (0, 12)
    assert y.shape == (0,)


def test_sample_is_reproducible_and_seeded(generator, data):
    generator.fit(*data)
    first = generator.sample({"rare": 8})[0]
    np.testing.assert_array_equal(generator.sample({"rare": 8})[0], first)
    assert not np.array_equal(generator.sample({"rare": 8}, random_state=7)[0], first)


def test_fit_resample_puts_originals_first(generator, data):
    X, y = data
    X_new, y_new = generator.fit_resample(X, y)
    np.testing.assert_array_equal(X_new[:26], X)
    np.testing.assert_array_equal(y_new[:26], y)
    assert (y_new == "rare").sum() == 20
    np.testing.assert_array_equal(generator.sample_indices_, [*range(26), *[-1] * 14])


def test_sampling_strategy_has_imbalanced_learns_meaning(generator, data):
    generator.set_params(sampling_strategy={"rare": 9})
    _, y = generator.fit_resample(*data)
    assert (y == "rare").sum() == 9


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ({"rarre": 3}, "did you mean 'rare'"),
        ({"rare": -1}, "whole number"),
        ({"rare": 2.5}, "whole number"),
        (["gone"], "knows \\['common', 'rare'\\]"),
        (5, "for 10 of each class"),
    ],
)
def test_bad_counts_say_what_is_wrong(generator, data, counts, message):
    generator.fit(*data)
    with pytest.raises(ValueError, match=message):
        generator.sample(counts)


def test_unfitted(generator, tmp_path):
    with pytest.raises(NotFittedError):
        generator.sample({"rare": 1})
    with pytest.raises(NotFittedError):
        generator.save(tmp_path / "g.safetensors")


def test_save_and_load(generator, data, tmp_path):
    generator.fit(*data)
    generator.signal_axes_ = [SignalAxis("Energy loss", "eV", np.linspace(400.0, 411.0, 12))]
    path = generator.save(tmp_path / "g.safetensors")
    loaded = load_generator(path)
    assert type(loaded) is type(generator)
    # A file holds what the search of a GANsemble found, not the search.
    parameters = {k: v for k, v in generator.get_params().items() if not k.startswith("search")}
    assert parameters.items() <= loaded.get_params().items()
    wanted = {"rare": 4, "common": 3}
    np.testing.assert_array_equal(
        loaded.sample(wanted, random_state=5)[0], generator.sample(wanted, random_state=5)[0]
    )
    np.testing.assert_array_equal(loaded.fingerprint_, generator.fingerprint_)
    np.testing.assert_array_equal(loaded.class_counts_, [20, 6])
    assert str(loaded.signal_axes_[0]) == "Energy loss: 12 channels, 400 to 411 eV"
    assert parameters.items() <= clone(loaded).get_params().items()


SAMPLE_AGAIN = """
import hashlib, json, sys, pathlib
from hs_specaug import load_generator
out = {}
for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    X = load_generator(path).sample({"rare": 4, "common": 3}, random_state=5)[0]
    out[path.stem] = hashlib.sha256(X.tobytes()).hexdigest()
print(json.dumps(out))
"""


def test_another_process_samples_the_same_from_every_file(data, tmp_path):
    expected = {}
    for name, parameters in GENERATORS.items():
        generator = hs_specaug.make_generator(name, random_state=0, **parameters).fit(*data)
        generator.save(tmp_path / f"{name}.safetensors")
        X = generator.sample({"rare": 4, "common": 3}, random_state=5)[0]
        expected[name] = hashlib.sha256(X.tobytes()).hexdigest()
    threads = {"OMP_NUM_THREADS": str(torch.get_num_threads())}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SAMPLE_AGAIN, str(tmp_path)],
        capture_output=True,
        text=True,
        env={**os.environ, **threads},
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == expected


@pytest.mark.parametrize("labels", [[3, 7], [True, False], [1.0, 2.0], ["ä", "ß"]])
def test_labels_of_every_kind_survive_a_file(data, labels, tmp_path):
    X, y = data
    y = np.array(labels)[(y == "rare").astype(int)]
    generator = hs_specaug.make_generator("random", random_state=0).fit(X, y)
    loaded = load_generator(generator.save(tmp_path / "g.safetensors"))
    assert loaded.classes_.dtype == generator.classes_.dtype
    wanted = {labels[0]: 2}
    np.testing.assert_array_equal(loaded.sample(wanted)[1], generator.sample(wanted)[1])


@pytest.mark.parametrize("method", ["smote", "borderline-smote"])
def test_samplers_are_imbalanced_learns(method, data):
    from imblearn.over_sampling import SMOTE, BorderlineSMOTE

    X, y = data
    reference = {"smote": SMOTE, "borderline-smote": BorderlineSMOTE}[method]
    ours = hs_specaug.make_generator(method, random_state=0).fit_resample(X, y)
    theirs = reference(random_state=0).fit_resample(X, y)
    np.testing.assert_array_equal(ours[0], theirs[0])
    np.testing.assert_array_equal(ours[1], theirs[1])


@pytest.mark.parametrize("method", ["smote", "borderline-smote"])
def test_two_rows_are_enough_with_a_warning(method, data):
    X, y = data[0][:22], data[1][:22]
    generator = hs_specaug.make_generator(method, random_state=0).fit(X, y)
    with pytest.warns(FewSamplesWarning, match="2 rows"):
        X_new, _ = generator.sample({"rare": 5})
    assert len(np.unique(X_new, axis=0)) > 1


@pytest.mark.parametrize("method", ["smote", "borderline-smote"])
def test_one_row_is_repeated_with_a_warning(method, data):
    X, y = data[0][:21], data[1][:21]
    generator = hs_specaug.make_generator(method, random_state=0).fit(X, y)
    with pytest.warns(FewSamplesWarning, match="one row"):
        X_new, _ = generator.sample({"rare": 5})
    np.testing.assert_array_equal(X_new, np.repeat(X[20:21], 5, axis=0))


def test_borderline_without_a_border_falls_back_with_a_warning():
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(0, 0.1, (20, 4)), rng.normal(50, 0.1, (12, 4))])
    y = np.array([0] * 20 + [1] * 12)
    generator = hs_specaug.make_generator("borderline-smote", random_state=0).fit(X, y)
    with pytest.warns(FewSamplesWarning, match="no row near another class"):
        X_new, _ = generator.sample({1: 5})
    assert X_new.shape == (5, 4)


def test_no_warning_where_there_are_enough_rows(data):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        hs_specaug.make_generator("smote", random_state=0).fit(*data).sample({"rare": 2})


def test_integers_stay_whole():
    X = np.random.default_rng(0).poisson(3.0, (20, 5))
    y = np.array([0] * 14 + [1] * 6)
    X_new, _ = hs_specaug.make_generator("smote", random_state=0).fit_resample(X, y)
    assert X_new.dtype == X.dtype


# --- fingerprints and axes -------------------------------------------------------------------


def test_fingerprints_recognise_rows_in_any_precision_and_order():
    X = np.random.default_rng(0).random((10, 7))
    fingerprint = np.sort(row_fingerprints(X))
    assert seen_in_training(fingerprint, X[::-1].astype("f4")).all()
    assert not seen_in_training(fingerprint, X + 1e-3).any()
    assert seen_in_training(row_fingerprints(np.zeros((1, 3))), np.array([[0.0, -0.0, 0.0]])).all()


def axis(n=10, offset=0.0, units="eV", name="Energy loss"):
    return [SignalAxis(name, units, offset + np.arange(n) * 0.5)]


def test_same_axis_is_accepted():
    check_same_axes(axis(), axis(name="E"))
    check_same_axes(axis(), axis(offset=0.2))
    check_same_axes(axis(), axis(units=""))
    check_same_axes(None, axis())


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (axis(n=11), "number of channels"),
        (axis(offset=5.0), "half a channel"),
        (axis(units="keV"), "units differ"),
        (axis() + axis(), "2"),
    ],
)
def test_wrong_axis_is_refused_with_both_written_out(other, reason):
    with pytest.raises(IncompatibleAxisError, match=reason):
        check_same_axes(axis(), other)


# --- what clumsy hands do ------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["u1", "u2", "i1", "i2", "i8", "?"])
@pytest.mark.parametrize("method", ["smote", "borderline-smote", "random"])
def test_whole_numbers_are_interpolated_without_wrapping(method, dtype):
    rng = np.random.default_rng(0)
    X = rng.integers(0, 2 if dtype == "?" else 120, (30, 8)).astype(dtype)
    y = np.array([0] * 20 + [1] * 10)
    generator = hs_specaug.make_generator(method, random_state=0).fit(X, y)
    X_new, _ = generator.sample({1: 200})
    assert X_new.dtype == X.dtype
    rare = X[20:].astype(float)
    assert (X_new >= rare.min(axis=0)).all()
    assert (X_new <= rare.max(axis=0)).all()
    assert abs(X_new.mean() - rare.mean()) < 0.25 * rare.std() + 0.05


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_a_fit_that_fails_leaves_what_was_fitted_before(generator, data, monkeypatch, error):
    def fail(*args):
        raise error

    fresh = clone(generator)
    generator.fit(*data)
    fitted = dict(vars(generator))
    monkeypatch.setattr(type(generator), "_fit", fail)
    for one in (fresh, generator):
        with pytest.raises(error):
            one.fit(data[0], np.where(data[1] == "rare", "x", "y"))
    assert vars(generator).keys() == fitted.keys()
    assert all(vars(generator)[name] is value for name, value in fitted.items())
    with pytest.raises(NotFittedError):
        fresh.sample({"x": 1})


@pytest.mark.parametrize("number", ["3", None, [2]])
def test_counts_that_are_no_numbers(generator, data, number):
    generator.fit(*data)
    with pytest.raises(ValueError, match="whole number"):
        generator.sample({"rare": number})


@pytest.mark.parametrize(
    ("method", "parameters"),
    [
        ("three-player", {"batch_size": 0}),
        ("three-player", {"n_critic": 0}),
        ("three-player", {"epochs": -1}),
        ("three-player", {"epochs": 1.5}),
        ("three-player", {"latent_dim": 0}),
        ("three-player", {"precision": "half"}),
        ("smote", {"k_neighbors": 0}),
        ("borderline-smote", {"m_neighbors": 0}),
    ],
)
def test_impossible_hyperparameters_are_named(data, method, parameters):
    generator = hs_specaug.make_generator(method, **parameters)
    with pytest.raises(ValueError, match=next(iter(parameters))):
        generator.fit(*data)


def test_threads_do_not_disturb_each_other(data):
    from concurrent.futures import ThreadPoolExecutor

    def run(seed):
        generator = hs_specaug.make_generator(
            "three-player", epochs=2, pretrain_epochs=1, random_state=seed, precision="float32"
        )
        return generator.fit(*data).sample({"rare": 3}, random_state=0)[0]

    alone = [run(seed) for seed in range(3)]
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(run, range(3)))
    for ours, theirs in zip(together, alone, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
