"""How many training images of each class are set aside to choose with. Imports no torch."""

from collections.abc import Sequence

_MIN_PER_CLASS = 5


def validation_counts(train_counts: Sequence[int], fraction: float) -> list[int]:
    """Validation images of each class: its share, at least one of a class of five, never a whole class."""
    return [_count(images, fraction) for images in train_counts]


def _count(images: int, fraction: float) -> int:
    share = round(images * fraction)
    return max(1, share) if fraction > 0 and images >= _MIN_PER_CLASS else min(share, max(0, images - 1))
