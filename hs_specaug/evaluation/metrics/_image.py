"""How alike images are, and how clear and varied: SSIM, Inception score (paper 003, table 2)."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import rel_entr
from sklearn.utils import check_random_state

from ._rows import check_rows

#: Half of the window of SSIM: a Gaussian of 1.5 pixels, cut at 11 × 11 (Wang et al. 2004).
SSIM_EDGE = 11


def structural_similarity(
    real: Any, synthetic: Any, *, max_pairs: int = 64, random_state: Any = None
) -> float:
    """Return the mean structural similarity (SSIM) of pairs of a real and a synthetic image.

    Computed by scikit-image, with the window of Wang et al. (2004).

    Parameters
    ----------
    real, synthetic : array-like of shape (n, channels, height, width) and (m, ...)
        Images of one class, at least 11 pixels high and wide.
    max_pairs : int, default 64
        Of more possible pairs this many are chosen at random.
    random_state : int, numpy.random.RandomState or None
        Seed of the choice.

    Returns
    -------
    float
        At most 1; higher is more alike. Two sets that are equal need not give 1: images of one
        class differ from each other as well.

    Raises
    ------
    ImportError
        Without scikit-image: ``pip install "hs_specaug[images]"``.
    ValueError
        If the arrays are no images, are too small, or the real ones are constant.
    """
    try:
        from skimage.metrics import structural_similarity as ssim
    except ImportError as error:
        raise ImportError(
            'SSIM needs scikit-image; install it with: pip install "hs_specaug[images]"'
        ) from error
    check_rows(real, "real"), check_rows(synthetic, "synthetic")
    real, synthetic = (np.asarray(X, dtype=np.float64) for X in (real, synthetic))
    if real.ndim != 4 or synthetic.shape[1:] != real.shape[1:] or not len(synthetic):
        raise ValueError(
            "SSIM compares images of one shape (n, channels, height, width), got "
            f"{real.shape} and {synthetic.shape}"
        )
    if min(real.shape[2:]) < SSIM_EDGE:
        raise ValueError(f"SSIM needs images of at least {SSIM_EDGE} pixels, got {real.shape[2:]}")
    span = float(np.ptp(real))
    if not span > 0:
        raise ValueError("SSIM needs real images that are not constant")
    n_pairs = len(real) * len(synthetic)
    pairs = np.arange(n_pairs)
    if n_pairs > max_pairs:
        pairs = check_random_state(random_state).permutation(n_pairs)[:max_pairs]
    options: dict[str, Any] = {
        "channel_axis": 0,
        "data_range": span,
        "gaussian_weights": True,
        "use_sample_covariance": False,
    }
    i, j = np.divmod(pairs, len(synthetic))
    return float(
        np.mean([ssim(real[a], synthetic[b], **options) for a, b in zip(i, j, strict=True)])
    )


def inception_score(
    probabilities: Any, *, n_splits: int = 10, random_state: Any = None
) -> tuple[float, float]:
    """Return mean and standard deviation of the Inception score exp(E[KL(p(y|x) ‖ p(y))]).

    Parameters
    ----------
    probabilities : array-like of shape (n, n_classes)
        Of generated images, from ``classifier.predict_proba``. The score belongs to this
        classifier; figures from another one, such as an Inception network, do not compare.
    n_splits : int, default 10
        Parts into which the shuffled rows are split; one score each.
    random_state : int, numpy.random.RandomState or None
        Seed of the shuffling.

    Returns
    -------
    mean, standard_deviation : float
        From 1 (unsure, or always the same class) to the number of classes.

    Raises
    ------
    TooFewRowsError
        With fewer rows than splits.
    ValueError
        If rows are not probabilities.

    References
    ----------
    Salimans et al., NeurIPS 2016.

    Examples
    --------
    >>> import numpy as np
    >>> [round(value, 6) for value in inception_score(np.eye(4), n_splits=1)]
    [4.0, 0.0]
    """
    p = check_rows(probabilities, "probabilities", minimum=n_splits)
    if (p < 0).any() or not np.allclose(p.sum(axis=1), 1.0, atol=1e-4):
        raise ValueError("probabilities must be rows ≥ 0 that add up to 1")
    order = check_random_state(random_state).permutation(len(p))
    scores = [
        np.exp(rel_entr(part, part.mean(axis=0)).sum(axis=1).mean())
        for part in np.array_split(p[order], n_splits)
    ]
    return float(np.mean(scores)), float(np.std(scores))
