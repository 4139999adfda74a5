"""Reads CIFAR-10 and CIFAR-100 from their binary editions. The Python editions are pickles, which can run any code."""

import tarfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from model.data.sources.downloads import ALTERNATIVES, Download, fetch
from model.data.sources.pixels import Pixels
from model.data.sources.published_files import CIFAR10_ARCHIVE, CIFAR100_ARCHIVE
from model.errors import DatasetUnavailableError

_PIXEL_BYTES = 3 * 32 * 32
"""Bytes of an image; the channels come first."""


@dataclass(frozen=True)
class Edition:
    """Layout of one of the two archives. Its files consist of records: `label_bytes` label bytes, then the image."""

    download: Download
    train_files: tuple[str, ...]
    test_files: tuple[str, ...]
    label_bytes: int
    """The last label byte of a record is the class; in CIFAR-100 the first one is the superclass."""


CIFAR10 = Edition(
    CIFAR10_ARCHIVE,
    train_files=tuple(f"cifar-10-batches-bin/data_batch_{number}.bin" for number in range(1, 6)),
    test_files=("cifar-10-batches-bin/test_batch.bin",),
    label_bytes=1,
)
CIFAR100 = Edition(
    CIFAR100_ARCHIVE,
    train_files=("cifar-100-binary/train.bin",),
    test_files=("cifar-100-binary/test.bin",),
    label_bytes=2,
)


def read_cifar(edition: Edition, folder: Path) -> tuple[Pixels, Pixels]:
    """Return the training images and the test images; the archive is downloaded into `folder` when it is missing."""
    return read_archive(fetch(edition.download, folder), edition)


def read_archive(path: Path, edition: Edition) -> tuple[Pixels, Pixels]:
    """Return the training images and the test images of a downloaded archive."""
    with tarfile.open(path, "r:gz") as tar:
        return (
            _read_records(tar, edition.train_files, edition),
            _read_records(tar, edition.test_files, edition),
        )


def _read_records(tar: tarfile.TarFile, names: tuple[str, ...], edition: Edition) -> Pixels:
    parts = []
    for name in names:
        file = tar.extractfile(name)
        if file is None:
            raise DatasetUnavailableError(
                f"The {edition.download.dataset} archive has no file {name}. {ALTERNATIVES}"
            )
        parts.append(
            np.frombuffer(file.read(), dtype=np.uint8).reshape(-1, edition.label_bytes + _PIXEL_BYTES)
        )
    records = np.concatenate(parts)
    labels_N = records[:, edition.label_bytes - 1].astype(np.int64)
    images_NCHW = records[:, edition.label_bytes :].reshape(-1, 3, 32, 32)
    return Pixels(np.ascontiguousarray(images_NCHW.transpose(0, 2, 3, 1)), labels_N)
