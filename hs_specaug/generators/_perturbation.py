"""Physical perturbations as a generator: measured rows, changed as a laboratory would."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from sklearn.base import clone

from .._registry import PERTURBATIONS, find_method
from ..perturbations import Domain, Perturbation, from_spec, parse_perturbation
from ._resampling import ResamplingGenerator


class PerturbationGenerator(ResamplingGenerator):
    """Draw measured rows of a class and perturb them.

    Every row of a class is drawn equally often. No network, no training: try this before
    a GAN.

    Parameters
    ----------
    perturbation : str, Perturbation or list of those, default "shift"
        What to do with a row; names joined by ``+`` act one after another
        (:func:`hs_specaug.perturbations.parse_perturbation`).
    domain : Domain or None, default None
        Kind and axes of the rows, which give units their meaning. A signal sets it.
    sampling_strategy : float, str, dict or callable, default "auto"
        As in imbalanced-learn.
    random_state : int, numpy.random.RandomState or None, default None
        Seed of the draws.

    Attributes
    ----------
    perturbation_ : Perturbation
        Fitted to the training rows, if it borrows from them.

    Examples
    --------
    >>> import numpy as np
    >>> from hs_specaug.generators import PerturbationGenerator
    >>> X = np.random.default_rng(0).random((12, 32))
    >>> y = np.array(["common"] * 10 + ["rare"] * 2)
    >>> generator = PerturbationGenerator("gain+shift", random_state=0)
    >>> X_balanced, y_balanced = generator.fit_resample(X, y)
    >>> X_balanced.shape, int((y_balanced == "rare").sum())
    ((20, 32), 10)
    """

    method: ClassVar[str] = "perturbation"

    _parameter_constraints: ClassVar[dict] = {
        **ResamplingGenerator._parameter_constraints,
        "perturbation": [str, Perturbation, Sequence],
        "domain": [Domain, None],
    }

    def __init__(
        self,
        perturbation: str | Perturbation | Sequence[Any] = "shift",
        *,
        domain: Domain | None = None,
        sampling_strategy: Any = "auto",
        random_state: Any = None,
    ) -> None:
        super().__init__(sampling_strategy=sampling_strategy)
        self.perturbation = perturbation
        self.domain = domain
        self.random_state = random_state

    def _fit(self, X: np.ndarray, codes: np.ndarray) -> None:
        super()._fit(X, codes)
        self._make_ready()

    def _make_ready(self) -> None:
        rows = self.X_.reshape(-1, *self.input_shape_)
        perturbation = clone(parse_perturbation(self.perturbation))
        self.perturbation_ = perturbation.fit(rows, self.codes_, domain=self.domain)

    def _sample_class(self, code: int, n: int, rng: np.random.RandomState) -> np.ndarray:
        members = np.flatnonzero(self.codes_ == code)
        rows = self.X_[self._equally_often(members, n, rng)].reshape(n, *self.input_shape_)
        seed = int(rng.randint(np.iinfo(np.int32).max))
        new = self.perturbation_(rows, np.full(n, code), domain=self.domain, random_state=seed)
        return new.reshape(n, -1)

    def _header(self) -> dict[str, Any]:
        for part in _parts(self.perturbation_):
            _check_registered(part)
        domain = None if self.domain is None else self.domain.to_dict()
        return {"perturbation": parse_perturbation(self.perturbation).to_spec(), "domain": domain}

    def _set_tensors(self, tensors: dict[str, np.ndarray], header: dict[str, Any]) -> None:
        super()._set_tensors(tensors, header)
        if not isinstance(header["hyperparameters"]["perturbation"], str):
            self.perturbation = from_spec(header["perturbation"])
        self.domain = None if header["domain"] is None else Domain.from_dict(header["domain"])
        self._make_ready()


def _parts(perturbation: Perturbation) -> list[Perturbation]:
    inside = [v for v in perturbation.get_params().values() if isinstance(v, Perturbation)]
    return [perturbation, *inside, *getattr(perturbation, "perturbations_", ())]


def _check_registered(perturbation: Perturbation) -> None:
    """Refuse to write a file that nobody could read."""
    try:
        known = find_method(PERTURBATIONS, perturbation.name)
    except ValueError:
        known = None
    if known is not type(perturbation):
        raise ValueError(
            f"perturbation {type(perturbation).__name__} cannot be saved: it is not registered as "
            f"{perturbation.name!r}; add it to the entry-point group {PERTURBATIONS!r} of its "
            "package"
        )
