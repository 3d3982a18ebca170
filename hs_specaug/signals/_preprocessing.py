"""``preprocess`` on a signal."""

from __future__ import annotations

from typing import Any

import numpy as np


class PreprocessingMixin:
    """Label-preserving preprocessing of a signal."""

    def preprocess(
        self,
        background: str | tuple[str, int] | None = None,
        fit_range: tuple[float, float] | None = None,
        crop: Any = None,
        resample: Any = None,
        denoise: Any = None,
        normalize: str | None = None,
        *,
        like: Any = None,
        random_state: int | np.random.RandomState | None = None,
        show_progressbar: bool | None = None,
    ) -> Any:
        """
        Return a preprocessed copy; labels are kept and the steps recorded in the metadata.

        The steps run in this order, whatever the order of the arguments: background, crop,
        resample, denoise, normalize. Call it twice for another order.

        Parameters
        ----------
        background : {"power-law", "polynomial", "linear", "offset"}, optional
            Background fitted in ``fit_range`` by HyperSpy and subtracted. ``("polynomial", 4)``
            sets the order, 2 by default. Below the fit range of a power law, the result is zero.
        fit_range : (float, float), optional
            Range of the fit in axis units.
        crop : (start, end) or ((x0, x1), (y0, y1)), optional
            Range kept, in axis units; **integers are axis units here too**, never channel
            numbers. The end is excluded, as in ``s.isig[510.:600.]``; None leaves an end open.
        resample : int, float, array-like or (int, int), optional
            An integer is a number of channels (for impedance: logarithmically spaced), a float a
            step in axis units, an array or a HyperSpy axis the axis wanted. Images take (nx, ny)
            pixels.
        denoise : int, float, "auto" or PCADenoiser, optional
            Keep this many principal components, this fraction of the variance, or those above
            the noise. A lazy signal is read once for the fit. Every spectrum takes part, also
            those scored later by ``classify``; for scores free of that, put
            :class:`~hs_specaug.preprocessing.PCADenoiser` into the classifier's pipeline.
        normalize : {"max", "area", "z-score"}, optional
            Scale of each spectrum or image.
        like : signal or sequence of dict, optional
            Repeat the steps recorded on this signal; principal components are fitted anew.
        random_state : int, RandomState or None, default=None
            Draws the spectra that principal components are fitted on, if there are too many.
        show_progressbar : bool, optional
            Progress bar while a lazy signal is read; by default HyperSpy's preference.

        Returns
        -------
        signal
            A new signal of the same type; lazy signals stay lazy.

        See Also
        --------
        hs_specaug.preprocessing.preprocess : The same for any signal, with all details.
        hs_specaug.preprocessing.describe_steps : What was done to a signal, in words.
        """
        from ..preprocessing import preprocess

        return preprocess(
            self,
            background=background,
            fit_range=fit_range,
            crop=crop,
            resample=resample,
            denoise=denoise,
            normalize=normalize,
            like=like,
            random_state=random_state,
            show_progressbar=show_progressbar,
        )
