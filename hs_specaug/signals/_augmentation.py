"""``train_generator``, ``augment`` and ``classify`` on a signal."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..preprocessing import read_steps
from . import _rows
from ._arrays import (
    from_rows,
    is_image,
    labelled_names,
    labelled_positions,
    labelled_rows,
    signal_axes,
)
from ._methods import check_fits, prepared, progress_wanted

if TYPE_CHECKING:
    from ..generators import BaseGenerator
    from ._classification import ClassificationResult


def _unused(groups: np.ndarray) -> str | int:
    """Return a group that no measured row has: synthetic rows belong to no specimen."""
    if groups.dtype.kind == "U":
        name, taken = "synthetic", set(groups.ravel().tolist())
        while name in taken:
            name += "*"
        return name
    return int(groups.min()) - 1


class AugmentationMixin:
    """The three words that a signal learns: train a generator, augment, classify."""

    def train_generator(
        self,
        method: str | BaseGenerator = "few-shot",
        *,
        random_state: Any = None,
        show_progressbar: bool | None = None,
        **hyperparameters: Any,
    ) -> BaseGenerator:
        """Train a generator on the labelled spectra or images.

        Of a lazy signal only these are read. When they would take more than 1 GiB, methods that
        train networks leave them where they are, and read them chunk by chunk in every epoch.

        Parameters
        ----------
        method : str, generator, perturbation or list of perturbations, default "few-shot"
            Name (see :func:`hs_specaug.list_generators`), perturbations such as
            ``"poisson+shift"``, or instance, which is cloned.
        random_state : int, numpy.random.RandomState or None
            The only seed.
        show_progressbar : bool or None
            None follows ``hs.preferences.General.show_progressbar``.
        **hyperparameters
            Of the method, for instance ``epochs=50``.

        Returns
        -------
        generator
            Fitted; it remembers the calibration of the signal axis.

        Raises
        ------
        ValueError
            If fewer than two classes are labelled, or values are not finite.

        Examples
        --------
        >>> import hs_specaug
        >>> s = hs_specaug.datasets.polymer_spectra(step_per_cm=8.0)
        >>> generator = s.train_generator("smote", random_state=0)
        >>> X, y = generator.sample({"polyacetal": 3})
        >>> X.shape
        (3, 104)
        """
        shown = progress_wanted(show_progressbar)
        generator = prepared(method, self, random_state, show_progressbar, hyperparameters)
        X, y, _ = labelled_rows(
            self,
            drop_synthetic=True,
            show_progressbar=shown,
            keep_lazy=getattr(generator, "takes_lazy_rows", False),
        )
        self._check_classes(y)
        generator.fit(X, y)
        generator.signal_axes_ = signal_axes(self)
        generator.preprocessing_ = read_steps(self)
        return generator

    def augment(
        self,
        method: str | BaseGenerator = "few-shot",
        counts: Mapping[str, int] | None = None,
        *,
        keep: Any = None,
        draws_per_row: float = 4.0,
        random_state: Any = None,
        show_progressbar: bool | None = None,
        **hyperparameters: Any,
    ) -> Any:
        """Return the labelled spectra with synthetic ones added.

        Parameters
        ----------
        method : str, generator, perturbation or list of perturbations, default "few-shot"
            A fitted generator is used as it is, after a check of its axis. A name, perturbations
            such as ``"poisson+shift"``, or an unfitted instance are trained on this signal first.
        counts : dict of class name to int, or None
            How many synthetic rows to add. None balances the classes, or does what the
            generator's `sampling_strategy` says.
        keep : {"corner-density", "discriminator"}, callable or None
            Filter: keep the best of `draws_per_row` times as many rows; see
            :meth:`hs_specaug.generators.BaseGenerator.sample`.
        draws_per_row : float, default 4
            Rows that are drawn for each one kept by a filter.
        random_state : int, numpy.random.RandomState or None
            Seed of training and sampling.
        show_progressbar : bool or None
            None follows ``hs.preferences.General.show_progressbar``.
        **hyperparameters
            Of the method, if it is trained here.

        Returns
        -------
        signal
            Same type, signal axes and metadata; one navigation axis. Measured rows come first,
            then synthetic ones; ``metadata.SpecAug.synthetic`` tells them apart and
            ``metadata.SpecAug.provenance`` says where they come from.

        Raises
        ------
        IncompatibleAxisError, IncompatibleSignalError
            If a fitted generator was trained on another axis, shape or preprocessing.
        ValueError
            If no spectrum is labelled, or a class is unknown to the generator.

        Examples
        --------
        >>> import hs_specaug
        >>> s = hs_specaug.datasets.polymer_spectra(step_per_cm=8.0)
        >>> balanced = s.augment("smote", random_state=0, k_neighbors=3)
        >>> balanced.balanced_ratio
        1.0
        """
        from ..generators import BaseGenerator

        if not isinstance(method, BaseGenerator) or not hasattr(method, "classes_"):
            method = self.train_generator(
                method,
                random_state=random_state,
                show_progressbar=show_progressbar,
                **hyperparameters,
            )
        elif hyperparameters:
            raise TypeError(
                "hyperparameters cannot be given with a fitted generator, got "
                f"{sorted(hyperparameters)}; pass the method's name to train a new one. "
                "How many rows: counts={class name: number}"
            )
        check_fits(method, self)
        if counts is not None and not isinstance(counts, Mapping):
            raise TypeError(
                f"counts must be a dict of class name to number, got {counts!r}; for ten of each: "
                f"counts={dict.fromkeys(self.classes, 10)!r}"
            )
        wanted = self._missing(method) if counts is None else dict(counts)
        X_new, y_new = method.sample(
            wanted, random_state=random_state, keep=keep, draws_per_row=draws_per_row
        )
        self._check_known(y_new)
        out = self._append_synthetic(X_new, y_new)
        out.metadata.set_item(
            "SpecAug.provenance",
            json.dumps(
                {
                    "method": method.method,
                    "hyperparameters": {
                        k: v if isinstance(v, str | int | float | bool | None) else repr(v)
                        for k, v in method.get_params().items()
                    },
                    "synthetic": {str(k): int(n) for k, n in wanted.items()},
                    "random_state": repr(random_state),
                }
            ),
        )
        return out

    def classify(
        self,
        classifier: Any = "cnn",
        *,
        augmentation: Any = None,
        transformers: Sequence[Any] = (),
        test_size: float = 0.25,
        cv: Any = None,
        refit: bool = True,
        prior: str | Mapping[str, float] = "labelled",
        calibration: str | None = None,
        decision: str = "classifier",
        confidence: float | None = None,
        random_state: Any = None,
        show_progressbar: bool | None = None,
        **hyperparameters: Any,
    ) -> ClassificationResult:
        """Score a classifier honestly, then label the whole navigation space with it.

        The score comes from held-out **real** spectra: in every fold, transformers, generator
        and classifier are cloned and fitted on the training rows alone, and groups stay
        together. The map comes from a classifier that is then fitted on all labelled spectra.

        Parameters
        ----------
        classifier : str or scikit-learn classifier
            Name (see :func:`hs_specaug.list_classifiers`), name of a scikit-learn class, or
            instance.
        augmentation : str, generator, perturbation, list of perturbations or None
            What balances the training rows. A fitted generator is refitted inside each fold.
        transformers : sequence of scikit-learn transformers
            Steps that learn from data, refitted inside each fold, such as
            ``[hs_specaug.preprocessing.PCADenoiser(10)]``.
        test_size : float, default 0.25
            Share of the labelled spectra that is scored when `cv` is None.
        cv : int, splitter, iterable or None
            Number of folds, or anything scikit-learn takes.
        refit : bool, default True
            False uses a fitted generator as it is; accepted only if it has seen none of the
            scored rows.
        prior : {"labelled", "uniform", "training"} or dict of class name to share
            Class shares that probabilities stand for. A classifier trained on augmented spectra
            answers as if rare classes were common; its probabilities are corrected for the shares
            of the labelled spectra by default, or for shares that you know. ``"training"``
            corrects nothing.
        calibration : {"temperature"} or None, default None
            ``"temperature"`` also corrects how sure the classifier is, with spectra that it has
            not seen. That takes four trainings in place of one.
        decision : {"classifier", "balanced", "bayes"}, default "classifier"
            Which class a position and a scored spectrum get: the one that the classifier itself
            gives, at the shares it was trained on; the one with the strongest evidence, as if all
            classes were equally frequent; or the most probable one, which brings the fewest
            errors in all and gives rare classes up where they are in doubt.
        confidence : float or None, default None
            Such as 0.9: find prediction sets that contain the true class in 90 % of cases,
            whichever class it is; a position whose set has not exactly one class is not sure. It
            takes the same trainings as `calibration`.
        random_state : int, numpy.random.RandomState or None
            Seed of the splits, the generator, the classifier and the bootstrap.
        show_progressbar : bool or None
            None follows ``hs.preferences.General.show_progressbar``.
        **hyperparameters
            Of the classifier, if given by name.

        Returns
        -------
        ClassificationResult
            Scores with intervals, label map and class probabilities.

        Raises
        ------
        LeakageError
            With ``refit=False``, if the generator was trained on scored rows; with `calibration`
            or `confidence`, on any labelled row.
        ValueError
            If labels are missing, or too few for the split; or an argument is out of range.

        Warns
        -----
        FewSamplesWarning
            If a class has too few spectra for `calibration` or `confidence`.

        Examples
        --------
        >>> import hs_specaug
        >>> s = hs_specaug.datasets.polymer_spectra(step_per_cm=8.0)
        >>> result = s.classify("KNeighborsClassifier", augmentation="random", random_state=0)
        >>> result.scores["recall"].shape
        (11,)
        """
        from ..classifiers._calibrated import CalibrationPlan
        from ._classification import classify_signal

        plan = CalibrationPlan(calibration, prior, decision, confidence)
        return classify_signal(
            self,
            classifier,
            augmentation=augmentation,
            transformers=transformers,
            test_size=test_size,
            cv=cv,
            refit=refit,
            plan=plan,
            random_state=random_state,
            show_progressbar=progress_wanted(show_progressbar),
            hyperparameters=hyperparameters,
        )

    # --- helpers -------------------------------------------------------------------------

    @staticmethod
    def _check_classes(y: np.ndarray) -> None:
        present = np.unique(y).tolist()
        if len(present) < 2:
            raise ValueError(
                f"measured spectra of at least two classes must be labelled, found {present}; "
                "label more with s.set_labels or s.label_region"
            )

    def _check_known(self, y: np.ndarray) -> None:
        ours = list(self.classes)  # type: ignore[attr-defined]
        unknown = [name for name in np.unique(y).tolist() if name not in ours]
        if unknown:
            raise ValueError(
                f"the generator made samples of {unknown}, but the classes of this signal are "
                f"{ours}; add the class with s.set_labels(s.labels, classes=[...])"
            )

    def _missing(self, generator: BaseGenerator) -> dict[str, int]:
        """Return what `sampling_strategy` adds to the labelled rows of this signal."""
        y = labelled_names(self)
        self._check_classes(y)
        return generator.missing_counts(y)

    def _append_synthetic(self, X_new: np.ndarray, y_new: np.ndarray) -> Any:
        out = self._select_positions(labelled_positions(self))  # type: ignore[attr-defined]
        n_real, n_new = len(out.data), len(X_new)
        rows = _rows.read_rows(out)
        synthetic = from_rows(X_new, out.data.dtype, is_image(out))
        if out._lazy:
            import dask.array as da

            # Measured rows stay where they are; they are read again when the result is computed.
            synthetic = da.from_array(synthetic, chunks=out.data.chunksize)
            out.data = da.concatenate([out.data, synthetic])
        else:
            out.data = np.concatenate([out.data, synthetic])
        out.axes_manager.navigation_axes[0].size = n_real + n_new
        classes = self.classes  # type: ignore[attr-defined]  # one read of the metadata
        code = {name: i for i, name in enumerate(classes)}
        codes = np.array([code[name] for name in y_new.tolist()], dtype=np.int32)
        flags = rows.get("synthetic", np.zeros(n_real, dtype=np.uint8))
        new_rows = {
            "labels": np.concatenate([rows["labels"], codes]),
            "synthetic": np.concatenate([flags, np.ones(n_new, dtype=np.uint8)]),
        }
        if "groups" in rows:
            groups = rows["groups"]
            new_rows["groups"] = np.concatenate([groups, np.full(n_new, _unused(groups))])
        _rows.write_rows(out, new_rows, classes)
        return out
