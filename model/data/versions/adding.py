"""Places the images that are added to a dataset: none changes the split of an image that is there already."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from model.data.archive import Source
from model.data.checks.small_classes import without_small_classes
from model.data.duplicates.grouping import NearDuplicates, find_near_duplicates
from model.data.examination import ExaminedImage
from model.data.files.file_endings import is_table
from model.data.import_options import ImportOptions
from model.data.layout.layout import Layout
from model.data.layout.reading import LayoutReader
from model.data.placement import PlacedImage, Placement, place_images, split_for_testing
from model.data.record import SkippedFile
from model.data.split import SplitName


class AddedImages:
    """The images of an upload that makes the next version of a dataset."""

    def __init__(self, opened: Source, examined: Sequence[ExaminedImage], options: ImportOptions) -> None:
        self._examined = examined
        self._options = options
        self.near = NearDuplicates()
        """The images of the version that are nearly the same, once the images are placed."""
        has_images = bool(examined) or any(is_table(file.path) for file in opened.files)
        self.layout = (
            LayoutReader(opened, examined, options).read() if has_images else Layout({}, {}, unplaced={})
        )

    def place(self, kept: Sequence[PlacedImage]) -> Placement:
        """Return the images of the version and the skipped files of the upload.

        Args:
            kept: the images that were there already. An added image with the bytes of one of them is skipped.
        """
        label_of = {image.examined.digest: image.label for image in kept}
        new = [image for image in self._examined if image.digest not in label_of]
        known = [
            SkippedFile(
                path=image.file.path,
                reason=f"the same image is in the dataset already, in class {label_of[image.digest]!r}",
            )
            for image in self._examined
            if image.digest in label_of
        ]
        labelled = [image for image in new if image.file.path in self.layout.labels]
        everything = [*(image.examined for image in kept), *labelled]
        self.near = find_near_duplicates((image.digest, image.facts.miniature) for image in everything)
        placement = _place(new, kept, self.layout, self.near.groups)
        if self._options.min_images is not None:
            self.layout = without_small_classes(self.layout, placement.images, self._options.min_images)
            placement = _place(new, kept, self.layout, self.near.groups)
        return replace(placement, skipped=known + placement.skipped)


def _place(
    new: Sequence[ExaminedImage], kept: Sequence[PlacedImage], layout: Layout, groups: Mapping[str, str]
) -> Placement:
    splits = {image.examined.digest: image.split for image in kept}
    if not layout.splits:
        labels = {**layout.labels, **{image.examined.file.path: image.label for image in kept}}
        all_images = [*(image.examined for image in kept), *new]
        return place_images(all_images, replace(layout, labels=labels), groups, splits)
    # Without a split for testing, all of them are for training: the version has the test images of its parent.
    known = None if split_for_testing(layout) else _for_training(new)
    added = place_images(new, layout, groups, known)
    splits_of: dict[str, set[str]] = {}
    for digest, split in splits.items():
        splits_of.setdefault(groups.get(digest, digest), set()).add(split)
    images, twins, left_out = list(kept), list[SkippedFile](), list(added.left_out)
    for image in added.images:
        taken = splits_of.get(groups.get(image.examined.digest, ""), set())
        if others := taken - {image.split}:
            reason = f"nearly the same image is in the {min(others)} split"
            twins.append(SkippedFile(path=image.examined.file.path, reason=reason))
            left_out.append(image)
        else:
            images.append(image)
    images.sort(key=lambda image: (image.split, image.label, image.examined.digest))
    return Placement(images, added.skipped + twins, added.near_tests, left_out)


def _for_training(images: Sequence[ExaminedImage]) -> dict[str, SplitName]:
    return {image.digest: "train" for image in images}
