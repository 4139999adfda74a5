"""Computes how many training images of each class become validation images. Imports no torch."""

from collections.abc import Sequence

_MIN_IMAGES_FOR_ONE = 5
"""A class of at least this many training images has at least one validation image."""


def validation_counts(train_counts: Sequence[int], fraction: float) -> list[int]:
    """Return the number of validation images of each class: `fraction` of the class, but never the whole class.

    With a fraction above 0, a class of five or more images has at least one validation image.
    """
    return [_count(images, fraction) for images in train_counts]


def _count(images: int, fraction: float) -> int:
    share = round(images * fraction)
    if fraction > 0 and images >= _MIN_IMAGES_FOR_ONE:
        return max(1, share)
    return min(share, max(0, images - 1))
