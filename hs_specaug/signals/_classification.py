"""What `classify` does and returns: honest scores, a label map, probabilities."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from .._seeds import clone_with_seed
from ..classifiers._calibrated import Calibration, CalibrationPlan
from ..evaluation import ClassificationReport, evaluate_classifier, fit_calibrated, make_splits
from ..io._json import DAMAGE
from ..perturbations._domain import tell_domain
from . import _decisions, _maps
from ._arrays import labelled_rows
from ._classify_arguments import (
    check_one_augmentation,
    check_prior,
    checked_classifier,
    checked_transformers,
    generator_for,
    warn_of_leaks,
)
from ._label_plot import plot_label_map, plot_value_map
from ._methods import progress_wanted
from ._prediction import class_probabilities, labelling_progress
from ._result_files import read_result, save_result


@dataclass(repr=False, eq=False)
class ClassificationResult:
    """A label map of the whole navigation space, and how far to trust it.

    Attributes
    ----------
    report : ClassificationReport
        Scores on held-out real rows, with intervals.
    label_map : hyperspy signal
        Class codes (−1 where the data were not finite) over the calibrated navigation axes.
    probability : Signal1D
        Calibrated class probabilities; navigation axes as the data, one channel per class. For
        lazy signals, both are lazy: saved chunk by chunk, in memory after :meth:`compute`.
    classes : tuple of str
        Class names in the order of the codes.
    classifier, augmentation : str
        What was used.
    model : estimator or None
        The fitted model behind the map, with the probabilities that it gives by itself; None
        after `load`.
    calibration : Calibration or None
        What makes them those of `probability`, and the label map out of these. None in files from
        before it was kept.
    """

    report: ClassificationReport
    label_map: Any
    probability: Any
    classes: tuple[str, ...]
    classifier: str
    augmentation: str
    model: Any = None
    calibration: Calibration | None = None
    _drawn: Any = field(default=None, init=False)

    @property
    def scores(self) -> dict[str, np.ndarray]:
        """Precision, recall and F-score per class; the macro average comes last."""
        return self.report.scores

    @property
    def intervals(self) -> dict[str, np.ndarray]:
        """95 % bootstrap intervals of `scores`."""
        return self.report.intervals

    @property
    def confusion_matrix(self) -> np.ndarray:
        """Held-out rows by true class (rows) and predicted class (columns)."""
        return self.report.confusion_matrix

    @property
    def prediction_sets(self) -> Any:
        """Classes that each position may have: a signal of booleans, one channel per class.

        Raises
        ------
        ValueError
            If `classify` was not asked for them.
        """
        return _decisions.prediction_sets(self.probability, self._calibration_with_sets())

    @property
    def not_sure(self) -> Any:
        """Positions whose prediction set has none or several classes: a map of booleans.

        Raises
        ------
        ValueError
            If `classify` was not asked for prediction sets.
        """
        return _decisions.not_sure(self.probability, self._calibration_with_sets())

    def _calibration_with_sets(self) -> Calibration:
        if self.calibration is None or self.calibration.thresholds is None:
            raise ValueError(
                "this result has no prediction sets; ask for them: s.classify(..., confidence=0.9)"
            )
        return self.calibration

    def __repr__(self) -> str:
        text = (
            f"<ClassificationResult: {self.classifier}, augmentation: {self.augmentation}>\n"
            f"{self.report!r}\nlabel map of {_maps.describe(self.label_map, self.classes)}"
        )
        if self.calibration is None or self.calibration.confidence is None:
            return text
        return f"{text}\n{_decisions.describe_sets(self.not_sure, self.calibration.confidence)}"

    def compute(self, show_progressbar: bool | None = None) -> None:
        """Bring the label map and the probabilities of a lazy result into memory, in one pass.

        Parameters
        ----------
        show_progressbar : bool or None
            None follows ``hs.preferences.General.show_progressbar``.
        """
        if self.probability._lazy:
            with labelling_progress(self.probability.data, progress_wanted(show_progressbar)):
                self.probability.compute(show_progressbar=False)
            self.label_map = _maps.label_map(self._assigned())

    def _assigned(self) -> Any:
        return _decisions.assigned_probability(self.probability, self.calibration)

    def _maps_in_memory(self) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Return codes, their probability and what is not sure; if lazy, computed once."""
        if self._drawn is None or self.label_map._lazy:
            known = self.calibration
            unsure = None if known is None or known.thresholds is None else self.not_sure
            with labelling_progress(self.probability.data, progress_wanted(None)):
                self._drawn = _decisions.compute_maps(self.label_map, self._assigned(), unsure)
        return self.label_map.data, *self._drawn

    def plot_map(self) -> Any:
        """Draw the label map and the probability of the class that each position got.

        Positions that are not sure are hatched, if there are prediction sets. The label map of a
        lazy result is computed for it, and stays in memory.

        Returns
        -------
        ndarray of matplotlib.axes.Axes
        """
        import matplotlib.pyplot as plt

        axes = self.probability.axes_manager.navigation_axes
        if len(axes) not in (1, 2):
            raise ValueError(
                f"a map needs 1 or 2 navigation dimensions, this result has {len(axes)}; pick a "
                "slice of result.probability.inav[...] or result.label_map.isig[...]"
            )
        codes, confidence, unsure = self._maps_in_memory()
        row = len(axes) > 1
        shape, size = ((1, 2), (11.0, 4.2)) if row else ((2, 1), (7.5, 4.4))
        figure, panels = plt.subplots(*shape, figsize=size, layout="constrained")
        more = [] if unsure is None else [_decisions.not_sure_patch(unsure)]
        plot_label_map(codes, self.classes, axes, panels[0], more, grow=True)
        if unsure is not None:
            _decisions.hatch_not_sure(panels[0], unsure, axes)
        plot_value_map(confidence, axes, "probability of the assigned class", panels[1])
        panels[0].set_title(f"{self.classifier}, augmentation: {self.augmentation}")
        panels[1].set_title(f"macro F-score on held-out data {self.report.macro_f_score:.3f}")
        panels[1].set_anchor(panels[0].get_anchor())
        figure.align_labels()
        return panels

    def plot_confusion(self, ax: Any = None) -> Any:
        """Draw the confusion matrix of the held-out rows."""
        return self.report.plot_confusion(ax)

    def plot_reliability(self, ax: Any = None) -> Any:
        """Draw how often held-out rows are right, over how sure the classifier said it was.

        Raises
        ------
        ValueError
            If the result was saved before calibration was kept.
        """
        if self.report.calibration is None:
            raise ValueError(
                "this result has no probabilities of held-out rows: it was saved by an earlier "
                "version; call s.classify again"
            )
        return self.report.calibration.plot(ax)

    def save(self, path: str | os.PathLike, show_progressbar: bool | None = None) -> Path:
        """Write scores, label map and probabilities to one file, atomically.

        The file is a HyperSpy signal (the probabilities) with the scores in its metadata; load
        it with :meth:`load`, or look at it with ``hs.load``. A lazy result is computed and
        written chunk by chunk, and stays lazy.

        Parameters
        ----------
        path : str or path-like
            Ends in ``.hspy`` or, for many processes that write at a time, ``.zspy``.
        show_progressbar : bool or None
            None follows ``hs.preferences.General.show_progressbar``.

        Raises
        ------
        ValueError
            If the file name ends otherwise, or workers of a cluster would write one ``.hspy``.
        """
        record = {
            "report": self.report.to_dict(),
            "classes": list(self.classes),
            "classifier": self.classifier,
            "augmentation": self.augmentation,
        }
        if self.calibration is not None:
            record["calibration"] = self.calibration.to_dict()
        return save_result(path, self.probability, record, progress_wanted(show_progressbar))

    @classmethod
    def load(cls, path: str | os.PathLike, lazy: bool = False) -> ClassificationResult:
        """Read what :meth:`save` wrote; `model` is None then.

        Parameters
        ----------
        path : str or path-like
        lazy : bool, default False
            Leave label map and probabilities on disk until they are needed.

        Raises
        ------
        ValueError
            If the file holds something else.
        """
        signal, values = read_result(path, lazy)
        try:
            known = values.get("calibration")
            calibration = None if known is None else Calibration.from_dict(known)
            report = ClassificationReport.from_dict(values["report"])
            repr(report)
        except DAMAGE as error:
            raise ValueError(
                f"{str(path)!r} holds a damaged record of a result ({error}); save the result again"
            ) from error
        return cls(
            report=report,
            label_map=_maps.label_map(_decisions.assigned_probability(signal, calibration)),
            probability=signal,
            classes=tuple(values["classes"]),
            classifier=values["classifier"],
            augmentation=values["augmentation"],
            calibration=calibration,
        )


def _name(estimator: Any) -> str:
    return getattr(estimator, "method", type(estimator).__name__)


def classify_signal(
    signal: Any,
    classifier: Any,
    *,
    augmentation: Any,
    transformers: Sequence[Any],
    test_size: float,
    cv: Any,
    refit: bool,
    plan: CalibrationPlan,
    random_state: Any,
    show_progressbar: bool,
    hyperparameters: dict[str, Any],
) -> ClassificationResult:
    """Do what :meth:`AugmentationMixin.classify` says; see there."""
    warn_of_leaks(signal)
    transformers = checked_transformers(transformers)
    classifier = checked_classifier(classifier, hyperparameters)
    rng = None if random_state is None else check_random_state(random_state)
    seeds = [None if rng is None else int(rng.randint(2**31 - 1)) for _ in range(5)]
    check_one_augmentation(classifier, augmentation)
    X, y, groups = labelled_rows(
        signal,
        drop_synthetic=True,
        show_progressbar=show_progressbar,
        # What augments or transforms rows needs all of them at once.
        keep_lazy=augmentation is None
        and not transformers
        and getattr(classifier, "takes_lazy_rows", False),
    )
    classifier = clone_with_seed(classifier, seeds[0])
    tell_domain(classifier, signal._domain)
    if "show_progressbar" in classifier.get_params(deep=False):
        classifier.set_params(show_progressbar=show_progressbar)
    generator = generator_for(signal, augmentation, refit, seeds[1], show_progressbar)
    splits = make_splits(y, groups=groups, test_size=test_size, cv=cv, random_state=seeds[2])
    parts: dict[str, Any] = {
        "generator": generator,
        "transformers": transformers,
        "refit": refit,
        "groups": groups,
    }
    check_prior(plan.prior, signal.classes, y)
    plan = replace(plan, random_state=seeds[4])
    report = evaluate_classifier(
        X,
        y,
        classifier,
        splits=splits,
        classes=signal.classes,
        calibration=plan,
        random_state=seeds[3],
        show_progressbar=show_progressbar,
        **parts,
    )
    model, found = fit_calibrated(X, y, classifier, plan=plan, **parts)
    calibrated = _decisions.CalibratedModel(model, found)
    probability = _maps.probability_signal(
        signal, class_probabilities(signal, calibrated, signal.classes, show_progressbar)
    )
    calibration = found.reordered(signal.classes)
    return ClassificationResult(
        report=report,
        label_map=_maps.label_map(_decisions.assigned_probability(probability, calibration)),
        probability=probability,
        classes=signal.classes,
        classifier=_name(classifier),
        augmentation="none" if generator is None else _name(generator),
        model=model,
        calibration=calibration,
    )
