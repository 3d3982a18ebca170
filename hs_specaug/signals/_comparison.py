"""``compare_with``: synthetic beside measured spectra or images."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils import check_random_state

from ..exceptions import IncompatibleAxisError, IncompatibleSignalError, LeakageError
from ..preprocessing import read_steps
from . import _rows
from ._arrays import is_image, labelled_rows, row_shape, signal_axes
from ._methods import check_fits, prepared, progress_wanted

if TYPE_CHECKING:
    from ..evaluation import ComparisonReport


class ComparisonMixin:
    """The judgement of synthetic rows, as a method of the signal that they are to be like."""

    def compare_with(
        self,
        synthetic: Any,
        *,
        training: Any = None,
        metrics: str | Iterable[str] | None = None,
        n_per_class: int | None = None,
        test_size: float = 0.5,
        refit: bool = False,
        random_state: Any = None,
        show_progressbar: bool | None = None,
        **options: Any,
    ) -> ComparisonReport:
        """Say how good synthetic spectra or images are, class by class, beside measured ones.

        Every figure stands beside the same figure of measured spectra against other measured
        ones of the class. Only labelled spectra are compared, and only these are read from a
        lazy signal.

        Parameters
        ----------
        synthetic : str, generator or signal
            * The name of a method, perturbations, or an unfitted generator: trained on a part of
              the labelled spectra, judged by the others.
            * A fitted generator: judged by the labelled spectra that it has not seen.
            * What :meth:`augment` returned: its synthetic rows, judged by the labelled spectra
              of this signal that are not in it.
            * Any other labelled signal: all its labelled rows.
        training : signal or None
            Labelled spectra that the synthetic ones were made from, where neither this signal nor
            `synthetic` holds them: for memorisation.
        metrics : str, sequence of str or None
            Groups or single figures, see :func:`hs_specaug.evaluation.compare`.
        n_per_class : int or None
            Synthetic rows per class that a generator makes; None takes as many as the largest
            class has to compare with, at most 1000.
        test_size : float, default 0.5
            Share of the labelled spectra that is held back where a generator is trained here;
            groups stay together.
        refit : bool, default False
            True trains a copy of a fitted generator on a part of the labelled spectra.
        random_state : int, numpy.random.RandomState or None
            Seed of everything that is drawn.
        show_progressbar : bool or None
            Of reading lazy signals and of training; None follows
            ``hs.preferences.General.show_progressbar``.
        **options
            Of :func:`hs_specaug.evaluation.compare`: ``embedding=classifier``, say.

        Returns
        -------
        hs_specaug.evaluation.ComparisonReport

        Raises
        ------
        LeakageError
            If everything measured was seen by the generator.
        IncompatibleAxisError, IncompatibleSignalError
            If the two do not share axes or the shape of a row.
        ValueError
            If labels miss.

        Examples
        --------
        >>> import hs_specaug
        >>> s = hs_specaug.datasets.polymer_spectra(step_per_cm=16.0)
        >>> report = s.compare_with("random", metrics="pearson", random_state=0)
        >>> report.titles
        {'pearson': 'PCC'}
        """
        from hyperspy.signals import BaseSignal

        _check_arguments(synthetic, refit, n_per_class, options)
        rng = None if random_state is None else check_random_state(random_state)
        shown = progress_wanted(show_progressbar)
        options |= {"metrics": metrics, "classes": options.get("classes", self._compared_classes())}
        if not is_image(self):
            options.setdefault("axis", signal_axes(self)[0])
        if isinstance(synthetic, BaseSignal):
            _refuse(n_per_class=n_per_class, refit=refit)
            return _with_signal(self, synthetic, training, rng, options, shown)
        generator = synthetic
        fitted = hasattr(generator, "classes_") and not refit
        if fitted:
            check_fits(generator, self)
        X, y, groups = labelled_rows(self, drop_synthetic=True, show_progressbar=shown)
        if fitted:
            _check_unseen(generator, X)
        else:
            generator = _trained(self, generator, X, y, groups, test_size, rng, shown)
        if training is not None:
            _check_same_rows(self, training)
            rows, labels, _ = labelled_rows(training, drop_synthetic=True, show_progressbar=shown)
            options |= {"training": rows, "y_training": labels}
        return generator.evaluate(
            X, y, groups=groups, n_per_class=n_per_class, random_state=rng, **options
        )

    def _compared_classes(self) -> list[str]:
        """Return the classes that have a measured row, in the order of their codes."""
        signal: Any = self
        return [name for name, n in signal.class_counts().items() if n]


def _check_arguments(
    synthetic: Any, refit: Any, n_per_class: int | None, options: dict[str, Any]
) -> None:
    from ..evaluation.comparison._generated import check_options

    if isinstance(synthetic, np.ndarray):
        raise TypeError(
            f"synthetic is an array of shape {synthetic.shape}, without labels and axis; compare "
            "rows with hs_specaug.evaluation.compare(real, synthetic, y_real, y_synthetic)"
        )
    if not isinstance(refit, bool | np.bool_):
        raise TypeError(f"refit must be True or False, got {refit!r}")
    if "groups" in options:
        raise TypeError(
            "groups are those of the signal; set them with s.groups = [...] before comparing"
        )
    if "y_training" in options:
        raise TypeError("y_training goes with arrays; training=signal brings its own labels")
    check_options(options, n_per_class)


def _refuse(**unwanted: Any) -> None:
    given = [name for name, value in unwanted.items() if value]
    if given:
        raise TypeError(
            f"{', '.join(given)} goes with a generator, not with a signal; leave it out"
        )


def _check_unseen(generator: Any, X: np.ndarray) -> None:
    from ..generators import seen_in_training

    if seen_in_training(generator.fingerprint_, X).all():
        raise LeakageError(
            f"the generator has seen all {len(X)} labelled rows of this signal in its training, so "
            "they cannot tell how good it is; s.compare_with(generator, refit=True) trains a copy "
            "of it on a part of them and judges it by the others"
        )


def _trained(
    signal: Any,
    method: Any,
    X: np.ndarray,
    y: np.ndarray,
    groups: np.ndarray | None,
    test_size: float,
    rng: np.random.RandomState | None,
    shown: bool,
) -> Any:
    """Return a generator trained on a part of the rows; fingerprints tell which."""
    from ..evaluation import make_splits

    seeds = [None, None] if rng is None else rng.randint(np.iinfo(np.int32).max, size=2).tolist()
    split = make_splits(y, groups=groups, test_size=test_size, random_state=seeds[0])[0]
    generator = prepared(method, signal, seeds[1], shown, {})
    generator.fit(X[split.train], y[split.train])
    generator.signal_axes_ = signal_axes(signal)
    generator.preprocessing_ = read_steps(signal)
    return generator


def _with_signal(
    signal: Any,
    other: Any,
    training: Any,
    rng: np.random.RandomState | None,
    options: dict[str, Any],
    shown: bool,
) -> ComparisonReport:
    """Compare with the synthetic rows of another signal, or with all if none is marked."""
    from ..evaluation import compare
    from ..generators import row_fingerprints, seen_in_training

    _check_same_rows(signal, other)
    Z, y_new, marked = _rows_and_marks(other, shown)
    X, y, groups = labelled_rows(signal, drop_synthetic=True, show_progressbar=shown)
    old, y_old = Z[~marked], y_new[~marked]
    if not marked.any():
        marked, old, y_old = ~marked, Z[:0], y_new[:0]
    seen = np.zeros(len(X), dtype=bool)
    if len(old):
        seen = seen_in_training(row_fingerprints(old), X)
    if seen.all():
        raise LeakageError(
            f"all {len(X)} measured rows are in the augmented signal too: its generator has seen "
            "them, so they cannot tell how good its rows are. s.compare_with('smote'), with the "
            "method of yours, trains it on a part of the labelled spectra and judges it by the "
            "others"
        )
    if training is not None:
        _check_same_rows(signal, training)
        old, y_old, _ = labelled_rows(training, drop_synthetic=True, show_progressbar=shown)
    if len(old):
        options |= {"training": old, "y_training": y_old}
    present = set(y[~seen].tolist())
    options["classes"] = [name for name in options["classes"] if name in present]
    options.setdefault("subject", f"{int(marked.sum())} synthetic rows of {other!r}")
    report = compare(
        X[~seen],
        Z[marked],
        y[~seen],
        y_new[marked],
        groups=None if groups is None else groups[~seen],
        random_state=rng,
        **options,
    )
    if read_steps(signal) != read_steps(other):
        report.notes += ("the two signals had different preprocessing",)
    return report


def _rows_and_marks(signal: Any, shown: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return labelled rows, their class names, and whether they are marked as synthetic."""
    rows, names, _ = labelled_rows(signal, show_progressbar=shown)
    stored = _rows.read_rows(signal)
    flags = stored.get("synthetic", np.zeros(stored["labels"].shape, dtype=np.uint8))
    return rows, names, flags.ravel()[stored["labels"].ravel() >= 0].astype(bool)


def _check_same_rows(signal: Any, other: Any) -> None:
    """Raise unless rows of the two signals can be compared."""
    from hyperspy.signals import BaseSignal

    if not hasattr(other, "class_counts"):
        what = repr(other) if isinstance(other, BaseSignal) else f"a {type(other).__name__}"
        raise TypeError(
            f"{what} has no labels; make it one of this package with "
            "hs_specaug.as_augmentable(signal), then label it with set_labels"
        )
    ours, theirs = signal_axes(signal), signal_axes(other)
    if row_shape(signal) != row_shape(other):
        raise IncompatibleSignalError(
            f"rows of the two signals have shapes {row_shape(signal)} and {row_shape(other)}; "
            "bring one onto the axis of the other with preprocess(crop=..., resample=...)"
        )
    for mine, its in zip(ours, theirs, strict=True):
        reason = mine.difference(its)
        if reason:
            raise IncompatibleAxisError(
                f"the two signals do not share their axis: {reason}. This one has [{mine}], the "
                f"other [{its}]; bring one onto the axis of the other with "
                "preprocess(crop=..., resample=...)"
            )
