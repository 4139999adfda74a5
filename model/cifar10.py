"""CIFAR-10's archive: its download and its pixels. The binary edition: the other is a pickle, which could run anything."""

import hashlib
import logging
import os
import secrets
import shutil
import socket
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from model.errors import DatasetUnavailableError
from model.pixels import Pixels

ARCHIVE_URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
ARCHIVE_SHA256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
TRAIN_FILES = tuple(f"cifar-10-batches-bin/data_batch_{number}.bin" for number in range(1, 6))
TEST_FILES = ("cifar-10-batches-bin/test_batch.bin",)
RECORD_BYTES = 1 + 3 * 32 * 32
"""A label, then pixels with the channels first."""
TIMEOUT_S = 20.0
"""Without a word from the server."""

logger = logging.getLogger(__name__)


def fetch_archive(
    folder: Path, *, url: str = ARCHIVE_URL, sha256: str = ARCHIVE_SHA256, timeout_s: float = TIMEOUT_S
) -> Path:
    """The archive in `folder`, downloaded if it is not there yet.

    Raises:
        DatasetUnavailableError: it is out of reach, or no longer what it was.
    """
    archive = folder / url.rpartition("/")[2]
    if _has_sha256(archive, sha256):
        return archive
    # Two trainers may download at once: each into a folder of its own, and the last one wins.
    own = folder / f".{os.getpid()}-{secrets.token_hex(4)}"
    try:
        _download(url, own, timeout_s)
        if not _has_sha256(own / archive.name, sha256):
            raise DatasetUnavailableError(
                f"{url} is damaged or no longer the file that it was. {_ways_out()}"
            )
        (own / archive.name).replace(archive)
    finally:
        shutil.rmtree(own, ignore_errors=True)
    return archive


def read_archive(path: Path) -> tuple[Pixels, Pixels]:
    """The training and the test images."""
    with tarfile.open(path, "r:gz") as tar:
        return _read_records(tar, TRAIN_FILES), _read_records(tar, TEST_FILES)


def _read_records(tar: tarfile.TarFile, names: tuple[str, ...]) -> Pixels:
    parts = []
    for name in names:
        file = tar.extractfile(name)
        if file is None:
            raise DatasetUnavailableError(f"The cifar10 archive has no file {name}. {_ways_out()}")
        parts.append(np.frombuffer(file.read(), dtype=np.uint8).reshape(-1, RECORD_BYTES))
    records = np.concatenate(parts)
    images_NCHW = records[:, 1:].reshape(-1, 3, 32, 32)
    return Pixels(np.ascontiguousarray(images_NCHW.transpose(0, 2, 3, 1)), records[:, 0].astype(np.int64))


def _download(url: str, folder: Path, timeout_s: float) -> None:
    from torchvision.datasets.utils import download_url  # noqa: PLC0415  # imports torch

    logger.info("downloading %s", url)
    try:
        with _socket_timeout(timeout_s):
            download_url(url, str(folder))
    except (OSError, RuntimeError) as error:
        raise DatasetUnavailableError(f"cifar10 cannot be had from {url} ({error}). {_ways_out()}") from error


def _ways_out() -> str:
    return (
        "Connect to the internet and try again, or add images of your own with `ninefold datasets add FOLDER`. "
        "The dataset `digits` works offline."
    )


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
