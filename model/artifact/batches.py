"""Checks the images that a model shall classify, and splits them into batches that fit into memory."""
# ruff: noqa: N803 - shapes in names: images_NHWC

import numpy as np
from numpy.typing import NDArray

MAX_BATCH = 64
WARM_UP_BATCHES = (1, 2)


def batches_of(
    images_NHWC: NDArray[np.uint8], image_size: int, *, max_pixels: int
) -> list[NDArray[np.uint8]]:
    """Split images into batches of at most so many pixels; raises ValueError unless they are uint8 images of this size."""
    if images_NHWC.dtype != np.uint8 or images_NHWC.shape[1:] != (image_size, image_size, 3):
        raise ValueError(
            f"images must be uint8 [N, {image_size}, {image_size}, 3], not {images_NHWC.dtype} "
            f"{list(images_NHWC.shape)}"
        )
    size = min(MAX_BATCH, max(1, max_pixels // image_size**2))
    return [images_NHWC[start : start + size] for start in range(0, max(1, len(images_NHWC)), size)]


def warm_up_images(image_size: int) -> list[NDArray[np.uint8]]:
    """Return the batches after which the first request is as fast as later ones."""
    return [np.zeros((count, image_size, image_size, 3), dtype=np.uint8) for count in WARM_UP_BATCHES]
