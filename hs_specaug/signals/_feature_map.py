"""Measured and generated rows of a signal by their features."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any

from ._arrays import labelled_rows
from ._methods import check_fits

if TYPE_CHECKING:
    from ..generators import BaseGenerator


class FeatureMapMixin:
    """A map of what a classifier sees."""

    def plot_feature_map(
        self,
        generator: BaseGenerator,
        *,
        classifier: Any = None,
        epochs: Sequence[int] | None = None,
        method: str = "tsne",
        random_state: Any = 0,
        **options: Any,
    ) -> Any:
        """Draw labelled measured rows (dots) and generated ones (crosses) by their features.

        Crosses among the dots of their class look like measured rows; crosses beside them do
        not, and crosses in a clump are all alike. Colours are those of :meth:`plot_labels`.

        Parameters
        ----------
        generator : fitted generator
            Makes the rows. With ``snapshot_epochs=(0, 10)``, say, when it was trained, there is a
            panel for each of these epochs.
        classifier : fitted classifier with `features`, or None
            ``result.model`` of :meth:`classify` with ``"cnn"``, for instance. None takes the one
            that was trained with the generator, if any, or the rows themselves.
        epochs : sequence of int or None
            Which epochs; None shows all that the generator has kept.
        method : {"tsne", "umap", "pca"}, default "tsne"
            How features are brought into two dimensions.
        random_state : int, numpy.random.RandomState or None, default 0
            Seed of the generated rows and of the map.
        **options
            Of :func:`hs_specaug.generators.epoch_feature_maps`: `embedding`, `n_points`,
            `perplexity`.

        Returns
        -------
        matplotlib.figure.Figure

        Raises
        ------
        IncompatibleAxisError, IncompatibleSignalError
            If the generator makes other rows than this signal has.
        TypeError
            If `generator` was not trained on a signal.
        ValueError
            If nothing is labelled, or there is no state of an epoch.

        Examples
        --------
        >>> import hs_specaug
        >>> s = hs_specaug.datasets.polymer_spectra(step_per_cm=8.0)
        >>> generator = s.train_generator("smote", random_state=0)
        >>> figure = s.plot_feature_map(generator, method="pca")
        """
        from ..generators._feature_maps import draw_feature_maps, epoch_feature_maps

        if not hasattr(generator, "signal_axes_"):
            raise TypeError(
                "generator must be one that was trained on a signal, such as "
                f"s.train_generator('smote'), got {type(generator).__name__}"
            )
        if epochs is not None and (isinstance(epochs, str | Integral) or not len(epochs)):
            raise ValueError(f"epochs must be None or epochs such as (0, 10), got {epochs!r}")
        check_fits(generator, self)
        X, y, _ = labelled_rows(self, drop_synthetic=True)
        signal: Any = self
        maps = epoch_feature_maps(
            generator,
            X,
            y,
            classifier=classifier,
            epochs=epochs,
            method=method,
            classes=signal.classes,
            random_state=random_state,
            **options,
        )
        return draw_feature_maps(maps)
