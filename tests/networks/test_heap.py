"""The heap during a training: kept while one runs, handed back after the last."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import numpy as np
import pytest

from hs_specaug import make_generator
from hs_specaug.generators import fit_together
from hs_specaug.networks import Player, _heap
from hs_specaug.networks._heap import KEPT, USUAL, heap_kept

from .test_training import Counter, loop_of

FAULTS = """
import resource
import torch
from hs_specaug.networks._heap import _LIBRARY, heap_kept

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        torch.zeros(5_000_000)  # 20 MB
        torch.zeros(12_000_000)  # 48 MB, more than glibc keeps by itself
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

torch.set_num_threads(1)
faults()
usual = faults()
with heap_kept():
    faults()
    kept = faults()
print(_LIBRARY is not None, usual, kept, faults())
"""


class Library:
    """Writes down what glibc would have been told."""

    def __init__(self) -> None:
        self.said: list[object] = []

    def mallopt(self, name: int, value: int) -> None:
        self.said.append((name, value))

    def malloc_trim(self, keep: int) -> None:
        self.said.append(keep)


@pytest.fixture
def library(monkeypatch):
    library = Library()
    monkeypatch.setattr(_heap, "_LIBRARY", library)
    monkeypatch.setattr(_heap, "_told", lambda: False)
    return library


BEGIN, END = list(KEPT.items()), [*USUAL.items(), 0]


def test_freed_memory_is_kept_within_and_handed_back_after(library):
    with heap_kept():
        assert library.said == BEGIN
    assert library.said == BEGIN + END


def test_an_error_hands_it_back(library):
    with pytest.raises(KeyError), heap_kept():
        raise KeyError
    assert library.said == BEGIN + END


def test_only_the_last_of_several_hands_it_back(library):
    inside, leave = threading.Event(), threading.Event()

    def other() -> None:
        with heap_kept():
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=other)
    with heap_kept():
        thread.start()
        assert inside.wait(10)
        with heap_kept():
            pass
    assert library.said == BEGIN
    leave.set()
    thread.join()
    assert library.said == BEGIN + END


@pytest.mark.parametrize("answer", [ValueError, AttributeError, OSError, None])
def test_other_c_libraries_are_left_alone(monkeypatch, answer):
    def confstr(name):
        if answer is not None:
            raise answer

    monkeypatch.setattr(_heap.os, "confstr", confstr, raising=False)
    assert _heap._glibc() is None
    monkeypatch.setattr(_heap, "_LIBRARY", None)
    with heap_kept():
        pass


@pytest.mark.parametrize(
    ("name", "value"),
    [("MALLOC_TRIM_THRESHOLD_", "1"), ("GLIBC_TUNABLES", "glibc.malloc.trim_threshold=1")],
)
def test_who_has_told_malloc_what_to_keep_is_obeyed(monkeypatch, name, value):
    library = Library()
    monkeypatch.setattr(_heap, "_LIBRARY", library)
    monkeypatch.setenv(name, value)
    with heap_kept():
        pass
    assert not library.said


def test_a_training_keeps_the_heap(library):
    counter = Counter(1.0)
    player = Player("p", counter, lambda: {"square": counter.value**2}, 1, 0.1, (0.5, 0.9))
    seen = []
    loop_of(player, epochs=2, after_epoch=lambda loop: seen.append(list(library.said))).fit_loop()
    assert seen == [BEGIN, BEGIN]
    assert library.said == BEGIN + END


def test_trainings_that_make_their_steps_together_do_too(library):
    rng = np.random.default_rng(0)
    rows = [(rng.random((8, 16)), np.repeat([0, 1], 4)) for _ in range(2)]
    fits = [
        make_generator("dcgan", random_state=r, epochs=1, scoring=None) for r in range(len(rows))
    ]
    fit_together(fits, rows)
    assert library.said == BEGIN + END


@pytest.mark.skipif(sys.platform != "linux", reason="the settings are those of glibc")
def test_pages_are_not_asked_for_twice():
    told = ("MALLOC_", "GLIBC_TUNABLES")
    untold = {name: value for name, value in os.environ.items() if not name.startswith(told)}
    done = subprocess.run(
        [sys.executable, "-c", FAULTS], capture_output=True, text=True, check=True, env=untold
    )
    glibc, *faults = done.stdout.split()
    if glibc != "True":
        pytest.skip("the C library is not glibc")
    usual, kept, after = map(int, faults)
    assert kept < 0.1 * usual
    assert after > kept
