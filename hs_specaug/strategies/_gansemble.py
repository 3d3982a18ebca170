"""GANsemble (paper 003, section 3): choose a strategy, train a generator with it, filter."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import clone
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions

from .._registry import GENERATORS, find_method, make_generator
from ..generators import BaseGenerator, PerturbationGenerator
from ..generators._base import contents, rebuild
from ..generators._filters import FILTERS, fitted_filter
from ..perturbations import Domain, Perturbation, from_spec
from ..studies._estimators import as_sampling_strategy, in_domain, seeded
from ._ranking import StrategyRanking
from ._search import StrategySearch

INNER, FILTER = "generator.", "filter."


class GANsemble(BaseGenerator):
    """Search a strategy, oversample with it, train a generator on that, keep its best rows.

    The three modules of paper 003, each of which can be exchanged: the data chooser, the
    conditional GAN and the filter. The search sees the training rows only, so that inside a
    cross-validation it is repeated in every fold.

    Parameters
    ----------
    search : StrategySearch or None, default None
        Cloned; None takes ``StrategySearch()``. Its `sampling_strategy` is also how many rows
        per class the generator is trained on.
    generator : str or BaseGenerator, default "three-player"
        What is trained on the enlarged rows; cloned.
    keep : {"real-distance"}, callable or None, default "real-distance"
        Filter: ``keep(X, y)`` scores generated rows, larger for better ones; None keeps all. An
        object with `fit` is cloned and fitted to the real rows. The name stands for
        :class:`RealDistanceFilter`.
    draws_per_row : float, default 4
        Rows that are generated for each one kept.
    domain : Domain or None, default None
        Kind and axes of the rows, for the search and the generator unless they have one of their
        own. A signal sets it.
    sampling_strategy : float, str, dict or callable, default "auto"
        Of `fit_resample`, as in imbalanced-learn.
    random_state : int, numpy.random.RandomState or None, default None
        Seed of everything; the search and the generator keep their own if they have one.

    Attributes
    ----------
    search_ : StrategySearch
        Fitted; not there after loading from a file.
    ranking_ : StrategyRanking
        Table, verdict and plot of the search.
    best_strategy_ : Perturbation or None
        With which the rows were oversampled; None after loading if it is not installed.
    generator_ : BaseGenerator
        Fitted to the oversampled rows. Alone it saves and samples without the filter.
    filter_ : callable or None
        Fitted.

    Examples
    --------
    >>> import numpy as np
    >>> from hs_specaug.strategies import GANsemble, StrategySearch
    >>> rng = np.random.default_rng(0)
    >>> X = np.concatenate([rng.normal(m, 1.0, (n, 24)) for m, n in [(0, 30), (1, 8)]])
    >>> y = np.repeat(["common", "rare"], [30, 8])
    >>> search = StrategySearch(["shift", "gain"], "KNeighborsClassifier")
    >>> gansemble = GANsemble(search, generator="smote", random_state=0)
    >>> X_balanced, y_balanced = gansemble.fit_resample(X, y)
    >>> X_balanced.shape
    (60, 24)
    """

    method: ClassVar[str] = "gansemble"

    _parameter_constraints: ClassVar[dict] = {
        **BaseGenerator._parameter_constraints,
        "search": [StrategySearch, None],
        "generator": [str, BaseGenerator],
        "keep": [StrOptions(set(FILTERS)), callable, None],
        "draws_per_row": [Interval(Real, 1, None, closed="left")],
        "domain": [Domain, None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        search: StrategySearch | None = None,
        *,
        generator: Any = "three-player",
        keep: str | Callable[[np.ndarray, np.ndarray], np.ndarray] | None = "real-distance",
        draws_per_row: float = 4.0,
        domain: Domain | None = None,
        sampling_strategy: Any = "auto",
        random_state: Any = None,
    ) -> None:
        super().__init__(sampling_strategy=sampling_strategy)
        self.search = search
        self.generator = generator
        self.keep = keep
        self.draws_per_row = draws_per_row
        self.domain = domain
        self.random_state = random_state

    def fit(
        self, X: ArrayLike, y: ArrayLike, groups: ArrayLike | None = None, **params: Any
    ) -> GANsemble:
        """Search, then train.

        Parameters
        ----------
        X : array-like of shape (n, length), (n, channels, length) or (n, channels, h, w)
            Real rows, finite.
        y : array-like of shape (n,)
            Class labels; at least two rows of each of at least two classes.
        groups : array-like of shape (n,) or None
            Specimen, session, ...: the search keeps rows of one group together.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If rows or classes are too few to search.
        """
        self._groups = None if groups is None else np.asarray(groups)
        try:
            super().fit(X, y, **params)
        finally:
            del self._groups
        return self

    def _fit(self, X: np.ndarray, codes: np.ndarray) -> None:
        y = self.classes_[codes]
        rng = check_random_state(self.random_state)
        search_seed, draw_seed, training_seed = rng.randint(np.iinfo(np.int32).max, size=3).tolist()
        search = in_domain(StrategySearch() if self.search is None else self.search, self.domain)
        if search.random_state is None:
            search.set_params(random_state=search_seed)
        self.search_ = search.set_params(refit=False).fit(X, y, getattr(self, "_groups", None))
        self.ranking_ = search.ranking_
        self.best_strategy_: Perturbation | None = search.best_strategy_
        enlarged = PerturbationGenerator(
            search.best_strategy_,
            domain=search.domain,
            sampling_strategy=as_sampling_strategy(search.sampling_strategy),
            random_state=draw_seed,
        ).fit_resample(X, y)
        inner = self.generator
        inner = in_domain(make_generator(inner) if isinstance(inner, str) else inner, search.domain)
        self.generator_ = seeded(inner, training_seed).fit(*enlarged)
        self.interrupted_ = bool(getattr(self.generator_, "interrupted_", False))
        self.filter_ = fitted_filter(self.keep, X, y)

    def _sample(self, codes: np.ndarray, rng: np.random.RandomState) -> np.ndarray:
        X, _ = self.generator_.sample(
            self.classes_[codes],
            random_state=int(rng.randint(np.iinfo(np.int32).max)),
            keep=self.filter_,
            draws_per_row=self.draws_per_row,
        )
        return X

    # --- files -------------------------------------------------------------------------------

    def _header(self) -> dict[str, Any]:
        if not (self.keep is None or isinstance(self.keep, str)):
            raise ValueError(
                f"a GANsemble with keep={self.keep!r} cannot be saved, files know the filters "
                f"{sorted(FILTERS)} only; gansemble.generator_.save(path) saves the generator "
                "without the filter"
            )
        strategy = self.best_strategy_
        return {
            "strategy": None if strategy is None else strategy.to_spec(),
            "ranking": self.ranking_.to_dict(),
            "domain": None if self.domain is None else self.domain.to_dict(),
            "generator": contents(self.generator_)[0],
        }

    def _tensors(self) -> dict[str, np.ndarray]:
        out = {INNER + key: value for key, value in contents(self.generator_)[1].items()}
        if self.filter_ is not None:
            learned = self.filter_.learned(self.classes_)
            out |= {FILTER + key: value for key, value in learned.items()}
        return out

    def _set_tensors(self, tensors: dict[str, np.ndarray], header: dict[str, Any]) -> None:
        self.ranking_ = StrategyRanking.from_dict(header["ranking"])
        self.domain = None if header["domain"] is None else Domain.from_dict(header["domain"])
        try:
            self.best_strategy_ = from_spec(header["strategy"])
        except (TypeError, ValueError, ImportError):
            self.best_strategy_ = None
        inner = header["generator"]
        own = {k.removeprefix(INNER): v for k, v in tensors.items() if k.startswith(INNER)}
        self.generator_ = rebuild(find_method(GENERATORS, inner["method"]), inner, own)
        if not isinstance(header["hyperparameters"]["generator"], str):
            self.generator = clone(self.generator_)
        self.interrupted_ = False
        self.filter_ = None
        if self.keep is not None:
            learned = {
                k.removeprefix(FILTER): v for k, v in tensors.items() if k.startswith(FILTER)
            }
            self.filter_ = FILTERS[str(self.keep)]().restore(learned, self.classes_)
