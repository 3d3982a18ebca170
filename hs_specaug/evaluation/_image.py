"""How alike synthetic and real images are: FID, KID, SSIM, Inception score (paper 003, table 2)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.special import rel_entr
from scipy.stats import norm
from sklearn.utils import check_random_state

from ._fidelity import METRICS, Embedding, Metric, spectral_fidelity
from ._fidelity_report import HEADERS, FidelityReport
from ._rows import check_pair, check_rows

#: Where features come from, as the label of a figure says it.
SOURCES = ("classifier", "Inception", "embedding")
IMAGE_METRICS = ("fid", "kid", "ssim")
#: Half of the window of SSIM: a Gaussian of 1.5 pixels, cut at 11 × 11 (Wang et al. 2004).
SSIM_EDGE = 11


class KernelDistance(NamedTuple):
    """A kernel distance and its confidence interval."""

    value: float
    low: float
    high: float


def kernel_distance(
    real: Any,
    synthetic: Any,
    *,
    embedding: Embedding | None = None,
    level: float = 0.95,
) -> KernelDistance:
    """Return the Kernel Inception Distance (KID) with an interval.

    The unbiased squared maximum mean discrepancy with the kernel (x·y / d + 1)³: other than the
    Fréchet distance it does not depend on the number of rows, so it suits small sets.

    Parameters
    ----------
    real, synthetic : array-like of shape (n, ...) and (m, ...)
        Rows, or with `embedding` what it takes.
    embedding : callable or None
        Maps rows to features (n, d), ``classifier.features`` for instance.
    level : float, default 0.95
        Of the interval, which is normal with the jackknife variance.

    Returns
    -------
    KernelDistance
        ``value``, ``low`` and ``high``. The value can be a little below 0 where the
        distributions are the same.

    Raises
    ------
    TooFewRowsError
        A ValueError: for fewer than two rows; three are needed for an interval, else it is NaN.

    References
    ----------
    Bińkowski et al., ICLR 2018.

    Examples
    --------
    >>> float(kernel_distance([[0.0], [0.0]], [[1.0], [1.0]]).value)  # 1 + 8 − 2 · 1
    7.0
    """
    if embedding is not None:
        real, synthetic = embedding(real), embedding(synthetic)
    x, y = check_pair(real, synthetic, minimum=2)
    n, m = len(x), len(y)
    kernels = [(a @ b.T / x.shape[1] + 1.0) ** 3 for a, b in ((x, x), (y, y), (x, y))]
    K_xx, K_yy, K_xy = kernels
    for K in (K_xx, K_yy):
        np.fill_diagonal(K, 0.0)
    A, B, C = K_xx.sum(), K_yy.sum(), K_xy.sum()
    value = A / (n * (n - 1)) + B / (m * (m - 1)) - 2.0 * C / (n * m)
    if min(n, m) < 3:
        return KernelDistance(float(value), np.nan, np.nan)
    # Leave one row out at a time, of either set.
    without_x = (
        (A - 2.0 * K_xx.sum(axis=1)) / ((n - 1) * (n - 2))
        + B / (m * (m - 1))
        - 2.0 * (C - K_xy.sum(axis=1)) / ((n - 1) * m)
    )
    without_y = (
        A / (n * (n - 1))
        + (B - 2.0 * K_yy.sum(axis=1)) / ((m - 1) * (m - 2))
        - 2.0 * (C - K_xy.sum(axis=0)) / (n * (m - 1))
    )
    variance = sum((len(v) - 1) * np.var(v) for v in (without_x, without_y))
    half = float(norm.ppf(0.5 + level / 2.0) * np.sqrt(variance))
    return KernelDistance(float(value), float(value) - half, float(value) + half)


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


def image_fidelity(
    real: Any,
    synthetic: Any,
    y_real: Any = None,
    y_synthetic: Any = None,
    *,
    classifier: Any = None,
    embedding: Embedding | str | None = None,
    metrics: Sequence[str] = IMAGE_METRICS,
    classes: Sequence[Any] | None = None,
    n_repeats: int = 20,
    level: float = 0.95,
    random_state: Any = None,
) -> FidelityReport:
    """Compare synthetic with real images, class by class, beside real against real.

    Parameters
    ----------
    real, synthetic : array-like of shape (n, channels, height, width) and (m, ...)
        Images; real ones that the generator has *not* seen say most.
    y_real, y_synthetic : array-like of shape (n,) and (m,), or None
        Class labels. None for both compares all images as one class.
    classifier : fitted classifier with `features`, or None
        FID and KID are taken in what its last layer sees, and labelled "classifier".
    embedding : "inception", callable or None
        Instead: the Inception network, labelled "Inception", from ``inception-2015-12-05.pt`` in
        the folder that ``HS_SPECAUG_WEIGHTS`` names; or any function of images, labelled
        "embedding".
    metrics : sequence of {"fid", "kid", "ssim"}
        Which ones; all by default.
    classes, n_repeats, level, random_state
        See :func:`spectral_fidelity`, which does the splits.

    Returns
    -------
    FidelityReport
        Metrics are called ``"fid-classifier"``, ``"kid-classifier"``, ``"ssim"`` and so on: a
        figure says in which features it was taken.

    Raises
    ------
    ValueError
        If a metric is unknown, or FID or KID is asked for without features to take it in.
    """
    unknown = [name for name in metrics if name not in IMAGE_METRICS]
    if unknown:
        raise ValueError(f"metrics must be among {IMAGE_METRICS}, got {unknown}")
    options: dict[str, Any] = {
        "classes": classes,
        "n_repeats": n_repeats,
        "level": level,
        "random_state": random_state,
    }
    real, synthetic = np.asarray(real), np.asarray(synthetic)
    reports = []
    in_features = {"fid": "frechet", "kid": "kid"}
    wanted = [in_features[name] for name in metrics if name in in_features]
    if wanted:
        source, embed = _features_of(classifier, embedding)
        rows = (embed(real), embed(synthetic))
        report = spectral_fidelity(*rows, y_real, y_synthetic, metrics=wanted, **options)
        names = {in_features[n]: f"{n}-{source.lower()}" for n in in_features}
        reports.append(_renamed(report, names))
    if "ssim" in metrics:
        reports.append(
            spectral_fidelity(real, synthetic, y_real, y_synthetic, metrics=["ssim"], **options)
        )
    return _joined(reports)


def _features_of(classifier: Any, embedding: Any) -> tuple[str, Embedding]:
    """Return where features come from, and the function that makes them."""
    if classifier is not None and embedding is None:
        return "classifier", classifier.features
    if embedding == "inception":
        from ..networks._inception import inception_features

        return "Inception", inception_features()
    if callable(embedding) and classifier is None:
        return "embedding", embedding
    raise ValueError(
        "FID and KID need features: pass a fitted classifier=, or embedding='inception' or a "
        f"callable, one of them; got classifier={classifier!r} and embedding={embedding!r}"
    )


_BY_METRIC = ("values", "baseline", "intervals", "reached")


def _renamed(report: FidelityReport, names: dict[str, str]) -> FidelityReport:
    changed: dict[str, Any] = {
        f: {names[k]: v for k, v in getattr(report, f).items()} for f in _BY_METRIC
    }
    for old, new in names.items():
        changed["notes"] = tuple(
            note.replace(f"{old} of class", f"{new} of class")
            for note in changed.get("notes", report.notes)
        )
    return dataclasses.replace(report, **changed)


def _joined(reports: list[FidelityReport]) -> FidelityReport:
    parts: dict[str, Any] = {
        f: {k: v for r in reports for k, v in getattr(r, f).items()} for f in _BY_METRIC
    }
    notes = tuple(note for report in reports for note in report.notes)
    return dataclasses.replace(reports[0], notes=notes, **parts)


# What spectral_fidelity and its reports know of these figures.
METRICS["kid"] = Metric(lambda r, s, e: kernel_distance(r, s, embedding=e).value, "lower", 2)
METRICS["ssim"] = Metric(
    lambda r, s, e: structural_similarity(r, s, max_pairs=16, random_state=0), "higher", 1
)
HEADERS.update({"kid": "KID", "ssim": "SSIM"})
for _source in SOURCES:
    HEADERS[f"fid-{_source.lower()}"] = f"FID ({_source})"
    HEADERS[f"kid-{_source.lower()}"] = f"KID ({_source})"
