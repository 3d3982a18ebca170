"""``evaluate``: a generator judged by real rows that it has not seen."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

if TYPE_CHECKING:
    from ..evaluation import ComparisonReport


class EvaluationMixin:
    """The judgement, as a method of a generator."""

    def evaluate(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        n_per_class: int | None = None,
        metrics: str | Iterable[str] | None = None,
        random_state: Any = None,
        **options: Any,
    ) -> ComparisonReport:
        """Judge rows of this generator by real rows that it has not seen.

        Rows of `X` that were seen in training are recognised by their fingerprints. They are
        never scored; memorisation looks for copies of them, and the classifiers of the
        usefulness are trained on them. So all labelled rows may be given, with those that were
        held back from the training among them.

        Parameters
        ----------
        X : array-like of shape (n, ...)
            Real rows, of the shape of the training rows.
        y : array-like of shape (n,)
            Their labels.
        n_per_class : int or None, default None
            Synthetic rows of each class; None takes as many as the largest class has unseen
            rows, at most 1000.
        metrics : str, sequence of str or None
            Groups or single figures, see :func:`hs_specaug.evaluation.compare`.
        random_state : int, numpy.random.RandomState or None
            Seed of the synthetic rows, the splits and the classifiers.
        **options
            Of :func:`hs_specaug.evaluation.compare`: ``embedding=classifier``, say.

        Returns
        -------
        hs_specaug.evaluation.ComparisonReport

        Raises
        ------
        LeakageError
            If all rows were seen in training.
        ValueError
            If rows have another shape, or a class is unknown.

        Examples
        --------
        >>> import numpy as np
        >>> from hs_specaug.generators import SMOTEGenerator
        >>> X = np.random.default_rng(0).normal(size=(120, 16))
        >>> y = np.tile(["a", "b"], 60)
        >>> generator = SMOTEGenerator(random_state=0).fit(X[:60], y[:60])
        >>> report = generator.evaluate(X, y, metrics=["kid", "memorisation"], random_state=0)
        >>> report.n_real.tolist()
        [30, 30]
        """
        from ..evaluation import evaluate_generator

        return evaluate_generator(
            self,
            X,
            y,
            n_per_class=n_per_class,
            metrics=metrics,
            random_state=random_state,
            **options,
        )
