"""Findings about classes: too few images, far fewer than others, and names that say that something is wrong."""

from collections import Counter
from collections.abc import Collection, Iterator

from model.data.checks.class_names import find_alike
from model.data.checks.small_classes import describe_lost_classes
from model.data.layout.folder_names import is_split_name
from model.data.layout.layout import name_some
from model.data.report.codes import FindingCode
from model.data.report.contents import Contents
from model.data.report.found import Found
from model.data.report.schema import Severity
from model.recipes.advice import FEW_IMAGES, MOST_IMBALANCE

VERY_FEW_IMAGES = 5
STRONG_IMBALANCE = 20
"""From these numbers on, the severity is high."""
_SHOWN = 5
_NAMED_CHARACTERS = 300


def find_few_images(contents: Contents) -> Iterator[Found]:
    """Find classes with few training images."""
    counts = _train_counts(contents)
    few = sorted((label for label in counts if counts[label] < FEW_IMAGES), key=lambda label: counts[label])
    if few:
        is_severe = counts[few[0]] < VERY_FEW_IMAGES or 2 * len(few) > len(counts)
        yield Found(
            FindingCode.FEW_IMAGES,
            Severity.HIGH if is_severe else Severity.MEDIUM,
            f"{_classes_have(few)} fewer than {FEW_IMAGES} training images",
            f"Add images to {_name(few, counts)}: `ninefold datasets correct NAME --add FOLDER`. Or leave such classes out: "
            "`ninefold datasets add FOLDER --min-images N`.",
            _images_of(contents, few, "of a class with few images"),
            few,
        )


def find_imbalance(contents: Contents) -> Iterator[Found]:
    """Find classes with far fewer training images than the largest class."""
    counts = _train_counts(contents)
    largest = max(counts, key=lambda label: counts[label])
    rare = sorted(
        (label for label in counts if counts[largest] > MOST_IMBALANCE * counts[label]),
        key=lambda label: counts[label],
    )
    if rare:
        ratio = counts[largest] / counts[rare[0]]
        yield Found(
            FindingCode.IMBALANCE,
            Severity.HIGH if ratio >= STRONG_IMBALANCE else Severity.MEDIUM,
            f"The largest class, {largest!r}, has {ratio:.3g} times as many training images as the smallest, {rare[0]!r} "
            f"({counts[largest]:,} and {counts[rare[0]]:,})",
            f"Training favours large classes. Add images to {_name(rare, counts)}: `ninefold datasets correct NAME --add "
            "FOLDER`. Or train with other weights: `ninefold submit NAME --set class_weighting=square_root`.",
            _images_of(contents, rare, "of a class with far fewer images than the largest"),
            rare,
        )


def find_split_classes(contents: Contents) -> Iterator[Found]:
    """Find classes whose names are those of splits."""
    classes = sorted(label for label in _train_counts(contents) if is_split_name(label))
    if classes:
        yield Found(
            FindingCode.SPLIT_CLASSES,
            Severity.HIGH,
            f"{_classes_have(classes)} the name of a split: {name_some(classes, _SHOWN)}",
            "If these folders are splits, put a folder for each class into each of them, then add the images again.",
            _images_of(contents, classes, "of a class that is named like a split"),
            classes,
        )


def find_empty_classes(contents: Contents) -> Iterator[Found]:
    """Find classes of the source that have no usable image."""
    lost = contents.lost_classes
    if lost:
        yield Found(
            FindingCode.EMPTY_CLASSES,
            Severity.HIGH,
            describe_lost_classes(lost, _NAMED_CHARACTERS),
            "A model cannot predict them. The skipped files say why images are missing: `ninefold datasets report NAME "
            "--skipped-csv FILE`. Repair these images, then add them: `ninefold datasets correct NAME --add FOLDER`.",
            classes=list(lost),
            count=len(lost),
        )


def find_similar_names(contents: Contents) -> Iterator[Found]:
    """Find classes whose names differ only in case and spaces."""
    alike = find_alike(_train_counts(contents))
    if alike:
        classes = [label for names in alike for label in names]
        yield Found(
            FindingCode.SIMILAR_NAMES,
            Severity.HIGH,
            "Class names differ only in upper and lower case or in spaces: "
            + name_some([" = ".join(map(repr, names)) for names in alike], _SHOWN),
            "If they are the same class, give its images one name: `ninefold datasets correct NAME --relabel IMAGE=CLASS`.",
            _images_of(contents, classes, "of a class whose name is like another one"),
            classes,
        )


def _train_counts(contents: Contents) -> Counter[str]:
    return Counter(image.label for image in contents.placed if image.split == "train")


def _images_of(contents: Contents, classes: Collection[str], note: str) -> dict[int, str]:
    """Return the images of these classes, in the order of the classes."""
    rank = {label: number for number, label in enumerate(classes)}
    numbers = [number for number, image in enumerate(contents.placed) if image.label in rank]
    return dict.fromkeys(sorted(numbers, key=lambda number: rank[contents.placed[number].label]), note)


def _name(classes: list[str], counts: Counter[str]) -> str:
    return name_some([f"{label} ({counts[label]:,})" for label in classes], _SHOWN)


def _classes_have(classes: list[str]) -> str:
    return f"Class {classes[0]!r} has" if len(classes) == 1 else f"{len(classes):,} classes have"
