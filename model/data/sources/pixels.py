"""Images of one size with their labels, in memory."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Pixels:
    """The images of a split as they are, before any resize."""

    images_NHWC: NDArray[np.uint8]  # noqa: N815  # the shape
    labels_N: NDArray[np.int64]  # noqa: N815  # the shape
