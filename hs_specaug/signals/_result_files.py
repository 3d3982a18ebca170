"""Files of classification results: one HyperSpy signal each, written at once or chunk by chunk."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from .._progress import active_client
from ..io import write_atomically
from ..io._json import DAMAGE, parse_json
from ._prediction import labelling_progress

RECORD = "SpecAug.result"
SUFFIXES = (".hspy", ".zspy")


def save_result(
    path: str | os.PathLike, probability: Any, record: dict[str, Any], show_progressbar: bool
) -> Path:
    """Write probabilities with a record in their metadata; a lazy signal goes chunk by chunk.

    Raises
    ------
    ValueError
        For another suffix than ``.hspy`` and ``.zspy``, or ``.hspy`` where several processes write.
    """
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"path must be a file name, got {path!r}; use result.save('map.hspy')")
    path = Path(path).expanduser()
    _check_suffix(path, probability)
    signal = probability.deepcopy()
    signal.metadata.set_item(RECORD, json.dumps(record))

    def write(part: Path) -> None:
        signal.save(str(part), overwrite=True, show_progressbar=False)

    with labelling_progress(probability.data, show_progressbar):
        if path.suffix == ".hspy":
            return write_atomically(path, write)
        return write_folder(path, write)


def read_result(path: str | os.PathLike, lazy: bool) -> tuple[Any, dict[str, Any]]:
    """Return the probabilities and the record that :func:`save_result` wrote.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file holds something else, or only a part of what was saved.
    """
    if not isinstance(path, str | os.PathLike):
        raise TypeError(
            f"path must be the name of one file that result.save wrote, got {path!r}; use "
            "ClassificationResult.load('map.hspy')"
        )
    path = Path(path).expanduser()
    if not path.exists():
        raise FileNotFoundError(f"there is no file {str(path)!r}; see where result.save wrote it")
    if path.suffix not in SUFFIXES:
        raise ValueError(f"path must end in '.hspy' or '.zspy', got {str(path)!r}")
    signal = _load_signal(path, lazy)
    text = None if isinstance(signal, list) else signal.metadata.get_item(RECORD, None)
    if text is None:
        raise ValueError(
            f"{str(path)!r} is not a file that result.save wrote; for a signal: hs.load(path)"
        )
    return signal, _checked_record(text, signal, path)


def _load_signal(path: Path, lazy: bool) -> Any:
    import hyperspy.api as hs

    try:
        return hs.load(path, lazy=lazy)  # a path, unlike a string, is no pattern
    except PermissionError:
        raise
    except (OSError, *DAMAGE) as error:
        raise ValueError(
            f"{str(path)!r} cannot be read: it is damaged, or no signal ({error}); save the "
            "result again"
        ) from error


def _checked_record(text: Any, signal: Any, path: Path) -> dict[str, Any]:
    """Return the record of a file whose parts all fit together."""
    try:
        record = parse_json(text)
        n_classes = len(record["classes"])
        complete = all(name in record for name in ("report", "classifier", "augmentation"))
    except DAMAGE:
        complete = False
    if not complete:
        raise ValueError(f"{str(path)!r} holds a damaged record of a result; save the result again")
    if signal.data.shape[-1] != n_classes:
        raise ValueError(
            f"{str(path)!r} has probabilities of {signal.data.shape[-1]} classes, its record is of "
            f"{n_classes}: {record['classes']}; load the file that result.save wrote, and cut "
            "result.probability"
        )
    if not signal._lazy and (signal.data.max(axis=-1) == 0).any():
        raise ValueError(
            f"{str(path)!r} has positions without any probability: a part of it is missing; save "
            "the result again"
        )
    return record


def _check_suffix(path: Path, probability: Any) -> None:
    if path.suffix not in SUFFIXES:
        raise ValueError(
            f"path must end in '.hspy' or '.zspy', got {str(path)!r}; use result.save('map.hspy')"
        )
    if path.suffix == ".hspy" and path.is_dir():
        raise IsADirectoryError(f"{str(path)!r} is a folder; choose another name")
    if path.suffix == ".zspy" and find_spec("zarr") is None:
        raise ImportError(
            'files that end in .zspy need zarr; run pip install "hs_specaug[zspy]", or save to '
            f"{path.with_suffix('.hspy').name!r}"
        )
    if path.suffix == ".hspy" and probability._lazy and active_client() is not None:
        raise ValueError(
            f"the workers of a cluster cannot write to one HDF5 file, got {str(path)!r}; use "
            f"result.save({path.with_suffix('.zspy').name!r}), or result.compute() first"
        )


def write_folder(path: Path, write: Any) -> Path:
    """Let `write` fill a folder beside `path`, then put it in the place of `path`."""
    if path.exists() and not (path / ".zgroup").exists() and not (path / "zarr.json").exists():
        raise FileExistsError(f"{str(path)!r} exists and is no .zspy file; choose another name")
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"cannot save to {str(path)!r}: the folder {str(path.parent)!r} does not exist"
        )
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.stem}.part-") as folder:
        part, old = Path(folder) / path.name, Path(folder) / f"old-{path.name}"
        write(part)
        if path.exists():
            path.replace(old)
        try:
            part.replace(path)
        except BaseException:
            if old.exists():
                old.replace(path)
            raise
        shutil.rmtree(old, ignore_errors=True)
    return path
