"""Normalises images: subtracts the mean and divides by the standard deviation of each colour channel."""
# ruff: noqa: N803 - shapes in names: images_NHWC

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from model.network.images import Images

_CHUNK_PIXELS = 1024 * 32 * 32
"""Pixels whose statistics are computed at once; they take 48 bytes each."""


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
    """Compute mean and standard deviation of uint8 images, in chunks: a float copy of all images would not fit in memory."""
    total, squares = torch.zeros(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64)
    images, height, width = images_NHWC.shape[:3]
    chunk_images = min(1024, max(1, _CHUNK_PIXELS // (height * width)))
    for start in range(0, images, chunk_images):
        pixels = images_NHWC[start : start + chunk_images].reshape(-1, 3).double() / 255
        total += pixels.sum(0).cpu()
        squares += pixels.square().sum(0).cpu()
    pixel_count = images * height * width
    mean = total / pixel_count
    # At least one grey level: images of a single colour have a deviation of 0, which must not be a divisor.
    std = (squares / pixel_count - mean.square()).clamp(min=0).sqrt().clamp(min=1 / 255)
    return Normalisation(_rgb(mean), _rgb(std))


def _rgb(values: Tensor) -> tuple[float, float, float]:
    red, green, blue = values.tolist()
    return red, green, blue
