"""The comparison behind every table of the papers: methods × classifiers × ratios × repetitions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from os import PathLike
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval, StrOptions

from .._progress import tqdm
from ..perturbations import Domain
from ._plan import StudyPlan
from ._result import StudyResult


class Study(BaseEstimator):
    """Compare ways to cope with rare classes, without a leak, and say what helped.

    In every repetition all methods and classifiers get the same training rows and are scored on
    the same other rows, which nothing was fitted to: transformers, generator, search and
    classifier are cloned and fitted inside the training rows. A generator is fitted once per
    split and fills up the rows for all classifiers. Every cell of the table is written as it is
    made; a study that was stopped goes on there.

    Parameters
    ----------
    methods : sequence, or mapping of name to method, default ("smote", "few-shot")
        What is to be judged: names of generators, perturbations (``"shift+gain"``), over-samplers
        with the contract of this package or imbalanced-learn, a
        :class:`~hs_specaug.strategies.StrategySearch`. Fitted ones are refitted.
    classifiers : sequence, or mapping of name to classifier, or None, default None
        Classifiers besides the default ones: names as for :func:`hs_specaug.make_classifier`,
        names of `default_classifiers`, or instances.
    balanced_ratios : sequence of float or None, default None
        Rows of each minority class / rows of the majority in training (paper 000).
    imbalance_rates : sequence of float or None, default None
        The inverse (paper 001, Eq. 11).
    training_rows : sequence of mappings of label to int, or None, default None
        Exact numbers of training rows, such as ``[{"sol": 150, "gel": 4}]`` (paper 000, table 1);
        classes that are not named keep theirs. Of these three give one, or none: then the data
        are taken as they are.
    minority : label, sequence of labels or None, default None
        Classes that a ratio thins. None: those smaller than the largest; of classes of
        one size all but the first.
    score_left_out : bool, default False
        Score also the training rows that a ratio leaves out, as paper 000 does.
    repetitions : int, default 10
        Splits; those of a `cv` that is a number of folds are repeated so often.
    test_size : float, default 0.25
        Share of rows that a repetition scores. The larger it is, the more the tests
        allow for rows that splits share: with 0.5 they find only large differences.
    cv : int, splitter, iterable or None, default None
        Folds instead of single splits.
    transformers : sequence of transformers, default ()
        Steps that learn from data (scaler, :class:`~hs_specaug.preprocessing.PCADenoiser`), fitted
        inside the training rows.
    domain : Domain or None, default None
        Kind and axes of the rows, which give units of perturbations their meaning.
    sampling_strategy : int, float, str, dict or callable, default "auto"
        How far classes are filled up, by methods given by name and by the baselines: a number of
        rows per class, or as in imbalanced-learn.
    baselines : bool or sequence of str, default True
        What methods have to beat: ``"none"``, ``"class weights"``, ``"balanced softmax"``,
        ``"focal loss"``, ``"random"`` oversampling, ``"noise only"``; each for the
        classifiers that can do it.
    default_classifiers : bool or sequence of str, default True
        ``"nearest neighbour"``, ``"logistic regression"``, ``"random forest"`` (200 trees),
        ``"rocket"``, ``"cnn"``.
    classifier_updates : int, default 400
        Optimiser steps of networks, the same however many rows augmentation adds; classifiers
        whose `max_updates` is set keep it.
    results : str, path-like or None, default None
        File to which every cell is appended as it is made (JSON lines). The same study goes on
        there, also with more methods, classifiers, ratios or repetitions.
    retry_failed : bool, default False
        Try cells again that failed when the file was written.
    n_jobs : int or None, default None
        Units at once, by joblib; ``joblib.parallel_config(backend="dask")`` runs them on a Dask
        cluster.
    devices : sequence of str or None, default None
        Devices that units of work take in turn, such as ``("cuda:0", "cuda:1")``; for
        networks whose own is "auto".
    together : bool or "auto", default "auto"
        Train the generators of one method over its splits as one model, up to 16 at once, where
        they can be (:func:`hs_specaug.generators.fit_together`). "auto" does so on CUDA; a CPU
        takes longer so. The scores are the same but for rounding.
    random_state : int, numpy.random.RandomState or None, default None
        Seed of splits, draws and classifiers (those whose own is None).
    show_progressbar : bool, default False
        Show the units.

    Attributes
    ----------
    result_ : StudyResult
        What :meth:`run` returned last; after Ctrl-C what was finished.

    Examples
    --------
    >>> import numpy as np
    >>> from hs_specaug.studies import Study
    >>> rng = np.random.default_rng(0)
    >>> X = np.concatenate([rng.normal(m, 1.0, (n, 24)) for m, n in [(0, 40), (1, 12)]])
    >>> y = np.repeat(["common", "rare"], [40, 12])
    >>> study = Study(
    ...     ["smote"], default_classifiers=["logistic regression"], repetitions=3, random_state=0
    ... )
    >>> result = study.run(X, y)
    >>> sorted({row["method"] for row in result.rows})
    ['class weights', 'noise only', 'none', 'random', 'smote']
    """

    _parameter_constraints: ClassVar[dict] = {
        "methods": [Sequence, Mapping],
        "classifiers": [Sequence, Mapping, None],
        "balanced_ratios": [Sequence, np.ndarray, Real, None],
        "imbalance_rates": [Sequence, np.ndarray, Real, None],
        "training_rows": [Sequence, Mapping, None],
        "minority": "no_validation",
        "score_left_out": ["boolean"],
        "repetitions": [Interval(Integral, 1, None, closed="left")],
        "test_size": [Interval(Real, 0, 1, closed="neither")],
        "cv": [Interval(Integral, 2, None, closed="left"), "cv_object"],
        "transformers": [list, tuple],
        "domain": [Domain, None],
        "sampling_strategy": [Real, str, Mapping, callable],
        "baselines": ["boolean", Sequence],
        "default_classifiers": ["boolean", Sequence],
        "classifier_updates": [Interval(Integral, 1, None, closed="left")],
        "results": [str, PathLike, None],
        "retry_failed": ["boolean"],
        "n_jobs": [Integral, None],
        "devices": [list, tuple, None],
        "together": ["boolean", StrOptions({"auto"})],
        "random_state": ["random_state"],
        "show_progressbar": ["boolean"],
    }

    def __init__(
        self,
        methods: Any = ("smote", "few-shot"),
        classifiers: Any = None,
        *,
        balanced_ratios: Any = None,
        imbalance_rates: Any = None,
        training_rows: Any = None,
        minority: Any = None,
        score_left_out: bool = False,
        repetitions: int = 10,
        test_size: float = 0.25,
        cv: Any = None,
        transformers: Sequence[Any] = (),
        domain: Domain | None = None,
        sampling_strategy: Any = "auto",
        baselines: bool | Sequence[str] = True,
        default_classifiers: bool | Sequence[str] = True,
        classifier_updates: int = 400,
        results: str | PathLike | None = None,
        retry_failed: bool = False,
        n_jobs: int | None = None,
        devices: Sequence[str] | None = None,
        together: bool | str = "auto",
        random_state: Any = None,
        show_progressbar: bool = False,
    ) -> None:
        self.methods = methods
        self.classifiers = classifiers
        self.balanced_ratios = balanced_ratios
        self.imbalance_rates = imbalance_rates
        self.training_rows = training_rows
        self.minority = minority
        self.score_left_out = score_left_out
        self.repetitions = repetitions
        self.test_size = test_size
        self.cv = cv
        self.transformers = transformers
        self.domain = domain
        self.sampling_strategy = sampling_strategy
        self.baselines = baselines
        self.default_classifiers = default_classifiers
        self.classifier_updates = classifier_updates
        self.results = results
        self.retry_failed = retry_failed
        self.n_jobs = n_jobs
        self.devices = devices
        self.together = together
        self.random_state = random_state
        self.show_progressbar = show_progressbar

    def run(self, X: ArrayLike, y: ArrayLike, groups: ArrayLike | None = None) -> StudyResult:
        """Run what is missing, and return everything.

        Parameters
        ----------
        X : array-like of shape (n, length), (n, channels, length) or (n, channels, h, w)
            Real rows, finite.
        y : array-like of shape (n,)
            Class labels; at least two rows of each of at least two classes.
        groups : array-like of shape (n,) or None
            Specimen, session, ...: rows of one group are never both learned and scored.

        Returns
        -------
        StudyResult

        Raises
        ------
        IncompatibleSignalError
            If a perturbation means nothing for rows of `domain`.
        ValueError
            If rows or classes are too few, a ratio cannot be made of them, or `results` holds
            another study.
        """
        plan = StudyPlan(self, X, y, groups)
        finished = plan.finished()
        units = plan.missing(finished)
        try:
            for cell, written in tqdm(
                plan.run(units), "cells", sum(len(u.cells) for u in units),
                disable=not self.show_progressbar,
            ):  # fmt: skip
                plan.journal.add(cell, written)
                finished[cell.key] = cell
        except KeyboardInterrupt:
            if plan.journal.path is not None:  # workers may have written more than came back
                plan.journal.read()
                finished = plan.finished()
            left = sum(len(unit.cells) for unit in plan.missing(finished))
            self.result_ = plan.result(finished, f"interrupted: {left} cells are missing")
            raise
        self.result_ = plan.result(finished)
        return self.result_
