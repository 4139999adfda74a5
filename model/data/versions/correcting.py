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

    def __init__(
        self, corrections: Corrections, parents: Sequence[ParentImage], groups: Mapping[str, list[str]]
    ) -> None:
        """`groups` are the images of each group that the corrections name.

        Raises:
            UnknownImageError: the dataset has no image with one of the ids.
        """
        self._labels = {one.image: one.label for one in corrections.relabel}
        self._removed = set(corrections.remove)
        self._groups = [groups[group] if isinstance(group, str) else group for group in corrections.keep_one]
        named = {*self._labels, *self._removed, *(image for group in self._groups for image in group)}
        if unknown := sorted(named - {image.id for image in parents}):
            raise UnknownImageError(
                f"The dataset has no image {name_some(unknown)}"
                f"{f' ({len(unknown):,} such ids)' if len(unknown) > 1 else ''}: take the ids of the version that is "
                "corrected, from GET /datasets/{ref}/images."
            )

    def apply(self, images: Iterable[tuple[ParentImage, ExaminedImage]]) -> list[PlacedImage]:
        """Return the images that are kept, with their classes.

        Raises:
            EmptiedClassError: every image of a class was removed.
        """
        by_id = {parent.id: PlacedImage(parent.split, parent.label, examined) for parent, examined in images}
        removed = self._removed | self._further_copies(by_id)
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

    def _further_copies(self, by_id: Mapping[str, PlacedImage]) -> set[str]:
        """Return the images of each group that are left out."""
        further: set[str] = set()
        for group in self._groups:
            members = [image_id for image_id in group if image_id in by_id and image_id not in self._removed]
            if members:
                further.update({*members} - {min(members, key=lambda image_id: _worth(by_id[image_id]))})
        return further


def _worth(image: PlacedImage) -> tuple[bool, int]:
    facts = image.examined.facts
    return image.split != "test", -facts.width * facts.height
