from . import (
    classifiers,
    datasets,
    evaluation,
    exceptions,
    generators,
    io,
    labels,
    networks,
    perturbations,
    preprocessing,
    signals,
    strategies,
    studies,
)
from ._axes import SignalAxis, check_same_axes
from ._registry import (
    list_classifiers,
    list_generators,
    list_perturbations,
    make_classifier,
    make_generator,
    make_perturbation,
)
from .generators import load_generator
from .labels import label_by_sigmoid, label_by_threshold, label_by_two_lines
from .signals import as_augmentable, from_arrays
from .signals._classification import ClassificationResult

__all__ = [
    "ClassificationResult",
    "SignalAxis",
    "as_augmentable",
    "check_same_axes",
    "classifiers",
    "datasets",
    "evaluation",
    "exceptions",
    "from_arrays",
    "generators",
    "io",
    "label_by_sigmoid",
    "label_by_threshold",
    "label_by_two_lines",
    "labels",
    "list_classifiers",
    "list_generators",
    "list_perturbations",
    "load_generator",
    "make_classifier",
    "make_generator",
    "make_perturbation",
    "networks",
    "perturbations",
    "preprocessing",
    "signals",
    "strategies",
    "studies",
]
