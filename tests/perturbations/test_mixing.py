"""Perturbations that borrow from other rows: partners, shares, and what training steps need."""

import copy
import pickle

import dask.array as da
import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.base import clone

from hs_specaug.exceptions import IncompatibleSignalError
from hs_specaug.perturbations import (
    ArrayDraws,
    BorrowedVariation,
    Compose,
    CutMix,
    Domain,
    MixUp,
    OneOf,
)
from hs_specaug.perturbations._mixing import larger_share

ACTING = {
    "mixup": MixUp(1.0),
    "cutmix": CutMix(),
    "borrowed-variation": BorrowedVariation(),
    "own-variation": BorrowedVariation(same_class=True),
}
STILL = [MixUp(0.0), CutMix(0.0), BorrowedVariation(0.0)]
SIZES = {"spectra": (12,), "channels": (2, 12), "images": (3, 6, 5)}
NAMES = np.array(["gel"] * 20 + ["sol"] * 14 + ["core"] * 6)


def rows(size=(12,), n=40, seed=0):
    return np.random.default_rng(seed).random((n, *size)) * 50 + 50


@pytest.fixture(params=ACTING, ids=str)
def perturbation(request):
    return ACTING[request.param]


@pytest.fixture(params=SIZES, ids=str)
def X(request):
    return rows(SIZES[request.param])


# --- what holds for all of them ---------------------------------------------------------


def test_it_acts_repeats_and_leaves_its_input(perturbation, X, no_global_rng):
    before = X.copy()
    new = perturbation(X, NAMES, random_state=0)
    np.testing.assert_array_equal(X, before)
    assert new.shape == X.shape
    assert np.isfinite(new).all()
    changed = (new != X).any(axis=tuple(range(1, X.ndim)))
    assert changed.mean() > 0.8
    assert not np.array_equal(new, perturbation(X, NAMES, random_state=1))
    np.testing.assert_array_equal(new, perturbation(X, NAMES, random_state=0))


@pytest.mark.parametrize("still", STILL, ids=lambda p: p.name)
def test_zero_strength_changes_nothing(still, X):
    np.testing.assert_array_equal(still(X, NAMES, random_state=0), X)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("names", [True, False])
def test_tensors_give_what_arrays_give(perturbation, X, dtype, names):
    X = X.astype(dtype)
    codes = np.unique(NAMES, return_inverse=True)[1]
    y, tensor_y = (NAMES, NAMES) if names else (codes, torch.from_numpy(codes))
    expected = perturbation(X, y, random_state=3)
    got = perturbation(torch.from_numpy(X), tensor_y, random_state=3)
    assert got.dtype == getattr(torch, dtype)
    np.testing.assert_allclose(got.numpy(), expected, rtol=1e-10 if dtype == "float64" else 1e-4)


@pytest.mark.parametrize("fitted_on_tensor", [True, False])
def test_reservoir_follows_to_the_library_of_the_rows(perturbation, fitted_on_tensor):
    X = rows()
    fitted = clone(perturbation).fit(torch.from_numpy(X) if fitted_on_tensor else X, NAMES)
    array, tensor = (fitted(x, NAMES, random_state=0) for x in (X, torch.from_numpy(X)))
    assert isinstance(array, np.ndarray)
    np.testing.assert_allclose(tensor.numpy(), array, rtol=1e-12)
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again(X, NAMES, random_state=0), array)


@pytest.mark.parametrize("chunk", [7, 40])
def test_chunks_give_the_same_bits(perturbation, X, chunk):
    fitted = clone(perturbation).fit(X, NAMES)
    lazy = da.from_array(X, chunks=(chunk, *X.shape[1:]))
    got = fitted(lazy, NAMES, random_state=3).compute(scheduler="threads", num_workers=2)
    np.testing.assert_array_equal(got, fitted(X, NAMES, random_state=3))


def test_dask_needs_a_fitted_one(perturbation):
    with pytest.raises(ValueError, match="fit it on rows in memory"):
        perturbation(da.from_array(rows(), chunks=20), NAMES)


def test_a_row_does_not_depend_on_its_neighbours(perturbation, X):
    fitted = clone(perturbation).fit(X, NAMES)
    other = np.concatenate([X[:5], 3.0 * X[30:34]])
    got = fitted(other, [*NAMES[:5], *["core"] * 4], random_state=3)[:5]
    np.testing.assert_array_equal(got, fitted(X, NAMES, random_state=3)[:5])


@pytest.mark.parametrize("on_batch", [True, False])
def test_gradient(perturbation, on_batch):
    codes = torch.tensor([0, 0, 0, 0, 0, 1, 1])
    perturbation = clone(perturbation)
    if not on_batch:
        perturbation.fit(rows((4,), 7, seed=1), codes)
    X = torch.from_numpy(rows((4,), 7)).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: perturbation(x, codes, random_state=1), (X,))


def test_inside_a_training_step(perturbation, no_global_rng):
    X, codes = torch.from_numpy(rows()).float(), torch.arange(40) % 3
    fitted = clone(perturbation).fit(X, codes)
    fake = torch.from_numpy(rows(n=16, seed=1)).float().requires_grad_()
    labels = torch.arange(16) % 3
    first, again = (
        fitted(fake, labels, random_state=torch.Generator().manual_seed(0)) for _ in range(2)
    )
    assert torch.equal(first, again)
    assert not torch.allclose(first, fake)
    first.sum().backward()
    assert float(fake.grad.abs().sum()) > 0.0
    assert not fitted.reservoir_.requires_grad


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
def test_dtype_is_kept_and_counts_stay_counts(perturbation, X, dtype):
    counts = np.round(X).astype(dtype)
    counts[..., ::5] = 0
    new = perturbation(counts, NAMES, random_state=0)
    assert new.dtype == dtype
    assert new.shape == counts.shape
    assert new.min() >= 0


@pytest.mark.parametrize("length", [1, 2, 3, 4])
def test_short_rows(perturbation, length):
    new = perturbation(rows((length,)), NAMES, random_state=0)
    assert new.shape == (40, length)
    assert np.isfinite(new).all()


def test_empty_batch(perturbation):
    fitted = clone(perturbation).fit(rows(), NAMES)
    assert fitted(np.empty((0, 12)), np.empty(0, NAMES.dtype)).shape == (0, 12)


def test_describes_itself(perturbation):
    assert perturbation.to_spec()["name"] == perturbation.name
    assert str(perturbation).startswith(perturbation.name)
    copy.deepcopy(clone(perturbation).fit(rows(), NAMES))


# --- who borrows from whom --------------------------------------------------------------


@pytest.mark.parametrize("random_state", [0, 1, 2])
def test_no_row_is_its_own_partner(random_state):
    X = np.repeat(np.arange(40.0)[:, None], 3, axis=1)
    perturbation = clone(MixUp()).fit(X, NAMES)
    draws = ArrayDraws((random_state,), np.arange(40), lambda v: v)
    partners, has_one = perturbation._partners(X[:, None], NAMES, draws)
    partners = partners[:, 0, 0].astype(int)
    assert has_one.all()
    assert (partners != np.arange(40)).all()
    np.testing.assert_array_equal(NAMES[partners], NAMES)


def test_every_other_row_of_the_class_is_chosen_about_equally():
    X = np.arange(6.0)[:, None, None]
    perturbation = MixUp().fit(X, np.zeros(6, int))
    asked = np.full((6000, 1, 1), 99.0)  # not in the reservoir
    draws = ArrayDraws((0,), np.arange(6000), lambda v: v)
    partners, _ = perturbation._partners(asked, np.zeros(6000, int), draws)
    assert stats.chisquare(np.bincount(partners[:, 0, 0].astype(int), minlength=6)).pvalue > 1e-3


def test_rows_without_a_partner_stay():
    X = rows(n=6)
    y = np.array(["gel", "gel", "gel", "lonely", "gel", "new"])
    for perturbation in (MixUp(1.0), CutMix(), BorrowedVariation(same_class=True)):
        fitted = perturbation.fit(X[:5], y[:5])
        changed = (fitted(X, y, random_state=0) != X).any(axis=1)
        assert not changed[[3, 5]].any(), perturbation.name
        assert changed.sum() >= 3, perturbation.name


def test_unknown_codes_stay_on_tensors_too():
    X = torch.from_numpy(rows(n=6))
    fitted = MixUp(1.0).fit(X[:4], torch.tensor([3, 3, 7, 7]))
    new = fitted(X, torch.tensor([3, 3, 7, 7, 5, 9]), random_state=0)
    assert torch.equal(new[4:], X[4:])
    assert not torch.isclose(new[:4], X[:4]).all(dim=1).any()


def test_labels_of_another_type_are_an_error_not_silence():
    fitted = MixUp().fit(rows(), NAMES)
    with pytest.raises(ValueError, match="label rows alike"):
        fitted(rows(), np.zeros(40, int))
    with pytest.raises(ValueError, match="label rows alike"):
        fitted(torch.from_numpy(rows()), torch.zeros(40, dtype=torch.long))
    with pytest.raises(ValueError, match="label rows alike"):
        MixUp().fit(rows(), np.zeros(40, int))(rows(), NAMES)


def test_labels_are_needed():
    for perturbation in (MixUp(), CutMix(), BorrowedVariation(same_class=True)):
        with pytest.raises(ValueError, match="y is needed"):
            perturbation(rows())
        with pytest.raises(ValueError, match="y is needed"):
            clone(perturbation).fit(rows(), NAMES)(rows())
    with pytest.raises(ValueError, match="one label for each of the 40 rows"):
        MixUp(1.0)(rows(), NAMES[:5])


def test_rows_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"fitted on rows of shape \(1, 12\)"):
        MixUp().fit(rows(), NAMES)(rows((13,)), NAMES)


def test_inside_a_composition():
    X = rows()
    for several in (Compose([CutMix(), MixUp(1.0)]), OneOf([CutMix(), MixUp(1.0)])):
        assert several.borrows
        new = several(X, NAMES, random_state=0)
        assert (new != X).any(axis=1).mean() > 0.8
        codes = torch.from_numpy(np.unique(NAMES, return_inverse=True)[1])
        got = several(torch.from_numpy(X), codes, random_state=0)
        np.testing.assert_allclose(got.numpy(), new, rtol=1e-10)


# --- each of them -----------------------------------------------------------------------


@pytest.mark.parametrize("alpha", [0.4, 0.5, 1.0, 3.0, 50.0])
def test_shares_have_the_folded_beta_distribution(alpha):
    draws = ArrayDraws((1,), np.arange(20_000), lambda v: v)
    share = larger_share(draws, alpha, 1)[:, 0]
    beta = stats.beta(alpha, alpha)
    assert stats.kstest(share, lambda x: beta.cdf(x) - beta.cdf(1.0 - x)).pvalue > 1e-3


def test_shares_of_tiny_alpha_are_finite_in_single_precision():
    draws = ArrayDraws((0,), np.arange(20_000), lambda v: v.astype(np.float32))
    share = larger_share(draws, 0.01, 1)
    assert np.isfinite(share).all()
    assert 0.5 <= share.min() <= share.max() <= 1.0


def test_mixup_lies_between_two_rows_nearer_to_the_first():
    X = np.array([[0.0, 10.0], [1.0, 30.0]])
    for seed in range(10):
        new = MixUp(1.0)(X, [0, 0], random_state=seed)
        share = new[0, 0]
        assert 0.0 <= share <= 0.5
        np.testing.assert_allclose(new[0, 1], 10.0 + 20.0 * share)


def test_mixup_of_complex_rows_is_complex():
    Z = rows(n=4) + 1j * rows(n=4, seed=1)
    new = MixUp(1.0)(Z, [0, 0, 0, 0], random_state=0)
    assert new.dtype == Z.dtype
    assert not np.isclose(new.imag, Z.imag).any(axis=1).all()
    with pytest.raises(IncompatibleSignalError, match="Kramers"):
        CutMix()(Z, [0, 0, 0, 0], domain=Domain("impedance", is_complex=True))


def test_cutmix_takes_one_stretch_of_the_right_size():
    n, length, most = 4000, 200, 0.3
    X = np.tile(np.repeat([[0.0], [1.0]], length, axis=1), (n // 2, 1))
    reservoir = np.repeat([[0.0], [1.0]], length, axis=1)
    new = CutMix(most).fit(reservoir, [0, 0])(X, np.zeros(n, int), random_state=0)
    taken = new != X
    assert (np.abs(np.diff(taken.astype(int), axis=1)).sum(axis=1) <= 2).all()
    fraction = taken.mean(axis=1)
    assert fraction.max() <= most + 1 / length
    # Channels make whole numbers of a uniform share.
    assert (
        stats.kstest(fraction, stats.uniform(0, most).cdf).statistic < 0.5 / (most * length) + 0.03
    )


def test_cutmix_takes_one_box_of_an_image():
    X = np.stack([np.zeros((2, 20, 30)), np.ones((2, 20, 30))])
    for seed in range(20):
        taken = CutMix()(X, [0, 0], random_state=seed)[0]
        np.testing.assert_array_equal(taken[0], taken[1])  # channels together
        rows_in, columns_in = taken[0].any(axis=1), taken[0].any(axis=0)
        np.testing.assert_array_equal(taken[0], np.outer(rows_in, columns_in))
        for inside in (rows_in, columns_in):
            assert np.abs(np.diff(inside.astype(int))).sum() <= 2
        assert taken[0].mean() <= 0.5 + 0.1


def test_borrowed_variation_is_the_difference_of_two_rows_of_one_class():
    rng = np.random.default_rng(0)
    common = np.zeros((20, 4))
    common[:, 0] = rng.random(20)  # this class varies in the first channel
    other = np.zeros((20, 4))
    other[:, 1] = rng.random(20)  # that one in the second
    small = np.zeros((3, 4))
    small[:, 2] = rng.random(3)  # too small to lend
    y = ["common"] * 20 + ["other"] * 20 + ["small"] * 3
    fitted = BorrowedVariation(1.0).fit(np.concatenate([common, other, small]), y)
    x = np.full((500, 4), 9.0)
    change = fitted(x, ["rare"] * 500, random_state=0) - x
    assert (change[:, 2:] == 0.0).all()
    assert ((change[:, 0] != 0.0) ^ (change[:, 1] != 0.0)).all()  # one class at a time, never none
    assert np.abs(change).max() <= 1.0
    np.testing.assert_array_equal(fitted(x, random_state=0) - x, change)  # y not needed


def test_classes_lend_by_their_rows():
    X = np.concatenate(
        [np.eye(2)[[0]] * np.arange(90)[:, None], np.eye(2)[[1]] * np.arange(30)[:, None]]
    )
    fitted = BorrowedVariation(1.0).fit(X, [0] * 90 + [1] * 30)
    change = fitted(np.full((4000, 2), 500.0), random_state=0) - 500.0
    assert stats.binomtest(int((change[:, 0] != 0.0).sum()), 4000, 0.75).pvalue > 1e-3


def test_variation_of_the_own_class_only():
    X = np.zeros((20, 2))
    X[:10, 0] = np.arange(10.0)
    X[10:, 1] = np.arange(10.0)
    y = np.repeat(["a", "b"], 10)
    change = BorrowedVariation(same_class=True)(X + 50, y, random_state=0) - X - 50
    assert (change[:10, 1] == 0.0).all()
    assert (change[10:, 0] == 0.0).all()
    assert (change[:10, 0] != 0.0).all()


def test_no_class_large_enough():
    with pytest.raises(ValueError, match=r"min_rows=30 rows, the largest \(gel\) has 20"):
        BorrowedVariation(min_rows=30).fit(rows(), NAMES)


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        (MixUp(-1.0), "alpha"),
        (MixUp("much"), "alpha"),
        (CutMix(1.5), "max_fraction"),
        (BorrowedVariation(-0.1), "scale"),
        (BorrowedVariation(min_rows=1), "min_rows"),
        (BorrowedVariation(same_class="yes"), "same_class"),
    ],
)
def test_parameters_out_of_range_are_refused(wrong, name):
    with pytest.raises(ValueError, match=name):
        wrong(rows(), NAMES)
