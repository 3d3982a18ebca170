"""Bring every spectrum to a common scale: maximum, area or z-score."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_array, validate_data

from .._warnings import warn_user
from ..exceptions import SpecAugWarning
from ._options import canonical_option, check_finite, floating_dtype

NORMALIZATIONS = ("max", "area", "z-score")


def normalize_spectra(
    X: ArrayLike,
    method: str = "max",
    axis: int | tuple[int, ...] = -1,
    *,
    channel_widths: ArrayLike | None = None,
) -> NDArray[Any]:
    r"""
    Scale each spectrum (or image) on its own.

    Parameters
    ----------
    X : array-like, real or complex
        Any shape; ``axis`` names the signal axis (or axes) along which one spectrum lies.
    method : {"max", "area", "z-score"}
        * ``"max"`` divides by :math:`\max |x|` (the modulus for complex data), so that a phase
          angle that is negative everywhere keeps its sign;
        * ``"area"`` divides by :math:`\sum |x|`: absolute values, because the signed area of a
          background-subtracted spectrum that holds only noise is close to zero;
        * ``"z-score"`` subtracts the mean and divides by the standard deviation (``ddof=0``).
    axis : int or tuple of int, default=-1
        Signal axis; the two image axes for images.
    channel_widths : array-like of shape (length,), optional
        Widths of the channels of a non-uniform axis, for ``"area"`` only. They are divided by
        their mean, so that equal widths give the plain sum.

    Returns
    -------
    ndarray of the shape of ``X``
        Floating dtypes are kept; integers become float32 or float64.

    Raises
    ------
    ValueError
        If the method is unknown, or ``X`` has no channel, NaN or infinite values.

    Warns
    -----
    SpecAugWarning
        For spectra without a scale (all zero, or constant for ``"z-score"``); they become zeros.

    Examples
    --------
    >>> normalize_spectra([[1.0, 4.0, 2.0]])
    array([[0.25, 1.  , 0.5 ]])
    """
    method = canonical_option("method", method, NORMALIZATIONS)
    values: NDArray[Any] = np.asarray(X)
    values = values.astype(floating_dtype(values.dtype), copy=False)
    if not values.shape[-1]:
        raise ValueError(f"X must have at least one channel, got shape {values.shape}")
    check_finite(values, "normalize")
    modulus = np.abs(values)
    largest = modulus.max(axis=axis, keepdims=True)
    if method == "max":
        scale = largest
        degenerate = scale == 0
    elif method == "area":
        weights = _relative_widths(channel_widths, values.shape[-1], modulus.dtype)
        scale = (modulus if weights is None else modulus * weights).sum(axis=axis, keepdims=True)
        degenerate = scale == 0
    else:
        values = values - values.mean(axis=axis, keepdims=True)
        scale = values.std(axis=axis, keepdims=True)
        # Rounding leaves a constant spectrum with a spread of a few units in the last place.
        degenerate = scale <= 10 * np.finfo(scale.dtype).eps * largest
    if degenerate.any():
        warn_user(
            f"{int(degenerate.sum())} of {degenerate.size} spectra are "
            f"{'constant' if method == 'z-score' else 'zero everywhere'} and have no scale for "
            f"normalize={method!r}; they become zeros.",
            SpecAugWarning,
        )
    # The product of tiny numbers and a reciprocal can overflow; the quotient cannot.
    scaled = np.where(degenerate, 0, values / np.where(degenerate, 1, scale))
    return scaled.astype(values.dtype, copy=False)


def _relative_widths(
    channel_widths: ArrayLike | None, length: int, dtype: np.dtype[Any]
) -> NDArray[Any] | None:
    """Return channel widths over their mean, or None where all are equal."""
    if channel_widths is None:
        return None
    widths = np.abs(np.asarray(channel_widths, dtype=float))
    if widths.shape != (length,):
        raise ValueError(
            f"channel_widths needs one width per channel, shape ({length},); got {widths.shape}."
        )
    return (widths / widths.mean()).astype(dtype)


class SpectrumNormalizer(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """
    Scale each spectrum on its own, as a scikit-learn transformer.

    It learns nothing: rows never see one another, so it cannot leak between folds.

    Parameters
    ----------
    method : {"max", "area", "z-score"}, default="max"
        See :func:`normalize_spectra`.

    Attributes
    ----------
    n_features_in_ : int
        Number of channels per row seen by :meth:`fit`.

    Notes
    -----
    ``X`` has shape (n, length), (n, channels, length) or (n, channels, height, width). Every
    channel of a row is scaled by itself. The rank is kept, and so is float32 or float64.

    Examples
    --------
    >>> SpectrumNormalizer("area").fit_transform([[1.0, 3.0], [2.0, 2.0]])
    array([[0.25, 0.75],
           [0.5 , 0.5 ]])
    """

    def __init__(self, method: str = "max") -> None:
        self.method = method

    def fit(self, X: ArrayLike, y: Any = None) -> SpectrumNormalizer:
        """
        Check the input; nothing is learned.

        Parameters
        ----------
        X : array-like of shape (n, ...)
            Spectra or images.
        y : None
            Ignored.

        Returns
        -------
        SpectrumNormalizer
            The transformer itself.
        """
        canonical_option("method", self.method, NORMALIZATIONS)
        validate_data(self, X, allow_nd=True, dtype=[np.float64, np.float32])
        return self

    def transform(self, X: ArrayLike) -> NDArray[Any]:
        """
        Scale each row.

        Parameters
        ----------
        X : array-like of shape (n, ...)
            Spectra or images.

        Returns
        -------
        ndarray of the shape of ``X``
            The scaled rows.
        """
        options: dict[str, Any] = {"allow_nd": True, "dtype": [np.float64, np.float32]}
        if hasattr(self, "n_features_in_"):
            X = validate_data(self, X, reset=False, **options)
        else:  # stateless: fitting is optional
            X = check_array(X, estimator=self, **options)
        axis = (-2, -1) if np.ndim(X) > 3 else -1
        return normalize_spectra(X, self.method, axis=axis)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
