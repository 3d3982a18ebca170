"""What every perturbation inherits: rows of any library, seeds, chunks, refusals, composition."""

from typing import ClassVar

import dask.array as da
import numpy as np
import pytest
import torch

from hs_specaug import SignalAxis, make_perturbation
from hs_specaug.exceptions import IncompatibleSignalError
from hs_specaug.perturbations import (
    ArrayDraws,
    Compose,
    Domain,
    OneOf,
    Perturbation,
    Sometimes,
    TensorDraws,
    from_spec,
    parse_perturbation,
)


class Noise(Perturbation):
    """Add noise."""

    name: ClassVar[str] = "noise"
    valid_for: ClassVar[frozenset] = frozenset({"EELS", "spectrum"})
    reason: ClassVar[str] = "images have no noise here"

    def __init__(self, scale=1.0):
        self.scale = scale

    def _apply(self, X, y, domain, draws):
        return X + draws.normal(*X.shape[1:], scale=self.scale)


class Counts(Perturbation):
    """Replace values by Poisson numbers."""

    name: ClassVar[str] = "counts"

    def _apply(self, X, y, domain, draws):
        return draws.poisson(X)


class Add(Perturbation):
    """Add a number, so that what was applied can be read off."""

    name: ClassVar[str] = "add"

    def __init__(self, number=1.0):
        self.number = number

    def _apply(self, X, y, domain, draws):
        return X + self.number


class Partner(Perturbation):
    """Add the mean of all rows it was fitted to."""

    name: ClassVar[str] = "partner"
    borrows: ClassVar[bool] = True

    def fit(self, X, y=None, *, domain=None):
        self.reservoir_ = X.mean(0)
        return self

    def _apply(self, X, y, domain, draws):
        return X + self.reservoir_


@pytest.fixture
def X():
    return np.random.default_rng(0).random((100, 20)) * 10


EVERY = [
    Noise(),
    Counts(),
    Compose([Noise(0.1), Counts()]),
    OneOf([Noise(), Counts()]),
    Sometimes(Noise(), 0.4),
    Compose([Sometimes(OneOf([Noise(), Add()])), Noise()]),
]


@pytest.mark.parametrize("perturbation", EVERY, ids=str)
class TestSameRowsEverywhere:
    def test_tensors_give_what_arrays_give(self, perturbation, X):
        expected = perturbation(X, random_state=3)
        got = perturbation(torch.from_numpy(X), random_state=3)
        np.testing.assert_allclose(got.numpy(), expected, rtol=1e-12)

    @pytest.mark.parametrize("chunks", [(100, 20), (37, 7), (1, 20)])
    def test_chunks_give_the_same_bits(self, perturbation, X, chunks):
        lazy = perturbation(da.from_array(X, chunks=chunks), random_state=3)
        assert isinstance(lazy, da.Array)
        got = lazy.compute(scheduler="synchronous")
        np.testing.assert_array_equal(got, perturbation(X, random_state=3))

    def test_a_row_does_not_depend_on_those_after_it(self, perturbation, X):
        few = perturbation(X[:7], random_state=3)
        np.testing.assert_array_equal(few, perturbation(X, random_state=3)[:7])

    def test_slices_do_not_show(self, perturbation, X, monkeypatch):
        expected = perturbation(X, random_state=3)
        monkeypatch.setattr("hs_specaug.perturbations._base.VALUES_AT_ONCE", 1)
        np.testing.assert_array_equal(perturbation(X, random_state=3), expected)

    def test_seed_decides(self, perturbation, X, no_global_rng):
        assert not np.array_equal(perturbation(X, random_state=3), perturbation(X, random_state=4))
        rng = np.random.default_rng(0)
        first, second = perturbation(X, random_state=rng), perturbation(X, random_state=rng)
        assert not np.array_equal(first, second)

    def test_input_is_left_alone(self, perturbation, X):
        before = X.copy()
        perturbation(X, random_state=0)
        np.testing.assert_array_equal(X, before)

    def test_counts_stay_counts(self, perturbation, X):
        assert perturbation(X * 0.01, random_state=0).min() >= 0
        whole = perturbation((X * 10).astype(np.uint8), random_state=0)
        assert whole.dtype == np.uint8

    def test_torch_generator_moves_on_and_repeats(self, perturbation, X):
        tensor = torch.from_numpy(X)
        generator = torch.Generator().manual_seed(0)
        first = perturbation(tensor, random_state=generator)
        assert not torch.equal(first, perturbation(tensor, random_state=generator))
        again = perturbation(tensor, random_state=torch.Generator().manual_seed(0))
        assert torch.equal(first, again)

    def test_spec_rebuilds_it(self, perturbation, X, monkeypatch):
        classes = {c.name: c for c in (Noise, Counts, Add, Compose, OneOf, Sometimes)}
        monkeypatch.setattr(
            "hs_specaug.perturbations._composition.find_method", lambda group, name: classes[name]
        )
        again = from_spec(perturbation.to_spec())
        assert repr(again) == repr(perturbation)
        np.testing.assert_array_equal(again(X, random_state=1), perturbation(X, random_state=1))


def test_whole_numbers_are_rounded_and_do_not_wrap():
    X = np.array([[0, 100, 255]], dtype=np.uint8)
    np.testing.assert_array_equal(Add(1.6)(X), [[2, 102, 255]])
    assert Add(-300.0)(X).tolist() == [[0, 0, 0]]


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int16", "complex64"])
def test_type_is_kept(dtype):
    X = np.ones((3, 8), dtype=dtype)
    assert Add()(X).dtype == X.dtype


def test_gradient_passes_through():
    X = (1.0 + torch.rand(5, 8)).requires_grad_()
    Noise(1e-3)(X, random_state=torch.Generator().manual_seed(0)).sum().backward()
    assert torch.equal(X.grad, torch.ones_like(X))


@pytest.mark.parametrize("shape", [(4, 9), (4, 2, 9), (4, 3, 5, 6)])
def test_shapes_are_kept(shape):
    assert Add()(np.ones(shape)).shape == shape


@pytest.mark.parametrize("shape", [(), (9,), (1, 2, 3, 4, 5)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match="X must be"):
        Add()(np.ones(shape))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused(value):
    X = np.ones((4, 6))
    X[2, 3] = value
    with pytest.raises(ValueError, match="1 of 4 rows, the first is row 2"):
        Add()(X)


@pytest.mark.parametrize("type_", [">f4", ">f8", ">c16", ">i2"])
def test_byte_order_of_files_does_not_matter(type_):
    X = (100.0 * np.random.default_rng(0).random((4, 30))).astype(type_)
    native = X.astype(X.dtype.newbyteorder("="))
    # Complex values are no counts.
    for name in ("gain",) if X.dtype.kind == "c" else ("poisson", "gain"):
        perturbation = make_perturbation(name)
        new = perturbation(X, random_state=0)
        assert new.dtype == X.dtype
        np.testing.assert_array_equal(new, perturbation(native, random_state=0))


@pytest.mark.parametrize("name", ["dilation", "pink-noise", "emsa"])
def test_half_precision_tensors_are_worked_on_in_single_precision(name):
    X = 50.0 * np.random.default_rng(0).random((4, 40)).astype(np.float16)
    new = make_perturbation(name)(torch.from_numpy(X), random_state=0)
    assert new.dtype == torch.float16
    expected = make_perturbation(name)(X, random_state=0)
    np.testing.assert_allclose(new.numpy(), expected, rtol=2e-3, atol=2e-3)


def test_rates_that_are_no_counts_are_refused():
    with pytest.raises(ValueError, match="hardly counts"):
        make_perturbation("poisson")(np.full((1, 4), 1e30), random_state=0)


def test_text_is_refused():
    with pytest.raises(ValueError, match="must hold numbers"):
        Add()(np.array([["a", "b"]]))


def test_no_rows_give_no_rows():
    assert Noise()(np.empty((0, 8)), random_state=0).shape == (0, 8)


def test_negative_seed_is_refused():
    with pytest.raises(ValueError, match="random_state"):
        Noise()(np.ones((1, 4)), random_state=-1)


def test_kinds_are_refused_with_the_reason():
    with pytest.raises(IncompatibleSignalError, match=r"'noise' is not valid.*have no noise here"):
        Noise()(np.ones((1, 4)), domain=Domain("image"))
    with pytest.raises(IncompatibleSignalError, match="'noise'"):
        Compose([Add(), Sometimes(Noise())])(np.ones((1, 4)), domain=Domain("image"))


# --- borrowing -------------------------------------------------------------------------------


def test_unfitted_borrower_uses_the_rows_themselves(X):
    np.testing.assert_allclose(Partner()(X), X + X.mean(0))
    np.testing.assert_allclose(Compose([Partner(), Add()])(X), X + X.mean(0) + 1)


def test_fitted_borrower_uses_what_it_was_fitted_to(X):
    for perturbation in (Partner(), Compose([Partner()]), Sometimes(Partner(), 1.0)):
        perturbation.fit(2 * X)
        np.testing.assert_allclose(perturbation(X[:3]), X[:3] + 2 * X.mean(0))


def test_borrower_on_chunks_must_be_fitted(X):
    with pytest.raises(ValueError, match="fit it on rows in memory"):
        Partner()(da.from_array(X))
    np.testing.assert_allclose(Partner().fit(X)(da.from_array(X)).compute(), X + X.mean(0))


# --- composition -----------------------------------------------------------------------------


def test_compose_keeps_the_order():
    X = np.full((1, 3), 2.0)

    class Double(Add):
        name: ClassVar[str] = "double"

        def _apply(self, X, y, domain, draws):
            return 2 * X

    assert Compose([Add(), Double()])(X)[0, 0] == 6
    assert Compose([Double(), Add()])(X)[0, 0] == 5


def test_one_of_chooses_each_equally_often():
    got = OneOf([Add(1.0), Add(10.0), Add(100.0)])(np.zeros((3000, 2)), random_state=0)[:, 0]
    values, counts = np.unique(got, return_counts=True)
    assert values.tolist() == [1, 10, 100]
    assert (abs(counts - 1000) < 4 * np.sqrt(3000 * 2 / 9)).all()


def test_sometimes_has_its_probability():
    got = Sometimes(Add(), 0.2)(np.zeros((4000, 2)), random_state=0)[:, 0]
    assert abs(got.mean() - 0.2) < 4 * np.sqrt(0.16 / 4000)
    assert Sometimes(Add(), 0.0)(np.zeros((50, 2))).sum() == 0


def test_probability_outside_its_range():
    with pytest.raises(ValueError, match="probability"):
        Sometimes(Add(), 1.5)(np.zeros((1, 2)))


def test_empty_list_is_refused():
    with pytest.raises(ValueError, match="at least one perturbation"):
        Compose([])(np.zeros((1, 2)))


def test_labels_may_be_a_list_beside_tensors():
    X = torch.rand(6, 8)
    got = Sometimes(make_perturbation("mixup"), 1.0)(X, ["a", "b"] * 3, random_state=0)
    assert not torch.equal(got, X)


def test_complex_tensors_get_real_numbers():
    """A gain is a real factor: the phase of every row stays."""
    Z = torch.full((5, 8), 1.0 + 2.0j)
    gained = make_perturbation("gain")(Z, random_state=torch.Generator().manual_seed(0))
    np.testing.assert_allclose(gained.angle(), Z.angle(), rtol=1e-6)
    assert not torch.equal(gained, Z)


def test_complex_rows_are_recognised_before_they_are_refused():
    Z = np.ones((2, 9)) * (1 - 1j)
    axis = SignalAxis("f", "Hz", np.logspace(0, 4, 9))
    got = make_perturbation("impedance-scale")(Z, domain=Domain("impedance", (axis,)))
    assert got.dtype == Z.dtype


def test_phase_angles_may_pass_zero_inside_a_composition():
    X = np.full((50, 4), 0.01)
    offset = make_perturbation("phase-offset", max_offset=1.0, period=360.0)
    got = Compose([offset])(X, domain=Domain("impedance"), random_state=0)
    assert got.min() < 0


# --- expressions -----------------------------------------------------------------------------


def test_expression_with_parameters():
    perturbation = parse_perturbation("poisson(dose=0.25) + shift")
    assert isinstance(perturbation, Compose)
    assert perturbation.perturbations[0].dose == 0.25
    assert str(perturbation) == "poisson(dose=0.25)+shift"


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("poison", "did you mean 'poisson'"),
        ("poisson(0.5)", "parameters must have names"),
        ("poisson(dose=", "cannot read"),
        ("poisson(dose=__import__('os'))", "cannot read"),
        ("poisson(dose=0.5, dose=1.0)", "given twice"),
        ("poisson(**{'dose': 0.5})", "parameters must have names"),
        ("poisson()(dose=0.5)", "more than one pair of parentheses"),
        ("poisson++shift", "has no name"),
        ("", "has no name"),
        (3, "must be an instance"),
        ([], "must be an instance"),
    ],
)
def test_expressions_that_cannot_be_read(expression, message):
    with pytest.raises(ValueError, match=message):
        parse_perturbation(expression)


@pytest.mark.parametrize("nothing", [Compose(), OneOf([]), OneOf("gain+shift")])
def test_nothing_to_compose_is_refused_in_fit_too(nothing):
    X = np.ones((4, 8))
    with pytest.raises(ValueError, match="needs a list of at least one perturbation"):
        nothing.fit(X)
    with pytest.raises(ValueError, match="needs a list of at least one perturbation"):
        nothing(X)


def test_unknown_parameter_names_the_known_ones():
    with pytest.raises(TypeError, match="did you mean 'dose'"):
        parse_perturbation("poisson(doze=2)")


# --- domains and draws -----------------------------------------------------------------------


def test_domain_knows_its_axis():
    axis = SignalAxis("Energy loss", "eV", np.array([10.0, 9.0, 7.0]))
    domain = Domain("EELS", (axis,))
    assert domain.channel(3) == 1.5
    assert domain.units == "eV"
    with pytest.raises(ValueError, match="axis of 3 channels, the rows have 4"):
        domain.axis(4)
    again = Domain.from_dict(domain.to_dict())
    np.testing.assert_array_equal(again.axes[0].values, axis.values)
    assert (again.kind, again.units) == ("EELS", "eV")
    assert Domain().axis(3).tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match="kind must be one of"):
        Domain("Raman")


@pytest.mark.parametrize("kind", ["array", "tensor"])
def test_draws_have_their_distributions(kind):
    if kind == "array":
        draws = ArrayDraws((0,), np.arange(4000), lambda values: values)
        rate = np.full((4000, 3), 2.5)
    else:
        draws = TensorDraws(torch.Generator().manual_seed(0), torch.zeros(4000, 3).double())
        rate = torch.full((4000, 3), 2.5).double()
    uniform = np.asarray(draws.uniform(3, low=-1.0, high=3.0))
    assert uniform.shape == (4000, 3)
    assert -1 <= uniform.min() < -0.99
    assert 2.99 < uniform.max() <= 3
    assert abs(np.asarray(draws.normal(3, scale=2.0)).std() - 2.0) < 0.05
    poisson = np.asarray(draws.poisson(rate))
    assert abs(poisson.mean() - 2.5) < 0.06
    assert abs(poisson.var() - 2.5) < 0.15
    assert set(np.asarray(draws.sign()).tolist()) == {-1.0, 1.0}
    assert draws.select(np.arange(4000) < 10).n == 10


def test_consecutive_draws_differ():
    draws = ArrayDraws((0,), np.arange(5), lambda values: values)
    assert not np.array_equal(draws.uniform(2), draws.uniform(2))
    assert not np.array_equal(draws.child().uniform(2), draws.child().uniform(2))


def test_images_are_recognised_by_their_shape():
    with pytest.raises(IncompatibleSignalError, match="'noise'"):
        Noise()(np.ones((2, 1, 8, 8)))
    with pytest.raises(IncompatibleSignalError, match="'noise'"):
        Noise().fit(np.ones((2, 1, 8, 8)))


def test_domains_are_equal_where_their_axes_are():
    def domain(offset=0.0):
        return Domain("EELS", (SignalAxis("Energy loss", "eV", offset + np.arange(5.0)),))

    assert domain() == domain()
    assert hash(domain()) == hash(domain())
    assert domain() != domain(1.0)
    assert domain() != "EELS"
