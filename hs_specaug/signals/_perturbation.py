"""``perturb`` and ``plot_perturbation`` on a signal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from sklearn.base import clone

from .._refusals import reading
from ..perturbations import Domain, Perturbation, parse_perturbation
from ..perturbations._draws import seed_from
from ..preprocessing._blocks import replace_data
from . import _rows
from ._arrays import (
    check_channels_exist,
    check_rows_exist,
    from_rows,
    is_image,
    labelled_rows,
    signal_axes,
    to_rows,
)
from ._perturbation_plot import plot_before_after


class PerturbationMixin:
    """Physical, label-preserving changes of the data."""

    #: Kind of rows, for perturbations that mean something only there.
    _row_kind: ClassVar[str] = ""

    @property
    def _domain(self) -> Domain:
        complex_rows = np.issubdtype(self.data.dtype, np.complexfloating)  # type: ignore[attr-defined]
        return Domain(self._row_kind, tuple(signal_axes(self)), bool(complex_rows))

    def perturb(
        self,
        perturbation: str | Perturbation | Sequence[Any],
        *,
        random_state: Any = None,
    ) -> Any:
        """Return a copy with every spectrum or image perturbed.

        Parameters
        ----------
        perturbation : str, Perturbation or list of those
            Such as ``"poisson(dose=0.5)+shift"``; see :func:`hs_specaug.list_perturbations`.
            Those that borrow from other rows of a class use the labelled ones, and leave
            unlabelled ones as they are.
        random_state : int, numpy.random.RandomState or None
            The only seed. Lazy or not, however chunked: the result is the same.

        Returns
        -------
        signal
            Of the same type, with axes, metadata and labels; lazy if this one is.

        Raises
        ------
        IncompatibleSignalError
            If the perturbation has no meaning for this kind of signal.
        ValueError
            If data are not finite, or a name is unknown.

        Examples
        --------
        >>> import hs_specaug
        >>> s = hs_specaug.datasets.polymer_spectra(step_per_cm=8.0)
        >>> s.perturb("wavenumber-shift(shift_per_cm=4.0)", random_state=0)
        <AugmentableSpectrum, title: ..., dimensions: (210|104)>
        """
        check_channels_exist(self)
        fitted = self._fitted_perturbation(perturbation)
        shape = _rows.navigation_shape(self)
        names = self._names_everywhere() if fitted.borrows else None
        domain, image, seed = self._domain, is_image(self), seed_from(random_state)
        numbers = np.arange(int(np.prod(shape))).reshape(shape)

        def change(data: np.ndarray, numbers: np.ndarray) -> np.ndarray:
            size = data.shape[numbers.ndim :]
            rows = to_rows(data.reshape(-1, *size), image)
            flat = numbers.ravel()
            y = None if names is None else names[flat]
            new = fitted._in_slices(rows, y, domain, seed, flat)
            return from_rows(new, data.dtype, image).reshape(data.shape)

        return replace_data(self, self._perturbed(change, numbers))

    def plot_perturbation(
        self,
        perturbation: str | Perturbation | Sequence[Any],
        *,
        n_variants: int = 4,
        random_state: Any = 0,
    ) -> Any:
        """Draw some spectra or images before and after a perturbation.

        Parameters
        ----------
        perturbation : str, Perturbation or list of those
            As in :meth:`perturb`.
        n_variants : int, default 4
            Perturbed versions of each.
        random_state : int, numpy.random.RandomState or None, default 0
            The only seed.

        Returns
        -------
        ndarray of matplotlib.axes.Axes
            One panel per labelled class (at most six), or one for an unlabelled signal;
            complex impedance as a Nyquist plot.

        Raises
        ------
        IncompatibleSignalError
            If the perturbation has no meaning for this kind of signal.
        ValueError
            If `n_variants` is below 1.
        """
        if not isinstance(n_variants, int | np.integer) or n_variants < 1:
            raise ValueError(f"n_variants must be a whole number ≥ 1, got {n_variants!r}")
        check_rows_exist(self)
        fitted = self._fitted_perturbation(perturbation)
        positions, names = self._examples()
        data = self._select_positions(positions).data  # type: ignore[attr-defined]
        with reading():
            rows = to_rows(np.asarray(data), is_image(self))
        before = np.repeat(rows, n_variants, axis=0)
        after = fitted(
            before,
            np.repeat(np.array(names), n_variants),
            domain=self._domain,
            random_state=random_state,
        )
        after = after.reshape(len(rows), n_variants, *rows.shape[1:])
        quantity = self.metadata.get_item("Signal.quantity", "")  # type: ignore[attr-defined]
        return plot_before_after(rows, after, names, self._domain, str(fitted), str(quantity or ""))

    # --- helpers -------------------------------------------------------------------------

    def _fitted_perturbation(self, perturbation: Any) -> Perturbation:
        perturbation = clone(parse_perturbation(perturbation))
        perturbation.check(self._domain)
        if not perturbation.borrows:
            return perturbation
        X, y, _ = labelled_rows(self, drop_synthetic=True)
        return perturbation.fit(X, y, domain=self._domain)

    def _names_everywhere(self) -> np.ndarray:
        """Return the class name of every position; empty where there is none."""
        names = np.array([*self.classes, ""])  # type: ignore[attr-defined]
        return names[self.labels.ravel()]  # type: ignore[attr-defined]

    def _examples(self) -> tuple[np.ndarray, list[str]]:
        """Return one position of each class, or the first one, and their names."""
        codes = self.labels.ravel()  # type: ignore[attr-defined]
        present = [code for code in np.unique(codes).tolist() if code >= 0][:6]
        if not present:
            return np.zeros(1, dtype=int), [""]
        positions = np.array([np.flatnonzero(codes == code)[0] for code in present])
        return positions, [self.classes[code] for code in present]  # type: ignore[attr-defined]

    def _perturbed(self, change: Any, numbers: np.ndarray) -> Any:
        """Apply `change` to data with navigation first, and put the axes back."""
        data = _rows.navigation_first(self)
        new = _over_chunks(change, data, numbers) if self._lazy else change(data, numbers)  # type: ignore[attr-defined]
        return new.transpose(tuple(np.argsort(_rows.navigation_first_order(self)).tolist()))


def _over_chunks(change: Any, data: Any, numbers: np.ndarray) -> Any:
    """Apply `change` chunk by chunk, to data with the numbers of their rows."""
    import dask.array as da

    navigation = numbers.ndim
    data = data.rechunk(dict.fromkeys(range(navigation, data.ndim), -1))
    indices = da.from_array(numbers, chunks=data.chunks[:navigation])
    for _ in range(data.ndim - navigation):
        indices = indices[..., np.newaxis]

    def block(part: np.ndarray, where: np.ndarray) -> np.ndarray:
        return change(part, where.reshape(where.shape[:navigation]))

    meta = np.empty((0,) * data.ndim, dtype=data.dtype)
    return da.map_blocks(block, data, indices, dtype=data.dtype, chunks=data.chunks, meta=meta)
