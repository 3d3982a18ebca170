"""Errors and warnings of hs_specaug.

Every error is also one that the ecosystem knows (``ValueError``, ``RuntimeError``), so that
existing ``except`` clauses keep working.
"""


class SpecAugWarning(UserWarning):
    """Something was changed or dropped on the user's behalf; the text says what and why."""


class LabelsDroppedWarning(SpecAugWarning):
    """An operation changed the navigation space in a way that labels cannot follow."""


class FewSamplesWarning(SpecAugWarning):
    """A class has so few rows that the method had to be reduced."""


class TrainingWarning(SpecAugWarning):
    """Training met a difficulty and went on: rolled back, interrupted or not converged."""


class TrainingError(RuntimeError):
    """Training could not be completed and no usable model exists."""


class ModelFileError(ValueError):
    """A model file is not ours, is damaged, or comes from a newer version."""


class IncompatibleSignalError(ValueError):
    """A generator was trained on rows of another kind, shape or preprocessing."""


class IncompatibleAxisError(IncompatibleSignalError):
    """A generator and a signal, or two signals, do not share their axis."""


class LeakageError(ValueError):
    """Rows that would be scored were seen in training."""


class TooFewRowsError(ValueError):
    """A figure needs more rows than there are."""
