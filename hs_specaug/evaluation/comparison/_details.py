"""What a comparison takes from all rows of a class at once, besides the figures from thirds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from ...classifiers._flat_rows import takes_channels
from ...exceptions import TooFewRowsError
from .._validation import fit_fold
from ..metrics._embeddings import Embedding, embedded
from ..metrics._peaks import peak_errors
from ..metrics._two_sample import classifier_two_sample_test
from ._registry import METRICS, Setting, scaled_kernel_distance
from ._thirds import Splits, compare_thirds
from ._usefulness import default_classifier

#: Rows of a class on either side below which an interval of KID is guesswork.
FEWEST_ROWS = 8

Details = dict[str, dict[str, dict[str, float]]]


class Sets(NamedTuple):
    """The sets of rows of one comparison, checked; and the order of the classes."""

    real: np.ndarray
    synthetic: np.ndarray
    y_real: np.ndarray
    y_synthetic: np.ndarray
    training: np.ndarray | None
    y_training: np.ndarray | None
    order: list[Any]

    def of(self, label: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return real and synthetic rows of a class."""
        return self.real[self.y_real == label], self.synthetic[self.y_synthetic == label]

    def counts(self) -> list[tuple[int, int]]:
        """Return the numbers of real and synthetic rows of each class."""
        return [
            (int((self.y_real == label).sum()), int((self.y_synthetic == label).sum()))
            for label in self.order
        ]


def all_rows_details(
    sets: Sets,
    names: Iterable[str],
    embedding: Embedding | None,
    classifier: Any,
    splits: Splits,
    setting: Setting,
    seed: int,
) -> tuple[Details, list[str]]:
    """Return KID with its interval, the test's p-value and the Inception score, where asked for.

    Parameters
    ----------
    sets : Sets
        Rows.
    names : iterable of str
        Metrics of the report.
    embedding, classifier, splits, setting, seed
        See :func:`compare` and :class:`Setting`.

    Returns
    -------
    details : dict of metric to dict of class to dict of str to float
    notes : list of str
        What could not be computed, and rows that were left out.
    """
    details: Details = {}
    notes: list[str] = []

    def of_each_class(name: str, function: Callable) -> None:
        for label in sets.order:
            try:
                found = function(*sets.of(label))
            except ValueError:
                continue  # the figure from thirds has said why
            details.setdefault(name, {})[str(label)] = found

    def kernel(real: np.ndarray, synthetic: np.ndarray) -> dict[str, float]:
        if min(len(real), len(synthetic)) < FEWEST_ROWS:
            raise TooFewRowsError(f"needs at least {FEWEST_ROWS} rows of either set")
        pair = [embedded(rows, embedding) for rows in (real, synthetic)]
        found = scaled_kernel_distance(pair[0], pair[1], setting.scaled, splits.level)
        return found._asdict()

    def two_sample(real: np.ndarray, synthetic: np.ndarray) -> dict[str, float]:
        test = classifier_two_sample_test(real, synthetic, random_state=seed)
        return {"accuracy": test.accuracy, "p": test.p_value}

    for name in names:
        if name.startswith("kid-"):
            of_each_class(name, kernel)
        elif name == "c2st":
            of_each_class(name, two_sample)
        elif name == "peak-position":
            notes += _without_peaks(sets)
        elif name == "inception-score":
            try:
                details[name] = {"all classes": _inception(sets, classifier, splits, seed)}
            except ValueError as error:
                notes.append(f"{name}: {error}")
    return details, notes


def _without_peaks(sets: Sets) -> list[str]:
    notes = []
    for label in sets.order:
        try:
            found = peak_errors(*sets.of(label))
        except ValueError:
            continue
        for name, without, n in (
            ("real", found.n_real_without, found.n_real),
            ("synthetic", found.n_synthetic_without, found.n_synthetic),
        ):
            if without:
                notes.append(
                    f"peaks of class {str(label)!r}: {without} of {without + n} {name} rows have "
                    "no clear peak and are left out"
                )
    return notes


def _inception(sets: Sets, classifier: Any, splits: Splits, seed: int) -> dict[str, float]:
    """Return the Inception score of synthetic and of real images with the same mix of classes."""
    probabilities = _probabilities(sets, classifier, seed)
    rng = np.random.RandomState(seed)
    chosen: tuple[list, list] = ([], [])
    for label in sets.order:
        members = [np.flatnonzero(y == label) for y in (sets.y_real, sets.y_synthetic)]
        n = min(map(len, members))
        for out, rows in zip(chosen, members, strict=True):
            out += rng.permutation(rows)[:n].tolist()
    real, synthetic = (p[c] for p, c in zip(probabilities, chosen, strict=True))
    metric = {"": METRICS["inception-score"]}
    found = compare_thirds(real, synthetic, metric, splits, seed)[""]
    return {
        "synthetic": found.value,
        "real": found.baseline.mean,
        "low": found.baseline.low,
        "high": found.baseline.high,
    }


def _probabilities(sets: Sets, classifier: Any, seed: int) -> list[np.ndarray]:
    """Return class probabilities of real and synthetic rows."""
    try:
        check_is_fitted(classifier)
        model, flat = classifier, not takes_channels(classifier)
    except (NotFittedError, TypeError):
        if sets.training is None or sets.y_training is None:
            raise ValueError(
                "needs a fitted classifier=, or training= and y_training= to fit one"
            ) from None
        model = fit_fold(sets.training, sets.y_training, default_classifier(classifier, seed))
        flat = False
    both = [rows.reshape(len(rows), -1) if flat else rows for rows in (sets.real, sets.synthetic)]
    return [np.asarray(model.predict_proba(rows)) for rows in both]
