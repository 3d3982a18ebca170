"""``preprocess`` on a signal."""


class PreprocessingMixin:
    """Label-preserving preprocessing of a signal."""
