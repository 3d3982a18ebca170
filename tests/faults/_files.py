"""Every kind of file that the package reads: a good one, how it is read and used, and mutations."""

from __future__ import annotations

import json
import struct
import traceback
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import _mutations as mutations
import numpy as np

Mutation = Callable[[bytes, np.random.Generator], bytes]

LIES = (0, 1, 7, 10**9, 2**31, 2**32 - 1, 2**40, 2**62, 2**63 - 1, 2**64 - 1)
SHAPES: tuple[Any, ...] = (
    [], [0], [-1], [10**9, 10**9], [2**62], [2**63], [2**64], [1] * 1000, [1.5], "4", None,
    [2**32, 2**32], [0, 2**62, 2**62],
)  # fmt: skip
TYPES = ("F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2", "I64", "I8", "U64", "BOOL", "F4", "C64",
         "O", "", None, 4)  # fmt: skip


LARGE_TYPES = ("<U100000000", "S2000000000", "V9", "O", "m8")
OTHER_TYPES = ("O", "<U9", "<c16", "V8", "f4,f4", "(100000,100000)f8")


@dataclass(frozen=True)
class FileKind:
    """One kind of file.

    Attributes
    ----------
    content : bytes
        Of a good file.
    suffix : str
        Of its name.
    read : callable
        Reads the file and uses what came out, as its user would at once.
    mutations : mapping of str to callable
        ``mutation(content, rng)`` returns other content.
    error : str
        Name of the error that a bad file gives, which names the file.
    """

    content: bytes
    suffix: str
    read: Callable[[Path], Any]
    mutations: Mapping[str, Mutation]
    error: str = "ValueError"


def rows() -> tuple[np.ndarray, np.ndarray]:
    """Return small imbalanced data of three classes."""
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(mean, 1.0, (n, 12)) for mean, n in [(0, 14), (1, 8), (2, 6)]])
    return X, np.repeat(["a", "b", "c"], [14, 8, 6])


# --------------------------------------------------------------------------------- model files


def _parts(content: bytes) -> tuple[dict[str, Any], bytes]:
    (length,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def _joined(outer: Any, data: bytes, text: str | None = None) -> bytes:
    head = (json.dumps(outer) if text is None else text).encode("utf-8", "surrogatepass")
    return struct.pack("<Q", len(head)) + head + data


def _header_end(content: bytes) -> int:
    return 8 + struct.unpack("<Q", content[:8])[0]


def _lying_length(content: bytes, rng: np.random.Generator) -> bytes:
    true = _header_end(content) - 8
    lies = (*LIES, true - 1, true + 1, true // 2, true + len(content), len(content), len(content))
    return struct.pack("<Q", lies[rng.integers(len(lies))]) + content[8:]


def _lying_entry(content: bytes, rng: np.random.Generator) -> bytes:
    outer, data = _parts(content)
    names = [name for name in outer if name != "__metadata__"]
    name, other = (names[i] for i in rng.integers(0, len(names), 2))
    entry, action = outer[name], rng.integers(8)
    if action == 0:
        entry["shape"] = SHAPES[rng.integers(len(SHAPES))]
    elif action == 1:
        entry["dtype"] = TYPES[rng.integers(len(TYPES))]
    elif action == 2:
        ends = [0, 1, -1, 2**62, 2**64, len(data), entry["data_offsets"][0], None]
        entry["data_offsets"][rng.integers(2)] = ends[rng.integers(len(ends))]
    elif action == 3:
        outer[name], outer[other] = outer[other], outer[name]
    elif action == 4:
        outer[name] = outer[other]
    elif action == 5:
        text = json.dumps(outer)
        twin = json.dumps({name: entry})[1:-1]
        return _joined(None, data, f"{text[:-1]}, {twin}}}")
    elif action == 6:
        return _joined(None, data, mutations.changed_text(outer, rng))
    else:
        entry["dtype"], entry["shape"] = "F64", [*entry["shape"], 0]
    return _joined(outer, data)


def _read(content: bytes) -> tuple[dict[str, str], dict[str, np.ndarray]]:
    from safetensors.numpy import load

    return _parts(content)[0]["__metadata__"], load(content)


def _sealed(text: str, tensors: Mapping[str, np.ndarray], metadata: Mapping[str, Any]) -> bytes:
    """Return a file whose digest is right, as somebody who means harm would make it."""
    from safetensors.numpy import save

    from hs_specaug.io._model_file import digest_of

    text = text.encode("utf-8", "replace").decode()
    arrays = {key: np.asarray(value, order="C") for key, value in tensors.items()}
    return save(arrays, {**metadata, "header": text, "digest": digest_of(text, arrays)})


def _forged_header(content: bytes, rng: np.random.Generator) -> bytes:
    metadata, tensors = _read(content)
    return _sealed(mutations.changed_text(json.loads(metadata["header"]), rng), tensors, metadata)


def _forged_tensors(content: bytes, rng: np.random.Generator) -> bytes:
    metadata, tensors = _read(content)
    return _sealed(metadata["header"], mutations.changed_tensors(tensors, rng), metadata)


def _forged_sizes(content: bytes, rng: np.random.Generator) -> bytes:
    """Claim large networks, long class names and data types that take gigabytes."""
    metadata, tensors = _read(content)
    header = json.loads(metadata["header"])
    sizes = (10**5, 10**7, 10**9, 10**12, 2**63, -1, 0, 1.5)
    size = sizes[rng.integers(len(sizes))]
    described = header.get("hyperparameters") or header.get("identity") or header
    numbers = [k for k, v in described.items() if isinstance(v, int) and not isinstance(v, bool)]
    choices: list[tuple[dict, str, Any]] = [
        (header, "input_shape", [size]),
        (header, "input_shape", [size, 12]),
        (header, "input_shape", [1] * 500),
        (header, "classes", [0] * 100_000),
        (header, "classes", "a" * 100_000),
        (header, "classes_dtype", LARGE_TYPES[rng.integers(5)]),
        (
            header,
            "dtype",
            OTHER_TYPES[rng.integers(6)],
        ),
        (header, "class_counts", [size] * 3),
        *((described, key, size) for key in numbers),
        *((described, key, size) for key in numbers),
    ]
    container, key, value = choices[rng.integers(len(choices))]
    container[key] = value
    return _sealed(json.dumps(header), tensors, metadata)


def _forged_version(content: bytes, rng: np.random.Generator) -> bytes:
    metadata, tensors = _read(content)
    versions = ("2", "99", "1e3", "-1", "", "v1", "9" * 5000, "1.0", "0")
    kinds = ("hs_specaug.generator", "hs_specaug.checkpoint", "pt", "", "hs_specaug.study")
    if rng.random() < 0.6:
        metadata = {**metadata, "format_version": versions[rng.integers(len(versions))]}
    else:
        metadata = {**metadata, "format": kinds[rng.integers(len(kinds))]}
    return _sealed(metadata["header"], tensors, metadata)


MODEL: dict[str, Mutation] = {
    "bits, length": lambda content, rng: mutations.flip(content, rng, 0, 8),
    "bits, header": lambda content, rng: mutations.flip(content, rng, 8, _header_end(content)),
    "bits, data": lambda content, rng: mutations.flip(content, rng, _header_end(content)),
    "cut off": lambda content, rng: mutations.cut(content, rng, _header_end(content)),
    "blocks": mutations.rearranged,
    "another format": mutations.foreign,
    "lying length": _lying_length,
    "lying entry": _lying_entry,
    "forged header": _forged_header,
    "forged tensors": _forged_tensors,
    "forged sizes": _forged_sizes,
    "forged version": _forged_version,
}


# -------------------------------------------------------------------------------- text, by line


def _changed_line(content: bytes, rng: np.random.Generator) -> bytes:
    """Change one JSON line of a file; a file of one JSON value is one line."""
    lines = content.decode().strip().split("\n") if b"\n{" in content else [content.decode()]
    place = int(rng.integers(len(lines)))
    lines[place] = mutations.changed_text(json.loads(lines[place]), rng)
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def _version_of_the_future(content: bytes, rng: np.random.Generator) -> bytes:
    first, newline, rest = content.decode().partition("\n{")
    head = json.loads(first)
    values = (2, 99, 10**30, "1", None, [1], True, float("nan"))
    if "version" in head and rng.random() < 0.6:
        head["version"] = values[rng.integers(len(values))]
    else:
        head["format"] = ("hs_specaug.study", "hs_specaug.comparison", "", None)[rng.integers(4)]
    return (json.dumps(head) + newline + rest).encode()


def _mixed_lines(content: bytes, rng: np.random.Generator) -> bytes:
    lines = content.decode().split("\n")
    a, b = rng.integers(0, len(lines), 2)
    choices = (
        lines[:a] + lines[b:],
        [*lines, lines[a]],
        [*lines[:a], lines[a][: len(lines[a]) // 2] + lines[b], *lines[a + 1 :]],
        rng.permutation(np.array(lines, object)).tolist(),
        [line + "\r" for line in lines],
        ["", *lines],
    )
    return "\n".join(choices[rng.integers(len(choices))]).encode()


TEXT: dict[str, Mutation] = {
    "bits": mutations.flip,
    "cut off": mutations.cut,
    "blocks": mutations.rearranged,
    "another format": mutations.foreign,
    "changed JSON": _changed_line,
    "changed JSON, again": _changed_line,
    "version": _version_of_the_future,
    "lines": _mixed_lines,
}


# --------------------------------------------------------------------------------- what is read


def use_generator(path: Path) -> None:
    """Load a generator and draw from it."""
    import hs_specaug

    generator = hs_specaug.load_generator(path)
    repr(generator)
    X, y = generator.sample(dict.fromkeys(generator.classes_.tolist()[:3], 2), random_state=0)
    assert len(X) == len(y)


SMALL = {"epochs": 1, "random_state": 0, "precision": "float32"}
METHODS: dict[str, dict[str, Any]] = {
    "three-player": {**SMALL, "pretrain_epochs": 0, "latent_dim": 4, "snapshot_epochs": (0,)},
    "dag": {**SMALL, "fewest_epochs": 0, "until_baseline": False},
    "diffusion": {**SMALL, "timesteps": 4, "width": 4},
    "smote": {"random_state": 0},
    "perturbation": {"perturbation": "gain+shift", "random_state": 0},
    "few-shot": {"random_state": 0},
    "gansemble": {"generator": "few-shot", "random_state": 0},
}


def generator_file(method: str, folder: Path) -> FileKind:
    """Return the file of a small fitted generator."""
    from hs_specaug import SignalAxis, make_generator
    from hs_specaug.strategies import StrategySearch

    settings = dict(METHODS[method])
    if method == "gansemble":
        settings["search"] = StrategySearch(["shift", "gain"], "KNeighborsClassifier")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        generator = make_generator(method, **settings).fit(*rows())
    generator.signal_axes_ = [SignalAxis("Energy loss", "eV", 400.0 + np.arange(12.0))]
    path = generator.save(folder / "good.safetensors")
    return FileKind(path.read_bytes(), ".safetensors", use_generator, MODEL, "ModelFileError")


def _trainer(method: str, path: Path | None) -> Any:
    from hs_specaug import make_generator

    settings = {**METHODS[method], "epochs": 3, "checkpoint_every": 1}
    return make_generator(method, **settings).set_params(checkpoint=path)


def checkpoint_file(method: str, folder: Path) -> FileKind:
    """Return the checkpoint of a training that was stopped after its second epoch."""
    from hs_specaug.generators._checkpoint import Checkpoint

    path, write, kept = folder / "good.safetensors", Checkpoint.write, []

    def keep(self: Checkpoint, header: dict[str, Any], tensors: dict[str, Any]) -> None:
        write(self, header, tensors)
        kept.append(path.read_bytes())

    Checkpoint.write = keep  # type: ignore[method-assign]
    try:
        _trainer(method, path).fit(*rows())
    finally:
        Checkpoint.write = write  # type: ignore[method-assign]

    def go_on(path: Path) -> None:
        try:
            _trainer(method, path).fit(*rows())
        except Exception as error:
            # Weights that are other numbers are a file like any other; what a training makes of
            # them is its own affair.
            frames = {frame.name for frame in traceback.extract_tb(error.__traceback__)}
            if not frames & {"train_step_single", "end_epoch"}:
                raise

    return FileKind(kept[-2], ".safetensors", go_on, MODEL, "ModelFileError")


def _study(path: Path | None) -> Any:
    from hs_specaug.studies import Study

    return Study(
        ["smote"],
        baselines=["none"],
        default_classifiers=["nearest neighbour"],
        repetitions=2,
        test_size=0.5,
        random_state=0,
        results=path,
    )


def study_results(folder: Path) -> FileKind:
    """Return the file to which a study writes its cells."""

    def go_on(path: Path) -> None:
        result = _study(path).run(*rows())
        repr(result)
        assert len(result.cells) == 4

    path = folder / "good.jsonl"
    go_on(path)
    return FileKind(path.read_bytes(), ".jsonl", go_on, TEXT)


def study_result(folder: Path) -> FileKind:
    """Return the file of a finished result."""
    from hs_specaug.studies import StudyResult

    path = _study(None).run(*rows()).save(folder / "good.json")

    def read(path: Path) -> None:
        result = StudyResult.load(path)
        repr(result)
        result.rows, result.summary, result.tests, result.times
        result.save(path)

    return FileKind(path.read_bytes(), ".json", read, TEXT)


def comparison_report(folder: Path) -> FileKind:
    """Return the file of a comparison of synthetic with real rows."""
    from hs_specaug.evaluation import ComparisonReport, compare

    X, y = rows()
    report = compare(
        X, X[::-1] + 0.1, y, y[::-1], training=X + 0.01, y_training=y, random_state=0, n_repeats=2,
        metrics=["mmd", "pearson", "usefulness", "memorisation"], classifier="KNeighborsClassifier",
    )  # fmt: skip

    def read(path: Path) -> None:
        report = ComparisonReport.load(path)
        repr(report)
        report.verdict, report.to_dict()

    return FileKind(report.save(folder / "good.json").read_bytes(), ".json", read, TEXT)


def search_results(folder: Path) -> FileKind:
    """Return the file to which a search for strategies writes its scores."""
    from hs_specaug.strategies import StrategySearch

    def go_on(path: Path) -> None:
        search = StrategySearch(
            ["shift", "gain"],
            "KNeighborsClassifier",
            repetitions=2,
            random_state=0,
            refit=False,
            results=path,
        )
        repr(search.fit(*rows()).ranking_)

    path = folder / "good.json"
    go_on(path)
    return FileKind(path.read_bytes(), ".json", go_on, TEXT)


KINDS: dict[str, Callable[[Path], FileKind]] = {
    **{
        f"generator {method}": lambda folder, m=method: generator_file(m, folder)
        for method in METHODS
    },
    **{
        f"checkpoint {method}": lambda folder, m=method: checkpoint_file(m, folder)
        for method in ("three-player", "dag")
    },
    "study, resumable results": study_results,
    "study, result": study_result,
    "comparison report": comparison_report,
    "strategy search, resumable results": search_results,
}
