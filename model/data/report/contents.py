"""What a report is about: the images of a dataset with their groups, and the files that are not part of it."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from functools import cached_property

from model.data.duplicates.grouping import NearDuplicates
from model.data.placement import PlacedImage, Placement
from model.data.record import SkippedFile


class Contents:
    """The contents of a dataset.

    Args:
        placement: its images in the order of its zip: an image's index is its number.
        near: which files of the import are nearly the same.
        skipped: the files that are not part of it.
        lost_classes: the classes of the source without a usable image, each with the reason or `""`.
    """

    def __init__(
        self,
        placement: Placement,
        near: NearDuplicates,
        skipped: Sequence[SkippedFile],
        lost_classes: Mapping[str, str],
    ) -> None:
        self.placed = placement.images
        self.near = near
        self.skipped = skipped
        self.lost_classes = lost_classes
        self._left_out = placement.left_out

    @cached_property
    def groups(self) -> list[str | None]:
        """The group of each image; None of an image without a near duplicate in the dataset."""
        groups = [self.near.groups.get(image.examined.digest) for image in self.placed]
        sizes = Counter(groups)
        return [group if sizes[group] > 1 else None for group in groups]

    @cached_property
    def left_out(self) -> Counter[str]:
        """The number of images of each group that are left out because another split has the same image."""
        groups = (self.near.groups.get(image.examined.digest) for image in self._left_out)
        return Counter(group for group in groups if group)

    @cached_property
    def conflicts(self) -> dict[str, list[PlacedImage]]:
        """The images, left out or not, of each group that lies in several classes."""
        members = defaultdict[str, list[PlacedImage]](list)
        for image in [*self.placed, *self._left_out]:
            if group := self.near.groups.get(image.examined.digest):
                members[group].append(image)
        return {group: images for group, images in members.items() if len({one.label for one in images}) > 1}

    @cached_property
    def in_conflict(self) -> dict[str, list[int]]:
        """The numbers of the images of each group that lies in several classes."""
        numbers: dict[str, list[int]] = {group: [] for group in self.conflicts}
        for number, image in enumerate(self.placed):
            if (group := self.near.groups.get(image.examined.digest)) in numbers:
                numbers[group].append(number)
        return {group: some for group, some in numbers.items() if some}
