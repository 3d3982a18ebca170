"""``recommend_augmentation`` on a signal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ._arrays import labelled_rows
from ._methods import progress_wanted

if TYPE_CHECKING:
    from ..studies import Recommendation


class RecommendationMixin:
    """Say which augmentation helps on the labelled rows of a signal."""

    def recommend_augmentation(
        self,
        classifiers: Mapping[str, Any] | Sequence[Any] | None = None,
        *,
        methods: Sequence[str] | None = None,
        transformers: Sequence[Any] = (),
        time_budget: float = 60.0,
        repetitions: int = 10,
        test_size: float = 0.25,
        random_state: Any = None,
        show_progressbar: bool | None = None,
    ) -> Recommendation:
        """Try augmentations on the labelled rows, and say which to use, if any.

        A small leak-proof study: nothing, class weights, repeated rows, SMOTE, few-shot and the
        physical perturbations that suit this signal, on the same splits of the labelled rows.
        See :func:`hs_specaug.studies.recommend_augmentation`.

        Parameters
        ----------
        classifiers : mapping of name to classifier, sequence, or None
            What is to profit; None takes nearest neighbour, logistic regression and random
            forest.
        methods : sequence of str or None
            Names of generators and perturbations instead of the usual ones.
        transformers : sequence of transformers
            Steps that learn from data, fitted inside the training rows.
        time_budget : float, default 60
            Seconds.
        repetitions : int, default 10
            Splits at most.
        test_size : float, default 0.25
            Share of the labelled rows that a split scores.
        random_state : int, numpy.random.RandomState or None
            Seed.
        show_progressbar : bool or None
            None follows ``hs.preferences.General.show_progressbar``.

        Returns
        -------
        Recommendation
            ``print`` it for the table, the verdict and the line to use.

        Raises
        ------
        ValueError
            If labels are missing, or too few for a split.

        Examples
        --------
        >>> import hs_specaug
        >>> s = hs_specaug.datasets.polymer_spectra(step_per_cm=16.0)
        >>> advice = s.recommend_augmentation(
        ...     ["KNeighborsClassifier"], methods=["smote"], time_budget=2.0, random_state=0
        ... )
        >>> advice.method in ("none", "random", "smote")
        True
        """
        from ..studies import recommend_augmentation

        shown = progress_wanted(show_progressbar)
        X, y, groups = labelled_rows(self, drop_synthetic=True, show_progressbar=shown)
        return recommend_augmentation(
            X,
            y,
            groups=groups,
            classifiers=classifiers,
            methods=methods,
            domain=self._domain,  # type: ignore[attr-defined]
            transformers=transformers,
            time_budget=time_budget,
            repetitions=repetitions,
            test_size=test_size,
            random_state=random_state,
            show_progressbar=shown,
        )
