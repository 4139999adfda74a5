"""Tells how many bits the values of a dataset's 16-bit images use. Opens no image."""

from collections.abc import Sequence

from model.data.decoding.samples import FULL_BITS
from model.data.placement import PlacedImage


def count_sample_bits(placed: Sequence[PlacedImage]) -> int:
    """Return the bits that the largest value of the 16-bit images needs; 16 if there are none."""
    return max((bits for image in placed if (bits := image.examined.facts.sample_bits)), default=FULL_BITS)


def warn_of_few_bits(sample_bits: int) -> list[str]:
    """Return a warning if the 16-bit images use fewer bits; no warning if they use all."""
    if sample_bits == FULL_BITS:
        return []
    warning = (
        f"The 16-bit images hold values below {1 << sample_bits} only, so these are scaled as values of {sample_bits} "
        "bits, also in images to classify: send those with the same range of values."
    )
    return [warning]
