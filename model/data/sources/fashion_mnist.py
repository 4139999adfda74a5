"""Reads Fashion-MNIST: grey images of clothes, 28x28 pixels, in four files of MNIST's IDX format."""

import gzip
from pathlib import Path

import numpy as np

from model.data.sources.downloads import Download, fetch
from model.data.sources.pixels import Pixels

_SITE = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
"""The authors' site, which offers no https; the pinned sha256 of each file protects against tampering."""
_IMAGES_HEADER_BYTES, _LABELS_HEADER_BYTES = 16, 8
_SIDE = 28


def _file(name: str, sha256: str) -> Download:
    return Download("fashion-mnist", f"{_SITE}{name}-ubyte.gz", sha256)


TRAIN_IMAGES = _file("train-images-idx3", "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84")
TRAIN_LABELS = _file("train-labels-idx1", "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845")
TEST_IMAGES = _file("t10k-images-idx3", "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073")
TEST_LABELS = _file("t10k-labels-idx1", "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5")
DOWNLOADS = (TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS)


def read_fashion_mnist(folder: Path) -> tuple[Pixels, Pixels]:
    """Return the training images and the test images; missing files are downloaded into `folder`."""
    train_images, train_labels, test_images, test_labels = (fetch(file, folder) for file in DOWNLOADS)
    return read_idx(train_images, train_labels), read_idx(test_images, test_labels)


def read_idx(images: Path, labels: Path) -> Pixels:
    """Read one split; the grey value is copied to all three channels."""
    grey_NHW = np.frombuffer(gzip.decompress(images.read_bytes()), np.uint8, offset=_IMAGES_HEADER_BYTES)
    grey_NHW = grey_NHW.reshape(-1, _SIDE, _SIDE)
    labels_N = np.frombuffer(gzip.decompress(labels.read_bytes()), np.uint8, offset=_LABELS_HEADER_BYTES)
    return Pixels(np.repeat(grey_NHW[..., np.newaxis], 3, axis=3), labels_N.astype(np.int64))
