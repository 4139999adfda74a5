"""Applies corrections to the images of a dataset. Every image stays in its split."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from model.data.examination import ExaminedImage
from model.data.layout.layout import name_some
from model.data.placement import PlacedImage
from model.data.versions.corrections import Corrections
from model.data.versions.parent import ParentImage
from model.errors import EmptiedClassError, UnknownImageError


class Correction:
    """Corrections of one dataset."""

    def __init__(self, corrections: Corrections, parents: Sequence[ParentImage]) -> None:
        """Check the ids of the images.

        Raises:
            UnknownImageError: the dataset has no image with one of the ids.
        """
        self._labels = {one.image: one.label for one in corrections.relabel}
        self._removed = set(corrections.remove)
        self._groups = corrections.keep_one
        in_groups = {one for group in self._groups if not isinstance(group, str) for one in group}
        named = {*self._labels, *self._removed, *in_groups}
        if unknown := sorted(named - {image.id for image in parents}):
            raise UnknownImageError(
                f"The dataset has no image {name_some(unknown)}"
                f"{f' ({len(unknown):,} such ids)' if len(unknown) > 1 else ''}: take the ids of the version that is "
                "corrected, from GET /datasets/{ref}/images."
            )

    def apply(
        self, images: Iterable[tuple[ParentImage, ExaminedImage]], groups: Mapping[str, Sequence[str]]
    ) -> list[PlacedImage]:
        """Return the images that are kept, with their classes.

        Args:
            images: of the dataset.
            groups: the ids of the images of each group of near-duplicates.

        Raises:
            UnknownImageError: the dataset has no group with one of the ids.
            EmptiedClassError: every image of a class was removed.
        """
        by_id = {parent.id: PlacedImage(parent.split, parent.label, examined) for parent, examined in images}
        removed = self._removed | self._further_copies(by_id, groups)
        kept = {
            image_id: replace(image, label=self._labels.get(image_id, image.label))
            for image_id, image in by_id.items()
            if image_id not in removed
        }
        left = {image.label for image in kept.values()}
        # A class whose images were all given another class is gone on purpose.
        lost = {image.label for image_id, image in by_id.items() if image_id in removed} - left
        if lost:
            raise EmptiedClassError(
                f"No image of the class {name_some(sorted(lost))} would be left: keep at least 2 training images of it, "
                "relabel all its images to merge it into another class, or add the folder without it as a new dataset."
            )
        return list(kept.values())

    def _further_copies(
        self, by_id: Mapping[str, PlacedImage], groups: Mapping[str, Sequence[str]]
    ) -> set[str]:
        """Return the images of each group that are left out."""
        further: set[str] = set()
        for group in self._groups:
            if isinstance(group, str) and group not in groups:
                raise UnknownImageError(f"The dataset has no group {group}: its report names the groups.")
            ids = groups[group] if isinstance(group, str) else group
            members = [image_id for image_id in ids if image_id in by_id and image_id not in self._removed]
            if members:
                further.update({*members} - {min(members, key=lambda image_id: _worth(by_id[image_id]))})
        return further


def _worth(image: PlacedImage) -> tuple[bool, int]:
    facts = image.examined.facts
    return image.split != "test", -facts.width * facts.height
