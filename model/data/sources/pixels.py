"""Labelled images of one size, in memory."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Pixels:
    """Images in their original size, RGB, and the class index of each image."""

    images_NHWC: NDArray[np.uint8]  # noqa: N815  # the shape
    labels_N: NDArray[np.int64]  # noqa: N815  # the shape
