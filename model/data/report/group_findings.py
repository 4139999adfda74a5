"""Findings about images that are the same or nearly the same: in two classes, in two splits, or twice in one class."""

from collections import defaultdict
from collections.abc import Iterator

from model.data.layout.layout import count_of, name_all
from model.data.report.codes import FindingCode
from model.data.report.conflicts import describe_conflicts
from model.data.report.contents import Contents
from model.data.report.found import Found
from model.data.report.schema import Severity

_NAMED_CHARACTERS = 200


def find_label_conflicts(contents: Contents) -> Iterator[Found]:
    """Find groups of near-duplicates with several classes."""
    images = {
        number: f"in {name_all(sorted({one.label for one in contents.conflicts[group]}), _NAMED_CHARACTERS)}"
        for group, numbers in contents.in_conflict.items()
        for number in numbers
    }
    if images:
        yield Found(
            FindingCode.LABEL_CONFLICTS,
            Severity.HIGH,
            describe_conflicts(contents),
            "A model that sees one picture under two names learns neither. Keep each in the class that it belongs to, and "
            "remove it from the others: `ninefold datasets correct NAME --remove IMAGE`.",
            images,
        )


def find_split_leaks(contents: Contents) -> Iterator[Found]:
    """Find test images of which near-duplicates were meant for training; the import has left these out."""
    images = {
        number: "the same, or nearly the same, as a training image that is left out"
        for number, image in enumerate(contents.placed)
        if image.split == "test" and contents.left_out[contents.near.groups.get(image.examined.digest, "")]
    }
    if images:
        groups = {contents.near.groups[contents.placed[number].examined.digest] for number in images}
        left_out = sum(contents.left_out[group] for group in groups)
        yield Found(
            FindingCode.SPLIT_LEAKS,
            Severity.MEDIUM,
            f"{count_of(len(images), 'test image')} {'is' if len(images) == 1 else 'are'} the same, or nearly the same, as training images, "
            f"of which {left_out:,} {'is' if left_out == 1 else 'are'} left out",
            "A model that has seen its test images looks better than it is. The import has left the training images out, and "
            "the skipped files name them; remove them from the source, or the test images if they are the copies.",
            images,
        )


def find_near_duplicates(contents: Contents) -> Iterator[Found]:
    """Find groups of near-duplicates within one class."""
    images = {
        number: "one of several that are nearly the same"
        for members in _members(contents).values()
        if len({contents.placed[number].label for number in members}) == 1
        for number in members
    }
    if images:
        groups = len({contents.groups[number] for number in images})
        yield Found(
            FindingCode.NEAR_DUPLICATES,
            Severity.LOW,
            f"{count_of(len(images), 'image')} are nearly the same as another one of their class, in {count_of(groups, 'group')}",
            "They count several times in training. Where they are no wanted variety, keep one of each group: "
            "`ninefold datasets correct NAME --keep-one GROUP`.",
            images,
        )


def _members(contents: Contents) -> dict[str, list[int]]:
    """Return the numbers of the images of each group."""
    members = defaultdict[str, list[int]](list)
    for number, group in enumerate(contents.groups):
        if group is not None:
            members[group].append(number)
    return members
