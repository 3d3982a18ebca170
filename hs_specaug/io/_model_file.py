"""Model files: one safetensors file with a header that people can read, and nothing executable.

The header is JSON under the key ``"header"`` of the safetensors metadata, next to
``"format"`` and ``"format_version"``.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..exceptions import ModelFileError
from ._json import DAMAGE, parse_json

FORMAT = "hs_specaug.generator"
CHECKPOINT_FORMAT = "hs_specaug.checkpoint"
FORMAT_VERSION = 1

#: Characters of the largest header that is read: a thousand times what one needs.
MOST_HEADER = 1 << 24


def write_atomically(path: str | os.PathLike, write: Callable[[Path], None]) -> Path:
    """Let `write` fill a temporary file in the same folder, then move it to `path`.

    Whoever reads `path` sees the old file or the complete new one, also if the process dies in
    between or the disk is full.

    Raises
    ------
    FileNotFoundError
        If the folder does not exist.
    """
    path = Path(path).expanduser()
    if path.is_dir():
        raise IsADirectoryError(
            f"cannot save to {str(path)!r}: it is a folder; add a file name such as "
            f"{str(path / 'generator.safetensors')!r}"
        )
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"cannot save to {str(path)!r}: the folder {str(path.parent)!r} does not exist"
        )
    try:
        handle, name = tempfile.mkstemp(
            dir=path.parent, prefix=f".{path.stem}.part-", suffix=path.suffix
        )
    except OSError as error:
        reason = f"{error.strerror}: this folder takes no file, choose another"
        raise type(error)(error.errno, reason, str(path)) from error
    temporary = Path(name)
    try:
        os.close(handle)
        write(temporary)
        with temporary.open("rb") as stream:
            os.fsync(stream.fileno())
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)  # mkstemp makes files that only the owner can read
        temporary.replace(path)
    except OSError as error:
        error.add_note(f"{str(path)!r} was not written; a file that was there is as it was")
        raise
    finally:
        temporary.unlink(missing_ok=True)
    return path


def write_model(
    path: str | os.PathLike,
    header: dict[str, Any],
    tensors: dict[str, np.ndarray],
    file_format: str = FORMAT,
) -> Path:
    """Write a model file.

    Parameters
    ----------
    path : str or path-like
        Target; an existing file is replaced in one step.
    header : dict
        JSON-serialisable description.
    tensors : dict of str to ndarray
        Weights and everything else that is numbers.
    file_format : str
        What kind of file it is: a generator, or the checkpoint of a training.

    Raises
    ------
    FileExistsError
        If there is a file of another kind: a signal, say, whose name was given by mistake.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    _spare_other_files(Path(path).expanduser())
    text = json.dumps(header, indent=1, ensure_ascii=False)
    # np.ascontiguousarray would give an array of no dimensions one.
    contiguous = {key: np.asarray(value, order="C") for key, value in tensors.items()}
    metadata = {
        "format": file_format,
        "format_version": str(FORMAT_VERSION),
        "header": text,
        "digest": digest_of(text, contiguous),
    }

    def write(part: Path) -> None:
        try:
            save_file(contiguous, part, metadata=metadata)
        except SafetensorError as error:
            raise OSError(
                f"cannot write {str(path)!r}: {error}; a file that was there is as it was. Free "
                "some space, or choose another folder"
            ) from error

    return write_atomically(path, write)


def _spare_other_files(path: Path) -> None:
    if not path.is_file() or not path.stat().st_size:
        return
    with path.open("rb") as file:
        start = file.read(9)
    if start[8:] != b"{":  # safetensors: eight bytes of length, then JSON
        raise FileExistsError(
            f"{str(path)!r} exists and is no model file, so it was not replaced; choose another "
            f"name, such as {path.with_suffix('.safetensors').name!r}, or delete it first"
        )


def digest_of(header: str, tensors: Mapping[str, np.ndarray]) -> str:
    """Return a hash of all that a model file says.

    It tells a damaged file from a good one, also where only a weight is another number; it does
    not say who wrote the file.
    """
    digest = hashlib.blake2b(header.encode(), digest_size=16)
    for key in sorted(tensors):
        value = tensors[key]
        digest.update(f"{key}{value.dtype.str}{value.shape}".encode())
        digest.update(np.ascontiguousarray(value).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def read_model(
    path: str | os.PathLike, file_format: str = FORMAT
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Read a model file and return its header and tensors.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ModelFileError
        If it is not a model file of this package, is damaged, or was written by a newer
        version of the format.
    """
    from safetensors import SafetensorError, safe_open

    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"there is no model file {str(path)!r}")
    try:
        with safe_open(path, framework="np") as file:
            metadata = file.metadata() or {}
            header = _check_header(path, metadata, file_format)
            # safe_open iterates by `keys()` only.
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        # Files from before there was a digest have none.
        if metadata.get("digest", found := digest_of(metadata["header"], tensors)) != found:
            raise ValueError("its content is not what was written")
    except ModelFileError:
        raise
    except (SafetensorError, OSError, *DAMAGE) as error:
        raise ModelFileError(
            f"{str(path)!r} is not a readable model file ({error}); it must be a complete file "
            "written by generator.save(path)"
        ) from error
    return header, tensors


def _check_header(path: Path, metadata: dict[str, str], file_format: str) -> dict[str, Any]:
    found = metadata.get("format")
    if found != file_format:
        advice = {
            FORMAT: "hs_specaug loads what generator.save wrote",
            CHECKPOINT_FORMAT: "checkpoint= names a file that training writes itself",
        }
        raise ModelFileError(
            f"{str(path)!r} is a safetensors file, but not of the format {file_format!r} "
            f"(found {found!r}); {advice.get(file_format, '')}"
        )
    version = int(metadata.get("format_version", "0"))
    if version < 1:
        raise ValueError(f"format version {version}")
    if version > FORMAT_VERSION:
        raise ModelFileError(
            f"{str(path)!r} has format version {version}, this hs_specaug reads up to "
            f"{FORMAT_VERSION}: update hs_specaug to load it"
        )
    if len(metadata["header"]) > MOST_HEADER:
        raise ValueError(f"a header of {len(metadata['header'])} characters")
    header = parse_json(metadata["header"])
    if not isinstance(header, dict) or not isinstance(header.get("method"), str):
        raise ModelFileError(f"the header of {str(path)!r} names no method: the file is damaged")
    return header
