"""What the network learns from and is evaluated on: many images, of which a part at a time is on the device."""

from typing import Protocol

import torch
from torch import Tensor


class Images(Protocol):
    """uint8 images, NHWC. A tensor on the device is one, and so are images that are read from a file."""

    @property
    def shape(self) -> torch.Size:
        """Return the number of images, height, width and 3."""
        ...

    @property
    def device(self) -> torch.device:
        """Return the device on which the indices of images must be."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, chosen: Tensor | slice) -> Tensor:
        """Return the images with these int64 indices, or in this range, on the device that computes."""
        ...
