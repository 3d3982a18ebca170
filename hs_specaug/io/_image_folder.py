"""Folders of images as a labelled signal."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from natsort import natsorted

if TYPE_CHECKING:
    from hyperspy.signals import BaseSignal

RGB8 = np.dtype({"names": ["R", "G", "B"], "formats": ["u1"] * 3})
#: What Pillow calls images without colour.
GREY = ("1", "L", "LA", "I", "I;16", "I;16B", "I;16L", "F")


def read_image_folder(
    folder: str | os.PathLike,
    *,
    size: tuple[int, int] | None = None,
    colour: bool | None = None,
    classes: Sequence[str] | None = None,
) -> BaseSignal:
    """Read a folder of images with one sub-folder for each class.

    Parameters
    ----------
    folder : str or path-like
        Its sub-folders are the classes. Images beside them are read too, unlabelled. Files that
        are no images, and what begins with a dot, are passed over.
    size : (int, int) or None
        Width and height in pixels to which images are resized (area average where they shrink,
        bicubic where they grow). None demands that all have one size.
    colour : bool or None
        True reads RGB, False grey values; None reads grey values if no image is coloured.
    classes : sequence of str or None
        Sub-folders to read, in the order of their codes; None takes all of them in order of
        their names, ``2`` before ``10``.

    Returns
    -------
    AugmentableImage
        One navigation axis, ``Image``. Grey values have the dtype of the files, RGB images
        HyperSpy's ``rgb8``. What is transparent loses its transparency; the orientation that a
        camera noted is applied. ``original_metadata.files`` holds the paths.

    Raises
    ------
    ValueError
        If sizes differ and none is given, a class has no image, or a file cannot be read.

    Examples
    --------
    >>> from hs_specaug.io import read_image_folder
    >>> s = read_image_folder("particles", size=(64, 64))  # doctest: +SKIP
    >>> s.class_counts()  # doctest: +SKIP
    {'needle': 20, 'sphere': 310}
    """
    from hyperspy.signals import Signal2D

    folder = Path(folder).expanduser()
    if not folder.is_dir():
        raise NotADirectoryError(f"no such folder: {str(folder)!r}")
    names, found = _list_images(folder, classes)
    images = [_read_image(path, size) for path, _ in found]
    _check_sizes([path for path, _ in found], images)
    grey = all(image.mode in GREY for image in images) if colour is None else not colour
    arrays = [_as_array(image, grey) for image in images]
    _check_dtypes([path for path, _ in found], arrays)
    data = np.stack(arrays)
    if not grey:
        data = np.ascontiguousarray(data).view(RGB8)[..., 0]
    axes: list[dict[str, Any]] = [{"name": "Image", "size": len(data), "navigate": True}]
    axes += [
        {"name": name, "units": "px", "size": n, "navigate": False}
        for name, n in zip(("y", "x"), data.shape[1:], strict=True)
    ]
    files = [str(path.relative_to(folder)) for path, _ in found]
    signal = Signal2D(data, axes=axes, original_metadata={"folder": str(folder), "files": files})
    signal.metadata.General.title = folder.resolve().name
    signal.metadata.set_item("Signal.quantity", "" if not grey else "Grey value")
    signal.set_signal_type("image_specaug")
    signal.set_labels(np.array([code for _, code in found]), classes=names)
    return signal


def _list_images(
    folder: Path, classes: Sequence[str] | None
) -> tuple[list[str], list[tuple[Path, int]]]:
    """Return class names, and images with their codes."""
    present = natsorted(p.name for p in folder.iterdir() if p.is_dir() and p.name[0] != ".")
    names = present if classes is None else list(classes)
    missing = [name for name in names if name not in present]
    if missing:
        raise ValueError(f"no sub-folders {missing} in {str(folder)!r}; there are {present}")
    if not names:
        raise ValueError(
            f"{str(folder)!r} has no sub-folder: each class needs one, with its images"
        )
    found = []
    for code, name in enumerate(names):
        images = _images_in(folder / name)
        if not images:
            raise ValueError(f"{str(folder / name)!r} holds no image; take it away or fill it")
        found += [(path, code) for path in images]
    return names, found + [(path, -1) for path in _images_in(folder)]


def _images_in(folder: Path) -> list[Path]:
    from PIL import Image

    known = Image.registered_extensions().items()
    endings = {ending for ending, kind in known if kind in Image.OPEN}
    return natsorted(
        path
        for path in folder.iterdir()
        if path.is_file() and path.name[0] != "." and path.suffix.lower() in endings
    )


def _read_image(path: Path, size: tuple[int, int] | None) -> Any:
    """Return an upright image, resized."""
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as file:
            frames = getattr(file, "n_frames", 1)
            image = ImageOps.exif_transpose(file)
            image.load()
    except Exception as error:  # Pillow's plugins let through whatever their formats do
        raise ValueError(
            f"{str(path)!r} cannot be read as an image: {type(error).__name__}: {error}"
        ) from error
    if frames > 1:
        raise ValueError(
            f"{str(path)!r} holds {frames} images, expected one; read it with hs.load, and join "
            "the signals with hs.stack"
        )
    if image.mode == "P" or image.mode == "PA":
        image = image.convert("RGB")
    if size is None or image.size == tuple(size):
        return image
    return _resized(image, (int(size[0]), int(size[1])))


def _resized(image: Any, size: tuple[int, int]) -> Any:
    from PIL import Image

    if min(size) < 1:
        raise ValueError(f"size must be (width, height) in pixels, got {size}")
    if image.mode == "1":
        image = image.convert("L")
    kept = image.mode
    if kept.startswith("I"):
        # Pillow resizes integers beyond eight bits only as floats.
        image = Image.fromarray(np.asarray(image).astype(np.float32))
    shrinks = size[0] <= image.width and size[1] <= image.height
    image = image.resize(size, Image.Resampling.BOX if shrinks else Image.Resampling.BICUBIC)
    if not kept.startswith("I"):
        return image
    dtype = np.int32 if kept == "I" else np.uint16
    values = np.rint(np.asarray(image)).clip(np.iinfo(dtype).min, np.iinfo(dtype).max)
    return Image.fromarray(values.astype(dtype))


def _check_sizes(paths: Sequence[Path], images: Sequence[Any]) -> None:
    first = images[0].size
    for path, image in zip(paths, images, strict=True):
        if image.size != first:
            raise ValueError(
                f"images must have one size: {paths[0].name} is {first[0]} × {first[1]} pixels, "
                f"{path.name} {image.size[0]} × {image.size[1]}; give size=({first[0]}, "
                f"{first[1]}) to resize them"
            )


def _check_dtypes(paths: Sequence[Path], arrays: Sequence[np.ndarray]) -> None:
    """Raise unless grey values mean the same: full white is 255 in one file, 65535 in another."""
    first = arrays[0].dtype
    for path, array in zip(paths, arrays, strict=True):
        if array.dtype != first:
            raise ValueError(
                f"images must have one kind of grey values: those of {paths[0].name} are {first}, "
                f"of {path.name} {array.dtype}; convert one of them"
            )


def _as_array(image: Any, grey: bool) -> np.ndarray:
    """Return (height, width) grey values in the dtype of the file, or (height, width, 3)."""
    if not grey:
        if image.mode.startswith(("I", "F")):
            raise ValueError(
                f"an image has grey values of mode {image.mode!r}, which RGB cannot hold; read "
                "grey values with colour=False"
            )
        return np.asarray(image.convert("RGB"))
    if image.mode in ("LA", "1") or image.mode not in GREY:
        image = image.convert("L")
    return np.asarray(image)
