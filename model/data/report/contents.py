"""What a report is about: the images of a dataset with their groups, and the files that are not part of it."""

from collections import Counter
from collections.abc import Sequence
from functools import cached_property

from model.data.duplicates.grouping import NearDuplicates
from model.data.placement import PlacedImage
from model.data.record import SkippedFile


class Contents:
    """The contents of a dataset.

    Args:
        placed: its images in the order of its zip: an image's index is its number.
        near: which files of the import are nearly the same.
        skipped: the files that are not part of it.
    """

    def __init__(
        self, placed: Sequence[PlacedImage], near: NearDuplicates, skipped: Sequence[SkippedFile]
    ) -> None:
        self.placed = placed
        self.near = near
        self.skipped = skipped

    @cached_property
    def groups(self) -> list[str | None]:
        """The group of each image; None of an image without a near duplicate in the dataset."""
        groups = [self.near.groups.get(image.examined.digest) for image in self.placed]
        sizes = Counter(groups)
        return [group if sizes[group] > 1 else None for group in groups]

    @cached_property
    def left_out(self) -> Counter[str]:
        """The number of files of each group of near-duplicates that are not part of the dataset."""
        placed = {image.examined.digest for image in self.placed}
        return Counter(group for digest, group in self.near.groups.items() if digest not in placed)
