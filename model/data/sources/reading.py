"""Reads the images of the built-in datasets. Imports no torch."""

import hashlib
from pathlib import Path

import numpy as np

from model.data.sources.cifar import CIFAR10, CIFAR100, read_cifar
from model.data.sources.digits import read_digits
from model.data.sources.fashion_mnist import read_fashion_mnist
from model.data.sources.pixels import Pixels
from model.data.sources.published_files import downloads_folder
from model.data.split import choose_test_images


def read_built_in(name: str, cache_dir: Path) -> tuple[Pixels, Pixels]:
    """Return the training images and the test images of a built-in dataset, downloading its files when necessary.

    Args:
        name: a key of `BUILT_IN`.
        cache_dir: downloads are kept in its subfolder `downloads`.

    Raises:
        DatasetUnavailableError: the dataset cannot be downloaded.
    """
    downloads = downloads_folder(cache_dir)
    match name:
        case "digits":
            return _split(read_digits())
        case "cifar10":
            return read_cifar(CIFAR10, downloads)
        case "cifar100":
            return read_cifar(CIFAR100, downloads)
        case "fashion-mnist":
            return read_fashion_mnist(downloads)
    raise KeyError(name)


def _split(pixels: Pixels) -> tuple[Pixels, Pixels]:
    """Split into training and test images by the rule that is used for imported datasets."""
    digests = [hashlib.sha256(image.tobytes()).hexdigest() for image in pixels.images_NHWC]
    chosen = choose_test_images([str(label) for label in pixels.labels_N], digests).test
    is_test_N = np.array([digest in chosen for digest in digests])
    train, test = (
        Pixels(pixels.images_NHWC[mask_N], pixels.labels_N[mask_N]) for mask_N in (~is_test_N, is_test_N)
    )
    return train, test
