"""What is called with a bad argument, a bad file or in a bad place, and how each is refused."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hyperspy.api as hs
import numpy as np
import torch
from _bad_data import HUGE, KNN, ROWS, _search, _study, fitted, rows, signal

from hs_specaug import evaluation as ev
from hs_specaug import (
    from_arrays,
    io,
    label_by_threshold,
    load_generator,
    make_classifier,
    make_generator,
    make_perturbation,
)
from hs_specaug import generators as gen
from hs_specaug import perturbations as per
from hs_specaug import preprocessing as pre
from hs_specaug.classifiers import CNNClassifier, SVMClassifier
from hs_specaug.labels import encode_labels
from hs_specaug.networks import TrainingLoop
from hs_specaug.signals._classification import ClassificationResult
from hs_specaug.strategies import StrategySearch
from hs_specaug.studies import StudyResult


class Tools:
    """A folder of its own for a call, and ways to take things from the process."""

    def __init__(self, folder: Path, monkeypatch: Any) -> None:
        self.folder, self.monkeypatch = folder, monkeypatch

    def out_of_memory(self, error: BaseException, where: Any, name: str) -> None:
        """Let a function fail for want of memory."""

        def fail(*args: Any, **kwargs: Any) -> None:
            raise error

        self.monkeypatch.setattr(where, name, fail)

    @contextmanager
    def full_disk(self) -> Any:
        """Let files of this process grow to 1 kB at most, as a disk does that is full."""
        import resource  # not everywhere: the tests skip where it is missing

        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    def read_only(self) -> Path:
        """Return a folder that takes no file, also not from the administrator."""
        return Path("/sys/kernel")


def _keeps_old_file(save: Callable[[Path], Any], name: str) -> Callable[[Tools], None]:
    """Save twice, the second time on a full disk: the first file must be as it was."""

    def call(tools: Tools) -> None:
        path = tools.folder / name
        save(path)
        before = _contents(tools.folder)
        try:
            with tools.full_disk():
                save(path)
        finally:
            assert _contents(tools.folder) == before, "a file was changed, or a part left behind"

    return call


def _contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _study_results(tools: Tools) -> None:
    path = tools.folder / "study.jsonl"
    first = _study(results=path).run(*rows())
    try:
        with tools.full_disk():
            _study(results=path, repetitions=40).run(*rows())
    finally:
        assert _study(results=path).run(*rows()).table() == first.table()


def _torch_memory(tools: Tools) -> None:
    tools.out_of_memory(
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        TrainingLoop, "fit_loop",
    )  # fmt: skip


def _after_torch_memory(call: Callable[[], Any]) -> Callable[[Tools], Any]:
    def run(tools: Tools) -> Any:
        _torch_memory(tools)
        return call()

    return run


def _after_memory(where: Any, name: str, call: Callable[[], Any]) -> Callable[[Tools], Any]:
    def run(tools: Tools) -> Any:
        message = "Unable to allocate 8.00 GiB for an array"
        tools.out_of_memory(MemoryError(message), where, name)
        return call()

    return run


def _read_table(text: str) -> Callable[[Tools], Any]:
    def call(tools: Tools) -> Any:
        path = tools.folder / "table.csv"
        path.write_text(text)
        return io.read_table(path, labels="polymer")

    return call


def _cdragan(**settings: Any) -> Any:
    return make_generator("cdragan", epochs=1, random_state=0, **settings)


def _save_signal(s: Any) -> Callable[[Path], Any]:
    return lambda path: s.save(path, overwrite=True)


TABLE_HEAD = "polymer;PE;PE;PP\nEnergy / eV;a;b;c\n"

#: (row, column): what is called there. These stand beside the rows above, or in their place.
CALLS: dict[tuple[str, str], Callable[[Tools], Any]] = {
    # labels
    ("s.set_labels", "label shape"): lambda t: signal().set_labels(np.zeros((2, 3), int)),
    ("s.labels", "label shape"): lambda t: setattr(signal(), "labels", np.zeros(5, int)),
    ("s.groups", "label shape"): lambda t: setattr(signal(), "groups", np.zeros(5, int)),
    ("s.set_labels", "same names"): lambda t: signal().set_labels(
        np.zeros(ROWS, int), classes=["core", "core"]),
    ("s.set_labels", "unknown name"): lambda t: signal().set_labels(
        ["rim"] * ROWS, classes=["core"]),
    ("s.set_labels", "huge"): lambda t: signal().set_labels(np.full(ROWS, HUGE)),
    ("s.select_class", "unknown name"): lambda t: signal().select_class("cors"),
    ("s.label_region", "unknown name"): lambda t: signal().label_region(
        hs.roi.SpanROI(0, 4), "rim"),
    ("s.label_region", "huge"): lambda t: signal().label_region(
        hs.roi.SpanROI(HUGE, HUGE + 2), "rim"),
    ("encode_labels", "same names"): lambda t: encode_labels([0, 1], classes=["a", "a"]),
    ("encode_labels", "complex"): lambda t: encode_labels(np.array([1j, 0])),
    ("encode_labels", "int64"): lambda t: encode_labels(np.array([0, 2**63 - 1])),
    ("encode_labels", "inf"): lambda t: encode_labels(np.array([0.0, np.inf])),
    ("encode_labels", "NaN"): lambda t: encode_labels(np.array([0.0, np.nan])),
    ("encode_labels", "empty"): lambda t: encode_labels(np.array([], int)),
    ("encode_labels", "unknown name"): lambda t: encode_labels(["c"], classes=["a", "b"]),
    ("label_by_threshold", "NaN"): lambda t: label_by_threshold([1.0, np.nan], [0.5]),
    # generators that do not fit, and names that are none
    ("s.augment(generator)", "other axis"): lambda t: signal("other axis").augment(
        fitted("smote of signal")),
    ("s.classify", "other axis"): lambda t: signal("other axis").classify(
        KNN, augmentation=fitted("smote of signal"), refit=False),
    ("s.compare_with", "other axis"): lambda t: signal("other axis").compare_with(
        fitted("smote of signal")),
    ("s.plot_feature_map", "other axis"): lambda t: signal("other axis").plot_feature_map(
        fitted("smote of signal")),
    ("s.plot_gallery", "other axis"): lambda t: signal("other axis", image=True).plot_gallery(
        fitted("smote of signal", True)),
    ("from_arrays", "other axis"): lambda t: from_arrays(
        rows()[0][:, :6], rows()[1], like=signal()),
    ("from_arrays", "uneven axis"): lambda t: from_arrays(
        *rows(), axes=np.r_[np.arange(11.0), 5.0]),
    ("from_arrays", "unknown name"): lambda t: from_arrays(*rows(), signal_type="EELS"),
    ("from_arrays", "same names"): lambda t: from_arrays(*rows()).set_labels(
        rows()[1], classes=["core", "shell", "core"]),
    ("s.preprocess(normalize)", "unknown name"): lambda t: signal().preprocess(normalize="maximum"),
    ("s.preprocess(denoise)", "huge"): lambda t: signal().preprocess(denoise=HUGE),
    ("s.preprocess(crop)", "other axis"): lambda t: signal().preprocess(
        crop=(500.0, 600.0)),
    ("s.preprocess(background)", "other axis"): lambda t: signal("other axis").preprocess(
        background="linear", fit_range=(1.0, 6.0)),
    ("s.preprocess(background)", "unknown name"): lambda t: signal().preprocess(
        background="power", fit_range=(1.0, 6.0)),
    ("s.perturb", "unknown name"): lambda t: signal().perturb("gausian-noise"),
    ("s.perturb('poisson')", "negative"): lambda t: signal("negative").perturb(
        "poisson", random_state=0),
    ("poisson(X)", "negative"): lambda t: make_perturbation("poisson")(
        rows("negative")[0], random_state=0),
    ("s.plot_perturbation", "unknown name"): lambda t: signal().plot_perturbation("gausian"),
    ("s.plot_perturbation", "negative"): lambda t: signal().plot_perturbation(
        "shift", n_variants=-1),
    ("s.train_generator", "unknown name"): lambda t: signal().train_generator("smoote"),
    ("s.train_generator", "huge"): lambda t: signal().train_generator(
        "smote", k_neighbors=HUGE, random_state=0).sample({"core": 2}),
    ("s.augment", "huge"): lambda t: signal().augment("smote", k_neighbors=HUGE, random_state=0),
    ("s.augment", "unknown name"): lambda t: signal().augment("smote", {"rim": 5}),
    ("s.augment", "negative"): lambda t: signal().augment("smote", {"core": -5}),
    ("s.classify", "unknown name"): lambda t: signal().classify("cnnn"),
    ("s.classify", "huge"): lambda t: signal().classify(KNN, cv=HUGE),
    ("s.compare_with", "unknown name"): lambda t: signal().compare_with("smote", metrics="fidd"),
    ("s.compare_with", "huge"): lambda t: signal().compare_with("smote", test_size=HUGE),
    ("s.recommend_augmentation", "unknown name"): lambda t: signal().recommend_augmentation(
        methods=["smoote"]),
    ("s.plot_feature_map", "unknown name"): lambda t: signal().plot_feature_map(
        fitted("smote of signal"), method="tsnee"),
    ("s.plot_gallery", "unknown name"): lambda t: signal(image=True).plot_gallery(classes=["rim"]),
    ("make_generator", "unknown name"): lambda t: make_generator("smoote"),
    ("make_classifier", "unknown name"): lambda t: make_classifier("cnnn"),
    ("make_perturbation", "unknown name"): lambda t: make_perturbation("gausian-noise"),
    ("parse_perturbation", "unknown name"): lambda t: per.parse_perturbation("gain+shfit"),
    ("from_spec", "unknown name"): lambda t: per.from_spec({"name": "shfit", "parameters": {}}),
    ("generator.sample", "unknown name"): lambda t: fitted("smote").sample({"rim": 2}),
    ("generator.sample", "negative"): lambda t: fitted("smote").sample({"core": -2}),
    ("generator.sample", "NaN"): lambda t: fitted("smote").sample({"core": np.nan}),
    ("generator.sample", "empty"): lambda t: fitted("smote").sample({}),
    ("generator.sample", "label shape"): lambda t: fitted("smote").sample([["core"]]),
    ("generator.sample", "memory"): lambda t: fitted("smote").sample({"core": 10**15}),
    ("generator.at_epoch", "huge"): lambda t: fitted("cdragan").at_epoch(HUGE),
    ("smote.fit", "huge"): lambda t: make_generator("smote", k_neighbors=HUGE).fit(*rows()),
    ("evaluation.compare", "unknown name"): lambda t: ev.compare(
        rows()[0], rows()[0], metrics="fidd"),
    ("evaluation.compare", "same names"): lambda t: ev.compare(
        rows()[0], rows()[0], rows()[1], rows()[1], classes=["core", "core"]),
    ("make_splits", "huge"): lambda t: ev.make_splits(rows()[1], cv=HUGE),
    ("classifier_two_sample_test", "unknown name"): lambda t: ev.classifier_two_sample_test(
        rows()[0], rows()[0], classifier="cnnn"),
    ("Study.run", "unknown name"): lambda t: _study(["smoote"]).run(*rows()),
    ("Study.run", "huge"): lambda t: _study(cv=HUGE).run(*rows()),
    ("StrategySearch.fit", "unknown name"): lambda t: StrategySearch(
        ["shfit"], classifier=KNN).fit(*rows()),
    ("StrategySearch.fit", "huge"): lambda t: _search(cv=HUGE).fit(*rows()),
    ("PCADenoiser", "huge"): lambda t: pre.PCADenoiser(HUGE).fit(rows()[0]),
    ("normalize_spectra", "unknown name"): lambda t: pre.normalize_spectra(rows()[0], "maxx"),
    ("resample_spectra", "uneven axis"): lambda t: pre.resample_spectra(
        rows()[0], np.geomspace(1.0, 12.0, 12), np.arange(2.0, 11.0)),
    ("resample_spectra", "other axis"): lambda t: pre.resample_spectra(
        rows()[0], np.arange(12.0), np.arange(500.0, 511.0)),
    # readers
    ("read_table", "NaN"): _read_table(TABLE_HEAD + "1,0;0,1;nan;0,3\n2,0;0,1;0,2;0,3\n"),
    ("read_table", "empty"): _read_table(""),
    ("read_table", "one sample"): _read_table("polymer;PE\nE / eV;a\n1,0;0,1\n2,0;0,4\n"),
    ("read_table", "label shape"): _read_table(TABLE_HEAD + "1,0;0,1;0,3\n2,0;0,1;0,2;0,3\n"),
    ("read_table", "uneven axis"): _read_table(TABLE_HEAD + "1;1;2;3\n2;1;2;3\n5;1;2;3\n"),
    ("read_table", "unknown name"): lambda t: io.read_table(t.folder / "absent.csv"),
    ("read_impedance", "unknown name"): lambda t: io.read_impedance(t.folder / "absent.dta"),
    ("read_infrared", "unknown name"): lambda t: io.read_infrared(t.folder / "absent.0"),
    ("read_image_folder", "unknown name"): lambda t: io.read_image_folder(t.folder / "absent"),
    ("read_image_folder", "empty"): lambda t: io.read_image_folder(t.folder),
    ("load_generator", "unknown name"): lambda t: load_generator(t.folder / "absent.safetensors"),
    ("load_generator", "empty"): lambda t: load_generator(
        Path(tempfile.mkstemp(dir=t.folder, suffix=".safetensors")[1])),
    ("result.load", "unknown name"): lambda t: ClassificationResult.load(t.folder / "absent.hspy"),
    ("ComparisonReport.load", "unknown name"): lambda t: ev.ComparisonReport.load(
        t.folder / "absent.json"),
    ("StudyResult.load", "unknown name"): lambda t: StudyResult.load(t.folder / "absent.json"),
    # disks
    ("generator.save", "read-only"): lambda t: fitted("smote").save(
        t.read_only() / "g.safetensors"),
    ("generator.save", "full disk"): _keeps_old_file(
        lambda path: fitted("smote").save(path), "g.safetensors"),
    ("generator.save", "unknown name"): lambda t: fitted("smote").save(t.folder / "no" / "g"),
    ("result.save", "read-only"): lambda t: fitted("result").save(t.read_only() / "r.hspy"),
    ("result.save", "full disk"): _keeps_old_file(
        # Not .hspy: HDF5 keeps what it cannot write, and crashes at the next close of a file.
        lambda path: fitted("result").save(path), "r.zspy"),
    ("result.save", "unknown name"): lambda t: fitted("result").save(t.folder / "r.png"),
    ("StudyResult.save", "read-only"): lambda t: fitted("study").save(t.read_only() / "s.json"),
    ("StudyResult.save", "full disk"): _keeps_old_file(
        lambda path: fitted("study").save(path), "s.json"),
    ("Study.run", "read-only"): lambda t: _study(results=t.read_only() / "s.jsonl").run(*rows()),
    ("Study.run", "full disk"): _study_results,
    ("cdragan.fit", "read-only"): lambda t: _cdragan(
        checkpoint=t.read_only() / "c.safetensors", checkpoint_every=1).fit(*rows()),
    # devices and memory
    ("s.train_generator('cdragan')", "no CUDA"): lambda t: signal().train_generator(
        "cdragan", device="cuda"),
    ("s.augment('cdragan')", "no CUDA"): lambda t: signal().augment("cdragan", device="cuda"),
    ("s.classify('cnn')", "no CUDA"): lambda t: signal().classify("cnn", device="cuda"),
    ("cdragan.fit", "no CUDA"): lambda t: _cdragan(device="cuda").fit(*rows()),
    ("CNNClassifier.fit", "no CUDA"): lambda t: CNNClassifier(device="cuda").fit(*rows()),
    ("cdragan.fit", "unknown name"): lambda t: _cdragan(device="gpu").fit(*rows()),
    ("cdragan.fit", "memory"): _after_torch_memory(lambda: fitted("cdragan").fit(*rows())),
    ("CNNClassifier.fit", "memory"): _after_torch_memory(lambda: fitted("cnn").fit(*rows())),
    ("s.train_generator('cdragan')", "memory"): _after_torch_memory(
        lambda: signal().train_generator("cdragan")),
    ("s.augment('cdragan')", "memory"): _after_torch_memory(lambda: signal().augment("cdragan")),
    ("s.classify('cnn')", "memory"): _after_torch_memory(lambda: signal().classify("cnn")),
    ("smote.fit", "memory"): _after_memory(
        gen.SMOTEGenerator, "_fit", lambda: fitted("smote").fit(*rows())),
    ("SVMClassifier.fit", "memory"): _after_memory(
        SVMClassifier, "_machine", lambda: fitted("svm").fit(*rows())),
}  # fmt: skip


#: What the calls above stand for, where no row does.
CALLED = {
    "encode_labels": "encode_labels check_classes",
    "label_by_threshold": "label_by_threshold",
    "make_generator": "make_generator",
    "make_classifier": "make_classifier",
    "make_perturbation": "make_perturbation",
    "parse_perturbation": "parse_perturbation",
    "from_spec": "from_spec",
    "generator.sample": "BaseGenerator.sample",
    "generator.at_epoch": "EpochStates.at_epoch",
    "generator.save": "BaseGenerator.save write_model write_atomically",
    "load_generator": "load_generator read_model",
    "read_table": "read_table",
    "read_impedance": "read_impedance",
    "read_infrared": "read_infrared",
    "read_image_folder": "read_image_folder",
    "result.save": "ClassificationResult.save",
    "result.load": "ClassificationResult.load",
    "ComparisonReport.load": "ComparisonReport.load",
    "StudyResult.load": "StudyResult.load",
    "StudyResult.save": "StudyResult.save",
    "s.preprocess(crop)": "preprocess",
    "s.augment(generator)": "check_same_axes SignalAxis.difference",
}
