"""Chooses the test images of a dataset and computes its content hash. Both depend only on image bytes and labels."""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Literal

SplitName = Literal["train", "test"]

TEST_FRACTION = 0.2
MIN_TRAIN_IMAGES = 2
"""Each class keeps at least this number of training images."""


def choose_test_images(labels: Sequence[str], digests: Sequence[str]) -> set[str]:
    """Choose about a fifth of each class as test images and return their digests.

    The digest of an image decides, so duplicates are in the same split, and an image stays in its split when other
    images are added. A class without a test image gets one if it keeps enough training images.

    Args:
        labels: the class of each image.
        digests: the sha256 of each image in hex, in the order of `labels`.
    """
    chosen = {digest for digest in digests if int(digest[:8], 16) < TEST_FRACTION * 2**32}
    by_class: dict[str, list[str]] = {}
    for label, digest in zip(labels, digests, strict=True):
        by_class.setdefault(label, []).append(digest)
    for _, members in sorted(by_class.items()):
        _balance_class(members, chosen)
    return chosen


def hash_content(images: Iterable[tuple[SplitName, str, str]]) -> str:
    """Return the content hash of a dataset, in hex; the order of the (split, class, image sha256) tuples is irrelevant."""
    content = hashlib.sha256()
    for split, label, digest in sorted(images):
        content.update(f"{split}\0{label}\0{digest}\n".encode())
    return content.hexdigest()


def _balance_class(members: Sequence[str], chosen: set[str]) -> None:
    for digest in sorted(set(members), reverse=True):
        if _train_images(members, chosen) >= MIN_TRAIN_IMAGES:
            break
        chosen.discard(digest)
    if not chosen.isdisjoint(members):
        return
    for digest in sorted(set(members)):
        if _train_images(members, chosen | {digest}) >= MIN_TRAIN_IMAGES:
            chosen.add(digest)
            return


def _train_images(members: Sequence[str], chosen: set[str]) -> int:
    return sum(digest not in chosen for digest in members)
