"""Probabilities that mean what they say: prior correction, temperature, prediction sets.

A classifier answers for the class shares that it was trained on: resampled ones, and weights. Its
probabilities p become

    q_k ∝ p_k^(1/T) (π_k / ρ_k)^s,

with the shares π of the labelled measured rows, those of the resampled rows ρ, and one temperature
T (Guo et al. 2017); T = s = 1 is the theory (Saerens et al. 2002, Eq. 2.4). Theory holds for a
classifier that learns densities. One that learns its rows by heart, such as a forest given copies,
hardly notices how often it saw them: so held-out rows find the strength s between 0 and 1 as well.
Shares π* that are given then multiply by π*_k / π_k.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
from scipy.special import log_softmax

from ._priors import PRIORS
from ._temperature import fit_temperature, temperature_loss

DECISIONS = ("classifier", "balanced", "bayes")

#: What a probability of 0 counts as where its logarithm is needed; no vote of 100 is not "never".
FLOOR = 1e-6
#: Scores this close (of logarithms) are a tie that rounding must not break.
TIE = 1e-5


class HeldOut(NamedTuple):
    """What a model says about rows that it has not seen.

    Attributes
    ----------
    probabilities : ndarray of shape (n, n_classes)
        Its own.
    training_prior : ndarray of shape (n_classes,)
        Class shares of the rows that it was fitted on.
    codes : ndarray of int of shape (n,)
        The true classes.
    """

    probabilities: np.ndarray
    training_prior: np.ndarray
    codes: np.ndarray


def percentage(share: Any) -> str:
    """Return a share such as a confidence in per cent; 0.995 is not rounded to all."""
    return f"{100.0 * share:.4g}%"


def log_floored(probabilities: np.ndarray) -> np.ndarray:
    """Return log p, with probabilities of 0 raised to a floor of 10⁻⁶."""
    return np.log(np.maximum(probabilities, FLOOR))


def fit_strength(held_out: Sequence[HeldOut], measured: np.ndarray) -> tuple[float, float]:
    """Return the prior strength and the temperature that make held-out rows most likely.

    Parameters
    ----------
    held_out : sequence of HeldOut
        Real rows that their models have not seen.
    measured : ndarray of shape (n_classes,)
        Class shares of the population that the rows come from.

    Returns
    -------
    strength : float
        Between 0 and 1, in steps of a tenth. As for log T, there is a weak normal prior: around 1,
        where theory has it, with standard deviation 1.
    temperature : float
        See :func:`fit_temperature`.
    """
    codes = np.concatenate([part.codes for part in held_out])
    logits = np.concatenate([log_floored(part.probabilities) for part in held_out])
    ratio = np.concatenate(
        [np.tile(np.log(measured / x.training_prior), (len(x.codes), 1)) for x in held_out]
    )
    found = []
    for strength in np.linspace(1.0, 0.0, 11).tolist():
        temperature = fit_temperature(logits, codes, strength * ratio)
        loss = temperature_loss(np.log(temperature), logits, codes, strength * ratio)
        found.append((loss + (1.0 - strength) ** 2 / 2.0, strength, temperature))
    return min(found, key=lambda f: f[0])[1:]


def conformal_thresholds(
    probabilities: np.ndarray, codes: np.ndarray, confidence: float
) -> np.ndarray:
    """Return, for each class, the probability from which on a prediction set contains it.

    Class-conditional (Mondrian) conformal prediction (Vovk, Gammerman and Shafer 2005, section
    4.5) with the score 1 − q_k (Sadinle, Lei and Wasserman 2019): of the n_k calibration rows of a
    class, the ⌊(1 − confidence)(n_k + 1)⌋ least probable ones may be left out, so that a new row
    of class k has k in its set with at least `confidence`, whatever the classifier is worth.

    Parameters
    ----------
    probabilities : ndarray of shape (n, n_classes)
        Of real rows that the classifier has not seen.
    codes : ndarray of int of shape (n,)
        Their classes.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    ndarray of shape (n_classes,)
        0 for a class with too few rows: nothing is known that could leave it out.
    """
    # Probability maps are float32; a threshold between two of its numbers would shift a row.
    probabilities = np.asarray(probabilities, dtype=np.float32)
    out = np.zeros(probabilities.shape[1], dtype=np.float32)
    for code in range(len(out)):
        own = np.sort(probabilities[codes == code, code])
        # 0.1 × 10 is 0.9999999999999998 where confidence is 0.9.
        rank = int(np.floor((1.0 - confidence) * (len(own) + 1) + 1e-9))
        if rank:
            out[code] = own[rank - 1]
    return out


def rows_needed(confidence: float) -> int:
    """Return how many calibration rows a class needs before a set can ever leave it out."""
    return int(np.ceil(1.0 / (1.0 - confidence) - 1.0 - 1e-9))


def _is_one_of(value: Any, options: Sequence[str]) -> bool:
    """Whether `value` is one of some names; `in` alone would compare arrays elementwise."""
    return isinstance(value, str) and value in options


@dataclass(frozen=True)
class CalibrationPlan:
    """What shall be done to probabilities, and how classes follow from them.

    Parameters
    ----------
    method : {"temperature"} or None, default None
        Whether a temperature, and the strength of the prior correction, are fitted on held-out
        measured rows.
    prior : {"labelled", "uniform", "training"} or mapping of label to share, default "labelled"
        Class shares that probabilities stand for. ``"labelled"``: of the labelled measured
        training rows; ``"training"``: of what the classifier was fitted on, synthetic rows and
        weights included, so that nothing is corrected.
    decision : {"classifier", "balanced", "bayes"}, default "classifier"
        ``"classifier"``: the class that the classifier itself gives, at the shares it was
        trained on; ``"balanced"``: the most probable one if all classes were equally frequent;
        ``"bayes"``: the most probable one.
    confidence : float or None, default None
        Coverage of each class by prediction sets, such as 0.9; None makes no sets.
    n_folds : int, default 3
        Inner folds that hold rows out for temperature and sets.
    random_state : int or None, default None
        Seed of the inner folds.

    Raises
    ------
    ValueError
        If an argument is out of range.
    """

    method: str | None = None
    prior: Any = "labelled"
    decision: str = "classifier"
    confidence: float | None = None
    n_folds: int = 3
    random_state: int | None = None

    def __post_init__(self) -> None:
        if self.method is not None and not _is_one_of(self.method, ("temperature",)):
            raise ValueError(f"calibration must be 'temperature' or None, got {self.method!r}")
        if not _is_one_of(self.decision, DECISIONS):
            raise ValueError(f"decision must be one of {DECISIONS}, got {self.decision!r}")
        if isinstance(self.prior, Mapping):
            if not all(isinstance(v, Real) and 0 < float(v) < np.inf for v in self.prior.values()):
                raise ValueError(
                    f"shares of prior must be positive numbers, got {dict(self.prior)!r}; leave "
                    "the class out of the labels if it cannot occur"
                )
        elif not _is_one_of(self.prior, PRIORS):
            raise ValueError(
                f"prior must be one of {PRIORS} or a dict of class to share, got "
                f"{type(self.prior).__name__} {self.prior!r}"
            )
        if self.confidence is not None:
            if not isinstance(self.confidence, Real) or not 0.0 < self.confidence < 1.0:
                raise ValueError(
                    f"confidence must be a number between 0 and 1, got {self.confidence!r}; nine "
                    "rows in ten: confidence=0.9"
                )
            # A plain one: JSON knows no others.
            object.__setattr__(self, "confidence", float(self.confidence))
        if not isinstance(self.n_folds, Integral) or self.n_folds < 2:
            raise ValueError(f"n_folds must be an integer of at least 2, got {self.n_folds!r}")

    @property
    def holds_out(self) -> bool:
        """Whether inner folds are needed."""
        return self.method is not None or self.confidence is not None


@dataclass(frozen=True)
class Calibration:
    """How probabilities of one fitted classifier become calibrated ones, classes and sets.

    Attributes
    ----------
    labels : tuple of n_classes labels
        Order of the columns.
    training_prior, measured_prior, prior : ndarray of shape (n_classes,)
        Shares of the resampled and weighted rows (ρ), of the measured rows (π), and those that
        probabilities stand for (π*).
    temperature, strength : float or None
        None where none was fitted.
    decision : str
        See :class:`CalibrationPlan`.
    confidence : float or None
        Of the prediction sets.
    thresholds : ndarray of shape (n_classes,) or None
        From :func:`conformal_thresholds`.
    n_rows : ndarray of int of shape (n_classes,)
        Held-out measured rows of each class behind temperature and sets.
    """

    labels: tuple
    training_prior: np.ndarray
    measured_prior: np.ndarray
    prior: np.ndarray
    temperature: float | None = None
    strength: float | None = None
    decision: str = "classifier"
    confidence: float | None = None
    thresholds: np.ndarray | None = None
    n_rows: np.ndarray | None = None

    @property
    def factors(self) -> np.ndarray:
        """What p^(1/T) is multiplied by, of shape (n_classes,); 0 for classes without rows."""
        known = self.training_prior > 0
        strength = 1.0 if self.strength is None else self.strength
        out = np.zeros(len(known))
        rho, pi, wanted = self.training_prior[known], self.measured_prior[known], self.prior[known]
        out[known] = (pi / rho) ** strength * (wanted / pi)
        return out

    def apply(self, probabilities: np.ndarray) -> np.ndarray:
        """Return calibrated probabilities (n, n_classes) for those of the classifier."""
        p = np.asarray(probabilities, dtype=float)
        if self.temperature is not None:
            with np.errstate(divide="ignore"):
                logits = log_floored(p) / self.temperature + np.log(self.factors)
            return np.exp(log_softmax(logits, axis=1))
        if np.allclose(self.factors[self.training_prior > 0], 1.0, rtol=1e-12, atol=0.0):
            return p
        q = p * self.factors
        return q / q.sum(axis=1, keepdims=True)

    @property
    def takes_most_probable(self) -> bool:
        """Whether the class that is decided for is always the most probable one."""
        factors = self.factors[self.training_prior > 0]
        return self.decision == "bayes" or (
            self.decision == "classifier" and bool(np.allclose(factors, factors[0], rtol=1e-12))
        )

    def decide(self, probabilities: np.ndarray) -> np.ndarray:
        """Return the code of the class of each row.

        Parameters
        ----------
        probabilities : ndarray of shape (..., n_classes)
            From :meth:`apply`.
        """
        q = np.asarray(probabilities)
        if self.takes_most_probable:
            return q.argmax(axis=-1)
        with np.errstate(divide="ignore", invalid="ignore"):
            divisor = self.factors if self.decision == "classifier" else self.prior
            scores = np.log(q.astype(float)) - np.log(divisor)
            if self.decision == "classifier":
                scores *= self.temperature or 1.0  # of log p again
        scores = np.where(q > 0, scores, -np.inf)
        # The first of those that tie, as the classifier itself does.
        return (scores >= scores.max(axis=-1, keepdims=True) - TIE).argmax(axis=-1)

    def sets(self, probabilities: np.ndarray) -> np.ndarray:
        """Return which classes the prediction set of each row contains, as booleans.

        Raises
        ------
        ValueError
            If there are no thresholds.
        """
        if self.thresholds is None:
            raise ValueError("there are no prediction sets; ask for them with confidence=0.9")
        return np.asarray(probabilities, dtype=np.float32) >= self.thresholds

    def reordered(self, labels: Sequence[Any]) -> Calibration:
        """Return the same for columns in the order of `labels`; unknown ones never occur."""
        columns = [list(labels).index(label) for label in self.labels]

        def spread(values: Any, filler: float) -> Any:
            if values is None:
                return None
            out = np.full(len(labels), filler, dtype=values.dtype)
            out[columns] = values
            return out

        return replace(
            self,
            labels=tuple(labels),
            training_prior=spread(self.training_prior, 0),
            measured_prior=spread(self.measured_prior, 0),
            prior=spread(self.prior, 0),
            thresholds=spread(self.thresholds, np.inf),
            n_rows=spread(self.n_rows, 0),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain Python objects, for JSON."""
        return {
            name: value.tolist() if isinstance(value, np.ndarray) else value
            for name, value in {**vars(self), "labels": list(self.labels)}.items()
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Calibration:
        """Rebuild from :meth:`to_dict`."""
        kinds: dict[str, Any] = dict.fromkeys(("training_prior", "measured_prior", "prior"), float)
        kinds |= {"thresholds": np.float32, "n_rows": int}
        arrays: dict[str, Any] = {
            name: None if values[name] is None else np.array(values[name], dtype=kind)
            for name, kind in kinds.items()
        }
        return cls(**{**values, **arrays, "labels": tuple(values["labels"])})
