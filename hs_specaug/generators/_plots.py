"""Figures of a trained generator: its training, its samples, its latent space.

Matplotlib is imported when a figure is drawn: training on a cluster does not need it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.decomposition import PCA
from sklearn.utils.validation import check_is_fitted

from .._axes import SignalAxis
from .._colours import class_colours
from .._refusals import check_known
from ._base import BaseGenerator

PANEL = (3.4, 2.1)  # inches
MAP_COLOURS = "viridis"


class GeneratorPlots(BaseGenerator):
    """The figures, as methods of a generator."""

    history_: dict[str, list[float]]
    best_epoch_: int

    def plot_history(self) -> Any:
        """Draw the losses of every phase, the score and the diversity over the epochs.

        Returns
        -------
        matplotlib.figure.Figure
        """
        check_is_fitted(self, "history_")
        return draw_history(self.history_, self.best_epoch_)

    def plot_samples(
        self, X: Any, y: Any, n_rows: int = 5, channel: int = 0, random_state: Any = None
    ) -> Any:
        """Draw real rows above synthetic ones, class by class.

        Spectra are drawn as lines and, up to fifty of them, as a map of intensity; images as a
        grid. Real and synthetic rows of a class share their scales.

        Parameters
        ----------
        X : array-like of shape (n, ...)
            Real rows, of the shape of the training rows.
        y : array-like of shape (n,)
            Their labels.
        n_rows : int, default 5
            Lines, or images in a row of the grid.
        channel : int, default 0
            Which channel is drawn, where rows have several.
        random_state : int, numpy.random.RandomState or None
            Seed of the synthetic rows, see :meth:`sample`.

        Returns
        -------
        matplotlib.figure.Figure

        Raises
        ------
        ValueError
            If the rows have another shape, or labels that the generator does not know.
        """
        from ..evaluation.metrics._rows import check_rows

        check_is_fitted(self, "classes_")
        rows, labels = np.asarray(X), np.asarray(y)
        if rows.shape[1:] != self.input_shape_ or labels.shape != rows.shape[:1]:
            raise ValueError(
                f"X must have rows of shape {self.input_shape_} and y one label for each, got "
                f"shapes {rows.shape} and {labels.shape}"
            )
        check_rows(rows, "X")
        check_known(labels)
        shown = [label for label in self.classes_.tolist() if (labels == label).any()]
        if not shown:
            raise ValueError(f"y holds none of the classes {self.classes_.tolist()}")
        images = rows.ndim == 4
        wanted = n_rows if images else 50
        real = [_channel(rows[labels == label][:wanted], channel) for label in shown]
        X_new, y_new = self.sample(
            {label: max(len(r), n_rows) for label, r in zip(shown, real, strict=True)},
            random_state,
        )
        synthetic = [_channel(X_new[y_new == label], channel)[:wanted] for label in shown]
        names = [str(label) for label in shown]
        if images:
            return draw_images(names, real, synthetic, n_rows)
        axis = self.signal_axes_[-1] if self.signal_axes_ else None
        codes = [self.classes_.tolist().index(label) for label in shown]
        return draw_spectra(names, codes, real, synthetic, axis, n_rows)

    def plot_feature_map(
        self,
        X: Any,
        y: Any,
        *,
        classifier: Any = None,
        epochs: Sequence[int] | None = None,
        method: str = "tsne",
        random_state: Any = 0,
        **options: Any,
    ) -> Any:
        """Draw real rows (dots) and generated ones (crosses) by their features, epoch by epoch.

        Figures 4 and 8 of paper 000 and figure 11 of paper 001. Where training goes well, the
        crosses leave their places of epoch 0 for the dots of their class, and the classes part.

        Parameters
        ----------
        X : array-like of shape (n, ...)
            Real rows, of the shape of the training rows.
        y : array-like of shape (n,)
            Their labels.
        classifier : fitted classifier with `features`, or None
            In whose last layer; the real rows then keep their places in all panels. None takes
            the classifier that was trained with the generator, as it was in each epoch
            (``three-player``, ``cooperative``), or the rows themselves.
        epochs : sequence of int or None
            Among `snapshot_epochs`, and the one that is kept; None shows all of these.
        method : {"tsne", "umap", "pca"}, default "tsne"
            How features are brought into two dimensions.
        random_state : int, numpy.random.RandomState or None, default 0
            Seed of the generated rows and of the map.
        **options
            Of :func:`hs_specaug.generators.epoch_feature_maps`: `embedding`, `n_points`,
            `classes`, `perplexity`.

        Returns
        -------
        matplotlib.figure.Figure

        Raises
        ------
        ValueError
            If rows have another shape, or there is no snapshot of an epoch.
        """
        from ._feature_maps import draw_feature_maps, epoch_feature_maps

        check_is_fitted(self, "classes_")
        maps = epoch_feature_maps(
            self,
            X,
            y,
            classifier=classifier,
            epochs=epochs,
            method=method,
            random_state=random_state,
            **options,
        )
        return draw_feature_maps(maps)

    def plot_latent(self, n_points: int = 150, random_state: Any = 0) -> Any:
        """Draw where the latent vectors of each class lie, in two principal components.

        Parameters
        ----------
        n_points : int, default 150
            Vectors per class.
        random_state : int, numpy.random.RandomState or None, default 0
            Seed of the noise.

        Returns
        -------
        matplotlib.axes.Axes

        Raises
        ------
        ValueError
            If the method has no latent vector that depends on the class.
        """
        check_is_fitted(self, "networks_")
        codes = np.repeat(np.arange(len(self.classes_)), n_points)
        vectors = self._latent_vectors(codes, random_state)
        return draw_latent([str(c) for c in self.classes_], codes, vectors)

    def _latent_vectors(self, codes: np.ndarray, random_state: Any) -> np.ndarray:
        raise ValueError(
            f"{self.method} has no latent vector that depends on the class; plot_samples and "
            "plot_history are there for every method"
        )


def _channel(rows: np.ndarray, channel: int) -> np.ndarray:
    """Return one channel of rows that may have several."""
    return rows if rows.ndim == 2 else rows[:, channel]


def _label(axis: SignalAxis | None) -> str:
    if axis is None or not axis.name:
        return "channel" if axis is None or not axis.units else axis.units
    return f"{axis.name} ({axis.units})" if axis.units else axis.name


def draw_history(history: dict[str, list[float]], best_epoch: int) -> Any:
    """Draw losses phase by phase, and score and diversity below each other."""
    import matplotlib.pyplot as plt

    phases = list(dict.fromkeys(k.rpartition("epoch")[0] for k in history if k.endswith("epoch")))
    scored = [name for name in ("score", "diversity") if name in history]
    panels = [*phases, *scored]
    figure, axes = plt.subplots(
        len(panels), 1, figsize=(6.4, 2.2 * len(panels)), layout="constrained", squeeze=False
    )
    for prefix, ax in zip(panels, axes[:, 0], strict=True):
        if prefix in scored:
            _draw_score(ax, history["epoch"], history[prefix], prefix, best_epoch)
        else:
            _draw_losses(ax, history, prefix)
        epoch_axis(ax)
    return figure


def epoch_axis(ax: Any) -> None:
    """Count epochs below `ax`, in whole numbers."""
    from matplotlib.ticker import MaxNLocator

    ax.set_xlabel("epoch")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))


def _draw_losses(ax: Any, history: dict[str, list[float]], prefix: str) -> None:
    players = [
        key.removeprefix(prefix).removesuffix("/learning_rate")
        for key in history
        if key.startswith(prefix) and key.endswith("/learning_rate")
    ]
    # The main phase has no prefix, so it would claim the players of all others.
    players = [player for player in players if "/" not in player]
    for player, colour in zip(players, class_colours(len(players)), strict=True):
        ax.plot(history[f"{prefix}epoch"], history[prefix + player], color=colour, label=player)
    ax.set_ylabel("loss")
    ax.set_title(prefix.rstrip("/") or "main phase", loc="left", fontsize="medium")
    if players:
        # Above the axes, at the end of the line of the title: curves may be anywhere inside.
        ax.legend(
            loc="lower right", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.0,
            ncols=len(players), fontsize="small", frameon=False,
        )  # fmt: skip


def _draw_score(
    ax: Any, epochs: Sequence[float], values: Sequence[float], name: str, best_epoch: int
) -> None:
    known = np.isfinite(values)
    colour = class_colours(1)[0]
    ax.plot(np.asarray(epochs)[known], np.asarray(values)[known], ".-", color=colour)
    ax.axvline(best_epoch, color="0.4", linestyle=":", linewidth=1.2)
    if name == "score":
        late = best_epoch > max(epochs) / 2  # then there is room to the left
        ax.annotate(
            f"kept: epoch {best_epoch}", (best_epoch, 0.96), xycoords=("data", "axes fraction"),
            xytext=(-4 if late else 4, 0), textcoords="offset points", va="top",
            ha="right" if late else "left", fontsize="small", color="0.3",
        )  # fmt: skip
    better = "lower is better" if name == "score" else "share of the real rows'"
    ax.set_ylabel(name)
    ax.set_title(f"{name} ({better})", loc="left", fontsize="medium")


def draw_spectra(
    names: list[str],
    codes: list[int],
    real: list[np.ndarray],
    synthetic: list[np.ndarray],
    axis: SignalAxis | None,
    n_rows: int,
) -> Any:
    """Draw one column per class: real and synthetic lines, real and synthetic maps."""
    import matplotlib.pyplot as plt

    values = np.arange(real[0].shape[1]) if axis is None else np.asarray(axis.values)
    size = (PANEL[0] * max(len(names), 1.6), PANEL[1] * 4)
    figure, axes = plt.subplots(
        4, len(names), figsize=size, layout="constrained", squeeze=False, sharex=True
    )
    colours = class_colours(max(codes) + 1)
    for column, (name, code) in enumerate(zip(names, codes, strict=True)):
        pair = (real[column], synthetic[column])
        # The range of the real rows rules, so that an outlier of a bad generator is seen as one.
        low, high = float(pair[0].min()), float(pair[0].max())
        margin = 0.05 * (high - low) or 1.0
        for i, rows in enumerate(pair):
            lines, intensity = axes[i, column], axes[2 + i, column]
            lines.plot(values, rows[:n_rows].T, color=colours[code], linewidth=0.9, alpha=0.8)
            lines.set_ylim(low - margin, high + margin)
            extent = (values[0], values[-1], len(rows), 0)
            picture = intensity.imshow(
                rows, aspect="auto", cmap=MAP_COLOURS, vmin=low, vmax=high, extent=extent,
                interpolation="nearest",
            )  # fmt: skip
        axes[0, column].set_title(name)
        axes[3, column].set_xlabel(_label(axis))
        figure.colorbar(picture, ax=axes[2:, column], label="intensity", aspect=30)
    for ax, text in zip(
        axes[:, 0],
        ("real\nintensity", "synthetic\nintensity", "real\nrow", "synthetic\nrow"),
        strict=True,
    ):
        ax.set_ylabel(text)
    return figure


def draw_images(
    names: list[str], real: list[np.ndarray], synthetic: list[np.ndarray], n_columns: int
) -> Any:
    """Draw two lines of images per class, real above synthetic."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(
        2 * len(names),
        n_columns,
        figsize=(1.3 * n_columns + 0.8, 2.6 * len(names)),
        layout="constrained",
        squeeze=False,
    )
    for ax in axes.flat:
        ax.set_xticks([])
        ax.set_yticks([])
        ax.spines[:].set_visible(False)
    for i, name in enumerate(names):
        low, high = float(real[i].min()), float(real[i].max())
        for j, (kind, rows) in enumerate((("real", real[i]), ("synthetic", synthetic[i]))):
            for ax, row in zip(axes[2 * i + j], rows, strict=False):
                ax.imshow(row, cmap="gray", vmin=low, vmax=high, interpolation="nearest")
            axes[2 * i + j, 0].set_ylabel(f"{name}\n{kind}")
    return figure


def draw_latent(names: list[str], codes: np.ndarray, vectors: np.ndarray) -> Any:
    """Draw latent vectors in their first two principal components, with the class means."""
    import matplotlib.pyplot as plt

    if vectors.shape[1] < 2:
        vectors = np.c_[vectors, np.zeros(len(vectors))]
    pca = PCA(2, random_state=0).fit(vectors)
    points = pca.transform(vectors)
    ax = plt.figure(figsize=(6.2, 4.4), layout="constrained").add_subplot()
    markers = "osD^vP*X<>hpd8"
    for code, (name, colour) in enumerate(zip(names, class_colours(len(names)), strict=True)):
        own = points[codes == code]
        style: dict[str, Any] = {"marker": markers[code % len(markers)], "color": colour}
        ax.scatter(own[:, 0], own[:, 1], s=10, alpha=0.45, linewidths=0, **style)
        ax.scatter(
            own[:, 0].mean(),
            own[:, 1].mean(),
            s=90,
            edgecolors="black",
            linewidths=1.2,
            label=name,
            **style,
        )
    shares = [0.0 if math.isnan(s) else s for s in pca.explained_variance_ratio_]
    ax.set_xlabel(f"component 1 ({shares[0]:.0%} of the variance)")
    ax.set_ylabel(f"component 2 ({shares[1]:.0%})")
    ax.set_title("latent vectors; class means outlined", loc="left", fontsize="medium")
    ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), fontsize="small", frameon=False)
    return ax
