"""Measures how different the pixels of two images are, and how different they may be to count as nearly the same.

All sums are integers, which float64 represents exactly, so that every machine takes the same decisions.
"""
# ruff: noqa: N803, N815 - shapes in names: images_NHWC

from collections.abc import Iterator
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from model.data.duplicates.candidates import Pairs
from model.data.duplicates.hashes import to_grey

MAX_DIFFERENCE = 0.04
"""Largest difference, 0 to 2, of two images that are nearly the same; docs/adr/0026 has the measurements."""
MIN_LIMIT = 0.0005
"""Images with a smaller difference are nearly the same however much all images of the set look alike."""
FINE_WEIGHT = 0.4
"""Weight of the differences at full resolution: an image that was cropped or sharpened differs in its fine structure."""
RIVALS, RIVAL_FACTOR = 10, 8
"""Twins are this factor closer to each other than to the tenth most similar image of the reference."""
REFERENCE_IMAGES = 1000
MIN_DEVIATION = 2.0
"""Standard deviation of the brightness, 0 to 255, below which an image is blank and like all other blank images."""

_CHUNK = 5_000
Number = TypeVar("Number", bound=np.generic)

Floats = NDArray[np.float64]


class _Vectors(NamedTuple):
    """The images as integers, with the sums that correlations need."""

    values_ND: NDArray[np.int32]
    sums_N: Floats
    spreads_N: Floats
    """D times the sum of squared deviations from the mean."""


class Similarity:
    """Compares images of one set.

    The difference of two images is 1 minus the correlation of their pixels, in brightness and in colour, at half
    resolution and, with less weight, at full resolution: the largest of the four. A correlation ignores changes of
    brightness and contrast.
    """

    def __init__(self, images_NHWC: NDArray[np.uint8]) -> None:
        self._images_NHWC = images_NHWC
        grey = [_halve(to_grey(chunk)[..., np.newaxis]) for chunk in _chunks(images_NHWC)]
        self._coarse_grey = _vectors(np.concatenate(grey))
        deviations_N = np.sqrt(self._coarse_grey.spreads_N) / self._coarse_grey.values_ND.shape[1] / 4
        self.is_blank_N = deviations_N < MIN_DEVIATION

    def differences(self, pairs_P2: Pairs) -> Floats:
        """Return the difference [P] of each pair, 0 to 2."""
        found = [self._differences(chunk) for chunk in _chunks(pairs_P2)]
        return np.concatenate([*found, np.empty(0)])

    def limits(self, indices_M: NDArray[np.intp], reference_R: NDArray[np.intp]) -> Floats:
        """Return for each image [M] the difference up to which another image is nearly the same.

        In a set whose images look alike by nature, such as digits or X-rays, the limit is lower: a fraction of the
        difference to the tenth most similar image of the reference.
        """
        if len(reference_R) <= RIVALS:
            return np.full(len(indices_M), MAX_DIFFERENCE)
        reference = _take(self._coarse_grey, reference_R)
        found = []
        for chunk_M in _chunks(indices_M):
            correlations_MR = _correlate_all(_take(self._coarse_grey, chunk_M), reference)
            correlations_MR[chunk_M[:, np.newaxis] == reference_R] = -1
            found.append(1 - np.partition(correlations_MR, -RIVALS, axis=1)[:, -RIVALS])
        rivals_M = np.concatenate([*found, np.empty(0)])
        return np.clip(rivals_M / RIVAL_FACTOR, MIN_LIMIT, MAX_DIFFERENCE)

    def _differences(self, pairs_P2: Pairs) -> Floats:
        first_PHWC, second_PHWC = self._images_NHWC[pairs_P2[:, 0]], self._images_NHWC[pairs_P2[:, 1]]
        difference_P = np.zeros(len(pairs_P2))
        for is_grey in (True, False):
            first, second = (
                to_grey(images)[..., np.newaxis] if is_grey else images
                for images in (first_PHWC, second_PHWC)
            )
            coarse_P = 1 - _correlate(_vectors(_halve(first)), _vectors(_halve(second)))
            fine_P = 1 - _correlate(_vectors(first), _vectors(second))
            difference_P = np.maximum(difference_P, np.maximum(coarse_P, FINE_WEIGHT * fine_P))
        return difference_P


def _halve(images_NHWC: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Return the sums of blocks of 2 x 2 pixels."""
    wide = images_NHWC.astype(np.int32)
    return wide[:, ::2, ::2] + wide[:, 1::2, ::2] + wide[:, ::2, 1::2] + wide[:, 1::2, 1::2]


def _vectors(images_NHWC: NDArray[np.uint8] | NDArray[np.int32]) -> _Vectors:
    values_ND = images_NHWC.reshape(len(images_NHWC), -1).astype(np.int32)
    sums_N = values_ND.sum(1, dtype=np.int64).astype(np.float64)
    squares_N = np.einsum("nd,nd->n", values_ND, values_ND).astype(np.float64)
    return _Vectors(values_ND, sums_N, values_ND.shape[1] * squares_N - sums_N**2)


def _take(vectors: _Vectors, indices_M: NDArray[np.intp]) -> _Vectors:
    return _Vectors(vectors.values_ND[indices_M], vectors.sums_N[indices_M], vectors.spreads_N[indices_M])


def _correlate(first: _Vectors, second: _Vectors) -> Floats:
    """Return the correlation [P] of each pair, -1 to 1; 0 for an image of one colour."""
    products_P = np.einsum("pd,pd->p", first.values_ND, second.values_ND).astype(np.float64)
    covariances_P = first.values_ND.shape[1] * products_P - first.sums_N * second.sums_N
    correlations_P: Floats = covariances_P / np.sqrt(np.maximum(first.spreads_N * second.spreads_N, 1))
    return correlations_P


def _correlate_all(first: _Vectors, second: _Vectors) -> Floats:
    """Return the correlations [M, R] of each image with each of the other images."""
    products_MR = first.values_ND.astype(np.float64) @ second.values_ND.astype(np.float64).T
    covariances_MR = first.values_ND.shape[1] * products_MR - np.outer(first.sums_N, second.sums_N)
    scales_MR = np.outer(np.sqrt(np.maximum(first.spreads_N, 1)), np.sqrt(np.maximum(second.spreads_N, 1)))
    correlations_MR: Floats = covariances_MR / scales_MR
    return correlations_MR


def _chunks(rows: NDArray[Number]) -> Iterator[NDArray[Number]]:
    return (rows[begin : begin + _CHUNK] for begin in range(0, len(rows), _CHUNK))
