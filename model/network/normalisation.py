"""Normalises images: subtracts the mean and divides by the standard deviation of each colour channel."""
# ruff: noqa: N803 - shapes in names: images_NHWC

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from model.network.images import Images

_CHUNK_PIXELS = 1024 * 32 * 32
"""Pixels whose statistics are computed at once; they take 15 bytes each."""
_CHUNK_ROWS = (2**32 - 1) // 255**2
"""Rows of pixels whose sums of squares fit into 32 bits."""


@dataclass(frozen=True)
class Normalisation:
    """Mean and standard deviation of each RGB channel, for pixel values scaled to 0..1."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    def apply(self, images_NHWC: Tensor) -> Tensor:
        """Normalise pixels of 0..255, uint8 or float, to the network's input: float32 NCHW in channels_last layout."""
        shift, scale = (_times_255(values, images_NHWC.device) for values in (self.mean, self.std))
        return images_NHWC.float().sub_(shift).div_(scale).permute(0, 3, 1, 2)


@lru_cache(maxsize=64)
def _times_255(values: tuple[float, float, float], device: torch.device) -> Tensor:
    """Return the values times 255 as a tensor on the device.

    Cached: copying numbers from the host to a GPU synchronises with the GPU, which each step would wait for.
    """
    return torch.tensor(values, device=device).mul_(255)


def measure_normalisation(images_NHWC: Images) -> Normalisation:
    """Compute mean and standard deviation of uint8 images, in chunks and in integers, which is exact and fast."""
    total, squares = np.zeros(3, np.int64), np.zeros(3, np.int64)
    images, height, width = images_NHWC.shape[:3]
    chunk_images = max(1, min(_CHUNK_PIXELS // (height * width), _CHUNK_ROWS // height))
    for start in range(0, images, chunk_images):
        chunk_NHWC = images_NHWC[start : start + chunk_images].cpu().numpy()
        rows = chunk_NHWC.reshape(-1, 3 * width).astype(np.uint16)
        total += rows.sum(0, dtype=np.uint32).reshape(width, 3).sum(0, dtype=np.int64)
        squares += np.square(rows).sum(0, dtype=np.uint32).reshape(width, 3).sum(0, dtype=np.int64)
    count = images * height * width
    mean = [of_channel / count / 255 for of_channel in total.tolist()]
    variances = [  # of Python's integers, which never overflow
        (count * square - of_channel**2) / count**2
        for of_channel, square in zip(total.tolist(), squares.tolist(), strict=True)
    ]
    # At least one grey level: images of a single colour have a deviation of 0, which must not be a divisor.
    std = [max(1.0, math.sqrt(variance)) / 255 for variance in variances]
    return Normalisation(_rgb(mean), _rgb(std))


def _rgb(values: list[float]) -> tuple[float, float, float]:
    red, green, blue = values
    return red, green, blue
