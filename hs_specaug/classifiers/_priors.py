"""Class shares that a classifier answers for, and those that its probabilities shall mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.utils.class_weight import compute_class_weight

PRIORS = ("labelled", "uniform", "training")


def training_prior(model: Any, y: np.ndarray) -> np.ndarray:
    """Return the class shares that the probabilities of a fitted classifier stand for.

    Without weights these are the shares of the rows it was fitted on, synthetic ones included.
    Weights multiply them, for a weight is as good as a repetition. A network with the loss
    ``"balanced-softmax"`` has the shares taken out and stands for equal ones. The focal loss
    counts as cross-entropy: it bends confidence, which is the temperature's part. A
    classifier with a prior of its own (naive Bayes, discriminant analysis) is asked for it.

    Parameters
    ----------
    model : fitted classifier
        A pipeline or a search is followed to the classifier inside.
    y : ndarray of shape (n,)
        Labels that it was fitted on.

    Returns
    -------
    ndarray of shape (n_classes,)
        In the order of ``model.classes_``; they add up to 1.
    """
    classes, counts = np.unique(y, return_counts=True)
    shares = counts.astype(float)
    while True:
        if hasattr(model, "best_generator_"):  # it oversamples by itself
            missing = model.best_generator_.missing_counts(y)
            shares += [missing.get(label, 0) for label in classes.tolist()]
        inner = _inside(model)
        if inner is None:
            break
        model = inner
    for name in ("priors_", "class_prior_"):
        own = getattr(model, name, None)
        if own is not None:
            return np.asarray(own, dtype=float) / np.sum(own)
    if type(model).__module__.startswith("imblearn.ensemble"):  # each member sees equal shares
        return np.full(len(classes), 1.0 / len(classes))
    if getattr(model, "loss", None) == "balanced-softmax":
        shares[:] = 1.0
    weight = getattr(model, "class_weight", None)
    if weight is not None:
        weight = "balanced" if weight == "balanced_subsample" else weight
        # The codes, not the labels, would be another class_weight to scikit-learn.
        shares *= compute_class_weight(weight, classes=classes, y=y)
    return shares / shares.sum()


def _inside(model: Any) -> Any:
    """Return the classifier that a pipeline, a search or a wrapper predicts with, or None."""
    if hasattr(model, "steps"):
        return model.steps[-1][1]
    for name in ("best_estimator_", "estimator_"):
        inner = getattr(model, name, None)
        if inner is not None and hasattr(inner, "classes_"):
            # Ensembles and machines keep a template or a part under this name.
            return inner if not hasattr(model, "class_weight") else None
    return None


def target_prior(prior: Any, labels: Sequence[Any], y: np.ndarray, trained: np.ndarray) -> Any:
    """Return the class shares that probabilities shall stand for.

    Parameters
    ----------
    prior : {"labelled", "uniform", "training"} or mapping of label to share
        See :class:`hs_specaug.evaluation.CalibrationPlan`.
    labels : sequence of n_classes labels
        Order of the result.
    y : ndarray of shape (n,)
        Labels of the measured training rows.
    trained : ndarray of shape (n_classes,)
        From :func:`training_prior`.

    Returns
    -------
    ndarray of shape (n_classes,)

    Raises
    ------
    ValueError
        If a mapping leaves out a class.
    """
    if isinstance(prior, Mapping):
        missing = [label for label in labels if label not in prior]
        if missing:
            raise ValueError(
                f"prior must have a share for each labelled class, {list(labels)}, got none for "
                f"{missing}; for equal shares: prior='uniform'"
            )
        shares = np.array([prior[label] for label in labels], dtype=float)
    elif prior == "uniform":
        shares = np.ones(len(labels))
    elif prior == "training":
        shares = trained
    else:
        shares = np.array([np.count_nonzero(y == label) for label in labels], dtype=float)
    return shares / shares.sum()
