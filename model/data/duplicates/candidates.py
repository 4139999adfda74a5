"""Finds pairs of hashes that differ in few bits, in nearly linear time. Knows no images."""
# ruff: noqa: N803 - shapes in names: hashes_N

import numpy as np
from numpy.typing import NDArray

MAX_BITS = 10
"""Pairs with more different bits are no candidates."""
BANDS, BAND_BITS = 4, 16
MAX_NEIGHBOURS = 8
"""Each hash is compared with at most this number of those whose band is equal, the nearest in order."""

Pairs = NDArray[np.intp]


def find_candidates(hashes_N: NDArray[np.uint64]) -> Pairs:
    """Return pairs of indices [P, 2], the lower first, of different hashes that differ in at most `MAX_BITS` bits.

    Multi-index hashing (Norouzi, Punjani, Fleet, "Fast Search in Hamming Space with Multi-Index Hashing", 2012): two
    hashes that differ in at most 7 bits have a band of 16 bits in which they differ in at most 1. Of those that differ
    in 8 to 10 bits, most have one. The work is bounded by `MAX_NEIGHBOURS` for each hash, band and bit, so
    pairs can be missed where very many hashes share a band.

    Args:
        hashes_N: different hashes.
    """
    found = [_pairs_of_band(hashes_N, band) for band in range(BANDS)]
    pairs_P2 = np.concatenate([*found, np.empty((0, 2), np.intp)])
    numbers_P = np.unique(pairs_P2[:, 0] * len(hashes_N) + pairs_P2[:, 1])
    return np.stack(np.divmod(numbers_P, max(1, len(hashes_N))), axis=1).astype(np.intp)


def _pairs_of_band(hashes_N: NDArray[np.uint64], band: int) -> Pairs:
    """Return the pairs whose hashes differ in at most one bit of this band."""
    rotated_N = _rotate(hashes_N, BAND_BITS * band)
    order_N = np.argsort(rotated_N, kind="stable")
    sorted_N = rotated_N[order_N]
    flips = [0, *(1 << (64 - BAND_BITS + bit) for bit in range(BAND_BITS))]
    found = [_neighbours(sorted_N, np.uint64(flip)) for flip in flips]
    pairs_P2 = order_N[np.concatenate(found)]
    return np.sort(pairs_P2, axis=1)


def _neighbours(sorted_N: NDArray[np.uint64], flip: np.uint64) -> Pairs:
    """Return pairs of positions whose hashes have equal upper bands after one of them was flipped."""
    wanted_N = sorted_N ^ flip
    band_N, wanted_band_N = sorted_N >> (64 - BAND_BITS), wanted_N >> (64 - BAND_BITS)
    middle_N = np.searchsorted(sorted_N, wanted_N)
    found = []
    for step in range(-MAX_NEIGHBOURS // 2, MAX_NEIGHBOURS // 2):
        other_N = middle_N + step
        # Each pair is found from both sides, unless a window ends between them.
        first_P = np.flatnonzero((other_N >= 0) & (other_N < len(sorted_N)))
        other_P = other_N[first_P]
        is_near_P = band_N[other_P] == wanted_band_N[first_P]
        first_P, other_P = first_P[is_near_P], other_P[is_near_P]
        is_near_P = np.bitwise_count(sorted_N[first_P] ^ sorted_N[other_P]) <= MAX_BITS
        is_near_P &= first_P != other_P
        found.append(np.stack([first_P[is_near_P], other_P[is_near_P]], axis=1))
    return np.concatenate(found)


def _rotate(hashes_N: NDArray[np.uint64], bits: int) -> NDArray[np.uint64]:
    if bits == 0:
        return hashes_N
    return (hashes_N << np.uint64(bits)) | (hashes_N >> np.uint64(64 - bits))
