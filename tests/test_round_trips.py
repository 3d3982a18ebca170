"""Whatever is written to a file of ours comes back, whatever it is."""

import math
from dataclasses import fields

import hyperspy.api as hs
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hs_specaug import SignalAxis, load_generator, make_generator, signals
from hs_specaug.evaluation import ClassificationReport, ComparisonReport
from hs_specaug.io import read_model, read_table, write_model
from hs_specaug.io._model_file import CHECKPOINT_FORMAT, FORMAT
from hs_specaug.strategies._cells import Cell as Score
from hs_specaug.strategies._results_file import ResultsFile
from hs_specaug.studies import Cell, StudyResult
from hs_specaug.studies._journal import Journal

# Files are overwritten from example to example, so that one folder serves all of them.
EVERY = {
    "deadline": None,
    "derandomize": True,
    "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
}
DTYPES = ("<f4", "<f8", "<f2", "<i4", "<i8", "u1", "?")
# NumPy drops null characters from the end of text, HDF5 refuses them.
words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=8)
numbers = st.floats(allow_nan=False, allow_infinity=False)
shares = st.floats(0, 1)
plain_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | numbers | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=10,
)


def several(values, least=1, most=4):
    return st.lists(values, min_size=least, max_size=most)


def some(values, least=1, most=4):
    """Draw a list in which nothing is twice."""
    return st.lists(values, min_size=least, max_size=most, unique=True)


def arrays(dtype, shape, **settings):
    return hnp.arrays(dtype, shape, **settings)


# ----------------------------------------------------------------------------------- model files


@given(
    header=st.dictionaries(words, plain_json, max_size=4),
    tensors=st.dictionaries(
        words.filter(lambda name: name != "__metadata__"),
        st.sampled_from(DTYPES).flatmap(
            lambda dtype: arrays(dtype, hnp.array_shapes(min_dims=1, max_dims=4, min_side=0))
        ),
        max_size=4,
    ),
    file_format=st.sampled_from([FORMAT, CHECKPOINT_FORMAT]),
)
@settings(max_examples=60, **EVERY)
def test_model_files(tmp_path, header, tensors, file_format):
    header["method"] = "smote"  # the one thing that every file must say
    path = write_model(tmp_path / "m.safetensors", header, tensors, file_format)
    found, back = read_model(path, file_format)
    assert found == header
    assert back.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert (back[name].dtype, back[name].shape) == (tensor.dtype, tensor.shape)
        assert back[name].tobytes() == tensor.tobytes()  # NaN and -0.0 too


@given(
    X=arrays(
        "<f4", st.tuples(st.just(6), st.integers(1, 5)), elements=st.floats(-1e6, 1e6, width=32)
    ),
    names=some(words, 2, 2),
    seed=st.integers(0, 2**32 - 1),
    method=st.sampled_from(["random", "smote"]),
)
@settings(max_examples=20, **EVERY)
def test_a_loaded_generator_draws_the_same_bits(tmp_path, X, names, seed, method):
    y = np.repeat(names, 3)
    generator = make_generator(method, random_state=seed).fit(X, y)
    loaded = load_generator(generator.save(tmp_path / "g.safetensors"))
    wanted = {names[0]: 3, names[1]: 2}
    np.testing.assert_array_equal(loaded.classes_, generator.classes_)
    for one, other in zip(generator.sample(wanted), loaded.sample(wanted), strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


# ------------------------------------------------------------------------------ labelled signals


@st.composite
def label_maps(draw):
    """Draw codes, class names and groups of one navigation shape, () for a single spectrum."""
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=3, max_side=4))
    names = draw(some(words.filter(str.strip), 1, 4))
    codes = draw(arrays(np.int32, shape, elements=st.integers(-1, len(names) - 1)))
    groups = draw(
        st.none()
        | arrays(np.int64, shape)
        | several(words, math.prod(shape), math.prod(shape)).map(
            lambda values: np.array(values).reshape(shape)
        )
    )
    return codes, names, groups


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("extension", ["hspy", "zspy"])
@pytest.mark.parametrize("lazy", [False, True], ids=["eager", "lazy"])
@given(labels=label_maps())
@settings(max_examples=8, **EVERY)
def test_labels_in_a_signal_file(tmp_path, extension, lazy, labels):
    if extension == "zspy":
        pytest.importorskip("zarr")
    codes, names, groups = labels
    s = signals.AugmentableSpectrum(np.zeros((*codes.shape, 3)))
    s.set_labels(codes, classes=names, groups=groups)
    path = tmp_path / f"s.{extension}"
    s.save(path, overwrite=True, show_progressbar=False)
    loaded = hs.load(path, lazy=lazy)
    if lazy:
        loaded.close_file()  # labels must outlive their file
    np.testing.assert_array_equal(loaded.labels, codes, strict=True)
    assert loaded.classes == tuple(names)
    if groups is None:
        assert loaded.groups is None
    else:
        np.testing.assert_array_equal(loaded.groups, groups)
        assert loaded.groups.shape == codes.shape


@pytest.fixture(scope="module")
def classified():
    s = signals.AugmentableSpectrum(np.random.default_rng(0).random((4, 6, 5)))
    s.set_labels(np.tile([0, 1, 2], 8).reshape(4, 6), classes=["a", "b", "c"])
    return s.classify("svm", random_state=0, show_progressbar=False)


@given(
    names=some(words.filter(str.strip), 3, 3),
    classifier=words,
    probability=arrays("<f4", (2, 3, 3), elements=st.floats(0.125, 1, width=32)),
    confusion=arrays(np.int64, (3, 3), elements=st.integers(0, 1000)),
)
@settings(max_examples=12, **EVERY)
def test_classification_results(tmp_path, classified, names, classifier, probability, confusion):
    map_ = classified.probability.inav[:3, :2].deepcopy()
    map_.data = probability
    known = {f.name: getattr(classified, f.name) for f in fields(classified) if f.init}
    report = {**classified.report.to_dict(), "confusion_matrix": confusion.tolist()}
    result = type(classified)(
        **known
        | {
            "report": ClassificationReport.from_dict(report),
            "probability": map_,
            "classes": tuple(names),
            "classifier": classifier,
        }
    )
    loaded = type(result).load(result.save(tmp_path / "map.hspy", show_progressbar=False))
    assert (loaded.classes, loaded.classifier) == (tuple(names), classifier)
    np.testing.assert_array_equal(loaded.probability.data, probability, strict=True)
    np.testing.assert_array_equal(loaded.confusion_matrix, confusion)
    assert loaded.report.to_dict() == result.report.to_dict()


# --------------------------------------------------------------------- comparisons and studies


@st.composite
def comparisons(draw):
    classes = tuple(draw(some(words)))
    metrics = draw(some(words))
    n = len(classes)
    real = st.floats(allow_infinity=False)

    def by_metric(dtype, shape, **settings):
        return {name: draw(arrays(dtype, shape, **settings)) for name in metrics}

    count = arrays(int, n, elements=st.integers(0, 10**6))
    return ComparisonReport(
        classes=classes,
        values=by_metric(float, n, elements=real),
        baseline=by_metric(float, n, elements=real),
        intervals=by_metric(float, (2, n), elements=real),
        reached=by_metric(bool, n),
        n_real=draw(count),
        n_synthetic=draw(count),
        titles={name: draw(words) for name in metrics},
        sections={draw(words): tuple(metrics)},
        notes=tuple(draw(several(words, 0))),
        level=draw(shares),
        subject=draw(words),
        details={metrics[0]: {classes[0]: draw(st.dictionaries(words, real, max_size=3))}},
        axis=draw(
            st.none()
            | st.builds(SignalAxis, words, words, arrays(float, 3, elements=numbers, unique=True))
        ),
    )


@given(report=comparisons())
@settings(max_examples=30, **EVERY)
def test_comparison_reports(tmp_path, report):
    back = ComparisonReport.load(report.save(tmp_path / "report.json"))
    for name in ("values", "baseline", "intervals", "reached"):
        one, other = getattr(report, name), getattr(back, name)
        assert one.keys() == other.keys()
        for metric in one:
            np.testing.assert_array_equal(one[metric], other[metric], strict=True)
    np.testing.assert_array_equal(back.n_synthetic, report.n_synthetic)
    for name in ("classes", "titles", "sections", "notes", "level", "subject"):
        assert getattr(back, name) == getattr(report, name)
    if report.axis is None:
        assert back.axis is None
    else:
        assert (back.axis.name, back.axis.units) == (report.axis.name, report.axis.units)
        np.testing.assert_array_equal(back.axis.values, report.axis.values)
    assert back.to_dict() == report.to_dict()


cells = st.builds(
    Cell,
    key=words,
    ratio=words,
    split=st.integers(0, 99),
    repetition=st.integers(0, 99),
    part=st.integers(0, 9),
    method=words,
    classifier=words,
    confusion=several(several(st.integers(0, 10**6), 2, 2), 2, 2),
    seconds=st.dictionaries(words, st.floats(0, 1e6), max_size=3),
    rows=several(st.integers(0, 10**6), 2, 2),
    facts=st.dictionaries(words, plain_json, max_size=3),
    error=st.none() | words,
)


@given(found=several(cells, 0), settings_=st.dictionaries(words, plain_json, max_size=3))
@settings(max_examples=30, **EVERY)
def test_cells_of_a_study(tmp_path, found, settings_):
    path = tmp_path / "study.jsonl"
    path.unlink(missing_ok=True)
    journal = Journal(path)
    journal.open(settings_)
    for cell in found:
        journal.add(cell, written=False)
    again = Journal(path)
    assert again.damaged == 0
    assert again.settings == settings_
    assert again.cells == {cell.key: cell for cell in found}


@given(
    cells=several(cells),
    classes=some(words | st.integers(), 2, 2),
    ratio=st.none() | shares,
    overlap=shares,
    notes=several(words, 0),
)
@settings(max_examples=30, **EVERY)
def test_study_results(tmp_path, cells, classes, ratio, overlap, notes):
    # Words follow from the scores, which need rows of every class.
    for cell in cells:
        cell.confusion[:] = [[row[0] + 1, row[1]] for row in cell.confusion]
    result = StudyResult(
        cells,
        classes,
        {cell.method: "augmentation" for cell in cells},
        {cell.ratio: ratio for cell in cells},
        "balanced ratio",
        overlap,
        notes,
    )
    assert StudyResult.load(result.save(tmp_path / "result.json")) == result


@given(
    scores=st.dictionaries(words, st.tuples(several(shares, 3, 3), st.floats(0, 1e6)), max_size=4),
    settings_=st.dictionaries(words, plain_json, max_size=3),
)
@settings(max_examples=30, **EVERY)
def test_scores_of_a_search(tmp_path, scores, settings_):
    path = tmp_path / "search.json"
    path.unlink(missing_ok=True)
    file = ResultsFile(path)
    file.open(settings_)
    for key, (found, seconds) in scores.items():
        file.add(key, Score(tuple(found), round(seconds, 4)))
    again = ResultsFile(path)
    assert again.settings == settings_
    assert again.cells == file.cells


# ------------------------------------------------------------------------------------ text tables


@given(
    axis=some(st.floats(-1e5, 1e5), 2, 6).map(sorted),
    data=st.data(),
    n_spectra=st.integers(1, 4),
    dialect=st.sampled_from(
        [("\t", "."), (";", "."), (";", ","), (",", "."), (" ", "."), (" ", ",")]
    ),
)
@settings(max_examples=40, **EVERY)
def test_tables(tmp_path, axis, data, n_spectra, dialect):
    delimiter, decimal = dialect
    spectra = data.draw(arrays(float, (n_spectra, len(axis)), elements=numbers))
    path = tmp_path / "spectra.txt"
    path.write_text(
        "\n".join(
            delimiter.join(repr(float(v)).replace(".", decimal) for v in row)
            for row in np.vstack([axis, spectra]).T
        )
    )
    s = read_table(path, delimiter=delimiter.strip(" ") or None, decimal=decimal)
    np.testing.assert_array_equal(np.atleast_2d(s.data), spectra)
    np.testing.assert_allclose(s.axes_manager.signal_axes[0].axis, axis, rtol=1e-12, atol=1e-9)
