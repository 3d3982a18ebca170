"""The diffusion process against closed forms: Gaussian data have an ideal denoiser."""

import math

import numpy as np
import pytest
import torch

from hs_specaug.networks._diffusion_process import (
    RowNoise,
    clean_from,
    ddim_step,
    guide,
    noise_schedule,
    posterior,
    q_sample,
    sample_ancestral,
    sample_ddim,
    sampling_times,
    velocity,
)

MEAN, SD = 0.3, 0.4
KINDS = ["cosine", "linear"]


def source(seed=0):
    return torch.Generator().manual_seed(seed)


def ideal(abar):
    """E[x₀ | x_t] of N(MEAN, SD²): the regression of x₀ on x_t = √ᾱ x₀ + √(1 − ᾱ) ε."""

    def denoise(x, t):
        a = float(abar[t])
        slope = math.sqrt(a) * SD**2 / (a * SD**2 + 1.0 - a)
        return MEAN + slope * (x - math.sqrt(a) * MEAN)

    return denoise


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("timesteps", [2, 4, 10, 1000])
def test_schedule_falls_from_one_to_almost_nothing(kind, timesteps):
    abar = noise_schedule(timesteps, kind)
    assert abar.shape == (timesteps + 1,)
    assert abar.dtype == torch.float64
    assert abar[0] == 1.0
    assert (abar.diff() < 0).all()
    assert 0.0 < abar[-1] < 2e-3


def test_cosine_schedule_is_the_formula():
    f = [math.cos((t / 1000 + 0.008) / 1.008 * math.pi / 2) ** 2 for t in range(1000)]
    expected = np.array(f) / f[0]
    # The last step alone is cut, at β = 0.999.
    abar = noise_schedule(1000, "cosine").numpy()
    np.testing.assert_allclose(abar[:-1], expected, rtol=1e-10)
    assert abar[-1] == pytest.approx(abar[-2] * 0.001)


def test_linear_schedule_is_that_of_ho():
    beta = np.linspace(1e-4, 0.02, 1000)
    expected = np.cumprod(1 - beta)
    np.testing.assert_allclose(noise_schedule(1000, "linear").numpy()[1:], expected, rtol=1e-10)
    # Fewer steps of more noise end nearly where many end.
    assert math.log(noise_schedule(200, "linear")[-1]) == pytest.approx(-10.1, abs=0.7)


def test_unknown_schedule():
    with pytest.raises(ValueError, match="kind must be one of"):
        noise_schedule(10, "sigmoid")


def test_times_run_from_noise_to_data():
    assert sampling_times(1000, 5) == [1000, 800, 600, 400, 200, 0]
    assert sampling_times(4, 4) == [4, 3, 2, 1, 0]
    assert sampling_times(3, 1) == [3, 0]
    times = sampling_times(1000, 999)
    assert len(set(times)) == 1000
    assert times == sorted(times, reverse=True)


@pytest.mark.parametrize("steps", [0, 11])
def test_times_that_do_not_exist(steps):
    with pytest.raises(ValueError, match=r"between 1 and timesteps = 10"):
        sampling_times(10, steps)


@pytest.mark.parametrize("kind", KINDS)
def test_noisy_rows_keep_variance_and_lose_the_mean(kind):
    abar = noise_schedule(1000, kind)
    x0 = torch.randn(20_000, 1, 4, generator=source())
    noise = torch.randn(20_000, 1, 4, generator=source(1))
    for t in (1, 300, 700, 1000):
        x = q_sample(x0, noise, abar, torch.full((20_000,), t))
        assert x.dtype == torch.float32
        assert float(x.var()) == pytest.approx(1.0, abs=0.02)
        assert float((x * x0).mean()) == pytest.approx(math.sqrt(abar[t]), abs=0.02)


def test_every_row_has_its_own_time():
    abar = torch.tensor([1.0, 0.64, 0.0], dtype=torch.float64)
    x0, noise = torch.full((3, 1, 2, 2), 10.0), torch.ones(3, 1, 2, 2)
    x = q_sample(x0, noise, abar, torch.tensor([0, 1, 2]))
    # 10; 0.8 · 10 + 0.6 · 1; 1
    expected = torch.tensor([10.0, 8.6, 1.0])[:, None, None, None].expand_as(x)
    torch.testing.assert_close(x, expected)
    v = velocity(x0, noise, abar, torch.tensor([0, 1, 2]))
    # 1; 0.8 · 1 − 0.6 · 10; −10
    torch.testing.assert_close(v[:, 0, 0, 0], torch.tensor([1.0, -5.2, -10.0]))


@pytest.mark.parametrize("kind", ["v", "noise"])
def test_the_right_prediction_gives_the_clean_row(kind):
    abar = noise_schedule(1000)
    x0, noise = torch.randn(2, 50, 1, 3, generator=source())
    t = torch.linspace(1, 900, 50).long()
    x = q_sample(x0, noise, abar, t)
    right = velocity(x0, noise, abar, t) if kind == "v" else noise
    torch.testing.assert_close(clean_from(right, x, abar, t, kind), x0, atol=1e-4, rtol=1e-4)


def test_v_is_well_posed_where_nothing_of_the_signal_is_left():
    abar = noise_schedule(1000)
    t = torch.tensor([1000])
    x = torch.ones(1, 1, 1)
    assert clean_from(torch.full_like(x, -0.5), x, abar, t, "v").item() == pytest.approx(
        0.5, abs=1e-3
    )


def test_guidance_weights():
    with_class, without = torch.randn(2, 4, 1, 5, generator=source())
    torch.testing.assert_close(guide(with_class, without, 0.0), without)
    torch.testing.assert_close(guide(with_class, without, 1.0), with_class)
    # Ho and Salimans: (1 + w) ε(x, c) − w ε(x), here with w = 2.
    torch.testing.assert_close(guide(with_class, without, 3.0), 3 * with_class - 2 * without)


def test_posterior_is_that_of_bayes():
    abar = noise_schedule(100)
    t, s = 60, 45
    a_t, a_s = float(abar[t]), float(abar[s])
    x0, x = 0.7, -0.2
    # Two Gaussians in x_s: the prior q(x_s | x₀) and the likelihood of x_t = √r x_s + √(1 − r) ε.
    r = a_t / a_s
    prior, likelihood = 1.0 / (1.0 - a_s), r / (1.0 - r)
    variance = 1.0 / (prior + likelihood)
    mean = variance * (prior * math.sqrt(a_s) * x0 + likelihood * x / math.sqrt(r))
    got_mean, got_variance = posterior(torch.tensor(x0), torch.tensor(x), a_t, a_s)
    assert float(got_mean) == pytest.approx(mean, rel=1e-5)
    assert got_variance == pytest.approx(variance, rel=1e-12)


def test_the_last_step_gives_the_clean_row():
    x0, x = torch.randn(2, 3, 1, 4, generator=source())
    mean, variance = posterior(x0, x, 0.4, 1.0)
    torch.testing.assert_close(mean, x0)
    assert variance == 0.0
    torch.testing.assert_close(ddim_step(x0, x, 0.4, 1.0), x0)


def test_ddim_keeps_the_noise_it_finds():
    x0, noise = torch.randn(2, 5, 1, 4, dtype=torch.float64, generator=source())
    x = math.sqrt(0.3) * x0 + math.sqrt(0.7) * noise
    expected = math.sqrt(0.8) * x0 + math.sqrt(0.2) * noise
    torch.testing.assert_close(ddim_step(x0, x, 0.3, 0.8), expected)


@pytest.mark.parametrize("kind", KINDS)
def test_ddim_with_the_ideal_denoiser_maps_noise_to_data(kind):
    abar = noise_schedule(4000, kind)
    x = torch.randn(64, 1, 3, dtype=torch.float64, generator=source())
    got = sample_ddim(ideal(abar), x, abar, sampling_times(4000, 4000))
    # The path without noise keeps the quantile: (x₀ − m) / s = (x_T − √ᾱ m) / sd(x_T).
    a = float(abar[-1])
    z = (x - math.sqrt(a) * MEAN) / math.sqrt(a * SD**2 + 1.0 - a)
    torch.testing.assert_close(got, MEAN + SD * z, atol=6e-3, rtol=0)


def test_ddim_error_falls_with_the_steps():
    abar = noise_schedule(1000)
    x = torch.linspace(-2, 2, 9, dtype=torch.float64).reshape(9, 1, 1)
    errors = [
        float(
            (sample_ddim(ideal(abar), x, abar, sampling_times(1000, n)) - MEAN - SD * x).abs().max()
        )
        for n in (10, 50, 500)
    ]
    assert errors[0] > 2 * errors[1] > 4 * errors[2]
    assert errors[1] < 0.06


@pytest.mark.parametrize("kind", KINDS)
def test_ancestral_with_the_ideal_denoiser_reproduces_mean_and_variance(kind):
    abar = noise_schedule(1000, kind)
    rng = source()
    shape = (5000, 1, 4)

    def normal():
        return torch.randn(shape, generator=rng)

    got = sample_ancestral(ideal(abar), normal(), abar, sampling_times(1000, 1000), normal)
    # 20 000 numbers: standard errors 0.003 and 0.5 %; β̃ is a little narrow at the last steps.
    assert float(got.mean()) == pytest.approx(MEAN, abs=0.012)
    assert float(got.std()) == pytest.approx(SD, rel=0.02)


def test_ancestral_makes_new_noise_and_ddim_none():
    abar = noise_schedule(20)
    times = sampling_times(20, 20)
    x = torch.zeros(4000, 1, 1)
    assert sample_ddim(ideal(abar), x, abar, times).unique().numel() == 1
    rng = source()
    got = sample_ancestral(ideal(abar), x, abar, times, lambda: torch.randn(x.shape, generator=rng))
    assert float(got.std()) > 0.5 * SD


def test_numbers_of_a_row_do_not_depend_on_its_batch():
    whole, again = RowNoise(5, (2, 3), source()), RowNoise(5, (2, 3), source())
    parts_source = source()
    parts = [RowNoise(n, (2, 3), parts_source) for n in (2, 3)]
    for _ in range(3):
        expected = whole()
        assert expected.shape == (5, 2, 3)
        assert torch.equal(expected, torch.cat([part() for part in parts]))
        assert torch.equal(expected, again())
    assert not torch.equal(whole(), RowNoise(5, (2, 3), source(1))())


def test_row_noise_is_normal():
    noise = RowNoise(200, (1, 100), source())()
    assert abs(float(noise.mean())) < 0.03
    assert float(noise.std()) == pytest.approx(1.0, abs=0.03)
    # Rows are independent: mean of 10 000 products of 200 pairs
    assert abs(float((noise[:100] * noise[100:]).mean())) < 0.05
