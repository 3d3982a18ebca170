"""Real and generated rows in two dimensions, at chosen epochs (papers 000 and 001)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from .._refusals import check_known
from ..evaluation import FeatureMap, feature_map
from ._base import BaseGenerator

PANEL = (4.0, 3.7)  # inches


def epoch_feature_maps(
    generator: BaseGenerator,
    X: Any,
    y: Any,
    *,
    classifier: Any = None,
    embedding: Any = None,
    method: str = "tsne",
    epochs: Sequence[int] | None = None,
    n_points: int = 100,
    classes: Sequence[Any] | None = None,
    perplexity: float = 30.0,
    random_state: Any = 0,
) -> list[FeatureMap]:
    """Return a map of real and generated rows for each of some epochs of a training.

    Every class gets as many generated rows as the most frequent class has real ones, as in a
    balanced training set.

    Parameters
    ----------
    generator : fitted generator
        With `snapshot_epochs` for other epochs than the one that is kept.
    X : array-like of shape (n, ...)
        Real rows, of the shape of the training rows.
    y : array-like of shape (n,)
        Their labels; rows of classes that the generator does not know are shown as well.
    classifier, embedding, method, perplexity
        See :func:`hs_specaug.evaluation.feature_map`. Without a classifier that of a method that
        trains one (``three-player``, ``cooperative``) is taken, as it was in each epoch; with one
        that stays the same, all epochs share one map, so that real rows keep their places.
    epochs : sequence of int or None
        Which epochs; None shows all snapshots and what is kept.
    n_points : int, default 100
        Most rows per class, real or generated; real ones are chosen at random.
    classes : sequence of labels or None
        Order of the classes, which decides their colours. None takes `classes_`.
    random_state : int, numpy.random.RandomState or None, default 0
        Seed of the choice, the generated rows and the map. All epochs get the same noise.

    Returns
    -------
    list of FeatureMap

    Raises
    ------
    ValueError
        If rows have another shape, labels do not match, or there is no snapshot of an epoch.
    """
    check_known(y)
    rows, labels = np.asarray(X), np.asarray(y)
    if rows.shape[1:] != generator.input_shape_ or labels.shape != rows.shape[:1]:
        raise ValueError(
            f"X must have rows of shape {generator.input_shape_} and y one label for each, got "
            f"shapes {rows.shape} and {labels.shape}"
        )
    if n_points < 1:
        raise ValueError(f"n_points must be at least 1, got {n_points!r}")
    rng = check_random_state(random_state)
    chosen = _some_of_each(labels, n_points, rng)
    rows, labels = rows[chosen], labels[chosen]
    known = [label for label in generator.classes_.tolist() if (labels == label).any()]
    if not known:
        raise ValueError(f"y holds none of the classes {generator.classes_.tolist()}")
    most = int(np.unique(labels, return_counts=True)[1].max())
    looks = _looks(generator, epochs)
    states = [state for _, _, state in looks]
    seeds = rng.randint(np.iinfo(np.int32).max, size=2).tolist()
    drawn = [state.sample(dict.fromkeys(known, most), seeds[0]) for state in states]
    options: dict[str, Any] = {
        "method": method,
        "perplexity": perplexity,
        "classes": generator.classes_ if classes is None else classes,
        "random_state": seeds[1],
    }
    own = classifier is None and embedding is None and hasattr(type(generator), "classifier_")
    if own:
        maps = [
            feature_map(rows, X_new, labels, y_new, classifier=state.classifier_, **options)
            for state, (X_new, y_new) in zip(states, drawn, strict=True)
        ]
    else:
        options |= {"classifier": classifier, "embedding": embedding}
        maps = _in_one_map(rows, labels, drawn, options)
    return [replace(m, epoch=e, title=t) for m, (e, t, _) in zip(maps, looks, strict=True)]


def _some_of_each(labels: np.ndarray, n: int, rng: np.random.RandomState) -> np.ndarray:
    """Return the places of at most `n` rows of each class, in order."""
    kept = [rng.permutation(np.flatnonzero(labels == label))[:n] for label in np.unique(labels)]
    return np.sort(np.concatenate(kept)) if kept else np.arange(0)


def _looks(generator: Any, epochs: Sequence[int] | None) -> list[tuple[int | None, str, Any]]:
    """Return epoch, title and generator for each of the epochs; the kept one is itself."""
    taken = getattr(generator, "snapshots_", {})
    # Where every class has a training of its own, each has kept another epoch.
    per_class = hasattr(generator, "records_")
    kept = None if per_class else getattr(generator, "best_epoch_", None)
    if epochs is None:
        wanted = sorted({*taken, *(() if kept is None else (kept,))})
    elif hasattr(generator, "at_epoch"):
        wanted = list(epochs)
    else:
        raise ValueError(f"{generator.method} is not trained in epochs, got epochs={epochs!r}")
    looks: list[tuple[int | None, str, Any]] = []
    for epoch in wanted:
        itself = epoch == kept and epoch not in taken
        title = f"epoch {epoch}{', kept' if epoch == kept else ''}"
        looks.append((epoch, title, generator if itself else generator.at_epoch(epoch)))
    if epochs is None and kept is None:
        looks.append((None, "kept" if taken else "", generator))
    return looks


def _in_one_map(
    rows: np.ndarray, labels: np.ndarray, drawn: list[tuple], options: dict[str, Any]
) -> list[FeatureMap]:
    """Map the rows of all epochs together, and part them again."""
    X_new, y_new = (np.concatenate(parts) for parts in zip(*drawn, strict=True))
    together = feature_map(rows, X_new, labels, y_new, **options)
    maps, start = [], len(rows)
    for _, own in drawn:
        places = np.r_[: len(rows), start : start + len(own)]
        start += len(own)
        maps.append(
            replace(
                together,
                coordinates=together.coordinates[places],
                labels=together.labels[places],
                is_synthetic=together.is_synthetic[places],
            )
        )
    return maps


def draw_feature_maps(maps: Sequence[FeatureMap]) -> Any:
    """Draw maps side by side, with one legend; those that share real rows share their axes.

    Returns
    -------
    matplotlib.figure.Figure
    """
    import matplotlib.pyplot as plt

    real = [m.coordinates[~m.is_synthetic] for m in maps]
    shared = len(maps) > 1 and all(np.array_equal(real[0], other) for other in real)
    figure, axes = plt.subplots(
        1,
        len(maps),
        figsize=(PANEL[0] * len(maps) + 1.3, PANEL[1]),
        layout="constrained",
        squeeze=False,
        sharex=shared,
        sharey=shared,
    )
    for ax, m in zip(axes[0], maps, strict=True):
        m.plot(ax, legend=False)
    if maps[0].title:
        figure.suptitle(f"{maps[0].features} features", x=0.01, ha="left", fontsize="medium")
    figure.legend(handles=maps[0].legend_handles(), loc="outside right upper", frameon=False)
    return figure
