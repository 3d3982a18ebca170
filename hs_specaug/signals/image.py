"""Stacks of images, grey or coloured."""

from __future__ import annotations

from hyperspy.signals import LazySignal2D, Signal2D

from ._base import SpecAugMixin


class AugmentableImage(SpecAugMixin, Signal2D):
    """Images that can be labelled, augmented and classified.

    Grey values of any real dtype, or HyperSpy's ``rgb8`` and ``rgb16``.
    """

    _row_kind = "image"
    _signal_type = "image_specaug"
    _alias_signal_types = ["augmentable image"]  # noqa: RUF012 (HyperSpy's own convention)


class LazyAugmentableImage(AugmentableImage, LazySignal2D):
    """Lazy :class:`AugmentableImage`."""
