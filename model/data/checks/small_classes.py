"""Leaves out classes with too few images where a person asked for it, and names classes that have none."""

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from model.data.layout.layout import Layout, name_all
from model.data.placement import PlacedImage
from model.data.record import SkippedFile
from model.data.split import MIN_TRAIN_IMAGES


def without_small_classes(layout: Layout, placed: Sequence[PlacedImage], min_images: int) -> Layout:
    """Return the layout without the classes that have fewer than `min_images` images, or too few to train."""
    images = Counter(image.label for image in placed)
    train = Counter(image.label for image in placed if image.split == "train")
    small = sorted(
        label
        for label in set(layout.labels.values())
        if images[label] < min_images or train[label] < MIN_TRAIN_IMAGES
    )
    if not small:
        return layout
    left_out = {path: label for path, label in layout.labels.items() if label in set(small)}
    warning = (
        f"{len(small)} classes with fewer than {min_images} usable images, or fewer than {MIN_TRAIN_IMAGES} to train, are "
        "left out: "
    ) + name_all([f"{label} ({images[label]})" for label in small])
    return replace(
        layout,
        labels={path: label for path, label in layout.labels.items() if path not in left_out},
        splits={path: split for path, split in layout.splits.items() if path not in left_out},
        unplaced=layout.unplaced
        | {path: f"class {label!r} has too few images and is left out" for path, label in left_out.items()},
        warnings=[*layout.warnings, f"{warning}."],
    )


def find_lost_classes(
    layout: Layout, placed: Sequence[PlacedImage], skipped: Sequence[SkippedFile]
) -> dict[str, str]:
    """Return the classes of the source that have no usable image, each with the reason, or `""` if it is not known."""
    named = layout.without_images | set(layout.labels.values())
    reasons: dict[str, str] = {}
    for file in skipped:
        for folder in unicodedata.normalize("NFC", file.path).split("/")[:-1]:
            reasons.setdefault(folder, file.reason.rstrip("."))
    return {label: reasons.get(label, "") for label in sorted(named - {image.label for image in placed})}


def describe_lost_classes(lost: Mapping[str, str], most_characters: int = 3000) -> str:
    """Return which classes have no usable image, and why; of many classes, those that fit."""
    described = [f"{label} ({reason})" if reason else label for label, reason in lost.items()]
    classes = "1 class has" if len(lost) == 1 else f"{len(lost)} classes have"
    return f"{classes} no usable image and will not be learned: {name_all(described, most_characters)}"
