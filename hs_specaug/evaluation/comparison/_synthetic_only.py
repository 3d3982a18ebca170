"""The protocol of paper 002: generators see few real rows, classifiers synthetic rows only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils import check_random_state

from ..._seeds import clone_with_seed
from ...classifiers._flat_rows import FlatRows, takes_channels
from ...exceptions import LeakageError
from .._report import ClassificationReport
from .._scores import confusion_per_group
from .._splits import Split, make_splits
from .._validation import check_rows as check_training_rows
from ..metrics._rows import check_rows

TRAIN_SHARE = 0.15
LARGEST_SEED = np.iinfo(np.int32).max


@dataclass(repr=False)
class SyntheticOnlyResult:
    """What classifiers that never saw a real row make of real rows.

    Attributes
    ----------
    generator : generator
        Fitted to the real training rows.
    split : Split
        Real rows that the generator saw, and those that are scored.
    reports : dict of str to ClassificationReport
        One per classifier; ``report.plot_confusion(normalize="predicted")`` draws figure 6.
    synthetic : tuple of ndarray
        Rows and labels on which the classifiers were trained.
    """

    generator: Any
    split: Split
    reports: dict[str, ClassificationReport]
    synthetic: tuple[np.ndarray, np.ndarray]

    def accuracy(self, name: str) -> float:
        """Return the share of the scored rows that a classifier recognises (table 1)."""
        confusion = self.reports[name].confusion_matrix
        return float(np.trace(confusion) / confusion.sum())

    def accuracy_interval(self, name: str, level: float = 0.95) -> tuple[float, float]:
        """Return the Wilson interval of the accuracy: the choice of scored rows by chance.

        Another split, or another seed of generator and classifier, is not in it.
        """
        from scipy.stats import binomtest

        confusion = self.reports[name].confusion_matrix
        found = binomtest(int(np.trace(confusion)), int(confusion.sum()))
        low, high = found.proportion_ci(level, method="wilson")
        return float(low), float(high)

    def __repr__(self) -> str:
        lines = [
            f"{len(self.split.train)} real rows → {len(self.synthetic[0])} synthetic rows; scored "
            f"on {len(self.split.test)} other real rows"
        ]
        for name in self.reports:
            low, high = self.accuracy_interval(name)
            lines.append(f"{name}: accuracy {self.accuracy(name):.1%} [{low:.1%}, {high:.1%}]")
        return "\n".join(lines)


def train_on_synthetic(
    X: Any,
    y: Any,
    generator: Any,
    classifiers: Mapping[str, Any],
    *,
    share: float = TRAIN_SHARE,
    n_per_class: int | None = None,
    split: Split | None = None,
    refit: bool = True,
    random_state: Any = None,
) -> SyntheticOnlyResult:
    """Train a generator on few real rows and classifiers on its rows; score the other real rows.

    Parameters
    ----------
    X : array-like of shape (n, ...)
        Real rows.
    y : array-like of shape (n,)
        Their labels.
    generator : generator
        Anything with `fit` and `sample`, from :func:`hs_specaug.make_generator`, say. It is
        cloned, unless `refit` is False.
    classifiers : mapping of str to classifier
        scikit-learn classifiers by name; cloned.
    share : float, default 0.15
        Share of the rows of each class that the generator sees.
    n_per_class : int or None, default None
        Synthetic rows of each class; None takes as many as the largest class has real rows to
        be scored.
    split : Split or None, default None
        Which rows the generator sees and which are scored, instead of `share`: the same for
        several generators, or with sessions kept apart
        (:func:`~hs_specaug.evaluation.make_splits` with `groups`).
    refit : bool, default True
        False takes a generator that was fitted to the rows ``split.train`` already.
    random_state : int, numpy.random.RandomState or None
        Seed of the split and of the synthetic rows, and of classifiers without one.

    Returns
    -------
    SyntheticOnlyResult

    Raises
    ------
    ValueError
        If `share` leaves no row of a class on one side, `refit` is False without a split, or a
        class is scored that was not trained.
    LeakageError
        If `refit` is False and the generator has seen a row that would be scored.

    References
    ----------
    del-Pozo-Bueno et al., Microsc. Microanal. 30 (2024) 278, table 1 and figure 6: "just 15 % of
    the spectra were used for training, and the rest were used to test the classifiers".

    Examples
    --------
    >>> import numpy as np
    >>> import hs_specaug
    >>> from hs_specaug.evaluation import train_on_synthetic
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(60, 8)) + np.repeat([[0.0], [3.0]], 30, axis=0)
    >>> y = np.repeat(["low", "high"], 30)
    >>> svm = hs_specaug.make_classifier("svm", random_state=0)
    >>> result = train_on_synthetic(
    ...     X, y, hs_specaug.make_generator("gaussian-noise"), {"svm": svm}, random_state=0
    ... )
    >>> result.accuracy("svm") > 0.9
    True
    """
    rows, labels = check_training_rows(X, y)
    seeds = check_random_state(random_state).randint(LARGEST_SEED, size=3)
    if split is None:
        if not refit:
            raise ValueError("refit=False needs the split that the generator was fitted with")
        if not 0 < share < 1:
            raise ValueError(f"share must be between 0 and 1, got {share!r}")
        split = make_splits(labels, test_size=1.0 - share, random_state=int(seeds[0]))[0]
    train, test = split
    if refit:
        generator = clone(generator).fit(rows[train], labels[train])
    else:
        _check_no_leak(generator, rows[test])
    classes = np.unique(labels[train])
    strangers = np.setdiff1d(labels[test], classes)
    if len(strangers):
        raise ValueError(
            f"classes {strangers.tolist()} are scored but not trained; put rows of them into "
            "split.train, or leave them out"
        )
    if n_per_class is None:
        n_per_class = int(max((labels[test] == label).sum() for label in classes))
    counts = dict.fromkeys(classes.tolist(), n_per_class)
    synthetic = generator.sample(counts, random_state=int(seeds[1]))
    reports = {}
    for name, classifier in classifiers.items():
        model = clone_with_seed(classifier, int(seeds[2]))
        if not takes_channels(model):
            model = FlatRows(model)
        predicted = model.fit(*synthetic).predict(rows[test])
        codes = [np.searchsorted(classes, v) for v in (labels[test], predicted)]
        confusion = confusion_per_group(codes[0], codes[1], len(classes))
        reports[name] = ClassificationReport.from_confusions(
            confusion, classes, random_state=int(seeds[2])
        )
    return SyntheticOnlyResult(generator, split, reports, synthetic)


def _check_no_leak(generator: Any, scored: np.ndarray) -> None:
    from ...generators import seen_in_training

    seen = int(seen_in_training(generator.fingerprint_, scored).sum())
    if seen:
        raise LeakageError(
            f"{seen} of the {len(scored)} rows that would be scored were seen by the generator in "
            "training; pass refit=True, or the split that it was fitted with"
        )


def noise_only(X: Any, *, strength: float = 1.0, random_state: Any = None) -> Any:
    """Return the conventional augmentation of paper 002's supplement: copies with more noise.

    The noise is white, as strong as what the rows have already: 1.4826 × the median of the
    absolute difference of neighbouring channels, over √2.

    Parameters
    ----------
    X : array-like of shape (n, ..., channels)
        Real rows, from which the strength of the noise is read.
    strength : float, default 1.0
        Factor on it.
    random_state : int, numpy.random.RandomState or None
        Seed of the generator.

    Returns
    -------
    PerturbationGenerator
        Unfitted.

    Raises
    ------
    ValueError
        If rows have fewer than two channels.
    """
    from ...generators import PerturbationGenerator
    from ...perturbations import GaussianNoise

    noise = GaussianNoise(noise=strength * measured_noise(X), relative=False)
    return PerturbationGenerator(noise, random_state=random_state)


def measured_noise(X: Any) -> float:
    """Return the standard deviation of the noise from channel to channel.

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.random.default_rng(0).normal(0.0, 0.5, (100, 400)) + np.linspace(0, 1, 400)
    >>> round(measured_noise(rows), 1)
    0.5
    """
    check_rows(X, "X")
    rows = np.asarray(X, dtype=float)
    if rows.shape[-1] < 2:
        raise ValueError(f"rows need two channels or more, got shape {rows.shape}")
    return float(1.4826 * np.median(np.abs(np.diff(rows, axis=-1))) / np.sqrt(2.0))
