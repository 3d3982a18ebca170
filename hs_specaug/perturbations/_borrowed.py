"""Perturbations that draw on other rows, and the rows they draw on."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar, NamedTuple

import numpy as np
from array_api_compat import array_namespace, device, is_torch_array
from sklearn.utils._param_validation import Interval

from .._refusals import check_known
from ._base import Perturbation, _check_finite, as_channels
from ._domain import Domain
from ._draws import Draws


class Reservoir(NamedTuple):
    """Rows to borrow, sorted by class, in the library and on the device of those who ask.

    Attributes
    ----------
    rows : array of shape (n, channels, *size)
        The rows, those of a class together.
    codes : array of int of shape (n,)
        Their class codes, ascending.
    starts, counts : array of int of shape (n_classes,)
        First row of every class, and how many it has.
    """

    rows: Any
    codes: Any
    starts: Any
    counts: Any


class BorrowingPerturbation(Perturbation):
    """Base of perturbations that draw on other rows of known class.

    Unfitted, it borrows from the batch that it is called on.

    Attributes
    ----------
    reservoir_ : array of shape (n, channels, *size)
        Rows to borrow, sorted by class.
    classes_ : ndarray of shape (n_classes,)
        Their classes, in the order of their codes.
    codes_ : ndarray of int of shape (n,)
        Class code of every row of `reservoir_`.
    """

    borrows: ClassVar[bool] = True

    def fit(self, X: Any, y: Any = None, *, domain: Domain | None = None) -> BorrowingPerturbation:
        """Remember rows to borrow from.

        Parameters
        ----------
        X : array of shape (n, length), (n, channels, length) or (n, channels, height, width)
            Training rows, in memory.
        y : array-like of shape (n,)
            Their class labels.
        domain : Domain, optional
            What the rows are.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If there are no labels, or not one for every row.
        """
        self.check(domain or Domain())
        if not is_torch_array(X):
            X = np.asarray(X)
            _check_finite(X, np.arange(len(X)))
        labels = self._labels(y, len(X))
        check_known(labels)
        self.classes_, codes = np.unique(labels, return_inverse=True)
        order = np.argsort(codes, kind="stable")
        rows, _ = as_channels(X, domain or Domain())
        xp = array_namespace(rows)
        self.reservoir_ = xp.take(rows, xp.asarray(order, device=device(rows)), axis=0)
        self.codes_ = codes[order]
        self._moved: tuple[Any, Reservoir] | None = None
        return self

    def __getstate__(self) -> dict[str, Any]:
        """Leave the copy on another device out of pickles."""
        state = super().__getstate__()
        return {**state, "_moved": None} if "_moved" in state else state

    def _labels(self, y: Any, n: int) -> np.ndarray:
        if y is None:
            raise ValueError(
                f"y is needed: {self.name!r} borrows from rows of known class; pass their labels, "
                "perturbation.fit(X, y) and perturbation(X, y)"
            )
        labels = y.detach().cpu().numpy() if is_torch_array(y) else np.asarray(y)
        if labels.shape != (n,):
            raise ValueError(
                f"y must hold one label for each of the {n} rows of X, got shape {labels.shape}"
            )
        return labels

    def _reservoir(self, X: Any) -> Reservoir:
        """Return the rows to borrow in the library and on the device of `X`."""
        if self.reservoir_.shape[1:] != X.shape[1:]:
            raise ValueError(
                f"{self.name!r} was fitted on rows of shape {tuple(self.reservoir_.shape[1:])} "
                f"(channels, *size), X has rows of shape {tuple(X.shape[1:])}; fit it on rows like "
                "these"
            )
        key = str(X.device) if is_torch_array(X) else None
        if self._moved is None or self._moved[0] != key:
            starts = np.searchsorted(self.codes_, np.arange(len(self.classes_)))
            counts = np.bincount(self.codes_, minlength=len(self.classes_))
            here = [_moved(a, X) for a in (self.reservoir_, self.codes_, starts, counts)]
            self._moved = (key, Reservoir(*here))
        return self._moved[1]

    def _codes(self, y: Any, X: Any) -> Any:
        """Return the class code of every row on the device of `X`; −1 where it is not known."""
        if y is None:
            self._labels(y, len(X))
        xp = array_namespace(X)
        named = self.classes_.dtype.kind in "USO"
        if is_torch_array(y) and is_torch_array(X) and not named:
            # Stays on the device: a training step must not wait for the processor.
            known = xp.asarray(self.classes_, device=device(X))
            given = xp.astype(y.to(X.device), known.dtype)
            codes = xp.clip(xp.searchsorted(known, given), 0, len(self.classes_) - 1)
            return xp.where(known[codes] == given, codes, xp.full_like(codes, -1))
        labels = self._labels(y, len(X))
        if len(labels) and (labels.dtype.kind in "USO") != named:
            raise ValueError(
                f"y holds labels of {labels.dtype}, {self.name!r} was fitted on classes such as "
                f"{self.classes_[0]!r}; label rows alike"
            )
        code_of = {label: code for code, label in enumerate(self.classes_.tolist())}
        codes = np.array([code_of.get(v, -1) for v in labels.tolist()], dtype=np.int64)
        return xp.asarray(codes, device=device(X))

    def _partners(self, X: Any, y: Any, draws: Draws) -> tuple[Any, Any]:
        """Return another row of the class of each row, and which rows have one, (n, 1, ...)."""
        xp, reservoir = array_namespace(X), self._reservoir(X)
        start, count = _of_class(reservoir, self._codes(y, X))
        within = pick(draws, count)
        partners = rows_at(reservoir, start + within, X)
        itself = xp.all(partners == X, axis=tuple(range(1, X.ndim)))
        next_one = (within + 1) % xp.where(count > 0, count, xp.ones_like(count))
        within = xp.where(itself, next_one, within)
        return rows_at(reservoir, start + within, X), per_row(count > 1, X)


def _moved(values: Any, X: Any) -> Any:
    if not is_torch_array(X):
        return values.detach().cpu().numpy() if is_torch_array(values) else values
    if is_torch_array(values):
        return values.to(X.device)
    return array_namespace(X).asarray(values, device=device(X))


def _of_class(reservoir: Reservoir, codes: Any) -> tuple[Any, Any]:
    """Return the first row and the number of rows of every class code; no rows for −1."""
    xp = array_namespace(codes)
    safe = xp.where(codes < 0, xp.zeros_like(codes), codes)
    counts = xp.take(reservoir.counts, safe)
    return xp.take(reservoir.starts, safe), xp.where(codes < 0, xp.zeros_like(counts), counts)


def pick(draws: Draws, counts: Any) -> Any:
    """Return for every row a whole number from 0 to below its count, equally likely."""
    u = draws.uniform()
    xp = array_namespace(u)
    number = xp.astype(xp.floor(u * xp.astype(counts, u.dtype)), counts.dtype)
    # A number just below one may have been rounded up to one.
    last = xp.where(counts > 0, counts - 1, xp.zeros_like(counts))
    return xp.minimum(number, last)


def rows_at(reservoir: Reservoir, numbers: Any, X: Any) -> Any:
    """Return rows of the reservoir in the type of `X`."""
    xp = array_namespace(X)
    numbers = xp.clip(numbers, 0, reservoir.rows.shape[0] - 1)
    return xp.astype(xp.take(reservoir.rows, numbers, axis=0), X.dtype, copy=False)


def per_row(values: Any, X: Any) -> Any:
    """Return values of shape (n,) in a shape that broadcasts with the rows `X`."""
    return array_namespace(values).reshape(values, (-1,) + (1,) * (X.ndim - 1))


class BorrowedVariation(BorrowingPerturbation):
    r"""Add the difference of two rows of one well-sampled class.

    .. math:: x' = x + \sigma (a - b), \quad \sigma \sim U(0, \mathrm{scale})

    with two different rows a, b of one class. Instrument, thickness and preparation vary alike for
    all classes; a rare class shows too little of that, a common one shows it well. `a` is any row
    of the classes with enough rows, equally likely, so that a class counts by its rows; `b` is any
    other row of the class of `a`. Normalise rows first: a difference keeps the scale of the class
    it comes from.

    Parameters
    ----------
    scale : float, default 0.5
        Largest share of the difference that is added.
    min_rows : int, default 5
        Rows that a class must have to lend its variation.
    same_class : bool, default False
        Borrow from the row's own class only, whatever `min_rows`; a row whose class is unknown or
        has one row stays as it is.

    Examples
    --------
    >>> import numpy as np
    >>> from hs_specaug.perturbations import BorrowedVariation
    >>> X = np.array([[5.0, 5.0], [1.0, 0.0], [2.0, 0.0], [4.0, 0.0]])
    >>> y = ["rare", "common", "common", "common"]
    >>> vary = BorrowedVariation(scale=1.0, min_rows=3).fit(X, y)
    >>> new = vary(X[:1], ["rare"], random_state=1)  # common rows differ in the first channel
    >>> bool(new[0, 0] != 5.0), float(new[0, 1])
    (True, 5.0)
    """

    name: ClassVar[str] = "borrowed-variation"
    _parameter_constraints: ClassVar[dict] = {
        "scale": [Interval(Real, 0, None, closed="left")],
        "min_rows": [Interval(Integral, 2, None, closed="left")],
        "same_class": ["boolean"],
    }

    def __init__(self, scale: float = 0.5, *, min_rows: int = 5, same_class: bool = False) -> None:
        self.scale = scale
        self.min_rows = min_rows
        self.same_class = same_class

    def fit(self, X: Any, y: Any = None, *, domain: Domain | None = None) -> BorrowedVariation:
        """Remember rows to borrow from.

        Parameters
        ----------
        X : array of shape (n, length), (n, channels, length) or (n, channels, height, width)
            Training rows, in memory.
        y : array-like of shape (n,)
            Their class labels.
        domain : Domain, optional
            What the rows are.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If there are no labels, or no class has `min_rows` rows.
        """
        super().fit(X, y, domain=domain)
        counts = np.bincount(self.codes_)
        if not self.same_class and counts.max() < self.min_rows:
            largest = self.classes_[counts.argmax()]
            raise ValueError(
                f"{self.name!r} borrows from classes with at least min_rows={self.min_rows} rows, "
                f"the largest ({largest}) has {counts.max()}; lower min_rows, or fit it on more "
                "rows: perturbation.fit(X, y)"
            )
        return self

    def _apply(self, X: Any, y: Any, domain: Domain, draws: Draws) -> Any:
        xp, reservoir = array_namespace(X), self._reservoir(X)
        if self.same_class:
            start, count = _of_class(reservoir, self._codes(y, X))
            first = pick(draws, count)
        else:
            lenders = np.flatnonzero(np.bincount(self.codes_)[self.codes_] >= self.min_rows)
            lenders = xp.asarray(lenders, device=device(X))
            n_lenders = xp.full((X.shape[0],), len(lenders), dtype=xp.int64, device=device(X))
            row = xp.take(lenders, pick(draws, n_lenders))
            start, count = _of_class(reservoir, xp.take(reservoir.codes, row))
            first = row - start
        some = xp.where(count > 1, count, xp.full_like(count, 2))
        second = (first + 1 + pick(draws, some - 1)) % some
        difference = rows_at(reservoir, start + first, X) - rows_at(reservoir, start + second, X)
        share = per_row(draws.uniform(high=self.scale), X)
        return xp.where(per_row(count > 1, X), X + share * difference, X)
