"""The datasets that need no upload: their facts, and how to get their pixels. Facts need neither torch nor files."""

import hashlib
import logging
import os
import secrets
import shutil
import socket
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.dataset_split import choose_test_images
from model.errors import DatasetUnavailableError
from model.spec import DatasetFacts

CIFAR10_URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
CIFAR10_MD5 = "c32a1d4ab5d03f1284b67883e8d87530"
CIFAR10_SHA256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
CIFAR10_TRAIN_FILES = tuple(f"cifar-10-batches-bin/data_batch_{number}.bin" for number in range(1, 6))
CIFAR10_TEST_FILES = ("cifar-10-batches-bin/test_batch.bin",)
CONNECTION_TIMEOUT_S = 20.0

BUILT_IN = {
    "digits": DatasetFacts(
        id="digits",
        name="digits",
        classes=list("0123456789"),
        train_counts=[147, 150, 136, 155, 142, 147, 127, 141, 137, 141],
        test_counts=[31, 32, 41, 28, 39, 35, 54, 38, 37, 39],
        median_width=8,
        median_height=8,
        mirror_symmetric=False,
        content_hash="cb66b84d1983ebd257fa4ebb4282691f32075e231a742bfa7f8255f696abfb84",
    ),
    "cifar10": DatasetFacts(
        id="cifar10",
        name="cifar10",
        classes=["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"],
        train_counts=[5000] * 10,
        test_counts=[1000] * 10,
        median_width=32,
        median_height=32,
        content_hash=CIFAR10_SHA256,
    ),
}

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pixels:
    """The images of a split as they are, before any resize."""

    images_NHWC: NDArray[np.uint8]  # noqa: N815  # the shape
    labels_N: NDArray[np.int64]  # noqa: N815  # the shape


def read_built_in(name: str, cache_dir: Path) -> tuple[Pixels, Pixels]:
    """The training and test images of a built-in dataset.

    Args:
        name: a key of `BUILT_IN`.
        cache_dir: where downloads are kept.
    """
    readers: dict[str, Callable[[Path], tuple[Pixels, Pixels]]] = {
        "digits": _read_digits,
        "cifar10": _read_cifar10,
    }
    return readers[name](cache_dir)


def _read_digits(_: Path) -> tuple[Pixels, Pixels]:
    # scikit-learn takes a second to import, and only these images need it.
    from sklearn.datasets import load_digits  # noqa: PLC0415

    bunch = load_digits()
    grey = np.round(bunch.images * (255 / 16)).astype(np.uint8)
    images = np.repeat(grey[..., np.newaxis], 3, axis=3)
    digests = [hashlib.sha256(image.tobytes()).hexdigest() for image in images]
    chosen = choose_test_images([str(label) for label in bunch.target], digests)
    is_test = np.array([digest in chosen for digest in digests])
    labels = bunch.target.astype(np.int64)
    return Pixels(images[~is_test], labels[~is_test]), Pixels(images[is_test], labels[is_test])


def _read_cifar10(cache_dir: Path) -> tuple[Pixels, Pixels]:
    """The binary edition: the other one is a pickle, which could run anything."""
    archive = _fetch_cifar10(cache_dir / "downloads")
    with tarfile.open(archive, "r:gz") as tar:
        return _parse_cifar10(tar, CIFAR10_TRAIN_FILES), _parse_cifar10(tar, CIFAR10_TEST_FILES)


def _parse_cifar10(tar: tarfile.TarFile, names: tuple[str, ...]) -> Pixels:
    """Records of one label byte and 3 x 32 x 32 pixel bytes, channels first."""
    parts = []
    for name in names:
        file = tar.extractfile(name)
        if file is None:
            raise DatasetUnavailableError(f"The cifar10 archive holds no file {name}: download it again.")
        parts.append(np.frombuffer(file.read(), dtype=np.uint8).reshape(-1, 1 + 3 * 32 * 32))
    records = np.concatenate(parts)
    images_NCHW = records[:, 1:].reshape(-1, 3, 32, 32)
    return Pixels(np.ascontiguousarray(images_NCHW.transpose(0, 2, 3, 1)), records[:, 0].astype(np.int64))


def _fetch_cifar10(folder: Path) -> Path:
    archive = folder / CIFAR10_URL.rpartition("/")[2]
    if _has_sha256(archive, CIFAR10_SHA256):
        return archive
    # Two trainers may download at once: each into a folder of its own, and the last one wins.
    own = folder / f".{os.getpid()}-{secrets.token_hex(4)}"
    try:
        _download(CIFAR10_URL, own, CIFAR10_MD5)
        if not _has_sha256(own / archive.name, CIFAR10_SHA256):
            raise DatasetUnavailableError(f"{CIFAR10_URL} is no longer the file it was: refused.")
        (own / archive.name).replace(archive)
    finally:
        shutil.rmtree(own, ignore_errors=True)
    return archive


def _download(url: str, folder: Path, md5: str) -> None:
    from torchvision.datasets.utils import download_url  # noqa: PLC0415  # imports torch

    logger.info("downloading %s", url)
    try:
        with _socket_timeout(CONNECTION_TIMEOUT_S):
            download_url(url, str(folder), md5=md5)
    except (OSError, RuntimeError) as error:
        raise DatasetUnavailableError(
            f"cifar10 could not be downloaded from {url} ({error}). Connect to the internet and try again, "
            "or upload images with `ninefold datasets add FOLDER`. The dataset `digits` works offline."
        ) from error


@contextmanager
def _socket_timeout(seconds: float) -> Iterator[None]:
    """torchvision's downloader passes no timeout of its own, so a dead server would hang it for ever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _has_sha256(path: Path, sha256: str) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == sha256
