"""Does a generator repeat its training rows: distances to them, beside those of held-out rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from ..._axes import SignalAxis
from ._distances import nearest_rows
from ._memorisation_plot import plot_pairs
from ._rows import check_rows

#: Training rows, and held-out ones, below which nearest distances say nothing.
FEWEST_ROWS = 5


@dataclass(frozen=True, repr=False, eq=False)
class MemorisationReport:
    """How near synthetic rows come to training rows, beside what unseen real rows do.

    Attributes
    ----------
    ratio : float
        Median over the synthetic rows of d(training) / d(held out), distances to the nearest of
        equally many training and held-out rows. Near 1 for a generator that has learned the
        distribution, towards 0 for one that repeats what it was trained on.
    baseline_ratio : float
        The same for held-out rows, each against training and other held-out rows.
    authenticity : float
        Share of the synthetic rows that are farther from their nearest training row than that
        row is from its nearest other training row.
    baseline_authenticity : float
        The same for held-out rows.
    distances, baseline_distances : ndarray of shape (n_synthetic,) and (n_held_out,)
        To the nearest of all training rows, of synthetic and of held-out rows.
    threshold : float
        Distance below which a synthetic row is flagged: of the held-out rows, a share of
        `chance` lies nearer to a training row, or as near.
    chance : float
        Share of new real rows that would be flagged.
    flagged, nearest : ndarray of int of shape (n_flagged,)
        Synthetic rows too near to a training row, nearest first, and the training row of each.
    copies : ndarray of bool of shape (n_flagged,)
        Which of the flagged rows are the training row itself to float32 precision, or have its
        features where an embedding was given.
    flagged_rows, nearest_rows : ndarray of shape (n_flagged, ...)
        These rows, for the eye.
    n_training : int
        Training rows.
    """

    ratio: float
    baseline_ratio: float
    authenticity: float
    baseline_authenticity: float
    distances: np.ndarray
    baseline_distances: np.ndarray
    threshold: float
    chance: float
    flagged: np.ndarray
    nearest: np.ndarray
    copies: np.ndarray
    flagged_rows: np.ndarray
    nearest_rows: np.ndarray
    n_training: int

    def __repr__(self) -> str:
        n, n_held_out = len(self.distances), len(self.baseline_distances)
        lines = [
            f"{n} synthetic rows against {self.n_training} training rows; in brackets what "
            f"{n_held_out} held-out real rows have",
            f"distance to training / held-out rows  {self.ratio:.3f} [{self.baseline_ratio:.3f}]",
            f"authenticity                          {self.authenticity:.3f} "
            f"[{self.baseline_authenticity:.3f}]",
            f"flagged as too near to a training row {len(self.flagged)} of {n} "
            f"[{self.chance:.1%}, {self.chance * n:.1f} rows, by chance]",
        ]
        if self.copies.any():
            lines.append(f"{int(self.copies.sum())} of them are copies")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain Python objects, for JSON; an infinite ratio becomes None."""
        return {field.name: _plain(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> MemorisationReport:
        """Rebuild a report from :meth:`to_dict`."""
        types = {"flagged": int, "nearest": int, "copies": bool}
        restored: dict[str, Any] = {}
        for name, value in values.items():
            if isinstance(value, dict):
                array: np.ndarray = np.array(value["values"], dtype=types.get(name, float))
                restored[name] = array.reshape(value["shape"])
            else:
                restored[name] = np.inf if value is None else value
        return cls(**restored)

    def plot(self, n: int = 4, *, axis: SignalAxis | None = None) -> Any:
        """Draw flagged rows, each with its nearest training row.

        Spectra are drawn one over the other, images side by side.

        Parameters
        ----------
        n : int, default 4
            Pairs, the nearest first; fewer where fewer are flagged.
        axis : SignalAxis or None, default None
            Where the channels of spectra lie. None counts channels.

        Returns
        -------
        matplotlib.figure.Figure
            Says so where no row is flagged.

        Raises
        ------
        ValueError
            If `n` is below 1, or the axis does not fit the rows.
        """
        if n < 1:
            raise ValueError(f"n must be at least 1, got {n!r}")
        titles = [
            f"synthetic {i}, training {j}: " + ("a copy" if copy else f"distance {d:.3g}")
            for i, j, copy, d in zip(
                self.flagged, self.nearest, self.copies, self.distances[self.flagged], strict=True
            )
        ]
        return plot_pairs(self.flagged_rows[:n], self.nearest_rows[:n], titles[:n], axis)


def _plain(value: Any) -> Any:
    """Return what JSON takes. The shape stands beside the values: of no rows it would be lost."""
    if isinstance(value, np.ndarray):
        return {"shape": list(value.shape), "values": value.ravel().tolist()}
    return None if value == np.inf else value


def memorisation(
    synthetic: Any,
    training: Any,
    held_out: Any,
    *,
    embedding: Callable[[Any], Any] | None = None,
    quantile: float = 0.01,
    random_state: Any = None,
) -> MemorisationReport:
    """Look for training rows among the synthetic ones.

    Near is relative: rows of a narrow class are near to each other. Everything is therefore
    measured on held-out real rows as well, which the generator cannot have memorised.

    A synthetic row is flagged if it is nearer to a training row than the nearest `quantile` of
    the held-out rows are, or if it is a copy. The ratio compares its distances to equally many
    training and held-out rows, drawn once: with more training rows, one of them would be nearer
    by their number alone. A few copied rows among many do not move the ratio; they are flagged.

    Parameters
    ----------
    synthetic : array-like of shape (m, ...)
        Generated rows of one class.
    training : array-like of shape (n, ...)
        Real rows of the class that the generator was trained on, all of them.
    held_out : array-like of shape (h, ...)
        Real rows of the class that it has not seen, from the same specimens.
    embedding : callable or None
        Maps rows to features (n, d), ``classifier.features`` for instance; distances are taken
        there. None takes the channels themselves.
    quantile : float, default 0.01
        Share of the held-out rows that are nearer than the threshold. It takes 1 / `quantile`
        held-out rows to tell: with fewer, the nearest of all is the threshold, and
        ``report.chance`` says how many rows are flagged by chance.
    random_state : int, numpy.random.RandomState or None
        Seed of the rows drawn for the ratio.

    Returns
    -------
    MemorisationReport

    Raises
    ------
    TooFewRowsError
        A ValueError: with fewer than five training or held-out rows, or no synthetic one.
    ValueError
        If `quantile` is not between 0 and 1, rows are not finite or differ in length.

    References
    ----------
    Authenticity: Alaa et al., ICML 2022. Distances beside those of held-out rows:
    Meehan et al., AISTATS 2020.

    Examples
    --------
    >>> import numpy as np
    >>> training, held_out, synthetic = np.random.default_rng(0).normal(size=(3, 100, 5))
    >>> synthetic[7] = training[42]
    >>> report = memorisation(synthetic, training, held_out, random_state=0)
    >>> report.flagged[0].item(), report.nearest[0].item()
    (7, 42)
    """
    if not 0 < quantile < 1:
        raise ValueError(f"quantile must be between 0 and 1, got {quantile!r}")
    given = {"synthetic": synthetic, "training": training, "held_out": held_out}
    rows = {name: np.asarray(values) for name, values in given.items()}
    checked = {
        name: check_rows(
            values if embedding is None else embedding(values),
            name,
            1 if name == "synthetic" else FEWEST_ROWS,
        )
        for name, values in rows.items()
    }
    made, train, held = checked.values()
    lengths = {x.shape[1] for x in checked.values()}
    if len(lengths) > 1:
        raise ValueError(
            "synthetic, training and held_out must have rows of one length, got "
            f"{made.shape[1]}, {train.shape[1]} and {held.shape[1]} values"
        )
    distances, nearest = (column[:, 0] for column in nearest_rows(made, train))
    baseline, baseline_nearest = (column[:, 0] for column in nearest_rows(held, train))
    gaps = nearest_rows(train)[0][:, 0]
    threshold, chance = _threshold(baseline, quantile)
    copies = _same(made, train[nearest])
    flagged = np.flatnonzero((distances < threshold) | copies)
    flagged = flagged[np.argsort(distances[flagged], kind="stable")]
    ratio, baseline_ratio = _ratios(made, train, held, check_random_state(random_state))
    return MemorisationReport(
        ratio=ratio,
        baseline_ratio=baseline_ratio,
        authenticity=float((distances > gaps[nearest]).mean()),
        baseline_authenticity=float((baseline > gaps[baseline_nearest]).mean()),
        distances=distances,
        baseline_distances=baseline,
        threshold=threshold,
        chance=chance,
        flagged=flagged,
        nearest=nearest[flagged],
        copies=copies[flagged],
        flagged_rows=rows["synthetic"][flagged],
        nearest_rows=rows["training"][nearest[flagged]],
        n_training=len(train),
    )


def _threshold(baseline: np.ndarray, quantile: float) -> tuple[float, float]:
    """Return a distance, and the probability that a new row of the same kind lies below it.

    Below the r-th smallest of h distances lies the next one with probability r / (h + 1),
    whatever their distribution.
    """
    h = len(baseline)
    rank = max(1, int(quantile * (h + 1)))
    return float(np.sort(baseline)[rank - 1]), rank / (h + 1)


def _same(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return which rows are the same to float32 precision, in which networks see them."""
    tolerance = 4.0 * np.finfo(np.float32).eps * np.abs(b).max(axis=1)
    return np.abs(a - b).max(axis=1) <= tolerance


def _ratios(
    made: np.ndarray, train: np.ndarray, held: np.ndarray, rng: np.random.RandomState
) -> tuple[float, float]:
    """Return the median ratio of distances, of synthetic and of held-out rows."""
    n = min(len(train), len(held))
    train, held = (x[rng.permutation(len(x))[:n]] for x in (train, held))
    to_train, to_held = (nearest_rows(made, x)[0][:, 0] for x in (train, held))
    # A held-out row has one other held-out row less.
    baseline = nearest_rows(held, train[:-1])[0][:, 0], nearest_rows(held)[0][:, 0]
    return _median_ratio(to_train, to_held), _median_ratio(*baseline)


def _median_ratio(a: np.ndarray, b: np.ndarray) -> float:
    """Return the median of a / b; of two zeros it is 1, neither is nearer."""
    ratios = np.full(len(a), np.inf)
    np.divide(a, b, out=ratios, where=b > 0)
    ratios[(a == 0) & (b == 0)] = 1.0
    return float(np.median(ratios))
