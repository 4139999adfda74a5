"""Checks the images that a model shall classify, and gives those that a new model classifies first."""
# ruff: noqa: N803 - shapes in names: images_NHWC

import numpy as np
from numpy.typing import NDArray

WARM_UP_BATCHES = (1, 2)


def check_images(images_NHWC: NDArray[np.uint8], image_size: int) -> None:
    """Raise ValueError unless these are uint8 images of this size."""
    if images_NHWC.dtype != np.uint8 or images_NHWC.shape[1:] != (image_size, image_size, 3):
        raise ValueError(
            f"images must be uint8 [N, {image_size}, {image_size}, 3], not {images_NHWC.dtype} "
            f"{list(images_NHWC.shape)}"
        )


def warm_up_images(image_size: int) -> list[NDArray[np.uint8]]:
    """Return the batches after which the first request is as fast as later ones."""
    return [np.zeros((count, image_size, image_size, 3), dtype=np.uint8) for count in WARM_UP_BATCHES]
