"""What a step of a training frees, the next step wants again.

glibc hands the upper end of the heap back to the system whenever enough of it is free, which is at
the end of every backward pass, and takes each large block from the system anew. The next step then
pays for every page once more, when it first touches it: up to a third of its time.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import threading
from collections.abc import Iterator
from typing import Any

from tqdm.auto import tqdm

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # malloc.h
KEPT = {M_MMAP_THRESHOLD: 2**30, M_TRIM_THRESHOLD: 2**31 - 1}
#: As far as glibc moves them by itself, when blocks of 32 MiB have come and gone.
USUAL = {M_MMAP_THRESHOLD: 2**25, M_TRIM_THRESHOLD: 2**26}


def _glibc() -> Any:
    """Return the C library of this process, or None if it is not glibc."""
    try:
        name = os.confstr("CS_GNU_LIBC_VERSION")
    except (AttributeError, ValueError, OSError):  # another system, another C library
        return None
    library = ctypes.CDLL(None) if name else None
    known = library is not None and hasattr(library, "mallopt") and hasattr(library, "malloc_trim")
    return library if known else None


#: Looked up once: a training loads nothing.
_LIBRARY = _glibc()


def _told() -> bool:
    """Whether the environment says what malloc shall keep."""
    own = {"MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_"} & os.environ.keys()
    return bool(own) or "glibc.malloc" in os.environ.get("GLIBC_TUNABLES", "")


class _Heap:
    """Counts who wants freed memory kept; the settings are those of the whole process."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.users = 0
        self.library: Any = None

    def take(self) -> None:
        with self.lock:
            self.users += 1
            if self.users == 1:
                self.library = None if _told() else _LIBRARY
                self.set(KEPT)

    def leave(self) -> None:
        with self.lock:
            self.users -= 1
            if self.users == 0 and self.library is not None:
                self.set(USUAL)
                self.library.malloc_trim(0)

    def set(self, limits: dict[int, int]) -> None:
        if self.library is not None:
            for name, value in limits.items():
                self.library.mallopt(name, value)


_HEAP = _Heap()


@contextlib.contextmanager
def heap_kept() -> Iterator[None]:
    """Let the process keep the memory that is freed in here, and hand it back at the end.

    Does nothing where the C library is not glibc, or where the environment says what malloc shall
    keep. Several at once, in threads too, are one.
    """
    _HEAP.take()
    try:
        yield
    finally:
        _HEAP.leave()


@contextlib.contextmanager
def training_bar(
    description: str, epochs: int, done: int = 0, shown: bool = True
) -> Iterator[tqdm]:
    """Keep the heap, and show how many of the `epochs` are done."""
    bar = tqdm(total=epochs, initial=done, desc=description, unit="epoch", disable=not shown)
    with heap_kept(), bar:
        yield bar
