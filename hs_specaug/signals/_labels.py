"""Labels on a signal: set, read, select, draw."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

import numpy as np
from hyperspy.signals import BaseSignal

from hs_specaug import labels as _labels
from hs_specaug.labels import UNLABELLED

from . import _rows
from ._arrays import check_rows_exist
from ._carrying import CarryLabelsMixin
from ._label_plot import plot_label_map
from ._regions import region_mask


class LabelsMixin(CarryLabelsMixin):
    """Class labels on the navigation space, which follow the signal through its operations."""

    def set_labels(
        self, codes_or_names: Any, classes: Sequence[str] | None = None, groups: Any = None
    ) -> None:
        """Label every position of the navigation space.

        Parameters
        ----------
        codes_or_names : array_like or BaseSignal
            Integer codes or class names of the navigation shape in array order, i.e.
            ``axes_manager.navigation_shape[::-1]``; a scalar for a single spectrum or image.
            ``-1``, ``""``, ``None`` and NaN mean unlabelled. What
            :meth:`~hyperspy.api.signals.BaseSignal.get_cluster_labels` returns is taken as it is,
            merged or not; masked positions are unlabelled.
        classes : sequence of str, optional
            Names in the order of their codes. By default the names found, sorted; for codes the
            codes as text, or ``cluster 0``, ... for cluster labels.
        groups : array_like, optional
            Specimen, session or any other unit that must not be torn apart between training and
            test: integers or text, of the navigation shape or one value for all. Existing groups
            stay when it is not given.

        Raises
        ------
        ValueError
            If a shape does not match, a code or name is not in ``classes``, or names repeat.

        Examples
        --------
        >>> import numpy as np
        >>> from hs_specaug.signals import AugmentableSpectrum
        >>> s = AugmentableSpectrum(np.zeros((2, 3, 10)))
        >>> s.set_labels([[0, 0, -1], [1, 1, 1]], classes=["core", "shell"])
        >>> s.class_counts()
        {'core': 2, 'shell': 3}
        >>> s.inav[:, 0].labels
        array([ 0,  0, -1], dtype=int32)
        """
        values, cluster = self._label_values(codes_or_names)
        codes, names = _labels.encode_labels(values, classes)
        if cluster and classes is None:
            names = [f"cluster {name}" for name in names]
        rows = dict(_rows.read_rows(self))
        rows["labels"] = self._to_navigation(codes, "labels").astype(np.int32)
        if groups is not None:
            rows["groups"] = self._check_groups(groups)
        _rows.write_rows(self, rows, names)

    @property
    def labels(self) -> np.ndarray:
        """Class codes of the navigation shape in array order, -1 unlabelled; a copy (int32)."""
        stored = _rows.read_rows(self).get("labels")
        if stored is None:
            return np.full(_rows.navigation_shape(self), UNLABELLED, dtype=np.int32)
        return np.array(stored, dtype=np.int32)

    @labels.setter
    def labels(self, codes: Any) -> None:
        self.set_labels(codes, classes=self.classes or None)

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in the order of their codes."""
        _rows.read_rows(self)  # drops names together with labels that no longer fit
        return tuple(_rows.stored_classes(self))

    @property
    def groups(self) -> np.ndarray | None:
        """Specimen or session of every position, of the navigation shape; None if not set."""
        stored = _rows.read_rows(self).get("groups")
        return None if stored is None else np.array(stored)

    @groups.setter
    def groups(self, groups: Any) -> None:
        rows = {key: v for key, v in _rows.read_rows(self).items() if key != "groups"}
        if groups is not None:
            rows["groups"] = self._check_groups(groups)
        _rows.write_rows(self, rows)

    def clear_labels(self) -> None:
        """Remove labels, class names and groups; flags of synthetic rows stay."""
        rows = _rows.read_rows(self)
        _rows.write_rows(self, {key: v for key, v in rows.items() if key == "synthetic"})
        _rows.clear_classes(self)

    def class_counts(self) -> dict[str, int]:
        """Return how many positions each class has, absent classes included.

        Returns
        -------
        dict of str to int
        """
        return _labels.count_classes(self.labels, self.classes)

    @property
    def balanced_ratio(self) -> float:
        """Smallest over largest class size, over the classes present; NaN without labels."""
        return _labels.balanced_ratio(self.labels)

    def select_class(self, name: str) -> Any:
        """Return the spectra or images of one class, with one navigation axis.

        Parameters
        ----------
        name : str
            One of `classes`.

        Returns
        -------
        signal : same type as this signal
            Shape ``(n, ...)`` in the order of the flattened navigation space, lazy if this signal
            is; labels, groups, signal axes and metadata are kept.

        Raises
        ------
        ValueError
            If the class is unknown or has no member.
        """
        members = np.flatnonzero(self.labels == self._code_of(name))
        if not members.size:
            raise ValueError(
                f"no position carries the label {name!r}; class_counts() is {self.class_counts()}"
            )
        return self._select_positions(members)

    def label_region(self, roi: Any, name: str | None) -> None:
        """Label the positions inside a region of interest, in place.

        Parameters
        ----------
        roi : BaseROI
            A HyperSpy ROI on the navigation space: `RectangularROI`, `CircleROI`, `PolygonROI`,
            `SpanROI`, `Point1DROI` or `Point2DROI`, in axis units. It selects what
            ``s.inav[roi]`` or ``roi(s)`` does.
        name : str or None
            Class; a new name is added to `classes`. None removes the labels inside.

        Raises
        ------
        TypeError
            If ``roi`` is not a region (a line has no area), or lies on signal axes.
        ValueError
            If it contains no position.
        """
        mask = region_mask(self, roi)
        names = list(self.classes)
        if name is not None and name not in names:
            names = _labels.check_classes([*names, name])
        codes = self.labels
        codes[mask] = UNLABELLED if name is None else names.index(name)
        _rows.write_rows(self, {**_rows.read_rows(self), "labels": codes}, names)

    def plot_labels(self, ax: Any = None) -> Any:
        """Draw the label map, one colour for each class and grey for unlabelled positions.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; by default a new figure.

        Returns
        -------
        matplotlib.axes.Axes

        Raises
        ------
        ValueError
            If the navigation space does not have one or two dimensions.
        """
        check_rows_exist(self)
        return plot_label_map(self.labels, self.classes, self.axes_manager.navigation_axes, ax)

    # ------------------------------------------------------------------------------- helpers

    def _code_of(self, name: str) -> int:
        if name in self.classes:
            return self.classes.index(name)
        close = difflib.get_close_matches(str(name), self.classes, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise ValueError(f"unknown class {name!r}, classes are {list(self.classes)}{hint}")

    def _label_values(self, values: Any) -> tuple[Any, bool]:
        """Return codes or names as an array, and whether they are cluster labels."""
        if not isinstance(values, BaseSignal):
            return values, False
        cluster = str(values.metadata.General.title).startswith("Cluster labels")
        data = np.asarray(values.data)
        shape = _rows.navigation_shape(self)
        names = [axis.name for axis in values.axes_manager.navigation_axes]
        if "Cluster index" in names and data.shape[1:] == (shape or (1,)):
            # One binary map for each cluster; a position in none of them was masked.
            return np.where(data.any(axis=0), data.argmax(axis=0), UNLABELLED), True
        return data, cluster

    def _to_navigation(self, values: np.ndarray, what: str) -> np.ndarray:
        shape = _rows.navigation_shape(self)
        if values.shape == shape:
            return values
        if shape == () and values.size == 1:
            return values.reshape(())
        hint = ""
        if values.shape == shape[::-1]:
            hint = "; they look transposed, pass them with .T"
        elif values.size == np.prod(shape, dtype=int):
            hint = f"; the number of positions is right, pass them with .reshape({shape})"
        raise ValueError(
            f"{what} have shape {values.shape}, expected the navigation shape in array order "
            f"{shape} (axes_manager.navigation_shape is {shape[::-1]}){hint}"
        )

    def _check_groups(self, groups: Any) -> np.ndarray:
        values = np.asarray(groups.data if isinstance(groups, BaseSignal) else groups)
        if values.dtype.kind == "O" and all(isinstance(v, str) for v in values.ravel()):
            values = values.astype(str)
        if values.dtype.kind not in "iuU":
            raise ValueError(f"groups must be integers or text, got dtype {values.dtype}")
        if values.ndim == 0:
            return np.full(_rows.navigation_shape(self), values)
        return self._to_navigation(values, "groups")

    def _select_positions(self, members: np.ndarray) -> Any:
        """Return rows at flat positions of the navigation space, as one navigation axis."""
        am = self.axes_manager
        data = _rows.navigation_first(self)
        shape = _rows.navigation_shape(self)
        index = np.unravel_index(members, shape) if shape else ()
        if not shape:
            data = data[np.newaxis]
        elif self._lazy:
            # vindex reads each chunk once, where a reshape would first merge chunks.
            data = data.vindex[index] if len(shape) > 1 else data[index[0]]
        else:
            data = data[index]
        metadata = self.metadata.deepcopy()
        for stale in ("_HyperSpy.Folding", "_HyperSpy.Stacking_history", "_HyperSpy.navigator",
                      "Markers", "Signal.Noise_properties"):  # fmt: skip
            if metadata.has_item(stale):
                node, _, leaf = stale.rpartition(".")
                delattr(metadata.get_item(node) if node else metadata, leaf)
        axes = [axis.get_axis_dictionary() for axis in am.signal_axes[::-1]]
        axes.insert(0, {"size": len(members), "name": "row", "navigate": True})
        rows = {key: v.ravel()[members] for key, v in _rows.read_rows(self).items()}
        selected = type(self)(
            data,
            axes=axes,
            metadata=metadata.as_dictionary(),
            original_metadata=self.original_metadata.as_dictionary(),
        )
        _rows.attach_rows(selected, (rows, None), self.classes)
        return selected
