"""Images of every class, measured beside generated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils import check_random_state

from .._refusals import reading
from . import _rows
from ._arrays import is_image, to_rows
from ._methods import check_fits

if TYPE_CHECKING:
    from ..generators import BaseGenerator

#: Colours of the frames: measured, generated.
FRAMES = ("#0072B2", "#D55E00")


class GalleryMixin:
    """A gallery of images."""

    def plot_gallery(
        self,
        generator: BaseGenerator | None = None,
        n_images: int = 4,
        *,
        classes: Any = None,
        random_state: Any = None,
        **options: Any,
    ) -> Any:
        """Draw some measured images of every class, and some generated ones beside them.

        Parameters
        ----------
        generator : fitted generator or None
            Makes the images. None shows those that `augment` has added to this signal, if any.
        n_images : int, default 4
            Images of either kind per class, chosen at random.
        classes : sequence of str or None
            Which classes; all by default.
        random_state : int, numpy.random.RandomState or None
            Seed of the choice and of the generator.
        **options
            Of ``generator.sample``: ``keep="corner-density"``, say.

        Returns
        -------
        ndarray of matplotlib.axes.Axes of shape (n_classes, columns)

        Raises
        ------
        ValueError
            If the signal holds no images, nothing is labelled, or a class is unknown.
        IncompatibleSignalError
            If the generator makes other rows than this signal has.
        """
        if not is_image(self):
            raise ValueError(
                f"a gallery shows images, this is {self!r}; draw spectra with "
                "hs_specaug.evaluation.plot_spectra, or turn them with s.as_polar_images()"
            )
        if n_images < 1:
            raise ValueError(f"n_images must be at least 1, got {n_images!r}")
        names = self._gallery_classes(classes)
        rng = check_random_state(random_state)
        measured, added = self._gallery_rows(names, n_images, rng)
        if generator is not None:
            check_fits(generator, self)
            known = set(generator.classes_.tolist())
            seed = int(rng.randint(np.iinfo(np.int32).max))
            wanted = {name: n_images for name in names if name in known}
            X, y = generator.sample(wanted, random_state=seed, **options)
            added = [X[y == name] for name in names]
        elif options:
            raise TypeError(f"{sorted(options)} are options of a generator; give one first")
        return draw_gallery(measured, added, names)

    def _gallery_classes(self, classes: Any) -> list[str]:
        signal: Any = self
        counts = signal.class_counts()
        if classes is None:
            classes = [name for name, n in counts.items() if n]
        unknown = [name for name in classes if name not in counts]
        if unknown or not len(classes):
            raise ValueError(
                f"unknown classes {unknown}, this signal knows {list(counts)}"
                if unknown
                else "no image is labelled; label some with s.set_labels(codes, classes=[...])"
            )
        return list(classes)

    def _gallery_rows(
        self, names: list[str], n: int, rng: np.random.RandomState
    ) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Return measured and synthetic images of each class; only those shown are read."""
        signal: Any = self
        codes = signal.labels.ravel()
        stored = _rows.read_rows(signal).get("synthetic")
        synthetic = np.zeros(len(codes), bool) if stored is None else stored.ravel().astype(bool)
        out: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
        for name in names:
            for rows, flag in zip(out, (False, True), strict=True):
                members = np.flatnonzero(
                    (codes == signal.classes.index(name)) & (synthetic == flag)
                )
                chosen = np.sort(rng.permutation(members)[:n])
                data = signal._select_positions(chosen).data
                with reading():
                    rows.append(to_rows(np.asarray(data), image=True))
        return out


def draw_gallery(
    measured: list[np.ndarray], generated: list[np.ndarray], names: list[str]
) -> np.ndarray:
    """Draw images class by class, measured to the left, generated to the right.

    Parameters
    ----------
    measured, generated : list of ndarray of shape (n, channels, height, width)
        Images of each class; grey ones share the scale of the measured ones of their class.
    names : list of str
        Class names.

    Returns
    -------
    ndarray of matplotlib.axes.Axes of shape (n_classes, columns)
    """
    import matplotlib.pyplot as plt

    widths = [max(len(rows) for rows in kind) for kind in (measured, generated)]
    columns = sum(widths)
    _, axes = plt.subplots(
        len(names),
        columns,
        figsize=(1.25 * columns + 1.2, 1.3 * len(names) + 0.5),
        layout="constrained",
        squeeze=False,
    )
    for ax in axes.ravel():
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
    for line, real, made, name in zip(axes, measured, generated, names, strict=True):
        line[0].set_ylabel(name, rotation=0, ha="right", va="center")
        scale = _scale(real if len(real) else made)
        for start, rows, colour in zip((0, widths[0]), (real, made), FRAMES, strict=True):
            for ax, image in zip(line[start:], rows, strict=False):
                ax.imshow(_displayed(image, *scale), cmap="gray", vmin=0.0, vmax=1.0)
                ax.spines[:].set(visible=True, color=colour, linewidth=1.2)
    titles = ("measured", "generated")
    for start, width, title, colour in zip((0, widths[0]), widths, titles, FRAMES, strict=True):
        if width:
            axes[0, start].set_title(title, color=colour, loc="left", fontweight="bold")
    return axes


def _scale(rows: np.ndarray) -> tuple[float, float]:
    if not rows.size or rows.dtype == np.uint8:
        return 0.0, 255.0
    return float(rows.min()), float(rows.max())


def _displayed(image: np.ndarray, low: float, high: float) -> np.ndarray:
    shown = np.clip((image.astype(float) - low) / ((high - low) or 1.0), 0.0, 1.0)
    return np.moveaxis(shown, 0, -1) if len(shown) == 3 else shown[0]
