"""Reads Fashion-MNIST: grey images of clothes, 28x28 pixels, in four files of MNIST's IDX format."""

import gzip
from pathlib import Path

import numpy as np

from model.data.sources.downloads import fetch
from model.data.sources.pixels import Pixels
from model.data.sources.published_files import FASHION_MNIST_FILES

_IMAGES_HEADER_BYTES, _LABELS_HEADER_BYTES = 16, 8
_SIDE = 28


def read_fashion_mnist(folder: Path) -> tuple[Pixels, Pixels]:
    """Return the training images and the test images; missing files are downloaded into `folder`."""
    train_images, train_labels, test_images, test_labels = (
        fetch(file, folder) for file in FASHION_MNIST_FILES
    )
    return read_idx(train_images, train_labels), read_idx(test_images, test_labels)


def read_idx(images: Path, labels: Path) -> Pixels:
    """Read one split; the grey value is copied to all three channels."""
    grey_NHW = np.frombuffer(gzip.decompress(images.read_bytes()), np.uint8, offset=_IMAGES_HEADER_BYTES)
    grey_NHW = grey_NHW.reshape(-1, _SIDE, _SIDE)
    labels_N = np.frombuffer(gzip.decompress(labels.read_bytes()), np.uint8, offset=_LABELS_HEADER_BYTES)
    return Pixels(np.repeat(grey_NHW[..., np.newaxis], 3, axis=3), labels_N.astype(np.int64))
