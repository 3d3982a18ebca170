"""What `classify` does and returns: honest scores, a label map, probabilities."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils import check_random_state

from .._registry import make_classifier
from .._warnings import warn_user
from ..evaluation import ClassificationReport, evaluate_classifier, fit_fold, make_splits
from ..exceptions import SpecAugWarning
from ..io import write_atomically
from ..perturbations._domain import tell_domain
from ..preprocessing import read_steps
from . import _rows
from ._arrays import labelled_rows
from ._label_plot import plot_label_map, plot_value_map
from ._methods import check_fits, prepared
from ._prediction import class_probabilities

UNDECIDED = -1


@dataclass(repr=False)
class ClassificationResult:
    """A label map of the whole navigation space, and how far to trust it.

    Attributes
    ----------
    report : ClassificationReport
        Scores on held-out real rows, with intervals.
    label_map : hyperspy signal
        Class codes (−1 where the data were not finite) over the calibrated navigation axes.
    probability : Signal1D
        Class probabilities; navigation axes as the data, one channel per class.
    classes : tuple of str
        Class names in the order of the codes.
    classifier, augmentation : str
        What was used.
    model : estimator or None
        The fitted model behind the map; None after `load`.
    """

    report: ClassificationReport
    label_map: Any
    probability: Any
    classes: tuple[str, ...]
    classifier: str
    augmentation: str
    model: Any = None

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

    def __repr__(self) -> str:
        codes = np.asarray(self.label_map.data)
        found = ", ".join(
            f"{name} {np.mean(codes == code):.1%}" for code, name in enumerate(self.classes)
        )
        return (
            f"<ClassificationResult: {self.classifier}, augmentation: {self.augmentation}>\n"
            f"{self.report!r}\nlabel map of {codes.size} positions: {found}"
        )

    def plot_map(self) -> Any:
        """Draw the label map and the probability of the class that each position got.

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
        codes = np.asarray(self.label_map.data)
        row = len(axes) > 1
        shape, size = ((1, 2), (11.0, 4.2)) if row else ((2, 1), (7.5, 4.4))
        figure, panels = plt.subplots(*shape, figsize=size, layout="constrained")
        plot_label_map(codes, self.classes, axes, ax=panels[0])
        confidence = np.asarray(self.probability.data).max(axis=-1)
        plot_value_map(confidence, axes, "probability of the assigned class", panels[1])
        panels[0].set_title(f"{self.classifier}, augmentation: {self.augmentation}")
        panels[1].set_title(f"macro F-score on held-out data {self.report.macro_f_score:.3f}")
        figure.align_labels()
        return panels

    def plot_confusion(self, ax: Any = None) -> Any:
        """Draw the confusion matrix of the held-out rows."""
        return self.report.plot_confusion(ax)

    def save(self, path: str | os.PathLike) -> Path:
        """Write scores, label map and probabilities to one ``.hspy`` file, atomically.

        The file is a HyperSpy signal (the probabilities) with the scores in its metadata; load
        it with :meth:`load`, or look at it with ``hs.load``.

        Raises
        ------
        ValueError
            If the file name does not end in ``.hspy``.
        """
        path = Path(path)
        if path.suffix != ".hspy":
            raise ValueError(
                f"path must end in '.hspy', got {str(path)!r}; use result.save('map.hspy')"
            )
        record = {
            "report": self.report.to_dict(),
            "classes": list(self.classes),
            "classifier": self.classifier,
            "augmentation": self.augmentation,
        }
        signal = self.probability.deepcopy()
        signal.metadata.set_item("SpecAug.result", json.dumps(record))
        return write_atomically(path, lambda part: signal.save(str(part), overwrite=True))

    @classmethod
    def load(cls, path: str | os.PathLike) -> ClassificationResult:
        """Read what :meth:`save` wrote; `model` is None then.

        Raises
        ------
        ValueError
            If the file holds something else.
        """
        import hyperspy.api as hs

        signal = hs.load(os.fspath(path))
        record = signal.metadata.get_item("SpecAug.result", None)
        if record is None:
            raise ValueError(f"{os.fspath(path)!r} is not a file that result.save wrote")
        values = json.loads(record)
        return cls(
            report=ClassificationReport.from_dict(values["report"]),
            label_map=_label_map(signal),
            probability=signal,
            classes=tuple(values["classes"]),
            classifier=values["classifier"],
            augmentation=values["augmentation"],
        )


def _name(estimator: Any) -> str:
    return getattr(estimator, "method", type(estimator).__name__)


def _seeded(estimator: Any, seed: int | None) -> Any:
    """Return a clone whose `random_state` is `seed`, if it has one and none was given to it."""
    estimator = clone(estimator)
    known = estimator.get_params(deep=False)
    if seed is not None and "random_state" in known and known["random_state"] is None:
        estimator.set_params(random_state=seed)
    return estimator


def classify_signal(
    signal: Any,
    classifier: Any,
    *,
    augmentation: Any,
    transformers: Sequence[Any],
    test_size: float,
    cv: Any,
    refit: bool,
    random_state: Any,
    show_progressbar: bool,
    hyperparameters: dict[str, Any],
) -> ClassificationResult:
    """Do what :meth:`AugmentationMixin.classify` says; see there."""
    _warn_of_leaks(signal)
    if hasattr(transformers, "transform"):
        transformers = [transformers]
    X, y, groups = labelled_rows(signal, drop_synthetic=True)
    rng = None if random_state is None else check_random_state(random_state)
    seeds = [None if rng is None else int(rng.randint(2**31 - 1)) for _ in range(4)]
    if isinstance(classifier, str):
        classifier = make_classifier(classifier, **hyperparameters)
    elif hyperparameters:
        raise TypeError(
            f"hyperparameters {sorted(hyperparameters)} go with a classifier's name; set them on "
            "the instance instead"
        )
    _check_one_augmentation(classifier, augmentation)
    classifier = _seeded(classifier, seeds[0])
    tell_domain(classifier, signal._domain)
    if "show_progressbar" in classifier.get_params(deep=False):
        classifier.set_params(show_progressbar=show_progressbar)
    generator = _generator_for(signal, augmentation, refit, seeds[1], show_progressbar)
    splits = make_splits(y, groups=groups, test_size=test_size, cv=cv, random_state=seeds[2])
    parts = {"generator": generator, "transformers": transformers, "refit": refit}
    report = evaluate_classifier(
        X,
        y,
        classifier,
        splits=splits,
        groups=groups,
        classes=signal.classes,
        random_state=seeds[3],
        show_progressbar=show_progressbar,
        **parts,
    )
    model = fit_fold(X, y, classifier, **parts)
    probability = _probability_signal(
        signal, class_probabilities(signal, model, signal.classes, show_progressbar)
    )
    return ClassificationResult(
        report=report,
        label_map=_label_map(probability),
        probability=probability,
        classes=signal.classes,
        classifier=_name(classifier),
        augmentation="none" if generator is None else _name(generator),
        model=model,
    )


def _check_one_augmentation(classifier: Any, augmentation: Any) -> None:
    """Refuse to search on augmented rows: copies of one row would be learned and scored."""
    from ..strategies import StrategySearch

    if augmentation is not None and isinstance(classifier, StrategySearch):
        raise ValueError(
            "a StrategySearch augments by itself and must see real rows only, got "
            f"augmentation={augmentation!r} as well; leave it out, or add it to compare_with"
        )


def _generator_for(
    signal: Any, augmentation: Any, refit: bool, seed: int | None, show_progressbar: bool
) -> Any:
    if augmentation is None:
        return None
    if not refit:
        if isinstance(augmentation, str) or not hasattr(augmentation, "classes_"):
            raise ValueError(
                "refit=False needs a fitted generator as augmentation, got "
                f"{augmentation!r}; train one with s.train_generator(...)"
            )
        check_fits(augmentation, signal)
        return augmentation
    return _seeded(prepared(augmentation, signal, None, show_progressbar, {}), seed)


def _warn_of_leaks(signal: Any) -> None:
    if any(step["step"] == "denoise" for step in read_steps(signal)):
        warn_user(
            "this signal was denoised with components learned from all its spectra, also those "
            "that are scored now; for a score without that help leave denoise out of preprocess "
            "and pass transformers=[hs_specaug.preprocessing.PCADenoiser(n)] to classify",
            SpecAugWarning,
        )
    synthetic = _rows.read_rows(signal).get("synthetic")
    if synthetic is not None and synthetic.any():
        warn_user(
            f"{int(synthetic.sum())} synthetic rows are left out: they were made from rows that "
            "are scored now; pass augmentation=... to classify instead, which refits the "
            "generator inside each fold",
            SpecAugWarning,
        )


def _probability_signal(signal: Any, probabilities: np.ndarray) -> Any:
    import hyperspy.api as hs

    axes = [axis.get_axis_dictionary() for axis in signal.axes_manager.navigation_axes[::-1]]
    axes.append({"name": "class", "size": probabilities.shape[-1], "navigate": False})
    out = hs.signals.Signal1D(probabilities, axes=axes)
    out.metadata.General.title = f"class probabilities of {signal.metadata.General.title}"
    out.metadata.set_item("SpecAug.classes", list(signal.classes))
    return out


def _label_map(probability: Any) -> Any:
    """Return the most probable class of each position, over the navigation axes."""
    import hyperspy.api as hs

    values = np.asarray(probability.data)
    undecided = np.isnan(values).any(axis=-1)
    codes = np.where(undecided, UNDECIDED, np.nan_to_num(values).argmax(axis=-1))
    axes = [axis.get_axis_dictionary() for axis in probability.axes_manager.navigation_axes[::-1]]
    for axis in axes:
        axis["navigate"] = False
    kind = {1: hs.signals.Signal1D, 2: hs.signals.Signal2D}.get(codes.ndim, hs.signals.BaseSignal)
    out = kind(np.atleast_1d(codes.astype(np.int16)), axes=axes or None)
    out.metadata.General.title = "label map"
    out.metadata.set_item("SpecAug.classes", probability.metadata.SpecAug.classes)
    return out
