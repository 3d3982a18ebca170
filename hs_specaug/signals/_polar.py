"""Spectra to polar images and back, on a signal."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from .._refusals import reading
from . import _rows
from ._arrays import check_rows_exist

RECORD = "SpecAug.polar"
RGB = np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])
#: Most bytes of one chunk of images: they are much larger than the spectra that they show.
CHUNK_BYTES = 2**26
STALE = ("_HyperSpy.Folding", "_HyperSpy.Stacking_history", "_HyperSpy.navigator", "Markers",
         "Signal.Noise_properties")  # fmt: skip


class PolarMixin:
    """Polar images of spectra (paper 003, figure 1), and the way back."""

    def as_polar_images(
        self,
        size: int = 128,
        *,
        colour: bool = True,
        limits: tuple[float, float] | None = None,
    ) -> Any:
        """Draw every spectrum around a circle, for methods that take images.

        The signal axis is mapped to 0–360°, the intensity to the radius and the colour. Labels,
        groups and metadata are kept, and the axis with them: :meth:`as_spectra` of these images,
        or of images that a generator made from them, gives spectra with their axis again.

        Parameters
        ----------
        size : int, default 128
            Pixels along an edge.
        colour : bool, default True
            HyperSpy's ``rgb8``; False gives grey float32 images.
        limits : (float, float) or None, default None
            Intensity at the centre and at the rim; values beyond are cut. None takes the range of
            this signal (a lazy one is read for it). Normalise first, with
            ``s.preprocess(normalize="max")``, where spectra differ much in scale.

        Returns
        -------
        AugmentableImage
            Lazy if this signal is.

        Raises
        ------
        ValueError
            If this is no signal of real spectra, or holds NaN or infinity (a lazy signal: when
            computed).

        Examples
        --------
        >>> import hs_specaug
        >>> s = hs_specaug.datasets.polymer_spectra(step_per_cm=4.0)
        >>> images = s.as_polar_images(64)
        >>> images
        <AugmentableImage, title: polymer particles, dimensions: (210|64, 64)>
        >>> images.as_spectra().axes_manager.signal_axes[0].units
        '1/cm'
        """
        from ..preprocessing._axes import axis_dictionary
        from ..preprocessing._polar import PolarGeometry, check_limits
        from .image import AugmentableImage, LazyAugmentableImage

        signal: Any = self
        manager = signal.axes_manager
        if manager.signal_dimension != 1 or signal.data.dtype.kind not in "biuf":
            raise ValueError(
                "polar images are drawn of real spectra, this is "
                f"{signal!r} of {signal.data.dtype}; take a real part first, such as .amplitude"
            )
        check_rows_exist(signal)
        axis = manager.signal_axes[0]
        geometry = PolarGeometry(axis.axis, size)
        limits = _range_of(signal) if limits is None else check_limits(limits)
        record = {
            "axis": {
                **{k: np.asarray(v).tolist() for k, v in axis_dictionary(axis.axis).items()},
                "name": axis.name if isinstance(axis.name, str) else "",
                "units": axis.units if isinstance(axis.units, str) else "",
            },
            "limits": list(limits),
            "signal_type": signal._signal_type,
        }
        draw = partial(_draw, geometry=geometry, limits=limits, colour=colour)
        dtype = RGB if colour else np.dtype(np.float32)
        data = _map(_rows.navigation_first(signal), draw, 1, (geometry.size,) * 2, dtype)
        axes = [{"name": name, "size": geometry.size, "units": "px"} for name in ("y", "x")]
        cls = LazyAugmentableImage if signal._lazy else AugmentableImage
        out = _with_signal_axes(signal, cls, data, axes, "image_specaug")
        out.metadata.set_item(RECORD, json.dumps(record))
        return out

    def as_spectra(self) -> Any:
        """Read the spectra from polar images, measured or generated.

        Returns
        -------
        signal
            Of the type that :meth:`as_polar_images` was called on, with its signal axis, labels
            and metadata, float32; lazy if this signal is.

        Raises
        ------
        ValueError
            If these images are not from :meth:`as_polar_images`, or were cropped or resized since.
        """
        from hyperspy.signals import BaseSignal

        from ..preprocessing._polar import PolarGeometry

        signal: Any = self
        stored = signal.metadata.get_item(RECORD)
        if stored is None or signal.axes_manager.signal_dimension != 2:
            raise ValueError(
                "only polar images can be turned into spectra, and these metadata tell of none; "
                "make them with s.as_polar_images()"
            )
        record = json.loads(stored)
        described = dict(record["axis"])
        kind = described.pop("_type")
        if kind == "UniformDataAxis":
            values = described["offset"] + described["scale"] * np.arange(described["size"])
        else:
            values = np.asarray(described["axis"])
        height, width = signal.axes_manager.signal_shape[::-1]
        if height != width:
            raise ValueError(f"polar images are square, these are {height} × {width} pixels")
        geometry = PolarGeometry(values, height)
        read = partial(_read, geometry=geometry, limits=tuple(record["limits"]))
        data = _map(_rows.navigation_first(signal), read, 2, (len(values),), np.dtype(np.float32))
        axis = {**described, "_type": kind, "navigate": False}
        out = _with_signal_axes(signal, BaseSignal, data, [axis], record["signal_type"])
        delattr(out.metadata.SpecAug, "polar")
        return out


def _range_of(signal: Any) -> tuple[float, float]:
    from ..preprocessing._polar import limits_of

    low, high = signal.data.min(), signal.data.max()
    if signal._lazy:
        import dask

        with reading():
            low, high = dask.compute(low, high)
    low, high = float(low), float(high)
    if not np.isfinite([low, high]).all():
        raise ValueError("limits cannot be taken from data with NaN or infinity; give limits=")
    return limits_of(low, high)


def _draw(X: np.ndarray, geometry: Any, limits: tuple[float, float], colour: bool) -> np.ndarray:
    """Draw a block (..., length) as images (..., size, size)."""
    from ..preprocessing._polar import draw_polar

    images = draw_polar(X, geometry, limits, colour)
    if not colour:
        return images[..., 0, :, :]
    out = np.empty((*X.shape[:-1], geometry.size, geometry.size), dtype=RGB)
    for i, name in enumerate(RGB.names or ()):
        out[name] = np.rint(images[..., i, :, :] * 255.0)
    return out


def _read(images: np.ndarray, geometry: Any, limits: tuple[float, float]) -> np.ndarray:
    """Read a block of images (..., size, size) as spectra (..., length)."""
    from ..preprocessing._polar import as_shares, read_polar

    if images.dtype.names:
        images = images[images.dtype.names[1]]  # green: how far a sector reaches
    return read_polar(as_shares(images)[..., np.newaxis, :, :], geometry, limits)


def _map(
    data: Any,
    function: Callable[[np.ndarray], np.ndarray],
    n_signal: int,
    shape: tuple[int, ...],
    dtype: np.dtype,
) -> Any:
    """Replace the last `n_signal` axes by axes of `shape`, chunk by chunk if lazy."""
    if isinstance(data, np.ndarray):
        return function(data)
    import dask.array as da

    n_navigation = data.ndim - n_signal
    last = tuple(range(n_navigation, data.ndim))
    row_bytes = max(1, int(np.prod(data.shape[n_navigation:]))) * data.dtype.itemsize
    n_rows = max(1, CHUNK_BYTES // max(row_bytes, int(np.prod(shape)) * dtype.itemsize))
    wanted = {**dict.fromkeys(range(n_navigation), "auto"), **dict.fromkeys(last, -1)}
    largest = int(np.prod([max(c) for c in data.chunks[:n_navigation]], initial=1))
    if largest > n_rows:
        data = data.rechunk(wanted, block_size_limit=n_rows * row_bytes)
    elif any(len(data.chunks[axis]) > 1 for axis in last):
        data = data.rechunk(dict.fromkeys(last, -1))
    new = tuple(range(n_navigation, n_navigation + len(shape)))
    chunks = data.chunks[:n_navigation] + tuple((size,) for size in shape)
    meta = np.empty((0,) * (n_navigation + len(shape)), dtype=dtype)
    return da.map_blocks(
        function, data, dtype=dtype, chunks=chunks, drop_axis=last, new_axis=new, meta=meta
    )


def _with_signal_axes(
    signal: Any, cls: type, data: Any, axes: list[dict[str, Any]], signal_type: str
) -> Any:
    """Return a signal around `data`, with the navigation space and labels of `signal`."""
    metadata = signal.metadata.deepcopy()
    for stale in STALE:
        if metadata.has_item(stale):
            node, _, leaf = stale.rpartition(".")
            delattr(metadata.get_item(node) if node else metadata, leaf)
    _rows_of = _rows.read_rows(signal)
    navigation = [a.get_axis_dictionary() for a in signal.axes_manager.navigation_axes[::-1]]
    axes = [{"navigate": False, **axis} for axis in axes]
    described = metadata.as_dictionary()
    described["Signal"]["signal_type"] = signal_type
    out: Any = cls(
        data,
        axes=[*navigation, *axes],
        metadata=described,
        original_metadata=signal.original_metadata.as_dictionary(),
    )
    if type(out)._signal_type != signal_type:
        if signal._lazy:
            out = out.as_lazy()
        out.set_signal_type(signal_type)
    _rows.attach_rows(out, (_rows_of, None), signal.classes)
    return out
