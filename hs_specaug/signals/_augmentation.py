"""``train_generator``, ``augment`` and ``classify`` on a signal."""


class AugmentationMixin:
    """The three words that a signal learns: train a generator, augment, classify."""
