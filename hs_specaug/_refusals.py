"""What methods do when they refuse: keep what was there, and say what the ecosystem only hints."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np

Method = TypeVar("Method", bound=Callable[..., Any])

#: What h5py says of a data set whose file is closed.
CLOSED = re.compile(r"identifier|not a dataset", re.IGNORECASE)

MEMORY_ADVICE = (
    "the memory is full; what was fitted before is kept. A smaller batch_size=, shorter rows "
    "(s.preprocess(crop=..., resample=...)), fewer of them, or device='cpu' take less"
)


def all_or_nothing(method: Method) -> Method:
    """Make a fit that fails leave its estimator as it was: half of a fit passes for no other."""

    @functools.wraps(method)
    def fit(self: Any, *args: Any, **kwargs: Any) -> Any:
        before = dict(vars(self))
        try:
            return method(self, *args, **kwargs)
        except BaseException as error:
            vars(self).clear()
            vars(self).update(before)
            if _is_memory(error) and MEMORY_ADVICE not in getattr(error, "__notes__", ()):
                error.add_note(MEMORY_ADVICE)
            raise

    return fit  # type: ignore[return-value]


def _is_memory(error: BaseException) -> bool:
    # Torch's own error is no MemoryError, and torch need not be there.
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"


@contextmanager
def reading() -> Iterator[None]:
    """Say of a lazy signal whose file was closed that it is so.

    Raises
    ------
    OSError
        In place of what HDF5 says.
    """
    try:
        yield
    except (OSError, ValueError) as error:
        if not CLOSED.search(str(error)):
            raise
        raise OSError(
            f"the data of this lazy signal cannot be read, because its file was closed ({error}); "
            "load it again with hs.load(path, lazy=True), and call s.close_file() when all is done"
        ) from error


def check_known(y: Any, name: str = "y") -> None:
    """Refuse labels that are missing.

    Raises
    ------
    ValueError
        If an entry is None or NaN. That there are no labels at all is said elsewhere.
    """
    if y is None:
        return
    labels = np.asarray(y)
    if labels.dtype.kind == "f":
        n_missing = int(np.isnan(labels).sum())
    elif labels.dtype.kind == "O":
        n_missing = sum(value is None or value != value for value in labels.ravel().tolist())
    else:
        return
    if n_missing:
        raise ValueError(
            f"{name} must be known for every row, got {n_missing} None or NaN of {labels.size}; "
            f"leave those rows out: X[known], {name}[known]"
        )


def whole_range(dtype: np.dtype) -> tuple[float, float]:
    """Return the smallest and largest float64 that an integer type can hold.

    The highest int64 itself is none: rounded up, it would come back negative.
    """
    limits = np.iinfo(dtype)
    low, high = float(limits.min), float(limits.max)
    return low, high if int(high) <= limits.max else float(np.nextafter(high, 0.0))
