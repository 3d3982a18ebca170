"""Model files: refuse with words, write atomically, execute nothing."""

import contextlib
import json
import stat

import numpy as np
import pytest
from safetensors.numpy import save_file

import hs_specaug
from hs_specaug import SignalAxis
from hs_specaug.exceptions import ModelFileError
from hs_specaug.io import FORMAT_VERSION, read_model, write_atomically, write_model


@pytest.fixture
def path(tmp_path):
    X = np.random.default_rng(0).random((12, 8))
    y = np.array([0] * 8 + [1] * 4)
    generator = hs_specaug.make_generator(
        "three-player", epochs=1, pretrain_epochs=0, random_state=7
    ).fit(X, y)
    generator.signal_axes_ = [SignalAxis("Energy loss", "eV", 400.0 + 0.5 * np.arange(8))]
    return generator.save(tmp_path / "model.safetensors")


def test_header_is_readable(path):
    text = path.read_bytes()[:6000].decode("utf-8", errors="replace")
    assert "hs_specaug.generator" in text
    header, _ = read_model(path)
    assert header["method"] == "three-player"
    assert header["hyperparameters"]["epochs"] == 1
    assert header["classes"] == [0, 1]
    assert set(header["versions"]) >= {"hs_specaug", "torch", "numpy", "python"}
    assert header["seed"] == 7
    assert header["scaler"].keys() == {"minimum", "maximum"}
    assert header["training_rows"]["number"] == 12
    assert header["axes"] == [
        {"name": "Energy loss", "units": "eV", "size": 8, "first": 400.0, "last": 403.5}
    ]
    json.dumps(header, allow_nan=False)


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="no model file"):
        hs_specaug.load_generator(tmp_path / "none.safetensors")


def test_missing_folder(path):
    generator = hs_specaug.load_generator(path)
    with pytest.raises(FileNotFoundError, match="folder"):
        generator.save(path.parent / "nowhere" / "g.safetensors")


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x80\x04K\x01.", b"\xff" * 64])
def test_other_files_are_refused(tmp_path, content):
    (tmp_path / "x.safetensors").write_bytes(content)
    with pytest.raises(ModelFileError, match="not a readable model file"):
        hs_specaug.load_generator(tmp_path / "x.safetensors")


def test_a_file_of_another_kind_is_not_replaced(path, tmp_path):
    generator = hs_specaug.load_generator(path)
    signal = tmp_path / "mine.hspy"
    hs_specaug.datasets.white_lines(0, scale=0.01).save(signal)
    before = signal.read_bytes()
    with pytest.raises(FileExistsError, match=r"no model file.*'mine\.safetensors'"):
        generator.save(signal)
    assert signal.read_bytes() == before
    assert generator.save(path) == path  # a model file is


def test_other_safetensors_files_are_refused(tmp_path):
    save_file({"a": np.zeros(2)}, tmp_path / "x.safetensors")
    with pytest.raises(ModelFileError, match="not of the format"):
        hs_specaug.load_generator(tmp_path / "x.safetensors")


def test_newer_format_is_refused(tmp_path):
    metadata = {
        "format": "hs_specaug.generator",
        "format_version": str(FORMAT_VERSION + 1),
        "header": "{}",
    }
    save_file({"a": np.zeros(2)}, tmp_path / "x.safetensors", metadata=metadata)
    with pytest.raises(ModelFileError, match="update hs_specaug"):
        hs_specaug.load_generator(tmp_path / "x.safetensors")


def test_unknown_method_is_named(path):
    header, tensors = read_model(path)
    write_model(path, {**header, "method": "their-method"}, tensors)
    with pytest.raises(ModelFileError, match="their-method"):
        hs_specaug.load_generator(path)


@pytest.mark.parametrize("missing", ["state.scaler.minimum", "fingerprint"])
def test_missing_parts_are_named(path, missing):
    header, tensors = read_model(path)
    del tensors[missing]
    write_model(path, header, tensors)
    with pytest.raises(ModelFileError, match="complete"):
        hs_specaug.load_generator(path)


def test_unknown_hyperparameters_are_refused(path):
    header, tensors = read_model(path)
    header["hyperparameters"]["shell"] = "rm -rf"
    write_model(path, header, tensors)
    with pytest.raises(ModelFileError, match="'shell'"):
        hs_specaug.load_generator(path)


def test_truncated_files_are_refused(path):
    content = path.read_bytes()
    for share in (0.0, 0.001, 0.3, 0.9, 0.9999):
        path.write_bytes(content[: int(len(content) * share)])
        with pytest.raises(ModelFileError):
            hs_specaug.load_generator(path)


def test_mutated_headers_never_crash(path):
    """A flipped byte in the header gives our error or a generator, nothing else."""
    content = bytearray(path.read_bytes())
    length = int.from_bytes(content[:8], "little")
    rng = np.random.default_rng(0)
    for position in rng.integers(0, 8 + length, 60):
        mutated = bytearray(content)
        mutated[position] ^= int(rng.integers(1, 256))
        path.write_bytes(mutated)
        with contextlib.suppress(ModelFileError):
            hs_specaug.load_generator(path)


def test_failed_write_leaves_the_old_file(tmp_path):
    target = tmp_path / "x.bin"
    target.write_text("old")

    def fail(part):
        part.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_atomically(target, fail)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_files_are_readable_by_others(path):
    assert path.stat().st_mode & stat.S_IRGRP


def test_newer_writer_is_mentioned(path):
    header, tensors = read_model(path)
    header["versions"]["hs_specaug"] = "99.0"
    write_model(path, header, tensors)
    with pytest.warns(UserWarning, match=r"saved by hs_specaug 99\.0"):
        hs_specaug.load_generator(path)
