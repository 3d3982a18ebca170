"""Denoise spectra by keeping their leading principal components."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.decomposition import PCA
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

# Above this many rows and channels an exact decomposition takes minutes.
_EXACT_SIZE = 3000


class PCADenoiser(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    r"""
    Project spectra on their leading principal components and back.

    Parameters
    ----------
    n_components : int, float or "auto", default="auto"
        Number of components kept; a float in (0, 1) keeps the fewest components that explain this
        fraction of the variance; ``"auto"`` keeps those whose singular value exceeds the optimal
        hard threshold for white noise of unknown level [1]_, at least one. A number above what
        the data hold is reduced to it.
    max_fit_rows : int or None, default=10000
        Fit on at most this many rows, drawn without replacement; None fits on all. It bounds the
        memory that a large or lazy data set needs.
    random_state : int, RandomState or None, default=None
        Draws the rows where there are more than ``max_fit_rows``, and starts the randomised
        solver that very large data need.

    Attributes
    ----------
    n_components_ : int
        Number of components kept.
    components_ : ndarray of shape (n_components, size)
        Principal axes of the flattened rows.
    mean_ : ndarray of shape (size,)
        Mean row.
    explained_variance_ratio_ : ndarray of shape (n_components,)
        Share of the variance of each kept component.
    row_shape_ : tuple of int
        Shape of one row, ``X.shape[1:]``.
    n_features_in_ : int
        Size of the second axis of ``X``.

    Notes
    -----
    ``X`` has shape (n, length), (n, channels, length) or (n, channels, height, width); a row is
    flattened, so that what channels share is used. Rank, float32 and float64 are kept.
    The noise of raw counts grows with the signal, so that "auto" keeps more components than white
    noise of the same strength would.
    The components are learned: inside cross-validation put the denoiser into the pipeline.

    References
    ----------
    .. [1] M. Gavish and D. L. Donoho, "The optimal hard threshold for singular values is
       :math:`4/\sqrt{3}`", IEEE Trans. Inf. Theory 60 (2014) 5040-5053, equations 4 and 5.

    Examples
    --------
    >>> rows = np.outer([1.0, 2.0, 4.0], [0.0, 1.0, 3.0, 1.0])
    >>> bool(np.allclose(PCADenoiser(n_components=1).fit_transform(rows), rows))
    True
    """

    def __init__(
        self,
        n_components: int | float | str = "auto",
        max_fit_rows: int | None = 10_000,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.n_components = n_components
        self.max_fit_rows = max_fit_rows
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: Any = None) -> PCADenoiser:
        """
        Learn mean and principal axes.

        Parameters
        ----------
        X : array-like of shape (n, ...)
            Spectra or images, n >= 2.
        y : None
            Ignored.

        Returns
        -------
        PCADenoiser
            The fitted transformer.
        """
        check_n_components(self.n_components)
        checked: NDArray[Any] = validate_data(
            self, X, allow_nd=True, dtype=[np.float64, np.float32], ensure_min_samples=2
        )
        self.row_shape_ = tuple(checked.shape[1:])
        generator = check_random_state(self.random_state)
        rows = choose_fit_rows(len(checked), self.max_fit_rows, generator)
        flat = checked.reshape(len(checked), -1)
        pca = self._decompose(flat if rows is None else flat[rows], generator)
        kept = self._number_to_keep(pca, len(flat) if rows is None else len(rows))
        self.n_components_ = kept
        self.components_ = pca.components_[:kept]
        self.mean_ = pca.mean_
        # Rows that are all alike have no variance to share out.
        self.explained_variance_ratio_ = np.nan_to_num(pca.explained_variance_ratio_[:kept])
        return self

    def _decompose(self, flat: NDArray[Any], generator: np.random.RandomState) -> PCA:
        """Run the cheapest decomposition that is exact, or a randomised one for huge data."""
        n, size = flat.shape
        limit = min(n, size)
        number, solver = None, "exact"
        if isinstance(self.n_components, Integral):
            number = min(int(self.n_components), limit)
            solver = "randomized" if limit > _EXACT_SIZE and number < limit // 4 else "exact"
        if solver == "exact":
            # The covariance route squares the condition number: good enough for the leading
            # components, and many times faster where rows are plenty.
            solver = "covariance_eigh" if n > 2 * size else "full"
        pca = PCA(number, svd_solver=solver, random_state=generator)
        with np.errstate(invalid="ignore", divide="ignore"):  # rows that are all alike
            return pca.fit(flat)

    def _number_to_keep(self, pca: PCA, n_rows: int) -> int:
        if isinstance(self.n_components, Integral):
            return len(pca.components_)
        # Centring takes one degree of freedom, so the last singular value of few rows is zero.
        values = pca.singular_values_[: max(1, min(n_rows - 1, pca.n_features_in_))]
        if self.n_components == "auto":
            aspect = min(n_rows, pca.n_features_in_) / max(n_rows, pca.n_features_in_)
            return max(1, int(np.sum(values > optimal_hard_threshold(values, aspect))))
        power = np.cumsum(values.astype(float) ** 2)
        if power[-1] == 0:
            return 1
        reached = power / power[-1] >= float(self.n_components) - 1e-12
        return int(np.argmax(reached)) + 1

    def transform(self, X: ArrayLike) -> NDArray[Any]:
        """
        Return the part of each row that the kept components describe.

        Parameters
        ----------
        X : array-like of shape (n, ...)
            Spectra or images shaped like the rows seen by :meth:`fit`.

        Returns
        -------
        ndarray of the shape of ``X``
            Denoised rows.
        """
        check_is_fitted(self)
        checked: NDArray[Any] = validate_data(
            self, X, reset=False, allow_nd=True, dtype=[np.float64, np.float32]
        )
        if tuple(checked.shape[1:]) != self.row_shape_:
            raise ValueError(
                f"X has rows of shape {tuple(checked.shape[1:])}, but PCADenoiser was fitted on "
                f"rows of shape {self.row_shape_}."
            )
        flat = project_on_components(
            checked.reshape(len(checked), -1), self.mean_, self.components_
        )
        return flat.reshape(checked.shape)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def check_n_components(n_components: Any) -> None:
    """
    Refuse a number of components that means nothing.

    Raises
    ------
    ValueError
        Unless it is a positive integer, a fraction in (0, 1) or ``"auto"``.
    """
    if isinstance(n_components, str):
        valid = n_components == "auto"
    elif isinstance(n_components, Integral):
        valid = not isinstance(n_components, bool) and int(n_components) >= 1
    else:
        valid = isinstance(n_components, Real) and 0 < float(n_components) < 1
    if not valid:
        raise ValueError(
            "The number of principal components must be an integer of at least 1, a fraction of "
            f"the variance between 0 and 1, or 'auto'; got {n_components!r}."
        )


def choose_fit_rows(
    n_rows: int, max_rows: int | None, random_state: np.random.RandomState
) -> NDArray[np.intp] | None:
    """Return the ascending rows to fit on, or None for all of them."""
    if max_rows is None or n_rows <= max_rows:
        return None
    if max_rows < 2:
        raise ValueError(f"max_fit_rows must be at least 2, or None; got {max_rows!r}.")
    return np.sort(random_state.permutation(n_rows)[:max_rows]).astype(np.intp)


def project_on_components(
    rows: NDArray[Any], mean: NDArray[Any], components: NDArray[Any]
) -> NDArray[Any]:
    """
    Project rows on orthonormal components and back.

    Parameters
    ----------
    rows : ndarray of shape (n, size)
        Flattened spectra.
    mean : ndarray of shape (size,)
        Mean spectrum.
    components : ndarray of shape (k, size)
        Orthonormal axes.

    Returns
    -------
    ndarray of shape (n, size)
        ``mean + (rows - mean) @ components.T @ components`` in the dtype of ``rows``.
    """
    scores = (rows - mean) @ components.T
    return (scores @ components + mean).astype(rows.dtype, copy=False)


def optimal_hard_threshold(singular_values: NDArray[Any], aspect_ratio: float) -> float:
    r"""
    Return the singular value below which components are noise.

    Parameters
    ----------
    singular_values : ndarray of shape (m,)
        Singular values of the centred data.
    aspect_ratio : float
        Smaller over larger side of the data matrix, in (0, 1].

    Returns
    -------
    float
        :math:`\omega(\beta)\,\mathrm{median}(s)`, Gavish and Donoho (2014), equations 4 and 5.
    """
    omega = 0.56 * aspect_ratio**3 - 0.95 * aspect_ratio**2 + 1.82 * aspect_ratio + 1.43
    return math.nan if len(singular_values) == 0 else omega * float(np.median(singular_values))
