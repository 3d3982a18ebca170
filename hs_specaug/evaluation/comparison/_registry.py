"""Every figure of likeness by name: how it is computed, what is good, what it needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal, NamedTuple

import numpy as np
from scipy.spatial.distance import pdist

from ..._axes import SignalAxis
from ..._registry import closest
from ..metrics._distribution import KernelDistance, kernel_distance, maximum_mean_discrepancy
from ..metrics._diversity import ManifoldScores, precision_recall_density_coverage
from ..metrics._frechet import FEWEST_ROWS, extrapolated_frechet_distance, frechet_distance
from ..metrics._image import inception_score, structural_similarity
from ..metrics._peaks import PeakErrors, peak_errors
from ..metrics._rows import check_rows
from ..metrics._spectral import cosine_distance, kl_divergence, pearson_correlation, signal_to_noise
from ..metrics._two_sample import classifier_two_sample_test


class Setting(NamedTuple):
    """What a figure may depend on besides the two sets of rows.

    Attributes
    ----------
    axis : SignalAxis or None
        Of the spectra.
    seed : int
        Of figures that draw.
    scaled : bool
        Whether rows are divided by the root mean square of the real ones for KID, whose kernel
        depends on their unit.
    """

    axis: SignalAxis | None = None
    seed: int = 0
    scaled: bool = False


NO_SETTING = Setting()


class Metric(NamedTuple):
    """A measure of likeness.

    Attributes
    ----------
    title : str
        What a table calls it.
    function : callable
        ``(real, synthetic, setting)`` to a number, or to a tuple of several.
    better : {"lower", "higher", "equal"}
        Which value is good; "equal" means that of the real rows.
    minimum : int
        Rows that it needs on either side.
    part : str or None
        Which field of the tuple.
    looks_at : {"rows", "features", "probabilities"}
        What it is computed from; features are what the embedding makes of the rows.
    kind : {"any", "spectra", "images"}
        Rows for which it means something; "spectra" are rows of one channel.
    max_repeats : int or None
        Random splits at most, for what takes long.
    """

    title: str
    function: Callable[[Any, Any, Setting], Any]
    better: Literal["lower", "higher", "equal"]
    minimum: int
    part: str | None = None
    looks_at: Literal["rows", "features", "probabilities"] = "rows"
    kind: Literal["any", "spectra", "images"] = "any"
    max_repeats: int | None = None

    def __call__(self, real: Any, synthetic: Any, setting: Setting = NO_SETTING) -> float:
        """Return the figure."""
        found = self.function(real, synthetic, setting)
        return float(found if self.part is None else getattr(found, self.part))


#: The k of Kynkäänniemi et al.; a larger one asks for more rows than rare classes have.
N_NEIGHBOURS = 3
#: Real rows whose median distance is the bandwidth of the MMD.
BANDWIDTH_ROWS = 500


def _frechet(real: Any, synthetic: Any, setting: Setting) -> float:
    return frechet_distance(real, synthetic)


def _extrapolated(real: Any, synthetic: Any, setting: Setting) -> float:
    return extrapolated_frechet_distance(real, synthetic, n_points=6, random_state=setting.seed)


def _kernel(real: Any, synthetic: Any, setting: Setting) -> float:
    return scaled_kernel_distance(real, synthetic, setting.scaled).value


def scaled_kernel_distance(
    real: np.ndarray, synthetic: np.ndarray, scaled: bool, level: float = 0.95
) -> KernelDistance:
    """Return KID, of rows divided by the root mean square of the real ones if `scaled`."""
    unit = float(np.sqrt(np.mean(np.square(real, dtype=float)))) if scaled and real.size else 1.0
    unit = unit or 1.0
    return kernel_distance(real / unit, synthetic / unit, level=level)


def _manifold(real: Any, synthetic: Any, setting: Setting) -> ManifoldScores:
    return precision_recall_density_coverage(real, synthetic, n_neighbours=N_NEIGHBOURS)


def _kl(real: Any, synthetic: Any, setting: Setting) -> float:
    return kl_divergence(real, synthetic)


def _mmd(real: Any, synthetic: Any, setting: Setting) -> float:
    # One bandwidth for all that is compared with the same real rows.
    rows = check_rows(real, "real", minimum=2)[:BANDWIDTH_ROWS]
    bandwidth = float(np.median(pdist(rows)))
    if not bandwidth > 0:
        raise ValueError("most real rows are the same: there is no scale to compare on")
    return maximum_mean_discrepancy(real, synthetic, bandwidth=bandwidth)


def _two_sample(real: Any, synthetic: Any, setting: Setting) -> float:
    return classifier_two_sample_test(real, synthetic, random_state=setting.seed).accuracy


def _pearson(real: Any, synthetic: Any, setting: Setting) -> float:
    return pearson_correlation(real, synthetic)


def _cosine(real: Any, synthetic: Any, setting: Setting) -> float:
    return cosine_distance(real, synthetic)


def _snr(real: Any, synthetic: Any, setting: Setting) -> float:
    return signal_to_noise(synthetic)


def _peaks(real: Any, synthetic: Any, setting: Setting) -> PeakErrors:
    return peak_errors(real, synthetic, axis=setting.axis)


def _ssim(real: Any, synthetic: Any, setting: Setting) -> float:
    return structural_similarity(real, synthetic, max_pairs=16, random_state=setting.seed)


def _inception(real: Any, synthetic: Any, setting: Setting) -> float:
    return inception_score(synthetic, n_splits=1)[0]


METRICS: dict[str, Metric] = {
    "frechet": Metric("Fréchet", _frechet, "lower", 2),
    "fid": Metric("FID", _frechet, "lower", 2, looks_at="features"),
    "fid-extrapolated": Metric(
        "FID∞", _extrapolated, "lower", FEWEST_ROWS, looks_at="features", max_repeats=10
    ),
    "kid": Metric("KID", _kernel, "lower", 2, looks_at="features"),
    "precision": Metric(
        "precision", _manifold, "higher", 2 * N_NEIGHBOURS + 2, "precision", "features"
    ),
    "recall": Metric("recall", _manifold, "higher", 2 * N_NEIGHBOURS + 2, "recall", "features"),
    "density": Metric("density", _manifold, "higher", 2 * N_NEIGHBOURS + 2, "density", "features"),
    "coverage": Metric(
        "coverage", _manifold, "higher", 2 * N_NEIGHBOURS + 2, "coverage", "features"
    ),
    "kl": Metric("KL", _kl, "lower", 1, kind="spectra"),
    "mmd": Metric("MMD²", _mmd, "lower", 2),
    "c2st": Metric("two-sample test", _two_sample, "lower", 10, max_repeats=10),
    "pearson": Metric("PCC", _pearson, "higher", 1),
    "cosine": Metric("cosine dist.", _cosine, "lower", 1),
    "snr": Metric("SNR", _snr, "equal", 2),
    "peak-position": Metric("peak position error", _peaks, "lower", 2, "position", kind="spectra"),
    "peak-width": Metric("peak width error", _peaks, "lower", 2, "width", kind="spectra"),
    "ssim": Metric("SSIM", _ssim, "higher", 1, kind="images"),
    "inception-score": Metric(
        "Inception score", _inception, "higher", 2, looks_at="probabilities", kind="images"
    ),
}

#: Those of paper 002, table 2.
SPECTRAL_METRICS = ("frechet", "pearson", "cosine", "kl", "snr")
#: Those that stop the training in paper 002; it looks at the others afterwards.
STOPPING_METRICS = ("frechet", "pearson", "cosine")

USEFULNESS = "usefulness"
MEMORISATION = "memorisation"
#: What a comparison answers, and the figures that answer it; the last two are no single figures.
GROUPS: dict[str, tuple[str, ...]] = {
    "fidelity": ("fid", "fid-extrapolated", "kid"),
    "diversity": ("precision", "recall", "density", "coverage"),
    "distribution": ("kl", "mmd", "c2st"),
    "spectral": ("pearson", "cosine", "snr", "peak-position", "peak-width"),
    "image": ("ssim", "inception-score"),
    USEFULNESS: (),
    MEMORISATION: (),
}


def find_metric(name: str, known: Iterable[str] = SPECTRAL_METRICS) -> Metric:
    """Return the metric called `name`, one of those `known` to the caller."""
    if name not in known:
        raise ValueError(f"metrics must be among {', '.join(map(repr, known))}, got {name!r}")
    return METRICS[name]


def wanted_groups(metrics: str | Iterable[str] | None, images: bool) -> dict[str, tuple[str, ...]]:
    """Return the names of the figures that were asked for, by group, in the order of `GROUPS`.

    Parameters
    ----------
    metrics : str, sequence of str or None
        Names of groups or of single figures. None takes what suits the rows.
    images : bool
        Whether a row is an image.
    """
    if metrics is None:
        metrics = [group for group in GROUPS if group != ("spectral" if images else "image")]
    if not isinstance(metrics, Iterable):
        raise TypeError(
            f"metrics must be None, a name or a list of names such as ['fid', 'diversity'], got "
            f"{metrics!r}"
        )
    asked = [metrics] if isinstance(metrics, str) else list(metrics)
    if not asked:
        raise ValueError("metrics is empty; leave it out to get all, or use metrics='fidelity'")
    group_of = {name: group for group, names in GROUPS.items() for name in names}
    for name in asked:
        if name not in GROUPS and name not in group_of:
            raise ValueError(
                f"unknown metric {name!r}{closest(name, [*GROUPS, *group_of])}. Groups: "
                f"{', '.join(GROUPS)}; single ones: {', '.join(group_of)}"
            )
    return {
        group: tuple(name for name in names if group in asked or name in asked)
        for group, names in GROUPS.items()
        if group in asked or any(name in asked for name in names)
    }


def in_embedding(names: Iterable[str], source: str) -> dict[str, Metric]:
    """Return metrics by name; distances of features say in name and title which features."""
    requests = {}
    for name in names:
        metric = METRICS[name]
        if name in GROUPS["fidelity"]:
            name, title = f"{name}-{source.lower()}", f"{metric.title} ({source})"
            metric = metric._replace(title=title)
        requests[name] = metric
    return requests


def row_kind(rows: np.ndarray) -> str:
    """Return "spectra", "images", or "channels" for spectra with several channels."""
    if rows.ndim == 4:
        return "images"
    return "spectra" if rows.ndim == 2 or rows.shape[1] == 1 else "channels"


def why_not(metric: Metric, rows: np.ndarray) -> str | None:
    """Say why a metric means nothing for rows of this kind; None if it does."""
    kind = row_kind(rows)
    if metric.kind in ("any", kind):
        return None
    needed = {"spectra": "spectra of one channel", "images": "images"}[metric.kind]
    return f"is for {needed}; rows here have shape {rows.shape[1:]}"
