"""Chooses the test images of a dataset and computes its content hash. Both depend only on image bytes and labels."""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal

SplitName = Literal["train", "test"]

TEST_FRACTION = 0.2
MIN_TRAIN_IMAGES = 2
"""Each class keeps at least this number of training images."""


@dataclass(frozen=True)
class Split:
    """Which images are for testing."""

    test: set[str]
    """Digests of the test images; all other images are for training."""
    left_out: set[str] = field(default_factory=set)
    """Digests of images that are nearly the same as images of both splits."""


def choose_test_images(
    labels: Sequence[str],
    digests: Sequence[str],
    groups: Mapping[str, str] | None = None,
    known: Mapping[str, SplitName] | None = None,
) -> Split:
    """Choose about a fifth of each class as test images.

    The digest of an image decides, so duplicates are in the same split, and an image stays in its split when other
    images are added. A group is in one split: its smallest digest decides. A class without a test image gets one if all
    classes keep enough training images.

    Args:
        labels: the class of each image.
        digests: the sha256 of each image in hex, in the order of `labels`.
        groups: the group of each digest that is nearly the same as others.
        known: the split of images of an earlier version of the dataset, by digest. These images stay in their split, and
            other images of their groups go into the same split.
    """
    units = _Units(labels, digests, groups or {})
    placed: dict[str, set[SplitName]] = {}
    for digest, split in (known or {}).items():
        placed.setdefault(units.unit_of.get(digest, ""), set()).add(split)
    free = {unit: members for unit, members in units.members.items() if unit not in placed}
    test_units = {unit for unit in units.members if placed.get(unit) == {"test"}}
    test_units |= {
        unit for unit, members in free.items() if int(min(members)[:8], 16) < TEST_FRACTION * 2**32
    }
    units.balance(test_units, free)
    test = {digest for unit in test_units for digest in units.members[unit]}
    left_out = set()
    for unit, splits in placed.items():
        if len(splits) > 1:
            left_out |= {digest for digest in units.members.get(unit, ()) if digest not in (known or {})}
    test |= {digest for digest, split in (known or {}).items() if split == "test"}
    return Split(test, left_out)


def hash_content(images: Iterable[tuple[SplitName, str, str]]) -> str:
    """Return the content hash of a dataset, in hex; the order of the (split, class, image sha256) tuples is irrelevant."""
    content = hashlib.sha256()
    for split, label, digest in sorted(images):
        content.update(f"{split}\0{label}\0{digest}\n".encode())
    return content.hexdigest()


class _Units:
    """The images that are placed together: the members of each group, and the copies of each other image."""

    def __init__(self, labels: Sequence[str], digests: Sequence[str], groups: Mapping[str, str]) -> None:
        self.unit_of = {digest: groups.get(digest, digest) for digest in digests}
        self.members: dict[str, set[str]] = {}
        self._counts: dict[str, Counter[str]] = {}
        """The number of images of each unit, by class."""
        for label, digest in zip(labels, digests, strict=True):
            self.members.setdefault(self.unit_of[digest], set()).add(digest)
            self._counts.setdefault(label, Counter())[self.unit_of[digest]] += 1

    def balance(self, test_units: set[str], free: Collection[str]) -> None:
        """Move units that are free so that each class has enough training images and, if possible, a test image."""
        for label in sorted(self._counts):
            of_class = sorted((unit for unit in self._counts[label] if unit in free), key=self._smallest)
            for unit in reversed(of_class):
                if self._train_images(label, test_units) >= MIN_TRAIN_IMAGES:
                    break
                test_units.discard(unit)
            if test_units.isdisjoint(self._counts[label]):
                possible = (unit for unit in of_class if self._may_be_tested(unit, test_units))
                test_units.update(islice(possible, 1))

    def _smallest(self, unit: str) -> str:
        return min(self.members[unit])

    def _may_be_tested(self, unit: str, test_units: set[str]) -> bool:
        labels = [label for label, counts in self._counts.items() if unit in counts]
        return all(self._train_images(label, test_units | {unit}) >= MIN_TRAIN_IMAGES for label in labels)

    def _train_images(self, label: str, test_units: set[str]) -> int:
        return sum(count for unit, count in self._counts[label].items() if unit not in test_units)
