"""Groups images that are nearly the same. A group is named by the smallest sha256 of its images."""
# ruff: noqa: N803 - shapes in names: images_NHWC

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from model.data.duplicates.candidates import Pairs, find_candidates
from model.data.duplicates.hashes import hash_images
from model.data.duplicates.similarity import REFERENCE_IMAGES, Similarity
from model.data.images import MINIATURE_SIDE

MAX_LEADERS = 16
"""Images of equal hash are compared with at most this number of images, which bounds the work."""
LOOSENESS = 2.0
"""A group's images may differ from its first image by this factor more than two of its images do."""


@dataclass(frozen=True)
class NearDuplicates:
    """The groups and the hashes of the images of an import, by the sha256 of their files in hex."""

    groups: dict[str, str] = field(default_factory=dict)
    """The group, `grp_<12 hex>`, of each file that has a copy or a near duplicate."""
    hashes: dict[str, int] = field(default_factory=dict)
    """The perceptual hash of each image, as a signed number of 64 bits."""


def find_near_duplicates(images: Iterable[tuple[str, bytes]]) -> NearDuplicates:
    """Group the files of an import, given by sha256 and miniature; their order is irrelevant.

    Files with equal bytes are a group too. Blank images are nearly the same only when their bytes are equal: nothing
    in them tells them apart.
    """
    miniatures: dict[str, bytes] = {}
    copies: Counter[str] = Counter()
    for digest, miniature in images:
        copies[digest] += 1
        miniatures[digest] = miniature
    digests = sorted(miniatures)
    if not digests:
        return NearDuplicates()
    pixels = b"".join(miniatures[digest] for digest in digests)
    images_NHWC = np.frombuffer(pixels, np.uint8).reshape(-1, MINIATURE_SIDE, MINIATURE_SIDE, 3)
    hashes_N = hash_images(images_NHWC)
    groups = {digest: _name(digest) for digest in digests if copies[digest] > 1}
    for members in _group(images_NHWC, hashes_N):
        groups.update({digests[member]: _name(digests[min(members)]) for member in members})
    signed_N = hashes_N.view(np.int64).tolist()
    return NearDuplicates(groups, dict(zip(digests, signed_N, strict=True)))


def _name(digest: str) -> str:
    return f"grp_{digest[:12]}"


def _group(images_NHWC: NDArray[np.uint8], hashes_N: NDArray[np.uint64]) -> list[list[int]]:
    """Return the groups of two or more images, as indices."""
    similarity = Similarity(images_NHWC)
    comparison = _Comparison(similarity, hashes_N)
    pairs_P2 = comparison.find_pairs(hashes_N)
    return _grow_groups(pairs_P2, comparison)


class _Comparison:
    """Decides which images are nearly the same, with the limits of each image."""

    def __init__(self, similarity: Similarity, hashes_N: NDArray[np.uint64]) -> None:
        self._similarity = similarity
        self._limits_N = np.full(len(hashes_N), np.nan)
        # The images are sorted by sha256, so the first ones are a random sample that no file name influences.
        self._reference_R = np.flatnonzero(~similarity.is_blank_N)[:REFERENCE_IMAGES]

    def find_pairs(self, hashes_N: NDArray[np.uint64]) -> Pairs:
        """Return pairs of indices [P, 2] of images that are nearly the same, enough to connect them."""
        order_N = np.lexsort((np.arange(len(hashes_N)), hashes_N))
        order_N = order_N[~self._similarity.is_blank_N[order_N]]
        equal_P2, leaders_M = self._pairs_of_equal_hashes(order_N, hashes_N)
        unique_U, first_U = np.unique(hashes_N[leaders_M], return_index=True)
        candidates_P2 = leaders_M[first_U][find_candidates(unique_U)]
        near_P2 = candidates_P2[self.are_near(candidates_P2)]
        return np.concatenate([equal_P2, near_P2])

    def are_near(self, pairs_P2: Pairs, looseness: float = 1.0) -> NDArray[np.bool_]:
        """Return for each pair [P] whether its images are nearly the same."""
        self._find_limits(np.unique(pairs_P2))
        limits_P = self._limits_N[pairs_P2].min(axis=1, initial=np.inf)
        are_near_P: NDArray[np.bool_] = self._similarity.differences(pairs_P2) <= looseness * limits_P
        return are_near_P

    def _pairs_of_equal_hashes(
        self, order_N: NDArray[np.intp], hashes_N: NDArray[np.uint64]
    ) -> tuple[Pairs, NDArray[np.intp]]:
        """Return pairs of images of equal hash, and the images that are near to no earlier one."""
        remaining_R = order_N
        found, leaders = [np.empty((0, 2), np.intp)], [np.empty(0, np.intp)]
        for _ in range(MAX_LEADERS):
            if not len(remaining_R):
                break
            hashes_R = hashes_N[remaining_R]
            _, first_U, inverse_R = np.unique(hashes_R, return_index=True, return_inverse=True)
            leader_R = remaining_R[first_U][inverse_R]
            is_leader_R = leader_R == remaining_R
            others_P2 = np.stack([leader_R, remaining_R], axis=1)[~is_leader_R]
            are_near_P = self.are_near(others_P2)
            found.append(others_P2[are_near_P])
            leaders.append(remaining_R[is_leader_R])
            remaining_R = others_P2[~are_near_P, 1]
        return np.concatenate(found), np.sort(np.concatenate(leaders))

    def _find_limits(self, indices_M: NDArray[np.intp]) -> None:
        unknown_M = indices_M[np.isnan(self._limits_N[indices_M])]
        self._limits_N[unknown_M] = self._similarity.limits(unknown_M, self._reference_R)


def _grow_groups(pairs_P2: Pairs, comparison: _Comparison) -> list[list[int]]:
    """Return the groups: an image with most near images, the images near to it, those near to them, and so on.

    Each image is compared with the first of its group as well, so that a chain of similar images, such as the frames
    of a video, ends before its images have nothing in common.
    """
    neighbours: dict[int, list[int]] = {}
    for first, second in pairs_P2.tolist():
        neighbours.setdefault(first, []).append(second)
        neighbours.setdefault(second, []).append(first)
    free = set(neighbours)
    groups = []
    for first in sorted(neighbours, key=lambda index: (-len(neighbours[index]), index)):
        if first not in free:
            continue
        free.discard(first)
        group, frontier = [first], [first]
        while frontier:
            reached = sorted({index for one in frontier for index in neighbours[one]} & free)
            frontier = _near_to(first, reached, comparison)
            free.difference_update(frontier)
            group += frontier
        if len(group) > 1:
            groups.append(group)
    return groups


def _near_to(first: int, others: Sequence[int], comparison: _Comparison) -> list[int]:
    if not others:
        return []
    pairs_P2 = np.array([(first, other) for other in others], dtype=np.intp)
    return [
        other
        for other, is_near in zip(others, comparison.are_near(pairs_P2, LOOSENESS), strict=True)
        if is_near
    ]
