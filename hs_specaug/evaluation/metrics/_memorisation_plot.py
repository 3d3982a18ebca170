"""Synthetic rows and the training rows they are too near to, in pairs, for the eye."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..._axes import SignalAxis
from ..._colours import REAL_COLOURS, SYNTHETIC_COLOURS


def plot_pairs(
    synthetic: np.ndarray,
    training: np.ndarray,
    titles: Sequence[str],
    axis: SignalAxis | None = None,
) -> Any:
    """Draw pairs of rows: spectra one over the other, images side by side.

    Parameters
    ----------
    synthetic, training : ndarray of shape (n, channels), (n, kinds, channels) or \
(n, kinds, height, width)
        The pairs. Kinds of channels have panels of their own; images show their mean.
    titles : sequence of str
        One for each pair.
    axis : SignalAxis or None
        Of the channels of spectra; None counts them.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If the axis does not fit the rows, or rows have more than three axes.
    """
    import matplotlib.pyplot as plt

    if synthetic.ndim not in (2, 3, 4):
        raise ValueError(f"only spectra and images can be drawn, got rows {synthetic.shape[1:]}")
    if not len(synthetic):
        figure, ax = plt.subplots(figsize=(5.0, 1.2), layout="constrained")
        ax.set_axis_off()
        ax.text(0.5, 0.5, "no synthetic row is too near to a training row", ha="center")
        return figure
    columns = {2: 1, 3: synthetic.shape[1], 4: 2}[synthetic.ndim]
    wide = 2.2 if synthetic.ndim == 4 else 5.5
    tall = 2.4 if synthetic.ndim == 4 else 2.0
    figure, panels = plt.subplots(
        len(synthetic),
        columns,
        figsize=(wide * columns + 0.8, tall * len(synthetic) + 0.5),
        layout="constrained",
        squeeze=False,
        sharex=True,
    )
    for line, made, real, title in zip(panels, synthetic, training, titles, strict=True):
        if synthetic.ndim == 4:
            _draw_images(line, made, real, title)
        else:
            _draw_spectra(line, np.atleast_2d(made), np.atleast_2d(real), title, axis)
    if synthetic.ndim < 4:
        panels[0, 0].legend(frameon=False)
        for panel in panels[-1]:
            panel.set_xlabel(_axis_label(axis))
    return figure


def _axis_label(axis: SignalAxis | None) -> str:
    if axis is None:
        return "channel"
    return f"{axis.name} ({axis.units})" if axis.units else axis.name


def _draw_spectra(
    panels: Sequence[Any],
    made: np.ndarray,
    real: np.ndarray,
    title: str,
    axis: SignalAxis | None,
) -> None:
    values = np.arange(made.shape[1]) if axis is None else axis.values
    if len(values) != made.shape[1]:
        raise ValueError(f"axis has {len(values)} channels, the rows have {made.shape[1]}")
    for panel, above, below in zip(panels, made, real, strict=True):
        # The wider line below stays visible where the two are the same.
        panel.plot(values, below, color=REAL_COLOURS[0], linewidth=2.4, label="training")
        panel.plot(values, above, color=SYNTHETIC_COLOURS[0], linewidth=0.9, label="synthetic")
        panel.set_ylabel("intensity")
    panels[0].set_title(title, fontsize="medium", loc="left")


def _draw_images(panels: Sequence[Any], made: np.ndarray, real: np.ndarray, title: str) -> None:
    images = made.mean(axis=0), real.mean(axis=0)
    low, high = min(map(np.min, images)), max(map(np.max, images))
    for panel, image, name in zip(panels, images, ("synthetic", "training"), strict=True):
        panel.imshow(image, cmap="gray", vmin=low, vmax=high)
        panel.set(xticks=[], yticks=[], xlabel=name)
    panels[0].set_title(title, fontsize="medium", loc="left")
