"""Spectra beside a label map, linked: where the map is pointed at, the spectrum is shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .._colours import class_colours
from .._refusals import reading
from . import _maps, _rows
from ._arrays import check_rows_exist
from ._label_plot import UNLABELLED_COLOUR

if TYPE_CHECKING:
    from ._classification import ClassificationResult


class LinkedPlotMixin:
    """HyperSpy's interactive plot, with a label map to navigate by."""

    def plot_linked(self, result: ClassificationResult | None = None, **options: Any) -> None:
        """Plot the spectra or images, and navigate by the label map.

        Pointing at a position of the map shows the spectrum there and, with a result, the
        class probabilities beside it.

        Parameters
        ----------
        result : ClassificationResult or None
            Of `classify` on this signal: its label map and probabilities. The label map of a
            lazy result is computed for it. None takes the labels of the signal itself.
        **options
            Of HyperSpy's ``plot``.

        Raises
        ------
        ValueError
            If there are no labels, the navigation space has not one or two dimensions, or the
            result belongs to another one.

        Examples
        --------
        >>> import hs_specaug
        >>> s = hs_specaug.datasets.core_shell_map(shape=(8, 8), labelled_fraction=0.5)
        >>> s.plot_linked()
        """
        signal: Any = self
        check_rows_exist(signal)
        shape = _rows.navigation_shape(signal)
        if len(shape) not in (1, 2):
            raise ValueError(
                f"a label map needs 1 or 2 navigation dimensions, the signal has {len(shape)}; "
                "pick some with inav first"
            )
        if result is None:
            if not signal.classes:
                raise ValueError(
                    "this signal has no labels; set some with s.set_labels, or hand over a result: "
                    "s.plot_linked(s.classify(...))"
                )
            codes, classes = signal.labels, signal.classes
        else:
            codes, classes = _codes_of(result, shape), result.classes
        navigator = _navigator(codes, signal)
        names = list(classes) if codes.min(initial=0) >= 0 else ["unlabelled", *classes]
        if len(shape) == 2:
            options.setdefault("navigator_kwds", _map_options(names, len(classes)))
        with reading():
            if result is None:
                signal.plot(navigator=navigator, **options)
            else:
                _plot_together(signal, result.probability, navigator, options)
                _name_classes(result.probability, classes)
        _explain_map(signal, names, len(classes), len(shape))


def _codes_of(result: Any, shape: tuple[int, ...]) -> np.ndarray:
    codes = result.label_map
    if codes.data.shape != shape:
        raise ValueError(
            f"the result has navigation shape {codes.data.shape} in array order, this signal "
            f"{shape}; plot the signal that was classified"
        )
    return result._maps_in_memory()[0] if codes._lazy else codes.data


def _navigator(codes: np.ndarray, signal: Any) -> Any:
    """Return codes over the navigation axes, as HyperSpy takes a navigator."""
    axes = [axis.get_axis_dictionary() for axis in signal.axes_manager.navigation_axes[::-1]]
    for axis in axes:
        axis["navigate"] = False
    navigator = _maps.signal_over(np.asarray(codes, dtype=np.int16), axes, codes.ndim)
    navigator.metadata.General.title = "label map"
    return navigator


def _map_options(names: Sequence[str], n_classes: int) -> dict[str, Any]:
    """Return what gives a class the same colour as in every other figure."""
    from matplotlib.colors import ListedColormap

    colours = [UNLABELLED_COLOUR, *class_colours(n_classes)][-len(names) :]
    return {
        "cmap": ListedColormap(colours),
        "vmin": n_classes - len(names) - 0.5,
        "vmax": n_classes - 0.5,
        "colorbar": True,
    }


def _plot_together(signal: Any, probability: Any, navigator: Any, options: dict[str, Any]) -> None:
    import hyperspy.api as hs

    for plotted in (signal, probability):
        # HyperSpy (2.5) closes the current figure instead of an earlier plot's own one: that of
        # the spectra, if it came to it after they were drawn.
        if plotted._plot is not None:
            plotted._plot.close()
            plotted._plot = None
    hs.plot.plot_signals([signal, probability], navigator_list=[navigator, None], **options)


def _name_classes(probability: Any, classes: Sequence[str]) -> None:
    """Write the names of the classes below the probabilities, and keep the scale."""
    plot = probability._plot.signal_plot
    for line in plot.ax_lines:
        line.autoscale = ""
    for line in plot.ax.get_lines():
        line.set(drawstyle="steps-mid", marker="o")
    plot.ax.set_xticks(range(len(classes)), classes, rotation=20, ha="right")
    plot.ax.set_xlim(-0.5, len(classes) - 0.5)
    plot.ax.set_ylim(0.0, 1.05)
    plot.ax.set_xlabel("")
    plot.ax.set_ylabel("probability")
    plot.figure.set_layout_engine("tight")


def _explain_map(signal: Any, names: Sequence[str], n_classes: int, dimension: int) -> None:
    """Write the names of the classes beside the map."""
    plot = signal._plot.navigator_plot
    codes = range(n_classes - len(names), n_classes)
    if dimension == 1:
        plot.ax.set_yticks(codes, names)
        plot.ax.set_ylim(codes[0] - 0.5, codes[-1] + 0.5)
        plot.ax.set_ylabel("")
        for line in plot.ax.get_lines()[:1]:
            line.set(linestyle="", marker=".")
    else:
        bar = plot.ax.images[0].colorbar
        if bar is not None:  # the caller may have switched it off
            bar.set_ticks(list(codes), labels=names)
            bar.set_label("")
            bar.minorticks_off()
    plot.figure.set_layout_engine("tight")
