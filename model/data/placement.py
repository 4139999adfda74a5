"""Assigns each examined image its class and split, and checks that the images suffice for a dataset."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from model.data.archive import LABELS_FILE
from model.data.examination import ExaminedImage
from model.data.files.characters import make_printable, shorten
from model.data.files.not_images import NOT_AN_IMAGE
from model.data.layout.columns import MAX_CLASSES
from model.data.layout.folders import NOT_IN_A_CLASS, OUTSIDE_SPLITS
from model.data.layout.layout import Layout, count_of, name_all
from model.data.record import SkippedFile
from model.data.split import MIN_TRAIN_IMAGES, SplitName, choose_test_images
from model.errors import DatasetRejectedError


@dataclass(frozen=True)
class PlacedImage:
    """An image of the dataset, with its split and class."""

    split: SplitName
    label: str
    examined: ExaminedImage


@dataclass(frozen=True)
class Placement:
    """The images of a dataset, sorted by split, class and sha256, and what was skipped."""

    images: list[PlacedImage]
    skipped: list[SkippedFile]
    near_tests: int = 0
    """The number of skipped images that are nearly the same as a test image."""
    left_out: list[PlacedImage] = field(default_factory=list)
    """The skipped images that are the same, or nearly the same, as an image of another split."""


def place_images(
    examined: Sequence[ExaminedImage],
    layout: Layout,
    groups: Mapping[str, str] | None = None,
    known: Mapping[str, SplitName] | None = None,
) -> Placement:
    """Place the images of the dataset.

    A test image is never also a training image: a training image with the same bytes as a test image, or with nearly
    the same pixels, is skipped.

    Args:
        examined: the readable images of the source.
        layout: their classes and splits.
        groups: the group of each digest that is nearly the same as others.
        known: the split of images of an earlier version of the dataset, by digest, which they keep when the source has
            no test split.
    """
    groups = groups or {}
    labelled = [image for image in examined if image.file.path in layout.labels]
    labels = [layout.labels[image.file.path] for image in labelled]
    test_split = split_for_testing(layout)
    if test_split is None:
        split = choose_test_images(labels, [image.digest for image in labelled], groups, known)
        twins = dict.fromkeys(split.left_out, "nearly the same image is in both splits")
        of_test = split.test
        tested = {image.file.path for image in labelled if image.digest in of_test}
    else:
        tested = {image.file.path for image in labelled if layout.splits[image.file.path] == test_split}
        of_test = {image.digest for image in labelled if image.file.path in tested}
        twins = _twins_of_tests(labelled, tested, test_split, groups)
    placed, left_out = list[PlacedImage](), list[PlacedImage]()
    skipped = [SkippedFile(path=path, reason=reason) for path, reason in layout.unplaced.items()]
    near_tests = 0
    for image, label in zip(labelled, labels, strict=True):
        path, of_train = image.file.path, PlacedImage("train", label, image)
        if path in tested:
            placed.append(PlacedImage("test", label, image))
        elif image.digest in of_test:
            skipped.append(SkippedFile(path=path, reason=f"the same image is in the {test_split} split"))
            left_out.append(of_train)
        elif image.digest in twins:
            skipped.append(SkippedFile(path=path, reason=twins[image.digest]))
            left_out.append(of_train)
            near_tests += 1
        else:
            placed.append(of_train)
    placed.sort(key=lambda image: (image.split, image.label, image.examined.digest))
    return Placement(placed, skipped, near_tests, left_out)


def warn_of_near_tests(placement: Placement) -> list[str]:
    """Return a warning if training images were skipped because they are nearly the same as test images."""
    if not placement.near_tests:
        return []
    is_one = placement.near_tests == 1
    subject = "1 training image is" if is_one else f"{placement.near_tests} training images are"
    warning = (
        f"{subject} nearly the same as test images and left out of training, so that the test measures images that the "
        "model has not seen. The skipped files name them."
    )
    return [warning]


def _twins_of_tests(
    labelled: Sequence[ExaminedImage], tested: Collection[str], test_split: str, groups: Mapping[str, str]
) -> dict[str, str]:
    """Return the reason to skip each image that is nearly the same as a test image, by digest."""
    paths = {
        groups[image.digest]: image.file.shown_path
        for image in sorted(labelled, key=lambda image: image.file.path, reverse=True)
        if image.file.path in tested and image.digest in groups
    }
    return {
        digest: f"nearly the same image as {make_printable(paths[group])}, which is in the {test_split} split"
        for digest, group in groups.items()
        if group in paths
    }


def check_usable(placed: Sequence[PlacedImage], skipped: Sequence[SkippedFile]) -> None:
    """Raise DatasetRejectedError unless there are 2 to 1000 classes, 2 training images of each, and a test image."""
    train_counts = Counter(image.label for image in placed if image.split == "train")
    labels = sorted({image.label for image in placed})
    if not placed and (unusable := _describe_unusable(skipped)):
        raise DatasetRejectedError(unusable)
    if len(labels) < 2:
        found = f"1 found, {shorten(labels[0])!r}" if labels else "0 found"
        raise DatasetRejectedError(
            f"At least 2 classes are needed, {found}: put the images into one folder per class, optionally under train/ and "
            f"test/, or add a {LABELS_FILE}.{_describe_skipped(skipped)}"
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


def split_for_testing(layout: Layout) -> str | None:
    """Return `test`, or `val` when the source has no test split, or None when the source has neither.

    When the source has both, its `val` images become training images.
    """
    return next((split for split in ("test", "val") if split in layout.splits.values()), None)


def _describe_unusable(skipped: Sequence[SkippedFile]) -> str:
    """Return why no file can be used as an image, the most frequent reason; `""` when the folders are the reason."""
    files = [file for file in skipped if file.reason != NOT_AN_IMAGE]
    if any(file.reason in (NOT_IN_A_CLASS, OUTSIDE_SPLITS) for file in files):
        return ""
    if not files:
        others = f" among {count_of(len(skipped), 'file')}" if skipped else ""
        return (
            f"At least 2 classes are needed, but the upload holds no image{others}: put images into one folder per class, or "
            f"send them with a {LABELS_FILE}."
        )
    reason, count = Counter(file.reason.rstrip(".") for file in files).most_common(1)[0]
    first = shorten(min(make_printable(file.path) for file in files if file.reason.rstrip(".") == reason))
    which = f"{count:,} of {len(files):,} files, such as {first}" if len(files) > 1 else first
    return f"No image can be used. {which}: {reason}."


def _describe_skipped(skipped: Sequence[SkippedFile]) -> str:
    if not skipped:
        return ""
    first = "; ".join(f"{shorten(make_printable(file.path))}: {file.reason}" for file in skipped[:3])
    return f" Skipped files: {len(skipped)} ({first})."
