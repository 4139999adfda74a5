"""Tells how many bits the values of a dataset's 16-bit images use. Opens no image."""

from collections.abc import Sequence

from model.data.placement import PlacedImage
from model.spec import FULL_BITS


def count_sample_bits(placed: Sequence[PlacedImage]) -> int:
    """Return the bits that the largest value of the 16-bit images needs; 16 if there are none."""
    return max((bits for image in placed if (bits := image.examined.facts.sample_bits)), default=FULL_BITS)
