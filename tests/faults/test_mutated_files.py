"""Corrupted, truncated and malicious files: our error, or a file that is still good."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import hs_specaug
from hs_specaug.evaluation import ComparisonReport
from hs_specaug.exceptions import ModelFileError
from hs_specaug.io import read_model, write_model
from hs_specaug.io._json import parse_json
from hs_specaug.studies import StudyResult

HERE = Path(__file__).parent
linux = pytest.mark.skipif(sys.platform != "linux", reason="bounds memory as Linux does")


def check(found, n):
    for row in found:
        assert row["tried"] == n
        assert not row["failures"], (row["kind"], row["failures"])
        assert row["refused"] > 0


@linux
def test_some_mutations_of_every_kind_of_file(rows_of):
    check(rows_of("mutating.py", "--mutations", "12"), 12)


@linux
@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_a_thousand_mutations_of_every_kind_of_file(rows_of):
    check(rows_of("mutating.py", "--mutations", "1000"), 1000)


@linux
@pytest.mark.parametrize(
    ("reader", "outcome"),
    [
        ("raise KeyError('x')", "another error"),
        ("__import__('os').kill(__import__('os').getpid(), 11)", "crash"),
        ("__import__('numpy').ones(1 << 34)", "out of memory"),
        ("__import__('pickle').loads(content)", "forbidden"),
        ("__import__('subprocess').run(['true'])", "forbidden"),
        ("open(path.parents[2] / 'elsewhere.txt', 'w')", "forbidden"),
    ],
)
def test_what_must_not_happen_would_be_noticed(tmp_path, reader, outcome):
    script = f"""
import json, pickle, sys
sys.path.insert(0, {str(HERE)!r})
import mutating
from _files import FileKind
from pathlib import Path
import numpy, subprocess

def read(path):
    content = path.read_bytes()
    {reader}

kind = FileKind(pickle.dumps(ValueError), ".bin", read, {{"none": lambda content, rng: content}})
print(json.dumps(mutating.run(kind, [(0, "none", 0)], Path({str(tmp_path)!r}))))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert not done.returncode, done.stderr
    assert json.loads(done.stdout)[0]["outcome"] == outcome


# ------------------------------------------------------------------- what was mended, by hand


@pytest.fixture
def path(tmp_path):
    X = np.random.default_rng(0).random((12, 8))
    generator = hs_specaug.make_generator("smote").fit(X, np.repeat(["a", "b"], [8, 4]))
    return generator.save(tmp_path / "model.safetensors")


def test_one_other_bit_of_a_weight_is_noticed(path):
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match="not what was written"):
        hs_specaug.load_generator(path)


def test_files_from_before_there_was_a_digest_are_read(path):
    from safetensors.numpy import load_file, save_file

    header, tensors = read_model(path)
    metadata = {"format": "hs_specaug.generator", "format_version": "1"}
    save_file(load_file(path), path, {**metadata, "header": json.dumps(header)})
    found, back = read_model(path)
    assert found == header
    assert back.keys() == tensors.keys()


@pytest.mark.parametrize("shape", [(), (0,), (1,), (2, 0, 3), (1, 1)])
def test_shapes_survive(tmp_path, shape):
    tensor = np.zeros(shape, np.float32)
    path = write_model(tmp_path / "x.safetensors", {"method": "smote"}, {"t": tensor})
    assert read_model(path)[1]["t"].shape == shape


@pytest.mark.parametrize("load", [StudyResult.load, ComparisonReport.load])
def test_a_folder_is_no_result(tmp_path, load):
    with pytest.raises(ValueError, match="is a folder; give the name of the file"):
        load(tmp_path)
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "none.json")


def test_json_that_is_refused():
    with pytest.raises(ValueError, match="twice"):
        parse_json('{"a": {"b": 1, "b": 2}}')
    with pytest.raises(ValueError, match="too deeply"):
        parse_json("[" * 100_000 + "]" * 100_000)


def test_codes_of_no_class_are_refused_before_anything_counts_them(path):
    header, tensors = read_model(path)
    tensors["state.codes"] = np.full_like(tensors["state.codes"], np.iinfo(np.int64).max)
    write_model(path, header, tensors)
    with pytest.raises(ModelFileError, match="classes that there are not"):
        hs_specaug.load_generator(path)


def test_networks_larger_than_their_file_are_not_built(tmp_path):
    X = np.random.default_rng(0).random((12, 8))
    generator = hs_specaug.make_generator(
        "three-player", epochs=0, pretrain_epochs=0, latent_dim=4, random_state=0
    ).fit(X, np.repeat([0, 1], [8, 4]))
    path = generator.save(tmp_path / "g.safetensors")
    header, tensors = read_model(path)
    header["hyperparameters"]["latent_dim"] = 10**9
    write_model(path, header, tensors)
    with pytest.raises(ModelFileError, match="larger than the file"):
        hs_specaug.load_generator(path)


def test_the_page_has_the_measured_numbers(monkeypatch):
    root = HERE.parents[1]
    if not (root / "benchmarks").is_dir():
        pytest.skip("benchmarks are not part of this copy")
    monkeypatch.syspath_prepend(str(root / "benchmarks"))
    import faults

    results = json.loads((root / "benchmarks" / "results" / "faults.json").read_text())
    text = faults.PAGE.read_text(encoding="utf-8")
    assert faults.filled(text, results) == text, "run python benchmarks/faults.py --go-on"
