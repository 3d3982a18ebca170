"""What holds for every perturbation of the package; a new one is one line in CASES."""

import json
from typing import Any, NamedTuple

import dask.array as da
import numpy as np
import pytest
import torch
from sklearn.base import clone

from hs_specaug import SignalAxis
from hs_specaug.exceptions import IncompatibleSignalError
from hs_specaug.perturbations import (
    EMSA,
    AxisDilation,
    BackgroundVariation,
    Baseline,
    Blur,
    ChannelDropout,
    CircularMask,
    Domain,
    Elastic,
    EnergyShift,
    FrequencyShift,
    Gain,
    GaussianNoise,
    ImageShift,
    Offset,
    PeakBroadening,
    PinkNoise,
    PluralScattering,
    PoissonNoise,
    RandomErasing,
    RectangularMask,
    Rotation,
    Shift,
    Slope,
    Spikes,
    Warp,
    WavenumberShift,
    Zoom,
)
from hs_specaug.perturbations._domain import KINDS


class Case(NamedTuple):
    """A perturbation that acts visibly, and what is known about it.

    `still` is the same at zero strength, None if there is no such thing. `gradient` is "checked"
    by finite differences, or "one" for noise that does not follow its row. `mirrors`: rows and
    axis reversed together give the reversed result.
    """

    perturbation: Any
    still: Any = None
    kind: str = "spectrum"
    gradient: str = "checked"
    mirrors: bool = True
    size: tuple[int, ...] = (40,)
    lengths: tuple[int, ...] = (1, 2, 3, 4)


CASES = {
    "shift": Case(Shift(3.3), Shift(0.0)),
    "shift-default": Case(Shift()),
    "energy-shift": Case(EnergyShift(3.3), EnergyShift(0.0), "EELS"),
    "energy-shift-EDS": Case(EnergyShift(25.0), EnergyShift(0.0), "EDS"),
    "wavenumber-shift": Case(WavenumberShift(9.0), WavenumberShift(0.0)),
    "frequency-shift": Case(FrequencyShift(0.3), FrequencyShift(0.0), "impedance"),
    "dilation": Case(AxisDilation(0.1), AxisDilation(0.0)),
    "warp": Case(Warp(3.0), Warp(0.0)),
    "warp-default": Case(Warp()),
    "broadening": Case(PeakBroadening(20.0), PeakBroadening(0.0)),
    "gain": Case(Gain(0.3), Gain(0.0), "impedance"),
    "offset": Case(Offset(0.1), Offset(0.0)),
    "slope": Case(Slope(0.1), Slope(0.0)),
    "baseline": Case(Baseline(), Baseline(0.0, 0.0, 0.0)),
    "emsa": Case(EMSA(), EMSA(0.0, 0.0)),
    "background-polynomial": Case(BackgroundVariation(), BackgroundVariation(0.0)),
    "background-power-law": Case(BackgroundVariation(), BackgroundVariation(0.0), "EELS"),
    "poisson": Case(PoissonNoise(0.5), PoissonNoise(counts=1e12), gradient="one", mirrors=False),
    "gaussian-noise": Case(GaussianNoise(), GaussianNoise(0.0), gradient="one", mirrors=False),
    "pink-noise": Case(PinkNoise(), PinkNoise(0.0), gradient="one", mirrors=False),
    "spikes": Case(Spikes(4.0), Spikes(0.0), mirrors=False),
    "channel-dropout": Case(ChannelDropout(0.2), ChannelDropout(0.0), mirrors=False),
    "random-erasing": Case(RandomErasing(60.0), RandomErasing(0.0), mirrors=False),
    "plural-scattering": Case(
        PluralScattering(0.8, plasmon_eV=9.0, plasmon_fwhm_eV=3.0), PluralScattering(0.0), "EELS"
    ),
    "image-shift": Case(ImageShift(0.4), ImageShift(0.0), "image", mirrors=False, size=(12, 14)),
    "rotation": Case(Rotation(60.0), Rotation(0.0), "image", mirrors=False, size=(12, 14)),
    "zoom": Case(Zoom(1.1, 1.6), Zoom(1.0, 1.0), "image", size=(12, 14)),
    "blur": Case(Blur(2.0), Blur(0.0), "image", size=(12, 14)),
    "elastic": Case(Elastic(), Elastic(0.0, 0.0), "image", mirrors=False, size=(12, 14)),
    "circular-mask": Case(
        CircularMask(), CircularMask(n_circles=0), "image", mirrors=False, size=(12, 14)
    ),
    "rectangular-mask": Case(
        RectangularMask(max_width=0.2),
        RectangularMask(n_rectangles=0),
        "image",
        mirrors=False,
        size=(12, 14),
    ),
}

AXES = {
    "spectrum": ("Wavenumber", "1/cm", lambda i: 500.0 + 4.0 * i),
    "EELS": ("Energy loss", "eV", lambda i: 450.0 + 0.5 * i),
    "EDS": ("Energy", "keV", lambda i: 0.2 + 0.01 * i),
    "impedance": ("Frequency", "Hz", lambda i: 10.0 ** (-2.0 + 0.1 * i)),
    "image": ("x", "nm", lambda i: 2.0 * i),
}


def domain_of(case, size=None, is_even=True):
    def axis(length):
        name, units, values = AXES[case.kind]
        channels = np.arange(float(length))
        return SignalAxis(name, units, values(channels if is_even else channels + channels**2 / 99))

    return Domain(case.kind, tuple(axis(length) for length in size or case.size))


def rows_of(case, n=50, size=None):
    """Return counts about 100, every value its own."""
    size = size or case.size
    along = np.linspace(0.0, 3.0, int(np.prod(size))).reshape(size)
    noise = np.random.default_rng(0).random((n, *([3] if len(size) > 1 else []), *size))
    return 80.0 + 20.0 * np.sin(along) + 15.0 * noise


@pytest.fixture(params=CASES, ids=str)
def case(request):
    return CASES[request.param]


@pytest.fixture
def X(case):
    return rows_of(case)


@pytest.fixture
def domain(case):
    return domain_of(case)


def test_it_acts_on_every_seed_and_leaves_its_input(case, X, domain, no_global_rng):
    before = X.copy()
    new = case.perturbation(X, domain=domain, random_state=0)
    np.testing.assert_array_equal(X, before)
    assert new.shape == X.shape
    assert np.isfinite(new).all()
    assert not np.allclose(new, X)
    assert not np.array_equal(new, case.perturbation(X, domain=domain, random_state=1))
    np.testing.assert_array_equal(new, case.perturbation(X, domain=domain, random_state=0))


def test_rows_of_a_batch_differ_in_what_they_get(case, X, domain):
    alike = np.repeat(X[:1], 40, axis=0)
    new = case.perturbation(alike, domain=domain, random_state=0)
    assert len(np.unique(new.reshape(40, -1), axis=0)) > 20


def test_zero_strength_changes_nothing(case, X, domain):
    if case.still is None:
        pytest.skip("has no zero strength")
    new = case.still(X, domain=domain, random_state=0)
    np.testing.assert_allclose(new, X, rtol=1e-4 if case.still.name == "poisson" else 1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_tensors_give_what_arrays_give(case, X, domain, dtype):
    X = X.astype(dtype)
    expected = case.perturbation(X, domain=domain, random_state=3)
    got = case.perturbation(torch.from_numpy(X), domain=domain, random_state=3)
    assert got.dtype == getattr(torch, dtype)
    if case.perturbation.name == "poisson" and dtype == "float32":
        # A rate that differs in its last bit may give another Poisson number.
        assert np.mean(np.isclose(got.numpy(), expected, rtol=1e-5)) > 0.99
    else:
        rtol = 1e-10 if dtype == "float64" else 2e-4
        np.testing.assert_allclose(got.numpy(), expected, rtol=rtol)


@pytest.mark.parametrize("chunk", [7, 50])
def test_chunks_give_the_same_bits(case, X, domain, chunk):
    lazy = da.from_array(X, chunks=(chunk, *X.shape[1:]))
    new = case.perturbation(lazy, domain=domain, random_state=3)
    expected = case.perturbation(X, domain=domain, random_state=3)
    np.testing.assert_array_equal(new.compute(scheduler="synchronous"), expected)


def test_a_row_does_not_depend_on_its_neighbours(case, X, domain):
    other = np.concatenate([X[:5], 3.0 * X[5:9]])
    expected = case.perturbation(X, domain=domain, random_state=3)[:5]
    got = case.perturbation(other, domain=domain, random_state=3)[:5]
    np.testing.assert_array_equal(got, expected)


def test_torch_generator_repeats(case, X, domain, no_global_rng):
    tensor = torch.from_numpy(X).float()
    first, again = (
        case.perturbation(tensor, domain=domain, random_state=torch.Generator().manual_seed(0))
        for _ in range(2)
    )
    assert first.dtype == torch.float32
    assert torch.equal(first, again)
    assert not torch.allclose(first, tensor)


def test_gradient(case):
    size = tuple(min(length, 9 if len(case.size) == 1 else 4) for length in case.size)
    domain = domain_of(case, size)
    X = torch.from_numpy(rows_of(case, 2, size)).requires_grad_()

    def perturbed(X):
        return case.perturbation(X, domain=domain, random_state=1)

    if case.gradient == "one":
        perturbed(X).sum().backward()
        np.testing.assert_array_equal(X.grad.numpy(), np.ones(X.shape))
    else:
        assert torch.autograd.gradcheck(perturbed, (X,))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32", "float64"])
def test_dtype_is_kept_and_counts_stay_counts(case, X, domain, dtype):
    counts = np.round(X).astype(dtype)
    counts[..., ::5] = 0
    new = case.perturbation(counts, domain=domain, random_state=0)
    assert new.dtype == dtype
    assert new.shape == counts.shape
    assert new.min() >= 0


def test_channels_of_a_row(case, X, domain):
    if X.ndim != 2:
        pytest.skip("for spectra")
    rows = np.stack([X, 2.0 * X, -X], axis=1)
    new = case.perturbation(rows, domain=domain, random_state=0)
    assert new.shape == rows.shape
    if case.gradient == "checked" and case.mirrors and case.perturbation.name != "background":
        # Nothing but the row and its range: channels move together, whatever their scale.
        np.testing.assert_allclose(new[:, 1], 2.0 * new[:, 0], rtol=1e-9)


def test_complex_rows(case, X):
    if case.kind != "impedance":
        pytest.skip("for impedance")
    Z, domain = X - 1j * X[:, ::-1], Domain("impedance", domain_of(case).axes, is_complex=True)
    new = case.perturbation(Z, domain=domain, random_state=0)
    tensor = case.perturbation(torch.from_numpy(Z), domain=domain, random_state=0)
    np.testing.assert_allclose(tensor.numpy(), new, rtol=1e-10)
    assert not np.allclose(new, Z)


def test_reversed_axis(case, X, domain):
    if not case.mirrors:
        pytest.skip("draws a number for each channel")
    axes = tuple(SignalAxis(a.name, a.units, a.values[::-1]) for a in domain.axes)
    reversed_domain = Domain(domain.kind, axes)
    flipped = case.perturbation(X[..., ::-1], domain=reversed_domain, random_state=0)
    expected = case.perturbation(X, domain=domain, random_state=0)
    np.testing.assert_allclose(flipped[..., ::-1], expected, rtol=1e-9)


def test_uneven_axis(case, X):
    domain = domain_of(case, is_even=False)
    if case.perturbation.name == "plural-scattering":
        with pytest.raises(ValueError, match="resample"):
            case.perturbation(X, domain=domain)
        return
    new = case.perturbation(X, domain=domain, random_state=0)
    assert np.isfinite(new).all()
    assert not np.allclose(new, X)


def test_short_rows(case):
    if len(case.size) > 1:
        pytest.skip("for spectra")
    for length in case.lengths:
        X, domain = rows_of(case, 5, (length,)), domain_of(case, (length,))
        perturbation = clone(case.perturbation)
        if perturbation.name == "warp" and perturbation.displacement:
            with pytest.raises(ValueError, match="fold"):
                perturbation(X, domain=domain)
            continue
        new = perturbation(X, domain=domain, random_state=0)
        assert new.shape == X.shape
        assert np.isfinite(new).all()


def test_without_a_domain_units_are_channels(case, X):
    perturbation = clone(case.perturbation)
    new = perturbation(X, random_state=0)
    assert new.shape == X.shape
    assert np.isfinite(new).all()


def test_flat_and_empty_batches(case, domain):
    flat = np.zeros((4, *rows_of(case, 1).shape[1:]))
    np.testing.assert_allclose(case.perturbation(flat, domain=domain, random_state=0), 0.0)
    assert case.perturbation(flat[:0], domain=domain, random_state=0).shape == flat[:0].shape


def test_refuses_other_kinds_with_a_reason(case, X):
    for kind in sorted(KINDS - case.perturbation.valid_for):
        with pytest.raises(IncompatibleSignalError, match=case.perturbation.name) as caught:
            case.perturbation(X, domain=Domain(kind))
        assert len(str(caught.value)) > 80


def test_describes_itself(case):
    json.dumps(case.perturbation.to_spec())
    assert repr(clone(case.perturbation)) == repr(case.perturbation)
    assert str(case.perturbation).startswith(case.perturbation.name)


def test_parameters_out_of_range_are_refused(case, X):
    for name, value in case.perturbation.get_params().items():
        if isinstance(value, float):
            with pytest.raises(ValueError, match=name):
                clone(case.perturbation).set_params(**{name: -1.0})(X)
        with pytest.raises(ValueError, match=name):
            clone(case.perturbation).set_params(**{name: object()})(X)
