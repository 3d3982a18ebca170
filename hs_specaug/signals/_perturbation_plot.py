"""Drawing of rows before and after a perturbation."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from .._colours import CLASS_COLOURS
from ..perturbations import Domain


def plot_before_after(
    rows: np.ndarray,
    after: np.ndarray,
    names: list[str],
    domain: Domain,
    title: str,
    quantity: str = "",
) -> Any:
    """Draw each row and its variants.

    Parameters
    ----------
    rows : ndarray of shape (n, length), (n, 2, length) or (n, channels, height, width)
        As measured.
    after : ndarray of shape (n, n_variants, ...)
        Perturbed.
    names : list of str
        Class names.
    domain : Domain
        Kind and axes.
    title : str
        What was done.
    quantity : str
        What the values are, with units in brackets: ``"Electrons (Counts)"``.

    Returns
    -------
    ndarray of matplotlib.axes.Axes
    """
    import matplotlib.pyplot as plt

    if rows.ndim == 4:
        return _image_grid(rows, after, names, title)
    columns = min(len(rows), 3)
    lines = -(-len(rows) // columns)
    figure, axes = plt.subplots(
        lines,
        columns,
        figsize=(max(5.6, 3.9 * columns), 3.3 * lines),
        layout="constrained",
        squeeze=False,
    )
    for ax in axes.ravel()[len(rows) :]:
        ax.set_visible(False)
    for ax, row, variants, name in zip(axes.ravel(), rows, after, names, strict=False):
        draw = _nyquist if domain.is_complex else _lines
        draw(ax, row, variants, domain, quantity)
        ax.set_title(name)
    handles, labels = axes.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False)
    figure.suptitle(title)
    return axes.ravel()[: len(rows)]


def _lines(ax: Any, row: np.ndarray, variants: np.ndarray, domain: Domain, quantity: str) -> None:
    x = domain.axis(row.shape[-1])
    for i, variant in enumerate(variants):
        ax.plot(x, variant, color=CLASS_COLOURS[1], lw=0.9, label="" if i else "perturbed")
    ax.plot(x, row, color="black", lw=1.3, label="measured")
    if domain.kind == "impedance" and 0 < 10 * x.min() <= x.max():  # a decade at least
        ax.set_xscale("log")
    name = (domain.axes[-1].name if domain.axes else "") or "signal axis"
    ax.set_xlabel(f"{name} ({domain.units})" if domain.units else name)
    ax.set_ylabel(quantity or "intensity")


def _nyquist(ax: Any, row: np.ndarray, variants: np.ndarray, domain: Domain, quantity: str) -> None:
    for i, variant in enumerate(variants):
        label = "" if i else "perturbed"
        ax.plot(variant[0], -variant[1], ".-", color=CLASS_COLOURS[1], lw=0.9, ms=3, label=label)
    ax.plot(row[0], -row[1], ".-", color="black", lw=1.3, ms=4, label="measured")
    # Impedance is in ohms unless the signal says otherwise: "Impedance (normalised)".
    units = re.search(r"\(.+\)$", quantity)
    unit = units.group() if units else "(Ω)"
    ax.set_xlabel(f"Re Z {unit}")
    ax.set_ylabel(f"−Im Z {unit}")
    ax.set_aspect("equal", adjustable="datalim")


def _image_grid(rows: np.ndarray, after: np.ndarray, names: list[str], title: str) -> Any:
    import matplotlib.pyplot as plt

    columns = 1 + after.shape[1]
    figure, axes = plt.subplots(
        len(rows),
        columns,
        figsize=(1.7 * columns, 1.9 * len(rows) + 0.4),
        layout="constrained",
        squeeze=False,
    )
    for line, row, variants, name in zip(axes, rows, after, names, strict=True):
        low, high = float(row.min()), float(row.max())
        for ax, image in zip(line, [row, *variants], strict=True):
            shown = np.clip((image - low) / ((high - low) or 1.0), 0.0, 1.0)
            colour = len(shown) == 3
            ax.imshow(np.moveaxis(shown, 0, -1) if colour else shown[0], cmap="gray")
            ax.set_xticks([])
            ax.set_yticks([])
        line[0].set_ylabel(name)
    axes[0, 0].set_title("measured")
    for ax in axes[0, 1:]:
        ax.set_title("perturbed")
    figure.suptitle(title)
    return axes.ravel()
