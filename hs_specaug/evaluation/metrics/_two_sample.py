"""Can a classifier tell synthetic from real rows: the classifier two-sample test."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.stats import norm
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_random_state

from ..._seeds import clone_with_seed
from ...classifiers._flat_rows import takes_channels
from ._classifiers import check_classifier
from ._rows import check_pair

LARGEST_SEED = np.iinfo(np.int32).max


class TwoSampleTest(NamedTuple):
    """How well a classifier tells synthetic from real rows, and whether that is chance.

    Attributes
    ----------
    accuracy : float
        Share of rows told right by models that have not seen them; 0.5 is guessing.
    p_value : float
        Probability of such separation where both sets are of one distribution.
    """

    accuracy: float
    p_value: float


class ScoresAndResidual(TransformerMixin, BaseEstimator):
    """Principal component scores, their squares, and what the components leave over.

    What chemometrics looks at to say whether a spectrum belongs to a set: where it lies among
    the others, how far out (the terms of Hotelling's T²), and how much of it, noise most of all,
    is unlike any of them (the logarithm of the Q residual).

    Parameters
    ----------
    n_components : int, default 20
        At most; no more than the rows allow.
    random_state : int, numpy.random.RandomState or None
        Seed of the randomised decomposition of large sets.
    """

    def __init__(self, n_components: int = 20, random_state: Any = None) -> None:
        self.n_components = n_components
        self.random_state = random_state

    def fit(self, X: np.ndarray, y: np.ndarray | None = None) -> ScoresAndResidual:
        """Find the components of `X`, of shape (n, channels)."""
        n = min(self.n_components, len(X) - 1, X.shape[1])
        self.pca_ = PCA(n, random_state=self.random_state).fit(X)
        # Below this a residual is rounding, where the components hold all there is.
        self.floor_ = 1e-9 * max(float(X.var(axis=0).sum()), np.finfo(float).tiny)
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the features, of shape (n, 2 components + 1)."""
        scores = self.pca_.transform(X)
        residual = ((X - self.pca_.mean_) ** 2).sum(axis=1) - (scores**2).sum(axis=1)
        return np.column_stack([scores, scores**2, np.log(np.maximum(residual, self.floor_))])


def _default_classifier(seed: int) -> Any:
    return make_pipeline(
        ScoresAndResidual(random_state=seed),
        StandardScaler(),
        LogisticRegression(max_iter=1000),
    )


def classifier_two_sample_test(
    real: Any,
    synthetic: Any,
    *,
    classifier: Any = None,
    n_splits: int = 5,
    random_state: Any = None,
) -> TwoSampleTest:
    """Test whether a classifier can tell synthetic from real rows (C2ST).

    Equally many rows of both sets are dealt into folds with as many real as synthetic rows each.
    The accuracy is that of every fold under a model fitted on all others.

    The p-value comes from a second pass, in which each fold is scored by a model fitted on the
    *earlier* folds alone: in cross-validation every fold also helps to fit the models of the
    others, so its hits are no independent coin tosses, and a binomial test of them finds
    differences where there are none. In a forward pass they are: under the null hypothesis, given
    all earlier folds and so the model, the labels of a fold are a random deal of n/2 real and n/2
    synthetic ones over its n rows. Where the model calls a share q of them real, the number of
    hits has mean n/2 and variance n² q (1 − q) / (n − 1), and sums over folds are those of a
    martingale: the test is normal, one-sided, with a continuity correction.

    Parameters
    ----------
    real, synthetic : array-like of shape (n, ...) and (m, ...)
        Rows of one class. Of the larger set as many as in the smaller are drawn.
    classifier : scikit-learn classifier or None, default None
        Cloned. None takes a logistic regression on 20 principal component scores, their squares
        and the residual, standardised: on the channels themselves it would see only a shift of
        the mean, and neighbours fail in many dimensions, where all rows are neighbours of those
        in the middle.
    n_splits : int, default 5
        Folds, at least 2.
    random_state : int, numpy.random.RandomState or None
        Seed of the folds and, where it has none, of the classifier.

    Returns
    -------
    TwoSampleTest
        An accuracy near 0.5 with a large p-value: not told apart *by this classifier*, with this
        many rows. Copies of the real rows are not found out either: their accuracy is far
        *below* 0.5, because the twin of a row is known under the other label; see
        :func:`memorisation`.

    Raises
    ------
    TooFewRowsError
        A ValueError: for fewer than two rows of either set per fold.
    ValueError
        If `n_splits` is below 2, rows are not finite or differ in length.

    References
    ----------
    Lopez-Paz and Oquab, ICLR 2017, section 3; they fit on one half and test on the other, which
    is the forward pass with two folds.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> a, b = rng.normal(size=(2, 100, 30))
    >>> test = classifier_two_sample_test(a, b + 1.0, random_state=0)
    >>> test.accuracy > 0.95, test.p_value < 1e-6
    (True, True)
    """
    if n_splits < 2:
        raise ValueError(f"n_splits must be at least 2, got {n_splits!r}")
    x, z = check_pair(real, synthetic, minimum=2 * n_splits)
    classifier = check_classifier(classifier)
    rng = check_random_state(random_state)
    seed = int(rng.randint(LARGEST_SEED))
    model = _default_classifier(seed) if classifier is None else clone_with_seed(classifier, seed)
    if takes_channels(model):
        x, z = x.reshape(np.shape(real)), z.reshape(np.shape(synthetic))
    n = min(len(x), len(z))
    X = np.concatenate([rows[rng.permutation(len(rows))[:n]] for rows in (x, z)])
    y = np.repeat([0, 1], n)
    # Both halves of X are in random order already.
    folds = [np.concatenate([part, part + n]) for part in np.array_split(np.arange(n), n_splits)]

    hits, forward = 0, []
    for k, fold in enumerate(folds):
        others = np.concatenate(folds[:k] + folds[k + 1 :])
        predicted = clone(model).fit(X[others], y[others]).predict(X[fold])
        hits += int((predicted == y[fold]).sum())
        if 0 < k < n_splits - 1:
            earlier = np.concatenate(folds[:k])
            predicted = clone(model).fit(X[earlier], y[earlier]).predict(X[fold])
        if k:  # of the last fold all others are the earlier ones
            forward.append((predicted == y[fold], predicted == 0))
    return TwoSampleTest(hits / (2 * n), _p_value(forward))


def _p_value(folds: list[tuple[np.ndarray, np.ndarray]]) -> float:
    """Return the p-value of hits in folds of equally many real and synthetic rows.

    Parameters
    ----------
    folds : list of (hits, called_real)
        Two arrays of bool for every fold, over its rows.
    """
    excess = variance = 0.0
    for hits, called_real in folds:
        n, share = len(hits), called_real.mean()
        excess += hits.sum() - n / 2
        variance += n**2 * share * (1.0 - share) / (n - 1)
    if not variance:
        return 1.0
    # Hits come in steps of two: with the numbers of both labels and calls fixed, one more real
    # row called real is one more synthetic row called synthetic.
    return float(norm.sf((excess - 1.0) / np.sqrt(variance)))
