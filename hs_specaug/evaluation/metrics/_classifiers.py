"""The classifier that an argument stands for."""

from __future__ import annotations

from typing import Any

from sklearn.base import is_classifier

from ..._registry import make_classifier


def check_classifier(classifier: Any) -> Any:
    """Return the classifier, made of its name where it is one; None stays None.

    Raises
    ------
    TypeError
        If it is a class, a regressor or something else.
    ValueError
        If the name is unknown.
    """
    if isinstance(classifier, str):
        return make_classifier(classifier)
    if classifier is None or (not isinstance(classifier, type) and is_classifier(classifier)):
        return classifier
    name = classifier.__name__ if isinstance(classifier, type) else None
    raise TypeError(
        "classifier must be None, a name such as 'svm' or a scikit-learn classifier, got "
        + (f"the class {name}; write {name}()" if name else repr(classifier))
    )
