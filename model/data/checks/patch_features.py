"""Features of small images that a linear classifier can tell classes apart by, computed in a second on one core.

Responses to whitened patches of the images, pooled over nine areas: Coates, Ng and Lee, "An analysis of single-layer
networks in unsupervised feature learning" (2011).
"""
# ruff: noqa: N803 - shapes in names: images_NHWC

from typing import cast

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_SIDE, _STRIDE = 6, 2
"""Side of the patches and distance between them, in pixels."""
_FILTERS = 40
_AREAS_A_SIDE = 3
_THRESHOLD = 0.25
"""Responses below it become 0, as in the source."""
_FLATTEST = (10 / 255) ** 2
"""Added to the variance of a patch, so that noise in flat areas stays small."""
_WHITENING = 0.1
_SAMPLED_IMAGES, _SAMPLED_PATCHES = 400, 4000
_BATCH = 128


class PatchFeatures:
    """The features of one dataset."""

    def __init__(self, images_NHWC: Floats, random: np.random.Generator) -> None:
        """Choose the patches from the images, whose values are 0 to 1."""
        chosen = random.choice(len(images_NHWC), min(_SAMPLED_IMAGES, len(images_NHWC)), replace=False)
        patches = _normalised_patches(images_NHWC[chosen])
        patches_MP = patches.reshape(-1, patches.shape[-1])
        count = min(_SAMPLED_PATCHES, len(patches_MP))
        patches_MP = patches_MP[random.choice(len(patches_MP), count, replace=False)]
        self._mean_P = patches_MP.mean(0)
        whitening_PP = _whitening(patches_MP - self._mean_P)
        filters_FP = (patches_MP[:_FILTERS] - self._mean_P) @ whitening_PP
        filters_FP /= np.linalg.norm(filters_FP, axis=1, keepdims=True) + 1e-6
        self._filters_PF = (whitening_PP @ filters_FP.T).astype(np.float32)

    def __call__(self, images_NHWC: Floats) -> Floats:
        """Return the features of each image: float32 [N, 720]."""
        batches = range(0, len(images_NHWC), _BATCH)
        return np.concatenate([self._of_batch(images_NHWC[start : start + _BATCH]) for start in batches])

    def _of_batch(self, images_NHWC: Floats) -> Floats:
        responses = (_normalised_patches(images_NHWC) - self._mean_P) @ self._filters_PF
        rectified = np.concatenate(
            [np.maximum(responses - _THRESHOLD, 0), np.maximum(-responses - _THRESHOLD, 0)], -1
        )
        starts = np.linspace(0, rectified.shape[1], _AREAS_A_SIDE + 1).round().astype(int)[:-1]
        pooled = np.add.reduceat(np.add.reduceat(rectified, starts, 1), starts, 2)
        return cast("Floats", pooled.reshape(len(images_NHWC), -1))


def _normalised_patches(images_NHWC: Floats) -> Floats:
    """Return overlapping patches [N, rows, columns, 108], each with mean 0 and variance 1."""
    windows = np.lib.stride_tricks.sliding_window_view(images_NHWC, (_SIDE, _SIDE), axis=(1, 2))
    patches = windows[:, ::_STRIDE, ::_STRIDE].reshape(*windows[:, ::_STRIDE, ::_STRIDE].shape[:3], -1)
    patches = patches - patches.mean(-1, keepdims=True)
    variance = np.einsum("nhwp,nhwp->nhw", patches, patches) / patches.shape[-1]
    return cast("Floats", patches / np.sqrt(variance + _FLATTEST)[..., None])


def _whitening(centred_MP: Floats) -> NDArray[np.float64]:
    values, vectors = np.linalg.eigh(np.cov(centred_MP.T))
    whitening: NDArray[np.float64] = (vectors / np.sqrt(np.maximum(values, 0) + _WHITENING)) @ vectors.T
    return whitening
