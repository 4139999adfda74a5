"""The handwritten digits that scikit-learn includes: 1797 grey images of 8x8 pixels. Needs no download."""

import numpy as np

from model.data.sources.pixels import Pixels


def read_digits() -> Pixels:
    """Return all digits, not split into training and test images, as RGB images with values 0 to 255."""
    # Imported here because scikit-learn takes a second to import and no other dataset needs it.
    from sklearn.datasets import load_digits  # noqa: PLC0415

    bunch = load_digits()
    grey_NHW = np.round(bunch.images * (255 / 16)).astype(np.uint8)
    return Pixels(np.repeat(grey_NHW[..., np.newaxis], 3, axis=3), bunch.target.astype(np.int64))
