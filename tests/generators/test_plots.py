"""Figures hold what they say they show."""

import subprocess
import sys

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from hs_specaug import SignalAxis
from hs_specaug._colours import class_colours
from hs_specaug.generators import ThreePlayerGenerator, load_generator
from hs_specaug.generators._plots import draw_history, draw_latent, draw_spectra


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(0, 1, (20, 16)), rng.normal(2, 1, (6, 16))])
    return X, np.array(["common"] * 20 + ["rare"] * 6)


@pytest.fixture(scope="module")
def fitted(data):
    return ThreePlayerGenerator(
        epochs=4, pretrain_epochs=3, random_state=0, score_every=2, latent_dim=8
    ).fit(*data)


def test_history_shows_every_player_of_every_phase_and_the_score(fitted):
    figure = fitted.plot_history()
    shown = {ax.get_title(loc="left"): ax for ax in figure.axes}
    lines = {line.get_label(): line for line in shown["main phase"].lines}
    assert lines.keys() == {"discriminator", "generator", "classifier"}
    np.testing.assert_array_equal(lines["generator"].get_ydata(), fitted.history_["generator"])
    assert [line.get_label() for line in shown["pre-training"].lines] == ["autoencoder"]
    score = shown["score (lower is better)"].lines[0]
    assert score.get_xdata().tolist() == [2, 4]  # epochs that were not scored leave no hole
    assert "diversity (share of the real rows')" in shown
    assert all(ax.get_xlabel() == "epoch" for ax in figure.axes)


def test_history_of_a_loaded_generator(fitted, tmp_path):
    loaded = load_generator(fitted.save(tmp_path / "g.safetensors"))
    assert len(loaded.plot_history().axes) == len(fitted.plot_history().axes)


def test_history_without_a_score():
    history = {"epoch": [1, 2], "p": [2.0, 1.0], "p/learning_rate": [1.0, 1.0]}
    assert len(draw_history(history, 2).axes) == 1


def test_best_epoch_is_marked():
    history = {"epoch": [1, 2], "score": [2.0, 1.0]}
    score = draw_history(history, 2).axes[-1]
    assert score.lines[1].get_xdata() == [2, 2]
    assert score.texts[0].get_text() == "kept: epoch 2"


def test_samples_are_real_above_synthetic_on_the_same_scale(fitted, data):
    fitted.signal_axes_ = [SignalAxis("Energy loss", "eV", np.linspace(510.0, 525.0, 16))]
    try:
        figure = fitted.plot_samples(*data, n_rows=3)
    finally:
        fitted.signal_axes_ = None
    panels = np.array(figure.axes[:8]).reshape(4, 2)  # then two colour bars
    assert [ax.get_title() for ax in panels[0]] == ["common", "rare"]
    line = panels[0, 1].lines[0]
    np.testing.assert_array_equal(line.get_xdata(), np.linspace(510.0, 525.0, 16))
    np.testing.assert_allclose(line.get_ydata(), data[0][20])
    assert {len(ax.lines) for ax in panels[:2].flat} == {3}
    assert panels[3, 0].get_xlabel() == "Energy loss (eV)"
    for column in range(2):
        assert panels[0, column].get_ylim() == panels[1, column].get_ylim()
        maps = [ax.images[0] for ax in panels[2:, column]]
        assert maps[0].get_clim() == maps[1].get_clim()
    np.testing.assert_allclose(panels[2, 1].images[0].get_array(), data[0][20:])
    synthetic = fitted.sample({"common": 20, "rare": 6})[0][20:]
    np.testing.assert_allclose(panels[3, 1].images[0].get_array(), synthetic)
    assert panels[0, 0].lines[0].get_color() == class_colours(2)[0]


def test_samples_without_a_calibrated_axis_count_channels(fitted, data):
    figure = fitted.plot_samples(*data)
    assert figure.axes[6].get_xlabel() == "channel"


def test_a_class_keeps_its_colour_when_another_is_missing(fitted, data):
    figure = fitted.plot_samples(data[0][20:], data[1][20:])
    assert figure.axes[0].lines[0].get_color() == class_colours(2)[1]


def test_images_make_a_grid():
    rng = np.random.default_rng(0)
    X, y = rng.random((12, 1, 16, 16)), np.array([0] * 8 + [1] * 4)
    generator = ThreePlayerGenerator(epochs=1, pretrain_epochs=1, random_state=0).fit(X, y)
    figure = generator.plot_samples(X, y, n_rows=4)
    grid = np.array(figure.axes).reshape(4, 4)
    assert [ax.get_ylabel() for ax in grid[:, 0]] == [
        "0\nreal",
        "0\nsynthetic",
        "1\nreal",
        "1\nsynthetic",
    ]
    np.testing.assert_allclose(grid[2, 1].images[0].get_array(), X[9, 0])
    assert all(ax.images for ax in grid.flat)


def test_wrong_rows_are_refused(fitted, data):
    with pytest.raises(ValueError, match="rows of shape \\(16,\\)"):
        fitted.plot_samples(data[0][:, :4], data[1])
    with pytest.raises(ValueError, match="none of the classes"):
        fitted.plot_samples(data[0][:2], ["x", "x"])


def test_latent_separates_what_the_generator_separates(fitted):
    ax = fitted.plot_latent(n_points=30)
    points = [c.get_offsets() for c in ax.collections]
    assert [len(p) for p in points] == [30, 1, 30, 1]
    np.testing.assert_allclose(points[1][0], points[0].mean(axis=0), rtol=1e-5)
    # z → scale · (L z) + shift: the means of the classes are their shifts.
    codes = np.repeat([0, 1], 4000)
    vectors = fitted._latent_vectors(codes, 0)
    shift = fitted.networks_["generator"].label.shift.cpu().numpy()
    spread = vectors[codes == 0].std(axis=0).max()
    means = vectors[codes == 1].mean(axis=0)
    np.testing.assert_allclose(means, shift[1], atol=0.08 * spread + 1e-4)


def test_a_method_without_latent_says_so(fitted, monkeypatch):
    monkeypatch.setattr(type(fitted), "_latents", lambda self, *args: None)
    with pytest.raises(ValueError, match=r"three-player has no latent vector.*plot_samples"):
        fitted.plot_latent()


def test_one_latent_dimension():
    ax = draw_latent(["a", "b"], np.array([0, 0, 1, 1]), np.arange(4.0)[:, None])
    assert "100%" in ax.get_xlabel()


def test_constant_rows_can_be_drawn():
    rows = [np.zeros((2, 4))]
    assert draw_spectra(["a"], [0], rows, rows, None, 2).axes


def test_unfitted():
    for name in ("plot_history", "plot_latent"):
        with pytest.raises(NotFittedError):
            getattr(ThreePlayerGenerator(), name)()


def test_training_does_not_import_matplotlib():
    script = """
import sys
from hs_specaug.generators import ThreePlayerGenerator
ThreePlayerGenerator(epochs=1, pretrain_epochs=0).fit([[0.0], [1.0], [2.0]], [0, 1, 1])
assert "matplotlib.pyplot" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", script], check=True)
