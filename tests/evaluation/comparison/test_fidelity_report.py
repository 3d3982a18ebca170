"""Synthetic beside real-against-real, on rows whose likeness is known."""

import itertools
import json
import math

import numpy as np
import pytest

from hs_specaug.evaluation import (
    Baseline,
    ComparisonReport,
    frechet_distance,
    plot_intensity_map,
    plot_spectra,
    reaches_baseline,
    real_baseline,
    signal_to_noise,
    spectral_fidelity,
    spectral_metrics,
)

ALL = ("frechet", "pearson", "cosine", "kl", "snr")


def spectra(n, seed, noise=0.1, centre=0.5):
    rng = np.random.default_rng(seed)
    x = np.linspace(0, 1, 40)
    middle = centre + 0.02 * rng.standard_normal((n, 1))
    return np.exp(-((x - middle) ** 2) / 0.02) + noise * rng.standard_normal((n, 40))


@pytest.fixture
def two_classes():
    real = np.concatenate([spectra(40, 0), spectra(30, 1, centre=0.3)])
    good = np.concatenate([spectra(50, 2), spectra(50, 3, centre=0.3)])
    return real, good, np.repeat(["a", "b"], [40, 30]), np.repeat(["a", "b"], 50)


def test_rows_of_the_same_kind_reach_the_baseline(two_classes):
    real, good, y_real, y_good = two_classes
    report = spectral_fidelity(real, good, y_real, y_good, random_state=0)
    assert report.classes == ("a", "b")
    assert tuple(report.values) == ALL
    assert report.notes == ()
    for metric in ALL:
        assert report.reached[metric].all(), metric
        low, high = report.intervals[metric]
        assert (low <= report.baseline[metric]).all()
        assert (report.baseline[metric] <= high).all()


@pytest.mark.parametrize(
    ("damage", "caught_by"),
    [
        (lambda X: np.roll(X, 8, axis=1), {"frechet", "pearson", "cosine", "kl"}),
        (lambda X: np.repeat(X[:1], len(X), axis=0), {"frechet"}),  # collapsed
        (lambda X: X + 0.5 * np.random.default_rng(9).standard_normal(X.shape), set(ALL) - {"kl"}),
        (lambda X: X + 1.0, {"frechet", "kl", "snr"}),
    ],
    ids=["shifted", "collapsed", "noisy", "raised"],
)
def test_each_damage_is_caught_in_its_class_alone(two_classes, damage, caught_by):
    real, good, y_real, y_good = two_classes
    good[y_good == "b"] = damage(good[y_good == "b"])
    report = spectral_fidelity(real, good, y_real, y_good, random_state=0)
    for metric in caught_by:
        assert report.reached[metric].tolist() == [True, False], metric


def test_figures_are_the_functions_own(two_classes):
    real, good = two_classes[0][:6], two_classes[1][:2]
    # Six real and two synthetic rows: every part has two rows, and both synthetic ones are used.
    report = spectral_fidelity(
        real, good, metrics=["frechet", "snr"], n_repeats=400, random_state=0
    )
    pairs = list(itertools.combinations(range(6), 2))
    against_synthetic = [frechet_distance(real[list(p)], good) for p in pairs]
    assert report.values["frechet"][0] == pytest.approx(np.mean(against_synthetic), rel=0.02)
    among_real = [
        frechet_distance(real[list(p)], real[list(q)])
        for p, q in itertools.combinations(pairs, 2)
        if not set(p) & set(q)
    ]
    assert report.baseline["frechet"][0] == pytest.approx(np.mean(among_real), rel=0.02)
    assert report.values["snr"][0] == pytest.approx(signal_to_noise(good))
    snr = [signal_to_noise(real[list(p)]) for p in pairs]
    assert report.baseline["snr"][0] == pytest.approx(np.mean(snr), rel=0.05)
    assert report.n_real.tolist() == [6]
    assert report.n_synthetic.tolist() == [2]


@pytest.mark.parametrize("n", [30, 120])
def test_fresh_real_rows_pass_as_often_as_they_should(n):
    """A perfect generator is real rows again: it must rarely be refused."""
    reached = [
        [
            r[0]
            for r in spectral_fidelity(
                spectra(n, 2 * i), spectra(n, 2 * i + 1), n_repeats=20, random_state=i
            ).reached.values()
        ]
        for i in range(20)
    ]
    assert (np.mean(reached, axis=0) >= 0.9).all()


def test_seed_decides_and_metrics_do_not_disturb_each_other(two_classes, no_global_rng):
    real, good, y_real, y_good = two_classes
    first, again, other = (
        spectral_fidelity(real, good, y_real, y_good, n_repeats=5, random_state=s).values["frechet"]
        for s in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    alone = spectral_fidelity(
        real, good, y_real, y_good, metrics=["frechet"], n_repeats=5, random_state=0
    )
    np.testing.assert_array_equal(alone.values["frechet"], first)


def test_too_few_rows_are_said_and_not_numbers():
    report = spectral_fidelity(
        spectra(9, 0), spectra(5, 1), [0] * 6 + [1] * 3, [0, 0, 0, 0, 1], random_state=0
    )
    assert np.isfinite(report.values["frechet"][0])
    assert np.isnan(report.values["frechet"][1])
    assert not report.reached["frechet"][1]
    assert np.isfinite(report.values["cosine"]).all()
    text = repr(report)
    assert "frechet of class '1': needs at least 6 real and 2 synthetic rows, got 3 and 1" in text
    assert "nan" in text
    missing = spectral_fidelity(spectra(6, 0), spectra(0, 1), [0] * 6, [], random_state=0)
    assert all(np.isnan(v).all() for v in missing.values.values())


def test_constant_rows_become_a_note():
    real = spectra(6, 0)
    real[2] = 0.0
    report = spectral_fidelity(real, spectra(6, 1), n_repeats=5, random_state=0)
    assert np.isnan(report.values["pearson"][0])
    assert any("are constant" in note for note in report.notes)
    assert np.isfinite(report.values["frechet"][0])


def test_report_reads_well_and_survives_json(two_classes):
    real, good, y_real, y_good = two_classes
    report = spectral_fidelity(
        real, good + 1.0, y_real, y_good, classes=["b", "a", "gone"], n_repeats=5, random_state=0
    )
    text = repr(report)
    assert "Fréchet" in text
    assert " *" in text
    assert text.index("\nb ") < text.index("\na ")
    back = ComparisonReport.from_dict(json.loads(json.dumps(report.to_dict(), allow_nan=False)))
    assert repr(back) == text


def test_images_and_channels_and_an_embedding():
    rng = np.random.default_rng(0)
    real, synthetic = rng.random((8, 2, 4, 4)), rng.random((8, 2, 4, 4))
    report = spectral_fidelity(real, synthetic, n_repeats=3, random_state=0)
    flat = spectral_fidelity(
        real.reshape(8, -1), synthetic.reshape(8, -1), n_repeats=3, random_state=0
    )
    np.testing.assert_array_equal(report.values["frechet"], flat.values["frechet"])
    calls = []

    def embedding(X):
        calls.append(X.shape)
        return X.mean(axis=(2, 3))

    embedded = spectral_fidelity(
        real, synthetic, metrics=["frechet"], embedding=embedding, n_repeats=3, random_state=0
    )
    assert calls == [(8, 2, 4, 4)] * 2
    means = spectral_fidelity(
        real.mean(axis=(2, 3)), synthetic.mean(axis=(2, 3)), n_repeats=3, random_state=0
    )
    np.testing.assert_allclose(embedded.values["frechet"], means.values["frechet"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"y_real": [0] * 6}, "both, or neither"),
        ({"y_real": [0] * 5, "y_synthetic": [0] * 6}, "y_real must have one label per row"),
        ({"metrics": ["fid"]}, "'frechet', 'pearson'"),
        ({"n_repeats": 0}, "n_repeats must be a whole number, at least 1"),
    ],
)
def test_bad_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        spectral_fidelity(spectra(6, 0), spectra(6, 1), **options)


def test_broken_rows_are_an_error_and_not_a_note():
    broken = spectra(9, 0)
    broken[3, 5] = np.nan
    with pytest.raises(ValueError, match="synthetic must be finite"):
        spectral_fidelity(spectra(9, 1), broken)
    with pytest.raises(ValueError, match="rows of one length, got 40 and 39"):
        spectral_fidelity(spectra(9, 1), spectra(9, 0)[:, 1:])

    def failing(X):
        raise ValueError("the embedding is broken")

    with pytest.raises(ValueError, match="the embedding is broken"):
        spectral_fidelity(spectra(9, 1), spectra(9, 2), embedding=failing)


def test_baseline_stops_good_generators_and_not_bad_ones():
    real = spectra(60, 0)
    baseline = real_baseline(real, n_repeats=20, random_state=0)
    assert set(baseline) == set(ALL)
    n = baseline["frechet"].n_rows
    assert n == 20
    assert reaches_baseline(spectral_metrics(real[:n], spectra(n, 1)), baseline, tolerance=0.1)
    blurred = spectral_metrics(real[:n], spectra(n, 1, noise=0.4))
    assert not reaches_baseline(blurred, baseline, tolerance=0.1)


def test_reaching_by_hand():
    baseline = {"frechet": Baseline(2.0, 1.0, 3.0, 9), "pearson": Baseline(0.8, 0.7, 0.9, 9)}
    baseline["snr"] = Baseline(5.0, 4.0, 6.0, 9)

    def reached(tolerance=0.0, **values):
        return reaches_baseline(values, baseline, metrics=list(values), tolerance=tolerance)

    assert reached(frechet=0.5, pearson=0.95)  # better than real halves are to each other
    assert reached(frechet=3.0, pearson=0.7)
    assert not reached(frechet=3.1, pearson=0.8)
    assert not reached(frechet=2.0, pearson=0.69)
    assert reached(frechet=3.1, tolerance=0.1)
    assert not reached(frechet=math.nan)
    assert reached(snr=4.5)
    assert not reached(snr=3.9)
    assert not reached(snr=6.1)
    with pytest.raises(ValueError, match="'cosine' misses"):
        reaches_baseline({"frechet": 1.0}, baseline, metrics=["cosine"])
    with pytest.raises(ValueError, match="tolerance"):
        reached(frechet=1.0, tolerance=-0.1)


def test_baseline_needs_rows():
    with pytest.raises(ValueError, match=r"needs at least 6 real .* got 5"):
        real_baseline(spectra(5, 0))
    assert real_baseline(spectra(3, 0), metrics=["cosine"], n_repeats=2)["cosine"].n_rows == 1


def test_lines_and_map_show_both_sets():
    real, synthetic = spectra(10, 0), spectra(4, 1)
    energy = np.linspace(610, 680, 40)
    ax = plot_spectra(real, synthetic, energy, axis_label="energy loss (eV)", random_state=0)
    assert len(ax.lines) == 4
    for line, rows in zip(ax.lines, (real, real, synthetic, synthetic), strict=True):
        np.testing.assert_array_equal(line.get_xdata(), energy)
        assert (rows == line.get_ydata()).all(axis=1).any()
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["real", "synthetic"]
    assert ax.get_xlabel() == "energy loss (eV)"

    ax = plot_intensity_map(real, synthetic, energy, n_rows=6, random_state=0)
    drawn = ax.collections[0].get_array()
    assert drawn.shape == (10, 40)
    assert all((real == row).all(axis=1).any() for row in drawn[:6])
    assert all((synthetic == row).all(axis=1).any() for row in drawn[6:])
    assert ax.lines[0].get_ydata()[0] == 5.5
    bottom, top = ax.get_ylim()
    assert bottom > top  # real above synthetic
    with pytest.raises(ValueError, match="one value per channel"):
        plot_spectra(real, synthetic, energy[:-1])
    with pytest.raises(ValueError, match="n_rows"):
        plot_intensity_map(real, synthetic, n_rows=0)
