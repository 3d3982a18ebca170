"""One seed, one result: to the last bit in another process, whatever happened before in this one.

Run as a program, this file prints the digests of the results of one of its tables.
"""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

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


def large_rows():
    """Return 180 rows of 500 channels: torch splits arrays of this size among its threads."""
    rng = np.random.default_rng(5)
    y = np.repeat(["core", "shell"], [140, 40])
    peaks = np.exp(-0.5 * ((np.arange(500) - np.where(y == "core", 230, 250)[:, None]) / 60) ** 2)
    return (peaks + rng.normal(0, 0.3, peaks.shape)).astype(np.float32), y


def resampled(method, **parameters):
    def fit_resample():
        generator = make_generator(method, random_state=0, **parameters)
        return digest(*generator.fit_resample(*large_rows()))

    return fit_resample


def perturbed(method):
    def perturb():
        X, y = large_rows()
        s = AugmentableSpectrum(X.reshape(18, 10, 500))
        s.set_labels(y.reshape(18, 10))
        return digest(s.perturb(method, random_state=0).data)

    return perturb


def classify_by_svm():
    X, y = large_rows()
    s = AugmentableSpectrum(X.reshape(18, 10, 500))
    s.set_labels(np.where(np.arange(180) % 3, -1, y == "shell").reshape(18, 10), ["core", "shell"])
    found = s.classify("svm", random_state=0, show_progressbar=False, C=(1,), gamma=(0.1,), cv=2)
    return digest(found.probability.data, found.label_map.data)


# What no sum of torch has a part in: the number of threads has none either.
WHATEVER_THREADS = {
    "random": resampled("random"),
    "smote": resampled("smote"),
    "borderline-smote": resampled("borderline-smote"),
    "few-shot": resampled("few-shot"),
    "perturbation": resampled("perturbation", perturbation="gain+shift"),
    "noise": perturbed("gaussian-noise+poisson+spikes"),
    "shape": perturbed("broadening+warp+baseline"),
    "classify by svm": classify_by_svm,
}


def digests_elsewhere(what, threads):
    """Return the digests of another process, in which text hashes otherwise."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(Path(__file__).resolve()), what],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONHASHSEED": "4", "OMP_NUM_THREADS": str(threads)},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def elsewhere():
    return digests_elsewhere("RESULTS", torch.get_num_threads())


@pytest.fixture(scope="module")
def with_other_threads():
    return digests_elsewhere("WHATEVER_THREADS", 1 if torch.get_num_threads() > 1 else 2)


@pytest.mark.parametrize("what", RESULTS)
@pytest.mark.filterwarnings("ignore::hs_specaug.exceptions.SpecAugWarning")
def test_same_seed_same_bits_in_another_process(what, elsewhere, no_global_rng):
    assert RESULTS[what]() == elsewhere[what]


@pytest.mark.parametrize("what", WHATEVER_THREADS)
def test_same_bits_with_another_number_of_threads(what, with_other_threads):
    assert WHATEVER_THREADS[what]() == with_other_threads[what]


if __name__ == "__main__":
    table = {"RESULTS": RESULTS, "WHATEVER_THREADS": WHATEVER_THREADS}[sys.argv[1]]
    print(json.dumps({name: result() for name, result in table.items()}))
