"""Impedance: Kramers-Kronig consistency against a fit of relaxations, and angles on a circle."""

import itertools

import dask.array as da
import numpy as np
import pytest
import torch
from scipy import signal

from hs_specaug import SignalAxis
from hs_specaug.exceptions import IncompatibleSignalError
from hs_specaug.perturbations import (
    CircuitTerm,
    Domain,
    ImpedanceNoise,
    ImpedanceScale,
    Inductance,
    MixUp,
    Perturbation,
    PhaseOffset,
    SeriesResistance,
    Shift,
    Unwrapped,
)

FREQUENCIES = np.logspace(-1, 5, 61)
CONSISTENT = {
    "impedance-scale": ImpedanceScale(0.5),
    "series-resistance": SeriesResistance(0.3),
    "inductance": Inductance(0.3),
    "circuit-term": CircuitTerm(0.5),
    "three-terms": CircuitTerm(0.3, n_terms=3),
}
ACTING = {**CONSISTENT, "impedance-noise": ImpedanceNoise(0.02)}
STILL = [
    ImpedanceScale(0.0),
    SeriesResistance(0.0),
    Inductance(0.0),
    CircuitTerm(0.0),
    CircuitTerm(n_terms=0),
    ImpedanceNoise(0.0),
]


def domain_of(frequencies=FREQUENCIES, units="Hz"):
    return Domain("impedance", (SignalAxis("Frequency", units, frequencies),), is_complex=True)


def cells(n=6, frequencies=FREQUENCIES):
    """Return impedances of an electrolyte, a charge transfer and a depressed arc."""
    rng = np.random.default_rng(0)
    R0, R1, R2 = 10.0 + 5.0 * rng.random((3, n, 1)) * np.array([1, 10, 20])[:, None, None]
    s = 2j * np.pi * frequencies
    return R0 + R1 / (1.0 + s * 1e-3) + R2 / (1.0 + (s * 0.3) ** 0.8)


def kramers_kronig_residual(Z, frequencies=FREQUENCIES):
    """Return the largest relative misfit of a sum of relaxations, a resistance and an inductance.

    Such a sum obeys the Kramers-Kronig relation whatever its coefficients (Boukamp 1995).
    """
    omega = 2.0 * np.pi * frequencies
    tau = np.logspace(-5.5, 5.5, 80) / np.sqrt(omega.min() * omega.max())
    basis = np.concatenate(
        [
            np.ones((1, omega.size)),
            1j * omega[None] / omega.max(),
            1.0 / (1.0 + 1j * omega * tau[:, None]),
        ]
    )
    worst = 0.0
    for row in Z:
        A, b = (basis / abs(row)).T, row / abs(row)
        coefficients = np.linalg.lstsq(
            np.concatenate([A.real, A.imag]), np.concatenate([b.real, b.imag]), rcond=1e-10
        )[0]
        worst = max(worst, np.abs(A @ coefficients - b).max())
    return worst


@pytest.fixture(params=ACTING, ids=str)
def perturbation(request):
    return ACTING[request.param]


# --- what holds for all of them ---------------------------------------------------------


@pytest.mark.parametrize("name", CONSISTENT)
def test_what_obeys_kramers_kronig_still_does(name):
    Z = cells()
    assert kramers_kronig_residual(Z) < 1e-6
    for seed in range(5):
        new = CONSISTENT[name](Z, domain=domain_of(), random_state=seed)
        assert np.abs(new / Z - 1.0).max() > 1e-2
        assert kramers_kronig_residual(new) < 1e-5


def test_what_should_violate_it_does():
    Z = cells()
    noisy = ImpedanceNoise(0.01)(Z, domain=domain_of(), random_state=0)
    assert kramers_kronig_residual(noisy) > 1e-2
    assert kramers_kronig_residual(Z.real * 1.1 + 1j * Z.imag) > 1e-2
    assert kramers_kronig_residual(Z * np.exp(0.05j)) > 1e-2


def test_mixtures_obey_it():
    Z = cells()
    assert kramers_kronig_residual(MixUp(1.0)(Z, [0] * 6, domain=domain_of())) < 1e-5


def test_it_acts_repeats_and_leaves_its_input(perturbation, no_global_rng):
    Z = cells(40)
    before = Z.copy()
    new = perturbation(Z, domain=domain_of(), random_state=0)
    np.testing.assert_array_equal(Z, before)
    assert new.dtype == Z.dtype
    assert np.abs(new / Z - 1.0).max(axis=1).min() > 1e-6
    assert not np.array_equal(new, perturbation(Z, domain=domain_of(), random_state=1))
    np.testing.assert_array_equal(new, perturbation(Z, domain=domain_of(), random_state=0))


@pytest.mark.parametrize("still", STILL, ids=str)
def test_zero_strength_changes_nothing(still):
    Z = cells()
    np.testing.assert_allclose(still(Z, domain=domain_of(), random_state=0), Z, rtol=1e-14)


def test_two_channels_and_tensors_give_what_complex_arrays_give(perturbation):
    Z = cells()
    expected = perturbation(Z, domain=domain_of(), random_state=3)
    channels = np.stack([Z.real, Z.imag], axis=1)
    for rows in (channels, torch.from_numpy(channels)):
        got = np.asarray(perturbation(rows, domain=domain_of(), random_state=3))
        np.testing.assert_allclose(got[:, 0] + 1j * got[:, 1], expected, rtol=1e-12)
    got = perturbation(torch.from_numpy(Z), domain=domain_of(), random_state=3)
    np.testing.assert_allclose(got.numpy(), expected, rtol=1e-12)
    single = perturbation(Z.astype(np.complex64), domain=domain_of(), random_state=3)
    assert single.dtype == np.complex64
    np.testing.assert_allclose(single, expected, rtol=2e-4)


def test_chunks_give_the_same_bits(perturbation):
    Z = cells(40)
    lazy = perturbation(da.from_array(Z, chunks=(7, 61)), domain=domain_of(), random_state=3)
    expected = perturbation(Z, domain=domain_of(), random_state=3)
    np.testing.assert_array_equal(lazy.compute(scheduler="synchronous"), expected)


def test_a_row_does_not_depend_on_its_neighbours(perturbation):
    Z = cells(10)
    other = np.concatenate([Z[:5], 3.0 * Z[5:8]])
    got = perturbation(other, domain=domain_of(), random_state=3)[:5]
    expected = perturbation(Z, domain=domain_of(), random_state=3)[:5]
    np.testing.assert_array_equal(got, expected)


def test_gradient(perturbation):
    frequencies = FREQUENCIES[::12]
    Z = cells(2, frequencies)
    X = torch.from_numpy(np.stack([Z.real, Z.imag], axis=1)).requires_grad_()

    def perturbed(X):
        return perturbation(X, domain=domain_of(frequencies), random_state=1)

    if perturbation.name == "impedance-noise":
        perturbed(X).sum().backward()
        np.testing.assert_array_equal(X.grad.numpy(), 1.0)
    else:
        assert torch.autograd.gradcheck(perturbed, (X,))


def test_gradient_where_the_impedance_is_zero():
    X = torch.zeros(1, 2, 3, requires_grad=True)
    for perturbation in ACTING.values():
        new = perturbation(X, domain=domain_of(FREQUENCIES[:3]), random_state=0)
        assert torch.isfinite(torch.autograd.grad(new.sum(), X)[0]).all()


@pytest.mark.parametrize("frequencies", [FREQUENCIES[::-1], np.linspace(0.0, 1e4, 61)])
def test_descending_axes_and_direct_current(perturbation, frequencies):
    Z = cells(frequencies=frequencies)
    new = perturbation(Z, domain=domain_of(frequencies), random_state=0)
    assert np.isfinite(new).all()
    if perturbation.name != "impedance-noise":
        back = perturbation(Z[:, ::-1], domain=domain_of(frequencies[::-1]), random_state=0)
        np.testing.assert_allclose(back[:, ::-1], new, rtol=1e-12)


@pytest.mark.parametrize("length", [1, 2, 3, 4])
def test_short_rows(perturbation, length):
    frequencies = FREQUENCIES[:length]
    new = perturbation(cells(4, frequencies), domain=domain_of(frequencies), random_state=0)
    assert new.shape == (4, length)
    assert np.isfinite(new).all()


def test_the_unit_of_the_frequency_does_not_matter(perturbation):
    Z = cells()
    kilo = perturbation(Z, domain=domain_of(FREQUENCIES / 1e3, "kHz"), random_state=0)
    np.testing.assert_allclose(
        kilo, perturbation(Z, domain=domain_of(), random_state=0), rtol=1e-12
    )


# --- what is refused --------------------------------------------------------------------


def test_real_impedance_and_other_kinds_are_refused_with_a_reason(perturbation):
    real = Domain("impedance", domain_of().axes)
    with pytest.raises(IncompatibleSignalError, match="does not say what the impedance becomes"):
        perturbation(np.abs(cells()), domain=real)
    for kind in ("EELS", "image", "spectrum"):
        with pytest.raises(IncompatibleSignalError, match="real and imaginary part"):
            perturbation(cells(), domain=Domain(kind))


def test_rows_that_are_not_complex_are_refused(perturbation):
    with pytest.raises(ValueError, match="needs complex rows"):
        perturbation(np.ones((2, 61)))


@pytest.mark.parametrize("perturbation", [SeriesResistance(), Inductance(), CircuitTerm()])
def test_frequencies_are_needed_and_no_logarithms(perturbation):
    with pytest.raises(ValueError, match="needs the frequencies"):
        perturbation(cells())
    with pytest.raises(ValueError, match="not logarithms"):
        perturbation(cells(), domain=domain_of(np.log10(FREQUENCIES)))


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        (ImpedanceScale(-0.1), "max_change"),
        (SeriesResistance("big"), "max_relative"),
        (Inductance(-1.0), "max_relative"),
        (CircuitTerm(-0.1), "max_change"),
        (CircuitTerm(n_terms=0.5), "n_terms"),
        (ImpedanceNoise(-1.0), "relative"),
        (PhaseOffset(-1.0), "max_offset"),
        (PhaseOffset(period=0.0), "period"),
        (Unwrapped(PhaseOffset(), period=0.0), "period"),
        (Unwrapped(3), "perturbation"),
    ],
)
def test_parameters_out_of_range_are_refused(wrong, name):
    with pytest.raises(ValueError, match=name):
        wrong(cells().real)


# --- each of them -----------------------------------------------------------------------


def test_scale_is_one_number_for_each_row():
    Z = cells(200)
    ratio = ImpedanceScale(0.25)(Z, domain=domain_of(), random_state=0) / Z
    np.testing.assert_allclose(ratio, ratio[:, :1] * np.ones(61), atol=1e-12)
    scale = ratio[:, 0].real
    assert 1 / 1.25 <= scale.min() < 0.85 < 1.2 < scale.max() <= 1.25
    np.testing.assert_allclose(ratio.imag, 0.0, atol=1e-12)


def test_resistance_and_inductance_by_hand():
    Z = cells(200)
    limit = 0.1 * np.abs(Z[:, -1])
    added = SeriesResistance(0.1)(Z, domain=domain_of(), random_state=0) - Z
    np.testing.assert_allclose(added.imag, 0.0, atol=1e-10)
    np.testing.assert_allclose(added.real, added.real[:, :1] * np.ones(61), atol=1e-10)
    assert ((added[:, 0].real >= -1e-10) & (added[:, 0].real <= limit)).all()
    assert (added[:, 0].real / limit).max() > 0.95
    added = Inductance(0.1)(Z, domain=domain_of(), random_state=0) - Z
    np.testing.assert_allclose(added.real, 0.0, atol=1e-10)
    L = added.imag / (2.0 * np.pi * FREQUENCIES)
    np.testing.assert_allclose(added.imag[:, -1:] * FREQUENCIES / 1e5, added.imag, atol=1e-10)
    assert (L[:, -1] >= 0.0).all()
    assert (added.imag[:, -1] <= limit).all()


def test_circuit_term_is_a_stable_first_order_system():
    """Pole and zero recovered from Z'/Z give the same response in scipy.signal."""
    Z, change = cells(50), 0.4
    H = CircuitTerm(change)(Z, domain=domain_of(), random_state=0) / Z
    omega = 2.0 * np.pi * FREQUENCIES
    for h in H:
        # h (1 + jωτ2) = 1 + jωτ1 is linear in both times.
        A = 1j * omega[:, None] * np.stack([np.ones(61), -h], axis=1)
        scale = np.abs(A).max(axis=1)
        A, b = A / scale[:, None], (h - 1.0) / scale
        taus, *_ = np.linalg.lstsq(
            np.concatenate([A.real, A.imag]), np.concatenate([b.real, b.imag]), rcond=None
        )
        assert (taus > 0.0).all()
        assert 1 / (1 + change) - 1e-9 <= taus[0] / taus[1] <= 1 + change + 1e-9
        assert omega.min() <= 1.0 / np.sqrt(taus.prod()) <= omega.max()
        _, expected = signal.freqs([taus[0], 1.0], [taus[1], 1.0], worN=omega)
        np.testing.assert_allclose(h, expected, rtol=1e-6)


def test_circuit_term_makes_no_negative_resistance():
    capacitor = np.tile(1.0 / (2j * np.pi * FREQUENCIES), (100, 1))
    new = CircuitTerm(0.5)(capacitor, domain=domain_of(), random_state=0)
    assert new.real.min() >= 0.0
    changed = np.abs(new / capacitor - 1.0).max(axis=1) > 1e-3
    assert 0.3 < changed.mean() < 0.7


def test_noise_is_proportional_and_independent():
    Z = np.repeat(cells(1), 4000, axis=0)
    noise = (ImpedanceNoise(0.01)(Z, domain=domain_of(), random_state=0) - Z) / np.abs(Z)
    np.testing.assert_allclose(noise.real.std(axis=0), 0.01, rtol=0.06)
    np.testing.assert_allclose(noise.imag.std(axis=0), 0.01, rtol=0.06)
    correlation = np.corrcoef(np.concatenate([noise.real, noise.imag], axis=1), rowvar=False)
    assert np.abs(correlation - np.eye(122)).max() < 0.09


def test_measured_impedances_keep_their_consistency(data_folder):
    stored = np.load(data_folder / "eis_equivalent_circuits.npz")
    offsets = stored["offsets"]
    checked = 0
    for start, stop in itertools.pairwise(offsets[:61]):
        f, Z = stored["frequency_Hz"][start:stop], stored["impedance_ohm"][None, start:stop]
        before = kramers_kronig_residual(Z, f)
        if before < 1e-4 and len(f) > 40:
            new = CircuitTerm(0.1)(Z, domain=domain_of(f), random_state=0)
            assert kramers_kronig_residual(new, f) < before + 1e-4
            assert kramers_kronig_residual(Z * np.exp(0.05j), f) > 1e-3
            checked += 1
    assert checked >= 5


# --- phase angles -----------------------------------------------------------------------


class Smooth(Perturbation):
    """Average neighbours, which is where jumps do harm."""

    name = "smooth"

    def _apply(self, X, y, domain, draws):
        return (X + np.roll(X, 1, axis=-1)) / 2.0


def ramps(period, n=8):
    return np.linspace(-1.6, 1.7, 50) * period * np.linspace(0.5, 1.0, n)[:, None]


@pytest.mark.parametrize("period", [360.0, 2.0 * np.pi])
@pytest.mark.parametrize("from_zero", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_offset_stays_in_the_turn(period, from_zero, dtype):
    angles = ramps(period) % period
    if not from_zero:
        angles = np.angle(np.exp(2j * np.pi * angles / period)) * period / (2.0 * np.pi)
    angles = angles.astype(dtype)
    new = PhaseOffset(0.1 * period, period=period)(angles, random_state=0)
    low = 0.0 if from_zero else -0.5 * period
    slack = 1e-5 * period
    assert new.min() >= low - slack
    assert new.max() <= low + period + slack
    turn = np.exp(2j * np.pi * (new - angles) / period)
    np.testing.assert_allclose(turn, turn[:, :1] * np.ones(50), atol=1e-4)
    assert np.abs(np.angle(turn[:, 0])).max() > 0.1
    np.testing.assert_array_equal(PhaseOffset(0.0, period=period)(angles, random_state=0), angles)


def test_unwrapped_rows_are_not_wrapped():
    angles = ramps(360.0)
    new = PhaseOffset(5.0)(angles, random_state=0)
    np.testing.assert_allclose(new - angles, (new - angles)[:, :1] * np.ones(50), atol=1e-9)


def test_positive_angles_may_become_negative():
    new = PhaseOffset(1.0)(np.full((50, 4), 0.1), random_state=0)
    assert new.min() < -0.5


def test_jumps_do_no_harm():
    angles = np.angle(np.exp(1j * np.deg2rad(ramps(360.0))), deg=True)
    assert (np.abs(np.diff(angles)) > 180.0).any()
    new = Unwrapped(Smooth())(angles, random_state=0)[:, 1:]
    truth = (ramps(360.0)[:, 1:] + ramps(360.0)[:, :-1]) / 2.0
    difference = np.exp(1j * np.deg2rad(new - truth))
    np.testing.assert_allclose(difference, 1.0, atol=1e-9)
    assert np.abs(new).max() <= 180.0 + 1e-3
    harmed = Smooth()(angles, random_state=0)[:, 1:]
    assert np.abs(np.exp(1j * np.deg2rad(harmed - truth)) - 1.0).max() > 0.5


def test_unwrapping_equals_numpy_and_comes_back():
    from hs_specaug.perturbations._phase import unwrapped

    angles = np.angle(np.exp(1j * np.deg2rad(ramps(360.0))), deg=True)
    np.testing.assert_allclose(unwrapped(angles, 360.0), np.unwrap(angles, period=360.0))
    still = Unwrapped(PhaseOffset(0.0))
    np.testing.assert_allclose(still(angles, random_state=0), angles, atol=1e-10)


def test_phase_perturbations_on_tensors_and_chunks():
    angles = np.angle(np.exp(1j * np.deg2rad(ramps(360.0))), deg=True)
    for perturbation in (PhaseOffset(5.0), Unwrapped(PhaseOffset(5.0))):
        expected = perturbation(angles, random_state=1)
        got = perturbation(torch.from_numpy(angles), random_state=1)
        np.testing.assert_allclose(got.numpy(), expected, rtol=1e-10)
        lazy = perturbation(da.from_array(angles, chunks=(3, 50)), random_state=1)
        np.testing.assert_array_equal(lazy.compute(scheduler="synchronous"), expected)
        X = torch.from_numpy(angles[:2, ::7].copy()).requires_grad_()
        assert torch.autograd.gradcheck(lambda x, p=perturbation: p(x, random_state=1), (X,))


def test_borrowing_inside_unwrapped():
    angles = np.angle(np.exp(1j * np.deg2rad(ramps(360.0))), deg=True)
    safe = Unwrapped(MixUp(1.0))
    assert safe.borrows
    new = safe(angles, [0] * 4 + [1] * 4, random_state=0)
    assert np.abs(new).max() <= 180.0 + 1e-3
    assert not np.allclose(new, angles)


def test_what_phase_perturbations_refuse():
    for perturbation in (PhaseOffset(), Unwrapped(PhaseOffset())):
        with pytest.raises(IncompatibleSignalError, match="Kramers"):
            perturbation.check(domain_of())
        with pytest.raises(IncompatibleSignalError, match="phase angles"):
            perturbation.check(Domain("EELS"))
    with pytest.raises(IncompatibleSignalError, match="shift"):
        Unwrapped(Shift()).check(Domain("impedance"))
