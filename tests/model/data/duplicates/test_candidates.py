"""Candidates are all pairs of hashes that differ in up to 7 bits, with an amount of work that is bounded."""

import numpy as np
from numpy.typing import NDArray

from model.data.duplicates.candidates import BANDS, MAX_BITS, MAX_NEIGHBOURS, find_candidates


def _random(count: int) -> NDArray[np.uint64]:
    return np.random.default_rng(0).integers(0, 2**64, count, dtype=np.uint64)


def _flip(hashes: NDArray[np.uint64], bits: int) -> NDArray[np.uint64]:
    random = np.random.default_rng(bits)
    flipped = hashes.copy()
    for index in range(len(hashes)):
        for bit in random.permutation(64)[:bits].tolist():
            flipped[index] ^= np.uint64(1 << bit)
    return flipped


def test_all_pairs_that_differ_in_up_to_seven_bits_are_found() -> None:
    hashes = _random(200)
    for bits in range(1, 8):
        found = find_candidates(np.concatenate([hashes, _flip(hashes, bits)]))
        assert {(index, index + 200) for index in range(200)} <= set(map(tuple, found.tolist()))


def test_most_pairs_that_differ_in_ten_bits_and_no_others_are_found() -> None:
    hashes = np.concatenate([_random(500), _flip(_random(500), MAX_BITS), _flip(_random(500), MAX_BITS + 1)])
    found = find_candidates(hashes)
    assert len(set(map(tuple, found.tolist()))) == len(found)
    assert sum(second == first + 500 for first, second in found.tolist()) > 300
    assert (np.bitwise_count(hashes[found[:, 0]] ^ hashes[found[:, 1]]) <= MAX_BITS).all()
    assert (found[:, 0] < found[:, 1]).all()


def test_the_number_of_candidates_is_bounded_when_all_hashes_share_bands() -> None:
    hashes = np.arange(4096, dtype=np.uint64)
    assert len(find_candidates(hashes)) <= len(hashes) * MAX_NEIGHBOURS * BANDS * 17


def test_few_hashes_have_no_candidates() -> None:
    for count in (0, 1):
        assert find_candidates(_random(count)).shape == (0, 2)
