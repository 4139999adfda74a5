"""Which images are for testing, and the hash that names a dataset: functions of bytes and labels alone."""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Literal

SplitName = Literal["train", "test"]

TEST_FRACTION = 0.2
MIN_TRAIN_IMAGES = 2
"""Of each class, kept for training whatever the hashes say."""


def choose_test_images(labels: Sequence[str], digests: Sequence[str]) -> set[str]:
    """The digests of the images that are for testing, about a fifth of each class.

    An image's own digest decides, so exact duplicates stay together and an image keeps its side when
    more are added later. A class left without a test image gets one, when it can spare it.

    Args:
        labels: each image's class.
        digests: each image's sha256 in hex, in the same order.
    """
    chosen = {digest for digest in digests if int(digest[:8], 16) < TEST_FRACTION * 2**32}
    by_class: dict[str, list[str]] = {}
    for label, digest in zip(labels, digests, strict=True):
        by_class.setdefault(label, []).append(digest)
    for _, members in sorted(by_class.items()):
        _balance_class(members, chosen)
    return chosen


def hash_content(images: Iterable[tuple[SplitName, str, str]]) -> str:
    """The hash of a dataset's (split, class, sha256 of an image) in any order, in hex."""
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
