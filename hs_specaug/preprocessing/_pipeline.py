"""Preprocess a signal: the order of the steps, and their record."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._chunks import warn_of_chunks
from .._lazy_rows import LazyRows
from .._progress import compute_shown
from ._background import background_step, subtract_background
from ._blocks import map_spectra, replace_data, signal_axes_in_array
from ._crop_resample import crop_signal, crop_step, resample_signal, resample_step
from ._denoise import PCADenoiser, check_n_components, choose_fit_rows, project_on_components
from ._normalize import NORMALIZATIONS, normalize_spectra
from ._options import canonical_option, check_finite, floating_dtype
from ._record import append_steps, check_units, steps_like


def preprocess(
    signal: Any,
    background: str | tuple[str, int] | None = None,
    fit_range: tuple[float, float] | None = None,
    crop: Any = None,
    resample: Any = None,
    denoise: int | float | str | PCADenoiser | None = None,
    normalize: str | None = None,
    *,
    like: Any = None,
    random_state: int | np.random.RandomState | None = None,
    show_progressbar: bool | None = None,
) -> Any:
    """
    Return a preprocessed copy of a signal; labels are kept and the steps recorded.

    The steps run in this order, whatever the order of the arguments: background, crop, resample,
    denoise, normalize. Call it twice for another order.

    Parameters
    ----------
    signal : hyperspy signal
        One- or two-dimensional signal, lazy or not. It is not modified.
    background : {"power-law", "polynomial", "linear", "offset"}, optional
        Background fitted in ``fit_range`` with HyperSpy's ``remove_background(fast=True)`` and
        subtracted. ``("polynomial", 4)`` sets the order, 2 by default. Below the fit range of a
        power law, the result is zero. Not for images and impedance.
    fit_range : (float, float), optional
        Range of the fit in axis units.
    crop : (start, end) or ((x0, x1), (y0, y1)), optional
        Range kept, in axis units; **integers are axis units here too**, never channel numbers.
        The end is excluded, as in ``s.isig[510.:600.]``; None leaves an end open.
    resample : int, float, array-like or (int, int), optional
        An integer is a number of channels over the present range, a float a step in axis units,
        an array or a HyperSpy axis the axis wanted. For impedance, a number of channels means
        logarithmically spaced frequencies. The new axis ascends. Wider channels are averages of
        the old ones; to sum counts use ``s.rebin``. Images take (nx, ny) pixels.
    denoise : int, float, "auto" or PCADenoiser, optional
        Keep this many principal components, this fraction of the variance, or those above the
        noise ("auto"). Fitted on this signal, on at most 10 000 of its spectra; a
        :class:`PCADenoiser` sets another limit. A lazy signal is read once for the fit.
        Real and imaginary parts are denoised together. Every spectrum takes part in the fit, also
        those that are scored later; for scores free of that, put :class:`PCADenoiser` into the
        classifier's pipeline instead.
    normalize : {"max", "area", "z-score"}, optional
        Scale of each spectrum or image, see :func:`normalize_spectra`.
    like : hyperspy signal or sequence of dict, optional
        Repeat the steps recorded on this signal, in the order in which they were done, or those
        that :func:`read_steps` returned. Parameters are repeated, fits are made anew: principal
        components come from the present signal. Excludes the options above.
    random_state : int, RandomState or None, default=None
        Draws the spectra that principal components are fitted on, if there are too many. An
        integer is recorded with the step.
    show_progressbar : bool, optional
        Progress bar while a lazy signal is read; by default HyperSpy's preference.

    Returns
    -------
    hyperspy signal
        A new signal of the same type. Lazy signals stay lazy, with their navigation chunks as
        they were and the signal axes in one chunk. Floating dtypes are kept.

    Raises
    ------
    ValueError
        For an option that is unknown or does not fit the signal, ranges outside the axis, and
        data that are NaN or infinite where a step needs them (a lazy signal: when computed).
    """
    _check_signal(signal)
    _check_chunks(signal)
    options = {
        "background": background,
        "crop": crop,
        "resample": resample,
        "denoise": denoise,
        "normalize": normalize,
    }
    if like is not None:
        given = [
            name for name, value in {**options, "fit_range": fit_range}.items() if value is not None
        ]
        if given:
            raise ValueError(
                f"like repeats recorded steps and excludes {', '.join(given)}. "
                "Call preprocess a second time for further steps."
            )
        return _repeat(signal, steps_like(like), random_state, show_progressbar)
    if fit_range is not None and background is None:
        raise ValueError(
            f"fit_range={fit_range!r} belongs to a background; add background='power-law'."
        )
    return _run_options(signal, options, fit_range, random_state, show_progressbar)


def _check_signal(signal: Any) -> None:
    manager = getattr(signal, "axes_manager", None)
    if manager is None:
        raise TypeError(f"preprocess needs a HyperSpy signal; got {type(signal).__name__}.")
    if manager.signal_dimension not in (1, 2) or getattr(signal, "ragged", False):
        raise ValueError(
            "preprocess works on spectra and images (signal dimension 1 or 2, not ragged); got "
            f"{signal!r}. Use s.as_signal1D(...) or s.as_signal2D(...) first."
        )
    if 0 in manager.signal_shape:
        raise ValueError(
            f"the rows of this signal are empty, of shape {tuple(manager.signal_shape[::-1])}: "
            f"{signal!r}; see what s.isig[...] or an earlier crop has left."
        )


def _check_chunks(signal: Any) -> None:
    if signal._lazy:
        data, n_navigation = _signal_axes_last(signal)
        warn_of_chunks(data, n_navigation)


def _run_options(
    signal: Any,
    options: dict[str, Any],
    fit_range: Any,
    random_state: Any,
    show_progressbar: bool | None,
) -> Any:
    """Turn each option into a step, checked against the signal as it is by then, and run it."""
    makers: dict[str, Callable[[Any, Any], dict[str, Any]]] = {
        "background": lambda s, value: background_step(s, value, fit_range),
        "crop": crop_step,
        "resample": resample_step,
        "denoise": functools.partial(_denoise_step, random_state=random_state),
        "normalize": _normalize_step,
    }
    steps = []
    result = signal
    for name, make_step in makers.items():
        if options[name] is not None:
            step = make_step(result, options[name])
            result = _run_step(result, step, random_state, show_progressbar)
            steps.append(step)
    return _finish(signal, result, steps)


def _repeat(
    signal: Any, steps: list[dict[str, Any]], random_state: Any, show_progressbar: bool | None
) -> Any:
    result = signal
    for step in steps:
        check_units(result, step)
        result = _run_step(result, step, random_state, show_progressbar)
    return _finish(signal, result, steps)


def _run_step(
    signal: Any, step: dict[str, Any], random_state: Any, show_progressbar: bool | None
) -> Any:
    if step["step"] == "background":
        return subtract_background(signal, step)
    if step["step"] == "crop":
        return crop_signal(signal, step)
    if step["step"] == "resample":
        return resample_signal(signal, step)
    if step["step"] == "denoise":
        return _denoise(signal, step, random_state, show_progressbar)
    return _normalize(signal, step)


def _finish(signal: Any, result: Any, steps: list[dict[str, Any]]) -> Any:
    """Cut every tie to the input's memory and write the record."""
    if result is signal:
        result = signal.deepcopy()
    elif not result._lazy and np.may_share_memory(result.data, signal.data):
        result.data = result.data.copy()
    if steps:
        append_steps(result, steps)
    return result


def _normalize_step(signal: Any, normalize: Any) -> dict[str, Any]:
    return {
        "step": "normalize",
        "method": canonical_option("normalize", normalize, NORMALIZATIONS),
    }


def _normalize(signal: Any, step: dict[str, Any]) -> Any:
    if signal.data.dtype.names:
        raise ValueError(
            "normalize does not apply to RGB images, whose colours share a fixed scale. Convert "
            "them first with s.change_dtype('uint8')."
        )
    axes = signal.axes_manager.signal_axes
    widths = None
    if len(axes) == 1 and not axes[0].is_uniform and axes[0].size > 1:
        widths = np.abs(np.gradient(np.asarray(axes[0].axis, dtype=float)))
    function = functools.partial(
        _normalize_block,
        method=step["method"],
        axis=-1 if len(axes) == 1 else (-2, -1),
        channel_widths=widths,
    )
    result = replace_data(signal, map_spectra(signal, function, floating_dtype(signal.data.dtype)))
    result.metadata.set_item("Signal.quantity", _normalized_quantity(signal))
    return result


def _normalized_quantity(signal: Any) -> str:
    """Return what the values are now: they have lost the units that plots write at their axis."""
    quantity = str(signal.metadata.get_item("Signal.quantity", "") or "Intensity")
    if "normalised" in quantity.casefold():
        return quantity
    return re.sub(r"\s*\([^()]*\)$", "", quantity) + " (normalised)"


def _normalize_block(X: NDArray[Any], **options: Any) -> NDArray[Any]:
    return normalize_spectra(X, **options)


def _denoise_step(signal: Any, denoise: Any, random_state: Any) -> dict[str, Any]:
    """Reduce a denoiser, or the number it stands for, to plain values."""
    if not isinstance(denoise, PCADenoiser):
        denoise = PCADenoiser(denoise)
    number = denoise.n_components
    check_n_components(number)
    if isinstance(number, Integral):
        number = int(number)
    elif not isinstance(number, str):
        number = float(number)
    step = {"step": "denoise", "method": "pca", "n_components": number}
    step["max_fit_rows"] = None if denoise.max_fit_rows is None else int(denoise.max_fit_rows)
    seed = denoise.random_state if random_state is None else random_state
    if isinstance(seed, Integral):
        step["random_state"] = int(seed)
    return step


def _denoise(
    signal: Any, step: dict[str, Any], random_state: Any, show_progressbar: bool | None
) -> Any:
    if signal.data.dtype.names:
        raise ValueError(
            "denoise does not apply to RGB images. Convert them first with s.change_dtype('uint8')."
        )
    n_spectra = int(np.prod(signal.axes_manager.navigation_shape))
    if signal.axes_manager.navigation_dimension == 0 or n_spectra < 2:
        raise ValueError(
            f"denoise compares many spectra; this signal has {'one' if n_spectra else 'none'}. "
            "Smooth one with s.smooth_savitzky_golay(...) instead."
        )
    denoiser = PCADenoiser(
        step["n_components"],
        max_fit_rows=step.get("max_fit_rows"),
        random_state=step.get("random_state") if random_state is None else random_state,
    )
    generator = np.random.RandomState(_seed(denoiser.random_state))
    rows = choose_fit_rows(n_spectra, denoiser.max_fit_rows, generator)
    chosen = _read_rows(signal, rows, show_progressbar)
    check_finite(chosen, "denoise")
    denoiser.set_params(max_fit_rows=None).fit(_as_real(chosen))
    function = functools.partial(
        _denoise_block,
        mean=denoiser.mean_,
        components=denoiser.components_,
        size=int(np.prod(chosen.shape[1:])),
    )
    return replace_data(signal, map_spectra(signal, function, floating_dtype(signal.data.dtype)))


def _seed(random_state: Any) -> Any:
    """Return what seeds a generator of our own; a generator given is drawn from, once."""
    if isinstance(random_state, np.random.RandomState):
        return random_state.randint(2**31 - 1)
    return random_state


def _read_rows(
    signal: Any, rows: NDArray[np.intp] | None, show_progressbar: bool | None
) -> NDArray[Any]:
    """Return the chosen spectra, flattened over navigation, in memory."""
    data, n_navigation = _signal_axes_last(signal)
    signal_shape = data.shape[n_navigation:]
    if not signal._lazy:
        flat = data.reshape(-1, *signal_shape)
        return flat if rows is None else flat[rows]
    if show_progressbar is None:
        import hyperspy.api as hs

        show_progressbar = bool(hs.preferences.General.show_progressbar)
    if rows is None:
        return compute_shown(data, show_progressbar).reshape(-1, *signal_shape)
    return LazyRows(data, n_navigation, rows).load(show_progressbar)


def _signal_axes_last(signal: Any) -> tuple[Any, int]:
    """Return the data with the signal axes last, and the number of navigation axes."""
    axes = signal_axes_in_array(signal)
    n_navigation = signal.data.ndim - len(axes)
    return np.moveaxis(signal.data, axes, list(range(n_navigation, signal.data.ndim))), n_navigation


def _as_real(X: NDArray[Any]) -> NDArray[Any]:
    """Return floating rows; complex ones (n, length) as (n, 2, length), real then imaginary."""
    X = X.astype(floating_dtype(X.dtype), copy=False)
    return np.stack([X.real, X.imag], axis=1) if X.dtype.kind == "c" else X


def _denoise_block(
    X: NDArray[Any], mean: NDArray[Any], components: NDArray[Any], size: int
) -> NDArray[Any]:
    check_finite(X, "denoise")
    rows = _as_real(X.reshape(-1, size))
    denoised = project_on_components(rows.reshape(len(rows), -1), mean, components)
    if X.dtype.kind == "c":
        denoised = denoised[:, :size] + 1j * denoised[:, size:]
    return denoised.reshape(X.shape)
