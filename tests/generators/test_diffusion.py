"""The diffusion generator: its loss by hand, what it samples, and its life as an estimator."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from hs_specaug.generators._diffusion import DiffusionGenerator, denoising_losses
from hs_specaug.generators._draws import Draws
from hs_specaug.networks import BatchStream
from hs_specaug.networks._denoiser import Denoiser

TINY = {"epochs": 1, "timesteps": 8, "sampling_steps": 2, "width": 2, "random_state": 0}


class Remember(nn.Module):
    """Predicts one number everywhere and remembers what it was asked."""

    no_class = 2

    def __init__(self):
        super().__init__()
        self.level = nn.Parameter(torch.tensor(0.25))

    def forward(self, x: Tensor, t: Tensor, y: Tensor) -> Tensor:
        self.asked = x.clone(), t, y
        return self.level.expand_as(x)


def draws_of(n=4096, channels=2, length=3):
    X = torch.rand(n, channels, length, generator=torch.Generator().manual_seed(2)) * 2 - 1
    y = torch.arange(n) % 2
    stream = BatchStream(X, y, n, torch.Generator().manual_seed(0))
    return Draws(stream, 2, 0, torch.Generator().manual_seed(1))


def peaks(n_0, n_1, seed=0, length=32):
    """Two classes of Gaussian peaks that vary in position and height, with a little noise."""
    rng = np.random.default_rng(seed)
    centre = np.r_[rng.normal(10.0, 0.7, n_0), rng.normal(21.0, 0.7, n_1)][:, np.newaxis]
    height = rng.uniform(0.6, 1.0, (n_0 + n_1, 1))
    X = height * np.exp(-0.5 * ((np.arange(length) - centre) / 2.5) ** 2)
    X += rng.normal(0.0, 0.02, X.shape)
    return X.astype(np.float32), np.repeat([0, 1], [n_0, n_1])


@pytest.mark.parametrize("prediction", ["v", "noise"])
def test_loss_is_the_squared_error_at_a_uniform_time(prediction, monkeypatch):
    draws = draws_of()
    seen = {}
    for name in ("real", "normal"):
        original = getattr(draws, name)

        def recorded(*args, _name=name, _original=original):
            seen[_name] = _original(*args)
            return seen[_name]

        monkeypatch.setattr(draws, name, recorded)
    denoiser = Denoiser(Remember(), 10, "cosine", prediction)
    terms = denoising_losses(denoiser, draws, 0.25)
    x, t, shown = denoiser.unet.asked
    (x0, y), noise = seen["real"], seen["normal"]
    share = np.array([1.0, *denoiser.abar.tolist()[1:]])[t.numpy()][:, None, None]
    signal, sigma = np.sqrt(share), np.sqrt(1 - share)
    np.testing.assert_allclose(x, signal * x0.numpy() + sigma * noise.numpy(), atol=1e-6)
    v = signal * noise.numpy() - sigma * x0.numpy()
    target = v if prediction == "v" else noise.numpy()
    assert list(terms) == ["denoising"]
    assert float(terms["denoising"].detach()) == pytest.approx(
        ((0.25 - target) ** 2).mean(), rel=1e-4
    )
    # Times 1 to 10, each about 410 times; a quarter of the labels is hidden, whatever the class.
    counts = torch.bincount(t, minlength=11)
    assert counts[0] == 0
    assert counts[1:].min() > 330
    hidden = shown == 2
    assert float(hidden.float().mean()) == pytest.approx(0.25, abs=0.03)
    assert float(y[hidden].float().mean()) == pytest.approx(0.5, abs=0.06)
    assert torch.equal(shown[~hidden], y[~hidden])


def test_no_label_is_dropped_at_zero():
    denoiser = Denoiser(Remember(), 10, "cosine", "v")
    denoising_losses(denoiser, draws_of(64), 0.0)
    assert (denoiser.unet.asked[2] < 2).all()


def test_samples_are_recognised_and_as_varied_as_real_rows():
    # 160 steps of 32 rows
    X, y = peaks(64, 64)
    generator = DiffusionGenerator(
        epochs=40, width=8, learning_rate=3e-3, ema_decay=0.97, sampling_steps=20, random_state=0
    ).fit(X, y)
    loss = generator.history_["generator/denoising"]
    assert np.mean(loss[-5:]) < 0.3 * loss[0]
    X_new, y_new = generator.sample({0: 100, 1: 100})
    centroids = np.stack([X[y == k].mean(axis=0) for k in (0, 1)])
    nearest = ((X_new[:, np.newaxis] - centroids) ** 2).sum(axis=2).argmin(axis=1)
    for k in (0, 1):
        assert (nearest[y_new == k] == k).mean() >= 0.9
        made, real = X_new[y_new == k], X[y == k]
        assert 0.5 < made.std(axis=0).max() / real.std(axis=0).max() < 2.0


@pytest.mark.slow
def test_a_class_of_six_rows_among_two_hundred():
    """A minute or two: rare rows are seen no more often than others, and still recognised."""
    X, y = peaks(200, 6)
    generator = DiffusionGenerator(
        epochs=150, width=16, learning_rate=1e-3, ema_decay=0.99, random_state=0
    ).fit(X, y)
    X_new, _ = generator.sample({1: 100})
    fresh = peaks(0, 100, seed=1)[0]
    position = np.arange(X.shape[1])

    def spread(rows):
        weights = rows.clip(0)
        return ((weights * position).sum(axis=1) / weights.sum(axis=1)).std()

    centroids = np.stack([X[y == k].mean(axis=0) for k in (0, 1)])
    nearest = ((X_new[:, np.newaxis] - centroids) ** 2).sum(axis=2).argmin(axis=1)
    assert nearest.mean() >= 0.9
    assert 0.5 < spread(X_new) / spread(fresh) < 2.0

    def distance_to_training(rows):
        return np.sqrt(((rows[:, np.newaxis] - X[y == 1]) ** 2).sum(axis=2)).min(axis=1).mean()

    # Copies of the six rows would be nearer to them than rows that the network never saw.
    assert distance_to_training(X_new) > 0.6 * distance_to_training(fresh)


@pytest.mark.parametrize("shape", [(5,), (1,), (2, 9), (3, 6, 10)])
@pytest.mark.parametrize("sampler", ["ddim", "ancestral"])
def test_shapes_and_range(shape, sampler, no_global_rng):
    rng = np.random.default_rng(0)
    X = rng.uniform(10.0, 20.0, (6, *shape))
    generator = DiffusionGenerator(**{**TINY, "sampler": sampler}).fit(X, list("aaabbb"))
    X_new, y_new = generator.sample({"a": 2, "b": 3})
    assert X_new.shape == (5, *shape)
    assert X_new.dtype == X.dtype
    assert y_new.tolist() == list("aabbb")
    assert X_new.min() >= X.min()
    assert X_new.max() <= X.max()


def test_counts_come_back_as_counts():
    X = np.random.default_rng(0).poisson(5.0, (8, 12))
    X_new, _ = DiffusionGenerator(**TINY).fit(X, [0, 1] * 4).sample({0: 4})
    assert X_new.dtype == X.dtype
    assert X_new.min() >= 0


@pytest.fixture(scope="module")
def trained():
    X, y = peaks(12, 6)
    return DiffusionGenerator(**{**TINY, "epochs": 20, "learning_rate": 1e-2}).fit(X, y)


def test_default_steps_suit_the_sampler(trained, monkeypatch):
    evaluated = []
    original = Denoiser.clean

    def counted(self, x, t, *args):
        evaluated.append(t)
        return original(self, x, t, *args)

    monkeypatch.setattr(Denoiser, "clean", counted)
    old = trained.get_params()
    wanted = [("ddim", None, 8), ("ancestral", None, 8), ("ddim", 3, 3), ("ancestral", 5, 5)]
    try:
        for sampler, steps, expected in wanted:
            evaluated.clear()
            trained.set_params(sampler=sampler, sampling_steps=steps).sample({0: 1})
            assert len(evaluated) == expected
            assert evaluated[0] == 8
    finally:
        trained.set_params(**old)


def test_fifty_steps_of_a_thousand():
    X, y = peaks(3, 3, length=4)
    generator = DiffusionGenerator(epochs=1, width=2, random_state=0).fit(X, y)
    asked = []
    generator.networks_["generator"].unet.register_forward_pre_hook(
        lambda unet, inputs: asked.append(int(inputs[1][0]))
    )
    generator.sample({0: 1})
    assert asked == list(range(1000, 0, -20))


def test_same_seed_same_rows_and_larger_draws_go_on(trained):
    few, _ = trained.sample({0: 3}, random_state=1)
    again, _ = trained.sample({0: 3}, random_state=1)
    many, _ = trained.sample({0: 70, 1: 2}, random_state=1)  # more than one batch
    np.testing.assert_array_equal(few, again)
    np.testing.assert_allclose(many[:3], few, atol=1e-4)
    other, _ = trained.sample({0: 3}, random_state=2)
    assert np.abs(other - few).max() > 0.01


def test_guidance_can_be_changed_after_training(trained):
    plain, _ = trained.sample({0: 8}, random_state=1)
    try:
        strong, _ = trained.set_params(guidance=4.0).sample({0: 8}, random_state=1)
        nobody, _ = trained.set_params(guidance=0.0).sample({0: 8}, random_state=1)
        other, _ = trained.sample([1] * 8, random_state=1)
    finally:
        trained.set_params(guidance=1.0)
    assert np.abs(strong - plain).max() > 1e-3
    # Without a class both labels give the same rows.
    np.testing.assert_allclose(nobody, other, atol=1e-6)


def test_files(trained, tmp_path):
    path = trained.save(tmp_path / "peaks.safetensors")
    from hs_specaug.io import read_model

    header, tensors = read_model(path)
    assert header["method"] == "diffusion"
    assert header["hyperparameters"]["sampling_steps"] == 2
    assert tensors["state.networks.generator.abar"].shape == (9,)
    state = {k.removeprefix("state."): v for k, v in tensors.items() if k.startswith("state.")}
    # Another seed and schedule: everything that matters must come from the file.
    copy = DiffusionGenerator(**{**TINY, "random_state": 3})
    for name in ("classes_", "class_counts_", "input_shape_", "dtype_"):
        setattr(copy, name, getattr(trained, name))
    copy._set_tensors(state, header)
    expected, _ = trained.sample({0: 2, 1: 2}, random_state=5)
    got, _ = copy.sample({0: 2, 1: 2}, random_state=5)
    np.testing.assert_allclose(got, expected, atol=1e-5)


def test_interrupted_is_uninterrupted(tmp_path, monkeypatch):
    X, y = peaks(6, 3)
    settings = {**TINY, "epochs": 4}
    expected = DiffusionGenerator(**settings).fit(X, y).sample({0: 2})[0]
    path = tmp_path / "fit.checkpoint"
    options = {**settings, "checkpoint": path, "checkpoint_every": 1}
    original = Draws.start_epoch

    def stop(self, epoch):
        if epoch == 3:
            raise KeyboardInterrupt
        original(self, epoch)

    monkeypatch.setattr(Draws, "start_epoch", stop)
    with pytest.warns(UserWarning, match="interrupted after epoch 2"):
        DiffusionGenerator(**options).fit(X, y)
    monkeypatch.setattr(Draws, "start_epoch", original)
    resumed = DiffusionGenerator(**options).fit(X, y)
    assert len(resumed.history_["generator"]) == 4
    np.testing.assert_array_equal(resumed.sample({0: 2})[0], expected)


def test_a_score_can_be_asked_for():
    X, y = peaks(8, 8)
    generator = DiffusionGenerator(**{**TINY, "epochs": 4, "scoring": "fidelity", "score_every": 2})
    generator.fit(X, y)
    score = generator.history_["score"]
    assert np.isnan(score[0])
    assert np.isfinite(score[1])
    assert DiffusionGenerator(**TINY).fit(X, y).best_epoch_ == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"sampling_steps": 9}, r"at most timesteps = 8, got 9"),
        ({"sampler": "heun"}, "sampler"),
        ({"guidance": -1.0}, "guidance"),
        ({"label_dropout": 1.0}, "label_dropout"),
        ({"timesteps": 1}, "timesteps"),
        ({"prediction": "x0"}, "prediction"),
        ({"schedule": "sigmoid"}, "schedule"),
    ],
)
def test_hyperparameters_are_checked(settings, message):
    X, y = peaks(3, 3)
    with pytest.raises(ValueError, match=message):
        DiffusionGenerator(**{**TINY, **settings}).fit(X, y)


def test_steps_set_too_high_after_training(trained):
    try:
        with pytest.raises(ValueError, match="between 1 and timesteps = 8"):
            trained.set_params(sampling_steps=9).sample({0: 1})
    finally:
        trained.set_params(sampling_steps=2)


def test_parameters_of_the_base_are_there():
    generator = DiffusionGenerator()
    parameters = generator.get_params()
    assert parameters["timesteps"] == 1000
    assert parameters["batch_size"] == 32
    assert parameters["learning_rate"] == 2e-4
    assert "batch_size : int" in DiffusionGenerator.__doc__
