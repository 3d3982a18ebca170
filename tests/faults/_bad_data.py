"""Bad inputs: the columns of the table, and rows, signals and fitted methods to try them on."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hyperspy.api as hs
import numpy as np
from sklearn.neighbors import KNeighborsClassifier

from hs_specaug import generators as gen
from hs_specaug import (
    make_generator,
)
from hs_specaug import preprocessing as pre
from hs_specaug.classifiers import CNNClassifier, SVMClassifier
from hs_specaug.exceptions import (
    IncompatibleAxisError,
    IncompatibleSignalError,
    LeakageError,
)
from hs_specaug.signals import AugmentableImage, AugmentableSpectrum
from hs_specaug.strategies import StrategySearch
from hs_specaug.studies import Study

KNN = "KNeighborsClassifier"
ROWS, CHANNELS = 24, 12
HUGE = 10**9

#: Column: what is bad in it.
COLUMNS = {
    "NaN": "a labelled row holds NaN",
    "inf": "a labelled row holds infinity",
    "empty": "no row at all",
    "no channels": "rows without a channel",
    "one sample": "one row",
    "one class": "rows of one class",
    "unlabelled": "no row has a label; in arrays, labels that are None",
    "label shape": "labels of another shape than the rows",
    "same names": "a class name that occurs twice",
    "constant": "all rows alike, each one constant",
    "uint8": "counts up to 255 in 8 bits",
    "uint16": "counts up to 65535 in 16 bits",
    "int64": "counts up to 2⁶³ − 1 in 64 bits",
    "complex": "complex numbers where real ones are usual",
    "uneven axis": "an axis whose channels differ in width",
    "other axis": "a generator of another axis than the signal",
    "negative": "negative counts, for Poisson noise",
    "huge": "10⁹ neighbours, folds, rows or components",
    "unknown name": "a name that is not registered",
    "closed file": "a lazy signal whose HDF5 file was closed",
    "read-only": "a folder that must not be written to",
    "full disk": "no space left for the file",
    "no CUDA": 'device="cuda" where there is none',
    "memory": "the memory is full in the middle",
}

#: What a refusal is called in the table: the error, and how its message reads.
MESSAGES: dict[str, tuple[type[BaseException], str]] = {
    "not finite": (
        ValueError,
        r"NaN or infinit|NaN or infinity|must be finite|contains NaN|contains infinity",
    ),
    "nothing labelled": (ValueError, r"no (spectrum of this signal|image) is labelled; label some"),
    "not there": (ValueError, r"no position carries the label 'core'; class_counts\(\) is"),
    "one class": (
        ValueError,
        r"at least two classes|needs to have more than 1 class",
    ),
    "no rows": (
        ValueError,
        r"holds no spectrum or image|contains no position|sample\(s\) .*minimum|must hold at least|"
        r"at least one, got shapes|spectra; this signal has none|needs at least \d+ rows, got 0|"
        r"Unknown label type|holds no|no rows|is empty|is no line",
    ),
    "too few rows": (
        ValueError,
        r"at least \d+ rows, got|splits name row 23, but X has 1|minimum of 2 is required|"
        r"this signal has one\.|at least 2 rows|"
        r"needs? .*rows",
    ),
    "no channels": (
        ValueError,
        r"rows of this signal are empty, of shape|at least one channel|feature\(s\)|"
        r"at least 1 finite|of one length|X has 0 channels|two channels or more|finite values",
    ),
    "labels missing": (ValueError, r"must be known for every row"),
    "label shape": (
        ValueError,
        r"inconsistent numbers of samples|one label (per|for each)|same number of rows|"
        r"have shape .* expected the navigation shape|one entry for each row|1-D sequence",
    ),
    "names repeat": (ValueError, r"must be unique|each once"),
    "unknown name": (ValueError, r"unknown |did you mean|must be one of|are not in|no class"),
    "no file": (
        OSError,
        r"there is no (model )?file|[Nn]o such file|no such folder|the folder .* does not exist",
    ),
    "not ours": (
        ValueError,
        r"not a readable model file|must end in|takes no labels|no sub-folder",
    ),
    "seen in training": (LeakageError, r"or rows equal to them, in its training"),
    "other kind of rows": (
        IncompatibleSignalError,
        r"makes rows of shape|is not valid for rows of",
    ),
    "other axis": (IncompatibleAxisError, r"does not fit this signal: .*s\.preprocess"),
    "outside the axis": (ValueError, r"must lie within the axis|outside|exceeds the old axis"),
    "axis not ordered": (ValueError, r"finite and rise or fall"),
    "no images": (ValueError, r"a gallery shows images, this is"),
    "no polar images": (ValueError, r"only polar images can be turned into spectra"),
    "complex": (
        ValueError,
        r"must be real numbers, got|Complex data not supported|drawn of real spectra|"
        r"no meaning for impedance and other complex data|codes or names, got dtype complex",
    ),
    "too large": (ValueError, r"too large to be squared|leaves no noise in double precision"),
    "number out of range": (
        ValueError,
        r"must (not )?be .*got|must be a whole number|n_components|would make as many classes|"
        r"no snapshot of epoch|whole numbers",
    ),
    "constant": (
        ValueError,
        r"are constant|cannot be told apart in rows|have 1 peaks of prominence",
    ),
    "other shape": (ValueError, r"rows of X have shape .* those of like"),
    "file closed": (OSError, r"its file was closed .*hs\.load\(path, lazy=True\)"),
    "disk": (OSError, r"cannot write|[Ff]ile too large|takes no file, choose another"),
    "no CUDA": (ValueError, r"torch finds no CUDA device here; use device='auto'"),
    "memory": ((MemoryError, RuntimeError), r"[Mm]emory|allocate"),
}


# ------------------------------------------------------------------------------------------- data


@functools.cache
def _rows(image: bool) -> np.ndarray:
    rng, x = np.random.default_rng(0), np.arange(CHANNELS)
    centre = np.repeat([3.0, 8.0], [16, 8])[:, np.newaxis]
    X = 100.0 * np.exp(-0.5 * ((x - centre) / 2.0) ** 2) + rng.random((ROWS, CHANNELS)) * 5.0 + 10.0
    return X[:, np.newaxis] + rng.random((ROWS, CHANNELS, CHANNELS)) if image else X


def rows(column: str = "", image: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Return rows and labels that are bad in the way of `column`, or good ones."""
    X, y = _rows(image).copy(), np.repeat(["core", "shell"], [16, 8])
    if column in ("NaN", "inf"):
        X[0].flat[2] = float(column)
    elif column in ("empty", "one sample"):
        X, y = X[: column == "one sample"], y[: column == "one sample"]
    elif column == "no channels":
        X = X[..., :0]
    elif column == "one class":
        y[:] = "core"
    elif column == "unlabelled":
        y = np.full(ROWS, None)
    elif column == "label shape":
        y = y[:-2]
    elif column == "constant":
        X[:] = 1.0
    elif column in ("uint8", "uint16", "int64"):
        top = np.iinfo(column).max
        X = np.full(X.shape, top, column) - np.random.default_rng(1).integers(0, 9, X.shape, column)
    elif column == "complex":
        X = X + 1j * X[..., ::-1]
    elif column == "negative":
        X -= 60.0
    return X, y


def signal(column: str = "", image: bool = False) -> Any:
    """Return a labelled signal that is bad in the way of `column`, or a good one."""
    X, y = rows("" if column == "unlabelled" else column, image)
    s = (AugmentableImage if image else AugmentableSpectrum)(X)
    s.set_labels((y == "shell").astype(int), classes=["core", "shell"])
    if column == "unlabelled":
        s.set_labels(np.full(ROWS, -1), classes=["core", "shell"])
    if column == "uneven axis":
        for axis in s.axes_manager.signal_axes:
            axis.convert_to_non_uniform_axis()
            axis.axis = np.geomspace(1.0, 100.0, axis.size)
    if column == "other axis":
        for axis in s.axes_manager.signal_axes:
            axis.offset, axis.units = 500.0, "eV"
    if column == "closed file":
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "closed.hspy"
            s.save(path)
            s = hs.load(path, lazy=True)
            s.close_file()
    return s


@functools.cache
def fitted(name: str, image: bool = False) -> Any:
    """Return something that was fitted to good rows."""
    X, y = rows(image=image)
    if name == "smote of signal":
        return signal(image=image).train_generator("smote", random_state=0)
    if name == "result":
        return signal().classify(KNN, random_state=0)
    if name == "lazy result":
        return signal().as_lazy().classify(KNN, random_state=0)
    if name == "study":
        return _study().run(X, y)
    return _estimator(name).fit(X, y)


def _estimator(name: str) -> Any:
    made: dict[str, Callable[[], Any]] = {
        "cnn": lambda: CNNClassifier(epochs=1, random_state=0),
        "svm": lambda: SVMClassifier(C=[1.0], gamma=[1.0], random_state=0),
        "cdragan": lambda: make_generator("cdragan", epochs=1, random_state=0),
        "real-distance": gen.RealDistanceFilter,
        "corner-density": gen.CornerDensityFilter,
        "confidence": lambda: gen.ConfidenceFilter(KNeighborsClassifier()),
        "search": lambda: _search(),
        "normalizer": pre.SpectrumNormalizer,
        "polar": lambda: pre.PolarImage(size=8),
        "denoiser": lambda: pre.PCADenoiser(2),
    }
    return made[name]() if name in made else make_generator(name, random_state=0)


def _search(**settings: Any) -> StrategySearch:
    return StrategySearch(["gaussian-noise"], classifier=KNN, random_state=0, **settings)


def _study(methods: Any = ("random",), **settings: Any) -> Study:
    brief = {"baselines": ["none"], "default_classifiers": ["nearest neighbour"], "repetitions": 2}
    return Study(methods, random_state=0, **{**brief, **settings})


def _refit(name: str) -> Callable[..., Any]:
    """Fit what was fitted before: a refusal must leave it as it was."""
    return lambda X, y: fitted(name).fit(X, y)


def _resample(name: str) -> Callable[..., Any]:
    return lambda X, y: make_generator(name, random_state=0).fit_resample(X, y)


def _images(X: np.ndarray) -> np.ndarray:
    return np.repeat(X[:, np.newaxis, np.newaxis, :], CHANNELS, axis=2)
