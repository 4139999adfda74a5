"""Computes a perceptual hash of 64 bits for each image: similar images have hashes that differ in few bits.

The hash is that of C. Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions" (2010), section 3.2.1,
with the lowest 8 x 8 frequencies, as in the package ImageHash. All numbers are integers, which float64 represents
exactly, so that every machine computes the same hash.
"""
# ruff: noqa: N803 - shapes in names: images_NHWC

import numpy as np
from numpy.typing import NDArray

FREQUENCIES = 8
LUMA = (19595, 38470, 7471)
"""ITU-R 601 weights of red, green and blue in 1/65536, as in Pillow's conversion to grey."""
_COSINE_SCALE = 1 << 16
_CHUNK = 5_000


def to_grey(images_NHWC: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the brightness [N, height, width] of RGB images, equal to Pillow's conversion to `L`."""
    weighted_NHW = images_NHWC.astype(np.uint32) @ np.array(LUMA, dtype=np.uint32)
    grey_NHW: NDArray[np.uint8] = ((weighted_NHW + 0x8000) >> 16).astype(np.uint8)
    return grey_NHW


def hash_images(images_NHWC: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Return the hash [N] of small square RGB images; the first bit is the lowest frequency."""
    cosines_FS = _cosines(images_NHWC.shape[1])
    basis_BD = np.kron(cosines_FS, cosines_FS).astype(np.float64)
    chunks = (images_NHWC[begin : begin + _CHUNK] for begin in range(0, len(images_NHWC), _CHUNK))
    return np.concatenate([np.empty(0, np.uint64), *(_hash(chunk, basis_BD) for chunk in chunks)])


def _hash(images_NHWC: NDArray[np.uint8], basis_BD: NDArray[np.float64]) -> NDArray[np.uint64]:
    grey_ND = to_grey(images_NHWC).reshape(len(images_NHWC), -1).astype(np.float64)
    transformed_NB = grey_ND @ basis_BD.T
    is_high_NB = transformed_NB > np.median(transformed_NB, axis=1, keepdims=True)
    return np.packbits(is_high_NB, axis=1).view(">u8")[:, 0].astype(np.uint64)


def _cosines(side: int) -> NDArray[np.float64]:
    """Return the first rows of the DCT-II [frequencies, side], rounded to integers."""
    positions_S = 2 * np.arange(side) + 1
    angles_FS = np.pi * np.arange(FREQUENCIES)[:, np.newaxis] * positions_S / (2 * side)
    rounded_FS: NDArray[np.float64] = np.round(_COSINE_SCALE * np.cos(angles_FS))
    return rounded_FS
