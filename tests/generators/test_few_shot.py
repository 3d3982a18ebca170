"""Few-shot: where its rows lie, whose variation they show, and what happens with very few."""

import warnings

import numpy as np
import pytest
from scipy.stats import kstest

from hs_specaug.exceptions import FewSamplesWarning
from hs_specaug.generators import _base, load_generator
from hs_specaug.generators._few_shot import FewShotGenerator


def labelled(*classes):
    """Return rows and labels 0, 1, ... of arrays of rows."""
    y = np.repeat(np.arange(len(classes)), [len(rows) for rows in classes])
    return np.concatenate(classes), y


def borrowing_only(**settings):
    return FewShotGenerator(interpolation=0, random_state=0, **settings)


# --- whose variation ---------------------------------------------------------------------------


def test_added_covariance_is_the_pooled_one_within_classes():
    rng = np.random.default_rng(0)
    wide, narrow = (rng.normal(size=(n, 3)) @ rng.normal(size=(3, 3)) for n in (30, 12))
    rare = np.array([[-50.0, 0.0, 70.0]])  # one row, and not a count
    X, y = labelled(wide, 4.0 + 0.3 * narrow, rare)
    generator = borrowing_only(scale=0.8).fit(X, y)
    rows, _ = generator.sample({2: 40_000})
    pooled = (30 * np.cov(X[:30].T) + 12 * np.cov(X[30:42].T)) / 42
    expected = 2 / 3 * 0.8**2 * pooled
    np.testing.assert_allclose(np.cov(rows.T), expected, atol=0.03 * np.abs(expected).max())
    np.testing.assert_allclose(rows.mean(axis=0), rare[0], atol=0.03)


def planted(shared):
    """Two rare rows that differ in channel 0; common rows that differ along `direction`."""
    rng = np.random.default_rng(1)
    direction = np.sin(np.linspace(0.0, 6.0, 40))
    direction /= np.linalg.norm(direction)
    common = 0.01 * rng.normal(size=(25, 40))
    if shared:
        common += rng.normal(0.0, 3.0, (25, 1)) * direction
    rare = 5.0 + np.zeros((2, 40))
    rare[1, 0] += 0.1
    return direction, *labelled(common, rare)


def test_variation_of_the_common_class_is_found_in_the_rare_one():
    direction, X, y = planted(shared=True)
    rows, _ = FewShotGenerator(random_state=0).fit(X, y).sample({1: 500})
    leading = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)[2][0]
    assert abs(leading @ direction) > 0.999
    assert np.std(rows @ direction) > 0.5


def test_variation_that_the_common_class_lacks_is_not_made_up():
    direction, X, y = planted(shared=False)
    rows, _ = FewShotGenerator(random_state=0).fit(X, y).sample({1: 500})
    assert np.std(rows @ direction) < 0.02


def test_classes_with_too_few_rows_do_not_lend():
    common = np.zeros((6, 2)) + np.arange(6.0)[:, np.newaxis] * [1.0, 0.0]
    scattered = np.array([[0.0, -900.0], [0.0, 0.0], [0.0, 900.0], [0.0, 50.0]])
    X, y = labelled(common, scattered, [[-3.0, 7.0]])
    generator = borrowing_only().fit(X, y)
    np.testing.assert_array_equal(generator.lenders_, [0])
    np.testing.assert_array_equal(generator.sample({2: 50})[0][:, 1], np.full(50, 7.0))
    generator = borrowing_only(min_rows=4).fit(X, y)
    np.testing.assert_array_equal(generator.lenders_, [0, 1])
    assert np.ptp(generator.sample({2: 50})[0][:, 1]) > 100


def test_a_difference_is_of_rows_of_one_class():
    # Both classes are flat, each at its own height: a difference across them would show.
    X, y = labelled(np.zeros((8, 3)), np.full((8, 3), 1e6), [[1.0, -2.0, 3.0]])
    rows, _ = borrowing_only().fit(X, y).sample({2: 200})
    np.testing.assert_array_equal(rows, np.tile([1.0, -2.0, 3.0], (200, 1)))


# --- where its rows lie ------------------------------------------------------------------------


def test_interpolation_is_uniform_between_two_rows():
    low, high = np.zeros(4), np.array([1.0, 2.0, 3.0, 4.0])
    X, y = labelled(np.ones((9, 4)), [low, high])
    rows, _ = FewShotGenerator(scale=0, random_state=0).fit(X, y).sample({1: 4000})
    share = rows[:, 0]
    np.testing.assert_allclose(rows, share[:, np.newaxis] * high, atol=1e-12)
    assert kstest(share, "uniform").pvalue > 0.01


def test_interpolation_goes_no_further_than_asked():
    X, y = labelled(np.ones((9, 1)), [[0.0], [1.0]])
    generator = FewShotGenerator(scale=0, interpolation=0.25, random_state=0).fit(X, y)
    rows, _ = generator.sample({1: 4000})
    near_low, near_high = rows[rows < 0.5], rows[rows > 0.5]
    assert len(near_low) == len(near_high) == 2000
    assert kstest(near_low / 0.25, "uniform").pvalue > 0.01
    assert kstest((1 - near_high) / 0.25, "uniform").pvalue > 0.01


def test_without_both_parts_rows_are_repeated_equally_often():
    X, y = labelled(np.arange(9.0).reshape(9, 1), [[20.0], [30.0], [40.0]])
    rows, _ = FewShotGenerator(scale=0, interpolation=0, random_state=0).fit(X, y).sample({1: 12})
    np.testing.assert_array_equal(np.sort(rows[:, 0]), np.repeat([20.0, 30.0, 40.0], 4))


def test_every_pair_of_rows_is_interpolated():
    corners = np.eye(4)
    X, y = labelled(np.zeros((9, 4)), corners)
    rows, _ = FewShotGenerator(scale=0, random_state=0).fit(X, y).sample({1: 600})
    assert ((rows > 0).sum(axis=1) == 2).all()
    pairs, counts = np.unique(rows > 0, axis=0, return_counts=True)
    assert len(pairs) == 6
    assert counts.min() > 60  # 100 expected


# --- very few rows -----------------------------------------------------------------------------


def test_one_row_is_varied_with_a_warning():
    rng = np.random.default_rng(0)
    X, y = labelled(rng.normal(size=(10, 5)), rng.normal(size=(1, 5)))
    generator = FewShotGenerator(random_state=0).fit(X, y)
    with pytest.warns(FewSamplesWarning, match="class 1 has one row.*borrows alone"):
        rows, _ = generator.sample({1: 30})
    assert len(np.unique(rows, axis=0)) == 30


def test_where_no_class_has_enough_rows_those_with_two_lend():
    rng = np.random.default_rng(0)
    X, y = labelled(*(rng.normal(size=(n, 5)) for n in (3, 2, 1)))
    with pytest.warns(FewSamplesWarning, match="min_rows=5 rows, the largest has 3.*two rows"):
        generator = borrowing_only().fit(X, y)
    np.testing.assert_array_equal(generator.lenders_, [0, 1])
    assert len(np.unique(generator.sample({2: 20})[0], axis=0)) == 20


def test_one_row_of_every_class_is_repeated():
    X, y = labelled([[1.0, -2.0]], [[3.0, 4.0]])
    with pytest.warns(FewSamplesWarning, match="variation of no class"):
        generator = FewShotGenerator(random_state=0).fit(X, y)
    with pytest.warns(FewSamplesWarning, match="repeated"):
        rows, _ = generator.sample({0: 3})
    np.testing.assert_array_equal(rows, np.tile([1.0, -2.0], (3, 1)))


def test_no_warning_where_nothing_is_reduced():
    rng = np.random.default_rng(0)
    X, y = labelled(rng.normal(size=(5, 4)), rng.normal(size=(2, 4)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        FewShotGenerator(random_state=0).fit(X, y).sample({1: 3})


# --- contract ----------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(1,), (16,), (2, 16), (3, 6, 5)])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_rows_of_every_kind(shape, dtype, no_global_rng):
    rng = np.random.default_rng(0)
    X, y = labelled(rng.normal(size=(12, *shape)), 3 + rng.normal(size=(3, *shape)))
    generator = FewShotGenerator(random_state=0)
    X_new, y_new = generator.fit_resample(X.astype(dtype), y)
    assert X_new.shape == (24, *shape)
    assert X_new.dtype == dtype
    assert np.bincount(y_new).tolist() == [12, 12]
    assert len(np.unique(X_new[15:].reshape(9, -1), axis=0)) == 9


def test_channels_of_a_row_stay_together():
    # The second channel is the negative of the first in every row, so also in every new one.
    rng = np.random.default_rng(0)
    first = rng.normal(size=(14, 1, 8))
    X, y = labelled(*np.split(np.concatenate([first, -first], axis=1), [11]))
    rows, _ = FewShotGenerator(random_state=0).fit(X, y).sample({1: 20})
    np.testing.assert_allclose(rows[:, 1], -rows[:, 0], atol=1e-12)


def test_what_cannot_be_negative_stays_so():
    rng = np.random.default_rng(0)
    X, y = labelled(rng.exponential(2.0, (40, 10)), rng.exponential(0.1, (3, 10)))
    rows, _ = FewShotGenerator(random_state=0).fit(X, y).sample({1: 300})
    assert rows.min() == 0.0  # large differences on small rows: some had to be cut
    below, _ = FewShotGenerator(random_state=0).fit(X - 0.5, y).sample({1: 300})
    assert below.min() < -0.5


@pytest.mark.parametrize("dtype", ["u1", "u2", "i1", "i8", "?"])
def test_whole_numbers_stay_whole_and_do_not_wrap(dtype):
    rng = np.random.default_rng(0)
    top = {"?": 1, "u1": 250}.get(dtype, 120)  # close to the end of the short types
    X = np.where(rng.random((40, 6)) < 0.5, 0, top).astype(dtype)
    y = np.repeat([0, 1], [30, 10])
    rows, _ = FewShotGenerator(random_state=0).fit(X, y).sample({1: 400})
    assert rows.dtype == X.dtype
    assert rows.min() == 0
    assert rows.max() <= 1.5 * top
    # What is cut at both ends leaves the mean in the middle; what wraps does not.
    assert abs(rows.mean() - X[30:].mean()) < 0.12 * top


def test_seeds():
    rng = np.random.default_rng(0)
    X, y = labelled(rng.normal(size=(12, 6)), rng.normal(size=(4, 6)))
    generator = FewShotGenerator(random_state=3).fit(X, y)
    again = FewShotGenerator(random_state=3).fit(X, y)
    first, _ = generator.sample({1: 9})
    np.testing.assert_array_equal(again.sample({1: 9})[0], first)
    np.testing.assert_array_equal(generator.sample({1: 9}, random_state=3)[0], first)
    assert not np.isclose(generator.sample({1: 9}, random_state=4)[0], first).any()


def test_save_and_load(tmp_path, monkeypatch):
    monkeypatch.setattr(
        _base, "find_method", lambda group, name: {"few-shot": FewShotGenerator}[name]
    )
    rng = np.random.default_rng(0)
    X, y = labelled(*(rng.random((n, 2, 7)).astype("f4") for n in (12, 6, 1)))
    generator = FewShotGenerator(scale=0.7, min_rows=6, random_state=0).fit(X, y)
    loaded = load_generator(generator.save(tmp_path / "few.safetensors"))
    assert loaded.get_params() == generator.get_params()
    np.testing.assert_array_equal(loaded.lenders_, [0, 1])
    for seed in (None, 5):
        wanted = {1: 4, 0: 3}
        np.testing.assert_array_equal(
            loaded.sample(wanted, random_state=seed)[0],
            generator.sample(wanted, random_state=seed)[0],
        )


@pytest.mark.parametrize(
    "setting", [{"scale": -0.1}, {"interpolation": 1.5}, {"min_rows": 1}, {"scale": "auto"}]
)
def test_impossible_hyperparameters_are_named(setting):
    X, y = labelled(np.zeros((6, 3)), np.ones((3, 3)))
    with pytest.raises(ValueError, match=next(iter(setting))):
        FewShotGenerator(**setting).fit(X, y)
