"""Real and synthetic rows in two dimensions: t-SNE, UMAP or PCA of what a classifier sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from sklearn.utils import check_random_state
from threadpoolctl import threadpool_limits

from .._colours import class_colours
from .._refusals import check_known
from ..exceptions import TooFewRowsError
from .metrics._embeddings import Embedding, named_embedding
from .metrics._rows import check_rows

METHODS = {"tsne": "t-SNE", "umap": "UMAP", "pca": "PCA"}
#: Rows below which two dimensions say nothing about neighbourhoods.
FEWEST_ROWS = 4
#: What t-SNE is given at most: noise of thousands of features only slows it down.
COMPONENTS = 50


@dataclass(frozen=True)
class FeatureMap:
    """Where rows lie in two dimensions.

    Attributes
    ----------
    coordinates : ndarray of shape (n, 2)
        Real rows first. Axes and distances of t-SNE and UMAP have no unit: only who is whose
        neighbour counts.
    labels : ndarray of shape (n,)
        Class of each row.
    is_synthetic : ndarray of bool of shape (n,)
        Which rows are synthetic.
    method : {"tsne", "umap", "pca"}
        How the map was made.
    features : str
        Of what: "raw", "CNNClassifier", "Inception", ...
    classes : tuple
        Classes in the order of their colours.
    epoch : int or None
        Epoch of the generator, if it is known.
    title : str
        Of the figure; without one it says how the map was made.
    """

    coordinates: np.ndarray
    labels: np.ndarray
    is_synthetic: np.ndarray
    method: str
    features: str
    classes: tuple[Any, ...]
    epoch: int | None = None
    title: str = ""

    def __repr__(self) -> str:
        n_new = int(self.is_synthetic.sum())
        epoch = "" if self.epoch is None else f", epoch {self.epoch}"
        return (
            f"FeatureMap({METHODS[self.method]} of {self.features} features: "
            f"{len(self.labels) - n_new} real and {n_new} synthetic rows of "
            f"{len(self.classes)} classes{epoch})"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        return {
            "method": self.method,
            "features": self.features,
            "epoch": self.epoch,
            "title": self.title,
            "classes": [str(label) for label in self.classes],
            "labels": [str(label) for label in self.labels.tolist()],
            "is_synthetic": self.is_synthetic.tolist(),
            "coordinates": self.coordinates.tolist(),
        }

    def plot(self, ax: Any = None, *, legend: bool = True) -> Any:
        """Draw real rows as dots and synthetic ones as crosses (paper 000, figure 4).

        Parameters
        ----------
        ax : matplotlib.axes.Axes or None
            Where to draw; None makes a figure.
        legend : bool, default True
            Whether to say which colour is which class.

        Returns
        -------
        matplotlib.axes.Axes
        """
        import matplotlib.pyplot as plt

        if ax is None:
            ax = plt.figure(figsize=(5.2, 4.4), layout="constrained").add_subplot()
        # In mixed order, so that no class hides the one before; real rows, rare, come on top.
        order = np.random.default_rng(0).permutation(len(self.labels))
        colours = np.array(self._row_colours())
        for rows, style in (
            (order[self.is_synthetic[order]], {"marker": "x", "linewidths": 1.0, "alpha": 0.75}),
            (
                order[~self.is_synthetic[order]],
                {"marker": "o", "linewidths": 0.5, "edgecolors": "black", "zorder": 3},
            ),
        ):
            ax.scatter(*self.coordinates[rows].T, s=28, c=colours[rows].tolist(), **style)
        name = METHODS[self.method]
        ax.set_xlabel(f"{name} 1")
        ax.set_ylabel(f"{name} 2")
        if self.method != "pca":  # their numbers mean nothing
            ax.set_xticks([])
            ax.set_yticks([])
        title = self.title or f"{name}, {self.features} features"
        ax.set_title(title, loc="left", fontsize="medium")
        if legend:
            ax.legend(handles=self.legend_handles(), fontsize="small", frameon=False)
        return ax

    def _row_colours(self) -> list[str]:
        colours = dict(zip(self.classes, class_colours(len(self.classes)), strict=True))
        return [colours[label] for label in self.labels.tolist()]

    def legend_handles(self) -> list[Any]:
        """Return a handle for each class that is shown, then a dot and a cross."""
        from matplotlib.lines import Line2D

        colours = dict(zip(self.classes, class_colours(len(self.classes)), strict=True))
        shown = set(self.labels.tolist())
        handles = [
            Line2D([], [], marker="s", linestyle="", color=colour, label=str(label))
            for label, colour in colours.items()
            if label in shown
        ]
        grey: dict[str, Any] = {"linestyle": "", "color": "0.35"}
        for marker, kind in (("o", "real"), ("x", "synthetic")):
            handles.append(Line2D([], [], marker=marker, label=kind, **grey))
        return handles


def feature_map(
    real: Any,
    synthetic: Any,
    y_real: Any,
    y_synthetic: Any,
    *,
    classifier: Any = None,
    embedding: Any = None,
    method: str = "tsne",
    perplexity: float = 30.0,
    classes: Sequence[Any] | None = None,
    random_state: Any = None,
) -> FeatureMap:
    """Bring real and synthetic rows into two dimensions, together.

    Figure 4 of paper 000 and figure 11 of paper 001: features of the classifier's layer before
    the output. A generator that works puts its crosses among the dots of their class, all over
    them. Crosses beside the dots look unlike real rows; crosses in a clump are all alike.

    Parameters
    ----------
    real, synthetic : array-like of shape (n, ...) and (m, ...)
        Spectra or images.
    y_real, y_synthetic : array-like of shape (n,) and (m,)
        Class labels.
    classifier : fitted classifier with `features`, or None
        Whose last layer is mapped.
    embedding : "inception", callable or None
        Instead: the Inception network, or any function of rows to features. Without either the
        rows themselves are mapped.
    method : {"tsne", "umap", "pca"}, default "tsne"
        t-SNE keeps neighbours together; UMAP too (``pip install "hs_specaug[umap]"``), more of
        the large-scale order; PCA is a linear view, whose distances can be trusted.
    perplexity : float, default 30
        Neighbours that t-SNE and UMAP look at; a third of the rows at most.
    classes : sequence of labels or None
        Order of the classes, which decides their colours. None sorts them.
    random_state : int, numpy.random.RandomState or None
        Seed of t-SNE and UMAP.

    Returns
    -------
    FeatureMap
        Coordinates and labels; ``.plot()`` draws them.

    Raises
    ------
    TooFewRowsError
        A ValueError: for fewer than four rows in all.
    ValueError
        If rows and labels do not match, rows are not finite, a label is not among `classes`, or
        the method is unknown.
    ImportError
        For UMAP without umap-learn.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(20, 8)), ["core"] * 12 + ["shell"] * 8
    >>> feature_map(X, X + 0.1, y, y, method="pca")
    FeatureMap(PCA of raw features: 20 real and 20 synthetic rows of 2 classes)
    """
    if classifier is not None and embedding is not None:
        raise ValueError("pass classifier= or embedding=, not both")
    name, embed = named_embedding(classifier if embedding is None else embedding)
    sets = [(real, y_real), (synthetic, y_synthetic)]
    features = [_features(rows, embed, which) for (rows, _), which in zip(sets, KINDS, strict=True)]
    labels = [
        _labels(y, rows, which) for (_, y), rows, which in zip(sets, features, KINDS, strict=True)
    ]
    if features[0].shape[1] != features[1].shape[1] and all(len(rows) for rows in features):
        raise ValueError(
            "real and synthetic must have rows of one length, got "
            f"{features[0].shape[1]} and {features[1].shape[1]} features"
        )
    together = np.concatenate([rows for rows in features if len(rows)] or features[:1])
    y = np.concatenate([values for values in labels if len(values)] or labels[:1])
    return FeatureMap(
        two_dimensions(together, method, perplexity=perplexity, random_state=random_state),
        y,
        np.arange(len(y)) >= len(labels[0]),
        method,
        name,
        _ordered_classes(y, classes),
    )


KINDS = ("real", "synthetic")


def _features(rows: Any, embed: Embedding | None, which: str) -> np.ndarray:
    rows = np.asarray(rows)
    if not len(rows):
        return np.empty((0, 1))
    return check_rows(rows if embed is None else embed(rows), which)


def _labels(y: Any, rows: np.ndarray, which: str) -> np.ndarray:
    labels = np.asarray(y)
    check_known(labels, f"y_{which}")
    if labels.shape != (len(rows),):
        raise ValueError(
            f"y_{which} must be one label for each of the {len(rows)} {which} rows, got shape "
            f"{labels.shape}"
        )
    return labels


def _ordered_classes(y: np.ndarray, classes: Sequence[Any] | None) -> tuple[Any, ...]:
    present = np.unique(y).tolist()
    if classes is None:
        return tuple(present)
    order = tuple(np.asarray(classes).tolist())
    unknown = [label for label in present if label not in order]
    if unknown:
        raise ValueError(f"labels {unknown} are not among classes={list(order)}")
    return order


def two_dimensions(
    features: np.ndarray,
    method: str = "tsne",
    *,
    perplexity: float = 30.0,
    random_state: Any = None,
) -> np.ndarray:
    """Return rows (n, 2) for features (n, n_features), see :func:`feature_map`."""
    if method not in METHODS:
        raise ValueError(f"method must be one of {list(METHODS)}, got {method!r}")
    if not perplexity > 1:
        raise ValueError(f"perplexity must be greater than 1, got {perplexity!r}")
    if len(features) < FEWEST_ROWS:
        raise TooFewRowsError(
            f"a map needs at least {FEWEST_ROWS} rows, got {len(features)}; show more with n_points"
        )
    seed = int(check_random_state(random_state).randint(np.iinfo(np.int32).max))
    if not np.ptp(features, axis=0).max() > 0:  # all rows are one point
        return np.zeros((len(features), 2))
    if features.shape[1] < 2:
        features = np.c_[features, np.zeros(len(features))]
    if method == "pca":
        return PCA(2, random_state=seed).fit_transform(features)
    # Of thousands of features the first components hold all that neighbourhoods depend on.
    kept = min(COMPONENTS, *features.shape)
    reduced = PCA(kept, svd_solver="full").fit_transform(features)
    reduced /= reduced.std()
    neighbours = min(perplexity, max((len(features) - 1) / 3, 1.1))
    if method == "umap":
        return _umap(reduced, max(2, round(neighbours)), seed)
    return TSNE(2, perplexity=neighbours, init="pca", random_state=seed).fit_transform(reduced)


def _umap(features: np.ndarray, neighbours: int, seed: int) -> np.ndarray:
    try:
        from umap import UMAP
    except ImportError as error:
        raise ImportError(
            'UMAP needs umap-learn; install it with: pip install "hs_specaug[umap]"'
        ) from error
    # One thread: with a seed UMAP uses no more, and says so in a warning unless told. The compiler
    # behind it gives the whole process, torch too, as many threads as there are cores, and the
    # bits of what is computed next would depend on a figure having been drawn before.
    with threadpool_limits(limits=None):
        return UMAP(
            n_components=2, n_neighbors=neighbours, random_state=seed, n_jobs=1, init="pca"
        ).fit_transform(features)
