"""Reading of options and checks of data that the preprocessing steps share."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def canonical_option(argument: str, value: Any, known: Sequence[str]) -> str:
    """
    Return the known spelling of an option; case, blanks, hyphens and underscores do not count.

    Raises
    ------
    ValueError
        For an unknown option, with the list of known ones and the closest of them.
    """
    if isinstance(value, str):
        spelling = {_bare(name): name for name in known}
        if _bare(value) in spelling:
            return spelling[_bare(value)]
        close = difflib.get_close_matches(_bare(value), list(spelling), n=1, cutoff=0.5)
        hint = f" Did you mean {spelling[close[0]]!r}?" if close else ""
    else:
        hint = ""
    listed = ", ".join(repr(name) for name in known)
    raise ValueError(f"{argument} must be one of {listed}; got {value!r}.{hint}")


def _bare(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def floating_dtype(dtype: Any) -> np.dtype[Any]:
    """Return the dtype that results have: floats keep theirs, integers become floats."""
    dtype = np.dtype(dtype)
    if dtype.kind not in "biufc":
        raise ValueError(f"Preprocessing needs real or complex numbers; the data are {dtype}.")
    return np.result_type(dtype, np.float32)


def check_finite(X: NDArray[Any], step: str) -> None:
    """
    Refuse NaN and infinity by name, before they spread over a whole spectrum.

    Parameters
    ----------
    X : ndarray of shape (..., length)
        Data about to be processed.
    step : str
        The step that needs finite data, for the message.

    Raises
    ------
    ValueError
        With the number of bad values and the array index of the first.
    """
    finite = np.isfinite(X)
    if finite.all():
        return
    first = tuple(int(i) for i in np.argwhere(~finite)[0])
    raise ValueError(
        f"{step} needs finite data, but {int((~finite).sum())} of {X.size} values are NaN or "
        f"infinite (first at array index {first}). Crop them away first with "
        "s.preprocess(crop=(start, end)), or replace them with numpy.nan_to_num(s.data)."
    )
