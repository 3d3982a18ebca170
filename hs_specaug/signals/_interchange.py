"""From a signal to plain arrays and torch data sets, and from arrays to a signal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .._axes import SignalAxis
from . import _rows
from ._arrays import (
    from_rows,
    is_image,
    labelled_positions,
    labelled_rows,
    lazy_rows,
    row_shape,
    signal_axes,
)
from ._methods import progress_wanted

if TYPE_CHECKING:
    from ..networks import LazyRowDataset, RowDataset

RGB = {np.dtype("u1"): "rgb8", np.dtype("u2"): "rgb16"}


class LabelledArrays(NamedTuple):
    """What :meth:`to_arrays` returns.

    Attributes
    ----------
    X : ndarray of shape (n, length), (n, 2, length) or (n, channels, height, width)
        Labelled rows; complex ones as real and imaginary part.
    y : ndarray of str of shape (n,)
        Class names.
    axes : tuple of SignalAxis
        Name, units and values of the signal axes, in array order.
    groups : ndarray of shape (n,) or None
        Specimen or session of each row.
    """

    X: np.ndarray
    y: np.ndarray
    axes: tuple[SignalAxis, ...]
    groups: np.ndarray | None


class InterchangeMixin:
    """Plain arrays and torch data sets of a signal."""

    def to_arrays(
        self, *, synthetic: bool = True, show_progressbar: bool | None = None
    ) -> LabelledArrays:
        """Return the labelled rows as NumPy arrays, for any other library.

        Parameters
        ----------
        synthetic : bool, default True
            Include rows that `augment` made. False leaves the measured ones, which are what a
            model may be scored on.
        show_progressbar : bool or None
            Of reading a lazy signal; None follows ``hs.preferences.General.show_progressbar``.

        Returns
        -------
        LabelledArrays
            ``X, y, axes, groups``; a copy. :func:`hs_specaug.from_arrays` is the way back.

        Raises
        ------
        ValueError
            If no row is labelled, or a labelled one holds NaN or infinite values.

        Examples
        --------
        >>> import hs_specaug
        >>> s = hs_specaug.datasets.polymer_spectra(step_per_cm=8.0)
        >>> X, y, axes, groups = s.to_arrays()
        >>> X.shape, y.shape, axes[0].units
        ((210, 104), (210,), '1/cm')
        """
        X, y, groups = labelled_rows(
            self,
            drop_synthetic=not synthetic,
            show_progressbar=progress_wanted(show_progressbar),
        )
        return LabelledArrays(np.array(X), y, tuple(signal_axes(self)), groups)

    def to_dataset(
        self,
        *,
        stream: bool = False,
        synthetic: bool = True,
        buffer_rows: int | None = None,
        random_state: int = 0,
    ) -> RowDataset | LazyRowDataset:
        """Return the labelled rows as a :class:`torch.utils.data.Dataset`.

        Its items are a row and its class code, the place of the class in `classes`. Rows of a
        lazy signal stay where they are until a loader asks for them, also in worker processes.

        Parameters
        ----------
        stream : bool, default False
            False gives rows by index, for any sampler; a batch reads every chunk that it touches
            once. True gives an iterable data set that goes through the chunks in random order
            and reads each once per pass: much the faster one for many rows on disk.
        synthetic : bool, default True
            Include rows that `augment` made.
        buffer_rows : int or None
            With `stream`: rows among which the next one is drawn; None takes 8192.
        random_state : int, default 0
            With `stream`: seed of the order.

        Returns
        -------
        RowDataset or LazyRowDataset
            Of `hs_specaug.networks`.

        Raises
        ------
        ValueError
            If no row is labelled; with `stream`, if the signal is in memory.

        Examples
        --------
        >>> from torch.utils.data import DataLoader
        >>> import hs_specaug
        >>> s = hs_specaug.datasets.polymer_spectra(step_per_cm=8.0)
        >>> spectra, codes = next(iter(DataLoader(s.to_dataset(), batch_size=16, shuffle=True)))
        >>> spectra.shape, spectra.dtype
        (torch.Size([16, 104]), torch.float32)
        """
        from ..networks import LazyRowDataset, RowDataset

        signal: Any = self
        positions = labelled_positions(signal)
        stored = _rows.read_rows(signal)
        if not synthetic and "synthetic" in stored:
            positions = positions[~stored["synthetic"].ravel()[positions].astype(bool)]
        codes = signal.labels.ravel()[positions].astype(np.int64)
        if stream:
            if not signal._lazy:
                raise ValueError(
                    "stream=True is for rows that are not in memory, and this signal is; leave "
                    "it out, or use s.as_lazy()"
                )
            size = {} if buffer_rows is None else {"buffer_rows": buffer_rows}
            unread = lazy_rows(signal, positions).converted(_as_float)
            return LazyRowDataset(unread, codes, seed=random_state, **size)
        if buffer_rows is not None:
            raise ValueError("buffer_rows goes with stream=True; leave it out")
        if signal._lazy:
            return RowDataset(lazy_rows(signal, positions), codes, signal.classes)
        rows, _, _ = labelled_rows(signal, drop_synthetic=not synthetic)
        return RowDataset(rows, codes, signal.classes)


def _as_float(rows: np.ndarray) -> np.ndarray:
    return rows.astype(np.float32)


# ----------------------------------------------------------------------------------- and back


def from_arrays(
    X: Any,
    y: Any = None,
    *,
    axes: Any = None,
    groups: Any = None,
    signal_type: str | None = None,
    like: Any = None,
) -> Any:
    """Return rows of plain arrays as a labelled signal.

    Parameters
    ----------
    X : array-like of shape (n, length), (n, 2, length) or (n, channels, height, width)
        Spectra; impedance as real and imaginary part (complex (n, length) as well); images with
        one channel, or three: red, green and blue, of ``uint8`` or ``uint16``. Images without
        an axis for channels, (n, height, width), need ``signal_type="image_specaug"``.
    y : array-like of shape (n,) or None
        Class names or codes; ``""``, None, NaN and −1 are unlabelled.
    axes : SignalAxis, array-like, sequence of them, or None
        Calibration of the signal axes in array order; channel numbers where there is none.
    groups : array-like of shape (n,) or None
        Specimen or session of each row.
    signal_type : str or None
        Such as ``"EELS_specaug"``; None takes ``"spectrum_specaug"`` for spectra, ``"impedance"``
        for complex ones and ``"image_specaug"`` for images.
    like : signal of this package or None
        Take type, axes, data type and class names of this signal, whose rows have the shape of
        those of `X`.

    Returns
    -------
    signal
        With one navigation axis, ``row``.

    Raises
    ------
    ValueError
        If the shape of `X` is none of the above, or axes, labels or groups do not fit it.

    Examples
    --------
    >>> import numpy as np
    >>> import hs_specaug
    >>> energy = hs_specaug.SignalAxis("Energy loss", "eV", np.linspace(700, 740, 80))
    >>> s = hs_specaug.from_arrays(
    ...     np.zeros((3, 80)), ["Fe2+", "Fe3+", ""], axes=energy, signal_type="EELS_specaug"
    ... )
    >>> s
    <AugmentableEELSSpectrum, title: , dimensions: (3|80)>
    >>> s.class_counts()
    {'Fe2+': 1, 'Fe3+': 1}
    """
    X = np.asarray(X)
    if X.dtype.kind not in "biufc":
        raise TypeError(f"X must hold numbers, got dtype {X.dtype}")
    if 0 in X.shape[1:]:
        raise ValueError(f"rows of X must have at least one channel, got shape {X.shape}")
    if like is not None:
        if axes is not None or signal_type is not None:
            raise ValueError("axes and signal_type are those of like; leave them out")
        data, axes, signal_type = _data_like(X, like), signal_axes(like), like._signal_type
    else:
        data = _data_of(X, signal_type)
    signal = _signal(data, _checked_axes(axes, data), signal_type)
    if y is not None:
        classes = None if like is None or not like.classes else like.classes
        signal.set_labels(_checked_length(y, len(X), "y"), classes=classes)
    if groups is not None:
        signal.groups = _checked_length(groups, len(X), "groups")
    return signal


def _data_like(X: np.ndarray, like: Any) -> np.ndarray:
    shape = row_shape(like)
    complex_rows = np.iscomplexobj(X) and X.shape[1:] == tuple(like.axes_manager.signal_shape[::-1])
    if complex_rows and like.data.dtype.kind == "c":
        return X.astype(like.data.dtype)
    if X.shape[1:] != shape:
        raise ValueError(f"rows of X have shape {X.shape[1:]}, those of like {shape}")
    return from_rows(X, like.data.dtype, is_image(like))


def _data_of(X: np.ndarray, signal_type: str | None) -> np.ndarray:
    """Return rows as a signal holds them."""
    image = signal_type == "image_specaug"
    if X.ndim == 2 and not image:
        return X
    if X.ndim == 3 and image and X.dtype.kind != "c":
        return X
    if X.ndim == 3 and X.shape[1] == 2 and signal_type in (None, "impedance", "EIS"):
        kind = np.complex64 if X.dtype == np.float32 else np.complex128
        return from_rows(X, np.dtype(kind), image=False)
    if X.ndim == 4 and X.shape[1] == 1:
        return X[:, 0]
    if X.ndim == 4 and X.shape[1] == 3 and X.dtype in RGB:
        dtype = np.dtype({"names": list("RGB"), "formats": [X.dtype] * 3})
        return from_rows(X, dtype, image=True)
    raise ValueError(
        "X must have shape (n, length), (n, 2, length) for impedance, (n, 1, height, width) or, "
        f"with uint8 or uint16, (n, 3, height, width), got {X.shape} of {X.dtype}"
    )


def _checked_axes(axes: Any, data: np.ndarray) -> list[SignalAxis]:
    sizes = data.shape[1:]
    if axes is None:
        return [SignalAxis("", "", np.arange(size, dtype=float)) for size in sizes]
    several = isinstance(axes, Sequence) and any(isinstance(a, SignalAxis) for a in axes)
    given = list(axes) if several or (len(sizes) > 1 and len(axes) == len(sizes)) else [axes]
    out = [
        axis if isinstance(axis, SignalAxis) else SignalAxis("", "", np.asarray(axis, dtype=float))
        for axis in given
    ]
    lengths = tuple(len(axis.values) for axis in out)
    if lengths != sizes:
        raise ValueError(
            f"axes have {lengths} channels, rows of X have {sizes}; one axis for each signal axis, "
            "in array order"
        )
    for axis in out:
        steps = np.diff(axis.values)
        if not np.isfinite(axis.values).all() or not ((steps > 0).all() or (steps < 0).all()):
            raise ValueError(
                f"axis values must be finite and rise or fall throughout, got [{axis}]"
            )
    return out


def _checked_length(values: Any, n: int, what: str) -> Any:
    if len(values) != n:
        raise ValueError(f"{what} must have one entry for each row of X, {n}, got {len(values)}")
    return values


def _signal(data: np.ndarray, axes: Sequence[SignalAxis], signal_type: str | None) -> Any:
    from hyperspy import signals

    from ..preprocessing._axes import axis_dictionary

    described: list[dict[str, Any]] = [{"name": "row", "size": len(data), "navigate": True}]
    for axis in axes:
        values = (
            axis_dictionary(axis.values)
            if len(axis.values) > 1
            else {"_type": "UniformDataAxis", "offset": float(axis.values[0]), "size": 1}
        )
        named = {"name": axis.name, "units": axis.units}
        # What is empty stays undefined, as HyperSpy has it.
        known = {key: text for key, text in named.items() if text}
        described.append({**values, **known, "navigate": False})
    if len(axes) == 2:
        out = signals.Signal2D(data, axes=described)
    elif np.iscomplexobj(data):
        out = signals.ComplexSignal1D(data, axes=described)
    else:
        out = signals.Signal1D(data, axes=described)
    usual = {2: "image_specaug"}.get(
        len(axes), "impedance" if np.iscomplexobj(data) else "spectrum_specaug"
    )
    out.set_signal_type(signal_type or usual)
    if not hasattr(out, "set_labels"):
        raise ValueError(
            f"signal_type {signal_type!r} gives {type(out).__name__}, which takes no labels; use "
            "a type of this package, such as 'EELS_specaug' or 'spectrum_specaug'"
        )
    return out
