"""The images of a training that decide about its export."""
# ruff: noqa: N815 - shapes in names: labels_N

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class ExportSamples:
    """Images of the size that the network was trained with, uint8."""

    training_NHWC: NDArray[np.uint8]
    """They decide the ranges of the activations."""
    validation_NHWC: NDArray[np.uint8]
    """They decide whether the quantized network is served; may be empty."""
    labels_N: NDArray[np.int64]
    """Of the validation images."""


def training_images(image_size: int) -> int:
    """Return how many training images to take: 256 up to 64 px, then fewer, since they cost time."""
    return max(64, min(256, 2**20 // image_size**2))


def validation_images(image_size: int) -> int:
    """Return how many validation images to take: 1,000 up to 64 px, then fewer, since they cost time."""
    return max(128, min(1000, 2**22 // image_size**2))
