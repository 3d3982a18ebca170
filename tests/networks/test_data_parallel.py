"""Training that two real processes share, against the same training in one."""

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import hs_specaug
from hs_specaug.networks import data_parallel
from hs_specaug.networks._data_parallel import shared_batch_size

SCRIPT = Path(__file__).with_name("shared_training.py")
TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
METHODS = ["diffusion", "three-player", "sgbgan", "bagan-gp", "lazy"]


def run(folder, *launcher, device=""):
    # Processes that share cores wait for each other's threads.
    settings = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": device, "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        [sys.executable, *launcher, str(SCRIPT), str(folder)],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=540,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done


def read(folder, n):
    return [torch.load(folder / f"{rank}.pt", weights_only=False) for rank in range(n)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Give the folder in which two processes have left what they saw."""
    folder = tmp_path_factory.mktemp("two")
    run(folder, *TORCHRUN)
    return folder


@pytest.fixture(scope="module")
def two(folder):
    """Give what two processes saw."""
    return read(folder, 2)


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    """Give what the same script sees without torchrun, in this process."""
    folder = tmp_path_factory.mktemp("one")
    runpy.run_path(str(SCRIPT))["main"](folder)
    return read(folder, 1)[0]


def equal(first, second):
    assert first.keys() == second.keys()
    return all(torch.equal(first[key], second[key]) for key in first)


@pytest.mark.parametrize("method", METHODS)
def test_two_processes_make_the_steps_of_one(method, one, two):
    """Rows, noise, labels, penalties and batch normalisation: those of the joined batch.

    Gradients as they are when the optimiser steps, of every player in every phase: through parts
    of networks (features, head, decode) and through gradients (penalties), which the hooks of a
    wrapper around the networks would not see.
    """
    assert (one["size"], two[0]["size"]) == (1, 2)
    expected = one["same"][method]["gradients"]
    assert len(expected) >= 2
    for rank in two:
        found = rank["same"][method]["gradients"]
        assert len(found) == len(expected)
        for ours, theirs in zip(expected, found, strict=True):
            assert torch.linalg.vector_norm(theirs - ours) <= 1e-5 * torch.linalg.vector_norm(ours)


@pytest.mark.parametrize("method", METHODS)
def test_losses_are_those_of_all_rows(method, one, two):
    expected = one["same"][method]["history"]
    for rank in two:
        found = rank["same"][method]["history"]
        assert found.keys() == expected.keys()
        for key, values in expected.items():
            np.testing.assert_allclose(found[key], values, rtol=1e-4, atol=1e-4, err_msg=key)


def test_all_processes_end_with_the_same(two):
    first, second = (rank["trained"] for rank in two)
    for networks in ("weights", "unseeded", "augmented"):
        assert equal(first[networks], second[networks]), networks
    assert first["score"] == second["score"]
    np.testing.assert_array_equal(first["samples"], second["samples"])


def test_a_file_is_saved_once_and_loads(folder, two):
    generator = hs_specaug.load_generator(folder / "generator.safetensors")
    found = dict(generator.networks_.state_dict())
    assert equal(found, two[1]["trained"]["weights"])


def test_goes_on_from_the_checkpoint_of_process_0(two):
    for rank in two:
        assert rank["resumed"]["written"]
        assert rank["resumed"]["epochs"] == [1, 2, 3]
        assert equal(rank["resumed"]["weights"], two[0]["trained"]["weights"])
    assert not two[0]["resumed"]["left"]


def test_all_go_back_when_one_goes_wrong(two):
    for rank in two:
        assert rank["wrong"]["rollbacks"] == 1
        assert rank["wrong"]["calls"] == 4  # three epochs, one of them twice
        assert rank["wrong"]["factor"] == 0.5
    # They began with other weights; those of process 0 count.
    assert torch.equal(two[0]["wrong"]["weight"], two[1]["wrong"]["weight"])
    assert two[1]["wrong"]["weight"].abs().max() < 0.1


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("rows", "ValueError: processes .* must fit the same, but training rows differ"),
        ("batch", "ValueError: batch_size must be a multiple of the 2 .* pass batch_size=8"),
        ("dag", "ValueError: dag cannot share its batches among 2 processes"),
        ("nested", "RuntimeError: .*is active already"),
        ("once", "ValueError: invalid literal for int"),
    ],
)
def test_all_processes_refuse_alike(what, message, two):
    for rank in two:
        assert re.match(message, rank["refusals"][what])


def test_process_0_warns_for_all(two):
    first, second = (rank["warned"] for rank in two)
    assert len(first) == 1
    assert "scoring='downstream'" in first[0]
    assert second == []


def test_leaves_nothing_behind(one, two):
    for rank in (one, *two):
        assert not rank["left"]
        assert not rank["global state moved"]


def test_without_torchrun_there_is_one_process(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with data_parallel() as processes, data_parallel() as again:
        assert (processes.rank, processes.size, processes.first, again.size) == (0, 1, True, 1)
    assert not torch.distributed.is_initialized()


def test_a_batch_is_divided_equally():
    assert shared_batch_size(32, 100, 4) == 32
    assert shared_batch_size(32, 27, 4) == 24
    with pytest.raises(ValueError, match="2 processes cannot share 1 rows"):
        shared_batch_size(32, 1, 2)


@pytest.mark.cuda
@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two CUDA devices")
def test_two_gpus_make_the_steps_of_one(tmp_path):
    for name, launcher, device in (("one", (), "0"), ("two", TORCHRUN, "0,1")):
        (tmp_path / name).mkdir()
        run(tmp_path / name, *launcher, device=device)
    (one,), two = read(tmp_path / "one", 1), read(tmp_path / "two", 2)
    assert equal(two[0]["trained"]["weights"], two[1]["trained"]["weights"])
    for method in METHODS:
        for ours, theirs in zip(
            one["same"][method]["gradients"], two[1]["same"][method]["gradients"], strict=True
        ):
            assert torch.linalg.vector_norm(theirs - ours) <= 1e-2 * torch.linalg.vector_norm(ours)
