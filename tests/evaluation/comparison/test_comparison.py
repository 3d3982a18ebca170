"""One report of everything: each damage shows in the figures that are meant to show it."""

import json
import math
from itertools import combinations

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.tree import DecisionTreeClassifier

from hs_specaug import SignalAxis
from hs_specaug.classifiers import CNNClassifier
from hs_specaug.evaluation import (
    ComparisonReport,
    classifier_two_sample_test,
    compare,
    frechet_distance,
    kernel_distance,
    memorisation,
)
from hs_specaug.exceptions import LeakageError

TREE = DecisionTreeClassifier(max_depth=3)
ENERGY = SignalAxis("Energy loss", "eV", 600.0 + 0.5 * np.arange(40))
DIVERSITY = ("precision", "recall", "density", "coverage")


def spectra(n, seed, noise=0.03, centre=610.0):
    """Lines of 3 eV full width, whose height and place vary."""
    rng = np.random.default_rng(seed)
    middle = centre + 0.5 * rng.standard_normal((n, 1))
    height = 1.0 + 0.1 * rng.standard_normal((n, 1))
    line = np.exp(-4 * np.log(2) * ((ENERGY.values - middle) / 3.0) ** 2)
    return height * line + noise * rng.standard_normal((n, 40))


@pytest.fixture(scope="module")
def rows():
    """Real, synthetic and training rows of two classes, all of the same kind."""
    sets = [
        np.concatenate([spectra(n, seed), spectra(n, seed + 1, centre=613.0)])
        for n, seed in ((60, 0), (60, 2), (60, 4))
    ]
    return (*sets, np.repeat(["a", "b"], 60))


@pytest.fixture(scope="module")
def report(rows):
    real, synthetic, training, y = rows
    return compare(
        real, synthetic, y, y,
        training=training, y_training=y, axis=ENERGY, n_repeats=6, random_state=0,
    )  # fmt: skip


# --- what is found ---------------------------------------------------------------------------


def test_rows_of_the_same_kind_pass(report):
    assert report.classes == ("a", "b")
    passed = [v for name, reached in report.reached.items() if "∞" not in report.titles[name]
              for v in reached]  # fmt: skip
    assert np.mean(passed) > 0.9
    assert not any(len(found.flagged) > 3 for found in report.memorisation.values())
    gain = report.usefulness.gains["real + synthetic"]
    assert gain.low <= 0 <= gain.high
    assert "no sign of memorisation" in report.verdict
    assert all(found["p"] > 1e-3 for found in report.details["c2st"].values())


@pytest.mark.parametrize(
    ("damage", "caught_by"),
    [
        (lambda X: np.roll(X, 4, axis=1), {"fid-raw", "kid-raw", "mmd", "c2st", "peak-position"}),
        (lambda X: np.repeat(X[:4], 15, axis=0), {"recall", "coverage"}),
        (lambda X: X + np.random.default_rng(9).normal(0, 0.3, X.shape), {"precision", "mmd"}),
    ],
    ids=["shifted by 2 eV", "collapsed to four rows", "noisy"],
)
def test_each_damage_is_caught_in_its_class_alone(rows, damage, caught_by):
    real, synthetic, _, y = rows
    spoilt = synthetic.copy()
    spoilt[y == "b"] = damage(spoilt[y == "b"])
    names = [name.removesuffix("-raw") for name in caught_by]
    report = compare(real, spoilt, y, y, metrics=names, axis=ENERGY, n_repeats=6, random_state=0)
    assert set(report.values) == caught_by
    for metric in caught_by:
        assert report.reached[metric].tolist() == [True, False], metric
    assert report.verdict.startswith("a: as much like real rows as other real rows are")
    assert "Unlike real rows: b in " in report.verdict


def test_errors_of_peaks_are_in_units_of_the_axis(rows):
    real, synthetic, _, y = rows
    shifted = np.roll(synthetic, 4, axis=1)  # by 2 eV
    report = compare(real, shifted, y, y, metrics="peak-position", axis=ENERGY, random_state=0)
    assert report.titles["peak-position"] == "peak position error (eV)"
    np.testing.assert_allclose(report.values["peak-position"], 2.0, atol=0.3)
    without = compare(real, shifted, y, y, metrics="peak-position", random_state=0)
    assert without.titles["peak-position"] == "peak position error (channels)"
    np.testing.assert_allclose(
        without.values["peak-position"], report.values["peak-position"] / 0.5, rtol=1e-6
    )


def test_copies_are_flagged_beside_what_they_copy(rows):
    real, synthetic, training, y = rows
    copied = synthetic.copy()
    copied[[65, 80]] = training[[70, 61]]  # of class b
    report = compare(
        real, copied, y, y, training=training, y_training=y, metrics="memorisation",
        axis=ENERGY, random_state=0,
    )  # fmt: skip
    found = report.memorisation["b"]
    assert found.copies.sum() == 2
    assert dict(zip(found.flagged[:2].tolist(), found.nearest[:2].tolist(), strict=True)) == {
        5: 10,
        20: 1,
    }
    assert "of b (2 of them copies)" in report.verdict
    own = memorisation(copied[y == "b"], training[y == "b"], real[y == "b"], random_state=0)
    np.testing.assert_array_equal(found.distances, own.distances)
    figure = report.plot_flagged(n=2, classes=["b"])
    drawn = [line.get_ydata() for ax in figure.axes for line in ax.lines]
    assert sum(np.array_equal(d, training[70]) for d in drawn) == 2  # the copy, and its source
    assert figure.axes[-1].get_xlabel() == "Energy loss (eV)"


def test_perfect_rows_are_rarely_refused():
    names = ("fid", "kid", *DIVERSITY, "mmd")
    reached = []
    for i in range(12):
        a, b = np.random.default_rng(i).normal(size=(2, 60, 6))
        found = compare(a, b, metrics=names, n_repeats=10, random_state=i).reached
        reached.append([flag[0] for flag in found.values()])
    assert np.shape(reached) == (12, 7)
    assert np.mean(reached) >= 0.9


# --- how it is computed ----------------------------------------------------------------------


def test_figures_are_those_of_the_functions(rows):
    real, synthetic, _, y = rows
    a, b = real[y == "a"][:12], synthetic[y == "a"][:8]
    report = compare(a, b, metrics=["fid", "kid"], n_repeats=150, random_state=0)
    pairs = [(p, q) for p in combinations(range(12), 4) for q in ([0, 1, 2, 3], [4, 5, 6, 7])]
    expected = np.mean([frechet_distance(a[list(p)], b[q]) for p, q in pairs])
    assert report.values["fid-raw"][0] == pytest.approx(expected, rel=0.05)
    unit = np.sqrt(np.mean(a**2))
    kid = report.details["kid-raw"]["all rows"]
    assert kid["value"] == pytest.approx(kernel_distance(a / unit, b / unit).value)
    test = compare(real, synthetic, y, y, metrics="c2st", n_repeats=2, random_state=0)
    assert set(test.details["c2st"]) == {"a", "b"}
    own = classifier_two_sample_test(real[y == "a"], synthetic[y == "a"] + 1, random_state=0)
    spoilt = compare(real, synthetic + 1, y, y, metrics="c2st", n_repeats=2, random_state=0)
    assert spoilt.details["c2st"]["a"]["accuracy"] == pytest.approx(own.accuracy, abs=0.02)


def test_scale_does_not_matter_to_kid_of_raw_rows(rows):
    real, synthetic, _, y = rows
    first, second = (
        compare(f * real, f * synthetic, y, y, metrics="kid", n_repeats=3, random_state=0)
        for f in (1.0, 1000.0)
    )
    np.testing.assert_allclose(first.values["kid-raw"], second.values["kid-raw"], rtol=1e-9)


def test_seed_decides_and_figures_do_not_disturb_each_other(rows, no_global_rng):
    real, synthetic, training, y = rows
    options = {"training": training, "y_training": y, "n_repeats": 3, "classifier": TREE}
    some = ["fid", "diversity", "usefulness", "memorisation"]
    first, again, other = (
        compare(real, synthetic, y, y, metrics=some, random_state=s, **options) for s in (0, 0, 1)
    )
    assert repr(first) == repr(again)
    assert repr(first) != repr(other)
    alone = compare(real, synthetic, y, y, metrics="recall", random_state=0, **options)
    np.testing.assert_array_equal(alone.values["recall"], first.values["recall"])


def test_names_say_in_which_features(rows):
    real, synthetic, _, y = rows
    calls = []

    def halves(X):
        calls.append(X.shape)
        return X.reshape(len(X), 2, -1).mean(axis=2)

    found = compare(
        real, synthetic, y, y, metrics="fidelity", embedding=halves, n_repeats=2, random_state=0
    )
    assert list(found.values) == [f"{n}-embedding" for n in ("fid", "fid-extrapolated", "kid")]
    assert np.isfinite(found.values["fid-extrapolated-embedding"]).all()
    assert found.titles["fid-embedding"] == "FID (embedding)"
    own = compare(halves(real), halves(synthetic), y, y, metrics="fid", n_repeats=2, random_state=0)
    np.testing.assert_allclose(found.values["fid-embedding"], own.values["fid-raw"])
    classifier = CNNClassifier(max_updates=2, random_state=0).fit(real, y)
    named = compare(
        real, synthetic, y, y, metrics=["kid"], embedding=classifier, n_repeats=2, random_state=0
    )
    assert list(named.values) == ["kid-cnnclassifier"]
    with pytest.raises(TypeError, match="embedding must be None, 'inception'"):
        compare(real, synthetic, y, y, embedding="resnet")


def test_groups_and_single_figures_in_one_list(rows):
    real, synthetic, _, y = rows
    found = compare(
        real, synthetic, y, y, metrics=["snr", "diversity", "kl"], n_repeats=2, random_state=0
    )
    assert found.sections == {
        "diversity": DIVERSITY,
        "distribution": ("kl",),
        "spectral": ("snr",),
    }
    with pytest.raises(ValueError, match=r"unknown metric 'recal' \(did you mean 'recall'"):
        compare(real, synthetic, y, y, metrics=["recal"])


# --- other rows ------------------------------------------------------------------------------


def test_images():
    pytest.importorskip("skimage", reason="needs scikit-image: pip install 'hs_specaug[images]'")
    rng = np.random.default_rng(0)
    X = 0.2 * rng.random((120, 1, 12, 12))
    y = np.tile(["left", "right"], 60)
    X[y == "left", :, 3:9, 1:6] += 1
    X[y == "right", :, 3:9, 6:11] += 1
    real, synthetic, training = X[:40], X[40:80], X[80:]
    labels = y[:40], y[40:80]
    report = compare(real, synthetic, *labels, n_repeats=3, random_state=0)
    assert report.sections["image"] == ("ssim", "inception-score")
    assert "spectral" not in report.sections
    assert np.isfinite(report.values["ssim"]).all()
    notes = "\n".join(report.notes)
    assert "kl: is for spectra of one channel; rows here have shape (1, 12, 12)" in notes
    assert "inception-score: needs a fitted classifier=, or training=" in notes
    forest = RandomForestClassifier(30, random_state=0)
    options = {"metrics": "inception-score", "n_repeats": 5, "random_state": 0}
    fitted = forest.fit(training.reshape(40, -1), y[80:])
    one = compare(real, synthetic, *labels, classifier=fitted, **options)
    score = one.details["inception-score"]["all classes"]
    assert 1.5 < score["real"] <= 2.0  # two classes, told apart
    assert score["low"] <= score["synthetic"] <= score["high"] + 1e-12
    same = np.repeat(synthetic[labels[1] == "left"], 2, axis=0)
    spoilt = compare(
        real, same, *labels, classifier=None, training=training, y_training=y[80:], **options
    )
    assert spoilt.details["inception-score"]["all classes"]["synthetic"] < 1.2
    assert "Inception score of whole classes: all classes synthetic" in repr(spoilt)
    assert "The Inception score is 1" in spoilt.verdict


def test_channels_have_no_peaks_but_all_else(rows):
    real, synthetic, _, y = rows
    pair = [X.reshape(120, 2, 20) for X in (real, synthetic)]
    report = compare(*pair, y, y, metrics=["spectral", "kl", "fid"], n_repeats=2, random_state=0)
    assert set(report.values) == {"fid-raw", "pearson", "cosine", "snr"}
    assert [note.partition(":")[0] for note in report.notes] == [
        "kl",
        "peak-position",
        "peak-width",
    ]


# --- what cannot be computed -----------------------------------------------------------------


def test_too_few_rows_are_said_and_not_numbers(rows):
    real, synthetic, training, y = rows
    few = np.r_[0:60, 60:64]
    report = compare(
        real[few], synthetic, y[few], y, training=training[few], y_training=y[few],
        n_repeats=2, random_state=0,
    )  # fmt: skip
    for name in (*DIVERSITY, "c2st", "fid-raw"):
        assert np.isfinite(report.values[name][0]), name
        assert np.isnan(report.values[name][1]), name
        assert not report.reached[name][1], name
    text = repr(report)
    assert (
        "precision, recall, density, coverage: 24 real and 8 synthetic rows are needed; "
        "there are fewer of b"
    ) in " ".join(text.split())
    assert "c2st of class 'b': needs at least 30 real and 10 synthetic rows, got 4 and 60" in (
        report.notes
    )
    assert list(report.memorisation) == ["a"]
    assert "memorisation of class 'b':" in text
    assert np.isnan(report.values["pearson"][1])  # 4 rows are no thirds of anything
    alone = compare(real[60:63], synthetic[60:], metrics=["diversity"], random_state=0)
    assert "Too few rows to say: all rows." in alone.verdict
    assert "diversity\nnot computed, the notes say why" in repr(alone)


def test_without_training_rows_memorisation_says_what_it_needs(rows):
    real, synthetic, _, y = rows
    report = compare(
        real,
        synthetic,
        y,
        y,
        metrics=["memorisation", "usefulness"],
        classifier=TREE,
        random_state=0,
    )
    assert report.memorisation == {}
    assert report.notes == (
        "memorisation: needs the rows that the generator was trained on; pass training= and "
        "y_training=",
    )
    assert report.usefulness.reports["real"].n_folds == 5
    assert report.usefulness.reports["real"].confusion_matrix.sum() == 120
    with pytest.raises(ValueError, match="memorisation was not computed"):
        report.plot_flagged()


def test_leaks_are_refused(rows):
    real, synthetic, training, y = rows
    leaked = training.copy()
    leaked[3:5] = real[7:9]
    with pytest.raises(LeakageError, match="2 of the 120 real rows are among the training"):
        compare(real, synthetic, y, y, training=leaked, y_training=y)
    copies = synthetic.copy()
    copies[0] = real[0]
    report = compare(real, copies, y, y, metrics="usefulness", classifier=TREE, random_state=0)
    assert report.usefulness is None
    assert "1 of the 120 real rows that would be scored are among the synthetic" in report.notes[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"y_synthetic": None}, "both, or neither"),
        ({"n_repeats": 0}, "n_repeats must be a whole number, at least 1"),
        ({"level": 1.0}, "level must be a number between 0 and 1"),
        ({"max_rows": 1}, "max_rows must be a whole number, 2 or more"),
        ({"training": np.ones((3, 40))}, "y_training must be given with y_real"),
        ({"training": np.ones((3, 39)), "y_training": [0, 0, 0]}, "rows of one length"),
    ],
)
def test_bad_arguments(rows, options, message):
    real, synthetic, _, y = rows
    with pytest.raises(ValueError, match=message):
        compare(real, synthetic, y, **{"y_synthetic": y, **options})


def test_axis_must_say_its_units(rows):
    real, synthetic, _, y = rows
    with pytest.raises(TypeError, match=r"hs_specaug\.SignalAxis\('Energy loss', 'eV', values\)"):
        compare(real, synthetic, y, y, axis=ENERGY.values)


def test_more_rows_than_wanted_are_not_used(rows):
    real, synthetic, _, y = rows
    report = compare(
        real, synthetic, y, y, metrics="pearson", max_rows=5, n_repeats=2, random_state=0
    )
    assert report.n_real.tolist() == [60, 60]
    all_rows = compare(real, synthetic, y, y, metrics="pearson", n_repeats=2, random_state=0)
    assert not np.array_equal(report.values["pearson"], all_rows.values["pearson"])


# --- the report ------------------------------------------------------------------------------


def test_report_survives_a_file(report, tmp_path):
    path = report.save(tmp_path / "report.json")
    back = ComparisonReport.load(path)
    assert repr(back) == repr(report)
    assert back.to_dict() == report.to_dict()
    assert back.axis == ENERGY
    assert [p.name for p in tmp_path.iterdir()] == ["report.json"]
    json.loads(path.read_text(encoding="utf-8"), parse_constant=pytest.fail)
    (tmp_path / "other.json").write_text('{"format": "something"}')
    for name in ("other.json", "broken.json"):
        (tmp_path / "broken.json").write_text(path.read_text()[:200])
        with pytest.raises(ValueError, match=r"is not a file that report\.save wrote"):
            ComparisonReport.load(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        ComparisonReport.load(tmp_path / "absent.json")


def test_text_fits_and_shows_every_section(report):
    text = repr(report)
    assert max(map(len, text.splitlines())) <= 110
    for section in ("fidelity", "diversity", "distribution", "spectral", "usefulness"):
        assert f"\n{section}\n" in text
        assert report.table(section) in text
    narrow = report.table("diversity", width=60)
    assert max(map(len, narrow.splitlines())) <= 60
    assert narrow.count("synthetic") > report.table("diversity").count("synthetic")
    for title in ("precision", "recall", "density", "coverage"):
        assert title in narrow
    with pytest.raises(ValueError, match="no section 'image' in this report"):
        report.table("image")


def test_plot_shows_values_and_intervals(report):
    figure = report.plot()
    panels = {ax.get_title(): ax for ax in figure.axes if ax.get_visible()}
    assert {"KID (raw)", "recall", "peak position error (eV)"} <= set(panels)
    assert {"macro F-score, trained on", "distance to training / unseen rows"} <= set(panels)
    ax = panels["recall"]
    low, high = report.intervals["recall"]
    bars = [(p.get_x(), p.get_x() + p.get_width()) for p in ax.patches]
    np.testing.assert_allclose(bars, np.transpose([low, high]))
    markers = {m: line for line in ax.lines if (m := line.get_marker()) in "oX"}
    drawn = np.concatenate([markers[m].get_xdata() for m in "oX"])
    np.testing.assert_allclose(np.sort(drawn), np.sort(report.values["recall"]))
    assert [t.get_text() for t in panels["FID (raw)"].get_yticklabels()] == ["a", "b"]
    single = report.plot(["recall"])
    assert [ax.get_title() for ax in single.axes] == ["recall"]
    with pytest.raises(ValueError, match=r"no metrics \['fid'\]"):
        report.plot(["fid"])
    with pytest.raises(ValueError, match="n must be a whole number, at least 1"):
        report.plot_flagged(0)
    with pytest.raises(ValueError, match=r"not known of \['c'\]"):
        report.plot_flagged(classes=["c"])


def test_intervals_have_as_many_digits_as_they_deserve(report):
    from hs_specaug.evaluation.comparison._text import _with_interval

    assert _with_interval(0.7571, 0.6213, 0.8929) == "0.76 [0.62, 0.89]"
    assert _with_interval(0.9051, 0.8942, 0.9160) == "0.905 [0.894, 0.916]"
    assert _with_interval(1723.2, 1084.9, 2361.4) == "1723 [1085, 2361]"
    assert _with_interval(2.55e-5, 0.0, 4.68e-4) == "2.5e-05 [0, 0.00047]"
    assert _with_interval(0.5, 0.5, 0.5) == "0.500 [0.500, 0.500]"
    assert _with_interval(math.nan, math.nan, math.nan) == "nan"


# --- measured data ---------------------------------------------------------------------------


def test_regions_of_one_specimen_are_told_apart(data_folder):
    """Mn white lines: spectra of all regions pass for each other, those of the thinnest do not.

    The file holds the thinnest region twice: on its own, and among "thin".
    """
    with np.load(data_folder / "eels_mn2_white_lines.npz") as data:
        spectra = data["spectra"][:, ::4]
        session = data["session"]
    order = np.random.default_rng(0).permutation(len(spectra))
    all_regions, thinnest = (spectra[order][session[order] == s] for s in ("thin", "thinnest"))
    shared = (thinnest[:, np.newaxis, ::40] == all_regions[np.newaxis, :240, ::40]).all(-1).any(1)
    thinnest = thinnest[~shared]
    metrics = ["fid", "kid", "mmd", *DIVERSITY]
    options = {"metrics": metrics, "n_repeats": 5, "random_state": 0}
    same = compare(all_regions[:240], all_regions[240:480], **options)
    other = compare(all_regions[:240], thinnest[:240], **options)
    assert np.mean([flag[0] for flag in same.reached.values()]) >= 0.8
    for metric in ("fid-raw", "mmd", "coverage"):
        assert not other.reached[metric][0], metric
    assert other.values["fid-raw"][0] > same.values["fid-raw"][0]
