"""Figures 11 and 13 of paper 002: costs, and the trend of the figures that stop the training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from .._colours import class_colours
from ._base import BaseGenerator
from ._dag_rule import ClassRecord
from ._plots import epoch_axis

TITLES = {"frechet": "Fréchet distance", "pearson": "PCC", "cosine": "CosD"}


class DAGPlots(BaseGenerator):
    """The figures, as methods of a generator."""

    history_: dict[str, list[float]]
    records_: list[ClassRecord]

    def plot_costs(self, label: Any = None, ax: Any = None) -> Any:
        """Draw the costs of generator and discriminators over the epochs (figure 11).

        Parameters
        ----------
        label : class label or None
            Which class; None takes the first that was trained.
        ax : matplotlib.axes.Axes or None
            Where to draw; None makes a figure.

        Returns
        -------
        matplotlib.axes.Axes
        """
        import matplotlib.pyplot as plt

        record = self._record(label)
        if ax is None:
            ax = plt.subplots(figsize=(6.0, 3.2), layout="constrained")[1]
        costs = self.costs(record.label)
        for (name, values), colour in zip(costs.items(), class_colours(len(costs)), strict=True):
            ax.plot(np.arange(1, len(values) + 1), values, color=colour, label=name)
        epoch_axis(ax)
        ax.set_ylabel("cost (cross-entropy)")
        ax.set_title(f"{record.label}, {self._design()}", loc="left", fontsize="medium")
        if costs:
            ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, fontsize="small")
        return ax

    def costs(self, label: Any) -> dict[str, np.ndarray]:
        """Return the cost of each player in the epochs of a class, by name.

        The cost of a discriminator is the sum of its terms, averaged over its steps.
        """
        prefix = f"{self._record(label).label}/"
        found: dict[str, np.ndarray] = {}
        for key, values in self.history_.items():
            player, _, term = key.partition("/")
            if not term.startswith(prefix):
                continue
            inner = term.removeprefix(prefix).rpartition("/")[0]
            name = f"{player}, {inner}" if inner else player
            cost = np.asarray(values, dtype=float)
            found[name] = found.get(name, 0.0) + cost[np.isfinite(cost)]
        return found

    def plot_trend(self, label: Any = None, axes: Sequence[Any] | None = None) -> Any:
        """Draw Fréchet distance, PCC and CosD over the epochs (figure 13).

        The bands are what real rows score against real ones; the training ends when all three
        curves are in or beyond theirs.

        Parameters
        ----------
        label : class label or None
            Which class; None takes the first that was trained.
        axes : sequence of two matplotlib.axes.Axes or None
            Where to draw; None makes a figure.

        Returns
        -------
        list of two matplotlib.axes.Axes

        Raises
        ------
        ValueError
            If the class has no stopping rule.
        """
        import matplotlib.pyplot as plt

        record = self._record(label)
        if not record.trend:
            raise ValueError(f"class {record.label!r} has no trend: {record.note}")
        if axes is None:
            axes = plt.subplots(1, 2, figsize=(9.0, 3.2), layout="constrained")[1]
        epochs, *figures = np.array(record.trend).T[:4]
        colours = class_colours(3)
        for i, name in enumerate(TITLES):
            ax = axes[min(i, 1)]
            _, low, high, _ = record.baseline[name]
            ax.axhspan(low, high, color=colours[i], alpha=0.15, linewidth=0)
            ax.plot(epochs, figures[i], color=colours[i], marker=".", label=TITLES[name])
        for ax in axes:
            epoch_axis(ax)
            ax.axvline(record.kept_epoch, color="0.4", linestyle=":", linewidth=1.2)
            ax.legend(frameon=False, fontsize="small")
        if figures[0].max() > 10 * max(figures[0].min(), 1e-12):
            axes[0].set_yscale("log")
        axes[0].set_ylabel("Fréchet distance (squared units)")
        axes[1].set_ylabel("PCC, CosD")
        title = f"{record.label}, {self._design()}; bands: real against real"
        axes[0].set_title(title, loc="left", fontsize="medium")
        return list(axes)

    def _design(self) -> str:
        parameters = self.get_params()
        return f"{parameters['design']}, {parameters['architecture']}"

    def _record(self, label: Any) -> ClassRecord:
        check_is_fitted(self, "records_")
        if label is None:
            return next((r for r in self.records_ if r.epochs), self.records_[0])
        for record in self.records_:
            if record.label == str(label):
                return record
        raise ValueError(
            f"unknown class {label!r}; this generator knows {[r.label for r in self.records_]}"
        )
