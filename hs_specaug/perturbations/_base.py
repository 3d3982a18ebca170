"""The contract of every perturbation: rows in, rows of the same class out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from array_api_compat import array_namespace, is_dask_array, is_torch_array
from sklearn.base import BaseEstimator, clone

from .._refusals import whole_range
from ..exceptions import IncompatibleSignalError
from ._domain import KINDS, Domain
from ._draws import ROWS_PER_STREAM, ArrayDraws, Draws, TensorDraws, seed_from

# Intermediate arrays of about this many values stay in the cache of a processor.
VALUES_AT_ONCE = 2**18


class Perturbation(BaseEstimator, ABC):
    """Base of all perturbations.

    A perturbation changes rows as an instrument or a specimen would and leaves their class as it
    is. The same object works on NumPy arrays, torch tensors (differentiable) and Dask arrays.
    Subclasses implement `_apply`, and `fit` if they borrow from other rows.

    Rows that hold no negative value come back without one; whole numbers come back as such.

    Attributes
    ----------
    name : str
        Name under which it is registered.
    valid_for : frozenset of str
        Kinds of rows (see :class:`Domain`) for which it means something.
    """

    name: ClassVar[str]
    valid_for: ClassVar[frozenset[str]] = KINDS
    #: Why it is not valid for other kinds; completes "… is not valid for EELS: ".
    reason: ClassVar[str] = "it has no meaning there"
    #: Whether it draws on rows other than the one it changes, so that it has to be fitted.
    borrows: ClassVar[bool] = False
    _parameter_constraints: ClassVar[dict] = {}

    def __call__(
        self, X: Any, y: Any = None, *, domain: Domain | None = None, random_state: Any = None
    ) -> Any:
        """Return perturbed rows.

        Parameters
        ----------
        X : array of shape (n, length), (n, channels, length) or (n, channels, height, width)
            Rows: a NumPy array, a torch tensor or a Dask array; not changed. Complex spectra of
            shape (n, length) are taken as real and imaginary part of one quantity.
        y : array-like of shape (n,), optional
            Class labels; needed by perturbations that borrow from rows of the same class.
        domain : Domain, optional
            What the rows are. Without it nothing is refused, and widths that are given in units
            of the axis are in channels.
        random_state : int, numpy.random.RandomState, numpy.random.Generator, torch.Generator
            The only seed; None draws one. With an integer a row gets the same bits in every
            library, whatever rows come with it. A ``torch.Generator`` draws on its own device,
            which is what a training step wants.

        Returns
        -------
        array
            Of the shape, type, library and device of `X`.

        Raises
        ------
        IncompatibleSignalError
            If it is not valid for this kind of rows.
        ValueError
            If `X` has another number of dimensions, or NaN or infinite values.
        """
        if not (is_dask_array(X) or is_torch_array(X)):
            X = np.asarray(X)
        _check_dimensions(X)
        domain = _domain_of(X, domain)
        self.check(domain)
        if is_dask_array(X):
            return self._over_chunks(X, y, domain, seed_from(random_state))
        perturbation = self._ready(X, y, domain)
        if is_torch_array(X) and hasattr(random_state, "initial_seed"):
            return perturbation._on(X, y, domain, TensorDraws(random_state, _working_tensor(X)))
        return perturbation._in_slices(X, y, domain, seed_from(random_state), np.arange(len(X)))

    def fit(self, X: Any, y: Any = None, *, domain: Domain | None = None) -> Perturbation:
        """Learn what rows look like; only perturbations that borrow from rows need it.

        Parameters
        ----------
        X : array of shape (n, length), (n, channels, length) or (n, channels, height, width)
            Training rows.
        y : array-like of shape (n,), optional
            Their class labels.
        domain : Domain, optional
            What the rows are.

        Returns
        -------
        self
        """
        self.check(_domain_of(X, domain))
        return self

    def check(self, domain: Domain) -> None:
        """Raise unless this perturbation means something for rows of `domain`.

        Raises
        ------
        IncompatibleSignalError
            With the reason.
        ValueError
            If a parameter is out of its range.
        """
        self._validate_params()
        reason = self._refusal(domain)
        if reason:
            kinds = ", ".join(sorted(self.valid_for))
            raise IncompatibleSignalError(
                f"perturbation {self.name!r} is not valid for rows of {domain!r}: {reason}. It is "
                f"meant for {kinds}"
            )

    def _refusal(self, domain: Domain) -> str | None:
        """Return why rows of `domain` are refused, or None."""
        return self.reason if domain.kind and domain.kind not in self.valid_for else None

    # --- from the caller's rows to (n, channels, *size) and back --------------------------

    def _ready(self, X: Any, y: Any, domain: Domain) -> Perturbation:
        """Return this perturbation; fitted on `X` itself if it borrows and was not fitted."""
        if not self.borrows or hasattr(self, "reservoir_"):
            return self
        return clone(self).fit(X, y, domain=domain)

    def _over_chunks(self, X: Any, y: Any, domain: Domain, seed: int) -> Any:
        if self.borrows and not hasattr(self, "reservoir_"):
            raise ValueError(
                f"{self.name!r} borrows from other rows and cannot see them all in a Dask array; "
                "fit it on rows in memory first: perturbation.fit(X_labelled, y_labelled)"
            )
        X = X.rechunk(dict.fromkeys(range(1, X.ndim), -1))
        labels = None if y is None else np.asarray(y)

        def chunk(rows: np.ndarray, block_info: Any = None) -> np.ndarray:
            start, stop = block_info[0]["array-location"][0]
            here = None if labels is None else labels[start:stop]
            return self._in_slices(rows, here, domain, seed, np.arange(start, stop))

        return X.map_blocks(chunk, dtype=X.dtype, meta=np.empty((0,) * X.ndim, X.dtype))

    def _in_slices(self, X: Any, y: Any, domain: Domain, seed: int, numbers: np.ndarray) -> Any:
        """Perturb rows that have these numbers, a cache-sized slice at a time."""
        if is_torch_array(X):
            return self._on(X, y, domain, self._draws(X, seed, numbers))
        _check_finite(X, numbers)
        values = max(1, int(np.prod(X.shape[1:])))
        step = max(1, VALUES_AT_ONCE // values // ROWS_PER_STREAM) * ROWS_PER_STREAM
        out = np.empty_like(X)
        for start in range(0, len(X), step):
            rows = slice(start, start + step)
            labels = None if y is None else np.asarray(y)[rows]
            draws = self._draws(X[rows], seed, numbers[rows])
            out[rows] = self._on(X[rows], labels, domain, draws)
        return out

    @staticmethod
    def _draws(X: Any, seed: int, numbers: np.ndarray) -> ArrayDraws:
        def as_tensor(values: np.ndarray) -> Any:
            return _working_tensor(X[:0]).new_tensor(values)

        def as_array(values: np.ndarray) -> Any:
            return values.astype(_working_type(X.dtype), copy=False)

        convert = as_tensor if is_torch_array(X) else as_array
        return ArrayDraws((seed,), numbers, convert)

    def _on(self, X: Any, y: Any, domain: Domain, draws: Draws) -> Any:
        rows, domain = as_channels(X, domain)
        return from_channels(self._perturb(rows, y, domain, draws), X)

    def _perturb(self, X: Any, y: Any, domain: Domain, draws: Draws) -> Any:
        """Apply to rows of shape (n, channels, *size) and keep counts counts."""
        new = self._apply(X, y, domain, draws)
        if domain.is_complex:
            return new
        xp = array_namespace(X)
        counts = xp.min(X, axis=tuple(range(1, X.ndim)), keepdims=True) >= 0.0
        return xp.where(counts & (new < 0.0), xp.zeros_like(new), new)

    @abstractmethod
    def _apply(self, X: Any, y: Any, domain: Domain, draws: Draws) -> Any:
        """Return perturbed rows.

        Parameters
        ----------
        X : array of shape (n, channels, length) or (n, channels, height, width)
            Floating-point rows of any library of the array API; must not be changed.
        y : array of shape (n,) or None
            Class labels.
        domain : Domain
            What the rows are.
        draws : Draws
            All random numbers come from here.
        """

    def to_spec(self) -> dict[str, Any]:
        """Return name and parameters as plain Python objects, for files and provenance."""
        return {"name": self.name, "parameters": _plain_parameters(self)}

    def __str__(self) -> str:
        """Return the expression that makes this perturbation, such as ``poisson(dose=0.5)``."""
        defaults = type(self)().get_params(deep=False)
        changed = {k: v for k, v in self.get_params(deep=False).items() if v != defaults[k]}
        arguments = ", ".join(f"{k}={v!r}" for k, v in changed.items())
        return f"{self.name}({arguments})" if arguments else self.name


def _plain_parameters(perturbation: Perturbation) -> dict[str, Any]:
    def plain(value: Any) -> Any:
        if isinstance(value, Perturbation):
            return value.to_spec()
        if isinstance(value, list | tuple):
            return [plain(v) for v in value]
        return value.item() if isinstance(value, np.generic) else value

    return {k: plain(v) for k, v in perturbation.get_params(deep=False).items()}


def _is_complex(X: Any) -> bool:
    return bool(X.is_complex()) if is_torch_array(X) else X.dtype.kind == "c"


def _domain_of(X: Any, domain: Domain | None) -> Domain:
    """Return what rows are, from what was said and from what can be seen."""
    domain = domain or Domain()
    if not domain.kind and X.ndim == 4:
        domain = replace(domain, kind="image")
    return replace(domain, is_complex=True) if _is_complex(X) else domain


def _working_type(dtype: np.dtype) -> np.dtype:
    if dtype.kind == "c":
        return np.dtype(np.float32 if dtype.itemsize == 8 else np.float64)
    # Files of other machines hold their byte order, which not all functions take.
    native = dtype.newbyteorder("=")
    return native if dtype.kind == "f" and dtype.itemsize >= 4 else np.dtype(np.float64)


def _working_tensor(X: Any) -> Any:
    """Return a tensor, or the real part of a complex one, in the precision to work in."""
    real = X.real if X.is_complex() else X
    if not real.is_floating_point():
        return real.double()
    return real.float() if real.element_size() < 4 else real


def _check_dimensions(X: Any) -> None:
    if not 2 <= X.ndim <= 4:
        raise ValueError(
            "X must be (n, length), (n, channels, length) or (n, channels, height, width), got "
            f"shape {tuple(X.shape)}; one spectrum is X[None]"
        )
    if 0 in X.shape[1:]:
        raise ValueError(f"X must have at least one channel, got shape {tuple(X.shape)}")


def _check_finite(X: np.ndarray, numbers: np.ndarray) -> None:
    if X.dtype.kind not in "fciu":
        raise ValueError(f"X must hold numbers, got an array of {X.dtype}")
    if X.dtype.kind in "fc":
        bad = ~np.isfinite(X).all(axis=tuple(range(1, X.ndim)))
        if bad.any():
            raise ValueError(
                f"X holds NaN or infinite values in {int(bad.sum())} of {len(X)} rows, the first "
                f"is row {int(numbers[bad.argmax()])}; leave those rows out or repair them"
            )


def as_channels(X: Any, domain: Domain) -> tuple[Any, Domain]:
    """Return rows of shape (n, channels, *size) in floating point, and what they are.

    Raises
    ------
    ValueError
        If `X` is not (n, length), (n, channels, length) or (n, channels, height, width).
    """
    _check_dimensions(X)
    if not is_torch_array(X) and not X.dtype.isnative:
        X = X.astype(X.dtype.newbyteorder("="))
    xp = array_namespace(X)
    if xp.isdtype(X.dtype, "complex floating"):
        if X.ndim != 2:
            raise ValueError(
                f"complex X must be (n, length), got shape {tuple(X.shape)}; real and imaginary "
                "part become its channels"
            )
        return xp.stack([xp.real(X), xp.imag(X)], axis=1), Domain(domain.kind, domain.axes, True)
    X = _working_tensor(X) if is_torch_array(X) else X.astype(_working_type(X.dtype), copy=False)
    return (X[:, None, :] if X.ndim == 2 else X), domain


def from_channels(rows: Any, like: Any) -> Any:
    """Invert :func:`as_channels`, giving rows of the shape and type of `like`."""
    xp = array_namespace(rows)
    if xp.isdtype(like.dtype, "complex floating"):
        return xp.astype(rows[:, 0] + 1j * rows[:, 1], like.dtype)
    if xp.isdtype(like.dtype, "integral"):
        low, high = whole_range(np.dtype(str(like.dtype).removeprefix("torch.")))
        rows = xp.clip(xp.round(rows), low, high)
    return xp.astype(xp.reshape(rows, tuple(like.shape)), like.dtype, copy=False)
