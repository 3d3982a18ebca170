"""Work that is killed in the middle, what must hold afterwards, and how it goes on."""

from __future__ import annotations

import hashlib
import json
import time
import warnings
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import numpy as np

#: Seconds for which files are written again and again.
SAVING = 0.6


def digest(*arrays: Any) -> str:
    """Return a hash of arrays, or of values as JSON."""
    out = hashlib.blake2b(digest_size=12)
    for array in arrays:
        plain = array if isinstance(array, np.ndarray) else json.dumps(array, sort_keys=True)
        out.update(plain.tobytes() if isinstance(plain, np.ndarray) else plain.encode())
    return out.hexdigest()


def rows(n: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """Return imbalanced rows of three classes with 24 channels."""
    rng = np.random.default_rng(0)
    parts = [rng.normal(mean, 1.0, (k * n, 24)) for mean, k in [(0.0, 3), (0.6, 2), (1.2, 1)]]
    return np.concatenate(parts), np.repeat(["a", "b", "c"], [3 * n, 2 * n, n])


def warm_up() -> None:
    """Import what the work needs, so that no fork spends its time on that."""
    import hyperspy.api as hs
    import sklearn.naive_bayes
    import sklearn.neighbors

    import hs_specaug
    from hs_specaug import generators, strategies, studies

    names = ("StrategySearch", "Study", "ThreePlayerGenerator")
    for module in (generators, strategies, studies):
        [getattr(module, name) for name in names if name in dir(module)]
    X, y = rows()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # Backward passes on a CPU start no threads that a fork would miss.
        ThreePlayer = generators.ThreePlayerGenerator
        ThreePlayer(epochs=1, pretrain_epochs=1, precision="float32").fit(X, y)
        studies.Study(
            ["smote"], baselines=["none"], default_classifiers=["nearest neighbour"], repetitions=1
        ).run(X, y)
        strategies.StrategySearch(["shift"], "KNeighborsClassifier", repetitions=1).fit(X, y)
    assert all((hs, sklearn, hs_specaug))


class Job(ABC):
    """One kind of work. All of it but `prepare` runs in processes of its own."""

    #: Of what is written.
    name: str

    def prepare(self, folder: Path) -> None:  # noqa: B027 - most need nothing
        """Make what all attempts need, once."""

    def begin(self, folder: Path) -> None:  # noqa: B027
        """Lay out the folder of an attempt."""

    @abstractmethod
    def work(self, folder: Path) -> None:
        """Do what is going to be killed."""

    @abstractmethod
    def check(self, folder: Path) -> str:
        """Raise an error if what is on disk is not whole; return what it is."""

    @abstractmethod
    def finish(self, folder: Path) -> str:
        """Go on to the end, and return a hash of what came out."""


class Training(Job):
    """A training that writes a checkpoint after every epoch."""

    name = "checkpoint.safetensors"

    def _generator(self, folder: Path) -> Any:
        from hs_specaug.generators import ThreePlayerGenerator

        return ThreePlayerGenerator(
            epochs=6,
            pretrain_epochs=2,
            latent_dim=8,
            precision="float32",
            random_state=0,
            checkpoint=folder / self.name,
            checkpoint_every=1,
        )

    def work(self, folder: Path) -> None:
        self.finish(folder)

    def check(self, folder: Path) -> str:
        from hs_specaug.io import read_model
        from hs_specaug.io._model_file import CHECKPOINT_FORMAT

        path = folder / self.name
        if not path.exists():
            return "none yet"
        header, _ = read_model(path, CHECKPOINT_FORMAT)
        return f"{header['phase'] or 'main phase'}, epoch {header['loop']['epoch']}"

    def finish(self, folder: Path) -> str:
        generator = self._generator(folder).fit(*rows())
        assert not (folder / self.name).exists()
        # What went through a file are floats, also numbers of epochs.
        history = {name: [float(v) for v in vs] for name, vs in generator.history_.items()}
        return digest(history, generator.sample({"a": 5, "c": 5})[0])


class Saving(Job):
    """Two things saved by turns under one name: the file is the one or the other."""

    def __init__(self, suffix: str) -> None:
        self.name = f"saved{suffix}"
        self.things: list[Any] = []
        self.known: list[str] = []

    def begin(self, folder: Path) -> None:
        self.save(self.things[0], folder / self.name)

    def work(self, folder: Path) -> None:
        until = time.monotonic() + SAVING
        while time.monotonic() < until:
            for thing in reversed(self.things):
                self.save(thing, folder / self.name)

    def check(self, folder: Path) -> str:
        found = self.read(folder / self.name)
        assert found in self.known, "neither what was there before nor what was being written"
        return f"thing {self.known.index(found)}"

    def finish(self, folder: Path) -> str:
        self.save(self.things[1], folder / self.name)
        return self.read(folder / self.name)

    @abstractmethod
    def save(self, thing: Any, path: Path) -> None:
        """Write `thing`."""

    @abstractmethod
    def read(self, path: Path) -> str:
        """Return a hash of what is there."""


class SavingGenerator(Saving):
    """A fitted generator."""

    def prepare(self, folder: Path) -> None:
        from hs_specaug import make_generator

        X, y = rows(400)
        self.things = [make_generator("smote").fit(X + i, y) for i in range(2)]
        self.known = [digest(np.asarray(thing.X_)) for thing in self.things]

    def save(self, thing: Any, path: Path) -> None:
        thing.save(path)

    def read(self, path: Path) -> str:
        from hs_specaug import load_generator

        return digest(load_generator(path).X_)


class SavingSignal(Saving):
    """A labelled signal."""

    def prepare(self, folder: Path) -> None:
        from hs_specaug import signals

        rng = np.random.default_rng(0)
        for names in (["core", "shell"], ["gel", "water"]):
            s = signals.AugmentableSpectrum(rng.random((40, 40, 64)))
            s.set_labels(rng.integers(-1, 2, (40, 40)), classes=names)
            self.things.append(s)
        self.known = [digest(s.data, s.labels, list(s.classes)) for s in self.things]

    def save(self, thing: Any, path: Path) -> None:
        thing.save(path, overwrite=True)

    def read(self, path: Path) -> str:
        import hyperspy.api as hs

        s = hs.load(path)
        return digest(s.data, s.labels, list(s.classes))


class Studying(Job):
    """A study that writes every cell as it is made."""

    name = "study.jsonl"

    def _study(self, folder: Path) -> Any:
        from hs_specaug.studies import Study

        return Study(
            ["smote", "few-shot"],
            baselines=["none", "random"],
            default_classifiers=["nearest neighbour"],
            repetitions=8,
            test_size=0.5,
            random_state=0,
            results=folder / self.name,
        )

    def work(self, folder: Path) -> None:
        self.finish(folder)

    def check(self, folder: Path) -> str:
        from hs_specaug.studies._journal import Journal

        if not (folder / self.name).exists():
            return "none yet"
        journal = Journal(folder / self.name)
        assert journal.settings is not None
        return f"{len(journal.cells)} cells, {journal.damaged} unreadable lines"

    def finish(self, folder: Path) -> str:
        result = self._study(folder).run(*rows())
        lines = (folder / self.name).read_text().splitlines()[1:]
        keys = [json.loads(line)["key"] for line in lines if line.endswith("}")]
        assert len(keys) == len(set(keys)) == len(result.cells), "a cell was made twice"
        return digest([[c.key, c.ratio, c.split, c.confusion] for c in result.cells])


class Searching(Job):
    """A search for strategies that writes every score as it is made."""

    name = "search.json"

    def work(self, folder: Path) -> None:
        self.finish(folder)

    def check(self, folder: Path) -> str:
        from hs_specaug.strategies._results_file import ResultsFile

        return f"{len(ResultsFile(folder / self.name).cells)} cells"

    def finish(self, folder: Path) -> str:
        from hs_specaug.strategies import StrategySearch

        search = StrategySearch(
            ["shift", "gain", "gaussian-noise"],
            "KNeighborsClassifier",
            repetitions=8,
            refit=False,
            random_state=0,
            results=folder / self.name,
        ).fit(*rows())
        ranking = search.ranking_.scores
        return digest({name: values.tolist() for name, values in ranking.items()})


class Labelling(Job):
    """A label map of a lazy signal that goes to disk chunk by chunk, over an earlier one."""

    def __init__(self, suffix: str) -> None:
        self.name = f"map{suffix}"

    def prepare(self, folder: Path) -> None:
        import dask
        import dask.array as da

        from hs_specaug import signals

        rng = np.random.default_rng(0)
        codes = rng.integers(0, 2, (96, 96))
        data = rng.normal(codes[..., None], 1.0, (96, 96, 48)).astype("f4")
        sparse = np.where(rng.random(codes.shape) < 0.01, codes, -1)
        s = signals.LazyAugmentableSpectrum(da.from_array(data, chunks=(12, 12, 48)))
        s.set_labels(sparse, classes=["core", "shell"])
        with dask.config.set(scheduler="synchronous"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.result = s.classify("KNeighborsClassifier", random_state=0, show_progressbar=False)
            earlier = s.inav[:48].classify("GaussianNB", random_state=0, show_progressbar=False)
            earlier.compute(show_progressbar=False)
        self.earlier = earlier
        self.known = [digest(earlier.probability.data)]

    def begin(self, folder: Path) -> None:
        self.earlier.save(folder / self.name, show_progressbar=False)

    def _read(self, folder: Path) -> str:
        from hs_specaug import ClassificationResult

        return digest(ClassificationResult.load(folder / self.name).probability.data)

    def work(self, folder: Path) -> None:
        import dask

        with dask.config.set(scheduler="threads", num_workers=2):
            self.result.save(folder / self.name, show_progressbar=False)

    def check(self, folder: Path) -> str:
        found = self._read(folder)
        if found in self.known:
            return "the earlier map"
        import dask

        with dask.config.set(scheduler="synchronous"):
            assert found == digest(np.asarray(self.result.probability.data)), "half a map"
        return "the new map"

    def finish(self, folder: Path) -> str:
        self.work(folder)
        return self._read(folder)


JOBS: dict[str, Any] = {
    "training, with a checkpoint": Training,
    "saving a generator": lambda: SavingGenerator(".safetensors"),
    "saving a labelled signal, .hspy": lambda: SavingSignal(".hspy"),
    "saving a labelled signal, .zspy": lambda: SavingSignal(".zspy"),
    "study, with results": Studying,
    "strategy search, with results": Searching,
    "labelling a lazy map, .hspy": lambda: Labelling(".hspy"),
    "labelling a lazy map, .zspy": lambda: Labelling(".zspy"),
}
