"""Assigns each examined image its class and split, and checks that the images suffice for a dataset."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from model.data.examination import ExaminedImage
from model.data.files.characters import make_printable, shorten
from model.data.layout.columns import MAX_CLASSES
from model.data.layout.layout import Layout, name_all
from model.data.layout.table import LABELS_FILE
from model.data.record import SkippedFile
from model.data.split import MIN_TRAIN_IMAGES, SplitName, choose_test_images
from model.errors import DatasetRejectedError


@dataclass(frozen=True)
class PlacedImage:
    """An image of the dataset, with its split and class."""

    split: SplitName
    label: str
    examined: ExaminedImage


def place_images(
    examined: Sequence[ExaminedImage], layout: Layout
) -> tuple[list[PlacedImage], list[SkippedFile]]:
    """Return the images of the dataset, sorted by split, class and sha256, and the skipped files.

    A test image is never also a training image: a training image with the same bytes as a test image is skipped.
    """
    skipped = [SkippedFile(path=path, reason=reason) for path, reason in layout.unplaced.items()]
    labelled = [image for image in examined if image.file.path in layout.labels]
    labels = [layout.labels[image.file.path] for image in labelled]
    test_split = _split_for_testing(layout)
    if test_split is None:
        test_digests = choose_test_images(labels, [image.digest for image in labelled])
    else:
        test_digests = {image.digest for image in labelled if layout.splits[image.file.path] == test_split}
    placed = []
    for image, label in zip(labelled, labels, strict=True):
        if image.digest not in test_digests:
            placed.append(PlacedImage("train", label, image))
        elif test_split is None or layout.splits[image.file.path] == test_split:
            placed.append(PlacedImage("test", label, image))
        else:
            reason = f"the same image is in the {test_split} split"
            skipped.append(SkippedFile(path=image.file.path, reason=reason))
    return sorted(placed, key=lambda image: (image.split, image.label, image.examined.digest)), skipped


def check_usable(placed: Sequence[PlacedImage], skipped: Sequence[SkippedFile]) -> None:
    """Raise DatasetRejectedError unless there are 2 to 1000 classes, 2 training images of each, and a test image."""
    train_counts = Counter(image.label for image in placed if image.split == "train")
    labels = sorted({image.label for image in placed})
    if len(labels) < 2:
        raise DatasetRejectedError(
            f"At least 2 classes are needed, {len(labels)} found: put the images into one folder per class, "
            f"optionally under train/ and test/, or add a {LABELS_FILE}.{_describe_skipped(skipped)}"
        )
    if len(labels) > MAX_CLASSES:
        raise DatasetRejectedError(f"{len(labels)} classes are too many: at most {MAX_CLASSES} are allowed.")
    small = [label for label in labels if train_counts[label] < MIN_TRAIN_IMAGES]
    if small:
        counts = [f"{label!r} ({train_counts[label]})" for label in small]
        raise DatasetRejectedError(
            (
                f"Class {small[0]!r} has {train_counts[small[0]]} usable training images, at least {MIN_TRAIN_IMAGES} are "
                f"needed: add images or remove the class"
                if len(small) == 1
                else f"{len(small)} classes have fewer than {MIN_TRAIN_IMAGES} usable training images: {name_all(counts)}. Add "
                "images or remove these classes"
            )
            + f", or leave out small classes with min_images={MIN_TRAIN_IMAGES} (--min-images {MIN_TRAIN_IMAGES})."
            + _describe_skipped(skipped)
        )
    if len(placed) == train_counts.total():
        raise DatasetRejectedError(
            "No image is left to test the model with: give at least one class 3 or more different images."
        )


def _split_for_testing(layout: Layout) -> str | None:
    """Return `test`, or `val` when the source has no test split, or None when the source has neither.

    When the source has both, its `val` images become training images.
    """
    return next((split for split in ("test", "val") if split in layout.splits.values()), None)


def _describe_skipped(skipped: Sequence[SkippedFile]) -> str:
    if not skipped:
        return ""
    first = "; ".join(f"{shorten(make_printable(file.path))}: {file.reason}" for file in skipped[:3])
    return f" Skipped files: {len(skipped)} ({first})."
