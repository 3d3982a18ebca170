"""One seed, one result: to the last bit in another process, whatever happened before in this one.

Run as a program, this file prints the digests of all results.
"""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hs_specaug import make_generator
from hs_specaug.signals import AugmentableSpectrum
from hs_specaug.studies import Study

# A process that is refused the matrix units rounds bfloat16 otherwise.
SINGLE = {"precision": "float32"}
BRIEF = {"epochs": 2, "pretrain_epochs": 1, **SINGLE}


def digest(*values):
    """Return a hash of arrays, or of anything that JSON can write."""
    found = hashlib.sha256()
    for value in values:
        if isinstance(value, np.ndarray):
            found.update(f"{value.dtype.str}{value.shape}".encode())
            found.update(np.ascontiguousarray(value).tobytes())
        else:
            found.update(json.dumps(value, sort_keys=True).encode())
    return found.hexdigest()


def labelled_map():
    """Return a map of 48 spectra: two classes, 30 and 10 of them, and 8 without a label."""
    rng = np.random.default_rng(3)
    codes = rng.permutation(np.repeat([0, 1, -1], [30, 10, 8])).reshape(6, 8)
    energy = np.arange(16.0)
    peaks = np.exp(-0.5 * ((energy - np.array([4.0, 9.0, 6.0])[codes][..., None]) / 2) ** 2)
    s = AugmentableSpectrum((peaks + rng.normal(0, 0.1, (6, 8, 16))).astype(np.float32))
    s.axes_manager.signal_axes[0].units = "eV"
    s.set_labels(codes, classes=["core", "shell"])
    return s


def rows():
    s = labelled_map()
    known = s.labels >= 0
    return s.data[known], np.array(s.classes)[s.labels[known]]


def sample():
    generator = make_generator("three-player", random_state=0, **BRIEF).fit(*rows())
    return digest(*generator.sample({"shell": 5, "core": 2}, random_state=1))


def augment():
    balanced = labelled_map().augment(
        "three-player", random_state=0, show_progressbar=False, **BRIEF
    )
    return digest(balanced.data, balanced.labels)


def perturb():
    return digest(labelled_map().perturb("gaussian-noise+shift", random_state=0).data)


def classify():
    result = labelled_map().classify(
        "cnn", augmentation="smote", random_state=0, max_updates=3, show_progressbar=False, **SINGLE
    )
    return digest(result.probability.data, result.label_map.data, result.report.to_dict())


def study():
    found = Study(
        ["smote", "gaussian-noise"],
        baselines=["none"],
        default_classifiers=["nearest neighbour"],
        balanced_ratios=[0.2],
        repetitions=2,
        random_state=0,
    ).run(*rows())
    assert not found.failed
    return digest([{**cell.to_dict(), "seconds": None} for cell in found.cells])


RESULTS = {f.__name__: f for f in (sample, augment, perturb, classify, study)}


@pytest.fixture(scope="module")
def elsewhere():
    """Give the digests of another process, in which text hashes otherwise."""
    import torch

    settings = {"PYTHONHASHSEED": "4", "OMP_NUM_THREADS": str(torch.get_num_threads())}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(Path(__file__).resolve())],
        capture_output=True,
        text=True,
        env={**os.environ, **settings},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("what", RESULTS)
@pytest.mark.filterwarnings("ignore::hs_specaug.exceptions.SpecAugWarning")
def test_same_seed_same_bits_in_another_process(what, elsewhere, no_global_rng):
    assert RESULTS[what]() == elsewhere[what]


if __name__ == "__main__":
    print(json.dumps({name: result() for name, result in RESULTS.items()}))
