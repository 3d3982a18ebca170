"""HyperSpy operations that change the navigation space, made to take labels with them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from hyperspy.signals import BaseSignal

from . import _rows
from ._rows import Followed, Rows

if TYPE_CHECKING:
    from hyperspy.signals import BaseSignal as _Base
else:
    _Base = object  # a mixin: the real base comes with the signal class


def _same(rows: Rows) -> Followed:
    return _rows.keep_rows(rows)


class CarryLabelsMixin(_Base):
    """Carry labels, groups and synthetic flags through HyperSpy's own operations.

    Each override detaches the navigation arrays, lets HyperSpy work, and attaches what became of
    them to the result. What cannot follow is dropped with a `LabelsDroppedWarning`.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _rows.load_into_memory(self)

    # ------------------------------------------------------------------------------ machinery

    def _carry(
        self,
        run: Callable[[], Any],
        follow: Callable[[Rows], Followed],
        target: BaseSignal | None = None,
        fit: Callable[[np.ndarray, tuple[int, ...]], np.ndarray] | None = None,
    ) -> Any:
        """Run an operation without navigation arrays, then attach them to its result.

        Parameters
        ----------
        run : callable
            The operation, without arguments.
        follow : callable
            Takes the rows before, returns the rows after and what was lost.
        target : BaseSignal, optional
            Where the result goes (``out``, or the signal itself for an operation in place). By
            default the returned signal.
        fit : callable, optional
            See `attach_rows`.
        """
        rows = _rows.read_rows(self)
        foreign = target is not None and target is not self
        stale = foreign and _rows.has_rows(target)
        # HyperSpy's own methods pass plain signals as scratch space, which labels do not concern.
        scratch = foreign and not stale and not isinstance(target, CarryLabelsMixin)
        if scratch or not (rows or stale):
            return run()
        followed = follow(rows)
        classes = _rows.stored_classes(self)
        # Without them copies are cheap, and no copy on the way can carry a stale map.
        _rows.clear_rows(self)
        try:
            result = run()
        except BaseException:
            _rows.write_rows(self, rows)
            raise
        attach_to = result if target is None else target
        if attach_to is not self:
            _rows.write_rows(self, rows)
        _rows.attach_rows(attach_to, followed, classes, fit)
        return result

    def _positions(self, axes: Any) -> list[int]:
        """Return which navigation axes, counted in array order, are among ``axes``."""
        chosen = self.axes_manager[axes]
        chosen = chosen if isinstance(chosen, tuple | list) else (chosen,)
        indices = {axis.index_in_array for axis in chosen}
        return [i for i, n in enumerate(_rows.navigation_indices(self)) if n in indices]

    def _follow_order(self, method: str, *args: Any, **kwargs: Any) -> Callable[[Rows], Followed]:
        """Return how rows follow a method that permutes axes.

        The method runs on a tiny stand-in whose axes all differ in size, so that the sizes of its
        result tell where each axis went, however its arguments name the axes.
        """

        def portable(value: Any) -> Any:
            if isinstance(value, tuple | list):
                return tuple(portable(item) for item in value)
            return getattr(value, "index_in_axes_manager", value)

        def follow(rows: Rows) -> Followed:
            axes = self.axes_manager[tuple(range(len(self.axes_manager.shape)))]
            axes = sorted(axes, key=lambda axis: axis.index_in_array)
            sizes = range(2, 2 + len(axes))
            stand_in = BaseSignal(
                np.zeros(sizes, dtype=np.uint8),
                axes=[
                    {"size": size, "navigate": axis.navigate}
                    | ({"name": axis.name} if isinstance(axis.name, str) else {})
                    for size, axis in zip(sizes, axes, strict=True)
                ],
            )
            moved = getattr(stand_in, method)(
                *map(portable, args), **{key: portable(value) for key, value in kwargs.items()}
            )
            after = [axis.size - 2 for axis in moved.axes_manager.navigation_axes[::-1]]
            before = _rows.navigation_indices(self)
            if sorted(after) != before:
                return _rows.lose_rows(rows, f"{method} moved axes in or out of navigation space")
            return _rows.permute_rows(rows, [before.index(index) for index in after])

        return follow

    def _follow_merge(self, axes: Any) -> Callable[[Rows], Followed]:
        """Return how rows follow an operation that reduces over ``axes``."""
        positions = self._positions(axes)
        return partial(_rows.merge_rows, axes=positions) if positions else _same

    def _follow_mixing(self, axis: Any, what: str) -> Callable[[Rows], Followed]:
        """Return how rows follow an operation that mixes neighbours along one axis."""
        if not self._positions(axis):
            return _same
        return partial(_rows.lose_rows, reason=f"{what} mixes positions along a navigation axis")

    # -------------------------------------------------------------------- indexing and cutting

    def _slicer(self, slices: Any, isNavigation: Any = None, out: Any = None) -> Any:
        def follow(rows: Rows) -> Followed:
            cuts = self._get_array_slices(slices, isNavigation)
            return _rows.index_rows(rows, tuple(cuts[i] for i in _rows.navigation_indices(self)))

        return self._carry(partial(super()._slicer, slices, isNavigation, out=out), follow, out)

    def crop(
        self, axis: Any, start: Any = None, end: Any = None, *args: Any, **kwargs: Any
    ) -> None:
        """Crop in place; labels are cropped with it (see `BaseSignal.crop`)."""

        def follow(rows: Rows) -> Followed:
            along = self.axes_manager[axis]
            cut = slice(along._get_index(start), along._get_index(end))
            positions = self._positions(axis)
            index = (*(slice(None) for _ in range(positions[0])), cut) if positions else ()
            return _rows.index_rows(rows, index)

        self._carry(partial(super().crop, axis, start, end, *args, **kwargs), follow, self)

    def split(
        self, axis: Any = "auto", number_of_parts: Any = "auto", step_sizes: Any = "auto"
    ) -> list[Any]:
        """Split into parts, each with its labels (see `BaseSignal.split`)."""
        rows, classes = _rows.read_rows(self), _rows.stored_classes(self)
        shape = _rows.navigation_shape(self)
        along = axis
        if axis == "auto":
            along = self.metadata.get_item("_HyperSpy.Stacking_history.axis", -1 + 1j)
        _rows.clear_rows(self)
        try:
            parts = super().split(axis, number_of_parts, step_sizes)
        finally:
            _rows.write_rows(self, rows)
        positions = self._positions(along)
        start = 0
        for part in parts:
            index: tuple[Any, ...] = ()
            if positions:
                size = _rows.navigation_shape(part)
                single = len(size) < len(shape)
                stop = start + (1 if single else size[positions[0]])
                index = (*(slice(None) for _ in range(positions[0])),)
                index += (start,) if single else (slice(start, stop),)
                start = stop
            # Also without labels: HyperSpy gives the parts of a stack the metadata from before it
            # was stacked, with labels that may have been changed or cleared since.
            _rows.attach_rows(part, _rows.index_rows(rows, index), classes)
        return parts

    def get_current_signal(self, *args: Any, **kwargs: Any) -> Any:
        """Return the current signal with its own label (see `BaseSignal.get_current_signal`)."""
        index = tuple(self.axes_manager.indices[::-1])
        run = partial(super().get_current_signal, *args, **kwargs)
        return self._carry(run, partial(_rows.index_rows, index=index))

    def squeeze(self) -> Any:
        """Remove axes of size 1, of labels too (see `BaseSignal.squeeze`)."""
        return self._carry(super().squeeze, _same, fit=_rows.reshape_to)

    # --------------------------------------------------------------------------- moving axes

    def transpose(self, *args: Any, **kwargs: Any) -> Any:
        """Transpose; labels follow navigation axes that stay so (see `BaseSignal.transpose`)."""
        follow = self._follow_order("transpose", *args, **kwargs)
        return self._carry(partial(super().transpose, *args, **kwargs), follow)

    def swap_axes(self, axis1: Any, axis2: Any, optimize: bool = False) -> Any:
        """Swap two axes, of labels too (see `BaseSignal.swap_axes`)."""
        follow = self._follow_order("swap_axes", axis1, axis2)
        return self._carry(partial(super().swap_axes, axis1, axis2, optimize), follow)

    def rollaxis(self, axis: Any, to_axis: Any, optimize: bool = False) -> Any:
        """Roll an axis, of labels too (see `BaseSignal.rollaxis`)."""
        follow = self._follow_order("rollaxis", axis, to_axis)
        return self._carry(partial(super().rollaxis, axis, to_axis, optimize), follow)

    def as_signal1D(self, spectral_axis: Any, out: Any = None, optimize: bool = True) -> Any:
        """Return as spectra, with labels where they fit (see `BaseSignal.as_signal1D`)."""
        follow = self._follow_order("as_signal1D", spectral_axis)
        return self._carry(partial(super().as_signal1D, spectral_axis, out, optimize), follow, out)

    def as_signal2D(self, image_axes: Any, out: Any = None, optimize: bool = True) -> Any:
        """Return as images, with labels where they fit (see `BaseSignal.as_signal2D`)."""
        follow = self._follow_order("as_signal2D", image_axes)
        return self._carry(partial(super().as_signal2D, image_axes, out, optimize), follow, out)

    def _follow_folding(self, rows: Rows) -> Followed:
        indices = _rows.navigation_indices(self)
        if indices and indices[-1] - indices[0] != len(indices) - 1:
            return _rows.lose_rows(rows, "a signal axis lies between the axes that were unfolded")
        return rows, None

    def unfold_navigation_space(self) -> bool:
        """Unfold in place, labels too (see `BaseSignal.unfold_navigation_space`)."""
        run = super().unfold_navigation_space
        return bool(self._carry(run, self._follow_folding, self, _rows.reshape_to))

    def unfold_signal_space(self) -> bool:
        """Unfold in place; labels stay (see `BaseSignal.unfold_signal_space`)."""
        return bool(self._carry(super().unfold_signal_space, _same, self, _rows.reshape_to))

    def fold(self) -> None:
        """Fold back in place, labels too (see `BaseSignal.fold`)."""
        self._carry(super().fold, _same, self, _rows.reshape_to)

    # ------------------------------------------------------------------- merging and combining

    def _apply_function_on_data_and_remove_axis(
        self, function: Any, axes: Any, out: Any = None, **kwargs: Any
    ) -> Any:
        run = super()._apply_function_on_data_and_remove_axis
        follow = self._follow_merge(axes)
        return self._carry(partial(run, function, axes, out=out, **kwargs), follow, out)

    def integrate_simpson(self, axis: Any, out: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Integrate; labels stay where they agree (see `BaseSignal.integrate_simpson`)."""
        run = partial(super().integrate_simpson, axis, out, *args, **kwargs)
        return self._carry(run, self._follow_merge(axis), out)

    def valuemax(self, axis: Any, out: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Return where the maximum lies; labels stay where they agree."""
        run = partial(super().valuemax, axis, out, *args, **kwargs)
        return self._carry(run, self._follow_merge(axis), out)

    def valuemin(self, axis: Any, out: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Return where the minimum lies; labels stay where they agree."""
        run = partial(super().valuemin, axis, out, *args, **kwargs)
        return self._carry(run, self._follow_merge(axis), out)

    def rebin(
        self, new_shape: Any = None, scale: Any = None, crop: bool = True,
        dtype: Any = None, out: Any = None, **kwargs: Any,
    ) -> Any:  # fmt: skip
        """Rebin; a bin keeps its label where all labels in it agree (see `BaseSignal.rebin`)."""

        def follow(rows: Rows) -> Followed:
            factors = self._validate_rebin_args_and_get_factors(new_shape=new_shape, scale=scale)
            chosen = [float(factors[i]) for i in _rows.navigation_indices(self)]
            if any(factor < 1 or not factor.is_integer() for factor in chosen):
                return _rows.lose_rows(rows, "rebin by a fraction of a pixel mixes positions")
            whole = [int(factor) for factor in chosen]
            sizes = _rows.navigation_shape(self)
            if any(n < f or (n % f and not crop) for n, f in zip(sizes, whole, strict=True)):
                return _rows.lose_rows(rows, "rebin makes bins that the data do not fill")
            return _rows.merge_blocks(rows, whole) if set(whole) - {1} else (rows, None)

        run = partial(super().rebin, new_shape, scale, crop, dtype, out, **kwargs)
        return self._carry(run, follow, out)

    def diff(self, axis: Any, order: int = 1, out: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Take differences; labels stay along a signal axis (see `BaseSignal.diff`)."""
        run = partial(super().diff, axis, order, out, *args, **kwargs)
        return self._carry(run, self._follow_mixing(axis, "diff"), out)

    def derivative(self, axis: Any, order: int = 1, out: Any = None, **kwargs: Any) -> Any:
        """Take derivatives; labels stay along a signal axis (see `BaseSignal.derivative`)."""
        run = partial(super().derivative, axis, order, out, **kwargs)
        return self._carry(run, self._follow_mixing(axis, "derivative"), out)

    def interpolate_on_axis(
        self, new_axis: Any, axis: Any = 0, inplace: bool = False, degree: int = 1
    ) -> Any:
        """Interpolate; labels stay along a signal axis (see `BaseSignal.interpolate_on_axis`)."""
        run = partial(super().interpolate_on_axis, new_axis, axis, inplace, degree)
        follow = self._follow_mixing(axis, "interpolate_on_axis")
        return self._carry(run, follow, self if inplace else None)

    def _binary_operator_ruler(self, other: Any, op_name: str) -> Any:
        run = partial(super()._binary_operator_ruler, other, op_name)
        mine = _rows.navigation_shape(self)
        if not isinstance(other, BaseSignal) or _rows.navigation_shape(other) == mine:
            return run()
        # One operand is broadcast over the navigation space of the other: labels are those of the
        # operand that spans it, because only they say something about every position.
        rows, classes = _rows.read_rows(self), _rows.stored_classes(self)
        theirs, their_classes = _rows.read_rows(other), _rows.stored_classes(other)
        _rows.clear_rows(self)
        _rows.clear_rows(other)
        try:
            result = run()
        finally:
            _rows.write_rows(self, rows)
            _rows.write_rows(other, theirs)
        shape = _rows.navigation_shape(result)
        if shape != mine and theirs and shape == _rows.navigation_shape(other):
            rows, classes = theirs, their_classes
        if result is not self and rows:
            _rows.attach_rows(result, (rows, None), classes)
        return result
